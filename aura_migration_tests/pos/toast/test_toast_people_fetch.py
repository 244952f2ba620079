"""Reading a year of orders and of time worked: windows, pages that move or lie, interruptions, and the pace."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from aura_migration.archive.snapshot import Certificate, SnapshotReader
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import MalformedBody, ServerFault
from aura_migration.pos.http.retry import ONCE
from aura_migration.pos.toast import client
from aura_migration.pos.toast.client import LIMITS, ToastSession
from aura_migration.pos.toast.labor import fetch_time_entries
from aura_migration.pos.toast.months import asked, instant, months
from aura_migration.pos.toast.orders import extract as orders
from aura_migration.pos.toast.orders.extract import fetch_orders
from aura_migration.pos.toast.paths import ORDERS, PAYMENTS, TIME_ENTRIES
from aura_migration_tests.pos.toast.conftest import Toast

OCTOBER = datetime(2026, 10, 1, 9, tzinfo=UTC)
Serve = Callable[..., Toast]


def test_the_months_of_a_year_follow_each_other_without_gap_and_none_is_longer_than_its_month() -> None:
    for taken_at in (OCTOBER, datetime(2024, 2, 29, 23, 59, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)):
        spans = months(taken_at)
        assert all(one.end == following.begin for one, following in itertools.pairwise(spans))
        assert all(one.begin.strftime("%Y-%m") == one.name for one in spans)
        assert all((one.end - timedelta(seconds=1)).strftime("%Y-%m") == one.name for one in spans)
        assert len({one.name for one in spans}) == len(spans) <= 15
        assert spans[0].begin <= taken_at - timedelta(days=366)
        assert spans[-1].end > taken_at + timedelta(days=1)


def test_instants_of_toast_are_read_in_both_forms_and_never_is_no_instant() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert instant("2026-03-01T12:00:00.000+0000") == instant("2026-03-01T12:00:00.000Z") == noon
    assert instant(asked(noon)) == noon
    assert [instant(text) for text in ("1970-01-01T00:00:00.000+0000", None, "soon", "2026-03-01", 5)] == [None] * 5


class Book:
    """A recorder that only remembers what was recorded."""

    def __init__(self, taken_at: datetime = OCTOBER) -> None:
        self.taken_at = taken_at
        self.recorded_pages: dict[str, list[tuple[int, int, bytes]]] = {}
        self.done: set[str] = set()
        self.certificates: dict[str, Certificate] = {}

    def recorded(self, entity: str, window: str = "") -> bool:
        return window in self.done

    def restart_window(self, entity: str, window: str = "") -> None:
        self.recorded_pages.pop(window, None)
        self.done.discard(window)

    def record(self, entity: str, *, window: str, page: int, rows: int, body: bytes, **_: Any) -> None:
        self.recorded_pages.setdefault(window, []).append((page, rows, body))

    def complete_window(self, entity: str, window: str = "") -> None:
        self.done.add(window)

    def bodies(self, entity: str, window: str | None = None) -> list[Any]:
        found = (
            page
            for name, window_pages in self.recorded_pages.items()
            for page in window_pages
            if window in (None, name)
        )
        return [SimpleNamespace(data=body) for _, _, body in found]

    def pages(self, entity: str) -> list[Any]:
        found = (page for window in self.recorded_pages.values() for page in window)
        return [SimpleNamespace(rows=rows, body=body) for _, rows, body in found]

    def certify(self, certificate: Certificate) -> None:
        self.certificates[certificate.entity] = certificate


class Till:
    """A Toast whose orders move: an order is a number, and when it was changed."""

    def __init__(
        self,
        count: int,
        moving: Callable[[Till], None] | None = None,
        first: datetime = datetime(2026, 9, 10, 12, tzinfo=UTC),
        **switches: Any,
    ) -> None:
        self.orders = {f"o{n:03d}": first + timedelta(minutes=n) for n in range(count)}
        self.days = {guid: int(f"{at:%Y%m%d}") for guid, at in self.orders.items()}
        self.moving = moving or (lambda till: None)
        self.paid: dict[str, list[str]] = {}
        self.calls: list[Mapping[str, str]] = []
        self.times: list[float] = []
        self.account = SimpleNamespace(switches=switches)

    async def get(self, path: str, location: str, params: Mapping[str, str]) -> PosResponse:
        if path == PAYMENTS:
            return PosResponse(200, {}, json.dumps(self.paid.get(next(iter(params)), [])).encode(), 0.0, 1)
        self.calls.append(params)
        self.times.append(time.monotonic())
        begin, end = (instant(params.get(name)) for name in ("startDate", "endDate"))
        self.moving(self)
        found = [
            {
                "guid": guid,
                "modifiedDate": asked(at),
                "businessDate": self.days.get(guid, 20260901),
                "checks": [{"payments": [{"guid": f"p-{guid}"}]}, {"payments": None}],
            }
            for guid, at in sorted(self.orders.items(), key=lambda one: one[::-1])
            if begin is None or end is None or begin <= at < end
        ]
        if day := params.get("businessDate"):
            found = [one for one in found if str(one["businessDate"]) == day]
        start = (int(params["page"]) - 1) * 100
        link = '<x>; rel="next"' if start + 100 < len(found) else '<x>; rel="first"'
        return PosResponse(200, {"link": link}, json.dumps(found[start : start + 100]).encode(), 0.0, 1)


def read(till: Till, book: Book | None = None) -> tuple[Book, Certificate]:
    book = book or Book()
    session: Any = till
    recorder: Any = book
    asyncio.run(fetch_orders(session, recorder, "R1"))
    return book, book.certificates["orders"]


def guids(book: Book) -> set[str]:
    return {one["guid"] for page in book.pages("orders") for one in json.loads(page.body)}


def test_every_page_of_every_month_is_read_and_recorded_and_the_latest_days_are_read_last() -> None:
    till = Till(250)
    book, certificate = read(till)
    assert (certificate.status, certificate.rows, certificate.distinct) == ("complete", 250, 250)
    assert [page for page, _, _ in book.recorded_pages["2026-09"]] == [1, 2, 3]
    walks = [(one["startDate"], one["page"]) for one in till.calls if "startDate" in one]
    assert [page for begin, page in walks if begin.startswith("2026-09-01")] == ["1", "2", "3"]
    assert walks[-1] == ("2026-09-30T00:00:00.000+0000", "1")
    assert book.done == {span.name for span in months(OCTOBER) if span.begin < OCTOBER - timedelta(days=1)} | {"latest"}


def test_a_list_that_ends_exactly_with_a_full_page_is_asked_for_one_more() -> None:
    till = Till(200)
    _, certificate = read(till)
    assert (certificate.status, certificate.distinct) == ("complete", 200)
    assert "3" in {one["page"] for one in till.calls}


def days_ago() -> datetime:
    """Some days ago, such that the hours that follow are of one month."""
    now = datetime.now(UTC)
    return now.replace(hour=1, minute=0) - timedelta(days=4)


def once_while_read(moved: list[str]) -> Callable[[Till], None]:
    """The first order is changed between the first page and the second: it belongs to the latest days then."""

    def move(till: Till) -> None:
        if till.calls[-1].get("page") == "2" and not moved and "startDate" in till.calls[-1]:
            moved.append("o000")
            till.orders["o000"] = datetime.now(UTC)

    return move


def test_an_order_that_leaves_the_month_while_it_is_read_hides_no_other() -> None:
    moved: list[str] = []
    book, certificate = read(Till(250, once_while_read(moved), days_ago()), Book(datetime.now(UTC)))
    assert moved
    assert certificate.status == "complete"
    assert guids(book) == {f"o{n:03d}" for n in range(250)}
    assert (certificate.rows, certificate.distinct) == (250, 250)


def test_a_month_that_moves_each_time_it_is_read_is_told_and_not_certified() -> None:
    def move(till: Till) -> None:
        if till.calls[-1].get("page") == "2" and "startDate" in till.calls[-1]:
            till.orders[min(till.orders, key=lambda guid: till.orders[guid])] = datetime.now(UTC)

    _, certificate = read(Till(250, move, days_ago()), Book(datetime.now(UTC)))
    assert certificate.status == "suspicious"
    assert "moved each of 5 times they were read" in certificate.explain()


def test_the_latest_days_are_read_until_a_walk_shows_nothing_that_the_one_before_missed() -> None:
    moved: list[str] = []
    first = datetime.now(UTC) - timedelta(hours=6)
    book, certificate = read(Till(150, once_while_read(moved), first), Book(datetime.now(UTC)))
    assert moved
    assert certificate.status == "complete"
    assert guids(book) == {f"o{n:03d}" for n in range(150)}
    assert [page for page, _, _ in book.recorded_pages["latest"]] == [1, 2, 3, 4, 5, 6]
    assert certificate.duplicates_dropped == certificate.rows - 150 > 150


def test_an_order_that_no_month_shows_is_found_by_its_business_date() -> None:
    till = Till(50)
    honest = till.get

    async def lying(path: str, location: str, params: Mapping[str, str]) -> PosResponse:
        answer = await honest(path, location, params)
        rows = json.loads(answer.content)
        kept = rows if "businessDate" in params else rows[:-7]
        return PosResponse(200, answer.headers, json.dumps(kept).encode(), 0.0, 1)

    till.get = lying  # type: ignore[method-assign]
    _, certificate = read(till)
    assert certificate.status == "suspicious"
    assert "7 orders of single business dates are in none of the months" in certificate.explain()


def test_a_payment_that_is_on_none_of_the_orders_read_is_noticed() -> None:
    till = Till(120)
    till.paid = {"paidBusinessDate": ["p-o003", "p-o117"], "refundBusinessDate": [], "voidBusinessDate": ["p-o003"]}
    _, certificate = read(till)
    assert certificate.status == "complete"
    till.paid["refundBusinessDate"] = ["p-lost"]
    _, certificate = read(till)
    assert certificate.status == "suspicious"
    assert "1 payments of single business dates are on none of the orders" in certificate.explain()


def test_all_business_dates_are_asked_where_that_is_switched_on() -> None:
    spread = Till(30, orders_every_day=True)
    spread.orders = {f"o{n}": datetime(2026, 9, 1 + n % 20, 12, tzinfo=UTC) for n in range(30)}
    spread.days = {guid: int(f"{at:%Y%m%d}") for guid, at in spread.orders.items()}
    _, certificate = read(spread)
    assert len({one["businessDate"] for one in spread.calls if "businessDate" in one}) == 20
    assert certificate.status == "complete"
    sampled = Till(30)
    sampled.orders, sampled.days = spread.orders, spread.days
    _, certificate = read(sampled)
    assert len({one["businessDate"] for one in sampled.calls if "businessDate" in one}) == 3
    assert certificate.second_route is not None
    assert certificate.second_route.count == certificate.distinct == 30


def test_a_long_history_is_read_at_the_pace_toast_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (orders.FREE_CALLS, orders.PAUSE) == (60, 5.0)
    monkeypatch.setattr(orders, "FREE_CALLS", 16)
    till = Till(900, orders_pause_seconds=0.02)
    read(till)
    gaps = [later - sooner for sooner, later in itertools.pairwise(till.times)]
    assert len(till.times) > 24
    assert min(gaps[16:]) > 0.018
    monkeypatch.setattr(orders, "FREE_CALLS", 0)
    book, certificate = read(Till(30, orders_pause_seconds=0))
    assert certificate.status == "complete"
    assert book.done


def test_an_answer_that_is_no_list_of_orders_is_an_error_and_not_an_empty_month() -> None:
    till = Till(1)

    async def strange(path: str, location: str, params: Mapping[str, str]) -> PosResponse:
        return PosResponse(200, {}, b'{"orders": []}', 0.0, 1)

    till.get = strange  # type: ignore[method-assign]
    with pytest.raises(MalformedBody, match="not a list of orders"):
        read(till)


# -- over HTTP ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def cafe(serve_toast: Serve) -> Toast:
    toast = serve_toast("cafe")
    toast.calm()
    return toast


def test_a_page_that_is_served_again_and_again_is_not_a_year_of_orders(serve_toast: Serve) -> None:
    diner = serve_toast("diner")
    diner.calm()
    diner.post("faults", {"kind": "lying_cap", "mode": "ignore_cursor", "match": "ordersBulk.*startDate=2026-08"})
    try:
        reader = diner.extract(diner.truth["locations"][0]["id"], ("orders",), OCTOBER)
    finally:
        diner.calm()
    certificate = reader.certificate("orders")
    assert certificate is not None
    assert certificate.status == "suspicious"
    assert "page 2 of 2026-08 repeated only orders already seen" in certificate.explain()


def test_what_an_interrupted_reading_completed_is_not_read_again(cafe: Toast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "RETRY", ONCE)
    location = cafe.truth["locations"][0]["id"]
    cafe.post("faults", {"kind": "error", "status": 503, "match": "ordersBulk.*startDate=2026-09", "times": 1})
    with cafe.recorder(location, OCTOBER) as recorder:

        async def work(session: ToastSession) -> None:
            await session.extract(recorder, "location", location, ("orders", "time_entries"))

        with pytest.raises(ServerFault):
            cafe.session(work)
        done = [span.name for span in months(OCTOBER)[:-2] if recorder.recorded("orders", span.name)]
        cafe.calm()
        cafe.session(work)
        reader = SnapshotReader(recorder.finish(), cipher=cafe.cipher)
    assert done
    again = [str(one["query"]) for one in cafe.requests(ORDERS) if "startDate" in str(one["query"])]
    assert again
    assert not [query for query in again if any(f"startDate={name}" in query for name in done)]
    certificates = {one.entity: one for one in reader.certificates()}
    assert {one.status for one in certificates.values()} == {"complete"}
    assert certificates["orders"].distinct == 168
    assert certificates["orders"].rows == sum(ref.rows for ref in reader.refs("orders"))


def test_hours_are_confirmed_by_the_list_of_changes_and_one_that_is_cut_is_noticed(cafe: Toast) -> None:
    location = cafe.truth["locations"][0]["id"]
    reader = cafe.extract(location, ("time_entries",), OCTOBER)
    certificate = reader.certificate("time_entries")
    assert certificate is not None
    assert certificate.second_route is not None
    assert certificate.distinct == certificate.second_route.count == 83
    assert {one["status"] for one in cafe.requests(TIME_ENTRIES)} == {200}

    class Short:
        """Leaves one entry out of every month by clock-in."""

        def __init__(self, session: ToastSession) -> None:
            self.session = session

        async def get(self, path: str, at: str, params: Mapping[str, str]) -> PosResponse:
            answer = await self.session.get(path, at, params)
            rows = json.loads(answer.content)
            kept = rows[1:] if "startDate" in params else rows
            return PosResponse(200, answer.headers, json.dumps(kept).encode(), 0.0, 1)

    book = Book()
    recorder: Any = book
    short: Any = Short
    cafe.session(lambda session: fetch_time_entries(short(session), recorder, location))
    assert book.certificates["time_entries"].status == "suspicious"
    assert "2 time entries are among the changed ones only" in book.certificates["time_entries"].explain()


def test_the_limit_of_orders_is_kept_for_each_restaurant_by_itself() -> None:
    named = LIMITS.named(client="c")
    (limit,) = [one for one in named.claims("GET", ORDERS, "R1") if one.limit.paths]
    assert (limit.limit.capacity, limit.limit.per_seconds) == (4, 1.0)
    assert "R1" in limit.key
    assert not [one for one in named.claims("GET", TIME_ENTRIES, "R1") if one.limit.paths]
