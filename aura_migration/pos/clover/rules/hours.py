"""Opening hours: sets of ranges per weekday, of the house, of an order type, or of a group of items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.core.ids import path
from aura_migration.pos.clover.rows import Rows
from aura_migration.pos.clover.rules.reading import Unclear, elements, live, pointed
from aura_migration.pos.clover.wire import Raw, is_deleted

DAYS = {
    "monday": "mon",
    "tuesday": "tue",
    "wednesday": "wed",
    "thursday": "thu",
    "friday": "fri",
    "saturday": "sat",
    "sunday": "sun",
}
ORDER_TYPE, ITEM_GROUP, UPDATES = "ORDER_TYPE", "ITEM_GROUP", "SOFTWARE_UPDATE_EXCLUSION"
MIDNIGHT = 2400


def map_hours(rows: Rows) -> None:
    """Every set, also those that only an order type shows; after the order types."""
    sets = dict(live(rows, "opening_hours"))
    for kind, raw in live(rows, "order_types").items():
        own = raw.get("hours")
        if isinstance(own, Mapping) and pointed(own) and pointed(own) not in sets and not is_deleted(own):
            sets[pointed(own)] = {**own, "reference": {"type": ORDER_TYPE, "id": kind}}
    house = [raw for raw in sets.values() if not _reference(raw)[0]]
    is_contradicted = any(_week(raw) != _week(house[0]) for raw in house)
    place = 0
    for ident, raw in sets.items():
        kind, of = _reference(raw)
        if kind == UPDATES:
            continue  # when devices may update themselves: declared in ``fields.py``
        try:
            if not kind and is_contradicted:
                raise Unclear(f"Clover has {len(house)} different sets of business hours: which are the house's?")
            values = _purpose(rows, ident, raw, kind, of)
        except Unclear as error:
            rows.reject("opening_hours", ident, str(error), source="opening_hours")
            continue
        for day in DAYS:
            place = _day(rows, ident, raw, day, values, place)


def _reference(raw: Raw) -> tuple[str, str]:
    """Kind and id of what the hours are of; empty for the house."""
    found = raw.get("reference")
    if not isinstance(found, Mapping):
        return "", ""
    return str(found.get("type") or ""), pointed(found)


def _week(raw: Raw) -> list[list[Any]]:
    return [[(one.get("start"), one.get("end")) for one in elements(raw.get(day))] for day in DAYS]


def _purpose(rows: Rows, ident: str, raw: Raw, kind: str, of: str) -> dict[str, Any]:
    name = raw.get("name") if isinstance(raw.get("name"), str) else None
    if not kind:
        return {"purpose": "business", "name": name}
    if kind == ITEM_GROUP:
        rows.remarks.note("opening_hours", "item_group", ident)
        return {"purpose": "other", "name": name}
    if kind != ORDER_TYPE:
        raise Unclear(f"The hours {name!r} are of {kind!r}, which Clover's documentation does not know.")
    if of not in live(rows, "order_types"):
        raise Unclear(f"The hours {name!r} are of an order type that Clover does not have (any more).")
    if not rows.usable("order_types", of):
        raise Unclear(f"The hours {name!r} are of an order type that is in quarantine itself.")
    return {"purpose": "order_type", "name": name, "order_type_key": rows.key(of)}


def _day(rows: Rows, ident: str, raw: Raw, day: str, values: Mapping[str, Any], place: int) -> int:
    """The ranges of one weekday; answers the place of the next row."""
    ranges = list(elements(raw.get(day)))
    bad = _overlapping(ranges)
    for number, one in enumerate(ranges):
        key = path(rows.at, ident, DAYS[day], str(number))
        record = f"opening_hours#{ident}"
        start, end = one.get("start"), one.get("end")
        opens, closes = _clock(start), _clock(end)
        reason = ""
        if opens is None or closes is None or start == MIDNIGHT:
            reason = f"On {day} the hours {values['name']!r} are {start!r} to {end!r}, which is no time of day."
        elif start == end:
            reason = f"On {day} the hours {values['name']!r} end when they begin ({opens}): open all day, or closed?"
        elif number in bad:
            reason = f"On {day} ranges of the hours {values['name']!r} overlap: which of them holds?"
        if reason:
            rows.batch.reject("opening_hours", key, reason, record)
            continue
        rows.batch.add(
            "opening_hours",
            key,
            None,
            record,
            **values,
            weekday=DAYS[day],
            opens=opens,
            closes=closes,
            display_order=place,
        )
        place += 1
    return place


def _overlapping(ranges: list[Raw]) -> set[int]:
    """The places of ranges that share time with another one of their day. A range past midnight ends with the day here."""
    spans = []
    for number, one in enumerate(ranges):
        start, end = one.get("start"), one.get("end")
        if isinstance(start, int) and isinstance(end, int):
            spans.append((start, MIDNIGHT if end <= start else end, number))
    found: set[int] = set()
    for place, (begin, until, number) in enumerate(spans):
        for other_begin, other_until, other in spans[place + 1 :]:
            if begin < other_until and other_begin < until:
                found |= {number, other}
    return found


def _clock(value: Any) -> str | None:
    """HHMM as ``HH:MM``; the end of the day is the next day's midnight."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MIDNIGHT or value % 100 > 59:
        return None
    return f"{value // 100 % 24:02d}:{value % 100:02d}"
