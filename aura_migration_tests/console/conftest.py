"""Tests of the console meet it in a real browser, served by the command itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aura_migration_tests.support.browser import Browsing
from aura_migration_tests.support.console import RunningConsole
from aura_migration_tests.support.worlds import Stages


@pytest.fixture(scope="session")
def browsing() -> Iterator[Browsing]:
    """One browser for all; each visit has its own cookies."""
    with Browsing() as opened:
        yield opened


@pytest.fixture(scope="session")
def console(cafe_stages: Stages) -> Iterator[RunningConsole]:
    """The console of a café whose plan waits for approval, for tests that leave it there; its POS is closed."""
    with cafe_stages.without_pos("planned") as world, RunningConsole(world) as running:
        yield running
