"""Every seed makes a restaurant: none is so unlucky that a part of its story finds nobody to happen to."""

from __future__ import annotations

import pytest

from aura_migration.sandbox.core.server import build


def test_every_square_café_has_guests_with_points_whatever_its_seed() -> None:
    for seed in range(1, 61):
        people = build("square", "cafe", seed).world.people
        balances = [account.balance for account in people.accounts]
        assert len(balances) >= 3 and min(balances) < 0, f"seed {seed}: nobody owes points"


@pytest.mark.parametrize("pos", ["toast", "clover"])
def test_every_other_café_is_built_whatever_its_seed(pos: str) -> None:
    for seed in range(1, 61, 3):
        built = build(pos, "cafe", seed)
        assert (built.pos, built.seed) == (pos, seed) and built.credentials()["default"]
