"""The sandbox Toast as an application: clients, switches, routes, and the hooks of the control surface.

Belongs here: which path needs which scope and what answers it. Does not belong here: the answers' shapes (the
``*_wire`` modules), the checks before them (``gate``), the edits (``edits``), the truth (``truth``).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from aura_migration.sandbox.core.app import BasePosApp, ControlError
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.faults import fault_of
from aura_migration.sandbox.toast.auth import (
    ORDERING_SCOPES,
    PARTNER_SCOPES,
    STANDARD_SCOPES,
    WRITING_SCOPES,
    Client,
    Registry,
)
from aura_migration.sandbox.toast.config_wire import CONFIG_LISTS, PageToken, cut_page, parse_toast_time
from aura_migration.sandbox.toast.edits import Editor
from aura_migration.sandbox.toast.gate import Caller, Gate, ToastError, error_response, render_error
from aura_migration.sandbox.toast.menus_wire import MenuStyle, toast_time
from aura_migration.sandbox.toast.model import ConfigObject
from aura_migration.sandbox.toast.orders.api import OrdersApi
from aura_migration.sandbox.toast.orders.edits import OrdersEditor
from aura_migration.sandbox.toast.orders.history import History, history_of
from aura_migration.sandbox.toast.orders.reports import Reports
from aura_migration.sandbox.toast.orders.selling import Seller
from aura_migration.sandbox.toast.orders.truth import OrdersTruth
from aura_migration.sandbox.toast.orders.writing import OrdersWriter
from aura_migration.sandbox.toast.partners import connected, connected_page
from aura_migration.sandbox.toast.people import export_routes, stream
from aura_migration.sandbox.toast.people.edits import PeopleEditor
from aura_migration.sandbox.toast.people.export_files import ExportShelf
from aura_migration.sandbox.toast.people.exports import Exports
from aura_migration.sandbox.toast.people.labor import LaborApi
from aura_migration.sandbox.toast.people.scenarios import CROWD_DEFAULT, make_people
from aura_migration.sandbox.toast.people.truth import PeopleTruth, people_truth
from aura_migration.sandbox.toast.restaurants_wire import availability, ordering_schedule, restaurant_info
from aura_migration.sandbox.toast.scenarios import make_restaurant
from aura_migration.sandbox.toast.stock import change_stock, list_stock, search_stock
from aura_migration.sandbox.toast.switches import CHOICES, SWITCHES
from aura_migration.sandbox.toast.truth import Truth
from aura_migration.sandbox.toast.webhooks import ToastWebhooks
from aura_migration.sandbox.toast.world import World

NEXT_PAGE_HEADER = "Toast-Next-Page-Token"
MACHINE_ACCESS = "TOAST_MACHINE_CLIENT"
SCOPES_LEFT_OUT = {"missing_scope": "stock:read", "missing_menus": "menus:read", "missing_config": "config:read",
                   "missing_kitchen": "kitchen:read", "no_labor": "labor:read",
                   "no_employees": "labor.employees:read", "no_orders": "orders:read", "no_guest_pi": "guest.pi:read",
                   "no_delivery_address": "delivery_info.address:read", "no_cash": "cashmgmt:read"}  # fmt: skip

Endpoint = Callable[[Request, Caller], Awaitable[Any]]


def build(
    scenario: str,
    seed: int,
    clock: Clock,
    *,
    locations: int = 35,
    customers: int = CROWD_DEFAULT,
    history: bool = False,
    orders: int | None = None,
    months: int | None = None,
    differs: str | None = None,
) -> ToastApp:
    """The sandbox Toast of a scenario; ``locations`` counts for ``chain`` only, ``customers`` for ``crowd`` only.
    ``history`` adds a history of orders to the orders guests are known by; ``orders`` and ``months`` say how much of one
    (scenarios ``year`` and ``rules`` always have one). ``differs`` names a rule by which the history of ``rules`` was
    charged otherwise than configured; ``orders.eras.DIFFERENCES`` lists them."""
    return ToastApp(scenario, seed, clock, locations, customers, history_of(scenario, history, orders, months, differs))


class ToastApp(BasePosApp):
    """One Toast account behind its APIs."""

    pos = "toast"
    log_headers = ("Toast-Restaurant-External-ID",)

    def __init__(
        self, scenario: str, seed: int, clock: Clock, locations: int, customers: int, history: History
    ) -> None:
        super().__init__(scenario, seed, clock)
        restaurant = make_restaurant(scenario, self.ids, locations)
        self.switches = {**SWITCHES, **restaurant.switches}
        self.world = World(restaurant, self.ids, clock)
        self.people = make_people(scenario, self.ids, clock, restaurant.locations, customers, history, self.switches)
        self._orders = OrdersApi(self.people, self.switches)
        self._labor = LaborApi(self.people, self.switches)
        self._shelf = ExportShelf(Exports(self.ids, self.people), dirty=scenario == "diner")
        self._people_truth = PeopleTruth(
            lambda: (self.people.at(place.location.guid) for place in self.world.open_places()), self._shelf
        )
        self._people_editor = PeopleEditor(self.people)
        self._orders_editor = OrdersEditor(self.people, self.ids)
        self._seller = Seller(self.people, self.world, self.switches)
        self._orders_truth = OrdersTruth(
            lambda: [self.people.at(place.location.guid) for place in self.world.open_places()]
        )
        self._reports = Reports(
            self._orders_truth,
            lambda: {guid: place.location.location_name for guid, place in self.world.places.items()},
        )
        self._told: tuple[Any, dict[str, Any]] | None = None
        self.registry = Registry(self.ids, clock)
        self._register_clients()
        self.gate = Gate(self.registry, self.world, clock, self.switches)
        self._editor = Editor(self.world, lambda: self.switches["edits_visible"] == "at_once")
        self.exception_handlers = {
            ToastError: self._on_error,
            HTTPException: self._on_http_exception,
        }
        self.webhooks = self._webhooks = ToastWebhooks(self.world, self.people, clock)
        self._writer = OrdersWriter(self.people, self._seller, self._orders, self.switches, self._webhooks.order_moved)
        self.routes = self._make_routes()
        self.control_routes = [
            Route("/clients", self._control_clients, methods=["GET", "POST"]),
            *stream.routes(self._people_truth),
            *export_routes.routes(self._shelf, self._orders_truth.ready, self._reports.files),
            *self._orders_truth.routes(),
        ]

    # ---- clients and control

    def _register_clients(self) -> None:
        every = frozenset(self.world.places)
        self.registry.add("standard", "standard", STANDARD_SCOPES, every)
        self.registry.add("partner", "partner", PARTNER_SCOPES)
        self.registry.add("custom", "custom", PARTNER_SCOPES, every)
        self.registry.add("ordering", "partner", ORDERING_SCOPES)
        writing = self.registry.add("writing", "custom", WRITING_SCOPES, every)
        self._seller.submitter = writing.client_id
        self.registry.add("analytics", "analytics", ("enterprise-metrics:read",), every)
        self.registry.add("one_location", "standard", STANDARD_SCOPES, frozenset(list(self.world.places)[:1]))
        for name, left_out in SCOPES_LEFT_OUT.items():
            scopes = tuple(scope for scope in STANDARD_SCOPES if scope != left_out)
            self.registry.add(name, "standard", scopes, every)

    def credentials(self) -> dict[str, Any]:
        """Ready credential documents: ``default`` is standard access to every location."""

        def document(client: Client, guids: list[str] | None) -> dict[str, Any]:
            made: dict[str, Any] = {"client_id": client.client_id, "client_secret": client.secret}
            return made if guids is None else {**made, "restaurant_guids": guids}

        every = list(self.world.places)
        variants: dict[str, Any] = {}
        for client in self.registry.clients.values():
            guids = None if client.kind == "partner" else every
            variants[client.name] = document(client, every[:1] if client.name == "one_location" else guids)
        standard = self.registry.named("standard")
        variants["wrong"] = {**variants["standard"], "client_secret": "not-" + standard.secret}
        variants["not_connected"] = document(standard, [self.ids.uuid("restaurant", "somebody else")])
        return {"default": variants["standard"], "variants": variants}

    def truth(self) -> dict[str, Any]:
        """The known truth as published now."""
        secrets = [client.secret for client in self.registry.clients.values()]
        document = Truth(self.world).document(self.scenario, self.seed, secrets)
        told = self._people_document()
        orders = self._orders_truth.document()
        notes = {**document["notes"], **self.people.notes(), **self._orders_truth.notes()}
        known = [*document["secrets"], *told["secrets"]]
        cards = told["payment_cards"]
        if "daily" in orders:
            exposed: dict[str, list[Any]] = {"secrets": [], "payment_cards": [], "personal": []}
            for kind, value in self._orders_truth.exposed():
                exposed[kind].append(value)
            known.extend(exposed["secrets"])
            cards = [*cards, *exposed["payment_cards"]]
            orders["personal"] = list(dict.fromkeys([*told["personal"], *exposed["personal"]]))
            orders["exports"] = [*told["exports"], *(one.truth() for one in self._reports.files())]
        secrets = list(dict.fromkeys(known))
        return {**document, **told, **orders, "notes": notes, "secrets": secrets, "payment_cards": cards}

    def _people_document(self) -> dict[str, Any]:
        """The truth about people, told anew only after an edit of people or of the locations; a crowd's is not kept."""
        guests = sum(len(here.guests.written) for here in self.people.everywhere())
        state = (self._people_editor.made, guests, tuple(place.location.guid for place in self.world.open_places()))
        if self._told is not None and self._told[0] == state:
            return self._told[1]
        told = people_truth(self._people_truth)
        if self.scenario != "crowd":
            self._told = (state, told)
        return told

    def edit(self, op: dict[str, Any]) -> list[str]:
        """One edit of the menu, of people or of orders; see ``edits``, ``people.edits``, ``orders.edits``, ``orders.selling``."""
        if op["op"] in self._seller.verbs:
            return self._seller.verbs[op["op"]](op)
        if self._orders_editor.takes(op):
            return self._orders_editor.run(op)
        if op["op"] in self._people_editor.verbs:
            return self._people_editor.run(op)
        return self._editor.apply(
            op, also=[*self._people_editor.verbs, *self._orders_editor.verbs, *self._seller.verbs]
        )

    def expire_tokens(self) -> int:
        """Every access token is expired from now on."""
        return self.registry.expire()

    def revoke_tokens(self) -> int:
        """The credentials themselves are taken away: tokens die and nobody signs in any more."""
        ended = self.registry.expire()
        for client in self.registry.clients.values():
            client.enabled = False
        return ended

    def set_scope(self, scope: str, granted: bool) -> None:
        """Change the default client's scopes at once; the payload of a token it already holds stays as minted."""
        scopes = self.registry.named("standard").scopes
        if granted:
            scopes.add(scope)
        else:
            scopes.discard(scope)

    def on_switch(self, name: str, value: Any) -> None:
        """Refuse values a switch does not have; apply those that need applying."""
        if name in CHOICES and value not in CHOICES[name]:
            raise ControlError(f"toast: switch {name!r} takes {', '.join(map(repr, CHOICES[name]))}, not {value!r}")
        if name == "limit_scale":
            self.gate.limiter.rescale(float(value))

    def on_fault(self, kind: str, fault: dict[str, Any], request: Request) -> Response | None:
        """Faults with Toast's own face; the others stay generic or are carried out by the endpoint."""
        if kind == "expire_token":
            self.registry.expire(request.headers.get("Authorization", "").partition(" ")[2].strip())
        elif kind == "conflict":
            return error_response(409, "The configuration was changed; start again without pageToken", 10_409)
        elif kind == "rate_limit":
            wait = int(fault.get("retry_after", 1))
            if not fault.get("advice"):
                return PlainTextResponse("Too Many Requests", 429)
            headers = {
                "X-Toast-RateLimit-By": "GLOBAL",
                "X-Toast-RateLimit-Remaining": "0",
                "X-Toast-RateLimit-Reset": str(int(self.clock.epoch()) + wait),
                "Retry-After": str(wait),
            }
            return error_response(429, "Too many requests", 10_429, headers)
        elif kind == "error" and fault.get("body", "json") == "json":
            status = int(fault.get("status", 503))
            return error_response(status, "The service is not available at the moment", 10_000 + status)
        return None

    async def _control_clients(self, request: Request) -> Response:
        """Clients with their sign-ins; POST ``{"name", "enabled"?, "restaurants"?: guids or null}`` changes one."""
        if request.method == "POST":
            wanted = await request.json()
            client = next((c for c in self.registry.clients.values() if c.name == wanted.get("name")), None)
            if client is None:
                names = ", ".join(c.name for c in self.registry.clients.values())
                return JSONResponse({"error": f"toast has no client {wanted.get('name')!r}; it has: {names}"}, 400)
            client.enabled = bool(wanted.get("enabled", client.enabled))
            if "restaurants" in wanted:
                client.restaurants = None if wanted["restaurants"] is None else frozenset(wanted["restaurants"])
        return JSONResponse(
            {
                "clients": [
                    {"name": c.name, "client_id": c.client_id, "kind": c.kind, "scopes": sorted(c.scopes),
                     "enabled": c.enabled, "logins": c.logins, "tokens_minted": c.minted}
                    for c in self.registry.clients.values()
                ]
            }
        )  # fmt: skip

    # ---- errors and routing

    async def _on_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, ToastError)
        return render_error(error, request, self.switches)

    async def _on_http_exception(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return error_response(error.status_code, str(error.detail), 10_000 + error.status_code)

    def _route(
        self,
        path: str,
        endpoint: Endpoint,
        scope: str | tuple[str, ...] | None,
        *,
        method: str = "GET",
        restaurant: bool = True,
        limit: str | None = None,
    ) -> Route:
        async def serve(request: Request) -> Response:
            caller = self.gate.admit(request, scope, restaurant=restaurant, endpoint=limit)
            answer = await endpoint(request, caller)
            response = answer if isinstance(answer, Response) else JSONResponse(answer)
            response.headers.update(request.state.toast_headers)
            return response

        return Route(path, serve, methods=[method])

    def _make_routes(self) -> list[Route]:
        route = self._route
        kitchen = "/kitchen/v1/published/prepStations"
        order, payments = "/orders/v2/orders/{guid}", "/checks/{check}/payments"
        made = [
            Route("/authentication/v1/authentication/login", self._login, methods=["POST"]),
            route("/partners/v1/restaurants", self._partner_restaurants, None, restaurant=False),
            route("/partners/v1/connectedRestaurants", self._connected_restaurants, None, restaurant=False),
            route("/restaurants/v1/restaurants/{guid}", self._restaurant, "restaurants:read"),
            route("/restaurants/v1/groups/{guid}/restaurants", self._group_restaurants, "restaurants:read"),
            route("/menus/v2/menus", self._menus_v2, "menus:read", limit="menus-v2"),
            route("/menus/v2/metadata", self._metadata, "menus:read"),
            route("/menus/v3/menus", self._menus_v3, "menus.channel:read", limit="menus-v3"),
            route("/menus/v3/metadata", self._metadata, "menus.channel:read"),
            route("/config/v2/tipWithholding", self._tip_withholding, "config:read"),
            route(kitchen, self._stations, "kitchen:read"),
            route(kitchen + "/{guid}", self._station, "kitchen:read"),
            route("/restaurant-availability/v1/availability", self._availability, "restaurants:read"),
            route("/ordermgmt-config/v1/published/orderingSchedule", self._schedule, "digital_schedule:read"),
            route("/stock/v1/inventory", self._stock_list, "stock:read"),
            route("/stock/v1/inventory/search", self._stock_search, "stock:read", method="POST"),
            route("/stock/v1/inventory/update", self._stock_update, "stock:write", method="PUT"),
            route("/orders/v2/ordersBulk", self._orders.bulk, "orders:read", limit="orders-bulk"),
            route("/orders/v2/orders/{guid}", self._orders.order, "orders:read"),
            route("/orders/v2/orders", self._orders.guids, "orders:read"),
            route("/orders/v2/orders", self._writer.create, "orders.orders:write", method="POST"),
            route("/orders/v2/prices", self._writer.prices, "orders.orders:write", method="POST"),
            route(order + "/void", self._writer.void, ("orders:void", "orders.channel:void"), method="POST"),
            route(order + payments, self._writer.pay, "orders.payments:write", method="POST"),
            route(order + payments + "/{payment}", self._writer.tip, "orders.payments:write", method="PATCH"),
            route("/orders/v2/payments", self._orders.payments, "orders:read"),
            route("/orders/v2/payments/{guid}", self._orders.payment, "orders:read"),
            route("/cashmgmt/v1/entries", self._orders.cash_entries, "cashmgmt:read"),
            route("/cashmgmt/v1/deposits", self._orders.deposits, "cashmgmt:read"),
            route("/labor/v1/jobs", self._labor.jobs, "labor:read"),
            route("/labor/v1/employees", self._labor.employees, "labor.employees:read"),
            route("/labor/v1/employees/{guid}", self._labor.employee, "labor.employees:read"),
            route("/labor/v1/shifts", self._labor.shifts, "labor:read"),
            route("/labor/v1/timeEntries", self._labor.time_entries, "labor:read"),
        ]
        for name in CONFIG_LISTS:
            made.append(route(f"/config/v2/{name}", self._config_list(name), "config:read"))
            made.append(route(f"/config/v2/{name}/{{guid}}", self._config_object(name), "config:read"))
        return made

    # ---- sign-in

    async def _login(self, request: Request) -> Response:
        self.gate.count_login(request)
        body = await json_body(request)
        if not isinstance(body, dict) or body.get("userAccessType") != MACHINE_ACCESS:
            raise ToastError(400, f"userAccessType must be {MACHINE_ACCESS}")
        signed = self.registry.sign_in(
            body.get("clientId"), body.get("clientSecret"), float(self.switches["token_seconds"])
        )
        if signed is None:
            raise ToastError(401, "Unauthorized: the client id or the client secret is wrong")
        _, token = signed
        return JSONResponse(
            {
                "@class": ".SuccessfulResponse",
                "token": {
                    "tokenType": "Bearer",
                    "scope": None,
                    "expiresIn": int(token.left(self.clock.monotonic())),
                    "accessToken": token.value,
                    "idToken": None,
                    "refreshToken": None,
                },
                "status": "SUCCESS",
            }
        )

    # ---- partners and restaurants

    async def _partner_restaurants(self, request: Request, caller: Caller) -> Any:
        self._partner_only(caller)
        return connected(self.world, request)

    async def _connected_restaurants(self, request: Request, caller: Caller) -> Response:
        self._partner_only(caller)
        refused = int(self.switches["stale_page_token_status"])
        body, link = connected_page(connected(self.world, request), request, refused)
        return JSONResponse(body, headers={"Link": link})

    @staticmethod
    def _partner_only(caller: Caller) -> None:
        if caller.client.kind != "partner":
            raise ToastError(403, "Forbidden: the partners API is open to partner clients only")

    async def _restaurant(self, request: Request, caller: Caller) -> Any:
        place = self.world.places.get(request.path_params["guid"].lower())
        archived_too = request.query_params.get("includeArchived", "false").lower() == "true"
        if place is None or not place.connected or (place.archived and not archived_too):
            raise ToastError(404, "Restaurant not found")
        if not caller.client.may_see(place.location.guid):
            raise ToastError(403, "Forbidden: the client is not permitted for this restaurant")
        return restaurant_info(place, self.ids)

    async def _group_restaurants(self, request: Request, caller: Caller) -> Any:
        group = request.path_params["guid"].lower()
        if caller.here.location.group_guid != group:
            raise ToastError(403, "Forbidden: the restaurant is not in this management group")
        return [{"guid": p.location.guid} for p in self.world.open_places() if p.location.group_guid == group]

    # ---- menus

    def _published(self, caller: Caller) -> bool:
        """Whether there is anything to show; an unpublished restaurant is a 404 unless the switch says otherwise."""
        if caller.here.published:
            return True
        if self.switches["empty_menus"] == "not_found":
            raise ToastError(404, "No published menu data was found for the restaurant")
        return False

    async def _menus(self, caller: Caller, version: int) -> Response:
        place = caller.here
        self._published(caller)
        style = MenuStyle(
            version,
            self.switches["time_specific_item_price"] == "null",
            self.switches["premodifier_map_key"],
            bool(self.switches["overlapping_reference_ids"]),
            bool(self.switches["extra_fields"]),
        )
        return Response(self.world.menus_document(place, style), media_type="application/json")

    async def _menus_v2(self, request: Request, caller: Caller) -> Response:
        return await self._menus(caller, 2)

    async def _menus_v3(self, request: Request, caller: Caller) -> Response:
        return await self._menus(caller, 3)

    async def _metadata(self, request: Request, caller: Caller) -> Any:
        self._published(caller)
        place = caller.here
        return {"restaurantGuid": place.location.guid, "lastUpdated": toast_time(place.last_updated)}

    # ---- configuration and kitchen

    def _rows(self, caller: Caller, name: str) -> list[ConfigObject]:
        rows: list[ConfigObject] = self.world.config_list(caller.here, name)
        return [ConfigObject(row.guid, self._switched(name, row.body), row.modified) for row in rows]

    def _switched(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """A row with the values that Toast's texts leave open, as the switches have them."""
        switches = self.switches
        if name == "diningOptions" and body["behavior"] is None:
            body = {**body, "behavior": switches["custom_dining_behavior"] or None}
        if name == "taxRates" and body["conditionalTaxRates"]:
            rates = [{**rate, "condition": switches["tax_condition"]} for rate in body["conditionalTaxRates"]]
            body = {**body, "conditionalTaxRates": rates}
        if name == "prepStations" and switches["printing_mode_off"] and body["printingMode"] == "OFFLINE_ONLY":
            body = {**body, "printingMode": "OFF"}
        if switches["extra_fields"]:
            body = {**body, "insights": {"source": "new"}}
        return body

    def _page(self, request: Request, caller: Caller, name: str) -> Response:
        place = caller.here
        given = request.query_params.get("pageToken")
        since = request.query_params.get("lastModified")
        token = PageToken(name, place.location.guid, 0, place.config_version, since)
        if given is not None:
            try:
                token = PageToken.decode(given)
            except ValueError as error:
                raise ToastError(400, str(error)) from None
            if (token.listing, token.restaurant) != (name, place.location.guid):
                raise ToastError(400, "pageToken is not valid")
            if fault_of(request, "stale_cursor") is not None:
                raise ToastError(int(self.switches["stale_page_token_status"]), "pageToken is no longer valid")
            if token.version != place.config_version:
                raise ToastError(409, "The configuration was changed; start again without pageToken")
        rows = self._rows(caller, name)
        if token.modified is not None:
            try:
                moment = parse_toast_time(token.modified)
            except ValueError as error:
                raise ToastError(400, f"lastModified: {error}") from None
            rows = [row for row in rows if row.modified >= moment]
        lie = fault_of(request, "lying_cap") or {}
        start = 0 if lie.get("mode") == "ignore_cursor" else token.start
        most_rows = int(self.switches["config_page_objects"])
        if lie.get("mode") == "cut":
            most_rows = int(lie.get("cap", most_rows))
        body, following = cut_page(rows, start, int(self.switches["config_page_bytes"]), most_rows)
        headers = {}
        if following is not None and lie.get("mode") != "cut":
            after = PageToken(name, token.restaurant, following, token.version, token.modified)
            headers[NEXT_PAGE_HEADER] = after.encode()
        return Response(body, headers=headers, media_type="application/json")

    def _config_list(self, name: str) -> Endpoint:
        async def endpoint(request: Request, caller: Caller) -> Response:
            return self._page(request, caller, name)

        return endpoint

    def _one(self, request: Request, caller: Caller, name: str) -> Any:
        guid = request.path_params["guid"].lower()
        row = next((row for row in self._rows(caller, name) if row.guid == guid), None)
        if row is None:
            raise ToastError(404, f"{name}: nothing found with guid {guid}")
        return row.body

    def _config_object(self, name: str) -> Endpoint:
        async def endpoint(request: Request, caller: Caller) -> Any:
            return self._one(request, caller, name)

        return endpoint

    async def _tip_withholding(self, request: Request, caller: Caller) -> Any:
        return caller.here.location.tip_withholding

    async def _stations(self, request: Request, caller: Caller) -> Response:
        return self._page(request, caller, "prepStations")

    async def _station(self, request: Request, caller: Caller) -> Any:
        return self._one(request, caller, "prepStations")

    async def _availability(self, request: Request, caller: Caller) -> Any:
        self._online_ordering()
        return availability(caller.here)

    async def _schedule(self, request: Request, caller: Caller) -> Any:
        self._online_ordering()
        return ordering_schedule(caller.here)

    def _online_ordering(self) -> None:
        if not self.switches["online_ordering"]:
            raise ToastError(404, "The restaurant has no online ordering")

    # ---- stock

    async def _stock_list(self, request: Request, caller: Caller) -> Any:
        return list_stock(self.world, caller.here, request.query_params.get("status"))

    async def _stock_search(self, request: Request, caller: Caller) -> Any:
        return search_stock(self.world, caller.here, await json_body(request))

    async def _stock_update(self, request: Request, caller: Caller) -> Any:
        body = await json_body(request)
        before = self._webhooks.stock() if self._webhooks.are_wanted else None
        rows = change_stock(self.world, caller.here, body)
        if before is not None:
            self._webhooks.stock_moved(before)
        return rows


async def json_body(request: Request) -> Any:
    """The JSON body of a request. Raises ``ToastError`` 415 for another content type, 400 for what is no JSON."""
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise ToastError(415, "Content-Type must be application/json")
    try:
        return json.loads(await request.body())
    except ValueError:
        raise ToastError(400, "The body is not valid JSON") from None
