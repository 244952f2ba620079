"""Team routes: members, their wage settings, jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, array_of, bounded, flag
from aura_migration.sandbox.square.people.answers import (
    choice,
    currency_of,
    found,
    nested,
    page_of_rows,
    people_of,
)
from aura_migration.sandbox.square.people.model import TeamMember
from aura_migration.sandbox.square.people.wire_staff import job_json, member_json, wage_setting_json

PAGE, MOST, JOBS = 100, 200, 100


def routes(context: Context) -> list[Route]:
    """All team routes; every one needs EMPLOYEES_READ."""
    scopes = ("EMPLOYEES_READ",)

    def get(path: str, handler: Any, query: Iterable[str] = ()) -> Route:
        return Route(f"/v2/team-members{path}", context.endpoint(handler, scopes=scopes, query=query), methods=["GET"])

    find = context.endpoint(search, scopes=scopes, body=("query", "limit", "cursor"))
    return [
        Route("/v2/team-members/search", find, methods=["POST"]),
        get("/jobs", jobs, ("cursor",)),
        get("/jobs/{job_id}", job),
        get("/{member_id}", member),
        get("/{member_id}/wage-setting", wage_setting),
    ]


def search(call: Call) -> dict[str, Any]:
    """POST /v2/team-members/search: everyone of any status unless filtered."""
    limit = bounded(call, call.body, PAGE, MOST)
    filters = nested(call, nested(call, call.body, "query", "filter"), "filter", "location_ids status is_owner")
    places = set(array_of(filters, "location_ids"))
    status, owner = choice(filters, "status", ("ACTIVE", "INACTIVE")), flag(filters, "is_owner")

    def fits(held: TeamMember) -> bool:
        here = not places or held.location_ids is None or bool(places & set(held.location_ids))
        return here and status in (None, "ACTIVE" if held.active else "INACTIVE") and (held.owner or not owner)

    rows = [held for held in people_of(call).team if fits(held)]
    currency, switches = currency_of(call), call.switches
    return page_of_rows(call, "team_members", rows, limit, lambda held: member_json(held, currency, switches))


def _member(call: Call) -> TeamMember:
    member_id = call.request.path_params["member_id"]
    return found(people_of(call).team.get(member_id), "Team member", member_id)


def member(call: Call) -> dict[str, Any]:
    """GET /v2/team-members/{id}."""
    return {"team_member": member_json(_member(call), currency_of(call), call.switches)}


def wage_setting(call: Call) -> dict[str, Any]:
    """GET /v2/team-members/{id}/wage-setting: 404 for somebody without one."""
    held = _member(call)
    found(held.assignments, "Wage setting of team member", held.id)
    return {"wage_setting": wage_setting_json(held, currency_of(call))}


def jobs(call: Call) -> dict[str, Any]:
    """GET /v2/team-members/jobs: a hundred a page."""
    return page_of_rows(call, "jobs", list(people_of(call).jobs.values()), JOBS, job_json)


def job(call: Call) -> dict[str, Any]:
    """GET /v2/team-members/jobs/{id}."""
    job_id = call.request.path_params["job_id"]
    return {"job": job_json(found(people_of(call).jobs.get(job_id), "Job", job_id))}
