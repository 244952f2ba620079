"""What is interrupted loses nothing: kills, pauses, crashes between rotation and storage, two at once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from aura_migration.load.undo import image_of_schema
from aura_migration.migration import requests
from aura_migration.orchestration import launch
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.journey import World, faults
from aura_migration_tests.support.worlds import Stages, Started

PATIENCE = 300.0


def _until(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.05)


HELD = 4242
BEFORE_ITS_FIRST_BATCH = ("migration.progress", "NEW.current_step = 'Loading'")
WITHIN_A_BATCH = ("aura.menu_items", "true")
BEFORE_ITS_FIRST_SNAPSHOT = ("migration.snapshots", "true")


@contextmanager
def _held_up(world: World, where: tuple[str, str]) -> Iterator[Callable[[], None]]:
    """Let a piece of work stand still at a place, by a trigger that waits for a lock of ours; yields what lets it go."""
    table, when = where
    with psycopg.connect(world.url, autocommit=True) as holder:
        holder.execute(
            "CREATE FUNCTION public.stand_still() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM pg_advisory_xact_lock({HELD}); RETURN NEW; END $$"
        )
        holder.execute(
            f"CREATE TRIGGER stand_still BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when}) "  # type: ignore[arg-type]
            "EXECUTE FUNCTION public.stand_still()"
        )
        holder.execute("SELECT pg_advisory_lock(%s)", [HELD])

        def let_go() -> None:
            holder.execute("SELECT pg_advisory_unlock_all()")

        yield let_go
        let_go()


def _stands_still(world: World) -> bool:
    return bool(world.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted", HELD))


def _has_noticed(world: World) -> bool:
    """The server ends a dead client's sessions when it comes to talk to them; until then they hold their locks."""
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    return not world.rows(f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND {here}")


@contextmanager
def _held_up_until_joined(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A preview stands still before its first snapshot, until a command of this process waits for its end."""
    wait = launch._wait
    with _held_up(world, BEFORE_ITS_FIRST_SNAPSHOT) as let_go:

        def joined(*arguments: Any) -> Any:
            let_go()
            return wait(*arguments)

        monkeypatch.setattr(launch, "_wait", joined)
        # Whoever does not wait must not hang either; the test then says what is wrong.
        late = threading.Timer(PATIENCE, let_go)
        late.start()
        yield
        late.cancel()
        late.join()


def _killed(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=PATIENCE)
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()


def _image(world: World) -> str:
    tables = [name for name in world.menu() if name != "restaurants"]
    with world.connect() as connection:
        return image_of_schema(connection, sorted(tables))


def test_a_load_killed_in_the_middle_is_resumed_and_ends_as_if_never_killed(
    approved: Started, cafe_stages: Stages
) -> None:
    world, migration = approved.world, approved.migration
    with _held_up(world, WITHIN_A_BATCH) as let_go:
        running = world.start("run", migration, "--json")
        _until("loading", lambda: _stands_still(world))
        _killed(running)
        let_go()
    _until("the server has noticed", lambda: _has_noticed(world))
    status = world.ok("status", migration)
    assert status["state"] == "failed" and f"resume {migration}" in status["next"]
    open_ones = world.rows("SELECT count(*) FROM migration.requests WHERE state IN ('pending', 'claimed')")
    assert open_ones == [(0,)], "the dead request no longer stands in the way"

    done = world.ok("resume", migration)
    assert done["state"] == "verified" and done["passed"] is True
    unfinished = world.rows("SELECT run_id, status FROM runs WHERE status IN ('STARTED', 'CANCELING', 'STARTING')")
    assert unfinished == [], "Dagster's run of the dead process is closed"
    with cafe_stages.without_pos("verified") as uninterrupted:
        assert _image(world) == _image(uninterrupted)


def test_a_paused_load_stops_between_batches_and_resumes(approved: Started) -> None:
    world, migration = approved.world, approved.migration
    with _held_up(world, BEFORE_ITS_FIRST_BATCH) as let_go:
        running = world.start("run", migration, "--json")
        _until("loading", lambda: _stands_still(world))
        assert world.ok("pause", migration)["state"] == "pausing"
        let_go()
        out, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1 and "paused" in json.loads(out)["what"]
    assert world.state(migration) == "paused"
    for refused in (["preview", approved.integration], ["cancel", migration], ["pause", migration]):
        assert world.fails(2, *refused)["error"] == "Refused"
    assert world.state(migration) == "paused"
    assert world.ok("resume", migration)["passed"] is True


def test_a_rollback_fences_a_running_load_off(approved: Started) -> None:
    world, migration = approved.world, approved.migration
    with _held_up(world, BEFORE_ITS_FIRST_BATCH) as let_go:
        running = world.start("run", migration, "--json")
        _until("loading", lambda: _stands_still(world))
        undoing = world.start("rollback", migration, "--json")
        _until("rolling back", lambda: world.state(migration) == "rolling_back")
        let_go()
        running.communicate(timeout=PATIENCE)
        out, err = undoing.communicate(timeout=PATIENCE)
    assert undoing.returncode == 0, err
    assert json.loads(out)["state"] == "rolled_back"
    assert running.returncode == 2, "the load was refused its first batch"
    assert world.menu() == {}


def test_two_previews_at_once_are_one_piece_of_work(connected: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    world = connected.world
    with _held_up_until_joined(world, monkeypatch):
        first = world.start("preview", connected.integration, "--json")
        _until("the first has begun", lambda: _stands_still(world))
        second = world.ok("preview", connected.integration)
        out, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, err
    assert json.loads(out) == second
    assert world.rows("SELECT count(*) FROM migration.requests") == [(1,)]
    assert world.rows("SELECT count(*) FROM runs") == [(1,)]


def test_a_preview_with_other_options_waits_its_turn(connected: Started) -> None:
    world = connected.world
    path = world.folder / "without-stock.json"
    path.write_text('{"excludeEntities": ["stock"]}', encoding="utf-8")
    faults(connected.pos, {"kind": "slow", "match": "catalog", "seconds": 0.5})
    first = world.start("preview", connected.integration, "--json")
    _until("the first has begun", lambda: bool(world.rows("SELECT 1 FROM migration.requests WHERE state = 'claimed'")))
    second = world.preview(connected.integration, "--options", path)
    out, _ = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0
    assert "stock" in json.loads(out)["migrations"][0]["entities"]
    assert second["entities"].get("stock", {"create": 0})["create"] == 0
    assert world.rows("SELECT count(*) FROM migration.requests") == [(2,)]


def test_a_joined_preview_that_fails_fails_for_both(connected: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second speaks and exits as the first does."""
    world = connected.world
    faults(connected.pos, {"kind": "html", "match": "catalog", "after": 1})
    with _held_up_until_joined(world, monkeypatch):
        first = world.start("preview", connected.integration, "--json")
        _until("the first has begun", lambda: _stands_still(world))
        second = world.call("preview", connected.integration, "--json")
        out, _ = first.communicate(timeout=PATIENCE)
    assert (first.returncode, second.code) == (2, 2)
    assert second.json["error"] == json.loads(out)["error"] == "NotJson"


def test_a_request_nobody_has_claimed_is_taken_over_by_the_command(connected: Started) -> None:
    """A console or sensor stored it, and Dagster's daemon is not running."""
    world = connected.world
    key = world.rows("SELECT key FROM migration.locations")[0][0]
    with world.connect() as connection:
        requests.submit(
            connection, "preview", connected.integration, key, None, "console", {"fresh_since": "2000-01-01"}
        )
    assert world.preview(connected.integration)["state"] == "planned"
    assert world.rows("SELECT state, requested_by FROM migration.requests") == [("done", "console")]


def test_a_crash_between_token_rotation_and_storage_ends_in_reconnect_needed_and_connecting_heals_it(
    world: World, open_pos: Callable[..., RunningSandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clover's refresh token works once: the new one reached us, but the process died before it was stored."""
    sandbox = open_pos("clover", "cafe")
    variant = "refresh_token"
    integration = world.connect_account(sandbox, variant=variant)["integration_id"]
    plan = world.preview(integration)
    world.approve(plan)
    httpx.post(f"{sandbox.control_url}/tokens", json={"op": "expire"}).raise_for_status()

    class DiedError(BaseException):
        pass

    from aura_migration.database.vault import CredentialStore

    replace = CredentialStore.replace
    known = _refresh_token(world.workshop.credentials.load(integration)[0])

    def dies_when_storing_the_new_token(self: Any, number: int, document: Any, *rest: Any, **named: Any) -> Any:
        if _refresh_token(document) != known:
            raise DiedError
        return replace(self, number, document, *rest, **named)

    monkeypatch.setattr(CredentialStore, "replace", dies_when_storing_the_new_token)
    with pytest.raises(DiedError):
        world.call("run", plan["migration_id"])
    monkeypatch.undo()

    answer = world.fails(2, "run", plan["migration_id"])
    assert answer["error"] == "ReconnectNeeded"
    status = world.ok("status", plan["migration_id"])
    assert status["state"] == "reconnect_needed" == status["integration_status"]
    assert "connect" in status["next"]

    fresh = httpx.get(f"{sandbox.control_url}/credentials").json()["variants"][variant]
    arguments = world.connect_arguments(sandbox)
    arguments[arguments.index("--credentials") + 1] = world.credentials_file(fresh)
    assert world.ok(*arguments)["integration_id"] == integration
    assert world.state(plan["migration_id"]) == "approved", "the approval was not harmed"
    assert world.ok("run", plan["migration_id"])["passed"] is True


def _refresh_token(document: Any) -> str:
    """The one refresh token in a credentials document, wherever the connector keeps it."""
    (found,) = re.findall(r'"refresh_token": "([^"]+)"', json.dumps(document))
    return str(found)
