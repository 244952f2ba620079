"""What is asked of a migration: preview, start, approve, pause, resume, cancel, verify, roll back. Asked for, not carried out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from aura_migration.api.depends import Approver, Caller, Number, Operator
from aura_migration.api.models import Document, Reason, Sent
from aura_migration.canonical.options import MigrationOptions, parse_options
from aura_migration.core.errors import Refused
from aura_migration.migration import asking, decide, stages
from aura_migration.migration.records import get_migration
from aura_migration.migration.requests import Request
from aura_migration.migration.states import BEFORE_LOAD

router = APIRouter(prefix="/pos/migration", tags=["journey"])
STATUS_PATH = "/pos/migration/status/{}"


class Wish(Sent):
    """What to preview or start; both may be left out."""

    options: Document | None = Field(
        default=None,
        description="options of the migration (camelCase; `aura-migration options schema` prints their schema); none: as before",
        examples=[{"history": {"months": 12}, "approval": {"people": 2}}],
    )
    locations: list[str] = Field(
        default_factory=list, max_length=10_000, description="location keys; empty: every active one", examples=[[]]
    )

    def parsed(self) -> MigrationOptions | None:
        """The options as a model; ``BadInput`` names what is wrong with them."""
        return parse_options(self.options, "options") if self.options is not None else None


class AskedOfLocation(BaseModel):
    """What was asked for one location."""

    migration_id: int = Field(examples=[7])
    location: str = Field(examples=["square:LH2NB9Q5KYZ8M"])
    asked_for: str = Field(
        description="preview, run; or who has to act first: approval, decisions; or nothing", examples=["preview"]
    )
    request_id: int | None = Field(description="null: nothing can be carried out before a person acts", examples=[12])
    next: str = Field(examples=["wait for the plan, then approve it"])


class AskedOfAll(BaseModel):
    """One entry per location; `migration_id` stands at the top, too, when there is exactly one."""

    migrations: list[AskedOfLocation]
    migration_id: int | SkipJsonSchema[None] = Field(
        default=None, description="absent where there are several", examples=[7]
    )


class AskedOfOne(BaseModel):
    """A request that waits for the daemon, and where to look."""

    migration_id: int = Field(examples=[7])
    request_id: int = Field(examples=[13])
    asked_for: str = Field(examples=["run"])
    status: str = Field(description="where to look", examples=["/pos/migration/status/7"])


class Signature(Sent):
    """What is signed. Who signs says the token."""

    plan_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="the hash the preview showed", examples=["3f" * 32])
    reason: str = Field(default="", max_length=2_000, description="why, without naming guests or staff")
    confirm_inferred: bool = Field(default=False, description="confirms the rules that were concluded from orders")


class Signed(BaseModel):
    """What became of a signature."""

    migration_id: int
    plan_hash: str
    state: str = Field(examples=["approved"])
    awaits: int = Field(description="how many other people still have to sign", examples=[0])
    signatures: list[Document]


class RollbackWish(Sent):
    """How to take a load back."""

    preview: bool = Field(default=False, description="only show what would happen")
    edited: Literal["keep", "undo"] = Field(
        default="keep", description="what happens to records that people edited since"
    )
    reason: str = Field(default="", max_length=2_000, examples=["The menu of the wrong location."])


class RunWish(Sent):
    """How to go on."""

    as_approved: bool = Field(
        default=False, description="load what was approved even though the POS has moved on since", examples=[False]
    )


class StateNow(BaseModel):
    """The state after what was asked."""

    migration_id: int
    state: str


@router.post("/preview/{integration_id}", name="preview", status_code=202, response_model_exclude_unset=True)
def preview(caller: Operator, integration_id: Number, response: Response, wish: Wish | None = None) -> AskedOfAll:
    """Preview what will be imported without committing: export, certify, map and plan, location by location."""
    return _asked(caller, integration_id, response, wish or Wish(), asking.ask_preview)


@router.post("/start/{integration_id}", name="start", status_code=202, response_model_exclude_unset=True)
def start(caller: Operator, integration_id: Number, response: Response, wish: Wish | None = None) -> AskedOfAll:
    """Initiate the migration: each location goes its next step, the preview, or the run of its approved plan.

    Where a plan waits for conflicts or its approval nothing is asked for; `next` says what a person has to do.
    """
    return _asked(caller, integration_id, response, wish or Wish(), asking.ask_start)


def _asked(caller: Caller, integration_id: int, response: Response, wish: Wish, ask: Any) -> AskedOfAll:
    options = wish.parsed()
    with caller.connect() as connection:
        integration = caller.integration(connection, integration_id)
        asked = ask(caller.workshop, connection, integration, wish.locations, options, caller.name)
    caller.deed.detail["locations"] = len(asked)
    migrations = [AskedOfLocation(**asdict(each)) for each in asked]
    if len(migrations) != 1:
        return AskedOfAll(migrations=migrations)  # what is not set is absent from the answer
    one = caller.deed.migration_id = migrations[0].migration_id
    response.headers["location"] = STATUS_PATH.format(one)
    return AskedOfAll(migrations=migrations, migration_id=one)


@router.post("/approve/{migration_id}", name="approve")
def approve(caller: Approver, migration_id: Number, sent: Signature) -> Signed:
    """Sign a plan by its hash, under the token's own name. Where two people have to sign the first leaves it planned."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    caller.deed.detail["plan_hash"] = sent.plan_hash
    stored = decide.approve(
        caller.workshop, migration_id, sent.plan_hash, caller.name, sent.reason, confirm_inferred=sent.confirm_inferred
    )
    with caller.connect() as connection:
        state = get_migration(connection, migration_id).standing
        signatures = decide.signatures(connection, stored["id"])
    return Signed(
        migration_id=migration_id,
        plan_hash=str(stored["hash"]),
        state=state,
        awaits=stored["awaits"],
        signatures=signatures,
    )


