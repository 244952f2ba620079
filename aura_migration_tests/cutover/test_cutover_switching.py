"""The switch of a channel: killed between any two steps it goes on or goes back, and nobody is served twice or by nobody."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from aura_migration.canonical.window import GatePolicy, SwitchPolicy, WindowPolicy
from aura_migration.core.errors import BadInput, Refused, VerdictFailed
from aura_migration.cutover import channels, features, liabilities, numbers, phases, switching
from aura_migration.cutover.aborting import abort, abort_overdue
from aura_migration.cutover.reverse_entries import entries_of, note_entries
from aura_migration.cutover.switches import STEPS, is_at_work, lease, open_switch, sign_switch, steps_of
from aura_migration.database.connections import connect
from aura_migration.migration.window import featuring
from aura_migration.reconcile.books import CHANNELS
from aura_migration_tests.support import database as support
from aura_migration_tests.support.switched import GATES, NOW, Killed, Shop, make_old_pos, open_shop

BETWEEN = STEPS[:-1]
"""After each of these a process may end; after the last there is nothing left to do."""


@pytest.fixture(scope="module")
def shared(databases: support.Pool) -> Iterator[str]:
    """One database for the module, with an old POS in it; every test has a location of its own."""
    with databases.database() as url:
        with connect(url, autocommit=True) as connection:
            make_old_pos(connection)
            connection.execute("CREATE UNLOGGED TABLE killed_at (step text)")
            connection.execute(
                "CREATE FUNCTION kill_at_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "IF EXISTS (SELECT FROM killed_at WHERE step = NEW.name) THEN PERFORM pg_terminate_backend(pg_backend_pid()); "
                "END IF; RETURN NEW; END $$"
            )
            connection.execute(
                "CREATE TRIGGER killed AFTER INSERT ON migration.switch_steps FOR EACH ROW EXECUTE FUNCTION kill_at_step()"
            )
        yield url


@pytest.fixture
def own(shared: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(shared, autocommit=True, application_name="test") as opened:
        yield opened


@pytest.fixture
def shop(shared: str, own: psycopg.Connection[Any]) -> Shop:
    return open_shop(shared, own)


def killing(step: str) -> Callable[[str], None]:
    def die(name: str) -> None:
        if name == step:
            raise Killed

    return die


def test_a_channel_goes_over_with_numbers_features_and_books(shop: Shop) -> None:
    done = shop.switch("online")
    assert (done.state, done.step, shop.phase) == ("done", "done", "live")
    assert shop.steps == list(STEPS) == [step["name"] for step in steps_of(shop.connection, done.id)]
    assert [shop.accepts(c) for c in CHANNELS] == ["auraconnect", "pos", "pos", "pos"]
    assert shop.owner("online") == "auraconnect" and shop.owner("in_house") == "pos"
    assert done.effective_at is not None and NOW <= done.effective_at < NOW + timedelta(minutes=1)
    assert done.paused_at is not None and done.resumed_at is not None and done.paused_at < done.resumed_at
    enabled = {name for name, is_on in features.features_of(shop.connection, shop.location).items() if is_on}
    assert enabled == {"online_ordering", "order_status_pages", "full_menu"}
    assert shop.one("SELECT state FROM migration.migrations WHERE id = %s", shop.migration) == "live"
    # The old POS goes on with 1043 at its tills; AuraConnect's numbers stand in a block of their own.
    assert shop.one("SELECT aura.take_order_number(%s)", shop.location) == 10_001
    shop.sell_at_aura(channel="online")
    with pytest.raises(psycopg.DatabaseError, match="does not take in_house orders"):
        shop.sell_at_aura(channel="in_house")
    for channel in ("in_house", "reporting", "time_clock"):
        assert shop.switch(channel).state == "done"
    assert phases.held_channels(shop.connection, shop.key) == list(CHANNELS)


@pytest.mark.parametrize("step", BETWEEN)
def test_a_process_that_dies_after_a_step_is_followed_by_one_that_goes_on(shop: Shop, step: str) -> None:
    shop.switch("online")
    with pytest.raises(Killed):
        shop.switch("in_house", step_done=killing(step))
    stopped = open_switch(shop.connection, shop.migration)
    assert stopped is not None and stopped.step == step and shop.phase == "switching"
    assert not is_at_work(shop.connection, shop.migration)
    assert one_server(shop, "in_house") == (
        "nobody" if stopped.is_paused else "auraconnect" if stopped.resumed_at else "pos"
    )
    done = shop.switch("in_house", sign=step == "asked")
    assert (done.id, done.state, shop.phase) == (stopped.id, "done", "live")
    assert [one["name"] for one in steps_of(shop.connection, done.id)] == list(STEPS)
    assert shop.one("SELECT count(*) FROM migration.channel_ownership WHERE location_key = %s", shop.key) == 2


@pytest.mark.parametrize("step", BETWEEN)
def test_an_abort_after_a_step_leaves_everything_as_it_was_to_the_byte(shop: Shop, step: str) -> None:
    features.set_feature(shop.connection, shop.location, "kitchen_display", True, "chef")
    shop.switch("online")
    shop.sign("in_house")
    before = shop.image()
    with pytest.raises(Killed):
        shop.switch("in_house", sign=False, step_done=killing(step))
    ended = abort(shop.connection, shop.migration, "ben", "trouble at the till")
    assert ended.state == "aborted" and ended.evidence["aborted"]["reason"] == "trouble at the till"
    assert shop.image() == before
    assert shop.accepts("in_house") == "pos" and shop.phase == "live"
    assert shop.switch("in_house").state == "done"
    with pytest.raises(Refused, match="No switch of migration"):
        abort(shop.connection, shop.migration, "ben", "too late")


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_session_that_is_lost_within_a_step_leaves_the_step_before(shop: Shop, shared: str, step: str) -> None:
    shop.sign("online")
    shop.connection.execute("INSERT INTO killed_at VALUES (%s)", [step])
    try:
        with connect(shared, autocommit=True) as lost, pytest.raises(psycopg.OperationalError):
            shop.switch("online", sign=False, own=lost)
    finally:
        shop.connection.execute("DELETE FROM killed_at")
    stopped = open_switch(shop.connection, shop.migration)
    assert stopped is not None and stopped.step == STEPS[STEPS.index(step) - 1]
    one_server(shop, "online")
    assert shop.switch("online", sign=False).id == stopped.id
    assert shop.accepts("online") == "auraconnect"


@pytest.mark.parametrize("step", ["paused", "owned", "opened"])
def test_a_process_that_is_gone_without_a_word_holds_nothing(shop: Shop, shared: str, step: str) -> None:
    shop.sign("online")
    child = os.fork()
    if child == 0:
        try:
            with connect(shared, autocommit=True) as its:
                shop.switch(
                    "online",
                    sign=False,
                    own=its,
                    drain=lambda: 0,
                    step_done=lambda n: os._exit(9) if n == step else None,
                )
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    deadline = datetime.now(UTC) + timedelta(minutes=1)
    while is_at_work(shop.connection, shop.migration) and datetime.now(UTC) < deadline:
        pass
    assert shop.switch("online", sign=False).state == "done"


def one_server(shop: Shop, channel: str) -> str:
    """Who serves a channel; AuraConnect's own word and the books never contradict each other."""
    accepts = shop.accepts(channel)
    told = shop.one(
        "SELECT accepts FROM aura.channel_status WHERE location_id = %s AND channel = %s", shop.location, channel
    )
    assert told is (accepts == "auraconnect")
    assert not (told and shop.owner(channel) == "pos"), "AuraConnect accepts what the POS owns"
    return accepts


