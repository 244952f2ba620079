"""Where the state of the limits is kept: in PostgreSQL, shared by all processes, or in memory, for one.

The PostgreSQL ledger uses one connection of its own and the database's clock, so that machines with differing clocks
agree. Commits are not waited for (``synchronous_commit = off``): after a crash of the server a second of counting
may be lost, which the POS's own 429 would heal. The arithmetic is in ``allowance``.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database.connections import CONNECT_TIMEOUT, lock_key, unreachable
from aura_migration.pos.http import allowance
from aura_migration.pos.http.allowance import Answer, Ask, BucketState, Lease

LEASE_SECONDS = 15.0
TURN_SECONDS = 1.0
RECONNECT_ATTEMPTS = 6
EXCLUSIVE_TIMEOUT = 300.0

T = TypeVar("T")


class Ledger(Protocol):
    """Keeps the states; each method is one atomic step for all who share it."""

    shared: bool
    """Whether other processes may hold slots of the same limits."""

    async def reserve(self, asks: Sequence[Ask]) -> Answer:
        """Permits for all asks or for none."""
        ...

    async def penalise(self, key: str, seconds: float) -> None:
        """Nobody gets a permit of that key for that long."""
        ...

    async def settle(self, key: str, capacity: int, in_use: int, want: int) -> int:
        """Renew my lease on in-flight slots; returns how many requests I may have in flight."""
        ...

    async def leave(self, key: str) -> None:
        """Hand all my slots of that key back."""
        ...

    def exclusive(self, name: str) -> AbstractAsyncContextManager[None]:
        """One holder of that name at a time; a holder that dies lets go."""
        ...

    async def aclose(self) -> None:
        """Hand back everything and release what was opened."""
        ...


class MemoryLedger:
    """For one event loop without a database: previews of credentials, tools, tests."""

    shared = False

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, BucketState] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def reserve(self, asks: Sequence[Ask]) -> Answer:
        """See :class:`Ledger`."""
        states = {ask.key: self._states.setdefault(ask.key, BucketState()) for ask in asks}
        return allowance.reserve(states, asks, self._clock())

    async def penalise(self, key: str, seconds: float) -> None:
        """See :class:`Ledger`."""
        state = self._states.setdefault(key, BucketState())
        state.blocked_until = max(state.blocked_until, self._clock() + seconds)

    async def settle(self, key: str, capacity: int, in_use: int, want: int) -> int:
        """See :class:`Ledger`; with nobody to share with, all slots are ours."""
        return capacity

    async def leave(self, key: str) -> None:
        """See :class:`Ledger`."""

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """See :class:`Ledger`."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            yield

    async def aclose(self) -> None:
        """See :class:`Ledger`; nothing is open."""


