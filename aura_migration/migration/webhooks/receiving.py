"""Receiving a delivery: whose event it is, whether it is genuine, and the row it becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aura_migration.database.connections import Connection, transaction_lock
from aura_migration.migration.sealing import Box, opened
from aura_migration.migration.webhooks.events import BOX, VERIFICATION
from aura_migration.migration.webhooks.keys import key_name, reader
from aura_migration.migration.webhooks.settling import ACCESS, settle
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.webhooks import Delivery, Touched, Unreadable, WebhookEvent, WebhookReader

MOST_REJECTED = 500
"""Deliveries that are not genuine and are stored all the same, in a day."""
MOST_CODES = 20
"""Verification codes kept."""
REJECTED_BYTES = 16_384
"""Of a body that is not genuine; the hash is of all of it."""
MOST_KEYS = 50
"""Keys tried on an event whose merchant nobody has connected."""
UNKNOWN = "nobody has connected this merchant"


@dataclass(frozen=True)
class Receipt:
    """What became of a delivery: ``why_not`` is empty where all of it was genuine, or it was a handshake."""

    why_not: str
    events: tuple[int, ...] = ()
    integrations: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Account:
    """An integration that an event may be about."""

    id: int
    status: str
    is_named: bool
    sealed_key: bytes | None = field(repr=False)


@dataclass(frozen=True)
class _Judged:
    """An event with the account it is about, and why it is not believed or leads to nothing."""

    event: WebhookEvent
    integration_id: int | None
    why_not: str = ""
    note: str = ""


def receive(
    workshop: Workshop, connection: Connection, pos: str, delivery: Delivery, integration_id: int | None = None
) -> Receipt:
    """Store a delivery and act on it. ``integration_id`` is that of the address it came to, as far as it names one.

    Whatever cannot be written raises, so that the POS is told to send it again.
    """
    read = reader(workshop, pos)
    box = Box(connection, workshop.vault, BOX)
    code = read.verification_code(delivery)
    if code:
        return _store_code(connection, box, pos, delivery, integration_id)
    try:
        judged = [_judge(workshop, connection, pos, read, delivery, e, integration_id) for e in read.events(delivery)]
    except Unreadable as error:
        judged = [_Judged(WebhookEvent("", ""), _existing(connection, pos, integration_id), str(error))]
    rejected = [each for each in judged if each.why_not]
    stored: list[int] = []
    with connection.transaction():
        for each in judged:
            if not each.why_not:
                stored.append(_store(connection, box, pos, delivery, read, each))
        if rejected:
            _store_rejected(connection, box, pos, delivery, read, rejected[0])
    settle(connection, stored)
    return Receipt(
        rejected[0].why_not if rejected else "",
        tuple(stored),
        tuple(dict.fromkeys(each.integration_id for each in judged if each.integration_id is not None)),
    )


def _judge(
    workshop: Workshop,
    connection: Connection,
    pos: str,
    read: WebhookReader,
    delivery: Delivery,
    event: WebhookEvent,
    integration_id: int | None,
) -> _Judged:
    """Whose event it is. An account's own key counts, whatever the address it came to."""
    accounts = _accounts(connection, pos, event, integration_id)
    own = next((account for account in accounts if account.id == integration_id), None)
    named = [account for account in accounts if account.is_named]
    if own is not None and not named and not (event.merchant_id or event.location_id):
        named = [own]
    why_not = ""
    for account in sorted(named, key=lambda account: account.id != integration_id):
        why_not = _why_not(workshop, read, delivery, account)
        if not why_not:
            note = "" if account.status != "disconnected" else "the account is disconnected"
            return _Judged(event, account.id, note=note)
    if named:
        return _Judged(event, named[0].id if len(named) == 1 else None, why_not)
    note = UNKNOWN
    if own is not None:
        return _Judged(event, own.id, _why_not(workshop, read, delivery, own), note)
    return _Judged(event, None, _why_no_key(workshop, connection, pos, read, delivery), note)


