"""A history on its way into its working tables: batches, numbers, hashes, faults, repetitions, interruptions."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.archive.snapshot import SnapshotReader, StoredBody
from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.staging import StagedHistory, stage_history, staged_batches
from aura_migration.canonical.history.tables import TABLES
from aura_migration.core.errors import EnvironmentFault
from aura_migration_tests.support.histories import NOW, Told, ToldMapper, ToldSource, order, payment, record, told
from aura_migration_tests.support.menus import rows

Connection = psycopg.Connection[Any]


def stage(url: str, source: Any, **more: Any) -> StagedHistory:
    arguments: dict[str, Any] = {"rules": "r", "now": NOW} | more
    return stage_history(url, 1, source, **arguments)


def name(table: str) -> str:
    return shapes.staged(1, table).as_string(None)


def documents(connection: Connection) -> dict[str, dict[str, Any]]:
    """The documents that are not superseded, by key."""
    found = rows(connection, f"SELECT source_key, to_jsonb(d) FROM {name('documents')} d WHERE verdict <> 'superseded'")
    return dict(found)


def faults(connection: Connection) -> dict[str, str]:
    return {key: document["fault"] for key, document in documents(connection).items() if document["fault"]}


def content(connection: Connection) -> dict[str, list[Any]]:
    """Everything that is staged."""
    tables = ("batches", "documents", *(table.name for table in TABLES))
    return {t: rows(connection, f"SELECT to_jsonb(r)::text FROM {name(t)} r ORDER BY 1") for t in tables}


def hashes(connection: Connection) -> dict[str, str]:
    return {key: document["content_hash"] for key, document in documents(connection).items()}


def many(count: int, per_body: int = 5) -> dict[str, list[list[Told]]]:
    orders = [order(f"O{n:03}", 1000 + n) for n in range(count)]
    return {
        "orders": [orders[at : at + per_body] for at in range(0, count, per_body)],
        "payments": [[payment(f"P{n:03}", order_key=f"O{n:03}") for n in range(count)]],
    }


# -- what stands there ----------------------------------------------------------------------------------------------------


def test_documents_stand_numbered_with_their_rows(database: str, connection: Connection, tmp_path: Path) -> None:
    source = record(tmp_path, {"orders": [[order("A"), order("B")], [order("C")]], "payments": [[payment("P")]]})
    found = stage(database, source)
    assert found.documents["orders"] == {"documents": 3, "superseded": 0, "faults": 0, "gone": 0}
    assert found.rows == {"orders": 3, "order_items": 3, "order_item_modifiers": 3, "order_taxes": 3, "payments": 1}
    assert (found.batches, found.bodies, found.source_rows) == (2, 3, 4)
    assert rows(
        connection, f"SELECT batch, n, doc, item_no, name, rate_percent::text FROM {name('order_taxes')} ORDER BY n"
    ) == [(1, n, n, n, "Sales Tax", "8.875") for n in (1, 2, 3)]
    assert rows(connection, f"SELECT batch, doc, body, kind, source_key, verdict FROM {name('documents')} ORDER BY 1, 2") == [
        (1, 1, 0, "orders", "A", "create"),
        (1, 2, 0, "orders", "B", "create"),
        (1, 3, 1, "orders", "C", "create"),
        (2, 1, 0, "payments", "P", "create"),
    ]  # fmt: skip


def test_what_points_within_a_document_points_at_the_number_of_the_row(
    database: str, connection: Connection, tmp_path: Path
) -> None:
    line = {"item_name": "Pie", "quantity": "1", "price_cents": 5, "line_subtotal_cents": 5}
    extra = {"name": "Cream", "quantity": "1", "price_adjustment_cents": 0, "amount_cents": 0}
    charge = {"name": "Service", "amount_cents": 5}
    check = order("B")
    check["rows"] += [
        ["order_item_modifiers", extra | {"item_no": 1, "parent_no": 2}],  # before the line that it belongs to
        ["order_items", line],
        ["order_item_modifiers", extra | {"item_no": 1}],
        ["order_service_charges", charge],
        ["order_taxes", {"name": "Sales Tax", "amount_cents": 1, "charge_no": 0}],
    ]
    stage(database, record(tmp_path, {"orders": [[order("A"), check]]}))
    assert rows(connection, f"SELECT n, doc, item_no, parent_no FROM {name('order_item_modifiers')} ORDER BY n") == [
        (1, 1, 1, None),
        (2, 2, 2, None),
        (3, 2, 3, 4),
        (4, 2, 3, None),
    ]
    assert rows(connection, f"SELECT n, item_no, charge_no FROM {name('order_taxes')} ORDER BY n") == [
        (1, 1, None),
        (2, 2, None),
        (3, None, 1),
    ]


TEXTS = {
    "tab\there": None,
    "two\nlines\r\n": None,
    r"a \ and \N and \. and \x41": None,
    r"\N": None,
    r"\.": None,
    "": None,
    "None": None,
    "unit \x1f separator, record \x1e separator": None,
    "crème brûlée ☕ 🍰": None,
    "nul\x00": "nul\ufffd",
    "half \ud83c": "half ?",
}
"""What is sent, and what stands there where that cannot be stored."""


def test_every_text_arrives_as_it_was_sent(database: str, connection: Connection, tmp_path: Path) -> None:
    orders = [
        order(f"O{n:02}", source_name=text, details=json.dumps({"said": text, "n": 1.50}))
        for n, text in enumerate(TEXTS)
    ]
    found = stage(database, record(tmp_path, {"orders": [orders]}))
    assert found.documents["orders"]["faults"] == 0
    stored = rows(connection, f"SELECT source_name, details ->> 'said' FROM {name('orders')} ORDER BY n")
    expected = [text if instead is None else instead for text, instead in TEXTS.items()]
    assert stored == [(text, text) for text in expected]


def test_a_hash_is_of_the_content_alone(database: str, connection: Connection, tmp_path: Path) -> None:
    orders = [order("A", 5), order("B", 5), order("C", 6), order("D", 5, source_name='7" \\ pie'), order("E", 5)]
    orders[4]["rows"][3][1]["item_no"] = None
    stage(database, record(tmp_path, {"orders": [orders]}))
    together = hashes(connection)
    assert together["A"] == together["B"]
    assert len(set(together.values())) == 4
    alone = [[told("orders", "Z", version="3", gone=True)], *([one | {"version": "2"}] for one in reversed(orders))]
    stage(database, record(tmp_path, {"orders": alone}), batch_rows=1)
    apart = hashes(connection)
    assert apart.pop("Z") not in together.values()
    assert apart == together


def test_the_greatest_version_counts_and_of_equal_ones_the_one_read_last(
    database: str, connection: Connection, tmp_path: Path
) -> None:
    first = [order("A", 1, version="2026-03-02"), order("B", 1), order("C", 1, version="b")]
    second = [order("A", 2, version="2026-03-01"), order("B", 2), told("orders", "C", version="c", fault="unreadable")]
    for size in (5_000, 1):
        source = record(tmp_path / str(size), {"orders": [first, second], "again": [first[1:2]]})
        found = stage(database, source, batch_rows=size)
        assert found.documents["orders"] == {"documents": 7, "superseded": 4, "faults": 1, "gone": 0}
        kept = rows(
            connection,
            f"SELECT d.source_key, d.batch, o.subtotal_cents FROM {name('documents')} d LEFT JOIN {name('orders')} o "
            "USING (batch, doc) WHERE verdict <> 'superseded' ORDER BY 1",
        )
        last = max(staged_batches(connection, 1))
        assert [(key, cents) for key, _, cents in kept] == [("A", 1), ("B", 1), ("C", None)]
        assert kept[1][1] == last


# -- what cannot be loaded ------------------------------------------------------------------------------------------------


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "overflow": ({"subtotal_cents": 2**63}, "orders.subtotal_cents is not a whole number, or too large"),
    "fraction": ({"tip_amount_cents": 12.5}, "orders.tip_amount_cents is not a whole number, or too large"),
    "guests": ({"guest_count": 2**31}, "orders.guest_count is not a whole number, or too large"),
    "truth": ({"is_voided": "perhaps"}, "orders.is_voided is neither true nor false"),
    "instant": ({"opened_at": "2026-02-30T10:00:00+00:00"}, "orders.opened_at is not an instant"),
    "json": ({"details": "{"}, "orders.details is not JSON"),
    "no day": ({"business_date": None}, "orders.business_date is missing"),
    "no sum": ({"final_amount_cents": None}, "orders.final_amount_cents is missing"),
    "no currency": ({"currency": None}, "orders.currency is missing"),
    "choice": ({"channel": "pigeon"}, "orders.channel is none of in_house, online, kiosk, phone, third_party, unknown"),
    "past": ({"business_date": "1970-01-01"}, "orders.business_date is not between 1990-01-01 and 2029-10-01"),
    "future": ({"business_date": "2031-01-01"}, "orders.business_date is not between 1990-01-01 and 2029-10-01"),
    "no date": ({"business_date": "2026-13-01"}, "orders.business_date is not a day"),
}


def test_only_what_cannot_be_loaded_is_a_fault_and_the_reason_names_the_column(
    database: str, connection: Connection, tmp_path: Path
) -> None:
    orders = [one for body in many(30)["orders"] for one in body]
    orders[7:7] = [order(key, **values) for key, (values, _) in BAD.items()]
    stray = order("stray")
    stray["rows"][3][1]["item_no"] = 1
    lost = order("lost")
    lost["rows"][2][1]["item_no"] = None
    headless = told("orders", "headless", tuple(order("")["rows"][1]))
    orders += [stray, lost, headless, order(""), told("payments", "P", fault="its currency is none")]
    found = stage(database, record(tmp_path, {"orders": [orders[:20], orders[20:]]}))
    expected = {key: reason for key, (_, reason) in BAD.items()} | {
        "stray": "order_taxes.item_no points at row 1 of order_items, of which there are 1",
        "lost": "order_item_modifiers.item_no points at row None of order_items, of which there are 1",
        "headless": "0 rows of orders instead of one",
        f"#1.1.{len(orders) - 22}": "it has no id",
        "P": "its currency is none",
    }
    assert faults(connection) == expected
    assert found.documents["orders"]["faults"] == len(expected) - 1
    sound = [key for key, document in documents(connection).items() if not document["fault"]]
    assert sorted(sound) == [f"O{n:03}" for n in range(30)]
    numbers = [n for (n,) in rows(connection, f"SELECT n FROM {name('order_items')} ORDER BY n")]
    assert numbers == list(range(1, len(numbers) + 1))
    pointing = f"SELECT count(*) FROM {name('order_taxes')} t JOIN {name('order_items')} i ON i.batch = t.batch AND i.n = t.item_no"
    assert rows(connection, f"{pointing} AND i.doc = t.doc") == [(len(numbers),)]


def test_a_mistake_of_a_mapping_stops_and_names_the_body(database: str, tmp_path: Path) -> None:
    mixed = order("A")
    mixed["rows"].append(payment("P")["rows"][0])
    with pytest.raises(ValueError, match="rows that belong to another kind"):
        stage(database, record(tmp_path, {"orders": [[mixed]]}))
    unreadable = order("A")
    unreadable["rows"][0][0] = "sauces"
    with pytest.raises(KeyError) as caught:
        stage(database, record(tmp_path, {"orders": [[unreadable]]}))
    assert "while mapping the body" in caught.value.__notes__[0]


# -- again, and in several processes --------------------------------------------------------------------------------------


def test_an_interrupted_staging_goes_on_and_ends_the_same(
    database: str, connection: Connection, tmp_path: Path
) -> None:
    source = record(tmp_path, many(40))
    whole = stage(database, source, batch_rows=10)
    expected = content(connection)
    shapes.drop(connection, 1)
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if len(seen) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        stage(database, source, batch_rows=10, on_batch=stop)
    assert seen == [(10, 80), (20, 80)]
    assert sorted(staged_batches(connection, 1)) == [1, 2]
    found = stage(database, source, batch_rows=10, on_batch=lambda *told: seen.append(told))
    assert (found.resumed, seen[2]) == (2, (30, 80))
    assert found.rows == whole.rows
    assert content(connection) == expected
    again = stage(database, source, batch_rows=10)
    assert (again.resumed, again.documents) == (5, whole.documents)
    assert content(connection) == expected


def test_another_input_and_emptied_tables_begin_anew(database: str, connection: Connection, tmp_path: Path) -> None:
    source = record(tmp_path, many(10))
    stage(database, source)
    assert stage(database, source).resumed == 2
    assert stage(database, source, rules="close-out 05:00").resumed == 0
    emptied = ", ".join(name(table) for table in ("batches", "documents", *(t.name for t in TABLES)))
    connection.execute(f"TRUNCATE {emptied}")  # as a crash of the server leaves unlogged tables
    assert staged_batches(connection, 1) == {}
    assert stage(database, source, rules="close-out 05:00").resumed == 0
    assert stage(database, record(tmp_path, many(9)), rules="close-out 05:00").resumed == 0
    assert len(documents(connection)) == 18


def test_bodies_that_are_loaded_already_are_not_read_unless_they_are_empty(
    database: str, connection: Connection, tmp_path: Path
) -> None:
    source = record(tmp_path, {"orders": [[order("A")], [order("B")], []], "payments": [[]], "refunds": []})
    refs = source()[0].refs("orders")
    found = stage(database, source, skip={refs[0].sha256, refs[2].sha256})
    assert (found.skipped, found.bodies) == (1, 3)
    assert sorted(documents(connection)) == ["B"]
    found = stage(database, source, skip={ref.sha256 for ref in refs})
    assert (found.skipped, found.documents) == (2, {})
    assert shapes.are_there(connection, 1)


@dataclass(frozen=True)
class MortalSource:
    """A source whose mapper is killed once, in the process that reads a certain body."""

    inner: ToldSource
    flag: Path
    parent: int

    def __call__(self) -> tuple[SnapshotReader, ToldMapper]:
        reader, mapper = self.inner()
        return reader, MortalMapper(mapper.entities, self.flag, self.parent)


class MortalMapper(ToldMapper):
    def __init__(self, entities: tuple[str, ...], flag: Path, parent: int) -> None:
        super().__init__(entities)
        self.flag, self.parent = flag, parent

    def documents(self, body: StoredBody) -> Iterator[Document]:
        if os.getpid() != self.parent and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().documents(body)


def test_several_processes_stage_the_same_also_after_one_was_killed(
    database: str, connection: Connection, tmp_path: Path
) -> None:
    source = record(tmp_path, many(300, per_body=10))
    stage(database, source, batch_rows=10)
    expected = content(connection)
    shapes.drop(connection, 1)
    mortal = MortalSource(source, tmp_path / "was killed", os.getpid())
    with pytest.raises(EnvironmentFault, match="ended unexpectedly"):
        stage(database, mortal, batch_rows=10, processes=2, few_rows=0)
    found = stage(database, mortal, batch_rows=10, processes=2, few_rows=0)
    assert found.batches == 31
    assert content(connection) == expected
