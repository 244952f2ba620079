"""Writing to Toast: orders, their payment and voiding, and the state of stock. Menus cannot be written through Toast's API.

What a line has to name besides its item (menu group, modifier groups) is read from the published menus. Standard API access
only reads. A client that may write orders sees only its own, so an order is looked for among those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from aura_migration.core.errors import BadInput, Refused
from aura_migration.core.money import minor_digits, show
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import Conflict, MalformedBody, NotFound, Rejected, Transient
from aura_migration.pos.http.retry import ONCE, RetryPolicy
from aura_migration.pos.toast import document as menus
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.calls import POS, RESTAURANT_HEADER, RETRY, ToastCalls
from aura_migration.pos.toast.document import Document, Place
from aura_migration.pos.writing import (
    NewLine,
    NewModifier,
    NewOrder,
    NewPayment,
    StockLevel,
    StockState,
    WriteRights,
    WrittenOrder,
    no_tender,
)

NEW_ORDER = "/orders/v2/orders"
VOID = "/orders/v2/orders/{guid}/void"
PAYMENTS = "/orders/v2/orders/{guid}/checks/{check}/payments"
STOCK_UPDATE = "/stock/v1/inventory/update"
NEEDED = {
    "orders": ("orders.orders:write",),
    "cancelling": ("orders:void", "orders.channel:void"),
    "stock": ("stock:write",),
    "payments": ("orders.payments:write",),
}
CREATED_WITHIN = timedelta(minutes=10)
"""How far Toast's clock may be behind ours when an order is looked for."""
PAGE = 100
WITHOUT_GUEST = "DINE_IN"
"""The behaviour of dining options whose orders name no guest."""
STOCK_STATES: dict[StockState, str] = {"in_stock": "IN_STOCK", "out_of_stock": "OUT_OF_STOCK", "quantity": "QUANTITY"}
WRITES = RetryPolicy(advice_headers=RETRY.advice_headers, max_attempts=4, total_budget=60.0)