def _accounts(connection: Connection, pos: str, event: WebhookEvent, integration_id: int | None) -> list[_Account]:
    """Those the event names by merchant (some POS have a merchant per location), else by location; and that of the address."""
    with connection.cursor(row_factory=class_row(_Account)) as cursor:
        return cursor.execute(
            """
            SELECT * FROM (
                SELECT i.id, i.status, s.sealed AS sealed_key,
                    i.merchant_id = %(merchant)s OR EXISTS (
                        SELECT FROM migration.locations l WHERE l.integration_id = i.id AND l.source_id = coalesce(%(merchant)s, %(location)s)
                    ) AS is_named
                FROM migration.integrations i LEFT JOIN migration.sealed_secrets s ON s.name = 'webhook key ' || i.id
                WHERE i.pos = %(pos)s) found
            WHERE is_named OR id = %(integration)s ORDER BY id
            """,
            {
                "pos": pos,
                "merchant": event.merchant_id or None,
                "location": event.location_id or None,
                "integration": integration_id,
            },
        ).fetchall()


def _existing(connection: Connection, pos: str, integration_id: int | None) -> int | None:
    row = connection.execute(
        "SELECT id FROM migration.integrations WHERE pos = %s AND id = %s", [pos, integration_id]
    ).fetchone()
    return row[0] if row else None


def _why_not(workshop: Workshop, read: WebhookReader, delivery: Delivery, account: _Account) -> str:
    if account.sealed_key is None:
        return f"integration {account.id} has no webhook key"
    return read.why_not_genuine(delivery, opened(workshop.vault, key_name(account.id), account.sealed_key))


def _why_no_key(workshop: Workshop, connection: Connection, pos: str, read: WebhookReader, delivery: Delivery) -> str:
    """Whether any account's key of the POS fits, for what is about an account that nobody has connected."""
    rows = connection.execute(
        "SELECT s.name, s.sealed FROM migration.integrations i JOIN migration.sealed_secrets s "
        "ON s.name = 'webhook key ' || i.id WHERE i.pos = %s ORDER BY i.id DESC LIMIT %s",
        [pos, MOST_KEYS],
    ).fetchall()
    why_not = "no webhook key is stored"
    for key in dict.fromkeys(opened(workshop.vault, name, sealed) for name, sealed in rows):
        why_not = read.why_not_genuine(delivery, key)
        if not why_not:
            return ""
    return f"{UNKNOWN}, and {why_not}"


# -- storing -----------------------------------------------------------------------------------------------------


