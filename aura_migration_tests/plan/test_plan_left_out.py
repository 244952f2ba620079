"""What the options leave out after it was loaded is still in the plan, skipped with its reason: nothing drops out unseen."""

from __future__ import annotations

from typing import Any

import psycopg

from aura_migration_tests.support.menus import actions, cafe, make_chain, migrate, plan_row, preview

Connection = psycopg.Connection[Any]


def test_a_loaded_record_that_is_left_out_from_now_on_is_skipped_not_forgotten(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    loaded = migrate(connection, subject, cafe())
    again = preview(connection, subject, cafe(), {"scope": {"excludeItems": ["AVO"]}})
    assert set(actions(connection, again, "items")) == set(actions(connection, loaded, "items"))
    assert actions(connection, again, "items")["AVO"] == "skip"
    assert plan_row(connection, again, "items", "AVO")["reason"]
    for entity, counts in loaded.counts.items():
        assert again.counts[entity]["source"] == counts["source"], entity
