"""Tests of the console meet it in a real browser, served by the command itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from aura_migration_tests.support.browser import browser
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
    "cafe_stages",
    "chromium_browser",
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
def chromium_browser() -> Iterator[Browser]:
    """One browser for all; each visit has its own cookies."""
    with browser() as opened:
        yield opened
