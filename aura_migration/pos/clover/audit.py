"""What a merchant's settings say about the work ahead, and what to ask the restaurant where the API is silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from aura_migration.core.money import show
from aura_migration.pos.clover.calls import Site
from aura_migration.pos.clover.catalog import NO_TAX, row_ident
from aura_migration.pos.clover.lists import INVENTORY, LISTINGS, MERCHANT, OBJECTS, PAGE, PERMISSIONS, SETTINGS
from aura_migration.pos.clover.walk import Fetched, Query, walk
from aura_migration.pos.clover.wire import Raw, closeout, decimal_text, is_deleted, nested
from aura_migration.pos.http.errors import NotFound, Permanent, PermissionMissing, Unauthorized
from aura_migration.pos.port import AuditLine

LABELS = {
    "items": "items",
    "item_stocks": "stock records",
    "categories": "categories",
    "modifier_groups": "modifier groups",
    "modifiers": "modifiers",
    "item_groups": "variant groups",
    "attributes": "attributes of variants",
    "options": "options of variants",
    "tags": "labels",
    "tax_rates": "tax rates",
    "discounts": "discounts",
    "order_types": "order types",
    "tenders": "ways of paying",
    "devices": "devices",
    "opening_hours": "sets of opening hours",
    "order_fees": "order fees",
    "tip_suggestions": "suggested tips",
    "tax_rules": "tax rules",
    "roles": "roles of staff",
    "customers": "guests",
    "employees": "staff",
}
AREAS = {
    "discounts": "discounts",
    "order_types": "workflows",
    "tenders": "payments",
    "devices": "devices",
    "opening_hours": "configuration",
    "order_fees": "service charges",
    "tip_suggestions": "tipping",
    "tax_rules": "taxes",
}
CURRENCY = "currency"
PROPERTIES = (
    ("configuration", "time zone", "timezone"),
    ("configuration", CURRENCY, "defaultCurrency"),
    ("configuration", "language", "locale"),
    ("configuration", "kind of business", "businessTypeCode"),
    ("taxes", "prices include tax (VAT)", "vat"),
    ("taxes", "name of the VAT", "vatTaxName"),
    ("taxes", "tax may be removed", "removeTaxEnabled"),
    ("tipping", "tips", "tipsEnabled"),
    ("tipping", "largest tip in percent", "maxTipPercentage"),
    ("tipping", "default tip", "tipRateDefault"),
    ("tipping", "signature for tips on paper", "onPaperTipSignatures"),
    ("workflows", "lines are grouped", "groupLineItems"),
    ("workflows", "titles of orders", "orderTitle"),
    ("workflows", "highest number of an order", "orderTitleMax"),
    ("workflows", "numbers restart at the reporting hour", "resetOnReportingTime"),
    ("workflows", "notes on orders", "notesOnOrders"),
    ("workflows", "orders may be deleted", "deleteOrders"),
    ("workflows", "register stays in the category", "stayInCategory"),
    ("workflows", "kitchen tickets print by themselves", "autoPrint"),
    ("workflows", "second names on tickets", "alternateInventoryNames"),
    ("payments", "signature from (cents)", "signatureThreshold"),
    ("payments", "signature always", "alwaysRequireSignature"),
    ("payments", "cash back", "cashBackEnabled"),
    ("payments", "cash back choices", "cashBackOptions"),
    ("payments", "largest cash back (cents)", "maxCashBack"),
    ("payments", "close-out by hand", "manualCloseout"),
    ("payments", "close-out by hand on each device", "manualCloseoutPerDevice"),
    ("payments", "time zone of the close-out", "autoCloseoutTimezone"),
    ("stock", "stock is tracked", "trackStock"),
    ("stock", "sales reduce stock", "updateStock"),
    ("team", "clock out with open orders", "allowClockOutWithOpenOrders"),
    ("team", "clock in when signing in", "logInClockInPrompt"),
    ("team", "length of PINs", "pinLength"),
    ("marketing", "marketing", "marketingEnabled"),
)
"""Settings of the merchant that matter: area, label and Clover's name."""
DEVICE_SETTINGS = (
    ("pinDisabled", "PIN switched off"),
    ("offlinePayments", "offline payments"),
    ("offlinePaymentsLimit", "offline limit (cents)"),
    ("offlinePaymentsTotalPaymentsLimit", "offline limit in total (cents)"),
    ("maxOfflineDays", "days offline"),
    ("allowStoreAndForward", "store and forward"),
)
QUESTIONS = (
    (
        "integrations",
        "installed apps and their data",
        "Which apps from Clover's App Market are in use, and who can export their data? Clover shows no app another's data.",
    ),
    ("integrations", "online ordering", "Is Clover's online ordering in use, and with which menu, hours and pictures?"),
    ("integrations", "delivery services", "Which delivery services send orders to Clover, and through which app?"),
    (
        "menu",
        "combos",
        "Which combos or bundles are sold, and how are they priced? Clover's interface does not show them.",
    ),
    ("menu", "happy hour and timed prices", "Which prices hold only at certain times? Clover's interface shows none."),
    ("menu", "default choices", "Which options are ticked by themselves? Clover's interface does not show it."),
    ("menu", "pictures and descriptions", "Where are the pictures and descriptions of the items kept?"),
    ("devices", "register layout", "How are the pages, favourites and buttons of the register laid out?"),
    ("devices", "receipts", "What must the receipt say (header, footer, return policy, logo)?"),
    ("devices", "kitchen displays", "Are there kitchen displays, and what is shown where?"),
    ("floor plan", "tables and sections", "What is the floor plan: tables, sections, seats?"),
    (
        "loyalty",
        "points and rewards",
        "Are Clover Rewards or another programme in use, and is there an export of balances?",
    ),
    ("gift cards", "balances", "Which gift cards are in circulation, and who exports their balances?"),
    (
        "team",
        "wages and payroll",
        "Who runs payroll, and from which figures? Wages and breaks are not in Clover's interface.",
    ),
    ("team", "PINs", "Everyone gets a sign-in of their own: PINs are never carried over. Who are the users?"),
    ("marketing", "campaigns and consent", "Which campaigns run, and is there proof of consent?"),
    (
        "payments",
        "fees and deposits",
        "Which statements show card fees and deposits? They are not in Clover's interface.",
    ),
    ("reports", "daily reports", "Can Clover's own sales reports be exported for comparison during the parallel run?"),
)
"""What the API cannot give (API reference, section 9): area, label and the question."""


