"""Clover's query language: `filter`, `orderBy`, `limit`, `offset`, `expand`, and the collection envelope.

A filter field is a named getter with a type; conditions repeat and are ANDed; a null field satisfies no condition, as
in SQL. Nothing here knows which resources exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
Tree = dict[str, "Tree"]
Getter = Callable[[Any], Any]

_IN = re.compile(r"\s*([A-Za-z_][\w.]*)\s+in\s*\((.*)\)\s*", re.IGNORECASE | re.DOTALL)
_NULL = re.compile(r"\s*([A-Za-z_][\w.]*)\s+IS\s+(NOT\s+)?NULL\s*", re.IGNORECASE)
_LIKE = re.compile(r"\s*([A-Za-z_][\w.]*)\s+LIKE\s+(.*)", re.IGNORECASE | re.DOTALL)
_COMPARE = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(>=|<=|!=|=|>|<)(.*)", re.DOTALL)
_ORDER = re.compile(r"\s*([A-Za-z_][\w.]*)(?:\s+(ASC|DESC))?\s*", re.IGNORECASE)


class BadQueryError(Exception):
    """A query Clover answers with 400: what is wrong (`message`) and with what (`details`)."""

    def __init__(self, message: str, details: str) -> None:
        super().__init__(f"{message}: {details}")
        self.message = message
        self.details = details


@dataclass(frozen=True)
class Field:
    """A filterable field: `get(row)` gives a scalar, None, or a list of which any value may match."""

    get: Getter
    type: type = str
    wildcard: bool = False


@dataclass(frozen=True)
class Condition:
    """One parsed filter: a field name and a test of one value; only `sees_null` tests are shown a null.

    `equals` are the values that can pass, where the filter names them; `bound` is its operator and right side.
    """

    field: str
    test: Callable[[Any], bool]
    sees_null: bool = False
    equals: frozenset[Any] | None = None
    bound: tuple[str, Any] | None = None


@dataclass
class Query:
    """What a request asks of a collection."""

    conditions: list[Condition]
    order: list[tuple[str, bool]]
    limit: int
    offset: int
    expand: Tree
    nulls: bool
    echo: list[tuple[str, str]]

    def filters_on(self, field: str) -> bool:
        """Does any condition name `field`?"""
        return any(condition.field == field for condition in self.conditions)


def parse(
    params: list[tuple[str, str]],
    fields: Mapping[str, Field],
    sortable: Mapping[str, Field],
    switches: Mapping[str, Any],
) -> Query:
    """The query of a request on a collection with those filter and orderBy fields. Raises `BadQueryError`."""
    query = Query([], [], DEFAULT_LIMIT, 0, {}, False, [])
    seen_limit = False
    for name, value in params:
        echoed = value
        if name == "filter":
            query.conditions.append(_condition(value, fields, switches))
        elif name == "orderBy":
            query.order = _order(value, sortable, switches)
        elif name == "limit":
            seen_limit = True
            query.limit = _number(name, value, 1)
            if query.limit > MAX_LIMIT:
                if switches["over_max_limit"] == "refuse":
                    raise BadQueryError("limit is over the maximum of 1000", value)
                query.limit = MAX_LIMIT
            echoed = str(query.limit)
        elif name == "offset":
            query.offset = _number(name, value, 0)
        elif name == "return_null_fields":
            query.nulls = value.lower() == "true"
        elif name == "access_token":
            continue
        query.echo.append((name, echoed))
    query.expand = parse_expand(params, switches)
    if not seen_limit:
        query.echo.append(("limit", str(query.limit)))
    return query


def parse_expand(params: Iterable[tuple[str, str]], switches: Mapping[str, Any]) -> Tree:
    """`a,b.c` as a tree; a dotted child implies its parent. More than three names are a soft limit."""
    names = [part.strip() for name, value in params if name == "expand" for part in value.split(",") if part.strip()]
    if len(names) > 3:
        if switches["expand_over_three"] == "refuse":
            raise BadQueryError("at most three expansions are allowed", ",".join(names))
        if switches["expand_over_three"] == "ignore":
            names = names[:3]
    tree: Tree = {}
    for name in names:
        node = tree
        for part in name.split("."):
            node = node.setdefault(part, {})
    return tree


def wants_nulls(params: Iterable[tuple[str, str]]) -> bool:
    """Does the request ask for explicit nulls?"""
    return any(name == "return_null_fields" and value.lower() == "true" for name, value in params)


def select(rows: list[Any], query: Query, fields: Mapping[str, Field], sortable: Mapping[str, Field]) -> list[Any]:
    """The rows that pass every condition, in the order asked for. `rows` come in default order."""
    for condition in query.conditions:
        get = fields[condition.field].get
        rows = [row for row in rows if passes(get(row), condition)]
    for name, descending in reversed(query.order):
        get = sortable[name].get
        rows = sorted(rows, key=lambda row: sort_key(get(row)), reverse=descending)
    return rows


def echo_query(pairs: list[tuple[str, str]]) -> str:
    """The effective query as `href` shows it."""
    return "&".join(f"{quote(name)}={quote(value, safe=',()*.')}" for name, value in pairs)


def passes(value: Any, condition: Condition) -> bool:
    """Does a field's value (one of a list is enough) pass?"""
    if isinstance(value, list):
        return any(condition.test(one) for one in value)
    return (value is not None or condition.sees_null) and condition.test(value)


