"""A location in its parallel window, an old POS that is a table, and tills that write to whoever takes orders.

The old POS of these tests stands beside AuraConnect in the same database (``pos_till``), so that a test sees both at once;
what is asked of the outside (following the POS, gates, writing back) is done by plain functions over that table.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.canonical.window import WindowPolicy
from aura_migration.cutover import channels, switching
from aura_migration.cutover.reverse_entries import Entry, Written, settle_entries
from aura_migration.cutover.switches import back_hash, sign_switch
from aura_migration.cutover.switching import SwitchDeps
from aura_migration.database.connections import connect

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
GATES = "every gate holds"
PEOPLE = ("ana", "ben")


_numbers = itertools.count(1)


class Killed(BaseException):
    """The process ends here; nothing of ours catches it."""


@dataclass
class Shop:
    """One restaurant with one location, its window open, nothing switched."""

    url: str
    connection: psycopg.Connection[Any]
    restaurant: int
    integration: int
    location: int
    migration: int
    key: str
    at: datetime = NOW
    real: datetime | None = None
    pos_refuses: bool = False
    followed: int = 0
    steps: list[str] = field(default_factory=list)

    def one(self, statement: str, *values: Any) -> Any:
        row = self.connection.execute(statement, values).fetchone()
        return row[0] if row else None

    def clock(self) -> datetime:
        """Real time, unless the test says what it is."""
        return self.real or datetime.now(UTC)

    # The old POS

    def sell_at_pos(self, number: str, channel: str = "in_house", cents: int = 1250) -> str:
        """An order at the old POS; answers its id there."""
        key = f"P-{number}"
        self.connection.execute(
            "INSERT INTO pos_till (shop, key, channel, number, cents, at) VALUES (%s, %s, %s, %s, %s, %s)",
            [self.location, key, channel, number, cents, self.at],
        )
        return key

    def follow(self) -> int:
        """Read the old POS: what AuraConnect took itself is known by its reference and not taken in again."""
        with connect(self.url, autocommit=True) as own:
            self.followed += 1
            own.execute(
                "INSERT INTO aura.orders (restaurant_id, location_id, business_date, business_date_rule, status, currency, "
                "subtotal_cents, final_amount_cents, opened_at, origin, channel, display_number, source_vendor, source_id, "
                "migration_run_id) SELECT %(r)s, %(l)s, (t.at AT TIME ZONE 'UTC')::date, 'closed', 'completed', 'USD', t.cents, "
                "t.cents, t.at, 'pos_native', t.channel, t.number, 'square', t.key, %(m)s FROM pos_till t WHERE t.shop = %(l)s AND t.reference IS NULL "
                "AND NOT EXISTS (SELECT FROM aura.orders o WHERE o.location_id = %(l)s AND o.source_id = t.key)",
                {"r": self.restaurant, "l": self.location, "m": self.migration},
            )
        return 0

    def write_back(self, entry: Entry, own: Any = None) -> Written:
        """What a POS that can be written does with an entry, idempotently by its row."""
        key = f"W-{entry.aura_table}-{entry.aura_id}"
        if entry.kind in ("order", "void"):
            (own or self.connection).execute(
                "INSERT INTO pos_till (shop, key, channel, number, cents, at, reference, is_voided) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
                "ON CONFLICT (shop, key) DO UPDATE SET cents = excluded.cents, is_voided = excluded.is_voided",
                [
                    self.location,
                    key,
                    entry.content["channel"],
                    entry.content["number"],
                    entry.content["total_cents"],
                    entry.content["opened_at"] or self.at,
                    f"aura:{entry.aura_id}",
                    entry.kind == "void",
                ],
            )
        return Written(pos_key=key)

    def settle(self) -> int:
        with connect(self.url, autocommit=True) as own:
            return settle_entries(own, self.migration, lambda entry: self.write_back(entry, own)).waiting

    # AuraConnect

    def sell_at_aura(
        self, number: str | None = None, channel: str = "in_house", cents: int = 1250, own: Any = None
    ) -> int:
        """An order at AuraConnect's till; its trigger refuses it (AU001) while AuraConnect does not accept the channel."""
        row = (
            (own or self.connection)
            .execute(
                "INSERT INTO aura.orders (restaurant_id, location_id, business_date, business_date_rule, status, currency, "
                "subtotal_cents, final_amount_cents, opened_at, origin, channel, display_number) "
                "VALUES (%s, %s, %s, 'closed', 'completed', 'USD', %s, %s, %s, 'aura_native', %s, %s) RETURNING id",
                [self.restaurant, self.location, self.at.date(), cents, cents, self.business_now(), channel, number],
            )
            .fetchone()
        )
        assert row is not None
        return int(row[0])

    def business_now(self) -> datetime:
        """The tills' clocks stand right: they go on from ``at``."""
        return self.at + timedelta(seconds=1)

    def accepts(self, channel: str) -> str:
        return channels.who_accepts(self.connection, self.key, self.location, channel)

    def owner(self, channel: str) -> str:
        found = self.one(
            "SELECT book FROM migration.channel_ownership WHERE location_key = %s AND channel = %s ORDER BY from_at DESC LIMIT 1",
            self.key,
            channel,
        )
        return str(found or "pos")

    @property
    def phase(self) -> str:
        found: str = self.one("SELECT phase FROM migration.windows WHERE migration_id = %s", self.migration)
        return found

    # Switching

    def deps(self, **more: Any) -> SwitchDeps:
        """What a switch asks for: everything holds unless a test says otherwise."""
        told = SwitchDeps(
            gates=lambda channel: GATES,
            drain=self.follow,
            settle=self.settle,
            clock=self.clock,
            step_done=self.steps.append,
        )
        return replace(told, **more)

    def sign(self, channel: str, direction: str = "forward", people: Sequence[str] = PEOPLE) -> None:
        gates = GATES if direction == "forward" else back_hash(self.connection, self.migration, channel)
        for person in people:
            sign_switch(self.connection, self.migration, channel, direction, person, "", gates)

    def switch(self, channel: str, *, sign: bool = True, own: Any = None, **more: Any) -> switching.Switch:
        if sign:
            self.sign(channel)
        return switching.switch(own or self.connection, self.migration, channel, "ana", self.at, deps=self.deps(**more))

    def image(self) -> dict[str, str]:
        """What AuraConnect goes by and whose books count, to the byte."""
        return {
            table: str(
                self.one(
                    f"SELECT coalesce(string_agg(to_jsonb(t)::text, E'\\n' ORDER BY to_jsonb(t)::text), '') FROM {table} t {where}",
                    *values,
                )
            )
            for table, where, values in (
                ("aura.channel_status", "WHERE location_id = %s", (self.location,)),
                ("aura.features", "WHERE location_id = %s", (self.location,)),
                ("aura.limited_menus", "WHERE location_id = %s", (self.location,)),
                ("aura.order_numbers", "WHERE location_id = %s", (self.location,)),
                ("migration.channel_ownership", "WHERE location_key = %s", (self.key,)),
                ("migration.windows", "WHERE migration_id = %s", (self.migration,)),
                ("aura.orders", "WHERE origin = 'aura_native' AND location_id = %s", (self.location,)),
            )
        }


