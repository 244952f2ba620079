"""The Clover sandbox as an application of the sandbox shell: world, tokens, limits, credentials, edits, fault hooks."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from aura_migration.sandbox.clover.auth import Auth
from aura_migration.sandbox.clover.edits import EditError, Editor
from aura_migration.sandbox.clover.oauth import OAuthPages
from aura_migration.sandbox.clover.orders.edits import SalesEditor
from aura_migration.sandbox.clover.orders.resources import book_of
from aura_migration.sandbox.clover.orders.truth import SalesTruth
from aura_migration.sandbox.clover.orders.truth import routes as sales_routes
from aura_migration.sandbox.clover.orders.writing import OrderDesk
from aura_migration.sandbox.clover.people import stream
from aura_migration.sandbox.clover.people.edits import PeopleEditor
from aura_migration.sandbox.clover.people.truth import people_truth
from aura_migration.sandbox.clover.routes import Api, bearer, method_not_allowed, not_found, problem, too_many
from aura_migration.sandbox.clover.scenarios import build_world
from aura_migration.sandbox.clover.switches import SWITCHES, complaint, defaults
from aura_migration.sandbox.clover.traffic import TOKEN_IN_FLIGHT, TOKEN_PER_SECOND, Refusal, Traffic
from aura_migration.sandbox.clover.truth import truth_of
from aura_migration.sandbox.clover.webhooks import CloverWebhooks
from aura_migration.sandbox.clover.world import Merchant, World
from aura_migration.sandbox.core.app import BasePosApp, ControlError
from aura_migration.sandbox.core.clock import Clock


def build(
    scenario: str,
    seed: int,
    clock: Clock,
    *,
    locations: int | None = None,
    vat: bool = False,
    customers: int | None = None,
    orders: int | None = None,
    months: int | None = None,
    differs: str | None = None,
) -> CloverApp:
    """The Clover application of a scenario (cafe, empty, diner, chain, huge, crowd, year, rules).

    `locations` is the number of merchants of `chain`, `customers` that of `crowd` (20,000 unless given, at most
    200,000) and of `year` (2,000); `orders` is how many each merchant has (`year`: 100,000, at most 1,000,000) and
    `months` over how long; `vat` starts with prices that include VAT, and orders that did.
    `differs` names by which other rule than the configured one everything in `rules` was charged (`rules.DIFFERENCES`).
    """
    app = CloverApp(scenario, seed, clock, locations, customers, orders, months, vat, differs)
    app.switches["vat"] = vat
    return app


class CloverApp(BasePosApp):
    """One Clover sandbox. Every merchant of its world has installed the same app."""

    pos = "clover"
    fault_kinds = ("page_shift",)
    log_headers = ("accept",)

    def __init__(
        self,
        scenario: str,
        seed: int,
        clock: Clock,
        locations: int | None = None,
        customers: int | None = None,
        orders: int | None = None,
        months: int | None = None,
        vat: bool = False,
        differs: str | None = None,
    ) -> None:
        super().__init__(scenario, seed, clock)
        self.switches = defaults()
        self.world: World = build_world(scenario, seed, self.ids, locations, customers, orders, months, vat, differs)
        for merchant in self.world.merchants.values():
            book_of(merchant).open(clock, self.switches)
        self.auth = Auth(self.world, clock, self.switches)
        self.traffic = Traffic(clock, self.switches)
        self.editor = Editor(self.world, clock)
        self._people_editor = PeopleEditor(self.world, clock)
        self._sales_editor = SalesEditor(self.world)
        self.webhooks = self._webhooks = CloverWebhooks(self.world, self.auth, clock)
        desk = OrderDesk(self.world, self._webhooks, self.switches)
        api = Api(self.world, self.auth, self.traffic, self.editor, self.switches, desk, self._webhooks)
        self.routes = [*OAuthPages(self.world, self.auth, self.switches).routes(), *api.routes()]
        self._sales = SalesTruth(self.world)
        self.control_routes = [*stream.routes(self.world), *sales_routes(self._sales)]
        self.exception_handlers = {404: not_found, 405: method_not_allowed}

    def truth(self) -> dict[str, Any]:
        """See `truth.truth_of`, `people.truth.people_truth` and `orders.truth.SalesTruth`."""
        document = truth_of(self.world)
        return {**document, **people_truth(self.world, document["secrets"]), **self._sales.document()}

    def credentials(self) -> dict[str, Any]:
        """One document per merchant: an object for one merchant, a list for several."""
        auth, app = self.auth, self.auth.app
        merchants = list(self.world.merchants.values())

        def document(merchant: Merchant, **values: Any) -> dict[str, Any]:
            return {"merchant_id": merchant.id, **values}

        def refreshing(merchant: Merchant) -> dict[str, Any]:
            held = auth.live_refresh_token(merchant.id)
            return document(merchant, client_id=app.client_id, refresh_token=held.value)

        def pair(merchant: Merchant) -> dict[str, Any]:
            held = auth.live_refresh_token(merchant.id)
            usable = held.access.value if auth.find(held.access.value) else auth.expired_token(merchant.id)
            return {**refreshing(merchant), "access_token": usable}

        def lacking(permission: str) -> Any:
            return _several(
                [document(one, access_token=auth.poor_tokens[one.id][permission].value) for one in merchants]
            )

        default = [document(one, access_token=auth.dashboard_token(one).value) for one in merchants]
        wrong = [document(one, access_token=self.ids.uuid("wrong-token", one.id)) for one in merchants]
        variants: dict[str, Any] = {
            "access_token": _several(default),
            "refresh_token": _several([refreshing(one) for one in merchants]),
            "pair": _several([pair(one) for one in merchants]),
            "legacy": _several([document(one, access_token=auth.legacy_tokens[one.id].value) for one in merchants]),
            "expired": _several([document(one, access_token=auth.expired_token(one.id)) for one in merchants]),
            "missing_scope": lacking("INVENTORY_R"),
            "missing_merchant_scope": lacking("MERCHANT_R"),
            "missing_employees_scope": lacking("EMPLOYEES_R"),
            "missing_customers_scope": lacking("CUSTOMERS_R"),
            "missing_orders_scope": lacking("ORDERS_R"),
            "missing_payments_scope": lacking("PAYMENTS_R"),
            "no_orders": lacking("ORDERS_R"),
            "no_payments": lacking("PAYMENTS_R"),
            "no_employees": lacking("EMPLOYEES_R"),
            "no_customers": lacking("CUSTOMERS_R"),
            "read_only": _several([document(one, access_token=auth.readers[one.id].value) for one in merchants]),
            "read_write": _several([document(one, access_token=auth.writers[one.id].value) for one in merchants]),
            "missing_orders_write_scope": lacking("ORDERS_W"),
            "missing_payments_write_scope": lacking("PAYMENTS_W"),
            "missing_inventory_write_scope": lacking("INVENTORY_W"),
            "wrong": _several(wrong),
            "wrong_merchant": {**default[0], "merchant_id": self.ids.token("merchant", "nobody", length=13)},
            "wrong_refresh_token": _several(
                [
                    document(one, client_id=app.client_id, refresh_token=f"clvroar-{self.ids.token('no', one.id)}")
                    for one in merchants
                ]
            ),
            "one_wrong": _several([*default[:-1], wrong[-1]]),
            "oauth_app": {"client_id": app.client_id, "client_secret": app.client_secret},
        }
        return {"default": _several(default), "variants": variants}

    def edit(self, op: dict[str, Any]) -> list[str]:
        """See `edits.Editor`, `people.edits.PeopleEditor` and `orders.edits.SalesEditor`. And `{"op": "uninstall",
        "location"?}`: a merchant takes the app out, and the tokens of that install die."""
        if op.get("op") == "uninstall":
            merchant = self.world.merchants.get(op.get("location") or self.world.first.id)
            if merchant is None:
                raise ControlError(f"no merchant has the id {op['location']!r}")
            self.auth.uninstall(merchant.id)
            self._webhooks.uninstalled(merchant)
            return [merchant.id]
        if op.get("op") in self._people_editor.verbs:
            return self._people_editor.run(op)
        if op.get("op") in self._sales_editor.verbs:
            return self._sales_editor.run(op)
        try:
            return self.editor.apply(op, also=[*self._people_editor.verbs, *self._sales_editor.verbs, "uninstall"])
        except EditError as error:
            raise ControlError(str(error)) from error

    def on_switch(self, name: str, value: Any) -> None:
        """Refuse values a switch cannot have (it goes back to its default); limits start to count anew."""
        wrong = complaint(name, value)
        if wrong is not None:
            self.switches[name] = SWITCHES[name].default
            raise ControlError(f"{wrong}; it is back at its default")
        if name in ("limits", "limits_scale"):
            self.traffic.reset()

    def on_fault(self, kind: str, fault: dict[str, Any], request: Request) -> Response | None:
        """Clover's own answers; `lying_cap` and `page_shift` are carried out by the list handler."""
        if kind == "rate_limit":
            if fault.get("advice"):
                wait = int(fault.get("retry_after", 1))
                return too_many(Refusal("X-RateLimit-tokenConcurrentLimit", TOKEN_IN_FLIGHT, wait), self.switches)
            return too_many(Refusal("X-RateLimit-tokenLimit", TOKEN_PER_SECOND), self.switches)
        if kind == "conflict":
            return problem(409, {"message": "The resource is being changed", "type": "RESOURCE_CONFLICT"})
        if kind == "expire_token":
            self.auth.expire(bearer(request) or "")
        return None

    def expire_tokens(self) -> int:
        """End every OAuth access token; dashboard tokens never expire."""
        return self.auth.expire_all()

    def revoke_tokens(self) -> int:
        """Uninstall the app and withdraw the dashboard tokens."""
        return self.auth.revoke_all()

    def set_scope(self, scope: str, granted: bool) -> None:
        """Grant or take a permission such as INVENTORY_R."""
        try:
            self.auth.set_permission(scope, granted)
        except ValueError as error:
            raise ControlError(str(error)) from error


def _several(documents: list[dict[str, Any]]) -> Any:
    return documents[0] if len(documents) == 1 else documents
