"""The benchmark of orders: twelve months of one busy Square site, from the POS's server into AuraConnect and back.

    product    the stage functions in one process (and the helpers they start), split by stage; menu and people of the same
               site apart. `export` is fetching, redaction, snapshot and certificates; `second run` is all of it again with
               nothing new; `take back` the rollback
    floor      exactly the rows the product wrote, by COPY into a staging table and merge by primary key, into tables with the
               same indexes, on one connection: F
    dlt        the orders alone by a general tool, as it comes and tuned (skipped where it is not installed)
    limits     fetching while the server refuses what is over the limit, against the least time the limit allows

The stand-in POS is asked through a server that replays rendered bytes, so that it is never the bottleneck; limits are off and
so is the product's own pacing, but for `limits`. PostgreSQL runs in processes of its own and is no memory of the product's.

    python -m benchmarks.orders --orders 20000 100000 --rounds 2 --dlt PYTHON

puts a section into docs/performance.md; ``--dlt`` names the Python of an environment with ``benchmarks/requirements.txt``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.harness import ROOT, Peak, Series, Stand, copy_and_merge, machine, put, run_variant, surroundings, table
from benchmarks.peer import search
from benchmarks.replay import Replay

NOW, BEGIN = "2026-10-01T09:00:00Z", "2025-10-01T00:00:00Z"
RATE = 40
"""Requests a second that the product allows itself with Square, which publishes no number; the server refuses more."""
END_TO_END = ("export", "stage", "plan", "load")
STAGES = (*END_TO_END, "sales reports", "verify", "menu and people", "second run", "take back")
PEAK_MB = 400


# -- variants: each runs in a process of its own ------------------------------------------------------------------------------


def product(base_url: str, pacing: str, until: str) -> dict[str, Any]:
    """The journey; seconds and peak memory (of the process alone) per stage, rows, verdict. ``until`` is ``export`` or ``end``."""
    from datetime import UTC, datetime

    from aura_migration.migration import decide, extraction, loading, past, planning, stages
    from aura_migration.migration.integrations import connect_account, get_integration
    from aura_migration.migration.records import open_migration
    from aura_migration.migration.workshop import Workshop
    from aura_migration.pos.http import client as http
    from aura_migration.pos.http.limits import Limit, LimitPolicy
    from aura_migration.pos.square import client
    from aura_migration.settings import load_settings

    if pacing != "on":  # so many requests at once as ever, but as many a second as there may be
        at_once = (Limit("in flight", "square {app} in flight", concurrency=10),)
        vars(client)["LIMITS"] = LimitPolicy(at_once)
    if pacing == "rendering":  # what is asked for the first time may take its time
        attempt = vars(http)["PosClient"]._attempt

        async def patient(self: Any, call: Any, claims: Any, token: Any, policy: Any, number: int) -> Any:
            patience = replace(policy, read_timeout=600.0, attempt_timeout=600.0)
            return await attempt(self, call, claims, token, patience, number)

        vars(http)["PosClient"]._attempt = patient
    by, meter = "benchmark", Meter()
    meter.wrap(extraction, "_export_history", "export")
    meter.wrap(planning, "stage_past", "stage")
    meter.wrap(loading, "load_past", "load")
    meter.wrap(past, "refresh_reports", "sales reports")
    meter.wrap(stages, "take_back_past", "take back")
    workshop = Workshop.open(load_settings())
    document = httpx.get(f"{base_url}/_control/credentials").json()["default"]
    integration, locations = connect_account(workshop, "square", base_url, document, "Benchmark year")
    site = max(locations, key=lambda found: found.key)

    def preview() -> tuple[int, Any]:
        with workshop.connect() as connection:
            migration = open_migration(connection, get_integration(connection, integration.id), site, None).id
        with meter.rest("menu and people"):
            stages.extract(workshop, migration, datetime.now(UTC), by)
            if until == "export":
                return migration, None
            stages.canonicalise(workshop, migration, by)
        with meter.rest("plan"):
            return migration, stages.plan(workshop, migration, by)

    migration, stored = preview()
    if until == "export":
        return {"stages": meter.found}
    decide.approve(workshop, migration, stored.hash, by)
    with meter.rest("menu and people"):
        stages.load(workshop, migration, by)
    with meter.rest("verify"):
        verdict = stages.verify(workshop, migration, by)
    rows = _rows(workshop.url)
    floor_seconds = floor(workshop.url)["floor"] if until == "end" else 0.0
    meter.say("floor", floor_seconds)
    first, meter.found = meter.found, {}
    _, again = preview()
    writes = sum(c["create"] + c["update"] for c in again.counts.values())
    second, meter.found = meter.found, {}
    with meter.rest("menu and people"):
        stages.undo(workshop, migration, by)
    left = sum(_rows(workshop.url).values())
    taken = meter.found["take back"]
    none = {"seconds": 0.0, "peak_mb": 0.0}
    later = [second.get(name, none) for name in ("stage", "plan")]
    found = {
        **first,
        "second run": {key: (sum if key == "seconds" else max)(one[key] for one in later) for key in none},
        "take back": taken,
    }
    blocking = [(f.check_name, f.source_key, f.expected, f.actual, f.cause) for f in verdict.findings if f.is_blocking]
    return {
        "stages": found,
        "floor": floor_seconds,
        "rows": rows,
        "passed": verdict.passed,
        "findings": blocking[:5],
        "second_writes": writes,
        "left": left,
    }


class Meter:
    """Seconds and peak memory of what is wrapped; what is wrapped within something else counts for itself alone."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self._within = [0.0]

    def wrap(self, module: Any, function: str, name: str) -> None:
        """Measure that function under the name."""
        work = vars(module)[function]

        def measured(*arguments: Any, **more: Any) -> Any:
            with self.rest(name):
                return work(*arguments, **more)

        vars(module)[function] = measured

    @contextmanager
    def rest(self, name: str) -> Iterator[None]:
        """Measure the block under the name, less what is measured inside it."""
        peak, started = Peak(os.getpid(), alone=True), time.monotonic()
        worked = time.process_time()
        self._within.append(0.0)
        yield
        seconds = time.monotonic() - started
        worked = time.process_time() - worked
        peak.stop()
        own = seconds - self._within.pop()
        self._within[-1] += seconds
        there = self.found.setdefault(name, {"seconds": 0.0, "peak_mb": 0.0})
        there["seconds"] += own
        there["peak_mb"] = max(there["peak_mb"], peak.megabytes)
        self.say(name, own, peak.megabytes, worked)

    def say(self, name: str, seconds: float, megabytes: float = 0.0, processor: float = 0.0) -> None:
        """One line for those who wait; the processor's seconds are of this process, with all that is within."""
        print(f"  {name:<18}{seconds:8.2f} s {megabytes:6.0f} MB {processor:8.2f} s", file=sys.stderr, flush=True)


