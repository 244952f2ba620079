"""What a person is told about the account: rights, the way back, counts of everything, and the questions that remain.

Nothing here is loaded anywhere. A list that may not be read becomes a line that says so, never a count of zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from aura_migration.pos.http.errors import NotFound, PermissionMissing, PosError
from aura_migration.pos.port import AuditLine, Permission, ReverseLevel
from aura_migration.pos.toast import guest_rights, paths
from aura_migration.pos.toast.calls import ToastCalls
from aura_migration.pos.toast.document import PRE_MODIFIER_MAPS
from aura_migration.pos.toast.extract import count_menus
from aura_migration.pos.toast.wire import DECODER

NO_DAY = {"businessDate": "20160101"}
"""A day on which nothing is listed: what is asked is whether asking is allowed."""
RIGHTS: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("restaurant", "restaurants:read", paths.RESTAURANT, {}),
    ("menus", "menus:read", paths.MENUS_METADATA, {}),
    ("config", "config:read", paths.CONFIG.format(name="taxRates"), {}),
    ("prep_stations", "kitchen:read", paths.PREP_STATIONS, {}),
    ("stock", "stock:read", paths.INVENTORY, {}),
    ("availability", "restaurants:read", paths.AVAILABILITY, {}),
    ("ordering_schedule", "digital_schedule:read", paths.ORDERING_SCHEDULE, {}),
    ("jobs", "labor:read", paths.JOBS, {}),
    ("employees", "labor.employees:read", paths.EMPLOYEES, {}),
    ("time_entries", "labor:read", paths.TIME_ENTRIES, NO_DAY),
    ("orders", "orders:read", paths.ORDERS, {**NO_DAY, "pageSize": "1"}),
    ("cash_entries", "cashmgmt:read", paths.CASH_ENTRIES, NO_DAY),
    ("cash_deposits", "cashmgmt:read", paths.CASH_DEPOSITS, NO_DAY),
    (guest_rights.GUESTS, guest_rights.GUEST, "", {}),
    (guest_rights.ADDRESSES, guest_rights.ADDRESS, "", {}),
)
"""Source entity, scope, and the cheapest question that needs it; no address: it only fills fields of orders."""

CONFIG_LINES = (
    ("taxRates", "tax rates"),
    ("salesCategories", "sales categories"),
    ("diningOptions", "dining options"),
    ("discounts", "discounts"),
    ("serviceCharges", "service charges"),
    ("preModifierGroups", "sets of pre-modifiers"),
    ("preModifiers", "pre-modifiers"),
    ("priceGroups", "price groups"),
    ("restaurantServices", "services (day parts)"),
    ("revenueCenters", "revenue centers"),
    ("serviceAreas", "service areas"),
    ("tables", "tables"),
    ("alternatePaymentTypes", "other payment types"),
    ("cashDrawers", "cash drawers"),
    ("printers", "printers"),
    ("breakTypes", "break types"),
    ("payoutReasons", "payout reasons"),
    ("voidReasons", "void reasons"),
    ("noSaleReasons", "no-sale reasons"),
)

QUESTIONS = (
    (
        "app data",
        "drafts and archived menus",
        "Which menus or items are unpublished or archived in Toast and still wanted?",
    ),
    (
        "app data",
        "loyalty",
        "Is Toast Loyalty in use? Hand over a file of its members with points and rewards, exported from Toast Web.",
    ),
    (
        "app data",
        "gift cards",
        "Are Toast gift cards in circulation? Hand over a file of their numbers and balances, exported from Toast Web.",
    ),
    (
        "app data",
        "guests",
        "Is there a guest list with consent to be contacted? Hand over a file of it, with the consent: the API shows the "
        "guests of orders only, and no consent.",
    ),
    (
        "app data",
        "house accounts",
        "Which house accounts exist, and what does each owe today? Hand over a file of them: the API shows no balances.",
    ),
    ("app data", "reservations", "Is Toast Tables in use for reservations or a waitlist?"),
    (
        "workflows",
        "discounts",
        "When does each discount apply, and which need a manager? The API shows names and amounts only.",
    ),
    ("workflows", "roles", "Which roles may void, discount and open the drawer? Permissions are not in the API."),
    ("workflows", "tips", "How are tips pooled and paid out? The rules are not in the API."),
    (
        "workflows",
        "payroll",
        "Who runs payroll, with which overtime rules? Payroll runs are not in the API: hand over the provider's export.",
    ),
    ("workflows", "stock and recipes", "Is xtraCHEF in use for ingredients and recipes? They are not in the API."),
    ("devices", "kitchen displays", "How many kitchen displays are there, and which stations does each show?"),
    ("devices", "terminals and readers", "Which terminals, handhelds and card readers are in use?"),
    ("devices", "floor plan", "Is there a floor plan to rebuild? Tables have names in the API, no places."),
    (
        "devices",
        "screen layout",
        "Are buttons arranged in a certain order? The API shows colours and the order of the listing only.",
    ),
    (
        "integrations",
        "partners",
        "Which delivery services, accounting or scheduling partners are connected? The API lists none.",
    ),
)


async def permissions(session: ToastCalls, location: str) -> tuple[Permission, ...]:
    """One line per source entity. The token's own scopes say no; only an answer of the API says yes."""
    scopes = await session.scopes()
    found = []
    for entity, scope, path, params in RIGHTS:
        if scopes is not None and scope not in scopes:
            found.append(Permission(entity, scope, False, f"The token's scopes do not include {scope}."))
            continue
        if not path:
            granted = True if scopes is not None else None
            evidence = (
                f"The token's scopes include {scope}." if granted else "The token does not say; orders will show it."
            )
            found.append(Permission(entity, scope, granted, evidence))
            continue
        said = f"the token's scopes include {scope}, and " if scopes is not None else ""
        try:
            answer = await session.get(path.format(guid=location), location, params or None)
            found.append(Permission(entity, scope, True, f"{said}GET answers {answer.status}.".capitalize()))
        except NotFound:
            found.append(
                Permission(entity, scope, True, f"{said}GET is allowed; there is nothing there (404).".capitalize())
            )
        except PermissionMissing as error:
            found.append(Permission(entity, scope, False, f"GET is refused with 403: {error.reason}."))
    return tuple(found)


