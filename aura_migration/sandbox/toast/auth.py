"""Machine clients of the sandbox Toast: who may sign in, what their token opens, and the one-live-token rule.

Belongs here: clients and their scopes, tokens and their payload. Does not belong here: which endpoint needs which scope
(``app``), rate limits (``gate``).

Signing in again while a token lives returns that token with the seconds it has left; a new one is minted only in the
last minute of its life or after it. There is no refresh token.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import ALNUM, Ids

STANDARD_SCOPES = (
    "cashmgmt:read", "config:read", "delivery_info.address:read", "digital_schedule:read", "guest.pi:read",
    "kitchen:read", "labor.employees:read", "labor:read", "menus:read", "orders:read", "packaging:read",
    "restaurants:read", "stock:read",
)  # fmt: skip
PARTNER_SCOPES = (*STANDARD_SCOPES, "stock:write")
ORDERING_SCOPES = (
    "config:read", "menus.channel:read", "orders.channel:read", "orders.orders:write", "orders:read", "restaurants:read",
    "stock:read",
)  # fmt: skip
WRITING_SCOPES = (
    *STANDARD_SCOPES, "orders.channel:read", "orders.channel:void", "orders.orders:write", "orders.payments:write",
    "stock:write",
)  # fmt: skip
RENEWAL_SECONDS = 60.0


@dataclass(slots=True)
class Token:
    """One access token; ``born`` and ``life`` are seconds of the real clock."""

    value: str
    client_id: str
    born: float
    life: float
    ended: bool = False

    def left(self, now: float) -> float:
        """Seconds of life left; zero or less means expired."""
        return 0.0 if self.ended else self.born + self.life - now


@dataclass(slots=True)
class Client:
    """A machine client: partner, custom, standard or analytics. ``restaurants`` None means every connected one."""

    name: str
    client_id: str
    secret: str
    kind: str
    scopes: set[str]
    restaurants: frozenset[str] | None = None
    enabled: bool = True
    token: Token | None = None
    logins: int = 0
    minted: int = 0

    def may_see(self, restaurant: str) -> bool:
        """Whether the client's credentials cover that restaurant."""
        return self.restaurants is None or restaurant in self.restaurants


@dataclass(slots=True)
class Registry:
    """All clients of a sandbox and the tokens they hold."""

    ids: Ids
    clock: Clock
    clients: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)

    def add(self, name: str, kind: str, scopes: tuple[str, ...], restaurants: frozenset[str] | None = None) -> Client:
        """Register a client under a name of the credentials' variants."""
        client_id = f"aura-{name}-" + self.ids.token("client", name, ALNUM, 10)
        client = Client(name, client_id, self.ids.token("secret", name, ALNUM, 48), kind, set(scopes), restaurants)
        self.clients[client_id] = client
        return client

    def named(self, name: str) -> Client:
        """The client of a variant's name."""
        return next(client for client in self.clients.values() if client.name == name)

    def sign_in(self, client_id: object, secret: object, life: float) -> tuple[Client, Token] | None:
        """The client and its live token, minted when needed; None for wrong or disabled credentials."""
        client = self.clients.get(client_id) if isinstance(client_id, str) else None
        if client is None or not client.enabled or secret != client.secret:
            return None
        client.logins += 1
        now = self.clock.monotonic()
        if client.token is None or client.token.left(now) <= RENEWAL_SECONDS:
            client.minted += 1
            client.token = Token(self._mint(client, life), client.client_id, now, life)
            self.tokens[client.token.value] = client.token
        return client, client.token

    def holder(self, bearer: str) -> Client | None:
        """The client of a live token; None when the token is unknown, expired or its client disabled."""
        token = self.tokens.get(bearer)
        if token is None or token.left(self.clock.monotonic()) <= 0:
            return None
        client = self.clients[token.client_id]
        return client if client.enabled else None

    def expire(self, bearer: str | None = None) -> int:
        """End one token or all of them; answers how many were alive."""
        now = self.clock.monotonic()
        wanted = self.tokens.values() if bearer is None else [t for t in (self.tokens.get(bearer),) if t]
        alive = [token for token in wanted if token.left(now) > 0]
        for token in alive:
            token.ended = True
        return len(alive)

    def _mint(self, client: Client, life: float) -> str:
        issued = int(self.clock.epoch())
        payload: dict[str, Any] = {
            "https://toasttab.com/client_name": client.name,
            "https://toasttab.com/access_type": "TOAST_MACHINE_CLIENT",
            "https://toasttab.com/type": client.kind,
            "iss": "https://toast-sandbox.example/",
            "sub": f"{client.client_id}@clients",
            "aud": ["https://toast-sandbox.example/v1/"],
            "iat": issued,
            "exp": issued + int(life),
            "azp": client.client_id,
            "scope": " ".join(sorted(client.scopes)),
            "gty": "client-credentials",
        }
        if client.kind == "partner":
            payload["https://toasttab.com/partner_guid"] = self.ids.uuid("partner", client.name)
        head = {"alg": "RS256", "typ": "JWT", "kid": self.ids.token("kid", "key", ALNUM, 12)}
        signed = ".".join(_segment(json.dumps(part, separators=(",", ":")).encode()) for part in (head, payload))
        # The shape of an RS256 signature; the sandbox knows its own tokens by value, nobody verifies this.
        signature = hashlib.shake_256(f"{signed}/{client.secret}/{client.minted}".encode()).digest(256)
        return f"{signed}.{_segment(signature)}"


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