def _rows(url: str) -> dict[str, int]:
    """Rows per table of the history."""
    from aura_migration.canonical.history.tables import TABLES

    with psycopg.connect(url) as connection:
        counts = [(t.name, connection.execute(f"SELECT count(*) FROM aura.{t.name}").fetchone()) for t in TABLES]
    return {name: int(row[0]) for name, row in counts if row and row[0]}


def floor(url: str) -> dict[str, float]:
    """Write the history's rows in ``aura`` into a copy of its tables."""
    return copy_and_merge(url, list(_rows(url)))


# -- the run ---------------------------------------------------------------------------------------------------------------


@contextmanager
def database() -> Iterator[tuple[str, dict[str, str]]]:
    """An empty database of its own: its URL and the surroundings of a variant."""
    from aura_migration.database import embedded

    with tempfile.TemporaryDirectory(prefix="aura-bench-") as folder:
        data = Path(folder) / "data"
        embedded.ensure_running(data)
        try:
            yield embedded.url(data), {**surroundings(str(data)), "AURA_NOW": NOW}
        finally:
            embedded.stop(data)


@contextmanager
def rendering(orders: int, rendered: Path | None) -> Iterator[tuple[Stand, Path]]:
    """The stand-in, and the folder with its answers; ``rendered``: where folders are kept from run to run."""
    stand = Stand("year", "square", "--orders", str(orders), "--limits", "off", "--now", NOW)
    try:
        with tempfile.TemporaryDirectory(prefix="aura-replay-") as temporary:
            folder = (rendered or Path(temporary)) / str(orders)
            if not (folder / "complete").exists():
                print(f"{orders:,} orders: rendering", file=sys.stderr, flush=True)
                shutil.rmtree(folder, ignore_errors=True)  # cursors of a stand-in that has ended lead nowhere
                replay = Replay(stand.base_url, folder)
                try:
                    with database() as (_, environment):
                        asked = [replay.base_url, "rendering", "export"]
                        run_variant("benchmarks.orders", "product", environment, asked)
                finally:
                    replay.close()
                (folder / "complete").touch()
            yield stand, folder
    finally:
        stand.close()


