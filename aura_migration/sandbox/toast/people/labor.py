"""The labor API: jobs, employees, planned shifts, time entries. Nothing here is paged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from aura_migration.sandbox.toast.gate import Caller, ToastError
from aura_migration.sandbox.toast.people.labor_wire import employee_body, entry_body, job_body, shift_body
from aura_migration.sandbox.toast.people.model import TimeEntry
from aura_migration.sandbox.toast.people.queries import business_date, chosen, flag, guid, guids, period
from aura_migration.sandbox.toast.people.staffing import Crew
from aura_migration.sandbox.toast.people.store import People

SELECTORS = {
    "period": ("startDate", "endDate"),
    "modified": ("modifiedStartDate", "modifiedEndDate"),
    "day": ("businessDate",),
    "ids": ("timeEntryIds",),
}


class LaborApi:
    """Answers of the labor API."""

    def __init__(self, people: People, switches: Mapping[str, Any]) -> None:
        self._people = people
        self._switches = switches

    def _crew(self, caller: Caller) -> Crew:
        return self._people.at(caller.here.location.guid).crew

    def _extra(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "insights": {"source": "new"}} if self._switches["extra_fields"] else body

    async def jobs(self, request: Request, caller: Caller) -> Any:
        """``GET /jobs``."""
        wanted = guids(request, "jobIds")
        rows = self._crew(caller).jobs
        return [self._extra(job_body(row)) for row in rows.values() if not wanted or row.guid in wanted]

    async def employees(self, request: Request, caller: Caller) -> Any:
        """``GET /employees``: everybody, those deleted too."""
        wanted = guids(request, "employeeIds")
        shown = bool(self._switches["employee_disabled_flag"])
        rows = self._crew(caller).employees
        return [self._extra(employee_body(row, shown)) for row in rows.values() if not wanted or row.guid in wanted]

    async def employee(self, request: Request, caller: Caller) -> Any:
        """``GET /employees/{id}``."""
        wanted = guid(request.path_params["guid"], "employeeId")
        row = self._crew(caller).employees.get(wanted)
        if row is None:
            raise ToastError(404, f"There is no employee {wanted}")
        return self._extra(employee_body(row, bool(self._switches["employee_disabled_flag"])))

    async def shifts(self, request: Request, caller: Caller) -> Any:
        """``GET /shifts``: those that begin and end inside the period, or those asked for by id."""
        rows = self._crew(caller).shifts.values()
        wanted = guids(request, "shiftIds")
        if wanted:
            found = [row for row in rows if row.guid in wanted]
        else:
            start, end = period(request, "startDate", "endDate", int(self._switches["labor_period_days"]))
            found = [row for row in rows if row.start >= start and row.end < end]
        return [self._extra(shift_body(row)) for row in found]

    async def time_entries(self, request: Request, caller: Caller) -> Any:
        """``GET /timeEntries`` by exactly one of its four ways of selecting."""
        rows = list(self._crew(caller).entries.values())
        longest = int(self._switches["labor_period_days"])
        names = "startDate and endDate, modifiedStartDate and modifiedEndDate, businessDate, or timeEntryIds"
        way = chosen(request, SELECTORS, f"Exactly one of these is required: {names}")
        if way == "ids":
            wanted = guids(request, "timeEntryIds")
            rows = [row for row in rows if row.guid in wanted]
        elif way == "day":
            day = business_date(request)
            rows = [row for row in rows if row.business_date == day]
        elif way == "period":
            start, end = period(request, "startDate", "endDate", longest)
            rows = [row for row in rows if start <= row.start < end]
        else:
            start, end = period(request, "modifiedStartDate", "modifiedEndDate", longest)
            rows = [row for row in rows if start <= row.modified < end]
        archived = flag(request.query_params, "includeArchived", bool(self._switches["archived_entries_default"]))
        missed = flag(request.query_params, "includeMissedBreaks", False)
        return [self._entry(row, missed) for row in rows if archived or row.deleted is None]

    def _entry(self, row: TimeEntry, missed: bool) -> dict[str, Any]:
        style = self._switches["shift_reference"]
        bare = style == "guid" or (style == "mixed" and row.guid[0] in "01234567")
        return self._extra(entry_body(row, missed_breaks=missed, bare_shift=bare))
