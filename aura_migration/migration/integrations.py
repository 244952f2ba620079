"""Connected POS accounts and their locations: connect, reconnect, list.

The same account (pos, base URL, merchant id) is one integration for ever; connecting it again replaces its credentials.
A location belongs to one restaurant; another restaurant that reaches it is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import AuraError, BadInput, EnvironmentFault, Refused
from aura_migration.core.ids import location_key
from aura_migration.database.connections import Connection, transaction_lock
from aura_migration.migration.states import STANDING, transition
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.client import checked_base_url
from aura_migration.pos.http.errors import ReconnectNeeded
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.http.tokens import MemoryStore
from aura_migration.pos.port import Account, Connector, Discovery, SourceLocation


@dataclass(frozen=True)
class Integration:
    """One connected account."""

    id: int
    restaurant_id: int
    pos: str
    base_url: str
    merchant_id: str
    merchant_name: str
    status: str
    status_reason: str


@dataclass(frozen=True)
class KnownLocation:
    """One location of an integration as it was discovered."""

    key: str
    name: str
    integration_id: int
    restaurant_id: int
    source: SourceLocation


class TooSlow(EnvironmentFault):
    """The POS did not answer in the time the caller had."""


class TakenElsewhere(Refused):
    """The account or one of its locations belongs to another restaurant, which ``restaurant_id`` in the details names."""


Merge = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


def connect_account(
    workshop: Workshop,
    pos: str,
    base_url: str | None,
    document: Any,
    restaurant_name: str,
    restaurant_id: int | None = None,
    switches: Mapping[str, Any] | None = None,
    *,
    merge: Merge | None = None,
    also: Callable[[Connection, Integration], None] | None = None,
    within: float | None = None,
) -> tuple[Integration, list[KnownLocation]]:
    """Sign in with the given credentials, discover the account, and store integration, credentials and locations.

    Nothing is stored unless the POS answered. Creates the restaurant unless told which. ``merge`` makes the credentials to
    be stored of those the integration had and the new ones (else the new ones stand); ``also`` is done in the same
    transaction. ``TakenElsewhere`` where the account or a location belongs to another restaurant; ``TooSlow`` where the POS
    did not describe the account ``within`` so many seconds.
    """
    connector = workshop.connector(pos)
    _check_switches(connector, switches or {})
    url = checked_base_url(base_url or connector.default_base_url)
    credentials = connector.parse_credentials(document)
    try:
        found, used = asyncio.run(_discover(connector, url, credentials, within))
    except TimeoutError as error:
        raise TooSlow(
            f"{connector.title} did not describe the account within {within:.0f} s.",
            "Nothing was stored. Try again later; the command line waits as long as it takes.",
        ) from error
    with workshop.connect(autocommit=False) as connection:
        transaction_lock(connection, f"connect {pos} {url} {found.merchant_id}")
        if merge is not None:
            found = _as_known(connection, pos, url, found)
        integration = _integration(connection, pos, url, found, restaurant_name, restaurant_id)
        workshop.credentials.replace(
            integration.id, _merged(workshop, connection, integration, used, merge), None, connection
        )
        if switches:
            connection.execute(
                "UPDATE migration.integrations SET switches = switches || %s WHERE id = %s",
                [Jsonb(dict(switches)), integration.id],
            )
        locations = _store_locations(connection, integration, found)
        _return_from_reconnect(connection, integration.id)
        note_reached(connection, integration.id)
        if also is not None:
            also(connection, integration)
        connection.commit()
    return integration, locations


def _as_known(connection: Connection, pos: str, url: str, found: Discovery) -> Discovery:
    """What was discovered, under the name of the integration that has these locations already: where every location has an
    account of its own, an integration may hold several, and only one of them was just agreed to.
    """
    rows = connection.execute(
        "SELECT DISTINCT i.merchant_id, i.merchant_name FROM migration.locations l JOIN migration.integrations i "
        "ON i.id = l.integration_id WHERE i.pos = %s AND i.base_url = %s AND l.key = ANY(%s)",
        [pos, url, [location_key(pos, source.source_id) for source in found.locations]],
    ).fetchall()
    return replace(found, merchant_id=rows[0][0], merchant_name=rows[0][1]) if len(rows) == 1 else found


def _merged(
    workshop: Workshop, connection: Connection, integration: Integration, used: dict[str, Any], merge: Merge | None
) -> dict[str, Any]:
    """The credentials to store. Renewals of the stored ones by others wait until the transaction has ended."""
    if merge is None:
        return used
    known = connection.execute(
        "SELECT 1 FROM migration.credentials WHERE integration_id = %s FOR UPDATE", [integration.id]
    ).fetchone()
    return merge(workshop.credentials.load(integration.id)[0], used) if known else used


def _check_switches(connector: Connector, switches: Mapping[str, Any]) -> None:
    known = getattr(connector, "switches", {})  # a plugin may have none
    unknown = sorted(set(switches) - set(known))
    if unknown:
        said = "; ".join(f"{name}: {meaning}" for name, meaning in known.items()) or "it has none"
        raise BadInput(f"{connector.title} has no switch {', '.join(unknown)}.", f"Its switches: {said}.")


def _return_from_reconnect(connection: psycopg.Connection[Any], integration_id: int) -> None:
    """Migrations that waited for the account go on where they were."""
    rows = connection.execute(
        f"SELECT id, resume_state FROM migration.migrations WHERE integration_id = %s AND {STANDING} = 'reconnect_needed' FOR UPDATE",
        [integration_id],
    ).fetchall()
    for migration_id, state in rows:
        transition(connection, migration_id, state or "draft", "connect", "the account was connected again")


async def _discover(
    connector: Connector, url: str, credentials: dict[str, Any], within: float | None
) -> tuple[Discovery, dict[str, Any]]:
    """Discover with credentials held in memory; signing in may rotate them, so the rotated ones come back."""
    store = MemoryStore(0, credentials)
    async with asyncio.timeout(within), Buckets.in_memory() as buckets:
        account = Account(integration_id=0, base_url=url, credentials=store, buckets=buckets)
        async with connector.open(account) as session:
            found = await session.discover()
    if not found.locations:
        raise BadInput(
            f"The {connector.title} account {found.merchant_name!r} reaches no location.",
            "Check that the credentials belong to the restaurant and cover its locations.",
        )
    return found, store.load(0)[0]


def _integration(
    connection: psycopg.Connection[Any],
    pos: str,
    url: str,
    found: Discovery,
    restaurant_name: str,
    restaurant_id: int | None,
) -> Integration:
    row = connection.execute(
        "SELECT id, restaurant_id FROM migration.integrations WHERE pos = %s AND base_url = %s AND merchant_id = %s",
        [pos, url, found.merchant_id],
    ).fetchone()
    if row is not None:
        integration_id, owner = row
        if restaurant_id is not None and restaurant_id != owner:
            raise TakenElsewhere(
                f"This {pos} account is already connected to restaurant {owner}.",
                f"Use --restaurant-id {owner}, or leave it out.",
                restaurant_id=owner,
            )
        connection.execute(
            "UPDATE migration.integrations SET status = 'connected', status_reason = '', merchant_name = %s, updated_at = now() "
            "WHERE id = %s",
            [found.merchant_name, integration_id],
        )
        return get_integration(connection, integration_id)
    if restaurant_id is None:
        site = found.locations[0]
        made = connection.execute(
            "INSERT INTO aura.restaurants (name, timezone, currency) VALUES (%s, %s, %s) RETURNING id",
            [restaurant_name, site.timezone, site.currency],
        ).fetchone()
        assert made is not None
        restaurant_id = int(made[0])
    elif connection.execute("SELECT 1 FROM aura.restaurants WHERE id = %s", [restaurant_id]).fetchone() is None:
        raise BadInput(f"Restaurant {restaurant_id} does not exist in AuraConnect.", "Check --restaurant-id.")
    made = connection.execute(
        "INSERT INTO migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name) "
        "VALUES (%s, %s, %s, %s, %s) RETURNING id",
        [restaurant_id, pos, url, found.merchant_id, found.merchant_name],
    ).fetchone()
    assert made is not None
    return get_integration(connection, int(made[0]))


def _store_locations(
    connection: psycopg.Connection[Any], integration: Integration, found: Discovery
) -> list[KnownLocation]:
    for source in found.locations:
        key = location_key(integration.pos, source.source_id)
        owner = connection.execute(
            "SELECT l.restaurant_id, i.id FROM migration.locations l JOIN migration.integrations i ON i.id = l.integration_id "
            "WHERE l.key = %s",
            [key],
        ).fetchone()
        if owner is not None and owner[1] != integration.id:
            raise TakenElsewhere(
                f"Location {key} belongs to restaurant {owner[0]} through integration {owner[1]}.",
                "A location has one owner: connect it again there, with all the merchants that integration has.",
                restaurant_id=owner[0],
            )
        facts = {
            "timezone": source.timezone,
            "currency": source.currency,
            "closeout": source.closeout,
            "closeout_source": source.closeout_source,
            "proposed_closeout": source.proposed_closeout,
            "proposal_source": source.proposal_source,
            "is_active": source.is_active,
            "group_id": source.group_id,
            "address": dict(source.address),
        }
        connection.execute(
            "INSERT INTO migration.locations (key, integration_id, restaurant_id, source_id, name, facts) VALUES (%s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (key) DO UPDATE SET name = excluded.name, facts = excluded.facts, updated_at = now()",
            [key, integration.id, integration.restaurant_id, source.source_id, source.name, Jsonb(facts)],
        )
    return list_locations(connection, integration.id)


_COLUMNS = "id, restaurant_id, pos, base_url, merchant_id, merchant_name, status, status_reason"


def get_integration(connection: psycopg.Connection[Any], integration_id: int) -> Integration:
    """An integration by id; ``BadInput`` when there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM migration.integrations WHERE id = %s", [integration_id]
    ).fetchone()
    if row is None:
        raise BadInput(f"Integration {integration_id} does not exist.", "`aura-migration integrations` lists them.")
    return Integration(*row)


