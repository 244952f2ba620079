"""Routes that write payments: create, complete, cancel, refund.

Cash and external payments are taken as told; of cards only the test tokens of the API are known. A payment of an order is of
everything that is due on it, unless it is authorized first (`autocomplete` false) and the order paid with it later.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.once import Once
from aura_migration.sandbox.square.orders.done import Paid
from aura_migration.sandbox.square.orders.drafts import cents_in, missing, text_in
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.marks import MOST_PAYMENTS
from aura_migration.sandbox.square.orders.model import COMPLETED, KINDS, OPEN, Back, Line, Order, TenderUse
from aura_migration.sandbox.square.orders.render import encode
from aura_migration.sandbox.square.orders.wire import OrderWire
from aura_migration.sandbox.square.orders.writing import APPLICATION, OrderDesk, stamp_after
from aura_migration.sandbox.square.webhooks import SquareWebhooks

PAYMENT_KEY = 45
CARDS = {"cnon:card-nonce-ok": "online", "cnon:gift-card-nonce-ok": "gift_card"}
DECLINED = "cnon:card-nonce-declined"
EXTERNAL = {held.external: key for key, held in reversed(KINDS.items()) if held.external}
CREATE = (
    *("source_id", "idempotency_key", "amount_money", "tip_money", "app_fee_money", "autocomplete", "order_id"),
    *("customer_id", "location_id", "team_member_id", "reference_id", "note", "cash_details", "external_details"),
    *("accept_partial_authorization", "delay_duration", "delay_action", "buyer_email_address", "verification_token"),
)
REFUND = ("idempotency_key", "amount_money", "payment_id", "reason", "team_member_id", "payment_version_token")


class CashDesk:
    """The handlers over the payments of one account."""

    def __init__(
        self, context: Context, history: History, wire: OrderWire, webhooks: SquareWebhooks, orders: OrderDesk
    ) -> None:
        self._context = context
        self._history = history
        self._wire = wire
        self._webhooks = webhooks
        self._orders = orders
        self._once = Once()

    def routes(self) -> list[Route]:
        """All of them."""

        def post(path: str, handler: Any, body: tuple[str, ...]) -> Route:
            return Route(path, self._context.endpoint(handler, scopes=("PAYMENTS_WRITE",), body=body), methods=["POST"])

        return [
            post("/v2/payments", self.create, CREATE),
            post("/v2/payments/{payment_id}/complete", self.complete, ("version_token",)),
            post("/v2/payments/{payment_id}/cancel", self.cancel, ()),
            post("/v2/refunds", self.refund, REFUND),
        ]

    def _answer(self, order: Order, place: int) -> bytes:
        history = self._history
        paid = history.done(order.number).paid[place]
        updated = history.payment_updated(paid.order, paid.use)
        return encode({"payment": self._wire.payment(paid, history.refunds_of(paid), history.now(), updated)})

    # -- creating --------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> bytes:
        """POST /v2/payments."""
        return self._once.answer("payments", call.body, PAYMENT_KEY, True, lambda: self._create(call))

    def _create(self, call: Call) -> bytes:
        body, currency = call.body, call.world.merchant.currency
        source = text_in(body, "source_id", "source_id")
        amount = cents_in(body, "amount_money", "amount_money", currency)
        if source is None or amount is None:
            raise missing("source_id" if source is None else "amount_money")
        use = self._use(call, source, currency)
        later = body.get("autocomplete") is False
        if later and source in ("CASH", "EXTERNAL"):
            raise SquareError("BAD_REQUEST", f"A payment in {source} completes at once.", "autocomplete")
        order = self._orders.found(body["order_id"]) if body.get("order_id") else self._order_for(call, amount)
        if order.state != OPEN:
            raise SquareError("BAD_REQUEST", f"The order is {order.state}.", "order_id")
        if body.get("location_id") not in (None, order.location):
            raise SquareError("LOCATION_MISMATCH", "The order is of another location.", "location_id")
        due = self._history.done(order.number).net_due
        if amount > due or (not later and amount != due):
            raise SquareError("PAYMENT_AMOUNT_MISMATCH", f"{due} is due on the order, not {amount}.", "amount_money")
        if len(order.tenders) >= MOST_PAYMENTS:
            raise SquareError("BAD_REQUEST", f"An order has at most {MOST_PAYMENTS} payments.", "order_id")
        stamp, place = stamp_after(self._history, order), len(order.tenders)
        made = replace(use, created=stamp, updated=stamp, cents=amount, status="APPROVED" if later else COMPLETED)
        order = self._orders.settle(order, (*order.tenders, made), stamp)
        self._webhooks.payments_written("payment.created", [self._history.marks.payment(order.number, place)])
        return self._answer(order, place)

    def _order_for(self, call: Call, amount: int) -> Order:
        """A payment without an order gets one of a single amount."""
        place = call.body.get("location_id") or call.world.merchant.main_location_id
        if place not in call.world.locations:
            raise SquareError("NOT_FOUND", f"Location `{place}` not found.", "location_id")
        now, history = self._history.now(), self._history
        line = Line(None, None, None, None, amount, kind="CUSTOM_AMOUNT")
        order = Order(history.next_number(), str(place), now, now, None, OPEN, [line])
        order.source, order.product, order.version = APPLICATION, "ECOMMERCE_API", 1
        order.reference = text_in(call.body, "reference_id", "reference_id", 40)
        history.write(order)
        self._webhooks.order_written(history.marks.order(order.number), "order.created")
        return order

    def _use(self, call: Call, source: str, currency: str) -> TenderUse:
        body = call.body
        tip = cents_in(body, "tip_money", "tip_money", currency) or 0
        note = text_in(body, "note", "note", 500)
        team, guest = text_in(body, "team_member_id", "team_member_id"), text_in(body, "customer_id", "customer_id")
        plain = TenderUse("cash", 0, tip=tip, note=note, staff=team, customer=guest)
        if source == "CASH":
            details = body.get("cash_details")
            handed = None
            if isinstance(details, dict):
                handed = cents_in(details, "buyer_supplied_money", "cash_details.buyer_supplied_money", currency)
            if handed is None:
                raise missing("cash_details.buyer_supplied_money")
            if handed < (cents_in(body, "amount_money", "amount_money", currency) or 0) + tip:
                raise SquareError("VALUE_TOO_LOW", "Less was handed over than is paid.", "cash_details")
            return replace(plain, handed=handed or None)
        if source == "EXTERNAL":
            details = body.get("external_details")
            if not isinstance(details, dict) or not details.get("type") or not details.get("source"):
                raise missing("external_details")
            if details["type"] not in EXTERNAL:
                name = "external_details.type"
                raise SquareError("INVALID_ENUM_VALUE", f"{details['type']!r} is not a valid enum value.", name)
            return replace(plain, kind=EXTERNAL[details["type"]], words=str(details["source"])[:255])
        if source == DECLINED:
            raise SquareError("CARD_DECLINED", "Authorization error: 'CARD_DECLINED'", status=402)
        if source not in CARDS:
            raise SquareError("NOT_FOUND", "Card nonce not found", "source_id")
        return replace(plain, kind=CARDS[source])

    # -- later -----------------------------------------------------------------------------------------------------

    def _approved(self, call: Call, verb: str) -> Paid:
        payment_id = call.request.path_params["payment_id"]
        paid = self._history.payment_of_id(payment_id)
        if paid is None or not self._history.arrived(paid.order.number):
            raise SquareError("NOT_FOUND", f"Could not find payment with id: {payment_id}")
        if paid.use.status != "APPROVED":
            raise SquareError("BAD_REQUEST", f"The payment is {paid.use.status}; it cannot be {verb}.")
        return paid

    def _set(self, paid: Paid, status: str) -> bytes:
        order = self._history.order(paid.order.number)
        stamp = stamp_after(self._history, order)
        tenders = list(order.tenders)
        tenders[paid.place] = replace(tenders[paid.place], status=status, updated=stamp)
        order = self._orders.settle(order, tuple(tenders), stamp)
        self._webhooks.payments_written("payment.updated", [paid.id])
        return self._answer(order, paid.place)

    def complete(self, call: Call) -> bytes:
        """POST /v2/payments/{payment_id}/complete."""
        return self._set(self._approved(call, "completed"), COMPLETED)

    def cancel(self, call: Call) -> bytes:
        """POST /v2/payments/{payment_id}/cancel: only what is approved and not completed."""
        return self._set(self._approved(call, "canceled"), "CANCELED")

    def refund(self, call: Call) -> bytes:
        """POST /v2/refunds: an amount of a payment goes back; an order of its own holds the return."""
        return self._once.answer("refunds", call.body, PAYMENT_KEY, True, lambda: self._refund(call))

    def _refund(self, call: Call) -> bytes:
        history, body = self._history, call.body
        payment_id = text_in(body, "payment_id", "payment_id")
        amount = cents_in(body, "amount_money", "amount_money", call.world.merchant.currency)
        if payment_id is None or not amount:
            raise missing("payment_id" if payment_id is None else "amount_money")
        paid = history.payment_of_id(payment_id)
        if paid is None or not history.arrived(paid.order.number):
            raise SquareError("NOT_FOUND", f"Could not find payment with id: {payment_id}", "payment_id")
        if paid.use.status != COMPLETED:
            raise SquareError("REFUND_ERROR_PAYMENT_NEEDS_COMPLETION", "The payment is not completed.", "payment_id")
        if amount > paid.total - sum(held.cents for held in history.refunds_of(paid)):
            raise SquareError("REFUND_AMOUNT_INVALID", "More than is left of the payment.", "amount_money")
        sale = history.order(paid.order.number)
        stamp = stamp_after(history, sale)
        reason = text_in(body, "reason", "reason", 192) or "Requested by the application"
        back = Back(sale.number, cents=amount, reason=reason, payments=((paid.place, amount),))
        made = Order(history.next_number(), sale.location, stamp, stamp, stamp, back=back)
        made.source, made.notes = APPLICATION, ("written by the API",)
        number = history.write(made)
        tenders = list(sale.tenders)
        tenders[paid.place] = replace(tenders[paid.place], updated=stamp)
        self._orders.write(sale, tenders=tuple(tenders), updated=stamp)
        self._webhooks.refund_written(history.marks.order(number))
        self._webhooks.payments_written("payment.updated", [paid.id])
        held = history.refund(number, 0)
        return encode({"refund": self._wire.refund(held)})