def make_old_pos(connection: psycopg.Connection[Any]) -> None:
    """The old POS's own table; once per database."""
    connection.execute(
        "CREATE UNLOGGED TABLE pos_till (shop bigint, key text, channel text, number text, cents bigint, at timestamptz, "
        "reference text, is_voided boolean NOT NULL DEFAULT false, PRIMARY KEY (shop, key))"
    )


def open_shop(
    url: str, connection: psycopg.Connection[Any], policy: WindowPolicy | None = None, beside: Shop | None = None
) -> Shop:
    """A location whose window is open; the POS has three orders that AuraConnect does not know yet.

    ``beside``: it is another location of the same account and restaurant.
    """

    def made(statement: str, *values: Any) -> int:
        row = connection.execute(statement, values).fetchone()
        assert row is not None
        return int(row[0])

    name = f"L{next(_numbers)}"
    key = f"square:{name}"
    restaurant = beside.restaurant if beside else made("INSERT INTO aura.restaurants (name) VALUES ('R') RETURNING id")
    location = made(
        "INSERT INTO aura.locations (restaurant_id, name, timezone) VALUES (%s, 'L', 'America/New_York') RETURNING id",
        restaurant,
    )
    integration = (
        beside.integration
        if beside
        else made(
            "INSERT INTO migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name) "
            "VALUES (%s, 'square', 'http://pos', %s, 'M') RETURNING id",
            restaurant,
            name,
        )
    )
    connection.execute(
        "INSERT INTO migration.locations (key, integration_id, restaurant_id, source_id, name, facts) VALUES (%s, %s, %s, %s, 'L', '{}')",
        [key, integration, restaurant, name],
    )
    migration = made(
        "INSERT INTO migration.migrations (integration_id, restaurant_id, location_key, state) VALUES (%s, %s, %s, 'parallel') RETURNING id",
        integration,
        restaurant,
        key,
    )
    connection.execute(
        "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
        "first_migration_id, last_migration_id) VALUES (%s, %s, 'locations', %s, 'locations', %s, %s, %s)",
        [restaurant, integration, name, location, migration, migration],
    )
    connection.execute(
        "INSERT INTO migration.windows (migration_id, location_key, opened_at, first_day, policy, opened_by) VALUES (%s, %s, %s, %s, %s, 'ana')",
        [migration, key, NOW - timedelta(days=30), NOW.date() - timedelta(days=30), Jsonb((policy or WindowPolicy()).model_dump(mode="json", by_alias=True))],
    )  # fmt: skip
    channels.close_channels(connection, location)
    shop = Shop(url, connection, restaurant, integration, location, migration, key)
    for number in ("1041", "A-1042", "#0007"):
        shop.sell_at_pos(number)
    return shop