def measure(orders: int, rounds: int, dlt: Sequence[str], python: str, rendered: Path | None = None) -> dict[str, Any]:
    """One size: the product and the variants of dlt in turns. ``rendered`` as in :func:`rendering`."""
    seconds: dict[str, Series] = {"product": Series(), "seconds": Series(), "peak": Series()}
    found: dict[str, Any] = {}
    with rendering(orders, rendered) as (stand, folder):
        replay = Replay(stand.base_url, folder)
        try:
            token, location = _warm_search(replay.base_url) if dlt else ("", "")
            for number in range(rounds):
                print(f"{orders:,} orders: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
                replay.counts()
                with database() as (_, environment):
                    found = run_variant("benchmarks.orders", "product", environment, [replay.base_url, "off", "end"])
                missed = replay.counts()["missed"]
                for name, taken in found["stages"].items():
                    seconds["seconds"].add({name: taken["seconds"]})
                    seconds["peak"].add({name: taken["peak_mb"]})
                whole = sum(found["stages"][name]["seconds"] for name in END_TO_END)
                seconds["product"].add(
                    {"whole": whole, "floor": found["floor"], "peak_mb": found["peak_mb"], "missed": missed}
                )
                for how in dlt:
                    with database() as (url, environment):
                        arguments = [replay.base_url, token, location, BEGIN, NOW, url, how]
                        peer = run_variant("benchmarks.peer", "dlt_load", environment, arguments, python=python)
                    print(f"  dlt {how}: {peer['seconds']:.1f} s", file=sys.stderr, flush=True)
                    seconds["product"].add({f"dlt {how}": peer["seconds"], f"dlt {how} peak": peer["peak_mb"]})
        finally:
            replay.close()
    return {
        "orders": orders,
        "rows": sum(found["rows"].values()),
        "passed": found["passed"],
        "findings": found["findings"],
        "second_writes": found["second_writes"],
        "left": found["left"],
        **{name: series.values for name, series in seconds.items()},
    }


def _warm_search(base_url: str) -> tuple[str, str]:
    """Have the search with a single cursor rendered; token and location of the site."""
    document = httpx.get(f"{base_url}/_control/credentials").json()["default"]
    token = str(document["access_token"])
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=600) as client:
        places = client.get("/v2/locations").raise_for_status().json()["locations"]
        location = str(max(place["id"] for place in places))
        cursor = None
        while True:
            page = client.post("/v2/orders/search", json=search(location, BEGIN, NOW, cursor)).raise_for_status().json()
            cursor = page.get("cursor")
            if not cursor:
                return token, location


