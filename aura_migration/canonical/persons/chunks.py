"""One chunk of people's rows, judged row by row: field mapping, corrections, contacts, staff options, erased persons, checks.

Nothing here looks beyond its chunk, except that a mapped POS field must occur in at least one chunk.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from aura_migration.canonical import validate
from aura_migration.canonical.field_mapping import (
    Corrections,
    Reasons,
    apply_corrections,
    apply_mapping,
    no_such_field,
    paths,
)
from aura_migration.canonical.model import Batch, Loss, Rejected, Row
from aura_migration.canonical.options import MigrationOptions
from aura_migration.canonical.people import PEOPLE_ENTITIES
from aura_migration.canonical.persons.contacts import folded, normalised_email, normalised_phone, tidy_contacts
from aura_migration.canonical.stage import storable
from aura_migration.core.ids import content_hash

PEOPLE: tuple[str, ...] = tuple(entity.name for entity in PEOPLE_ENTITIES)
ERASED = "erased on request"
FROM_FILE = "file_"
"""How the record of a row begins that comes from a file the restaurant handed over (``file_consents#12``)."""
UNLINKED = "-"
"""Stands for the customer of a file's row while the row is checked: who it is, is found by the contact in its source."""
LINKED_BY_CONTACT = {
    "customer_consents": "customer_key",
    "loyalty_accounts": "customer_key",
    "gift_cards": "customer_key",
    "house_accounts": "customer_key",
    "payroll": "staff_key",
}
"""Rows of files that find their person by the contact in their source where they name nobody, and the field that names."""
IDENTIFYING: dict[str, tuple[str, ...]] = {"house_accounts": ("name", "email", "phone"), "payroll": ("employee_code",)}
"""Fields by which a row that outlives its person would still name them."""
FORGOTTEN: dict[str, tuple[str, ...]] = {
    **IDENTIFYING,
    "loyalty_accounts": ("claim_hash", "hash_key_id", "tier"),
    "house_accounts": ("name", "email", "phone", "claim_hash", "hash_key_id"),
    "timecards": ("hourly_rate_cents",),
}
"""Fields that such a row of an erased person loses: who wants to be forgotten is not found again by a contact either."""
WAGES = {
    "roles": ("default_rate_cents",),
    "staff_jobs": ("hourly_rate_cents", "annual_salary_cents"),
    "timecards": ("hourly_rate_cents",),
}
WITH_CONTACTS = frozenset({"customers", "staff", *LINKED_BY_CONTACT})
NO_CONTACTS: list[tuple[str | None, str | None, bool]] = [(None, None, False)]
NO_ROLES = [False]
CHUNK = 5_000
"""Rows judged at once: enough to make a frame worth its price, few enough to be no burden."""
UNSTORABLE = "its id holds characters that no database can store"
FIELDS_SEEN = 200
EXAMPLES = 5
_DOCUMENT = msgspec.json.Encoder()
NOTHING_HASH = content_hash({})
"""The source hash of an emptied row: not even a hash of the person's record is kept."""


class Suppression(Protocol):
    """The keyed hashes under which erased persons stand in ``migration.suppressions``."""

    def hash(self, what: str, text: str) -> str:
        """The hash of a source key (``source_id``), a normalised address (``email``) or an E.164 number (``phone``)."""
        ...


def left_out_reason(entity: str) -> str:
    """Why rows of an excluded entity are skipped."""
    return f"{entity} are left out by the options"


class Correction(NamedTuple):
    """Values that somebody gave a record in quarantine, and the record they were given for."""

    values: Mapping[str, Any]
    record: str


class Judged(NamedTuple):
    """One row as it goes to the temp table: verdict so far, and what set-based steps need beside the content."""

    n: int
    entity: str
    source_key: str
    content: str
    source_hash: str
    record: str
    verdict: str | None
    reasons: list[str]
    is_rejected: bool
    is_corrected: bool
    is_mapped_role: bool
    email: str | None
    phone: str | None
    first: str | None
    last: str | None


class Chunks:
    """Judges the batches of one staging, a chunk at a time, and remembers what must be said about all of them.

    Afterwards ``losses`` are the connector's own, added up; ``contacts`` counts per entity what could not be read;
    ``roles_named`` are the titles of the options (folded) that some role bears.
    """

    def __init__(
        self,
        options: MigrationOptions,
        region: str,
        corrections: Mapping[tuple[str, str], Correction],
        suppressed: Suppression,
        hashes: frozenset[str],
    ) -> None:
        self.losses: list[Loss] = []
        self.contacts: dict[str, Counter[str]] = defaultdict(Counter)
        self._options = options
        self._region = region
        self._corrections = {key: one.values for key, one in corrections.items()}
        self._lines = {key: one.record for key, one in corrections.items() if one.record.startswith(FROM_FILE)}
        """Corrections of a file's line are for that very line: what a newer file says of the record stands as it is."""
        self._suppressed = suppressed
        self._hashes = hashes
        self._roles = {title.casefold().strip(): role for title, role in options.people.staff.roles.items()}
        self.roles_named: set[str] = set()
        self._mappings = [m for m in options.field_mapping if m.entity in PEOPLE]
        self._found = [False] * len(self._mappings)
        self._seen_paths: dict[str, set[str]] = defaultdict(set)
        self._n = 0

    def judged(self, batches: Iterable[Batch]) -> Iterator[list[Judged]]:
        """The rows of all batches, chunk by chunk, rows of an entity together.

        Raises ``BadInput`` at the end for a mapped POS field that no record has, ``KeyError`` for an entity not of people.
        """
        for batch in _gathered(self._told(batches)):
            yield self._judge(batch)
        for mapping, found in zip(self._mappings, self._found, strict=True):
            if not found and mapping.entity in self._seen_paths:
                raise no_such_field(mapping, self._seen_paths[mapping.entity])

    def _told(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches; their losses are added up on the way."""
        added: dict[tuple[str, str, str], Loss] = {}
        for batch in batches:
            for loss in batch.losses:
                key = (loss.source_entity, loss.field, loss.note)
                before = added.get(key, Loss(*key[:2], 0, loss.note))
                examples = dict.fromkeys((*before.examples, *loss.examples))
                added[key] = Loss(*key[:2], before.records + loss.records, loss.note, tuple(examples)[:EXAMPLES])
            yield batch
        self.losses = list(added.values())

    def _judge(self, batch: Batch) -> list[Judged]:
        by_entity: dict[str, list[Row]] = {name: [] for name in PEOPLE}
        found: list[Judged] = []
        reasons: Reasons = {}
        places: dict[str, list[int]] = defaultdict(list)
        refused: list[Rejected] = []
        revived = list(self._revived(batch.rejected, refused))
        for given in (*batch.rows, *revived):
            if given.entity not in by_entity:
                raise KeyError(f"the connector emitted a row of {given.entity!r} among the people")
            self._n += 1
            if given.entity in self._options.exclude_entities:
                found.append(_emptied(self._n, given, left_out_reason(given.entity)))
                continue
            row = Row(given.entity, _text(given.key), dict(given.values), given.source, given.record)
            if row.key != given.key:
                reasons.setdefault((row.entity, row.key), []).append(UNSTORABLE)
            places[row.entity].append(self._n)
            by_entity[row.entity].append(row)
        corrections = self._in_force(revived)
        for name, members in by_entity.items():
            found += self._judge_entity(name, members, places[name], reasons, corrections)
        found += [self._refused(r) for r in refused]
        return sorted(found, key=lambda j: (PEOPLE.index(j.entity), j.n))

    def _revived(self, rejected: Iterable[Rejected], refused: list[Rejected]) -> Iterator[Row]:
        """Records the connector rejected that somebody has corrected since; the others go to ``refused``."""
        for r in rejected:
            key = (r.entity, r.key)
            if key in self._corrections and self._lines.get(key, r.record) == r.record:
                yield Row(r.entity, r.key, dict(r.values), None, r.record)
            else:
                refused.append(r)

    def _in_force(self, revived: Iterable[Row]) -> Corrections:
        """The corrections that hold for a chunk: those of records, and those of the lines that came as they were then."""
        if not self._lines:
            return self._corrections
        due = {(row.entity, row.key) for row in revived}
        return {key: values for key, values in self._corrections.items() if key not in self._lines or key in due}

    def _judge_entity(
        self,
        name: str,
        rows: Sequence[Row],
        places: Sequence[int],
        reasons: Reasons,
        corrections: Corrections,
    ) -> Iterator[Judged]:
        if not rows:
            return
        self._map(name, rows, reasons)
        if corrections:
            apply_corrections(rows, corrections)
        mapped_roles = [self._staff_options(row) for row in rows] if name in WAGES else NO_ROLES * len(rows)
        contacts = [self._contacts(row) for row in rows] if name in WITH_CONTACTS else NO_CONTACTS * len(rows)
        checked = [position for position, (*_, is_erased) in enumerate(contacts) if not is_erased]
        problems = validate.invalid(name, [rows[position] for position in checked])
        invalid = {checked[position]: said for position, said in problems.items()}
        hashes: dict[int, str] = {}
        for position, (n, row, (email, phone, is_erased)) in enumerate(zip(places, rows, contacts, strict=True)):
            key = (name, row.key)
            if is_erased:
                yield _emptied(n, row, ERASED)
                continue
            why = list(dict.fromkeys([*reasons.get(key, ()), *invalid.get(position, ())]))
            if row.values.get("customer_key") == UNLINKED:
                row.values["customer_key"] = None
            first, last = _names(row) if name == "customers" else (None, None)
            yield Judged(
                n,
                name,
                row.key,
                _DOCUMENT.encode(storable(row.values) if why else row.values).decode(),
                _source_hash(row, hashes),
                _text(row.record),
                "quarantine" if why else None,
                [_text(reason) for reason in why],
                False,
                key in corrections,
                mapped_roles[position],
                email,
                phone,
                first,
                last,
            )

    def _map(self, name: str, rows: Sequence[Row], reasons: Reasons) -> None:
        """Field mapping; what a transform cannot make is a reason for the very row."""
        sourced = [row for row in rows if row.source is not None]
        for position, mapping in enumerate(self._mappings):
            if mapping.entity != name or not sourced:
                continue
            if apply_mapping(mapping, sourced, reasons, self._corrections, {}):
                self._found[position] = True
            if not self._found[position] and len(self._seen_paths[name]) < FIELDS_SEEN:
                self._seen_paths[name].update(p for row in sourced[:50] for p in paths(row.source or {}))

    def _staff_options(self, row: Row) -> bool:
        """Wages as the options want them; returns whether the row is a role that the options give another name."""
        if not self._options.people.staff.include_wages:
            row.values.update(dict.fromkeys(WAGES.get(row.entity, ())))
        name = row.values.get("name")
        if row.entity != "roles" or not isinstance(name, str) or name.casefold().strip() not in self._roles:
            return False
        self.roles_named.add(name.casefold().strip())
        row.values["name"] = self._roles[name.casefold().strip()]
        return True

    def _contacts(self, row: Row) -> tuple[str | None, str | None, bool]:
        """Normalised e-mail and phone of a row, and whether it is of an erased person. Anonymises a balance of one."""
        email: Any = None
        phone: Any = None
        if row.entity in ("customers", "staff", "house_accounts"):
            for problem in tidy_contacts(row.entity, row.values, self._region):
                self.contacts[row.entity][problem] += 1
        if row.entity in ("customers", "staff"):
            email, phone = row.values.get("email_normalized"), row.values.get("phone")
            phone = phone if isinstance(phone, str) and phone.startswith("+") else None
        elif row.record.startswith(FROM_FILE) and row.entity in LINKED_BY_CONTACT and not _names_person(row):
            email, phone = self._readable(row.values, row.source or {})
            if row.entity == "customer_consents":
                row.values["customer_key"] = UNLINKED
        if not self._hashes:
            return email, phone, False
        is_erased = self._is_erased(row, email, phone)
        if is_erased:
            row.values.update(dict.fromkeys(FORGOTTEN.get(row.entity, ())))
        if is_erased and row.entity not in ("customers", "staff", "customer_consents"):
            return None, None, False
        return email, phone, is_erased

    def _readable(self, values: Mapping[str, Any], source: Mapping[str, Any]) -> tuple[str | None, str | None]:
        email, phone = source.get("email") or values.get("email"), source.get("phone") or values.get("phone")
        return (
            normalised_email(email) if isinstance(email, str) else None,
            normalised_phone(phone, self._region) if isinstance(phone, str) else None,
        )

    def _is_erased(self, row: Row, email: str | None, phone: str | None) -> bool:
        """Whether key or contact are on the list, the contact also as the POS has it where nothing can be read in it.

        Staff are on it by their key only: a guest who was erased may still work here.
        """
        values = row.values
        asked: list[tuple[str, Any]] = []
        if row.entity in ("customers", "staff"):
            asked.append(("source_id", row.key))
        if row.entity != "staff":
            asked += [("email", text) for text in (email, values.get("email"))]
            asked += [("phone", text) for text in (phone, values.get("phone"), values.get("phone_raw"))]
        hashes = {self._suppressed.hash(what, _text(text)) for what, text in asked if text and isinstance(text, str)}
        return not hashes.isdisjoint(self._hashes)

    def _refused(self, r: Rejected) -> Judged:
        self._n += 1
        row = Row(r.entity, _text(r.key), dict(r.values), None, r.record)
        if r.entity in self._options.exclude_entities:
            return _emptied(self._n, row, left_out_reason(row.entity))
        if self._hashes and r.entity in ("customers", "staff"):
            tidy_contacts(r.entity, row.values, self._region)
            if self._is_erased(row, row.values.get("email_normalized"), row.values.get("phone")):
                return _emptied(self._n, row, ERASED)
        values = _DOCUMENT.encode(storable(dict(r.values))).decode()
        return _plain(self._n, row, values, _source_hash(row, {}), "quarantine", _text(r.reason), is_rejected=True)


def _gathered(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same rows in batches of about ``CHUNK`` rows, whatever size they come in."""
    kept = Batch()
    for batch in batches:
        for start in range(0, max(len(batch.rows), 1), CHUNK):
            kept.rows += batch.rows[start : start + CHUNK]
            if start == 0:
                kept.rejected += batch.rejected
            if len(kept.rows) + len(kept.rejected) >= CHUNK:
                yield kept
                kept = Batch()
    if kept.rows or kept.rejected:
        yield kept


def _emptied(n: int, row: Row, reason: str) -> Judged:
    """A row that is left out: accounted for by its key, with nothing of its content."""
    return _plain(n, row, "{}", NOTHING_HASH, "skip", reason)


def _plain(
    n: int, row: Row, content: str, source_hash: str, verdict: str, reason: str, *, is_rejected: bool = False
) -> Judged:
    record = _text(row.record)
    key = _text(row.key)
    nothing = (False, False, None, None, None, None)
    return Judged(n, row.entity, key, content, source_hash, record, verdict, [reason], is_rejected, *nothing)


def _names_person(row: Row) -> bool:
    return bool(row.values.get(LINKED_BY_CONTACT[row.entity]))


def _names(row: Row) -> tuple[str | None, str | None]:
    first, last = row.values.get("first_name"), row.values.get("last_name")
    return folded(first) if isinstance(first, str) else None, folded(last) if isinstance(last, str) else None


def _source_hash(row: Row, hashes: dict[int, str]) -> str:
    """The hash of the POS's record, where there is one, else of the row; ``hashes`` are those seen, by identity.

    Of a line of a file the row alone: little more than a contact stands in its source, and that could be guessed back.
    """
    if row.source is None or row.record.startswith(FROM_FILE):
        return _hash(row.values)
    if id(row.source) not in hashes:
        hashes[id(row.source)] = _hash(row.source)
    return hashes[id(row.source)]


def _hash(value: Any) -> str:
    try:
        return content_hash(value)
    except (ValueError, TypeError, OverflowError):
        return content_hash(storable(value))


def _text(text: str) -> str:
    """A text as it can be stored."""
    return text if text.isascii() and "\x00" not in text else str(storable(text))
