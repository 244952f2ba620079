"""A whole menu, there and back: what is planned is loaded, a second time changes nothing, undone it is as before."""

from __future__ import annotations

import psycopg

from aura_migration_tests.support.menus import (
    aura_image,
    cafe,
    load,
    make_chain,
    migrate,
    preview,
    sold,
    totals,
    undo,
)


def test_a_menu_is_planned_loaded_sold_and_undone_to_the_byte(connection: psycopg.Connection) -> None:
    (subject,) = make_chain(connection)
    before = aura_image(connection)
    stored = migrate(connection, subject, cafe())
    assert totals(stored)["create"] == totals(stored)["source"]
    assert sold(connection)["COF-L"] == ("L", "fixed", 450, True, True)

    undone = undo(connection, subject)
    assert undone.kept == []
    assert aura_image(connection) == before


def test_running_everything_twice_changes_nothing(connection: psycopg.Connection) -> None:
    (subject,) = make_chain(connection)
    stored = migrate(connection, subject, cafe())
    loaded = aura_image(connection)
    assert load(connection, subject, stored.plan_id).processed == totals(stored)["source"]
    again = preview(connection, subject, cafe())
    assert totals(again)["unchanged"] == totals(again)["source"]
    load(connection, subject, again.plan_id)
    assert aura_image(connection) == loaded