class ToastWriter:
    """See ``pos.writing.Writer``. Safe to repeat: Toast refuses an external id a second time, and the order is looked for."""

    can_set: frozenset[StockState] = frozenset({"in_stock", "out_of_stock"})

    async def rights(self, session: ToastCalls, location: str) -> WriteRights:
        """By the scopes in the token."""
        scopes = await session.scopes()
        if scopes is None:
            silent = "the token does not say what it may do, and trying would change something"
            return WriteRights(None, None, None, None, dict.fromkeys(NEEDED, silent))
        held = {right: [scope for scope in wanted if scope in scopes] for right, wanted in NEEDED.items()}
        told = {
            right: f"the token names {found[0]}" if found else f"the token does not name {' or '.join(NEEDED[right])}"
            for right, found in held.items()
        }
        may = {right: bool(found) for right, found in held.items()}
        return WriteRights(may["orders"], may["cancelling"], may["stock"], may["payments"], told)

    async def create_order(self, session: ToastCalls, location: str, order: NewOrder, at: datetime) -> WrittenOrder:
        """The external id keeps an order from being made twice: where Toast refuses it, the one that has it is answered."""
        there = await self.find_order(session, location, order.reference, at - timedelta(days=1))
        if there is not None:
            return there
        document = await self._document(session, location)
        body = {
            "entityType": "Order",
            "externalId": order.reference,
            "diningOption": {"guid": order.order_type_key.rsplit("/", 1)[-1] or await self._counter(session, location)},
            "checks": [
                {
                    "entityType": "Check",
                    "selections": [_selection(document, line) for line in order.lines],
                    **({"tabName": order.note} if order.note else {}),
                },
            ],
        }
        try:
            response = await self._send(session, "POST", NEW_ORDER, location, body)
        except (Rejected, Conflict):
            there = await self.find_order(session, location, order.reference, at - timedelta(days=1))
            if there is None:
                raise
            return there
        return _written(_order(response), order.currency)

    async def find_order(
        self, session: ToastCalls, location: str, reference: str, since: datetime
    ) -> WrittenOrder | None:
        """Orders cannot be asked for by external id: those changed since are looked through."""
        begin = since - CREATED_WITHIN
        # No order has changed later than now; Toast wants an end, and an instant to come does no harm.
        window = {"startDate": _instant(begin), "endDate": _instant(begin + timedelta(days=30)), "pageSize": str(PAGE)}
        for number in range(1, 10_000):
            response = await session.get(paths.ORDERS, location, {**window, "page": str(number)})
            rows = response.json(decimals=True)
            for row in rows:
                if row.get("externalId") == reference:
                    return None if row.get("deleted") else _written(row, await self._currency(session, location))
            if len(rows) < PAGE:
                break
        return None

    async def read_order(self, session: ToastCalls, location: str, key: str) -> WrittenOrder | None:
        """One order by its guid."""
        try:
            found = _order(await session.get(paths.ORDER.format(guid=key), location))
        except NotFound:
            return None
        return None if found.get("deleted") else _written(found, await self._currency(session, location))

    async def cancel_order(self, session: ToastCalls, location: str, key: str) -> None:
        """Void the order with everything on it."""
        found = await self.read_order(session, location, key)
        if found is None or found.state == "cancelled":
            return
        if found.state == "paid":
            raise Refused(f"Toast's order {key} was paid: it is refunded by hand.", "Refund it in Toast.")
        body = {"selections": {"voidAll": True}, "payments": {"voidAll": True}}
        try:
            await self._send(session, "POST", VOID.format(guid=key), location, body)
        except (Rejected, Conflict):
            after = await self.read_order(session, location, key)
            if after is not None and after.state != "cancelled":
                raise

    async def pay_order(self, session: ToastCalls, location: str, key: str, payment: NewPayment) -> None:
        """As one of the restaurant's own payment types, which is not a card's. A lost answer is looked up, not sent again."""
        found = _order(await session.get(paths.ORDER.format(guid=key), location))
        if _written(found, payment.currency).state != "open":
            return
        rows = (await session.listing(paths.CONFIG.format(name="alternatePaymentTypes"), location)).rows
        wanted = payment.tender.casefold()
        named = next((r for r in rows if str(r.get("name")).casefold() == wanted and not r.get("deleted")), None)
        if named is None:
            raise no_tender("Toast", payment.tender)
        check = next(one for one in found["checks"] if not one.get("deleted") and not one.get("voided"))
        body = [
            {
                "type": "OTHER",
                "otherPayment": {"guid": named["guid"]},
                "amount": float(show(payment.cents, payment.currency)),
                "tipAmount": float(show(payment.tip_cents, payment.currency)),
            }
        ]
        try:
            await self._send(
                session, "POST", PAYMENTS.format(guid=key, check=check["guid"]), location, body, retry=ONCE
            )
        except Transient:
            after = await self.read_order(session, location, key)
            if after is None or after.state != "paid":
                raise

    async def read_stock(
        self, session: ToastCalls, location: str, things: Sequence[tuple[str, str]]
    ) -> list[StockLevel]:
        """The state Toast keeps of items; a size has the state of the item it is an option of."""
        document = await self._document(session, location)
        guids = [_stock_guid(document, item, variation) for item, variation in things]
        body = {"guids": sorted(set(guids)), "multiLocationIds": []}
        rows = (await session.search(paths.INVENTORY_SEARCH, location, body)).json(decimals=True)
        held = {str(row.get("guid")): row for row in rows if row.get("itemGuidValidity") != "INVALID"}
        found = []
        for (item, variation), guid in zip(things, guids, strict=True):
            row = held.get(guid)
            if row is None:
                raise BadInput(
                    f"Toast keeps no stock of {item}: it knows no such item.", "Follow the POS, then try again."
                )
            state: StockState = next(
                (ours for ours, theirs in STOCK_STATES.items() if theirs == row.get("status")), "in_stock"
            )
            quantity = Decimal(str(row["quantity"])) if row.get("quantity") is not None else None
            found.append(StockLevel(item, variation, state, quantity, state == "quantity"))
        return found

    async def set_stock(
        self, session: ToastCalls, location: str, levels: Sequence[StockLevel], at: datetime, idempotency_key: str
    ) -> None:
        """States are set as a whole: said again they are the same. A count of nothing is out of stock."""
        document = await self._document(session, location)
        rows: list[dict[str, Any]] = []
        for level in levels:
            row: dict[str, Any] = {"guid": _stock_guid(document, level.item_key, level.variation_key)}
            if level.is_out:
                row["status"] = STOCK_STATES["out_of_stock"]
            elif level.state == "quantity" and level.quantity is not None:
                row |= {"status": STOCK_STATES["quantity"], "quantity": float(level.quantity)}
            else:
                row["status"] = STOCK_STATES["in_stock"]
            rows.append(row)
        await self._send(session, "PUT", STOCK_UPDATE, location, rows)

    # Calls ----------------------------------------------------------------------------------------------------------

    async def _send(
        self, session: ToastCalls, method: str, path: str, location: str, body: Any, retry: RetryPolicy | None = None
    ) -> PosResponse:
        headers = {RESTAURANT_HEADER: location}
        return await session.client.request(
            method, path, json=body, headers=headers, limit_scope=location, retry=retry or WRITES
        )

    async def _document(self, session: ToastCalls, location: str) -> Document:
        return menus.read([(await session.get(paths.MENUS, location)).content])

    async def _currency(self, session: ToastCalls, location: str) -> str:
        general = (await session.get(paths.RESTAURANT.format(guid=location), location)).json().get("general") or {}
        return str(general.get("currencyCode") or "USD")

    async def _counter(self, session: ToastCalls, location: str) -> str:
        """A dining option whose orders name no guest."""
        listing = await session.listing(paths.CONFIG.format(name="diningOptions"), location)
        found = next(
            (row for row in listing.rows if row.get("behavior") == WITHOUT_GUEST and not row.get("deleted")), None
        )
        if found is None:
            raise BadInput(
                "The restaurant has no dining option for dining in, and any other wants a guest's name and number.",
                "Set one up in Toast, or name the dining option.",
            )
        return str(found["guid"])


