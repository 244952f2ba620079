"""The custom-attribute filters of a customer search: at most ten, each one test of one attribute's value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from aura_migration.sandbox.square.context import Call, array_of
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.people.answers import nested, people_of, text
from aura_migration.sandbox.square.people.model import Customer

MOST_FILTERS = 10
KINDS = "email phone text selection date number boolean address"
Test = Callable[[Any], bool]


def attribute_filter(call: Call, asked: Mapping[str, Any]) -> Callable[[Customer], bool]:
    """A test of a customer from `{filters: [{key, filter: {text | selection | number | date | boolean | …}}]}`."""
    filters = asked.get("filters") or []
    if not isinstance(filters, list) or any(not isinstance(held, dict) for held in filters):
        raise SquareError("EXPECTED_ARRAY", "Expected an array of objects for filters.", "filters")
    if len(filters) > MOST_FILTERS:
        raise SquareError("ARRAY_LENGTH_TOO_LONG", f"filters holds more than {MOST_FILTERS} values.", "filters")
    hidden = {definition.key for definition in people_of(call).definitions if definition.hidden}
    tests: list[tuple[str, Test]] = []
    for held in filters:
        key = text(held, "key")
        if not key:
            raise SquareError("MISSING_REQUIRED_PARAMETER", "key is required.", "key")
        tests.append((key, _test(call, nested(call, held, "filter", KINDS))))

    def keep(customer: Customer) -> bool:
        seen = {name: value for name, value in customer.attributes.items() if name not in hidden}
        return all(key in seen and test(seen[key]) for key, test in tests)

    return keep


def _test(call: Call, given: Mapping[str, Any]) -> Test:
    if not given:
        return lambda _value: True
    if len(given) > 1:
        raise SquareError("CONFLICTING_PARAMETERS", "A custom attribute filter takes one kind of value.", "filter")
    [kind] = given
    if kind == "boolean":
        wanted = given["boolean"]
        return lambda value: value is wanted
    if kind == "selection":
        asked = nested(call, given, kind, "all any none")
        every, some, none = (set(array_of(asked, name)) for name in ("all", "any", "none"))
        return lambda value: every <= set(value) and (not some or bool(some & set(value))) and not none & set(value)
    if kind in ("number", "date"):
        names = ("start_at", "end_at")
        asked = nested(call, given, kind, " ".join(names))
        low, high = (asked.get(name) for name in names)
        read: Callable[[Any], Any] = _decimal if kind == "number" else str
        return lambda value: (low is None or read(value) >= read(low)) and (high is None or read(value) <= read(high))
    asked = nested(call, given, kind, "exact fuzzy")
    exact, fuzzy = text(asked, "exact"), text(asked, "fuzzy")
    if exact is not None and fuzzy is not None:
        raise SquareError("CONFLICTING_PARAMETERS", f"{kind} takes exact or fuzzy, not both.", kind)
    if exact is not None:
        return lambda value: str(value) == exact
    part = (fuzzy or "").casefold()
    return lambda value: part in str(value).casefold()


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise SquareError("INVALID_VALUE", f"{value!r} is not a number.", "number") from error