@router.post("/run/{migration_id}", name="run", status_code=202)
def run(caller: Operator, migration_id: Number, response: Response, wish: RunWish | None = None) -> AskedOfOne:
    """Load the approved plan, then verify it."""
    with caller.connect() as connection:
        migration = caller.migration(connection, migration_id)
        as_approved = (wish or RunWish()).as_approved
        return _request(response, asking.ask_run(connection, migration, caller.name, as_approved=as_approved))


@router.post("/pause/{migration_id}", name="pause", status_code=202)
def pause(caller: Operator, migration_id: Number) -> StateNow:
    """Ask a running load to stop after its batch."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    return StateNow(migration_id=migration_id, state=decide.pause(caller.workshop, migration_id, caller.name))


@router.post("/resume/{migration_id}", name="resume", status_code=202)
def resume(caller: Operator, migration_id: Number, response: Response) -> AskedOfOne:
    """Continue a paused or interrupted load where it stopped, then verify it."""
    with caller.connect() as connection:
        migration = caller.migration(connection, migration_id)
        if migration.standing not in ("paused", "failed"):
            raise Refused(
                f"Migration {migration_id} is {migration.standing}; only a paused or interrupted load is resumed.",
                "Its status says what can be done next.",
            )
        return _request(response, asking.ask_run(connection, migration, caller.name))


@router.post("/cancel/{migration_id}", name="cancel")
def cancel(caller: Operator, migration_id: Number, sent: Reason | None = None) -> StateNow:
    """End a migration that has written nothing."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
    decide.cancel(caller.workshop, migration_id, caller.name, sent.reason if sent else "")
    return StateNow(migration_id=migration_id, state="cancelled")


@router.post("/verify/{migration_id}", name="verify", status_code=202)
def verify(caller: Operator, migration_id: Number, response: Response) -> AskedOfOne:
    """Judge what stands in AuraConnect once more, by the independent reading of the snapshot."""
    with caller.connect() as connection:
        migration = caller.migration(connection, migration_id)
        return _request(response, asking.ask_verify(connection, migration, caller.name))


@router.post("/rollback/{migration_id}", name="rollback", status_code=202, response_model=None)
def rollback(
    caller: Approver, migration_id: Number, response: Response, wish: RollbackWish | None = None
) -> AskedOfOne | Document:
    """Take a migration's writes back, or (`preview`) show what would be removed, restored and kept.

    A preview answers 200 with `tables` and `kept`; a rollback 202 with its request.
    """
    wished = wish or RollbackWish()
    with caller.connect() as connection:
        migration = caller.migration(connection, migration_id)
        caller.deed.detail.update({"preview": wished.preview, "edited": wished.edited})
        if not wished.preview:
            request = asking.ask_rollback(connection, migration, caller.name, wished.edited, wished.reason)
            return _request(response, request)
    response.status_code = 200
    if migration.state in BEFORE_LOAD:
        return {"migration_id": migration_id, "tables": {}, "kept": []}
    undone = stages.undo(caller.workshop, migration_id, caller.name, edited=wished.edited, rehearse=True)
    return {"migration_id": migration_id, **undone.as_dict()}


def _request(response: Response, request: Request) -> AskedOfOne:
    assert request.migration_id is not None
    where = STATUS_PATH.format(request.migration_id)
    response.headers["location"] = where
    return AskedOfOne(migration_id=request.migration_id, request_id=request.id, asked_for=request.kind, status=where)
