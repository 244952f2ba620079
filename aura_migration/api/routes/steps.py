"""The customer's four steps: load categories, items, modifiers of an approved plan one after the other, then verify prices."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from aura_migration.api.depends import Caller, Operator, Viewer
from aura_migration.api.models import Document, Sent
from aura_migration.api.routes.journey import STATUS_PATH, AskedOfOne
from aura_migration.migration import asking, steps

router = APIRouter(prefix="/pos/migration", tags=["steps"])


class OfMigration(Sent):
    """Which migration."""

    migration_id: int = Field(ge=1, le=2**63 - 1, examples=[7])


class Prices(BaseModel):
    """What the independent reading says of the prices that stand in AuraConnect."""

    migration_id: int
    passed: bool | None = Field(description="null: there is no price")
    value: str | None = Field(examples=["0 cents over 651 prices"])
    evidence: Document
    findings: list[Document] = Field(description="the first 200")
    findings_total: int


def _load(caller: Caller, sent: OfMigration, response: Response, step: str) -> AskedOfOne:
    with caller.connect() as connection:
        migration = caller.migration(connection, sent.migration_id)
        request = asking.ask_run(connection, migration, caller.name, until=step)
    response.headers["location"] = STATUS_PATH.format(sent.migration_id)
    return AskedOfOne(
        migration_id=sent.migration_id,
        request_id=request.id,
        asked_for=step,
        status=STATUS_PATH.format(sent.migration_id),
    )


@router.post("/categories", name="load categories", status_code=202)
def categories(caller: Operator, sent: OfMigration, response: Response) -> AskedOfOne:
    """Load menus and categories of the approved plan."""
    return _load(caller, sent, response, "categories")


@router.post("/items", name="load items", status_code=202)
def items(caller: Operator, sent: OfMigration, response: Response) -> AskedOfOne:
    """Load items and their variations, with the taxes and stations they need; 409 before the categories are loaded."""
    return _load(caller, sent, response, "items")


@router.post("/modifiers", name="load modifiers", status_code=202)
def modifiers(caller: Operator, sent: OfMigration, response: Response) -> AskedOfOne:
    """Load modifiers and the rest of the menu; 409 before the items are loaded. `resume` loads what else was approved."""
    return _load(caller, sent, response, "modifiers")


@router.post("/verify-prices", name="verify prices")
def verify_prices(caller: Operator, sent: OfMigration) -> Prices:
    """Hold every price against the POS's, to the cent; 409 before the modifiers are loaded. Changes nothing."""
    return _prices(caller, sent.migration_id)


@router.get("/verify-prices", name="prices")
def prices(caller: Viewer, migration_id: Annotated[int, Query(ge=1, le=2**63 - 1, examples=[7])]) -> Prices:
    """The same, for whoever only looks."""
    return _prices(caller, migration_id)


def _prices(caller: Caller, migration_id: int) -> Prices:
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        found: dict[str, Any] = steps.verify_prices(caller.workshop, connection, migration_id)
    return Prices(**found)
