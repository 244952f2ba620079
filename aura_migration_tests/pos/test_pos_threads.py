"""A step that blocks ends before its cancelled caller does."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aura_migration.pos.threads import in_thread


def test_a_cancelled_caller_waits_for_the_step_it_began() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def step() -> None:
        begun.set()
        go_on.wait()
        done.set()

    async def cancelled() -> None:
        caller = asyncio.ensure_future(in_thread(step))
        await asyncio.to_thread(begun.wait)
        for _ in range(3):
            caller.cancel()
            await asyncio.sleep(0)
        assert not caller.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert done.is_set()

    asyncio.run(cancelled())


def test_a_step_gives_its_answer_and_its_failure() -> None:
    def fails() -> None:
        raise LookupError("not there")

    assert asyncio.run(in_thread(divmod, 7, 2)) == (3, 1)
    with pytest.raises(LookupError, match="not there"):
        asyncio.run(in_thread(fails))