def reverse_level(scopes: frozenset[str] | None) -> ReverseLevel:
    """Menus can never be written through Toast's API; orders and stock can where the client has the right."""
    missing = [scope for scope in ("orders.orders:write", "stock:write") if scope not in (scopes or ())]
    menus = (
        "Toast's API cannot write menus or prices, and Toast takes no import files: changes of the menu made in AuraConnect are "
        "entered in Toast Web by hand"
    )
    if not missing:
        paid = (
            "go back as paid"
            if "orders.payments:write" in (scopes or ())
            else "go back open, as orders.payments:write is lacking"
        )
        return ReverseLevel(
            "A", f"Orders and stock can be written (orders.orders:write, stock:write); orders {paid}. {menus}."
        )
    if scopes is None:
        return ReverseLevel("C", f"The token does not say what it may do, so no write is assumed. {menus}.")
    return ReverseLevel(
        "C", f"This access lacks {' and '.join(missing)}. {menus}; sales go back as a day journal for accounting."
    )


async def audit(session: ToastCalls, location: str) -> tuple[AuditLine, ...]:
    """Everything the API shows about the restaurant, and the questions for what it does not show."""
    lines: list[AuditLine] = []
    lines += await _shown("locations", "management group", partial(_group, session, location))
    lines += await _shown("menu", "menus", partial(_menu, session, location))
    for name, label in CONFIG_LINES:
        lines += await _shown("configuration", label, partial(_list, session, location, name, label))
    lines += await _shown("configuration", "tip withholding", partial(_tips, session, location))
    lines += await _shown("workflows", "kitchen routing", partial(_kitchen, session, location))
    lines += await _shown("menu", "stock", partial(_stock, session, location))
    lines += await _shown("workflows", "online ordering", partial(_online, session, location))
    lines += await _shown("workflows", "online ordering now", partial(_availability, session, location))
    lines += await _shown("workflows", "online ordering hours", partial(_schedule, session, location))
    lines += await _shown("people", "jobs", partial(_jobs, session, location))
    lines += await _shown("people", "employees", partial(_employees, session, location))
    scopes = await session.scopes()
    lines.append(AuditLine("integrations", "rights of this access", ", ".join(sorted(scopes or ())) or "not said"))
    lines += [AuditLine(area, label, "not shown by Toast's API", question) for area, label, question in QUESTIONS]
    return tuple(lines)


async def _shown(area: str, label: str, ask: Callable[[], Awaitable[list[AuditLine]]]) -> list[AuditLine]:
    """The lines of one part, or one that says why it cannot be read."""
    try:
        return await ask()
    except (PermissionMissing, NotFound) as error:
        return [AuditLine(area, label, f"cannot be read: {_why(error)}", f"What should we know about {label}?")]


def _why(error: PosError) -> str:
    return "the right is missing" if isinstance(error, PermissionMissing) else "Toast has nothing there"


async def _group(session: ToastCalls, location: str) -> list[AuditLine]:
    siblings = await session.siblings(location)
    reached = {location, *session.restaurant_guids}
    others = [guid for guid in siblings if guid not in reached]
    question = "Shall these restaurants of the same group be migrated too? Connect them as well." if others else ""
    lines = [AuditLine("locations", "restaurants of the management group", str(len(siblings)))]
    if others and session.restaurant_guids:
        lines.append(AuditLine("locations", "not covered by these credentials", ", ".join(others), question))
    return lines