async def audit(site: Site) -> tuple[AuditLine, ...]:
    """All lines: settings, counts, details, questions. What may not be read is a line of its own, not a gap."""
    lines: list[AuditLine] = []
    lines += await _asked("configuration", "merchant", lambda: _configuration(site))
    lines += await _asked("devices", "printers", lambda: _printers(site))
    for name in INVENTORY:
        lines += await _asked("menu", LABELS[name], partial(_menu, site, name))
    currency = next((line.value for line in lines if line.label == CURRENCY), "USD")
    for name in ("customers", "employees", "roles"):
        lines += await _asked("people", LABELS[name], partial(_people, site, name))
    for name in SETTINGS:
        lines += await _asked(AREAS[name], LABELS[name], partial(_settings, site, name, currency))
    lines += await _asked("service charges", "service charge", lambda: _service_charge(site))
    lines += [AuditLine(area, label, "not in Clover's API", question) for area, label, question in QUESTIONS]
    return tuple(lines)


async def _asked(area: str, label: str, ask: Callable[[], Awaitable[Iterable[AuditLine]]]) -> list[AuditLine]:
    """The lines, or one that says why there are none."""
    try:
        return list(await ask())
    except Unauthorized:
        raise
    except PermissionMissing:
        return [AuditLine(area, label, "not permitted", f"May we read this ({label}), or what is set up there?")]
    except NotFound:
        return [AuditLine(area, label, "not set up, or not offered for this merchant")]
    except Permanent as error:
        return [AuditLine(area, label, f"not readable: {error.reason}", f"What is set up here: {label}?")]


async def _configuration(site: Site) -> list[AuditLine]:
    permission = PERMISSIONS[MERCHANT]
    _, merchant = await site.object(OBJECTS[MERCHANT]["merchant"], permission=permission)
    _, properties = await site.object(OBJECTS[MERCHANT]["properties"], permission=permission)
    lines = [AuditLine("configuration", "name", str(merchant.get("name") or "not set"))]
    plan = merchant.get("merchantPlan")
    if isinstance(plan, Mapping) and plan.get("name"):
        lines.append(AuditLine("configuration", "Clover plan", str(plan["name"])))
    lines += [AuditLine(area, label, _shown(properties.get(name))) for area, label, name in PROPERTIES]
    hour = properties.get("summaryHour")
    question = "Is this the hour at which a business day ends, also for sales?"
    proposed = closeout(hour if isinstance(hour, int) else None)
    lines.append(AuditLine("configuration", "end of the reporting day", proposed, question))
    return lines


async def _printers(site: Site) -> list[AuditLine]:
    _, merchant = await site.object("", {"expand": "printers"}, permission=PERMISSIONS[MERCHANT])
    found = nested(merchant, "printers") or []
    shown = [f"{printer.get('name') or 'unnamed'} ({printer.get('model') or 'model unknown'})" for printer in found]
    return [AuditLine("devices", "printers", ", ".join(shown) or "none", "Which printer prints what?")]


