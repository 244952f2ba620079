"""Reading Clover's history over real HTTP: no window too long, nothing lost or doubled, what is doubtful is said to be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import pytest

from aura_migration.archive.snapshot import Recorder, SnapshotReader
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import Order, OrderItem, Payment
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.database.connections import connect
from aura_migration.pos.clover import CONNECTOR, calls
from aura_migration.pos.clover.client import CloverSession
from aura_migration.pos.clover.orders import reading
from aura_migration.pos.http.retry import RetryPolicy
from aura_migration.pos.port import HistorySpan
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.clover.clover_bench import Bench
from aura_migration_tests.pos.clover.conftest import MakeBench, integration
from aura_migration_tests.support import database as support
from aura_migration_tests.support.ciphers import PlainSeals

AUTUMN = datetime(2026, 10, 1, 9, tzinfo=UTC)
SPAN = HistorySpan(AUTUMN - timedelta(days=35), AUTUMN)
DAY = 86_400_000


@pytest.fixture(scope="module")
def shop(postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A café with four weeks of sales, which tests only look at."""
    with (
        support.clone(postgres_server, template_database) as url,
        connect(url, autocommit=True, application_name="test") as connection,
        serve("clover", "cafe", limits="off", orders=230) as sandbox,
    ):
        yield Bench(sandbox, connection, tmp_path_factory.mktemp("cafe"), integration(connection), taken_at=AUTUMN)


@pytest.fixture
def cafe(shop: Bench) -> Iterator[Bench]:
    """The same without what another test did to its answers."""
    shop.control("DELETE", "requests")
    yield shop
    shop.control("DELETE", "faults")


@pytest.fixture(scope="module")
def plain(shop: Bench) -> dict[tuple[str, str], Document]:
    """What it sold, read without any trouble."""
    reader = shop.history(span=SPAN)
    assert doubtful(reader) == {}
    return documents(reader, shop)


def autumn(where: Bench) -> Bench:
    where.taken_at = AUTUMN
    return where


def fault(where: Bench, **spec: Any) -> None:
    """Set the sandbox's fault dial."""
    where.control("POST", "faults", spec)


def doubtful(reader: SnapshotReader) -> dict[str, str]:
    """What is not certified complete, in words."""
    return {c.entity: c.explain() for c in reader.certificates() if c.status != "complete"}


def documents(reader: SnapshotReader, where: Bench) -> dict[tuple[str, str], Document]:
    """The last version of each document."""
    found: dict[tuple[str, str], Document] = {}
    location = where.locations()[0]
    mapper = CONNECTOR.history_mapper(reader, location, PlainSeals(), HistoryRules(location.timezone))
    for entity in mapper.entities:
        for body in reader.bodies(entity):
            for document in mapper.documents(body):
                held = found.get((document.kind, document.key))
                if held is None or document.version >= held.version:
                    found[document.kind, document.key] = document
    return found


def asked(where: Bench, path: str) -> list[list[tuple[str, str]]]:
    """The parameters of every list request to a path."""
    return [parse_qsl(row["query"]) for row in where.asked() if row["path"].endswith(path)]


def test_every_request_names_its_window_and_at_most_three_expansions(cafe: Bench) -> None:
    reader = cafe.history()
    assert doubtful(reader) == {}
    for path in ("/orders", "/payments", "/refunds"):
        requests = asked(cafe, path)
        assert requests
        for params in requests:
            given = dict(params)
            assert len([one for one in given.get("expand", "").split(",") if one]) <= 3
            filters = [value for name, value in params if name == "filter"]
            if any(value.startswith("id in") for value in filters) or given.get("limit") == "1":
                continue
            low = next(int(value.split(">=")[1]) for value in filters if ">=" in value)
            high = next(int(value.split("<")[1]) for value in filters if "<" in value and ">=" not in value)
            assert 0 < high - low <= 89 * DAY
    windows = sorted(
        {
            tuple(int(re.sub(r"\D", "", value)) for name, value in params if name == "filter")
            for params in asked(cafe, "/payments")
            if "voided" not in str(params)
        }
    )
    assert windows[0][0] == int((AUTUMN.timestamp() - 365 * 86_400) * 1000)
    assert windows[-1][1] == int(AUTUMN.timestamp() * 1000)
    assert all(one[1] == two[0] for one, two in pairwise(windows))


OPEN_FACTS: tuple[dict[str, Any], ...] = (
    {
        "line_taxes_in_orders": False,
        "voided_payments": "on_filter",
        "expand_over_three": "refuse",
        "nested_unexpanded": "href",
        "deleted_orders": "never",
    },
    {
        "history_without_time_filter": "all",
        "unknown_order_by": "ignore",
        "deleted_orders": "listed",
        "nested_limit": 100,
    },
)


