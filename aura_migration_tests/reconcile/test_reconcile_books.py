"""Books of record: an order finishes where it was opened, and of two twins one counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from aura_migration.core.errors import BadInput, Refused
from aura_migration.reconcile.books import (
    BOOK_SQL,
    CHANNELS,
    TWIN_SQL,
    owner_at,
    owners_at,
    ownership_history,
    set_owner,
    switched,
)
from aura_migration_tests.support.sales import Line, Till

NOON = datetime(2026, 3, 4, 17, tzinfo=UTC)
BEFORE, AFTER = NOON - timedelta(seconds=1), NOON + timedelta(seconds=1)
ORDER_CHANNELS = ("in_house", "online", "kiosk", "phone", "third_party", "unknown")


def test_the_pos_owns_every_channel_until_its_first_switch(connection: psycopg.Connection[Any]) -> None:
    till = Till(connection)
    key, migration = till.subject.location_key, till.subject.migration_id
    assert set(owners_at(connection, key, NOON).values()) == {"pos"}

    set_owner(connection, key, "online", "auraconnect", NOON, migration, "op", "go", switch_id=7)
    assert [owner_at(connection, key, "online", at) for at in (BEFORE, NOON, AFTER)] == [
        "pos",
        "auraconnect",
        "auraconnect",
    ]
    assert owner_at(connection, key, "in_house", AFTER) == "pos"
    set_owner(connection, key, "online", "auraconnect", NOON, migration, "op", "the step again", switch_id=7)
    set_owner(connection, key, "online", "pos", NOON + timedelta(hours=1), migration, "op", "back", switch_id=8)

    assert [(one["channel"], one["book"]) for one in ownership_history(connection, key)] == [
        ("online", "auraconnect"),
        ("online", "pos"),
    ]
    assert owner_at(connection, key, "online", NOON + timedelta(hours=2)) == "pos"
    assert owner_at(connection, "square:elsewhere", "online", AFTER) == "pos"


def test_history_is_never_rewritten(connection: psycopg.Connection[Any]) -> None:
    till = Till(connection)
    key, migration = till.subject.location_key, till.subject.migration_id
    set_owner(connection, key, "online", "auraconnect", NOON, migration, "op", "")

    for at in (BEFORE, NOON):
        with pytest.raises(Refused, match="changed at 2026-03-04T17:00"):
            set_owner(connection, key, "online", "pos", at, migration, "op", "")
    with pytest.raises(BadInput, match="not a channel that is switched"):
        set_owner(connection, key, "kiosk", "pos", AFTER, migration, "op", "")
    with pytest.raises(BadInput, match="no time zone"):
        owner_at(connection, key, "online", AFTER.replace(tzinfo=None))


def test_both_sides_know_the_same_channels(connection: psycopg.Connection[Any]) -> None:
    theirs = connection.execute(
        "SELECT c, aura.switched_channel(c) FROM unnest(%s::text[]) c", [list(ORDER_CHANNELS)]
    ).fetchall()

    assert dict(theirs) == {channel: switched(channel) for channel in ORDER_CHANNELS}
    assert {switched(channel) for channel in ORDER_CHANNELS} <= set(CHANNELS)


def test_of_two_twins_the_book_that_owned_the_channel_counts_one(connection: psycopg.Connection[Any]) -> None:
    till = Till(connection)
    key, migration = till.subject.location_key, till.subject.migration_id
    set_owner(connection, key, "online", "auraconnect", NOON, migration, "op", "")

    def order(origin: str, at: datetime, channel: str = "online", **head: Any) -> int:
        if origin == "aura_native":
            head = {"source_id": None, **head}
        return till.check("2026-03-04", [Line(1000)], origin=f"{origin}", opened_at=at, channel=channel, **head)

    expected = {
        order("pos_native", BEFORE): "pos",
        order("pos_native", AFTER): "pos",  # rung up there all the same
        order("aura_native", BEFORE): "auraconnect",
        order("aura_native", AFTER, channel="third_party"): "auraconnect",
        # pushed, and the copy was left out by the delta, as it should be
        order("aura_native", BEFORE, external_id="P1"): "pos",
        order("aura_native", AFTER, external_id="P2"): "auraconnect",
        order("aura_native", AFTER, external_id="P3", channel="phone"): "pos",
        # pushed, and both are here: by the POS's id, and by the reference the copy carries
        order("aura_native", BEFORE, external_id="P4"): None,
        order("pos_native", AFTER, source_id="P4"): "pos",
        order("aura_native", AFTER, external_id="P5"): "auraconnect",
        order("pos_native", BEFORE, source_id="P5"): None,
        (first := order("aura_native", AFTER)): "auraconnect",
        order("pos_native", AFTER, source_id="P6", external_id=f"aura:{first}"): None,
        (second := order("aura_native", BEFORE)): None,
        order("pos_native", BEFORE, source_id="P7", external_id=f"aura:{second}"): "pos",
        # written to the POS as a test
        order("pos_native", AFTER, source_id="P11", external_id="aura:test:7"): None,
        # a reference of somebody else's is none of ours
        order("pos_native", AFTER, source_id="P8", external_id="aura:999999999"): "pos",
        order("pos_native", AFTER, source_id="P9", external_id="aura:999999999999999999999"): "pos",
        order("pos_native", AFTER, source_id="P10", external_id="P1-web"): "pos",
    }
    till.flush()

    found = connection.execute(
        f"SELECT o.id, {BOOK_SQL}, {TWIN_SQL} FROM aura.orders o", {"location_key": key}
    ).fetchall()
    assert {number: book for number, book, _ in found} == expected
    assert sorted(number for number, _, twin in found if twin) == sorted(
        number for (number,) in till.rows("SELECT id FROM aura.orders WHERE source_id IN ('P4', 'P5', 'P6', 'P7')")
    )


def test_an_order_finishes_where_it_was_opened(connection: psycopg.Connection[Any]) -> None:
    till = Till(connection)
    key, migration = till.subject.location_key, till.subject.migration_id
    set_owner(connection, key, "in_house", "auraconnect", NOON, migration, "op", "")
    pushed = till.check(
        "2026-03-04",
        [Line(1000)],
        origin="aura_native",
        source_id=None,
        external_id="P1",
        opened_at=BEFORE,
        closed_at=AFTER,
        paid_at=AFTER,
    )
    till.flush()

    books = connection.execute(f"SELECT o.id, {BOOK_SQL} FROM aura.orders o", {"location_key": key}).fetchall()
    assert books == [(pushed, "pos")], "a tab that was open at the switch"
