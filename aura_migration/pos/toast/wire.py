"""Toast's JSON as typed structs: only what the mapping and the session read, in Toast's own terms.

A field without a default must be in the answer: when Toast drops or renames it, the record goes to quarantine instead
of losing a price or a group in silence. Fields that may be absent have a default. Enumerations stay text, because Toast
adds values over time. What a record means in AuraConnect is said by the mapping, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

DECODER = msgspec.json.Decoder(float_hook=Decimal)
"""JSON with decimal numbers kept exact."""

T = TypeVar("T")


class Wire(msgspec.Struct, rename="camel"):
    """Base of all structs: attributes in snake case, Toast's keys in camel case, unknown keys ignored."""


class WireError(ValueError):
    """A record is not as Toast documents it; the text says which field, for people."""


def convert(raw: Any, kind: type[T]) -> T:
    """One decoded record as a struct; ``WireError`` names the field that is missing or of another type."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise WireError(f"Toast's answer is not as documented: {error}.") from error


class TimeRange(Wire):
    """``HH:MM`` local; 00:00 to 00:00 is the whole day, an end before the start is past midnight."""

    start: str
    end: str


class Schedule(Wire):
    """Days ("FRIDAY") and the ranges that hold on each of them."""

    days: list[str]
    time_ranges: list[TimeRange]


class Availability(Wire):
    """When a menu is served."""

    always_available: bool
    schedule: list[Schedule] | None = None


class Named(Wire):
    """A reference that carries its name (item tag, sales category)."""

    name: str | None = None
    guid: str | None = None


class TimePrice(Wire):
    """One time-specific price."""

    time_specific_price: Decimal
    schedule: list[Schedule]
    base_price: Decimal | None = None


class SequencePrice(Wire):
    """The price of the n-th pick."""

    sequence: int
    price: Decimal | None


class SizePrice(Wire):
    """Prices of one size (or of any, where neither name nor guid is given) by the order of picking."""

    sequence_prices: list[SequencePrice]
    size_name: str | None = None
    size_guid: str | None = None


class PricingRules(Wire):
    """The rules behind a pricing strategy."""

    time_specific_pricing_rules: list[TimePrice] | None = None
    size_specific_pricing_guid: str | None = None
    size_sequence_pricing_rules: list[SizePrice] | None = None


class Alcohol(Wire):
    """``YES``, ``NO`` or null."""

    contains_alcohol: str | None = None


class Advisories(Wire):
    """Content advisories of an item or option."""

    alcohol: Alcohol | None = None


class Portion(Wire):
    """A portion of an item that takes modifiers of its own (half a pizza)."""

    name: str | None = None
    guid: str | None = None
    price_scale_factor: Decimal | None = None
    modifier_group_references: list[int] | None = None


class Identified(Wire):
    """What every menu entity has: the name, the guid of its version here, and its id across locations."""

    name: str
    guid: str
    multi_location_id: str | int | None = None

    @property
    def key(self) -> str:
        """The source key: the id that is the same at all locations of the group, else the guid."""
        return str(self.multi_location_id) if self.multi_location_id not in (None, "") else self.guid


class MenuItem(Identified, kw_only=True):
    """An item where it stands in one group of one menu, its price resolved for that place."""

    visibility: list[str] | None
    price: Decimal | None
    pricing_strategy: str
    modifier_group_references: list[int] | None
    tax_info: list[str] | None
    prep_stations: list[str] | None
    pricing_rules: PricingRules | None = None
    kitchen_name: str | None = None
    description: str | None = None
    pos_name: str | None = None
    pos_button_color_light: str | None = None
    image: str | None = None
    images: list[Any] | None = None
    is_deferred: bool | None = None
    is_discountable: bool | None = None
    sales_category: Named | None = None
    tax_inclusion: str | None = None
    item_tags: list[Named] | None = None
    plu: str | None = None
    sku: str | None = None
    calories: int | None = None
    content_advisories: Advisories | None = None
    unit_of_measure: str | None = None
    portions: list[Portion] | None = None
    prep_time: int | None = None
    allergens: Any = None
    sort_order: int | None = None


class MenuGroup(Identified, kw_only=True):
    """A menu group without its items and subgroups, which are walked as raw records."""

    visibility: list[str] | None
    description: str | None = None
    pos_name: str | None = None
    pos_button_color_light: str | None = None
    image: str | None = None


class Menu(Identified, kw_only=True):
    """A menu without its groups."""

    visibility: list[str] | None
    availability: Availability | None
    description: str | None = None
    pos_name: str | None = None
    pos_button_color_light: str | None = None


class ModifierGroup(Identified, kw_only=True):
    """A modifier group as resolved for the places that refer to it by this reference."""

    visibility: list[str] | None
    pricing_strategy: str | None
    min_selections: int | None
    max_selections: int | None
    is_multi_select: bool | None
    modifier_option_references: list[int] | None
    required_mode: str | None = None
    pricing_rules: PricingRules | None = None
    pos_name: str | None = None
    description: str | None = None
    pos_button_color_light: str | None = None
    default_options_charge_price: str | None = None
    default_options_substitution_pricing: str | None = None
    pre_modifier_group_reference: int | None = None


class OptionTax(Wire):
    """How an option is taxed."""

    tax_rate_guids: list[str] | None
    override_item_tax_rates: bool | None = None


class ModifierOption(Identified, kw_only=True):
    """An option as resolved for the groups that refer to it by this reference; its guid is its menu item's."""

    visibility: list[str] | None
    price: Decimal | None
    pricing_strategy: str | None
    modifier_group_references: list[int] | None
    is_default: bool | None
    prep_stations: list[str] | None
    pricing_rules: PricingRules | None = None
    allows_duplicates: bool | None = None
    kitchen_name: str | None = None
    description: str | None = None
    pos_name: str | None = None
    pos_button_color_light: str | None = None
    image: str | None = None
    images: list[Any] | None = None
    tax_info: list[str] | None = None
    modifier_option_tax_info: OptionTax | None = None
    sales_category: Named | None = None
    item_tags: list[Named] | None = None
    plu: str | None = None
    sku: str | None = None
    calories: int | None = None
    content_advisories: Advisories | None = None
    unit_of_measure: str | None = None
    portions: list[Portion] | None = None
    prep_time: int | None = None


