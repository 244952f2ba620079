"""Orders of which a history has only one: open, promised, in hours that come twice, at the edge of a day, odd words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.orders import kinds
from aura_migration.sandbox.toast.orders.past import Single
from aura_migration.sandbox.toast.orders.sheet import Sheet
from aura_migration.sandbox.toast.people.model import DAY, HOUR, MINUTE, SECOND


def singles(
    ids: Ids, key: str, last: date, latest: int, zone: str, closeout_hour: int, business_date: Callable[[int], date]
) -> list[Single]:
    """The single orders of a location whose history ends on ``last``, at ``latest``."""
    place = ZoneInfo(zone)

    def local(day: date, hour: int, minute: int = 0, second: int = 0, fold: int = 0) -> int:
        moment = datetime(day.year, day.month, day.day, hour, minute, second, fold=fold, tzinfo=place)
        return int(moment.astimezone(UTC).timestamp()) * 1000

    def at(name: str, opened: int, *, after: int = 7 * HOUR, **fields: object) -> Single:
        day = business_date(opened)
        made = Single(name, opened, day, min(opened + after, latest))
        return replace(made, **fields)  # type: ignore[arg-type]

    soon = latest + 3 * DAY
    found = [
        at("open check, nothing paid", latest - HOUR, closed=None, paid=False),
        at("open check, card authorized", latest - 2 * HOUR, closed=None),
        at("check left open for weeks", latest - 21 * DAY, closed=None, paid=False),
        at("future order, paid", latest - 3 * HOUR, closed=None, promised=soon, day=business_date(soon),
           kind=kinds.FUTURE, change=_future),
        at("future order, not paid", latest - 4 * HOUR, closed=None, promised=soon, day=business_date(soon), paid=False,
           change=_future),
        at("future order, not approved", latest - 5 * HOUR, closed=None, promised=soon, day=business_date(soon),
           paid=False, change=_unapproved),
        at("after midnight, before close-out", local(last - timedelta(days=9), 1, 40), after=4 * HOUR),
        at("at the minute of close-out", local(last - timedelta(days=8), closeout_hour), after=20 * HOUR),
        at("a second before close-out", local(last - timedelta(days=8), closeout_hour) - SECOND, after=HOUR),
        at("unknown enum values", local(last - timedelta(days=7), 13), change=_unknown_words),
        at("server and table that no list knows", local(last - timedelta(days=6), 13), change=lambda made: _nobody(made, ids, key)),
        at("opened fourteen months ago, changed in September", local(last - timedelta(days=425), 13),
           modified=latest - 12 * DAY),
        at("three checks, the payments of one split", local(last - timedelta(days=5), 19), kind=kinds.SPLIT_PAYMENT),
    ]  # fmt: skip
    for change in _clock_changes(last, place):
        fall = change.month > 6
        if fall:
            first, second = local(change, 1, 30), local(change, 1, 30, fold=1)
            found.append(at("in the hour that comes twice, first time", first, after=3 * HOUR))
            found.append(at("in the hour that comes twice, second time", second, after=2 * HOUR))
        else:
            found.append(at("before the hour that is left out", local(change, 1, 59), after=2 * HOUR))
            found.append(at("after the hour that is left out", local(change, 3, 1), after=55 * MINUTE))
    return found


def _clock_changes(last: date, zone: ZoneInfo) -> list[date]:
    """The days in the year before ``last`` on which clocks are changed there."""
    found = []
    for back in range(366):
        day = last - timedelta(days=back)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
        if noon.utcoffset() != (noon - timedelta(days=1)).utcoffset():
            found.append(day)
    return found


def _future(made: Sheet) -> None:
    made.approval, made.source = "FUTURE", "Online"


def _unapproved(made: Sheet) -> None:
    made.approval, made.source = "NEEDS_APPROVAL", "Catering Online Ordering"


def _unknown_words(made: Sheet) -> None:
    made.source, made.approval = "Toast Hologram", "PONDERED"
    bill = made.bills[0]
    bill.lines[0].kind, bill.lines[0].status, bill.lines[0].unit = "BUNDLE", "PLATED", "STONE"
    for one in bill.payments:
        one.kind, one.status = "SEASHELLS", "SETTLED"


def _nobody(made: Sheet, ids: Ids, key: str) -> None:
    made.server = ids.uuid("employee nobody knows", key)
    made.table = ids.uuid("table nobody knows", key)
    for _, one in made.payments():
        one.server = made.server
