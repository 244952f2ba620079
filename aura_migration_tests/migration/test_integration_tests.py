"""A location is tried out against its POS: an order there and back, stock both ways, payments, reports; and nothing stays."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from aura_migration.core.errors import AuraError
from aura_migration.migration import stages
from aura_migration.migration.integration_tests import TestResult, run_integration_tests
from aura_migration.migration.integration_tests.ordering import plan_order
from aura_migration.migration.integration_tests.results import READ_ONLY
from aura_migration.migration.window.import_files import import_files
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.square.writing import SquareWriter
from aura_migration.pos.writing import NewOrder, WrittenOrder, writer_of
from aura_migration_tests.support.live import LiveWorld, open_live

__all__ = ["open_live"]


class Killed(BaseException):
    """The process ends here."""


class Tried:
    """A café with its window open, and what its POS holds of ours."""

    def __init__(self, world: LiveWorld) -> None:
        self.world = world

    def run(self) -> dict[str, TestResult]:
        at = self.world.now
        found = run_integration_tests(self.world.at(at), self.world.migration_id, "test", at)
        return {one.name: one for one in found}

    def at_pos(self, work: Callable[[Any, Any, str], Any]) -> Any:
        """Do something with the POS's writer: ``work(writer, session, location)``."""
        migration = self.world.migration
        connector = self.world.workshop.connector(migration.subject.pos)
        writer = writer_of(connector)

        async def run() -> Any:
            async with Buckets.in_memory() as buckets:
                account = self.world.workshop.account(migration.integration_id, self.world.sandbox.base_url, buckets)
                async with connector.open(account) as session:
                    return await work(writer, session, migration.subject.location_source_id)

        return asyncio.run(run())

    def evidence(self, name: str = "order_flow") -> dict[str, Any]:
        """What is stored of the newest test of a name."""
        found: dict[str, Any] = self.world.one(
            "SELECT evidence FROM migration.integration_tests WHERE name = %s ORDER BY id DESC LIMIT 1", name
        )
        return found

    def state_of(self, key: str) -> str:
        found: WrittenOrder | None = self.at_pos(lambda writer, session, place: writer.read_order(session, place, key))
        return "gone" if found is None else found.state

    def gate(self) -> tuple[bool | None, str]:
        found: tuple[bool | None, str] = self.world.one(
            "SELECT passed, value FROM migration.gates WHERE migration_id = %s AND name = 'integration_tests'",
            self.world.migration_id,
        )
        return found

    def verified(self) -> bool | None:
        verdict = stages.verify(self.world.at(), self.world.migration_id, "test")
        assert verdict.passed, [(f.entity, f.source_key, f.cause) for f in verdict.findings if f.is_blocking]
        return verdict.passed

    def imported(self, key: str) -> int:
        found: int = self.world.one("SELECT count(*) FROM aura.orders WHERE source_id = %s", key)
        return found


def test_a_location_is_tried_out_and_nothing_stays_behind(
    open_live: Callable[..., LiveWorld],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = Tried(open_live("square"))
    world = tried.world
    levels = "SELECT count(*) FROM aura.inventory WHERE location_id = %s AND deleted_at IS NULL"
    found = tried.run()
    assert {name: one.passed for name, one in found.items()} == {
        "order_flow": True,
        "inventory_from_pos": True,
        "inventory_to_pos": True,
        "payments": True,
        "reporting": True,
    }, found
    assert found["inventory_from_pos"].evidence["compared"] == world.one(levels, world.location_id)
    assert found["inventory_to_pos"].evidence["sold_out"] == 1
    assert tried.gate() == (True, "5 of 5 tests passed")
    first = tried.evidence()
    assert first["state"] == "cleaned" and first["pos_tax_cents"] == first["tax_cents"] > 0
    assert " with " in first["order"]  # something was chosen with it
    assert tried.state_of(first["key"]) == "cancelled"

    # Killed after the order was made, and before anything of it was noted but its reference.
    create = SquareWriter.create_order

    async def killed(self: SquareWriter, *given: Any) -> WrittenOrder:
        await create(self, *given)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SquareWriter, "create_order", killed)
        with pytest.raises(Killed):
            tried.run()
    left = tried.evidence()
    assert left["state"] == "asked" and "key" not in left
    reference, since = left["reference"], world.now - timedelta(hours=1)
    open_order = tried.at_pos(lambda writer, session, place: writer.find_order(session, place, reference, since))
    assert open_order.state == "open"

    # Meanwhile the POS is followed: neither test order becomes a sale, and the verdict knows why they are missing.
    world.wait_until(world.now + timedelta(minutes=5))
    world.follow()
    assert (tried.imported(open_order.key), tried.imported(first["key"])) == (0, 0)
    reasons = world.one(
        "SELECT history -> 'reasons' -> 'orders' FROM migration.plans WHERE migration_id = %s AND history IS NOT NULL ORDER BY id DESC LIMIT 1",
        world.migration_id,
    )
    assert reasons == {"unpaid order of the integration tests": 2}
    tried.verified()
    skipped = world.one(
        "SELECT evidence -> 'twins' FROM migration.gates WHERE migration_id = %s AND name = 'orders_complete'",
        world.migration_id,
    )
    assert skipped == {"orders": 2}

    # Stock was set and not set back, either; the next run cleans both up.
    restored = SquareWriter.set_stock

    async def only_once(self: SquareWriter, session: Any, place: str, wanted: Any, at: Any, key: str) -> None:
        if key.endswith(":back"):
            raise Killed
        await restored(self, session, place, wanted, at, key)

    with monkeypatch.context() as patched:
        patched.setattr(SquareWriter, "set_stock", only_once)
        with pytest.raises(Killed):
            tried.run()
    assert tried.state_of(open_order.key) == "cancelled"  # swept by the run that was killed later
    assert tried.evidence("inventory_to_pos")["state"] == "asked"
    again = tried.run()
    assert [one.passed for one in again.values()] == [True] * 5, again
    states = world.rows(
        "SELECT DISTINCT evidence ->> 'state' FROM migration.integration_tests WHERE evidence ? 'state'"
    )
    assert states == [("cleaned",)]

    # A price that AuraConnect has otherwise is found, and the order cancelled all the same; so is
    world.connection.execute("UPDATE aura.menu_items SET price_cents = price_cents + 1 WHERE price_type = 'fixed'")
    world.connection.execute(
        "UPDATE aura.menu_item_location_overrides SET price_cents = price_cents + 1 WHERE price_cents IS NOT NULL"
    )
    # what is sold out on one side only, a payment of another amount, a report that says something else.
    world.connection.execute(
        "UPDATE aura.inventory SET status = 'out_of_stock', quantity = 0 WHERE id = (SELECT min(id) FROM aura.inventory)"
    )
    world.connection.execute(
        "UPDATE aura.payments SET amount_cents = amount_cents + 1 WHERE id = (SELECT max(id) FROM aura.payments "
        "WHERE status = 'completed' AND source_id IS NOT NULL)"
    )
    wrong = tried.run()
    assert {name for name, one in wrong.items() if one.passed is False} == {
        "order_flow",
        "inventory_from_pos",
        "payments",
        "reporting",
    }
    assert "of another amount or tip" in wrong["payments"].value and "at the POS" in wrong["order_flow"].value
    assert tried.state_of(tried.evidence()["key"]) == "cancelled"
    assert tried.gate()[0] is False

    # With credentials that only read, what would have to be written is not proven, and said so.
    tried.world.connect_as("read_only")
    reading = tried.run()
    assert (reading["order_flow"].passed, reading["order_flow"].value) == (None, READ_ONLY)
    assert (reading["inventory_to_pos"].passed, reading["inventory_to_pos"].value) == (None, READ_ONLY)


