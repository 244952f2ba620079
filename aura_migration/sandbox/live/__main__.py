"""`python -m aura_migration.sandbox.live`: let days pass at a POS sandbox that is being served and in AuraConnect's database."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta

import httpx
import psycopg

from aura_migration.sandbox.live.causes import inject
from aura_migration.sandbox.live.counter import Counter, CounterError
from aura_migration.sandbox.live.injecting import CAUSES
from aura_migration.sandbox.live.menu import Connection
from aura_migration.sandbox.live.till import OrderRefusedError, Till
from aura_migration.sandbox.live.trading import LiveRestaurant, TradingDay


def main(argv: Sequence[str] | None = None) -> int:
    """Trade, and print the known truth of the days as JSON. Answers the exit code: 2 for what cannot be done as asked, 3 for
    a sandbox or database that cannot be reached."""
    parser = argparse.ArgumentParser(
        prog="python -m aura_migration.sandbox.live",
        description="Let days of trade pass at a POS sandbox and in AuraConnect; prints the known truth by business date.",
    )
    parser.add_argument("--control-url", required=True, help="the sandbox's control surface, ends in /_control")
    parser.add_argument("--database-url", required=True, help="AuraConnect's database")
    parser.add_argument("--location", help="the POS's id of the location; default: its first")
    parser.add_argument(
        "--day", type=date.fromisoformat, help="the first business date; default: the POS's present one"
    )
    parser.add_argument("--days", type=int, default=1, help="how many pass (default 1)")
    parser.add_argument("--orders", type=int, default=20, help="ordinary orders a day (default 20)")
    parser.add_argument("--both", type=int, default=0, help="orders a day that are in both systems besides")
    parser.add_argument(
        "--inject", action="append", default=[], choices=[*CAUSES], help="a difference on the first day"
    )
    parser.add_argument(
        "--own", action="append", default=[], choices=["online", "in_house"], help="AuraConnect's already"
    )
    parser.add_argument("--seed", type=int, default=1, help="what the guests order")
    given = parser.parse_args(argv)
    try:
        place = given.location or _first_location(given.control_url)
        with (
            psycopg.connect(given.database_url, autocommit=True) as connection,
            closing(Counter(given.control_url, place)) as counter,
        ):
            live = LiveRestaurant(Till(connection, _location(connection, place)), counter, given.seed)
            first = given.day or live.hours.day(counter.now)
            for channel in given.own:
                live.own(channel, "auraconnect", live.hours.opens(first))
            for cause in given.inject:
                inject(live, cause, first)
            for number in range(given.days):
                live.trade(TradingDay(first + timedelta(days=number), given.orders, both=given.both))
            print(json.dumps(live.ledger.truth(), indent=2))
            return 0
    except (LookupError, CounterError, OrderRefusedError) as error:
        print(error, file=sys.stderr)
        return 2
    except (httpx.TransportError, psycopg.OperationalError) as error:
        print(f"cannot be reached: {error}", file=sys.stderr)
        return 3


def _first_location(control_url: str) -> str:
    truth = httpx.get(f"{control_url}/truth", timeout=60).raise_for_status().json()
    return str(truth["locations"][0]["id"])


def _location(connection: Connection, source: str) -> int:
    """AuraConnect's id of the location that the POS knows by that id."""
    row = connection.execute(
        "SELECT id FROM aura.locations WHERE source_id = %s AND deleted_at IS NULL ORDER BY id LIMIT 1", [source]
    ).fetchone()
    if row is None:
        raise LookupError(f"AuraConnect has no location with the POS's id {source!r}; migrate it first")
    return int(row[0])


if __name__ == "__main__":
    sys.exit(main())
