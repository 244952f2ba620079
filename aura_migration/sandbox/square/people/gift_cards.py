"""Gift-card routes: cards, a card by its number, activities."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, bounded, moment
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.people.answers import (
    SHORTEST,
    choice,
    currency_of,
    descending,
    found,
    page_of,
    people_of,
    question,
    text,
)
from aura_migration.sandbox.square.people.ledgers import ACTIVITY_KINDS
from aura_migration.sandbox.square.people.model import Activity, GiftCard
from aura_migration.sandbox.square.people.wire_guests import activity_json, gift_card_json

CARD_PAGE, CARD_MAX = 30, 200
ACTIVITY_PAGE, ACTIVITY_MAX = 50, 100
LONGEST_GAN = 255
DEFAULT_WINDOW = timedelta(days=365)


def routes(context: Context) -> list[Route]:
    """All gift-card routes; every one needs GIFTCARDS_READ."""
    scopes = ("GIFTCARDS_READ",)

    def get(path: str, handler: Any, query: Iterable[str] = ()) -> Route:
        return Route(f"/v2/gift-cards{path}", context.endpoint(handler, scopes=scopes, query=query), methods=["GET"])

    from_gan = context.endpoint(by_gan, scopes=scopes, body=("gan",))
    narrowed = ("gift_card_id", "type", "location_id", "begin_time", "end_time", "limit", "cursor", "sort_order")
    return [
        get("", cards, ("type", "state", "limit", "cursor", "customer_id")),
        get("/activities", activities, narrowed),
        Route("/v2/gift-cards/from-gan", from_gan, methods=["POST"]),
        get("/{card_id}", card),
    ]


def cards(call: Call) -> dict[str, Any]:
    """GET /v2/gift-cards: oldest first."""
    limit = bounded(call, call.query, CARD_PAGE, CARD_MAX)
    kind = choice(call.query, "type", ("PHYSICAL", "DIGITAL"))
    state = choice(call.query, "state", ("ACTIVE", "DEACTIVATED", "BLOCKED", "PENDING"))
    customer_id = call.query.get("customer_id")
    people, among = people_of(call), None
    if customer_id:
        if people.customers.get(customer_id) is None:
            raise SquareError("NOT_FOUND", f"Customer with ID `{customer_id}` not found.", "customer_id")
        among = people.gift_cards_of(customer_id)

    def keep(held: GiftCard) -> bool:
        return kind in (None, held.kind) and state in (None, held.state)

    slots = people.gift_cards.select(
        question(call, call.query), "created", keep=keep if kind or state else None, among=among
    )
    currency, switches = currency_of(call), call.switches
    return page_of(
        call, "gift_cards", people.gift_cards, slots, limit, lambda held: gift_card_json(held, currency, switches)
    )


def card(call: Call) -> dict[str, Any]:
    """GET /v2/gift-cards/{id}."""
    card_id = call.request.path_params["card_id"]
    held = found(people_of(call).gift_cards.get(card_id), "Gift card", card_id)
    return {"gift_card": gift_card_json(held, currency_of(call), call.switches)}


def by_gan(call: Call) -> dict[str, Any]:
    """POST /v2/gift-cards/from-gan. The 404 does not repeat the number."""
    gan = text(call.body, "gan")
    if not gan:
        raise SquareError("MISSING_REQUIRED_PARAMETER", "gan is required.", "gan")
    if len(gan) > LONGEST_GAN:
        raise SquareError("VALUE_TOO_LONG", f"gan is longer than {LONGEST_GAN}.", "gan")
    held = people_of(call).gift_card_of_gan(gan)
    if held is None:
        raise SquareError("NOT_FOUND", "Gift card with this GAN not found.", "gan")
    return {"gift_card": gift_card_json(held, currency_of(call), call.switches)}


def activities(call: Call) -> dict[str, Any]:
    """GET /v2/gift-cards/activities: the last year unless asked otherwise, both ends included, newest first."""
    limit = bounded(call, call.query, ACTIVITY_PAGE, ACTIVITY_MAX)
    kind, place = choice(call.query, "type", ACTIVITY_KINDS), call.query.get("location_id")
    begin, end = moment(call.query, "begin_time"), moment(call.query, "end_time")
    if begin is not None and end is not None and begin > end:
        raise SquareError("INVALID_TIME_RANGE", "begin_time is after end_time.", "begin_time")
    now = call.world.clock.now()
    if begin is None:
        begin = (now - DEFAULT_WINDOW).timestamp() * 1000
    if end is None:
        end = now.timestamp() * 1000
    people, card_id = people_of(call), call.query.get("gift_card_id")
    among = people.activities_of(card_id) if card_id else None

    def keep(held: Activity) -> bool:
        return kind in (None, held.kind) and (not place or held.location_id == place)

    # The default window moves with the clock; a minute of it is one question.
    asked = question(call, call.query) + f"{now:%Y-%m-%dT%H:%M}"
    slots = people.activities.select(
        asked,
        "created",
        descending=descending(call.query, "sort_order", "DESC"),
        within={"created": (begin, end + SHORTEST)},
        keep=keep if kind or place else None,
        among=among,
    )
    currency = currency_of(call)
    return page_of(
        call, "gift_card_activities", people.activities, slots, limit, lambda held: activity_json(held, currency)
    )
