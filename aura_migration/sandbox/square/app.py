"""The Square sandbox as an application: routes, switches, control verbs, Square's own way of failing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from aura_migration.sandbox.core.app import BasePosApp, ControlError
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.square import catalog, inventory, merchants, oauth_routes, stock
from aura_migration.sandbox.square.auth import ALL_SCOPES, TokenStore
from aura_migration.sandbox.square.context import CHOICES, Context, rate_limited
from aura_migration.sandbox.square.edits import Editor
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.orders import drawers, paying, payments, payouts, search, writing
from aura_migration.sandbox.square.orders.edits import OrderEditor
from aura_migration.sandbox.square.orders.model import Order
from aura_migration.sandbox.square.orders.render import Renderer
from aura_migration.sandbox.square.orders.reports import Reports
from aura_migration.sandbox.square.orders.truth import OrderTruth
from aura_migration.sandbox.square.orders.wire import OrderWire
from aura_migration.sandbox.square.people import customers, gift_cards, labor, loyalty, stream, team
from aura_migration.sandbox.square.people.edits import PeopleEditor
from aura_migration.sandbox.square.people.truth import people_truth
from aura_migration.sandbox.square.scenarios import make_world
from aura_migration.sandbox.square.shelves import Shelves
from aura_migration.sandbox.square.subscriptions import Subscriptions
from aura_migration.sandbox.square.truth import known_truth
from aura_migration.sandbox.square.truth_rules import rules_truth
from aura_migration.sandbox.square.webhooks import SquareWebhooks
from aura_migration.sandbox.square.wire_places import count_json

GATEWAY_CODES = {
    500: "INTERNAL_SERVER_ERROR",
    502: "BAD_GATEWAY",
    503: "SERVICE_UNAVAILABLE",
    504: "GATEWAY_TIMEOUT",
}
ROUTE_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


class SquareApp(BasePosApp):
    """One Square account and everything that can be done to it."""

    pos = "square"
    log_headers: Sequence[str] = ("Square-Version",)

    def __init__(self, scenario: str, seed: int, clock: Clock, **options: Any) -> None:
        super().__init__(scenario, seed, clock)
        self.world = make_world(scenario, seed, clock, **options)
        self.tokens = TokenStore(self.ids, clock, self.world.merchant.id)
        self.context = Context(self.world, self.tokens, clock)
        self.switches = self.context.switches
        self._editor = Editor(self.world, self.switches)
        self._people_editor = PeopleEditor(self.world, self.switches)
        history, wire = (
            self.world.orders,
            OrderWire(self.world.orders.marks, self.world.merchant.currency, self.switches),
        )
        self.payouts, self.drawers = payouts.Payouts(self.world), drawers.Drawers(self.world)
        self.webhooks = self._hooks = SquareWebhooks(self.world, self.tokens, clock, wire, self.switches)
        self.context.on_revoked = self.webhooks.revoked
        self._shelves = Shelves(self.world, self.switches)
        desk = writing.OrderDesk(self.context, history, wire, self.webhooks, self._sold)
        self.routes = [
            *Subscriptions(self.context, self.webhooks).routes(),
            *oauth_routes.routes(self.context),
            *merchants.routes(self.context),
            *catalog.routes(self.context),
            *inventory.routes(self.context),
            *stock.Stockroom(self.context, self.webhooks, self._shelves).routes(),
            *customers.routes(self.context),
            *loyalty.routes(self.context),
            *gift_cards.routes(self.context),
            *team.routes(self.context),
            *labor.routes(self.context),
            *desk.routes(),
            *paying.CashDesk(self.context, history, wire, self.webhooks, desk).routes(),
            *search.routes(self.context, history, Renderer(history, wire, self.switches)),
            *payments.routes(self.context, history, wire),
            *payouts.routes(self.context, self.payouts),
            *drawers.routes(self.context, self.drawers),
        ]
        self.order_truth = OrderTruth(self.world, self.payouts, self.drawers, wire, self.switches)
        self.reports = Reports(self.world, self.order_truth.ledger)
        self._order_editor = OrderEditor(self.world, self._sold)
        self.control_routes = [
            *stream.routes(self.world.people),
            *self.order_truth.routes(),
            *self.reports.routes(),
        ]
        self.exception_handlers = {HTTPException: _no_route}

    def _sold(self, order: Order) -> None:
        """A sale was completed: it may take stock along."""
        counts = self._shelves.sold(self.world.orders.marks.order(order.number), order.location, order.lines)
        self._hooks.counts_written([count_json(held) for held in counts])
        if self._shelves.sell_out(counts):
            self._hooks.catalog_written()

    def truth(self) -> dict[str, Any]:
        """The known truth as it stands now, with every token issued so far among the secrets."""
        document = known_truth(self.world, self.tokens.secrets())
        found = {**document, "rules": rules_truth(self.world)}
        found.update(people_truth(self.world.people, document["secrets"]))
        found.update(self.order_truth.document(found["secrets"], found["personal"]))
        if "daily" in found:
            found["export_daily_report"] = self.reports.truth()
        return found

    def credentials(self) -> dict[str, Any]:
        """Credential documents for every way of signing in."""
        return self.tokens.credentials()

    def edit(self, op: dict[str, Any]) -> list[str]:
        """One edit of the menu, of people or of orders; see `edits.py`, `people/edits.py` and `orders/edits.py`."""
        if op["op"] in self._people_editor.verbs:
            return self._people_editor.run(op)
        if op["op"] in self._order_editor.verbs:
            return self._order_editor.run(op)
        return self._editor.run(op, also=[*self._people_editor.verbs, *self._order_editor.verbs])

    def on_switch(self, name: str, value: Any) -> None:
        """Refuse a value the switch does not know, before anything runs on it."""
        if name in CHOICES and value not in CHOICES[name]:
            raise ControlError(f"switch {name!r} must be one of {', '.join(map(str, CHOICES[name]))}")

    def on_fault(self, kind: str, fault: dict[str, Any], request: Request) -> Response | None:
        """Square's bodies for faults that have one."""
        if kind == "rate_limit":
            headers = {"Retry-After": str(fault.get("retry_after", 1))} if fault.get("advice") else None
            return rate_limited().response(headers)
        if kind == "error" and fault.get("body", "json") == "json":
            status = int(fault.get("status", 503))
            return SquareError(GATEWAY_CODES[status], "An error occurred.", status=status).response()
        if kind == "conflict":
            return SquareError("CONFLICT", "The object was changed meanwhile.", status=409).response()
        if kind == "expire_token":
            self.tokens.expire_presented(request.headers.get("authorization"))
        if kind == "stale_cursor":
            self.context.arm_stale_cursor(request.url.path)
        return None

    def expire_tokens(self) -> int:
        """Every access token expires now; refresh tokens stay good."""
        return self.tokens.expire_all()

    def revoke_tokens(self) -> int:
        """The seller disconnects."""
        return self.tokens.revoke_all()

    def set_scope(self, scope: str, granted: bool) -> None:
        """Grant or take one of Square's permissions."""
        if scope not in ALL_SCOPES:
            raise ControlError(f"square has no permission {scope!r}; it has: {', '.join(ALL_SCOPES)}")
        self.tokens.set_scope(scope, granted)


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = ROUTE_CODES.get(status, "BAD_REQUEST")
    return SquareError(code, f"{request.method} {request.url.path} is not an operation.", status=status).response()


def build(scenario: str, seed: int, clock: Clock, **options: Any) -> SquareApp:
    """The Square sandbox of a scenario; options are the scenario's own (chain: locations, inactive_locations;
    crowd: customers)."""
    return SquareApp(scenario, seed, clock, **options)
