"""Which rows of AuraConnect the keys of a document stand for, and where a history is loaded to.

Keys of menu and people are read out of the crosswalk once per connection into temp tables (``history_keys_<entity>``).
Keys of documents are looked up one by one in the destination and, where that does not have them yet, among the documents
the plan creates: their ids are reserved, so that batches may be written in any order and side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.tables import BY_NAME, DOCUMENTS, TABLES, Column
from aura_migration.core.errors import Refused
from aura_migration.database.connections import transaction_lock
from aura_migration.plan.planner import Subject

Cursor = psycopg.Cursor[dict[str, Any]]
ENTITIES = tuple(sorted({c.ref for table in TABLES for c in table.refs if c.ref and c.ref not in BY_NAME}))
"""The entities of menu and people that history points at."""
KINDS = tuple(kind for kind in DOCUMENTS if any(c.ref == kind for table in TABLES for c in table.refs))
"""The kinds of documents that others point at."""
LARGE_PAGES = 256
"""Pages from which on a staged table is read by batch through an index."""


class StagingLost(Refused):
    """The staged history is not there (a crash of the server empties it): stage and plan it again, then load."""


@dataclass(frozen=True)
class Site:
    """Whose history is loaded, to which location of AuraConnect, by which plan, in which time."""

    subject: Subject
    location_id: int
    plan_id: int | None = None
    load_at: datetime | None = None

    @property
    def migration_id(self) -> int:
        return self.subject.migration_id

    @property
    def restaurant_id(self) -> int:
        return self.subject.restaurant_id

    @property
    def lock(self) -> str:
        """The advisory lock of the location's history: shared by batches that are loaded, alone for a rollback."""
        return f"aura:history:{self.subject.location_key}"

    def staged(self, table: str) -> str:
        """The staged table of that name, quoted."""
        return shapes.staged(self.migration_id, table).as_string()


def find_location(connection: psycopg.Connection[Any], subject: Subject) -> int | None:
    """The location's id in AuraConnect; none until it was loaded the first time."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s",
            [subject.integration_id, subject.location_source_id],
        ).fetchone()
    return int(row[0]) if row else None


def find_site(
    connection: psycopg.Connection[Any], subject: Subject, plan_id: int | None = None, load_at: datetime | None = None
) -> Site:
    """Where a subject's history goes. Raises ``Refused`` where its location is not loaded."""
    location_id = find_location(connection, subject)
    if location_id is None:
        raise Refused(
            f"Location {subject.location_key} is not in AuraConnect yet, so its orders have no place.",
            "Load the location and its menu first.",
        )
    return Site(subject, location_id, plan_id, load_at)


# -- what is made ready once --------------------------------------------------------------------------------------------


def make_ready(connection: psycopg.Connection[Any], site: Site) -> None:
    """Give the staged tables ways to read one batch or find one key. Raises ``StagingLost``; nothing to do the second time."""
    with connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        transaction_lock(connection, f"aura:history:staging:{site.migration_id}")
        if not shapes.are_there(connection, site.migration_id):
            raise lost(site)
        for name in (shapes.DOCUMENTS, *(table.name for table in TABLES)):
            _index_batches(cursor, site, name)
        _index(
            cursor, site, shapes.DOCUMENTS, "keys", "(source_key, kind) INCLUDE (batch, doc) WHERE verdict = 'create'"
        )
        for kind in KINDS:
            _index(cursor, site, kind, "docs", "(batch, doc) INCLUDE (n)")


def require_staged(cursor: Cursor, site: Site, batch: int, counts: dict[str, int]) -> None:
    """``StagingLost`` unless a batch is staged as it was planned."""
    cursor.execute(f"SELECT counts FROM {site.staged(shapes.BATCHES)} WHERE batch = %s", [batch])
    row = cursor.fetchone()
    # A batch that writes nothing is planned without counts.
    if row is None or (counts and row["counts"] != counts):
        raise lost(site)


def lost(site: Site) -> StagingLost:
    """The refusal for a staging that is empty, incomplete or not planned."""
    return StagingLost(
        f"The staged history of migration {site.migration_id} is gone or incomplete, as after a crash of the database server.",
        f"Stage it again from its snapshots and plan it: `aura-migration resume {site.migration_id}` does both and goes on.",
    )


