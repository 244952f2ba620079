"""Square's people witness against the sandbox's own knowledge, and against answers written by hand."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from aura_migration.archive.snapshot import SnapshotReader, SnapshotRef, SnapshotStore, open_snapshot
from aura_migration.pos.people_facts import BalanceFact, CustomerFact, RewardFact, StaffFact, TimecardFact, WageFact
from aura_migration.pos.square import CONNECTOR
from aura_migration.pos.square.people_witness import people_facts
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.square.square_support import HERE, NOON, control, session_on
from aura_migration_tests.support.ciphers import MemoryCipher

MOVES = {"DEACTIVATE": 0, "BLOCK": 0, "UNBLOCK": 0}
TAKES = {"REDEEM", "ADJUST_DECREMENT", "TRANSFER_BALANCE_FROM"}


class InMemory:
    """A snapshot made of documents, where a SnapshotReader is expected."""

    def __init__(self, **documents: list[Any]) -> None:
        self._documents = documents

    def bodies(self, entity: str) -> Any:
        """Bodies of that entity, in the order given."""
        return (SimpleNamespace(data=json.dumps(one).encode()) for one in self._documents.get(entity, ()))


def said(**documents: list[Any]) -> list[Any]:
    reader: Any = InMemory(**documents)
    return list(people_facts(reader, HERE, "USD"))


def stamp(text: str | None) -> int | None:
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


async def read(
    scenario: str, connection: psycopg.Connection[Any], folder: Path
) -> tuple[str, SnapshotReader, dict[str, Any]]:
    """A location of a scenario, the reader of its snapshots, and the truth."""
    store, cipher = SnapshotStore(str(folder / "snapshots")), MemoryCipher()
    refs: list[SnapshotRef] = []
    with serve("square", scenario) as sandbox:
        async with session_on(sandbox) as session:
            at = (await session.discover()).locations[0].source_id
            for scope, location in (("merchant", None), ("location", at)):
                with open_snapshot(
                    connection,
                    store,
                    integration_id=1,
                    pos="square",
                    scope=scope,  # type: ignore[arg-type]
                    location_key=f"square:{location}" if location else None,
                    taken_at=NOON,
                    redaction=CONNECTOR.redaction,
                    cipher=cipher,
                ) as recorder:
                    names = [one.name for one in CONNECTOR.source_entities if one.scope == scope]
                    await session.extract(recorder, scope, location, names)  # type: ignore[arg-type]
                    refs.append(recorder.finish())
        truth = control(sandbox, "/truth")
    return at, SnapshotReader(*refs, cipher=cipher), truth


@pytest.mark.parametrize("scenario", ["cafe", "diner"])
def test_the_witness_says_what_the_sandbox_knows(
    scenario: str, snapshots: psycopg.Connection[Any], tmp_path: Path
) -> None:
    at, reader, truth = asyncio.run(read(scenario, snapshots, tmp_path))
    facts = list(people_facts(reader, at, "USD"))

    def of(kind: Any) -> list[Any]:
        return [fact for fact in facts if isinstance(fact, kind)]

    answers = {row["customer"]: "denied" if row["answer"] == "no" else "unknown" for row in truth["consents"]}
    known = {
        CustomerFact(
            row["id"],
            row["given_name"] or None,
            row["family_name"] or None,
            row["email"] or None,
            row["phone"] or None,
            answers[row["id"]],  # type: ignore[arg-type]
        )
        for row in truth["customers"]
        if row["listed"]
    }
    assert {fact for fact in of(CustomerFact) if fact[1:5] != (None, None, None, None)} == {
        fact for fact in known if fact[1:5] != (None, None, None, None)
    }
    assert known <= set(of(CustomerFact))
    moved: Counter[str] = Counter()
    for event in truth["loyalty_events"]:
        moved[event["account"]] += event["points"]
    with_events = {event["account"] for event in truth["loyalty_events"]}
    assert set(of(BalanceFact)) >= {
        BalanceFact(
            "loyalty",
            row["id"],
            "points",
            row["balance"],
            row["customer"],
            moved[row["id"]] if row["id"] in with_events else None,
        )
        for row in truth["loyalty_accounts"]
    }
    assert set(of(RewardFact)) == {
        RewardFact(row["id"], row["account"], row["points"])
        for row in truth["loyalty_rewards"]
        if row["status"] == "ISSUED"
    }
    cards = {fact.key: fact for fact in of(BalanceFact) if fact.liability == "gift_cards"}
    assert {key: (fact.balance, fact.customer, fact.is_live) for key, fact in cards.items()} == {
        row["id"]: (row["cents"], (row["customers"] or [None])[0], row["state"] == "ACTIVE")
        for row in truth["gift_cards"]
    }
    for row in truth["gift_cards"]:
        entries = sorted(
            (one for one in truth["gift_card_activities"] if one["card"] == row["id"]), key=lambda one: one["at"]
        )
        balance = total = 0
        for one in entries:
            cents = one["cents"] or 0
            change = -cents if one["type"] in TAKES else cents
            if one["type"] in ("CLEAR_BALANCE", "IMPORT_REVERSAL"):
                change = -balance
            if one["type"] in MOVES or one["status"] not in (None, "COMPLETED"):
                change = 0
            total += change
            balance = one["balance_cents"]
        assert cards[row["id"]].activity == (total if entries else None), row
    assert {(fact.key, fact.is_active) for fact in of(StaffFact)} == {
        (row["id"], row["active"]) for row in truth["staff"]
    }
    assert Counter(of(WageFact)) == Counter(
        WageFact(row["team_member"], row["title"], row["hourly_cents"] if row["pay"] == "HOURLY" else None)
        for row in truth["wages"]
    )
    unpaid = {
        row["id"]: sum(
            (stamp(one["end"]) or 0) - (stamp(one["start"]) or 0)
            for one in row["breaks"]
            if not one["paid"] and one["end"]
        )
        // 60_000
        for row in truth["timecards"]
    }
    assert set(of(TimecardFact)) == {
        TimecardFact(
            f"{at}/{row['id']}",
            row["team_member"],
            stamp(row["start"]),
            stamp(row["end"]),
            row["declared_tip_cents"],
            unpaid[row["id"]],  # type: ignore[arg-type]
        )
        for row in truth["timecards"]
        if row["location"] == at and row["start"] >= "2025-03-01"  # a year is read
    }


def test_a_list_that_moved_while_it_was_read_gives_each_guest_once_in_the_newest_version() -> None:
    page = [{"id": "C1", "given_name": "Old", "version": 1}, {"id": "C2", "given_name": "Bo", "version": 4}]
    again = [{"id": "C2", "given_name": "Bo", "version": 4}, {"id": "C1", "given_name": "New", "version": 2}]
    assert said(customers=[{"customers": page, "cursor": "x"}, {"customers": again}]) == [
        CustomerFact("C2", "Bo"),
        CustomerFact("C1", "New"),
    ]


def test_points_read_by_the_type_of_the_event_and_a_redeemed_reward_moves_nothing() -> None:
    def event(ident: str, kind: str, **details: Any) -> dict[str, Any]:
        return {"id": ident, "type": kind, "loyalty_account_id": "A", **details}

    events = [
        event("1", "ACCUMULATE_POINTS", accumulate_points={"points": 100}),
        event("2", "CREATE_REWARD", create_reward={"points": -40}),
        event("3", "CREATE_REWARD", create_reward={"points": 10}),
        event("4", "DELETE_REWARD", delete_reward={"points": -10}),
        event("5", "EXPIRE_POINTS", expire_points={"points": 5}),
        event("6", "ADJUST_POINTS", adjust_points={"points": -7}),
        event("7", "REDEEM_REWARD", redeem_reward={"reward_id": "R"}),
        event("8", "SOMETHING_NEW", something_new={"points": 99}),
        event("1", "ACCUMULATE_POINTS", accumulate_points={"points": 100}),
    ]
    assert said(
        loyalty_events=[{"events": events}], loyalty_accounts=[{"loyalty_accounts": [{"id": "A", "balance": -3}]}]
    ) == [BalanceFact("loyalty", "A", "points", -3, None, 100 - 40 - 10 + 10 - 5 - 7)]


def test_a_clearing_takes_what_the_entry_before_it_left_and_an_undone_redemption_nothing() -> None:
    def entry(ident: str, day: int, kind: str, cents: int | None, after: int, **details: Any) -> dict[str, Any]:
        money = {} if cents is None else {"amount_money": {"amount": cents, "currency": "USD"}}
        return {
            "id": ident,
            "type": kind,
            "gift_card_id": "G",
            "created_at": f"2026-01-{day:02d}T10:00:00Z",
            "gift_card_balance_money": {"amount": after, "currency": "USD"},
            f"{kind.lower()}_activity_details": {**money, **details},
        }

    entries = [
        entry("6", 6, "LOAD", 300, 300),
        entry("5", 5, "CLEAR_BALANCE", None, 0),
        entry("4", 4, "REDEEM", 500, 4000, status="CANCELED"),
        entry("3", 3, "REDEEM", 1000, 4000, status="COMPLETED"),
        entry("2", 2, "BLOCK", None, 5000),
        entry("1", 1, "ACTIVATE", 5000, 5000),
    ]
    card = {"id": "G", "state": "BLOCKED", "balance_money": {"amount": 300, "currency": "USD"}, "customer_ids": ["C1"]}
    assert said(gift_card_activities=[{"gift_card_activities": entries}], gift_cards=[{"gift_cards": [card]}]) == [
        BalanceFact("gift_cards", "G", "USD", 300, "C1", 300, False)
    ]


def test_a_shift_is_read_to_the_minute_in_its_own_offset_and_breaks_that_are_paid_or_open_take_nothing() -> None:
    rests = [
        {"start_at": "2026-01-05T12:00:00-06:00", "end_at": "2026-01-05T12:45:00-06:00", "is_paid": False},
        {"start_at": "2026-01-05T13:00:00-06:00", "end_at": "2026-01-05T13:10:00-06:00", "is_paid": True},
        {"start_at": "2026-01-05T14:00:00-06:00", "is_paid": False},
    ]
    card = {
        "id": "T",
        "location_id": HERE,
        "team_member_id": "M",
        "start_at": "2026-01-05T10:00:00-06:00",
        "end_at": "2026-01-05T18:30:00-06:00",
        "breaks": rests,
        "declared_cash_tip_money": {"amount": 1800, "currency": "USD"},
    }
    other = {**card, "id": "U", "location_id": "ELSEWHERE"}
    assert said(timecards=[{"timecards": [card, other]}]) == [
        TimecardFact(f"{HERE}/T", "M", 1767628800000, 1767659400000, 1800, 45)
    ]


def test_a_salaried_job_has_no_hourly_rate_and_without_a_wage_setting_the_wages_speak() -> None:
    jobs = [
        {"job_title": "Chef", "pay_type": "SALARY", "hourly_rate": {"amount": 3000}, "annual_rate": {"amount": 1}},
        {"job_id": "J", "pay_type": "HOURLY", "hourly_rate": {"amount": 1150}},
    ]
    team = [
        {"id": "M", "given_name": "Ann", "status": "ACTIVE", "wage_setting": {"job_assignments": jobs}},
        {"id": "N", "given_name": "Bo", "family_name": "Li", "status": "INACTIVE"},
    ]
    wages = [{"id": "W1", "team_member_id": "N", "title": "Server", "hourly_rate": {"amount": 900}}]
    assert said(
        team=[{"team_members": team}],
        jobs=[{"jobs": [{"id": "J", "title": "Host"}]}],
        wages=[{"team_member_wages": wages}],
    ) == [
        StaffFact("M", "Ann", True),
        WageFact("M", "Chef", None),
        WageFact("M", "Host", 1150),
        StaffFact("N", "Bo Li", False),
        WageFact("N", "Server", 900),
    ]
