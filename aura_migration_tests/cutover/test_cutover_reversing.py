"""The way back: noted by number, rehearsed, walked without losing an order; and the other two endings of a window."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from aura_migration.core.errors import EnvironmentFault, Refused
from aura_migration.cutover import features, liabilities, phases, switching
from aura_migration.cutover.aborting import abort
from aura_migration.cutover.completing import complete, in_the_way
from aura_migration.cutover.recheck import LastOrder, recheck_orders
from aura_migration.cutover.reverse_entries import (
    Entry,
    Written,
    entries_of,
    file_entries,
    note_entries,
    settle_entries,
    waiting,
)
from aura_migration.cutover.reversing import Trial, last_rehearsal, rehearse, reverse, sign_reverse
from aura_migration.cutover.switches import STEPS, open_switch
from aura_migration.database.connections import connect
from aura_migration_tests.support import database as support
from aura_migration_tests.support.switched import NOW, PEOPLE, Killed, Shop, make_old_pos, open_shop

ALL = ("online", "in_house", "reporting")


@pytest.fixture(scope="module")
def shared(databases: support.Pool) -> Iterator[str]:
    """One database for the module, with an old POS in it; every test has a location of its own."""
    with databases.database() as url:
        with connect(url, autocommit=True) as connection:
            make_old_pos(connection)
        yield url


@pytest.fixture
def own(shared: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(shared, autocommit=True, application_name="test") as opened:
        yield opened


@pytest.fixture
def shop(shared: str, own: psycopg.Connection[Any]) -> Shop:
    return open_shop(shared, own)


@pytest.fixture
def live(shop: Shop) -> Shop:
    for channel in ALL:
        shop.switch(channel)
    return shop


def sign_back(shop: Shop) -> None:
    for person in PEOPLE:
        sign_reverse(shop.connection, shop.migration, person, "trouble")


def at_pos(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.connection.execute(
        "SELECT reference, cents, is_voided FROM pos_till WHERE shop = %s AND reference IS NOT NULL ORDER BY key",
        [shop.location],
    ).fetchall()


# Noting and settling --------------------------------------------------------------------------------------------------


def test_what_happened_in_auraconnect_is_noted_once_and_by_what_is_to_stand_there(live: Shop) -> None:
    first, second = live.sell_at_aura("1"), live.sell_at_aura("2", "third_party", 700)
    live.connection.execute(
        "INSERT INTO aura.order_items (restaurant_id, order_id, item_name, quantity, price_cents, line_subtotal_cents) "
        "VALUES (%s, %s, 'Soup', 1, 1250, 1250)",
        [live.restaurant, first],
    )
    assert note_entries(live.connection, live.migration) == {"order": 2}
    assert note_entries(live.connection, live.migration) == {}
    noted = {entry.aura_id: entry for entry in entries_of(live.connection, live.migration)}
    assert [line["name"] for line in noted[first].content["items"]] == ["Soup"]
    assert noted[second].is_first and noted[second].version.startswith("1:")
    # Nobody tried to write it yet: what it became takes its place.
    live.connection.execute("UPDATE aura.orders SET tip_amount_cents = 200 WHERE id = %s", [first])
    assert note_entries(live.connection, live.migration) == {"order": 1}
    assert len(entries_of(live.connection, live.migration)) == 2 and waiting(live.connection, live.migration) == 2
    assert live.settle() == 0 and len(at_pos(live)) == 2
    # Written before: what becomes of it later is an entry of its own, also when it is what it was once.
    for tip in (300, 200):
        live.connection.execute("UPDATE aura.orders SET tip_amount_cents = %s WHERE id = %s", [tip, first])
        assert note_entries(live.connection, live.migration) == {"order": 1}
        assert live.settle() == 0
    versions = [e.version.partition(":")[0] for e in entries_of(live.connection, live.migration) if e.aura_id == first]
    assert versions == ["1", "2", "3"]
    live.connection.execute("UPDATE aura.orders SET is_voided = true WHERE id = %s", [second])
    live.connection.execute(
        "INSERT INTO aura.refunds (restaurant_id, location_id, business_date, amount_cents, currency, status, order_id) "
        "VALUES (%s, %s, '2026-03-02', 500, 'USD', 'completed', %s)",
        [live.restaurant, live.location, first],
    )
    assert note_entries(live.connection, live.migration) == {"void": 1, "refund": 1}
    assert live.settle() == 0
    assert at_pos(live) == [(f"aura:{first}", 1250, False), (f"aura:{second}", 700, True)]
    # The POS read again does not bring the sale a second time, and AuraConnect knows it by the POS's id.
    live.follow()
    assert (
        live.one("SELECT count(*) FROM aura.orders WHERE location_id = %s AND origin = 'pos_native'", live.location)
        == 3
    )
    assert live.one("SELECT external_id FROM aura.orders WHERE id = %s", first) == f"W-orders-{first}"


def test_menu_stock_guests_and_what_they_are_owed_are_noted_without_personal_data(live: Shop) -> None:
    connection = live.connection
    untouched, edited = (
        live.one(
            "INSERT INTO aura.menu_items (restaurant_id, name, price_cents, source_vendor, source_id) VALUES (%s, %s, 900, 'square', %s) RETURNING id",
            live.restaurant,
            name,
            name,
        )
        for name in ("Soup", "Salad")
    )
    for item, name in ((untouched, "Soup"), (edited, "Salad")):
        journalled(live, "menu_items", item, name)
    connection.execute("UPDATE aura.menu_items SET price_cents = 950 WHERE id = %s", [edited])
    connection.execute(
        "INSERT INTO aura.inventory (restaurant_id, location_id, item_name, quantity, menu_item_id, status) VALUES (%s, %s, 'Soup', 0, %s, 'out_of_stock')",
        [live.restaurant, live.location, untouched],
    )
    guest = live.one(
        "INSERT INTO aura.customers (restaurant_id, first_name, email) VALUES (%s, 'Zebulon', 'zeb@example.com') RETURNING id",
        live.restaurant,
    )
    card = live.one(
        "INSERT INTO aura.gift_cards (restaurant_id, code_hash, hash_key_id, balance_cents, currency, status) VALUES (%s, %s, 'k', 1000, 'USD', 'active') RETURNING id",
        live.restaurant,
        live.key,
    )
    connection.execute("SELECT aura.redeem_gift_card(%s, 400, 'payment 1')", [card])
    assert note_entries(connection, live.migration) == {"menu": 1, "stock": 1, "customer": 1, "liability": 1}
    assert note_entries(connection, live.migration) == {}
    by_kind = {entry.kind: entry for entry in entries_of(connection, live.migration)}
    assert by_kind["menu"].content == {
        "key": "Salad",
        "label": "Salad",
        "is_new": False,
        "changed": {"price_cents": 950},
    }
    assert by_kind["stock"].content["item_key"] == "Soup" and by_kind["stock"].content["status"] == "out_of_stock"
    assert by_kind["customer"].aura_id == guest and "email" in by_kind["customer"].content["columns"]
    assert "Zebulon" not in str(by_kind) and "zeb@" not in str(by_kind)
    assert (by_kind["liability"].content["amount"], by_kind["liability"].content["balance"]) == (-400, 600)
    # Another location of the account notes nothing of it again, and waits for it.
    beside = open_shop(live.url, connection, beside=live)
    beside.switch("online")
    assert note_entries(connection, beside.migration) == {} and waiting(connection, beside.migration) == 3
    assert beside.settle() == 0 and waiting(connection, live.migration) == 1, "the stock is the first location's own"


def journalled(shop: Shop, table: str, aura_id: int, key: str) -> None:
    """As if the migration had written the row as it stands."""
    plan = shop.one(
        "INSERT INTO migration.plans (migration_id, kind, state) VALUES (%s, 'preview', 'loaded') RETURNING id",
        shop.migration,
    )
    shop.connection.execute(
        f"INSERT INTO migration.journal (migration_id, plan_id, seq, aura_table, aura_id, op, before, after) "
        f"SELECT %s, %s, 1, %s, t.id, 'update', '{{}}', to_jsonb(t) FROM aura.{table} t WHERE id = %s",
        [shop.migration, plan, table, aura_id],
    )


def test_before_the_first_switch_nothing_is_noted(shop: Shop) -> None:
    shop.connection.execute(
        "INSERT INTO aura.customers (restaurant_id, first_name) VALUES (%s, 'G')", [shop.restaurant]
    )
    assert note_entries(shop.connection, shop.migration) == {}


def test_an_entry_that_fails_keeps_what_stands_on_it_waiting_and_is_tried_again(live: Shop) -> None:
    order, other = live.sell_at_aura("1"), live.sell_at_aura("2")
    live.connection.execute(
        "INSERT INTO aura.refunds (restaurant_id, location_id, business_date, amount_cents, currency, status, order_id) "
        "VALUES (%s, %s, '2026-03-02', 500, 'USD', 'completed', %s)",
        [live.restaurant, live.location, order],
    )
    note_entries(live.connection, live.migration)
    keys: list[str] = []

    def write(entry: Entry) -> Written:
        keys.append(entry.key)
        if entry.aura_id == order and entry.kind == "order" and len(keys) == 1:
            raise EnvironmentFault("The POS does not answer.", "Try later.")
        return live.write_back(entry)

    done = settle_entries(live.connection, live.migration, write)
    assert done.as_dict() == {
        "written": 1,
        "filed": 0,
        "failed": 1,
        "waiting": 2,
        "problems": [f"order {order}: The POS does not answer."],
    }
    assert [r for r, *_ in at_pos(live)] == [f"aura:{other}"]
    assert settle_entries(live.connection, live.migration, write).waiting == 0
    assert keys[0] == keys[2] == f"aura:orders:{order}:{entries_of(live.connection, live.migration)[0].version}"
    assert {entry.attempts for entry in entries_of(live.connection, live.migration)} == {1, 2}


def test_a_process_that_dies_while_it_writes_an_entry_writes_it_again_under_the_same_key(live: Shop) -> None:
    live.sell_at_aura("1")
    note_entries(live.connection, live.migration)

    def dies_after_writing(entry: Entry) -> Written:
        live.write_back(entry)
        raise Killed

    with pytest.raises(Killed):
        settle_entries(live.connection, live.migration, dies_after_writing)
    assert waiting(live.connection, live.migration) == 1
    assert live.settle() == 0 and len(at_pos(live)) == 1


def test_entries_go_into_one_file_named_by_their_numbers(live: Shop) -> None:
    for number in range(3):
        live.sell_at_aura(str(number))
    note_entries(live.connection, live.migration)
    made: list[Sequence[int]] = []

    def dies(entries: Sequence[Entry]) -> str:
        make(entries)
        raise Killed

    def make(entries: Sequence[Entry]) -> str:
        made.append([entry.id for entry in entries])
        return f"orders-{entries[0].id}-{entries[-1].id}.csv"

    assert file_entries(live.connection, live.migration, make, ["refund"]).counts == {}
    with pytest.raises(Killed):
        file_entries(live.connection, live.migration, dies, ["order"])
    live.sell_at_aura("later")
    note_entries(live.connection, live.migration)
    done = file_entries(live.connection, live.migration, make, ["order"])
    assert (done.counts, done.waiting) == ({"filed": 4}, 0)
    first, again, later = made
    assert first == again and len(later) == 1, (
        "a file that was begun is made again, not a second one with the same orders"
    )
    assert {e.file_name for e in entries_of(live.connection, live.migration)} == {
        f"orders-{first[0]}-{first[-1]}.csv",
        f"orders-{later[0]}-{later[0]}.csv",
    }


# Rehearsing -----------------------------------------------------------------------------------------------------------


def proves_all(entries: Sequence[Entry]) -> Trial:
    return Trial(frozenset(entry.key for entry in entries), evidence={"written_and_cancelled": len(entries)})


def test_a_rehearsal_does_it_for_real_and_leaves_nothing(shop: Shop) -> None:
    shop.follow()
    order = shop.one("SELECT max(id) FROM aura.orders WHERE location_id = %s", shop.location)
    for table, column in (("refunds", "order_id"), ("payments", "order_id")):
        shop.connection.execute(
            f"INSERT INTO aura.{table} (restaurant_id, location_id, business_date, amount_cents, currency, status, {column}, source_id"
            f"{', method, tender_name' if table == 'payments' else ''}) VALUES (%s, %s, '2026-03-02', 500, 'USD', 'completed', %s, 'X'"
            f"{', %s, %s' if table == 'payments' else ''})",
            [shop.restaurant, shop.location, order, *(("card", "Card") if table == "payments" else ())],
        )
    tables = ("orders", "order_items", "payments", "refunds")
    before = shop.image(), [shop.one(f"SELECT count(*) FROM aura.{table}") for table in tables]
    kinds: Counter[str] = Counter()

    def trial(entries: Sequence[Entry]) -> Trial:
        kinds.update(entry.kind for entry in entries)
        assert {entry.content["payments"][0]["tender"] for entry in entries if entry.content.get("payments")} == {
            "Card"
        }
        return proves_all(entries)

    found = rehearse(shop.connection, shop.migration, "B", "ana", NOW, trial)
    assert found.passed and found.as_dict()["evidence"]["written_and_cancelled"] == 4
    assert kinds == {"order": 3, "refund": 1} == found.evidence["entries"]
    assert (shop.image(), [shop.one(f"SELECT count(*) FROM aura.{table}") for table in tables]) == before
    assert entries_of(shop.connection, shop.migration) == [] and open_switch(shop.connection, shop.migration) is None
    assert switching.switches_of(shop.connection, shop.migration) == []


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (lambda entries: Trial(frozenset()), "3 of 3 entries were not proven"),
        (lambda entries: Trial(frozenset(e.key for e in entries[1:])), "1 of 3 entries were not proven"),
        (lambda entries: Trial(frozenset(e.key for e in entries), ["the file has no tax column"]), "no tax column"),
    ],
)
def test_a_rehearsal_that_proves_less_than_everything_fails_and_the_switch_with_it(
    shop: Shop, trial: Callable[[Sequence[Entry]], Trial], said: str
) -> None:
    shop.follow()
    found = rehearse(shop.connection, shop.migration, "A", "ana", NOW, trial)
    assert not found.passed and said in found.evidence["problems"][0]

    def gates(channel: str) -> str:
        last = last_rehearsal(shop.connection, shop.migration)
        if last is None or not last.passed:
            raise Refused("gate reverse_rehearsed is failed.", "Mend it, then rehearse.")
        return "every gate holds"

    with pytest.raises(Refused, match="reverse_rehearsed"):
        shop.switch("online", gates=gates)
    assert rehearse(shop.connection, shop.migration, "A", "ana", NOW, proves_all).passed
    assert shop.switch("online", gates=gates).state == "done"
    assert rehearse(shop.connection, shop.migration, "A", "ana", NOW, proves_all).passed, "also while it is live"


def test_a_rehearsal_over_nothing_and_one_that_breaks_fail(shop: Shop) -> None:
    found = rehearse(shop.connection, shop.migration, "C", "ana", NOW, proves_all)
    assert (found.passed, found.evidence["problems"]) == (False, ["there is no order to rehearse with"])
    shop.follow()

    def breaks(entries: Sequence[Entry]) -> Trial:
        raise EnvironmentFault("The journal does not balance.", "")

    assert not rehearse(shop.connection, shop.migration, "C", "ana", NOW, breaks).passed
    with pytest.raises(Refused, match="no level"):
        raise_bad_level(shop)
    with pytest.raises(Killed):
        shop.switch("online", step_done=lambda step: kill())
    with pytest.raises(Refused, match="is open"):
        rehearse(shop.connection, shop.migration, "C", "ana", NOW, proves_all)


def raise_bad_level(shop: Shop) -> None:
    try:
        rehearse(shop.connection, shop.migration, "D", "ana", NOW, proves_all)
    except Exception as error:
        raise Refused(str(error)) from error


def kill() -> None:
    raise Killed


# Reversing ------------------------------------------------------------------------------------------------------------


def test_a_reverse_gives_every_channel_back_and_loses_nothing(live: Shop) -> None:
    live.switch("time_clock")
    sold = [live.sell_at_aura(str(n), "online" if n % 2 else "in_house", 100 + n) for n in range(6)]
    sign_back(live)

    def a_refund_after_everything(step: str) -> None:
        if step == "done" and live.accepts("online") == "pos":
            live.connection.execute(
                "INSERT INTO aura.refunds (restaurant_id, location_id, business_date, amount_cents, currency, status, order_id) "
                "VALUES (%s, %s, '2026-03-02', 100, 'USD', 'completed', %s)",
                [live.restaurant, live.location, sold[0]],
            )

    deps = live.deps(step_done=a_refund_after_everything)
    done = reverse(live.connection, live.migration, "ana", NOW + timedelta(hours=1), deps, "trouble")
    assert [(e.kind, e.state) for e in entries_of(live.connection, live.migration)][-1] == ("refund", "written")
    assert [one.channel for one in done] == ["time_clock", "reporting", "in_house", "online"]
    assert live.phase == "reversed" and {
        live.accepts(c) for c in ("online", "in_house", "reporting", "time_clock")
    } == {"pos"}
    assert live.connection.execute(
        "SELECT ending, ended_by, ending_reason FROM migration.windows WHERE migration_id = %s", [live.migration]
    ).fetchone() == ("reversed", "ana", "trouble")
    assert live.one("SELECT state FROM migration.migrations WHERE id = %s", live.migration) == "loaded"
    assert at_pos(live) == [
        (f"aura:{order}", 100 + n, False) for n, order in sorted(enumerate(sold), key=lambda p: f"W-orders-{p[1]}")
    ]
    with pytest.raises(psycopg.DatabaseError, match="with the old POS again"):
        live.sell_at_aura()
    for again in (
        lambda: reverse(live.connection, live.migration, "ana", NOW, live.deps()),
        lambda: live.switch("online"),
    ):
        with pytest.raises(Refused, match="has ended: reversed"):
            again()


def test_a_reverse_ends_the_limited_menu_with_the_last_channel_of_orders(live: Shop) -> None:
    category = live.one(
        "INSERT INTO aura.menu_categories (restaurant_id, name) VALUES (%s, 'Coffee') RETURNING id", live.restaurant
    )
    features.set_limits(live.connection, live.location, [category])
    sign_back(live)
    left = []

    def note(step: str) -> None:
        if step == "done":
            left.append(features.limited_to(live.connection, live.location))

    reverse(live.connection, live.migration, "ana", NOW + timedelta(hours=1), live.deps(step_done=note), "trouble")
    assert left == [["Coffee"], ["Coffee"], []], "reporting and in-house went back first"
    assert not any(features.features_of(live.connection, live.location).values())


def test_a_reverse_is_refused_while_something_waits_and_says_how_much(live: Shop) -> None:
    for number in range(3):
        live.sell_at_aura(str(number))
    sign_back(live)
    with pytest.raises(Refused, match="3 of what happened in AuraConnect") as refused:
        reverse(live.connection, live.migration, "ana", NOW, live.deps(settle=None))
    assert refused.value.details["waiting"] == 3
    assert live.phase == "live" and live.accepts("in_house") == "auraconnect"
    assert len(reverse(live.connection, live.migration, "ana", NOW, live.deps())) == 3


def test_what_cannot_be_settled_within_the_pause_keeps_the_channel_with_auraconnect(live: Shop) -> None:
    sign_back(live)

    def a_sale_in_the_last_second(step: str) -> None:
        found = open_switch(live.connection, live.migration)
        if step == "gates_held" and found is not None and found.channel == "in_house":
            live.sell_at_aura("late")

    def settle() -> int:
        return waiting(live.connection, live.migration)  # the POS does not answer

    with pytest.raises(Refused, match="1 of what happened"):
        reverse(
            live.connection, live.migration, "ana", NOW, live.deps(settle=settle, step_done=a_sale_in_the_last_second)
        )
    assert (
        live.phase == "reversing" and live.accepts("in_house") == "auraconnect" and live.accepts("reporting") == "pos"
    )
    abort(live.connection, live.migration, "ben", "the POS is down")
    assert live.phase == "live"
    with pytest.raises(Refused, match="0 of 2 people"):
        live.settle()
        reverse(live.connection, live.migration, "ana", NOW, live.deps())
    sign_back(live)
    reverse(live.connection, live.migration, "ana", NOW, live.deps())
    assert live.phase == "reversed" and len(at_pos(live)) == 1


@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_reverse_that_dies_after_a_step_goes_on_or_is_given_up(shop: Shop, step: str) -> None:
    shop.switch("online")
    sold = shop.sell_at_aura("1", "online")
    sign_back(shop)
    before = shop.image()

    def die(name: str) -> None:
        if name == step:
            raise Killed

    with pytest.raises(Killed):
        reverse(shop.connection, shop.migration, "ana", NOW, shop.deps(step_done=die))
    assert shop.phase == "reversing"
    if STEPS.index(step) % 2:
        abort(shop.connection, shop.migration, "ben", "")
        abort(shop.connection, shop.migration, "ben", "")  # the switch, then the reverse itself
        after = shop.image()
        assert {**after, "aura.orders": ""} == {**before, "aura.orders": ""}
        assert shop.accepts("online") == "auraconnect"
        sign_back(shop)
    elif step == "asked":
        sign_back(shop)
    reverse(shop.connection, shop.migration, "ana", NOW, shop.deps())
    assert shop.phase == "reversed" and [r for r, *_ in at_pos(shop)] == [f"aura:{sold}"]


def test_what_guests_are_owed_goes_back_last_and_not_before_the_sharing_locations(live: Shop) -> None:
    card = live.one(
        "INSERT INTO aura.gift_cards (restaurant_id, code_hash, hash_key_id, balance_cents, currency, status, source_vendor, source_id) "
        "VALUES (%s, %s, 'k', 2500, 'USD', 'pending', 'square', 'C1') RETURNING id",
        live.restaurant,
        live.key,
    )
    live.connection.execute(
        "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, first_migration_id, "
        "last_migration_id) VALUES (%s, %s, 'gift_cards', 'C1', 'gift_cards', %s, 1, 1)",
        [live.restaurant, live.integration, card],
    )
    live.connection.execute(
        "INSERT INTO migration.liability_ledger (integration_id, class, subject_key, unit, difference, migration_id, measured_at) "
        "VALUES (%s, 'gift_cards', 'C1', 'USD', 0, %s, now())",
        [live.integration, live.migration],
    )
    liabilities.freeze(live.connection, live.integration, "gift_cards", "ana")
    liabilities.take_over(live.connection, live.integration, "gift_cards", "ana", "", {})
    live.connection.execute("SELECT aura.redeem_gift_card(%s, 700, 'payment 1')", [card])
    beside = open_shop(live.url, live.connection, beside=live)
    for channel in ("online", "in_house"):
        beside.switch(channel)
    sign_back(live)
    with pytest.raises(Refused, match=rf"redeems gift_cards for 1 more locations of this account: {beside.key}"):
        reverse(live.connection, live.migration, "ana", NOW, live.deps())
    liabilities.give_back(live.connection, live.integration, "gift_cards", "ana")
    reverse(live.connection, live.migration, "ana", NOW, live.deps())
    owner = liabilities.ownership(live.connection, live.integration, "gift_cards").owner
    assert owner == "nobody", "the other location still sells in AuraConnect"
    sign_back(beside)
    reverse(live.connection, beside.migration, "ana", NOW, beside.deps())
    assert liabilities.ownership(live.connection, live.integration, "gift_cards").owner == "pos"
    settled = [e for e in entries_of(live.connection, live.migration) if e.kind == "liability"]
    assert [(e.content["amount"], e.state) for e in settled] == [(-700, "written")]


# R27: numbered writes through a switch and a reverse ------------------------------------------------------------------


def test_numbered_writes_through_a_switch_and_a_reverse_are_neither_lost_nor_doubled(shop: Shop) -> None:
    through_both(shop, writers=3, each=2)


@pytest.mark.soak
def test_numbered_writes_through_many_switches_aborts_and_a_reverse_soak(shop: Shop) -> None:
    for _ in range(20):
        with pytest.raises(Killed):
            shop.switch("online", step_done=lambda step: kill() if step == "opened" else None)
        abort(shop.connection, shop.migration, "ben", "")
    through_both(shop, writers=8, each=100)


def through_both(shop: Shop, writers: int, each: int) -> None:
    """Each writer gives its writes numbers and takes each to whoever accepts, again and again until one did.

    They get leave to write on at every step, so that each step of every switch has writes beside it.
    """
    written: list[str] = []
    over = threading.Event()
    leave = threading.Semaphore(0)
    names = itertools.count(1)

    def writer() -> None:
        with connect(shop.url, autocommit=True) as its:
            while leave.acquire() and not over.is_set():
                number = next(names)
                label = f"w{number}"
                while not taken(shop, its, label, "online" if number % 2 else "in_house"):
                    over.wait(0.002)
                written.append(label)

    def write_on(step: str) -> None:
        leave.release(each)

    with ThreadPoolExecutor(writers) as pool:
        running = [pool.submit(writer) for _ in range(writers)]
        try:
            for channel in ALL:
                shop.switch(channel, step_done=write_on)
            sign_back(shop)
            reverse(shop.connection, shop.migration, "ana", NOW + timedelta(hours=1), shop.deps(step_done=write_on))
        finally:
            over.set()
            leave.release(writers)
        for one in running:
            one.result()
    shop.follow()
    assert len(set(written)) == len(written) > 10 * writers
    in_aura = Counter(
        number
        for (number,) in shop.connection.execute(
            "SELECT display_number FROM aura.orders WHERE location_id = %s AND display_number LIKE 'w%%'",
            [shop.location],
        ).fetchall()
    )
    at_the_pos = Counter(
        number for (number,) in shop.connection.execute("SELECT number FROM pos_till WHERE shop = %s AND number LIKE 'w%%'", [shop.location]).fetchall()
    )  # fmt: skip
    assert in_aura == Counter(written), "none lost, none doubled in AuraConnect"
    assert at_the_pos == Counter(written), "none lost, none doubled at the old POS, which has it all again"
    natives = shop.one(
        "SELECT count(*) FROM aura.orders WHERE location_id = %s AND origin = 'aura_native'", shop.location
    )
    assert 0 < natives < len(written)


def taken(shop: Shop, its: psycopg.Connection[Any], label: str, channel: str) -> bool:
    """Take an order to AuraConnect; refused there, to the old POS if that takes orders now. False: nobody does."""
    try:
        shop.sell_at_aura(label, channel, own=its)
        return True
    except psycopg.DatabaseError as error:
        assert error.sqlstate == "AU001"
    with its.transaction():
        # The old POS's own till: it looks who serves, and rings up.
        done = its.execute(
            "INSERT INTO pos_till (shop, key, channel, number, cents, at) SELECT %(shop)s, %(key)s, %(channel)s, %(number)s, 1250, %(at)s "
            "WHERE NOT EXISTS (SELECT FROM migration.switches s WHERE s.migration_id = %(migration)s AND s.channel = %(switched)s "
            "AND s.state = 'open' AND s.paused_at IS NOT NULL AND s.resumed_at IS NULL) "
            "AND coalesce((SELECT book FROM migration.channel_ownership WHERE location_key = %(place)s AND channel = %(switched)s "
            "ORDER BY from_at DESC LIMIT 1), 'pos') = 'pos'",
            {
                "shop": shop.location,
                "key": f"P-{label}",
                "channel": channel,
                "number": label,
                "at": NOW,
                "migration": shop.migration,
                "switched": channel,
                "place": shop.key,
            },
        )
        return bool(done.rowcount)


# Completing and cancelling --------------------------------------------------------------------------------------------


def test_a_window_is_completed_only_when_nothing_is_open_anywhere(shop: Shop) -> None:
    shop.switch("online")
    shop.connection.execute(
        "INSERT INTO aura.attendance_logs (restaurant_id, location_id, check_in, business_date, method, status, source_vendor) "
        "VALUES (%s, %s, now(), '2026-03-01', 'imported', 'checked_out', 'square')",
        [shop.restaurant, shop.location],
    )
    for number, status in (("open", "pending"), ("later", "scheduled")):
        shop.connection.execute(
            "INSERT INTO aura.orders (restaurant_id, location_id, business_date, business_date_rule, status, currency, subtotal_cents, "
            "final_amount_cents, source_vendor, source_id) VALUES (%s, %s, '2026-03-01', 'closed', %s, 'USD', 1, 1, 'square', %s)",
            [shop.restaurant, shop.location, status, number],
        )
    sold = shop.sell_at_aura("1", "online")
    with pytest.raises(Refused, match="the POS owns in_house, reporting, time_clock") as refused:
        complete(shop.connection, shop.migration, "ana", NOW)
    names = {one["name"] for one in refused.value.details["in_the_way"]}
    assert names == {"channels", "reading", "open_tab", "undecided_order", "reverse_entries"}
    assert shop.phase == "live" and entries_of(shop.connection, shop.migration) == []
    for channel in ("in_house", "reporting", "time_clock"):
        shop.switch(channel)
    shop.connection.execute("UPDATE aura.orders SET status = 'completed' WHERE location_id = %s", [shop.location])
    shop.connection.execute(
        "INSERT INTO migration.follows (migration_id, family, caused_by, began_at, read_until, outcome) VALUES (%s, 'all', 'test', %s, %s, 'nothing')",
        [shop.migration, NOW, NOW],
    )
    note_entries(shop.connection, shop.migration)
    assert [one.name for one in in_the_way(shop.connection, shop.migration, NOW)] == ["reverse_entries"]
    with pytest.raises(Refused, match="read 120 min ago"):
        complete(shop.connection, shop.migration, "ana", NOW + timedelta(hours=2))
    shop.settle()
    complete(shop.connection, shop.migration, "ana", NOW)
    assert shop.phase == "completed" and shop.accepts("in_house") == "auraconnect"
    assert shop.one("SELECT ending FROM migration.windows WHERE migration_id = %s", shop.migration) == "completed"
    assert at_pos(shop) == [(f"aura:{sold}", 1250, False)]
    for refused_now in (
        lambda: complete(shop.connection, shop.migration, "ana", NOW),
        lambda: reverse(shop.connection, shop.migration, "ana", NOW, shop.deps()),
        lambda: phases.cancel(shop.connection, shop.migration, "ana", NOW, ""),
    ):
        with pytest.raises(Refused, match="has ended: completed"):
            refused_now()


def test_a_window_is_cancelled_before_its_first_switch_only(shop: Shop, live: Shop) -> None:
    other = open_shop(shop.url, shop.connection)
    with pytest.raises(Killed):
        other.switch("online", step_done=lambda step: kill())
    with pytest.raises(Refused, match="is switching"):
        phases.cancel(other.connection, other.migration, "ana", NOW, "")
    abort(other.connection, other.migration, "ana", "")
    other.connection.execute("UPDATE migration.migrations SET work = 'loading' WHERE id = %s", [other.migration])
    with pytest.raises(Refused, match="is loading"):
        phases.cancel(other.connection, other.migration, "ana", NOW, "")
    other.connection.execute("UPDATE migration.migrations SET work = 'loaded' WHERE id = %s", [other.migration])
    phases.cancel(other.connection, other.migration, "ana", NOW, "changed our minds")
    assert other.connection.execute(
        "SELECT m.state, m.work, w.ending FROM migration.migrations m JOIN migration.windows w ON w.migration_id = m.id WHERE m.id = %s",
        [other.migration],
    ).fetchone() == ("loaded", None, "cancelled")
    assert other.accepts("online") == "pos"
    with pytest.raises(Refused, match="AuraConnect owns online, in_house, reporting"):
        phases.cancel(live.connection, live.migration, "ana", NOW, "")
    with pytest.raises(Refused, match="it cannot become reversed"):
        phases.move(live.connection, live.migration, "reversed", "ana", "", now=NOW)


# The last orders ------------------------------------------------------------------------------------------------------


def test_the_last_orders_are_there_with_the_figures_of_the_pos_or_are_named(live: Shop) -> None:
    native = live.sell_at_aura("7")
    told = [LastOrder(f"P-{number}", number, 1250, 0, 0, False) for number in ("1041", "A-1042", "#0007")]
    pushed = [LastOrder("W-1", "7", 1250, 0, 0, False, f"aura:{native}")]
    assert recheck_orders(live.connection, live.location, [*told, *pushed]) == []
    live.connection.execute(
        "UPDATE aura.orders SET final_amount_cents = 1249 WHERE source_id = 'P-1041' AND location_id = %s",
        [live.location],
    )
    live.connection.execute(
        "UPDATE aura.orders SET deleted_at = now() WHERE source_id = 'P-A-1042' AND location_id = %s", [live.location]
    )
    live.connection.execute(
        "UPDATE aura.orders SET is_voided = true WHERE source_id = 'P-#0007' AND location_id = %s", [live.location]
    )
    assert recheck_orders(
        live.connection, live.location, [*told, *pushed, LastOrder("W-2", "8", 1, 0, 0, False, "aura:0")]
    ) == [
        "order 1041 has total_cents 1249 instead of 1250",
        "order A-1042 is missing",
        "order #0007 has is_voided True instead of False",
        "order 8 is missing",
    ]
