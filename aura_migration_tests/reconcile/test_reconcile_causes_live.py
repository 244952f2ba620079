"""Every difference that is put between the two systems is called by its name, at each POS, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from aura_migration.migration.window.days import reconcile_due
from aura_migration.reconcile.causes import Cause
from aura_migration.reconcile.day import DayVerdict, store_day
from aura_migration.sandbox.live.injecting import CAUSES
from aura_migration.sandbox.live.shadow import SHADOWED
from aura_migration.sandbox.live.trading import TradingDay
from aura_migration_tests.support.live import FIRST_DAY, LiveWorld, open_live, prepared

__all__ = ["open_live"]

ORDERS = 3
UNSEEN = {("toast", "twin", "missing_order")}
"""What nobody can see: with rights to read Toast shows no reference of another client's, so that a lost original leaves no trace."""
PLACES = [
    pytest.param(pos, way, marks=[] if (way, pos) == ("twin", "square") else [pytest.mark.soak])
    for way in ("twin", "shadow")
    for pos in ("square", "toast", "clover")
]


def judged(world: LiveWorld, known: dict[str, object], way: str) -> dict[date, DayVerdict]:
    """A day per cause, and the verdicts. What is put wrong for everybody is mended behind its day."""
    found: dict[date, DayVerdict] = {}
    day = FIRST_DAY
    for cause in known:
        try:
            world.day(day, ORDERS, [cause], follows=way == "shadow", setup=way == "shadow")
        except LookupError:  # this café has not what it takes
            continue
        if way == "shadow":
            found[day] = world.judge(day)
            store_day(world.connection, world.migration_id, found[day])
            world.restaurant.mend()
        day += timedelta(days=1)
    last = day - timedelta(days=1)
    world.wait_until(world.judged_at(last))
    world.follow()
    if way == "twin":
        found = {
            one.business_date: one
            for one in reconcile_due(world.at(), world.migration_id, world.now, "test", papers=False)
        }
    return found


@pytest.mark.parametrize(("pos", "way"), PLACES)
def test_every_cause_is_called_by_its_name(open_live: Callable[..., LiveWorld], pos: str, way: str) -> None:
    world = open_live(pos)
    if way == "twin":
        world.open_doors()
    verdicts = judged(world, dict(CAUSES if way == "twin" else SHADOWED), way)
    unnamed = []
    for one in world.injected:
        verdict = verdicts.get(one.day)
        if one.settles_at is not None or verdict is None or (pos, way, one.cause) in UNSEEN:
            continue
        named = {str(f.cause) for f in verdict.findings if f.order_key == one.order}
        if one.cause not in named and not (way == "shadow" and one.cause in LATER):
            unnamed.append(f"{one.cause} of {one.day} ({one.part} {one.cents}): {sorted(named)}")
    if way == "twin":
        skewed = [f for v in verdicts.values() for f in v.findings if f.cause is Cause.CLOCK_SKEW]
        assert skewed and all(f.status == "explained" for f in skewed), "other orders show that the clock was off"
    put = {one.order for one in world.injected}
    strange = [
        f"{day}: {f.order_key} {f.cause} {f.part} {f.cents}"
        for day, verdict in verdicts.items()
        for f in verdict.findings
        if f.order_key not in put and f.status != "explained"
    ]
    assert verdicts and not unnamed and not strange, "\n".join([*unnamed, "--", *strange])


LATER = frozenset({"late_void", "refund_day", "late_order"})
"""What comes after its day was judged; followed and judged again it has settled."""


@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_a_month_in_which_nothing_goes_wrong_is_clean(open_live: Callable[..., LiveWorld], pos: str) -> None:
    """Thirty business dates, guests in one system and twins in both, closing after midnight: no false alarm."""
    world = open_live(pos)
    world.days(FIRST_DAY, MONTH, 2, follow_every=MONTH)
    nothing_is_reported(world)


@pytest.mark.soak
@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_a_month_at_thirty_five_locations_raises_no_alarm(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory, pos: str
) -> None:
    """One account, its restaurants trading day by day beside each other under one clock; each is followed and judged by itself."""
    chain = prepared(postgres_server, template_database, tmp_path_factory.getbasetemp() / "chain", pos, locations=35)
    with chain.worlds() as worlds:
        assert len({world.location_key for world in worlds}) == 35
        for number in range(MONTH):
            for world in worlds:
                world.restaurant.trade(TradingDay(FIRST_DAY + timedelta(days=number), 2))
        last = FIRST_DAY + timedelta(days=MONTH - 1)
        worlds[0].wait_until(max(world.judged_at(last) for world in worlds))
        for world in worlds:
            world.follow()
            nothing_is_reported(world)


MONTH = 30


def nothing_is_reported(world: LiveWorld) -> None:
    """Each business date of a month is clean, and has what was sold."""
    verdicts = reconcile_due(world.at(), world.migration_id, world.now, "test", papers=False)
    off = [
        (one.business_date.isoformat(), one.verdict, one.reasons, one.findings[:3])
        for one in verdicts
        if one.verdict != "clean"
    ]
    ours = [one for one in verdicts if one.business_date >= FIRST_DAY]
    assert len(ours) == MONTH and not [one for one in off if one[0] >= FIRST_DAY.isoformat()], off
    truth = world.truth()
    for one in ours:
        known = truth[one.business_date.isoformat()]
        assert (one.orders_pos, one.gross_cents) == (known["orders"], known["gross_cents"])
    assert all(one.unexplained_cents == one.missing == one.extra == 0 for one in ours)
    assert {str(c) for c in Cause} >= {str(f.cause) for one in verdicts for f in one.findings}
