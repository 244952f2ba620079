"""The way back: rehearsed before a switch, walked channel by channel, losing nothing.

A rehearsal does it for real in a transaction that is rolled back: AuraConnect takes the last orders once more, a price is changed,
what that leaves for the old POS is noted, the channels go back. What goes into files (B: import files and a journal; C: a journal)
is tried while it stands; the rest is then handed to ``trial``, which puts it into the POS by its API (A), takes it back, and says
what it proved.

``reverse`` gives back every channel AuraConnect owns, the last one switched first, and then what guests are owed. Nothing
goes back while anything that happened in AuraConnect is not with the old POS or in its files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import AuraError, BadInput, Refused
from aura_migration.cutover import channels, liabilities
from aura_migration.cutover.order_copies import change_prices, copy_last_orders
from aura_migration.cutover.phases import Place, find_place, held_channels, move, require_open, require_settled_work
from aura_migration.cutover.reverse_entries import Entry, entries_of, note_entries, waiting
from aura_migration.cutover.switches import (
    back_hash,
    is_at_work,
    open_switch,
    require_signatures,
    sign_switch,
)
from aura_migration.cutover.switching import Switch, SwitchDeps, turn_back
from aura_migration.database.connections import Connection as OwnConnection
from aura_migration.reconcile.books import Book, set_owner

Connection = psycopg.Connection[Any]
Level = Literal["A", "B", "C"]
Within = Callable[[Connection], Callable[[Sequence[Entry]], "Trial"]]
"""A trial within the transaction of a rehearsal: begun before anything is walked, asked with the entries that came of it."""

LEVELS: Final[Mapping[str, str]] = {
    "A": "written back to the POS by its API",
    "B": "import files made for the POS, imported by hand; sales as a journal per day for accounting",
    "C": "a journal per day for accounting; nothing goes into the POS",
}
SAMPLE: Final = 5
"""Orders a rehearsal takes once more."""


@dataclass(frozen=True)
class Trial:
    """What ``trial`` proved: the keys of the entries that got where they belong, and what went wrong, in words."""

    proven: frozenset[str]
    problems: Sequence[str] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal as it is stored. ``evidence``: entries by kind, how many were proven, problems, and what the trial says."""

    id: int
    level: str
    passed: bool
    evidence: dict[str, Any]
    rehearsed_at: datetime
    rehearsed_by: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        at = self.rehearsed_at.astimezone(UTC).isoformat()
        return {
            "level": self.level,
            "passed": self.passed,
            "evidence": self.evidence,
            "at": at,
            "by": self.rehearsed_by,
        }


def rehearse(
    connection: Connection,
    migration_id: int,
    level: str,
    by: str,
    now: datetime,
    trial: Callable[[Sequence[Entry]], Trial],
    within: Within | None = None,
) -> Rehearsal:
    """Walk the way back once without leaving anything, and store what came of it.

    ``trial`` is called outside of any transaction with the entries a reverse would leave, ``within`` in the one that is rolled back;
    both must leave nothing behind themselves. It passes only where one of them proves every entry; without one order there is
    nothing to prove, and that fails too. ``Refused`` while a switch is open.
    """
    if level not in get_args(Level):
        raise BadInput(f"{level!r} is no level of the way back.", f"There are {', '.join(LEVELS)}.")
    place = find_place(connection, migration_id)
    require_open(place)
    if open_switch(connection, migration_id) is not None:
        raise Refused(
            f"A switch of migration {migration_id} is open.",
            "Finish or abort it; the way back is rehearsed before or after.",
        )
    problems: list[str] = []
    entries: list[Entry] = []
    said: list[Trial] = []
    try:
        entries = _walked(connection, place, by, now, within, said)
        if not any(entry.kind == "order" for entry in entries):
            problems.append("there is no order to rehearse with")
        else:
            said.append(trial(entries))
    except AuraError as error:
        problems.append(str(error))
    problems += [problem for one in said for problem in one.problems]
    proven = {key for one in said for key in one.proven}
    unproven = [entry for entry in entries if entry.key not in proven]
    if entries and unproven and not problems:
        problems.append(f"{len(unproven)} of {len(entries)} entries were not proven")
    kinds = {kind: sum(entry.kind == kind for entry in entries) for kind in sorted({e.kind for e in entries})}
    evidence = {
        "entries": kinds,
        "proven": len(entries) - len(unproven),
        "problems": problems,
        "how": LEVELS[level],
    }
    for one in said:
        evidence |= one.evidence
    with connection.transaction():
        connection.execute(
            "INSERT INTO migration.rehearsals (migration_id, level, passed, evidence, rehearsed_at, rehearsed_by) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            [migration_id, level, not problems and not unproven, Jsonb(evidence), now, by],
        )
    found = last_rehearsal(connection, migration_id)
    assert found is not None
    return found