@pytest.mark.parametrize("switches", OPEN_FACTS)
def test_what_the_documentation_leaves_open_changes_nothing(
    bench: MakeBench, plain: dict[tuple[str, str], Document], switches: dict[str, Any]
) -> None:
    other = autumn(bench("cafe", orders=230, switches=switches))
    reader = other.history(span=SPAN)
    assert doubtful(reader) == {}
    found = {key: document for key, document in documents(reader, other).items() if not document.gone}
    assert {key: one.rows for key, one in found.items()} == {key: one.rows for key, one in plain.items()}


class Killed(Exception):
    """The end of a process."""


@contextmanager
def killed_after(records: int) -> Iterator[None]:
    """A process that ends with its so many-th recorded body."""
    count = 0
    record = Recorder.record

    def dying(self: Recorder, *args: Any, **named: Any) -> None:
        nonlocal count
        count += 1
        if count > records:
            raise Killed
        record(self, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recorder, "record", dying)
        yield


def test_an_extraction_killed_again_and_again_reads_the_same(
    cafe: Bench, plain: dict[tuple[str, str], Document]
) -> None:
    for records in (2, 3, 4):
        with killed_after(records), pytest.raises(Killed):
            cafe.history(span=SPAN)
    cafe.control("DELETE", "requests")
    reader = cafe.history(span=SPAN)
    assert doubtful(reader) == {}
    assert documents(reader, cafe) == plain
    counted = Counter(body.window for body in reader.bodies("orders"))
    assert set(counted.values()) == {1}
    begun = {value for params in asked(cafe, "/orders") for name, value in params if "createdTime>=" in value}
    assert len(begun) < 3, "windows that were complete are not read again"
    told = {c.entity: (c.rows, c.distinct) for c in reader.certificates()}
    assert told["orders"] == (len([key for key in plain if key[0] == "orders"]),) * 2


@pytest.mark.parametrize(
    ("match", "mode", "cap", "entity", "words"),
    [
        (r"/orders\?", "cut", 100, "orders", "day by day"),
        (r"/orders\?", "ignore_cursor", 100, "orders", "ignores the offset"),
        (r"/payments\?", "cut", 40, "payments", "does not show"),
    ],
)
def test_a_list_that_ends_at_a_cap_is_not_believed(
    cafe: Bench, monkeypatch: pytest.MonkeyPatch, match: str, mode: str, cap: int, entity: str, words: str
) -> None:
    if mode == "ignore_cursor":
        for name in ("LINES_PAGE", "AROUND_PAGE", "MONEY_PAGE"):
            monkeypatch.setattr(reading, name, 100)
    fault(cafe, kind="lying_cap", match=match, mode=mode, cap=cap)
    assert words in doubtful(cafe.history(span=SPAN))[entity]


