"""Staging people holds a chunk at a time in memory, however many there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.model import Batch
from aura_migration.canonical.options import MigrationOptions
from aura_migration.canonical.persons import chunks, stage_people
from aura_migration_tests.support.menus import make_integration, make_restaurant, make_subject
from aura_migration_tests.support.persons import Directory, KnownHashes

Connection = psycopg.Connection[Any]
PAGE = 100


def pages(number: int) -> Iterator[Batch]:
    """That many guests in pages as a POS sends them, every tenth in two profiles; each record as large as real ones are."""
    for first in range(0, number, PAGE):
        people = Directory()
        for n in range(first, first + PAGE):
            mail = f"guest{n - n % 10 if n % 10 < 2 else n}@example.com"
            people.guest(f"K{n:06}", f"Guest Number{n - n % 10}", mail, "4155550132", notes="x" * 200 + str(n))
        yield people


def peak(connection: Connection, merchant: str, number: int) -> int:
    """The most memory that Python held while that many guests were staged, in bytes."""
    integration = make_integration(connection, make_restaurant(connection), merchant=merchant)
    subject = make_subject(connection, integration, merchant)
    tracemalloc.start()
    try:
        found = stage_people(
            connection, subject.migration_id, pages(number), MigrationOptions(), region="US", suppressed=KnownHashes()
        )
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.entities["customers"]["rows"] == number
    assert found.people["merged_persons"] == number // 10
    assert len(found.people["merged"]) == min(number // 10, 500)
    return held


def test_more_guests_take_no_more_memory(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 1_000)
    peak(connection, "WARM", PAGE)
    few = peak(connection, "FEW", 2_000)
    many = peak(connection, "MANY", 10_000)
    assert few < 20 * 2**20
    assert many < few * 1.2 + 2**20
