"""Planning a staged history: what becomes of each document, counts, totals, reserved ids, the hash, the quarantine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.staging import stage_history
from aura_migration.canonical.options import MigrationOptions, parse_options
from aura_migration.database.connections import connect
from aura_migration.plan.ground import Subject
from aura_migration.plan.history import HistoryPlan, judge_history, plan_history, settle_batches
from aura_migration_tests.support.histories import NOW, Told, ToldSource, order, payment, record, told
from aura_migration_tests.support.menus import make_chain, one, rows

Connection = psycopg.Connection[Any]
EVERYTHING = MigrationOptions()


def make_plan(connection: Connection, subject: Subject) -> int:
    query = "INSERT INTO migration.plans (migration_id, kind, options) VALUES (%s, 'preview', '{}') RETURNING id"
    return int(one(connection, query, [subject.migration_id]))


def planned(
    connection: Connection,
    url: str,
    subject: Subject,
    source: ToldSource,
    options: MigrationOptions = EVERYTHING,
    **more: Any,
) -> tuple[int, HistoryPlan]:
    """Stage and plan; the plan's id and what it says."""
    stage_history(url, subject.migration_id, source, rules="r", now=NOW, **more)
    plan_id = make_plan(connection, subject)
    found = plan_history(connection, subject, plan_id, options, rules="r")
    assert found is not None
    return plan_id, found


def verdicts(connection: Connection, subject: Subject) -> dict[str, tuple[str, int | None]]:
    """Verdict and id per key, of what is not superseded."""
    name = shapes.staged(subject.migration_id, shapes.DOCUMENTS).as_string()
    found = rows(connection, f"SELECT source_key, verdict, aura_id FROM {name} WHERE verdict <> 'superseded'")
    return {key: (verdict, aura_id) for key, verdict, aura_id in found}


def stand(connection: Connection, subject: Subject) -> dict[str, int]:
    """What is staged and created stands in AuraConnect from now on: ids of roots by key. Children are left out."""
    location = one(
        connection,
        "INSERT INTO aura.locations (restaurant_id, name, timezone) VALUES (%s, 'L1', 'UTC') RETURNING id",
        [subject.restaurant_id],
    )
    connection.execute(
        "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
        "first_migration_id, last_migration_id) VALUES (%s, %s, 'locations', 'L1', 'locations', %s, %s, %s)",
        [subject.restaurant_id, subject.integration_id, location, subject.migration_id, subject.migration_id],
    )
    names = [shapes.staged(subject.migration_id, name).as_string() for name in ("documents", "orders", "payments")]
    ids = "restaurant_id, location_id, source_id, source_hash, source_version, business_date, currency, status"
    taken = "%s, %s, d.source_key, d.content_hash, d.version, r.business_date, r.currency, r.status"
    found = rows(
        connection,
        f"INSERT INTO aura.orders ({ids}, business_date_rule, subtotal_cents, final_amount_cents) "
        f"SELECT {taken}, r.business_date_rule, r.subtotal_cents, r.final_amount_cents "
        f"FROM {names[0]} d JOIN {names[1]} r USING (batch, doc) WHERE verdict = 'create' RETURNING source_id, id",
        [subject.restaurant_id, location],
    )
    found += rows(
        connection,
        f"INSERT INTO aura.payments ({ids}, method, tender_name, amount_cents) SELECT {taken}, r.method, r.tender_name, r.amount_cents "
        f"FROM {names[0]} d JOIN {names[2]} r USING (batch, doc) WHERE verdict = 'create' RETURNING source_id, id",
        [subject.restaurant_id, location],
    )
    return dict(found)


def counts(plan: HistoryPlan, kind: str = "orders") -> dict[str, int]:
    """The counts of a kind that are not 0."""
    return {action: count for action, count in plan.counts[kind].items() if count}


def test_a_history_without_anything_loaded_is_created(connection: Connection, database: str, tmp_path: Path) -> None:
    (subject,) = make_chain(connection)
    assert plan_history(connection, subject, make_plan(connection, subject), EVERYTHING, rules="r") is None
    voided = order("D", 700, is_voided=True)
    refund = {"business_date": "2026-03-04", "amount_cents": 300, "currency": "USD", "status": "completed"}
    orders = [
        [order("A"), order("B", discount_amount_cents=100, tip_amount_cents=50)],
        [order("C", day="2026-03-05"), voided],
    ]
    others = [payment("P"), payment("Q", status="failed"), told("refunds", "R", ("refunds", refund))]
    source = record(tmp_path, {"orders": orders, "payments": [others]})
    plan_id, found = planned(connection, database, subject, source)
    assert {kind: counts(found, kind) for kind in found.counts} == {
        "orders": {"source": 4, "create": 4},
        "payments": {"source": 2, "create": 2},
        "refunds": {"source": 1, "create": 1},
    }
    assert found.totals == {
        "gross": 3000, "discounts": 100, "net": 2900, "charges": 0, "tax": 264, "tips": 50, "payments": 1088,
        "refunds": 300, "first_day": "2026-03-01", "last_day": "2026-03-05",
    }  # fmt: skip
    assert found.rows["order_items"] == 4
    assert found.writes == 7
    batches = rows(
        connection,
        "SELECT batch, entity, jsonb_array_length(bodies), counts, first_ids FROM migration.history_batches ORDER BY 1",
    )
    assert [(batch, entity, bodies) for batch, entity, bodies, *_ in batches] == [(1, "orders", 2), (2, "payments", 1)]
    assert batches[0][3] == {"orders": 4, "order_items": 4, "order_item_modifiers": 4, "order_taxes": 4}
    assert all(counts.keys() == first.keys() for *_, counts, first in batches)
    assert one(connection, "SELECT history ->> 'hash' FROM migration.plans WHERE id = %s", [plan_id]) == found.hash
    assert one(connection, "SELECT nextval(pg_get_serial_sequence('aura.orders', 'id'))") == batches[0][4]["orders"] + 4


