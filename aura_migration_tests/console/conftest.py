"""Tests of the console meet it in a real browser, served by the command itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aura_migration_tests.support.browser import Browsing
from aura_migration_tests.support.worlds import (
    cafe_stages,
    connected,
    journey_template,
    make_world,
    open_pos,
    own_pace,
    planned,
    unhurried,
    verified,
    world,
)

__all__ = [
    "browsing",
    "cafe_stages",
    "connected",
    "journey_template",
    "make_world",
    "open_pos",
    "own_pace",
    "planned",
    "unhurried",
    "verified",
    "world",
]


@pytest.fixture(scope="session")
def browsing() -> Iterator[Browsing]:
    """One browser for all; each visit has its own cookies."""
    with Browsing() as opened:
        yield opened
