"""What people's rows point to: references to records that were not sent, and rows of files that name a person by contact."""

from __future__ import annotations

from typing import Any

import psycopg

from aura_migration.canonical.model import Entity, Field, Loss
from aura_migration.canonical.people import PEOPLE_ENTITIES
from aura_migration.canonical.persons.chunks import (
    ERASED,
    EXAMPLES,
    FORGOTTEN,
    IDENTIFYING,
    NOTHING_HASH,
    left_out_reason,
)
from aura_migration.canonical.persons.tables import many, one
from aura_migration.canonical.references import is_binding

Connection = psycopg.Connection[Any]
REFERENCES: tuple[tuple[Entity, Field], ...] = tuple((entity, ref) for entity in PEOPLE_ENTITIES for ref in entity.refs)
NOBODY = "the file names nobody among the guests, or more than one"


def judge_references(connection: Connection, migration_id: int) -> list[Loss]:
    """References to records that were neither sent now nor loaded before.

    A row that cannot be without it goes to quarantine; otherwise the reference is left empty and counted as a loss.
    """
    losses = []
    for entity, ref in REFERENCES:
        if is_binding(entity, ref):
            connection.execute(
                f"""
                WITH missing AS ({_missing(entity, ref)})
                UPDATE people_rows r SET verdict = 'quarantine',
                       reasons = array_append(r.reasons, format('refers to {ref.ref} %%s, which the POS did not send', m.target))
                FROM missing m WHERE r.entity = '{entity.name}' AND r.n = m.n
                """,
                [migration_id],
            )
            continue
        found = many(
            connection,
            f"""
            WITH missing AS ({_missing(entity, ref)}),
                 emptied AS (UPDATE people_rows r SET content = r.content - '{ref.name}'
                             FROM missing m WHERE r.entity = '{entity.name}' AND r.n = m.n RETURNING r.source_key)
            SELECT count(*), (array_agg(source_key ORDER BY source_key))[1:{EXAMPLES}] FROM emptied
            """,
            [migration_id],
        )
        for number, examples in found:
            if number:
                note = f"points to {ref.ref} that the POS does not send; the reference is left empty"
                losses.append(Loss(entity.name, ref.name, number, note, tuple(examples)))
    return losses


def _missing(entity: Entity, ref: Field) -> str:
    """``n`` and ``target`` of rows whose reference leads nowhere. A partial answer does not unmake what was loaded before.

    What was loaded is asked only about the few that were not sent.
    """
    return f"""
        WITH unsent AS MATERIALIZED (
            SELECT r.n, r.content ->> '{ref.name}' AS target FROM people_rows r
            WHERE r.entity = '{entity.name}' AND r.verdict IS DISTINCT FROM 'skip' AND r.content ->> '{ref.name}' IS NOT NULL
              AND NOT EXISTS (SELECT FROM people_rows t
                              WHERE t.entity = '{ref.ref}' AND t.source_key = r.content ->> '{ref.name}' COLLATE "C"))
        SELECT n, target FROM unsent u
        WHERE NOT EXISTS (SELECT FROM migration.migrations m JOIN migration.crosswalk c
                            ON c.integration_id = m.integration_id AND c.entity = '{ref.ref}' AND c.is_active
                           AND c.source_key IN (u.target, u.target || '@' || split_part(m.location_key, ':', 2))
                          WHERE m.id = %s)
    """


def follow_the_skipped(connection: Connection) -> None:
    """What belongs to somebody left out goes with them; what they are owed stays, with nothing that names them.

    Not even a hash of the POS's record is kept of that: whoever knows the rest of it could guess the contact in it.
    """
    for entity, ref in REFERENCES:
        if not one(
            connection, f"SELECT EXISTS (SELECT FROM people_rows WHERE entity = '{ref.ref}' AND verdict = 'skip')"
        ):
            continue
        skipped = f"r.entity = '{entity.name}' AND t.entity = '{ref.ref}' AND t.verdict = 'skip'"
        pointing = f"{skipped} AND t.source_key = r.content ->> '{ref.name}' COLLATE \"C\""
        if is_binding(entity, ref):
            connection.execute(
                f"""
                UPDATE people_rows r SET verdict = 'skip', content = {"'{}'" if entity.personal else "r.content"},
                       same_as = NULL, source_hash = {"%(nothing)s" if entity.personal else "r.source_hash"},
                       reasons = ARRAY[format('goes with the skipped {ref.ref} %%s', t.source_key)]
                FROM people_rows t WHERE {pointing} AND r.verdict IS DISTINCT FROM 'skip'
                """,
                {"nothing": NOTHING_HASH},
            )
        else:
            connection.execute(
                f"""
                UPDATE people_rows r SET content = r.content - '{ref.name}'
                FROM people_rows t WHERE {pointing} AND t.reasons = ARRAY[%s]
                """,
                [left_out_reason(str(ref.ref))],
            )
            for is_erased, naming in ((True, FORGOTTEN), (False, IDENTIFYING)):
                named = "r.content - %(naming)s::text[]"
                connection.execute(
                    f"""
                    UPDATE people_rows r SET content = {named}, source_hash = encode(sha256(convert_to(({named})::text, 'UTF8')), 'hex')
                    FROM people_rows t WHERE {pointing} AND (t.reasons = ARRAY[%(erased)s]) = %(is_erased)s
                    """,
                    {"naming": [ref.name, *naming.get(entity.name, ())], "erased": ERASED, "is_erased": is_erased},
                )


