"""What an account's settings say about the work ahead, and what to ask the restaurant where the API is silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from aura_migration.core.money import show
from aura_migration.pos.http.errors import NotFound, Permanent, PermissionMissing, Unauthorized
from aura_migration.pos.http.paging import Page, PageTrail, cursor_pages
from aura_migration.pos.port import AuditLine
from aura_migration.pos.square.calls import SquareCalls
from aura_migration.pos.square.extract import COUNTS_PAGE, OBJECT_TYPES, SEARCH_KEYS, SEARCH_PAGE
from aura_migration.pos.square.orders import counts
from aura_migration.pos.square.people.counts import AREA, countings
from aura_migration.pos.square.wire import NESTING_VERSION, VERSION_SWITCH, AttributeDefinitionData, Money, read

COUNTED = {
    "ITEM": "items",
    "ITEM_VARIATION": "variations",
    "CATEGORY": "categories of all kinds",
    "MODIFIER_LIST": "modifier lists",
    "MODIFIER": "modifiers",
    "TAX": "taxes",
    "DISCOUNT": "discounts",
    "PRICING_RULE": "automatic discounts",
    "ITEM_OPTION": "item options",
    "IMAGE": "images",
    "MEASUREMENT_UNIT": "measurement units",
    "SUBSCRIPTION_PLAN": "subscription plans",
}
QUESTIONS = (
    ("devices", "printers and kitchen displays", "Which printers and kitchen displays are there, and what goes where?"),
    ("devices", "tills and terminals", "How many tills and card terminals are in use, and which ones stay?"),
    ("tipping", "tips at the till", "Which tip choices does the till offer, and how are tips pooled and paid out?"),
    ("service charges", "automatic gratuity", "Which service charges and automatic gratuities apply, and when?"),
    (
        "payments",
        "other payment types",
        "Which other payment types (house account, vouchers, delivery apps) are booked?",
    ),
    ("receipts", "receipt layout", "What must the receipt say (header, footer, return policy, logo)?"),
    ("floor plan", "tables and sections", "What is the floor plan: tables, sections, seats?"),
    ("orders", "courses, voids and comps", "Which courses are used, and which reasons for voids and comps?"),
    ("menu", "combos and bundles", "Which combos or bundles are sold, and how are they priced?"),
    ("menu", "recipes", "Are recipes or ingredients kept in another program?"),
    ("discounts", "coupon codes", "Which discount or coupon codes are in circulation?"),
    ("reservations", "reservations", "Which reservation system is used, and what must keep working?"),
    ("team", "permission sets and PINs", "Who may do what at the till? PINs are never carried over."),
    ("team", "payroll", "Who runs payroll, and from which figures?"),
    ("marketing", "consent and campaigns", "Is there proof of consent for SMS and e-mail? Square does not show it."),
    ("integrations", "connected apps", "Which other apps are connected to Square, and which must go on working?"),
)
"""What the API cannot give (API reference, section 19): area, label and the question."""


class _Object(msgspec.Struct):
    type: str
    id: str
    is_deleted: bool | None = None
    present_at_all_locations: bool | None = None
    present_at_location_ids: list[str] | None = None
    item_data: dict[str, Any] | None = None
    pricing_rule_data: dict[str, Any] | None = None
    custom_attribute_definition_data: dict[str, Any] | None = None
    quick_amounts_settings_data: dict[str, Any] | None = None


class _Nesting(msgspec.Struct):
    child_modifier_list_ids: list[str] | None = None


class _Modifier(msgspec.Struct):
    id: str
    modifier_data: _Nesting | None = None


class _Modifiers(msgspec.Struct):
    objects: list[_Modifier] | None = None
    cursor: str | None = None


class _Objects(msgspec.Struct):
    objects: list[_Object] | None = None
    cursor: str | None = None


async def audit(session: SquareCalls, location: str) -> tuple[AuditLine, ...]:
    """All lines: counts, custom attributes, settings, questions. What may not be read has a line of its own."""
    lines: list[AuditLine] = []
    lines += await _asked("configuration", "location", lambda: _configuration(session, location))
    lines += await _asked("menu", "catalog", lambda: _catalog(session, location))
    lines += await _asked("menu", "nested modifiers", lambda: _nested(session))
    lines += await _asked("stock", "counted items", lambda: _stock(session, location))
    for area, path in (("locations", "/v2/locations"), ("merchants", "/v2/merchants")):
        lines += await _asked(
            "custom fields", f"custom attributes of {area}", lambda p=path, a=area: _definitions(session, p, a)
        )
    lines += await _asked("tipping", "online checkout", lambda: _checkout(session, location))
    lines += await _asked("payments", "online payment methods", lambda: _payment_methods(session))
    lines += await _asked("configuration", "start of the business day", lambda: _workweek(session))
    lines += await _asked(counts.AREA, counts.LABEL, lambda: counts.orders_line(session, location))
    for label, count in countings(session):
        lines += await _asked(AREA, label, count)
    lines += [AuditLine(area, label, "not in Square's API", question) for area, label, question in QUESTIONS]
    return tuple(lines)


async def _asked(area: str, label: str, ask: Any) -> list[AuditLine]:
    """The lines, or one that says why there are none."""
    try:
        return list(await ask())
    except Unauthorized:
        raise
    except PermissionMissing:
        return [AuditLine(area, label, "not permitted", f"May we read this ({label}), or what is set up there?")]
    except NotFound:
        return [AuditLine(area, label, "not available for this account", f"What is set up here: {label}?")]
    except Permanent as error:
        return [AuditLine(area, label, f"not readable: {error.reason}", f"What is set up here: {label}?")]


async def _configuration(session: SquareCalls, location: str) -> list[AuditLine]:
    lines = []
    for raw in (await session.locations())[1]:
        if not isinstance(raw, Mapping) or raw.get("id") != location:
            continue
        for label, key in (
            ("name", "name"),
            ("status", "status"),
            ("time zone", "timezone"),
            ("currency", "currency"),
            ("type", "type"),
            ("capabilities", "capabilities"),
        ):
            value = raw.get(key)
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "not set")
            lines.append(AuditLine("configuration", label, shown))
        periods = (raw.get("business_hours") or {}).get("periods") or []
        hours = [f"{p.get('day_of_week')} {p.get('start_local_time')}-{p.get('end_local_time')}" for p in periods]
        question = "" if hours else "What are the opening hours?"
        lines.append(AuditLine("configuration", "opening hours", "; ".join(hours) or "not set", question))
    return lines


async def _catalog(session: SquareCalls, location: str) -> list[AuditLine]:
    body = {"object_types": list(OBJECT_TYPES), "include_deleted_objects": True, "limit": SEARCH_PAGE}

    async def fetch(cursor: str | None) -> Page:
        response = await session.post("/v2/catalog/search", body, cursor)
        page = session.decoded(response, _Objects)
        if page.objects is None:
            session.empty_or_changed(response, SEARCH_KEYS)
        return Page(page.objects or [], page.cursor, response)

    counts: Counter[str] = Counter()
    archived = deleted = 0
    fields: list[AuditLine] = []
    quick: list[AuditLine] = []
    async for fresh in cursor_pages(fetch, row_id=lambda row: str(row.id), trail=PageTrail()):
        for found in fresh.rows:
            if found.is_deleted:
                deleted += 1
                continue
            counts[found.type] += 1
            archived += found.type == "ITEM" and bool((found.item_data or {}).get("is_archived"))
            if found.type == "CUSTOM_ATTRIBUTE_DEFINITION":
                fields.append(_definition(found.custom_attribute_definition_data or {}))
            if found.type == "QUICK_AMOUNTS_SETTINGS" and _here(found, location):
                quick.append(_quick_amounts(found.quick_amounts_settings_data or {}))
    lines = [AuditLine("menu", label, f"{counts[kind]:,}") for kind, label in COUNTED.items()]
    lines.append(AuditLine("menu", "archived items", f"{archived:,}"))
    lines.append(AuditLine("menu", "deleted objects", f"{deleted:,}"))
    if counts["PRICING_RULE"]:
        question = (
            "Which automatic discounts (happy hour, bundles) are still wanted? All that can be said are carried over."
        )
        lines.append(AuditLine("discounts", "automatic discounts", f"{counts['PRICING_RULE']:,}", question))
    return [*lines, *fields, *(quick or [AuditLine("configuration", "quick amounts", "none set up")])]


async def _nested(session: SquareCalls) -> list[AuditLine]:
    """Options that open further lists. An account held to an older version is looked at in a newer one as well."""
    version = str(session.version)
    seen = version >= NESTING_VERSION
    if not seen and not session.is_pinned:
        shown = f"not shown: Square refuses version {NESTING_VERSION} of its API, version {version} leaves them out"
        question = "Which options open a further list (a size that asks for a sauce), and which list?"
        return [AuditLine("menu", "nested modifiers", shown, question)]
    body = {"object_types": ["MODIFIER"], "limit": SEARCH_PAGE}

    async def fetch(cursor: str | None) -> Page:
        response = await session.post("/v2/catalog/search", body, cursor, version=None if seen else NESTING_VERSION)
        page = session.decoded(response, _Modifiers)
        return Page(page.objects or [], page.cursor, response)

    opening = 0
    async for fresh in cursor_pages(fetch, row_id=lambda row: str(row.id), trail=PageTrail()):
        for row in fresh.rows:
            opening += bool(row.modifier_data is not None and row.modifier_data.child_modifier_list_ids)
    if not opening:
        return [AuditLine("menu", "nested modifiers", "none")]
    shown = f"{opening:,} options open further lists, " + (
        "carried over" if seen else f"not shown by version {version}"
    )
    ask = f"May the account's switch {VERSION_SWITCH} be taken away, so that these are carried over?"
    return [AuditLine("menu", "nested modifiers", shown, "" if seen else ask)]


def _here(found: _Object, location: str) -> bool:
    return found.present_at_all_locations is not False or location in (found.present_at_location_ids or ())


def _definition(data: Mapping[str, Any]) -> AuditLine:
    typed = read(data, AttributeDefinitionData)
    used = data.get("custom_attribute_usage_count")
    on = ", ".join(str(kind).lower().replace("_", " ") for kind in data.get("allowed_object_types") or ())
    shown = f"{(typed.type or 'unknown type').lower()}, on {on or 'nothing'}" + (f", used {used} times" if used else "")
    return AuditLine("custom fields", typed.name or typed.key or "unnamed", shown)


def _quick_amounts(data: Mapping[str, Any]) -> AuditLine:
    amounts = [read(entry.get("amount"), Money) for entry in data.get("amounts") or () if entry.get("amount")]
    shown = ", ".join(f"{show(m.amount, m.code or 'USD')} {m.code or ''}".strip() for m in amounts)
    option = str(data.get("option") or "not set").lower()
    return AuditLine("configuration", "quick amounts", f"{option}: {shown}" if shown else option)


async def _stock(session: SquareCalls, location: str) -> list[AuditLine]:
    body = {"location_ids": [location], "limit": COUNTS_PAGE}

    async def fetch(cursor: str | None) -> Page:
        response = await session.post("/v2/inventory/counts/batch-retrieve", body, cursor)
        document = response.json()
        return Page(document.get("counts") or [], document.get("cursor"), response)

    states: Counter[str] = Counter()
    key = "/".join
    parts = ("catalog_object_id", "state", "location_id")
    async for fresh in cursor_pages(fetch, row_id=lambda r: key(str(r.get(p)) for p in parts), trail=PageTrail()):
        states.update(str(row.get("state")) for row in fresh.rows)
    shown = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    return [AuditLine("stock", "stock counts by state", shown or "none")]


async def _definitions(session: SquareCalls, path: str, area: str) -> list[AuditLine]:
    """Custom attributes other apps keep on locations or the merchant; they have no place in a menu."""

    async def fetch(cursor: str | None) -> Page:
        response = await session.get(f"{path}/custom-attribute-definitions", {"limit": "100"}, cursor)
        document = response.json()
        return Page(document.get("custom_attribute_definitions") or [], document.get("cursor"), response)

    names: list[str] = []
    async for fresh in cursor_pages(fetch, row_id=lambda row: str(row.get("key")), trail=PageTrail()):
        names.extend(str(row.get("name") or row.get("key")) for row in fresh.rows)
    question = "Which of these custom attributes are still needed, and for what?" if names else ""
    return [AuditLine("custom fields", f"custom attributes of {area}", ", ".join(names) or "none", question)]


async def _checkout(session: SquareCalls, location: str) -> list[AuditLine]:
    response = await session.request("GET", f"/v2/online-checkout/location-settings/{location}")
    settings = response.json().get("location_settings") or {}
    tipping = settings.get("tipping") or {}
    percent = ", ".join(f"{value} %" for value in tipping.get("percentages") or ())
    shown = percent or "no percentages"
    if tipping.get("default_percent") is not None:
        shown += f"; default {tipping['default_percent']} %"
    if tipping.get("smart_tipping_enabled"):
        smart = [read(entry, Money) for entry in tipping.get("smart_tips") or ()]
        shown += "; small amounts: " + (", ".join(show(m.amount, m.code or "USD") for m in smart) or "fixed sums")
    notes = "on" if settings.get("customer_notes_enabled") else "off"
    return [
        AuditLine("tipping", "online checkout", shown, "Do the same tips apply at the till?"),
        AuditLine("online", "customer notes at checkout", notes),
        AuditLine("online", "checkout policies", f"{len(settings.get('policies') or ()):,}"),
    ]


async def _payment_methods(session: SquareCalls) -> list[AuditLine]:
    response = await session.request("GET", "/v2/online-checkout/merchant-settings")
    methods = (response.json().get("merchant_settings") or {}).get("payment_methods") or {}
    on = sorted(name for name, value in methods.items() if isinstance(value, Mapping) and value.get("enabled"))
    return [AuditLine("payments", "online payment methods", ", ".join(on) or "none switched on")]


async def _workweek(session: SquareCalls) -> list[AuditLine]:
    starts = ", ".join(await session.day_starts())
    question = "Is this the hour at which a business day ends, also for sales?"
    return [AuditLine("configuration", "start of the business day", starts or "not set", question if starts else "")]
