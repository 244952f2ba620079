"""Orders and stock are written to each POS so that saying it again changes nothing, and nothing is assumed of rights."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aura_migration.core.errors import BadInput, Refused
from aura_migration.pos.http.errors import PermissionMissing, PosError
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.http.tokens import MemoryStore
from aura_migration.pos.port import Account
from aura_migration.pos.registry import connector
from aura_migration.pos.writing import NewLine, NewModifier, NewOrder, NewPayment, StockLevel, Writer, writer_of
from aura_migration.sandbox.core.server import RunningSandbox, serve

NOW = datetime(2026, 10, 1, 15, tzinfo=UTC)
ALL_RIGHTS = {"square": "read_write", "toast": "writing", "clover": "read_write"}
READING = {"square": "read_only", "toast": "standard", "clover": "read_only"}
ORDER_PATHS = {
    "square": "/v2/orders",
    "toast": "/orders/v2/orders",
    "clover": "/atomic_order/orders",
}


PAYMENT_PATHS = {
    "square": "/v2/payments",
    "toast": "/orders/v2/orders/[^/]+/checks/[^/]+/payments",
    "clover": "/orders/[^/]+/payments",
}
TENDERS = {"square": "AuraConnect", "toast": "House tab", "clover": "House account"}


@dataclass
class Desk:
    """One sandbox and sessions on it."""

    pos: str
    sandbox: RunningSandbox

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, f"{self.sandbox.base_url}/_control/{path}", json=body, timeout=30)
        return answer.raise_for_status().json()

    def work(self, what: Callable[[Writer, Any, str], Awaitable[Any]], variant: str = "") -> Any:
        """Run ``what(writer, session, location)`` with credentials that may do everything, or those of a variant."""
        one = connector(self.pos)
        writer = writer_of(one)
        assert writer is not None
        document = self.control("GET", "credentials")["variants"][variant or ALL_RIGHTS[self.pos]]
        reading = self.control("GET", "credentials")["variants"][READING[self.pos]]

        async def run() -> Any:
            async with Buckets.in_memory() as buckets:

                def account(given: Any) -> Account:
                    return Account(1, self.sandbox.base_url, MemoryStore(1, one.parse_credentials(given)), buckets)

                async with one.open(account(reading)) as session:
                    found = await session.discover()
                async with one.open(account(document)) as session:
                    return await what(writer, session, found.locations[0].source_id)

        return asyncio.run(run())

    def order(self, reference: str) -> NewOrder:
        """Two of an item, one of them with a choice, as the POS's own menu has them."""
        made = self.work(lambda writer, session, place: MENUS[self.pos](session, place, reference), READING[self.pos])
        assert isinstance(made, NewOrder)
        return made


async def _square(session: Any, place: str, reference: str) -> NewOrder:
    answer = await session.request("POST", "/v2/catalog/search", json={"object_types": ["ITEM", "MODIFIER_LIST"]})
    objects = answer.json()["objects"]
    lists = {one["id"]: one["modifier_list_data"] for one in objects if one["type"] == "MODIFIER_LIST"}
    for item in (one for one in objects if one["type"] == "ITEM"):
        data = item["item_data"]
        asked = [
            one
            for one in data.get("modifier_list_info") or ()
            if lists.get(one["modifier_list_id"], {}).get("modifiers")
        ]
        if len(data["variations"]) == 1 and asked and data["variations"][0]["item_variation_data"].get("price_money"):
            chosen = lists[asked[0]["modifier_list_id"]]["modifiers"][0]["id"]
            modifier = NewModifier(f"{asked[0]['modifier_list_id']}/{chosen}")
            return NewOrder(reference, (NewLine(item["id"], 1, "", (modifier,)), NewLine(item["id"], 2)), "USD")
    raise AssertionError("the café has no item with a choice")


async def _toast(session: Any, place: str, reference: str) -> NewOrder:
    from aura_migration.pos.toast import document as menus

    found = menus.read([(await session.get("/menus/v2/menus", place)).content])
    for key, places in found.items.items():
        groups = list(found.groups_of(places[0].item))
        if (
            places[0].item.pricing_strategy == "BASE_PRICE"
            and len(groups) == 1
            and (groups[0][1].min_selections or 0) <= 1
        ):
            ref, group = groups[0]
            option = next(one for _, one in found.options_of(ref) if not one.modifier_group_references)
            line = NewLine(key, 1, "", (NewModifier(f"{group.key}/{option.key}"),))
            return NewOrder(reference, (line, replace(line, quantity=2)), "USD")
    raise AssertionError("the café has no item with a choice")


