"""Reading stored lists of people page by page, in recorded order, without holding them.

A record may come on two pages when the list moved under its cursor: the newest version counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.clock import utc_text
from aura_migration.pos.square.wire import decode, instant, read

NEVER = datetime.min.replace(tzinfo=UTC)
T = TypeVar("T")


class _Stamp(msgspec.Struct):
    id: Any = None
    version: Any = None
    updated_at: Any = None


class Found(NamedTuple):
    """One stored record: its number in the list as recorded, its raw form, and the window it was read in."""

    number: int
    raw: Mapping[str, Any]
    window: str


def newest(reader: SnapshotReader, entity: str, rows: str) -> dict[str, int]:
    """Per id the number of the record that counts: of the highest version, else updated last, else recorded last."""
    best: dict[str, tuple[float, int]] = {}
    number = -1
    for body in reader.bodies(entity):
        parts = msgspec.json.decode(body.data, type=dict[str, msgspec.Raw])
        if rows not in parts:
            continue
        for stamp in msgspec.json.decode(parts[rows], type=list[_Stamp]):
            number += 1
            if not usable(stamp.id):
                continue
            rank = _rank(stamp)
            held = best.get(stamp.id)
            if held is None or rank >= held[0]:
                best[stamp.id] = (rank, number)
    return {ident: number for ident, (_, number) in best.items()}


def pages(reader: SnapshotReader, entity: str, rows: str, window: str | None = None) -> Iterator[list[Found]]:
    """The records of a list, a stored page at a time, with personal fields as they were sent."""
    number = -1
    for body in reader.bodies(entity):
        document = decode(reader.revealed(body))
        found = []
        for raw in (document.get(rows) if isinstance(document, Mapping) else None) or ():
            number += 1
            if isinstance(raw, Mapping) and (window is None or body.window == window):
                found.append(Found(number, raw, body.window))
        yield found


def once(reader: SnapshotReader, entity: str, rows: str) -> Iterator[list[Mapping[str, Any]]]:
    """The records of a list cut into spans of time, a stored page at a time, each id once.

    Only records of the same or the span before can come twice, so that no more ids than those are held.
    """
    earlier: set[Any] = set()
    current: set[Any] = set()
    window: str | None = None
    for page in pages(reader, entity, rows):
        fresh = []
        for found in page:
            if found.window != window:
                earlier, current, window = current, set(), found.window
            ident = found.raw.get("id")
            if ident in current or ident in earlier:
                continue
            current.add(ident)
            fresh.append(found.raw)
        yield fresh


def typed(raw: Mapping[str, Any], shape: type[T]) -> T | str:
    """The record as a struct, or in words what of it cannot be read (no value of the record is repeated)."""
    try:
        return read(raw, shape)
    except msgspec.ValidationError as error:
        return str(error)


def usable(ident: Any) -> bool:
    """Whether an id can be part of a source key."""
    return isinstance(ident, str) and bool(ident) and "/" not in ident


def when(text: str | None) -> str | None:
    """An instant as canonical rows write it; None where there is none or it is no instant."""
    found = instant(text)
    return None if found == NEVER else utc_text(found)


def day(text: str | None) -> tuple[str | None, str | None]:
    """A birthday as ``(date, MM-DD)``: the date is None where the year is unknown (0000), both where it is no date."""
    parts = (text or "").strip().split("-")
    rest = "-".join(parts[-2:])
    try:
        date.fromisoformat(f"2000-{rest}")
    except ValueError:
        return None, None
    try:
        return date.fromisoformat("-".join(parts)).isoformat(), rest
    except ValueError:
        return None, rest


def _rank(stamp: _Stamp) -> float:
    if isinstance(stamp.version, int) and not isinstance(stamp.version, bool):
        return float(stamp.version)
    updated = instant(stamp.updated_at) if isinstance(stamp.updated_at, str) else NEVER
    return 0.0 if updated == NEVER else updated.timestamp()