def list_integrations(connection: psycopg.Connection[Any]) -> list[Integration]:
    """All integrations by id."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM migration.integrations ORDER BY id").fetchall()
    return [Integration(*row) for row in rows]


def list_locations(connection: psycopg.Connection[Any], integration_id: int) -> list[KnownLocation]:
    """The locations of an integration in location-key order, which is also the order in which they are planned."""
    cursor = connection.cursor(row_factory=dict_row)
    rows = cursor.execute(
        'SELECT * FROM migration.locations WHERE integration_id = %s ORDER BY key COLLATE "C"', [integration_id]
    ).fetchall()
    return [_known(row) for row in rows]


def get_location(connection: psycopg.Connection[Any], key: str) -> KnownLocation:
    """A location by its key; ``BadInput`` names the remedy when it is unknown."""
    cursor = connection.cursor(row_factory=dict_row)
    row = cursor.execute("SELECT * FROM migration.locations WHERE key = %s", [key]).fetchone()
    if row is None:
        raise BadInput(
            f"Location {key!r} is not known.", "`aura-migration integrations` lists the locations of each integration."
        )
    return _known(row)


def choose_locations(
    connection: psycopg.Connection[Any], integration_id: int, keys: tuple[str, ...]
) -> list[KnownLocation]:
    """The named locations of an integration (all when none is named), in planning order."""
    known = list_locations(connection, integration_id)
    if not keys:
        return [location for location in known if location.source.is_active] or known
    by_key = {location.key: location for location in known}
    unknown = [key for key in keys if key not in by_key]
    if unknown:
        raise BadInput(
            f"Integration {integration_id} has no location {', '.join(unknown)}.",
            f"It has {', '.join(by_key) or 'none'}.",
        )
    return [location for location in known if location.key in keys]


def mark_reconnect_needed(connection: psycopg.Connection[Any], integration_id: int, reason: str) -> None:
    """The POS no longer accepts the integration's credentials; the restaurant has to connect again."""
    connection.execute(
        "UPDATE migration.integrations SET status = 'reconnect_needed', status_reason = %s, updated_at = now() "
        "WHERE id = %s AND status <> 'disconnected'",
        [reason, integration_id],
    )


