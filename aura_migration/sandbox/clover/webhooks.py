"""What Clover sends: which rows changed, by merchant and a letter for their kind, under one secret of the whole app.

Where to is said in the developer dashboard, here by the control surface: the address gets a verification code first, and
nothing else until that code is handed back. Clover documents no repetition; what is lost is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aura_migration.sandbox.clover.auth import Auth
from aura_migration.sandbox.clover.orders.resources import book_of
from aura_migration.sandbox.clover.world import Merchant, World, clover_id
from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.webhooks import Delivery, Target, Webhooks

PERMISSION_OF = {
    "A": "MERCHANT_R",
    "C": "CUSTOMERS_R",
    "CA": "MERCHANT_R",
    "E": "EMPLOYEES_R",
    "I": "INVENTORY_R",
    "IA": "INVENTORY_R",
    "IC": "INVENTORY_R",
    "IG": "INVENTORY_R",
    "IM": "INVENTORY_R",
    "IS": "INVENTORY_R",
    "M": "MERCHANT_R",
    "O": "ORDERS_R",
    "P": "PAYMENTS_R",
    "SH": "MERCHANT_R",
}
"""The kinds of rows there are to be told of, and the permission each needs."""
CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"
MENU = {"items": "I", "categories": "IC", "groups": "IG", "modifiers": "IM"}
MENU_EDITS = {
    "set_price": UPDATE,
    "rename": UPDATE,
    "add_item": CREATE,
    "delete_item": DELETE,
    "set_available": UPDATE,
    "set_hidden": UPDATE,
    "set_stock": UPDATE,
    "set_limits": UPDATE,
    "add_modifier": CREATE,
    "delete_category": DELETE,
}
SPLIT = {"set_stock": "IS", "set_available": "IA"}
PEOPLE_EDITS = {
    "add_customer": ("C", CREATE),
    "edit_customer": ("C", UPDATE),
    "delete_customer": ("C", DELETE),
    "hire": ("E", CREATE),
    "dismiss": ("E", DELETE),
}
VERIFICATION = "verification"
Change = tuple[str, str, str]
"""Letters of the kind, id of the row, CREATE, UPDATE or DELETE."""


class CloverWebhooks(Webhooks):
    """The updates of all merchants of one app. A target's `events` are the letters it is subscribed to."""

    timeout = 10.0
    delays: Sequence[float] = ()

    def __init__(self, world: World, auth: Auth, clock: Clock) -> None:
        super().__init__(world.ids, clock)
        self._world = world
        self._auth = auth
        self._to_arrive: list[tuple[Merchant, str]] = []

    def headers(self, delivery: Delivery, secret: str, attempt: int) -> dict[str, str]:
        """See `Webhooks.headers`: a shared secret as it is, no signature; the verification code comes without."""
        return {} if delivery.kind == VERIFICATION else {"X-Clover-Auth": secret}

    def new_target(self, op: dict[str, Any]) -> Target:
        """`{"op": "target", "url", "secret"?, "events"?, "split"?: true, "verified"?: true}`. `split`: stock and
        availability have topics of their own (IS, IA); `verified`: the code was handed back already."""
        unknown = set(op.get("events") or ()) - set(PERMISSION_OF)
        if unknown:
            raise ControlError(f"clover has no kind {min(unknown)!r}; it has: {', '.join(PERMISSION_OF)}")
        secret = op.get("secret") or self.ids.uuid("webhook auth", "app")
        target = super().new_target({**op, "secret": secret})
        verified = bool(op.get("verified", False))
        target.enabled = verified
        target.facts = {"verified": verified, "split": bool(op.get("split", False))}
        if not verified:
            target.facts["verification_code"] = code = self.ids.uuid("verification code", target.id)
            body = json.dumps({"verificationCode": code}).encode()
            self.post_to(target, VERIFICATION, self.event_id(), body)
        return target

    def other(self, op: dict[str, Any]) -> dict[str, Any]:
        """`{"op": "verify", "target"?, "code"}`: the code that came, handed back."""
        if op.get("op") != "verify":
            return super().other(op)
        waiting = [held for held in self.targets.values() if not held.facts["verified"]]
        for target in waiting:
            if op.get("target") in (None, target.id) and op.get("code") == target.facts["verification_code"]:
                target.enabled = target.facts["verified"] = True
                return {"target": target.to_json()}
        raise ControlError(f"{op.get('code')!r} is not the code that was sent to a target that waits for one")

    # -- edits -----------------------------------------------------------------------------------------------------

    def edited(self, op: dict[str, Any], changed: Sequence[str], before: Any) -> None:
        """See `Webhooks.edited`. `touchless_…` edits and hours of work cause nothing."""
        verb = str(op["op"])
        told: list[tuple[Merchant, list[Change]]] = []
        if verb in MENU_EDITS:
            told = self._menu(changed, MENU_EDITS[verb])
        elif verb in PEOPLE_EDITS:
            letters, what = PEOPLE_EDITS[verb]
            told = [(self._merchant_of_person(changed[0]), [(letters, changed[0], what)])]
        elif verb == "cash_event":
            merchant = self._world.merchants[op.get("location") or self._world.first.id]
            told = [(merchant, [("CA", clover_id(self.ids, "cash event", str(self._made)), CREATE)])]
        elif verb in ("sell", "trade"):
            merchant = self._world.merchants[op.get("location") or self._world.first.id]
            told = self._new_orders([(merchant, order_id) for order_id in changed])
            self.tell(merchant, self._stock_moved(merchant, changed), split="IS")
        else:
            told = self._sales(verb, op, changed)
        for merchant, changes in told:
            self.tell(merchant, changes, split=SPLIT.get(verb))

    def _new_orders(self, orders: Iterable[tuple[Merchant, str]]) -> list[tuple[Merchant, list[Change]]]:
        """What there is to tell of new orders; those the API does not know yet are told of when it does."""
        found: list[tuple[Merchant, list[Change]]] = []
        for merchant, order_id in orders:
            book = book_of(merchant)
            order = book.find_order(order_id)
            if order is None:
                continue
            if not book.arrived(order):
                self._to_arrive.append((merchant, order_id))
                continue
            found.append((merchant, [("O", order_id, CREATE), *(("P", one.id, CREATE) for one in order.payments)]))
        return found

    def _stock_moved(self, merchant: Merchant, order_ids: Iterable[str]) -> list[Change]:
        """What these sales took off the shelf, where sales move stock."""
        book = book_of(merchant)
        if not book.switches.get("sales_move_stock"):
            return []
        orders = [book.find_order(order_id) for order_id in order_ids]
        sold = {line.item for order in orders if order is not None and order.payments for line in order.lines}
        return [
            ("I", item.id, UPDATE) for item in merchant.items.values() if item.id in sold and item.quantity is not None
        ]

    def wake(self) -> None:
        """See `Webhooks.wake`: the clock moved, and what had not arrived may have."""
        waiting, self._to_arrive = self._to_arrive, []
        for merchant, changes in self._new_orders(waiting):
            self.tell(merchant, changes)
        super().wake()

    def _menu(self, changed: Iterable[str], what: str) -> list[tuple[Merchant, list[Change]]]:
        """The row an edit is about, and those it moved along with it."""
        found: list[tuple[Merchant, list[Change]]] = []
        for merchant in self._world.merchants.values():
            stores = {store: getattr(merchant, store) for store in MENU}
            changes = [
                (MENU[store], row_id, what if place == 0 else UPDATE)
                for place, row_id in enumerate(changed)
                for store, rows in stores.items()
                if row_id in rows
            ]
            if changes:
                found.append((merchant, changes))
        return found

    def _merchant_of_person(self, row_id: str) -> Merchant:
        for merchant in self._world.merchants.values():
            if merchant.people.customers.get(row_id) is not None or row_id in merchant.people.employees:
                return merchant
        return self._world.first

    def _sales(self, verb: str, op: dict[str, Any], changed: Sequence[str]) -> list[tuple[Merchant, list[Change]]]:
        order_id = changed[0] if changed else ""
        merchant = next(
            (one for one in self._world.merchants.values() if book_of(one).find_order(order_id) is not None), None
        )
        if merchant is None:
            return []
        order = book_of(merchant).find_order(order_id)
        assert order is not None
        if not book_of(merchant).arrived(order):
            return []
        rest, payments = list(changed[1:]), [payment.id for payment in order.payments]
        refunded = [str(row.payment) for row in order.refunds() if row.id in rest]
        kinds: dict[str, Callable[[], tuple[str, list[Change]]]] = {
            "add_order": lambda: (CREATE, [("P", one, CREATE) for one in payments]),
            "pay": lambda: (UPDATE, [("P", one, CREATE) for one in rest]),
            "tip_adjust": lambda: (UPDATE, [("P", one, UPDATE) for one in rest]),
            # There is no kind for refunds: they show in the order and the payment.
            "refund": lambda: (UPDATE, [("P", one, UPDATE) for one in refunded]),
            "void": lambda: (UPDATE, [("P", one, UPDATE) for one in rest or payments]),
            "reopen": lambda: (UPDATE, []),
            "change_order": lambda: (UPDATE, []),
            "delete_order": lambda: (DELETE, []),
            "credit": lambda: (CREATE, []),
        }
        if verb not in kinds:
            return []
        what, more = kinds[verb]()
        return [(merchant, [("O", order_id, what), *more])]

    def revoked(self) -> None:
        """See `Webhooks.revoked`: every merchant has uninstalled the app."""
        for merchant in self._world.merchants.values():
            self.uninstalled(merchant)

    def uninstalled(self, merchant: Merchant) -> None:
        """Tell that one merchant has uninstalled the app."""
        self.tell(merchant, [("A", self._auth.app.client_id, DELETE)])

    # -- sending ---------------------------------------------------------------------------------------------------

    def tell(
        self, merchant: Merchant, changes: Iterable[Change], *, split: str | None = None, corrupt: bool = False
    ) -> list[Delivery]:
        """Queue what changed at one merchant, in one POST for each target that wants any of it and may know it."""
        granted = self._auth.permissions(merchant.id)
        stamp, event_id = int(self.clock.now().timestamp() * 1000), self.event_id()
        made: list[Delivery] = []
        for target in [held for held in self.targets.values() if held.enabled]:
            updates: list[dict[str, Any]] = []
            kinds: list[str] = []
            for letters, row_id, what in changes:
                kind = split if split is not None and letters == "I" and target.facts["split"] else letters
                if PERMISSION_OF[kind] in granted and (not target.events or kind in target.events):
                    updates.append({"objectId": f"{kind}:{row_id}", "type": what, "ts": stamp})
                    kinds.append(kind)
            if updates:
                body = json.dumps({"appId": self._auth.app.client_id, "merchants": {merchant.id: updates}}).encode()
                made.append(self.post_to(target, ",".join(dict.fromkeys(kinds)), event_id, body, corrupt=corrupt))
        return made

    def sent_by_hand(self, op: dict[str, Any]) -> list[Delivery]:
        """`{"op": "send", "kind": letters, "id", "type"?, "location"?}`: an update no edit causes."""
        kind, what = op.get("kind"), op.get("type", UPDATE)
        if kind not in PERMISSION_OF or what not in (CREATE, UPDATE, DELETE) or not op.get("id"):
            raise ControlError(
                f'send "id", "type" ({CREATE}, {UPDATE} or {DELETE}) and "kind", one of {", ".join(PERMISSION_OF)}'
            )
        merchant = self._world.merchants.get(op.get("location") or self._world.first.id)
        if merchant is None:
            raise ControlError(f"no merchant has the id {op['location']!r}")
        return self.tell(merchant, [(kind, str(op["id"]), what)], corrupt=bool(op.get("corrupt", False)))
