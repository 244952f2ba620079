"""What people decide about records: conflicts one by one or many at once, quarantined records corrected; the plan is made anew."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from aura_migration.api.depends import Caller, Number, Operator, Viewer
from aura_migration.api.models import After, Document, Limit, Page, Sent
from aura_migration.api.routes.journey import STATUS_PATH, AskedOfOne
from aura_migration.canonical.options import FieldMapping, MigrationOptions
from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection
from aura_migration.migration import asking, decide
from aura_migration.migration.integrations import get_integration, get_location
from aura_migration.migration.records import Migration, open_migration, require_plannable

router = APIRouter(prefix="/pos/migrations/{migration_id}", tags=["decisions"])


class ConflictResolution(Sent):
    """AuraConnect's own conflict object, and what it is about: some records (`keys`), or all of an entity."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, str_max_length=20_000)
    strategy: Literal["keep_existing", "overwrite", "merge", "duplicate"] = Field(examples=["merge"])
    field_mapping: list[FieldMapping] = Field(default_factory=list, max_length=500)
    entity: str = Field(examples=["items"])
    keys: list[str] = Field(default_factory=list, max_length=10_000, description="source keys")
    all: bool = Field(default=False, description="all undecided ones of the entity; instead of keys")
    aura_id: int | None = Field(default=None, description="the AuraConnect record meant, where several have the name")
    reason: str = Field(default="", max_length=2_000)

    @model_validator(mode="after")
    def _says_which(self) -> ConflictResolution:
        if bool(self.keys) == self.all:
            raise ValueError("say which records: keys, or all")
        return self


class Resolutions(Sent):
    """Several decisions at once: all are taken, or none."""

    decisions: list[ConflictResolution] = Field(min_length=1, max_length=1_000)


class Correction(Sent):
    """Corrected field values of one quarantined record."""

    entity: str = Field(examples=["items"])
    key: str = Field(examples=["6F2K"])
    values: dict[str, Any] = Field(examples=[{"price_cents": 450}])


class Corrections(Sent):
    """Corrections; all are taken, or none. None at all: only plan again."""

    corrections: list[Correction] = Field(default_factory=list, max_length=1_000)


class Decided(AskedOfOne):
    """How many records were decided; the plan is made anew by the request."""

    decided: int


@router.get("/conflicts", name="list conflicts")
def conflicts(
    caller: Viewer, migration_id: Number, entity: str | None = None, after: After = 0, limit: Limit = 100
) -> Page[Document]:
    """Undecided conflicts of the present plan: entity, key, label, reason, both sides (`pos`, `auraconnect`; persons masked),
    `touches`, `candidates`. ``after`` is how many were seen."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return _part(decide.conflicts(connection, migration_id, entity), after, limit)


@router.post("/conflicts", name="decide conflicts", status_code=202)
def decide_conflicts(caller: Operator, migration_id: Number, sent: Resolutions, response: Response) -> Decided:
    """Decide conflicts; the plan is then made anew from the pinned snapshot and has a new hash to approve.

    keep_existing: AuraConnect's values stay · overwrite: the POS's win · merge: only what is empty is filled · duplicate: a record of its own.
    A `fieldMapping` is added to the options of the migration.
    """
    with caller.connect() as connection, connection.transaction():
        migration = caller.migration(connection, migration_id)
        require_plannable(migration)
        decided = sum(
            decide.decide_conflict(
                connection, migration_id, one.entity, one.keys, one.strategy, caller.name, one.reason, one.aura_id
            )
            for one in sent.decisions
        )
        mappings = [mapping for one in sent.decisions for mapping in one.field_mapping]
        if mappings:
            _add_mappings(connection, migration, mappings)
        caller.deed.detail["decided"] = decided
        return Decided(decided=decided, **_replan(caller, connection, migration, response).model_dump())


@router.get("/quarantine", name="list quarantine")
def quarantine(caller: Viewer, migration_id: Number, after: After = 0, limit: Limit = 100) -> Page[Document]:
    """Records in quarantine, why, and where they stand in the snapshot. ``after`` is how many were seen."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return _part(decide.quarantine(connection, migration_id), after, limit)


def _part(rows: list[Document], after: int, limit: int) -> Page[Document]:
    shown = rows[after : after + limit]
    return Page(items=shown, next_after=after + limit if len(rows) > after + limit else None)


@router.post("/quarantine", name="correct quarantine", status_code=202)
def correct(caller: Operator, migration_id: Number, sent: Corrections, response: Response) -> Decided:
    """Correct quarantined records and plan again: only mended records change the plan, which waits for approval like any other."""
    with caller.connect() as connection, connection.transaction():
        migration = caller.migration(connection, migration_id)
        require_plannable(migration)
        for one in sent.corrections:
            decide.correct_quarantined(connection, migration_id, one.entity, one.key, one.values, caller.name)
        caller.deed.detail["corrected"] = len(sent.corrections)
        return Decided(decided=len(sent.corrections), **_replan(caller, connection, migration, response).model_dump())


def _replan(caller: Caller, connection: Connection, migration: Migration, response: Response) -> AskedOfOne:
    where = STATUS_PATH.format(migration.id)
    request = asking.ask_replan(connection, migration, caller.name)
    response.headers["location"] = where
    return AskedOfOne(migration_id=migration.id, request_id=request.id, asked_for="replan", status=where)


def _add_mappings(connection: Connection, migration: Migration, mappings: list[FieldMapping]) -> None:
    """The migration's options with these mappings in place of those for the same fields."""
    options = migration.parsed_options
    fields = {(one.entity, one.aura_field) for one in mappings}
    if len(fields) < len(mappings):
        raise BadInput("Two mappings fill the same field.", "Give one mapping per entity and auraField.")
    kept = [one for one in options.field_mapping if (one.entity, one.aura_field) not in fields]
    merged = MigrationOptions.model_validate({**options.model_dump(), "field_mapping": [*kept, *mappings]})
    location = get_location(connection, migration.location_key)
    open_migration(connection, get_integration(connection, migration.integration_id), location, merged)
