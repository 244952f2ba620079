"""The whole system for real: up, what the daemon does by itself, down without leaving anything behind."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from aura_migration.migration import requests
from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration_tests.support.journey import World
from aura_migration_tests.support.ports import free_port

PATIENCE = 300.0


def _until(what: str, found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.3)
    return value


def _family(folder: Path) -> list[psutil.Process]:
    """Processes that run for a data folder: they have it in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != psutil.Process().pid and process.environ().get("AURA_DATA_DIR") == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_stopping_what_never_ran_makes_nothing(world: World) -> None:
    folder = Path(world.environ["AURA_DATA_DIR"])
    assert world.ok("down") == {"stopped": []}
    assert not (folder / "run").exists()


@pytest.fixture
def system(world: World) -> Iterator[World]:
    world.environ["AURA_WEBSERVER_PORT"] = str(free_port())
    world.environ["AURA_GRPC_PORT"] = str(free_port())
    world.environ["AURA_API_PORT"] = str(free_port())
    del world.environ["AURA_NOW"]
    yield world
    world.process("down")


def test_up_carries_out_what_is_asked_for_by_itself_and_down_leaves_nothing_behind(
    system: World, cafe: RunningSandbox
) -> None:
    """Connect → the daemon onboards; approve and ask → the daemon loads and verifies. Nobody runs a command in between."""
    up = system.process("up", "--json")
    assert up.code == 0, up
    address = up.json["dagster"]
    assert address == f"http://127.0.0.1:{system.environ['AURA_WEBSERVER_PORT']}"
    info = httpx.get(f"{address}/server_info").json()
    assert info["dagster_version"]
    again = system.process("up", "--json")
    assert again.json == up.json, "a second up finds everything running"

    integration = system.connect_account(cafe)["integration_id"]
    planned = _until(
        "the daemon has previewed the new location",
        lambda: [m for m in system.ok("migrations")["migrations"] if m["state"] == "planned"],
    )[0]
    plan = system.ok("status", planned["migration_id"])
    system.approve(plan)
    with system.connect() as connection:
        requests.submit(connection, "run", integration, plan["location"], plan["migration_id"], "console", {})
    # Reports and the acceptance suite follow a load as runs of their own; only what was asked for counts here.
    asked_for = "SELECT r.status FROM migration.requests q JOIN runs r ON r.run_id = q.dagster_run_id"
    _until("both runs have ended", lambda: system.rows(asked_for) == [("SUCCESS",), ("SUCCESS",)])
    assert system.state(plan["migration_id"]) == "verified"
    done = system.rows("SELECT kind, state, requested_by FROM migration.requests ORDER BY id")
    assert done == [("preview", "done", "new_integrations"), ("run", "done", "console")], "exactly one run each"
    assert system.ok("verify", plan["migration_id"])["passed"] is True, "commands work beside the daemon"

    query = (
        "{repositoriesOrError{... on RepositoryConnection{nodes{name jobs{name} sensors{name sensorState{status}}}}}}"
    )
    (repository,) = httpx.post(f"{address}/graphql", json={"query": query}).json()["data"]["repositoriesOrError"][
        "nodes"
    ]
    assert {s["name"]: s["sensorState"]["status"] for s in repository["sensors"]} == {
        "acceptance_after_load": "RUNNING",
        "messages": "RUNNING",
        "new_integrations": "RUNNING",
        "open_requests": "RUNNING",
        "reports_after_load": "RUNNING",
        "service_probe": "RUNNING",
    }

    folder = Path(system.environ["AURA_DATA_DIR"])
    assert _family(folder), "the test would see what is left behind"
    down = system.process("down", "--json")
    assert set(down.json["stopped"]) == {"api", "daemon", "webserver", "code-server"}
    _until("every process has ended", lambda: not _family(folder))
    assert system.process("down", "--json").json == {"stopped": []}


def test_a_port_that_is_taken_is_said_before_anything_is_started(system: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(system.environ["AURA_GRPC_PORT"])))
        taken.listen()
        answer = system.process("up", "--json")
    assert answer.code == 3 and system.environ["AURA_GRPC_PORT"] in answer.json["what"]
    assert "AURA_GRPC_PORT" in answer.json["remedy"]
    assert not _family(Path(system.environ["AURA_DATA_DIR"]))


def test_the_embedded_server_is_started_on_demand_and_stopped_by_name(world: World) -> None:
    del world.environ["AURA_DATABASE_URL"]
    world.environ["AURA_DATA_DIR"] = str(world.folder / "own")
    assert world.ok("db", "status")["state"] != "running"
    started = world.ok("db", "start")
    try:
        assert started["embedded"] is True
        assert world.call("db", "url").out.strip() == started["url"]
        assert world.ok("migrations") == {"migrations": []}
        status = world.ok("db", "status")
        assert status["state"] == "running" and status["schema"] == status["schema_head"]
    finally:
        assert world.ok("db", "stop") == {"stopped": True}
    assert world.ok("db", "stop") == {"stopped": False}
