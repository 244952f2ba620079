"""Recording a checked file: its rows as a snapshot of scope ``file``, and a row in ``migration.handed_files``.

Cells are kept as they were written, personal and secret ones encrypted with the key of their person or card. The file
itself is not kept: a broken line could hold anything. What the rows mean for AuraConnect is in ``mapping.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from aura_migration.archive.snapshot import (
    Certificate,
    PersonCipher,
    Redaction,
    SecondRoute,
    SnapshotStore,
    open_snapshot,
)
from aura_migration.canonical.seals import Seals
from aura_migration.core.clock import utc_text
from aura_migration.core.errors import Refused
from aura_migration.database.connections import session_lock
from aura_migration.intake.checking import Checked, CheckedFile, Place
from aura_migration.intake.files import HandedFile, current_of, find_same, get_file
from aura_migration.intake.kinds import FILE_KINDS, Kind, source_entity
from aura_migration.intake.mapping_file import FileMapping

Connection = psycopg.Connection[Any]
ROWS_PER_BODY = 1000
FORMAT = 1


@dataclass(frozen=True)
class Handed:
    """What recording a file gave: its row, and whether it was there already (same content, mapping and place)."""

    file: HandedFile
    is_known: bool


def contact_ref(seals: Seals, contact: str, of: Literal["customers", "staff"] = "customers") -> str:
    """The person under whose key cells of a file are encrypted: erasing it makes them unreadable everywhere.

    Of guests a normalised contact, of staff the employee's code, e-mail address or name, whichever the file names first.
    A guest and an employee with one address are two persons here: the one may be erased without the other.
    """
    text = " ".join(contact.casefold().split())
    return f"c-{seals.person(text)}" if of == "customers" else f"e-{seals.person(text)}"


def record_key(seals: Seals, name: str) -> str:
    """The source key of a record from its identity (``rows.identity``): opaque, and the same in every file."""
    return f"f-{seals.person(name)}"


def line_key(sha256: str, number: int) -> str:
    """The source key of a rejected line that names no record of its own, and of a line that is an event."""
    return f"f-{sha256[:12]}-line-{number}"


def redaction(kind: Kind) -> Redaction:
    """What is encrypted, and with whose key: pay with the employee's; contacts with their own, names with the first
    contact's, numbers of cards and accounts with the record's."""
    owners = {name: f"{name}_ref" for name in ("email", "phone", "contact", "name")}
    if kind == "payroll":
        owners = dict.fromkeys(FILE_KINDS[kind].private, "person_ref")
    pairs = tuple(
        (f"{part}[].{name}", f"{part}[].{owners.get(name, 'ref')}")
        for part in ("rows", "rejected")
        for name in FILE_KINDS[kind].private
    )
    return Redaction(personal={source_entity(kind): pairs})


def record_file(
    connection: Connection,
    store: SnapshotStore,
    cipher: PersonCipher,
    seals: Seals,
    place: Place,
    checked: CheckedFile,
    mapping: FileMapping,
    *,
    file_name: str,
    as_of: datetime | None,
    now: datetime,
    by: str,
) -> Handed:
    """Record an accepted file. ``as_of`` is when the export was taken (default: ``now``, business time).

    The same content under the same mapping for the same place is the row it is already; any other file of the kind and
    place takes the place of the one before. ``Refused`` for an export older than the current one. The connection must be
    in autocommit mode and idle.
    """
    kind: Kind = checked.conventions.kind
    with session_lock(connection, f"aura:handed-file:{place.integration_id}"):
        same = find_same(connection, place, kind, checked)
        if same is not None and same.state == "current":
            return Handed(same, True)
        taken = as_of or (same.as_of if same is not None and same.as_of else now)
        before = current_of(connection, place, kind)
        if before is not None and before.as_of is not None and taken < before.as_of:
            raise Refused(
                f"This file is of {utc_text(taken)}; file {before.id}, handed over later or since, is of "
                f"{utc_text(before.as_of)}.",
                f"Export the {FILE_KINDS[kind].title} again, say when this export was taken (--as-of), or withdraw "
                f"file {before.id}: `aura-migration handed-files {place.integration_id} --withdraw {before.id}`.",
            )
        if same is not None:
            return Handed(_make_current(connection, same, taken), True)
        snapshot_id = _record(connection, store, cipher, seals, place, checked, taken, now)
        return Handed(_note(connection, place, checked, snapshot_id, file_name=file_name, as_of=taken, by=by), False)


def _record(
    connection: Connection,
    store: SnapshotStore,
    cipher: PersonCipher,
    seals: Seals,
    place: Place,
    checked: CheckedFile,
    as_of: datetime,
    now: datetime,
) -> int:
    kind: Kind = checked.conventions.kind
    entity = source_entity(kind)
    pages = 0
    with open_snapshot(
        connection,
        store,
        integration_id=place.integration_id,
        pos=place.pos,
        scope="file",
        location_key=None,
        taken_at=now,
        redaction=redaction(kind),
        cipher=cipher,
    ) as recorder:
        for pages, (body, rows) in enumerate(_bodies(checked, seals, place, as_of), start=1):
            recorder.record(
                entity,
                method="FILE",
                path=kind,
                params={"sha256": checked.sha256},
                request_body=None,
                body=body,
                rows=rows,
                page=pages,
            )
        total = len(checked.accepted) + len(checked.rejected)
        stated = [what for what in checked.totals["agrees_with"] if "count" in what]
        recorder.certify(
            Certificate(
                entity,
                "complete",
                pages=pages,
                rows=total,
                distinct=total,
                second_route=SecondRoute("the count the restaurant stated", total) if stated else None,
            )
        )
        return recorder.finish().snapshot_id


def _bodies(checked: CheckedFile, seals: Seals, place: Place, as_of: datetime) -> Iterator[tuple[bytes, int]]:
    """The JSON bodies of the snapshot and how many lines each holds."""
    head = {
        "format": FORMAT,
        "file": checked.sha256,
        "as_of": utc_text(as_of),
        "location": place.location_key,
        "conventions": msgspec.to_builtins(checked.conventions),
        "programme": checked.mapping.get("programme", {}),
        "headings": {field: checked.table.column(field) for field in checked.table.columns.values()},
        "left_out": checked.left_out,
        "totals": checked.totals,
    }
    encode = msgspec.json.Encoder(order="deterministic").encode
    every = [*checked.accepted, *checked.rejected]
    alone = {name for name, lines in Counter(line.name for line in every).items() if name is not None and lines == 1}
    lines = iter(every)
    while chunk := list(islice(lines, ROWS_PER_BODY)):
        rows = list(_stored(checked, seals, (line for line in chunk if not line.problems), alone))
        rejected = list(_stored(checked, seals, (line for line in chunk if line.problems), alone))
        yield encode({**head, "rows": rows, "rejected": rejected}), len(chunk)


def _stored(
    checked: CheckedFile, seals: Seals, lines: Iterable[Checked], alone: Collection[str]
) -> Iterator[Mapping[str, Any]]:
    """Lines as they are stored: their cells, and whose they are as pseudonyms.

    A rejected line that says what it is about, as the only one of the file, has the record's own key: corrected in quarantine
    it is the record that a newer file tells of. ``alone`` are the identities with one line.
    """
    for line in lines:
        ref = record_key(seals, line.name) if line.name is not None else line_key(checked.sha256, line.number)
        is_event = checked.conventions.kind == "consents"
        stored: dict[str, Any] = {
            "line": line.number,
            "key": line_key(checked.sha256, line.number)
            if is_event or (line.problems and line.name not in alone)
            else ref,
            "ref": ref,
            **_owners(checked.conventions.kind, line, seals, ref),
            **line.raw,
        }
        if line.problems:
            stored["problems"] = [{"column": p.column, "reason": p.reason} for p in line.problems]
        yield stored


def _owners(kind: Kind, line: Checked, seals: Seals, ref: str) -> dict[str, str]:
    """With whose key the private cells of a line are encrypted (see :func:`redaction`), where that is not the record's."""
    if kind == "payroll":
        return {"person_ref": contact_ref(seals, line.holder, of="staff") if line.holder else ref}
    own = {name: contact_ref(seals, contact) for name, contact in line.contacts.items()}
    first = next(iter(own.values()), ref)
    owners = {"email": own.get("email", ref), "phone": own.get("phone", ref), "contact": first, "name": first}
    return {f"{name}_ref": owner for name, owner in owners.items() if name in line.raw}