async def _menu(session: ToastCalls, location: str) -> list[AuditLine]:
    document = DECODER.decode((await session.get(paths.MENUS, location)).content)
    counted = count_menus(document)
    options = (document.get("modifierOptionReferences") or {}).values()
    groups = (document.get("modifierGroupReferences") or {}).values()
    pre_groups: Mapping[str, Any] = next((document[name] for name in PRE_MODIFIER_MAPS if document.get(name)), {})
    pre_modifiers = {one.get("guid") for group in pre_groups.values() for one in group.get("preModifiers") or ()}
    strategies = Counter(str(item.get("pricingStrategy")) for item in _distinct(document))
    numbers = (
        ("menus", len(document.get("menus") or ())),
        ("menu groups", sum(1 for _ in _menu_groups(document))),
        ("items", len(counted.items)),
        ("places of items", counted.places),
        ("modifier groups", len({group.get("guid") for group in groups})),
        ("modifier options", len(counted.options)),
        ("pre-modifiers", len(pre_modifiers)),
        ("items with a picture", sum(bool(item.get("image") or item.get("images")) for item in _distinct(document))),
        ("options that are items too", len(counted.options & counted.items)),
        ("options with stations of their own", sum(bool(one.get("prepStations")) for one in options)),
    )
    lines = [AuditLine("menu", label, str(count)) for label, count in numbers]
    lines += [AuditLine("menu", f"items priced as {name}", str(count)) for name, count in sorted(strategies.items())]
    lines.append(
        AuditLine("menu", "pictures", "links only", "Will the restaurant download its pictures before it leaves Toast?")
    )
    tags = {tag.get("name") for item in _distinct(document) for tag in item.get("itemTags") or ()}
    lines.append(AuditLine("custom fields", "item tags", ", ".join(sorted(filter(None, tags))) or "none"))
    return lines


def _menu_groups(document: Any) -> Iterator[Mapping[str, Any]]:
    stack = [group for menu in document.get("menus") or () for group in menu.get("menuGroups") or ()]
    while stack:
        group = stack.pop()
        yield group
        stack.extend(group.get("menuGroups") or ())


def _distinct(document: Any) -> list[Mapping[str, Any]]:
    """Every item once."""
    return list(
        {item.get("guid"): item for group in _menu_groups(document) for item in group.get("menuItems") or ()}.values()
    )


async def _list(session: ToastCalls, location: str, name: str, label: str) -> list[AuditLine]:
    listing = await session.listing(paths.CONFIG.format(name=name), location)
    count = len(listing.guids)
    question = "The list may be cut; how many are there in Toast Web?" if listing.doubts else ""
    if name == "discounts" and count:
        active = sum(bool(row.get("active")) for row in listing.rows)
        return [AuditLine("configuration", label, f"{count} ({active} active)", question)]
    if name == "printers":
        return [AuditLine("devices", label, str(count), question)]
    return [AuditLine("configuration", label, str(count), question)]


async def _jobs(session: ToastCalls, location: str) -> list[AuditLine]:
    rows = (await session.get(paths.JOBS, location)).json()
    current = sum(not row.get("deleted") for row in rows)
    return [AuditLine("people", "jobs", f"{len(rows)} ({current} in use)")]


async def _employees(session: ToastCalls, location: str) -> list[AuditLine]:
    rows = (await session.get(paths.EMPLOYEES, location)).json()
    current = sum(not (row.get("deleted") or row.get("disabled")) for row in rows)
    return [AuditLine("people", "employees", f"{len(rows)} ({current} working)")]


async def _tips(session: ToastCalls, location: str) -> list[AuditLine]:
    said = (await session.get(paths.CONFIG.format(name="tipWithholding"), location)).json()
    value = f"{said.get('percentage')} %" if said.get("enabled") else "off"
    return [AuditLine("configuration", "tip withholding", value)]


async def _kitchen(session: ToastCalls, location: str) -> list[AuditLine]:
    listing = await session.listing(paths.PREP_STATIONS, location)
    routes = Counter(str(row.get("expoRouting")) for row in listing.rows)
    value = ", ".join(f"{name}: {count}" for name, count in sorted(routes.items()))
    return [AuditLine("workflows", "prep stations", f"{len(listing.guids)} ({value})" if value else "0")]


async def _stock(session: ToastCalls, location: str) -> list[AuditLine]:
    rows = (await session.get(paths.INVENTORY, location)).json()
    states = Counter(str(row.get("status")) for row in rows)
    return [
        AuditLine("menu", "86'd now", str(states["OUT_OF_STOCK"])),
        AuditLine("menu", "counted now", str(states["QUANTITY"])),
    ]


async def _online(session: ToastCalls, location: str) -> list[AuditLine]:
    info = (await session.get(paths.RESTAURANT.format(guid=location), location)).json()
    online, delivery = info.get("onlineOrdering") or {}, info.get("delivery") or {}
    return [
        AuditLine("workflows", "online ordering", "was switched on" if online.get("enabled") else "never switched on"),
        AuditLine("workflows", "delivery", "on" if delivery.get("enabled") else "off"),
    ]


async def _availability(session: ToastCalls, location: str) -> list[AuditLine]:
    said = (await session.get(paths.AVAILABILITY, location)).json()
    return [AuditLine("workflows", "online ordering now", str(said.get("status")))]


async def _schedule(session: ToastCalls, location: str) -> list[AuditLine]:
    said = (await session.get(paths.ORDERING_SCHEDULE, location)).json()
    periods, overrides = said.get("servicePeriods") or (), said.get("overrides") or ()
    return [
        AuditLine("workflows", "online ordering hours", f"{len(periods)} service periods, {len(overrides)} exceptions")
    ]
