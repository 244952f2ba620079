"""The temp tables in which people's rows are judged together, and how rows get into them and out.

    people_rows      every row, partitioned by entity, as the chunks came; ``n`` is its place in the connector's order
    people_persons   a customer that may go on → the person it is (the profile that survives), with contacts and names
    people_seats     a customer that may go on → the row it will stand on, and whose points count together (``place``)
    people_accounts  a loyalty account that may go on: its holder, AuraConnect's id, what it will hold
    people_points    whose points count together → their sum

They live as long as the transaction. Chunks go in by COPY, without a key: which ids repeat is asked afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from aura_migration.canonical.persons.chunks import PEOPLE, Judged
from aura_migration.canonical.stage import CONTRADICTION

Connection = psycopg.Connection[Any]
COLUMNS = Judged._fields
LISTED = 500
"""Entries of a list in the report; the counts beside it are of all."""
TABLES = (
    "people_rows",
    "people_persons",
    "people_repeats",
    "people_different",
    "people_answers",
    "people_seats",
    "people_accounts",
    "people_points",
)


def make_tables(connection: Connection) -> None:
    """Make the tables anew."""
    drop_tables(connection)
    connection.execute(
        """
        CREATE TEMP TABLE people_rows (
            n integer NOT NULL, entity text NOT NULL, source_key text COLLATE "C" NOT NULL, content jsonb NOT NULL,
            source_hash text NOT NULL, record text NOT NULL, verdict text, reasons text[] NOT NULL,
            is_rejected boolean NOT NULL, is_corrected boolean NOT NULL, is_mapped_role boolean NOT NULL,
            email text COLLATE "C", phone text COLLATE "C", first text COLLATE "C", last text COLLATE "C",
            same_as text COLLATE "C"
        ) PARTITION BY LIST (entity) ON COMMIT DROP
        """
    )
    for entity in PEOPLE:
        connection.execute(
            f"CREATE TEMP TABLE people_rows_{entity} PARTITION OF people_rows FOR VALUES IN ('{entity}') ON COMMIT DROP"
        )
    connection.execute(
        """
        CREATE TEMP TABLE people_persons (
            key text COLLATE "C" NOT NULL, person text COLLATE "C" NOT NULL, email text COLLATE "C", phone text COLLATE "C",
            first text COLLATE "C", last text COLLATE "C", acquired text COLLATE "C"
        ) ON COMMIT DROP;
        CREATE TEMP TABLE people_different (a text COLLATE "C", b text COLLATE "C") ON COMMIT DROP;
        CREATE TEMP TABLE people_answers (
            key text COLLATE "C", customer text COLLATE "C", person text COLLATE "C", purpose text COLLATE "C",
            severity smallint, captured text COLLATE "C", is_usable boolean
        ) ON COMMIT DROP;
        CREATE TEMP TABLE people_seats (key text COLLATE "C", seat text COLLATE "C", place text COLLATE "C") ON COMMIT DROP;
        CREATE TEMP TABLE people_accounts (holder text COLLATE "C", aura_id bigint, balance bigint, lifetime bigint) ON COMMIT DROP;
        CREATE TEMP TABLE people_points (place text COLLATE "C", balance bigint, lifetime bigint) ON COMMIT DROP
        """
    )


def drop_tables(connection: Connection) -> None:
    """Drop them before the transaction ends: another staging may follow in it."""
    connection.execute(f"DROP TABLE IF EXISTS {', '.join('pg_temp.' + name for name in TABLES)}")


def copy_chunk(connection: Connection, rows: Iterable[Judged]) -> None:
    """Append judged rows."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY people_rows ({', '.join(COLUMNS)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def analyze(connection: Connection) -> None:
    """Fresh statistics of what was copied."""
    connection.execute("SET LOCAL default_statistics_target = 10")
    connection.execute("ANALYZE people_rows")


def settle_repeats(connection: Connection) -> None:
    """Leave one row per entity and key: an exact repetition is one record, a contradiction goes to quarantine.

    A row that is left out (erased) goes before one that is not, a row before a rejected record. Which of two contradicting
    rows stands there does not depend on their order. Two answers of a customer about one purpose do not contradict each
    other: the most restrictive stands.
    """
    connection.execute(
        """
        CREATE TEMP TABLE people_repeats ON COMMIT DROP AS
        SELECT r.n, r.entity, r.verdict, r.content, r.is_rejected, r.is_corrected,
               row_number() OVER (PARTITION BY r.entity, r.source_key ORDER BY r.verdict IS NOT DISTINCT FROM 'skip' DESC,
                   r.is_rejected, CASE WHEN r.entity = 'customer_consents' THEN array_position(
                       ARRAY['withdrawn', 'denied', 'unknown', 'granted'], r.content ->> 'status') END,
                   r.content::text COLLATE "C", r.source_hash, r.n) AS place, r.source_key
        FROM people_rows r
        JOIN (SELECT entity, source_key FROM people_rows GROUP BY entity, source_key HAVING count(*) > 1) twice
          USING (entity, source_key)
        """
    )
    if not _any(connection, "SELECT EXISTS (SELECT FROM people_repeats)"):
        return
    connection.execute(
        """
        UPDATE people_rows r SET reasons = array_append(r.reasons, %(contradiction)s), verdict = 'quarantine'
        FROM (SELECT entity, source_key, min(n) FILTER (WHERE place = 1) AS n FROM people_repeats
              WHERE NOT is_rejected GROUP BY entity, source_key
              HAVING count(DISTINCT content) > 1 AND NOT bool_or(is_corrected)
                 AND count(*) FILTER (WHERE verdict = 'skip') = 0) torn
        WHERE r.entity = torn.entity AND r.n = torn.n AND r.entity <> 'customer_consents'
        """,
        {"contradiction": CONTRADICTION},
    )
    connection.execute(
        "DELETE FROM people_rows r USING people_repeats p WHERE r.entity = p.entity AND r.n = p.n AND p.place > 1"
    )


def _any(connection: Connection, query: str, arguments: Any = None) -> bool:
    return bool(one(connection, query, arguments))


def one(connection: Connection, query: str, arguments: Any = None) -> Any:
    """The one value of a query."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query, arguments).fetchone()
    return row[0] if row else None


def many(connection: Connection, query: str, arguments: Any = None) -> list[tuple[Any, ...]]:
    """The rows of a query, as tuples."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query, arguments).fetchall()
