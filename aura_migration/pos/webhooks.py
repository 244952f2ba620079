"""What a POS tells by itself: the shapes in which each POS folder hands webhooks on, and helpers to read them safely.

How a POS signs and words its webhooks stands in its own folder; storing them, and what becomes of them, in ``migration``.
Everything in a delivery is a stranger's word until its signature was verified: reading never raises anything but
``Unreadable``, and takes over only short printable texts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

LONGEST_TEXT = 200
"""Characters of an id or a kind that are taken over; POS ids have less than a third of it."""
MOST_TOUCHED = 1_000
"""Ids noted of one event; of one that names more, the whole entity counts as touched."""


class Unreadable(ValueError):
    """The body is not what this POS sends; the message says why without quoting it."""


@dataclass(frozen=True)
class Delivery:
    """One POST of a POS. ``url`` is the address as it was subscribed, ``headers`` have names in lower case, ``at`` is real time."""

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True)
class Touched:
    """A record that changed. ``entity`` is a source entity of the connector; without ``id``, anything of it may have."""

    entity: str
    id: str = ""
    deleted: bool = False

    def as_dict(self) -> dict[str, Any]:
        """``{"entity", "id", "deleted"}``, as it is stored."""
        return {"entity": self.entity, "id": self.id, "deleted": self.deleted}


@dataclass(frozen=True)
class WebhookEvent:
    """One event of a delivery. ``event_id`` is unique for the merchant; at least one of merchant and location is named."""

    event_id: str
    kind: str
    merchant_id: str = ""
    location_id: str = ""
    occurred_at: datetime | None = None
    touches: tuple[Touched, ...] = ()
    ends_access: bool = False
    """Whether the restaurant has withdrawn our access."""
    is_farewell: bool = False
    """Whether the body holds the data of a person who was deleted at the POS: it is not kept."""


class WebhookReader(Protocol):
    """How one POS's webhooks are read and verified. Stateless."""

    kept_headers: frozenset[str]
    """Headers worth keeping, in lower case; never one that holds a signature or a secret."""

    def events(self, delivery: Delivery) -> tuple[WebhookEvent, ...]:
        """What the body says, before it is known to be genuine. ``Unreadable`` for what this POS does not send."""
        ...

    def verification_code(self, delivery: Delivery) -> str:
        """The code of a handshake that has to be typed in at the POS; empty where the delivery is none."""
        ...

    def why_not_genuine(self, delivery: Delivery, key: str) -> str:
        """Empty where the delivery was signed with the key, else what is wrong. Compares in constant time."""
        ...


def document(body: bytes) -> dict[str, Any]:
    """The JSON object of a body."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Unreadable("The body is not a JSON object.")
    return found


def part(document: Any, *names: str) -> dict[str, Any]:
    """A nested object; empty where it is not there."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def text(value: Any) -> str:
    """A short printable text as it is, anything else as an empty one: it goes into messages and the database."""
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isprintable() else ""


def instant(value: Any) -> datetime | None:
    """An ISO 8601 instant with its offset (nanoseconds are cut) or milliseconds since 1970; None for anything else."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        found = datetime.fromisoformat(text(value)) if value else None
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def touched(*found: Touched) -> tuple[Touched, ...]:
    """Each record once, those without an id left out unless they mean the whole entity; the whole entity where it is too many."""
    once = tuple(dict.fromkeys(found))
    if len(once) <= MOST_TOUCHED:
        return once
    return tuple(Touched(entity) for entity in dict.fromkeys(each.entity for each in once))


def hmac_sha256_base64(key: str, *message: bytes) -> str:
    """The base64 of HMAC-SHA256 under the key as UTF-8 text."""
    made = hmac.new(key.encode("utf-8"), digestmod=hashlib.sha256)
    for each in message:
        made.update(each)
    return base64.b64encode(made.digest()).decode("ascii")


def is_same(expected: str, given: str) -> bool:
    """Whether two secrets are the same, in constant time."""
    return hmac.compare_digest(expected.encode("utf-8"), given.encode("utf-8", "surrogateescape"))
