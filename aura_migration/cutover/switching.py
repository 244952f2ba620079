"""The switch of one channel: named steps, each its own transaction, so that it can be stopped and taken up between any two.

    asked        a row; the window is switching
    gates_held   every gate holds, two people signed exactly these verdicts, nobody vetoed, nothing of the POS waits
    paused       nobody takes orders of the channel
    drained      what the POS had until then is in AuraConnect (back: what AuraConnect had is with the POS or in its files)
    numbered     AuraConnect's next order number is above the old ones
    owned        from an instant within the pause on the other book counts
    opened       the other system takes orders
    rechecked    the last orders are there and equal
    done         the window is live

Called again it goes on where it stopped. A refusal before ``opened``, or a pause over its time, aborts it by itself; after
``opened`` it stands and waits for `switch` again or `abort`. The pause is measured by the real clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.core.errors import AuraError, Refused, VerdictFailed
from aura_migration.cutover import channels, features, numbers
from aura_migration.cutover.aborting import abort, abort_overdue, abort_switch, is_overdue
from aura_migration.cutover.phases import Place, find_place, held_channels, move, require_open, resting_phase
from aura_migration.cutover.reverse_entries import note_entries, waiting
from aura_migration.cutover.switches import (
    STEPS,
    Direction,
    Switch,
    back_hash,
    consume_signatures,
    get_switch,
    lease,
    note_step,
    open_switch,
    sign_switch,
    steps_of,
    switches_of,
)
from aura_migration.reconcile.books import Book, set_owner

__all__ = [
    "STEPS",
    "Switch",
    "SwitchDeps",
    "abort",
    "abort_overdue",
    "back_hash",
    "get_switch",
    "open_switch",
    "sign_switch",
    "steps_of",
    "switch",
    "switches_of",
    "turn_back",
]

Connection = psycopg.Connection[Any]

PAUSED_MESSAGE: Final = "This channel is being switched; please try again in a minute."
SHOWN: Final = 5


def _nothing_waits() -> int:
    return 0


def _no_problems(orders: int) -> Sequence[str]:
    return ()


def _takes_nothing_over() -> Sequence[str]:
    return ()


def _no_veto() -> str:
    return ""


def _real_time() -> datetime:
    return datetime.now(UTC)


def _unheard(step: str) -> None:
    return None


@dataclass(frozen=True)
class SwitchDeps:
    """What a switch asks others for, outside of its transactions. Each opens database connections of its own.

    gates      (channel) → hash over gates and verdicts; raises Refused where one does not hold
    drain      follow the POS once more → how many of its changes still wait
    recheck    (n) → what is wrong with the POS's last n orders in AuraConnect, in words without personal data
    veto       what a restaurant's own command objects; '' is consent
    redeem     take over frozen classes of what guests are owed, once the tills are AuraConnect's → their names
    settle     write what waits for the old POS (or its files) → how many entries still wait
    clock      real time, aware
    step_done  told after each step
    """

    gates: Callable[[str], str]
    drain: Callable[[], int] = _nothing_waits
    recheck: Callable[[int], Sequence[str]] = _no_problems
    veto: Callable[[], str] = _no_veto
    redeem: Callable[[], Sequence[str]] = _takes_nothing_over
    settle: Callable[[], int] | None = None
    clock: Callable[[], datetime] = _real_time
    step_done: Callable[[str], None] = _unheard


def switch(
    connection: Connection,
    migration_id: int,
    channel: str,
    by: str,
    now: datetime,
    *,
    deps: SwitchDeps,
    forced_reason: str = "",
) -> Switch:
    """Switch a channel to AuraConnect, or go on with a switch of it that stopped; answers it done.

    ``connection``: of its own, autocommit. ``now``: business time at the call (aware); it goes on with the real clock.
    Raises Refused naming the gate, the number and the remedy; VerdictFailed where orders are missing after the switch.
    """
    return _run(connection, migration_id, channel, "forward", by, now, deps, forced_reason)


def turn_back(
    connection: Connection,
    migration_id: int,
    channel: str,
    by: str,
    now: datetime,
    *,
    deps: SwitchDeps,
    only_in: str = "",
) -> Switch:
    """Give one channel back to the old POS: the same steps the other way; ``reversing.reverse`` does all in order.

    ``only_in``: the phase the window has to be in when it begins, for who would go on after an abort otherwise.
    """
    return _run(connection, migration_id, channel, "back", by, now, deps, "", only_in)


def _run(
    connection: Connection,
    migration_id: int,
    channel: str,
    direction: Direction,
    by: str,
    now: datetime,
    deps: SwitchDeps,
    forced_reason: str,
    only_in: str = "",
) -> Switch:
    with lease(connection, migration_id):
        found = open_switch(connection, migration_id)
        if found is not None and (found.channel, found.direction) != (channel, direction):
            raise Refused(
                f"A switch of {found.channel} {found.direction} stands at {found.step} since "
                f"{found.asked_at.isoformat(timespec='seconds')}; the process that began it is gone.",
                f"Ask for {found.channel} again to go on with it, or `aura-migration cutover abort {migration_id}`.",
                switch_id=found.id,
            )
        run = _Run(connection, deps, by, now, deps.clock())
        return run.to_end(found or run.ask(migration_id, channel, direction, forced_reason, only_in))


@dataclass
class _Run:
    """One process's work on a switch."""

    connection: Connection
    deps: SwitchDeps
    by: str
    now: datetime
    began: datetime

    def business_now(self) -> datetime:
        """Business time goes on from the instant of the call as the real clock does."""
        return self.now + max(self.deps.clock() - self.began, timedelta(0))

    def ask(self, migration_id: int, channel: str, direction: Direction, forced_reason: str, only_in: str) -> Switch:
        with self.connection.transaction():
            place = find_place(self.connection, migration_id, lock=True)
            require_open(place)
            if only_in and place.phase != only_in:
                raise Refused(
                    f"The window of migration {migration_id} is {place.phase}, not {only_in} any more.",
                    "Somebody gave it up meanwhile; ask again if it is still wanted.",
                    phase=place.phase,
                )
            if direction == "forward" and place.phase == "reversing":
                raise Refused(
                    f"The window of migration {migration_id} is being given back to the old POS.",
                    "`reverse` goes on with that, `abort` gives it up; then a channel may be switched again.",
                    phase=place.phase,
                )
            channels.require_turn(self.connection, place, channel, direction)
            accepts = channels.who_accepts(self.connection, place.location_key, place.location_id, channel)
            if direction == "forward" and accepts == "auraconnect":
                raise Refused(
                    f"AuraConnect accepts {channel} at {place.location_key} although the POS owns it: something was left behind.",
                    "Close the channel in aura.channel_status once nobody takes orders there.",
                    channel=channel,
                )
            row = self.connection.execute(
                "INSERT INTO migration.switches (migration_id, channel, direction, asked_by, forced_reason, evidence) "
                "VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
                [migration_id, channel, direction, self.by, forced_reason, Jsonb({"phase_before": place.phase})],
            ).fetchone()
            assert row is not None
            note_step(self.connection, row[0], "asked", {"by": self.by, "forced_reason": forced_reason})
            if direction == "forward":
                move(self.connection, migration_id, "switching", self.by, f"switching {channel}")
            found = get_switch(self.connection, row[0])
        self.deps.step_done("asked")
        return found

    def to_end(self, found: Switch) -> Switch:
        place = find_place(self.connection, found.migration_id)
        try:
            for name in STEPS[STEPS.index(found.step) + 1 :]:
                found = self._step(place, found, name)
                self.deps.step_done(name)
        except AuraError as error:
            if get_switch(self.connection, found.id).resumed_at is None:
                abort_switch(self.connection, found.id, self.by, error.what, self.business_now())
            raise
        return found

    def _step(self, place: Place, before: Switch, name: str) -> Switch:
        """Ask others first, outside of any transaction; then do the step and write it down, in one."""
        self._require_in_time(place, before)
        told = getattr(self, f"_before_{name}", _told_nothing)(place, before)
        limit = place.policy.switch.pause_seconds
        with self._transaction(place, limit):
            held = get_switch(self.connection, before.id, lock=True)
            if held.state != "open" or held.step != before.step:
                said = held.evidence.get("aborted", {})
                raise Refused(
                    f"The switch of {held.channel} is {held.state} at {held.step}: {said.get('reason', 'another process went on')}.",
                    "`window show` shows where it stands.",
                    switch_id=held.id,
                )
            detail = getattr(self, f"_do_{name}")(place, held, told)
            self._require_in_time(place, held)  # it may have waited for what others hold: then nothing of it stays
            self.connection.execute("UPDATE migration.switches SET step = %s WHERE id = %s", [name, held.id])
            note_step(self.connection, held.id, name, detail)
            return get_switch(self.connection, held.id)

    # gates_held

    def _before_gates_held(self, place: Place, found: Switch) -> dict[str, Any]:
        # The POS is read before the gates are asked how fresh it is.
        backlog = self._require_nothing_waits(place, found)
        if found.direction == "forward":
            # Refused before anything pauses, where the policy names categories that there are not.
            features.category_ids(self.connection, place.location_id, self._menu_to_begin_with(place, found))
            gates_hash = self.deps.gates(found.channel)
        else:
            gates_hash = back_hash(self.connection, found.migration_id, found.channel)
        objection = self.deps.veto()
        if objection:
            raise Refused(f"The switch of {found.channel} was vetoed: {objection}", "Settle it with whoever objects.")
        return {"gates_hash": gates_hash, "backlog": backlog}

    def _do_gates_held(self, place: Place, found: Switch, told: dict[str, Any]) -> dict[str, Any]:
        people = place.policy.gates.people
        return {**told, "signed_by": consume_signatures(self.connection, found, told["gates_hash"], people)}

    # paused

    def _do_paused(self, place: Place, found: Switch, told: dict[str, Any]) -> dict[str, Any]:
        at = self.deps.clock()
        before = channels.set_status(self.connection, place.location_id, found.channel, False, PAUSED_MESSAGE)
        self.connection.execute(
            "UPDATE migration.switches SET paused_at = %s, evidence = evidence || %s WHERE id = %s",
            [at, Jsonb({"status_before": before}), found.id],
        )
        return {"at": at.isoformat(), "limit_seconds": place.policy.switch.pause_seconds}

    # drained

    def _before_drained(self, place: Place, found: Switch) -> dict[str, Any]:
        return {"backlog": self._require_nothing_waits(place, found)}

    def _do_drained(self, place: Place, found: Switch, told: dict[str, Any]) -> dict[str, Any]:
        return told

    # numbered

    def _do_numbered(self, place: Place, found: Switch, told: dict[str, Any]) -> dict[str, Any]:
        if found.channel not in channels.OF_ORDERS:
            return {}
        if found.direction == "back":
            return {"last_given": numbers.last_given(self.connection, place.location_id)}
        others = set(channels.OF_ORDERS) - {found.channel} - set(held_channels(self.connection, place.location_key))
        done = numbers.raise_numbers(self.connection, place.location_id, pos_goes_on=bool(others)).as_dict()
        self._remember(found, {"numbers": done})
        return done

    # owned

    def _do_owned(self, place: Place, found: Switch, told: dict[str, Any]) -> dict[str, Any]:
        row = self.connection.execute(
            "SELECT greatest(%s::timestamptz, (SELECT max(from_at) + interval '1 microsecond' FROM migration.channel_ownership "
            "WHERE location_key = %s AND channel = %s))",
            [self.business_now(), place.location_key, found.channel],
        ).fetchone()
        assert row is not None
        book: Book = "auraconnect" if found.direction == "forward" else "pos"
        set_owner(
            self.connection,
            place.location_key,
            found.channel,
            book,
            row[0],
            place.migration_id,
            self.by,
            found.forced_reason or f"switched {found.direction}",
            found.id,
        )
        # The oldest transaction that is still under way: what it or a later one writes happened in AuraConnect since.
        self.connection.execute(
            "UPDATE migration.switches SET effective_at = %s, evidence = evidence || jsonb_build_object('xid', "
            "pg_snapshot_xmin(pg_current_snapshot())::text::bigint) WHERE id = %s",
            [row[0], found.id],
        )
        return {"book": book, "from_at": row[0].isoformat()}

    # opened

    def _do_opened(self, place: Place, found: Switch, told: dict[str, Any]) -> dict[str, Any]:
        forward = found.direction == "forward"
        message = "" if forward else "This channel is with the old POS again."
        channels.set_status(self.connection, place.location_id, found.channel, forward, message)
        limits_before = features.limits_of(self.connection, place.location_id)
        wanted = self._menu_to_begin_with(place, found)
        more = [features.FULL_MENU] if not wanted and self._is_outermost(place, found) else []
        before = features.set_channel_features(
            self.connection, place.location_id, found.channel, forward, self.by, more
        )
        limited = features.limit_menu(self.connection, place.location_id, wanted) if wanted else []
        if more and not forward:
            features.lift_limits(self.connection, place.location_id)
        at = self.deps.clock()
        assert found.paused_at is not None
        paused = (at - found.paused_at).total_seconds()
        self.connection.execute("UPDATE migration.switches SET resumed_at = %s WHERE id = %s", [at, found.id])
        self._remember(found, {"features_before": before, "limits_before": limits_before, "pause_seconds": paused})
        return {
            "pause_seconds": paused,
            "features": sorted(before),
            **({"limited_menu": limited} if limited else {}),
        }

    def _menu_to_begin_with(self, place: Place, found: Switch) -> tuple[str, ...]:
        """The categories that this switch limits the menu to: none, unless it opens the first channel of orders."""
        wanted = place.policy.switch.limited_menu
        if found.direction == "back" or not wanted or not self._is_outermost(place, found):
            return ()
        return () if features.features_of(self.connection, place.location_id)[features.FULL_MENU] else wanted

    def _is_outermost(self, place: Place, found: Switch) -> bool:
        """Whether AuraConnect has no other channel of orders: the first one forward, the last one back."""
        others = set(held_channels(self.connection, place.location_key)) & set(channels.OF_ORDERS) - {found.channel}
        return found.channel in channels.OF_ORDERS and not others

    # rechecked

    def _before_rechecked(self, place: Place, found: Switch) -> dict[str, Any]:
        if found.channel == "time_clock":
            return {}
        if found.direction == "back":
            return {"waiting": self._settled(place, found)}
        # What reached the POS in the last seconds before the switch came after the last reading.
        left = self.deps.drain()
        orders = place.policy.switch.recheck_orders
        problems = list(self.deps.recheck(orders))
        if problems:
            raise VerdictFailed(
                f"{len(problems)} of the last {orders} orders are not in AuraConnect as the POS has them: "
                f"{'; '.join(problems[:SHOWN])}",
                "AuraConnect takes orders already. Correct what is named and switch again to go on, or abort.",
                problems=len(problems),
            )
        taken = sorted(self.deps.redeem()) if found.channel == "in_house" else []
        return {"orders": orders, "problems": 0, "backlog": left, "redeemed_here": taken}

    def _do_rechecked(self, place: Place, found: Switch, told: dict[str, Any]) -> dict[str, Any]:
        return told

    # done

    def _do_done(self, place: Place, found: Switch, told: dict[str, Any]) -> dict[str, Any]:
        self.connection.execute(
            "UPDATE migration.switches SET state = 'done', ended_at = clock_timestamp() WHERE id = %s", [found.id]
        )
        if found.evidence.get("phase_before") != "reversing":
            rest = resting_phase(self.connection, place)
            move(self.connection, place.migration_id, rest, self.by, f"{found.channel} switched {found.direction}")
        return {"effective_at": found.effective_at.isoformat() if found.effective_at else None}

    # What steps have in common

    @contextmanager
    def _transaction(self, place: Place, limit: int) -> Iterator[None]:
        """A step's transaction. An order that is being written holds its channel: waited for no longer than a pause may last."""
        try:
            with self.connection.transaction():
                self.connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{limit}s"])
                find_place(self.connection, place.migration_id, lock=True)
                yield
        except psycopg.errors.LockNotAvailable as error:
            raise Refused(
                f"Something has been being written at {place.location_key} for {limit} s.",
                "Look for a till that hangs with an order half written, then switch again.",
            ) from error

    def _require_nothing_waits(self, place: Place, found: Switch) -> int:
        limit = place.policy.gates.max_backlog
        if found.direction == "back":
            left = self._settled(place, found)
            if left:
                raise Refused(
                    f"{left} of what happened in AuraConnect is not with the old POS or in its files yet.",
                    "`aura-migration cutover entries` lists it; settle it, then reverse.",
                    waiting=left,
                )
            return 0
        left = self._in_pause(place, found, self.deps.drain)
        if left > limit:
            raise Refused(
                f"Backlog: {left} changes of the POS are not in AuraConnect yet; {limit} may wait.",
                "Approve and run what waits (`window show` lists it), then switch.",
                backlog=left,
            )
        return left

    def _settled(self, place: Place, found: Switch) -> int:
        note_entries(self.connection, place.migration_id)
        if self.deps.settle is not None:
            self._in_pause(place, found, self.deps.settle)
        return waiting(self.connection, place.migration_id)

    def _in_pause(self, place: Place, found: Switch, work: Callable[[], int]) -> int:
        """Do it here before the pause; within it no longer than the pause may last."""
        if not found.is_paused or found.paused_at is None:
            return work()
        limit = place.policy.switch.pause_seconds
        left = (found.paused_at + timedelta(seconds=limit) - self.deps.clock()).total_seconds()
        done: list[int] = []
        failed: list[BaseException] = []

        def attempt() -> None:
            try:
                done.append(work())
            except BaseException as error:
                failed.append(error)

        # What hangs is left behind: readings and entries are safe to end later, or never.
        thread = threading.Thread(target=attempt, name="aura-switch-drain", daemon=True)
        thread.start()
        thread.join(max(left, 0))
        if failed:
            raise failed[0]
        if not done:
            raise _too_long(found, limit, (self.deps.clock() - found.paused_at).total_seconds())
        return done[0]

    def _require_in_time(self, place: Place, found: Switch) -> None:
        clock = self.deps.clock()
        limit = place.policy.switch.pause_seconds
        if is_overdue(found, limit, clock) and found.paused_at is not None:
            raise _too_long(found, limit, (clock - found.paused_at).total_seconds())

    def _remember(self, found: Switch, facts: dict[str, Any]) -> None:
        self.connection.execute(
            "UPDATE migration.switches SET evidence = evidence || %s WHERE id = %s", [Jsonb(facts), found.id]
        )


def _told_nothing(place: Place, found: Switch) -> dict[str, Any]:
    return {}


def _too_long(found: Switch, limit: int, seconds: float) -> Refused:
    return Refused(
        f"Nobody could take {found.channel} orders for {seconds:.0f} s; {limit} s are allowed.",
        "It was aborted by itself and everything is as before. Read the POS once more and switch when less is left to read.",
        pause_seconds=seconds,
    )
