"""Limits: the arithmetic for every order of events, one process in memory, several processes on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura_migration.core.errors import EnvironmentFault
from aura_migration.pos.http import allowance, limits
from aura_migration.pos.http.allowance import Ask, BucketState, Lease, reserve, settle
from aura_migration.pos.http.ledger import PostgresLedger
from aura_migration.pos.http.limits import KEEPER_SECONDS, Buckets, Claim, Limit, LimitPolicy, fingerprint
from aura_migration_tests.pos.http.pos_server import FakeTime, PosServer, Reply, Request

WORKER = "aura_migration_tests.pos.http.limits_worker"
PROJECT = Path(__file__).parents[3]


def most_in_any(times: list[float], span: float) -> int:
    """The largest number of instants within any span of that length (its end excluded)."""
    ordered = sorted(times)
    most = first = 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= span - 1e-9:
            first += 1
        most = max(most, last - first + 1)
    return most


# the arithmetic


@given(
    capacity=st.integers(1, 30),
    per=st.sampled_from([0.5, 1.0, 7.0, 900.0]),
    want=st.integers(1, 12),
    steps=st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 1), st.booleans()), max_size=80),
)
def test_a_rolling_limit_holds_in_every_window_however_blocks_are_used(
    capacity: int, per: float, want: int, steps: list[tuple[float, float, bool]]
) -> None:
    """Each permit is used at the worst moment its block allows; unused ones may be given back."""
    states = {"k": BucketState()}
    hold = per / 10 if want > 1 else 0.0
    now, used = 1_000.0, list[float]()
    returned: tuple[tuple[float, int], ...] = ()
    for pause, moment, give_back in steps:
        now += pause * per
        answer = reserve(states, [Ask("k", capacity, per, True, want, hold, returned)], now)
        returned = ()
        if not answer.blocks:
            assert answer.wait > 0
            continue
        block = answer.blocks["k"]
        keep = block.permits // 2 if give_back else block.permits
        used += [now + moment * block.valid_for] * keep
        if keep < block.permits:
            returned = ((block.stamp, block.permits - keep),)
    assert most_in_any(used, per) <= capacity


@given(
    capacity=st.integers(1, 20),
    per=st.sampled_from([1.0, 900.0]),
    want=st.integers(1, 12),
    pauses=st.lists(st.floats(0, 0.6), max_size=60),
)
def test_a_slice_is_never_overdrawn_and_starts_full(capacity: int, per: float, want: int, pauses: list[float]) -> None:
    states = {"k": BucketState()}
    now = 5_000.0
    by_slice: dict[int, int] = defaultdict(int)
    for pause in pauses:
        now += pause * per
        answer = reserve(states, [Ask("k", capacity, per, False, want, 1.0)], now)
        if answer.blocks:
            block = answer.blocks["k"]
            assert int((now + block.valid_for - 1e-6) // per) == int(now // per), "usable in the next slice"
            by_slice[int(now // per)] += block.permits
        else:
            assert by_slice[int(now // per)] == capacity
            assert now + answer.wait == pytest.approx((now // per + 1) * per, abs=0.01)
    assert all(count <= capacity for count in by_slice.values())


def test_all_limits_of_a_request_are_granted_or_none_is() -> None:
    states = {"wide": BucketState(), "narrow": BucketState()}
    narrow = Ask("narrow", 1, 10, True, 1, 0)
    wide = Ask("wide", 100, 10, True, 5, 0)
    assert set(reserve(states, [wide, narrow], 100.0).blocks) == {"wide", "narrow"}
    refused = reserve(states, [wide, narrow], 101.0)
    assert not refused.blocks
    assert refused.wait == pytest.approx(9.2, abs=0.3)
    assert sum(count for _, count in states["wide"].grants) == 5


def test_a_waiter_that_waited_as_told_is_served() -> None:
    states = {"k": BucketState()}
    ask = Ask("k", 3, 1.0, True, 1, 0)
    now = 50.0
    for _ in range(3):
        assert reserve(states, [ask], now).blocks
    wait = reserve(states, [ask], now).wait
    assert 0.9 < wait < 1.1
    assert reserve(states, [ask], now + wait).blocks


def test_a_clock_set_back_does_not_hand_out_a_slice_twice() -> None:
    states = {"k": BucketState()}
    ask = Ask("k", 2, 1.0, False, 2, 1.0)
    assert reserve(states, [ask], 100.5).blocks["k"].permits == 2
    assert not reserve(states, [ask], 99.9).blocks


def test_the_state_of_a_long_window_stays_small() -> None:
    states = {"k": BucketState()}
    for second in range(3_000):
        reserve(states, [Ask("k", 10_000, 900.0, True, 10, 1.0)], 1_000.0 + second * 0.7)
    assert len(states["k"].grants) <= allowance.QUANTA + 2


# in-flight slots


def lease(holder: str, slots: int, wanted: int, *, at: float = 0.0, waiting: float | None = None) -> Lease:
    return Lease(holder, slots, wanted, at, waiting, expires_at=1_000.0)


def test_alone_a_process_may_have_all_slots() -> None:
    _, allowed = settle(5, [], None, "me", 0, 9, now=10, ttl=15, turn=1)
    assert allowed == 5


def test_slots_of_a_dead_process_are_free_again() -> None:
    dead = Lease("dead", 5, 5, 0.0, None, expires_at=9.0)
    assert settle(5, [dead], None, "me", 0, 5, now=10, ttl=15, turn=1)[1] == 5
    assert settle(5, [dead], None, "me", 0, 5, now=8, ttl=15, turn=1)[1] == 0


def test_a_process_hands_back_what_is_more_than_its_share_when_another_wants_some() -> None:
    waiting = lease("other", 0, 5, waiting=9.0)
    mine, allowed = settle(5, [waiting], lease("me", 5, 5, at=9.5), "me", 5, 5, now=10, ttl=15, turn=1)
    assert (mine.slots, allowed) == (5, 3), "requests on air are never taken back"
    mine, allowed = settle(5, [waiting], mine, "me", 3, 5, now=10.1, ttl=15, turn=1)
    assert (mine.slots, allowed) == (3, 3)
    mine, allowed = settle(5, [lease("me", 3, 5)], waiting, "other", 0, 5, now=10.2, ttl=15, turn=1)
    assert (mine.slots, allowed, mine.waiting_since) == (2, 2, None)


def test_the_longest_waiting_is_served_first() -> None:
    others = [lease("busy", 1, 1), lease("early", 0, 1, waiting=5.0)]
    assert settle(2, others, lease("late", 0, 1, waiting=8.0), "late", 0, 1, now=10, ttl=15, turn=1)[1] == 0
    others = [lease("busy", 1, 1), lease("late", 0, 1, waiting=8.0)]
    assert settle(2, others, lease("early", 0, 1, waiting=5.0), "early", 0, 1, now=10, ttl=15, turn=1)[1] == 1


@given(
    capacity=st.integers(1, 6),
    holders=st.integers(1, 9),
    moves=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.floats(0, 2)), max_size=120),
)
def test_slots_in_use_never_exceed_the_limit_and_nobody_starves(
    capacity: int, holders: int, moves: list[tuple[int, int, float]]
) -> None:
    leases: dict[str, Lease] = {}
    in_use: dict[str, int] = defaultdict(int)
    allowed: dict[str, int] = defaultdict(int)
    served: set[str] = set()
    now = 0.0

    def move(who: str, finished: int) -> None:
        in_use[who] -= min(in_use[who], finished)
        others = [other for holder, other in leases.items() if holder != who]
        leases[who], allowed[who] = settle(
            capacity, others, leases.get(who), who, in_use[who], min(capacity, in_use[who] + 3), now, ttl=1e9, turn=1
        )
        while in_use[who] < allowed[who]:
            in_use[who] += 1
            served.add(who)
        assert sum(in_use.values()) <= capacity

    for number, finished, pause in moves:
        now += pause
        move(f"p{number % holders}", finished)
    served.clear()
    for _ in range(4 * holders):
        now += 1.5
        for number in range(holders):
            move(f"p{number}", 6)
    assert served == {f"p{number}" for number in range(holders)}


# one process


def test_a_policy_fills_its_keys_and_picks_by_path() -> None:
    policy = LimitPolicy(
        (
            Limit("app", "clover:{app}", 50),
            Limit("menus", "toast:{app}:{scope}:menus", 1, paths=r"^GET /menus/v2/menus$"),
        )
    ).named(app="A1")
    assert [claim.key for claim in policy.claims("get", "/menus/v2/menus", "R7")] == ["clover:A1", "toast:A1:R7:menus"]
    assert [claim.key for claim in policy.claims("GET", "/menus/v2/metadata", "R7")] == ["clover:A1"]
    with pytest.raises(KeyError):
        LimitPolicy((Limit("app", "clover:{app}", 50),)).claims("GET", "/")


def test_a_limit_that_limits_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="limits nothing"):
        Limit("none", "k")


def test_a_fingerprint_does_not_show_the_token() -> None:
    assert len(fingerprint("token-1")) == 16
    assert fingerprint("token-1") != fingerprint("token-2")


@pytest.mark.parametrize("rolling", [True, False])
def test_a_reached_limit_makes_the_caller_wait(rolling: bool) -> None:
    clock = FakeTime()
    claims = [Claim("k", Limit("k", "k", capacity=20, per_seconds=1.0, rolling=rolling))]
    times: list[float] = []

    async def test() -> None:
        async with Buckets.in_memory(clock=clock, sleep=clock.sleep, rng=random.Random(3)) as buckets:

            async def one() -> None:
                async with buckets.admit(claims):
                    times.append(clock.now)

            await asyncio.gather(*(one() for _ in range(100)))

    asyncio.run(test())
    assert len(times) == 100
    if rolling:
        assert most_in_any(times, 1.0) <= 20
    else:
        by_slice: dict[int, int] = defaultdict(int)
        for moment in times:
            by_slice[int(moment)] += 1
        assert max(by_slice.values()) == 20
    assert 4.0 <= max(times) - min(times) <= 6.0, "a limit is kept, but also used"


def test_high_limits_are_not_asked_for_at_each_request() -> None:
    clock = FakeTime()
    claims = [Claim("k", Limit("k", "k", capacity=10_000, per_seconds=900.0))]

    async def test() -> int:
        async with Buckets.in_memory(clock=clock, sleep=clock.sleep) as buckets:
            for _ in range(1_000):
                async with buckets.admit(claims):
                    clock.now += 0.001
            return buckets.asked

    assert asyncio.run(test()) <= 10


def test_concurrency_is_kept_in_order_of_arrival_and_freed_on_failure() -> None:
    claims = [Claim("k", Limit("k", "k", concurrency=2))]
    order: list[int] = []
    inside = 0

    async def test() -> None:
        async with Buckets.in_memory() as buckets:

            async def one(number: int) -> None:
                nonlocal inside
                async with buckets.admit(claims):
                    inside += 1
                    assert inside <= 2
                    order.append(number)
                    await asyncio.sleep(0.001)
                    inside -= 1
                    if number % 3 == 0:
                        raise RuntimeError("the request failed")

            await asyncio.wait_for(asyncio.gather(*(one(n) for n in range(12)), return_exceptions=True), 60)

    asyncio.run(test())
    assert order == list(range(12))


def test_a_cancelled_waiter_leaves_nothing_behind() -> None:
    claims = [Claim("k", Limit("k", "k", concurrency=1))]

    async def test() -> None:
        async with Buckets.in_memory() as buckets:

            async def hold(gate: asyncio.Event) -> None:
                async with buckets.admit(claims):
                    await gate.wait()

            gate = asyncio.Event()
            first = asyncio.create_task(hold(gate))
            second = asyncio.create_task(hold(gate))
            third = asyncio.create_task(hold(gate))
            await asyncio.sleep(0.01)
            second.cancel()
            gate.set()
            await asyncio.wait_for(asyncio.gather(first, third), 60)
            assert second.cancelled() or (await asyncio.gather(second, return_exceptions=True))

    asyncio.run(test())


# several processes


async def race(
    database: str, policy: dict[str, Any], *, processes: int, requests: int, tasks: int, work: float = 0.0
) -> Any:
    """Start processes that ask one server at once; returns instants of arrival, the server, what each process says.

    The first instant is when they were told to begin.
    """
    arrivals: list[float] = []

    def handler(_: Request) -> Reply:
        arrivals.append(time.time())
        return Reply(delay=work)

    async with PosServer(handler) as server:
        arguments = ["-m", WORKER, database, server.url, str(requests), str(tasks), json.dumps(policy)]
        pipe = asyncio.subprocess.PIPE
        children = [
            await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe, cwd=PROJECT)
            for _ in range(processes)
        ]
        for child in children:
            assert child.stdout is not None
            assert await child.stdout.readline() == b"ready\n"
        began = time.time()
        answers = await asyncio.gather(*(child.communicate(b"go\n") for child in children))
        return [began, *arrivals], server, [json.loads(out) for out, _ in answers]


@pytest.mark.parametrize(("rolling", "at_least"), [(True, 1.7), (False, 1.25)])
def test_two_processes_together_keep_a_rate(database: str, rolling: bool, at_least: float) -> None:
    """200 requests at 40 per half second: each half alone would need some 1.1 s (in slices: no more than 1 s).

    Judged by the whole span, as single arrivals bunch on a busy machine; that every window holds is proven above.
    """
    policy = {"name": "token", "key": "pos:token", "capacity": 40, "per_seconds": 0.5, "rolling": rolling}
    arrivals, _, said = asyncio.run(race(database, policy, processes=2, requests=100, tasks=20))
    assert len(arrivals) == 1 + 200
    assert [len(one["times"]) for one in said] == [100, 100]
    assert max(arrivals) - min(arrivals) >= at_least
    assert sum(one["asked"] for one in said) < 200, "permits come in blocks"


def test_two_processes_together_keep_the_slots_and_both_get_some(database: str) -> None:
    """Whoever came first may hold all slots; it looks every `KEEPER_SECONDS` whether others wait, and alone needs twice that."""
    policy = {"name": "token", "key": "pos:token", "concurrency": 4}
    work = 2 * KEEPER_SECONDS * 4 / 80
    arrivals, server, said = asyncio.run(race(database, policy, processes=2, requests=80, tasks=8, work=work))
    assert len(arrivals) == 1 + 160
    assert server.most_in_flight <= 4
    first, second = (one["times"] for one in said)
    assert min(first) < max(second), "one had to wait for the end of the other"
    assert min(second) < max(first), "one had to wait for the end of the other"
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from migration.rate_leases").fetchone() == (0,)


def test_slots_of_a_killed_process_come_back(database: str) -> None:
    limit = Limit("k", "k", concurrency=1)

    async def test() -> float:
        killed = PostgresLedger(database, lease_seconds=0.6)
        began = time.monotonic()
        assert await killed.settle("k", 1, 0, 1) == 1  # and never a word again
        async with Buckets.on_postgres(database) as buckets, buckets.admit([Claim("k", limit)]):
            waited = time.monotonic() - began
        await killed.aclose()
        return waited

    assert 0.55 < asyncio.run(test()) < 60


def test_a_slot_in_use_is_kept_by_its_heart_beat(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEEPER_SECONDS", 0.1)

    async def test() -> None:
        slow = Buckets(PostgresLedger(database, lease_seconds=60))
        quick = PostgresLedger(database)
        async with slow, slow.admit([Claim("k", Limit("k", "k", concurrency=1))]):
            for _ in range(3):
                expires = lease()
                deadline = time.monotonic() + 45
                while lease() == expires:
                    assert time.monotonic() < deadline, "no heart beat: the slot would lapse though it is in use"
                    await asyncio.sleep(0.02)
                assert await quick.settle("k", 1, 0, 1) == 0
        assert await quick.settle("k", 1, 0, 1) == 1
        await quick.aclose()

    def lease() -> Any:
        with psycopg.connect(database) as connection:
            return connection.execute("select max(expires_at) from migration.rate_leases where slots > 0").fetchone()

    asyncio.run(test())


def test_a_refusal_told_to_one_process_keeps_the_other_away(database: str) -> None:
    claims = [Claim("k", Limit("k", "k", capacity=100, per_seconds=1.0))]

    async def test() -> float:
        async with Buckets.on_postgres(database) as one, Buckets.on_postgres(database) as other:
            began = time.monotonic()
            await one.penalise("k", 0.4)
            async with other.admit(claims):
                return time.monotonic() - began

    assert 0.35 < asyncio.run(test()) < 60


def test_a_restarted_database_is_connected_to_again(database: str) -> None:
    claims = [Claim("k", Limit("k", "k", capacity=1000, per_seconds=1.0, block=1))]

    async def test() -> None:
        async with Buckets.on_postgres(database) as buckets:
            async with buckets.admit(claims):
                pass
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
            async with buckets.admit(claims):
                pass

    asyncio.run(test())


def test_missing_tables_name_the_remedy(empty_database: str) -> None:
    async def test() -> None:
        async with Buckets.on_postgres(empty_database) as buckets:
            with pytest.raises(EnvironmentFault, match="db upgrade"):
                async with buckets.admit([Claim("k", Limit("k", "k", capacity=1))]):
                    pass

    asyncio.run(test())


def test_what_is_exclusive_has_one_holder_at_a_time(database: str) -> None:
    async def test() -> None:
        inside = 0
        async with Buckets.on_postgres(database) as one, Buckets.on_postgres(database) as other:

            async def hold(buckets: Buckets) -> None:
                nonlocal inside
                async with buckets.exclusive("token of integration 1"):
                    inside += 1
                    assert inside == 1
                    await asyncio.sleep(0.05)
                    inside -= 1

            await asyncio.gather(hold(one), hold(other), hold(one))

    asyncio.run(test())
