"""An extraction killed (SIGKILL) before each of its writes in turn, then continued; run as a program by the kill test.

Prints one JSON line per kill: what the continued snapshot holds, and which completed windows were fetched again.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.archive.retention import collect_garbage
from aura_migration.archive.snapshot import Certificate, Redaction, SnapshotReader, SnapshotStore, open_snapshot
from aura_migration.core.ids import bytes_hash
from aura_migration.database.connections import connect

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOWS = {"menus": {"": 2}, "orders": {"2026-02": 2, "2026-03": 1}, "stock": {"": 0}}
"""Entity → window → pages."""


def extract(database: str, folder: Path, integration_id: int, log: Path) -> str:
    """The whole extraction as a connector does it; returns the manifest's hash."""

    def say(word: str, entity: str, window: str) -> None:
        with log.open("a") as file:
            file.write(f"{word} {entity} {window}\n")

    with (
        connect(database) as connection,
        open_snapshot(
            connection,
            SnapshotStore(str(folder)),
            integration_id=integration_id,
            pos="toast",
            scope="location",
            location_key="toast:R1",
            taken_at=NOON,
            redaction=Redaction(drop_everywhere=frozenset({"token"})),
        ) as recorder,
    ):
        for entity, windows in WINDOWS.items():
            for window, pages in windows.items():
                if recorder.recorded(entity, window):
                    continue
                say("fetch", entity, window)
                for page in range(1, pages + 1):
                    body = json.dumps({"at": [entity, window, page], "token": "t"}).encode()
                    recorder.record(
                        entity,
                        method="GET",
                        path=f"/{entity}",
                        params={"page": page},
                        request_body=None,
                        body=body,
                        rows=10,
                        page=page,
                        window=window,
                    )
                recorder.complete_window(entity, window)
                say("done", entity, window)
            recorded = recorder.pages(entity)
            rows = sum(ref.rows for ref in recorded)
            recorder.certify(Certificate(entity, "complete", len(recorded), rows, rows))
        return recorder.finish().manifest_hash


def kill_before_write(number: int) -> None:
    """Make this process die before its n-th statement, commit or renaming of a file."""
    count = 0

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
            return original(*args, **kwargs)

        return wrapper

    psycopg.Connection.execute = counted(psycopg.Connection.execute)  # type: ignore[method-assign]
    psycopg.Transaction.__exit__ = counted(psycopg.Transaction.__exit__)  # type: ignore[method-assign]
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]


def main(database: str, base: Path) -> None:
    """Kill before write 0, 1, 2 … until the extraction ends by itself."""
    number = 0
    killed = True
    while killed:
        folder, log, integration_id = base / f"store{number}", base / f"log{number}", 1000 + number
        child = os.fork()
        if child == 0:
            kill_before_write(number)
            extract(database, folder, integration_id, log)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        killed = os.WIFSIGNALED(status)
        if not killed and status != 0:
            raise SystemExit(f"the extraction failed by itself with status {status}")
        lines = log.read_text().splitlines() if log.exists() else []
        done = {line.removeprefix("done ") for line in lines if line.startswith("done ")}
        sha = extract(database, folder, integration_id, log)
        refetched = {line.removeprefix("fetch ") for line in log.read_text().splitlines()[len(lines) :]}
        with connect(database, autocommit=True) as connection:
            freed = collect_garbage(connection, SnapshotStore(str(folder)))
            states = [
                state
                for (state,) in connection.execute(
                    "select state from migration.snapshots where integration_id = %s order by id", (integration_id,)
                )
            ]
        reader = SnapshotReader.at(str(folder), sha)
        found = {
            "number": number,
            "killed": killed,
            "states": states,
            "refetched": sorted(refetched & done),
            "fetched": sorted(refetched),
            "content": bytes_hash(dataclasses.replace(reader.manifests[0], integration_id=0).encode()),
            "bodies": reader.verify(),
            "unused": freed.bodies,
        }
        print(json.dumps(found), flush=True)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
