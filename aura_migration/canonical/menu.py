"""The entities of a menu, declared once, in the order in which they can be planned and loaded (parents first).

Shared rows belong to the restaurant and carry the values all locations start from. What one location sells is said by
its own rows: ``item_locations`` and ``modifier_locations`` (present there, with the values that differ), and the links
item↔category, item↔menu, item↔group, modifier↔nested group, item↔tax, item↔station, each of one location.
An item or modifier with ``listing = 'listed'`` is sold only where it has a location row.
"""

from __future__ import annotations

from dataclasses import replace

from aura_migration.canonical.model import Entity, Field

PRICE_TYPES = ("fixed", "open", "per_unit", "variation")
PRICE_UNIT = ("price_type", "price_cents")


ITEM_MAY_DIFFER = (
    "is_available",
    "is_active",
    "name",
    "short_name",
    "kitchen_name",
    "sku",
    "description",
    "barcode",
    "unit_name",
    "cost_cents",
    "prep_time_minutes",
    "calories",
    "allergens",
    "dietary_tags",
    "tags",
    "contains_alcohol",
    "image_url",
    "images",
    "button_color",
    "button_page",
    "button_position",
    "channels",
    "tax_inclusive",
    "is_discountable",
    "custom_fields",
)
MODIFIER_MAY_DIFFER = (
    "is_available",
    "is_active",
    "is_default",
    "name",
    "short_name",
    "kitchen_name",
    "max_quantity",
    "sku",
    "calories",
    "image_url",
    "button_color",
    "channels",
    "custom_fields",
)
MENU_MAY_DIFFER = ("name", "short_name", "description", "channels", "availability", "button_color", "is_active")
CATEGORY_MAY_DIFFER = ("name", "short_name", "description", "image_url", "button_color", "channels", "is_active")
GROUP_MAY_DIFFER = (
    "name",
    "short_name",
    "description",
    "selection_type",
    "allow_quantities",
    "max_length",
    "channels",
    "button_color",
    "settings",
    "is_active",
)
"""What a location may have differently without touching the others: a location row has a column for it."""


def _again(entity: Entity, *names: str) -> tuple[Field, ...]:
    """Columns of a shared entity once more, as what a location may override: null inherits."""
    return tuple(replace(entity.field(name), required=False, local=False, doc="") for name in names)


def _name(length: int = 512, **kw: object) -> Field:
    return Field("name", required=True, max_length=length, doc="as in the POS", **kw)  # type: ignore[arg-type]


_ORDER = Field("display_order", "int", required=True, local=True, doc="ascending; ties keep the POS's own order")
_LOCAL_ACTIVE = Field("is_active", "bool", required=True, local=True, doc="false: kept but not in use (archived)")
_ACTIVE = Field("is_active", "bool", required=True, doc="false: kept but not in use (archived, disabled)")