async def _clover(session: Any, place: str, reference: str) -> NewOrder:
    page = await session.site(place).page("/items", {"expand": "modifierGroups", "limit": 100})
    groups = await session.site(place).page("/modifier_groups", {"expand": "modifiers", "limit": 100})
    options = {row["id"]: [one["id"] for one in row["modifiers"]["elements"]] for row in groups.rows}
    for item in page.rows:
        asked = [one["id"] for one in (item.get("modifierGroups") or {}).get("elements", ())]
        if len(asked) == 1 and options.get(asked[0]) and item.get("priceType") == "FIXED" and not item.get("hidden"):
            modifier = NewModifier(f"{place}/{asked[0]}/{options[asked[0]][0]}")
            key = f"{place}/{item['id']}"
            return NewOrder(reference, (NewLine(key, 1, "", (modifier,)), NewLine(key, 2, "", (modifier,))), "USD")
    raise AssertionError("the café has no item with a choice")


MENUS: dict[str, Callable[[Any, str, str], Awaitable[NewOrder]]] = {
    "square": _square,
    "toast": _toast,
    "clover": _clover,
}


@contextmanager
def _desk(pos: str) -> Iterator[Desk]:
    more = {"history": True} if pos == "toast" else {}
    with serve(pos, "cafe", 1, limits="off", now=NOW.isoformat(), **more) as sandbox:
        yield Desk(pos, sandbox)


