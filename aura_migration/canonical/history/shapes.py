"""The working tables of one migration's staged history: their names, how they are made and thrown away.

One set per migration (``staging.history_<migration>_<table>``), unlogged: a crash of the server empties them, and they are
staged again from the snapshot. Without indexes: they are written once and read from end to end.

Every row carries its ``batch``, its number ``n`` in batch and table (from 1, without gaps) and the number ``doc`` of its
document in the batch. A column that points within the document holds the ``n`` of that row, one that points elsewhere the
source key. ``history_<migration>_documents`` has a row per document, ``history_<migration>_batches`` one per batch that
is staged; it appears with the batch's rows or not at all. A document with a fault has no rows, unless the fault was found
in them afterwards.
"""

from __future__ import annotations

from psycopg import sql

from aura_migration.canonical.history.tables import TABLES, Table
from aura_migration.database.connections import Connection

DOCUMENTS = "documents"
BATCHES = "batches"
VERDICTS = ("create", "replace", "unchanged", "superseded", "skip", "quarantine", "gone")
"""What becomes of a document. Staging says ``create`` or ``superseded`` (another body has a later version of it); the plan
says what holds where something stands already. replace, unchanged and gone name the root that stands in ``aura_id``."""


def staged(migration_id: int, table: str) -> sql.Identifier:
    """The working table of that name (a name of ``TABLES`` or ``DOCUMENTS``)."""
    return sql.Identifier("staging", f"history_{migration_id}_{table}")


def make(connection: Connection, migration_id: int) -> None:
    """Make all working tables, empty; those of an earlier staging go."""
    columns = {
        BATCHES: "batch integer PRIMARY KEY, basis text NOT NULL, entity text NOT NULL, bodies jsonb NOT NULL, "
        "documents integer NOT NULL, counts jsonb NOT NULL",
        DOCUMENTS: "batch integer NOT NULL, doc integer NOT NULL, kind text NOT NULL, source_key text NOT NULL, version "
        "text NOT NULL, content_hash text NOT NULL, body integer NOT NULL, gone boolean NOT NULL, fault text NOT NULL "
        "DEFAULT '', verdict text NOT NULL DEFAULT 'create', aura_id bigint",
    }
    for table in TABLES:
        own = ", ".join(f'"{name}" {kind}' for name, kind in columns_of(table))
        columns[table.name] = f"batch integer NOT NULL, n integer NOT NULL, doc integer NOT NULL, {own}"
    drop(connection, migration_id)
    made = [
        sql.SQL("CREATE UNLOGGED TABLE {} ({})").format(staged(migration_id, name), sql.SQL(text))
        for name, text in columns.items()
    ]
    connection.execute(sql.SQL("; ").join(made))


def are_there(connection: Connection, migration_id: int) -> bool:
    """Whether the migration has working tables, empty or not."""
    name = staged(migration_id, BATCHES).as_string(connection)
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [name]).fetchone()
    return bool(row and row[0])


def columns_of(table: Table) -> list[tuple[str, str]]:
    """Name and type of the staged columns, in the order of the tuple; behind ``batch, n, doc``."""
    return [(column.name, column.sql_type) for column in table.columns]


def drop(connection: Connection, migration_id: int) -> None:
    """Throw the working tables away; nothing happens where there are none."""
    names = [staged(migration_id, name) for name in (BATCHES, DOCUMENTS, *(table.name for table in TABLES))]
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.SQL(", ").join(names)))
