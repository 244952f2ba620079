"""Profiles of one person become one: who they are (``matching.py``), what the survivor takes over, who is near but not sure.

Candidates are read contact by contact through a server-side cursor, so that memory does not grow with the directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from aura_migration.canonical.model import Loss
from aura_migration.canonical.options import PeopleOptions
from aura_migration.canonical.persons.chunks import EXAMPLES
from aura_migration.canonical.persons.matching import Person, Profile, persons
from aura_migration.canonical.persons.named import resolve_keys
from aura_migration.canonical.persons.tables import LISTED, many, one

Connection = psycopg.Connection[Any]
KEYS_LISTED = 50
WRITTEN_AT_ONCE = 2_000
PROFILE = "key, email, phone, first, last, acquired"
UNITS: dict[str, tuple[str, ...]] = {
    "first_name": ("first_name",),
    "last_name": ("last_name",),
    "nickname": ("nickname",),
    "company_name": ("company_name",),
    "email": ("email", "email_normalized"),
    "phone": ("phone_raw", "phone"),
    "date_of_birth": ("date_of_birth",),
    "birthday": ("birthday",),
    "tier": ("tier",),
    "notes": ("notes",),
    "tags": ("tags",),
    "custom_fields": ("custom_fields",),
}
"""Fields that a survivor takes over where it has none of the unit, by the name under which a loss is counted; whether two
profiles differ is seen by the last field of the unit."""


def find_persons(connection: Connection, options: PeopleOptions) -> dict[str, Any]:
    """Fill ``people_persons`` and mark merged profiles; returns the report's part about who is one person.

    ``{"merged": [{"keys", "why"}], "merged_persons", "merged_profiles", "near_ties": [{"keys", "profiles", "shares",
    "differs", "lacks"}], "near_ties_total", "unknown_keys", "ambiguous_keys": [{"key", "keys"}]}``; keys only, lists of at
    most ``LISTED``, the counts beside them are of all. Raises ``BadInput`` where decided pairs contradict each other.
    """
    options, named = resolve_keys(connection, options)
    connection.execute(
        """
        INSERT INTO people_persons (key, person, email, phone, first, last, acquired)
        SELECT source_key, source_key, email, phone, first, last, content ->> 'acquisition_date'
        FROM people_rows WHERE entity = 'customers' AND verdict IS NULL
        """
    )
    connection.execute("CREATE INDEX ON people_persons (key); ANALYZE people_persons")
    found = _found(connection, options)
    report: dict[str, Any] = {"merged": [], "merged_persons": 0, "merged_profiles": 0}
    for part in _parts(found):
        for person in part:
            report["merged_persons"] += 1
            report["merged_profiles"] += len(person.keys)
            if len(report["merged"]) < LISTED:
                report["merged"].append({"keys": list(person.keys[:KEYS_LISTED]), "why": person.why})
        _mark(connection, part)
    if report["merged_persons"]:
        connection.execute("ANALYZE people_persons")
    return report | _near_ties(connection, options) | named


def fill_gaps(connection: Connection) -> list[Loss]:
    """What a survivor lacks comes from the others, the oldest first; values that differ stay behind and are counted."""
    if not one(connection, "SELECT EXISTS (SELECT FROM people_persons WHERE key <> person)"):
        return []
    connection.execute(
        """
        CREATE TEMP TABLE people_merged ON COMMIT DROP AS
        SELECT p.person, p.key, p.acquired, x.content, s.content AS kept
        FROM people_persons p
        JOIN people_rows x ON x.entity = 'customers' AND x.source_key = p.key
        JOIN people_rows s ON s.entity = 'customers' AND s.source_key = p.person
        WHERE p.key <> p.person
        """
    )
    connection.execute(
        f"""
        WITH units AS ({" UNION ALL ".join(_taken_over(fields) for fields in UNITS.values())}),
             filled AS (SELECT person, jsonb_object_agg(e.key, e.value) AS content FROM units, jsonb_each(unit) e GROUP BY person),
             kept AS (UPDATE people_merged m SET kept = m.kept || f.content FROM filled f WHERE m.person = f.person)
        UPDATE people_rows r SET content = r.content || f.content
        FROM filled f WHERE r.entity = 'customers' AND r.source_key = f.person
        """
    )
    differing = " UNION ALL ".join(
        f"""
        SELECT '{name}' AS name, key FROM people_merged
        WHERE {_has("content", fields[-1:])} AND {_compared("content", fields[-1])} IS DISTINCT FROM {_compared("kept", fields[-1])}
        """
        for name, fields in UNITS.items()
    )
    note = "differs between profiles of one person; what the oldest profile says is kept"
    found = many(
        connection,
        f"SELECT name, count(*), (array_agg(key ORDER BY key))[1:{EXAMPLES}] FROM ({differing}) d GROUP BY name ORDER BY name",
    )
    connection.execute("DROP TABLE people_merged")
    return [Loss("customers", name, number, note, tuple(examples)) for name, number, examples in found]


def _taken_over(fields: Sequence[str]) -> str:
    """Per survivor without any of these fields: those of the oldest merged profile that has one."""
    listed = ", ".join(f"'{field}'" for field in fields)
    return f"""
        (SELECT DISTINCT ON (person) person,
                (SELECT jsonb_object_agg(f, content -> f) FROM unnest(ARRAY[{listed}]) f WHERE content ? f) AS unit
         FROM people_merged WHERE {_has("content", fields)} AND NOT {_has("kept", fields)}
         ORDER BY person, acquired NULLS LAST, key)
    """


def _compared(content: str, field: str) -> str:
    """SQL: a value as it is compared; letters of a name may be large or small, composed or not."""
    if field in ("first_name", "last_name"):
        return f"lower(normalize({content} ->> '{field}', NFKC))"
    return f"{content} -> '{field}'"


def _has(content: str, fields: Sequence[str]) -> str:
    return "(" + " OR ".join(f"coalesce({content} -> '{field}', 'null') <> 'null'" for field in fields) + ")"


# -- who is one person --------------------------------------------------------------------------------------------------


def _found(connection: Connection, options: PeopleOptions) -> Iterator[Person]:
    """All persons with several profiles: first those the options bring together, with everybody near them, then by contact."""
    named = sorted({key for pair in options.same_person for key in pair})
    closed: list[Profile] = []
    if named:
        closed = [
            Profile(*row)
            for row in many(
                connection,
                f"""
                SELECT {PROFILE} FROM people_persons
                WHERE key = ANY(%(named)s) OR (email, phone) IN (SELECT email, phone FROM people_persons WHERE key = ANY(%(named)s))
                ORDER BY key
                """,
                {"named": named},
            )
        ]
    yield from persons(closed, options.same_person, options.different_persons)
    taken = {(p.email, p.phone) for p in closed}
    for contact, members in groupby(_candidates(connection), key=lambda p: (p.email, p.phone)):
        if contact not in taken:
            yield from persons(members, (), options.different_persons)


def _candidates(connection: Connection) -> Iterator[Profile]:
    """Profiles that share both contacts with another, contact by contact."""
    with connection.cursor(name="people_candidates", row_factory=tuple_row) as cursor:
        cursor.itersize = WRITTEN_AT_ONCE
        cursor.execute(
            f"""
            SELECT {PROFILE} FROM people_persons JOIN (
                SELECT email, phone FROM people_persons WHERE email IS NOT NULL AND phone IS NOT NULL
                GROUP BY email, phone HAVING count(*) > 1) twice USING (email, phone)
            ORDER BY email, phone, key
            """
        )
        for row in cursor:
            yield Profile(*row)


def _parts(found: Iterable[Person]) -> Iterator[list[Person]]:
    part: list[Person] = []
    for person in found:
        part.append(person)
        if len(part) >= WRITTEN_AT_ONCE:
            yield part
            part = []
    yield part


def _mark(connection: Connection, found: Sequence[Person]) -> None:
    merged = [(key, person.survivor, person.why) for person in found for key in person.keys[1:]]
    if not merged:
        return
    keys, survivors, reasons = (list(column) for column in zip(*merged, strict=True))
    connection.execute(
        """
        WITH merged AS (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS m(key, person, why)),
             marked AS (UPDATE people_persons p SET person = m.person FROM merged m WHERE p.key = m.key)
        UPDATE people_rows r SET same_as = m.person, reasons = ARRAY[format('is one person with %%s: %%s', m.person, m.why)]
        FROM merged m WHERE r.entity = 'customers' AND r.source_key = m.key
        """,
        [keys, survivors, reasons],
    )


# -- who is near --------------------------------------------------------------------------------------------------------


def _near_ties(connection: Connection, options: PeopleOptions) -> dict[str, Any]:
    """Persons who share an e-mail address or a phone number and are not one, unless all of them are known to be different."""
    if options.different_persons:
        pairs = [list(pair) for pair in options.different_persons]
        connection.execute(
            "INSERT INTO people_different SELECT * FROM unnest(%s::text[], %s::text[])",
            [[a for a, _ in pairs], [b for _, b in pairs]],
        )
    groups = " UNION ALL ".join(
        f"""
        SELECT '{shared}' AS shares, array_agg(p.key ORDER BY p.key) AS keys, count(DISTINCT p.person) AS persons,
               array_remove(ARRAY[CASE WHEN count(DISTINCT p.first) > 1 THEN 'first_name' END,
                                  CASE WHEN count(DISTINCT p.last) > 1 THEN 'last_name' END,
                                  CASE WHEN count(DISTINCT p.{other}) > 1 THEN '{other}' END], NULL) AS differs,
               array_remove(ARRAY[CASE WHEN count(p.first) < count(*) THEN 'first_name' END,
                                  CASE WHEN count(p.last) < count(*) THEN 'last_name' END,
                                  CASE WHEN count(p.{other}) < count(*) THEN '{other}' END], NULL) AS lacks,
               coalesce(min(d.pairs), 0) AS decided
        FROM people_persons p LEFT JOIN (
            SELECT a.{shared}, count(DISTINCT (least(a.person, b.person), greatest(a.person, b.person))) AS pairs
            FROM people_different x JOIN people_persons a ON a.key = x.a JOIN people_persons b ON b.key = x.b
            WHERE a.{shared} = b.{shared} AND a.person <> b.person GROUP BY a.{shared}) d USING ({shared})
        WHERE p.{shared} IS NOT NULL GROUP BY p.{shared} HAVING count(DISTINCT p.person) > 1
        """
        for shared, other in (("email", "phone"), ("phone", "email"))
    )
    found = many(
        connection,
        f"""
        SELECT keys[1:{KEYS_LISTED}], cardinality(keys), string_agg(shares, ' '),
               string_agg(array_to_string(differs, ' '), ' '), string_agg(array_to_string(lacks, ' '), ' '), count(*) OVER ()
        FROM ({groups}) g WHERE decided < persons * (persons - 1) / 2
        GROUP BY keys ORDER BY keys LIMIT {LISTED}
        """,
    )
    names = ("shares", "differs", "lacks")
    return {
        "near_ties": [
            {"keys": keys, "profiles": size}
            | {name: sorted(set(texts.split())) for name, texts in zip(names, said, strict=True)}
            for keys, size, *said, _ in found
        ],
        "near_ties_total": found[0][-1] if found else 0,
    }
