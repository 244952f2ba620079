"""Every difference that is put between the two systems is called by its name, at each POS, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from aura_migration.migration.window.days import reconcile_due
from aura_migration.reconcile.causes import Cause
from aura_migration.sandbox.live.injecting import CAUSES
from aura_migration.sandbox.live.shadow import SHADOWED
from aura_migration_tests.support.live import FIRST_DAY, LiveWorld, open_live

__all__ = ["open_live"]

POLLUTING = ("rounding",)
"""What is put wrong for every order from then on: it comes last."""
ORDERS = 4


def put(world: LiveWorld, known: dict[str, object]) -> dict[str, str]:
    """A day per cause; which cause was put into which day."""
    causes = [c for c in known if c not in POLLUTING] + [c for c in known if c in POLLUTING]
    done: dict[str, str] = {}
    day = FIRST_DAY
    for cause in causes:
        try:
            world.day(day, ORDERS, [cause], follows=False)
        except LookupError:  # this café has not what it takes
            continue
        done[cause] = day.isoformat()
        day += timedelta(days=1)
    world.wait_until(world.judged_at(day - timedelta(days=1)))
    world.follow()
    return done


@pytest.mark.parametrize("way", ["twin", "shadow"])
@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_every_cause_is_called_by_its_name(open_live: Callable[..., LiveWorld], pos: str, way: str) -> None:
    world = open_live(pos)
    if way == "twin":
        world.open_doors()
    put_in = put(world, dict(CAUSES if way == "twin" else SHADOWED))
    verdicts = {one.business_date: one for one in reconcile_due(world.at(), world.migration_id, world.now, "test")}
    unnamed = []
    for cause in put_in:
        for one in world.injected:
            if one.cause != cause or one.settles_at is not None:
                continue
            verdict = verdicts.get(one.day)
            if verdict is None:
                continue
            named = {str(f.cause) for f in verdict.findings if f.order_key == one.order}
            if cause not in named:
                unnamed.append(f"{cause} of {one.day} ({one.part} {one.cents}): {sorted(named)}")
    strange = [
        f"{day}: {f.order_key} {f.cause} {f.part} {f.cents}"
        for day, verdict in verdicts.items()
        for f in verdict.findings
        if f.order_key not in {one.order for one in world.injected} and f.status != "explained"
    ]
    assert not unnamed and not strange, "\n".join([*unnamed, "--", *strange])


@pytest.mark.parametrize("pos", ["square", "toast", "clover"])
def test_a_month_in_which_nothing_goes_wrong_is_clean(open_live: Callable[..., LiveWorld], pos: str) -> None:
    """Thirty business dates, guests in one system and twins in both, closing after midnight: no false alarm."""
    world = open_live(pos)
    world.days(FIRST_DAY, 30, ORDERS, follow_every=10)
    verdicts = reconcile_due(world.at(), world.migration_id, world.now, "test")
    off = [
        (one.business_date.isoformat(), one.verdict, one.reasons, one.findings[:3])
        for one in verdicts
        if one.verdict != "clean"
    ]
    ours = [one for one in verdicts if one.business_date >= FIRST_DAY]
    assert len(ours) == 30 and not [one for one in off if one[0] >= FIRST_DAY.isoformat()], off
    truth = world.truth()
    for one in ours:
        known = truth[one.business_date.isoformat()]
        assert (one.orders_pos, one.gross_cents) == (known["orders"], known["gross_cents"])
    assert all(one.unexplained_cents == one.missing == one.extra == 0 for one in ours)
    assert {str(c) for c in Cause} >= {str(f.cause) for one in verdicts for f in one.findings}
