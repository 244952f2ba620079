"""Reading the past over real HTTP: windows, what goes wrong on the way, what changed since, what may not be read."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.history.rows import Order, Payment
from aura_migration.database.connections import connect
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.square.orders import extract, lists, walk
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.pos.square.square_orders_support import (
    NOW,
    TAKEN,
    Archive,
    Taken,
    documents,
    mapper,
    quick,
)
from aura_migration_tests.pos.square.square_support import control, requests_to

SPAN = HistorySpan(datetime(2026, 9, 22, tzinfo=UTC), TAKEN + timedelta(hours=1))
"""The last days of the café."""
SEARCH = "/v2/orders/search"
PAIR = ("orders", "payments")


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with serve("square", "cafe", 7, now=NOW) as sandbox:
        yield sandbox


@pytest.fixture
def cafe(served: RunningSandbox) -> Iterator[RunningSandbox]:
    """A café whose faults, switches and request log are clean again after each test."""
    before = control(served, "/switches")
    control(served, "/requests", "DELETE")
    yield served
    control(served, "/faults", "DELETE")
    control(served, "/switches", "POST", before)


@pytest.fixture
def archive(square_database: str, snapshots: psycopg.Connection[Any], tmp_path: Path) -> Archive:
    return Archive(square_database, snapshots, tmp_path)


@pytest.fixture(scope="module")
def plain(
    served: RunningSandbox, square_database: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Taken, dict[str, dict[str, Any]]]:
    """The last days of the café, read and mapped while nothing goes wrong."""
    with connect(square_database, autocommit=True, application_name="test") as connection:
        archive = Archive(square_database, connection, tmp_path_factory.mktemp("plain"))
        taken = archive.take(served, SPAN, PAIR, catalog=False)
    return taken, documents(taken)


@pytest.fixture
def in_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The café is read like a place with a long history."""

    async def small(*_: Any) -> bool:
        return False

    monkeypatch.setattr(extract._History, "small", small)


Reads = Callable[..., Taken]


@pytest.fixture
def reads(cafe: RunningSandbox, archive: Archive) -> Reads:
    def read(*entities: str, span: HistorySpan = SPAN, credentials: str = "default") -> Taken:
        return archive.take(cafe, span, entities or PAIR, credentials, catalog=False)

    return read


def small_pages(monkeypatch: pytest.MonkeyPatch, **pages: int) -> None:
    for name, page in pages.items():
        monkeypatch.setattr(lists, name, dataclasses.replace(getattr(lists, name), page=page))


def known(sandbox: RunningSandbox, part: str, taken: Taken) -> dict[str, dict[str, Any]]:
    place = taken.location.source_id
    return {row["id"]: row for row in control(sandbox, "/truth")[part] if row["location"] == place}


def is_whole(taken: Taken, sandbox: RunningSandbox, since: datetime = SPAN.begin) -> dict[str, dict[str, Any]]:
    """Everything since then is there and certified; returns it mapped."""
    found = documents(taken)
    for entity in PAIR:
        assert taken.certificate(entity).status == "complete", taken.certificate(entity).explain()
    read = {
        key: row
        for key, row in known(sandbox, "orders", taken).items()
        if any(row[when] and datetime.fromisoformat(row[when]) >= since for when in ("created", "closed"))
    }
    assert found["orders"].keys() == {key for key, row in read.items() if row["kind"] != "return"}
    assert found["payments"].keys() == {
        key
        for key, row in known(sandbox, "payments", taken).items()
        if row["order"] in read or datetime.fromisoformat(row["created"]) >= since
    }
    return found


# Windows --------------------------------------------------------------------------------------------------------------


def test_a_long_history_is_read_in_weeks_and_what_lies_on_a_border_counts_once(
    cafe: RunningSandbox, reads: Reads, in_weeks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, ORDER_IDS=40)
    on_the_second = sorted(row["created"] for row in known_rows(cafe) if "." not in row["created"])
    begin = datetime.fromisoformat(next(text for text in on_the_second if text > "2026-09-18")) - walk.STEP
    taken = reads(span=HistorySpan(begin, SPAN.end))
    is_whole(taken, cafe, begin)
    assert len({ref.window for ref in taken.reader.refs("orders")} - {"by id"}) == 3
    assert taken.certificate("orders").duplicates_dropped >= 1
    asked = [entry for entry in requests_to(cafe, "/v2/payments") if "cursor" not in entry["query"]]
    assert asked and all("begin_time" in entry["query"] and "location_id" in entry["query"] for entry in asked)