def test_a_pause_that_takes_too_long_aborts_by_itself(shop: Shop) -> None:
    shop.sign("online")
    before = shop.image()
    shop.real = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

    def slowly() -> int:
        found = open_switch(shop.connection, shop.migration)
        assert found is not None and shop.real is not None
        if found.is_paused:
            assert shop.accepts("online") == "nobody"
            shop.real += timedelta(seconds=31)
        return 0

    with pytest.raises(Refused, match=r"Nobody could take online orders for 31 s; 30 s are allowed") as refused:
        shop.switch("online", sign=False, drain=slowly)
    assert refused.value.details["pause_seconds"] == 31
    assert shop.image() == before and shop.phase == "parallel" and shop.accepts("online") == "pos"
    with pytest.raises(Refused, match="0 of 2 people signed"):
        shop.switch("online", sign=False)


def test_a_channel_whose_pause_ran_over_while_it_was_being_opened_is_not_opened(shop: Shop) -> None:
    shop.sign("online")
    before = shop.image()
    asked = 0

    def clock() -> datetime:
        nonlocal asked
        asked += "owned" in shop.steps
        return NOW + timedelta(seconds=31 if asked > 2 else 0)

    with pytest.raises(Refused, match="Nobody could take online orders for 31 s"):
        shop.switch("online", sign=False, clock=clock)
    assert shop.steps[-1] == "owned" and shop.image() == before


