"""A defect in the middle of a run: what Dagster stores, what the request says, what the command prints."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.core.errors import BadInput
from aura_migration.migration import planning, stages
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.worlds import Started

CANARY = "ada.lovelace@canary.test"
TABLES = (
    "event_logs",
    "runs",
    "run_tags",
    "job_ticks",
    "migration.requests",
    "migration.progress",
    "migration.transitions",
)


def _stored(world: World) -> str:
    rows = (str(row) for table in TABLES for row in world.rows(f"SELECT * FROM {table}"))  # type: ignore[arg-type]
    return "\n".join(rows)


def _breaks(monkeypatch: pytest.MonkeyPatch, error: BaseException, cause: BaseException | None = None) -> None:
    def fail(*arguments: Any, **named: Any) -> None:
        raise error from cause

    monkeypatch.setattr(stages, "canonicalise", fail)
    monkeypatch.setattr(planning, "canonicalise", fail)


def test_what_a_foreign_exception_says_is_stored_and_printed_nowhere(
    connected: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = connected.world
    _breaks(monkeypatch, KeyError(CANARY), ValueError(f"row: {CANARY}"))
    answer = world.call("preview", connected.integration, "--json")
    assert answer.code == 3 and answer.json["error"] == "KeyError"
    assert "test_orchestration_faults.py" in answer.json["what"]
    assert CANARY not in answer.out + answer.err + _stored(world)
    ((state, result),) = world.rows("SELECT state, result FROM migration.requests")
    assert state == "failed" and result["error"] == "KeyError" and result["exit_code"] == 3
    (path,) = (world.workshop.settings.data_dir / "faults").iterdir()
    assert str(path) in answer.json["remedy"] and CANARY not in path.read_text()


def test_an_error_of_ours_keeps_its_words_but_not_the_foreign_one_behind_it(
    connected: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = connected.world
    _breaks(monkeypatch, BadInput("The record items 7 is unusable.", "Correct it."), ValueError(f"row: {CANARY}"))
    answer = world.call("preview", connected.integration, "--json")
    assert answer.code == 2
    assert (answer.json["what"], answer.json["remedy"]) == ("The record items 7 is unusable.", "Correct it.")
    stored = _stored(world)
    assert "The record items 7 is unusable." in stored
    assert CANARY not in answer.out + answer.err + stored


def test_a_defect_of_a_command_without_dagster_is_told_by_kind_and_place(
    connected: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aura_migration.cli import steering

    def fail(*arguments: Any) -> None:
        raise LookupError(CANARY)

    monkeypatch.setattr(steering, "list_migrations", fail)
    answer = connected.world.call("migrations", "--json")
    assert answer.code == 3 and answer.json["error"] == "LookupError"
    assert CANARY not in answer.out + answer.err and "Traceback" not in answer.err
