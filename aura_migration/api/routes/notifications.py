"""Notifications: who is told what, and what they were told. Targets are set up by administrators only."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from aura_migration.api.depends import Admin, Caller, Number
from aura_migration.api.models import After, Limit, Page, Sent
from aura_migration.api.problems import Forbidden, NotFound
from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection
from aura_migration.migration import notifying

router = APIRouter(prefix="/pos", tags=["notifications"])
EventName = Literal[
    "run_failed", "approval_waiting", "gate_changed", "reconnect_needed", "day_different", "day_overdue"
]


class NewTarget(Sent):
    """Who is to be told."""

    name: str = Field(min_length=1, max_length=80, examples=["operations"])
    url: str = Field(
        min_length=3,
        max_length=2_000,
        description="in Apprise's notation; stored sealed, shown by its scheme only",
        examples=["json://hooks.example.com/migrations"],
    )
    events: list[EventName] = Field(default=[], max_length=20, description="none named: all of them")
    restaurant_id: int | None = Field(
        default=None, ge=1, le=2**63 - 1, description="of one restaurant; null: of all, for those who may see all"
    )


class TargetLine(BaseModel):
    """One target; of its address only the scheme."""

    id: int
    name: str
    url: str = Field(examples=["json://***"])
    events: list[str]
    restaurant_id: int | None
    is_active: bool
    created_by: str
    created_at: datetime


class TargetList(BaseModel):
    """Every target in scope."""

    items: list[TargetLine]


class NotificationLine(BaseModel):
    """What a target is or was told."""

    id: int
    target_id: int
    target: str
    event: str
    migration_id: int | None
    title: str
    body: str
    state: str = Field(description="pending, sent or failed (given up)")
    attempts: int
    problem: str
    created_at: datetime
    sent_at: datetime | None


class Done(BaseModel):
    """It is done."""

    done: bool = True


@router.get("/notification-targets", name="notification targets")
def list_targets(caller: Admin) -> TargetList:
    """Who is told what."""
    with caller.connect() as connection:
        found = notifying.list_targets(caller.workshop, connection, caller.restaurants)
    return TargetList(items=[TargetLine(**target.as_dict()) for target in found])


@router.post("/notification-targets", name="add notification target", status_code=201)
def add_target(caller: Admin, sent: NewTarget) -> TargetLine:
    """Set a target up. It is told what happens from now on; nothing is sent to it by this."""
    if not caller.identity.reaches(sent.restaurant_id):
        raise Forbidden(
            f"{caller.name} may not set up targets for {f'restaurant {sent.restaurant_id}' if sent.restaurant_id else 'every restaurant'}.",
            "Name one of your restaurants in restaurant_id.",
        )
    caller.deed.restaurant_id = sent.restaurant_id
    with caller.connect() as connection:
        made = notifying.add_target(
            caller.workshop, connection, sent.name, sent.url, caller.name, sent.events, sent.restaurant_id
        )
    caller.deed.detail["target"] = made.id
    return TargetLine(**made.as_dict())


@router.delete("/notification-targets/{target_id}", name="remove notification target")
def remove_target(caller: Admin, target_id: Number) -> Done:
    """Forget a target, its address and what it was told."""
    with caller.connect() as connection:
        notifying.remove_target(connection, _in_scope(caller, connection, target_id))
    return Done()


@router.post("/notification-targets/{target_id}/test", name="test notification target")
def test_target(caller: Admin, target_id: Number) -> Done:
    """Send the target a message that says it works; 503 where it is not accepted."""
    with caller.connect() as connection:
        notifying.send_test(caller.workshop, connection, _in_scope(caller, connection, target_id))
    return Done()


@router.get("/notifications", name="notifications")
def list_notifications(caller: Admin, after: After = 0, limit: Limit = 100) -> Page[NotificationLine]:
    """What was told whom, newest first; what waits, and what was given up and why."""
    with caller.connect() as connection:
        found = notifying.list_notifications(connection, caller.restaurants, after=after, limit=limit + 1)
    items = [NotificationLine(**vars(each)) for each in found[:limit]]
    return Page(items=items, next_after=items[-1].id if len(found) > limit else None)


def _in_scope(caller: Caller, connection: Connection, target_id: int) -> int:
    caller.deed.detail["target"] = target_id
    try:
        found = notifying.find_target(caller.workshop, connection, target_id, caller.restaurants)
    except BadInput as error:
        raise NotFound(error.what, "GET /pos/notification-targets lists those you may see.") from error
    caller.deed.restaurant_id = found.restaurant_id
    return found.id
