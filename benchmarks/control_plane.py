"""The control plane under load: 200 sockets on one migration and 50 status requests a second while a large menu is loaded.

    idle       the same generator against the API of another, idle migration, while the menu is loaded
    live       the generator against the API of the migration that is being loaded

Both load the same approved plan on a copy of the same database. No message may be lost or out of order. Run it with
``python -m benchmarks.control_plane``; it puts a section into docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from aura_migration.api.state import ApiState
from aura_migration.canonical.options import parse_options
from aura_migration.database import embedded
from aura_migration.migration import decide, stages
from aura_migration.migration.integrations import connect_account
from aura_migration.migration.records import get_migration, open_migration
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings
from benchmarks.harness import ROOT, Series, Stand, machine, put, surroundings, table

BY = "benchmark"


def prepare(stand: Stand, folder: Path) -> None:
    """A migration whose plan is approved; its server is stopped, so that the folder can be copied."""
    workshop = Workshop.open(load_settings({"AURA_DATA_DIR": str(folder)}))
    document = httpx.get(f"{stand.base_url}/_control/credentials").json()["default"]
    integration, locations = connect_account(workshop, "square", stand.base_url, document, "Benchmark control plane")
    with workshop.connect() as connection:
        menu = parse_options(
            {"history": {"months": 0}}
        )  # what is staged of a past does not outlive a copy of the server
        migration = open_migration(connection, integration, locations[0], menu).id
    stages.extract(workshop, migration, datetime.now(UTC), BY)
    stages.canonicalise(workshop, migration, BY)
    stored = stages.plan(workshop, migration, BY)
    decide.approve(workshop, migration, stored.hash, BY, confirm_inferred=True)
    embedded.stop(folder)


# -- what runs in processes of its own -------------------------------------------------------------------------------------


def load(folder: str) -> None:
    """Load the approved plan of a folder and print its seconds."""
    workshop = Workshop.open(load_settings({"AURA_DATA_DIR": folder}))
    with workshop.connect() as connection:
        key = get_migration(connection, 1).location_key
    started = time.monotonic()
    with stages.locked(workshop, key):  # else whoever asks for the status takes the loader for dead
        stages.load(workshop, 1, BY)
    print(json.dumps({"seconds": time.monotonic() - started}))


def generate(port: int, token: str, sockets: int, rate: float) -> None:
    """Follow and ask until stdin closes; then print what was seen."""
    print(json.dumps(asyncio.run(_generate(port, token, sockets, rate))))


async def _generate(port: int, token: str, sockets: int, rate: float) -> dict[str, Any]:
    from websockets.asyncio.client import connect

    headers = {"authorization": f"Bearer {token}"}
    seen: list[list[int]] = [[] for _ in range(sockets)]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, lambda: (sys.stdin.read(), loop.call_soon_threadsafe(stop.set)))
    latencies: list[float] = []
    failed = 0

    async def follow(numbers: list[int], ready: asyncio.Semaphore) -> None:
        async with connect(f"ws://127.0.0.1:{port}/pos/migration/ws/1", additional_headers=headers) as line:
            ready.release()
            async for text in line:
                message = json.loads(text)
                if message["type"] in (
                    "snapshot",
                    "migration_progress",
                ):  # what follows a snapshot begins with the next number
                    numbers.append(message["sequence"])

    async def ask(client: httpx.AsyncClient) -> None:
        nonlocal failed
        begun = loop.time()
        try:
            answer = await client.get("/pos/migration/status/1")
            failed += answer.status_code != 200
        except httpx.HTTPError as error:
            print(repr(error), file=sys.stderr)
            failed += 1
        latencies.append(loop.time() - begun)

    ready = asyncio.Semaphore(0)
    followers = [asyncio.create_task(follow(numbers, ready)) for numbers in seen]
    for _ in followers:
        await ready.acquire()
    print("ready", flush=True)
    asked: set[asyncio.Task[None]] = set()
    limits = httpx.Limits(max_connections=20, max_keepalive_connections=20)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, limits=limits
    ) as client:
        begun = loop.time()
        count = 0
        while not stop.is_set():
            asked.add(asyncio.create_task(ask(client)))
            count += 1
            asked = {task for task in asked if not task.done()}
            await asyncio.sleep(max(0.0, begun + count / rate - loop.time()))
        await asyncio.gather(*asked)
        newest = (await client.get("/pos/migration/status/1")).json()["progress"]["data"]["sequence"]
    await asyncio.sleep(1.0)
    for task in followers:
        task.cancel()
    latencies.sort()
    return {
        "requests": len(latencies),
        "failed": failed,
        "median_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
        "messages": sum(len(numbers) - 1 for numbers in seen),
        "of_one": max(len(numbers) for numbers in seen) - 1,
        "lost_or_reordered": sum(numbers != list(range(numbers[0], newest + 1)) for numbers in seen),
    }


# -- measuring -------------------------------------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, str]]:
    """The API on a folder, in a process of its own; its port and a token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = {**surroundings(str(folder)), "AURA_API_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "aura_migration", "api"], env=environment, cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/pos/health").raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline, "the API did not start"
                time.sleep(0.2)
        token = ApiState.make(Workshop.open(load_settings({"AURA_DATA_DIR": str(folder)}))).local_token()
        assert token is not None
        yield port, token
    finally:
        process.terminate()
        process.wait()


