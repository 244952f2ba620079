"""Who is told: addresses in Apprise's notation, set up by administrators, sealed, and shown without what makes them work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection
from aura_migration.migration.notifying.facts import EVENTS
from aura_migration.migration.notifying.sending import BOX, is_address
from aura_migration.migration.sealing import Box
from aura_migration.migration.workshop import Workshop

LONGEST_NAME = 80
LONGEST_URL = 2_000
LIST = "`aura-migration notify targets list` has them."


@dataclass(frozen=True)
class Target:
    """One target; the address only by its scheme: every other part of it may be a secret."""

    id: int
    name: str
    url: str
    events: list[str]
    restaurant_id: int | None
    is_active: bool
    created_by: str
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """All of it, for an answer."""
        return asdict(self)


def add_target(
    workshop: Workshop,
    connection: Connection,
    name: str,
    url: str,
    by: str,
    events: Sequence[str] = (),
    restaurant_id: int | None = None,
) -> Target:
    """Set up a target for events (none named: all) of one restaurant (None: of all). ``Refused`` where the name is taken."""
    name, url = name.strip(), url.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInput(f"A target's name has 1 to {LONGEST_NAME} printable characters.", "Give it a short name.")
    unknown = sorted(set(events) - set(EVENTS))
    if unknown:
        raise BadInput(f"There is no event {', '.join(unknown)}.", f"There are: {', '.join(EVENTS)}.")
    if len(url) > LONGEST_URL or not url.isprintable() or "://" not in url or not is_address(url):
        raise BadInput(
            "The address is not one Apprise knows.",
            "Apprise's documentation has the form for each service: mailto://, slack://, msteams://, json:// …",
        )
    if restaurant_id is not None and not _exists(connection, restaurant_id):
        raise BadInput(f"Restaurant {restaurant_id} does not exist in AuraConnect.", "Check the restaurant's id.")
    scheme = url.partition("://")[0].lower()
    sealed = Box(connection, workshop.vault, BOX).seal(f"{scheme}\n{url}".encode())
    row = connection.execute(
        "INSERT INTO migration.notification_targets (name, sealed_url, events, restaurant_id, created_by) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING id",
        [name, sealed, [event for event in EVENTS if not events or event in events], restaurant_id, by],
    ).fetchone()
    if row is None:
        raise Refused(f"There is a target named {name!r} already.", "Remove it first, or choose another name.")
    return find_target(workshop, connection, int(row[0]))


def _exists(connection: Connection, restaurant_id: int) -> bool:
    return connection.execute("SELECT 1 FROM aura.restaurants WHERE id = %s", [restaurant_id]).fetchone() is not None


def list_targets(workshop: Workshop, connection: Connection, restaurants: Sequence[int] | None = None) -> list[Target]:
    """Targets by id; of these restaurants alone where they are named."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT id, name, sealed_url, events, restaurant_id, is_active, created_by, created_at "
            "FROM migration.notification_targets "
            "WHERE %(restaurants)s::bigint[] IS NULL OR restaurant_id = ANY(%(restaurants)s) ORDER BY id",
            {"restaurants": None if restaurants is None else list(restaurants)},
        ).fetchall()
    box = Box(connection, workshop.vault, BOX) if rows else None
    found = []
    for row in rows:
        assert box is not None
        scheme = box.open(row.pop("sealed_url")).partition(b"\n")[0].decode()
        found.append(Target(url=f"{scheme}://***", **row))
    return found


def find_target(
    workshop: Workshop, connection: Connection, target: int | str, restaurants: Sequence[int] | None = None
) -> Target:
    """A target by id or name; BadInput where there is none, or not for these restaurants."""
    for found in list_targets(workshop, connection, restaurants):
        if target in (found.id, found.name):
            return found
    raise BadInput(f"There is no target {target!r}.", LIST)


def remove_target(connection: Connection, target_id: int) -> None:
    """Forget a target with its address and what it was told."""
    if connection.execute("DELETE FROM migration.notification_targets WHERE id = %s", [target_id]).rowcount == 0:
        raise BadInput(f"There is no target {target_id}.", LIST)


@dataclass(frozen=True)
class Notification:
    """What a target is or was told."""

    id: int
    target_id: int
    target: str
    event: str
    migration_id: int | None
    title: str
    body: str
    state: str
    attempts: int
    problem: str
    created_at: datetime
    sent_at: datetime | None


def list_notifications(
    connection: Connection, restaurants: Sequence[int] | None = None, *, after: int = 0, limit: int = 100
) -> list[Notification]:
    """Notifications, newest first; of the targets of these restaurants alone where they are named. ``after``: the last id seen."""
    with connection.cursor(row_factory=class_row(Notification)) as cursor:
        return cursor.execute(
            "SELECT n.id, n.target_id, t.name AS target, n.event, n.migration_id, n.title, n.body, n.state, n.attempts, n.problem, "
            "n.created_at, n.sent_at FROM migration.notifications n JOIN migration.notification_targets t ON t.id = n.target_id "
            "WHERE (%(restaurants)s::bigint[] IS NULL OR t.restaurant_id = ANY(%(restaurants)s)) "
            "AND (%(after)s = 0 OR n.id < %(after)s) ORDER BY n.id DESC LIMIT %(limit)s",
            {
                "restaurants": None if restaurants is None else list(restaurants),
                "after": after,
                "limit": limit,
            },
        ).fetchall()
