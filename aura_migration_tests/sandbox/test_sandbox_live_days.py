"""Days of trade in both systems: the known truth is what AuraConnect's tables and the POS's own truth say, at every POS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from aura_migration.database.connections import connect
from aura_migration.sandbox.core.server import serve
from aura_migration.sandbox.live.__main__ import main as command
from aura_migration.sandbox.live.causes import inject
from aura_migration.sandbox.live.counter import Counter, PosOrder
from aura_migration.sandbox.live.injecting import CAUSES
from aura_migration.sandbox.live.sums import Entry
from aura_migration.sandbox.live.till import OrderRefusedError, Ticket, Till
from aura_migration.sandbox.live.trading import LiveRestaurant, TradingDay
from aura_migration_tests.support.live_menu import plant_menu

START = "2026-10-01T15:00:00Z"
FIRST = date(2026, 10, 2)
POS = ("square", "toast", "clover")
Open = Callable[..., LiveRestaurant]


@pytest.fixture
def open_cafe(make_database: Callable[[], str]) -> Iterator[Open]:
    """Opens cafés whose AuraConnect has the menu of their POS: ``open_cafe("square")``."""
    with ExitStack() as stack:

        def opened(pos: str, now: str = START, closeout: str = "04:00") -> LiveRestaurant:
            sandbox = stack.enter_context(serve(pos, "cafe", 1, limits="off", now=now))
            connection = stack.enter_context(connect(make_database(), autocommit=True, application_name="test"))
            location = plant_menu(connection, sandbox, closeout)
            counter = Counter(sandbox.control_url, sandbox_location(sandbox))
            stack.callback(counter.close)
            return LiveRestaurant(Till(connection, location), counter)

        yield opened


def sandbox_location(sandbox: Any) -> str:
    return str(sandbox.pos_app.truth()["locations"][0]["id"])


def said_by_aura(connection: psycopg.Connection[Any], day: date) -> dict[str, int]:
    """What AuraConnect holds of its own of a date, by SQL."""
    names = ("orders", "gross_cents", "discount_cents", "charge_cents", "tax_cents", "tip_cents", "payable_cents")
    row = connection.execute(
        """
        SELECT count(*), sum(subtotal_cents), sum(discount_amount_cents), sum(service_charge_amount_cents + gratuity_cents),
               sum(tax_amount_cents), sum(tip_amount_cents), sum(final_amount_cents)
        FROM aura.orders WHERE origin = 'aura_native' AND status = 'completed' AND NOT is_voided AND business_date = %s
        """,
        [day],
    ).fetchone()
    assert row is not None
    found = {name: int(value or 0) for name, value in zip(names, row, strict=True)}
    paid = connection.execute(
        "SELECT coalesce(sum(amount_cents), 0), coalesce((SELECT sum(amount_cents) FROM aura.refunds WHERE business_date = %s), 0)"
        " FROM aura.payments WHERE status = 'completed' AND business_date = %s",
        [day, day],
    ).fetchone()
    assert paid is not None
    return {**found, "paid_cents": int(paid[0]), "refund_cents": int(paid[1])}


def said_by_pos(live: LiveRestaurant, day: date, orders: Mapping[str, PosOrder] | None = None) -> dict[str, int]:
    """What the POS's own truth holds of a date, of the orders that were sold here."""
    mine = {sale.pos_order for sale in live.ledger.sales}
    known = live.counter.orders() if orders is None else orders
    held = [one for one in known.values() if one.counts and one.id in mine]
    here = [one for one in held if (one.business_date or live.hours.day(one.opened_at).isoformat()) == day.isoformat()]
    found = {"orders": len(here)}
    for name in ("gross", "discount", "charge", "tax", "tip", "payable"):
        found[f"{name}_cents"] = sum(getattr(one, name) for one in here)
    return found


def agrees(live: LiveRestaurant, day: date, orders: Mapping[str, PosOrder] | None = None) -> None:
    """Both systems hold of a date what the ledger says they do."""
    told = live.ledger.day(day)
    assert told["sides"]["auraconnect"] == said_by_aura(live.till.connection, day)
    pos = said_by_pos(live, day, orders)
    assert {name: told["sides"]["pos"][name] for name in pos} == pos


