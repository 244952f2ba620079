"""Toast's words for rules and what they mean; figures within their bounds. Knows no snapshot and no rows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

T = TypeVar("T")
BEHAVIORS = {"DINE_IN": "dine_in", "TAKE_OUT": "takeout", "DELIVERY": "delivery"}
NAMELESS = "Missing name"


class RuleError(ValueError):
    """A rule that nobody can follow as it is stated; the text says why, for people."""


def percent(value: Decimal, what: str) -> str:
    """A percentage as text; ``RuleError`` outside 0 to 100."""
    if not 0 <= value <= 100:
        raise RuleError(f"{what} is {value} %, which is not between 0 and 100.")
    return plain_number(value)


def plain_number(value: Decimal) -> str:
    """An exact number as text without needless zeros."""
    shown = format(value, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def known(word: str | None, words: Mapping[str, T], what: str) -> T:
    """What a word of Toast's means; ``RuleError`` for one that is not documented."""
    if word is None or word not in words:
        raise RuleError(f"{what} is {word!r}, which is not documented.")
    return words[word]
