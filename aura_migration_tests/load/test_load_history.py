"""Orders and money of the past, loaded batch by batch and taken back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import OrderItem, Refund
from aura_migration.canonical.history.tables import tables_of
from aura_migration.core.errors import PlanMoved
from aura_migration.database.connections import connect
from aura_migration.load.apply import LoadProgress, Stopped
from aura_migration.load.history import StagingLost, load_history, undo_history
from aura_migration.plan.planner import Subject
from aura_migration_tests.support import database as support
from aura_migration_tests.support.menus import (
    LOAD_AT,
    actions,
    cafe,
    make_chain,
    make_subject,
    migrate,
    one,
    preview,
    rows,
    sold,
    undo,
)
from aura_migration_tests.support.staged_orders import (
    HISTORY_TABLES,
    RULES,
    gone,
    group,
    history,
    history_image,
    migrate_history,
    order,
    payment,
    placed,
    preview_history,
    refund,
    stage_again,
)

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def with_menu(postgres_server: str, template_database: str) -> Iterator[tuple[str, Subject]]:
    """A database in which a location's menu is loaded, to be cloned."""
    name = f"with_menu_{os.getpid()}"
    url = support.create(postgres_server, name, template_database)
    try:
        with connect(url, autocommit=True) as opened:
            (subject,) = make_chain(opened)
            migrate(opened, subject, cafe())
        yield name, subject
    finally:
        support.drop(postgres_server, name)


@pytest.fixture
def database(postgres_server: str, with_menu: tuple[str, Subject]) -> Iterator[str]:
    with support.clone(postgres_server, with_menu[0]) as url:
        yield url


@pytest.fixture
def subject(with_menu: tuple[str, Subject]) -> Subject:
    """Whose menu that is."""
    return with_menu[1]


def test_documents_become_rows_with_their_references(database: str, connection: Connection, subject: Subject) -> None:
    loaded = migrate_history(
        database,
        connection,
        subject,
        [
            [order("O1", 2, group="G1"), payment("P1", "O2")],
            [group("G1"), order("O2", 1, item="OLD"), refund("R1", "O1", "P1")],
        ],
    )
    assert (loaded.batches, loaded.kept) == (2, 0)
    first, second = placed(connection, "orders", "O1"), placed(connection, "orders", "O2")
    assert first["order_group_id"] == placed(connection, "order_groups", "G1")["id"]
    assert placed(connection, "payments", "P1")["order_id"] == second["id"], "an order of a later batch"
    assert placed(connection, "refunds", "R1")["payment_id"] == placed(connection, "payments", "P1")["id"]
    assert (first["is_historical"], first["source_vendor"], first["migration_run_id"]) == (
        True,
        "square",
        subject.migration_id,
    )
    lines = rows(
        connection,
        """
        SELECT i.order_id, m.name, v.name, x.name, d.price_adjustment_cents, t.rate_percent::text, r.name
        FROM aura.order_items i JOIN aura.menu_items m ON m.id = i.menu_item_id
        JOIN aura.menu_item_variations v ON v.id = i.variation_id
        JOIN aura.order_item_modifiers d ON d.order_item_id = i.id JOIN aura.modifiers x ON x.id = d.modifier_id
        JOIN aura.order_taxes t ON t.order_item_id = i.id JOIN aura.tax_rates r ON r.id = t.tax_rate_id ORDER BY i.id
        """,
    )
    assert lines == [
        (first["id"], "Coffee", "S", "Oat", 60, "8.00", "Sales tax"),
        (first["id"], "Coffee", "S", "Oat", 60, "8.00", "Sales tax"),
        (second["id"], "Coffee 0", "S", "Oat", 60, "8.00", "Sales tax"),
    ]


def test_a_rollback_leaves_nothing(database: str, connection: Connection, subject: Subject) -> None:
    before = history_image(connection)
    migrate_history(database, connection, subject, history(40, 4))
    loaded = history_image(connection)
    assert all(loaded[table] for table in HISTORY_TABLES[:12])
    rehearsed = undo_history(connection, subject, rehearse=True)
    assert history_image(connection) == loaded
    undone = undo_history(connection, subject)
    assert undone.as_dict() == rehearsed.as_dict()
    assert undone.kept == []
    assert undone.counts["orders"] == {"removed": 40}
    assert history_image(connection) == before


