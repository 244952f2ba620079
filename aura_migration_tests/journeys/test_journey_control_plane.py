"""API, console, daemon and web pages are killed while a restaurant is migrated: it finishes, and all doors tell the same."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.browser import Browsing, Visit
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.ports import free_port

PATIENCE = 420.0
PROGRAMS = ("api", "webserver", "daemon", "code-server")
"""As `up` calls them; the console is served by the API's process, and the code server's death takes the run with it."""
pytestmark = pytest.mark.soak


@pytest.fixture
def system(world: World) -> Iterator[World]:
    for name in ("WEBSERVER", "GRPC", "API"):
        world.environ[f"AURA_{name}_PORT"] = str(free_port())
    del world.environ["AURA_NOW"]
    yield world
    world.process("down")


def until(what: str, found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.2)
    return value


def kill(system: World, name: str) -> None:
    pid, _ = (Path(system.environ["AURA_DATA_DIR"]) / "run" / f"{name}.pid").read_text().split()
    os.kill(int(pid), signal.SIGKILL)


class Follower:
    """A reader of the socket who comes again whenever the line is lost, with the last number they have."""

    def __init__(self, address: str, token: str) -> None:
        self.numbers: list[int] = []
        self.lost = 0
        self._stop = threading.Event()
        self._address, self._token = address, token
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        headers = {"authorization": f"Bearer {self._token}"}
        while not self._stop.is_set():
            after = self.numbers[-1] if self.numbers else 0
            try:
                with connect(f"{self._address}?after={after}", additional_headers=headers, open_timeout=10) as line:
                    while not self._stop.is_set():
                        try:
                            message = json.loads(line.recv(timeout=1))
                        except TimeoutError:
                            continue
                        if message["type"] == "migration_progress":
                            self.numbers.append(message["sequence"])
            except (WebSocketException, OSError):
                self.lost += 1
                time.sleep(0.2)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_migration_finishes_though_each_part_is_killed_and_all_doors_tell_the_same(
    system: World, open_pos: Callable[..., RunningSandbox], seed: int
) -> None:
    cafe = open_pos("square", "cafe")
    assert system.process("up", "--json").code == 0
    base = f"http://127.0.0.1:{system.environ['AURA_API_PORT']}"
    token = _token(system)
    with httpx.Client(base_url=base, headers={"authorization": f"Bearer {token}"}, timeout=60) as client:
        integration = system.connect_account(cafe)["integration_id"]

        def planned() -> dict[str, Any] | None:
            found = [m for m in client.get("/pos/migrations").json()["items"] if m["state"] == "planned"]
            return found[0] if found else None

        number = until("the daemon has previewed the location", planned)["migration_id"]
        follower = Follower(f"{base.replace('http', 'ws', 1)}/pos/migration/ws/{number}", token)
        plan_hash = client.get(f"/pos/migration/status/{number}").json()["plan_hash"]
        client.post(f"/pos/migration/approve/{number}", json={"plan_hash": plan_hash}).raise_for_status()
        order = random.Random(seed).sample(PROGRAMS, len(PROGRAMS))
        with _held_up(system, "customers") as is_held:
            client.post(f"/pos/migration/start/{integration}").raise_for_status()
            is_held()
            for name in order[:-1]:
                kill(system, name)
                assert system.process("up", "--json").code == 0
            kill(system, order[-1])  # and is not there yet when the load goes on
        assert system.process("up", "--json").code == 0

        def ended() -> bool:
            state = system.state(number)
            if state == "failed":  # the run died with its server: it is asked for again, and goes on where it stood
                client.post(f"/pos/migration/start/{integration}")
            return state == "verified"

        until(f"the migration is verified, killed in the order {order}", ended)
        until("the request is settled", lambda: _request(client, number)["state"] == "done")
        mine = client.get(f"/pos/migration/status/{number}").json()
    command = system.ok("status", number)
    assert {k: mine[k] for k in ("state", "plan_hash", "gates")} == {
        k: command[k] for k in ("state", "plan_hash", "gates")
    }
    assert mine["state"] == "verified"
    run = mine["request"]["dagster_run_id"]
    until("Dagster calls its run a success", lambda: _in_dagster(system, run) == "SUCCESS")  # ends after our request
    assert _in_the_console(base, number) == ("verified", "done")
    last = mine["progress"]["data"]["sequence"]
    until("the reader has everything", lambda: follower.numbers and follower.numbers[-1] == last)
    follower.stop()
    assert follower.lost >= 1, "the line was lost on the way"
    assert follower.numbers == list(range(1, last + 1)), "every number once, in order"


def _request(client: httpx.Client, number: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/pos/migration/status/{number}").json()["request"]
    return found


@contextmanager
def _held_up(system: World, table: str) -> Iterator[Callable[[], None]]:
    """The load is held up in the middle: where it writes to a table that somebody else has locked."""
    with system.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE aura.{table} IN SHARE ROW EXCLUSIVE MODE")  # type: ignore[arg-type]
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
        yield lambda: until("the load comes to the table", lambda: system.rows(waits, f"aura.{table}"))


def _in_dagster(system: World, run: str) -> str:
    """What Dagster's own pages say of a run."""
    query = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
    asked = {"query": query, "variables": {"run": run}}
    answer = httpx.post(f"http://127.0.0.1:{system.environ['AURA_WEBSERVER_PORT']}/graphql", json=asked, timeout=60)
    return str(answer.json()["data"]["runOrError"]["status"])


def _in_the_console(base: str, number: int) -> tuple[str, str]:
    """State and last request as somebody reads them who opens the migration's page."""

    def look(opened: Browser) -> tuple[str, str]:
        visit = Visit(opened, base)
        page = visit.go(f"/migrations/{number}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Result")
        state, request = (page.locator(".live .chip").nth(one).inner_text() for one in (0, 1))
        visit.close()
        return state, request

    with Browsing() as browsing:
        return browsing(look)


def _token(system: World) -> str:
    from aura_migration.api.state import ApiState

    token = ApiState.make(system.workshop).local_token()
    assert token is not None
    return token