async def _people(site: Site, name: str) -> list[AuditLine]:
    """A number and nothing else: nobody is named."""
    return [AuditLine("people", LABELS[name], f"{sum(not is_deleted(row) for row in await _all(site, name)):,}")]


async def _all(site: Site, name: str, expand: tuple[str, ...] = ()) -> list[Raw]:
    listing = LISTINGS[name]
    query = Query(listing.path, PAGE, expand, listing.row_id, listing.ordered, PERMISSIONS[name])
    found: dict[str, Raw] = {}

    async def on_page(fetched: Fetched, number: int) -> None:
        found.update((row_ident(row, listing.row_id), row) for row in fetched.answer.rows)

    async def on_restart() -> None:
        found.clear()

    await walk(site, query, on_page, on_restart)
    return list(found.values())


async def _menu(site: Site, name: str) -> list[AuditLine]:
    expand = {"items": ("tags", "menuItem"), "tags": ("printers",)}.get(name, ())
    records = [row for row in await _all(site, name, expand) if not is_deleted(row)]
    lines = [AuditLine("menu", LABELS[name], f"{len(records):,}")]
    if name == "items":
        lines += _items(records)
    elif name == "tags":
        routed = sum(1 for row in records if nested(row, "printers"))
        lines.append(AuditLine("workflows", "labels that print in the kitchen", f"{routed:,}"))
    elif name == "tax_rates":
        lines += [_tax(row) for row in records if row.get("name") != NO_TAX]
    elif name == "item_stocks":
        counted = sum(1 for row in records if row.get("quantity") is not None)
        lines.append(AuditLine("stock", "items with a quantity", f"{counted:,}"))
    return lines


def _items(records: list[Raw]) -> list[AuditLine]:
    def count(label: str, matches: Callable[[Raw], Any], area: str = "menu", question: str = "") -> AuditLine:
        number = sum(1 for row in records if matches(row))
        return AuditLine(area, label, f"{number:,}", question if number else "")

    names = Counter(str(row.get("name")) for row in records)
    skus = Counter(str(row["sku"]) for row in records if row.get("sku"))
    return [
        count("hidden items", lambda row: row.get("hidden"), question="Are the hidden items still wanted?"),
        count("items sold out", lambda row: row.get("available") is False),
        count("open prices", lambda row: row.get("priceType") == "VARIABLE"),
        count("prices per unit", lambda row: row.get("priceType") == "PER_UNIT"),
        count(
            "items that are no revenue",
            lambda row: row.get("isRevenue") is False,
            question="What are the items that are no revenue (gift cards, donations, deposits)?",
        ),
        count("variants of an item group", lambda row: row.get("itemGroup")),
        count("items with an age limit", lambda row: row.get("isAgeRestricted")),
        count("items whose availability follows stock", lambda row: row.get("autoManage"), "stock"),
        AuditLine("menu", "names used more than once", f"{sum(1 for number in names.values() if number > 1):,}"),
        AuditLine("menu", "SKUs used more than once", f"{sum(1 for number in skus.values() if number > 1):,}"),
        count("second names", lambda row: row.get("alternateName"), "custom fields"),
        count("product codes", lambda row: row.get("code"), "custom fields"),
        count("labels on items", lambda row: nested(row, "tags"), "custom fields"),
        count("colours", lambda row: row.get("colorCode"), "custom fields"),
        count("online names, descriptions or pictures", lambda row: row.get("menuItem"), "custom fields"),
    ]


def _tax(row: Raw) -> AuditLine:
    rate, amount = row.get("rate"), row.get("taxAmount")
    if not rate and isinstance(amount, int) and amount:
        shown = f"{amount} cents a line"
    else:
        shown = f"{_scaled(rate, 100_000)} %"
    return AuditLine("taxes", str(row.get("name")), shown + (", default" if row.get("isDefault") else ""))


async def _settings(site: Site, name: str, currency: str) -> list[AuditLine]:
    records = [row for row in await _all(site, name) if not is_deleted(row)]
    lines = [AuditLine(AREAS[name], LABELS[name], f"{len(records):,}")]
    describe = {
        "discounts": _discount,
        "order_types": _order_type,
        "tenders": _tender,
        "devices": _device,
        "opening_hours": _hours,
        "order_fees": _fee,
        "tip_suggestions": _tip,
        "tax_rules": _rule,
        "roles": _role,
    }[name]
    lines += [describe(row, currency) for row in records]
    if name == "opening_hours" and not records:
        lines.append(AuditLine("configuration", "opening hours", "none", "What are the opening hours?"))
    return lines


