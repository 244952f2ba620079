"""The people benchmark: the same journey at two sizes of a Square crowd, to see whether time and memory grow with it.

    extract … verify   the stage functions in one process, a fresh one per size; `load` is what it takes after the source
                       was read and planned again, `re-read` is that reading
    take back          the rollback's rehearsal: all of its work, then rolled back
    floor              exactly the rows the product wrote, by COPY into a staging table and merge by primary key

The stand-in POS and PostgreSQL run in processes of their own and do not count as the product's memory. The POS's limits
are off, the product's own rate of requests is not. Seconds of a shared machine are noisy, so processor time of the product and of PostgreSQL stands beside them.

    python -m benchmarks.people --customers 20000 200000

puts a section into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from benchmarks.harness import ROOT, Peak, Stand, copy_and_merge, machine, put, run_variant, surroundings, table

STAGES = ("extract", "canonicalise", "plan", "re-read", "load", "verify", "take back")
LIMIT_MB = 600


def product(base_url: str, data_dir: str, with_undo: str) -> dict[str, Any]:
    """The journey by the stage functions: seconds, processor seconds, peak memory of each stage, rows, verdict."""
    from datetime import UTC, datetime

    from aura_migration.migration import decide, loading, stages
    from aura_migration.migration.integrations import connect_account, get_integration
    from aura_migration.migration.records import open_migration
    from aura_migration.migration.workshop import Workshop
    from aura_migration.settings import load_settings

    workshop = Workshop.open(load_settings())
    document = httpx.get(f"{base_url}/_control/credentials").json()["default"]
    integration, locations = connect_account(workshop, "square", base_url, document, "Benchmark crowd")
    with workshop.connect() as connection:
        migration = open_migration(connection, get_integration(connection, integration.id), locations[0], None).id
    meter = _Meter(Path(data_dir))
    by = "benchmark"

    # What `load` does first is what the stages before it did: measured by itself.
    write = vars(loading)["apply_plan"]

    def written(*arguments: Any, **more: Any) -> Any:
        meter.end("re-read")
        return write(*arguments, **more)

    vars(loading)["apply_plan"] = written
    meter.stage("extract", lambda: stages.extract(workshop, migration, datetime.now(UTC), by))
    staged = meter.stage("canonicalise", lambda: stages.canonicalise(workshop, migration, by))
    stored = meter.stage("plan", lambda: stages.plan(workshop, migration, by))
    decide.approve(workshop, migration, stored.hash, by)
    meter.stage("load", lambda: stages.load(workshop, migration, by))
    verdict = meter.stage("verify", lambda: stages.verify(workshop, migration, by))
    if with_undo:
        meter.stage("take back", lambda: stages.undo(workshop, migration, by, rehearse=True))
    blocking = [(f.check_name, f.entity, f.cause) for f in verdict.findings if f.is_blocking]
    return {
        "stages": meter.stages,
        "rows": sum(entry["source"] for entry in stored.counts.values()),
        "writes": sum(entry["create"] + entry["update"] + entry["merge"] for entry in stored.counts.values()),
        "persons_merged": staged.get("people", {}).get("merged_persons"),
        "passed": verdict.passed,
        "gates": {gate.name: gate.value for gate in verdict.gates if gate.passed is not True},
        "findings": blocking[:5],
    }


class _Meter:
    """Seconds, processor seconds and peak memory of one stage after another."""

    def __init__(self, data_dir: Path) -> None:
        from aura_migration.database import embedded

        self.stages: dict[str, dict[str, float]] = {}
        server = embedded.status(data_dir).pid
        self._server = psutil.Process(server) if server else None
        self._begin()

    def stage(self, name: str, work: Callable[[], Any]) -> Any:
        """Do the work as that stage."""
        self._begin()
        result = work()
        self.end(name)
        return result

    def end(self, name: str) -> None:
        """What was done since the last end was that stage."""
        self._peak.stop()
        at, own = time.monotonic(), _processor(psutil.Process())
        time.sleep(0.3)  # sessions that are just ending are in neither count until they have ended
        server = self._of_server()
        self.stages[name] = {
            "seconds": at - self._at[0],
            "product": own - self._at[1],
            "server": server - self._at[2],
            "peak_mb": self._peak.megabytes,
        }
        print(f"{name:<14}", json.dumps({k: round(v, 2) for k, v in self.stages[name].items()}), file=sys.stderr)
        self._begin()

    def _begin(self) -> None:
        self._at = (time.monotonic(), _processor(psutil.Process()), self._of_server())
        self._peak = Peak(os.getpid(), alone=True)

    def _of_server(self) -> float:
        """Of the server with its sessions, the ended ones too."""
        if self._server is None:
            return 0.0
        return _processor(self._server) + sum(_processor(child) for child in self._server.children())


def _processor(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0


def floor(source_url: str) -> dict[str, float]:
    """Write the rows of the product's ``aura`` schema into a copy of it."""
    with psycopg.connect(source_url, autocommit=True) as connection:
        names = [r[0] for r in connection.execute(_LOADED_TABLES).fetchall()]
    return copy_and_merge(source_url, names)


