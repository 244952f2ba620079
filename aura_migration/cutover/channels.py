"""The channels of a location: in which order they are switched, who takes orders of each, and what AuraConnect is told.

``migration.channel_ownership`` (through ``reconcile.books``) says whose figure counts; ``aura.channel_status`` is what
AuraConnect's own tills go by. Nothing may leave AuraConnect accepting what the POS owns: every function here that opens a
channel looks at its owner first. The steps of a switch stand in ``switching``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, Refused
from aura_migration.cutover.phases import Place, held_channels
from aura_migration.reconcile.books import CHANNELS

Connection = psycopg.Connection[Any]
Accepts = Literal["pos", "auraconnect", "nobody"]

ORDER: Final = ("online", "in_house", "reporting")
"""One after the other; ``time_clock`` goes on its own, whenever staff are ready."""
OF_ORDERS: Final = ("online", "in_house")
"""Orders come by these; the others are books and clocks."""


@dataclass(frozen=True)
class ChannelState:
    """One channel: the book that owns it (and since when), whether AuraConnect accepts, and whether it may be next."""

    channel: str
    book: str
    from_at: datetime | None
    accepts: Accepts
    message: str
    is_next: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        since = self.from_at.isoformat() if self.from_at else None
        return {
            "channel": self.channel,
            "book": self.book,
            "from_at": since,
            "accepts": self.accepts,
            "message": self.message,
            "is_next": self.is_next,
        }


def close_channels(connection: Connection, location_id: int) -> None:
    """AuraConnect takes nothing at the location: what a window begins with. Channels closed already stay as they are."""
    connection.execute(
        "INSERT INTO aura.channel_status AS s (location_id, channel, accepts) SELECT %s, c, false FROM unnest(%s::text[]) c "
        "ON CONFLICT (location_id, channel) DO UPDATE SET accepts = false, message = '', changed_at = clock_timestamp() "
        "WHERE s.accepts OR s.message <> ''",
        [location_id, list(CHANNELS)],
    )


def require_no_leftover(connection: Connection, location_key: str, location_id: int, migration_id: int) -> None:
    """``Refused`` where an earlier window of the location left something behind that would decide for a new one."""
    other = connection.execute(
        "SELECT w.migration_id, w.phase FROM migration.windows w WHERE w.location_key = %s AND w.ended_at IS NULL "
        "AND w.migration_id <> %s",
        [location_key, migration_id],
    ).fetchone()
    if other is not None:
        raise Refused(
            f"An earlier window of {location_key} (migration {other[0]}) is {other[1]}.",
            f"`aura-migration window show {other[0]}` shows where it stands; end it first.",
            migration_id=other[0],
        )
    left = connection.execute(
        "SELECT s.migration_id, s.channel, s.step FROM migration.switches s JOIN migration.migrations m ON m.id = s.migration_id "
        "WHERE m.location_key = %s AND s.state = 'open'",
        [location_key],
    ).fetchone()
    if left is not None:
        raise Refused(
            f"A switch of {left[1]} (migration {left[0]}) stands at {left[2]} and was never ended.",
            f"`aura-migration cutover abort {left[0]}` goes back to where it was.",
            migration_id=left[0],
        )
    held = held_channels(connection, location_key)
    if held:
        raise Refused(
            f"AuraConnect owns {', '.join(held)} of {location_key} since an earlier window.",
            "The location is AuraConnect's already; a window would run it beside itself.",
            channels=held,
        )
    accepting = connection.execute(
        "SELECT string_agg(channel, ', ' ORDER BY channel) FROM aura.channel_status WHERE location_id = %s AND accepts",
        [location_id],
    ).fetchone()
    if accepting is not None and accepting[0] is not None:
        raise Refused(
            f"AuraConnect accepts {accepting[0]} at {location_key} although the POS owns it.",
            f"Close it in aura.channel_status (location {location_id}) once nobody takes orders there.",
            channels=accepting[0],
        )


def who_accepts(connection: Connection, location_key: str, location_id: int, channel: str) -> Accepts:
    """Who takes what comes by a channel at this moment: nobody while its switch pauses it.

    A location that AuraConnect was told nothing about takes all.
    """
    _known(channel)
    row = connection.execute(
        """
        SELECT coalesce((SELECT accepts FROM aura.channel_status WHERE location_id = %(location)s AND channel = %(channel)s), true),
               EXISTS (SELECT FROM migration.switches s JOIN migration.migrations m ON m.id = s.migration_id
                       WHERE m.location_key = %(key)s AND s.channel = %(channel)s AND s.state = 'open'
                         AND s.paused_at IS NOT NULL AND s.resumed_at IS NULL),
               coalesce((SELECT book FROM migration.channel_ownership WHERE location_key = %(key)s AND channel = %(channel)s
                         ORDER BY from_at DESC LIMIT 1), 'pos')
        """,
        {"location": location_id, "key": location_key, "channel": channel},
    ).fetchone()
    assert row is not None
    accepts, is_paused, book = row
    if accepts:
        return "auraconnect"
    return "nobody" if is_paused or book == "auraconnect" else "pos"


def channels_of(connection: Connection, place: Place) -> list[ChannelState]:
    """Every channel of a window's location as it is now."""
    held = held_channels(connection, place.location_key)
    turns = {next((c for c in ORDER if c not in held), ""), "time_clock"} - set(held)
    found = []
    for channel in CHANNELS:
        row = connection.execute(
            "SELECT from_at FROM migration.channel_ownership WHERE location_key = %s AND channel = %s "
            "ORDER BY from_at DESC LIMIT 1",
            [place.location_key, channel],
        ).fetchone()
        told = connection.execute(
            "SELECT message FROM aura.channel_status WHERE location_id = %s AND channel = %s",
            [place.location_id, channel],
        ).fetchone()
        found.append(
            ChannelState(
                channel,
                "auraconnect" if channel in held else "pos",
                row[0] if row else None,
                who_accepts(connection, place.location_key, place.location_id, channel),
                told[0] if told else "",
                channel in turns and not place.has_ended,
            )
        )
    return found


