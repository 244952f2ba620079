"""Query parameters of the labor and orders APIs, and Toast's answers to wrong ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from starlette.requests import Request

from aura_migration.sandbox.toast.config_wire import parse_toast_time
from aura_migration.sandbox.toast.gate import ToastError
from aura_migration.sandbox.toast.people.model import DAY

MOST_IDS = 100
_DAY = re.compile(r"\d{8}")


def stamp(request: Request, name: str) -> int:
    """The moment of a parameter, in milliseconds. Raises ``ToastError`` 400 for what is no date-time."""
    try:
        moment = parse_toast_time(request.query_params[name])
    except ValueError as error:
        raise ToastError(400, f"{name}: {error}") from None
    return int(moment.astimezone(UTC).timestamp() * 1000)


def period(request: Request, start: str, end: str, longest_days: int) -> tuple[int, int]:
    """Two moments in order, at most so many days apart (0: any number). Raises ``ToastError`` 400."""
    for name in (start, end):
        if name not in request.query_params:
            raise ToastError(400, f"{start} and {end} are required together: {name} is missing")
    found = stamp(request, start), stamp(request, end)
    if found[0] >= found[1]:
        raise ToastError(400, f"Input {start} must be before {end}")
    if longest_days and found[1] - found[0] > longest_days * DAY:
        raise ToastError(400, f"The period between {start} and {end} must not be longer than one month")
    return found


def business_date(request: Request, name: str = "businessDate") -> date:
    """``businessDate``, or another parameter, as yyyymmdd. Raises ``ToastError`` 400."""
    text = request.query_params[name]
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ToastError(400, f"{name} {text!r} is not a date of the form yyyymmdd") from None


def guids(request: Request, name: str) -> list[str]:
    """The guids of a repeatable parameter, 100 at most. Raises ``ToastError`` 400."""
    given = [guid(text, name) for text in request.query_params.getlist(name)]
    if len(given) > MOST_IDS:
        raise ToastError(400, f"{name}: at most {MOST_IDS} ids may be given, not {len(given)}")
    return given


def guid(text: str, name: str) -> str:
    """A guid in lower case. Raises ``ToastError`` 400."""
    try:
        found = str(UUID(text))
    except ValueError:
        found = ""
    if found != text.lower():
        raise ToastError(400, f"{name}: {text!r} is not a guid")
    return found


def flag(query: Mapping[str, Any], name: str, default: bool) -> bool:
    """A true or false of the query. Raises ``ToastError`` 400."""
    text = str(query.get(name, str(default))).lower()
    if text not in ("true", "false"):
        raise ToastError(400, f"{name} must be true or false, not {text!r}")
    return text == "true"


def chosen(request: Request, ways: Mapping[str, tuple[str, ...]], message: str) -> str:
    """The one way of selecting the request uses, of several with their parameters. Raises ``ToastError`` 400 with the
    message for none and for more than one."""
    used = [way for way, names in ways.items() if any(name in request.query_params for name in names)]
    if len(used) != 1:
        raise ToastError(400, message, 10_025)
    return used[0]