def _discount(row: Raw, currency: str) -> AuditLine:
    if row.get("percentageDecimal") is not None:
        shown = f"{_scaled(row['percentageDecimal'], 10_000)} %"
    elif row.get("percentage") is not None:
        shown = f"{row['percentage']} %"
    else:
        shown = f"{_money(row.get('amount'), currency)} off"
    return AuditLine("discounts", _named(row), shown)


def _order_type(row: Raw, currency: str) -> AuditLine:
    said = ["taxed" if row.get("taxable") is not False else "not taxed", f"hours {row.get('hoursAvailable') or 'ALL'}"]
    if row.get("fee"):
        said.append(f"fee {_money(row['fee'], currency)}")
    if row.get("filterCategories"):
        said.append("some categories only")
    if row.get("isHidden"):
        said.append("hidden")
    return AuditLine("workflows", f"order type {row.get('label') or row.get('labelKey')}", ", ".join(said))


def _tender(row: Raw, currency: str) -> AuditLine:
    said = "of the restaurant's own" if row.get("editable") else "of Clover's"
    question = "What is booked on it, and to which account?" if row.get("editable") else ""
    state = "" if row.get("enabled") is not False else ", switched off"
    return AuditLine("payments", f"way of paying {row.get('label') or row.get('labelKey')}", said + state, question)


def _device(row: Raw, currency: str) -> AuditLine:
    said = [str(row.get("productName") or row.get("model") or "unknown model")]
    said += [f"{label}: {_shown(row[name])}" for name, label in DEVICE_SETTINGS if row.get(name) is not None]
    return AuditLine("devices", _named(row), ", ".join(said), "Does this device stay, and what is it used for?")


def _hours(row: Raw, currency: str) -> AuditLine:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    said = []
    for day in days:
        spans = [f"{_clock(span.get('start'))}-{_clock(span.get('end'))}" for span in nested(row, day) or ()]
        if spans:
            said.append(f"{day} {' and '.join(spans)}")
    reference = row.get("reference")
    what = str(reference.get("type")).lower().replace("_", " ") if isinstance(reference, Mapping) else ""
    label = f"opening hours {_named(row)}" + (f" ({what})" if what else "")
    return AuditLine("configuration", label, "; ".join(said) or "closed")


def _clock(value: Any) -> str:
    """Clover's hours are read as HHMM; what is no such number is shown as sent."""
    return f"{value // 100:02}:{value % 100:02}" if isinstance(value, int) and value >= 0 else str(value)


def _fee(row: Raw, currency: str) -> AuditLine:
    scaled = row.get("percentage")
    shown = f"{_scaled(scaled, 10_000)} %" if scaled is not None else _money(row.get("amount"), currency)
    shown += ", on every order" if row.get("isDefault") else ""
    return AuditLine("service charges", f"fee {_named(row)}", shown, "When is it charged, and who gets it?")


def _tip(row: Raw, currency: str) -> AuditLine:
    amount = row.get("flatTip", row.get("amount"))
    shown = f"{row['percentage']} %" if row.get("percentage") is not None else _money(amount, currency)
    return AuditLine("tipping", f"tip {_named(row)}", shown + ("" if row.get("isEnabled") else ", switched off"))


def _rule(row: Raw, currency: str) -> AuditLine:
    return AuditLine("taxes", f"tax rule {_named(row)}", "set up", "Which orders or items go untaxed by this rule?")


def _role(row: Raw, currency: str) -> AuditLine:
    return AuditLine("team", f"role {_named(row)}", str(row.get("systemRole") or "of the restaurant's own").lower())


async def _service_charge(site: Site) -> list[AuditLine]:
    name = "default_service_charge"
    _, row = await site.object(OBJECTS[name][""], permission=PERMISSIONS[name])
    if not row.get("id"):
        return [AuditLine("service charges", "service charge", "none")]
    scaled = row.get("percentageDecimal")
    percent = _scaled(scaled, 10_000) if scaled is not None else str(row.get("percentage"))
    state = "switched on" if row.get("enabled") else "switched off"
    return [AuditLine("service charges", _named(row), f"{percent} %, {state}", "When is it charged, and who gets it?")]


def _named(row: Raw) -> str:
    return str(row.get("name") or row.get("id") or "unnamed")


def _scaled(value: Any, one_percent: int) -> str:
    number = Decimal(value) if isinstance(value, int) else Decimal(0)
    return decimal_text(number / one_percent) or "0"


def _money(value: Any, currency: str) -> str:
    known = currency if len(currency) == 3 else "USD"
    return f"{show(abs(value), known)} {known}" if isinstance(value, int) else "no amount"


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
