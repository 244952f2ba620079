"""Which part of a location's past is read: the span the options ask for, less what earlier exports have already.

A history is exported whole once; later exports add what changed since, and everything of the last days again, because a
POS's own word that nothing changed is not taken for proof. What is read, and how, is the connector's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg.types.json import Jsonb

from aura_migration.archive.snapshot import SnapshotRef, require, snapshot_ref
from aura_migration.canonical.options import HistoryOptions
from aura_migration.core.clock import months_before
from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection
from aura_migration.pos.port import MISSING_DOCUMENTS, HistorySpan

OVERLAP = timedelta(days=2)
"""How far back behind the last export changes are asked for: clocks differ, and some POS shows late what it has."""
REREAD = timedelta(days=14)
"""The last days are read again whatever the POS says of changes: tips, fees and refunds come late."""
GLANCE = timedelta(days=1)
"""What a reading between two whole ones reads again: those follow every day, so that nothing waits longer than that."""
PATIENCE = timedelta(days=30)
"""An interrupted export of a history is continued within this time: what was read of a finished window stays true."""


@dataclass(frozen=True)
class Reach:
    """What exports of a history there are that can be built on, and what is to be read on top (None: nothing).

    ``withheld`` are optional source entities that the POS did not show when the rest was read: a right may have come since, so
    that they are asked for again, over the whole span.
    """

    standing: tuple[SnapshotRef, ...]
    missing: HistorySpan | None
    withheld: tuple[str, ...] = ()


def require_past(options: HistoryOptions, now: datetime) -> None:
    """``BadInput`` where the options end the history after now: what is not there yet cannot be read to its end."""
    if options.until is not None and options.until > now:
        raise BadInput(
            f"history.until is {options.until.isoformat()}, which is still to come: it is {now.isoformat(timespec='seconds')}.",
            "Give an instant that has passed, or leave it out: then the history ends now.",
        )


def wanted_span(options: HistoryOptions, now: datetime) -> HistorySpan | None:
    """The span the options ask for; None where they leave the past out. ``BadInput`` where it ends in the future."""
    if not options.months:
        return None
    require_past(options, now)
    end = (options.until or now).astimezone(UTC)
    return HistorySpan(months_before(end, options.months), end)


def reach(
    connection: Connection,
    integration_id: int,
    location_key: str,
    wanted: HistorySpan,
    entities: list[str],
    optional: list[str] | None = None,
    *,
    glance: bool = False,
) -> Reach:
    """The newest chain of complete exports that covers the beginning of the span with all entities, and what it lacks.

    An export of ``optional`` entities alone adds them to the chain that it was made for. A ``glance`` reads less again; the
    next whole reading begins behind the last whole one, so that the glances between the two are no longer needed.
    """
    rows = connection.execute(
        "SELECT id, span FROM migration.snapshots WHERE integration_id = %s AND location_key = %s AND scope = 'history' "
        "AND state = 'complete' AND span IS NOT NULL ORDER BY id",
        [integration_id, location_key],
    ).fetchall()
    chain: list[tuple[SnapshotRef, HistorySpan]] = []
    added: list[SnapshotRef] = []
    for snapshot_id, stored in rows:
        ref, span = snapshot_ref(connection, snapshot_id), read_span(stored)
        if require(ref.certificates, entities):
            is_addition = {c.entity for c in ref.certificates} <= set(optional or ())
            was_shown = any(c.status != "not_extracted" for c in ref.certificates)
            if chain and span.changed_since is None and is_addition and was_shown:
                added.append(ref)
            continue  # something was not read completely: nothing can be built on it
        if span.changed_since is None:
            if span.begin <= wanted.begin + OVERLAP:
                chain, added = [(ref, span)], []
        elif chain and span.changed_since <= chain[-1][1].end:
            chain.append((ref, span))
    if not chain:
        return Reach((), wanted)
    known_until = chain[-1][1].end
    whole_until = max(span.end for _, span in chain if not _is_glance(span))
    chain = _needed(connection, chain)
    there = {c.entity for ref in added for c in ref.certificates if c.status != "not_extracted"}
    first = chain[0][0].certificates
    withheld = tuple(
        name
        for name in optional or ()
        if name not in there and any(c.entity == name and c.status == "not_extracted" for c in first)
    )
    standing = tuple(sorted((*(ref for ref, _ in chain), *added), key=lambda ref: ref.snapshot_id))
    if wanted.end <= known_until:
        return Reach(standing, None, withheld)
    if glance:
        since, again = known_until - OVERLAP, known_until - GLANCE
    else:
        since = whole_until - OVERLAP
        again = min(known_until - REREAD, since)
    missing = HistorySpan(wanted.begin, wanted.end, since, max(wanted.begin, again))
    return Reach(standing, missing, withheld)


def _is_glance(span: HistorySpan) -> bool:
    if span.changed_since is None or span.reread_from is None:
        return False
    return span.reread_from > span.begin and span.reread_from > span.changed_since


def _needed(
    connection: Connection, chain: list[tuple[SnapshotRef, HistorySpan]]
) -> list[tuple[SnapshotRef, HistorySpan]]:
    """The chain without the glances that a later whole reading covers. One that asked for documents by id stays: it has answers."""
    last_whole = max(n for n, (_, span) in enumerate(chain) if not _is_glance(span))
    covered = [ref.snapshot_id for ref, span in chain[:last_whole] if _is_glance(span)]
    if not covered:
        return chain
    rows = connection.execute(
        "SELECT DISTINCT snapshot_id FROM migration.snapshot_pages WHERE snapshot_id = ANY(%s) AND entity = %s",
        [covered, MISSING_DOCUMENTS],
    ).fetchall()
    gone = set(covered) - {number for (number,) in rows}
    return [(ref, span) for ref, span in chain if ref.snapshot_id not in gone]


def stored_span(connection: Connection, snapshot_id: int, span: HistorySpan) -> HistorySpan:
    """Note the span of an open snapshot; one that is continued keeps the span it was begun with."""
    row = connection.execute(
        "UPDATE migration.snapshots SET span = coalesce(span, %s) WHERE id = %s RETURNING span",
        [Jsonb(_written(span)), snapshot_id],
    ).fetchone()
    assert row is not None
    return read_span(row[0])


def _written(span: HistorySpan) -> dict[str, str | None]:
    return {
        name: None if value is None else value.astimezone(UTC).isoformat()
        for name, value in (
            ("begin", span.begin),
            ("end", span.end),
            ("changed_since", span.changed_since),
            ("reread_from", span.reread_from),
        )
    }


def read_span(stored: dict[str, str | None]) -> HistorySpan:
    """A span as the book of snapshots has it."""

    def instant(name: str) -> datetime | None:
        value = stored.get(name)
        return None if value is None else datetime.fromisoformat(value)

    begin, end = instant("begin"), instant("end")
    assert begin is not None and end is not None
    return HistorySpan(begin, end, instant("changed_since"), instant("reread_from"))