@pytest.mark.parametrize("pos", POS)
def test_the_sums_of_the_truth_are_those_of_both_systems(open_cafe: Open, pos: str) -> None:
    live = open_cafe(pos)
    days = [FIRST + timedelta(days=number) for number in range(3)]
    live.own("online", "auraconnect", live.hours.at(days[1], "15:30"))
    for number, day in enumerate(days):
        live.trade(
            TradingDay(day, 16, both=3, voids=1, refunds=1, late_voids=1, late_refunds=1, offline=2, pushes=number > 1)
        )
    live.wait_until(live.counter.now + timedelta(days=1))
    for day in days:
        agrees(live, day)
    first, second = live.ledger.day(days[0]), live.ledger.day(days[1])
    # Before online was AuraConnect's, everything counted at the POS; from then on each sale counts in one book, once.
    assert first["by_book"]["auraconnect"]["orders"] == 0 and first["orders"] == 17
    assert second["by_book"]["auraconnect"]["orders"] > 0 and second["by_book"]["pos"]["orders"] > 0
    for told in (first, second):
        for name in ("orders", "gross_cents", "tax_cents", "refund_cents"):
            assert told[name] == sum(told["by_book"][book][name] for book in ("pos", "auraconnect"))
    # Twins are in both systems, and counted once.
    assert second["sides"]["pos"]["orders"] + second["sides"]["auraconnect"]["orders"] == second["orders"] + 3
    # What was given back the next morning is of that day; the sale stays on its own.
    assert first["refund_cents"] > 0 and live.ledger.day(days[-1] + timedelta(days=1))["refund_cents"] > 0
    refunded = [sale for sale in live.ledger.sales if "pos" in sale.refunded]
    back = live.counter.refunds()
    assert len(refunded) >= 4
    assert all(back[str(sale.pos_order)] == sale.refunded["pos"].cents for sale in refunded)


def test_orders_taken_offline_reach_the_pos_later(open_cafe: Open) -> None:
    live = open_cafe("square")
    live.trade(TradingDay(FIRST, 20, offline=3, walk_ins=10))
    late = [sale for sale in live.ledger.sales if sale.arrives_at is not None]
    assert len(late) == 3
    assert all(sale.arrives_at == sale.at + timedelta(minutes=90) for sale in late)
    assert live.ledger.day(FIRST)["orders"] == 30
    agrees(live, FIRST)


def test_days_end_at_the_close_out_also_when_the_clock_is_changed(open_cafe: Open) -> None:
    autumn, spring = date(2026, 10, 31), date(2027, 3, 13)
    live = open_cafe("clover", now="2026-10-31T15:00:00Z")
    assert live.hours.length(autumn) == timedelta(hours=25) and live.hours.length(spring) == timedelta(hours=23)
    assert live.hours.length(FIRST) == timedelta(hours=24)
    # 01:30 comes twice in the night of 31 October (at UTC-6, then at UTC-7), and 02:30 never in that of 13 March.
    assert live.hours.day(datetime(2026, 11, 1, 7, 30, tzinfo=UTC)) == autumn
    assert live.hours.day(datetime(2026, 11, 1, 8, 30, tzinfo=UTC)) == autumn
    assert live.hours.day(datetime(2026, 11, 1, 10, 59, tzinfo=UTC)) == autumn
    assert live.hours.day(datetime(2026, 11, 1, 11, 0, tzinfo=UTC)) == autumn + timedelta(days=1)
    assert live.hours.closes(spring) == datetime(2027, 3, 14, 10, 0, tzinfo=UTC)
    for day, near in ((autumn, 3), (spring, 2)):
        sales = live.trade(TradingDay(day, 12, both=2, after_midnight=3))
        around = live.changes(day)
        assert len(around) == near and {sale.at for sale in sales} >= set(around)
        assert {sale.day for sale in sales} == {day}
        assert sum(sale.at.astimezone(live.hours.zone).date() > day for sale in sales) == 3 + near
        agrees(live, day)


def test_a_closed_day_holds_nothing_and_a_day_that_ends_at_midnight_no_late_guests(open_cafe: Open) -> None:
    live = open_cafe("square", closeout="00:00")
    assert live.trade(TradingDay(FIRST, 20, is_closed=True)) == []
    assert live.ledger.days() == []
    sales = live.trade(TradingDay(FIRST + timedelta(days=1), 15, after_midnight=5))
    assert len(sales) == 15 and {sale.at.astimezone(live.hours.zone).date() for sale in sales} == {sales[0].day}
    agrees(live, sales[0].day)