def test_what_stands_is_replaced_left_or_marked(connection: Connection, database: str, tmp_path: Path) -> None:
    (subject,) = make_chain(connection)
    first = [order(key, version="2") for key in ("same", "changed", "deleted", "untouched", "older", "broken")]
    planned(connection, database, subject, record(tmp_path, {"orders": [first], "payments": [[payment("P")]]}))
    ids = stand(connection, subject)
    second = [
        order("same", version="3"),
        order("changed", 5, version="3"),
        told("orders", "deleted", version="3", gone=True),
        told("orders", "never seen", version="3", gone=True),
        order("older", 5, version="1"),
        order("new", version="3"),
        told("orders", "broken", version="3", fault="its total is missing"),
    ]
    _, found = planned(connection, database, subject, record(tmp_path, {"orders": [second]}))
    assert verdicts(connection, subject) == {
        "same": ("unchanged", ids["same"]),
        "changed": ("replace", ids["changed"]),
        "deleted": ("gone", ids["deleted"]),
        "never seen": ("skip", None),
        "older": ("unchanged", ids["older"]),
        "new": ("create", None),
        "broken": ("quarantine", ids["broken"]),
    }
    assert counts(found) == {"source": 8, "create": 1, "update": 2, "unchanged": 3, "skip": 1, "quarantine": 1}
    assert counts(found, "payments") == {"source": 1, "unchanged": 1}
    assert found.reasons == {"orders": {"deleted at the POS before it was ever loaded": 1}}
    assert found.rows["orders"] == 2
    assert found.totals["gross"] == 5 + 1000 + 1000 + 5
    assert rows(connection, "SELECT entity, source_key, reasons, \"values\", state FROM migration.quarantine") == [
        ("orders", "broken", ["its total is missing"], {}, "open")
    ]  # fmt: skip
    connection.execute("UPDATE aura.orders SET voided_at_source = true WHERE source_id = 'deleted'")
    judge_history(connection, subject, EVERYTHING)
    assert verdicts(connection, subject)["deleted"] == ("unchanged", ids["deleted"])


def test_judging_again_counts_what_was_loaded_meanwhile(connection: Connection, database: str, tmp_path: Path) -> None:
    (subject,) = make_chain(connection)
    source = record(tmp_path, {"orders": [[order("A")], [order("B")]]})
    _, found = planned(connection, database, subject, source, batch_rows=1)
    ids = stand(connection, subject)
    connection.execute("DELETE FROM aura.orders WHERE source_id = 'B'")
    judge_history(connection, subject, EVERYTHING)
    assert verdicts(connection, subject) == {"A": ("unchanged", ids["A"]), "B": ("create", None)}
    plan_id = make_plan(connection, subject)
    again = plan_history(connection, subject, plan_id, EVERYTHING, rules="r")
    assert again is not None
    assert again.hash == found.hash
    written = "SELECT batch, counts FROM migration.history_batches WHERE plan_id = %s ORDER BY 1"
    assert [bool(counts) for _, counts in rows(connection, written, [plan_id])] == [False, True]


