"""Stages of a migration as bare processes, started by ``test_journey_history_kills.py`` and killed there or by their own hand.

Reads orders as JSON lines ``{"environ", "migration", "what": "preview" | "load", "since", "step"?, "seconds"?}`` and answers
each with a line ``{"ended": "done" | "failed" | "killed", "said", "steps", "seconds"}``. Every order is carried out by a fork
of this process, which saves the second that importing takes. ``step``: it kills itself (SIGKILL) before its n-th statement,
end of a transaction or renaming of a file. ``seconds``: it is killed after so long, if it has not ended by then.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy  # noqa: F401 - what a stage imports on its way is imported before the fork
import psycopg

from aura_migration.migration import stages
from aura_migration.migration.records import get_migration
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.limits import NO_LIMITS
from aura_migration.pos.http.retry import RetryPolicy
from aura_migration.pos.registry import connector
from aura_migration.settings import load_settings

LOCK_PATIENCE = 120.0
"""Seconds for the server to notice that the process before was killed."""
AWAY = 0.5
"""Seconds to wait for a POS that is away: a test cannot spend a minute on it."""


def as_a_large_restaurant() -> None:
    """Our own pace and patience are lifted, and the past is read in weeks, however few its orders are."""

    async def never(*_: Any) -> bool:
        return False

    soon = partial(RetryPolicy, base_delay=0.05, away_budget=AWAY, first_budget=AWAY)
    for name, value in (
        ("aura_migration.pos.square.client.LIMITS", NO_LIMITS),
        ("aura_migration.pos.square.orders.extract.is_small", never),
        ("aura_migration.pos.http.client.RetryPolicy", soon),
    ):
        mock.patch(name, value).start()


def count_steps(die_before: int) -> list[int]:
    """Count what this process writes or asks of the database, in a list of one; die before the given one."""
    taken = [0]
    lock = threading.Lock()

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            with lock:
                taken[0] += 1
                if taken[0] == die_before:
                    os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **named)

        return step

    psycopg.Cursor.execute = counted(psycopg.Cursor.execute)  # type: ignore[method-assign]
    psycopg.Cursor.copy = counted(psycopg.Cursor.copy)  # type: ignore[method-assign]
    psycopg.Transaction.__exit__ = counted(psycopg.Transaction.__exit__)  # type: ignore[method-assign]
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]
    return taken


def carry_out(order: dict[str, Any]) -> None:
    """Extract, canonicalise and plan; or load."""
    settings = load_settings(order["environ"])
    assert settings.database_url is not None
    workshop, migration_id = Workshop(settings, settings.database_url), order["migration"]
    with workshop.connect() as connection:
        key = get_migration(connection, migration_id).location_key
    with stages.locked(workshop, key, LOCK_PATIENCE):
        if order["what"] == "load":
            stages.load(workshop, migration_id, "test")
        else:
            stages.extract(workshop, migration_id, datetime.fromisoformat(order["since"]), "test")
            stages.canonicalise(workshop, migration_id, "test")
            stages.plan(workshop, migration_id, "test")


def child(order: dict[str, Any], into: int) -> None:
    """Carry an order out, tell how it ended, and end without a word to what the parent has open."""
    taken = count_steps(order.get("step") or 0)
    told = {"ended": "done", "said": ""}
    try:
        carry_out(order)
    except Exception as error:
        told = {"ended": "failed", "said": f"{type(error).__name__}: {error}"}
    os.write(into, json.dumps({**told, "steps": taken[0]}).encode())
    os._exit(0)


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Have an order carried out by a process of its own, and kill that after its time."""
    began = time.monotonic()
    out, into = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(out)
        child(order, into)
    os.close(into)
    with selectors.DefaultSelector() as ended:
        ended.register(out, selectors.EVENT_READ)
        if not ended.select(order.get("seconds")):
            os.kill(process, signal.SIGKILL)
    with os.fdopen(out) as pipe:
        told = pipe.read()
    os.waitpid(process, 0)
    found = json.loads(told) if told else {"ended": "killed", "said": "", "steps": 0}
    return {**found, "seconds": time.monotonic() - began}


def main() -> None:
    """Answer until nobody asks."""
    connector("square")
    as_a_large_restaurant()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
