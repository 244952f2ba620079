"""Training of staff: the sheet, a timed run through it, and how long people needed."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse

from aura_migration.api.depends import Number, Operator, Viewer
from aura_migration.api.models import Document, Sent
from aura_migration.migration import training
from aura_migration.migration.training.sheet import page

router = APIRouter(prefix="/pos/migrations/{migration_id}", tags=["training"])


class Trainee(Sent):
    """Who trains."""

    trainee: str = Field(min_length=1, max_length=40, description="initials or a number", examples=["M. K."])


class Answers(Sent):
    """One number per task: the position of the chosen answer, from 0."""

    answers: list[int] = Field(min_length=1, max_length=20, examples=[[2, 0, 1, 3, 0]])


class Trainings(BaseModel):
    """Who trained, newest first."""

    trainings: list[Document]
    retraining_minutes_median: float | None = Field(description="null: nobody has had everything right yet")


@router.get("/training-sheet", name="training sheet")
def sheet(caller: Viewer, migration_id: Number) -> Document:
    """What moved where: missing, renamed, moved, regrouped and repriced items, best sellers first; best sellers and their places."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return training.make_sheet(caller.workshop, connection, migration_id).as_dict()


@router.get("/training-sheet.html", name="training sheet page", response_class=HTMLResponse)
def sheet_page(caller: Viewer, migration_id: Number) -> HTMLResponse:
    """The sheet as a page to print."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return HTMLResponse(page(training.make_sheet(caller.workshop, connection, migration_id)))


@router.get("/trainings", name="trainings")
def trainings(caller: Viewer, migration_id: Number) -> Trainings:
    """Who trained and how long it took."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return Trainings(
            trainings=training.trainings_of(connection, migration_id),
            retraining_minutes_median=training.retraining_minutes(connection, migration_id),
        )


@router.post("/trainings", name="start training", status_code=201)
def start(caller: Operator, migration_id: Number, sent: Trainee) -> Document:
    """Begin a timed training: the sheet and the tasks, without their answers. The time runs from now."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return training.start_training(caller.workshop, connection, migration_id, sent.trainee, caller.name)


@router.post("/trainings/{training_id}/answers", name="finish training")
def finish(caller: Operator, migration_id: Number, training_id: Number, sent: Answers) -> Document:
    """Mark the answers and stop the clock."""
    with caller.connect() as connection:
        caller.migration(connection, migration_id)
        return training.finish_training(caller.workshop, connection, migration_id, training_id, sent.answers)
