"""Square's wire format as far as the mapping reads it: typed structs beside the raw records, and decoding.

Square-Version 2026-09-16; what older versions leave out is absent. Unknown fields are left to the raw record. What a
field means for AuraConnect does not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

POS = "square"
VERSION_SWITCH = "square_version"
"""Account switch that asks for this version of the API and no other."""
API_VERSION = "2026-09-16"
"""The newest version of the API this connector understands; it is asked for unless the account says otherwise."""
OLDER_VERSION = "2025-08-20"
"""What is asked for where Square refuses the newest; understood just as well, but it shows less."""
NESTING_VERSION = "2026-09-16"
"""The first version known to show which options open further lists."""
VERSION_HEADER = "square-version"
"""The header that asks for a version and, in an answer, names the one it was given in."""

_DECODER = msgspec.json.Decoder(float_hook=Decimal)

Raw = Mapping[str, Any]
T = TypeVar("T")


class Money(msgspec.Struct, frozen=True):
    """Minor units of a currency; the inner key is ``currency_code`` in some payloads."""

    amount: int | None = None
    currency: str | None = None
    currency_code: str | None = None

    @property
    def code(self) -> str | None:
        """The ISO 4217 code, whichever key it came in."""
        return self.currency or self.currency_code


class CategoryRef(msgspec.Struct, frozen=True):
    """Membership in, or parentage by, a category; the ordinal may be hugely negative."""

    id: str | None = None
    ordinal: int | None = None


class ModifierOverride(msgspec.Struct, frozen=True):
    """What one item says about one option of an attached list."""

    modifier_id: str | None = None
    on_by_default: bool | None = None
    on_by_default_override: str | None = None
    hidden_online_override: str | None = None


class ModifierListInfo(msgspec.Struct, frozen=True):
    """The attachment of a modifier list to an item."""

    modifier_list_id: str | None = None
    enabled: bool | None = None
    ordinal: int | None = None
    min_selected_modifiers: int | None = None
    max_selected_modifiers: int | None = None
    modifier_overrides: list[ModifierOverride] | None = None
    allow_quantities: str | bool | None = None


class OptionOfItem(msgspec.Struct, frozen=True):
    """One item option an item uses, in its order."""

    item_option_id: str | None = None


class OptionValueRef(msgspec.Struct, frozen=True):
    """The value a variation has for one item option."""

    item_option_id: str | None = None
    item_option_value_id: str | None = None


class NamedChoice(msgspec.Struct, frozen=True):
    """A dietary preference or ingredient: a standard name or one of the seller's own."""

    type: str | None = None
    standard_name: str | None = None
    custom_name: str | None = None


class FoodDetails(msgspec.Struct, frozen=True):
    """Calories, diets and ingredients of an item of product type FOOD_AND_BEV."""

    calorie_count: int | None = None
    dietary_preferences: list[NamedChoice] | None = None
    ingredients: list[NamedChoice] | None = None


class ItemData(msgspec.Struct, frozen=True):
    """An ITEM; its variations stay raw here and are read as objects of their own."""

    name: str | None = None
    description: str | None = None
    description_html: str | None = None
    description_plaintext: str | None = None
    abbreviation: str | None = None
    kitchen_name: str | None = None
    label_color: str | None = None
    is_taxable: bool | None = None
    tax_ids: list[str] | None = None
    modifier_list_info: list[ModifierListInfo] | None = None
    variations: list[Any] | None = None
    product_type: str | None = None
    item_options: list[OptionOfItem] | None = None
    image_ids: list[str] | None = None
    categories: list[CategoryRef] | None = None
    reporting_category: CategoryRef | None = None
    category_id: str | None = None
    is_archived: bool | None = None
    is_alcoholic: bool | None = None
    food_and_beverage_details: FoodDetails | None = None


class VariationOverride(msgspec.Struct, frozen=True):
    """What differs for a variation at one location."""

    location_id: str | None = None
    price_money: Money | None = None
    pricing_type: str | None = None
    track_inventory: bool | None = None
    inventory_alert_type: str | None = None
    inventory_alert_threshold: int | None = None
    sold_out: bool | None = None


class VariationData(msgspec.Struct, frozen=True):
    """An ITEM_VARIATION."""

    item_id: str | None = None
    name: str | None = None
    kitchen_name: str | None = None
    sku: str | None = None
    upc: str | None = None
    ordinal: int | None = None
    pricing_type: str | None = None
    price_money: Money | None = None
    location_overrides: list[VariationOverride] | None = None
    track_inventory: bool | None = None
    inventory_alert_type: str | None = None
    inventory_alert_threshold: int | None = None
    item_option_values: list[OptionValueRef] | None = None
    measurement_unit_id: str | None = None
    sellable: bool | None = None
    image_ids: list[str] | None = None


