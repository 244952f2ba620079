"""What stops a load: edits since the plan was made, keys that were taken, conflicts, pauses, rollbacks, other loaders."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.core.errors import PlanMoved, Refused
from aura_migration.database.connections import connect, session_lock, transaction_lock
from aura_migration.load.apply import LoadProgress, Stopped, apply_plan, check_fences, extent
from aura_migration.load.undo import undo_migration
from aura_migration.plan.planner import StoredPlan, Subject, restaurant_lock
from aura_migration_tests.support.menus import (
    LOAD_AT,
    Menu,
    aura_image,
    cafe,
    load,
    make_chain,
    migrate,
    one,
    plan_row,
    preview,
    rows,
    start_loading,
    totals,
    undo,
)

Connection = psycopg.Connection[Any]


def dearer() -> Menu:
    menu = cafe()
    for row in menu.batch.rows:
        if row.entity in ("items", "item_locations") and "price_cents" in row.values:
            row.values["price_cents"] += 10
    return menu


def stands_still(connection: Connection, subject: Subject, stored: StoredPlan, batch_rows: int = 5_000) -> PlanMoved:
    """The load is refused and leaves everything as it is."""
    before = aura_image(connection)
    applied = extent(connection, stored.plan_id).processed
    with pytest.raises(PlanMoved) as refused:
        load(connection, subject, stored.plan_id, batch_rows=batch_rows)
    assert aura_image(connection) == before
    assert extent(connection, stored.plan_id).processed == applied
    return refused.value


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE aura.menu_items SET name = 'House coffee' WHERE source_id = 'COF'",
        "UPDATE aura.menu_items SET price_cents = 310 WHERE source_id = 'COF'",
        "UPDATE aura.menu_items SET deleted_at = now() WHERE source_id = 'COF'",
        "UPDATE aura.menu_categories SET description = 'new' WHERE source_id = 'FOOD'",
        "DELETE FROM aura.price_rules",
    ],
)
def test_an_edit_since_the_plan_was_made_is_never_overwritten(connection: Connection, edit: str) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    stored = preview(connection, subject, dearer())
    assert totals(stored)["update"] == 5
    connection.execute(edit)
    moved = stands_still(connection, subject, stored)
    assert len(moved.details["moved"]) == 1
    assert [
        f"{m['entity']}:{m['source_key']}" for m in check_fences(connection, stored.plan_id, ENTITIES)
    ] == moved.details["moved"]
    delta = preview(connection, subject, dearer())
    assert delta.hash != stored.hash


def test_an_edit_that_changes_no_declared_column_does_not_stop_a_load(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    stored = preview(connection, subject, dearer())
    connection.execute("UPDATE aura.menu_items SET updated_at = now()")
    load(connection, subject, stored.plan_id)


def test_a_batch_before_the_edited_row_stays_and_a_new_plan_goes_on_from_there(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    before = aura_image(connection)
    migrate(connection, subject, cafe())
    stored = preview(connection, subject, dearer())
    connection.execute("UPDATE aura.menu_item_modifiers SET max_selections = 7")
    seq = plan_row(connection, stored, "item_modifier_groups", "L1/COF/MILK")["seq"]
    with pytest.raises(PlanMoved):
        load(connection, subject, stored.plan_id, batch_rows=5)
    applied = extent(connection, stored.plan_id).processed
    assert 0 < applied < seq
    connection.execute("UPDATE migration.migrations SET state = 'failed' WHERE id = %s", [subject.migration_id])
    rest = preview(connection, subject, dearer())
    assert one(connection, "SELECT state FROM migration.plans WHERE id = %s", [stored.plan_id]) == "superseded"
    load(connection, subject, rest.plan_id)
    assert one(connection, "SELECT max_selections FROM aura.menu_item_modifiers") == 7
    undone = undo(connection, subject, edited="undo")
    assert undone.kept == []
    assert aura_image(connection) == before


def test_a_record_made_by_another_location_since_is_not_made_twice(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    later = preview(connection, second, cafe("L2"))  # made before the first location was, so it stands on nothing
    earlier = preview(connection, first, cafe("L1"))
    assert earlier.stands_on == []
    load(connection, second, later.plan_id)
    stands_still(connection, first, earlier)
    anew = preview(connection, first, cafe("L1"))
    assert anew.counts["items"]["unchanged"] == 3
    load(connection, first, anew.plan_id)


def test_a_plan_with_undecided_conflicts_is_not_loaded(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    connection.execute(
        "INSERT INTO aura.menu_items (restaurant_id, name) VALUES (%s, 'Coffee')", [subject.restaurant_id]
    )
    stored = preview(connection, subject, cafe())
    before = aura_image(connection)
    with pytest.raises(Refused, match="1 conflicts"):
        load(connection, subject, stored.plan_id)
    assert aura_image(connection) == before


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("pause_requested = true", "paused"),
        ("state = 'rolling_back'", "rolling_back"),
        ("plan_id = NULL", "planned anew"),
    ],
)
def test_a_load_stops_between_two_batches_when_the_migration_says_so(
    connection: Connection, change: str, state: str
) -> None:
    (subject,) = make_chain(connection)
    stored = preview(connection, subject, cafe())
    start_loading(connection, subject, stored.plan_id)

    def stop(cursor: psycopg.Cursor[Any], at: LoadProgress) -> None:
        if at.processed == 10:
            cursor.execute(f"UPDATE migration.migrations SET {change}")

    with pytest.raises(Stopped) as stopped:
        apply_plan(connection, subject, stored.plan_id, ENTITIES, LOAD_AT, batch_rows=5, on_batch=stop)
    assert stopped.value.details["state"] == state
    assert extent(connection, stored.plan_id).processed == 10


def test_a_rollback_fences_a_running_load_off_and_leaves_nothing_of_it(connection: Connection, database: str) -> None:
    (subject,) = make_chain(connection)
    before = aura_image(connection)
    stored = preview(connection, subject, cafe())
    start_loading(connection, subject, stored.plan_id)
    is_inside, may_go_on = threading.Event(), threading.Event()
    ended: list[BaseException] = []

    def hold(cursor: psycopg.Cursor[Any], at: LoadProgress) -> None:
        if at.processed == 15:
            is_inside.set()
            may_go_on.wait(120)

    def loader() -> None:
        with connect(database, autocommit=True) as own:
            try:
                apply_plan(own, subject, stored.plan_id, ENTITIES, LOAD_AT, batch_rows=5, on_batch=hold)
            except Stopped as stopped:
                ended.append(stopped)

    thread = threading.Thread(target=loader)
    thread.start()
    assert is_inside.wait(120)
    undone: list[Any] = []

    def roll_back() -> None:
        with connect(database, autocommit=True) as own:
            own.execute("UPDATE migration.migrations SET state = 'rolling_back'")
            undone.append(undo_migration(own, subject, MENU_ENTITIES))

    other = threading.Thread(target=roll_back)
    other.start()
    may_go_on.set()
    thread.join(120)
    other.join(120)
    assert len(ended) == len(undone) == 1
    assert aura_image(connection) == before


def test_two_loaders_of_one_plan_write_every_row_once(connection: Connection, database: str) -> None:
    (subject,) = make_chain(connection)
    stored = preview(connection, subject, cafe())
    start_loading(connection, subject, stored.plan_id)
    failures: list[BaseException] = []

    def loader() -> None:
        with connect(database, autocommit=True) as own:
            try:
                apply_plan(own, subject, stored.plan_id, ENTITIES, LOAD_AT, batch_rows=3)
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=loader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    again = preview(connection, subject, cafe())
    assert totals(again)["unchanged"] == totals(again)["source"]
    assert one(connection, "SELECT count(*) FROM migration.journal") == totals(stored)["create"]


def test_a_lock_left_by_a_dead_worker_is_gone_with_it_and_a_plan_half_built_leaves_nothing(
    connection: Connection, database: str
) -> None:
    (subject,) = make_chain(connection)
    preview(connection, subject, Menu())
    dead = psycopg.connect(database)
    transaction_lock(dead, restaurant_lock(subject.restaurant_id))
    dead.execute("INSERT INTO migration.plans (migration_id, kind) VALUES (%s, 'preview')", [subject.migration_id])
    connection.execute("SELECT pg_terminate_backend(%s)", [dead.info.backend_pid])
    stored = preview(connection, subject, cafe())
    load(connection, subject, stored.plan_id)
    assert rows(connection, "SELECT DISTINCT state FROM migration.plans ORDER BY 1") == [("loaded",), ("superseded",)]
    dead.close()


def test_planning_waits_for_a_load_of_the_same_restaurant(connection: Connection, database: str) -> None:
    (subject,) = make_chain(connection)
    with (
        connect(database, autocommit=True) as other,
        session_lock(other, restaurant_lock(subject.restaurant_id)),
        connect(database, autocommit=True, lock_timeout=0.2) as impatient,
        pytest.raises(psycopg.errors.LockNotAvailable),
    ):
        preview(impatient, subject, cafe())
    assert one(connection, "SELECT count(*) FROM migration.plans") == 0


def test_the_journal_does_not_depend_on_the_time_zone_of_a_session(connection: Connection, database: str) -> None:
    (subject,) = make_chain(connection)
    before = aura_image(connection)
    with psycopg.connect(database, autocommit=True) as elsewhere:
        elsewhere.execute("SET TimeZone = 'Asia/Kathmandu'")
        migrate(elsewhere, subject, cafe())
    assert undo(connection, subject).kept == []
    assert aura_image(connection) == before