def test_without_a_span_the_last_twelve_months_are_read(cafe: RunningSandbox, archive: Archive) -> None:
    taken = archive.take(cafe, None, PAIR, catalog=False)
    is_whole(taken, cafe, datetime(2026, 9, 1, tzinfo=UTC))
    assert {ref.window for ref in taken.reader.refs("payments")} == {
        "created 2025-10-01T09:00:00Z to 2026-10-01T09:00:00Z"
    }


def test_orders_that_were_closed_in_the_span_are_read_though_they_arose_before(
    cafe: RunningSandbox, reads: Reads
) -> None:
    everything = sorted(
        (row for row in known_rows(cafe) if row["closed"] and row["kind"] == "sale"), key=lambda row: row["created"]
    )
    chosen = next(row for row in everything[200:] if row["created"][:19] < row["closed"][:19])
    begin = datetime.fromisoformat(chosen["closed"]).replace(microsecond=0)
    taken = reads(span=HistorySpan(begin, SPAN.end))
    found = documents(taken)
    for entity in PAIR:
        assert taken.certificate(entity).status == "complete", taken.certificate(entity).explain()
    assert chosen["id"] in found["orders"]
    assert {tender[0] for tender in chosen["tenders"]} <= found["payments"].keys()


def known_rows(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = control(sandbox, "/truth")["orders"]
    return rows


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_failures_stale_cursors_and_repeated_rows_lose_and_double_nothing(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, ORDERS=25, PAYMENTS=20)
    control(cafe, "/switches", "POST", {"repeat_rows": True})
    for fault in (
        {"kind": "stale_cursor", "match": SEARCH, "after": 3, "times": 1},
        {"kind": "stale_cursor", "match": "/v2/payments", "after": 2, "times": 1},
        {"kind": "reset", "match": "/v2/", "probability": 0.05},
        {"kind": "rate_limit", "match": SEARCH, "after": 4, "times": 2},
        {"kind": "html", "status": 503, "match": "/v2/payments", "times": 1},
        {"kind": "truncate", "match": SEARCH, "after": 6, "times": 1},
    ):
        control(cafe, "/faults", "POST", fault)
    taken = reads()
    is_whole(taken, cafe)
    assert taken.certificate("orders").duplicates_dropped > 0
    assert taken.certificate("payments").duplicates_dropped > 0


def test_a_list_that_stops_short_once_is_read_again(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    control(
        cafe,
        "/faults",
        "POST",
        {"kind": "lying_cap", "match": SEARCH, "mode": "cut", "cap": 50, "after": 1, "times": 1},
    )
    is_whole(reads(), cafe)


@pytest.mark.parametrize(
    ("match", "fault"),
    [
        (SEARCH, {"mode": "cut", "cap": 50}),
        (SEARCH, {"mode": "ignore_cursor"}),
        ("/v2/payments", {"mode": "ignore_cursor"}),
        ("/v2/payments[?]", {"mode": "cut", "cap": 60}),
    ],
)
def test_a_list_that_always_stops_short_is_suspicious(
    cafe: RunningSandbox, reads: Reads, match: str, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, ORDERS=50, ORDER_IDS=80, PAYMENTS=60)
    control(cafe, "/faults", "POST", {"kind": "lying_cap", "match": match, **fault})
    certificate = reads().certificate("orders" if match == SEARCH else "payments")
    assert certificate.status == "suspicious"
    assert certificate.reason or certificate.suspicious_caps


def test_what_the_list_does_not_show_is_read_by_id_and_told(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of payments leaves the last one of each of its two pages out."""
    shown = walk.page_of

    async def without_one(session: Any, listing: Any, asked: Any, shape: Any, cursor: str | None = None) -> Any:
        page = await shown(session, listing, asked, shape, cursor)
        return dataclasses.replace(page, rows=page.rows[:-1]) if listing.entity == "payments" else page

    monkeypatch.setattr(walk, "page_of", without_one)
    certificate = reads().certificate("payments")
    assert certificate.status == "suspicious"
    assert "2 payments that orders name were not in the list" in certificate.reason
    assert [entry["status"] for entry in requests_to(cafe, "/v2/payments/")] == [200] * 4


def test_an_interrupted_reading_goes_on_with_the_windows_that_are_missing(
    cafe: RunningSandbox, archive: Archive, in_weeks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for the end of the process."""

    monkeypatch.setattr(walk, "AT_ONCE", 1)
    kept = walk.record
    left = 3

    async def until_killed(*args: Any, **kwargs: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        await kept(*args, **kwargs)

    async def interrupted() -> None:
        async with quick(cafe) as session:
            place = (await session.discover()).locations[0].source_id
            with archive.open("history", place) as recorder:
                await session.extract(recorder, "history", place, PAIR, SPAN)

    with monkeypatch.context() as patch:
        patch.setattr(walk, "record", until_killed)
        with pytest.raises(Killed):
            asyncio.run(interrupted())
    before = len(requests_to(cafe, SEARCH)) + len(requests_to(cafe, "/v2/payments"))
    control(cafe, "/requests", "DELETE")
    taken = archive.take(cafe, SPAN, PAIR, catalog=False)
    found = is_whole(taken, cafe)
    again = requests_to(cafe, SEARCH) + requests_to(cafe, "/v2/payments")
    assert before > 0
    control(cafe, "/requests", "DELETE")
    whole = archive.take(cafe, SPAN, PAIR, catalog=False)
    assert documents(whole) == found
    assert len(again) < len(requests_to(cafe, SEARCH) + requests_to(cafe, "/v2/payments"))


@pytest.mark.parametrize(
    ("variant", "missing"),
    [
        ("missing_orders_scope", {"orders"}),
        ("missing_payments_scope", {"payments", "refunds"}),
        ("missing_payouts_scope", {"payouts", "payout_entries"}),
        ("missing_cash_drawer_scope", {"cash_drawer_shifts", "cash_drawer_events"}),
        ("missing_disputes_scope", {"disputes"}),
    ],
)
def test_what_may_not_be_read_is_certified_so_and_the_rest_goes_on(
    reads: Reads, variant: str, missing: set[str]
) -> None:
    week = HistorySpan(datetime(2026, 9, 28, tzinfo=UTC), SPAN.end)
    wanted = {"orders", "payments", "refunds", "payouts", "disputes"} | missing
    taken = reads(*sorted(wanted), span=week, credentials=variant)
    for entity in wanted:
        certificate = taken.certificate(entity)
        assert certificate.status == ("not_extracted" if entity in missing else "complete"), certificate.explain()
        assert bool(certificate.reason) == (entity in missing)


# What changed since ---------------------------------------------------------------------------------------------------


def test_a_later_reading_finds_what_changed_also_without_a_word_and_what_is_gone(archive: Archive) -> None:
    with serve("square", "cafe", 9, now=NOW) as sandbox:
        first = archive.take(sandbox, SPAN, PAIR, catalog=False)
        before = documents(first)
        sales = [
            row
            for row in sorted(known(sandbox, "orders", first).values(), key=lambda row: row["created"])
            if row["id"] in before["orders"]
            and row["state"] == "COMPLETED"
            and row["tenders"]
            and row["tenders"][0][1] == "CARD"
        ]
        old, silent, gone = sales[3]["id"], sales[-5]["id"], sales[-7]["id"]
        for op in (
            {"op": "tip_adjust", "order": old, "cents": 777},
            {"op": "touchless_order", "order": silent, "cents": 55},
            {"op": "add_order", "location": first.location.source_id},
            {"op": "delete_order", "order": gone},
        ):
            control(sandbox, "/edit", "POST", op)
        since = HistorySpan(SPAN.begin, SPAN.end, TAKEN - timedelta(hours=1), TAKEN - timedelta(days=5))
        second = archive.take(sandbox, since, PAIR, catalog=False)
        after = documents(second)
        for entity in PAIR:
            assert second.certificate(entity).status == "complete", second.certificate(entity).explain()
        assert len(after["orders"]) < len(before["orders"]) * 2 / 3
        tips = lambda found, key: found["orders"][key].rows[0].tip_amount_cents  # noqa: E731
        assert tips(after, old) == 777 and after["orders"][old].version > before["orders"][old].version
        assert tips(after, silent) == 55 and after["orders"][silent].version == before["orders"][silent].version
        assert len(after["orders"].keys() - before["orders"].keys()) == 1
        window = {key for key, held in before["orders"].items() if held.rows[0].opened_at >= "2026-09-26T09:00:00"}
        unseen = window - after["orders"].keys()
        assert unseen == {gone}
        answers = reread(
            archive, sandbox, second, {"orders": [gone, silent], "payments": [sales[-5]["tenders"][0][0], "none"]}
        )
        assert {key: held.gone for key, held in answers["orders"].items()} == {gone: True, silent: False}
        assert {key: held.gone for key, held in answers["payments"].items() if held.gone} == {"none": True}
        assert answers["orders"][gone].version > before["orders"][gone].version
        assert answers["orders"][silent].rows == after["orders"][silent].rows


def test_refunds_payouts_and_drawers_can_be_read_again_by_their_ids(archive: Archive, cafe: RunningSandbox) -> None:
    week = HistorySpan(datetime(2026, 9, 25, tzinfo=UTC), SPAN.end)
    names = ("refunds", "payouts", "payout_entries", "cash_drawer_shifts")
    taken = archive.take(cafe, week, names, catalog=False)
    found = documents(taken)
    keys = {kind: [*held][:2] for kind, held in found.items()}
    assert all(keys[kind] for kind in ("refunds", "payouts", "cash_drawer_shifts"))
    answers = reread(archive, cafe, taken, {**keys, "payouts": [*keys["payouts"], "po_none"], "cash_events": ["none"]})
    assert answers["payouts"].pop("po_none").gone
    for kind, held in answers.items():
        for key, document in held.items():
            assert document.rows == found[kind][key].rows and not document.gone


def reread(
    archive: Archive, sandbox: RunningSandbox, taken: Taken, keys: dict[str, list[str]]
) -> dict[str, dict[str, Any]]:
    """The documents of those keys, read by id."""

    async def go() -> Taken:
        async with quick(sandbox) as session:
            place = taken.location.source_id
            with archive.open("history", place) as recorder:
                await session.reread(recorder, place, keys)
                return Taken(taken.location, (recorder.finish(),), taken.folder)

    again = asyncio.run(go())
    assert again.certificate("missing_documents").status == "complete"
    return documents(again)


# What is wrong at the source ------------------------------------------------------------------------------------------


def test_orders_that_do_not_add_up_are_loaded_as_sent_and_flagged(cafe: RunningSandbox, reads: Reads) -> None:
    control(cafe, "/switches", "POST", {"broken_orders": True})
    taken = reads("orders", span=HistorySpan(datetime(2026, 9, 8, tzinfo=UTC), SPAN.end))
    found = documents(taken)["orders"]
    wrong = {row["order"]: row["why"] for row in control(cafe, "/truth")["broken_orders"]}
    expected = {
        "total is a cent too high": "total_does_not_add_up",
        "tax of the first line is a cent too low": "tax_does_not_add_up",
        "total is in another currency": "currency_differs",
        "created in the year 1": "absurd_date",
        "total is negative": "negative_total",
        "the tender has no id": "missing_reference",
    }
    seen = set()
    for key, why in wrong.items():
        if key not in found:  # a return, or another location's
            continue
        flags = found[key].rows[0].review_flags or "[]"
        if why in expected:
            seen.add(why)
            assert f'"{expected[why]}"' in flags, (why, flags)
        else:
            assert flags == "[]", why
    assert len(seen) >= 4
    assert all(document.rows[0].review_flags is None for key, document in found.items() if key not in wrong)


def test_words_no_document_knows_are_carried_and_flagged(
    cafe: RunningSandbox, reads: Reads, plain: tuple[Taken, dict[str, dict[str, Any]]]
) -> None:
    known_words = plain[1]
    control(cafe, "/switches", "POST", {"unknown_enums": True, "tip_in_total": False, "payment_time_end": "exclusive"})
    taken = reads()
    found = documents(taken)
    assert taken.certificate("payments").status == taken.certificate("orders").status == "complete"
    strange = 0
    for key, document in found["payments"].items():
        row: Payment = document.rows[0]
        if row.tender_name == "Unknown":
            strange += 1
            assert row.review_flags == '["unknown_tender"]' and row.method == "other"
        assert row.amount_cents == known_words["payments"][key].rows[0].amount_cents
    assert strange
    for key, document in found["orders"].items():
        order: Order = document.rows[0]
        same = known_words["orders"][key].rows[0]
        assert order.review_flags in (None, '["unknown_tender"]')
        assert (order.final_amount_cents, order.tip_amount_cents) == (same.final_amount_cents, same.tip_amount_cents)


def test_a_record_that_cannot_be_read_is_a_fault_of_its_own(plain: tuple[Taken, dict[str, dict[str, Any]]]) -> None:
    taken, _ = plain
    body = next(taken.reader.bodies("orders"))
    mapping = mapper(taken)
    good = list(mapping.documents(body))
    damaged = body.data.replace(b'"quantity":"1"', b'"quantity":[1]', 1)
    lost = [document for document in mapping.documents(dataclasses.replace(body, data=damaged)) if document.fault]
    assert len(lost) == 1 and "quantity" in lost[0].fault and not lost[0].rows
    nameless = body.data.replace(b'"id":"', b'"no":"', 1)
    lost = [document for document in mapping.documents(dataclasses.replace(body, data=nameless)) if document.fault]
    assert [document.key.startswith("record-") for document in lost] == [True]
    dateless = body.data.replace(b'"created_at"', b'"was"').replace(b'"closed_at"', b'"ended"')
    assert all(document.fault for document in mapping.documents(dataclasses.replace(body, data=dateless)))
    halved = body.data.replace(b'"name":"', b'"name":"\\ud83d', 1)
    assert len(list(mapping.documents(dataclasses.replace(body, data=halved)))) == len(good)
