"""Books of record: which system's figure of a channel counts, and from which instant on.

A channel's newest row of ``migration.channel_ownership`` up to an instant holds; before the first the POS does. An order
finishes where it was opened, so the instant asked about is always the one at which it was opened: a check opened at
23:50 and paid after a switch at midnight stays in the book it was begun in, with its tips and refunds.

Two orders may be one sale: what AuraConnect took and pushed to the POS is there again. Such *twins* know each other
(:data:`TWIN_SQL`), and only one of them counts. Sums are made in ``sheet.py``; a switch writes its row through here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import psycopg

from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import transaction_lock

Book = Literal["pos", "auraconnect"]
BOOKS: tuple[Book, ...] = ("pos", "auraconnect")
CHANNELS = ("online", "in_house", "reporting", "time_clock")
"""What is switched, each on its own; orders come by the first two."""


def _opened(alias: str) -> str:
    return f"coalesce({alias}.opened_at, {alias}.closed_at, {alias}.paid_at, {alias}.created_at)"


def _owner(alias: str) -> str:
    return f"""coalesce((
        SELECT w.book FROM migration.channel_ownership w
        WHERE w.location_key = %(location_key)s AND w.channel = aura.switched_channel({alias}.channel)
          AND w.from_at <= {_opened(alias)}
        ORDER BY w.from_at DESC LIMIT 1), 'pos')"""


OPENED_SQL = _opened("o")
"""When the order ``o`` was opened, as far as it is known."""
OWNER_SQL = _owner("o")
"""The book that owned the channel of the order ``o`` when it was opened."""

_NATIVE = "t.location_id = o.location_id AND t.origin = 'aura_native' AND t.deleted_at IS NULL"
_COPIED = "t.location_id = o.location_id AND t.origin = 'pos_native' AND t.deleted_at IS NULL"
_REFERRED = "CASE WHEN o.external_id ~ '^aura:[0-9]{1,18}$' THEN substr(o.external_id, 6)::bigint END"


def _of_original(what: str) -> str:
    """Something of the order that AuraConnect took and the order ``o`` is the POS's copy of; each way by its own index."""
    return f"""coalesce(
    (SELECT {what} FROM aura.orders t WHERE t.id = {_REFERRED} AND {_NATIVE}),
    (SELECT {what} FROM aura.orders t WHERE t.external_id = o.source_id AND {_NATIVE} ORDER BY t.id LIMIT 1))"""


_HAS_COPY = f"""(
    EXISTS (SELECT FROM aura.orders t WHERE t.source_id = o.external_id AND {_COPIED})
    OR EXISTS (SELECT FROM aura.orders t WHERE left(t.external_id, 5) = 'aura:' AND t.external_id = 'aura:' || o.id AND {_COPIED}))"""
TWIN_SQL = f"(o.origin = 'pos_native' AND {_of_original('t.id')} IS NOT NULL)"
"""Whether the order ``o`` is the POS's copy of an order that AuraConnect took: the same sale a second time."""

BOOK_SQL = f"""(CASE o.origin
    WHEN 'pos_native' THEN CASE
        WHEN left(o.external_id, 10) = 'aura:test:' THEN NULL
        WHEN coalesce({_of_original(_owner("t"))}, 'pos') = 'pos' THEN 'pos' END
    ELSE CASE
        WHEN {_HAS_COPY} THEN CASE {OWNER_SQL} WHEN 'auraconnect' THEN 'auraconnect' END
        WHEN o.external_id IS NULL THEN 'auraconnect'
        ELSE {OWNER_SQL} END END)"""
"""The book that counts the order ``o``: 'pos' or 'auraconnect'; NULL where its twin is what counts, and for an order that was
written to the POS as a test (reference ``aura:test:…``).

A sale that is in both systems counts in the book that owned its channel when AuraConnect opened it, with the figures of
that system where both are here; what is in one system alone counts there, whoever owned the channel.
"""


def switched(channel: str) -> str:
    """The channel that is switched, of a channel that orders come by; the same as ``aura.switched_channel``."""
    return "online" if channel in ("online", "third_party") else "in_house"


def owner_at(connection: psycopg.Connection[Any], location_key: str, channel: str, at: datetime) -> Book:
    """The book that a channel (one of :data:`CHANNELS`) is owned by at an aware instant."""
    _known(channel)
    _aware(at)
    row = connection.execute(
        "SELECT book FROM migration.channel_ownership WHERE location_key = %s AND channel = %s AND from_at <= %s "
        "ORDER BY from_at DESC LIMIT 1",
        [location_key, channel, at],
    ).fetchone()
    return "auraconnect" if row is not None and row[0] == "auraconnect" else "pos"


def owners_at(connection: psycopg.Connection[Any], location_key: str, at: datetime) -> dict[str, Book]:
    """The owner of every channel at an instant."""
    return {channel: owner_at(connection, location_key, channel, at) for channel in CHANNELS}


def ownership_history(connection: psycopg.Connection[Any], location_key: str) -> list[dict[str, Any]]:
    """Every change of a location's books, oldest first: channel, book, from_at, migration_id, switch_id, changed_by, reason."""
    names = ("channel", "book", "from_at", "migration_id", "switch_id", "changed_by", "reason")
    rows = connection.execute(
        "SELECT channel, book, from_at, migration_id, switch_id, changed_by, reason FROM migration.channel_ownership "
        "WHERE location_key = %s ORDER BY from_at, id",
        [location_key],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def set_owner(
    connection: psycopg.Connection[Any],
    location_key: str,
    channel: str,
    book: Book,
    from_at: datetime,
    migration_id: int,
    by: str,
    reason: str,
    switch_id: int | None = None,
) -> None:
    """From ``from_at`` (aware) on, the channel's orders count in ``book``. History is added to, never rewritten.

    Said again in the same words (a step of a switch that is taken up again) it changes nothing. Raises Refused where the
    instant is not after the channel's newest change: sales that are counted already would change their book.
    """
    _known(channel)
    _aware(from_at)
    if book not in BOOKS:
        raise BadInput(f"{book!r} is not a book of record.", f"There are {' and '.join(BOOKS)}.")
    with connection.transaction():
        transaction_lock(connection, f"aura:books:{location_key}")
        newest = connection.execute(
            "SELECT from_at, book, migration_id, switch_id FROM migration.channel_ownership "
            "WHERE location_key = %s AND channel = %s ORDER BY from_at DESC LIMIT 1",
            [location_key, channel],
        ).fetchone()
        if newest is not None and newest == (from_at, book, migration_id, switch_id):
            return
        if newest is not None and from_at <= newest[0]:
            raise Refused(
                f"The {channel} channel of {location_key} cannot change its book at {from_at.isoformat()}: it changed at "
                f"{newest[0].isoformat()} already.",
                "Take an instant after the newest change.",
                channel=channel,
            )
        connection.execute(
            "INSERT INTO migration.channel_ownership (location_key, channel, book, from_at, migration_id, switch_id, "
            "changed_by, reason) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [location_key, channel, book, from_at, migration_id, switch_id, by, reason],
        )


def _known(channel: str) -> None:
    if channel not in CHANNELS:
        raise BadInput(f"{channel!r} is not a channel that is switched.", f"There are {', '.join(CHANNELS)}.")


def _aware(at: datetime) -> None:
    if at.tzinfo is None:
        raise BadInput(f"{at.isoformat()} has no time zone.", "Say the instant with its offset from UTC.")