class PostgresLedger:
    """The ledger of all processes, in ``migration.rate_buckets`` and ``migration.rate_leases``.

    ``url`` is a ``postgresql://`` URL. The connection is opened on first use and again when it broke; a database that
    stays away raises EnvironmentFault.
    """

    shared = True

    def __init__(
        self,
        url: str,
        *,
        lease_seconds: float = LEASE_SECONDS,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self._url = url
        self._lease_seconds = lease_seconds
        self._turn_seconds = turn_seconds
        self._holder = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._mutex = asyncio.Lock()
        self._known: set[str] = set()
        self._leased: set[str] = set()

    async def reserve(self, asks: Sequence[Ask]) -> Answer:
        """See :class:`Ledger`. Two round trips, whatever the number of asks."""

        async def step(connection: psycopg.AsyncConnection[Any]) -> Answer:
            states, now = await self._locked(connection, sorted(ask.key for ask in asks))
            answer = allowance.reserve(states, asks, now)
            if answer.blocks or any(ask.returned for ask in asks):
                await connection.cursor().executemany(
                    "update migration.rate_buckets set slice_number = %s, used = %s, grants = %s,"
                    " updated_at = clock_timestamp() where bucket_key = %s",
                    [(state.slice_number, state.used, Jsonb(state.grants), key) for key, state in states.items()],
                )
            return answer

        return await self._transaction(step)

    async def penalise(self, key: str, seconds: float) -> None:
        """See :class:`Ledger`."""

        async def step(connection: psycopg.AsyncConnection[Any]) -> None:
            await connection.execute(
                "insert into migration.rate_buckets as b (bucket_key, blocked_until)"
                " values (%s, clock_timestamp() + make_interval(secs => %s)) on conflict (bucket_key) do update"
                " set blocked_until = greatest(b.blocked_until, excluded.blocked_until),"
                " updated_at = clock_timestamp()",
                (key, seconds),
            )

        await self._transaction(step)

    async def settle(self, key: str, capacity: int, in_use: int, want: int) -> int:
        """See :class:`Ledger`."""

        async def step(connection: psycopg.AsyncConnection[Any]) -> int:
            _, now = await self._locked(connection, [key])
            rows = await (
                await connection.execute(
                    "select holder, slots, wanted, extract(epoch from granted_at)::float8,"
                    " extract(epoch from waiting_since)::float8, extract(epoch from expires_at)::float8"
                    " from migration.rate_leases where bucket_key = %s",
                    (key,),
                )
            ).fetchall()
            leases = [Lease(*row) for row in rows]
            mine = next((lease for lease in leases if lease.holder == self._holder), None)
            others = [lease for lease in leases if lease.holder != self._holder]
            lease, allowed = allowance.settle(
                capacity,
                others,
                mine,
                self._holder,
                in_use,
                want,
                now,
                self._lease_seconds,
                self._turn_seconds,
            )
            await connection.execute(
                "delete from migration.rate_leases where bucket_key = %s and expires_at <= to_timestamp(%s)",
                (key, now),
            )
            await connection.execute(
                "insert into migration.rate_leases"
                " (bucket_key, holder, slots, wanted, granted_at, waiting_since, expires_at)"
                " values (%s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s), to_timestamp(%s))"
                " on conflict (bucket_key, holder) do update set slots = excluded.slots, wanted = excluded.wanted,"
                " granted_at = excluded.granted_at, waiting_since = excluded.waiting_since,"
                " expires_at = excluded.expires_at",
                (
                    key,
                    self._holder,
                    lease.slots,
                    lease.wanted,
                    lease.granted_at,
                    lease.waiting_since,
                    lease.expires_at,
                ),
            )
            return allowed

        self._leased.add(key)
        return await self._transaction(step)

    async def leave(self, key: str) -> None:
        """See :class:`Ledger`."""

        async def step(connection: psycopg.AsyncConnection[Any]) -> None:
            await connection.execute(
                "delete from migration.rate_leases where bucket_key = %s and holder = %s",
                (key, self._holder),
            )

        await self._transaction(step)
        self._leased.discard(key)

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """See :class:`Ledger`: a session advisory lock on its own connection; a dead session's is freed."""
        connection = await self._connect()
        try:
            await connection.execute(
                "select set_config('lock_timeout', %s, false)",
                (f"{int(EXCLUSIVE_TIMEOUT)}s",),
            )
            try:
                await connection.execute("select pg_advisory_lock(%s)", (lock_key(name),))
            except psycopg.errors.LockNotAvailable as error:
                raise EnvironmentFault(
                    f"Another process has held {name!r} for more than {EXCLUSIVE_TIMEOUT:.0f} seconds.",
                    "Look for a hung run (select * from pg_locks where locktype = 'advisory') and end it.",
                ) from error
            yield
        finally:
            await connection.close()

    async def aclose(self) -> None:
        """See :class:`Ledger`. Slots that cannot be handed back lapse by themselves."""
        if self._connection is None or self._connection.closed:
            return
        try:
            for key in list(self._leased):
                await self.leave(key)
        finally:
            await self._connection.close()
            self._connection = None

    async def _locked(
        self, connection: psycopg.AsyncConnection[Any], keys: list[str]
    ) -> tuple[dict[str, BucketState], float]:
        """The rows of the keys, locked in one order for everybody, and the database's time after they were."""
        unknown = [key for key in keys if key not in self._known]
        if unknown:
            await connection.execute(
                "insert into migration.rate_buckets (bucket_key) select unnest(%s::text[]) on conflict do nothing",
                (sorted(unknown),),
            )
            self._known.update(unknown)
        async with connection.pipeline():
            rows = await connection.execute(
                "select bucket_key, slice_number, used, grants, extract(epoch from blocked_until)::float8"
                " from migration.rate_buckets where bucket_key = any(%s::text[]) order by bucket_key for update",
                (keys,),
            )
            clock = await connection.execute("select extract(epoch from clock_timestamp())::float8")
            found = await rows.fetchall()
            moment = await clock.fetchone()
        states = {
            key: BucketState(number, used, [(at, count) for at, count in grants], blocked)
            for key, number, used, grants, blocked in found
        }
        if len(states) < len(keys):  # someone emptied the table under us
            self._known.clear()
            return await self._locked(connection, keys)
        return states, float(moment[0]) if moment else math.nan

    async def _transaction(self, step: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        """Run one step; a connection that broke (the server was restarted) is made anew and the step repeated."""
        async with self._mutex:
            for attempt in range(RECONNECT_ATTEMPTS):
                if self._connection is None or self._connection.closed:
                    self._connection = await self._connect()
                try:
                    async with self._connection.transaction():
                        await self._connection.execute("set local synchronous_commit = off")
                        return await step(self._connection)
                except psycopg.errors.UndefinedTable as error:
                    raise EnvironmentFault(
                        "The tables of the shared limits are missing in the database.",
                        "Run `aura-migration db upgrade`.",
                    ) from error
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    await self._connection.close()
                    self._connection = None
                    if attempt + 1 == RECONNECT_ATTEMPTS:
                        raise unreachable(self._url, error) from error
                    await _pause(0.1 * 2**attempt)
            raise AssertionError("unreachable: the last attempt raises")

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        for attempt in range(RECONNECT_ATTEMPTS):
            try:
                return await psycopg.AsyncConnection.connect(
                    self._url,
                    autocommit=True,
                    application_name="aura-migration limits",
                    connect_timeout=CONNECT_TIMEOUT,
                )
            except psycopg.OperationalError as error:
                if attempt + 1 == RECONNECT_ATTEMPTS:
                    raise unreachable(self._url, error) from error
                await _pause(0.2 * 2**attempt)
        raise AssertionError("unreachable: the last attempt raises")


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
