"""Names of Square's measurement units, weekdays, diets and ingredients in the words AuraConnect shows."""

from __future__ import annotations

from aura_migration.pos.square.wire import MeasurementUnitData, NamedChoice

UNIT_NAMES = {
    "IMPERIAL_ACRE": "acre",
    "IMPERIAL_SQUARE_INCH": "sq in",
    "IMPERIAL_SQUARE_FOOT": "sq ft",
    "IMPERIAL_SQUARE_YARD": "sq yd",
    "IMPERIAL_SQUARE_MILE": "sq mi",
    "METRIC_SQUARE_CENTIMETER": "sq cm",
    "METRIC_SQUARE_METER": "sq m",
    "METRIC_SQUARE_KILOMETER": "sq km",
    "IMPERIAL_INCH": "in",
    "IMPERIAL_FOOT": "ft",
    "IMPERIAL_YARD": "yd",
    "IMPERIAL_MILE": "mi",
    "METRIC_MILLIMETER": "mm",
    "METRIC_CENTIMETER": "cm",
    "METRIC_METER": "m",
    "METRIC_KILOMETER": "km",
    "GENERIC_FLUID_OUNCE": "fl oz",
    "GENERIC_SHOT": "shot",
    "GENERIC_CUP": "cup",
    "GENERIC_PINT": "pt",
    "GENERIC_QUART": "qt",
    "GENERIC_GALLON": "gal",
    "IMPERIAL_CUBIC_INCH": "cu in",
    "IMPERIAL_CUBIC_FOOT": "cu ft",
    "IMPERIAL_CUBIC_YARD": "cu yd",
    "METRIC_MILLILITER": "ml",
    "METRIC_LITER": "l",
    "IMPERIAL_WEIGHT_OUNCE": "oz",
    "IMPERIAL_POUND": "lb",
    "IMPERIAL_STONE": "st",
    "METRIC_MILLIGRAM": "mg",
    "METRIC_GRAM": "g",
    "METRIC_KILOGRAM": "kg",
    "GENERIC_MILLISECOND": "ms",
    "GENERIC_SECOND": "s",
    "GENERIC_MINUTE": "min",
    "GENERIC_HOUR": "h",
    "GENERIC_DAY": "day",
    "UNIT": "unit",
}
UNIT_KEYS = ("weight_unit", "volume_unit", "length_unit", "area_unit", "time_unit", "generic_unit")
DAYS = {"MON": "mon", "TUE": "tue", "WED": "wed", "THU": "thu", "FRI": "fri", "SAT": "sat", "SUN": "sun"}
"""Square's weekdays in AuraConnect's words, in the order of the week."""


def unit_name(data: MeasurementUnitData | None) -> str | None:
    """``lb`` for IMPERIAL_POUND, the seller's own abbreviation or name for a custom unit; None where there is none."""
    unit = (data.measurement_unit if data is not None else None) or {}
    custom = unit.get("custom_unit")
    if isinstance(custom, dict):
        named = custom.get("abbreviation") or custom.get("name")
        return str(named) if named else None
    for key in UNIT_KEYS:
        value = unit.get(key)
        if isinstance(value, str) and value:
            return UNIT_NAMES.get(value, value.rpartition("_")[2].lower())
    return None


def choice_names(choices: list[NamedChoice] | None) -> list[str] | None:
    """Diets or ingredients as texts: ``gluten_free`` for a standard one, else the seller's own words; None for none."""
    names = [choice.custom_name or (choice.standard_name or "").lower() for choice in choices or ()]
    return [name for name in dict.fromkeys(names) if name] or None
