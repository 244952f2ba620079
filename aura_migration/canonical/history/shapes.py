"""The working tables of one migration's staged history: their names, how they are made and thrown away.

One set per migration (``staging.history_<migration>_<table>``), unlogged: a crash of the server empties them, and they are
staged again from the snapshot. Without indexes: they are written once and read from end to end.

Every row carries its ``batch``, its number ``n`` in batch and table (from 1, without gaps) and the number ``doc`` of its
document in the batch. A column that points within the document holds the ``n`` of that row, one that points elsewhere the
source key. ``history_<migration>_documents`` has a row per document.
"""

from __future__ import annotations

from psycopg import sql

from aura_migration.canonical.history.tables import TABLES, Table
from aura_migration.database.connections import Connection

DOCUMENTS = "documents"
VERDICTS = ("create", "replace", "unchanged", "superseded", "skip", "quarantine", "gone")
"""What becomes of a document: null until it is planned. superseded: another body has a later version of it."""


def staged(migration_id: int, table: str) -> sql.Identifier:
    """The working table of that name (a name of ``TABLES`` or ``DOCUMENTS``)."""
    return sql.Identifier("staging", f"history_{migration_id}_{table}")


def make(connection: Connection, migration_id: int) -> None:
    """Make all working tables, empty; those of an earlier staging go."""
    drop(connection, migration_id)
    connection.execute(
        sql.SQL(
            "CREATE UNLOGGED TABLE {} (batch integer NOT NULL, doc integer NOT NULL, kind text NOT NULL, source_key text "
            "NOT NULL, version text NOT NULL, content_hash text NOT NULL, body integer NOT NULL, gone boolean NOT NULL, "
            "fault text NOT NULL, verdict text, aura_id bigint)"
        ).format(staged(migration_id, DOCUMENTS))
    )
    for table in TABLES:
        columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns_of(table)]
        connection.execute(
            sql.SQL(
                "CREATE UNLOGGED TABLE {} (batch integer NOT NULL, n integer NOT NULL, doc integer NOT NULL, {})"
            ).format(staged(migration_id, table.name), sql.SQL(", ").join(columns))
        )


def columns_of(table: Table) -> list[tuple[str, str]]:
    """Name and type of the staged columns, in the order of the tuple; behind ``batch, n, doc``."""
    return [(column.name, column.sql_type) for column in table.columns]


def drop(connection: Connection, migration_id: int) -> None:
    """Throw the working tables away; nothing happens where there are none."""
    for name in (DOCUMENTS, *(table.name for table in TABLES)):
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(staged(migration_id, name)))