def _note(
    connection: Connection,
    place: Place,
    checked: CheckedFile,
    snapshot_id: int,
    *,
    file_name: str,
    as_of: datetime,
    by: str,
) -> HandedFile:
    with connection.transaction():
        _supersede(connection, place, checked.conventions.kind)
        row = connection.execute(
            "INSERT INTO migration.handed_files (integration_id, location_key, kind, sha256, file_name, mapping, rows, "
            "rejected, totals, snapshot_id, as_of, handed_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "RETURNING id",
            [
                place.integration_id,
                place.location_key,
                checked.conventions.kind,
                checked.sha256,
                file_name,
                Jsonb(checked.mapping),
                len(checked.accepted) + len(checked.rejected),
                len(checked.rejected),
                Jsonb(dict(checked.totals)),
                snapshot_id,
                as_of,
                by,
            ],
        ).fetchone()
        assert row is not None
        return get_file(connection, int(row[0]))


def _make_current(connection: Connection, file: HandedFile, as_of: datetime) -> HandedFile:
    """A file that was superseded or withdrawn counts again."""
    with connection.transaction():
        place = Place(file.integration_id, "", file.location_key, "", "", "")
        _supersede(connection, place, file.kind)
        connection.execute(
            "UPDATE migration.handed_files SET state = 'current', as_of = %s WHERE id = %s", [as_of, file.id]
        )
        return get_file(connection, file.id)


def _supersede(connection: Connection, place: Place, kind: Kind) -> None:
    connection.execute(
        "UPDATE migration.handed_files SET state = 'superseded' WHERE integration_id = %s AND kind = %s "
        "AND location_key IS NOT DISTINCT FROM %s AND state = 'current'",
        [place.integration_id, kind, place.location_key],
    )