class PreModifier(Identified, kw_only=True):
    """NO, EXTRA, LIGHT …"""

    fixed_price: Decimal | None = None
    multiplication_factor: Decimal | None = None
    display_mode: str | None = None
    charge_as_extra: bool | None = None
    pos_name: str | None = None
    pos_button_color_light: str | None = None
    plu: str | None = None


class PreModifierGroup(Identified, kw_only=True):
    """A set of pre-modifiers."""

    pre_modifiers: list[Mapping[str, Any]]


class Reference(Wire):
    """A ToastReference."""

    guid: str | None = None


class TaxRate(Wire):
    """A tax rate; ``rate`` is a fraction for PERCENT, an amount per item for FIXED."""

    guid: str
    name: str | None
    type: str
    rate: Decimal | None
    is_default: bool | None = None
    rounding_type: str | None = None


class PrepStation(Wire):
    """A prep station. ``printing_mode`` may come as a boolean where a YAML reader took ON for true."""

    guid: str
    name: str | None
    connected_prep_stations: list[Reference] | None = None
    printing_mode: str | bool | None = None
    include_with_expediter: bool | None = None
    expo_routing: str | None = None
    kitchen_printer: Reference | None = None


class StockRow(Wire):
    """The stock state of one item that is not simply in stock."""

    guid: str
    status: str
    quantity: Decimal | None = None
    multi_location_id: str | int | None = None
    item_guid_validity: str | None = None


class General(Wire):
    """The restaurant's own data."""

    name: str
    time_zone: str
    closeout_hour: int | None
    location_name: str | None = None
    location_code: str | None = None
    management_group_guid: str | None = None
    currency_code: str | None = None
    archived: bool | None = None


class Address(Wire):
    """Where the restaurant is."""

    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    state_code: str | None = None
    administrative_area: str | None = None
    zip_code: str | None = None
    country: str | None = None
    phone: str | None = None


class RestaurantInfo(Wire):
    """One restaurant (= one location)."""

    guid: str
    general: General
    location: Address | None = None


class Connection(Wire):
    """One restaurant that a partner client may reach."""

    restaurant_guid: str
    management_group_guid: str | None = None
    restaurant_name: str | None = None
    location_name: str | None = None
    deleted: bool | None = None


class ConnectionPage(Wire):
    """One page of the partners API."""

    results: list[Connection]
    next_page_token: str | None = None
    total_result_count: int | None = None
    total_count: int | None = None