_LOADED_TABLES = """
    SELECT DISTINCT aura_table FROM migration.journal WHERE undone_at IS NULL AND op = 'insert' ORDER BY 1
"""


# -- the run ----------------------------------------------------------------------------------------------------------------


def measure(customers: int, with_undo: bool) -> dict[str, Any]:
    """One size: the journey in a fresh process with a database of its own, and the floor of the rows it wrote."""
    from aura_migration.database import embedded

    stand = Stand("crowd", "square", "--customers", str(customers), "--limits", "off")
    try:
        with tempfile.TemporaryDirectory(prefix="aura-bench-") as folder:
            data = Path(folder) / "data"
            embedded.ensure_running(data)
            try:
                undo = "yes" if with_undo else ""
                found = run_variant(
                    "benchmarks.people", "product", surroundings(str(data)), [stand.base_url, str(data), undo]
                )
                lowest = run_variant("benchmarks.people", "floor", surroundings(str(data)), [embedded.url(data)])
                return {**found, "floor": lowest["floor"], "floor_rows": lowest["floor_rows"], "customers": customers}
            finally:
                embedded.stop(data)
    finally:
        stand.close()


def report(sizes: list[dict[str, Any]]) -> str:
    """The section of docs/performance.md: the smallest size against the largest."""
    small, large = sizes[0], sizes[-1]
    more = large["rows"] / small["rows"]
    lines = []
    for stage in (name for name in STAGES if all(name in size["stages"] for size in sizes)):
        taken = [size["stages"][stage] for size in sizes]
        grown = [last / max(first, 0.01) for first, last in ((taken[0][k], taken[-1][k]) for k in ("seconds", "work"))]
        lines.append(
            [
                f"`{stage}`",
                *(f"{t['seconds']:,.1f} s" for t in taken),
                f"{grown[0]:.1f}",
                *(f"{t['product']:,.1f} + {t['server']:,.1f} s" for t in taken),
                f"**{grown[1]:.1f}**",
                f"{large['rows'] / taken[-1]['seconds']:,.0f}",
                *(f"{t['peak_mb']:.0f}" for t in taken),
            ]
        )
    names = [f"{size['customers']:,}" for size in sizes]
    headings = [
        "stage",
        *names,
        "ratio",
        *(f"processor, {name}" for name in names),
        "ratio",
        "rows/s",
        *(f"peak MB, {name}" for name in names),
    ]
    loads = ", ".join(
        f"{size['stages']['load']['seconds']:,.1f} s against {size['floor']:,.1f} s = "
        f"**{size['stages']['load']['seconds'] / size['floor']:.1f} × floor**"
        for size in sizes
    )
    verdicts = ["passed" if size["passed"] else f"not passed ({size['gates']})" for size in sizes]
    peaks = [f"{size['peak_mb']:.0f}" for size in sizes]
    rows = " and ".join(f"{size['rows']:,}" for size in sizes)
    return "\n\n".join(
        [
            f"## People: {' and '.join(names)} customers with loyalty, gift cards and consent ({rows} planned rows)",
            f"Written by `python -m benchmarks.people --customers {' '.join(str(s['customers']) for s in sizes)}` on {machine()}; "
            "Square crowd, stage functions in one process; the stand-in's limits are off, the product's own of 40 requests a second "
            "is not; processor time is the product's + PostgreSQL's. "
            f"Rows grow {more:.1f} times: a ratio of {more:.1f} is linear. Verdicts: "
            f"{', '.join(verdicts)}.",
            table(headings, lines),
            f"Writing (`load`) against COPY + merge of the same rows: {loads}.",
            f"Peak memory of the product's process tree: {' and '.join(peaks)} MB (must stay under {LIMIT_MB} MB).",
        ]
    )


def main() -> None:
    """Measure all sizes and put the section into docs/performance.md; exit code 1 where a size is over its limit or fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--no-undo", action="store_true", help="without rehearsing the rollback")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    chosen = parser.parse_args()
    sizes = []
    for customers in sorted(chosen.customers):
        print(f"{customers:,} customers", file=sys.stderr)
        found = measure(customers, not chosen.no_undo)
        for taken in found["stages"].values():
            taken["work"] = taken["product"] + taken["server"]
        sizes.append(found)
        if chosen.json:
            chosen.json.write_text(json.dumps(sizes, indent=1), encoding="utf-8")
    text = report(sizes)
    put(chosen.output, "people", text)
    print(text)
    if any(not size["passed"] or size["peak_mb"] >= LIMIT_MB for size in sizes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