def test_a_reading_that_hangs_in_the_pause_is_left_behind(shared: str, own: psycopg.Connection[Any]) -> None:
    shop = open_shop(shared, own, WindowPolicy(switch=SwitchPolicy(pause_seconds=1)))
    let_go = threading.Event()

    def hangs() -> int:
        with connect(shared, autocommit=True) as its:
            found = open_switch(its, shop.migration)
        if found is not None and found.is_paused:
            let_go.wait(60)
        return 0

    try:
        with pytest.raises(Refused, match="1 s are allowed"):
            shop.switch("online", drain=hangs)
        assert open_switch(own, shop.migration) is None and shop.accepts("online") == "pos"
    finally:
        let_go.set()


def test_an_order_half_written_holds_a_switch_no_longer_than_the_pause_may_last(
    shared: str, own: psycopg.Connection[Any]
) -> None:
    shop = open_shop(shared, own, WindowPolicy(switch=SwitchPolicy(pause_seconds=1)))
    shop.switch("online")
    shop.sign("online", "back")
    with connect(shared, autocommit=False) as till:
        shop.sell_at_aura(channel="online", own=till)
        with pytest.raises(Refused, match="being written"):
            switching.turn_back(own, shop.migration, "online", "ana", NOW, deps=shop.deps())
        till.commit()
    assert shop.accepts("online") == "auraconnect" and shop.phase == "live"


def test_a_pause_left_by_a_dead_process_is_ended_by_whoever_looks(shop: Shop) -> None:
    shop.sign("online")
    before = shop.image()
    with pytest.raises(Killed):
        shop.switch("online", sign=False, step_done=killing("numbered"))
    real = datetime.now(UTC)
    assert abort_overdue(shop.connection, real) == []
    with lease(shop.connection, shop.migration):
        assert abort_overdue(shop.connection, real + timedelta(seconds=60)) == [], "its process lives"
    assert [one.state for one in abort_overdue(shop.connection, real + timedelta(seconds=60))] == ["aborted"]
    assert shop.image() == before and shop.phase == "parallel"


def test_going_on_after_the_pause_is_over_its_time_goes_back_instead(shop: Shop) -> None:
    with pytest.raises(Killed):
        shop.switch("online", step_done=killing("owned"))
    shop.real = datetime.now(UTC) + timedelta(minutes=5)
    with pytest.raises(Refused, match="30 s are allowed"):
        shop.switch("online", sign=False)
    assert shop.accepts("online") == "pos" and shop.owner("online") == "pos"


def test_a_switch_asked_for_with_a_backlog_is_refused_with_its_number(shop: Shop) -> None:
    before = shop.image()
    with pytest.raises(Refused, match="Backlog: 7 changes of the POS") as refused:
        shop.switch("online", drain=lambda: 7)
    assert refused.value.details["backlog"] == 7 and "Approve and run" in refused.value.remedy
    assert shop.image() == before and shop.accepts("online") == "pos"


def test_what_comes_in_during_the_pause_goes_back_with_its_number_too(shop: Shop) -> None:
    left = iter([0, 3])
    with pytest.raises(Refused, match="Backlog: 3 changes"):
        shop.switch("online", drain=lambda: next(left))
    ended = switching.switches_of(shop.connection, shop.migration)[-1]
    assert (ended.state, ended.step) == ("aborted", "paused") and shop.accepts("online") == "pos"


def test_a_gate_or_a_veto_refuses_and_leaves_nothing_behind(shop: Shop) -> None:
    before = shop.image()

    def refuse(channel: str) -> str:
        raise Refused(f"{channel} is not switched: gate clean_days is failed, 3 of 7.", "Wait 4 more days.")

    with pytest.raises(Refused, match="3 of 7"):
        shop.switch("online", gates=refuse)
    with pytest.raises(Refused, match="was vetoed: not before the party of 40"):
        shop.switch("online", veto=lambda: "not before the party of 40")
    assert shop.image() == before
    assert [one.state for one in switching.switches_of(shop.connection, shop.migration)] == ["aborted"] * 2