def test_rows_that_move_under_the_paging_and_conflicts_lose_and_double_nothing(
    cafe: Bench, plain: dict[tuple[str, str], Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "RETRY", RetryPolicy(base_delay=0.02))
    monkeypatch.setattr(reading, "LINES_PAGE", 20)
    monkeypatch.setattr(reading, "MONEY_PAGE", 30)
    fault(cafe, kind="page_shift", match=r"/orders\?.*lineItems", rows=3, after=2, times=1)
    fault(cafe, kind="conflict", match=r"/orders\?.*refunds", after=3, times=1)
    fault(cafe, kind="conflict", match=r"/payments\?", after=1, times=1)
    for kind, more in (("reset", {}), ("truncate", {}), ("error", {"status": 503})):
        fault(cafe, kind=kind, match="/v3/", after=5, times=1, **more)
    reader = cafe.history(span=SPAN)
    assert doubtful(reader) == {}
    assert documents(reader, cafe) == plain


def test_rights_that_are_missing_are_said_and_the_rest_is_read(cafe: Bench) -> None:
    reader = cafe.history(span=SPAN, document=cafe.credentials("no_payments"))
    refused = doubtful(reader)
    assert set(refused) == {"payments", "refunds", "credits"}
    assert all("PAYMENTS_R" in words for words in refused.values())
    found = documents(reader, cafe)
    assert {kind for kind, _ in found} == {"orders"}
    reader = cafe.history(span=SPAN, document=cafe.credentials("no_orders"))
    assert {"orders", "test_orders"} <= set(doubtful(reader))
    assert {kind for kind, _ in documents(reader, cafe)} == {"payments", "refunds"}


def test_orders_whose_payments_may_not_be_expanded_are_read_without_them(bench: MakeBench) -> None:
    where = autumn(bench("cafe", orders=60, switches={"expand_without_permission": "refuse"}))
    reader = where.history(span=SPAN, document=where.credentials("no_payments"))
    assert set(doubtful(reader)) == {"payments", "refunds", "credits"}
    states = Counter(d.rows[0].status for d in documents(reader, where).values())  # type: ignore[union-attr]
    assert states["completed"] > 50


def edit(where: Bench, op: str, **fields: Any) -> list[str]:
    """An edit of sales at the time of the sandbox's clock; the ids it touched."""
    answer = where.control("POST", "edit", {"op": op, **fields})
    return list(answer.get("ids") or answer.get("changed") or [])


def test_a_later_export_has_what_changed_since_and_what_disappeared(bench: MakeBench) -> None:
    cafe = autumn(bench("cafe", orders=150))
    cafe.control("POST", "clock", {"now": (AUTUMN - timedelta(hours=1)).isoformat()})
    weeks_ago = (AUTUMN - timedelta(days=20)).isoformat()
    (tab,) = edit(cafe, "add_order", lines=[{"name": "Lemonade"}, {"name": "Scone"}], at=weeks_ago)
    scone = next(row for row in cafe.told("lines") if row["order"] == tab and row["name"] == "Scone")
    edit(cafe, "void", order=tab, line=scone["id"])
    cafe.control("POST", "clock", {"now": AUTUMN.isoformat()})
    first = documents(cafe.history(span=SPAN), cafe)
    lines = {row.source_line_id: row for row in first["orders", tab].rows if isinstance(row, OrderItem)}
    assert lines[scone["id"]].is_voided, "found although it was taken off weeks after the order was opened"
    told = {row["id"]: row for row in cafe.told("orders") if row["listed"] and not row["test"]}
    paid = sorted(
        (row for row in cafe.told("payments") if row["counts"] and row["order"] in told and row["cents"] > 900),
        key=lambda row: row["at"],
    )
    old, quiet = paid[3], paid[-3]
    later = AUTUMN + timedelta(days=1)
    cafe.control("POST", "clock", {"now": later.isoformat()})
    edit(cafe, "tip_adjust", payment=old["id"], cents=777)
    edit(cafe, "refund", payment=paid[5]["id"], cents=100)
    line = next(row for row in cafe.told("lines") if row["order"] == quiet["order"])
    edit(cafe, "touchless_order", order=quiet["order"], line=line["id"], cents=4321)
    edit(cafe, "add_order", lines=[{"name": "Lemonade"}], tender="cash", at=(later - timedelta(hours=2)).isoformat())
    edit(cafe, "add_order", lines=[{"name": "Lemonade"}], at=(later - timedelta(hours=3)).isoformat())
    gone = next(row["id"] for row in cafe.told("orders") if row["payment_state"] == "OPEN" and row["id"] not in told)
    edit(cafe, "delete_order", order=gone)
    cafe.taken_at = later + timedelta(minutes=5)
    end = cafe.taken_at
    span = HistorySpan(SPAN.begin, end, changed_since=AUTUMN, reread_from=AUTUMN - timedelta(days=5))
    reader = cafe.history(span=span)
    assert doubtful(reader) == {}
    found = documents(reader, cafe)
    assert len(found) < len(first) / 2
    changed = {key for key, one in found.items() if key not in first or one.rows != first[key].rows}
    kinds = Counter(kind for kind, _ in changed)
    others = sum(row["tip"] for row in paid if row["order"] == old["order"] and row["id"] != old["id"])
    sold, payment = found["orders", old["order"]].rows[0], found["payments", old["id"]].rows[0]
    assert isinstance(sold, Order)
    assert isinstance(payment, Payment)
    assert (sold.tip_amount_cents, payment.tip_amount_cents) == (777 + others, 777)
    assert kinds["refunds"] == 1
    assert ("orders", quiet["order"]) in changed, "no time stamp moved, and it was read again"
    assert found["orders", gone].gone


def test_documents_are_read_by_key_and_what_is_gone_says_so(
    cafe: Bench, plain: dict[tuple[str, str], Document]
) -> None:
    told = cafe.told("payments")
    sold = next(row for row in told if row["counts"])
    refund = cafe.told("refunds")[0]["id"]
    credit = cafe.told("credits")[0]["id"]
    keys = {
        "orders": [sold["order"], "NOSUCHORDER01"],
        "payments": [sold["id"]],
        "refunds": [refund, credit, "NOWHERE"],
    }
    location = cafe.locations()[0].source_id

    async def again(session: CloverSession) -> Any:
        with cafe.recorder(location, "history") as recorder:
            await session.reread(recorder, location, keys)
            return recorder.finish()

    reader = SnapshotReader(cafe.run(again), cipher=cafe.cipher)
    found = documents(reader, cafe)
    assert {key for key, one in found.items() if one.gone} == {("orders", "NOSUCHORDER01"), ("refunds", "NOWHERE")}
    for key in (("orders", sold["order"]), ("payments", sold["id"]), ("refunds", credit), ("refunds", refund)):
        assert found[key].rows == plain[key].rows


def test_two_windows_that_show_the_same_order_give_one_version_of_it(cafe: Bench) -> None:
    span = HistorySpan(SPAN.begin, AUTUMN, AUTUMN - timedelta(days=10), AUTUMN - timedelta(days=20))
    reader = cafe.history(span=span)
    assert doubtful(reader) == {}
    (orders,) = [c for c in reader.certificates() if c.entity == "orders"]
    assert orders.duplicates_dropped > 0
    assert orders.distinct == len([key for key in documents(reader, cafe) if key[0] == "orders"])
