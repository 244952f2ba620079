"""Guests and staff of Toast over HTTP: what is read, what stays outside, and which rows it becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from aura_migration.archive.free_text import without_secrets
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch, Row
from aura_migration.pos.toast import CONNECTOR
from aura_migration_tests.pos.toast.conftest import Toast
from aura_migration_tests.support.ciphers import PlainSeals

OCTOBER = datetime(2026, 10, 1, 9, tzinfo=UTC)
PEOPLE = ("jobs", "employees", "time_entries", "orders", "guests", "delivery_addresses")
WITH_BREAKS = ("config", *PEOPLE)


def people(reader: SnapshotReader, location: Any) -> Batch:
    """All batches as one."""
    whole = Batch()
    for part in CONNECTOR.map_people(reader, location, PlainSeals()):
        whole.rows += part.rows
        whole.rejected += part.rejected
        whole.losses += part.losses
    return whole


class Told:
    """One location's people, extracted and mapped, beside the truth."""

    def __init__(self, toast: Toast, **given: Any) -> None:
        toast.calm()
        self.toast, self.truth = toast, toast.truth
        self.location = next(
            one for one in toast.discover(**given).locations if one.source_id == self.truth["locations"][0]["id"]
        )
        self.at = self.location.source_id
        self.reader = toast.extract(self.at, WITH_BREAKS, OCTOBER, **given)
        self.batch = people(self.reader, self.location)

    def rows(self, entity: str) -> dict[str, Row]:
        return {row.key: row for row in self.batch.rows if row.entity == entity}

    def values(self, entity: str, *names: str) -> dict[str, tuple[Any, ...]]:
        return {key: tuple(row.values.get(name) for name in names) for key, row in self.rows(entity).items()}

    def about(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.truth[kind] if one.get("location") == self.at]


@pytest.fixture(scope="module")
def told(serve_toast: Callable[..., Toast]) -> Callable[[str], Told]:
    held: dict[str, Told] = {}

    def tell(scenario: str) -> Told:
        if scenario not in held:
            held[scenario] = Told(serve_toast(scenario))
        return held[scenario]

    return tell


@pytest.fixture(params=["cafe", "diner"])
def place(request: pytest.FixtureRequest, told: Callable[[str], Told]) -> Told:
    return told(request.param)


def test_everything_of_people_is_certified(place: Told) -> None:
    found = {one.entity: (one.status, one.explain()) for one in place.reader.certificates() if one.entity in PEOPLE}
    assert {name: status for name, (status, _) in found.items()} == dict.fromkeys(PEOPLE, "complete"), found
    assert place.batch.rejected == []


def test_every_guest_of_the_year_arrives_as_the_newest_order_has_them(place: Told) -> None:
    expected = {
        one["id"]: (one["given_name"], one["family_name"], one["email"], one["phone"])
        for one in place.about("customers")
    }
    print(len(expected), len(place.rows("customers")))
    assert place.values("customers", "first_name", "last_name", "email", "phone") == expected