def test_two_different_people_sign_exactly_these_gates_and_once(shop: Shop) -> None:
    shop.sign("online", people=["ana", "ana"])
    with pytest.raises(Refused, match="1 of 2 people signed") as refused:
        shop.switch("online", sign=False)
    assert refused.value.details["signed_by"] == ["ana"]
    sign_switch(shop.connection, shop.migration, "online", "forward", "ben", "", "other verdicts")
    with pytest.raises(Refused, match=r"1 of 2 people signed.* 1 signed under other verdicts"):
        shop.switch("online", sign=False)
    shop.sign("online", people=["ben"])
    with pytest.raises(Killed):
        shop.switch("online", sign=False, step_done=killing("gates_held"))
    abort(shop.connection, shop.migration, "ben", "")
    with pytest.raises(Refused, match="0 of 2"):
        shop.switch("online", sign=False)
    with pytest.raises(BadInput, match="no direction"):
        sign_switch(shop.connection, shop.migration, "online", "sideways", "ana", "", GATES)
    with pytest.raises(BadInput, match="names who signs"):
        sign_switch(shop.connection, shop.migration, "online", "forward", " ", "", GATES)


def test_one_person_is_enough_where_the_policy_says_so(shared: str, own: psycopg.Connection[Any]) -> None:
    shop = open_shop(shared, own, WindowPolicy(gates=GatePolicy(people=1)))
    shop.sign("online", people=["ana"])
    assert shop.switch("online", sign=False).state == "done"


def test_channels_are_switched_in_their_order_and_the_clock_whenever(shop: Shop) -> None:
    with pytest.raises(Refused, match=r"in_house is not next .* online goes first"):
        shop.sign("in_house")
    with pytest.raises(Refused, match="online goes first"):
        shop.switch("reporting", sign=False)
    with pytest.raises(BadInput, match="'drive_in' is not a channel"):
        shop.switch("drive_in", sign=False)
    assert shop.switch("time_clock").state == "done"
    assert shop.switch("online").state == "done"
    with pytest.raises(Refused, match=r"owns online .* already"):
        shop.switch("online", sign=False)
    place = phases.find_place(shop.connection, shop.migration)
    shown = {one.channel: one.as_dict() for one in channels.channels_of(shop.connection, place)}
    assert [name for name, one in shown.items() if one["is_next"]] == ["in_house"]
    assert shown["time_clock"]["book"] == "auraconnect" and shown["in_house"]["accepts"] == "pos"


def test_something_left_behind_refuses_a_start_and_says_what_to_do(shop: Shop) -> None:
    shop.switch("online")
    shop.sign("in_house")
    with pytest.raises(Killed):
        shop.switch("in_house", sign=False, step_done=killing("paused"))
    with pytest.raises(Refused, match=r"switch of in_house forward stands at paused.*is gone.*cutover abort"):
        shop.switch("time_clock")
    with pytest.raises(Refused, match="stands at paused and was never ended"):
        channels.require_no_leftover(shop.connection, shop.key, shop.location, shop.migration)
    abort(shop.connection, shop.migration, "ben", "")
    with pytest.raises(Refused, match=r"owns online .* since an earlier window"):
        channels.require_no_leftover(shop.connection, shop.key, shop.location, shop.migration)
    other = open_shop(shop.url, shop.connection)
    channels.require_no_leftover(shop.connection, other.key, other.location, other.migration)
    with pytest.raises(Refused, match=f"earlier window of {other.key} .* is parallel"):
        channels.require_no_leftover(shop.connection, other.key, other.location, 0)
    channels.set_status(shop.connection, other.location, "online", True, "")
    with pytest.raises(Refused, match="although the POS owns it"):
        other.switch("online")
    with pytest.raises(Refused, match="accepts online"):
        channels.require_no_leftover(shop.connection, other.key, other.location, other.migration)
    channels.close_channels(shop.connection, other.location)
    assert other.switch("online").state == "done"


def test_two_processes_do_not_switch_at_once(shop: Shop, shared: str) -> None:
    shop.sign("online")
    with connect(shared, autocommit=True) as other:
        with lease(other, shop.migration), pytest.raises(Refused, match="Another process"):
            shop.switch("online", sign=False)
        assert shop.switch("online", sign=False, own=other).state == "done"
    with connect(shared) as in_transaction, pytest.raises(BadInput, match="autocommit"):
        shop.switch("in_house", own=in_transaction)