def test_a_changed_order_keeps_its_id_and_comes_back_with_the_rollback(
    database: str, connection: Connection, subject: Subject
) -> None:
    migrate_history(database, connection, subject, [[order("O1", 2), order("O2", 1), payment("P1", "O1")]])
    first = history_image(connection)
    migrate_history(
        database, connection, subject, [[order("O1", 3, tip_amount_cents=7), order("O2", 1), payment("P1", "O1", 999)]]
    )
    assert placed(connection, "orders", "O1")["tip_amount_cents"] == 7
    assert (
        one(
            connection,
            "SELECT count(*) FROM aura.order_items WHERE order_id = %s",
            [placed(connection, "orders", "O1")["id"]],
        )
        == 3
    )
    second = history_image(connection)
    migrate_history(
        database,
        connection,
        subject,
        [[order("O1", 1, tip_amount_cents=8), gone("orders", "O2"), gone("payments", "P1")]],
    )
    assert placed(connection, "orders", "O2")["voided_at_source"]
    assert placed(connection, "payments", "P1")["deleted_at"] is not None
    batches = [row[0] for row in rows(connection, "SELECT id FROM migration.history_batches ORDER BY id")]
    assert len(batches) == 3
    del first, second
    undone = undo_history(connection, subject)
    assert undone.kept == []
    assert undone.counts == {"orders": {"restored": 3, "removed": 2}, "payments": {"restored": 2, "removed": 1}}
    assert all(not history_image(connection)[table] for table in HISTORY_TABLES)


def test_versions_come_back_one_after_the_other(database: str, connection: Connection, subject: Subject) -> None:
    migrate_history(database, connection, subject, [[order("O1", 2), payment("P1", "O1")], [order("O2", 1)]])
    first = history_image(connection)
    second = follower(connection, subject)
    changed = [[gone("orders", "O2"), order("O1", 3, tip_amount_cents=7)], [payment("P1", "O1", 999)]]
    for _ in range(2):  # what was put back once can be replaced and put back again
        migrate_history(database, connection, second, changed)
        assert history_image(connection) != first
        undone = undo_history(connection, second)
        assert undone.as_dict() == {"documents": {"orders": {"restored": 2}, "payments": {"restored": 1}}, "kept": []}
        assert history_image(connection) == first
        second = follower(connection, second)
    assert undo_history(connection, subject).kept == []
    assert all(not history_image(connection)[table] for table in HISTORY_TABLES)


def follower(connection: Connection, subject: Subject) -> Subject:
    """The next migration of the same location; the one before is over."""
    connection.execute("UPDATE migration.migrations SET state = 'completed' WHERE id = %s", [subject.migration_id])
    return make_subject(connection, subject.integration_id)


EDITS = {
    "root": "UPDATE aura.orders SET table_no = '7' WHERE id = %(id)s",
    "saved": "UPDATE aura.orders SET updated_at = updated_at WHERE id = %(id)s",
    "child": "UPDATE aura.order_taxes SET name = 'VAT' WHERE id = (SELECT min(id) FROM aura.order_taxes WHERE order_id = %(id)s)",
    "child gone": "DELETE FROM aura.order_item_modifiers WHERE id = (SELECT max(id) FROM aura.order_item_modifiers WHERE order_id = %(id)s)",
    "child more": "INSERT INTO aura.order_discounts (restaurant_id, order_id, name, amount_cents) VALUES (1, %(id)s, 'Sorry', 5)",
    "all gone": "DELETE FROM aura.order_service_charges WHERE order_id = %(id)s",
}


@pytest.mark.parametrize("restored", [False, True], ids=["as_loaded", "as_restored"])
def test_what_people_changed_is_neither_replaced_nor_removed(
    database: str, connection: Connection, subject: Subject, restored: bool
) -> None:
    migrate_history(database, connection, subject, [[order(key, 2) for key in (*EDITS, "theirs", "ours")]])
    last = subject
    if restored:
        last = follower(connection, last)
        migrate_history(database, connection, last, [[order(key, 1) for key in EDITS]])
        undo_history(connection, last)
    ids = {key: placed(connection, "orders", key)["id"] for key in EDITS}
    for key, edit in EDITS.items():
        connection.execute(edit, {"id": ids[key]})
    theirs = {key: document_image(connection, ids[key]) for key in EDITS}
    last = follower(connection, last)
    loaded = migrate_history(database, connection, last, [[order(key, 1) for key in (*EDITS, "ours")]])
    assert loaded.kept == len(EDITS)
    assert {key: document_image(connection, ids[key]) for key in EDITS} == theirs
    assert undo_history(connection, last).counts == {"orders": {"restored": 1}}
    undone = undo_history(connection, subject)
    assert undone.counts == {"orders": {"removed": 2, "kept": len(EDITS)}}
    assert {(k["source_key"], k["id"], k["reason"]) for k in undone.kept} == {
        (key, ids[key], "people changed it since") for key in EDITS
    }
    assert {key: document_image(connection, ids[key]) for key in EDITS} == theirs
    assert one(connection, "SELECT count(*) FROM aura.orders") == len(EDITS)


