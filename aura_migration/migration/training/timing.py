"""How long a person needs for sheet and tasks: started, answered, measured. The clock is the database's, not a browser's."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection
from aura_migration.migration.training.sheet import make_sheet
from aura_migration.migration.training.tasks import make_tasks
from aura_migration.migration.workshop import Workshop
from aura_migration.verify.verdict import record_gate

GATE = "retraining_minutes_median"
AIM_MINUTES = 5.0
LONGEST_NAME = 40


def start_training(
    workshop: Workshop, connection: Connection, migration_id: int, trainee: str, by: str
) -> dict[str, Any]:
    """Begin: the time runs from now. ``{"training_id", "sheet", "tasks"}``, the tasks without their answers.

    ``trainee``: initials or a number, at most 40 characters.
    """
    if not trainee.strip() or len(trainee) > LONGEST_NAME:
        raise BadInput(f"Say who trains, in 1 to {LONGEST_NAME} characters.", "Initials or a number are enough.")
    sheet = make_sheet(workshop, connection, migration_id)
    tasks = make_tasks(connection, sheet)
    if not tasks:
        raise Refused(
            f"The menu of migration {migration_id} is too small to ask five questions about.",
            "Let staff read the sheet.",
        )
    row = connection.execute(
        "INSERT INTO migration.trainings (migration_id, trainee, sheet_hash, tasks, recorded_by) VALUES (%s, %s, %s, %s, %s) RETURNING id",
        [migration_id, trainee.strip(), sheet.hash, Jsonb([task.as_dict(with_answer=True) for task in tasks]), by],
    ).fetchone()
    assert row is not None
    return {
        "training_id": row[0],
        "sheet": sheet.as_dict(),
        "tasks": [task.as_dict(with_answer=False) for task in tasks],
    }


def finish_training(
    workshop: Workshop, connection: Connection, migration_id: int, training_id: int, answers: list[int]
) -> dict[str, Any]:
    """Mark the answers (one number per task) and stop the clock. Passed: all right. Answered once, it stands."""
    with connection.transaction():
        row = connection.execute(
            "SELECT tasks, finished_at FROM migration.trainings WHERE id = %s AND migration_id = %s FOR UPDATE",
            [training_id, migration_id],
        ).fetchone()
        if row is None:
            raise BadInput(f"Training {training_id} of migration {migration_id} does not exist.", "Start one first.")
        tasks, finished = row
        if finished is not None:
            raise Refused(f"Training {training_id} has been answered already.", "Start another one.")
        if len(answers) != len(tasks):
            raise BadInput(f"There are {len(tasks)} tasks and {len(answers)} answers.", "Answer each task.")
        wrong = [n for n, (task, answer) in enumerate(zip(tasks, answers, strict=True), 1) if task["right"] != answer]
        done = connection.execute(
            "UPDATE migration.trainings SET answers = %s, finished_at = clock_timestamp(), is_passed = %s, "
            "seconds = ceil(extract(epoch FROM clock_timestamp() - started_at)) WHERE id = %s RETURNING seconds",
            [Jsonb(answers), not wrong, training_id],
        ).fetchone()
        assert done is not None
        _record(workshop, connection, migration_id)
    return {
        "training_id": training_id,
        "passed": not wrong,
        "seconds": done[0],
        "wrong": [
            {"task": n, "question": tasks[n - 1]["question"], "right": tasks[n - 1]["choices"][tasks[n - 1]["right"]]}
            for n in wrong
        ],
        GATE: retraining_minutes(connection, migration_id),
    }


def retraining_minutes(connection: Connection, migration_id: int) -> float | None:
    """The median over people of the minutes until they had everything right, failed attempts counted in; None: nobody has yet."""
    row = connection.execute(
        """
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) / 60 FROM (
            SELECT trainee, sum(seconds) AS seconds FROM migration.trainings
            WHERE migration_id = %s AND finished_at IS NOT NULL GROUP BY trainee HAVING bool_or(is_passed)
        ) people
        """,
        [migration_id],
    ).fetchone()
    return None if row is None or row[0] is None else round(float(row[0]), 2)


def trainings_of(connection: Connection, migration_id: int) -> list[dict[str, Any]]:
    """Who trained, newest first: ``[{"training_id", "trainee", "sheet_hash", "started_at", "seconds", "passed"}]``."""
    rows = (
        connection.cursor(row_factory=dict_row)
        .execute(
            "SELECT id AS training_id, trainee, sheet_hash, started_at, seconds, is_passed AS passed FROM migration.trainings "
            "WHERE migration_id = %s ORDER BY id DESC",
            [migration_id],
        )
        .fetchall()
    )
    return [{**row, "started_at": row["started_at"].isoformat()} for row in rows]


def _record(workshop: Workshop, connection: Connection, migration_id: int) -> None:
    minutes = retraining_minutes(connection, migration_id)
    trained = connection.execute(
        "SELECT count(DISTINCT trainee) FROM migration.trainings WHERE migration_id = %s AND is_passed", [migration_id]
    ).fetchone()
    record_gate(
        connection,
        migration_id,
        GATE,
        None if minutes is None else minutes < AIM_MINUTES,
        None if minutes is None else f"{minutes:.1f} minutes",
        "Let those who needed longer go through the sheet again; name what they did not find.",
        {"trained": trained[0] if trained else 0, "aim_minutes": AIM_MINUTES},
        workshop.now(),
    )
