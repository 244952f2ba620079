"""Erasing one person everywhere, in one transaction, for good.

In AuraConnect the person's row stays, anonymous, for what refers to it; what they were owed or worked stays without them.
The same is cleared in everything the migration remembers, in the same way: later images still agree with the tables, so a
rollback removes the anonymous row instead of bringing the person back, and nobody's work looks like an edit. The key of
their fields in snapshots is deleted, and they are put on the suppression list. What is answered and kept are counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from aura_migration.canonical.entities import ENTITIES
from aura_migration.core.errors import BadInput
from aura_migration.database.connections import transaction_lock
from aura_migration.database.seals import What
from aura_migration.migration import stages
from aura_migration.migration.privacy.finding import Finder, Found, Wanted, person_ids
from aura_migration.migration.privacy.forms import Form, forms
from aura_migration.migration.states import transition
from aura_migration.migration.webhooks.events import forget_bodies
from aura_migration.migration.workshop import Workshop
from aura_migration.plan import sql
from aura_migration.plan.planner import PENDING, restaurant_lock

REASON = "erased on request"
BLOCKER = "A person in this plan was erased after it was made: preview again."
PATIENCE = 60.0
"""Seconds to wait for whoever works on a location of the restaurant."""
Cursor = psycopg.Cursor[dict[str, Any]]


@dataclass
class Erased:
    """What an erasure did or would do: rows per table, and plans that have to be made anew. It names nobody."""

    restaurant_id: int
    counts: Counter[str] = field(default_factory=Counter)
    invalid_plans: list[int] = field(default_factory=list)
    erasure_id: int | None = None

    @property
    def total(self) -> int:
        """Everything that changed."""
        return sum(self.counts.values())

    def as_dict(self) -> dict[str, Any]:
        """``{"erasure_id", "restaurant_id", "rows": {table: n}, "plans_to_make_anew": [id]}``."""
        return {
            "erasure_id": self.erasure_id,
            "restaurant_id": self.restaurant_id,
            "rows": dict(sorted(self.counts.items())),
            "plans_to_make_anew": self.invalid_plans,
        }


class _RehearsalError(Exception):
    """Ends the transaction of a preview."""


def erase(
    workshop: Workshop, restaurant_id: int, wanted: Wanted, by: str, reason: str = "", *, rehearse: bool = False
) -> Erased:
    """Erase a person from a restaurant; ``rehearse`` changes nothing and answers the same.

    A person nobody knows is put on the suppression list all the same. Doing it again changes nothing. ``Refused`` while
    somebody works on a location of the restaurant, or where a contact is of several persons.
    """
    if not by.strip():
        raise BadInput("An erasure carries the name of who does it.", "Give --by NAME.")
    done = Erased(restaurant_id)
    with _alone(workshop, restaurant_id), workshop.connect() as connection:
        try:
            with connection.transaction():
                connection.execute("SET LOCAL TimeZone = 'UTC'")  # images are in UTC
                transaction_lock(connection, restaurant_lock(restaurant_id))
                _Erasure(workshop, connection, restaurant_id, wanted, done).carry_out(by, reason)
                if rehearse:
                    raise _RehearsalError
        except _RehearsalError:
            done.erasure_id = None
    return done


@contextmanager
def _alone(workshop: Workshop, restaurant_id: int) -> Iterator[None]:
    """Nobody maps, plans or loads the restaurant meanwhile with the person still in hand."""
    with workshop.connect() as connection:
        keys = connection.execute(
            "SELECT key FROM migration.locations WHERE restaurant_id = %s ORDER BY key", [restaurant_id]
        ).fetchall()
    with ExitStack() as stack:
        for (key,) in keys:
            stack.enter_context(stages.locked(workshop, key, PATIENCE))
        yield


class _Erasure:
    """One erasure under way."""

    def __init__(
        self,
        workshop: Workshop,
        connection: psycopg.Connection[Any],
        restaurant_id: int,
        wanted: Wanted,
        done: Erased,
    ) -> None:
        self._workshop = workshop
        self._connection = connection
        self._cursor: Cursor = connection.cursor(row_factory=dict_row)
        self._finder = Finder(connection, restaurant_id)
        self._found: Found = self._finder.find(wanted)
        self._done = done
        seals = workshop.seals(restaurant_id)
        contacts = sorted(self._found.emails | self._found.phones)
        self._claims = [claim for contact in contacts for claim in seals.claims(contact)]
        self._person_ids = person_ids(self._found, seals)
        self._rivals: list[int] = []

    def carry_out(self, by: str, reason: str) -> None:
        """All of it, in the caller's transaction."""
        self._make_tables()
        for form in forms(self._found.subject):
            self._gather(form)
        affected = self._pending_plans()
        self._note_fences()
        for form in forms(self._found.subject):
            self._clear_table(form)
            self._clear_memory(form)
        self._renew_fences()
        self._clear_rivals()
        self._clear_reports()
        if emptied := forget_bodies(self._connection, list(self._found.integrations)):
            self._done.counts["migration.webhook_events"] += emptied
        self._invalidate(affected, by)
        self._suppress(by, reason)
        self._erase_keys()
        if self._done.total:
            row = self._cursor.execute(
                "INSERT INTO migration.erasures (restaurant_id, requested_by, reason, counts) VALUES (%s, %s, %s, %s) "
                "RETURNING id",
                [self._done.restaurant_id, by, reason, Jsonb(dict(self._done.counts))],
            ).fetchone()
            assert row is not None
            self._done.erasure_id = row["id"]

    # -- which rows ----------------------------------------------------------------------------------------------------

    def _make_tables(self) -> None:
        self._cursor.execute(
            """
            DROP TABLE IF EXISTS pg_temp.gone_ids, pg_temp.gone_keys, pg_temp.fenced;
            CREATE TEMP TABLE gone_ids (aura_table text, aura_id bigint, PRIMARY KEY (aura_table, aura_id)) ON COMMIT DROP;
            CREATE TEMP TABLE gone_keys (entity text, source_key text, PRIMARY KEY (entity, source_key)) ON COMMIT DROP;
            CREATE TEMP TABLE fenced (plan_id bigint, seq integer) ON COMMIT DROP;
            """
        )

    def _gather(self, form: Form) -> None:
        """Ids and source keys of the rows of one entity: the person's own, or what points at them."""
        entity, named = form.entity, self._named(form)
        if form.link is None:
            self._cursor.execute(
                "INSERT INTO gone_ids SELECT %(table)s, unnest(%(ids)s::bigint[]) ON CONFLICT DO NOTHING", named
            )
            self._cursor.execute(
                "INSERT INTO gone_keys SELECT %(entity)s, unnest(%(keys)s::text[]) ON CONFLICT DO NOTHING", named
            )
            return
        by_contact = self._own_contact(form)
        self._cursor.execute(
            f"""
            INSERT INTO gone_ids SELECT %(table)s, t.id FROM aura.{entity.table} t
            WHERE t.restaurant_id = %(restaurant)s AND (t.{form.link_column} = ANY(%(ids)s){by_contact})
            ON CONFLICT DO NOTHING
            """,
            named,
        )
        self._cursor.execute(
            """
            INSERT INTO gone_ids
            SELECT %(table)s, p.aura_id FROM migration.plan_rows p
            WHERE p.plan_id = ANY(%(plans)s) AND p.entity = %(entity)s AND p.aura_id IS NOT NULL
              AND (p.content ->> %(link)s = ANY(%(keys)s) OR (p.image ->> %(column)s)::bigint = ANY(%(ids)s)
                   OR (p.before ->> %(column)s)::bigint = ANY(%(ids)s) OR (p.source_image ->> %(column)s)::bigint = ANY(%(ids)s))
            ON CONFLICT DO NOTHING
            """,
            named,
        )
        self._cursor.execute(
            """
            INSERT INTO gone_keys
            SELECT DISTINCT %(entity)s, split_part(c.source_key, '@', 1) FROM migration.crosswalk c JOIN gone_ids g USING (aura_table, aura_id)
            WHERE c.integration_id = ANY(%(integrations)s) AND c.entity = %(entity)s
            UNION
            SELECT %(entity)s, p.source_key FROM migration.plan_rows p
            WHERE p.plan_id = ANY(%(plans)s) AND p.entity = %(entity)s AND p.content ->> %(link)s = ANY(%(keys)s)
            UNION
            SELECT %(entity)s, s.source_key FROM staging.rows s
            WHERE s.migration_id = ANY(%(migrations)s) AND s.entity = %(entity)s AND s.content ->> %(link)s = ANY(%(keys)s)
            UNION
            SELECT %(entity)s, q.source_key FROM migration.quarantine q
            WHERE q.migration_id = ANY(%(migrations)s) AND q.entity = %(entity)s AND q."values" ->> %(link)s = ANY(%(keys)s)
            ON CONFLICT DO NOTHING
            """,
            named,
        )

    def _own_contact(self, form: Form) -> str:
        """Rows without a link that hold the person's contact themselves, or a hash of it."""
        columns = {f.name for f in form.entity.fields}
        parts = []
        if "claim_hash" in columns:
            parts.append("t.claim_hash = ANY(%(claims)s)")
        if "email" in columns:
            parts += ["lower(t.email) = ANY(%(emails)s)", "t.phone = ANY(%(phones)s)"]
        return "".join(f" OR {part}" for part in parts)

    def _named(self, form: Form, **more: Any) -> dict[str, Any]:
        found = self._found
        return {
            "table": form.entity.table,
            "entity": form.entity.name,
            "link": form.link,
            "column": form.link_column,
            "restaurant": found.restaurant_id,
            "integrations": list(found.integrations),
            "migrations": self._finder.migrations,
            "plans": self._finder.plans,
            "ids": sorted(found.aura_ids),
            "keys": sorted(found.keys),
            "emails": sorted(found.emails),
            "phones": sorted(found.phones),
            "claims": self._claims,
            "by_field": Jsonb(dict(form.by_field)),
            "by_column": Jsonb(dict(form.by_column)),
            "reason": REASON,
            "pending": list(PENDING),
            **more,
        }

    # -- clearing ------------------------------------------------------------------------------------------------------

    def _count(self, name: str) -> None:
        if self._cursor.rowcount > 0:
            self._done.counts[name] += self._cursor.rowcount

    def _clear_table(self, form: Form) -> None:
        table = form.entity.table
        values = dict(form.by_column)
        marks = ", erased_at = coalesce(t.erased_at, now())" if form.link is None else ""
        cleared = ", ".join(f"{name} = r.{name}" for name in values)
        differs = " OR ".join(f"t.{name} IS DISTINCT FROM r.{name}" for name in values)
        differs += " OR t.erased_at IS NULL" if form.link is None else ""
        self._cursor.execute(
            f"""
            UPDATE aura.{table} t SET {cleared}, updated_at = now(){marks}
            FROM gone_ids g, jsonb_populate_record(NULL::aura.{table}, %(by_column)s) r
            WHERE g.aura_table = %(table)s AND t.id = g.aura_id AND t.restaurant_id = %(restaurant)s AND ({differs})
            """,
            self._named(form),
        )
        self._count(f"aura.{table}")

    def _clear_memory(self, form: Form) -> None:
        """The same in plans, journal, crosswalk, quarantine, findings and staging."""
        self._drop_unwritten(form)
        named = self._named(form)
        content = _cleared("p.content", "by_field")
        images = {name: _cleared(f"p.{name}", "by_column") for name in ("image", "before", "source_image")}
        sets = {"content": content, **images, "label": "p.source_key", "source_hash": "NULL"}
        if not form.entity.personal:
            del sets["label"]
        self._update("migration.plan_rows p", sets, f"{_of_plan('p')} AND {_is_gone('p')}", named)
        self._update(
            "migration.journal j",
            {name: _journal_image(f"j.{name}", form) for name in ("before", "after")},
            "j.aura_table = %(table)s AND j.aura_id = g.aura_id",
            named,
            source=f"(SELECT g.aura_id, {'t.erased_at' if form.link is None else 'NULL'} AS erased_at FROM gone_ids g "
            f"LEFT JOIN aura.{form.entity.table} t ON t.id = g.aura_id WHERE g.aura_table = %(table)s) g",
        )
        keyed = (
            "{0}.entity = %(entity)s AND {0}.source_key IN (SELECT source_key FROM gone_keys WHERE entity = %(entity)s)"
        )
        self._update(
            "migration.crosswalk c",
            {"source_hash": "NULL"},
            f"c.integration_id = ANY(%(integrations)s) AND {keyed.format('c')}",
            named,
        )
        self._update(
            "migration.quarantine q",
            {'"values"': "'{}'::jsonb", "correction": "NULL"},
            f"q.migration_id = ANY(%(migrations)s) AND {keyed.format('q')}",
            named,
        )
        self._update(
            "migration.findings f",
            {"expected": "NULL", "actual": "NULL"},
            f"f.migration_id = ANY(%(migrations)s) AND {keyed.format('f')}",
            named,
        )
        mine = f"s.migration_id = ANY(%(migrations)s) AND {keyed.format('s')}"
        if form.is_bound:
            sets = {"content": "'{}'::jsonb", "verdict": "'skip'", "reason": "%(reason)s", "source_hash": "''"}
        else:
            sets = {"content": _cleared("s.content", "by_field"), "source_hash": "''"}
        self._update("staging.rows s", sets, mine, named)

    def _update(self, target: str, sets: dict[str, str], where: str, named: dict[str, Any], source: str = "") -> None:
        """Set columns where that changes anything, and count the rows."""
        name, alias = target.split()
        changes = ", ".join(f"{column} = {value}" for column, value in sets.items())
        differs = " OR ".join(f"{alias}.{column} IS DISTINCT FROM {value}" for column, value in sets.items())
        joined = f" FROM {source}" if source else ""
        self._cursor.execute(f"UPDATE {target} SET {changes}{joined} WHERE {where} AND ({differs})", named)
        self._count(name)

    # -- plans that are not carried out yet -----------------------------------------------------------------------------

    def _pending_plans(self) -> list[int]:
        """Plans with rows of the person that still wait to be written."""
        rows = self._cursor.execute(
            f"""
            SELECT DISTINCT p.plan_id FROM migration.plan_rows p JOIN migration.plans l ON l.id = p.plan_id
            WHERE l.id = ANY(%(plans)s) AND l.state = ANY(%(pending)s) AND p.seq > l.applied_seq
              AND (p.action <> 'skip' OR coalesce(p.content, '{{}}') <> '{{}}') AND {_is_gone("p")}
            """,
            {"plans": self._finder.plans, "pending": list(PENDING)},
        ).fetchall()
        return [row["plan_id"] for row in rows]

    def _drop_unwritten(self, form: Form) -> None:
        """Rows that cannot be without the person are not written any more; others will be written without them."""
        waiting = (
            f"{_of_plan('p')} AND {_is_gone('p')} AND EXISTS (SELECT 1 FROM migration.plans l WHERE l.id = p.plan_id "
            "AND l.state = ANY(%(pending)s) AND p.seq > l.applied_seq)"
        )
        if form.is_bound:
            empty = ("strategy", "image", "before", "before_hash", "source_image", "source_hash", "aura_id", "kept")
            sets = {
                "action": "'skip'",
                "reason": "%(reason)s",
                "content": "'{}'::jsonb",
                "label": "p.source_key",
                **dict.fromkeys((*empty, "touches", "candidates"), "NULL"),
            }
        elif form.link not in form.by_field:
            waiting += (
                f" AND p.image ? %(column)s AND NOT EXISTS "
                f"(SELECT 1 FROM aura.{self._found.table} t WHERE t.id = (p.image ->> %(column)s)::bigint)"
            )
            sets = {
                "content": "p.content || jsonb_build_object(%(link)s::text, NULL)",
                "image": "p.image || jsonb_build_object(%(column)s::text, NULL)",
            }
        else:
            return
        self._update("migration.plan_rows p", sets, waiting, self._named(form))

    def _note_fences(self) -> None:
        """Rows yet to be written or checked whose fence holds now: our own writes must not look like somebody's."""
        for form in forms(self._found.subject):
            row = sql.image_hash(sql.table_row("t", form.entity))
            self._cursor.execute(
                f"""
                INSERT INTO fenced SELECT p.plan_id, p.seq FROM migration.plan_rows p
                JOIN migration.plans l ON l.id = p.plan_id AND l.state = ANY(%(pending)s) AND p.seq > l.applied_seq
                JOIN gone_ids g ON g.aura_table = %(table)s AND g.aura_id = p.aura_id
                JOIN aura.{form.entity.table} t ON t.id = g.aura_id
                WHERE {_of_plan("p")} AND p.before_hash = {row}
                """,
                self._named(form),
            )

    def _renew_fences(self) -> None:
        for form in forms(self._found.subject):
            row = sql.image_hash(sql.table_row("t", form.entity))
            self._cursor.execute(
                f"""
                UPDATE migration.plan_rows p SET before_hash = {row} FROM fenced f, aura.{form.entity.table} t
                WHERE {_of_plan("p")} AND f.plan_id = p.plan_id AND f.seq = p.seq AND t.id = p.aura_id AND p.before_hash IS NOT NULL
                """,
                self._named(form),
            )

    def _clear_rivals(self) -> None:
        """Undecided rows of others hold an image of what they might be: of the person, it goes."""
        entity = ENTITIES[self._found.subject]
        rows = self._cursor.execute(
            """
            UPDATE migration.plan_rows p SET before = NULL
            WHERE p.plan_id = ANY(%(plans)s) AND p.entity = %(entity)s AND p.action = 'conflict' AND p.before IS NOT NULL
              AND EXISTS (SELECT 1 FROM jsonb_array_elements(p.candidates) c WHERE c::bigint = ANY(%(ids)s))
            RETURNING p.plan_id
            """,
            {"plans": self._finder.plans, "entity": entity.name, "ids": sorted(self._found.aura_ids)},
        ).fetchall()
        self._count("migration.plan_rows")
        self._rivals = sorted({row["plan_id"] for row in rows})

    def _invalidate(self, affected: Sequence[int], by: str) -> None:
        """Plans that wait for approval or have it lose it, with the reason; a load under way goes on without the person."""
        for plan_id in sorted({*affected, *self._rivals}):
            row = self._cursor.execute(
                "SELECT l.state, l.blockers, l.migration_id, m.state AS migration_state, m.plan_id = l.id AS is_present "
                "FROM migration.plans l JOIN migration.migrations m ON m.id = l.migration_id WHERE l.id = %s FOR UPDATE",
                [plan_id],
            ).fetchone()
            assert row is not None
            self._recount(plan_id)
            if row["state"] not in ("planned", "approved"):
                continue
            blockers = [*row["blockers"], *([] if BLOCKER in row["blockers"] else [BLOCKER])]
            self._cursor.execute(
                "UPDATE migration.plans SET state = 'planned', blockers = %s WHERE id = %s", [Jsonb(blockers), plan_id]
            )
            if row["is_present"] and row["migration_state"] == "approved":
                transition(self._connection, row["migration_id"], "planned", by, BLOCKER)
            self._done.invalid_plans.append(plan_id)

    def _recount(self, plan_id: int) -> None:
        self._cursor.execute(
            """
            UPDATE migration.plans l SET counts = l.counts || (
                SELECT coalesce(jsonb_object_agg(entity, counted), '{}') FROM (
                    SELECT c.entity, (SELECT jsonb_object_agg(a.key, 0) FROM jsonb_each(l.counts -> c.entity) a)
                           || jsonb_object_agg(c.action, c.n) || jsonb_build_object('source', sum(c.n)) AS counted
                    FROM (SELECT entity, action, count(*) AS n FROM migration.plan_rows WHERE plan_id = l.id
                          GROUP BY entity, action) c
                    WHERE l.counts ? c.entity GROUP BY c.entity) counts)
            WHERE l.id = %s
            """,
            [plan_id],
        )

    # -- reports, list, keys --------------------------------------------------------------------------------------------

    def _clear_reports(self) -> None:
        """Entries of the people's reports that name one of the person's keys."""
        keys = self._found.keys
        rows = self._cursor.execute(
            "SELECT id, body FROM migration.reports WHERE integration_id = ANY(%s) AND kind IN ('people', 'losses')",
            [list(self._found.integrations)],
        ).fetchall()
        for row in rows:
            body = without_keys(row["body"], keys)
            if body != row["body"]:
                self._cursor.execute("UPDATE migration.reports SET body = %s WHERE id = %s", [Jsonb(body), row["id"]])
                self._count("migration.reports")

    def _suppress(self, by: str, reason: str) -> None:
        found = self._found
        entries: list[tuple[What, str]] = [("source_id", key) for key in found.keys]
        if found.subject == "customers":  # an employee who is a guest too stays one, and the other way round
            entries += [("email", text) for text in found.emails]
            entries += [("phone", text) for text in found.phones]
        added = self._workshop.suppression(found.restaurant_id).add(self._connection, entries, by, reason)
        if added:
            self._done.counts["migration.suppressions"] += added

    def _erase_keys(self) -> None:
        """The keys of what snapshots hold; also of persons not fetched yet, so that they are not taken in."""
        erased = sum(
            self._workshop.persons.erase(integration, person, self._connection)
            for integration in self._found.integrations
            for person in sorted(self._person_ids)
        )
        if erased:
            self._done.counts["migration.person_keys"] += erased


