"""API, console, daemon and web pages are killed while a restaurant is migrated: it finishes, and all doors tell the same."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.ports import free_port

PATIENCE = 420.0
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


def test_a_migration_finishes_though_each_part_is_killed_and_all_doors_tell_the_same(
    system: World, open_pos: Callable[..., RunningSandbox]
) -> None:
    cafe = open_pos("square", "cafe")
    assert system.process("up", "--json").code == 0
    token = _token(system)
    base = f"http://127.0.0.1:{system.environ['AURA_API_PORT']}"
    client = httpx.Client(base_url=base, headers={"authorization": f"Bearer {token}"}, timeout=60)
    integration = system.connect_account(cafe)["integration_id"]

    def planned() -> dict[str, Any] | None:
        found = [m for m in client.get("/pos/migrations").json()["items"] if m["state"] == "planned"]
        return found[0] if found else None

    number = until("the daemon has previewed the location", planned)["migration_id"]
    follower = Follower(f"ws://127.0.0.1:{system.environ['AURA_API_PORT']}/pos/migration/ws/{number}", token)
    plan_hash = client.get(f"/pos/migration/status/{number}").json()["plan_hash"]
    client.post(f"/pos/migration/approve/{number}", json={"plan_hash": plan_hash}).raise_for_status()
    client.post(f"/pos/migration/start/{integration}").raise_for_status()
    until(
        "the run has begun",
        lambda: system.rows("SELECT 1 FROM migration.requests WHERE kind = 'run' AND state = 'claimed'"),
    )
    for name in ("api", "webserver", "daemon"):
        kill(system, name)
    assert system.process("up", "--json").code == 0
    kill(system, "code-server")
    assert system.process("up", "--json").code == 0

    def ended() -> bool:
        state = system.state(number)
        if state == "failed":  # the run died with its server: it is asked for again, and goes on where it stood
            client.post(f"/pos/migration/start/{integration}")
        return state == "verified"

    until("the migration is verified", ended)
    mine = client.get(f"/pos/migration/status/{number}").json()
    command = system.ok("status", number)
    assert {k: mine[k] for k in ("state", "plan_hash", "gates")} == {
        k: command[k] for k in ("state", "plan_hash", "gates")
    }
    assert mine["state"] == "verified"
    dagster = system.rows(
        "SELECT status FROM runs WHERE run_id = (SELECT dagster_run_id FROM migration.requests WHERE kind = 'run' AND state = 'done')"
    )
    assert dagster == [("SUCCESS",)]
    last = mine["progress"]["data"]["sequence"]
    until("the reader has everything", lambda: follower.numbers and follower.numbers[-1] == last)
    follower.stop()
    assert follower.lost >= 1, "the line was lost on the way"
    assert follower.numbers == list(range(1, last + 1)), "every number once, in order"
    page = client.get("/console", follow_redirects=True)
    assert page.status_code == 200


def _token(system: World) -> str:
    from aura_migration.api.state import ApiState

    token = ApiState.make(system.workshop).local_token()
    assert token is not None
    return token