def _order(response: PosResponse) -> Mapping[str, Any]:
    """The order of an answer, which is documented bare and in a list of one."""
    found = response.json(decimals=True)
    if isinstance(found, Mapping) and isinstance(found.get("orders"), list) and found["orders"]:
        found = found["orders"][0]
    if not isinstance(found, Mapping) or not found.get("guid"):
        raise MalformedBody(
            "the answer holds no order", pos=POS, method=response.method, path=response.path, retryable=False
        )
    return found


def _written(order: Mapping[str, Any], currency: str) -> WrittenOrder:
    checks = [check for check in order.get("checks") or () if not check.get("deleted")]
    scale = 10 ** minor_digits(currency)
    is_void = bool(order.get("voided")) or (bool(checks) and all(check.get("voided") for check in checks))
    paid = any(
        payment.get("paymentStatus") not in ("VOIDED", "DENIED", "CANCELLED") and payment.get("amount")
        for check in checks
        for payment in check.get("payments") or ()
    )

    def cents(name: str) -> int:
        total = sum((Decimal(str(check.get(name) or 0)) for check in checks), Decimal(0))
        return int((total * scale).to_integral_value())

    return WrittenOrder(
        key=str(order["guid"]),
        reference=str(order.get("externalId") or ""),
        state="cancelled" if is_void else "paid" if paid else "open",
        total_cents=cents("totalAmount"),
        tax_cents=cents("taxAmount"),
        lines=sum(len([one for one in check.get("selections") or () if not one.get("voided")]) for check in checks),
    )


def _selection(document: Document, line: NewLine) -> dict[str, Any]:
    place = _place(document, line)
    group = document.categories[place.category_key].group
    chosen = list(line.modifiers)
    if line.variation_key:
        pricing = place.item.pricing_rules
        size_group = pricing.size_specific_pricing_guid if pricing is not None else None
        groups = [g for _, g in document.groups_of(place.item) if g.guid == size_group]
        if not groups:
            raise _unknown(line.variation_key, line.item_key)
        chosen.insert(0, NewModifier(f"{groups[0].key}/{line.variation_key.rsplit('/', 1)[-1]}"))
    refs = [ref for ref, _ in document.groups_of(place.item)]
    return {
        "entityType": "MenuItemSelection",
        "itemGroup": {"guid": group.guid},
        "item": {"guid": place.item.guid},
        "quantity": line.quantity,
        "modifiers": list(_modifiers(document, refs, chosen, line)),
    }


def _modifiers(
    document: Document, refs: Sequence[int], chosen: Sequence[NewModifier], line: NewLine
) -> Iterator[dict[str, Any]]:
    for one in chosen:
        group_key, _, option_key = one.key.partition("/")
        for ref in refs:
            if document.groups[ref].key != group_key:
                continue
            for option_ref, option in document.options_of(ref):
                if option.key == option_key:
                    below = [inner for inner, _ in document.nested_of(option_ref)]
                    for _ in range(one.quantity):  # a modifier's quantity is the line's
                        yield {
                            "entityType": "MenuItemSelection",
                            "optionGroup": {"guid": document.groups[ref].guid},
                            "item": {"guid": option.guid},
                            "quantity": line.quantity,
                            "modifiers": list(_modifiers(document, below, one.chosen, line)),
                        }
                    break
            else:
                continue
            break
        else:
            raise _unknown(one.key, line.item_key)


def _place(document: Document, line: NewLine) -> Place:
    places = document.items.get(line.item_key, [])
    found = next((place for place in places if line.category_key in ("", place.category_key)), None)
    if found is None:
        raise _unknown(line.item_key, line.category_key or "the menus")
    return found


def _unknown(key: str, where: str) -> BadInput:
    return BadInput(
        f"Toast's published menus hold no {key} with {where}.",
        "Follow the POS, so that AuraConnect has its menu, and try again.",
    )


def _stock_guid(document: Document, item_key: str, variation_key: str) -> str:
    """Whose stock it is: the item's, of a size the item's that the size option refers to."""
    places = document.items.get(item_key, [])
    if not places:
        raise _unknown(item_key, "the menus")
    if variation_key:
        wanted = variation_key.rsplit("/", 1)[-1]
        for place in places:
            for ref, _ in document.groups_of(place.item):
                for _, option in document.options_of(ref):
                    if option.key == wanted:
                        return option.guid
        raise _unknown(variation_key, item_key)
    return places[0].item.guid


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000%z")


WRITER = ToastWriter()
