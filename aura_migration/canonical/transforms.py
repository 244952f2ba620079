"""Named pure transforms for field mapping. No eval: a mapping names a transform, this registry holds it.

A package may add its own under the entry point group ``aura_migration.transforms`` (name → callable). A transform takes
the POS's value and keyword arguments, returns the value to store, and raises ``ValueError`` when it cannot: the record
then goes to quarantine with that text.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from aura_migration.core.errors import BadInput

Transform = Callable[..., Any]


def _text(value: Any) -> str:
    if value is None:
        raise ValueError("there is no value")
    if isinstance(value, (dict, list)):
        raise ValueError(f"a {type(value).__name__} is not a text")
    return str(value)


def trim(value: Any) -> str:
    """Without white space at both ends."""
    return _text(value).strip()


def upper(value: Any) -> str:
    """In capitals."""
    return _text(value).upper()


def lower(value: Any) -> str:
    """In small letters."""
    return _text(value).lower()


def truncate(value: Any, *, length: int) -> str:
    """The first ``length`` characters."""
    return _text(value)[:length]


def prefix(value: Any, *, text: str) -> str:
    """With a text before it."""
    return text + _text(value)


def default(value: Any, *, value_if_missing: Any) -> Any:
    """Another value where there is none."""
    return value_if_missing if value in (None, "", []) else value


def lookup(value: Any, *, table: dict[str, Any]) -> Any:
    """The entry of a table; a value not in the table is an error."""
    try:
        return table[_text(value)]
    except KeyError:
        raise ValueError(f"{value!r} is not in the table") from None


def integer(value: Any) -> int:
    """As a whole number; anything else is an error."""
    try:
        number = Decimal(_text(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if number != number.to_integral_value():
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


def cents(value: Any, *, scale: int = 2) -> int:
    """A decimal amount as minor units; an amount finer than that is an error. The scale is declared, never guessed."""
    try:
        number = Decimal(_text(value)).scaleb(scale)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not an amount") from None
    if number != number.to_integral_value():
        raise ValueError(f"{value!r} is finer than the minor unit")
    return int(number)


def multiply(value: Any, *, factor: str) -> str:
    """Times an exact factor, rounded half even to four decimals."""
    try:
        product = Decimal(_text(value)) * Decimal(factor)
    except InvalidOperation:
        raise ValueError(f"{value!r} × {factor!r} cannot be computed") from None
    return format(product.quantize(Decimal("0.0001"), ROUND_HALF_EVEN).normalize(), "f")


def extract(value: Any, *, pattern: str, group: int = 0) -> str:
    """The part a regular expression finds; no match is an error."""
    try:
        found = re.search(pattern, _text(value))
        if found is not None:
            return str(found.group(group))
    except (re.error, IndexError) as error:
        raise ValueError(f"{pattern!r}: {error}") from error
    raise ValueError(f"{value!r} does not match {pattern!r}")


def split(value: Any, *, separator: str = ",") -> list[str]:
    """As a list of trimmed parts."""
    return [part.strip() for part in _text(value).split(separator) if part.strip()]


def seconds_to_minutes(value: Any) -> int:
    """Whole minutes, rounded up: preparation is never shorter than the POS says."""
    return -(-integer(value) // 60)


BUILT_IN: dict[str, Transform] = {
    "trim": trim,
    "upper": upper,
    "lower": lower,
    "truncate": truncate,
    "prefix": prefix,
    "default": default,
    "lookup": lookup,
    "integer": integer,
    "cents": cents,
    "multiply": multiply,
    "extract": extract,
    "split": split,
    "seconds_to_minutes": seconds_to_minutes,
}


@cache
def transforms() -> dict[str, Transform]:
    """All registered transforms by name; a plugin cannot replace a built-in one."""
    plugins = {point.name: point.load() for point in entry_points(group="aura_migration.transforms")}
    return {**plugins, **BUILT_IN}


def transform(name: str) -> Transform:
    """A transform by name; ``BadInput`` lists what there is."""
    try:
        return transforms()[name]
    except KeyError:
        raise BadInput(f"There is no transform {name!r}.", f"There are {', '.join(sorted(transforms()))}.") from None


def misuse(name: str, arguments: Mapping[str, Any]) -> str | None:
    """Why a transform cannot be called by that name with these arguments; None when it can."""
    change = transforms().get(name)
    if change is None:
        return f"there is no transform {name!r}; there are {', '.join(sorted(transforms()))}"
    try:
        inspect.signature(change).bind(None, **arguments)
    except TypeError as error:
        return f"transform {name}: {error}"
    return None
