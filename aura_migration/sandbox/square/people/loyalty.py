"""Loyalty routes: the program, accounts, events, rewards, promotions, and what an amount would earn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, array_of, bounded, whole
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.people.answers import (
    choice,
    currency_of,
    found,
    nested,
    page_of,
    page_of_rows,
    people_of,
    question,
    span,
    text,
)
from aura_migration.sandbox.square.people.ledgers import EVENT_KINDS
from aura_migration.sandbox.square.people.model import LoyaltyEvent, Program
from aura_migration.sandbox.square.people.wire_guests import (
    account_json,
    event_json,
    program_json,
    promotion_json,
    reward_json,
)

PAGE, ACCOUNTS_MAX, MOST_NAMED = 30, 200, 30
REWARD_STATES = ("ISSUED", "REDEEMED", "DELETED")
PROMOTION_STATES = ("ACTIVE", "ENDED", "CANCELED", "SCHEDULED")
EVENT_FILTERS = "loyalty_account_filter type_filter date_time_filter location_filter order_filter"


def routes(context: Context) -> list[Route]:
    """All loyalty routes; every one needs LOYALTY_READ."""
    scopes = ("LOYALTY_READ",)

    def get(path: str, handler: Any, query: Iterable[str] = ()) -> Route:
        return Route(f"/v2/loyalty{path}", context.endpoint(handler, scopes=scopes, query=query), methods=["GET"])

    def post(path: str, handler: Any, body: Iterable[str]) -> Route:
        return Route(f"/v2/loyalty{path}", context.endpoint(handler, scopes=scopes, body=body), methods=["POST"])

    paging = ("query", "limit", "cursor")
    promotions_of = "/programs/{program_id}/promotions"
    return [
        get("/programs", programs),
        get("/programs/{program_id}", program),
        get(promotions_of, promotions, ("status", "limit", "cursor")),
        get(promotions_of + "/{promotion_id}", promotion),
        post(
            "/programs/{program_id}/calculate",
            calculate,
            ("order_id", "transaction_amount_money", "loyalty_account_id"),
        ),
        post("/accounts/search", accounts, paging),
        get("/accounts/{account_id}", account),
        post("/events/search", events, paging),
        post("/rewards/search", rewards, paging),
        get("/rewards/{reward_id}", reward),
    ]


# -- the program -----------------------------------------------------------------------------------------------------


def _status(call: Call, held: Program) -> str:
    said = str(call.switches["loyalty_program"])
    return held.status if said == "scenario" else said.upper()


def _program(call: Call) -> Program | None:
    return None if call.switches["loyalty_program"] == "none" else people_of(call).program


def _subscribed(call: Call) -> Program | None:
    """The program if calls may use it; None where there never was one. Raises where the subscription ended."""
    held = _program(call)
    if held is not None and _status(call, held) == "INACTIVE":
        detail = "The seller does not have an active Square Loyalty subscription."
        status = int(call.switches["subscription_error_status"])
        raise SquareError("MERCHANT_SUBSCRIPTION_NOT_FOUND", detail, status=status)
    return held


def _named_program(call: Call, subscribed: bool) -> Program:
    program_id = call.request.path_params["program_id"]
    held = _subscribed(call) if subscribed else _program(call)
    if held is None and call.switches["no_loyalty_program"] == "subscription":
        detail = "The seller does not have a Square Loyalty subscription."
        status = int(call.switches["subscription_error_status"])
        raise SquareError("MERCHANT_SUBSCRIPTION_NOT_FOUND", detail, status=status)
    if held is not None and program_id not in ("main", held.id):
        held = None
    return found(held, "Loyalty program", program_id)


def program(call: Call) -> dict[str, Any]:
    """GET /v2/loyalty/programs/{id or main}: an inactive one still says that it is."""
    held = _named_program(call, subscribed=not call.switches["inactive_program_readable"])
    return {"program": program_json(held, _status(call, held), currency_of(call))}


def programs(call: Call) -> dict[str, Any]:
    """GET /v2/loyalty/programs, deprecated: the one program as a list."""
    held = _program(call)
    return {} if held is None else {"programs": [program_json(held, _status(call, held), currency_of(call))]}


def promotions(call: Call) -> dict[str, Any]:
    """GET /v2/loyalty/programs/{id}/promotions."""
    held, status = _named_program(call, subscribed=True), choice(call.query, "status", PROMOTION_STATES)
    rows = [row for row in people_of(call).promotions if status in (None, row.status)]
    limit, currency = bounded(call, call.query, PAGE, PAGE), currency_of(call)
    return page_of_rows(call, "loyalty_promotions", rows, limit, lambda row: promotion_json(row, held.id, currency))


def promotion(call: Call) -> dict[str, Any]:
    """GET /v2/loyalty/programs/{id}/promotions/{promotion_id}."""
    held, promotion_id = _named_program(call, subscribed=True), call.request.path_params["promotion_id"]
    row = next((row for row in people_of(call).promotions if row.id == promotion_id), None)
    return {
        "loyalty_promotion": promotion_json(found(row, "Loyalty promotion", promotion_id), held.id, currency_of(call))
    }


def calculate(call: Call) -> dict[str, Any]:
    """POST /v2/loyalty/programs/{id}/calculate: points of an amount, in whole multiples; orders are not known here."""
    held = _named_program(call, subscribed=True)
    order_id, amount = (
        text(call.body, "order_id"),
        nested(call, call.body, "transaction_amount_money", "amount currency"),
    )
    if (order_id is None) == (not amount):
        raise SquareError("CONFLICTING_PARAMETERS", "Send exactly one of order_id and transaction_amount_money.")
    if order_id is not None:
        raise SquareError("NOT_FOUND", f"Order with ID `{order_id}` not found.", "order_id")
    cents, points = whole(amount, "amount") or 0, 0
    for rule in held.rules:
        if rule.kind == "SPEND" and rule.cents:
            points += cents // rule.cents * rule.points
        elif rule.kind == "VISIT" and cents >= (rule.cents or 0):
            points += rule.points
    return {"points": points, "promotion_points": 0}


# -- accounts --------------------------------------------------------------------------------------------------------


def accounts(call: Call) -> dict[str, Any]:
    """POST /v2/loyalty/accounts/search: by phone numbers or by customers, or all; oldest first."""
    limit = bounded(call, call.body, PAGE, ACCOUNTS_MAX)
    query = nested(call, call.body, "query", "mappings customer_ids")
    people, among = people_of(call), None
    mappings, customer_ids = query.get("mappings"), array_of(query, "customer_ids", MOST_NAMED)
    if mappings and customer_ids:
        raise SquareError("CONFLICTING_PARAMETERS", "query takes mappings or customer_ids, not both.", "query")
    if mappings:
        among = [slot for number in _numbers(mappings) for slot in people.account_of_phone(number)]
    elif customer_ids:
        among = [slot for customer_id in dict.fromkeys(customer_ids) for slot in people.accounts_of(customer_id)]
    held = _subscribed(call)
    if held is None:
        return {}
    program_id = held.id
    slots = people.accounts.select(question(call, call.body), "created", among=among)
    return page_of(call, "loyalty_accounts", people.accounts, slots, limit, lambda row: account_json(row, program_id))


def _numbers(mappings: Any) -> list[str]:
    if not isinstance(mappings, list) or any(not isinstance(held, dict) for held in mappings):
        raise SquareError("EXPECTED_ARRAY", "Expected an array of objects for mappings.", "mappings")
    if len(mappings) > MOST_NAMED:
        raise SquareError("ARRAY_LENGTH_TOO_LONG", f"mappings holds more than {MOST_NAMED} values.", "mappings")
    numbers = [text(held, "phone_number") or "" for held in mappings]
    for number in numbers:
        if not number.startswith("+") or not number[1:].isdecimal():
            raise SquareError("INVALID_PHONE_NUMBER", f"{number!r} is not an E.164 phone number.", "phone_number")
    return list(dict.fromkeys(numbers))


def account(call: Call) -> dict[str, Any]:
    """GET /v2/loyalty/accounts/{id}."""
    held, account_id = _subscribed(call), call.request.path_params["account_id"]
    row = people_of(call).accounts.get(account_id) if held is not None else None
    return {"loyalty_account": account_json(found(row, "Loyalty account", account_id), held.id if held else "")}


# -- events and rewards ----------------------------------------------------------------------------------------------


def events(call: Call) -> dict[str, Any]:
    """POST /v2/loyalty/events/search: newest first; from `start_at` on, before `end_at`."""
    limit = bounded(call, call.body, PAGE, PAGE)
    query = nested(call, call.body, "query", "filter")
    filters = nested(call, query, "filter", EVENT_FILTERS)
    people, among = people_of(call), None
    account_id = text(nested(call, filters, "loyalty_account_filter", "loyalty_account_id"), "loyalty_account_id")
    if account_id is not None:
        among = people.events_of(account_id)
    dates = span(call, nested(call, filters, "date_time_filter", "created_at"), "created_at")
    keeps = _event_tests(call, filters)
    keep = (lambda row: all(accept(row) for accept in keeps)) if keeps else None
    held = _subscribed(call)
    if held is None:
        return {}
    program_id, switches = held.id, call.switches
    slots = people.events.select(
        question(call, call.body),
        "created",
        descending=True,
        within={"created": dates} if dates else None,
        keep=keep,
        among=among,
    )
    return page_of(call, "events", people.events, slots, limit, lambda row: event_json(row, program_id, switches))


def _event_tests(call: Call, filters: Mapping[str, Any]) -> list[Callable[[LoyaltyEvent], bool]]:
    tests: list[Callable[[LoyaltyEvent], bool]] = []
    types = array_of(nested(call, filters, "type_filter", "types"), "types")
    for kind in types:
        if kind not in EVENT_KINDS:
            raise SquareError("INVALID_ENUM_VALUE", f"{kind!r} is not a loyalty event type.", "types")
    if types:
        tests.append(lambda row: row.kind in types)
    places = array_of(nested(call, filters, "location_filter", "location_ids"), "location_ids")
    if places:
        tests.append(lambda row: row.location_id in places)
    order_id = text(nested(call, filters, "order_filter", "order_id"), "order_id")
    if order_id is not None:
        tests.append(lambda row: row.order_id == order_id)
    return tests


def rewards(call: Call) -> dict[str, Any]:
    """POST /v2/loyalty/rewards/search: all without a query, else those of one account; newest change first."""
    limit = bounded(call, call.body, PAGE, PAGE)
    query = nested(call, call.body, "query", "loyalty_account_id status")
    people, among, keep = people_of(call), None, None
    if query:
        account_id, status = text(query, "loyalty_account_id"), choice(query, "status", REWARD_STATES)
        if not account_id:
            detail = "loyalty_account_id is required in a query."
            raise SquareError("MISSING_REQUIRED_PARAMETER", detail, "loyalty_account_id")
        among = people.rewards_of(account_id)
        keep = (lambda row: row.status == status) if status is not None else None
    if _subscribed(call) is None:
        return {}
    asked = question(call, call.body)
    slots = people.rewards.select(asked, "updated", descending=True, keep=keep, among=among)
    return page_of(call, "rewards", people.rewards, slots, limit, reward_json)


def reward(call: Call) -> dict[str, Any]:
    """GET /v2/loyalty/rewards/{id}."""
    held, reward_id = _subscribed(call), call.request.path_params["reward_id"]
    row = people_of(call).rewards.get(reward_id) if held is not None else None
    return {"reward": reward_json(found(row, "Loyalty reward", reward_id))}
