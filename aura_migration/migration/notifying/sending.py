"""Sending what is queued, through Apprise: each notification by one sender at a time, again after a failure, later each time.

Apprise is imported when something is sent: it knows a hundred services. What it logs may hold addresses, so that of a failure
only the status the service answered with is kept.
"""

from __future__ import annotations

import logging
import re
import time
import warnings
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from psycopg.rows import dict_row

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database.connections import Connection
from aura_migration.migration.sealing import Box
from aura_migration.migration.workshop import Workshop

BOX = "notification targets"
MOST_ATTEMPTS = 10
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=2)
"""With ten attempts a target may be away for half a day."""
SEND_SECONDS = 15.0
BUDGET_SECONDS = 30.0
"""After which a round begins nothing more: whoever called has other things to do."""
SENDER = "AuraConnect migration"
_STATUS = re.compile(r"error=(\d{3})\b")


@dataclass(frozen=True)
class Told:
    """What a round of sending came to: ``waiting`` were not accepted and are tried again, ``failed`` are given up."""

    sent: int = 0
    waiting: int = 0
    failed: int = 0

    def as_dict(self) -> dict[str, int]:
        """``{"sent", "waiting", "failed"}``."""
        return asdict(self)


def send_due(workshop: Workshop, *, budget: float = BUDGET_SECONDS) -> Told:
    """Send what is due. A notification is locked while it is sent, so that several senders share the work.

    A sender that dies between a service's answer and our note tells it once more: a service cannot be asked what it has.
    """
    counts = {"sent": 0, "waiting": 0, "failed": 0}
    silent: set[int] = set()
    until = time.monotonic() + budget
    with workshop.connect(autocommit=False) as connection:
        while time.monotonic() < until:
            row = _next(connection, silent)
            if row is None:
                break
            address = Box(connection, workshop.vault, BOX).open(row["sealed_url"]).partition(b"\n")[2].decode()
            problem = deliver(address, row["title"], row["body"])
            counts[_note(connection, row["id"], row["attempts"] + 1, problem)] += 1
            connection.commit()
            if problem:
                silent.add(row["target_id"])  # the others of this target wait for the next round
        connection.commit()
    return Told(**counts)


def _next(connection: Connection, silent: set[int]) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT n.id, n.target_id, n.title, n.body, n.attempts, t.sealed_url "
            "FROM migration.notifications n JOIN migration.notification_targets t ON t.id = n.target_id "
            "WHERE n.state = 'pending' AND n.due_at <= clock_timestamp() AND t.is_active AND n.target_id <> ALL(%s) "
            "ORDER BY n.due_at, n.id LIMIT 1 FOR UPDATE OF n SKIP LOCKED",
            [sorted(silent)],
        ).fetchone()


def _note(connection: Connection, notification_id: int, attempts: int, problem: str) -> str:
    """Write down how an attempt went; ``sent``, ``waiting`` or ``failed``."""
    if not problem:
        connection.execute(
            "UPDATE migration.notifications SET state = 'sent', attempts = %s, problem = '', sent_at = clock_timestamp() WHERE id = %s",
            [attempts, notification_id],
        )
        return "sent"
    is_over = attempts >= MOST_ATTEMPTS
    connection.execute(
        "UPDATE migration.notifications SET state = %s, attempts = %s, problem = %s, due_at = clock_timestamp() + %s WHERE id = %s",
        [
            "failed" if is_over else "pending",
            attempts,
            problem,
            min(FIRST_DELAY * 2 ** (attempts - 1), LONGEST_DELAY),
            notification_id,
        ],
    )
    return "failed" if is_over else "waiting"


def send_test(workshop: Workshop, connection: Connection, target_id: int) -> None:
    """Send a target a message that says it works; EnvironmentFault where it is not accepted."""
    row = connection.execute(
        "SELECT name, sealed_url FROM migration.notification_targets WHERE id = %s", [target_id]
    ).fetchone()
    if row is None:
        raise EnvironmentFault(f"Target {target_id} is no longer there.", "Add it again.")
    address = Box(connection, workshop.vault, BOX).open(row[1]).partition(b"\n")[2].decode()
    text = f"This target is told what migrations need.\n{workshop.settings.public_url}/console"
    problem = deliver(address, "Test of a notification target", text)
    if problem:
        raise EnvironmentFault(
            f"The target {row[0]!r} was not reached: {problem}.",
            "Check its address, and that this machine may reach it.",
        )


def is_address(url: str) -> bool:
    """Whether Apprise can make something of an address. Nothing is sent."""
    return bool(_sender(url))


def deliver(url: str, title: str, body: str) -> str:
    """Send one message; empty where it was accepted, else what was wrong, without the address."""
    sender = _sender(url)
    if not sender:
        return "its address is not one Apprise knows"
    result = sender.notify(body=body, title=title, body_format=_apprise().NotifyFormat.TEXT, timeout=SEND_SECONDS)
    if result:
        return ""
    status = _STATUS.search(" ".join(str(entry.message) for entry in result.logs()))
    return f"it answered with status {status.group(1)}" if status else "it could not be reached or did not accept it"


def _sender(url: str) -> Any:
    apprise = _apprise()
    # No images: they would come from another site. No redirects: an address is where it says.
    asset = apprise.AppriseAsset(theme=None, http_redirects=False, app_id=SENDER, app_desc=SENDER, app_url="")
    sender = apprise.Apprise(asset=asset)
    sender.add(url)
    return sender


@cache
def _apprise() -> Any:
    """The library with all its services; that takes a second, and some of them warn as they load."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import apprise

        apprise.Apprise.instantiate("json://localhost")
    logging.getLogger("apprise").propagate = False  # its messages name addresses
    return apprise