def sort_key(value: Any) -> tuple[int, Any]:
    """What orderBy compares: nulls, then numbers, then texts."""
    if value is None:
        return (0, 0)
    if isinstance(value, list):
        value = ",".join(map(str, value))
    if isinstance(value, str):
        return (2, value)
    return (1, value)


def _number(name: str, text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise BadQueryError(f"{name} is not a number", text) from error
    if number < least:
        raise BadQueryError(f"{name} is too small", text)
    return number


def _field(name: str, fields: Mapping[str, Field]) -> Field:
    if name not in fields:
        raise BadQueryError("Invalid filter field", name)
    return fields[name]


def _value(text: str, kind: type, name: str) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.strip().lower()]
        return text if kind is str else kind(text.strip())
    except (ValueError, KeyError) as error:
        raise BadQueryError(f"Invalid filter value for {name}", text) from error


def _condition(text: str, fields: Mapping[str, Field], switches: Mapping[str, Any]) -> Condition:
    if found := _IN.fullmatch(text):
        name, listed = found[1], found[2]
        kind = _field(name, fields).type
        values = frozenset(_value(part.strip().strip("'\""), kind, name) for part in listed.split(",") if part.strip())
        return Condition(name, lambda value: value in values, equals=values)
    if found := _NULL.fullmatch(text):
        if not switches["filter_null_operators"]:
            raise BadQueryError("Invalid filter", text)
        _field(found[1], fields)
        wants_null = found[2] is None
        return Condition(found[1], lambda value: (value is None) == wants_null, sees_null=True)
    if found := _LIKE.fullmatch(text):
        if not switches["filter_like"]:
            raise BadQueryError("Invalid filter", text)
        _field(found[1], fields)
        like = re.compile(".*".join(map(re.escape, found[2].strip().strip("'").split("%"))), re.DOTALL)
        return Condition(found[1], lambda value: like.fullmatch(str(value)) is not None)
    found = _COMPARE.fullmatch(text)
    if found is None:
        raise BadQueryError("Invalid filter", text)
    name, operator, right = found[1], found[2], found[3]
    field = _field(name, fields)
    if field.wildcard and operator == "=" and right.endswith("*"):
        prefix = right[:-1]
        return Condition(name, lambda value: str(value).startswith(prefix))
    wanted = _value(right, field.type, name)
    equals = frozenset((wanted,)) if operator == "=" else None
    return Condition(name, _comparison(operator, wanted), equals=equals, bound=(operator, wanted))


def _comparison(operator: str, right: Any) -> Callable[[Any], bool]:
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda value: bool(value == right),
        "!=": lambda value: bool(value != right),
        ">": lambda value: bool(value > right),
        ">=": lambda value: bool(value >= right),
        "<": lambda value: bool(value < right),
        "<=": lambda value: bool(value <= right),
    }
    return tests[operator]


def _order(text: str, fields: Mapping[str, Field], switches: Mapping[str, Any]) -> list[tuple[str, bool]]:
    order = []
    for part in text.split(","):
        found = _ORDER.fullmatch(part)
        if found is not None and found[1] in fields:
            order.append((found[1], (found[2] or "ASC").upper() == "DESC"))
        elif switches["unknown_order_by"] == "refuse":
            raise BadQueryError("Invalid orderBy field", part)
    return order
