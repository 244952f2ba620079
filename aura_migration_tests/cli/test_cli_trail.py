"""The audit trail of the command line: who changed what, also what was refused; who only looks leaves nothing."""

from __future__ import annotations

from typing import Any

import click
import psycopg
import pytest

from aura_migration.cli.main import cli
from aura_migration.cli.trail import CHANGING
from aura_migration_tests.support.worlds import Started


def trail(at: Started) -> list[tuple[Any, ...]]:
    with at.world.connect() as connection:
        return connection.execute(
            "SELECT door, actor, action, outcome, migration_id, detail FROM migration.audit_trail ORDER BY id"
        ).fetchall()


def test_what_changes_something_leaves_a_row_with_who_and_how_it_ended(planned: Started) -> None:
    before = len(trail(planned))
    number, plan_hash = planned.migration, planned.plan["plan_hash"]
    planned.world.ok("status", number)
    planned.world.ok("conflicts", "list", number)
    assert len(trail(planned)) == before, "looking leaves nothing"
    planned.world.fails(2, "approve", number, "--plan-hash", "0" * 64, "--by", "Ada")
    planned.world.ok(
        "approve", number, "--plan-hash", plan_hash, "--by", "Ada", "--reason", "the owner, Ms. Secretive, agreed"
    )
    refused, done = trail(planned)[before:]
    assert refused[:5] == ("cli", "Ada", "approve", "refused", number)
    assert done == ("cli", "Ada", "approve", "done", number, {"plan_hash": plan_hash})


def test_rows_of_the_trail_can_neither_be_changed_nor_removed(planned: Started) -> None:
    planned.world.fails(2, "approve", planned.migration, "--plan-hash", "0" * 64, "--by", "Ada")
    with planned.world.connect() as connection:
        for statement in (
            "UPDATE migration.audit_trail SET actor = 'nobody'",
            "DELETE FROM migration.audit_trail",
            "TRUNCATE migration.audit_trail",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
                connection.execute(statement.encode())
    assert trail(planned)[-1][1] == "Ada"


def test_every_changing_command_is_one() -> None:
    def names(group: click.Group, before: str = "") -> set[str]:
        found: set[str] = set()
        for name, command in group.commands.items():
            found |= names(command, f"{before}{name} ") if isinstance(command, click.Group) else {f"{before}{name}"}
        return found

    assert names(cli) >= CHANGING
    for name in CHANGING:
        command: Any = cli
        for part in name.split():
            command = command.commands[part]
        assert command.callback.__code__.co_name == "noted", name
