"""What the routes of people have in common: strict limits, nested objects of a query, time ranges, pages of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from aura_migration.sandbox.square.context import Call, check_names, moment, whole
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.people.store import People
from aura_migration.sandbox.square.people.table import Table

Row = TypeVar("Row")
Window = tuple[float | None, float | None]
SHORTEST = 0.001  # stamps are whole milliseconds: the smallest step behind one


def people_of(call: Call) -> People:
    """The people of the account."""
    return call.world.people


def currency_of(call: Call) -> str:
    """The account's currency."""
    return call.world.merchant.currency


def strict_limit(fields: Mapping[str, Any], default: int, highest: int) -> int:
    """A `limit` that is a 400 outside 1..highest, whatever the switches say."""
    limit = whole(fields, "limit")
    if limit is None:
        return default
    if limit < 1:
        raise SquareError("VALUE_TOO_LOW", "limit must be greater than or equal to 1.", "limit")
    if limit > highest:
        raise SquareError("VALUE_TOO_HIGH", f"limit must be less than or equal to {highest}.", "limit")
    return limit


def nested(call: Call, fields: Mapping[str, Any], name: str, allowed: str) -> dict[str, Any]:
    """An object inside a body, {} when absent; `allowed`: the names it may have, separated by spaces."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SquareError("EXPECTED_OBJECT", f"Expected an object for {name}.", name)
    if call.switches["reject_unknown_parameters"]:
        check_names(value, frozenset(allowed.split()), "UNKNOWN_BODY_PARAMETER")
    return value


def choice(fields: Mapping[str, Any], name: str, allowed: Iterable[str]) -> str | None:
    """An enum value, None when absent."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if value not in tuple(allowed):
        raise SquareError("INVALID_ENUM_VALUE", f"{value!r} is not a valid value for {name}.", name)
    return str(value)


def descending(fields: Mapping[str, Any], name: str, default: str) -> bool:
    """Is the order DESC?"""
    return (choice(fields, name, ("ASC", "DESC")) or default) == "DESC"


def span(call: Call, fields: Mapping[str, Any], name: str, end_included: bool = False) -> Window | None:
    """A time range {start_at, end_at} as [from, before) in Unix milliseconds; None when absent."""
    given = nested(call, fields, name, "start_at end_at")
    start, end = moment(given, "start_at"), moment(given, "end_at")
    if start is not None and end is not None and start > end:
        raise SquareError("INVALID_TIME_RANGE", f"{name} ends before it starts.", name)
    if end is not None and end_included:
        end += SHORTEST
    return (start, end) if given else None


def text(fields: Mapping[str, Any], name: str) -> str | None:
    """A text, None when absent."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise SquareError("EXPECTED_STRING", f"Expected a string for {name}.", name)
    return value


def question(call: Call, source: Mapping[str, Any]) -> str:
    """All that was asked but where the page begins: the name under which a table keeps its answer."""
    asked = {name: value for name, value in source.items() if name not in ("cursor", "limit", "count")}
    switches = {name: call.switches[name] for name in ("customer_time_end", "customer_delay_seconds")}
    return json.dumps([call.request.url.path, asked, switches], sort_keys=True)


def page_of(
    call: Call,
    key: str,
    table: Table[Row],
    slots: Sequence[int],
    limit: int,
    to_json: Callable[[Row], dict[str, Any]],
) -> dict[str, Any]:
    """One page of a table's slots under the list's key, with a cursor while there is more."""
    source = call.body if call.request.method == "POST" else call.query
    part, cursor = call.page(slots, call.position(call.request.url.path, source), limit)
    return listed(key, [to_json(table.row(slot)) for slot in part], cursor)


def page_of_rows(
    call: Call, key: str, rows: Sequence[Row], limit: int, to_json: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    """One page of a list of rows."""
    source = call.body if call.request.method == "POST" else call.query
    part, cursor = call.page(rows, call.position(call.request.url.path, source), limit)
    return listed(key, [to_json(row) for row in part], cursor)


def listed(key: str, rows: list[dict[str, Any]], cursor: str | None) -> dict[str, Any]:
    """An answer without an empty list, with a cursor only when there is more."""
    answer: dict[str, Any] = {key: rows} if rows else {}
    return {**answer, "cursor": cursor} if cursor else answer


def found(row: Row | None, kind: str, row_id: str) -> Row:
    """The row, or a 404 that names it."""
    if row is None:
        raise SquareError("NOT_FOUND", f"{kind} with ID `{row_id}` not found.")
    return row
