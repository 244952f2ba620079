"""The rules of business that Square states, as canonical rows: how orders are taken, discounted, charged, taxed and paid.

Rates and the items they apply to belong to the menu's mapping; discounts are in ``discounts.py``. Square shows no service
charges, no automatic gratuity, no tenders, no dining options and no tips of the till: those are concluded from orders
elsewhere, never here. Square API reference, sections 5, 6.9 and 17.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.losses import count_losses
from aura_migration.canonical.model import Batch
from aura_migration.canonical.rules import PRICING_POLICY
from aura_migration.core.ids import path
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square import fields
from aura_migration.pos.square.catalog import load_location
from aura_migration.pos.square.discounts import map_discounts
from aura_migration.pos.square.rows import Rows
from aura_migration.pos.square.schedules import Span, minutes
from aura_migration.pos.square.units import DAYS
from aura_migration.pos.square.wire import POS, Raw, decimal_text, decode

SMART_TIPS_BELOW = 1000
"""Minor units: below so much a checkout with smart tips offers sums instead of percentages (API reference, section 17)."""
RECEIPT = {
    "business_name": "receipt.business_name",
    "custom_receipt_text": "receipt.footer",
    "return_policy": "receipt.return_policy",
    "language_code": "receipt.language",
}
"""Fields of a location that are settings of its receipts."""
CHECKOUT = {
    "customer_notes_enabled": "orders.online_notes",
    "policies": "orders.online_policies",
    "coupons": "orders.online_coupons",
}
"""Fields of the online checkout that are settings of online orders."""
_TIME = re.compile(r"([01]\d|2[0-4]):[0-5]\d(:\d{2}(\.\d+)?)?")


def map_rules(reader: SnapshotReader, location: SourceLocation) -> Batch:
    """The rules of one location: rows, rejected records and losses."""
    rows = Rows(reader, location)
    own = load_location(reader, location.source_id)
    _setting(rows, PRICING_POLICY, "pricing", {"name": POS}, None)
    if own is not None:
        for name, key in RECEIPT.items():
            if own[1].get(name) not in (None, "", {}, []):
                _setting(rows, key, "receipt", own[1][name], own[1], f"locations#{rows.at}")
        _hours(rows, own[1])
    for checkout in _checkouts(reader, location.source_id):
        _checkout(rows, checkout)
    map_discounts(rows)
    rows.batch.losses.extend(rows.remarks.losses())
    return rows.batch


def _setting(rows: Rows, key: str, category: str, value: Any, source: Raw | None, record: str = "") -> None:
    rows.batch.add(
        "settings",
        path(rows.at, key),
        source,
        record,
        key=key,
        category=category,
        value=_told(value),
        is_inferred=False,
    )


def _told(value: Any) -> Any:
    """A setting's value: lists and mappings as they are, a switch as ``enabled``, anything else as ``text``."""
    if isinstance(value, list | Mapping):
        return value
    return {"enabled": value} if isinstance(value, bool) else {"text": str(value)}


# -- opening hours -----------------------------------------------------------------------------------------------------


def _hours(rows: Rows, own: Raw) -> None:
    """Business hours in the order of the week; a period that cannot be read, or that overlaps another, goes to quarantine."""
    hours = own.get("business_hours")
    listed = hours.get("periods") if isinstance(hours, Mapping) else None
    week = list(DAYS)
    counts: dict[str, int] = {}
    taken: dict[int, str] = {}
    found = [period for period in listed or () if isinstance(period, Mapping)]
    found.sort(key=lambda p: (week.index(day) if (day := _day(p)) in week else 7, str(p.get("start_local_time"))))
    for place, period in enumerate(found):
        day = _day(period)
        counts[day] = counts.get(day, 0) + 1
        key = path(rows.at, DAYS.get(day, "day"), str(counts[day]))
        start, end = str(period.get("start_local_time") or ""), str(period.get("end_local_time") or "")
        values = {"purpose": "business", "display_order": place}
        said = f"{period.get('day_of_week')} {start or '?'} to {end or '?'}"
        if day not in DAYS or not _TIME.fullmatch(start) or not _TIME.fullmatch(end):
            reason = f"The opening hours {said} cannot be read."
            rows.batch.reject("opening_hours", key, reason, f"locations#{rows.at}", **values)
            continue
        span = Span(DAYS[day], _clock(start), _clock(end))
        values = {**values, "weekday": span.day, "opens": span.start, "closes": span.end}
        covered = [minute % (7 * 24 * 60) for minute in minutes(span)]
        other = next((taken[minute] for minute in covered if minute in taken), None)
        if other is not None:
            reason = f"The opening hours {said} overlap {other}: which of them hold must be decided."
            rows.batch.reject("opening_hours", key, reason, f"locations#{rows.at}", **values)
            continue
        taken.update(dict.fromkeys(covered, said))
        rows.batch.add("opening_hours", key, period, f"locations#{rows.at}", **values)