def document_image(connection: Connection, order_id: int) -> list[Any]:
    """An order with everything that hangs on it."""
    found = rows(connection, "SELECT t::text FROM aura.orders t WHERE id = %s", [order_id])
    for child in tables_of("orders")[1:]:
        found += rows(
            connection, f"SELECT t::text FROM aura.{child.name} t WHERE order_id = %s ORDER BY id", [order_id]
        )
    return found


def test_an_order_that_people_removed_stays_removed(database: str, connection: Connection, subject: Subject) -> None:
    migrate_history(database, connection, subject, [[order("O1", 1), order("O2", 1)]])
    second = follower(connection, subject)
    plan_id = preview_history(connection, second, [[order("O1", 2)]])
    aura_id = placed(connection, "orders", "O1")["id"]
    for child in tables_of("orders")[1:]:
        connection.execute(f"DELETE FROM aura.{child.name} WHERE order_id = %s", [aura_id])
    connection.execute("DELETE FROM aura.orders WHERE id = %s", [aura_id])
    assert load_history(database, second, plan_id, LOAD_AT).kept == 1
    assert undo_history(connection, second).counts == {}
    assert undo_history(connection, subject).counts == {"orders": {"removed": 1, "gone_already": 1}}


def test_what_something_that_stays_points_at_stays(database: str, connection: Connection, subject: Subject) -> None:
    documents = [group("G1"), group("G2"), order("O1", 1, group="G1"), order("O2", 1, group="G2"), order("O3", 1)]
    documents += [payment("P1", "O1"), payment("P2", "O2")]
    migrate_history(database, connection, subject, [documents])
    connection.execute("UPDATE aura.payments SET tender_name = 'Amex' WHERE source_id = 'P1'")
    connection.execute(
        "INSERT INTO aura.refunds (restaurant_id, location_id, business_date, amount_cents, currency, status, order_id) "
        "SELECT restaurant_id, location_id, business_date, 5, 'USD', 'completed', id FROM aura.orders WHERE source_id = 'O3'"
    )
    undone = undo_history(connection, subject)
    assert [(k["document"], k["source_key"], k["reason"]) for k in undone.kept] == [
        ("order_groups", "G1", "still used by orders"),
        ("orders", "O1", "still used by payments, tip_records"),
        ("orders", "O3", "still used by refunds"),
        ("payments", "P1", "people changed it since"),
    ]
    assert undone.counts["orders"] == {"removed": 1, "kept": 2}


def test_lines_of_items_off_the_menu_get_an_archived_placeholder(
    database: str, connection: Connection, subject: Subject
) -> None:
    last, earlier = order("O1", 1, day="2026-03-01", item="OLD"), order("O2", 1, day="2026-01-01", item="OLD")
    last.rows[1] = OrderItem("Pumpkin latte", "1", 777, 777, menu_item_key="OLD")
    migrate_history(database, connection, subject, [[last, earlier], [refund("R1", None, None, "OLDER")]])
    made = placed(connection, "menu_items", "OLD")
    assert (made["name"], made["price_cents"]) == ("Pumpkin latte", 777)
    assert (made["is_active"], made["is_available"], made["listing"], made["deleted_at"]) == (
        False,
        False,
        "listed",
        LOAD_AT,
    )
    assert (
        one(
            connection,
            "SELECT count(DISTINCT menu_item_id) FROM aura.order_items WHERE menu_item_id = %s",
            [made["id"]],
        )
        == 1
    )
    assert (
        one(connection, "SELECT m.name FROM aura.refund_items i JOIN aura.menu_items m ON m.id = i.menu_item_id")
        == "Coffee"
    )
    second = follower(connection, subject)
    migrate_history(database, connection, second, [[order("O3", 1, item="OLD")]])
    assert one(connection, "SELECT count(*) FROM aura.menu_items WHERE source_id = 'OLD'") == 1, "found again"
    assert undo_history(connection, subject).counts["placeholders"] == {"kept_needed": 1, "removed": 1}
    assert placed(connection, "menu_items", "OLD") == made


