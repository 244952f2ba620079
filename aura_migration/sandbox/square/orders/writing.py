"""Routes that write orders: create, calculate, update (a cancellation is an update), pay.

An order is written by its version: whoever sends an old one is refused and reads again. A paid order cannot be canceled, and
what is over (COMPLETED, CANCELED) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, array_of, whole
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.once import Once
from aura_migration.sandbox.square.orders.done import Done
from aura_migration.sandbox.square.orders.drafts import LONGEST, OVER_STATES, Drafter, Json, missing, rows_in, text_in
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.model import CANCELED, COMPLETED, OPEN, Fulfillment, Order, TenderUse
from aura_migration.sandbox.square.orders.render import encode
from aura_migration.sandbox.square.orders.wire import OrderWire
from aura_migration.sandbox.square.webhooks import SquareWebhooks

APPLICATION = "Sandbox application"
ORDER_KEY, PAY_KEY = 192, 192
UPDATABLE = frozenset(
    {"location_id", "version", "state", "reference_id", "ticket_name", "customer_id", "metadata", "fulfillments"}
)
CLEARABLE = ("reference_id", "ticket_name", "customer_id", "metadata")
NEVER_BACK = {"id", "created_at", "updated_at", "version", "tenders", "net_amount_due_money"}


def stamp_after(history: History, order: Order) -> int:
    """The stamp of a write made now to an order: later than its last."""
    return max(history.now(), order.updated + 1)


def is_settled(order: Order) -> bool:
    """Is every fulfillment over?"""
    return all(held.state in OVER_STATES for held in order.fulfillments)


class OrderDesk:
    """The handlers over the orders of one account."""

    def __init__(
        self,
        context: Context,
        history: History,
        wire: OrderWire,
        webhooks: SquareWebhooks,
        sold: Callable[[Order], None] = lambda _order: None,
    ) -> None:
        self._context = context
        self._sold = sold
        self._history = history
        self._wire = wire
        self._webhooks = webhooks
        self._drafter = Drafter(context.world)
        self._once = Once()

    def routes(self) -> list[Route]:
        """All of them."""

        def route(method: str, path: str, handler: Any, body: tuple[str, ...], *scopes: str) -> Route:
            return Route(path, self._context.endpoint(handler, scopes=scopes, body=body), methods=[method])

        pay = ("idempotency_key", "order_version", "payment_ids")
        update = ("order", "fields_to_clear", "idempotency_key")
        return [
            route("POST", "/v2/orders", self.create, ("order", "idempotency_key"), "ORDERS_WRITE"),
            route("POST", "/v2/orders/calculate", self.calculate, ("order", "proposed_rewards")),
            route("PUT", "/v2/orders/{order_id}", self.update, update, "ORDERS_WRITE"),
            route("POST", "/v2/orders/{order_id}/pay", self.pay, pay, "ORDERS_WRITE", "PAYMENTS_WRITE"),
        ]

    # -- shared ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _said(call: Call) -> Json:
        said = call.body.get("order")
        if said is None:
            raise missing("order")
        if not isinstance(said, dict):
            raise SquareError("EXPECTED_OBJECT", "Expected an object for order.", "order")
        return said

    def found(self, order_id: Any) -> Order:
        """The order of an id, as far as the API knows it."""
        number = self._history.of_id(str(order_id))
        if number is None or not self._history.arrived(number):
            raise SquareError("NOT_FOUND", f"Order not found for id {order_id}")
        return self._history.order(number)

    def answer(self, number: int) -> bytes:
        """`{"order": …}`."""
        return b'{"order":' + encode(self._wire.order(self._history.done(number))) + b"}"

    def write(self, order: Order, **fields: Any) -> Order:
        """Change an order as the API does: a higher version, a later stamp, and everybody is told."""
        stamp = fields.setdefault("updated", stamp_after(self._history, order))
        if fields.get("state") in (COMPLETED, CANCELED):
            fields.setdefault("closed", stamp)
        made = self._history.change(order.number, version=(order.version or 0) + 1, **fields)
        self._webhooks.order_written(self._history.marks.order(order.number), "order.updated")
        if fields.get("state") == COMPLETED:
            self._sold(made)
        return made

    # -- handlers --------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> bytes:
        """POST /v2/orders."""
        said = self._said(call)

        def work() -> bytes:
            history = self._history
            if said.get("state", OPEN) not in (OPEN, "DRAFT"):
                raise SquareError("BAD_REQUEST", "A new order is OPEN or a DRAFT.", "order.state")
            order = self._drafter.draft(said, history.now(), history.next_number(), APPLICATION)
            order.state = said.get("state", OPEN)
            number = history.write(order)
            self._webhooks.order_written(history.marks.order(number), "order.created")
            return self.answer(number)

        return self._once.answer("orders", call.body, ORDER_KEY, False, work)

    def calculate(self, call: Call) -> Json:
        """POST /v2/orders/calculate: priced, and nothing is kept."""
        history = self._history
        order = self._drafter.draft(self._said(call), history.now(), history.next_number(), APPLICATION)
        priced = self._wire.order(Done(order, history.marks))
        return {"order": {name: value for name, value in priced.items() if name not in NEVER_BACK}}

    def update(self, call: Call) -> bytes:
        """PUT /v2/orders/{order_id}: sparse; what is not sent stays."""
        said, order = self._said(call), self.found(call.request.path_params["order_id"])
        return self._once.answer(
            f"orders/{order.number}", call.body, ORDER_KEY, False, lambda: self._update(call, said, order)
        )

    def check_version(self, call: Call, fields: Json, name: str, order: Order, needed: bool) -> None:
        """Refuse who does not know the order as it is."""
        version = whole(fields, name)
        if version is None and needed:
            raise missing(f"order.{name}")
        if version is not None and version != (order.version or 1):
            code, _, status = str(call.switches["stale_version_error"]).partition(" ")
            detail = f"Order version {version} is out of date; it is at {order.version or 1}."
            raise SquareError(code, detail, f"order.{name}", int(status))

    def _update(self, call: Call, said: Json, order: Order) -> bytes:
        self.check_version(call, said, "version", order, needed=True)
        unknown = set(said) - UPDATABLE
        if unknown:
            name = f"order.{min(unknown)}"
            raise SquareError("BAD_REQUEST", f"{name} of an order that stands is not changed here.", name)
        if order.state in (COMPLETED, CANCELED):
            raise SquareError("BAD_REQUEST", f"The order is {order.state} and cannot be changed.", "order.state")
        fields: Json = {}
        for name, longest in LONGEST.items():
            if name in said:
                mine = {"reference_id": "reference", "ticket_name": "ticket", "customer_id": "customer"}[name]
                fields[mine] = text_in(said, name, f"order.{name}", longest)
        if "metadata" in said:
            fields["metadata"] = {**(order.metadata or {}), **(said["metadata"] or {})}
        for name in array_of(call.body, "fields_to_clear"):
            if name not in CLEARABLE:
                raise SquareError("BAD_REQUEST", f"{name} cannot be cleared.", "fields_to_clear")
            fields[{"reference_id": "reference", "ticket_name": "ticket"}.get(name, name.removesuffix("_id"))] = None
        fields["fulfillments"] = self._moved(order, rows_in(said, "fulfillments", "order.fulfillments"))
        state = said.get("state", order.state)
        if state != order.state:
            self._check_state(call, replace(order, fulfillments=fields["fulfillments"]), state)
            fields["state"] = state
        self.write(order, **fields)
        return self.answer(order.number)

    def _moved(self, order: Order, rows: list[Json]) -> tuple[Fulfillment, ...]:
        prefix, found = self._history.marks.order(order.number)[8:18], list(order.fulfillments)
        for at, row in enumerate(rows):
            field = f"order.fulfillments[{at}]"
            uids = [f"{prefix}f{place}" for place in range(len(found))]
            if row.get("uid") not in uids:
                raise SquareError("NOT_FOUND", f"There is no fulfillment {row.get('uid')!r}.", f"{field}.uid")
            place = uids.index(row["uid"])
            state = row.get("state", found[place].state)
            if state not in (*OVER_STATES, "PROPOSED", "RESERVED", "PREPARED"):
                raise SquareError("INVALID_ENUM_VALUE", f"{state!r} is not a valid enum value.", f"{field}.state")
            if found[place].state in OVER_STATES and state != found[place].state:
                raise SquareError("BAD_REQUEST", f"The fulfillment is {found[place].state}.", f"{field}.state")
            found[place] = replace(found[place], state=state)
        return tuple(found)

    def _check_state(self, call: Call, order: Order, state: Any) -> None:
        done = Done(order, self._history.marks)
        paid = any(held.good for held in done.paid)
        if state not in (OPEN, COMPLETED, CANCELED):
            raise SquareError("INVALID_ENUM_VALUE", f"{state!r} is not a valid enum value.", "order.state")
        if state == CANCELED and paid:
            raise SquareError("BAD_REQUEST", "An order that has tenders cannot be canceled.", "order.state")
        if state == COMPLETED and (done.net_due > 0 or not (paid or done.due == 0)):
            raise SquareError("BAD_REQUEST", "An order that is not paid cannot be completed.", "order.state")
        strict = state == COMPLETED or call.switches["cancel_needs_canceled_fulfillments"]
        if state in (COMPLETED, CANCELED) and strict and not is_settled(order):
            raise SquareError("BAD_REQUEST", f"A fulfillment is not over; the order cannot be {state}.", "order.state")

    def pay(self, call: Call) -> bytes:
        """POST /v2/orders/{order_id}/pay: with approved payments, or with none where nothing is due."""
        order = self.found(call.request.path_params["order_id"])
        endpoint = f"pay {order.number}"
        return self._once.answer(endpoint, call.body, PAY_KEY, True, lambda: self._pay(call, order))

    def _pay(self, call: Call, order: Order) -> bytes:
        self.check_version(call, call.body, "order_version", order, needed=False)
        if order.state != OPEN:
            raise SquareError("BAD_REQUEST", f"The order is {order.state}.", "order_id")
        done, wanted = self._history.done(order.number), array_of(call.body, "payment_ids")
        held = {paid.id: paid for paid in done.paid if paid.use.status == "APPROVED"}
        for payment_id in wanted:
            if payment_id not in held:
                raise SquareError("NOT_FOUND", f"There is no approved payment {payment_id!r}.", "payment_ids")
        if sum(held[one].amount for one in wanted) != done.due:
            raise SquareError("PAYMENT_AMOUNT_MISMATCH", "The payments do not add up to the order.", "payment_ids")
        stamp = stamp_after(self._history, order)
        places = {held[one].place for one in wanted}
        tenders = tuple(
            replace(use, status=COMPLETED, updated=stamp) if place in places else use
            for place, use in enumerate(order.tenders)
        )
        self.settle(order, tenders, stamp)
        self._webhooks.payments_written("payment.updated", wanted)
        return self.answer(order.number)

    def settle(self, order: Order, tenders: tuple[TenderUse, ...], stamp: int) -> Order:
        """Put these tenders on an open order; it is complete once everything is paid and handed over."""
        made = Done(replace(order, tenders=tenders), self._history.marks)
        over = made.net_due <= 0 and all(use.status != "APPROVED" for use in tenders) and is_settled(order)
        more: Json = {"state": COMPLETED, "closed": stamp} if over else {}
        return self.write(order, tenders=tenders, updated=stamp, **more)