def test_the_till_is_refused_where_auraconnect_does_not_take_the_channel(open_cafe: Open) -> None:
    live = open_cafe("toast")
    till, connection = live.till, live.till.connection
    connection.execute(
        "INSERT INTO aura.channel_status (location_id, channel, accepts, message) VALUES (%s, 'online', false, 'Not yet.')",
        [till.location],
    )
    ticket = Ticket((Entry(live.dishes[0]),), datetime(2026, 10, 2, 18, tzinfo=UTC), channel="third_party")
    with pytest.raises(OrderRefusedError, match="Not yet"):
        till.ring(ticket)
    assert (till.accepts("online"), till.accepts("third_party"), till.accepts("kiosk")) == (False, False, True)
    numbers = [till.ring(Ticket((Entry(live.dishes[0]),), ticket.at, channel="kiosk")).number for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert connection.execute("SELECT count(*) FROM aura.orders").fetchone() == (3,)


def test_days_pass_by_command_at_a_sandbox_and_a_database_that_are_running(
    make_database: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = make_database()
    with serve("clover", "cafe", 1, limits="off", now=START) as sandbox:
        here = ["--control-url", sandbox.control_url, "--database-url", url]
        assert command(here) == 2
        assert "migrate it first" in capsys.readouterr().err
        with connect(url, autocommit=True, application_name="test") as connection:
            plant_menu(connection, sandbox)
        more = ["--days", "2", "--orders", "6", "--both", "1", "--own", "online", "--inject", "tax_rule"]
        assert command([*here, "--day", "2026-10-02", *more]) == 0
        told = json.loads(capsys.readouterr().out)
        assert list(told) == ["2026-10-02", "2026-10-03"]
        assert [day["orders"] for day in told.values()] == [8, 7]
        assert {one["cause"] for one in told["2026-10-02"]["injected"]} == {"tax_rule"}
    assert command(here) == 3


ELSEWHERE = {"unmapped_tender"}
"""Differences that no sum of orders shows."""


@pytest.mark.soak
@pytest.mark.parametrize("pos", POS)
def test_each_injection_leaves_exactly_the_difference_it_claims(open_cafe: Open, pos: str) -> None:
    live = open_cafe(pos)
    days = {cause: FIRST + timedelta(days=2 * number) for number, cause in enumerate(CAUSES)}
    for cause, day in days.items():
        inject(live, cause, day)
        live.trade(TradingDay(day, 2, both=1))
    live.wait_until(live.counter.now + timedelta(days=1))
    orders = live.counter.orders()
    for cause, day in days.items():
        claimed = [one for one in live.ledger.injected if one.cause == cause]
        assert claimed and all(one.order and one.cents for one in claimed), cause
        assert {one.day for one in claimed} <= {day, day + timedelta(days=1)}
        for each in (day, day + timedelta(days=1)):
            agrees(live, each, orders)
            assert difference(live, each) == claims(live, each), (cause, each)


def difference(live: LiveRestaurant, day: date) -> dict[str, int]:
    """AuraConnect less POS of a date's sums, of orders that are meant to be in both."""
    alone = [
        sale
        for sale in live.ledger.sales
        if sale.pos_order and not sale.aura_order and not is_claimed(live, sale.pos_order)
    ]
    aura, pos = said_by_aura(live.till.connection, day), live.ledger.side("pos", day)
    for sale in alone:
        if sale.pos is not None and sale.pos.day == day and "pos" not in sale.voided:
            for name in ("gross", "discount", "charge", "tax", "tip", "payable", "paid"):
                pos[f"{name}_cents"] -= getattr(sale.pos, name)
            pos["orders"] -= 1
    found = {name: aura[name] - pos[name] for name in aura}
    return {name: cents for name, cents in found.items() if cents}


def is_claimed(live: LiveRestaurant, pos_order: str) -> bool:
    return any(one.pos_order == pos_order for one in live.ledger.injected)


def claims(live: LiveRestaurant, day: date) -> dict[str, int]:
    """What the injections of a date say of its sums."""
    found: dict[str, int] = {}

    def add(name: str, cents: int) -> None:
        found[name] = found.get(name, 0) + cents

    for one in live.ledger.injected:
        if one.day != day or one.cause in ELSEWHERE or one.cause == "channel_counted_twice":
            continue
        if one.part != "order":
            add(f"{one.part}_cents", -one.cents if one.part in ("discount", "refund") else one.cents)
            continue
        sale = next(
            held
            for held in live.ledger.sales
            if held.pos_order == one.pos_order and held.aura_order in (one.aura_order, None)
        )
        figures = sale.pos if one.cents < 0 else sale.aura
        assert figures is not None and figures.payable == abs(one.cents)
        sign = 1 if one.cents > 0 else -1
        add("orders", sign)
        for name in ("gross", "discount", "charge", "tax", "tip", "payable", "paid"):
            add(f"{name}_cents", sign * getattr(figures, name))
    return {name: cents for name, cents in found.items() if cents}