@pytest.fixture(scope="module", params=["square", "toast", "clover"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with _desk(request.param) as made:
        yield made


def test_an_order_said_twice_is_one_order_and_can_be_cancelled_twice(desk: Desk) -> None:
    order = replace(desk.order("aura:test:0001"), note="taken elsewhere, not for the kitchen")

    async def tried(writer: Writer, session: Any, place: str) -> None:
        assert await writer.find_order(session, place, order.reference, NOW - timedelta(hours=1)) is None
        made = await writer.create_order(session, place, order, NOW)
        again = await writer.create_order(session, place, order, NOW)
        assert again.key == made.key and (made.state, made.reference) == ("open", order.reference)
        found = await writer.find_order(session, place, order.reference, NOW - timedelta(hours=1))
        read = await writer.read_order(session, place, made.key)
        assert found is not None and read is not None
        assert (found.key, read.key, read.total_cents) == (made.key, made.key, found.total_cents)
        assert read.total_cents > read.tax_cents > 0
        for _ in range(2):
            await writer.cancel_order(session, place, made.key)
        after = await writer.read_order(session, place, made.key)
        assert after is None or after.state == "cancelled"
        assert await writer.read_order(session, place, "00000000-0000-4000-8000-000000000000") is None

    desk.work(tried)


def test_an_answer_that_is_lost_leads_to_the_order_that_was_made(desk: Desk) -> None:
    order = desk.order("aura:test:0002")
    desk.control(
        "POST", "faults", {"kind": "reset", "match": ORDER_PATHS[desk.pos] + "$", "times": 1, "method": "POST"}
    )

    async def tried(writer: Writer, session: Any, place: str) -> None:
        made = await writer.create_order(session, place, order, NOW)
        again = await writer.create_order(session, place, order, NOW)
        assert made.key == again.key
        await writer.cancel_order(session, place, made.key)

    try:
        desk.work(tried)
        assert [one["fired"] for one in desk.control("GET", "faults")["faults"]] == [1]
    finally:
        desk.control("DELETE", "faults")


async def _payments(desk: Desk, session: Any, place: str, key: str) -> list[tuple[int, int]]:
    """The payments of an order as the POS tells them: amount without tip, tip."""
    if desk.pos == "square":
        tenders = (await session.request("GET", f"/v2/orders/{key}")).json()["order"]["tenders"]
        paid = [(await session.request("GET", f"/v2/payments/{one['id']}")).json()["payment"] for one in tenders]
        return [(one["amount_money"]["amount"], one["tip_money"]["amount"]) for one in paid]
    if desk.pos == "toast":
        order = (await session.get(f"/orders/v2/orders/{key}", place)).json(decimals=True)
        rows = [one for check in order["checks"] for one in check["payments"]]
        return [(int(one["amount"] * 100), int(one["tipAmount"] * 100)) for one in rows]
    _, order = await session.site(place).object(f"/orders/{key}", {"expand": "payments"})
    return [(int(one["amount"]), int(one["tipAmount"])) for one in order["payments"]["elements"]]


def test_that_an_order_was_paid_elsewhere_is_recorded_once_whatever_is_lost(desk: Desk) -> None:
    order = desk.order("aura:0006")
    desk.control(
        "POST", "faults", {"kind": "reset", "match": PAYMENT_PATHS[desk.pos] + "$", "times": 1, "method": "POST"}
    )

    async def tried(writer: Writer, session: Any, place: str) -> None:
        made = await writer.create_order(session, place, order, NOW)
        payment = NewPayment(made.total_cents, 250, "USD", TENDERS[desk.pos])
        for _ in range(2):  # as a process that died in between would
            assert (await writer.create_order(session, place, order, NOW)).key == made.key
            await writer.pay_order(session, place, made.key, payment)
        found = await writer.read_order(session, place, made.key)
        assert found is not None and (found.state, found.total_cents) == ("paid", made.total_cents)
        assert await _payments(desk, session, place, made.key) == [(made.total_cents, 250)]
        with pytest.raises(Refused, match="was paid"):
            await writer.cancel_order(session, place, made.key)

    try:
        desk.work(tried)
        assert [one["fired"] for one in desk.control("GET", "faults")["faults"]] == [1]
    finally:
        desk.control("DELETE", "faults")


def test_a_payment_without_its_tender_or_right_is_refused_and_the_order_stays_open(desk: Desk) -> None:
    order = desk.order("aura:0007")

    async def made(writer: Writer, session: Any, place: str) -> Any:
        return await writer.create_order(session, place, order, NOW)

    there = desk.work(made)

    async def tried(writer: Writer, session: Any, place: str) -> None:
        with pytest.raises((Refused, PermissionMissing)):
            await writer.pay_order(session, place, there.key, NewPayment(there.total_cents, 0, "USD", "No such tender"))
        found = await writer.read_order(session, place, there.key)
        assert found is not None and found.state == "open"

    # Square needs no tender set up; there the right is missing.
    desk.work(tried, READING["square"] if desk.pos == "square" else "")


def test_what_may_be_written_is_shown_and_the_rest_is_refused(desk: Desk) -> None:
    async def rights(writer: Writer, session: Any, place: str) -> Any:
        return await writer.rights(session, place)

    every, none = desk.work(rights), desk.work(rights, READING[desk.pos])
    assert (every.orders, every.cancelling, every.stock, every.payments, every.is_read_only) == (*[True] * 4, False)
    assert (none.orders, none.cancelling, none.stock, none.payments, none.is_read_only) == (*[False] * 4, True)
    assert set(none.evidence) == {"orders", "cancelling", "stock", "payments"} and all(none.evidence.values())
    order = desk.order("aura:test:0003")

    async def tried(writer: Writer, session: Any, place: str) -> None:
        with pytest.raises(PermissionMissing):
            await writer.create_order(session, place, order, NOW)
        assert await writer.find_order(session, place, order.reference, NOW - timedelta(hours=1)) is None

    desk.work(tried, READING[desk.pos])


def test_stock_is_set_as_a_level_and_read_back(desk: Desk) -> None:
    order = desk.order("aura:test:0004")
    item = order.lines[0].item_key

    async def tried(writer: Writer, session: Any, place: str) -> None:
        (before,) = await writer.read_stock(session, place, [(item, "")])
        assert (before.item_key, before.is_out) == (item, False)
        counted = StockLevel(item, "", "quantity", Decimal(7), True)
        for _ in range(2):  # a level, never an addition
            await writer.set_stock(session, place, [counted], NOW, "test:1")
        (found,) = await writer.read_stock(session, place, [(item, "")])
        if found.state == "quantity":  # an item that is not counted down keeps selling, whatever was counted
            assert found.quantity == Decimal(7)
        if "out_of_stock" in writer.can_set:
            await writer.set_stock(
                session, place, [replace(counted, state="out_of_stock", quantity=None)], NOW, "test:2"
            )
            (gone,) = await writer.read_stock(session, place, [(item, "")])
            assert gone.is_out
            await writer.set_stock(session, place, [StockLevel(item, "", "in_stock")], NOW, "test:3")
            (back,) = await writer.read_stock(session, place, [(item, "")])
            assert not back.is_out
        else:
            with pytest.raises(BadInput, match="counts only"):
                await writer.set_stock(session, place, [StockLevel(item, "", "in_stock")], NOW, "test:3")

    desk.work(tried)


def test_a_thing_the_pos_does_not_have_is_named(desk: Desk) -> None:
    unknown = NewOrder("aura:test:0005", (NewLine("NOSUCHITEM000"),), "USD")

    async def tried(writer: Writer, session: Any, place: str) -> None:
        with pytest.raises((BadInput, PosError), match=r"NOSUCHITEM000|item_does_not_exist"):
            await writer.create_order(session, place, unknown, NOW)

    desk.work(tried)


@pytest.mark.parametrize("reference", ["order 1", "aura:test:" + "0" * 31])
def test_a_reference_that_nobody_could_tell_for_ours_is_refused(reference: str) -> None:
    with pytest.raises(BadInput, match="cannot be written to a POS"):
        NewOrder(reference, (NewLine("item"),), "USD")