def last_rehearsal(connection: Connection, migration_id: int) -> Rehearsal | None:
    """The newest rehearsal of a migration; None: never rehearsed."""
    with connection.cursor(row_factory=class_row(Rehearsal)) as cursor:
        return cursor.execute(
            "SELECT id, level, passed, evidence, rehearsed_at, rehearsed_by FROM migration.rehearsals WHERE migration_id = %s "
            "ORDER BY id DESC LIMIT 1",
            [migration_id],
        ).fetchone()


def sign_reverse(connection: Connection, migration_id: int, by: str, reason: str) -> list[str]:
    """Sign for giving back every channel AuraConnect owns now; answers which."""
    with connection.transaction():
        place = find_place(connection, migration_id)
        held = channels.back_order(held_channels(connection, place.location_key))
        for channel in held:
            sign_switch(
                connection, migration_id, channel, "back", by, reason, back_hash(connection, migration_id, channel)
            )
    return held


def reverse(
    connection: OwnConnection, migration_id: int, by: str, now: datetime, deps: SwitchDeps, reason: str = ""
) -> list[Switch]:
    """Give everything back to the old POS and end the window; answers the switches that did it, this time's.

    ``connection``: of its own, autocommit. Called again it goes on. Raises Refused while entries wait (with their number),
    where signatures lack, or while other locations of the account redeem in AuraConnect what this one would take along.
    """
    place = find_place(connection, migration_id)
    require_open(place)
    held = _require_way_back(connection, place)
    if place.phase != "reversing":
        _require_all_settled(connection, migration_id, deps)
        move(connection, migration_id, "reversing", by, reason or "reverse asked for")
    done = []
    for channel in channels.back_order(held):
        done.append(turn_back(connection, migration_id, channel, by, now, deps=deps, only_in="reversing"))
    back = _give_back_owed(connection, place, by, reason)
    _require_all_settled(connection, migration_id, deps)
    with connection.transaction():
        for liability in back:
            liabilities.thaw(connection, place.integration_id, liability, by, "the old POS redeems again")
        move(connection, migration_id, "reversed", by, reason or "reversed", now=now)
    return done


def _require_way_back(connection: Connection, place: Place) -> list[str]:
    """The channels to give back; ``Refused`` where something is in the way that would stop it half way."""
    held = held_channels(connection, place.location_key)
    under_way = open_switch(connection, place.migration_id)
    if under_way is not None and under_way.direction == "forward":
        raise Refused(
            f"A switch of {under_way.channel} stands at {under_way.step}"
            f"{', and a process is at work on it' if is_at_work(connection, place.migration_id) else ''}.",
            f"`aura-migration cutover abort {place.migration_id}` goes back to before it; then reverse.",
            switch_id=under_way.id,
        )
    if not held and place.phase != "reversing" and under_way is None:
        raise Refused(
            f"AuraConnect owns no channel of {place.location_key}.", "A window before its first switch is cancelled."
        )
    require_settled_work(place)
    _require_not_shared(connection, place)
    for channel in held:
        if under_way is None or under_way.channel != channel:
            told = back_hash(connection, place.migration_id, channel)
            require_signatures(connection, place.migration_id, channel, "back", told, place.policy.gates.people)
    if under_way is not None and under_way.channel not in held:
        held.append(under_way.channel)
    return held


def _require_not_shared(connection: Connection, place: Place) -> None:
    """Balances have one redeemer for all locations of an account: one location alone cannot take them to its old POS."""
    owned = liabilities.owned_here(connection, place.integration_id)
    if not owned:
        return
    others = liabilities.other_locations_here(connection, place.integration_id, place.location_key)
    if others:
        raise Refused(
            f"AuraConnect redeems {', '.join(owned)} for {len(others)} more locations of this account: "
            f"{', '.join(others[:5])}.",
            f"Reverse those first, or give the class back for all of them: `aura-migration liabilities return "
            f"{place.integration_id} {owned[0]}`.",
            classes=owned,
        )


