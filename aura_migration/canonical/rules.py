"""The entities of the rules of business, declared once, in the order in which they can be planned and loaded.

How an order is taken, discounted, charged, taxed and paid, beyond what stands on the menu itself. Every location has rows of its
own: two locations may share a POS account and still charge differently. What a POS does not show may be *inferred* from the
orders it took: such a row says so (``is_inferred``), carries its evidence and is confirmed by whoever approves the plan.

Rates of tax and the items they apply to are of the menu (``menu.py``); arithmetic is in ``pricing/``.
"""

from __future__ import annotations

from aura_migration.canonical.model import Entity, Field

ORDER_TYPE_WORDS = ("dine_in", "takeout", "delivery", "catering", "curbside", "unknown")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_NAME = Field("name", required=True, max_length=255, doc="as in the POS")
_ACTIVE = Field("is_active", "bool", required=True, doc="false: kept but not in use")
_ORDER = Field("display_order", "int", required=True, doc="ascending; ties keep the POS's own order")
_INFERRED = (
    Field("is_inferred", "bool", required=True, doc="true: not shown by the POS, concluded from its orders"),
    Field(
        "evidence", "json", doc="what an inferred row was concluded from: orders for and against, from, to, examples"
    ),
)
_ORDER_TYPES = Field("order_types", "json", doc="list of dine_in, takeout, delivery, catering, curbside; null = all")

