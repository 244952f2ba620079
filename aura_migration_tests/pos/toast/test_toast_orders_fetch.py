"""Reading Toast's history: spans, deltas, cash by business date, single documents, interruptions, orders that move."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aura_migration.archive.snapshot import Recorder, SnapshotReader
from aura_migration.canonical.history.documents import Document
from aura_migration.pos.http.errors import MalformedBody, ServerFault
from aura_migration.pos.http.retry import ONCE
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.toast import client
from aura_migration.pos.toast.client import ToastSession
from aura_migration.pos.toast.orders.extract import business_dates
from aura_migration.pos.toast.paths import CASH_DEPOSITS, CASH_ENTRIES, ORDERS
from aura_migration_tests.pos.toast.conftest import Toast
from aura_migration_tests.pos.toast.test_toast_orders import documents

OCTOBER = datetime(2026, 10, 1, 9, tzinfo=UTC)
SEPTEMBER = HistorySpan(datetime(2026, 9, 1, tzinfo=UTC), OCTOBER)
Serve = Callable[..., Toast]
Work = Callable[[ToastSession, Recorder, str], Any]


class Place:
    """A café with a history of a few hundred orders."""

    def __init__(self, toast: Toast) -> None:
        toast.calm()
        self.toast = toast
        self.source: str = toast.truth["locations"][0]["id"]
        self.location = next(one for one in toast.discover().locations if one.source_id == self.source)

    def read(self, work: Work, **given: Any) -> SnapshotReader:
        """A snapshot of what ``work`` records."""
        with self.toast.recorder(self.source, OCTOBER) as recorder:

            async def run(session: ToastSession) -> None:
                await work(session, recorder, self.source)

            self.toast.session(run, **given)
            return SnapshotReader(recorder.finish(), cipher=self.toast.cipher)

    def history(self, span: HistorySpan | None, *entities: str) -> SnapshotReader:
        """A snapshot of the history over a span."""
        return self.read(lambda session, recorder, at: session.extract(recorder, "history", at, entities, span))

    def reread(self, **keys: list[str]) -> SnapshotReader:
        """A snapshot of single documents."""
        return self.read(lambda session, recorder, at: session.reread(recorder, at, keys))

    def documents(self, *readers: SnapshotReader) -> dict[tuple[str, str], Document]:
        """The documents of snapshots read one after another, of each object the latest."""
        found: dict[tuple[str, str], Document] = {}
        for reader in readers:
            for one in documents(reader, self.location):
                held = found.get((one.kind, one.key))
                if held is None or one.version >= held.version:
                    found[one.kind, one.key] = one
        return found

    def orders(self) -> dict[str, dict[str, Any]]:
        lines = self.toast.control.get("/_control/orders/orders").text.splitlines()
        return {row["id"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def place(serve_toast: Serve) -> Place:
    toast = serve_toast("cafe", orders=120, months=2)
    toast.post("clock", {"now": "2026-10-01T08:00:00Z"})
    return Place(toast)


@pytest.fixture
def cafe(place: Place) -> Place:
    place.toast.calm()
    return place


@pytest.fixture(scope="module")
def whole(place: Place) -> SnapshotReader:
    """September, before anything was edited."""
    return place.history(SEPTEMBER, "orders", "cash_entries", "cash_deposits")


def test_a_span_reads_what_changed_in_it_and_nothing_by_a_default_range(cafe: Place, whole: SnapshotReader) -> None:
    certificate = whole.certificate("orders")
    assert certificate is not None
    assert certificate.status == "complete"
    expected = {guid for guid, one in cafe.orders().items() if one["modified_at"] >= "2026-08-31"}
    assert certificate.distinct == len(expected) >= 40
    assert {ref.window for ref in whole.refs("orders")} == {"2026-08", "2026-09", "latest"}
    for ref in whole.refs("orders"):
        assert ref.params is not None
        assert {"startDate", "endDate", "pageSize", "page"} == ref.params.keys()


def test_cash_is_asked_date_by_date_from_the_first_sale_on(cafe: Place, whole: SnapshotReader) -> None:
    for entity in ("cash_entries", "cash_deposits"):
        days = sorted(str((ref.params or {})["businessDate"]) for ref in whole.refs(entity))
        first, last = (datetime.strptime(day, "%Y%m%d") for day in (days[0], days[-1]))
        assert len(days) == len(set(days)) == (last - first).days + 1
        assert days[-1] == "20261002"
        assert days[0] >= "20260830"
    without = cafe.history(SEPTEMBER, "cash_deposits")
    assert len(without.refs("cash_deposits")) == 33


def test_a_delta_reads_what_changed_and_finds_what_changed_without_a_new_date(
    cafe: Place, whole: SnapshotReader
) -> None:
    before = cafe.documents(whole)
    orders = cafe.orders()
    recent = [
        guid for guid, one in orders.items() if one["business_date"] >= "2026-09-26" and one["checks"][0]["payments"]
    ]
    older = [guid for guid, one in orders.items() if "2026-09-02" <= one["business_date"] <= "2026-09-10"]
    silent = next(guid for guid in recent if orders[guid]["checks"][0]["payments"][0]["type"] == "CREDIT")
    cafe.toast.post("edit", {"op": "touchless_order", "order": silent, "tip_cents": 1234})
    touched = next(guid for guid in older if orders[guid]["checks"][0]["payments"] and not orders[guid]["voided"])
    cafe.toast.post("edit", {"op": "touch_order", "order": touched})
    since = HistorySpan(
        SEPTEMBER.begin,
        OCTOBER,
        changed_since=datetime(2026, 9, 30, 12, tzinfo=UTC),
        reread_from=datetime(2026, 9, 26, tzinfo=UTC),
    )
    delta = cafe.history(since, "orders", "cash_entries")
    certificate = delta.certificate("orders")
    assert certificate is not None
    assert certificate.status == "complete", certificate.explain()
    assert certificate.second_route is not None
    assert certificate.second_route.count == certificate.distinct
    windows = {ref.window for ref in delta.refs("orders")}
    assert windows == {"latest", *(f"day-{day}" for day in business_dates(since, OCTOBER))}
    after = cafe.documents(delta)
    assert ("order_groups", touched) in after
    assert ("order_groups", silent) in after
    unread = {key for kind, key in before if kind == "order_groups"} - {
        key for kind, key in after if kind == "order_groups"
    }
    assert unread
    payment = orders[silent]["checks"][0]["payments"][0]["id"]
    both = cafe.documents(whole, delta)["payments", payment]
    assert both.version == before["payments", payment].version
    assert both.rows[0].tip_amount_cents == 1234 != before["payments", payment].rows[0].tip_amount_cents  # type: ignore[union-attr]
    assert len(delta.refs("cash_entries")) < len(whole.refs("cash_entries"))


def test_an_order_read_by_two_windows_is_counted_once_and_mapped_once(cafe: Place) -> None:
    since = HistorySpan(
        SEPTEMBER.begin,
        OCTOBER,
        changed_since=datetime(2026, 9, 20, tzinfo=UTC),
        reread_from=datetime(2026, 9, 25, tzinfo=UTC),
    )
    reader = cafe.history(since, "orders")
    certificate = reader.certificate("orders")
    assert certificate is not None
    assert certificate.status == "complete"
    assert certificate.duplicates_dropped == certificate.rows - certificate.distinct > 0
    groups = [one for one in documents(reader, cafe.location) if one.kind == "order_groups"]
    assert len(groups) == certificate.distinct


def test_single_documents_are_asked_by_their_ids_and_what_is_not_there_is_told_as_gone(
    cafe: Place, whole: SnapshotReader
) -> None:
    known = cafe.documents(whole)
    orders = cafe.orders()
    kept, deleted = [
        one
        for one in orders.values()
        if any(("payments", paid["id"]) in known for paid in one["checks"][0]["payments"])
        and not one["deleted"]
        and not one["voided"]
    ][-2:]
    cafe.toast.post("edit", {"op": "delete_order", "order": deleted["id"]})
    payment = kept["checks"][0]["payments"][0]["id"]
    reader = cafe.reread(
        order_groups=[deleted["id"], "0f0f0f0f-0000-4000-8000-000000000000"],
        orders=[deleted["checks"][0]["id"], "0f0f0f0f-0000-4000-8000-000000000001"],
        payments=[payment, "0f0f0f0f-0000-4000-8000-000000000002"],
        refunds=[f"{payment}:refund"],
        cash_events=["ce-gone"],
    )
    certificate = reader.certificate("missing_documents")
    assert certificate is not None
    assert certificate.status == "complete"
    found = {(one.kind, one.key): one for one in documents(reader, cafe.location)}
    assert found["order_groups", deleted["id"]].gone
    assert found["orders", deleted["checks"][0]["id"]].gone
    for kind, key in (("order_groups", "…0"), ("orders", "…1"), ("payments", "…2")):
        assert found[kind, key.replace("…", "0f0f0f0f-0000-4000-8000-00000000000")].gone
    assert found["cash_events", "ce-gone"].gone
    assert found["payments", payment].rows == known["payments", payment].rows
    assert found["order_groups", kept["id"]].rows


def test_a_check_is_not_gone_where_its_order_was_not_asked(cafe: Place) -> None:
    reader = cafe.reread(orders=["0f0f0f0f-0000-4000-8000-000000000001"])
    assert documents(reader, cafe.location) == []


def test_an_interrupted_reading_of_the_history_goes_on_at_its_windows(
    cafe: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "RETRY", ONCE)
    entities = ("orders", "cash_entries", "cash_deposits")
    with cafe.toast.recorder(cafe.source, OCTOBER) as recorder:

        async def work(session: ToastSession) -> None:
            await session.extract(recorder, "history", cafe.source, entities, SEPTEMBER)

        for match in (f"{ORDERS}.*startDate=2026-09-30", f"{CASH_ENTRIES}.*20260915", f"{CASH_DEPOSITS}.*20261001"):
            cafe.toast.post("faults", {"kind": "error", "status": 503, "match": match, "times": 1})
            with pytest.raises(ServerFault):
                cafe.toast.session(work)
        done = {window for window in ("2026-08", "2026-09", "2026-10") if recorder.recorded("cash_deposits", window)}
        cafe.toast.calm()
        cafe.toast.session(work)
        reader = SnapshotReader(recorder.finish(), cipher=cafe.toast.cipher)
    assert not cafe.toast.requests(ORDERS)
    assert not cafe.toast.requests(CASH_ENTRIES)
    again = {str(one["query"])[-8:-2] for one in cafe.toast.requests(CASH_DEPOSITS)}
    assert again
    assert not again & {window.replace("-", "") for window in done}
    uninterrupted = cafe.history(SEPTEMBER, *entities)
    assert cafe.documents(reader) == cafe.documents(uninterrupted)
    assert {one.status for one in reader.certificates()} == {"complete"}


def test_a_business_date_that_is_cut_is_noticed(cafe: Place) -> None:
    since = HistorySpan(
        SEPTEMBER.begin,
        OCTOBER,
        changed_since=datetime(2026, 9, 20, tzinfo=UTC),
        reread_from=datetime(2026, 9, 26, tzinfo=UTC),
    )
    cafe.toast.post(
        "faults", {"kind": "lying_cap", "mode": "cut", "cap": 1, "match": "ordersBulk.*businessDate=20260928"}
    )
    certificate = cafe.history(since, "orders").certificate("orders")
    cafe.toast.calm()
    assert certificate is not None
    assert certificate.status == "suspicious"
    assert "not listed under their business date" in certificate.explain()


def test_a_missing_right_to_cash_leaves_cash_out_and_nothing_else(cafe: Place) -> None:
    reader = cafe.read(
        lambda session, recorder, at: session.extract(
            recorder, "history", at, ("orders", "cash_entries", "cash_deposits"), SEPTEMBER
        ),
        variant="no_cash",
    )
    found = {one.entity: one.status for one in reader.certificates()}
    assert found == {"orders": "complete", "cash_entries": "not_extracted", "cash_deposits": "not_extracted"}
    assert {one.kind for one in documents(reader, cafe.location)} >= {"orders", "payments"}


def test_an_answer_about_cash_that_is_no_list_is_an_error_and_not_an_empty_day(cafe: Place) -> None:
    async def work(session: ToastSession, recorder: Recorder, at: str) -> None:
        honest = session.get

        async def strange(path: str, location: str = "", params: Any = None) -> Any:
            answer = await honest(path, location, params)
            return type(answer)(200, {}, b'{"entries": []}', 0.0, 1)

        session.get = strange  # type: ignore[method-assign]
        await session.extract(recorder, "history", at, ("cash_entries",), SEPTEMBER)

    with pytest.raises(MalformedBody, match="not a list"):
        cafe.read(work)


def test_the_business_dates_of_a_delta_have_a_day_to_spare_on_either_side() -> None:
    span = HistorySpan(SEPTEMBER.begin, OCTOBER, OCTOBER - timedelta(hours=3), datetime(2026, 9, 29, 3, tzinfo=UTC))
    assert business_dates(span, OCTOBER) == [20260928, 20260929, 20260930, 20261001, 20261002]
    assert business_dates(SEPTEMBER, OCTOBER) == business_dates(None, OCTOBER) == []
