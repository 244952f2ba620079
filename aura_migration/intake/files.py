"""The book of handed files: which there are, which one of each kind counts, and taking one back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from aura_migration.archive.snapshot import SnapshotRef, snapshot_ref
from aura_migration.core.errors import BadInput, Refused
from aura_migration.intake.checking import CheckedFile, Place
from aura_migration.intake.kinds import Kind

_COLUMNS = (
    "id, integration_id, location_key, kind, sha256, file_name, mapping, rows, rejected, totals, snapshot_id, as_of, "
    "state, handed_by, at"
)


@dataclass(frozen=True)
class HandedFile:
    """One file as it was taken in: ``rows`` counts all its records, ``rejected`` those that go to quarantine.

    ``state`` is current, superseded or withdrawn. ``location_key`` None: it is the whole merchant's.
    """

    id: int
    integration_id: int
    location_key: str | None
    kind: Kind
    sha256: str
    file_name: str
    mapping: dict[str, Any]
    rows: int
    rejected: int
    totals: dict[str, Any]
    snapshot_id: int
    as_of: datetime | None
    state: str
    handed_by: str
    at: datetime

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data; nothing in it is personal."""
        return {
            "file_id": self.id,
            "integration_id": self.integration_id,
            "location": self.location_key,
            "kind": self.kind,
            "file_name": self.file_name,
            "sha256": self.sha256,
            "rows": self.rows,
            "rejected": self.rejected,
            "totals": self.totals,
            "snapshot_id": self.snapshot_id,
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "state": self.state,
            "handed_by": self.handed_by,
            "at": self.at.isoformat(),
        }


def get_file(connection: psycopg.Connection[Any], file_id: int) -> HandedFile:
    """A handed file by id; ``BadInput`` when there is none."""
    found = _select(connection, "id = %s", [file_id])
    if not found:
        raise BadInput(f"Handed file {file_id} does not exist.", "`aura-migration handed-files` lists them.")
    return found[0]


def list_files(connection: psycopg.Connection[Any], integration_id: int) -> list[HandedFile]:
    """All files of an integration, newest first."""
    return _select(connection, "integration_id = %s", [integration_id])


def current_files(
    connection: psycopg.Connection[Any], integration_id: int, location_key: str | None
) -> list[SnapshotRef]:
    """The snapshots of the files that count for a location now: those of the merchant and those of the location.

    A migration pins them with its other snapshots: what it plans and loads is then the same however often it is done.
    """
    found = _select(
        connection,
        "integration_id = %s AND state = 'current' AND (location_key IS NULL OR location_key = %s)",
        [integration_id, location_key],
    )
    return [snapshot_ref(connection, file.snapshot_id) for file in sorted(found, key=lambda file: (file.kind, file.id))]


def current_of(connection: psycopg.Connection[Any], place: Place, kind: Kind) -> HandedFile | None:
    """The file of a kind that counts for exactly this place."""
    found = _select(
        connection,
        "integration_id = %s AND kind = %s AND location_key IS NOT DISTINCT FROM %s AND state = 'current'",
        [place.integration_id, kind, place.location_key],
    )
    return found[0] if found else None


def find_same(connection: psycopg.Connection[Any], place: Place, kind: Kind, checked: CheckedFile) -> HandedFile | None:
    """The file of the same content, read in the same way, for the same place."""
    found = _select(
        connection,
        "integration_id = %s AND kind = %s AND location_key IS NOT DISTINCT FROM %s AND sha256 = %s",
        [place.integration_id, kind, place.location_key, checked.sha256],
    )
    return next((file for file in found if file.mapping == checked.mapping), None)


def withdraw(connection: psycopg.Connection[Any], integration_id: int, file_id: int) -> HandedFile:
    """Take a current file back: migrations planned from now on do without it. Its rows stay in the snapshot store."""
    file = get_file(connection, file_id)
    if file.integration_id != integration_id:
        raise BadInput(f"File {file_id} belongs to integration {file.integration_id}.", "Name that one.")
    if file.state != "current":
        raise Refused(f"File {file_id} is {file.state} already.", "Only a current file can be withdrawn.")
    connection.execute("UPDATE migration.handed_files SET state = 'withdrawn' WHERE id = %s", [file_id])
    return get_file(connection, file_id)


def _select(connection: psycopg.Connection[Any], condition: str, arguments: list[Any]) -> list[HandedFile]:
    with connection.cursor(row_factory=class_row(HandedFile)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.handed_files WHERE {condition} ORDER BY id DESC", arguments
        ).fetchall()
