"""Time stamps of Square become one text per instant, and versions whose order is that of time."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest

from aura_migration.core.clock import utc_text
from aura_migration.pos.square.orders.dating import version_of, when

STAMPS = [  # in the order of time
    "2026-01-07T17:35Z",
    "2026-01-07T17:35:57Z",
    "2026-01-07T17:35:57.000001Z",
    "2026-01-07T17:35:57.09Z",
    "2026-01-07T19:35:57.1+02:00",
    "2026-01-07 17:35:57.5Z",
    "2026-01-07T17:35:57,6Z",
    "2026-01-07T17:35:57.869000000Z",
    "2026-01-07T17:35:58",
    "20260107T173559Z",
]


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_time_stamp_has_the_canonical_text_of_its_instant(stamp: str) -> None:
    found = when(stamp)
    assert found is not None
    assert found.text == utc_text(found.instant)
    assert datetime.fromisoformat(version_of(stamp) + "+00:00") == found.instant


def test_versions_stand_in_the_order_of_time_and_none_is_before_all() -> None:
    versions = [version_of(stamp) for stamp in [None, "no time at all", *STAMPS]]
    assert versions[:2] == ["", ""]
    assert all(earlier < later for earlier, later in itertools.pairwise(versions[1:]))
