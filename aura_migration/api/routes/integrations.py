"""Connected accounts: list, health, connection test, preflight, audit, disconnect."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from aura_migration.api.depends import Admin, Caller, Number, Operator, Viewer
from aura_migration.api.models import After, Document, Limit, Page
from aura_migration.core.errors import AuraError, BadInput
from aura_migration.database.connections import Connection
from aura_migration.migration import inspect
from aura_migration.migration.disconnecting import disconnect
from aura_migration.migration.integrations import choose_locations, list_locations

router = APIRouter(prefix="/pos/integrations", tags=["integrations"])
TEST_SECONDS = 20.0
LOOK_SECONDS = 60.0
Report = Literal["preflight", "audit"]
Location = Annotated[
    str | None,
    Query(max_length=300, description="key of a location; may be left out where there is one", examples=["square:L1"]),
]


class LocationLine(BaseModel):
    """One site of an account."""

    location: str = Field(examples=["square:LH2NB9Q5KYZ8M"])
    name: str
    timezone: str = Field(examples=["America/New_York"])
    currency: str = Field(examples=["USD"])
    closeout: str = Field(description="HH:MM local: when a business day ends", examples=["04:00"])
    is_active: bool


class AccountHealth(BaseModel):
    """Whether the account can be used, as of when it was last asked."""

    last_reached_at: datetime | None = Field(description="when the POS last answered")
    last_fault: str = Field(description="why it could not be asked the last time it could not")
    last_fault_at: datetime | None
    is_working: bool | None = Field(description="whether the last time went well; null where nobody knows")


class IntegrationLine(BaseModel):
    """One connected account."""

    integration_id: int = Field(examples=[1])
    restaurant_id: int = Field(examples=[1])
    pos: str = Field(examples=["square"])
    base_url: str = Field(examples=["https://connect.squareup.com"])
    merchant: str = Field(examples=["Café am Markt"])
    status: str = Field(description="connected, reconnect_needed or disconnected", examples=["connected"])
    reason: str = Field(description="why it is no longer connected, and what is left to do")
    health: AccountHealth
    locations: list[LocationLine]


class Granted(BaseModel):
    """What preflight last found out about a location."""

    location: str
    at: datetime
    passed: bool
    permissions: list[Document] = Field(description="entity, permission, granted (null: not told), evidence")
    reverse_level: Document = Field(description="how far back is possible: level A, B or C, and by what evidence")


class IntegrationDetail(IntegrationLine):
    """One connected account with what may be read of it."""

    switches: dict[str, Any]
    has_credentials: bool
    preflights: list[Granted]


class Reported(BaseModel):
    """A stored report of a location; null where nobody has asked for one."""

    location: str
    at: datetime | None
    report: Document | None


class Reports(BaseModel):
    """The latest reports of a kind."""

    reports: list[Reported]


class Tested(BaseModel):
    """How a connection test went."""

    is_working: bool
    problem: str
    remedy: str
    seconds: float
    locations: list[str] = Field(description="keys of the locations the account reaches now")


class DisconnectedAnswer(BaseModel):
    """What became of the access."""

    integration_id: int
    status: str
    is_revoked: bool = Field(description="whether the POS has ended the access")
    left_to_do: str = Field(description="what the restaurant does at the POS; empty where nothing is left")


@router.get("", name="list integrations")
def list_integrations(caller: Viewer, after: After = 0, limit: Limit = 100) -> Page[IntegrationLine]:
    """Connected accounts in scope, in the order in which they were connected."""
    with caller.connect() as connection:
        rows = _rows(
            connection,
            "WHERE (%(restaurants)s::bigint[] IS NULL OR restaurant_id = ANY(%(restaurants)s)) AND id > %(after)s "
            "ORDER BY id LIMIT %(limit)s + 1",
            {"restaurants": caller.restaurants, "after": after, "limit": limit},
        )
        items = [IntegrationLine(**_line(connection, row)) for row in rows[:limit]]
    return Page(items=items, next_after=items[-1].integration_id if len(rows) > limit else None)


@router.get("/{integration_id}", name="integration")
def get(caller: Viewer, integration_id: Number) -> IntegrationDetail:
    """One account: status, locations, health, and what may be read as of the last preflight."""
    with caller.connect() as connection:
        caller.integration(connection, integration_id)
        (row,) = _rows(connection, "WHERE id = %(id)s", {"id": integration_id})
        known = connection.execute(
            "SELECT 1 FROM migration.credentials WHERE integration_id = %s", [integration_id]
        ).fetchone()
        found = [r for r in _reports(connection, integration_id, "preflight", None) if r.report is not None]
        return IntegrationDetail(
            **_line(connection, row),
            switches=row["switches"],
            has_credentials=known is not None,
            preflights=[
                Granted(
                    location=r.location,
                    at=r.at,
                    passed=r.report["passed"],
                    permissions=r.report["permissions"],
                    reverse_level=r.report["reverse_level"],
                )
                for r in found
                if r.report is not None and r.at is not None
            ],
        )


@router.post("/{integration_id}/test", name="test connection")
def test(caller: Operator, integration_id: Number) -> Tested:
    """Ask the POS for the account, now. That it cannot be used is an answer, too: `is_working` is false, and why."""
    with caller.connect() as connection:
        caller.integration(connection, integration_id)
    began = time.monotonic()
    problem = remedy = ""
    reached: list[str] = []
    try:
        reached = inspect.check(caller.workshop, integration_id, TEST_SECONDS)["locations"]
    except AuraError as error:
        problem, remedy = error.what, error.remedy
    caller.deed.detail["is_working"] = not problem
    return Tested(
        is_working=not problem,
        problem=problem,
        remedy=remedy,
        seconds=round(time.monotonic() - began, 3),
        locations=reached,
    )


@router.get("/{integration_id}/preflight", name="preflight")
def preflight(caller: Viewer, integration_id: Number, location: Location = None) -> Reports:
    """What the POS allowed to be read, how stable the connection was, how far back is possible; as last looked at."""
    return _stored(caller, integration_id, "preflight", location)


@router.get("/{integration_id}/audit", name="audit")
def audit(caller: Viewer, integration_id: Number, location: Location = None) -> Reports:
    """Counts, configuration, devices, workflows, and what has to be asked the restaurant; as last looked at."""
    return _stored(caller, integration_id, "audit", location)


@router.post("/{integration_id}/preflight", name="run preflight")
def run_preflight(caller: Operator, integration_id: Number, location: Location = None) -> Reports:
    """Look again. Takes seconds; up to a minute, else 503."""
    key = _one(caller, integration_id, location)
    inspect.preflight(caller.workshop, integration_id, key, within=LOOK_SECONDS)
    return _stored(caller, integration_id, "preflight", key)


@router.post("/{integration_id}/audit", name="run audit")
def run_audit(caller: Operator, integration_id: Number, location: Location = None) -> Reports:
    """Look again. Takes seconds; up to a minute, else 503."""
    key = _one(caller, integration_id, location)
    inspect.audit(caller.workshop, integration_id, key, within=LOOK_SECONDS)
    return _stored(caller, integration_id, "audit", key)


@router.delete("/{integration_id}", name="disconnect")
def delete(caller: Admin, integration_id: Number) -> DisconnectedAnswer:
    """Revoke the access at the POS where it offers that, and forget the credentials. Snapshots, plans and data stay.

    Refused while the account is loaded from. If the POS cannot be asked, the credentials are forgotten all the same.
    """
    with caller.connect() as connection:
        caller.integration(connection, integration_id)
    done = disconnect(caller.workshop, integration_id, caller.name)
    caller.deed.detail["is_revoked"] = done.is_revoked
    return DisconnectedAnswer(
        integration_id=integration_id,
        status=done.integration.status,
        is_revoked=done.is_revoked,
        left_to_do=done.left_to_do,
    )


def _rows(connection: Connection, condition: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute(
        "SELECT id, restaurant_id, pos, base_url, merchant_name, status, status_reason, switches, last_reached_at, "
        f"last_fault, last_fault_at FROM migration.integrations {condition}",
        values,
    ).fetchall()


def _line(connection: Connection, row: dict[str, Any]) -> dict[str, Any]:
    reached, failed = row["last_reached_at"], row["last_fault_at"]
    is_working = None
    if row["status"] != "connected":
        is_working = False
    elif reached or failed:
        is_working = failed is None or (reached is not None and reached > failed)
    return {
        "integration_id": row["id"],
        "restaurant_id": row["restaurant_id"],
        "pos": row["pos"],
        "base_url": row["base_url"],
        "merchant": row["merchant_name"],
        "status": row["status"],
        "reason": row["status_reason"],
        "health": AccountHealth(
            last_reached_at=reached, last_fault=row["last_fault"], last_fault_at=failed, is_working=is_working
        ),
        "locations": [
            LocationLine(
                location=site.key,
                name=site.name,
                timezone=site.source.timezone,
                currency=site.source.currency,
                closeout=site.source.closeout,
                is_active=site.source.is_active,
            )
            for site in list_locations(connection, row["id"])
        ],
    }


def _stored(caller: Caller, integration_id: int, kind: Report, location: str | None) -> Reports:
    with caller.connect() as connection:
        caller.integration(connection, integration_id)
        return Reports(reports=_reports(connection, integration_id, kind, location))


def _reports(connection: Connection, integration_id: int, kind: Report, location: str | None) -> list[Reported]:
    sites = choose_locations(connection, integration_id, (location,) if location else ())
    rows = connection.execute(
        "SELECT DISTINCT ON (location_key) location_key, created_at, body FROM migration.reports "
        "WHERE integration_id = %s AND kind = %s ORDER BY location_key, id DESC",
        [integration_id, kind],
    ).fetchall()
    found = {key: (at, body) for key, at, body in rows}
    return [
        Reported(location=site.key, at=at, report=body)
        for site in sites
        for at, body in [found.get(site.key, (None, None))]
    ]


def _one(caller: Caller, integration_id: int, location: str | None) -> str:
    with caller.connect() as connection:
        caller.integration(connection, integration_id)
        sites = choose_locations(connection, integration_id, (location,) if location else ())
    if len(sites) != 1:
        raise BadInput(
            f"Integration {integration_id} has {len(sites)} locations; one is looked at at a time.",
            "Name it: ?location=KEY.",
        )
    caller.deed.detail["location"] = sites[0].key
    return sites[0].key