def link_files(connection: Connection) -> int:
    """Rows of files that name nobody get the one person whose contacts agree with theirs.

    An address or number that several people share names nobody, with one exception: who said no under it is taken to be
    each of them. Pay belongs to whose number it gives, the restaurant's own or the POS's id, and only without one to whose
    e-mail address; a name alone names nobody. Returns how many consents named nobody; those are skipped.
    """
    agreeing = """
        SELECT r.n, p.person FROM people_rows r JOIN people_persons p ON p.email = r.email
        WHERE r.entity = %(entity)s AND r.email IS NOT NULL AND r.content ->> 'customer_key' IS NULL
          AND (r.phone IS NULL OR p.phone IS NULL OR p.phone = r.phone)
        UNION
        SELECT r.n, p.person FROM people_rows r JOIN people_persons p ON p.phone = r.phone
        WHERE r.entity = %(entity)s AND r.phone IS NOT NULL AND r.content ->> 'customer_key' IS NULL
          AND (r.email IS NULL OR p.email IS NULL OR p.email = r.email)
    """
    for entity in ("customer_consents", "loyalty_accounts", "gift_cards", "house_accounts"):
        arguments = {"entity": entity}
        if entity == "customer_consents":
            _spread_refusals(connection)
        connection.execute(
            f"""
            UPDATE people_rows r SET content = r.content || jsonb_build_object('customer_key', sole.person)
            FROM (SELECT n, min(person) AS person FROM ({agreeing}) agreeing GROUP BY n HAVING count(*) = 1) sole
            WHERE r.entity = %(entity)s AND r.n = sole.n
            """,
            arguments,
        )
    connection.execute(
        """
        WITH codes AS (SELECT n, entity, source_key, email, lower(btrim(content ->> 'employee_code')) AS code,
                              substring(source_key FROM '[^/]*$') AS pos_id, content ->> 'employee_code' AS as_written
                       FROM people_rows WHERE entity IN ('staff', 'payroll') AND verdict IS DISTINCT FROM 'skip'
                          AND content ->> 'staff_key' IS NULL),
             near AS (SELECT p.n, s.source_key, rank() OVER (PARTITION BY p.n ORDER BY CASE
                             WHEN s.code = p.code THEN 1 WHEN s.pos_id = p.as_written THEN 2 ELSE 3 END) AS place
                      FROM codes p JOIN codes s ON s.entity = 'staff'
                       AND (s.code = p.code OR s.pos_id = p.as_written OR s.email = p.email)
                      WHERE p.entity = 'payroll')
        UPDATE people_rows r SET content = r.content || jsonb_build_object('staff_key', sole.staff)
        FROM (SELECT n, min(source_key) AS staff FROM near WHERE place = 1
              GROUP BY n HAVING count(DISTINCT source_key) = 1) sole
        WHERE r.entity = 'payroll' AND r.n = sole.n
        """
    )
    return _skip_unmatched(connection)


def _spread_refusals(connection: Connection) -> None:
    """A refusal under a shared contact is one of every person who has it: a row each, the first in the row that was sent."""
    connection.execute(
        """
        WITH refusals AS (
            SELECT DISTINCT r.n, p.person FROM people_rows r JOIN people_persons p ON p.email = r.email OR p.phone = r.phone
            WHERE r.entity = 'customer_consents' AND r.content ->> 'customer_key' IS NULL
              AND r.verdict IS NULL AND r.content ->> 'status' <> 'granted'
        ), placed AS (SELECT n, person, row_number() OVER (PARTITION BY n ORDER BY person) AS place FROM refusals),
        others AS (
            INSERT INTO people_rows (n, entity, source_key, content, source_hash, record, verdict, reasons, is_rejected,
                                     is_corrected, is_mapped_role)
            SELECT r.n, r.entity, r.source_key || '/' || f.person,
                   r.content || jsonb_build_object('customer_key', f.person), r.source_hash, r.record, r.verdict, r.reasons,
                   r.is_rejected, r.is_corrected, r.is_mapped_role
            FROM placed f JOIN people_rows r ON r.entity = 'customer_consents' AND r.n = f.n WHERE f.place > 1
        )
        UPDATE people_rows r SET content = r.content || jsonb_build_object('customer_key', f.person)
        FROM placed f WHERE r.entity = 'customer_consents' AND r.n = f.n AND f.place = 1
        """
    )


def _skip_unmatched(connection: Connection) -> int:
    cursor = connection.execute(
        """
        UPDATE people_rows SET verdict = 'skip', reasons = ARRAY[%s], content = '{}', source_hash = %s
        WHERE entity = 'customer_consents' AND verdict IS NULL AND content ->> 'customer_key' IS NULL
        """,
        [NOBODY, NOTHING_HASH],
    )
    return cursor.rowcount
