"""Clover's people witness against the sandbox's own knowledge, and against answers written by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from aura_migration.pos.clover.people_witness import people_facts
from aura_migration.pos.people_facts import CustomerFact, StaffFact, TimecardFact, WageFact
from aura_migration_tests.pos.clover.clover_bench import Bench

MakeBench = Callable[..., Bench]
AUTUMN = datetime(2026, 10, 1, tzinfo=UTC)
"""When the sandbox's staff has just worked its last shifts."""


def stamp(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize("scenario", ["cafe", "diner"])
def test_the_witness_says_what_the_sandbox_knows(bench: MakeBench, scenario: str) -> None:
    where = bench(scenario)
    where.taken_at = AUTUMN
    at = where.locations()[0].source_id
    facts = list(people_facts(where.extract(at), at, "USD"))
    truth: dict[str, list[dict[str, Any]]] = where.truth()
    answers = {"yes": "granted", "no": "denied", "unknown": "unknown"}
    assert {fact for fact in facts if isinstance(fact, CustomerFact)} == {
        CustomerFact(
            f"{at}/{row['id']}",
            row["given_name"] or None,
            row["family_name"] or None,
            row["email"] or None,
            row["phone"] or None,
            answers[row["marketing"]],  # type: ignore[arg-type]
        )
        for row in truth["customers"]
        if row["location"] == at
    }
    assert {fact for fact in facts if isinstance(fact, StaffFact)} == {
        StaffFact(f"{at}/{row['id']}", row["name"], True)
        for row in truth["staff"]
        if row["location"] == at and row["active"]
    }
    assert {fact for fact in facts if isinstance(fact, TimecardFact)} == {
        TimecardFact(
            f"{at}/{row['id']}",
            f"{at}/{row['employee']}",
            stamp(row["start"]),
            stamp(row["end"]),
            row["declared_tip_cents"],
            0,  # type: ignore[arg-type]
        )
        for row in truth["timecards"]
        if row["location"] == at
        and row["start"] is not None
        and (row["clock_in"] is None or row["clock_in"] >= "2025-10-02")  # a year is read
    }
    roles = {row["id"]: row["name"] for row in truth["roles"]}
    assert sorted(fact for fact in facts if isinstance(fact, WageFact)) == sorted(
        WageFact(f"{at}/{row['id']}", roles[role], None)
        for row in truth["staff"]
        if row["location"] == at and row["active"]
        for role in row["roles"]
    )
    keys = [fact.key for fact in facts if isinstance(fact, CustomerFact | StaffFact | TimecardFact)]
    assert len(keys) == len(set(keys))