def limited(orders: int, rendered: Path | None = None) -> dict[str, float]:
    """Fetching while the server refuses more than the limit: seconds, requests answered and refused, the least time."""
    with rendering(orders, rendered) as (stand, folder):
        replay = Replay(stand.base_url, folder, RATE)
        try:
            with database() as (_, environment):
                found = run_variant("benchmarks.orders", "product", environment, [replay.base_url, "on", "export"])
            counts = replay.counts()
        finally:
            replay.close()
    seconds = sum(found["stages"][name]["seconds"] for name in ("export", "menu and people"))
    return {"orders": orders, "seconds": seconds, "least": max(0, counts["answered"] - RATE) / RATE, **counts}


def has_dlt(python: str) -> bool:
    """Whether that Python has dlt with its PostgreSQL destination."""
    asked = subprocess.run([python, "-c", "import dlt, psycopg2"], capture_output=True, check=False)
    return asked.returncode == 0


# -- what is written -------------------------------------------------------------------------------------------------------


def report(sizes: list[dict[str, Any]], limits: dict[str, float] | None, rounds: int, load: float) -> str:
    """The section of docs/performance.md; ``load`` is the machine's load average before."""
    names = [f"{size['orders']:,}" for size in sizes]
    rows = " and ".join(f"{size['rows']:,}" for size in sizes)
    verdicts = ", ".join("passed" if size["passed"] else f"not passed ({size['findings'][:2]})" for size in sizes)
    parts = [
        f"## Orders: twelve months, {' and '.join(names)} orders ({rows} rows)",
        f"Written by `python -m benchmarks.orders --orders {' '.join(str(s['orders']) for s in sizes)}` on {machine()}, "
        f"{rounds} interleaved round{'s' * (rounds != 1)}, each variant in a fresh process with an empty database; medians (min–max). Square, stage functions; "
        "rendered answers from a local server; the stand-in's limits and the product's pacing are off. "
        f"Load average of the machine before: {load:.1f} (other work slows what needs both cores most). "
        "The product reads orders, payments, refunds, payouts with their entries and cash drawers; dlt the orders alone, page by page. "
        "A second run at the same instant has nothing to fetch. "
        f"F is COPY into staging and merge of the same rows into the same tables with the same indexes, one connection. Verdicts: {verdicts}.",
        table(
            [
                "stage",
                *(f"{name}" for name in names),
                *(f"× F, {name}" for name in names),
                *(f"MB, {name}" for name in names),
            ],
            [_stage_line(stage, sizes) for stage in STAGES if all(stage in size["seconds"] for size in sizes)],
        ),
        table(["what", *names, "aim"], _aims(sizes)),
    ]
    if limits:
        ratio = limits["seconds"] / limits["least"]
        parts.append(
            f"Fetching {limits['orders']:,.0f} orders while the server refuses more than {RATE} requests a second (Square publishes no number; this is the product's own): {limits['answered']:,.0f} requests in "
            f"{limits['seconds']:.1f} s, {limits['refused']:.0f} refused; the least time the limit allows is {limits['least']:.1f} s: **{ratio:.2f} ×** (aim ≤ 1.05)."
        )
    return "\n\n".join(parts)


def _stage_line(stage: str, sizes: Sequence[dict[str, Any]]) -> list[str]:
    taken = [size["seconds"][stage] for size in sizes]
    floors = [statistics.median(size["product"]["floor"]) for size in sizes]
    return [
        f"`{stage}`",
        *(_spread(values) for values in taken),
        *(f"{statistics.median(values) / lowest:.2f}" for values, lowest in zip(taken, floors, strict=True)),
        *(f"{max(size['peak'][stage]):.0f}" for size in sizes),
    ]


def _spread(values: Sequence[float], unit: str = " s") -> str:
    middle = f"{statistics.median(values):.2f}{unit}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f}–{max(values):.2f})"