def _give_back_owed(connection: Connection, place: Place, by: str, reason: str) -> list[str]:
    """Nobody redeems any more; answers the classes that are to go to the POS, also those a reverse before froze."""
    with connection.transaction():
        for liability in liabilities.owned_here(connection, place.integration_id):
            liabilities.give_back(connection, place.integration_id, liability, by, reason or "reverse")
        if liabilities.other_locations_here(connection, place.integration_id, place.location_key):
            return []
        rows = connection.execute(
            "SELECT class FROM migration.liability_owners WHERE integration_id = %s AND owner = 'nobody' ORDER BY class",
            [place.integration_id],
        ).fetchall()
    return [row[0] for row in rows]


def _require_all_settled(connection: OwnConnection, migration_id: int, deps: SwitchDeps) -> None:
    note_entries(connection, migration_id)
    if deps.settle is not None:
        deps.settle()
    left = waiting(connection, migration_id)
    if left:
        failed = len(entries_of(connection, migration_id, ("failed",)))
        raise Refused(
            f"{left} of what happened in AuraConnect is not with the old POS or in its files yet"
            f"{f'; {failed} could not be written' if failed else ''}.",
            "`aura-migration cutover entries` lists it with what went wrong; settle it, then reverse.",
            waiting=left,
            failed=failed,
        )


def _walked(
    connection: Connection, place: Place, by: str, now: datetime, within: Within | None, said: list[Trial]
) -> list[Entry]:
    """Forward, a few orders, back: in a transaction of which nothing stays. Answers what it would leave for the old POS; what
    ``within`` proves is added to ``said``."""
    with connection.transaction(force_rollback=True):
        find_place(connection, place.migration_id, lock=True)
        asked = None if within is None else within(connection)
        held = set(held_channels(connection, place.location_key))
        row = connection.execute(
            "INSERT INTO migration.switches (migration_id, channel, direction, state, step, asked_by, effective_at, ended_at, evidence) "
            "VALUES (%s, 'in_house', 'forward', 'done', 'done', %s, %s, clock_timestamp(), jsonb_build_object('xid', "
            "pg_snapshot_xmin(pg_current_snapshot())::text::bigint)) RETURNING id",
            [place.migration_id, by, now],
        ).fetchone()
        assert row is not None
        newest = connection.execute(
            "SELECT greatest(%s::timestamptz, max(from_at) + interval '1 microsecond'), "
            "greatest(%s::timestamptz, max(from_at) + interval '1 microsecond') + interval '1 second' "
            "FROM migration.channel_ownership WHERE location_key = %s",
            [now, now, place.location_key],
        ).fetchone()
        assert newest is not None
        copies: set[int] = set()
        edited = change_prices(connection, place.restaurant_id, place.location_id)
        turns: tuple[tuple[Book, datetime, bool], ...] = (("auraconnect", newest[0], True), ("pos", newest[1], False))
        for book, at, accepts in turns:
            for channel in channels.OF_ORDERS:
                if book == "pos" or channel not in held:
                    channels.set_status(connection, place.location_id, channel, accepts, "")
                    set_owner(
                        connection, place.location_key, channel, book, at, place.migration_id, by, "rehearsal", row[0]
                    )
            if accepts:
                copies = set(copy_last_orders(connection, place.location_id, SAMPLE, at))
                note_entries(connection, place.migration_id)
        for channel in channels.OF_ORDERS:
            accepts_now = channels.who_accepts(connection, place.location_key, place.location_id, channel)
            if accepts_now != "pos":
                raise Refused(f"After the way back {accepts_now} takes {channel} orders.", "Nothing was changed.")
        noted = [
            entry
            for entry in entries_of(connection, place.migration_id, ("waiting",))
            if (entry.aura_table, entry.aura_id) in edited
            or (entry.kind in ("order", "refund") and entry.content["order_id"] in copies)
        ]
        if asked is not None:
            said.append(asked(noted))
        return noted