def test_an_abort_stops_a_process_that_is_at_work_at_its_next_step(shop: Shop, shared: str) -> None:
    shop.sign("online")
    before = shop.image()

    def somebody_aborts(step: str) -> None:
        if step == "numbered":
            with connect(shared, autocommit=True) as other:
                abort(other, shop.migration, "ben", "the printer is on fire")

    with pytest.raises(Refused, match="is aborted at numbered: the printer is on fire"):
        shop.switch("online", sign=False, step_done=somebody_aborts)
    assert shop.image() == before


def test_orders_missing_after_the_switch_hold_it_open_until_they_are_there(shop: Shop) -> None:
    problems = ["order 1041 is missing"]
    with pytest.raises(VerdictFailed, match=r"1 of the last 100 orders .* order 1041 is missing"):
        shop.switch("online", recheck=lambda n: problems)
    found = open_switch(shop.connection, shop.migration)
    assert found is not None and found.step == "opened" and one_server(shop, "online") == "auraconnect"
    problems.clear()
    done = shop.switch("online", sign=False, recheck=lambda n: problems)
    assert (done.id, done.state) == (found.id, "done")


def test_orders_that_reach_the_pos_in_the_last_seconds_are_there_after_the_switch(shop: Shop) -> None:
    def late(step: str) -> None:
        if step in ("drained", "owned"):
            shop.sell_at_pos(f"late {step}", "online")

    shop.switch("online", step_done=late)
    keys = shop.connection.execute(
        "SELECT source_id FROM aura.orders WHERE location_id = %s AND source_id LIKE 'P-late%%' ORDER BY 1",
        [shop.location],
    ).fetchall()
    assert keys == [("P-late drained",), ("P-late owned",)]


def test_what_auraconnect_took_before_an_abort_stays_and_goes_to_the_old_pos(shop: Shop) -> None:
    def sell(step: str) -> None:
        if step == "opened":
            shop.sell_at_aura(str(shop.one("SELECT aura.take_order_number(%s)", shop.location)), "online", 900)
        if step == "rechecked":
            raise Killed

    with pytest.raises(Killed):
        shop.switch("online", step_done=sell)
    ended = abort(shop.connection, shop.migration, "ben", "", NOW + timedelta(minutes=1))
    assert ended.evidence["aborted"]["book"] == "pos again" and shop.owner("online") == "pos"
    assert shop.accepts("online") == "pos"
    rows = shop.connection.execute(
        "SELECT book FROM migration.channel_ownership WHERE location_key = %s ORDER BY from_at", [shop.key]
    ).fetchall()
    assert rows == [("auraconnect",), ("pos",)], "the sale was counted in AuraConnect's book"
    assert shop.one("SELECT next_number FROM aura.order_numbers WHERE location_id = %s", shop.location) == 10_002
    assert note_entries(shop.connection, shop.migration) == {"order": 1}
    assert [e.content["total_cents"] for e in entries_of(shop.connection, shop.migration)] == [900]


def test_a_switch_sends_nothing_to_anybody(shop: Shop) -> None:
    target = shop.one(
        "INSERT INTO migration.notification_targets (name, sealed_url, events, created_by) VALUES (%s, '', '{*}', 'ana') RETURNING id",
        shop.key,
    )
    for channel in ("online", "in_house", "reporting", "time_clock"):
        shop.switch(channel)
    assert shop.one("SELECT count(*) FROM migration.notifications WHERE target_id = %s", target) == 0
    assert shop.one("SELECT count(*) FROM migration.webhook_events") == 0
    assert shop.one("SELECT count(*) FROM migration.requests WHERE migration_id = %s", shop.migration) == 0


