"""The chain benchmark: many locations of one account, previewed, loaded and verified one after another.

All locations are previewed first (each plan stands on the ones before it), then each is loaded and verified by the stage
functions in this process, without Dagster. What is measured is whether the last location costs more than the first: the
POS's limits are switched off so that its waiting does not hide it.

    python -m benchmarks.chain --pos square --locations 35

prints the seconds and the verdict of each location and puts a summary into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.harness import ROOT, Stand, machine, put, run_variant, surroundings, table

PHASES = ("extract", "map", "plan", "load", "verify")
EDGE = 3
"""Locations at each end of the chain that are compared with each other."""


def chain(base_url: str, pos: str) -> dict[str, Any]:
    """Preview, load and verify every location of the account; seconds by location and phase, verdicts, rows."""
    from datetime import UTC, datetime

    from aura_migration.migration import decide, stages
    from aura_migration.migration.integrations import connect_account, get_integration
    from aura_migration.migration.records import open_migration
    from aura_migration.migration.workshop import Workshop
    from aura_migration.settings import load_settings

    workshop = Workshop.open(load_settings())
    document = httpx.get(f"{base_url}/_control/credentials").json()["default"]
    integration, locations = connect_account(workshop, pos, base_url, document, "Benchmark chain")
    locations = sorted(locations, key=lambda site: site.key)
    since = datetime.now(UTC)
    found: list[dict[str, Any]] = []
    for site in locations:
        with workshop.connect() as connection:
            migration = open_migration(connection, get_integration(connection, integration.id), site, None)
        with stages.locked(workshop, site.key):
            clock = _Clock()
            stages.extract(workshop, migration.id, since, "benchmark")
            clock.lap("extract")
            stages.canonicalise(workshop, migration.id, "benchmark")
            clock.lap("map")
            plan = stages.plan(workshop, migration.id, "benchmark")
            clock.lap("plan")
        decide.approve(workshop, migration.id, plan.hash, "benchmark")
        rows = sum(entry["source"] for entry in plan.counts.values())
        found.append({"key": site.key, "migration": migration.id, "rows": rows, "seconds": clock.laps})
        _say(found[-1], "previewed")
    for place in found:
        with stages.locked(workshop, place["key"]):
            clock = _Clock(place["seconds"])
            stages.load(workshop, place["migration"], "benchmark")
            clock.lap("load")
            verdict = stages.verify(workshop, place["migration"], "benchmark")
            clock.lap("verify")
        place["passed"] = verdict.passed
        place["findings"] = [(f.check_name, f.entity, f.source_key) for f in verdict.findings if f.is_blocking][:EDGE]
        _say(place, "passed" if verdict.passed is True else f"verdict {verdict.passed}: {place['findings']}")
    return {"locations": found}


class _Clock:
    """Seconds from lap to lap."""

    def __init__(self, laps: dict[str, float] | None = None) -> None:
        self.laps = laps if laps is not None else {}
        self._at = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._at = now - self._at, now


def _say(place: dict[str, Any], what: str) -> None:
    laps = "  ".join(f"{name} {seconds:5.2f}" for name, seconds in place["seconds"].items())
    print(f"{place['key']:<50} {place['rows']:>6} rows  {laps}  {what}", file=sys.stderr, flush=True)


def measure(pos: str, locations: int) -> dict[str, Any]:
    """The chain in a fresh process with a database of its own."""
    from aura_migration.database import embedded

    stand = Stand("chain", pos, "--locations", str(locations), "--limits", "off")
    try:
        with tempfile.TemporaryDirectory(prefix="aura-bench-") as folder:
            data = Path(folder) / "data"
            embedded.ensure_running(data)
            try:
                return run_variant("benchmarks.chain", "chain", surroundings(str(data)), [stand.base_url, pos])
            finally:
                embedded.stop(data)
    finally:
        stand.close()


def report(pos: str, measured: dict[str, Any]) -> str:
    """The section of docs/performance.md."""
    places = measured["locations"]
    passed = sum(place["passed"] is True for place in places)

    def shown(phase: str) -> list[str]:
        first, last = (
            statistics.median(place["seconds"][phase] for place in part)
            for part in (places[1 : 1 + EDGE], places[-EDGE:])
        )
        total = sum(place["seconds"][phase] for place in places)
        return [f"`{phase}`", f"{first:.2f} s", f"{last:.2f} s", f"{last / first:.2f}", f"{total:.1f} s"]

    total = sum(sum(place["seconds"].values()) for place in places)
    rows = [shown(phase) for phase in PHASES]
    return "\n\n".join(
        [
            f"## A chain on {pos.capitalize()}: {len(places)} locations, {sum(p['rows'] for p in places):,} planned rows",
            f"Written by `python -m benchmarks.chain --pos {pos} --locations {len(places)}` on {machine()}; stage functions in one "
            f"process, one location after another, the POS's limits off. **{passed} of {len(places)} verdicts passed.** "
            f"Seconds per location: median of locations 2 to {1 + EDGE} against the last {EDGE}; `load` reads the source again.",
            table(["phase", f"locations 2–{1 + EDGE}", f"last {EDGE}", "ratio", "all locations"], rows),
            f"All together {total:.1f} s, {total / len(places):.2f} s per location; peak memory {measured['peak_mb']:.0f} MB.",
        ]
    )


def main() -> None:
    """Measure one chain and put its section into docs/performance.md; exit code 1 unless every verdict passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pos", choices=["square", "toast", "clover"], default="square")
    parser.add_argument("--locations", type=int, default=35)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    chosen = parser.parse_args()
    measured = measure(chosen.pos, chosen.locations)
    if chosen.json:
        chosen.json.write_text(json.dumps(measured, indent=1), encoding="utf-8")
    text = report(chosen.pos, measured)
    put(chosen.output, f"chain {chosen.pos}", text)
    print(text)
    if not all(place["passed"] is True for place in measured["locations"]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