def one_round(variant: str, prepared: Path, idle: Path, sockets: int, rate: float) -> dict[str, float]:
    """Load a copy of the prepared folder while the generator works."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "aura"
        subprocess.run(["cp", "-a", prepared, folder], check=True)  # the server runs under an account of its own
        try:
            with serving(folder) as live, serving(idle) as other:
                port, token = live if variant == "live" else other
                generator = subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.control_plane", "generate", str(port), token, str(sockets), str(rate)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
                )  # fmt: skip
                assert generator.stdin is not None and generator.stdout is not None
                assert generator.stdout.readline().strip() == "ready"
                loaded = subprocess.run(
                    [sys.executable, "-m", "benchmarks.control_plane", "load", str(folder)],
                    stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True,
                )  # fmt: skip
                out, _ = generator.communicate(timeout=120)
            found: dict[str, float] = {"load": json.loads(loaded.stdout)["seconds"], **json.loads(out.splitlines()[-1])}
            return found
        finally:
            embedded.stop(folder)


def measure(rounds: int, scenario: str, sockets: int, rate: float) -> dict[str, Series]:
    """Rounds of both variants, interleaved."""
    found = {"idle": Series(), "live": Series()}
    with tempfile.TemporaryDirectory() as name:
        prepared, idle = Path(name) / "prepared", Path(name) / "idle"
        stand, small = Stand(scenario, "square", "--limits", "off"), Stand("cafe", "square", "--limits", "off")
        try:
            prepare(stand, prepared)
            prepare(small, idle)
            for number in range(rounds):
                print(f"round {number + 1} of {rounds}", file=sys.stderr)
                for variant in ("idle", "live") if number % 2 == 0 else ("live", "idle"):
                    found[variant].add(one_round(variant, prepared, idle, sockets, rate))
        finally:
            embedded.stop(idle)
            stand.close()
            small.close()
    return found


def main() -> None:
    """Measure and write; or be one of the processes."""
    match sys.argv[1:]:
        case ["load", folder]:
            load(folder)
            return
        case ["generate", port, token, sockets, rate]:
            generate(int(port), token, int(sockets), float(rate))
            return
    parser = argparse.ArgumentParser(description="The control plane under load.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--scenario", default="huge")
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    chosen = parser.parse_args()
    found = measure(chosen.rounds, chosen.scenario, chosen.sockets, chosen.rate)
    idle, live = found["idle"], found["live"]
    ratio = live.median("load") / idle.median("load")
    text = f"""## Control plane: {chosen.sockets} sockets and {chosen.rate:.0f} status requests a second during a load

Written by `python -m benchmarks.control_plane` on {machine()}; menu `{chosen.scenario}`, {
        chosen.rounds
    } interleaved rounds. Generator, API, database, stand-in
and loader share the processors.

{
        table(
            ("what", "generator at an idle API", "generator at the API of the load"),
            [
                ("load (re-read, write)", idle.shown("load"), f"{live.shown('load')}: **{ratio:.2f} ×** (aim ≤ 1.3)"),
                ("messages a socket", idle.shown("of_one", ""), live.shown("of_one", "")),
                (
                    "sockets with a lost or reordered message",
                    idle.shown("lost_or_reordered", ""),
                    live.shown("lost_or_reordered", ""),
                ),
                ("status requests", idle.shown("requests", ""), live.shown("requests", "")),
                ("of them failed", idle.shown("failed", ""), live.shown("failed", "")),
                ("median answer", idle.shown("median_ms", " ms"), live.shown("median_ms", " ms")),
                ("99th percentile", idle.shown("p99_ms", " ms"), live.shown("p99_ms", " ms")),
            ],
        )
    }
"""
    print(text)
    put(chosen.output, "control_plane", text)
    if any(sum(series.values[name]) for series in found.values() for name in ("lost_or_reordered", "failed")):
        raise SystemExit("Messages were lost or reordered, or requests failed: see the section.")


if __name__ == "__main__":
    main()
