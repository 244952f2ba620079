"""What a Square account is made of, in meaning rather than in JSON.

The dataclasses here are what a scenario knows about its restaurant. `wire.py` turns them into Square's JSON and
`truth.py` into the known truth; neither reads the other's output, so an error in one cannot hide in the other.
Money is integer minor units throughout; stamps are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

REGULAR, MENU, KITCHEN = "REGULAR_CATEGORY", "MENU_CATEGORY", "KITCHEN_CATEGORY"
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass
class Presence:
    """Where an object exists: everywhere minus `absent`, or nowhere plus `at`."""

    everywhere: bool = True
    at: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def covers(self, location_id: str) -> bool:
        """Is the object present at this location?"""
        return location_id not in self.absent if self.everywhere else location_id in self.at


@dataclass
class Merchant:
    """The seller account a token belongs to."""

    id: str
    name: str
    main_location_id: str
    created: int
    country: str = "US"
    currency: str = "USD"
    language: str = "en-US"


@dataclass
class Location:
    """One location; `hours` None = none sent, [] = the empty object `{}`."""

    id: str
    name: str
    created: int
    timezone: str = "America/Chicago"
    status: str = "ACTIVE"
    business_name: str = ""
    type: str = "PHYSICAL"
    address: dict[str, str] | None = None
    hours: list[tuple[str, str, str]] | None = None
    phone: str | None = None
    email: str | None = None
    description: str | None = None
    receipt_text: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    tip_percentages: tuple[int, int, int] | None = (15, 18, 20)


@dataclass
class CatalogObject:
    """What every catalog object carries. `extra`: unknown fields of the envelope; `extra_data`: of the data object."""

    id: str
    name: str
    stamp: int
    created: int
    deleted: bool = False
    presence: Presence = field(default_factory=Presence)
    attributes: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    extra_data: dict[str, Any] = field(default_factory=dict)

    type = ""

    def children(self) -> Iterator[CatalogObject]:
        """Objects embedded in this one."""
        yield from ()


@dataclass
class Link:
    """An item's use of a modifier list. Limits: None = absent, -1 = not set."""

    group_id: str
    enabled: bool | None = True
    ordinal: int | None = None
    min: int | None = -1
    max: int | None = -1
    defaults: dict[str, str] = field(default_factory=dict)
    legacy_defaults: dict[str, bool] = field(default_factory=dict)
    hidden_online: dict[str, str] = field(default_factory=dict)
    allow_quantities: str | None = None
    conversational: str | None = None
    hidden_from_customer: str | None = None


@dataclass
class Override:
    """A variation's deviation at one location; None = not overridden."""

    cents: int | None = None
    pricing: str | None = None
    track: bool | None = None
    alert: int | None = None
    sold_out: bool | None = None
    sold_out_until: str | None = None


@dataclass
class Variation(CatalogObject):
    """One sellable form of an item. `cents` None with `open_price` False would be a priceless object; none exists."""

    item_id: str = ""
    sku: str | None = None
    upc: str | None = None
    ordinal: int = 0
    open_price: bool = False
    cents: int | None = None
    overrides: dict[str, Override] = field(default_factory=dict)
    track: bool | None = None
    alert: int | None = None
    user_data: str | None = None
    option_values: list[tuple[str, str]] = field(default_factory=list)
    unit_id: str | None = None
    sellable: bool = True
    stockable: bool = True
    conversion: tuple[str, str, str] | None = None
    kitchen_name: str | None = None

    type = "ITEM_VARIATION"


@dataclass
class Item(CatalogObject):
    """A menu item with its variations."""

    variations: list[Variation] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    categories: list[tuple[str, int]] = field(default_factory=list)
    reporting_category: tuple[str, int] | None = None
    legacy_category_id: str | None = None
    html: str | None = None
    plain: str | None = None
    abbreviation: str | None = None
    color: str | None = None
    taxable: bool | None = True
    tax_ids: list[str] = field(default_factory=list)
    product_type: str = "FOOD_AND_BEV"
    skip_modifier_screen: bool | None = None
    option_ids: list[str] = field(default_factory=list)
    image_ids: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    archived: bool = False
    alcoholic: bool | None = None
    food: dict[str, Any] | None = None
    kitchen_name: str | None = None
    buyer_facing_name: str | None = None
    seo: dict[str, str] | None = None

    type = "ITEM"

    def children(self) -> Iterator[CatalogObject]:
        """The variations."""
        yield from self.variations


@dataclass
class ModifierOverride:
    """A modifier's deviation at one location."""

    cents: int | None = None
    sold_out: bool | None = None


