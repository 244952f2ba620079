"""Migrations as rows: find, open, describe. State changes are in ``states.py``, work is in ``stages.py``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from aura_migration.canonical.options import MigrationOptions, parse_options
from aura_migration.core.errors import BadInput, Refused
from aura_migration.migration.integrations import Integration, KnownLocation
from aura_migration.migration.states import PLANNABLE, standing
from aura_migration.plan.planner import Subject


@dataclass(frozen=True)
class Migration:
    """One location's journey."""

    id: int
    integration_id: int
    restaurant_id: int
    location_key: str
    state: str
    state_reason: str
    options: dict[str, Any]
    plan_id: int | None
    load_at: datetime | None
    pause_requested: bool
    work: str | None = None

    @property
    def standing(self) -> str:
        """Where its plan stands: the state, or what stands beside it while the window is open."""
        return standing(self.state, self.work)

    @property
    def parsed_options(self) -> MigrationOptions:
        """The options as a model."""
        return parse_options(self.options, f"options of migration {self.id}")

    @property
    def subject(self) -> Subject:
        """What planner and loader need to know."""
        pos = self.location_key.partition(":")[0]
        return Subject(self.id, self.integration_id, self.restaurant_id, self.location_key, pos)


_COLUMNS = "id, integration_id, restaurant_id, location_key, state, state_reason, options, plan_id, load_at, pause_requested, work"


def get_migration(connection: psycopg.Connection[Any], migration_id: int) -> Migration:
    """A migration by id; ``BadInput`` when there is none."""
    with connection.cursor(row_factory=class_row(Migration)) as cursor:
        found = cursor.execute(f"SELECT {_COLUMNS} FROM migration.migrations WHERE id = %s", [migration_id]).fetchone()
    if found is None:
        raise BadInput(f"Migration {migration_id} does not exist.", "`aura-migration migrations` lists them.")
    return found


def list_migrations(connection: psycopg.Connection[Any], integration_id: int | None = None) -> list[Migration]:
    """All migrations, newest first."""
    with connection.cursor(row_factory=class_row(Migration)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.migrations WHERE %(i)s::bigint IS NULL OR integration_id = %(i)s ORDER BY id DESC",
            {"i": integration_id},
        ).fetchall()


def active_migration(connection: psycopg.Connection[Any], location_key: str) -> Migration | None:
    """The location's migration that has not ended, if there is one."""
    with connection.cursor(row_factory=class_row(Migration)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.migrations "
            "WHERE location_key = %s AND state NOT IN ('rolled_back', 'cancelled', 'completed')",
            [location_key],
        ).fetchone()


def open_migration(
    connection: psycopg.Connection[Any],
    integration: Integration,
    location: KnownLocation,
    options: MigrationOptions | None,
) -> Migration:
    """The location's active migration, or a new draft. Given options replace its options (``Refused`` during a load)."""
    found = active_migration(connection, location.key)
    if found is None:
        row = connection.execute(
            "INSERT INTO migration.migrations (integration_id, restaurant_id, location_key) VALUES (%s, %s, %s) "
            "ON CONFLICT (location_key) WHERE state NOT IN ('rolled_back', 'cancelled', 'completed') "
            "DO UPDATE SET updated_at = now() RETURNING id",
            [integration.id, integration.restaurant_id, location.key],
        ).fetchone()
        assert row is not None
        found = get_migration(connection, int(row[0]))
    if options is not None:
        require_plannable(found)
        connection.execute(
            "UPDATE migration.migrations SET options = %s::jsonb WHERE id = %s",
            [options.model_dump_json(by_alias=True), found.id],
        )
        found = get_migration(connection, found.id)
    return found


def require_plannable(migration: Migration) -> None:
    """``Refused`` in a state in which the source is not read: a load that is half done, or a journey that has ended."""
    if migration.standing in PLANNABLE:
        return
    remedies = {
        "paused": f"`aura-migration resume {migration.id}` finishes the load, `rollback {migration.id}` takes it back.",
        "loading": "Wait for the load to end; `aura-migration status` shows its progress.",
        "rolling_back": f"`aura-migration rollback {migration.id}` finishes the rollback.",
    }
    raise Refused(
        f"Migration {migration.id} is {migration.standing}; its source is not read now.",
        remedies.get(migration.standing, "`aura-migration status` shows what can be done next."),
        state=migration.state,
    )


def get_plan(connection: psycopg.Connection[Any], plan_id: int) -> dict[str, Any]:
    """A stored plan as a mapping of its columns."""
    row = (
        connection.cursor(row_factory=dict_row)
        .execute("SELECT * FROM migration.plans WHERE id = %s", [plan_id])
        .fetchone()
    )
    if row is None:
        raise BadInput(f"Plan {plan_id} does not exist.", "Preview again.")
    return row


def latest_delta(connection: psycopg.Connection[Any], migration_id: int) -> dict[str, Any] | None:
    """The newest delta plan that still waits for approval."""
    return (
        connection.cursor(row_factory=dict_row)
        .execute(
            "SELECT * FROM migration.plans WHERE migration_id = %s AND kind = 'delta' AND state = 'planned' ORDER BY id DESC LIMIT 1",
            [migration_id],
        )
        .fetchone()
    )


def moved_since(connection: psycopg.Connection[Any], migration: Migration) -> bool:
    """Whether a run found the source changed and loaded the approved plan all the same, and nothing was planned since."""
    row = connection.execute(
        "SELECT 1 FROM migration.plans WHERE migration_id = %s AND kind = 'delta' AND id > %s LIMIT 1",
        [migration.id, migration.plan_id or 0],
    ).fetchone()
    return row is not None


def loaded_plan(connection: psycopg.Connection[Any], migration_id: int) -> dict[str, Any] | None:
    """The newest plan of a migration that has been carried out and stands."""
    return (
        connection.cursor(row_factory=dict_row)
        .execute(
            "SELECT * FROM migration.plans WHERE migration_id = %s AND state = 'loaded' ORDER BY id DESC LIMIT 1",
            [migration_id],
        )
        .fetchone()
    )


def has_written(connection: psycopg.Connection[Any], migration_id: int) -> bool:
    """Whether anything in AuraConnect stands on this migration."""
    row = connection.execute("SELECT 1 FROM migration.claims WHERE migration_id = %s LIMIT 1", [migration_id])
    return row.fetchone() is not None


def store_report(
    connection: psycopg.Connection[Any], integration_id: int, location_key: str, kind: str, body: dict[str, Any]
) -> None:
    """Append a report (preflight, audit, losses)."""
    connection.execute(
        "INSERT INTO migration.reports (integration_id, location_key, kind, body) VALUES (%s, %s, %s, %s)",
        [integration_id, location_key, kind, Jsonb(body)],
    )


def latest_report(
    connection: psycopg.Connection[Any], integration_id: int, location_key: str, kind: str
) -> dict[str, Any] | None:
    """The newest stored report of a kind."""
    row = connection.execute(
        "SELECT body FROM migration.reports WHERE integration_id = %s AND location_key = %s AND kind = %s ORDER BY id DESC LIMIT 1",
        [integration_id, location_key, kind],
    ).fetchone()
    return dict(row[0]) if row else None
