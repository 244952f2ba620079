"""The benchmark of order replay: past orders a second on one core, read from PostgreSQL, decoded, rung up, priced and compared.

A stand-in of Square sells for a year; its menu, rules and orders are loaded once. Reading is measured with the decoding, judging on
decoded orders, beginning with nothing remembered.

    python -m benchmarks.order_replay

puts a section into docs/performance.md; three minutes, most of it loading.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from aura_migration.database import embedded
from aura_migration.migration import decide, stages
from aura_migration.migration.integrations import connect_account
from aura_migration.migration.records import open_migration
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings
from aura_migration.verify.replay.book import Book
from aura_migration.verify.replay.reading import read_book
from aura_migration.verify.replay.replay import Judging, replay_orders
from aura_migration.verify.replay.rung import RungOrder, Span, past_orders
from benchmarks.harness import ROOT, Stand, machine, put, table

BY = "benchmark"
NOW = "2026-10-01T15:00:00+00:00"
ROUNDS = 5
"""Times that the same orders are judged; the median counts."""


def load(stand: Stand, workshop: Workshop) -> int:
    """Load the busiest site of the stand-in; answers AuraConnect's id of it."""
    document = httpx.get(f"{stand.base_url}/_control/credentials").json()["default"]
    integration, locations = connect_account(workshop, "square", stand.base_url, document, "Benchmark replay")
    site = max(locations, key=lambda found: found.key)
    with workshop.connect() as connection:
        migration = open_migration(connection, integration, site, None).id
    stages.extract(workshop, migration, datetime.now(UTC), BY)
    stages.canonicalise(workshop, migration, BY)
    stored = stages.plan(workshop, migration, BY)
    decide.approve(workshop, migration, stored.hash, BY, confirm_inferred=True)
    stages.load(workshop, migration, BY)
    with workshop.connect() as connection:
        row = connection.execute(
            "SELECT location_id FROM aura.orders GROUP BY location_id ORDER BY count(*) DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    return int(row[0])


def judged(book: Book, past: list[RungOrder]) -> float:
    """Processor time of judging the orders once, beginning with nothing remembered."""
    gc.collect()
    gc.disable()
    judging = Judging(book)
    start = time.process_time()
    judging.take(past)
    taken = time.process_time() - start
    gc.enable()
    return taken


def measure(orders: int) -> tuple[int, list[tuple[str, str, str]]]:
    """Load that many orders and replay them; rows of (what, orders a second, time of an order)."""
    with tempfile.TemporaryDirectory() as name:
        stand = Stand("year", "square", "--orders", str(orders), "--limits", "off", "--now", NOW)
        try:
            workshop = Workshop.open(load_settings({"AURA_DATA_DIR": name, "AURA_NOW": NOW}))
            place = load(stand, workshop)
            with workshop.connect() as connection:
                row = connection.execute("SELECT restaurant_id FROM aura.locations WHERE id = %s", [place]).fetchone()
                assert row is not None
                restaurant = int(row[0])
                book = read_book(connection, restaurant, place, "square")
                start = time.process_time()
                past = list(past_orders(connection, place, book.zone, Span()))
                reading = time.process_time() - start
                first = statistics.median(judged(book, past) for _ in range(ROUNDS))
                start = time.process_time()
                whole = replay_orders(connection, restaurant, place, "square", Span())
                everything = time.process_time() - start
        finally:
            stand.close()
            embedded.stop(Path(name))
    count = len(past)
    assert whole.orders == count

    def row_of(what: str, seconds: float) -> tuple[str, str, str]:
        return what, f"**{count / seconds:,.0f}**", f"{seconds / count * 1e6:,.0f} µs"

    return count, [
        row_of("read and decode", reading),
        row_of("ring up, price, compare", first),
        row_of("a whole replay, with explanations", everything),
    ]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Past orders replayed a second on one core.")
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    chosen = parser.parse_args()
    count, rows = measure(chosen.orders)
    text = f"""## Order replay: past orders a second on one core (aim ≥ 10,000 decoded orders)

Written by `python -m benchmarks.order_replay` on {machine()}; {count:,} orders of a Square site over a year, processor time of the product (the database's own is not in it).

{table(("step", "orders a second", "an order"), rows)}
"""
    print(text)
    put(chosen.output, "order_replay", text)


if __name__ == "__main__":
    main()