def test_an_order_that_auraconnect_pushed_to_the_pos_is_one_sale(
    open_live: Callable[..., LiveWorld],
) -> None:
    tried = Tried(open_live("square"))
    world = tried.world
    world.open_doors()
    migration = world.migration
    wanted = plan_order(
        world.connection, migration.integration_id, migration.restaurant_id, world.location_id, "square"
    )
    native: int = world.one(
        "INSERT INTO aura.orders (restaurant_id, location_id, origin, channel, business_date, currency, status, business_date_rule, "
        "opened_at, subtotal_cents, final_amount_cents, tax_amount_cents) VALUES (%s, %s, 'aura_native', 'in_house', %s, 'USD', "
        "'completed', 'closed', %s, %s, %s, %s) RETURNING id",
        migration.restaurant_id,
        world.location_id,
        world.rule.day(world.now),
        world.now,
        wanted.total_cents - wanted.tax_cents,
        wanted.total_cents,
        wanted.tax_cents,
    )
    order = NewOrder(f"aura:{native}", wanted.lines, wanted.currency)
    pushed = tried.at_pos(lambda writer, session, place: writer.create_order(session, place, order, world.now))
    assert (pushed.total_cents, pushed.reference) == (wanted.total_cents, f"aura:{native}")
    answer = httpx.post(
        f"{world.sandbox.base_url}/_control/edit", json={"op": "pay", "order": pushed.key, "tender": "visa"}
    )
    assert answer.is_success, answer.text
    with pytest.raises(AuraError, match="was paid"):
        tried.at_pos(lambda writer, session, place: writer.cancel_order(session, place, pushed.key))
    world.wait_until(world.now + timedelta(minutes=5))
    world.follow()
    assert tried.imported(pushed.key) == 0
    assert world.one("SELECT external_id FROM aura.orders WHERE id = %s", native) == pushed.key
    reasons = world.one(
        "SELECT history -> 'reasons' FROM migration.plans WHERE migration_id = %s AND history IS NOT NULL ORDER BY id DESC LIMIT 1",
        world.migration_id,
    )
    assert reasons == {
        "orders": {"twin of an AuraConnect order": 1},
        "payments": {"twin of an AuraConnect order": 1},
    }
    tried.verified()


def test_the_menu_as_it_stands_goes_into_the_files_of_the_pos(
    open_live: Callable[..., LiveWorld],
) -> None:
    world = open_live("square")
    (file,) = import_files(world.connection, world.migration_id)
    rows = list(csv.DictReader(io.StringIO(file.text)))
    variations = {row["Token"]: row for row in rows if row["Variation Name"] != "Regular"}
    sold = world.rows(
        "SELECT k.source_key, v.price_cents FROM aura.menu_item_variations v JOIN migration.crosswalk k ON k.aura_id = v.id "
        "AND k.entity = 'variations' WHERE v.deleted_at IS NULL AND v.price_cents IS NOT NULL"
    )
    assert sold and {key for key, _ in sold} <= set(variations)
    assert all(variations[key]["Price"] == f"{cents / 100:.2f}" for key, cents in sold)
    items = world.one("SELECT count(*) FROM aura.menu_items WHERE deleted_at IS NULL")
    assert len({row["Item Name"] for row in rows}) == items
    assert any(
        row["Token"] and value == "Y" for row in rows for name, value in row.items() if name.startswith("Tax - ")
    )