def _cleared(column: str, values: str) -> str:
    """A jsonb with the values of a form in it, as far as it has their names; null stays null."""
    return (
        f"({column} || (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{{}}') "
        f"FROM jsonb_each(%({values})s) v WHERE {column} ? v.key))"
    )


def _journal_image(column: str, form: Form) -> str:
    """A row as it was; the person's own also says when it was erased, like the row itself.

    Of a created row the journal holds only what is different from what the plan says: here its provenance, and when it was
    erased.
    """
    also = "v.key IN ('source_id', 'source_hash') AND j.op = 'insert'"
    cleared = (
        f"({column} || (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{{}}') "
        f"FROM jsonb_each(%(by_column)s) v WHERE {column} ? v.key OR {also}))"
    )
    if form.link is not None:
        return cleared
    return (
        f"CASE WHEN {column} ? 'erased_at' OR j.op = 'insert' "
        f"THEN {cleared} || jsonb_build_object('erased_at', to_jsonb(g.erased_at)) ELSE {cleared} END"
    )


def _of_plan(alias: str) -> str:
    return f"{alias}.plan_id = ANY(%(plans)s) AND {alias}.entity = %(entity)s"


def _is_gone(alias: str) -> str:
    return (
        f"(EXISTS (SELECT 1 FROM gone_keys k WHERE k.entity = {alias}.entity AND k.source_key = {alias}.source_key) OR "
        f"EXISTS (SELECT 1 FROM gone_ids g WHERE g.aura_table = {alias}.aura_table AND g.aura_id = {alias}.aura_id))"
    )


