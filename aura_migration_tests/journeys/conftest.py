"""Journeys run on worlds of their own."""

import pytest

from aura_migration.pos.clover import client as clover
from aura_migration.pos.http.limits import NO_LIMITS, Limit, LimitPolicy
from aura_migration.pos.square import client as square
from aura_migration.pos.toast import client as toast
from aura_migration_tests.support.worlds import (
    approved,
    cafe,
    cafe_stages,
    connected,
    journey_template,
    make_world,
    open_pos,
    planned,
    verified,
    world,
)

__all__ = [
    "approved",
    "cafe",
    "cafe_stages",
    "connected",
    "journey_template",
    "make_world",
    "open_pos",
    "planned",
    "verified",
    "world",
]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own pace towards the POS, which tests of its own hold against the clock, is lifted."""
    monkeypatch.setattr(square, "LIMITS", NO_LIMITS)
    monkeypatch.setattr(toast, "LIMITS", NO_LIMITS)
    fast = (Limit("app", "app {app}", 1000), Limit("token", "token {token}", 1000, concurrency=3))
    monkeypatch.setattr(clover, "LIMITS", LimitPolicy(fast))
