"""Order edits of the control surface: what happens at the counter while a migration is under way.

`{"op": "add_order", "location"?, "items"?: [{"variation", "quantity"?, "cents"?}], "tender"?, "tip_cents"?, "open"?: true,
"created"? (RFC 3339), "offline_hours"?, "customer"?}`, `{"op": "pay", "order", "tender"?, "tip_cents"?}`,
`{"op": "tip_adjust", "order", "cents", "place"?}`, `{"op": "refund", "order", "lines"?: [places], "cents"?, "reason"?}`,
`{"op": "void", "order"}` (cancels an open order; voids the payments of a completed one), `{"op": "reopen", "order"}`,
`{"op": "touchless_order", "order", "cents"? (a tip), "ticket"?}` (no timestamp and no version moves),
`{"op": "delete_order", "order"}`, `{"op": "late_fee", "order", "withhold"?: true}`, `{"op": "dispute", "order", "cents"?}`,
`{"op": "cash_event", "location"?, "kind": "PAID_IN" | "PAID_OUT", "cents", "description"?}`; `sell` and `trade` are in `selling.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import parse_instant
from aura_migration.sandbox.square.model import Item, Tax, Variation
from aura_migration.sandbox.square.orders.done import Done, give_back
from aura_migration.sandbox.square.orders.drawers import Written
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.model import (
    CANCELED,
    COMPLETED,
    KINDS,
    OPEN,
    Back,
    Line,
    Order,
    TaxUse,
    TenderUse,
    e5,
)
from aura_migration.sandbox.square.orders.payouts import Dispute
from aura_migration.sandbox.square.orders.selling import Seller
from aura_migration.sandbox.square.world import World

HOUR = 3_600_000
TENDERS = {"CARD": "visa", "CASH": "cash", "SQUARE_GIFT_CARD": "gift_card", "WALLET": "wallet", "OTHER": "custom"}


class OrderEditor:
    """Carries edits out on the orders of one account."""

    def __init__(self, world: World, sold: Callable[[Order], None] = lambda _order: None) -> None:
        self._world = world
        self.seller = Seller(world, sold)
        self.verbs: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "add_order": self._add,
            "pay": self._pay,
            "tip_adjust": self._tip,
            "refund": self._refund,
            "void": self._void,
            "reopen": self._reopen,
            "touchless_order": self._touchless,
            "delete_order": self._delete,
            "late_fee": self._late_fee,
            "dispute": self._dispute,
            "cash_event": self._cash,
            "sell": self.seller.sell,
            "trade": self.seller.trade,
        }

    def run(self, op: dict[str, Any]) -> list[str]:
        """One edit; the ids of what it changed. Raises `ControlError`."""
        return self.verbs[op["op"]](op)

    # -- what an edit names ----------------------------------------------------------------------------------------

    @property
    def _history(self) -> History:
        return self._world.orders

    def _number(self, op: dict[str, Any]) -> int:
        number = self._history.of_id(str(op.get("order")))
        if number is None:
            raise ControlError(f"there is no order {op.get('order')!r}")
        return number

    def _id(self, number: int) -> str:
        return self._history.marks.order(number)

    def _place(self, op: dict[str, Any]) -> str:
        place = op.get("location") or self._history.main_location or self._world.merchant.main_location_id
        if place not in self._world.locations:
            raise ControlError(f"there is no location {place!r}")
        return str(place)

    def _tender(self, op: dict[str, Any], stamp: int) -> TenderUse:
        said = op.get("tender", "CARD")
        kind = TENDERS.get(said, said)
        if kind not in KINDS:
            raise ControlError(f"there is no tender {said!r}; there are: {', '.join([*TENDERS, *KINDS])}")
        return TenderUse(kind, stamp, tip=_cents(op, "tip_cents", 0), customer=op.get("customer"))

    def _moved(self, number: int, **fields: Any) -> Order:
        """Change an order as Square does: a later `updated_at`, a higher version."""
        order = self._history.order(number)
        version = order.version + 1 if order.version is not None else None
        fields.setdefault("updated", max(self._history.next_stamp(), order.updated + 1))
        return self._history.change(number, version=version, **fields)

    # -- the verbs -------------------------------------------------------------------------------------------------

    def _add(self, op: dict[str, Any]) -> list[str]:
        history, place = self._history, self._place(op)
        stamp = history.next_stamp()
        created = int(parse_instant(op["created"]).timestamp() * 1000) if op.get("created") else stamp
        offline = None
        if op.get("offline_hours") is not None:
            created = offline = stamp - int(float(op["offline_hours"]) * HOUR)
        lines, taxes = self._lines(op.get("items") or [{}], place)
        late = offline is not None or "created" in op
        order = Order(history.next_number(), place, created, stamp if late else created + 300, None, OPEN, lines, taxes)
        order.source, order.version = "Counter", 1
        order.customer = op.get("customer")
        order.notes = ("added by an edit",)
        if not op.get("open"):
            order.closed = created + 200
            order.state = COMPLETED
            tender = self._tender(op, created + 100)
            order.tenders = (replace(tender, offline=offline, updated=stamp if late else None),)
        return [self._id(history.write(order))]

    def _lines(self, items: Sequence[dict[str, Any]], place: str) -> tuple[list[Line], tuple[TaxUse, ...]]:
        taxes: dict[str, TaxUse] = {}
        lines: list[Line] = []
        for said in items:
            variation = self._variation(said.get("variation"), place)
            item = self._world.get(variation.item_id)
            assert isinstance(item, Item)
            used = []
            for tax_id in item.tax_ids if item.taxable else []:
                tax = self._world.live(tax_id)
                if isinstance(tax, Tax) and tax.enabled and tax.presence.covers(place) and not tax.on_total:
                    use = TaxUse(tax.name, e5(tax.percentage), tax.percentage, tax.id, tax.stamp, tax.inclusive)
                    taxes.setdefault(tax.id, use)
                    used.append(list(taxes).index(tax.id))
            over = variation.overrides.get(place)
            held = over.cents if over is not None and over.cents is not None else variation.cents
            cents = _cents(said, "cents", held if held is not None else 1000)
            qty = e5(str(said.get("quantity", "1")))
            lines.append(
                Line(item.name, variation.name, variation.id, variation.stamp, cents, qty, taxes=tuple(sorted(used)))
            )
        return lines, tuple(taxes.values())

    def _variation(self, variation_id: Any, place: str) -> Variation:
        if variation_id:
            found = self._world.get(variation_id)
            if not isinstance(found, Variation):
                raise ControlError(f"there is no variation {variation_id!r}")
            return found
        for item in self._world.items():
            if not item.deleted and not item.archived and item.presence.covers(place):
                for variation in item.variations:
                    if not variation.deleted and variation.cents and variation.presence.covers(place):
                        return variation
        raise ControlError("nothing on the menu has a price; name a variation")

    def _pay(self, op: dict[str, Any]) -> list[str]:
        number = self._number(op)
        order = self._history.order(number)
        if order.state != OPEN:
            raise ControlError(f"order {op['order']!r} is {order.state}, not OPEN")
        stamp = max(self._history.next_stamp(), order.updated + 1)
        tender = self._tender(op, stamp)
        self._moved(number, updated=stamp, closed=stamp, state=COMPLETED, tenders=(*order.tenders, tender))
        return [self._id(number)]

    def _tip(self, op: dict[str, Any]) -> list[str]:
        number, cents = self._number(op), _cents(op, "cents")
        stamp = self._history.next_stamp()
        tenders, place = self._with_tip(number, op, cents)
        tenders[place] = replace(tenders[place], adjusted=stamp, updated=stamp)
        self._moved(number, updated=max(stamp, self._history.order(number).updated + 1), tenders=tuple(tenders))
        return [self._id(number), self._history.marks.payment(number, place)]

    def _with_tip(self, number: int, op: dict[str, Any], cents: int) -> tuple[list[TenderUse], int]:
        paid = [held for held in self._history.done(number).paid if held.good]
        if not paid:
            raise ControlError(f"order {op['order']!r} has no payment")
        if any(self._history.refunds_of(held) for held in paid):
            raise ControlError(f"order {op['order']!r} was refunded; its tip is settled")
        place = int(op.get("place", paid[0].place))
        tenders = list(self._history.order(number).tenders)
        tenders[place] = replace(tenders[place], tip=cents, tip_rate=0)
        return tenders, place

    def _refund(self, op: dict[str, Any]) -> list[str]:
        history, number = self._history, self._number(op)
        done = history.done(number)
        order = done.order
        if order.state != COMPLETED or not any(paid.good for paid in done.paid):
            raise ControlError(f"order {op['order']!r} was not paid")
        reason, cents = str(op.get("reason", "Requested by the guest")), op.get("cents")
        if cents is not None:
            back = Back(number, cents=_cents(op, "cents"), reason=reason)
        else:
            places = op.get("lines", range(len(order.lines)))
            whole = "lines" not in op
            back = Back(number, tuple((int(place), None) for place in places), tip=whole, charges=whole, reason=reason)
        given = sum(row.cents for held in done.paid for row in history.refunds_of(held))
        left = sum(held.total for held in done.paid if held.good) - given
        stamp = max(history.next_stamp(), order.updated + 1)
        made = Order(history.next_number(), order.location, stamp, stamp + 100, stamp, back=back)
        made.notes, made.arrives = ("refunded by an edit",), order.arrives
        wanted = give_back(Done(made, history.marks), done, lambda _paid, _place: "").total
        if wanted > left:
            raise ControlError(f"only {left} cents of order {op['order']!r} are left to refund, not {wanted}")
        shares = []
        for paid in (held for held in done.paid if held.good):
            share = min(wanted, paid.total - sum(row.cents for row in history.refunds_of(paid)))
            wanted -= share
            if share:
                shares.append((paid.place, share))
        made.back = replace(back, payments=tuple(shares))
        tenders = tuple(replace(use, updated=stamp + 150) for use in order.tenders)
        self._moved(number, updated=stamp + 200, tenders=tenders)
        history.write(made)
        total = history.done(made.number).back
        assert total is not None
        return [self._id(made.number), self._id(number), *(held.id for held in total.refunds)]

    def _void(self, op: dict[str, Any]) -> list[str]:
        number = self._number(op)
        order = self._history.order(number)
        if self._history.returns_of(number):
            raise ControlError(f"order {op['order']!r} has returns; it cannot be voided any more")
        stamp = max(self._history.next_stamp(), order.updated + 1)
        tenders = tuple(replace(use, status="CANCELED", updated=stamp) for use in order.tenders)
        self._moved(number, updated=stamp, state=CANCELED, closed=order.closed or stamp, tenders=tenders)
        payments = [self._history.marks.payment(number, place) for place in range(len(tenders))]
        return [self._id(number), *payments]

    def _reopen(self, op: dict[str, Any]) -> list[str]:
        number = self._number(op)
        self._moved(number, state=OPEN, closed=None)
        return [self._id(number)]

    def _touchless(self, op: dict[str, Any]) -> list[str]:
        number = self._number(op)
        if "cents" in op:
            tenders, place = self._with_tip(number, op, _cents(op, "cents"))
            use = tenders[place]
            order = self._history.order(number)
            tenders[place] = replace(use, updated=self._history.payment_updated(order, use))
            self._history.change(number, tenders=tuple(tenders))
        else:
            self._history.change(number, ticket=str(op.get("ticket", "Moved table")))
        return [self._id(number)]

    def _delete(self, op: dict[str, Any]) -> list[str]:
        number = self._number(op)
        if self._history.returns_of(number):
            raise ControlError(f"order {op['order']!r} has returns; delete those first")
        self._history.remove(number)
        return [self._id(number)]

    def _late_fee(self, op: dict[str, Any]) -> list[str]:
        number = self._number(op)
        order = self._history.order(number)
        withhold = bool(op.get("withhold", False))
        tenders = tuple(
            replace(use, fee_withheld=withhold, updated=self._history.payment_updated(order, use))
            for use in order.tenders
        )
        self._history.change(number, tenders=tenders)
        return [self._history.marks.payment(number, place) for place in range(len(tenders))]

    def _dispute(self, op: dict[str, Any]) -> list[str]:
        number, history = self._number(op), self._history
        paid = next((held for held in history.done(number).paid if held.good), None)
        if paid is None:
            raise ControlError(f"order {op['order']!r} has no payment")
        dispute_id = f"dp_{history.marks.token('dispute', number * 16 + len(history.disputes), 22)}"
        cents = _cents(op, "cents", paid.total)
        state = "EVIDENCE_REQUIRED"
        made = Dispute(
            dispute_id, (number, paid.place), cents, "NO_KNOWLEDGE", state, history.next_stamp(), paid.order.location
        )
        history.disputes.append(made)
        return [dispute_id]

    def _cash(self, op: dict[str, Any]) -> list[str]:
        place, kind = self._place(op), op.get("kind")
        if kind not in ("PAID_IN", "PAID_OUT"):
            raise ControlError('"kind" must be PAID_IN or PAID_OUT')
        stamp = self._history.next_stamp()
        day = datetime.fromtimestamp(stamp / 1000 - 3 * 3600, ZoneInfo(self._world.locations[place].timezone)).date()
        words = str(op.get("description", "Petty cash"))
        self._history.drawer_events.append(Written(place, day, kind, _cents(op, "cents"), stamp, words))
        self._history.revision += 1
        return [place]


def _cents(op: dict[str, Any], name: str, default: int | None = None) -> int:
    value = op.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ControlError(f'"{name}" must be a whole number of cents, not negative')
    return value
