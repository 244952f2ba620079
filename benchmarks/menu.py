"""The menu benchmark: `huge` end to end through Dagster, split by stage, against fetching alone and against the floor.

    fetch      the same requests, bodies thrown away: what the POS and HTTP cost by themselves
    product    preview, approve and run through Dagster; seconds per step from Dagster's own event log
    floor      exactly the rows the product wrote, by COPY into a staging table and merge by primary key
    café       one small restaurant by the stage functions alone and through Dagster: the difference is orchestration

Run it with `make bench`; it writes docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.harness import ROOT, Series, Stand, machine, put, run_variant, surroundings, table

STEPS = ("export_snapshot", "map_and_validate", "make_plan", "load_plan", "verify_load")


# -- variants: each runs in a process of its own ---------------------------------------------------------------------------


def fetch(base_url: str) -> dict[str, float]:
    """The connector's extraction into a recorder that forgets."""
    from aura_migration.migration.workshop import Workshop
    from aura_migration.pos.http.limits import Buckets
    from aura_migration.pos.http.tokens import MemoryStore
    from aura_migration.pos.port import Account
    from aura_migration.pos.registry import connector
    from aura_migration.settings import load_settings

    Workshop.open(load_settings())
    document = httpx.get(f"{base_url}/_control/credentials").json()["default"]
    square = connector("square")

    async def go() -> float:
        async with Buckets.in_memory() as buckets:
            account = Account(0, base_url, MemoryStore(0, square.parse_credentials(document)), buckets)
            async with square.open(account) as session:
                found = await session.discover()
                started = time.monotonic()
                for scope in ("merchant", "location"):
                    names = [e.name for e in square.source_entities if e.scope == scope]
                    place = found.locations[0].source_id if scope == "location" else None
                    await session.extract(_Forgetful(), scope, place, names)  # type: ignore[arg-type]
                return time.monotonic() - started

    return {"fetch": asyncio.run(go())}


class _Forgetful:
    """A recorder's face without a memory."""

    taken_at = datetime(2026, 10, 1, tzinfo=UTC)
    snapshot_id = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("recorded",):
            return lambda *a, **k: False
        if name in ("bodies", "pages"):
            return lambda *a, **k: ()
        return lambda *a, **k: None


def product(base_url: str, scenario: str) -> dict[str, float]:
    """Connect, preview, approve and run through Dagster; seconds per Dagster step and of each job."""
    from aura_migration.cli import work
    from aura_migration.migration import decide
    from aura_migration.migration.integrations import connect_account
    from aura_migration.migration.workshop import Workshop
    from aura_migration.orchestration.instance import open_instance
    from aura_migration.settings import load_settings

    workshop = Workshop.open(load_settings())
    document = httpx.get(f"{base_url}/_control/credentials").json()["default"]
    integration, locations = connect_account(workshop, "square", base_url, document, f"Benchmark {scenario}")
    started = time.monotonic()
    plan = work.carry_out_preview(workshop, integration.id, (locations[0].key,), None)[0]
    previewed = time.monotonic()
    decide.approve(workshop, plan["migration_id"], plan["plan_hash"], "benchmark")
    result = work.carry_out_run(workshop, plan["migration_id"])
    figures: dict[str, float] = {"preview": previewed - started, "run": time.monotonic() - previewed}
    if result["scorecard"]["passed"] is not True:
        raise SystemExit(f"the benchmark's migration did not pass: {json.dumps(result['scorecard'])[:2000]}")
    with open_instance(workshop.settings) as instance:
        for record in instance.get_run_records():
            for step in instance.get_run_step_stats(record.dagster_run.run_id):
                if step.start_time and step.end_time:
                    figures[step.step_key] = step.end_time - step.start_time
    with workshop.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM migration.plan_rows WHERE plan_id = (SELECT max(id) FROM migration.plans WHERE state = 'loaded')"
        ).fetchone()
        figures["rows"] = float(row[0]) if row else 0.0
        spans = connection.execute(
            "SELECT extract(epoch FROM max(at) - min(at)) FROM migration.progress WHERE current_step LIKE 'Load%%'"
        ).fetchone()
        figures["write_batches"] = float(spans[0] or 0) if spans else 0.0
    return figures