def _index_batches(cursor: Cursor, site: Site, name: str) -> None:
    """Rows of one batch lie together: an index of a few pages finds them without reading the whole table."""
    cursor.execute("SELECT pg_relation_size(%s::regclass) / 8192 AS pages", [site.staged(name)])
    row = cursor.fetchone()
    if row and row["pages"] >= LARGE_PAGES:
        _index(cursor, site, name, "batch", "USING brin (batch) WITH (pages_per_range = 16)")


def _index(cursor: Cursor, site: Site, name: str, what: str, how: str) -> None:
    index = f"history_{site.migration_id}_{name}_{what}"
    cursor.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {site.staged(name)} {how}")


def gather_keys(
    cursor: Cursor, subject: Subject, location_id: int | None, entities: tuple[str, ...] = ENTITIES
) -> None:
    """Fill ``history_keys_<entity>`` (key, id) of this session; archived placeholders stand for items.

    A copy made for the location (``key@location``) goes before the shared row of the same key.
    """
    for entity in entities:
        cursor.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS history_keys_{entity} (key text PRIMARY KEY, id bigint NOT NULL)"
        )
        cursor.execute(f"TRUNCATE history_keys_{entity}")
        cursor.execute(
            f"""
            INSERT INTO history_keys_{entity}
            SELECT DISTINCT ON (plain) plain, aura_id
            FROM (SELECT CASE WHEN is_copy THEN left(source_key, -length(%(suffix)s)) ELSE source_key END AS plain, aura_id, is_copy
                  FROM (SELECT source_key, aura_id, right(source_key, length(%(suffix)s)) = %(suffix)s AS is_copy
                        FROM migration.crosswalk
                        WHERE integration_id = %(integration)s AND entity = %(entity)s AND is_active) c) k
            ORDER BY plain, is_copy DESC
            """,
            {"suffix": f"@{subject.location_source_id}", "integration": subject.integration_id, "entity": entity},
        )
        if entity == "items" and location_id is not None:
            _gather_placeholders(cursor, subject, location_id)
        cursor.execute(f"ANALYZE history_keys_{entity}")


PLACEHOLDER = "archived_placeholder"
"""The custom field that says of a menu item that it was made for history only."""


def _gather_placeholders(cursor: Cursor, subject: Subject, location_id: int) -> None:
    cursor.execute(
        """
        INSERT INTO history_keys_items
        SELECT source_id, max(id) FROM aura.menu_items
        WHERE restaurant_id = %s AND location_id = %s AND source_vendor = %s AND custom_fields ? %s AND source_id IS NOT NULL
        GROUP BY source_id ON CONFLICT DO NOTHING
        """,
        [subject.restaurant_id, location_id, subject.pos, PLACEHOLDER],
    )


# -- how a column is written --------------------------------------------------------------------------------------------


def value_of(site: Site, column: Column, first_ids: dict[str, int]) -> tuple[str, str]:
    """``(expression, join)`` for a column of staged row ``s``: its value, its place's id, or the id its key stands for."""
    if column.within:
        return f"{first_ids.get(column.within, 0)}::bigint + s.{column.name} - 1", ""
    if column.ref is None:
        return f"s.{column.name}", ""
    if column.ref in BY_NAME:
        return f"coalesce({_standing(site, column)}, {_reserved(site, column)})", ""
    alias = f"k_{column.name}"
    return f"{alias}.id", f"LEFT JOIN history_keys_{column.ref} {alias} ON {alias}.key = s.{column.name}"


def _standing(site: Site, column: Column) -> str:
    return f"(SELECT r.id FROM aura.{column.ref} r WHERE r.location_id = {site.location_id} AND r.source_id = s.{column.name})"


def _reserved(site: Site, column: Column) -> str:
    """The id of a document that is created by a batch still to come, or being written by somebody else."""
    return f"""(
        SELECT (b.first_ids ->> '{column.ref}')::bigint + r.n - 1 FROM {site.staged(shapes.DOCUMENTS)} d
        JOIN {site.staged(str(column.ref))} r ON r.batch = d.batch AND r.doc = d.doc
        JOIN migration.history_batches b ON b.plan_id = {site.plan_id} AND b.batch = d.batch
        WHERE d.source_key = s.{column.name} AND d.kind = '{column.ref}' AND d.verdict = 'create')"""
