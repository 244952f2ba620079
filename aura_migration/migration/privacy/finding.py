"""Who is meant: from an id, a key of the POS or a contact to everything that is the same person's, loaded or not.

Nothing is written here, and nothing that is found leaves but ids and keys: errors name no contact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.seals import Seals
from aura_migration.core.errors import BadInput, Refused
from aura_migration.migration.privacy.forms import Subject

CONTACTS = ("email", "email_normalized", "phone", "phone_raw")
DEFAULT_REGION = "US"
LISTED = 10


@dataclass(frozen=True)
class Wanted:
    """Whom somebody asked to erase. Several marks are of one person; ``every``: of all to whom the contact belongs."""

    subject: Subject = "customers"
    aura_ids: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    every: bool = False


@dataclass
class Found:
    """What is of the person: rows of the table, source keys of every integration, contacts that nobody else has.

    ``texts`` are the contacts in every notation met, ``emails`` and ``phones`` those in normal form. ``names`` are, of
    staff, the name and the restaurant's own number, by which a payroll export may know them.
    """

    subject: Subject
    restaurant_id: int
    integrations: tuple[int, ...]
    aura_ids: set[int] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    @property
    def table(self) -> str:
        """The person's table in ``aura``."""
        return ENTITIES[self.subject].table


class Finder:
    """Looks persons of one restaurant up."""

    def __init__(self, connection: psycopg.Connection[Any], restaurant_id: int) -> None:
        self._cursor = connection.cursor(row_factory=tuple_row)
        self.restaurant_id = restaurant_id
        if not self._rows("SELECT 1 FROM aura.restaurants WHERE id = %s", restaurant_id):
            raise BadInput(f"Restaurant {restaurant_id} does not exist.", "`aura-migration integrations` names them.")
        self.integrations = tuple(
            row[0]
            for row in self._rows("SELECT id FROM migration.integrations WHERE restaurant_id = %s", restaurant_id)
        )
        self.migrations = [
            row[0] for row in self._rows("SELECT id FROM migration.migrations WHERE restaurant_id = %s", restaurant_id)
        ]
        self.plans = [
            row[0] for row in self._rows("SELECT id FROM migration.plans WHERE migration_id = ANY(%s)", self.migrations)
        ]

    def find(self, wanted: Wanted) -> Found:
        """Everything of the person. ``BadInput`` for an id AuraConnect does not have, ``Refused`` where several are meant."""
        if not (wanted.aura_ids or wanted.keys or wanted.emails or wanted.phones):
            raise BadInput("Nobody is named.", "Give an id, a key of the POS, an e-mail address or a phone number.")
        found = Found(wanted.subject, self.restaurant_id, self.integrations)
        self._require_known(found, wanted.aura_ids)
        found.aura_ids |= set(wanted.aura_ids)
        for key in wanted.keys:
            found.keys |= {key, *self._longer_keys(found, key)}
        self._close(found)
        emails = {form for text in wanted.emails for form in _email_forms(text)}
        phones = {form for text in wanted.phones for form in self._phone_forms(text)}
        self._add_by_contact(found, emails | phones, wanted.every)
        found.texts |= {*wanted.emails, *wanted.phones, *emails, *phones}
        self._gather_contacts(found)
        return found

    # -- ids and keys --------------------------------------------------------------------------------------------------

    def _require_known(self, found: Found, ids: Sequence[int]) -> None:
        rows = self._rows(
            f"SELECT id FROM aura.{found.table} WHERE restaurant_id = %s AND id = ANY(%s)",
            self.restaurant_id,
            list(ids),
        )
        unknown = sorted(set(ids) - {row[0] for row in rows})
        if unknown:
            raise BadInput(
                f"Restaurant {self.restaurant_id} has no row {', '.join(map(str, unknown))} in aura.{found.table}.",
                "Take the id from AuraConnect.",
            )

    def _longer_keys(self, found: Found, key: str) -> set[str]:
        """Source keys that end in this id of the POS: some begin with a merchant's or location's."""
        rows = self._rows(
            "SELECT source_key FROM migration.crosswalk WHERE integration_id = ANY(%(integrations)s) AND entity = %(entity)s "
            "AND right(source_key, length(%(tail)s)) = %(tail)s UNION "
            "SELECT source_key FROM migration.plan_rows WHERE plan_id = ANY(%(plans)s) AND entity = %(entity)s "
            "AND right(source_key, length(%(tail)s)) = %(tail)s",
            **self._named(found, tail=f"/{key}"),
        )
        return {row[0].partition("@")[0] for row in rows}

    def _close(self, found: Found) -> None:
        """Add the rows of the keys and the keys of the rows, also of profiles merged into one, until nothing is new."""
        while True:
            before = len(found.aura_ids), len(found.keys)
            ids, keys = sorted(found.aura_ids), sorted(found.keys)
            for aura_id, key in self._rows(
                """
                SELECT aura_id, split_part(source_key, '@', 1) FROM migration.crosswalk
                WHERE integration_id = ANY(%(integrations)s) AND entity = %(entity)s
                  AND (aura_id = ANY(%(ids)s) AND is_active OR split_part(source_key, '@', 1) = ANY(%(keys)s))
                UNION
                SELECT aura_id, source_key FROM migration.plan_rows
                WHERE plan_id = ANY(%(plans)s) AND entity = %(entity)s AND (aura_id = ANY(%(ids)s) OR source_key = ANY(%(keys)s))
                """,
                **self._named(found, ids=ids, keys=keys),
            ):
                found.keys.add(key)
                if aura_id is not None:
                    found.aura_ids.add(aura_id)
            for key, same_as in self._rows(
                "SELECT source_key, same_as FROM staging.rows WHERE migration_id = ANY(%(migrations)s) AND entity = %(entity)s "
                "AND same_as IS NOT NULL AND (source_key = ANY(%(keys)s) OR same_as = ANY(%(keys)s))",
                **self._named(found, keys=keys),
            ):
                found.keys |= {key, same_as}
            if before == (len(found.aura_ids), len(found.keys)):
                return

    def _add_by_contact(self, found: Found, contacts: set[str], every: bool) -> None:
        if not contacts:
            return
        ids, keys = self._holders(found, contacts)
        others = Found(found.subject, found.restaurant_id, found.integrations, ids - found.aura_ids, keys - found.keys)
        loaded, waiting = set(others.aura_ids), set(others.keys)
        self._close(others)
        unloaded = self._persons_of(found, {key for key in waiting if not self._has_row(found, key)})
        persons = len(loaded) + len(unloaded) + bool(found.aura_ids or found.keys)
        if persons > 1 and not every and (loaded or unloaded):
            named = [f"id {number}" for number in sorted(loaded | found.aura_ids)]
            named += [f"POS key {key}" for key in sorted(unloaded)]
            raise Refused(
                f"{persons} persons of restaurant {self.restaurant_id} have this contact: {', '.join(named[:LISTED])}.",
                "Name the one meant by its id or POS key, or erase all of them with --every.",
            )
        found.aura_ids |= others.aura_ids
        found.keys |= others.keys

    def _has_row(self, found: Found, key: str) -> bool:
        return bool(
            self._rows(
                f"SELECT 1 FROM migration.crosswalk c JOIN aura.{found.table} t ON t.id = c.aura_id "
                "WHERE c.integration_id = ANY(%(integrations)s) AND c.entity = %(entity)s AND c.is_active "
                "AND split_part(c.source_key, '@', 1) = %(key)s",
                **self._named(found, key=key),
            )
        )

    def _persons_of(self, found: Found, keys: set[str]) -> set[str]:
        """One key for each person among keys that are not loaded yet: profiles merged into one count once."""
        rows = self._rows(
            """
            SELECT k.key, coalesce(
                (SELECT max(p.aura_id)::text FROM migration.plan_rows p
                 WHERE p.plan_id = ANY(%(plans)s) AND p.entity = %(entity)s AND p.source_key = k.key),
                (SELECT max(s.same_as) FROM staging.rows s
                 WHERE s.migration_id = ANY(%(migrations)s) AND s.entity = %(entity)s AND s.source_key = k.key), k.key)
            FROM unnest(%(keys)s::text[]) k(key)
            """,
            **self._named(found, keys=sorted(keys)),
        )
        first: dict[str, str] = {}
        for key, person in sorted(rows):
            first.setdefault(person, key)
        return set(first.values())

    def _holders(self, found: Found, contacts: Iterable[str]) -> tuple[set[int], set[str]]:
        """Rows and keys, loaded, staged or planned, that have one of the contacts."""
        wanted = sorted({text.lower() for text in contacts})
        columns = self._columns(found)
        is_one = " OR ".join(f"lower(t.{name}) = ANY(%(wanted)s)" for name in columns)
        ids = self._rows(
            f"SELECT t.id FROM aura.{found.table} t WHERE t.restaurant_id = %(restaurant)s AND ({is_one})",
            **self._named(found, wanted=wanted),
        )
        is_said = " OR ".join(f"lower(content ->> '{name}') = ANY(%(wanted)s)" for name in columns)
        keys = self._rows(
            f"""
            SELECT source_key FROM staging.rows
            WHERE migration_id = ANY(%(migrations)s) AND entity = %(entity)s AND ({is_said})
            UNION
            SELECT source_key FROM migration.plan_rows
            WHERE plan_id = ANY(%(plans)s) AND entity = %(entity)s AND ({is_said})
            """,
            **self._named(found, wanted=wanted),
        )
        return {row[0] for row in ids}, {row[0] for row in keys}

    # -- contacts ------------------------------------------------------------------------------------------------------

    def _columns(self, found: Found) -> tuple[str, ...]:
        known = {f.name for f in ENTITIES[found.subject].fields}
        return tuple(name for name in CONTACTS if name in known)

    def _gather_contacts(self, found: Found) -> None:
        """All contacts the person's rows hold anywhere; in normal form those that are nobody else's."""
        named = self._named(found, ids=sorted(found.aura_ids), keys=sorted(found.keys))
        columns = self._columns(found)
        texts: set[str] = set()
        table_row = ", ".join(f"t.{name}" for name in columns)
        for row in self._rows(f"SELECT {table_row} FROM aura.{found.table} t WHERE t.id = ANY(%(ids)s)", **named):
            texts |= {text for text in row if text}
        for (image,) in self._rows(
            f"""
            SELECT unnest(ARRAY[content, image, before, source_image]) FROM migration.plan_rows
            WHERE plan_id = ANY(%(plans)s) AND entity = %(entity)s AND (source_key = ANY(%(keys)s) OR aura_id = ANY(%(ids)s))
            UNION ALL
            SELECT content FROM staging.rows
            WHERE migration_id = ANY(%(migrations)s) AND entity = %(entity)s AND source_key = ANY(%(keys)s)
            UNION ALL
            SELECT "values" FROM migration.quarantine
            WHERE migration_id = ANY(%(migrations)s) AND entity = %(entity)s AND source_key = ANY(%(keys)s)
            UNION ALL
            SELECT unnest(ARRAY[before, after]) FROM migration.journal
            WHERE aura_table = '{found.table}' AND aura_id = ANY(%(ids)s)
            """,
            **named,
        ):
            texts |= {str(image[name]) for name in columns if image and image.get(name)}
        own: set[str] = set()
        for text in found.texts | texts:
            forms = _email_forms(text) if "@" in text else self._phone_forms(text)
            if any(self._is_shared(found, form) for form in {text, *forms}):
                continue
            own |= {text, *forms}
            if "@" in text:
                found.emails |= forms
            else:
                found.phones |= {form for form in forms if form.startswith("+")}
        found.texts = own
        if found.subject == "staff":
            self._gather_names(found)

    def _gather_names(self, found: Found) -> None:
        for name in ("name", "employee_code"):
            rows = self._rows(
                f"""
                SELECT t.{name} FROM aura.staff_members t WHERE t.id = ANY(%(ids)s) AND t.{name} IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM aura.staff_members o WHERE o.restaurant_id = t.restaurant_id
                                AND o.id <> ALL(%(ids)s) AND lower(o.{name}) = lower(t.{name}))
                """,
                **self._named(found, ids=sorted(found.aura_ids)),
            )
            found.names |= {row[0] for row in rows}

    def _is_shared(self, found: Found, contact: str) -> bool:
        ids, keys = self._holders(found, {contact})
        return bool(ids - found.aura_ids or keys - found.keys)

    def _phone_forms(self, text: str) -> set[str]:
        """The number as given, and in E.164 as people at any of the restaurant's locations would mean it."""
        from aura_migration.canonical.persons.contacts import normalised_phone

        rows = self._rows(
            "SELECT DISTINCT facts -> 'address' ->> 'country' FROM migration.locations WHERE restaurant_id = %s",
            self.restaurant_id,
        )
        regions = {row[0] for row in rows if row[0]} or {DEFAULT_REGION}
        numbers = (normalised_phone(text, region) for region in sorted(regions))
        return {text.strip(), *(number for number in numbers if number)} - {""}

    # -- asking --------------------------------------------------------------------------------------------------------

    def _named(self, found: Found, **more: Any) -> dict[str, Any]:
        return {
            "restaurant": self.restaurant_id,
            "integrations": list(self.integrations),
            "migrations": self.migrations,
            "plans": self.plans,
            "entity": found.subject,
            **more,
        }

    def _rows(self, query: str, *values: Any, **named: Any) -> list[tuple[Any, ...]]:
        return self._cursor.execute(query.encode(), named or values).fetchall()


def _email_forms(text: str) -> set[str]:
    """An address in lower case and, where it is one, in its one spelling."""
    from aura_migration.canonical.persons.contacts import normalised_email

    return {text.strip().lower(), normalised_email(text) or ""} - {""}


def person_ids(found: Found, seals: Seals) -> set[str]:
    """Ids under which the archive may have encrypted the person's fields: the POS's ids, contacts that stood alone, and
    what names the person in a handed file."""
    from aura_migration.archive.redaction import person_of_value
    from aura_migration.intake import contact_ref

    ids = {part for key in found.keys for part in (key, key.rpartition("/")[2])}
    notations = {json.dumps(text, ensure_ascii=is_ascii) for text in found.texts for is_ascii in (True, False)}
    values = {person_of_value(form) for notation in notations for form in (notation, notation.lower())}
    in_files = {
        contact_ref(seals, text, of=found.subject) for text in (found.emails | found.phones | found.names) if text
    }
    return ids | values | in_files