def test_frozen_balances_are_taken_over_with_the_tills_and_frozen_again_by_an_abort(shop: Shop) -> None:
    card = shop.one(
        "INSERT INTO aura.gift_cards (restaurant_id, code_hash, hash_key_id, balance_cents, currency, status, source_vendor, source_id) "
        "VALUES (%s, %s, 'k', 2500, 'USD', 'pending', 'square', 'C1') RETURNING id",
        shop.restaurant,
        shop.key,
    )
    shop.connection.execute(
        "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
        "first_migration_id, last_migration_id) VALUES (%s, %s, 'gift_cards', 'C1', 'gift_cards', %s, 1, 1)",
        [shop.restaurant, shop.integration, card],
    )
    shop.connection.execute(
        "INSERT INTO migration.liability_ledger (integration_id, class, subject_key, unit, difference, migration_id, measured_at) "
        "VALUES (%s, 'gift_cards', 'C1', 'USD', 0, %s, now())",
        [shop.integration, shop.migration],
    )
    shop.switch("online")
    liabilities.freeze(shop.connection, shop.integration, "gift_cards", "ana")

    def owner() -> str:
        return liabilities.ownership(shop.connection, shop.integration, "gift_cards").owner

    def take() -> list[str]:
        assert shop.accepts("in_house") == "auraconnect"
        liabilities.take_over(shop.connection, shop.integration, "gift_cards", "ana", "", {})
        return ["gift_cards"]

    with pytest.raises(Killed):
        shop.switch("in_house", redeem=take, step_done=killing("rechecked"))
    assert owner() == "auraconnect"
    abort(shop.connection, shop.migration, "ben", "")
    assert owner() == "nobody"
    shop.switch("in_house", redeem=take)
    assert owner() == "auraconnect"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["1041", "A-1042", "#0007", None], (1042, 0)),
        (["0090", "B0091 ", "x"], (91, 0)),
        (["1700000000000", "12"], (12, 1)),
        ([], (0, 0)),
        (["260302-0042", "000"], (42, 0)),
        (["999999999"], (999_999_999, 0)),
    ],
)
def test_the_highest_number_of_the_old_pos_is_found_whatever_stands_before_it(
    shop: Shop, told: list[str | None], expected: tuple[int, int]
) -> None:
    for place, number in enumerate(told):
        shop.connection.execute(
            "INSERT INTO aura.orders (restaurant_id, location_id, business_date, business_date_rule, status, currency, subtotal_cents, "
            "final_amount_cents, display_number, source_id) VALUES (%s, %s, '2026-03-01', 'closed', 'completed', 'USD', 1, 1, %s, %s)",
            [shop.restaurant, shop.location, number, f"N{place}"],
        )
    assert numbers.highest_number(shop.connection, shop.location) == expected
    done = numbers.raise_numbers(shop.connection, shop.location, pos_goes_on=False)
    assert done.next == expected[0] + 1
    assert numbers.raise_numbers(shop.connection, shop.location, pos_goes_on=False).next == done.next
    assert shop.one("SELECT aura.take_order_number(%s)", shop.location) == done.next
    assert not numbers.restore_numbers(shop.connection, shop.location, done.as_dict()), "numbers were given since"


def test_tills_that_present_orders_through_the_pause_wait_or_go_elsewhere(shop: Shop) -> None:
    """An order that is being written when the pause begins is whole, or refused whole."""
    shop.sign("online")
    taken: list[int] = []
    refused: list[str] = []
    stop = threading.Event()
    turns = threading.Semaphore(0)

    def till() -> None:
        with connect(shop.url, autocommit=True) as its:
            while not stop.is_set():
                try:
                    taken.append(shop.sell_at_aura(channel="online", own=its))
                except psycopg.DatabaseError as error:
                    assert error.sqlstate == "AU001"
                    refused.append(str(error.diag.message_primary))
                turns.release()

    with ThreadPoolExecutor(2) as pool:
        tills = [pool.submit(till) for _ in range(2)]
        try:
            turns.acquire()
            shop.switch("online", sign=False)
            seen = len(taken)
            while len(taken) < seen + 4:
                turns.acquire()
        finally:
            stop.set()
        for one in tills:
            one.result()
    assert shop.one(
        "SELECT count(*) FROM aura.orders WHERE location_id = %s AND origin = 'aura_native'", shop.location
    ) == len(taken)
    assert refused


# A limited menu -------------------------------------------------------------------------------------------------------


def begin_with(shop: Shop, *categories: str) -> None:
    """The window's policy names a limited menu; the shop has Coffee, twice, and Cakes, with an item each."""
    connection, names = shop.connection, ("Coffee", "Coffee", "Cakes")
    for number, name in enumerate(names):
        (category,) = connection.execute(
            "INSERT INTO aura.menu_categories (restaurant_id, name) VALUES (%s, %s) RETURNING id",
            [shop.restaurant, name],
        ).fetchone() or (0,)
        (item,) = connection.execute(
            "INSERT INTO aura.menu_items (restaurant_id, name, price_cents) VALUES (%s, %s, 500) RETURNING id",
            [shop.restaurant, f"{name} {number}"],
        ).fetchone() or (0,)
        connection.execute(
            "INSERT INTO aura.menu_item_categories (restaurant_id, menu_item_id, category_id) VALUES (%s, %s, %s)",
            [shop.restaurant, item, category],
        )
    policy = WindowPolicy(switch=SwitchPolicy(limited_menu=categories))
    connection.execute(
        "UPDATE migration.windows SET policy = %s WHERE migration_id = %s",
        [Jsonb(policy.model_dump(mode="json", by_alias=True)), shop.migration],
    )