def stages_alone(base_url: str) -> dict[str, float]:
    """The same café by the stage functions, without Dagster."""
    from datetime import UTC, datetime

    from aura_migration.migration import decide, stages
    from aura_migration.migration.integrations import connect_account, get_integration
    from aura_migration.migration.records import open_migration
    from aura_migration.migration.workshop import Workshop
    from aura_migration.settings import load_settings

    workshop = Workshop.open(load_settings())
    document = httpx.get(f"{base_url}/_control/credentials").json()["default"]
    integration, locations = connect_account(workshop, "square", base_url, document, "Benchmark café")
    started = time.monotonic()
    with workshop.connect() as connection:
        migration = open_migration(connection, get_integration(connection, integration.id), locations[0], None)
    stages.extract(workshop, migration.id, datetime.now(UTC), "benchmark")
    stages.canonicalise(workshop, migration.id, "benchmark")
    stored = stages.plan(workshop, migration.id, "benchmark")
    decide.approve(workshop, migration.id, stored.hash, "benchmark")
    stages.load(workshop, migration.id, "benchmark")
    stages.verify(workshop, migration.id, "benchmark")
    return {"stages": time.monotonic() - started}


def floor(source_url: str) -> dict[str, float]:
    """Write the very rows of the product's `aura` schema into a copy of it, by COPY and merge by primary key."""
    with psycopg.connect(source_url, autocommit=True) as connection:
        names = [r[0] for r in connection.execute(_LOADED_TABLES).fetchall()]
        bodies: dict[str, bytes] = {}
        for name in names:
            buffer = io.BytesIO()
            with connection.cursor() as cursor, cursor.copy(f"COPY aura.{name} TO STDOUT") as copy:
                for block in copy:
                    buffer.write(block)
            bodies[name] = buffer.getvalue()
        connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        connection.execute("CREATE SCHEMA floor")
        for name in names:
            connection.execute(f"CREATE TABLE floor.{name} (LIKE aura.{name} INCLUDING ALL)")
        connection.execute("CHECKPOINT")
        started = time.monotonic()
        for name in names:
            with connection.transaction():
                connection.execute(f"CREATE TEMP TABLE incoming (LIKE aura.{name}) ON COMMIT DROP")
                with connection.cursor() as cursor, cursor.copy("COPY incoming FROM STDIN") as copy:
                    copy.write(bodies[name])
                connection.execute(f"INSERT INTO floor.{name} SELECT * FROM incoming ON CONFLICT (id) DO NOTHING")
        seconds = time.monotonic() - started
        rows = sum(body.count(b"\n") for body in bodies.values())
        connection.execute("DROP SCHEMA floor CASCADE")
    return {"floor": seconds, "floor_rows": float(rows)}


_LOADED_TABLES = """
    SELECT DISTINCT aura_table FROM migration.journal WHERE undone_at IS NULL AND op = 'insert' ORDER BY 1
"""


# -- the run ----------------------------------------------------------------------------------------------------------------