def require_turn(connection: Connection, place: Place, channel: str, direction: str) -> None:
    """``Refused`` unless it is the channel's turn: forward in :data:`ORDER`, back the other way round."""
    _known(channel)
    held = held_channels(connection, place.location_key)
    if direction == "forward":
        if channel in held:
            raise Refused(
                f"AuraConnect owns {channel} of {place.location_key} already.",
                "`window show` says which channel is next.",
            )
        first = next((c for c in ORDER if c not in held), channel)
        if channel in ORDER and channel != first:
            raise Refused(
                f"{channel} is not next at {place.location_key}: {first} goes first.",
                f"Switch {first}; the order is {' → '.join(ORDER)}.",
                next=first,
            )
        return
    if channel not in held:
        raise Refused(f"The POS owns {channel} of {place.location_key}.", "Only what was switched is given back.")
    last = next(c for c in back_order(held) if c in ORDER or c == channel)
    if channel in ORDER and channel != last:
        raise Refused(
            f"{channel} cannot be given back before {last}.", f"Give {last} back first; `reverse` does it in order."
        )


def back_order(held: list[str]) -> list[str]:
    """In which order channels are given back: the clock, then the last one switched first."""
    return [c for c in ("time_clock", *reversed(ORDER)) if c in held]


def set_status(
    connection: Connection, location_id: int, channel: str, accepts: bool, message: str
) -> dict[str, Any] | None:
    """Tell AuraConnect; answers the row that stood before (None: there was none), for :func:`restore_status`.

    Waits for orders that are being written, and the next order sees it.
    """
    _known(channel)
    before = connection.execute(
        "SELECT to_jsonb(s) FROM aura.channel_status s WHERE location_id = %s AND channel = %s FOR UPDATE",
        [location_id, channel],
    ).fetchone()
    connection.execute(
        "INSERT INTO aura.channel_status (location_id, channel, accepts, message) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (location_id, channel) DO UPDATE SET accepts = excluded.accepts, message = excluded.message, "
        "changed_at = clock_timestamp()",
        [location_id, channel, accepts, message],
    )
    return dict(before[0]) if before else None


def restore_status(connection: Connection, location_id: int, channel: str, before: dict[str, Any] | None) -> None:
    """Put the row back byte for byte, or take it away where there was none."""
    if before is None:
        connection.execute(
            "DELETE FROM aura.channel_status WHERE location_id = %s AND channel = %s", [location_id, channel]
        )
        return
    connection.execute(
        "UPDATE aura.channel_status s SET accepts = b.accepts, message = b.message, changed_at = b.changed_at "
        "FROM jsonb_populate_record(NULL::aura.channel_status, %s) b WHERE s.location_id = %s AND s.channel = %s",
        [Jsonb(before), location_id, channel],
    )


def _known(channel: str) -> None:
    if channel not in CHANNELS:
        raise BadInput(f"{channel!r} is not a channel that is switched.", f"There are {', '.join(CHANNELS)}.")
