"""One batch of a history becomes rows of AuraConnect, in one transaction without savepoints.

Temp table ``history_work`` has a row per document that is written: its root's row number and id. Every table of the batch is
then one INSERT … SELECT; ids are the block's first id plus the row's number, so that nothing is looked up within documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.tables import DOCUMENTS, Table, tables_of
from aura_migration.core.errors import PlanMoved
from aura_migration.load.history import replacing, standing
from aura_migration.load.history.references import Site, require_staged, value_of

Cursor = psycopg.Cursor[dict[str, Any]]
MARKED = {"orders": "voided_at_source = true"}
"""How a document is marked that the POS answered to be deleted; others get ``deleted_at``."""


@dataclass(frozen=True)
class Batch:
    """A row of ``migration.history_batches``."""

    id: int
    batch: int
    entity: str
    first_ids: dict[str, int]
    counts: dict[str, int]

    @property
    def rows(self) -> int:
        """How many rows it has, over all tables."""
        return sum(self.counts.values())


def make_tables(cursor: Cursor) -> None:
    """Make the temp tables of this session."""
    cursor.execute(
        """
        CREATE TEMP TABLE IF NOT EXISTS history_work (
            doc integer, kind text, verdict text, n integer, root_id bigint, source_key text, content_hash text, version text
        ) ON COMMIT DELETE ROWS
        """
    )
    standing.make_table(cursor)


def write_batch(cursor: Cursor, site: Site, batch: Batch) -> None:
    """Write the documents of a batch and sign it with the transaction's number. Raises ``StagingLost``, ``PlanMoved``."""
    verdicts = _verdicts(cursor, site, batch)
    for kind in DOCUMENTS:
        found = verdicts.get(kind, {})
        if found.get("create") or found.get("replace"):
            _gather(cursor, site, batch, kind)
        if found.get("replace"):
            _replace(cursor, site, batch, kind)
        if found.get("create"):
            _insert_roots(cursor, site, batch, kind)
        if found.get("create") or found.get("replace"):
            for child in tables_of(kind)[1:]:
                if batch.counts.get(child.name):
                    _insert_children(cursor, site, batch, child)
        if found.get("gone"):
            _mark(cursor, site, batch, kind)
    cursor.execute(
        "UPDATE migration.history_batches SET xid = pg_current_xact_id(), loaded_at = clock_timestamp(), created = %s WHERE id = %s",
        [Jsonb({kind: found["create"] for kind, found in verdicts.items() if found.get("create")}), batch.id],
    )


def _verdicts(cursor: Cursor, site: Site, batch: Batch) -> dict[str, dict[str, int]]:
    """Kind → verdict → number."""
    require_staged(cursor, site, batch.batch, batch.counts)
    cursor.execute(
        f"SELECT kind, verdict, count(*) AS n FROM {site.staged(shapes.DOCUMENTS)} WHERE batch = %s GROUP BY 1, 2",
        [batch.batch],
    )
    found: dict[str, dict[str, int]] = {}
    for row in cursor.fetchall():
        found.setdefault(row["kind"], {})[row["verdict"]] = row["n"]
    return found


def _gather(cursor: Cursor, site: Site, batch: Batch, kind: str) -> None:
    """The documents of a kind that are written, with number and id of their roots."""
    cursor.execute(
        f"""
        INSERT INTO history_work (doc, kind, verdict, n, root_id, source_key, content_hash, version)
        SELECT d.doc, d.kind, d.verdict, r.n, CASE d.verdict WHEN 'create' THEN %(first)s + r.n - 1 ELSE d.aura_id END,
               d.source_key, d.content_hash, d.version
        FROM {site.staged(shapes.DOCUMENTS)} d JOIN {site.staged(kind)} r ON r.doc = d.doc AND r.batch = %(batch)s
        WHERE d.batch = %(batch)s AND d.kind = %(kind)s AND d.verdict IN ('create', 'replace')
        """,
        {"first": batch.first_ids.get(kind), "batch": batch.batch, "kind": kind},
    )


# -- new documents ------------------------------------------------------------------------------------------------------


def _own(site: Site, batch: Batch) -> dict[str, str]:
    """The columns of a root that do not come from its row: name → expression."""
    return {
        "source_hash": "w.content_hash",
        "source_version": "w.version",
        "history_batch_id": str(batch.id),
        "updated_at": "%(load_at)s::timestamptz",
    }


def _bound(site: Site, batch: Batch, **more: Any) -> dict[str, Any]:
    return {"batch": batch.batch, "load_at": site.load_at, "pos": site.subject.pos, **more}


def _insert_roots(cursor: Cursor, site: Site, batch: Batch, kind: str) -> None:
    """Insert the roots of created documents."""
    table = tables_of(kind)[0]
    written = {
        "id": "w.root_id",
        "restaurant_id": str(site.restaurant_id),
        "location_id": str(site.location_id),
        "source_vendor": "%(pos)s",
        "source_id": "w.source_key",
        "migration_run_id": str(site.migration_id),
        "created_at": "%(load_at)s::timestamptz",
        **_own(site, batch),
        **({"is_historical": "true"} if kind == "orders" else {}),
    }
    joins = []
    for column in table.columns:
        written[column.target], join = value_of(site, column, batch.first_ids)
        joins.append(join)
    try:
        cursor.execute(
            f"""
            INSERT INTO aura.{kind} ({", ".join(written)}) SELECT {", ".join(written.values())}
            FROM {site.staged(kind)} s JOIN history_work w ON w.doc = s.doc {" ".join(joins)}
            WHERE s.batch = %(batch)s AND w.verdict = 'create'
            """,
            _bound(site, batch),
        )
    except psycopg.errors.UniqueViolation as error:
        raise PlanMoved(
            f"A document of {site.subject.location_key} that the plan creates stands in AuraConnect already ({kind}, batch {batch.batch}).",
            "Nothing of this batch was written. Preview again, approve and run.",
        ) from error