EXAMPLES = "examples"
"""Under this name an entry that counts lists a few of the records it counted; it is not about them."""


def without_keys(body: Any, keys: set[str]) -> Any:
    """A report without the entries of lists that hold one of the keys; a count keeps its place and loses the example."""
    if isinstance(body, dict):
        return {name: without_keys(value, keys) for name, value in body.items()}
    if isinstance(body, list):
        return [without_keys(entry, keys) for entry in body if not _mentions(entry, keys)]
    return body


def _mentions(entry: Any, keys: set[str]) -> bool:
    if isinstance(entry, str):
        return entry in keys or any(entry.endswith((f"#{key}", f"/{key}")) for key in keys)
    if isinstance(entry, dict):
        return any(_mentions(value, keys) for name, value in entry.items() if name != EXAMPLES)
    return isinstance(entry, list) and any(_mentions(value, keys) for value in entry)


def parsed(document: Any, wanted: Wanted) -> Wanted:
    """Whom a JSON document names, added to what is wanted already: ``customer_id``, ``staff_id``, ``pos_id``, ``email``, ``phone``."""
    known = {"customer_id", "staff_id", "pos_id", "email", "phone"}
    if not isinstance(document, dict) or not document or set(document) - known:
        raise BadInput("The document does not name a person.", f"Its fields are {', '.join(sorted(known))}.")

    def values(name: str, kind: type) -> tuple[Any, ...]:
        given = document.get(name, [])
        listed = given if isinstance(given, list) else [given]
        if not all(isinstance(value, kind) and not isinstance(value, bool) for value in listed):
            raise BadInput(f"{name} is not of the right kind.", "Ids are numbers, everything else is text.")
        return tuple(listed)

    return Wanted(
        subject="staff" if "staff_id" in document else wanted.subject,
        aura_ids=(*wanted.aura_ids, *values("customer_id", int), *values("staff_id", int)),
        keys=(*wanted.keys, *values("pos_id", str)),
        emails=(*wanted.emails, *values("email", str)),
        phones=(*wanted.phones, *values("phone", str)),
        every=wanted.every,
    )


__all__ = ["BLOCKER", "REASON", "Erased", "erase", "parsed", "without_keys"]