LOCATIONS = Entity(
    "locations",
    "locations",
    "location",
    (
        _name(200),
        Field("code"),
        Field("timezone", required=True, doc="IANA"),
        Field("currency", required=True, doc="ISO 4217"),
        Field("business_day_cutover_time", required=True, doc="HH:MM local"),
        Field("address_line1"),
        Field("address_line2"),
        Field("city"),
        Field("state"),
        Field("postal_code"),
        Field("country"),
        Field("phone"),
        _ACTIVE,
    ),
    "The site itself; its source key is the POS's location id.",
    match_on=("name",),
)
MENUS = Entity(
    "menus",
    "menus",
    "shared",
    (
        _name(255),
        Field("description"),
        Field("channels", "json", doc="list of in_house, online, kiosk, third_party; null = all"),
        Field(
            "availability",
            "json",
            doc='list of {"days": ["mon",…], "from": "17:00", "to": "23:00"}; null = always; to < from runs past midnight',
        ),
        Field("button_color"),
        Field("short_name"),
        _ACTIVE,
        _ORDER,
    ),
    "A menu the POS itself keeps (Toast menu, Square menu category tree).",
    match_on=("name",),
    counted=True,
)
CATEGORIES = Entity(
    "categories",
    "menu_categories",
    "shared",
    (
        _name(255),
        Field("description"),
        Field("parent_category_key", ref="categories", column="parent_category_id"),
        Field("menu_key", ref="menus"),
        Field("image_url"),
        Field("button_color"),
        Field("short_name"),
        Field("channels", "json"),
        _ACTIVE,
        _ORDER,
    ),
    "A category, section or menu group.",
    match_on=("name",),
    counted=True,
)
TAX_RATES = Entity(
    "tax_rates",
    "tax_rates",
    "shared",
    (
        _name(255),
        Field("rate_percent", "numeric", doc="percent, exact: 8.875; null for a fixed amount"),
        Field("amount_cents", "cents", doc="fixed amount per item, where the rate is not a percentage"),
        Field("tax_type", required=True, choices=("percent", "fixed", "table", "none", "external")),
        Field("is_inclusive", "bool", required=True),
        Field("rounding", choices=("half_up", "half_even", "always_up", "always_down")),
        Field("on_taxes", "bool", doc="its base contains the other taxes on top (tax on tax); null = no"),
        Field("taxes_open_amounts", "bool", doc="also applies to amounts typed in without an item; null = not said"),
        Field("is_default", "bool", required=True),
        _ACTIVE,
    ),
    "A tax rate as configured; where it does not apply stands in tax_exceptions.",
    match_on=("name", "rate_percent"),
)
KITCHEN_STATIONS = Entity(
    "kitchen_stations",
    "kitchen_stations",
    "location",
    (
        _name(255),
        Field("station_type", required=True, doc="grill … bar, prep where the POS does not say"),
        Field("printer_id"),
        Field("connected_station_key", ref="kitchen_stations", column="connected_station_id"),
        Field("settings", "json", doc="printing mode and expediter routing as the POS has them"),
    ),
    "A prep station, kitchen category or label printer that tickets are routed to.",
    match_on=("name",),
    counted=True,
)
ITEMS = Entity(
    "items",
    "menu_items",
    "shared",
    (
        _name(local=True),
        Field("description"),
        Field("short_name", local=True),
        Field("kitchen_name", local=True),
        Field("price_cents", "cents", doc="null when open, or when its variations carry the price", local=True),
        Field("price_type", required=True, choices=PRICE_TYPES, local=True),
        Field("unit_name", doc="for per_unit prices"),
        Field("category_key", ref="categories", local=True, doc="the primary (reporting) category"),
        Field("sku", doc="never the empty text", local=True),
        Field("barcode"),
        Field("item_type", required=True, choices=("item", "gift_card", "donation", "service", "fee")),
        Field("cost_cents", "cents"),
        Field("prep_time_minutes", "int", minimum=0),
        Field("calories", "int", minimum=0),
        Field("allergens", "json"),
        Field("dietary_tags", "json"),
        Field("tags", "json", doc="labels as texts"),
        Field("contains_alcohol", "bool"),
        Field("image_url"),
        Field("images", "json"),
        Field("button_color"),
        Field("button_page", "int"),
        Field("button_position", "int"),
        Field("channels", "json"),
        Field("tax_inclusive", "bool", doc="null where the tax rate says it"),
        Field("is_discountable", "bool"),
        Field("custom_fields", "json", doc="custom attributes of the POS by name"),
        Field("is_available", "bool", required=True, doc="false: 86'd", local=True),
        _LOCAL_ACTIVE,
        _ORDER,
    ),
    "Something that can be sold.",
    match_on=("name",),
    counted=True,
)
VARIATIONS = Entity(
    "variations",
    "menu_item_variations",
    "shared",
    (
        Field("menu_item_key", required=True, ref="items"),
        _name(local=True),
        Field("sku", local=True),
        Field("barcode"),
        Field("price_cents", "cents", local=True),
        Field("price_type", required=True, choices=PRICE_TYPES, local=True),
        Field("unit_name"),
        Field("options", "json", doc='list of {"option": "Size", "value": "Large"}'),
        Field("cost_cents", "cents"),
        Field("custom_fields", "json"),
        Field("is_default", "bool", required=True),
        Field("is_available", "bool", required=True, local=True),
        _LOCAL_ACTIVE,
        _ORDER,
    ),
    "A size or variant of an item. An item sold in one way only has none: its price stands on the item.",
    match_on=("menu_item_key", "name"),
    counted=True,
)
ITEM_LOCATIONS = Entity(
    "item_locations",
    "menu_item_location_overrides",
    "location",
    (
        Field("menu_item_key", required=True, ref="items"),
        Field("variation_key", ref="variations"),
        *_again(ITEMS, "price_type", "price_cents"),
        *_again(ITEMS, *ITEM_MAY_DIFFER),
    ),
    "The item (or its variation) is sold at this location, with the values that differ there.",
    refines="items",
    units=(PRICE_UNIT, *((name,) for name in ITEM_MAY_DIFFER)),
)
ITEM_CATEGORIES = Entity(
    "item_categories",
    "menu_item_categories",
    "location",
    (
        Field("menu_item_key", required=True, ref="items"),
        Field("category_key", required=True, ref="categories"),
        Field("is_primary", "bool", required=True),
        _ORDER,
    ),
    "The item stands in this category at this location.",
)
ITEM_MENUS = Entity(
    "item_menus",
    "menu_item_menus",
    "location",
    (
        Field("menu_item_key", required=True, ref="items"),
        Field("menu_key", required=True, ref="menus"),
        _ORDER,
    ),
    "The item is on this menu at this location.",
)
MODIFIER_GROUPS = Entity(
    "modifier_groups",
    "modifier_groups",
    "shared",
    (
        _name(),
        Field("short_name"),
        Field("description"),
        Field("selection_type", required=True, choices=("single", "multiple", "text")),
        Field("min_selections", "int", required=True, minimum=0, local=True),
        Field("max_selections", "int", minimum=1, doc="null = unlimited", local=True),
        Field("is_required", "bool", required=True, local=True),
        Field("allow_quantities", "bool", required=True, doc="the same option may be chosen more than once"),
        Field("max_length", "int", doc="text groups"),
        Field("channels", "json"),
        Field("button_color"),
        Field("settings", "json", doc="default pricing, substitution pricing, conversational …"),
        _ACTIVE,
        _ORDER,
    ),
    "A group of choices.",
    match_on=("name",),
    counted=True,
)
MODIFIERS = Entity(
    "modifiers",
    "modifiers",
    "shared",
    (
        Field("modifier_group_key", required=True, ref="modifier_groups"),
        _name(local=True),
        Field("short_name"),
        Field("kitchen_name"),
        Field("price_adjustment_cents", "cents", doc="null = open price", local=True),
        Field("price_type", required=True, choices=("fixed", "open"), local=True),
        Field("is_default", "bool", required=True, local=True),
        Field("max_quantity", "int", minimum=1, doc="null = no limit of its own"),
        Field("linked_menu_item_key", ref="items", doc="the item this option is, where it is one"),
        Field("sku"),
        Field("calories", "int"),
        Field("image_url"),
        Field("button_color"),
        Field("channels", "json"),
        Field("custom_fields", "json"),
        Field("is_available", "bool", required=True, local=True),
        _LOCAL_ACTIVE,
        _ORDER,
    ),
    "One choice of a group.",
    match_on=("modifier_group_key", "name"),
    counted=True,
)
MODIFIER_LOCATIONS = Entity(
    "modifier_locations",
    "modifier_location_overrides",
    "location",
    (
        Field("modifier_key", required=True, ref="modifiers"),
        *_again(MODIFIERS, "price_type"),
        Field(
            "price_cents",
            "cents",
            base="price_adjustment_cents",
            doc="overrides modifiers.price_adjustment_cents",
        ),
        *_again(MODIFIERS, *MODIFIER_MAY_DIFFER),
    ),
    "The choice is offered at this location, with the values that differ there.",
    refines="modifiers",
    units=(PRICE_UNIT, *((name,) for name in MODIFIER_MAY_DIFFER)),
)
MENU_LOCATIONS = Entity(
    "menu_locations",
    "menu_location_overrides",
    "location",
    (Field("menu_key", required=True, ref="menus"), *_again(MENUS, *MENU_MAY_DIFFER)),
    "The menu is kept at this location, with the values that differ there.",
    refines="menus",
    units=tuple((name,) for name in MENU_MAY_DIFFER),
)
CATEGORY_LOCATIONS = Entity(
    "category_locations",
    "menu_category_location_overrides",
    "location",
    (Field("category_key", required=True, ref="categories"), *_again(CATEGORIES, *CATEGORY_MAY_DIFFER)),
    "The category is kept at this location, with the values that differ there.",
    refines="categories",
    units=tuple((name,) for name in CATEGORY_MAY_DIFFER),
)
GROUP_LOCATIONS = Entity(
    "group_locations",
    "modifier_group_location_overrides",
    "location",
    (Field("modifier_group_key", required=True, ref="modifier_groups"), *_again(MODIFIER_GROUPS, *GROUP_MAY_DIFFER)),
    "The group is kept at this location, with the values that differ there; its limits stand on the links.",
    refines="modifier_groups",
    units=tuple((name,) for name in GROUP_MAY_DIFFER),
)
ITEM_MODIFIER_GROUPS = Entity(
    "item_modifier_groups",
    "menu_item_modifiers",
    "location",
    (
        Field("menu_item_key", required=True, ref="items"),
        Field("modifier_group_key", required=True, ref="modifier_groups"),
        Field("min_selections", "int", required=True, minimum=0, doc="effective for this item, never inherited"),
        Field("max_selections", "int", minimum=1),
        Field("is_required", "bool", required=True),
        Field("is_active", "bool", required=True, doc="false: attached but switched off"),
        Field("allow_quantities", "bool", doc="the same option may be chosen more than once; null = as the group says"),
        _ORDER,
    ),
    "The item asks for this group at this location, within these limits.",
)
NESTED_GROUPS = Entity(
    "nested_groups",
    "modifier_nested_groups",
    "location",
    (
        Field("modifier_key", required=True, ref="modifiers"),
        Field("modifier_group_key", required=True, ref="modifier_groups"),
        Field("min_selections", "int", required=True, minimum=0),
        Field("max_selections", "int", minimum=1),
        _ORDER,
    ),
    "Choosing this option asks for this further group.",
)
MODIFIER_DEFAULTS = Entity(
    "modifier_defaults",
    "menu_item_modifier_defaults",
    "location",
    (
        Field("menu_item_key", required=True, ref="items"),
        Field("modifier_key", required=True, ref="modifiers"),
        Field("is_default", "bool", required=True),
    ),
    "For this item the option's default differs from the option's own.",
)
PRE_MODIFIERS = Entity(
    "pre_modifiers",
    "pre_modifiers",
    "shared",
    (
        _name(255),
        Field("group_name", doc="the set it belongs to"),
        Field("fixed_price_cents", "cents"),
        Field("multiplication_factor", "numeric"),
        Field("display_mode", choices=("prefix", "suffix")),
        Field("charge_as_extra", "bool"),
        Field("button_color"),
        _ORDER,
    ),
    "NO, EXTRA, LIGHT …: a word before an option that changes its price.",
    match_on=("name", "group_name"),
    counted=True,
)
GROUP_PRE_MODIFIERS = Entity(
    "group_pre_modifiers",
    "modifier_group_pre_modifiers",
    "location",
    (
        Field("modifier_group_key", required=True, ref="modifier_groups"),
        Field("pre_modifier_key", required=True, ref="pre_modifiers"),
        _ORDER,
    ),
    "The pre-modifier may be used with this group's options.",
)
PRICE_RULES = Entity(
    "price_rules",
    "price_rules",
    "location",
    (
        Field("menu_item_key", ref="items"),
        Field("variation_key", ref="variations"),
        Field("modifier_key", ref="modifiers", doc="with menu_item_key: this option's price under that parent item"),
        Field("modifier_group_key", ref="modifier_groups", doc="parent group of a nested price, where it matters"),
        Field("menu_key", ref="menus"),
        Field("category_key", ref="categories"),
        Field("channel"),
        Field("days", "json", doc='["mon", …]; null = every day'),
        Field("time_from", doc="HH:MM local"),
        Field("time_to", doc="HH:MM local; before time_from = past midnight"),
        Field("size_key", ref="modifiers", column="size_modifier_id", doc="the chosen size is this option"),
        Field("size_name"),
        Field("sequence", "int", minimum=1, doc="price of the n-th pick in the group; the last one repeats"),
        Field("pre_modifier_key", ref="pre_modifiers"),
        Field("price_cents", "cents", required=True),
        Field("priority", "int", required=True, doc="the highest matching rule wins"),
    ),
    "A price that holds under conditions: time, menu, size, sequence, parent item, pre-modifier.",
    counted=True,
)
ITEM_TAXES = Entity(
    "item_taxes",
    "tax_assignments",
    "location",
    (
        Field("tax_rate_key", required=True, ref="tax_rates"),
        Field("menu_item_key", ref="items"),
        Field("modifier_key", ref="modifiers"),
        Field("category_key", ref="categories"),
        Field("overrides_item_taxes", "bool", required=True),
    ),
    "The rate applies to this item or option at this location.",
)
ITEM_STATIONS = Entity(
    "item_stations",
    "menu_item_stations",
    "location",
    (
        Field("menu_item_key", required=True, ref="items"),
        Field("station_key", required=True, ref="kitchen_stations"),
        Field("is_primary", "bool", required=True),
        Field("sequence", "int", required=True),
    ),
    "Tickets for the item go to this station.",
)
MODIFIER_STATIONS = Entity(
    "modifier_stations",
    "modifier_stations",
    "location",
    (
        Field("modifier_key", required=True, ref="modifiers"),
        Field("station_key", required=True, ref="kitchen_stations"),
        Field("sequence", "int", required=True),
    ),
    "Tickets for the option go to this station, not to the item's.",
)
STOCK = Entity(
    "stock",
    "inventory",
    "location",
    (
        Field("item_name", required=True),
        Field("sku"),
        Field("menu_item_key", required=True, ref="items"),
        Field("variation_key", ref="variations"),
        Field("quantity", "numeric", doc="may be negative; null = only a state is known"),
        Field("unit"),
        Field("status", required=True, choices=("in_stock", "out_of_stock", "quantity")),
        Field("is_tracked", "bool", required=True),
        Field("threshold", "numeric"),
    ),
    "Stock of an item or variation at this location.",
    counted=True,
)

MENU_ENTITIES: tuple[Entity, ...] = (
    LOCATIONS,
    MENUS,
    CATEGORIES,
    TAX_RATES,
    KITCHEN_STATIONS,
    ITEMS,
    VARIATIONS,
    MODIFIER_GROUPS,
    MODIFIERS,
    PRE_MODIFIERS,
    MENU_LOCATIONS,
    CATEGORY_LOCATIONS,
    GROUP_LOCATIONS,
    ITEM_LOCATIONS,
    MODIFIER_LOCATIONS,
    ITEM_CATEGORIES,
    ITEM_MENUS,
    ITEM_MODIFIER_GROUPS,
    NESTED_GROUPS,
    MODIFIER_DEFAULTS,
    GROUP_PRE_MODIFIERS,
    PRICE_RULES,
    ITEM_TAXES,
    ITEM_STATIONS,
    MODIFIER_STATIONS,
    STOCK,
)