class ModifierListData(msgspec.Struct, frozen=True):
    """A MODIFIER_LIST; its modifiers stay raw here and are read as objects of their own."""

    name: str | None = None
    internal_name: str | None = None
    ordinal: int | None = None
    modifier_type: str | None = None
    selection_type: str | None = None
    min_selected_modifiers: int | None = None
    max_selected_modifiers: int | None = None
    allow_quantities: bool | None = None
    is_conversational: bool | None = None
    hidden_from_customer: bool | None = None
    modifiers: list[Any] | None = None
    max_length: int | None = None
    text_required: bool | None = None


class ModifierLocationOverride(msgspec.Struct, frozen=True):
    """What differs for an option at one location."""

    location_id: str | None = None
    price_money: Money | None = None
    sold_out: bool | None = None


class ModifierData(msgspec.Struct, frozen=True):
    """A MODIFIER; ``child_modifier_list_ids`` exists from ``NESTING_VERSION`` on."""

    name: str | None = None
    kitchen_name: str | None = None
    price_money: Money | None = None
    on_by_default: bool | None = None
    ordinal: int | None = None
    modifier_list_id: str | None = None
    location_overrides: list[ModifierLocationOverride] | None = None
    image_id: str | None = None
    hidden_online: bool | None = None
    child_modifier_list_ids: list[str] | None = None


class PathNode(msgspec.Struct, frozen=True):
    """One ancestor of a category."""

    category_id: str | None = None
    category_name: str | None = None


class CategoryData(msgspec.Struct, frozen=True):
    """A CATEGORY of any of the three types; ``path_to_root`` only where it was asked for."""

    name: str | None = None
    category_type: str | None = None
    parent_category: CategoryRef | None = None
    is_top_level: bool | None = None
    root_category: str | None = None
    path_to_root: list[PathNode] | None = None
    availability_period_ids: list[str] | None = None
    image_ids: list[str] | None = None


class AvailabilityPeriodData(msgspec.Struct, frozen=True):
    """One weekday's hours, local."""

    day_of_week: str | None = None
    start_local_time: str | None = None
    end_local_time: str | None = None


class TaxData(msgspec.Struct, frozen=True):
    """A TAX; the percentage is a decimal text without a percent sign."""

    name: str | None = None
    percentage: str | None = None
    inclusion_type: str | None = None
    enabled: bool | None = None
    calculation_phase: str | None = None
    applies_to_custom_amounts: bool | None = None
    applies_to_product_set_id: str | None = None


class DiscountData(msgspec.Struct, frozen=True):
    """A DISCOUNT; of a variable one percentage or amount is typed in at the sale."""

    name: str | None = None
    discount_type: str | None = None
    percentage: Any = None
    amount_money: Money | None = None
    maximum_amount_money: Money | None = None
    pin_required: bool | None = None
    modify_tax_basis: str | None = None
    application_method: str | None = None


class PricingRuleData(msgspec.Struct, frozen=True):
    """A PRICING_RULE: which discount, on what, when and for whom."""

    name: str | None = None
    discount_id: str | None = None
    match_products_id: str | None = None
    apply_products_id: str | None = None
    exclude_products_id: str | None = None
    exclude_strategy: str | None = None
    time_period_ids: list[str] | None = None
    valid_from_date: str | None = None
    valid_from_local_time: str | None = None
    valid_until_date: str | None = None
    valid_until_local_time: str | None = None
    minimum_order_subtotal_money: Money | None = None
    customer_group_ids_any: list[str] | None = None


class ProductSetData(msgspec.Struct, frozen=True):
    """A PRODUCT_SET: items, variations, categories or further sets, and how many of them belong together."""

    product_ids_any: list[str] | None = None
    product_ids_all: list[str] | None = None
    all_products: bool | None = None
    quantity_exact: int | None = None
    quantity_min: int | None = None
    quantity_max: int | None = None


class TimePeriodData(msgspec.Struct, frozen=True):
    """A TIME_PERIOD: an iCalendar event with DTSTART, DURATION and RRULE."""

    event: str | None = None


class MeasurementUnitData(msgspec.Struct, frozen=True):
    """A MEASUREMENT_UNIT: one of several kinds of unit under one key each."""

    measurement_unit: dict[str, Any] | None = None
    precision: int | None = None


class ItemOptionData(msgspec.Struct, frozen=True):
    """An ITEM_OPTION; its values stay raw here and are read as objects of their own."""

    name: str | None = None
    display_name: str | None = None
    values: list[Any] | None = None