def _store(connection: Connection, box: Box, pos: str, delivery: Delivery, read: WebhookReader, judged: _Judged) -> int:
    """Write a genuine event down, or count it where it is known; its id."""
    event = judged.event
    touches = [*event.touches, *([Touched(ACCESS, deleted=True)] if event.ends_access else [])]
    note = judged.note or ("" if touches else "it is about nothing that is migrated")
    if event.is_farewell:
        note = "; ".join(filter(None, [note, "the body held a deleted guest's data and is not kept"]))
    row = connection.execute(
        """
        INSERT INTO migration.webhook_events AS w (pos, event_key, kind, merchant_id, integration_id, location_key, occurred_at,
            is_genuine, headers, sealed_body, body_sha256, touches, state, handled_at, note)
        VALUES (%(pos)s, %(key)s, %(kind)s, %(merchant)s, %(integration)s,
            (SELECT l.key FROM migration.locations l WHERE l.integration_id = %(integration)s AND l.source_id = %(location)s),
            %(occurred)s, true, %(headers)s, %(body)s, %(sha256)s, %(touches)s,
            %(state)s, CASE WHEN %(state)s = 'ignored' THEN clock_timestamp() END, %(note)s)
        ON CONFLICT (pos, event_key) WHERE is_genuine
            DO UPDATE SET deliveries = w.deliveries + 1, last_received_at = clock_timestamp()
        RETURNING id
        """,
        {
            **_content(pos, delivery, read, event),
            "key": f"{event.merchant_id or event.location_id or judged.integration_id}:{event.event_id}",
            "integration": judged.integration_id,
            "body": b"" if event.is_farewell else box.seal(delivery.body),
            "touches": Jsonb([each.as_dict() for each in touches]),
            "state": "ignored" if judged.note or not touches else "received",
            "note": note,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def _store_rejected(
    connection: Connection, box: Box, pos: str, delivery: Delivery, read: WebhookReader, judged: _Judged
) -> None:
    """Write down what is not genuine, the same body once, and not more of it in a day than there is room for."""
    content = _content(pos, delivery, read, judged.event)
    known = connection.execute(
        "UPDATE migration.webhook_events SET deliveries = deliveries + 1, last_received_at = clock_timestamp(), why_not = %s "
        "WHERE state = 'rejected' AND pos = %s AND body_sha256 = %s RETURNING id",
        [judged.why_not, pos, content["sha256"]],
    ).fetchone()
    if known is None and _has_room(connection):
        _store_unbelieved(
            connection,
            {
                **content,
                "integration": judged.integration_id,
                "body": box.seal(delivery.body[:REJECTED_BYTES]),
                "why_not": judged.why_not,
                "state": "rejected",
                "note": "",
            },
        )


def _store_code(connection: Connection, box: Box, pos: str, delivery: Delivery, integration_id: int | None) -> Receipt:
    """Write a handshake down. Nothing proves it: whoever registers the address sees whether the code is theirs."""
    owner = _existing(connection, pos, integration_id)
    event = WebhookEvent("", VERIFICATION)
    with connection.transaction():
        _store_unbelieved(
            connection,
            {
                **_content(pos, delivery, None, event),
                "integration": owner,
                "body": box.seal(delivery.body[:REJECTED_BYTES]),
                "why_not": "a handshake carries no signature",
                "state": "ignored",
                "note": "the code has to be typed in at the POS, if it was you who registered the address",
            },
        )
        # The newest stay: somebody who posts codes all day keeps nobody from seeing their own a moment after.
        connection.execute(
            "DELETE FROM migration.webhook_events WHERE id IN (SELECT id FROM migration.webhook_events "
            "WHERE state = 'ignored' AND NOT is_genuine ORDER BY id DESC OFFSET %s)",
            [MOST_CODES],
        )
    return Receipt("", (), () if owner is None else (owner,))


def _store_unbelieved(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(
        """
        INSERT INTO migration.webhook_events (pos, event_key, kind, merchant_id, integration_id, occurred_at, is_genuine, why_not,
            headers, sealed_body, body_sha256, state, handled_at, note)
        VALUES (%(pos)s, %(sha256)s, %(kind)s, %(merchant)s, %(integration)s, %(occurred)s, false, %(why_not)s,
            %(headers)s, %(body)s, %(sha256)s, %(state)s, clock_timestamp(), %(note)s)
        """,
        values,
    )


def _content(pos: str, delivery: Delivery, read: WebhookReader | None, event: WebhookEvent) -> dict[str, Any]:
    kept = read.kept_headers if read else frozenset({"content-type", "user-agent"})
    return {
        "pos": pos,
        "kind": event.kind,
        "merchant": event.merchant_id,
        "location": event.location_id,
        "occurred": event.occurred_at,
        "headers": Jsonb(
            {
                name: "".join(c for c in value if c.isprintable() and c.isascii())[:200]
                for name, value in sorted(delivery.headers.items())
                if name in kept
            }
        ),
        "sha256": hashlib.sha256(delivery.body).hexdigest(),
    }


def _has_room(connection: Connection) -> bool:
    transaction_lock(connection, "aura:webhooks:rejected")  # several at once would each see room for one
    row = connection.execute(
        "SELECT count(*) FROM migration.webhook_events WHERE state = 'rejected' "
        "AND received_at > clock_timestamp() - interval '1 day'"
    ).fetchone()
    return row is not None and row[0] < MOST_REJECTED