def offered(shop: Shop) -> set[str]:
    rows = shop.connection.execute(
        "SELECT name FROM aura.menu_items WHERE restaurant_id = %s AND aura.offers(%s, id)",
        [shop.restaurant, shop.location],
    )
    return {row[0] for row in rows}


EVERYTHING = {"Coffee 0", "Coffee 1", "Cakes 2"}


def test_a_location_begins_with_the_menu_it_chose_until_the_full_one_is_enabled(shop: Shop) -> None:
    begin_with(shop, "coffee")
    assert offered(shop) == EVERYTHING
    done = shop.switch("online")
    assert steps_of(shop.connection, done.id)[-3]["detail"]["limited_menu"] == ["Coffee"]
    told = featuring.features_of(shop.connection, shop.migration)
    assert offered(shop) == {"Coffee 0", "Coffee 1"} and told["limited_to"] == ["Coffee"]
    assert shop.switch("in_house").state == "done" and offered(shop) == {"Coffee 0", "Coffee 1"}
    told = featuring.set_feature(shop.connection, shop.migration, "full_menu", True, "ana")
    assert told["limited_to"] == [] and offered(shop) == EVERYTHING
    assert {"feature": "full_menu", "enabled": True, "with": None} in told["features"]
    featuring.set_feature(shop.connection, shop.migration, "full_menu", False, "ana")
    assert offered(shop) == {"Coffee 0", "Coffee 1"}, "and back, as the policy says"
    with pytest.raises(BadInput, match="no feature"):
        featuring.set_feature(shop.connection, shop.migration, "teleporting", True, "ana")


def test_a_limited_menu_of_unknown_categories_refuses_before_anything_pauses(shop: Shop) -> None:
    begin_with(shop, "Coffee", "Cofee")
    before = shop.image()
    with pytest.raises(Refused, match="Cofee, which the location's menu does not have") as refused:
        shop.switch("online")
    assert "cakes, coffee" in refused.value.remedy
    assert shop.image() == before and shop.accepts("online") == "pos"


def test_categories_are_named_without_regard_to_case_whatever_the_language(shop: Shop) -> None:
    begin_with(shop, "STRASSENKÜCHE")
    shop.connection.execute(
        "INSERT INTO aura.menu_categories (restaurant_id, name) VALUES (%s, 'Straßenküche')", [shop.restaurant]
    )
    assert shop.switch("online").state == "done"
    assert features.limited_to(shop.connection, shop.location) == ["Straßenküche"]


def test_once_the_full_menu_is_offered_the_policy_s_categories_are_asked_for_no_more(shop: Shop) -> None:
    begin_with(shop, "Coffee")
    shop.switch("online")
    featuring.set_feature(shop.connection, shop.migration, "full_menu", True, "ana")
    shop.connection.execute(
        "UPDATE aura.menu_categories SET name = 'Kaffee' WHERE restaurant_id = %s AND name = 'Coffee'",
        [shop.restaurant],
    )
    assert shop.switch("in_house").state == "done" and offered(shop) == EVERYTHING


@pytest.mark.parametrize("step", ["opened", "rechecked"])
def test_an_abort_lifts_the_limits_it_brought(shop: Shop, step: str) -> None:
    begin_with(shop, "Cakes")
    shop.sign("online")
    before = shop.image()
    with pytest.raises(Killed):
        shop.switch("online", sign=False, step_done=killing(step))
    assert offered(shop) == {"Cakes 2"}
    abort(shop.connection, shop.migration, "ben", "trouble at the till")
    assert shop.image() == before and offered(shop) == EVERYTHING


def test_without_a_limited_menu_the_full_one_cannot_be_disabled(shop: Shop) -> None:
    shop.switch("online")
    with pytest.raises(BadInput, match="limitedMenu"):
        featuring.set_feature(shop.connection, shop.migration, "full_menu", False, "ana")
    assert features.features_of(shop.connection, shop.location)["full_menu"], "nothing half done"