def test_a_placeholder_that_people_took_up_stays(database: str, connection: Connection, subject: Subject) -> None:
    migrate_history(database, connection, subject, [[order("O1", 1, item="OLD")]])
    connection.execute("UPDATE aura.menu_items SET deleted_at = NULL, is_active = true WHERE source_id = 'OLD'")
    assert undo_history(connection, subject).counts["placeholders"] == {"kept_edited": 1}


def test_placeholders_are_nothing_to_the_menu(database: str, connection: Connection, subject: Subject) -> None:
    migrate_history(database, connection, subject, [[order("O1", 1, item="OLD")]])
    before = sold(connection)
    menu = cafe()
    menu.item("NEW", "Coffee 0")  # the name the placeholder has
    stored = preview(connection, follower(connection, subject), menu)
    assert actions(connection, stored, "items") == {
        "AVO": "unchanged",
        "EGG": "unchanged",
        "COF": "unchanged",
        "NEW": "create",
    }
    assert sold(connection) == before


def test_a_menu_item_that_an_order_points_at_is_archived(
    database: str, connection: Connection, subject: Subject
) -> None:
    migrate_history(database, connection, subject, [[order("O1", 1), payment("P1", "O1")]])
    connection.execute(
        "INSERT INTO aura.orders (restaurant_id, location_id, business_date, business_date_rule, status, currency, subtotal_cents, final_amount_cents) "
        "SELECT restaurant_id, location_id, business_date, '', 'completed', 'USD', 1, 1 FROM aura.orders"
    )
    connection.execute(
        "INSERT INTO aura.order_items (restaurant_id, order_id, item_name, quantity, price_cents, line_subtotal_cents, menu_item_id) "
        "SELECT o.restaurant_id, o.id, 'Egg', 1, 1, 1, m.id FROM aura.orders o, aura.menu_items m WHERE o.source_id IS NULL AND m.source_id = 'EGG'"
    )
    with connection.transaction(force_rollback=True):
        rehearsed = undo_history(connection, subject), undo(connection, subject, rehearse=True)
    done = undo_history(connection, subject), undo(connection, subject)
    assert [one.as_dict() for one in done] == [one.as_dict() for one in rehearsed]
    assert done[1].counts["menu_items"] == {"archived": 1, "removed": 2}
    assert done[1].counts["modifiers"] == {"removed": 3}
    assert placed(connection, "menu_items", "EGG")["deleted_at"] is not None


# -- stopping and going on ----------------------------------------------------------------------------------------------


def test_a_pause_stops_between_two_batches_and_the_rest_follows(
    database: str, connection: Connection, subject: Subject
) -> None:
    plan_id = preview_history(connection, subject, history(20, 5))
    told: list[tuple[int, int]] = []

    def pause(cursor: psycopg.Cursor[Any], at: LoadProgress) -> None:
        told.append((at.processed, at.total))
        if len(told) == 2:
            cursor.execute("UPDATE migration.migrations SET pause_requested = true")

    with pytest.raises(Stopped, match="is paused"):
        load_history(database, subject, plan_id, LOAD_AT, on_batch=pause, connections=1)
    assert one(connection, "SELECT count(*) FROM migration.history_batches WHERE loaded_at IS NOT NULL") == 2
    connection.execute("UPDATE migration.migrations SET pause_requested = false")
    loaded = load_history(database, subject, plan_id, LOAD_AT, on_batch=pause)
    assert (len(told), told[-1]) == (5, (loaded.rows, loaded.rows))
    assert load_history(database, subject, plan_id, LOAD_AT) == loaded, "nothing left to do"


def test_a_staging_that_a_crash_emptied_is_asked_for_again_and_the_load_goes_on(
    database: str, connection: Connection, subject: Subject
) -> None:
    batches = history(20, 4)
    plan_id = preview_history(connection, subject, batches)
    load_some(database, connection, subject, plan_id, 2)
    tables = rows(
        connection,
        "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'staging'::regnamespace AND relkind = 'r'",
    )
    for (name,) in tables:
        connection.execute(f"TRUNCATE staging.{name}")
    with pytest.raises(StagingLost):
        load_history(database, subject, plan_id, LOAD_AT)
    stage_again(connection, subject, batches)
    load_history(database, subject, plan_id, LOAD_AT)
    continued = history_image(connection)
    assert len(continued["orders"]) == 20
    undone = undo_history(connection, subject)
    assert (undone.kept, undone.counts["orders"]) == ([], {"removed": 20})


