"""What Square sends: its events for every edit, signed over address and body, repeated for most of a day.

The subscriptions API, by which an application says where to, is in `subscriptions.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from typing import Any

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import URLSAFE
from aura_migration.sandbox.core.webhooks import Delivery, Target, Webhooks
from aura_migration.sandbox.square.auth import TokenStore
from aura_migration.sandbox.square.orders.done import Paid
from aura_migration.sandbox.square.orders.wire import OrderWire
from aura_migration.sandbox.square.people.model import TeamMember
from aura_migration.sandbox.square.people.wire_guests import (
    account_json,
    activity_json,
    card_on_file_json,
    customer_json,
    event_json,
    gift_card_json,
)
from aura_migration.sandbox.square.people.wire_staff import member_json, timecard_json, wage_setting_json
from aura_migration.sandbox.square.wire import instant
from aura_migration.sandbox.square.world import World

SCOPE_OF = {
    "catalog.version.updated": "ITEMS_READ",
    "inventory.count.updated": "INVENTORY_READ",
    "order.created": "ORDERS_READ",
    "order.updated": "ORDERS_READ",
    "order.fulfillment.updated": "ORDERS_READ",
    "payment.created": "PAYMENTS_READ",
    "payment.updated": "PAYMENTS_READ",
    "refund.created": "PAYMENTS_READ",
    "refund.updated": "PAYMENTS_READ",
    "customer.created": "CUSTOMERS_READ",
    "customer.updated": "CUSTOMERS_READ",
    "customer.deleted": "CUSTOMERS_READ",
    "loyalty.account.created": "LOYALTY_READ",
    "loyalty.account.updated": "LOYALTY_READ",
    "loyalty.account.deleted": "LOYALTY_READ",
    "loyalty.event.created": "LOYALTY_READ",
    "loyalty.program.created": "LOYALTY_READ",
    "loyalty.program.updated": "LOYALTY_READ",
    "loyalty.promotion.created": "LOYALTY_READ",
    "loyalty.promotion.updated": "LOYALTY_READ",
    "gift_card.created": "GIFTCARDS_READ",
    "gift_card.updated": "GIFTCARDS_READ",
    "gift_card.customer_linked": "GIFTCARDS_READ",
    "gift_card.customer_unlinked": "GIFTCARDS_READ",
    "gift_card.activity.created": "GIFTCARDS_READ",
    "gift_card.activity.updated": "GIFTCARDS_READ",
    "payout.sent": "PAYOUTS_READ",
    "payout.paid": "PAYOUTS_READ",
    "payout.failed": "PAYOUTS_READ",
    "team_member.created": "EMPLOYEES_READ",
    "team_member.updated": "EMPLOYEES_READ",
    "team_member.wage_setting.updated": "EMPLOYEES_READ",
    "job.created": "EMPLOYEES_READ",
    "job.updated": "EMPLOYEES_READ",
    "labor.timecard.created": "TIMECARDS_READ",
    "labor.timecard.updated": "TIMECARDS_READ",
    "labor.timecard.deleted": "TIMECARDS_READ",
    "location.created": "MERCHANT_PROFILE_READ",
    "location.updated": "MERCHANT_PROFILE_READ",
    "card.created": "PAYMENTS_READ",
    "card.updated": "PAYMENTS_READ",
    "card.disabled": "PAYMENTS_READ",
    "card.forgotten": "PAYMENTS_READ",
    "card.automatically_updated": "PAYMENTS_READ",
    "oauth.authorization.revoked": "",
}
"""Every event there is to subscribe to, and the permission without which it is not sent."""
MENU_EDITS = ("set_price", "rename", "add_item", "delete_item", "set_available")
ORDER_EDITS = ("pay", "tip_adjust", "refund", "void", "reopen")
Json = dict[str, Any]


class SquareWebhooks(Webhooks):
    """The events of one account. The schedule of repetitions is not documented beyond its end after 24 hours: here they
    come at doubling distances."""

    timeout = 10.0
    delays = tuple(60.0 * 2**number for number in range(10))
    disabled_after = 21 * 86400.0

    def __init__(self, world: World, tokens: TokenStore, clock: Clock, wire: OrderWire, switches: Json) -> None:
        super().__init__(world.ids, clock)
        self._world = world
        self._tokens = tokens
        self._wire = wire
        self._switches = switches
        self._subscribed = 0
        self._to_arrive: list[str] = []

    def headers(self, delivery: Delivery, secret: str, attempt: int) -> dict[str, str]:
        """See `Webhooks.headers`."""
        made = {
            "x-square-hmacsha256-signature": signature(secret, delivery.target.url, delivery.body),
            "square-environment": "Sandbox",
            "square-initial-delivery-timestamp": str(delivery.first_at),
        }
        if attempt > 1:
            made.update({"square-retry-number": str(attempt - 1), "square-retry-reason": str(delivery.reason)})
        return made

    def new_target(self, op: dict[str, Any]) -> Target:
        """A subscription; without a secret it gets a signature key."""
        unknown = set(op.get("events") or ()) - set(SCOPE_OF)
        if unknown:
            raise ControlError(f"square has no event {min(unknown)!r}; it has: {', '.join(SCOPE_OF)}")
        self._subscribed += 1
        number = str(self._subscribed)
        secret = str(op.get("secret") or self.new_key())
        facts = {
            "name": str(op.get("name") or f"Subscription {number}"),
            "api_version": str(op.get("api_version") or self._switches["default_square_version"]),
            "created_at": self.now_text(),
            "updated_at": self.now_text(),
        }
        subscription_id = "wbhk_" + self.ids.uuid("webhook subscription", number).replace("-", "")
        return Target(subscription_id, str(op["url"]), secret, tuple(op.get("events") or ()), facts=facts)

    def new_key(self) -> str:
        """A signature key nobody had before."""
        self._made += 1
        return self.ids.token("webhook signature key", str(self._made), URLSAFE, 22)

    # -- events ----------------------------------------------------------------------------------------------------

    def document(self, kind: str, data: Json, location: str | None = None) -> tuple[str, bytes]:
        """The id and the body of an event."""
        event_id = self.event_id()
        created = self.clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        told: Json = {"merchant_id": self._world.merchant.id}
        if location is not None:
            told["location_id"] = location
        # Nine digits of a second, of which the last three are nobody's measurement.
        told.update({"type": kind, "event_id": event_id, "created_at": f"{created}{self._made % 1000:03d}Z"})
        return event_id, json.dumps({**told, "data": data}, separators=(",", ":")).encode()

    def tell(self, kind: str, data: Json, location: str | None = None, *, corrupt: bool = False) -> list[Delivery]:
        """Queue an event, if the seller has granted its permission to the application."""
        if not self._granted(SCOPE_OF[kind]):
            return []
        event_id, body = self.document(kind, data, location)
        return self.post(kind, event_id, body, corrupt=corrupt)

    def _granted(self, scope: str) -> bool:
        grants = [self._tokens.personal.grant, *self._tokens.refresh_tokens.values()]
        return not scope or any(scope in grant.scopes and not grant.revoked for grant in grants)

    def revoked(self, by: str = "MERCHANT") -> None:
        """See `Webhooks.revoked`; `by` is MERCHANT or APPLICATION."""
        told = {"revoked_at": self.now_text(), "revoker_type": by}
        data = {
            "type": "revocation",
            "id": self.ids.uuid("revocation", str(self._made)),
            "object": {"revocation": told},
        }
        self.tell("oauth.authorization.revoked", data)

    def before(self, op: dict[str, Any]) -> Any:
        """The profiles that an edit is about to end, as they were last."""
        ids = {"delete_customer": [op.get("customer")], "merge_customers": op.get("customers")}.get(str(op["op"]))
        profiles = {}
        for customer_id in ids if isinstance(ids, list) else []:
            held = self._world.people.customers.get(customer_id) if isinstance(customer_id, str) else None
            if held is not None:
                profiles[held.id] = customer_json(held, self._switches)
        return profiles

    def edited(self, op: dict[str, Any], changed: Sequence[str], before: Any) -> None:
        """See `Webhooks.edited`. What moves no timestamp (`touchless_…`, `delete_order`) causes nothing here either."""
        verb = str(op["op"])
        if verb in MENU_EDITS:
            self._catalog()
            return
        told: dict[str, Callable[[], Any]] = {
            "add_customer": lambda: self._customers("customer.created", changed[:1]),
            "edit_customer": lambda: self._customers("customer.updated", changed[:1]),
            "merge_customers": lambda: self._merged(changed, before),
            "delete_customer": lambda: self._deleted(changed, before),
            "adjust_points": lambda: self._points(changed),
            "load_card": lambda: self._card_moved(changed),
            "redeem_card": lambda: self._card_moved(changed),
            "hire": lambda: self._hired(changed[0]),
            "clock_out": lambda: self._timecard("labor.timecard.updated", changed[0]),
            "add_order": lambda: self._sold(changed[0], "order.created", "payment.created"),
            "sell": lambda: self._arrive(changed),
            "trade": lambda: self._arrive(changed),
            "pay": lambda: self._sold(changed[0], "order.updated", "payment.created", last=True),
            "tip_adjust": lambda: self._sold(changed[0], "order.updated", "payment.updated", only=changed[1:]),
            "refund": lambda: self._refunded(changed),
            "void": lambda: self._sold(changed[0], "order.updated", "payment.updated", only=changed[1:]),
            "reopen": lambda: self._order(changed[0], "order.updated"),
            "late_fee": lambda: self._payments("payment.updated", map(self._payment_of, changed)),
        }
        if verb in ORDER_EDITS and self._world.orders.of_id(changed[0]) in self._world.orders.not_arrived():
            # What the API does not know yet is told of when it comes; a return is an order of its own.
            self._to_arrive.extend(changed[:1] if verb == "refund" else ())
        elif verb in told:
            told[verb]()

    def _arrive(self, order_ids: Sequence[str]) -> None:
        """Tell of new orders: now, or of those the API does not know yet when it does."""
        history = self._world.orders
        late = history.not_arrived()
        for order_id in order_ids:
            number = history.of_id(order_id)
            if number in late:
                self._to_arrive.append(order_id)
            elif number is not None:
                self._sold(order_id, "order.created", "payment.created")

    def wake(self) -> None:
        """See `Webhooks.wake`: the clock moved, and what had not arrived may have."""
        waiting, self._to_arrive = self._to_arrive, []
        self._arrive(waiting)
        super().wake()

    def sent_by_hand(self, op: dict[str, Any]) -> list[Delivery]:
        """`{"op": "send", "kind", "order" | "location" | "id"?, "object"?}`: an event no edit causes."""
        kind, corrupt = op.get("kind"), bool(op.get("corrupt", False))
        if kind not in SCOPE_OF:
            raise ControlError(f'"kind" must be one of {", ".join(SCOPE_OF)}')
        if kind == "catalog.version.updated":
            return self._catalog(corrupt)
        if kind in ("order.created", "order.updated") and "order" in op:
            return self._order(str(op["order"]), kind, corrupt)
        if kind in ("location.created", "location.updated"):
            place = str(op.get("location") or self._world.merchant.main_location_id)
            return self.tell(kind, {"type": "Location", "id": place}, place, corrupt=corrupt)
        data = {"type": kind.rpartition(".")[0], "id": str(op.get("id") or self.event_id())}
        if isinstance(op.get("object"), dict):
            data["object"] = op["object"]
        return self.tell(kind, data, op.get("location"), corrupt=corrupt)

    def example(self, kind: str) -> tuple[str, bytes]:
        """The event that a subscription's test sends."""
        return self.document(kind, {"type": kind.rpartition(".")[0], "id": self.ids.uuid("webhook test", kind)})

    # -- the menu --------------------------------------------------------------------------------------------------

    def _catalog(self, corrupt: bool = False) -> list[Delivery]:
        version = {"updated_at": instant(self._world.last_write, "catalog")}
        data = {"type": "catalog", "id": "", "object": {"catalog_version": version}}
        return self.tell("catalog.version.updated", data, corrupt=corrupt)

    # -- people ----------------------------------------------------------------------------------------------------

    def _customers(self, kind: str, ids: Iterable[str], context: Json | None = None) -> None:
        for customer_id in ids:
            held = self._world.people.customers.get(customer_id)
            if held is not None:
                told = {"customer": customer_json(held, self._switches), **(context or {})}
                self.tell(kind, {"type": "customer", "id": customer_id, "object": told})

    def _gone(self, profiles: dict[str, Json], context: Json | None = None) -> None:
        for customer_id, profile in profiles.items():
            told = {"customer": profile, **(context or {})}
            self.tell("customer.deleted", {"type": "customer", "id": customer_id, "deleted": True, "object": told})

    def _merged(self, changed: Sequence[str], before: dict[str, Json]) -> None:
        merge = {"from_customer_ids": list(before), "to_customer_id": changed[0]}
        context = {"event_context": {"merge": merge}}
        self._customers("customer.created", changed[:1], context)
        self._gone(before, context)
        self._followers(changed, "gift_card.customer_linked", "card.updated")

    def _deleted(self, changed: Sequence[str], before: dict[str, Json]) -> None:
        self._gone(before)
        self._followers(changed, "gift_card.customer_unlinked", "card.disabled")

    def _followers(self, ids: Iterable[str], gift_card: str, card: str) -> None:
        """What belonged to a profile and was moved with it."""
        people, merchant = self._world.people, self._world.merchant
        for row_id in ids:
            account, given, on_file = (
                people.accounts.get(row_id),
                people.gift_cards.get(row_id),
                people.cards_on_file.get(row_id),
            )
            if account is not None:
                self._account(row_id)
            elif given is not None:
                self._gift_card(gift_card, row_id)
            elif on_file is not None:
                told = card_on_file_json(on_file, merchant.id, newer=False)
                self.tell(card, {"type": "card", "id": row_id, "object": {"card": told}})

    def _program_id(self) -> str:
        held = self._world.people.program
        return held.id if held is not None else ""

    def _account(self, account_id: str) -> None:
        held = self._world.people.accounts.get(account_id)
        assert held is not None
        told = {"loyalty_account": account_json(held, self._program_id())}
        self.tell("loyalty.account.updated", {"type": "loyalty_account", "id": account_id, "object": told})

    def _points(self, changed: Sequence[str]) -> None:
        self._account(changed[0])
        event = self._world.people.events.get(changed[1])
        assert event is not None
        told = {"loyalty_event": event_json(event, self._program_id(), self._switches)}
        self.tell("loyalty.event.created", {"type": "loyalty_event", "id": event.id, "object": told})

    def _gift_card(self, kind: str, card_id: str) -> None:
        held = self._world.people.gift_cards.get(card_id)
        assert held is not None
        told = {"gift_card": gift_card_json(held, self._world.merchant.currency, self._switches)}
        self.tell(kind, {"type": "gift_card", "id": card_id, "object": told})

    def _card_moved(self, changed: Sequence[str]) -> None:
        activity = self._world.people.activities.get(changed[1])
        assert activity is not None
        told = {"gift_card_activity": activity_json(activity, self._world.merchant.currency)}
        data = {"type": "gift_card_activity", "id": activity.id, "object": told}
        self.tell("gift_card.activity.created", data, activity.location_id)
        self._gift_card("gift_card.updated", changed[0])

    def _hired(self, member_id: str) -> None:
        member: TeamMember | None = self._world.people.team.get(member_id)
        assert member is not None
        currency = self._world.merchant.currency
        told = {"team_member": member_json(member, currency, self._switches)}
        self.tell("team_member.created", {"type": "team_member", "id": member_id, "object": told})
        if member.assignments:
            wages = {"wage_setting": wage_setting_json(member, currency)}
            data = {"type": "wage_setting", "id": member_id, "object": wages}
            self.tell("team_member.wage_setting.updated", data)

    def _timecard(self, kind: str, card_id: str) -> None:
        card = self._world.people.timecards.get(card_id)
        assert card is not None
        told = {"timecard": timecard_json(card, self._world.merchant.currency)}
        self.tell(kind, {"type": "timecard", "id": card_id, "object": told})

    # -- orders and money ------------------------------------------------------------------------------------------

    def order_written(self, order_id: str, kind: str) -> None:
        """Tell of an order that the API wrote."""
        if self.are_wanted:
            self._order(order_id, kind)

    def payments_written(self, kind: str, payment_ids: Iterable[str]) -> None:
        """Tell of payments that the API wrote."""
        if self.are_wanted:
            self._payments(kind, map(self._payment_of, payment_ids))

    def refund_written(self, order_id: str) -> None:
        """Tell of a return that the API wrote."""
        number = self._world.orders.of_id(order_id)
        if self.are_wanted and number is not None:
            self._order(order_id, "order.created")
            self._refunds(number)

    def counts_written(self, counts: Sequence[Json]) -> None:
        """Tell of stock that the API or a sale moved."""
        if counts and self.are_wanted:
            told = {"inventory_counts": list(counts)}
            data = {"type": "inventory_counts", "id": self.ids.uuid("counts", str(self._made)), "object": told}
            self.tell("inventory.count.updated", data)

    def catalog_written(self) -> None:
        """Tell that something of the catalog is different."""
        if self.are_wanted:
            self._catalog()

    def _order(self, order_id: str, kind: str, corrupt: bool = False) -> list[Delivery]:
        number = self._world.orders.of_id(order_id)
        if number is None:
            raise ControlError(f"there is no order {order_id!r}")
        whole = self._wire.order(self._world.orders.done(number))
        names = ("version", "location_id", "state", "created_at", "updated_at")
        told = {"order_id": order_id, **{name: whole[name] for name in names if name in whole}}
        what = kind.replace(".", "_")
        data = {"type": what, "id": order_id, "object": {what: told}}
        return self.tell(kind, data, whole.get("location_id"), corrupt=corrupt)

    def _payment_of(self, payment_id: str) -> Paid | None:
        return self._world.orders.payment_of_id(payment_id)

    def _payments(self, kind: str, paid: Iterable[Paid | None]) -> None:
        history = self._world.orders
        for held in paid:
            if held is None or held.use.kind == "no_sale":
                continue
            updated = history.payment_updated(held.order, held.use)
            told = self._wire.payment(held, history.refunds_of(held), history.now(), updated)
            data = {"type": "payment", "id": told["id"], "object": {"payment": told}}
            self.tell(kind, data, told.get("location_id"))

    def _sold(
        self, order_id: str, order: str, payment: str, *, only: Sequence[str] | None = None, last: bool = False
    ) -> None:
        """An order and its payments: all, those named, or the last one."""
        self._order(order_id, order)
        number = self._world.orders.of_id(order_id)
        assert number is not None
        paid: list[Paid | None] = (
            [self._payment_of(one) for one in only] if only is not None else [*self._world.orders.done(number).paid]
        )
        self._payments(payment, paid[-1:] if last else paid)

    def _refunds(self, number: int) -> None:
        given = self._world.orders.done(number).back
        for refund in given.refunds if given is not None else ():
            told = self._wire.refund(refund)
            data = {"type": "refund", "id": told["id"], "object": {"refund": told}}
            self.tell("refund.created", data, told.get("location_id"))

    def _refunded(self, changed: Sequence[str]) -> None:
        history = self._world.orders
        back, original = (history.of_id(order_id) for order_id in changed[:2])
        assert back is not None and original is not None
        self._order(changed[0], "order.created")
        self._order(changed[1], "order.updated")
        self._refunds(back)
        self._payments("payment.updated", [one for one in history.done(original).paid if history.refunds_of(one)])


def signature(key: str, url: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over the subscribed address and the raw body; the key is used as text."""
    return base64.b64encode(hmac.new(key.encode(), url.encode() + body, hashlib.sha256).digest()).decode()