def test_kinds_left_out_by_the_options_are_skipped_with_the_reason(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    (subject,) = make_chain(connection)
    faulty = told("payments", "Q", fault="no amount")
    source = record(tmp_path, {"orders": [[order("A")]], "payments": [[payment("P"), faulty]]})
    options = parse_options({"excludeEntities": ["payments"]})
    _, found = planned(connection, database, subject, source, options)
    assert counts(found, "payments") == {"source": 2, "skip": 2}
    assert found.reasons == {"payments": {"payments are left out by the options": 2}}
    assert (found.totals["payments"], "payments" in found.rows) == (0, False)
    _, whole = planned(connection, database, subject, source)
    assert counts(whole, "payments") == {"source": 2, "create": 1, "quarantine": 1}
    assert whole.hash != found.hash


def test_a_hash_is_of_the_content_whatever_the_batches(connection: Connection, database: str, tmp_path: Path) -> None:
    (subject,) = make_chain(connection)

    def hashed(*bodies: Sequence[Told], rules: str = "r", **more: Any) -> str:
        stage_history(
            database, subject.migration_id, record(tmp_path, {"orders": bodies}), rules=rules, now=NOW, **more
        )
        found = plan_history(connection, subject, make_plan(connection, subject), EVERYTHING, rules=rules)
        assert found is not None
        return found.hash

    a, b, c = order("A"), order("B", 2), order("Ç", 3)
    expected = hashed([a, b, c])
    assert hashed([c], [b | {"version": "7"}], [a], batch_rows=1) == expected
    assert hashed([order("A", 9, version="1")], [a | {"version": "2"}, b, c]) == expected
    different = [
        hashed([a, b]),
        hashed([a, b, order("Ç", 4)]),
        hashed([a, b, c], rules="close-out 04:00"),
        hashed([a, b, told("orders", "Ç", fault="lost")]),
        hashed([a, b, told("orders", "Ç", fault="lost for good")]),
        hashed([a, b, told("orders", "Ç", gone=True)]),
    ]
    assert len({expected, *different}) == 7


def test_blocks_of_ids_are_without_gaps_while_others_take_ids_too(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    (subject,) = make_chain(connection)
    bodies = [[order(f"{body}.{n}") for n in range(20)] for body in range(10)]
    stage_history(
        database, subject.migration_id, record(tmp_path, {"orders": bodies}), rules="r", now=NOW, batch_rows=20
    )
    taken: set[int] = set()
    stop = threading.Event()

    def sell() -> None:
        with connect(database, autocommit=True) as own:
            while not stop.is_set():
                taken.add(one(own, "SELECT nextval(pg_get_serial_sequence('aura.orders', 'id'))"))

    seller = threading.Thread(target=sell)
    seller.start()
    try:
        while not taken:
            pass
        plan_history(connection, subject, make_plan(connection, subject), EVERYTHING, rules="r")
    finally:
        stop.set()
        seller.join()
    found = rows(
        connection, "SELECT (first_ids ->> 'orders')::bigint, (counts ->> 'orders')::int FROM migration.history_batches"
    )
    reserved = [n for first, count in found for n in range(first, first + count)]
    assert len(reserved) == len(set(reserved)) == 200
    assert not taken & set(reserved)


def test_a_standing_plan_takes_over_the_batches_of_the_same_content(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    (subject,) = make_chain(connection)
    orders = [order("A"), order("B")]
    first, _ = planned(connection, database, subject, record(tmp_path, {"orders": [orders]}))
    again, _ = planned(connection, database, subject, record(tmp_path, {"orders": [orders]}))
    assert settle_batches(connection, first, again)
    batches = "SELECT batch, counts ->> 'orders' FROM migration.history_batches WHERE plan_id = %s ORDER BY 1"
    assert rows(connection, batches, [again]) == [(1, "2")]  # the same: they stay where they are
    parted = record(tmp_path, {"orders": [orders[:1], orders[1:]]})
    apart, _ = planned(connection, database, subject, parted, batch_rows=1)
    assert settle_batches(connection, first, apart)
    assert (rows(connection, batches, [first]), rows(connection, batches, [apart])) == ([(1, "1"), (2, "1")], [])
    waiting = "SELECT count(*) FROM migration.history_batches WHERE plan_id = %s AND loaded_at IS NULL"
    assert rows(connection, waiting, [first]) == [(2,)]
    connection.execute(
        "UPDATE migration.history_batches SET xid = pg_current_xact_id() WHERE plan_id = %s AND batch = 1", [first]
    )
    whole, _ = planned(connection, database, subject, record(tmp_path, {"orders": [orders]}))
    assert not settle_batches(connection, first, whole)
    stand(connection, subject)
    loaded, _ = planned(connection, database, subject, record(tmp_path, {"orders": [orders]}))
    assert not settle_batches(connection, whole, loaded)
    connection.execute("UPDATE migration.plans SET state = 'loaded' WHERE id = %s", [loaded])
    apart, _ = planned(connection, database, subject, parted, batch_rows=1)
    assert settle_batches(connection, loaded, apart)
    assert (rows(connection, batches, [loaded]), rows(connection, waiting, [loaded])) == (
        [(1, None), (2, None)],
        [(0,)],
    )


def test_a_document_leaves_the_quarantine_when_it_comes_again_and_is_sound(
    connection: Connection, database: str, tmp_path: Path
) -> None:
    (subject,) = make_chain(connection)
    faulty = [told("orders", key, fault="no date") for key in ("A", "B")]
    planned(connection, database, subject, record(tmp_path, {"orders": [faulty]}))
    planned(connection, database, subject, record(tmp_path, {"orders": [[order("A"), order("C")]]}))
    states = "SELECT source_key, state FROM migration.quarantine ORDER BY 1"
    assert rows(connection, states) == [("A", "released"), ("B", "open")]  # what of B is not known anew
    planned(connection, database, subject, record(tmp_path, {"orders": [faulty]}))
    assert rows(connection, states) == [("A", "open"), ("B", "open")]
    record_of = one(connection, "SELECT record FROM migration.quarantine WHERE source_key = 'A'")
    assert record_of.startswith("orders#")