def load_some(database: str, connection: Connection, subject: Subject, plan_id: int, batches: int) -> None:
    """Load some batches, then pause, and be ready to go on."""
    done: list[int] = []

    def pause(cursor: psycopg.Cursor[Any], at: LoadProgress) -> None:
        done.append(at.processed)
        if len(done) == batches:
            cursor.execute("UPDATE migration.migrations SET pause_requested = true")

    with pytest.raises(Stopped):
        load_history(database, subject, plan_id, LOAD_AT, on_batch=pause, connections=1)
    connection.execute("UPDATE migration.migrations SET pause_requested = false")


def test_two_loaders_at_once_write_every_batch_once(database: str, connection: Connection, subject: Subject) -> None:
    plan_id = preview_history(connection, subject, history(60, 10))
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(load_history, database, subject, plan_id, LOAD_AT) for _ in range(2)]
    first, second = (end.result() for end in ends)
    assert first == second
    assert one(connection, "SELECT count(*) FROM aura.orders") == 60
    assert one(connection, "SELECT count(*) FROM aura.payments WHERE order_id IS NULL") == 0
    assert undo_history(connection, subject).kept == []


def test_bodies_that_are_in_are_noted_but_not_what_is_to_be_told_of_again(
    database: str, connection: Connection, subject: Subject
) -> None:
    bad = Document("orders", "BAD", "1", [], fault="no date")
    migrate_history(database, connection, subject, [[order("O1"), order("O2"), order("O3"), bad]])
    noted = rows(connection, "SELECT sha256, rules, documents FROM migration.history_bodies ORDER BY 1")
    assert noted == [("body1b", RULES, 2)], "the other body holds the one in quarantine"
    undo_history(connection, subject)
    assert one(connection, "SELECT count(*) FROM migration.history_bodies") == 0


def test_what_the_pos_shows_again_after_all_stands_again(
    database: str, connection: Connection, subject: Subject
) -> None:
    documents = [order("O1"), payment("P1", "O1")]
    migrate_history(database, connection, subject, [documents])
    first = history_image(connection)
    second = follower(connection, subject)
    migrate_history(database, connection, second, [[gone("orders", "O1"), gone("payments", "P1")]])
    marked = history_image(connection)
    third = follower(connection, second)
    migrate_history(database, connection, third, [documents])
    assert not placed(connection, "orders", "O1")["voided_at_source"]
    assert placed(connection, "payments", "P1")["deleted_at"] is None
    undo_history(connection, third)
    assert history_image(connection) == marked
    undo_history(connection, second)
    assert history_image(connection) == first


def test_a_document_that_stands_already_stops_its_batch(
    database: str, connection: Connection, subject: Subject
) -> None:
    plan_id = preview_history(connection, subject, [[order("O1"), order("O2")]])
    connection.execute(
        "INSERT INTO aura.orders (restaurant_id, location_id, business_date, business_date_rule, status, currency, subtotal_cents, "
        "final_amount_cents, source_id) SELECT restaurant_id, id, '2026-01-01', '', 'completed', 'USD', 1, 1, 'O2' FROM aura.locations"
    )
    with pytest.raises(PlanMoved, match="stands in AuraConnect already"):
        load_history(database, subject, plan_id, LOAD_AT)
    assert one(connection, "SELECT count(*) FROM aura.orders") == 1
    assert one(connection, "SELECT count(*) FROM aura.order_items") == 0


def test_what_was_set_off_in_an_exchange_goes_when_its_order_sets_it_off_no_more(
    database: str, connection: Connection, subject: Subject
) -> None:
    def exchange(key: str) -> Document:
        root = Refund("2026-01-05", 500, "USD", "completed", tender_name="Exchange", return_order_key=key.split(":")[0])
        return Document("refunds", key, "1", [root])

    kept = [order("KEPT"), exchange("KEPT:r1")]
    migrate_history(database, connection, subject, [[order("SWAP"), exchange("SWAP:r1"), exchange("SWAP:r2"), *kept]])
    first = history_image(connection)
    second = follower(connection, subject)
    changed = order("SWAP", 3)
    changed.version = "2"
    migrate_history(database, connection, second, [[changed, exchange("SWAP:r2"), *kept]])
    standing = rows(connection, "SELECT source_id FROM aura.refunds WHERE deleted_at IS NULL ORDER BY 1")
    assert [key for (key,) in standing] == ["KEPT:r1", "SWAP:r2"]
    undo_history(connection, second)
    assert history_image(connection) == first
