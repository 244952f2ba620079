"""Gates of a switch: each with its number when it passes, fails, is stale or was never measured."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from aura_migration_tests.support.windows import Planted, plant_window


@pytest.fixture
def planted(connection: psycopg.Connection[Any]) -> Planted:
    return plant_window(connection)


def test_a_window_with_all_its_evidence_lacks_only_the_signatures(planted: Planted) -> None:
    found = planted.gates()
    assert {name: one.value for name, one in found.items() if not one.holds} == {"two_people": "0 of 2 signed"}