class ItemOptionValueData(msgspec.Struct, frozen=True):
    """An ITEM_OPTION_VAL."""

    item_option_id: str | None = None
    name: str | None = None
    ordinal: int | None = None


class ImageData(msgspec.Struct, frozen=True):
    """An IMAGE."""

    url: str | None = None


class Selection(msgspec.Struct, frozen=True):
    """One allowed answer of a custom attribute of type SELECTION."""

    uid: str | None = None
    name: str | None = None


class SelectionConfig(msgspec.Struct, frozen=True):
    """The allowed answers of a custom attribute."""

    allowed_selections: list[Selection] | None = None


class AttributeDefinitionData(msgspec.Struct, frozen=True):
    """A CUSTOM_ATTRIBUTE_DEFINITION."""

    name: str | None = None
    key: str | None = None
    type: str | None = None
    selection_config: SelectionConfig | None = None


class AttributeValue(msgspec.Struct, frozen=True):
    """The value of one custom attribute; a number may come as text or as a number."""

    name: str | None = None
    key: str | None = None
    type: str | None = None
    custom_attribute_definition_id: str | None = None
    string_value: str | None = None
    number_value: Any = None
    boolean_value: bool | None = None
    selection_uid_values: list[str] | None = None


class CatalogObject(msgspec.Struct, frozen=True):
    """The envelope of everything in a catalog."""

    type: str
    id: str
    version: int | None = None
    is_deleted: bool | None = None
    present_at_all_locations: bool | None = None
    present_at_location_ids: list[str] | None = None
    absent_at_location_ids: list[str] | None = None
    custom_attribute_values: dict[str, AttributeValue] | None = None
    item_data: ItemData | None = None
    item_variation_data: VariationData | None = None
    modifier_list_data: ModifierListData | None = None
    modifier_data: ModifierData | None = None
    category_data: CategoryData | None = None
    tax_data: TaxData | None = None
    availability_period_data: AvailabilityPeriodData | None = None
    measurement_unit_data: MeasurementUnitData | None = None
    item_option_data: ItemOptionData | None = None
    item_option_value_data: ItemOptionValueData | None = None
    image_data: ImageData | None = None
    custom_attribute_definition_data: AttributeDefinitionData | None = None

    def present_at(self, location: str) -> bool:
        """Whether the object exists at that location (API reference 6.2: true for all when nothing is said)."""
        if self.present_at_all_locations is not False:
            return location not in (self.absent_at_location_ids or ())
        return location in (self.present_at_location_ids or ())


class InventoryCount(msgspec.Struct, frozen=True):
    """One row of stock: object x location x state. The quantity is a decimal text, sometimes a number."""

    catalog_object_id: str | None = None
    catalog_object_type: str | None = None
    state: str | None = None
    location_id: str | None = None
    quantity: Any = None
    calculated_at: str | None = None


class Merchant(msgspec.Struct, frozen=True):
    """The seller's account."""

    id: str | None = None
    business_name: str | None = None
    currency: str | None = None
    country: str | None = None
    main_location_id: str | None = None


class Address(msgspec.Struct, frozen=True):
    """A location's address."""

    address_line_1: str | None = None
    address_line_2: str | None = None
    address_line_3: str | None = None
    locality: str | None = None
    administrative_district_level_1: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Location(msgspec.Struct, frozen=True):
    """A location; ``name`` is the seller's nickname for it."""

    id: str
    name: str | None = None
    business_name: str | None = None
    timezone: str | None = None
    currency: str | None = None
    country: str | None = None
    status: str | None = None
    phone_number: str | None = None
    address: Address | None = None


def decode(body: bytes) -> Any:
    """A stored or fetched body as plain data; fractions come as ``Decimal``, never as floats."""
    return _DECODER.decode(body)


def read(raw: Any, shape: type[T]) -> T:
    """A raw record as a struct; whole numbers may come as text. ``msgspec.ValidationError`` names the field."""
    return msgspec.convert(raw, shape, strict=False)


def instant(text: str | None) -> datetime:
    """An RFC 3339 time stamp with any number of fractional digits; the beginning of time where it is no such thing."""
    try:
        parsed = datetime.fromisoformat(text or "")
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def decimal_text(value: Any) -> str | None:
    """A decimal (text or number) in its shortest exact notation: ``"8.50"`` and ``8.5`` → ``"8.5"``; None else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = Decimal(value) if not isinstance(value, str) else Decimal(value.strip())
    except (InvalidOperation, TypeError, ValueError):
        return None
    if not number.is_finite():
        return None
    plain = format(number, "f")
    return (plain.rstrip("0").rstrip(".") or "0") if "." in plain else plain
