"""What is wrong with a document somebody wrote, in plain words: place and problem of each error of its validation.

Validation is pydantic's; its own words speak to programmers. What a document means is its module's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_PLAIN = {
    "extra_forbidden": "there is no such field",
    "missing": "it is missing",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_type": "it must be a number",
    "float_parsing": "it must be a number",
    "decimal_type": "it must be a number",
    "decimal_parsing": "it must be a number",
    "string_type": "it must be a text",
    "list_type": "it must be a list",
    "tuple_type": "it must be a list",
    "dict_type": "it must be an object in braces",
    "mapping_type": "it must be an object in braces",
    "model_type": "it must be an object in braces",
    "model_attributes_type": "it must be an object in braces",
    "timezone_aware": "it must say its time zone, as in 2026-09-30T22:00:00Z",
    "too_short": "it has too few entries",
    "too_long": "it has too many entries",
    "string_too_short": "it must not be empty",
    "string_pattern_mismatch": "it does not have the form that is asked for",
}
_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_FORMS = {r"^([01]\d|2[0-3]):[0-5]\d$": "it must be a time of day, as in 04:00"}


def problems_of(errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """``place: problem`` of each error, in order; an error that several shapes of one field repeat is told once."""
    told = (f"{'.'.join(str(p) for p in error['loc']) or '(top)'}: {plain_problem(error)}" for error in errors)
    return list(dict.fromkeys(told))


def plain_problem(error: Mapping[str, Any]) -> str:
    """One error of a validation, without the validator's own words."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "value_error":
        return str(context.get("error") or error["msg"]).removeprefix("Value error, ")
    if kind in ("literal_error", "enum"):
        return f"it must be one of {context.get('expected', '')}"
    if kind in _LIMITS:
        bound, words = _LIMITS[kind]
        return f"it must be {words} {context.get(bound)}"
    if kind == "string_pattern_mismatch":
        return _FORMS.get(str(context.get("pattern")), _PLAIN[kind])
    if kind.startswith(("datetime", "date_")):
        return "it must be a date and time with its zone, as in 2026-09-30T22:00:00Z"
    if kind in _PLAIN:
        return _PLAIN[kind]
    message = str(error["msg"]).replace("Input should be", "it must be")
    return message[:1].lower() + message[1:]