def measure(rounds: int, scenario: str) -> dict[str, Series]:
    """All variants, interleaved."""
    from aura_migration.database import embedded

    series = {name: Series() for name in ("fetch", "product", "floor", "stages", "cafe")}
    stand, cafe = Stand(scenario), Stand("cafe")
    try:
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="aura-bench-") as folder:
                data = f"{folder}/data"
                try:
                    run_variant(
                        "benchmarks.menu", "fetch", surroundings(data), [stand.base_url]
                    )  # starts server, warms POS
                    series["fetch"].add(run_variant("benchmarks.menu", "fetch", surroundings(data), [stand.base_url]))
                    series["product"].add(
                        run_variant("benchmarks.menu", "product", surroundings(data), [stand.base_url, scenario])
                    )
                    series["floor"].add(
                        run_variant("benchmarks.menu", "floor", surroundings(data), [embedded.url(Path(data))])
                    )
                finally:
                    embedded.stop(Path(data))
            for variant, arguments in (("stages_alone", []), ("product", ["cafe"])):
                with tempfile.TemporaryDirectory(prefix="aura-bench-") as folder:
                    data = f"{folder}/data"
                    embedded.ensure_running(Path(data))
                    try:
                        figures = run_variant(
                            "benchmarks.menu", variant, surroundings(data), [cafe.base_url, *arguments]
                        )
                    finally:
                        embedded.stop(Path(data))
                    series["stages" if variant == "stages_alone" else "cafe"].add(figures)
    finally:
        stand.close()
        cafe.close()
    return series


def report(series: dict[str, Series], rounds: int, scenario: str) -> str:
    """The markdown of docs/performance.md."""
    product_, fetch_, floor_ = series["product"], series["fetch"], series["floor"]
    cafe, alone = series["cafe"], series["stages"]
    preview_ratio = product_.median("preview") / fetch_.median("fetch")
    writing = product_.median("write_batches")
    around = product_.median("load_plan") - sum(product_.median(s) for s in STEPS[:3])
    orchestration = cafe.median("preview") + cafe.median("run") - alone.median("stages")
    rows = [
        ["fetch alone", fetch_.shown("fetch"), "1.00 × fetch"],
        *[
            [f"step `{s}`", product_.shown(s), f"{product_.median(s) / fetch_.median('fetch'):.2f} × fetch"]
            for s in STEPS
        ],
        ["preview, wall", product_.shown("preview"), f"**{preview_ratio:.2f} × fetch** (aim < 3)"],
        [
            "run, wall (re-read, load, verify)",
            product_.shown("run"),
            f"{product_.median('run') / fetch_.median('fetch'):.2f} × fetch",
        ],
        ["floor: COPY + merge of the same rows", floor_.shown("floor"), "1.00 × floor"],
        [
            "load: all batches, first to last, with journal, crosswalk, claims and foreign keys",
            product_.shown("write_batches"),
            f"**{writing / floor_.median('floor'):.2f} × floor** (aim ≤ 5)",
        ],
        [
            "`load_plan` less the steps it repeats: also comparing and dropping the plan of the re-read",
            f"{around:.2f} s",
            f"{around / floor_.median('floor'):.2f} × floor",
        ],
    ]
    small = [
        ["stage functions alone", alone.shown("stages"), ""],
        [
            "through Dagster",
            f"{cafe.median('preview') + cafe.median('run'):.2f} s",
            f"orchestration adds **{orchestration:.2f} s** (aim ≤ 5)",
        ],
    ]
    return "\n\n".join(
        [
            f"Measured by `make bench` on {machine()}, {rounds} interleaved rounds, each variant in a fresh process; medians (min–max).",
            f"## Menu `{scenario}`: {product_.median('rows'):,.0f} planned rows, {floor_.median('floor_rows'):,.0f} rows written",
            table(["what", "seconds", "ratio"], rows),
            f"Peak memory of the product's process tree: {product_.shown('peak_mb', ' MB')}.",
            "## A small café",
            table(["what", "seconds", ""], small),
        ]
    )


def main() -> None:
    """Measure and write docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scenario", default="huge")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    chosen = parser.parse_args()
    if shutil.which("nice") is None:
        print("note: no `nice`; other work on this machine will show in the figures", file=sys.stderr)
    text = report(measure(chosen.rounds, chosen.scenario), chosen.rounds, chosen.scenario)
    put(chosen.output, "menu", text)
    print(text)


if __name__ == "__main__":
    main()