def _insert_children(cursor: Cursor, site: Site, batch: Batch, child: Table) -> None:
    """Insert a table of children, of created and of replaced documents alike, and remember how many each has."""
    written = {
        "id": f"{batch.first_ids[child.name]}::bigint + s.n - 1",
        "restaurant_id": str(site.restaurant_id),
        child.parent: "w.root_id",
    }
    joins = []
    for column in child.columns:
        written[column.target], join = value_of(site, column, batch.first_ids)
        joins.append(join)
    cursor.execute(
        f"""
        INSERT INTO aura.{child.name} ({", ".join(written)}) SELECT {", ".join(written.values())}
        FROM {site.staged(child.name)} s JOIN history_work w ON w.doc = s.doc {" ".join(joins)}
        WHERE s.batch = %(batch)s
        """,
        _bound(site, batch),
    )
    cursor.execute(
        f"""
        INSERT INTO migration.history_children (batch_id, child, counts)
        SELECT %(id)s, %(child)s, array_agg(coalesce(c.count, 0) ORDER BY r.n)
        FROM {site.staged(child.document)} r
        LEFT JOIN (SELECT doc, count(*)::integer AS count FROM {site.staged(child.name)} WHERE batch = %(batch)s GROUP BY doc) c
               ON c.doc = r.doc
        WHERE r.batch = %(batch)s
        """,
        {"id": batch.id, "child": child.name, "batch": batch.batch},
    )


# -- documents that stand already ---------------------------------------------------------------------------------------


def _replace(cursor: Cursor, site: Site, batch: Batch, kind: str) -> None:
    """Take the earlier versions into the journal and write the roots anew; what people changed since is left alone."""
    which = "IN (SELECT root_id FROM history_work WHERE kind = %(kind)s AND verdict = 'replace')"
    standing.look_at(cursor, kind, which, {})
    standing.judge_children(cursor, kind)
    standing.keep(cursor, site.migration_id, kind)
    cursor.execute(
        """
        WITH removed AS (
            DELETE FROM history_work w WHERE w.kind = %(kind)s AND w.verdict = 'replace'
            AND NOT EXISTS (SELECT 1 FROM history_standing s WHERE s.id = w.root_id)
            RETURNING w.source_key, w.root_id
        )
        INSERT INTO migration.history_kept (migration_id, document, source_key, aura_id, reason)
        SELECT %(migration)s, %(kind)s, source_key, root_id, %(reason)s FROM removed ON CONFLICT DO NOTHING
        """,
        {"kind": kind, "migration": site.migration_id, "reason": standing.REMOVED},
    )
    replacing.journal(cursor, kind, batch.id, "replace")
    replacing.delete_children(cursor, kind)
    written = {**_own(site, batch), "deleted_at": "NULL"}
    joins = []
    for column in tables_of(kind)[0].columns:
        written[column.target], join = value_of(site, column, batch.first_ids)
        joins.append(join)
    cursor.execute(
        f"""
        UPDATE aura.{kind} t SET {", ".join(f"{name} = {value}" for name, value in written.items())}
        FROM {site.staged(kind)} s JOIN history_work w ON w.doc = s.doc {" ".join(joins)}
        WHERE s.batch = %(batch)s AND w.kind = %(kind)s AND w.verdict = 'replace' AND t.id = w.root_id
        """,
        _bound(site, batch, kind=kind),
    )


def _mark(cursor: Cursor, site: Site, batch: Batch, kind: str) -> None:
    """Mark the documents that the POS answered to be deleted, where they stand and are not marked already."""
    mark = MARKED.get(kind, "deleted_at = %(load_at)s::timestamptz")
    column = mark.split(" ")[0]
    not_yet = "voided_at_source" if column == "voided_at_source" else "deleted_at IS NOT NULL"
    gone = f"{site.staged(shapes.DOCUMENTS)} d WHERE d.batch = %(batch)s AND d.kind = %(kind)s AND d.verdict = 'gone'"
    which = f"IN (SELECT d.aura_id FROM {gone}) AND NOT (t.{not_yet})"
    if not standing.look_at(cursor, kind, which, {"batch": batch.batch}):
        return
    standing.judge_children(cursor, kind)
    standing.keep(cursor, site.migration_id, kind)
    replacing.journal(cursor, kind, batch.id, "mark")
    replacing.touch_children(cursor, kind)
    # With the hash of the answer, an object that the POS shows again is seen to have changed; its version stays the one it
    # had, because the answer's is no version of the object.
    cursor.execute(
        f"""
        UPDATE aura.{kind} t SET {mark}, source_hash = x.content_hash, history_batch_id = %(id)s, updated_at = %(load_at)s::timestamptz
        FROM history_standing s JOIN (SELECT d.aura_id, d.content_hash FROM {gone}) x ON x.aura_id = s.id WHERE s.id = t.id
        """,
        {"load_at": site.load_at, "id": batch.id, "batch": batch.batch, "kind": kind},
    )