def _aims(sizes: Sequence[dict[str, Any]]) -> list[list[str]]:
    """What is aimed at, measured."""

    def each(one: Callable[[dict[str, Any]], str]) -> list[str]:
        return [one(size) for size in sizes]

    def of(size: dict[str, Any], name: str) -> float:
        return float(statistics.median(size["product"][name]))

    def taken(size: dict[str, Any], *stages: str) -> float:
        return float(sum(statistics.median(size["seconds"][stage]) for stage in stages))

    lines = [
        ["F", *each(lambda size: _spread(size["product"]["floor"])), ""],
        ["rows/s of F", *each(lambda size: f"{size['rows'] / of(size, 'floor'):,.0f}"), ""],
        ["end to end: export, stage, plan, load", *each(lambda size: _spread(size["product"]["whole"])), ""],
        ["rows/s end to end", *each(lambda size: f"{size['rows'] / of(size, 'whole'):,.0f}"), ""],
        ["end to end against F", *each(lambda size: f"**{of(size, 'whole') / of(size, 'floor'):.2f} ×**"), "≤ 1.5"],
    ]
    for how, aim in (("default", "≥ 10"), ("tuned", "≥ 7")):
        if any(f"dlt {how}" in size["product"] for size in sizes):
            lines.append(
                [
                    f"dlt, {how}, orders only",
                    *each(
                        lambda size, how=f"dlt {how}": (  # type: ignore[misc]
                            f"{_spread(size['product'][how])}, {max(size['product'][how + ' peak']):.0f} MB: "
                            f"**{of(size, how) / of(size, 'whole'):.1f} × ours**"
                            if how in size["product"]
                            else "not measured"
                        )
                    ),
                    aim,
                ]
            )
    lines += [
        [
            "second run with nothing new, after fetching, against the first",
            *each(lambda size: f"**{taken(size, 'second run') / taken(size, 'stage', 'plan', 'load'):.2f} ×**"),
            "≤ 0.25",
        ],
        [
            "taking back against load",
            *each(lambda size: f"**{taken(size, 'take back') / taken(size, 'load'):.2f} ×**"),
            "≤ 0.5",
        ],
        [
            "peak memory of the product's processes",
            *each(lambda size: f"**{max(size['product']['peak_mb']):.0f} MB**"),
            f"≤ {PEAK_MB} MB, flat",
        ],
    ]
    if len(sizes) > 1:
        grown = of(sizes[-1], "whole") / of(sizes[0], "whole")
        more = sizes[-1]["orders"] / sizes[0]["orders"]
        lines.append(
            [
                f"time for {more:.1f} times the orders",
                *[""] * (len(sizes) - 1),
                f"**{grown:.1f} ×**",
                f"≤ {more * 1.1:.1f}",
            ]
        )
    return lines


def main() -> None:
    """Measure and put the section into docs/performance.md; exit code 1 where a verdict failed or something was left behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limited", type=int, default=5_000, help="orders fetched under the limit; 0: not measured")
    parser.add_argument("--dlt", default=sys.executable, metavar="PYTHON", help="the Python that has dlt")
    parser.add_argument("--dlt-up-to", type=int, default=20_000, help="sizes that dlt is measured at")
    parser.add_argument(
        "--rendered", type=Path, metavar="FOLDER", help="keep the stand-in's answers there for the next run"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    chosen = parser.parse_args()
    peers = ("default", "tuned") if has_dlt(chosen.dlt) else ()
    if not peers:
        print(
            "note: dlt is not installed and not measured (see benchmarks/requirements.txt; --dlt PYTHON names where it is)",
            file=sys.stderr,
        )
    load = os.getloadavg()[0]
    limits = limited(chosen.limited, chosen.rendered) if chosen.limited else None
    sizes = []
    for orders in sorted(chosen.orders):
        sizes.append(
            measure(orders, chosen.rounds, peers if orders <= chosen.dlt_up_to else (), chosen.dlt, chosen.rendered)
        )
        if chosen.json:
            chosen.json.write_text(
                json.dumps({"sizes": sizes, "limits": limits, "load": load}, indent=1), encoding="utf-8"
            )
    text = report(sizes, limits, chosen.rounds, load)
    put(chosen.output, "orders", text)
    print(text)
    if not all(size["passed"] and not size["left"] and not size["second_writes"] for size in sizes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