def _day(period: Raw) -> str:
    return str(period.get("day_of_week") or "").upper()[:3]


def _clock(text: str) -> str:
    return "00:00" if text.startswith("24:") else text[:5]


# -- online checkout ---------------------------------------------------------------------------------------------------


def _checkouts(reader: SnapshotReader, location: str) -> Iterator[Raw]:
    for body in reader.bodies("checkout_settings"):
        document = decode(body.data)
        found = document.get("location_settings") if isinstance(document, Mapping) else None
        if isinstance(found, Mapping) and found.get("location_id") in (None, location):
            yield found


def _checkout(rows: Rows, found: Raw) -> None:
    record = f"checkout_settings#{rows.at}"
    for name, key in CHECKOUT.items():
        value = found.get(name)
        if value is not None and value not in ({}, []):
            _setting(rows, key, "orders", value, found, record)
    tipping = found.get("tipping")
    if isinstance(tipping, Mapping):
        _tips(rows, tipping, record)
    rows.batch.losses.extend(count_losses([found], "CHECKOUT", fields.CHECKOUT, lambda _: rows.at))


def _tips(rows: Rows, tipping: Raw, record: str) -> None:
    """Percentages and, for small orders, sums; a default that is not offered is a contradiction to decide."""
    is_smart = tipping.get("smart_tipping_enabled") is True
    offered = [decimal_text(value) for value in tipping.get("percentages") or ()]
    default = decimal_text(tipping.get("default_percent"))
    common = {"channel": "online", "is_active": True, "is_inferred": False}
    for place, percent in enumerate(offered):
        values = {**common, "is_default": percent == default, "display_order": place}
        key = path(rows.at, "online", str(place + 1))
        if percent is None or not 0 <= float(percent) <= 100 or percent in offered[:place]:
            reason = f"The tip of {tipping['percentages'][place]} % of the online checkout is none that can be offered."
            rows.batch.reject("tip_suggestions", key, reason, record, **values)
            continue
        rows.batch.add("tip_suggestions", key, tipping, record, rate_percent=percent, **values)
    if default is not None and offered and default not in offered:
        reason = f"The online checkout proposes a tip of {default} %, which is not among those it offers."
        rows.batch.reject(
            "tip_suggestions",
            path(rows.at, "online", "default"),
            reason,
            record,
            **{**common, "is_default": True, "rate_percent": default, "display_order": len(offered)},
        )
    first = tipping.get("default_smart_tip")
    proposed = first.get("amount") if isinstance(first, Mapping) else None
    for place, money in enumerate(tipping.get("smart_tips") or ()):
        cents = money.get("amount") if isinstance(money, Mapping) else None
        values = {
            "channel": "online",
            "is_active": is_smart,
            "is_inferred": False,
            "is_default": cents is not None and cents == proposed,
            "display_order": len(offered) + place,
        }
        key = path(rows.at, "online", "small", str(place + 1))
        if not isinstance(cents, int) or cents < 0:
            reason = f"A sum that the online checkout proposes as a tip cannot be read: {money}."
            rows.batch.reject("tip_suggestions", key, reason, record, **values)
            continue
        rows.batch.add("tip_suggestions", key, tipping, record, amount_cents=cents, **values)
    if is_smart:
        value = {"below_cents": SMART_TIPS_BELOW, "channel": "online"}
        _setting(rows, "tips.sums_below", "tips", value, tipping, record)
