"""Which part of the past is read: not what is still to come, and again what the POS did not show before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from aura_migration.canonical.options import HistoryOptions, MigrationOptions
from aura_migration.core.errors import BadInput
from aura_migration.migration import stages
from aura_migration.migration.extraction import pinned
from aura_migration.migration.records import open_migration
from aura_migration.migration.spans import wanted_span
from aura_migration.sandbox.core.server import serve
from aura_migration.settings import Settings
from aura_migration_tests.support.journeys import Connected, connected, control

NOW = datetime(2026, 9, 28, 15, tzinfo=UTC)


def test_a_history_that_ends_in_the_future_is_refused_and_one_that_ends_now_is_not() -> None:
    with pytest.raises(BadInput, match="still to come") as refused:
        wanted_span(HistoryOptions(until=datetime(2026, 9, 28, 15, 1, tzinfo=UTC)), NOW)
    assert "leave it out" in refused.value.remedy
    assert wanted_span(HistoryOptions(until=NOW), NOW) is not None


def test_what_a_missing_right_hid_is_read_once_the_right_is_there_also_where_nothing_else_is_to_be_read(
    settings: Settings,
) -> None:
    def statuses(at: Connected) -> tuple[list[str], int]:
        with at.workshop.connect() as connection:
            migration = open_migration(connection, at.integration, at.locations[0], options)
        stages.extract(at.workshop, migration.id, datetime.now(UTC), "test")
        with at.workshop.connect() as connection:
            refs = [ref for ref in pinned(connection, migration.id) if ref.scope == "history"]
        return [c.status for ref in refs for c in ref.certificates if c.entity == "disputes"], len(refs)

    options = MigrationOptions(history=HistoryOptions(months=1))
    with serve("square", "cafe", seed=1, limits="off") as sandbox:
        at = connected(replace(settings, now=NOW), "square", sandbox.base_url)
        control(sandbox.base_url, "POST", "tokens", {"op": "drop_scope", "scope": "DISPUTES_READ"})
        assert statuses(at) == (["not_extracted"], 1)
        for _ in range(2):
            assert statuses(at) == (["not_extracted", "not_extracted"], 2), (
                "what was asked for in vain does not pile up"
            )
        control(sandbox.base_url, "POST", "tokens", {"op": "add_scope", "scope": "DISPUTES_READ"})
        assert statuses(at) == (["not_extracted", "complete"], 2)
        assert statuses(at) == (["not_extracted", "complete"], 2), "and is not asked for again"
