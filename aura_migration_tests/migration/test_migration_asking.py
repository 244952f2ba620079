"""Asking for work: one request for one thing, all locations or none, and reasons that are kept."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.errors import Refused
from aura_migration.migration import asking, requests, stages
from aura_migration.migration.integrations import get_integration
from aura_migration.migration.records import get_migration
from aura_migration_tests.support.worlds import Started


def test_starting_what_is_under_way_tells_so_and_asks_for_nothing_new(approved: Started) -> None:
    workshop, number = approved.world.workshop, approved.migration

    def start() -> asking.Asked:
        with workshop.connect() as connection:
            integration = get_integration(connection, approved.integration)
            (asked,) = asking.ask_start(workshop, connection, integration, (), None, "olga")
            return asked

    first = start()
    assert (first.asked_for, first.migration_id) == ("run", number) and first.request_id is not None
    with workshop.connect() as connection:
        assert requests.claim(connection, first.request_id, "daemon", "run-1")
        connection.execute("UPDATE migration.migrations SET state = 'loading' WHERE id = %s", [number])
        assert start().request_id == first.request_id, "joined while it loads"
        with pytest.raises(Refused, match="its source is not read now"):
            integration = get_integration(connection, approved.integration)
            asking.ask_preview(workshop, connection, integration, (), MigrationOptions(), "olga")
        requests.finish(connection, first.request_id, {"error": "Boom", "what": "Broken.", "exit_code": 3}, failed=True)
        failed = asking.last_request(connection, number)
        assert failed is not None and failed["dagster_run_id"] == "run-1"
        assert failed["problem"] == {"title": "Boom", "detail": "Broken.", "remedy": ""}
    alone = start()
    assert (alone.asked_for, alone.request_id) == ("nothing", None) and "being loaded" in alone.next
    assert len(approved.world.rows("SELECT id FROM migration.requests WHERE requested_by = 'olga'")) == 1
    told: dict[str, Any] = approved.world.ok("status", number)["request"]
    assert told["dagster_url"].endswith("/runs/run-1")


def test_the_reason_of_a_rollback_stands_in_the_history(verified: Started) -> None:
    workshop, number = verified.world.workshop, verified.migration
    with workshop.connect() as connection:
        migration = get_migration(connection, number)
        asked = asking.ask_rollback(connection, migration, "anna", "keep", "the wrong menu")
        again = asking.ask_rollback(connection, migration, "bert", "keep", "as Anna says")
        assert asked.id == again.id and asked.options["reason"] == "the wrong menu"
        with pytest.raises(Refused, match="with other options"):
            asking.ask_rollback(connection, migration, "bert", "undo")
    stages.undo(workshop, number, "anna", reason=asked.options["reason"])
    history = verified.world.ok("status", number)["history"]
    assert [step["reason"] for step in history if step["state"] == "rolling_back"] == ["the wrong menu"]