def note_reached(connection: psycopg.Connection[Any], integration_id: int) -> None:
    """The POS answered what the integration asked."""
    connection.execute(
        "UPDATE migration.integrations SET last_reached_at = clock_timestamp() WHERE id = %s", [integration_id]
    )


def note_fault(connection: psycopg.Connection[Any], integration_id: int, error: AuraError) -> None:
    """The POS could not be asked, or refused; where it takes the restaurant to connect again, that is its status, too."""
    connection.execute(
        "UPDATE migration.integrations SET last_fault = %s, last_fault_at = clock_timestamp() WHERE id = %s",
        [str(error), integration_id],
    )
    if isinstance(error, ReconnectNeeded):
        mark_reconnect_needed(connection, integration_id, str(error))


def _known(row: dict[str, Any]) -> KnownLocation:
    facts = row["facts"]
    source = SourceLocation(
        source_id=row["source_id"],
        name=row["name"],
        timezone=facts["timezone"],
        currency=facts["currency"],
        closeout=facts["closeout"],
        is_active=facts["is_active"],
        group_id=facts["group_id"],
        address=facts["address"],
        **{name: facts.get(name, "") for name in ("closeout_source", "proposed_closeout", "proposal_source")},
    )
    return KnownLocation(row["key"], row["name"], row["integration_id"], row["restaurant_id"], source)
