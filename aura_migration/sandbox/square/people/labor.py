"""Labor routes: wages, timecards, break types, workweek, scheduled shifts, and the retired shifts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, array_of, bounded
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.people.answers import (
    Window,
    choice,
    currency_of,
    descending,
    found,
    nested,
    page_of_rows,
    people_of,
    span,
    text,
)
from aura_migration.sandbox.square.people.model import Assignment, PlannedShift, TeamMember, Timecard
from aura_migration.sandbox.square.people.wire_staff import (
    break_type_json,
    planned_json,
    timecard_json,
    wage_json,
    workweek_json,
)

PAGE, PLANNED_PAGE = 200, 50
TIMECARD_FILTERS = "location_ids team_member_ids status start end workday"
PLANNED_FILTERS = "location_ids team_member_ids start end"
SORTS: dict[str, Callable[[Timecard], float]] = {
    "START_AT": lambda held: held.start,
    "END_AT": lambda held: held.end if held.end is not None else float("inf"),
    "CREATED_AT": lambda held: held.created,
    "UPDATED_AT": lambda held: held.updated,
}
READ, SETTINGS, WAGES = ("TIMECARDS_READ",), ("TIMECARDS_SETTINGS_READ",), ("EMPLOYEES_READ",)


def routes(context: Context) -> list[Route]:
    """All labor routes, each with its scope."""

    def get(path: str, handler: Any, scopes: Iterable[str], query: Iterable[str] = ()) -> Route:
        return Route(f"/v2/labor{path}", context.endpoint(handler, scopes=scopes, query=query), methods=["GET"])

    def post(path: str, handler: Any) -> Route:
        endpoint = context.endpoint(handler, scopes=READ, body=("query", "limit", "cursor"))
        return Route(f"/v2/labor{path}", endpoint, methods=["POST"])

    return [
        get("/team-member-wages", wages, WAGES, ("team_member_id", "limit", "cursor")),
        get("/team-member-wages/{wage_id}", wage, WAGES),
        get("/break-types", break_types, SETTINGS, ("location_id", "limit", "cursor")),
        get("/break-types/{break_type_id}", break_type, SETTINGS),
        get("/workweek-configs", workweeks, SETTINGS, ("limit", "cursor")),
        post("/timecards/search", timecards),
        get("/timecards/{timecard_id}", timecard, READ),
        post("/scheduled-shifts/search", planned_shifts),
        get("/scheduled-shifts/{shift_id}", planned_shift, READ),
        post("/shifts/search", old_shifts),
        get("/shifts/{timecard_id}", old_shift, READ),
    ]


# -- wages, breaks, weeks --------------------------------------------------------------------------------------------


def _wages(call: Call) -> list[tuple[TeamMember, Assignment]]:
    return [(member, held) for member in people_of(call).team for held in member.assignments or []]


def wages(call: Call) -> dict[str, Any]:
    """GET /v2/labor/team-member-wages: one row for each job of each person."""
    member_id, currency = call.query.get("team_member_id"), currency_of(call)
    rows = [(member, held) for member, held in _wages(call) if not member_id or member.id == member_id]
    limit = bounded(call, call.query, PAGE, PAGE)
    return page_of_rows(call, "team_member_wages", rows, limit, lambda row: wage_json(*row, currency))


def wage(call: Call) -> dict[str, Any]:
    """GET /v2/labor/team-member-wages/{id}."""
    wage_id = call.request.path_params["wage_id"]
    row = next((row for row in _wages(call) if row[1].wage_id == wage_id), None)
    return {"team_member_wage": wage_json(*found(row, "Team member wage", wage_id), currency_of(call))}


def break_types(call: Call) -> dict[str, Any]:
    """GET /v2/labor/break-types."""
    place = call.query.get("location_id")
    rows = [held for held in people_of(call).break_types.values() if not place or held.location_id == place]
    return page_of_rows(call, "break_types", rows, bounded(call, call.query, PAGE, PAGE), break_type_json)


def break_type(call: Call) -> dict[str, Any]:
    """GET /v2/labor/break-types/{id}."""
    kind_id = call.request.path_params["break_type_id"]
    return {"break_type": break_type_json(found(people_of(call).break_types.get(kind_id), "Break type", kind_id))}


def workweeks(call: Call) -> dict[str, Any]:
    """GET /v2/labor/workweek-configs."""
    rows, limit = people_of(call).workweeks, bounded(call, call.query, PAGE, PAGE)
    return page_of_rows(call, "workweek_configs", rows, limit, workweek_json)


# -- timecards -------------------------------------------------------------------------------------------------------


def timecards(call: Call) -> dict[str, Any]:
    """POST /v2/labor/timecards/search: latest start first unless sorted otherwise; there is no updated_at filter."""
    rows, limit = _timecards(call)
    currency = currency_of(call)
    return page_of_rows(call, "timecards", rows, limit, lambda held: timecard_json(held, currency))


def _timecards(call: Call) -> tuple[list[Timecard], int]:
    limit = bounded(call, call.body, PAGE, PAGE)
    query = nested(call, call.body, "query", "filter sort")
    sort = nested(call, query, "sort", "field order")
    field = choice(sort, "field", SORTS) or "START_AT"
    tests = _timecard_tests(call, nested(call, query, "filter", TIMECARD_FILTERS))
    rows = [held for held in people_of(call).timecards if all(fits(held) for fits in tests)]
    rows.sort(key=lambda held: (SORTS[field](held), held.id), reverse=descending(sort, "order", "DESC"))
    return rows, limit


def _timecard_tests(call: Call, filters: Mapping[str, Any]) -> list[Callable[[Timecard], bool]]:
    places, members = set(array_of(filters, "location_ids")), set(array_of(filters, "team_member_ids"))
    status = choice(filters, "status", ("OPEN", "CLOSED"))
    start, end = span(call, filters, "start"), span(call, filters, "end")
    tests: list[Callable[[Timecard], bool]] = []
    if places:
        tests.append(lambda held: held.location_id in places)
    if members:
        tests.append(lambda held: held.member_id in members)
    if status is not None:
        tests.append(lambda held: held.closed is (status == "CLOSED"))
    if start is not None:
        tests.append(lambda held: _in(held.start, start))
    if end is not None:
        tests.append(lambda held: held.end is not None and _in(held.end, end))
    workday = nested(call, filters, "workday", "date_range match_timecards_by match_shifts_by default_timezone")
    if workday:
        tests.append(_workday(call, workday))
    return tests


def _in(stamp: int, window: Window) -> bool:
    low, high = window
    return (low is None or stamp >= low) and (high is None or stamp < high)


def _workday(call: Call, workday: Mapping[str, Any]) -> Callable[[Timecard], bool]:
    """Timecards by local dates: of their start, their end, or any day between."""
    dates = nested(call, workday, "date_range", "start_date end_date")
    first, last = _date(dates, "start_date"), _date(dates, "end_date")
    by = choice(workday, "match_timecards_by", ("START_AT", "END_AT", "INTERSECTION")) or "START_AT"
    default = text(workday, "default_timezone")
    if default is not None:
        try:
            ZoneInfo(default)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SquareError("INVALID_VALUE", f"{default!r} is not a time zone.", "default_timezone") from error

    def fits(held: Timecard) -> bool:
        zone = ZoneInfo(held.zone)
        began = datetime.fromtimestamp(held.start / 1000, UTC).astimezone(zone).date()
        ended = datetime.fromtimestamp(held.end / 1000, UTC).astimezone(zone).date() if held.end is not None else None
        if by == "START_AT":
            return first <= began <= last
        if by == "END_AT":
            return ended is not None and first <= ended <= last
        return began <= last and (ended is None or ended >= first)

    return fits


def _date(fields: Mapping[str, Any], name: str) -> date:
    value = text(fields, name)
    if value is None:
        raise SquareError("MISSING_REQUIRED_PARAMETER", f"{name} is required.", name)
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise SquareError("INVALID_DATE", f"{name} is not a date such as 2026-10-01.", name) from error


def _timecard(call: Call) -> dict[str, Any]:
    timecard_id = call.request.path_params["timecard_id"]
    held = found(people_of(call).timecards.get(timecard_id), "Timecard", timecard_id)
    return timecard_json(held, currency_of(call))


def timecard(call: Call) -> dict[str, Any]:
    """GET /v2/labor/timecards/{id}."""
    return {"timecard": _timecard(call)}


# -- scheduled shifts ------------------------------------------------------------------------------------------------


def planned_shifts(call: Call) -> dict[str, Any]:
    """POST /v2/labor/scheduled-shifts/search, beta."""
    limit = bounded(call, call.body, PLANNED_PAGE, PLANNED_PAGE)
    query = nested(call, call.body, "query", "filter sort")
    filters = nested(call, query, "filter", PLANNED_FILTERS)
    places, members = set(array_of(filters, "location_ids")), set(array_of(filters, "team_member_ids"))
    start, end = span(call, filters, "start"), span(call, filters, "end")

    def fits(held: PlannedShift) -> bool:
        where = (not places or held.location_id in places) and (not members or held.member_id in members)
        return where and (start is None or _in(held.start, start)) and (end is None or _in(held.end, end))

    rows = sorted((held for held in people_of(call).planned if fits(held)), key=lambda held: (held.start, held.id))
    return page_of_rows(call, "scheduled_shifts", rows, limit, planned_json)


def planned_shift(call: Call) -> dict[str, Any]:
    """GET /v2/labor/scheduled-shifts/{id}."""
    shift_id = call.request.path_params["shift_id"]
    return {"scheduled_shift": planned_json(found(people_of(call).planned.get(shift_id), "Scheduled shift", shift_id))}


# -- the retired shifts ----------------------------------------------------------------------------------------------


def _retired(call: Call) -> None:
    if call.switches["old_shifts"] == "gone":
        raise SquareError("GONE", "Shifts were retired; use timecards.")


def old_shifts(call: Call) -> dict[str, Any]:
    """POST /v2/labor/shifts/search: retired, or by switch the timecards under their old name."""
    _retired(call)
    rows, limit = _timecards(call)
    currency = currency_of(call)
    return page_of_rows(call, "shifts", rows, limit, lambda held: _as_shift(timecard_json(held, currency)))


def old_shift(call: Call) -> dict[str, Any]:
    """GET /v2/labor/shifts/{id}: retired like the search."""
    _retired(call)
    return {"shift": _as_shift(_timecard(call))}


def _as_shift(card: dict[str, Any]) -> dict[str, Any]:
    return {**card, "employee_id": card["team_member_id"]}