ORDER_TYPES = Entity(
    "order_types",
    "order_types",
    "location",
    (
        _NAME,
        Field("order_type", required=True, choices=ORDER_TYPE_WORDS, doc="what AuraConnect takes it for"),
        Field("is_taxable", "bool", required=True, doc="false: orders of this type bear no tax"),
        Field("is_default", "bool", required=True),
        Field("is_hidden", "bool", required=True, doc="not offered at the till"),
        Field("min_order_cents", "cents"),
        Field("max_order_cents", "cents"),
        Field("fee_cents", "cents"),
        Field("settings", "json", doc="further settings by name, as the POS has them"),
        _ACTIVE,
        _ORDER,
        Field("is_inferred", "bool", doc="true: the POS does not list it, its orders have it"),
        Field("evidence", "json", doc="what an inferred row was concluded from"),
    ),
    "A dining option or order type.",
    match_on=("name",),
    counted=True,
)
REVENUE_CENTERS = Entity(
    "revenue_centers",
    "revenue_centers",
    "location",
    (_NAME, Field("description"), _ACTIVE, _ORDER),
    "A part of the house whose sales are reported apart.",
    match_on=("name",),
    counted=True,
)
TENDER_TYPES = Entity(
    "tender_types",
    "tender_types",
    "location",
    (
        _NAME,
        Field(
            "method",
            required=True,
            choices=("cash", "card", "gift_card", "house_account", "check", "loyalty", "external", "other"),
        ),
        Field("code", doc="the POS's own word for a tender that is not the restaurant's own"),
        Field("is_custom", "bool", required=True, doc="made by the restaurant"),
        Field("opens_drawer", "bool"),
        Field("supports_tipping", "bool"),
        _ACTIVE,
        _ORDER,
        *_INFERRED,
    ),
    "A way of paying.",
    match_on=("name",),
    counted=True,
)
SERVICE_CHARGES = Entity(
    "service_charges",
    "service_charges",
    "location",
    (
        _NAME,
        Field("calculation", required=True, choices=("percent", "fixed", "open")),
        Field("rate_percent", "numeric", doc="percent, exact; null unless calculation is percent"),
        Field("amount_cents", "cents", doc="null unless calculation is fixed"),
        Field(
            "charge_class",
            required=True,
            choices=("service", "auto_gratuity", "surcharge", "cash_rounding", "delivery", "fundraising"),
        ),
        Field("paid_to", required=True, choices=("house", "staff", "third_party")),
        Field(
            "base",
            choices=("gross", "net", "net_before_refunds", "net_less_included_tax", "net_and_tax"),
            doc="what a percentage is a percentage of; null = as the pricing policy of the location says",
        ),
        Field("into_lines", "bool", required=True, doc="shared into the lines before tax, and theirs from then on"),
        Field("is_taxable", "bool", required=True),
        Field("is_automatic", "bool", required=True, doc="put on the check by the till itself"),
        Field("min_guests", "int", minimum=0, doc="from so many guests on; null = any"),
        Field("min_check_cents", "cents"),
        Field("max_check_cents", "cents"),
        _ORDER_TYPES,
        _ACTIVE,
        _ORDER,
        *_INFERRED,
    ),
    "A service charge, fee or automatic gratuity.",
    match_on=("name",),
    counted=True,
)
SERVICE_CHARGE_TAXES = Entity(
    "service_charge_taxes",
    "service_charge_taxes",
    "location",
    (
        Field("service_charge_key", required=True, ref="service_charges"),
        Field("tax_rate_key", required=True, ref="tax_rates"),
    ),
    "The rate applies to this charge.",
)
PRICING_RULES = Entity(
    "pricing_rules",
    "pricing_rules",
    "location",
    (
        _NAME,
        Field(
            "rule_type",
            required=True,
            choices=(
                *("percentage_discount", "fixed_discount", "fixed_price", "bogo", "bundle_discount", "happy_hour"),
                *("quantity_discount", "loyalty_discount", "custom"),
            ),
        ),
        Field("status", required=True, choices=("active", "inactive", "scheduled", "expired")),
        Field("scope", required=True, choices=("line", "check"), doc="line: the lines it is put on; check: all"),
        Field("discount_percent", "numeric", doc="percent, exact; null unless stated as one"),
        Field("discount_cents", "cents", doc="null unless stated as an amount"),
        Field("fixed_price_cents", "cents", doc="what a bundle or an item costs under the rule"),
        Field("max_discount_cents", "cents", doc="the most a percentage takes off"),
        Field("min_order_cents", "cents"),
        Field("is_open_amount", "bool", required=True, doc="the cashier says how much"),
        Field("is_automatic", "bool", required=True, doc="given by the till itself where it applies"),
        Field("is_comp", "bool", required=True, doc="makes it free: 100 %"),
        Field("requires_approval", "bool"),
        Field("requires_code", "bool"),
        Field("promo_code"),
        Field("stackable", "bool", doc="may stand beside another discount of its scope; null = not said by the POS"),
        Field("reduces_tax", "bool", doc="false: the taxable amount stays; null = as the pricing policy says"),
        Field("picks", choices=("first", "least_expensive", "most_expensive"), doc="which of several items it takes"),
        Field("valid_from", doc="YYYY-MM-DD or YYYY-MM-DDTHH:MM local"),
        Field("valid_until", doc="YYYY-MM-DD or YYYY-MM-DDTHH:MM local, included"),
        Field(
            "schedule",
            "json",
            doc='list of {"days": ["mon",…], "from": "17:00", "to": "23:00"}; null = always; to < from runs past midnight',
        ),
        _ORDER_TYPES,
        Field("conditions", "json", doc="further conditions by name, as the POS has them"),
        Field("priority", "int", required=True, doc="the highest applies first"),
        _ORDER,
        *_INFERRED,
    ),
    "A discount, automatic or given by hand.",
    match_on=("name",),
    counted=True,
)
PRICING_RULE_TARGETS = Entity(
    "pricing_rule_targets",
    "pricing_rule_targets",
    "location",
    (
        Field("pricing_rule_key", required=True, ref="pricing_rules"),
        Field("role", required=True, choices=("discounted", "bought", "excluded")),
        Field("menu_item_key", ref="items"),
        Field("variation_key", ref="variations"),
        Field("category_key", ref="categories"),
        Field("modifier_key", ref="modifiers"),
        Field("min_quantity", "int", minimum=0, doc="so many of the set together"),
        Field("max_quantity", "int", minimum=1),
        Field(
            "set_number",
            "int",
            required=True,
            doc="targets of one number are alternatives; of each number one is needed",
        ),
    ),
    "What a discount takes something off, or what must be bought for it. No discounted target: everything.",
)
TAX_TABLE_ROWS = Entity(
    "tax_table_rows",
    "tax_table_rows",
    "location",
    (
        Field("tax_rate_key", required=True, ref="tax_rates"),
        Field("start_cents", "cents", required=True, doc="taxable amounts from here …"),
        Field("end_cents", "cents", required=True, doc="… to here, both included,"),
        Field("tax_cents", "cents", required=True, doc="pay this"),
        Field("repeats", "bool", required=True, doc="such rows continue the table beyond its end"),
        _ORDER,
    ),
    "A row of a tax that is read from a table.",
)
TAX_EXCEPTIONS = Entity(
    "tax_exceptions",
    "tax_exceptions",
    "location",
    (
        Field("tax_rate_key", ref="tax_rates", doc="null = every tax"),
        Field("order_type_key", ref="order_types"),
        Field(
            "order_type", choices=ORDER_TYPE_WORDS, doc="where the POS names a behaviour, not one of its order types"
        ),
        Field("menu_item_key", ref="items"),
        Field("category_key", ref="categories"),
        Field("rate_percent", "numeric", doc="the rate instead; null = not taxed"),
        Field("conditions", "json", doc="what the POS says beyond this, as it says it"),
        *_INFERRED,
    ),
    "Where a tax does not apply, or at another rate: take-out, an untaxed order type.",
)
TIP_SUGGESTIONS = Entity(
    "tip_suggestions",
    "tip_suggestions",
    "location",
    (
        Field("name", max_length=255),
        Field("rate_percent", "numeric"),
        Field("amount_cents", "cents"),
        Field("channel", doc="in_house, online, kiosk; null = all"),
        Field("is_default", "bool", required=True),
        _ACTIVE,
        _ORDER,
        *_INFERRED,
    ),
    "A tip offered to the guest.",
    counted=True,
)
OPENING_HOURS = Entity(
    "opening_hours",
    "opening_hours",
    "location",
    (
        Field("purpose", required=True, choices=("business", "online", "order_type", "other")),
        Field("name", max_length=255),
        Field("order_type_key", ref="order_types"),
        Field("weekday", required=True, choices=WEEKDAYS),
        Field("opens", required=True, doc="HH:MM local"),
        Field("closes", required=True, doc="HH:MM local; not after opens = past midnight"),
        _ORDER,
    ),
    "When the house is open, or an order type offered.",
)
SETTINGS = Entity(
    "settings",
    "settings",
    "location",
    (
        Field("key", column="setting_key", required=True, doc="dotted: receipt.footer, pricing.policy, tips.tip_out"),
        Field("category", required=True, choices=("pricing", "receipt", "tips", "orders", "payments", "hours")),
        Field("value", "json", required=True, doc='a list or mapping; a single value stands as {"value": …}'),
        *_INFERRED,
    ),
    "A setting by its name. ``pricing.policy`` says how a check is calculated: the fields of ``pricing.policy.Policy`` by name.",
    match_on=("key",),
)

RULE_ENTITIES: tuple[Entity, ...] = (
    ORDER_TYPES,
    REVENUE_CENTERS,
    TENDER_TYPES,
    SERVICE_CHARGES,
    SERVICE_CHARGE_TAXES,
    PRICING_RULES,
    PRICING_RULE_TARGETS,
    TAX_TABLE_ROWS,
    TAX_EXCEPTIONS,
    TIP_SUGGESTIONS,
    OPENING_HOURS,
    SETTINGS,
)
PRICING_POLICY = "pricing.policy"
"""The key of the setting that holds the location's pricing policy."""
