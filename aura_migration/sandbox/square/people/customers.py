"""Customer routes: list, search, bulk-retrieve, by id, groups, segments, custom attributes, cards on file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, array_of, bounded, flag
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.people.answers import (
    Window,
    choice,
    descending,
    found,
    listed,
    nested,
    page_of_rows,
    people_of,
    question,
    span,
    strict_limit,
    text,
)
from aura_migration.sandbox.square.people.attribute_filter import attribute_filter
from aura_migration.sandbox.square.people.model import CREATION_SOURCES, CardOnFile, Customer
from aura_migration.sandbox.square.people.wire_guests import (
    attribute_json,
    card_on_file_json,
    customer_json,
    definition_json,
    label_json,
)

PAGE, LABELS, CARDS = 100, 50, 25
ATTRIBUTE_PAGE, ATTRIBUTE_MAX = 20, 100
FILTERS = (
    "creation_source created_at updated_at email_address phone_number reference_id group_ids segment_ids "
    "custom_attribute"
)
LISTED = {"listed": (1.0, None)}
Keep = Callable[[Customer], bool]


def routes(context: Context) -> list[Route]:
    """All customer routes."""
    read = ("CUSTOMERS_READ",)

    def get(path: str, handler: Any, query: Iterable[str] = (), scopes: Iterable[str] = read) -> Route:
        return Route(path, context.endpoint(handler, scopes=scopes, query=query), methods=["GET"])

    def post(path: str, handler: Any, body: Iterable[str]) -> Route:
        return Route(path, context.endpoint(handler, scopes=read, body=body), methods=["POST"])

    paging = ("limit", "cursor")
    base = "/v2/customers"
    return [
        get(base, list_customers, (*paging, "sort_field", "sort_order", "count")),
        post(f"{base}/search", search, ("query", *paging, "count")),
        post(f"{base}/bulk-retrieve", bulk_retrieve, ("customer_ids",)),
        get(f"{base}/groups", groups, paging),
        get(f"{base}/groups/{{label_id}}", group),
        get(f"{base}/segments", segments, paging),
        get(f"{base}/segments/{{label_id}}", segment),
        get(f"{base}/custom-attribute-definitions", definitions, paging),
        get(f"{base}/custom-attribute-definitions/{{key}}", definition, ("version",)),
        get(f"{base}/{{customer_id}}", customer),
        get(f"{base}/{{customer_id}}/custom-attributes", attributes, (*paging, "with_definitions")),
        get(f"{base}/{{customer_id}}/custom-attributes/{{key}}", attribute, ("with_definition", "version")),
        get("/v2/cards", cards, ("cursor", "customer_id", "include_disabled", "reference_id", "sort_order"), ()),
        get("/v2/cards/{card_id}", card, (), ()),
    ]


# -- the directory ---------------------------------------------------------------------------------------------------


def list_customers(call: Call) -> dict[str, Any]:
    """GET /v2/customers: by name unless sorted by CREATED_AT; nameless profiles are neither shown nor counted."""
    limit = strict_limit(call.query, PAGE, PAGE)
    field = choice(call.query, "sort_field", ("DEFAULT", "CREATED_AT")) or "DEFAULT"
    down = descending(call.query, "sort_order", "ASC")
    return _directory(call, call.query, limit, field, down, {}, None)


def search(call: Call) -> dict[str, Any]:
    """POST /v2/customers/search: filters are ANDed; without a query everyone by name."""
    limit = strict_limit(call.body, PAGE, PAGE)
    query = nested(call, call.body, "query", "filter sort")
    sort = nested(call, query, "sort", "field order")
    field = choice(sort, "field", ("DEFAULT", "CREATED_AT")) or "DEFAULT"
    down = descending(sort, "order", "ASC")
    filters = nested(call, query, "filter", FILTERS)
    within: dict[str, Window] = {}
    included = call.switches["customer_time_end"] == "inclusive"
    for name, column in (("created_at", "created"), ("updated_at", "updated")):
        window = span(call, filters, name, included)
        if window is not None:
            within[column] = window
    keeps = _keeps(call, filters)
    keep = (lambda held: all(accept(held) for accept in keeps)) if keeps else None
    return _directory(call, call.body, limit, field, down, within, keep)


def _directory(
    call: Call,
    source: Mapping[str, Any],
    limit: int,
    field: str,
    down: bool,
    within: Mapping[str, Window],
    keep: Keep | None,
) -> dict[str, Any]:
    people = people_of(call)
    table, delay = people.customers, float(call.switches["customer_delay_seconds"])
    order = "created" if field == "CREATED_AT" else "sort_name"
    if delay > 0:
        # Whoever was written a moment ago is seen as before, so nothing can be kept from an earlier question.
        rows = [seen for held in table if (seen := people.as_listed(held, delay)) is not None and seen.listed]
        rows = [seen for seen in rows if _inside(seen, within) and (keep is None or keep(seen))]
        rows.sort(key=attrgetter(order), reverse=down)
        part, cursor = call.page(rows, call.position(call.request.url.path, source), limit)
        total = len(rows)
    else:
        asked = question(call, source)
        slots = table.select(asked, order, descending=down, within={**LISTED, **within}, keep=keep)
        chosen, cursor = call.page(slots, call.position(call.request.url.path, source), limit)
        part, total = [table.row(slot) for slot in chosen], len(slots)
    answer = listed("customers", [customer_json(held, call.switches) for held in part], cursor)
    return {**answer, "count": total} if flag(source, "count") else answer


def _inside(customer: Customer, within: Mapping[str, Window]) -> bool:
    for name, (low, high) in within.items():
        value = getattr(customer, name)
        if (low is not None and value < low) or (high is not None and value >= high):
            return False
    return True


def _keeps(call: Call, filters: Mapping[str, Any]) -> list[Keep]:
    """What a search asks beyond time, as tests of a customer."""
    keeps: list[Keep] = []
    source = nested(call, filters, "creation_source", "values rule")
    if source:
        values = array_of(source, "values")
        for value in values:
            if value not in CREATION_SOURCES:
                raise SquareError("INVALID_ENUM_VALUE", f"{value!r} is not a creation source.", "values")
        wanted = (choice(source, "rule", ("INCLUDE", "EXCLUDE")) or "INCLUDE") == "INCLUDE"
        keeps.append(lambda held: (held.source in values) is wanted)
    for name, value_of, same in (
        ("email_address", lambda held: held.email, _folded),
        ("phone_number", lambda held: held.phone, digits),
        ("reference_id", lambda held: held.reference_id, str),
    ):
        asked = nested(call, filters, name, "exact fuzzy")
        if asked:
            keeps.append(text_filter(asked, name, value_of, same))
    for name, ids_of in (("group_ids", lambda held: held.group_ids), ("segment_ids", lambda held: held.segment_ids)):
        asked = nested(call, filters, name, "all any none")
        if asked:
            keeps.append(_set_filter(asked, ids_of))
    asked = nested(call, filters, "custom_attribute", "filters")
    if asked:
        keeps.append(attribute_filter(call, asked))
    return keeps


def _folded(value: str) -> str:
    return value.strip().casefold()


def digits(value: str) -> str:
    """The digits of a phone number, without the country code of this country."""
    kept = "".join(letter for letter in value if letter.isdecimal())
    return kept[1:] if len(kept) == 11 and kept.startswith("1") else kept


def text_filter(
    asked: Mapping[str, Any], name: str, value_of: Any, same: Callable[[str], str]
) -> Callable[[Any], bool]:
    """A filter that is {exact} or {fuzzy}, never both. Fuzzy: what was asked is part of the value."""
    exact, fuzzy = text(asked, "exact"), text(asked, "fuzzy")
    if exact is not None and fuzzy is not None:
        raise SquareError("CONFLICTING_PARAMETERS", f"{name} takes exact or fuzzy, not both.", name)
    if exact is not None:
        whole_value = same(exact)
        return lambda held: (value := value_of(held)) is not None and same(value) == whole_value
    part = same(fuzzy or "").casefold()
    return lambda held: (value := value_of(held)) is not None and part in same(value).casefold()


def _set_filter(asked: Mapping[str, Any], ids_of: Any) -> Keep:
    every, some, none = (set(array_of(asked, name)) for name in ("all", "any", "none"))

    def keep(held: Customer) -> bool:
        has = set(ids_of(held))
        return every <= has and (not some or bool(some & has)) and not none & has

    return keep


def bulk_retrieve(call: Call) -> dict[str, Any]:
    """POST /v2/customers/bulk-retrieve: a map by id; who is not there has errors of their own."""
    if "customer_ids" not in call.body:
        raise SquareError("MISSING_REQUIRED_PARAMETER", "customer_ids is required.", "customer_ids")
    wanted = array_of(call.body, "customer_ids", int(call.switches["bulk_retrieve_max"]))
    responses: dict[str, Any] = {}
    for customer_id in wanted:
        try:
            responses[customer_id] = {"customer": customer_json(_by_id(call, customer_id), call.switches)}
        except SquareError as error:
            responses[customer_id] = {"errors": [error.to_json()]}
    return {"responses": responses} if responses else {}


def _by_id(call: Call, customer_id: str) -> Customer:
    held = people_of(call).customers.get(customer_id)
    if held is not None and not held.listed and not call.switches["instant_profile_by_id"]:
        held = None
    return found(held, "Customer", customer_id)


def customer(call: Call) -> dict[str, Any]:
    """GET /v2/customers/{id}: instant profiles too; deleted and merged ones are gone."""
    return {"customer": customer_json(_by_id(call, call.request.path_params["customer_id"]), call.switches)}


# -- groups, segments, attributes ------------------------------------------------------------------------------------


def groups(call: Call) -> dict[str, Any]:
    """GET /v2/customers/groups."""
    return page_of_rows(call, "groups", people_of(call).groups, strict_limit(call.query, LABELS, LABELS), label_json)


def segments(call: Call) -> dict[str, Any]:
    """GET /v2/customers/segments."""
    rows = people_of(call).segments
    return page_of_rows(call, "segments", rows, strict_limit(call.query, LABELS, LABELS), label_json)


def group(call: Call) -> dict[str, Any]:
    """GET /v2/customers/groups/{id}."""
    label_id = call.request.path_params["label_id"]
    held = next((label for label in people_of(call).groups if label.id == label_id), None)
    return {"group": label_json(found(held, "Customer group", label_id))}


def segment(call: Call) -> dict[str, Any]:
    """GET /v2/customers/segments/{id}."""
    label_id = call.request.path_params["label_id"]
    held = next((label for label in people_of(call).segments if label.id == label_id), None)
    return {"segment": label_json(found(held, "Customer segment", label_id))}


def definitions(call: Call) -> dict[str, Any]:
    """GET /v2/customers/custom-attribute-definitions: not those other applications hide."""
    rows = [held for held in people_of(call).definitions if not held.hidden]
    limit = bounded(call, call.query, ATTRIBUTE_PAGE, ATTRIBUTE_MAX)
    return page_of_rows(call, "custom_attribute_definitions", rows, limit, definition_json)


def definition(call: Call) -> dict[str, Any]:
    """GET /v2/customers/custom-attribute-definitions/{key}."""
    key = call.request.path_params["key"]
    held = next((held for held in people_of(call).definitions if held.key == key and not held.hidden), None)
    return {"custom_attribute_definition": definition_json(found(held, "Custom attribute definition", key))}


def attributes(call: Call) -> dict[str, Any]:
    """GET /v2/customers/{id}/custom-attributes."""
    held, told = _by_id(call, call.request.path_params["customer_id"]), flag(call.query, "with_definitions")
    rows = [one for one in people_of(call).definitions if not one.hidden and one.key in held.attributes]
    limit = bounded(call, call.query, ATTRIBUTE_PAGE, ATTRIBUTE_MAX)
    return page_of_rows(call, "custom_attributes", rows, limit, lambda one: attribute_json(held, one, told))


def attribute(call: Call) -> dict[str, Any]:
    """GET /v2/customers/{id}/custom-attributes/{key}."""
    key, held = call.request.path_params["key"], _by_id(call, call.request.path_params["customer_id"])
    known = (one for one in people_of(call).definitions if not one.hidden and one.key in held.attributes)
    one = found(next((one for one in known if one.key == key), None), "Custom attribute", key)
    return {"custom_attribute": attribute_json(held, one, flag(call.query, "with_definition"))}


# -- cards on file ---------------------------------------------------------------------------------------------------


def _card_scope(call: Call) -> None:
    needed = call.switches["cards_scope"]
    if needed != "none":
        call.need(needed)


def cards(call: Call) -> dict[str, Any]:
    """GET /v2/cards: 25 a page, disabled ones only when asked for."""
    _card_scope(call)
    customer_id, reference = call.query.get("customer_id"), call.query.get("reference_id")
    disabled, down = flag(call.query, "include_disabled"), descending(call.query, "sort_order", "ASC")
    rows: list[CardOnFile] = [
        held
        for held in people_of(call).cards_on_file
        if (disabled or held.enabled)
        and (not customer_id or held.customer_id == customer_id)
        and (not reference or held.reference_id == reference)
    ]
    rows.sort(key=lambda held: (held.created, held.id), reverse=down)
    merchant_id, newer = call.world.merchant.id, call.view().newer
    return page_of_rows(call, "cards", rows, CARDS, lambda held: card_on_file_json(held, merchant_id, newer))


def card(call: Call) -> dict[str, Any]:
    """GET /v2/cards/{id}."""
    _card_scope(call)
    card_id = call.request.path_params["card_id"]
    held = found(people_of(call).cards_on_file.get(card_id), "Card", card_id)
    return {"card": card_on_file_json(held, call.world.merchant.id, call.view().newer)}
