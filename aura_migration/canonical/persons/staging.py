"""From a connector's batches of people to staged rows, in the caller's transaction and in bounded memory.

Rows are judged chunk by chunk and copied into temp tables; everything that needs all of them is set-based SQL there. At
the end every row stands in ``staging.rows`` beside the menu's, with a verdict where it may not go on, and with ``same_as``
(wave 1) where it becomes part of another: the same person, the same answer, the same role.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import psycopg

from aura_migration.canonical.model import Batch
from aura_migration.canonical.options import MigrationOptions
from aura_migration.canonical.persons import consent, links, loyalty, merging, openings, staff, tables, unseen
from aura_migration.canonical.persons.chunks import ERASED, PEOPLE, Chunks, Correction, Suppression
from aura_migration.canonical.persons.tables import many, one
from aura_migration.canonical.stage import Staged
from aura_migration.core.clock import business_now

Connection = psycopg.Connection[Any]


def stage_people(
    connection: Connection,
    migration_id: int,
    batches: Iterator[Batch],
    options: MigrationOptions,
    *,
    region: str,
    suppressed: Suppression,
    now: datetime | None = None,
    directories: Collection[str] = (),
) -> Staged:
    """Check people's batches and put them in place of the migration's staged rows of people.

    ``region`` is the ISO 3166-1 country of the location: how a phone number without country code is read. ``now`` is
    business time: a grant that has expired is none. ``directories`` are the entities of which everything the POS has was
    read: only there is anything that was loaded earlier and does not come again told to be gone. ``Staged.people`` is the report of what was found about them (keys,
    counts and names of fields and roles; no personal values). Raises ``BadInput`` for options that fit no record or
    contradict each other.
    """
    with connection.transaction():
        # Compiling costs more than the statements of most directories take.
        connection.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL TimeZone = 'UTC'")
        restaurant_id = one(connection, "SELECT restaurant_id FROM migration.migrations WHERE id = %s", [migration_id])
        tables.make_tables(connection)
        chunks = Chunks(
            options,
            region,
            _corrections(connection, migration_id),
            suppressed,
            _suppressions(connection, restaurant_id),
        )
        for rows in chunks.judged(batches):
            tables.copy_chunk(connection, rows)
        tables.analyze(connection)
        tables.settle_repeats(connection)
        staged = Staged(losses=[*chunks.losses, *links.judge_references(connection, migration_id)])
        people = options.people
        matching = merging.find_persons(connection, people)
        unmatched = links.link_files(connection)
        answers = consent.settle_answers(connection, business_now(now))
        left_out = consent.apply_policy(connection, people)
        staged.losses += merging.fill_gaps(connection)
        openings.open_corrected(connection)
        points = loyalty.convert_points(connection, people.loyalty)
        opted_in = consent.derive_opt_in(connection)
        gone, lost = unseen.find_gone(connection, migration_id, directories)
        balances, kept = unseen.find_unseen_balances(connection, migration_id, directories, options.exclude_entities)
        staged.losses += [*lost, *kept]
        unseen.settle_points(connection, migration_id)
        roles = staff.settle_roles(connection, restaurant_id, people.staff, chunks.roles_named)
        links.follow_the_skipped(connection)
        staged.people = {
            **matching,
            "contacts": {
                entity: dict(sorted(found.items())) for entity, found in sorted(chunks.contacts.items()) if found
            },
            "consent": {
                "policy": people.require_consent,
                **answers,
                "files_unmatched": unmatched,
                **left_out,
                "marketing_opt_in": opted_in,
            },
            "erased": _erased(connection),
            "gone": gone,
            "unseen_balances": balances,
            "unclaimable": _unclaimable(connection),
            "loyalty": points,
            "staff": {"include_wages": people.staff.include_wages, **roles},
        }
        _write(connection, migration_id)
        _quarantine(connection, migration_id)
        for entity, verdict, number in many(
            connection,
            "SELECT entity, verdict, count(*) FROM people_rows GROUP BY entity, verdict ORDER BY entity, verdict",
        ):
            staged.count(entity, verdict, number)
        tables.drop_tables(connection)
    return staged


def _corrections(connection: Connection, migration_id: int) -> dict[tuple[str, str], Correction]:
    found = many(
        connection,
        "SELECT entity, source_key, correction, record FROM migration.quarantine "
        "WHERE migration_id = %s AND entity = ANY(%s) AND correction IS NOT NULL",
        [migration_id, list(PEOPLE)],
    )
    return {(entity, key): Correction(values, record) for entity, key, values, record in found}


def _suppressions(connection: Connection, restaurant_id: int) -> frozenset[str]:
    """Who was erased from the restaurant: the list is as long as there were requests."""
    found = many(connection, "SELECT keyed_hash FROM migration.suppressions WHERE restaurant_id = %s", [restaurant_id])
    return frozenset(row[0] for row in found)


def _erased(connection: Connection) -> int:
    return int(
        one(connection, "SELECT count(*) FROM people_rows WHERE verdict = 'skip' AND reasons = ARRAY[%s]", [ERASED])
    )


def _unclaimable(connection: Connection) -> dict[str, int]:
    """Balances that nobody could claim at the counter: without a person and without a hash to find them by."""
    found = many(
        connection,
        """
        SELECT entity, count(*) FROM people_rows
        WHERE entity IN ('loyalty_accounts', 'house_accounts') AND verdict IS NULL
          AND content ->> 'customer_key' IS NULL AND content ->> 'claim_hash' IS NULL
          AND coalesce(content -> 'balance_points', content -> 'balance_cents') <> '0'
        GROUP BY entity
        """,
    )
    return dict(found)


def _write(connection: Connection, migration_id: int) -> None:
    arguments = {"migration": migration_id, "people": list(PEOPLE)}
    connection.execute(
        "DELETE FROM staging.rows WHERE migration_id = %(migration)s AND entity = ANY(%(people)s)", arguments
    )
    connection.execute(
        """
        INSERT INTO staging.rows (migration_id, entity, source_key, seq, wave, content, source_hash, record, verdict, reason, same_as)
        SELECT %(migration)s, entity, source_key, n + (SELECT coalesce(max(seq), 0) FROM staging.rows WHERE migration_id = %(migration)s),
               (same_as IS NOT NULL)::int, content, source_hash, record, verdict, array_to_string(reasons, '; '), same_as
        FROM people_rows
        """,
        arguments,
    )
    connection.execute("ANALYZE staging.rows (migration_id, entity, source_key, wave)")


def _quarantine(connection: Connection, migration_id: int) -> None:
    """Bring the quarantine table up to this staging as far as it is of people: new ones open, mended ones released.

    Of those who are left out by now nothing is kept there, and a correction that nothing needs any more is dropped: what it
    was for came again, sound or wrong in another line.
    """
    arguments = {"migration": migration_id, "people": list(PEOPLE)}
    connection.execute(
        """
        UPDATE migration.quarantine q SET state = 'released', updated_at = now()
        WHERE q.migration_id = %(migration)s AND q.entity = ANY(%(people)s) AND q.state = 'open' AND NOT EXISTS (
            SELECT FROM people_rows r WHERE r.entity = q.entity AND r.source_key = q.source_key AND r.verdict = 'quarantine')
        """,
        arguments,
    )
    connection.execute(
        """
        UPDATE migration.quarantine q SET "values" = '{}', correction = NULL, updated_at = now()
        FROM people_rows r WHERE q.migration_id = %(migration)s AND r.entity = q.entity AND r.source_key = q.source_key
         AND r.verdict = 'skip' AND r.content = '{}' AND (q."values" <> '{}' OR q.correction IS NOT NULL)
        """,
        arguments,
    )
    connection.execute(
        """
        UPDATE migration.quarantine q SET correction = NULL, updated_at = now()
        FROM people_rows r WHERE q.migration_id = %(migration)s AND r.entity = q.entity AND r.source_key = q.source_key
         AND q.correction IS NOT NULL AND q.record LIKE 'file\\_%%' AND r.verdict IS DISTINCT FROM 'skip' AND NOT r.is_corrected
        """,
        arguments,
    )
    connection.execute(
        """
        INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values", record)
        SELECT %(migration)s, entity, source_key, to_jsonb(reasons), content, record FROM people_rows WHERE verdict = 'quarantine'
        ON CONFLICT (migration_id, entity, source_key) DO UPDATE SET reasons = excluded.reasons, "values" = excluded."values",
            record = excluded.record, state = 'open', updated_at = now()
        """,
        arguments,
    )
