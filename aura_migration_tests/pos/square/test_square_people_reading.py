"""Reading people over real HTTP: what goes wrong on the way, what may not be read, and what the certificates then say."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.pos.http.errors import PosError, StaleCursor
from aura_migration.pos.square.people import attributes, extract, lists, windows
from aura_migration.pos.square.people.windows import quarter_starts, year_before, year_starts
from aura_migration.sandbox.core.server import RunningSandbox, serve
from aura_migration_tests.pos.square.square_people_support import Taken, mapped, take
from aura_migration_tests.pos.square.square_support import control, requests_to, session_on

LOYALTY = ("loyalty_program", "loyalty_accounts", "loyalty_events", "loyalty_rewards")


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with serve("square", "cafe", 7) as sandbox:
        yield sandbox


@pytest.fixture
def cafe(served: RunningSandbox) -> Iterator[RunningSandbox]:
    """A cafe whose faults, switches and request log are clean again after each test."""
    before = control(served, "/switches")
    control(served, "/requests", "DELETE")
    yield served
    control(served, "/faults", "DELETE")
    control(served, "/switches", "POST", before)


Reads = Callable[..., Taken]


@pytest.fixture
def reads(cafe: RunningSandbox, square_database: str, snapshots: psycopg.Connection[Any], tmp_path: Path) -> Reads:
    """Reads the named source entities of the cafe."""

    def read(*entities: str, credentials: str = "default", **switches: Any) -> Taken:
        return take(cafe, square_database, snapshots, tmp_path, credentials, entities, **switches)

    return read


def small_pages(monkeypatch: pytest.MonkeyPatch, name: str, page: int) -> None:
    """Ask for that list in pages of so many."""
    smaller = dataclasses.replace(getattr(lists, name), page=page)
    monkeypatch.setattr(lists, name, smaller)


def truth(sandbox: RunningSandbox) -> dict[str, Any]:
    found: dict[str, Any] = control(sandbox, "/truth")
    return found


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_too_many_requests_and_failures_on_the_way_lose_nobody(cafe: RunningSandbox, reads: Reads) -> None:
    control(cafe, "/faults", "POST", {"kind": "rate_limit", "match": "/v2/customers/search", "times": 2})
    control(cafe, "/faults", "POST", {"kind": "error", "status": 503, "match": "/v2/gift-cards", "times": 1})
    taken = reads("locations", "customers", "gift_cards")
    assert taken.certificate("customers").status == taken.certificate("gift_cards").status == "complete"
    listed = sum(customer["listed"] for customer in truth(cafe)["customers"])
    assert taken.certificate("customers").distinct == listed


def test_a_cursor_that_expired_restarts_the_list(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, "CUSTOMERS", 10)
    control(cafe, "/faults", "POST", {"kind": "stale_cursor", "match": "/v2/customers/search", "times": 1, "after": 1})
    taken = reads("locations", "customers")
    certificate = taken.certificate("customers")
    assert certificate.status == "complete", certificate.explain()
    assert len(mapped(taken.reader, taken.location).of("customers")) == certificate.distinct


def test_a_cursor_that_never_holds_ends_in_its_error(
    square_database: str, snapshots: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, "LOYALTY_EVENTS", 5)
    with serve("square", "cafe", 7) as sandbox:
        control(sandbox, "/faults", "POST", {"kind": "stale_cursor", "match": "/v2/loyalty/events/search"})
        with pytest.raises(StaleCursor):
            take(sandbox, square_database, snapshots, tmp_path, entities=("loyalty_events",))


def test_rows_that_come_again_on_the_next_page_count_once(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, page in (("CUSTOMERS", 9), ("LOYALTY_ACCOUNTS", 7), ("LOYALTY_EVENTS", 11), ("GIFT_CARD_ACTIVITIES", 5)):
        small_pages(monkeypatch, name, page)
    control(cafe, "/switches", "POST", {"repeat_rows": True})
    taken = reads(
        "locations", "customers", "loyalty_program", "loyalty_accounts", "loyalty_events", "gift_cards",
        "gift_card_activities",
    )  # fmt: skip
    known = truth(cafe)
    for entity, number in (
        ("loyalty_accounts", len(known["loyalty_accounts"])),
        ("loyalty_events", len(known["loyalty_events"])),
        ("gift_card_activities", len(known["gift_card_activities"])),
    ):
        certificate = taken.certificate(entity)
        assert certificate.status == "complete", certificate.explain()
        assert certificate.distinct == number
        assert certificate.duplicates_dropped or entity == "loyalty_accounts"
    people = mapped(taken.reader, taken.location)
    assert sum(row["balance_points"] for row in people.of("loyalty_accounts").values()) == sum(
        row["points_change"] for row in people.of("loyalty_transactions").values()
    )
    assert sum(row["balance_cents"] for row in people.of("gift_cards").values()) == sum(
        row["amount_cents"] for row in people.of("gift_card_transactions").values()
    )


def test_kinds_and_states_of_no_document_are_counted_and_carried_over(cafe: RunningSandbox, reads: Reads) -> None:
    control(cafe, "/switches", "POST", {"unknown_enums": True})
    taken = reads("locations", "loyalty_program", "loyalty_accounts", "loyalty_events", "gift_cards", "team")
    for certificate in taken.reader.certificates():
        assert certificate.status == "complete", certificate.explain()
    totals = truth(cafe)["people_totals"]
    people = mapped(taken.reader, taken.location)
    assert sum(row["points_change"] for row in people.of("loyalty_transactions").values()) == totals["loyalty_points"]
    assert sum(row["balance_cents"] for row in people.of("gift_cards").values()) == totals["gift_card_cents"]


def test_a_directory_that_counts_more_than_it_shows_is_suspicious(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = extract._count

    async def more(session: Any) -> Any:
        count, oldest = await counted(session)
        return (count or 0) + 1, oldest

    monkeypatch.setattr(extract, "_count", more)
    certificate = reads("customers").certificate("customers")
    assert certificate.status == "suspicious"
    assert "counts" in certificate.explain()


def test_a_list_that_stops_short_of_its_second_route_is_suspicious(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, "GIFT_CARDS", 4)
    control(
        cafe,
        "/faults",
        "POST",
        {"kind": "lying_cap", "match": "/v2/gift-cards[?]limit=4($|&cursor)", "mode": "cut", "cap": 4},
    )
    certificate = reads("gift_cards").certificate("gift_cards")
    assert certificate.status == "suspicious"
    assert "state by state" in certificate.explain()


def test_a_cursor_that_is_ignored_is_suspicious_and_stops(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, "LOYALTY_ACCOUNTS", 5)
    control(
        cafe, "/faults", "POST", {"kind": "lying_cap", "match": "/v2/loyalty/accounts/search", "mode": "ignore_cursor"}
    )
    assert reads("loyalty_accounts").certificate("loyalty_accounts").status == "suspicious"


def test_a_large_directory_is_read_year_by_year_and_counts_the_same(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reads("locations", "customers").certificate("customers")
    monkeypatch.setattr(extract, "ONE_WINDOW", 10)
    monkeypatch.setattr(extract, "LISTED_AGAIN", 10)
    taken = reads("locations", "customers")
    certificate = taken.certificate("customers")
    assert certificate.status == "complete", certificate.explain()
    assert certificate.distinct == whole.distinct
    assert certificate.second_route is not None
    assert certificate.second_route.how == "the list's own count"
    assert len({ref.window for ref in taken.reader.refs("customers")}) > 2


def test_long_ledgers_are_not_counted_again_but_full_last_pages_are(
    cafe: RunningSandbox, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "RECOUNTED", 3)
    small_pages(monkeypatch, "LOYALTY_EVENTS", 5)
    certificate = reads("loyalty_events").certificate("loyalty_events")
    assert certificate.status == "complete", certificate.explain()
    assert certificate.second_route is None
    assert certificate.distinct == len(truth(cafe)["loyalty_events"])


def test_an_interrupted_reading_goes_on_with_the_windows_that_are_missing(
    cafe: RunningSandbox,
    square_database: str,
    snapshots: psycopg.Connection[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "RECOUNTED", 0)
    begun = [0]

    def read() -> Taken:
        begun[0] += 1
        return take(
            cafe, square_database, snapshots, tmp_path, entities=("locations", "loyalty_events"), fresh=begun[0] == 1
        )

    control(cafe, "/faults", "POST", {"kind": "error", "status": 503, "match": "/v2/loyalty/events/search", "after": 9})
    with pytest.raises(PosError):
        read()
    control(cafe, "/faults", "DELETE")
    control(cafe, "/requests", "DELETE")
    certificate = read().certificate("loyalty_events")
    assert certificate.status == "complete", certificate.explain()
    assert certificate.distinct == len(truth(cafe)["loyalty_events"])
    assert 0 < len(requests_to(cafe, "/v2/loyalty/events/search")) < certificate.pages


# What may not be read, and what there is none of ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "missing"),
    [
        ("missing_customers_scope", {"customers", "customer_groups", "customer_segments", "customer_attributes"}),
        ("missing_loyalty_scope", set(LOYALTY)),
        ("missing_giftcards_scope", {"gift_cards", "gift_card_activities"}),
        ("missing_employees_scope", {"team", "jobs", "wages"}),
        ("missing_timecards_scope", {"timecards"}),
    ],
)
def test_what_the_token_may_not_read_is_not_extracted_with_its_reason(
    reads: Reads, variant: str, missing: set[str]
) -> None:
    taken = reads("locations", "customers", "loyalty_program", "loyalty_accounts", *missing, credentials=variant)
    for certificate in taken.reader.certificates():
        if certificate.entity in missing:
            assert certificate.status == "not_extracted"
            assert certificate.reason
        else:
            assert certificate.status == "complete", certificate.explain()
    people = mapped(taken.reader, taken.location)
    entities = {row.entity for row in people.rows}
    if "customers" in missing:
        assert not entities & {"customers", "customer_consents"}
        assert all(row["customer_key"] is None for row in people.of("loyalty_accounts").values())
    if "loyalty_accounts" in missing:
        assert not any(name.startswith("loyalty") for name in entities)
    if "team" in missing:
        assert not entities & {"staff", "staff_jobs", "staff_locations"}


def test_a_seller_without_a_programme_is_complete_and_says_so(cafe: RunningSandbox, reads: Reads) -> None:
    control(cafe, "/switches", "POST", {"loyalty_program": "none"})
    taken = reads("locations", *LOYALTY)
    for name in LOYALTY:
        certificate = taken.certificate(name)
        assert certificate.status == "complete"
        assert "no loyalty programme" in certificate.reason
    assert not mapped(taken.reader, taken.location).rows


def test_a_programme_whose_subscription_ended_blocks_instead_of_losing_its_points(
    cafe: RunningSandbox, reads: Reads
) -> None:
    control(cafe, "/switches", "POST", {"loyalty_program": "inactive"})
    taken = reads("locations", *LOYALTY)
    assert {taken.certificate(name).status for name in LOYALTY[1:]} == {"not_extracted"}


def test_more_profiles_with_own_fields_than_may_be_read_one_by_one_are_left_out_with_the_reason(
    reads: Reads,
) -> None:
    taken = reads("locations", "customers", "customer_attributes", square_customer_attributes=0)
    certificate = taken.certificate("customer_attributes")
    assert certificate.status == "not_extracted"
    assert attributes.SWITCH in certificate.reason
    assert mapped(taken.reader, taken.location).lost("CUSTOMER", "custom_attributes") == 1


def test_permissions_are_tried_entity_by_entity_where_square_does_not_tell_them(cafe: RunningSandbox) -> None:
    place = str(truth(cafe)["locations"][0]["id"])
    control(cafe, "/faults", "POST", {"kind": "drop_field", "match": "/oauth2/token/status", "path": "scopes"})

    async def ask(credentials: str) -> dict[str, bool | None]:
        async with session_on(cafe, credentials) as session:
            return {line.entity: line.granted for line in await session.permissions(place)}

    assert set(asyncio.run(ask("default")).values()) == {True}
    granted = asyncio.run(ask("missing_giftcards_scope"))
    assert {name for name, may in granted.items() if not may} == {"gift_cards", "gift_card_activities"}


def test_the_audit_counts_people_and_shows_nobody(cafe: RunningSandbox) -> None:
    known = truth(cafe)

    async def ask() -> Any:
        async with session_on(cafe) as session:
            return await session.audit(str(known["locations"][0]["id"]))

    lines = asyncio.run(ask())
    counted = {line.label: line.value for line in lines if line.area == "people"}
    assert counted["customers"] == f"{known['people_totals']['listed_customers']:,}"
    assert counted["loyalty members"] == f"{known['people_totals']['loyalty_accounts']:,}"
    assert counted["gift cards"].startswith(f"{known['people_totals']['gift_cards']:,}")
    assert counted["staff"].startswith(f"{known['people_totals']['staff']:,}")
    shown = " ".join(f"{line.label} {line.value} {line.question}" for line in lines)
    assert not [personal for personal in known["personal"] if personal in shown]


# Spans of time --------------------------------------------------------------------------------------------------------


def test_spans_begin_after_the_first_record_and_end_open() -> None:
    since, until = datetime(2024, 5, 6, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    assert year_starts(since, until) == ["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]
    assert quarter_starts(since, until)[0] == "2024-07-01T00:00:00Z"
    assert quarter_starts(since, until)[-1] == "2026-01-01T00:00:00Z"
    assert year_starts(until, since) == []


def test_twelve_months_before_a_leap_day_is_the_day_before() -> None:
    assert year_before(datetime(2028, 2, 29, 8, 30, tzinfo=UTC)) == "2027-02-28T08:30:00Z"