@dataclass
class Modifier(CatalogObject):
    """One option of a modifier list. `cents` None = no price sent = free."""

    group_id: str = ""
    cents: int | None = None
    on_by_default: bool | None = False
    ordinal: int = 0
    overrides: dict[str, ModifierOverride] = field(default_factory=dict)
    image_id: str | None = None
    hidden_online: bool | None = None
    child_group_ids: list[str] = field(default_factory=list)
    kitchen_name: str | None = None

    type = "MODIFIER"


@dataclass
class ModifierList(CatalogObject):
    """A modifier group. Limits: None = absent, -1 = not set."""

    modifiers: list[Modifier] = field(default_factory=list)
    internal_name: str | None = None
    ordinal: int | None = None
    modifier_type: str | None = "LIST"
    selection: str | None = "SINGLE"
    min: int | None = None
    max: int | None = None
    allow_quantities: bool | None = None
    conversational: bool | None = None
    hidden_from_customer: bool | None = None
    max_length: int | None = None
    text_required: bool | None = None

    type = "MODIFIER_LIST"

    def children(self) -> Iterator[CatalogObject]:
        """The modifiers; none for a TEXT list."""
        yield from self.modifiers


@dataclass
class Category(CatalogObject):
    """A node of one of the three category trees."""

    kind: str = REGULAR
    parent_id: str | None = None
    ordinal: int = 0
    root_id: str | None = None
    period_ids: list[str] = field(default_factory=list)
    online: bool | None = True
    image_ids: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)

    type = "CATEGORY"


@dataclass
class Tax(CatalogObject):
    """A tax rate; `percentage` as the decimal text Square sends."""

    percentage: str = "0"
    inclusive: bool = False
    on_total: bool = False
    enabled: bool = True
    custom_amounts: bool | None = True

    type = "TAX"


@dataclass
class Discount(CatalogObject):
    """A discount; `kind` is Square's `discount_type`."""

    kind: str = "FIXED_PERCENTAGE"
    percentage: str | None = None
    cents: int | None = None
    cap: int | None = None
    pin: bool | None = None
    keeps_tax_basis: bool = False

    type = "DISCOUNT"


@dataclass
class TimePeriod(CatalogObject):
    """Recurring hours: `days` at `start` for `minutes`; rendered as iCalendar text."""

    days: list[str] = field(default_factory=list)
    start: str = "16:00"
    minutes: int = 120
    since: str = "20260105"

    type = "TIME_PERIOD"


@dataclass
class ProductSet(CatalogObject):
    """What a pricing rule matches."""

    any_ids: list[str] = field(default_factory=list)
    all_ids: list[str] = field(default_factory=list)
    all_products: bool = False
    exact: int | None = None
    minimum: int | None = None

    type = "PRODUCT_SET"


@dataclass
class PricingRule(CatalogObject):
    """An automatic discount."""

    discount_id: str = ""
    match_id: str = ""
    exclude_id: str | None = None
    period_ids: list[str] = field(default_factory=list)
    valid_from: tuple[str, str] | None = None
    valid_until: tuple[str, str] | None = None
    minimum_cents: int | None = None
    customer_groups: list[str] = field(default_factory=list)

    type = "PRICING_RULE"


@dataclass
class AvailabilityPeriod(CatalogObject):
    """One day's hours of a menu."""

    day: str = "MON"
    start: str = "00:00:00"
    end: str = "00:00:00"

    type = "AVAILABILITY_PERIOD"


@dataclass
class OptionValue(CatalogObject):
    """One value of an item option."""

    option_id: str = ""
    ordinal: int = 0
    color: str | None = None

    type = "ITEM_OPTION_VAL"


@dataclass
class Option(CatalogObject):
    """An item option such as size or crust."""

    display_name: str | None = None
    show_colors: bool = False
    values: list[OptionValue] = field(default_factory=list)

    type = "ITEM_OPTION"

    def children(self) -> Iterator[CatalogObject]:
        """The values."""
        yield from self.values


@dataclass
class Plain(CatalogObject):
    """Any other type, whose data object the scenario gives as it is sent (units, images, attribute definitions, …)."""

    kind: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:  # type: ignore[override]
        """The catalog type."""
        return self.kind


@dataclass
class Count:
    """One inventory count: object × location × state; `quantity` as the decimal text Square sends."""

    object_id: str
    location_id: str
    state: str
    quantity: str
    stamp: int
    object_type: str = "ITEM_VARIATION"


@dataclass
class Change:
    """One inventory change; PHYSICAL_COUNT has no `from_state`."""

    id: str
    kind: str
    object_id: str
    location_id: str
    quantity: str
    stamp: int
    to_state: str = "IN_STOCK"
    from_state: str | None = None
    cents: int | None = None
    team_member_id: str | None = None
    order_id: str | None = None
