"""Who may ask a Clover sandbox for what: merchant tokens, OAuth v2 with rotating refresh tokens, permissions.

There are no OAuth scopes: permissions belong to the app and are granted at install, so every token of an install shares
them. Lifetimes run on real time (`Clock.epoch`), which tests can skip ahead.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from aura_migration.sandbox.clover.world import Merchant, World, clover_id
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import URLSAFE

READ_PERMISSIONS = ("MERCHANT_R", "INVENTORY_R", "ORDERS_R", "PAYMENTS_R", "CUSTOMERS_R", "EMPLOYEES_R")
WRITE_PERMISSIONS = ("MERCHANT_W", "INVENTORY_W", "ORDERS_W", "PAYMENTS_W", "CUSTOMERS_W", "EMPLOYEES_W")
SALES_WRITE_PERMISSIONS = ("ORDERS_W", "PAYMENTS_W", "INVENTORY_W")
PERMISSIONS = (*READ_PERMISSIONS, *WRITE_PERMISSIONS)
HEX = "0123456789abcdef"


class OAuthError(Exception):
    """A refused OAuth request; `bad_request` when the request itself is malformed."""

    def __init__(self, message: str, bad_request: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.bad_request = bad_request


@dataclass(slots=True)
class Token:
    """An access token. `app` None: made by the merchant in the dashboard. `expires` is Unix seconds, None = never."""

    value: str
    merchant: str
    app: str | None
    permissions: set[str]
    expires: float | None = None
    legacy: bool = False
    ended: bool = False


@dataclass(slots=True)
class RefreshToken:
    """A refresh token with the access token it was issued with."""

    value: str
    merchant: str
    app: str
    access: Token
    expires: float
    ended: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code, good for one exchange."""

    value: str
    merchant: str
    app: str
    version: int
    expires: float
    challenge: str | None = None
    used: bool = False


@dataclass(slots=True)
class App:
    """The registered app; one app is installed at every merchant of the world."""

    client_id: str
    client_secret: str
    installs: dict[str, set[str]] = field(default_factory=dict)


class Auth:
    """All tokens, codes and permissions of one sandbox."""

    def __init__(self, world: World, clock: Clock, switches: dict[str, Any]) -> None:
        self._world = world
        self._clock = clock
        self._switches = switches
        self._made = 0
        self._tokens: dict[str, Token] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._codes: dict[str, Code] = {}
        ids = world.ids
        self.app = App(clover_id(ids, "app", "one"), ids.uuid("app-secret", "one"))
        self.merchant_tokens: dict[str, Token] = {}
        self.poor_tokens: dict[str, dict[str, Token]] = {}
        self.writers: dict[str, Token] = {}
        self.readers: dict[str, Token] = {}
        self.legacy_tokens: dict[str, Token] = {}
        for merchant in world.merchants.values():
            self.app.installs[merchant.id] = set(READ_PERMISSIONS)
            self.merchant_tokens[merchant.id] = self._merchant_token(merchant, "all", set(READ_PERMISSIONS))
            self.poor_tokens[merchant.id] = {
                lacking: self._merchant_token(merchant, f"no-{lacking}", set(READ_PERMISSIONS) - {lacking})
                for lacking in READ_PERMISSIONS
            }
            self.poor_tokens[merchant.id].update(
                (lacking, self._merchant_token(merchant, f"no-{lacking}", set(PERMISSIONS) - {lacking}))
                for lacking in SALES_WRITE_PERMISSIONS
            )
            self.readers[merchant.id] = self._merchant_token(merchant, "read only", set(READ_PERMISSIONS))
            self.writers[merchant.id] = self._merchant_token(merchant, "read and write", set(PERMISSIONS))
            legacy = Token(
                ids.uuid("legacy-token", merchant.id), merchant.id, self.app.client_id, self.permissions(merchant.id)
            )
            legacy.legacy = True
            self.legacy_tokens[merchant.id] = self._tokens[legacy.value] = legacy

    def permissions(self, merchant: str) -> set[str]:
        """What the app may do at a merchant; shared by all tokens of the install."""
        return self.app.installs[merchant]

    def find(self, value: str) -> Token | None:
        """The live token of that value."""
        token = self._tokens.get(value)
        if token is None or token.ended or (token.expires is not None and token.expires <= self._clock.epoch()):
            return None
        return None if token.legacy and not self._switches["legacy_oauth"] else token

    def authorize(self, merchant: str, client_id: str, version: int, challenge: str | None) -> Code:
        """A fresh code for an install that a person agreed to."""
        self._check_client(client_id)
        code = Code(
            self._world.ids.uuid("code", self._next()),
            merchant,
            client_id,
            version,
            self._clock.epoch() + self._switches["code_seconds"],
            challenge,
        )
        self._codes[code.value] = code
        return code

    def exchange(self, body: dict[str, Any]) -> dict[str, Any]:
        """OAuth v2: code and secret (or PKCE verifier) for a pair of tokens."""
        client_id, value = _text(body, "client_id"), _text(body, "code")
        secret, verifier = body.get("client_secret"), body.get("code_verifier")
        if not secret and not verifier:
            raise OAuthError("client_secret or code_verifier is required", bad_request=True)
        self._check_client(client_id)
        code = self._take_code(value, client_id, 2)
        if code.challenge is not None:
            if not isinstance(verifier, str) or not _proves(code.challenge, verifier):
                raise OAuthError("Failed to validate authentication code.")
        else:
            self._check_secret(secret)
        code.used = True
        return self._pair(code.merchant)

    def exchange_legacy(self, params: dict[str, Any]) -> dict[str, Any]:
        """Legacy OAuth: code and secret for one token that never expires."""
        client_id, value = _text(params, "client_id"), _text(params, "code")
        self._check_client(client_id)
        self._check_secret(_text(params, "client_secret"))
        code = self._take_code(value, client_id, 1)
        code.used = True
        token = Token(
            self._world.ids.uuid("legacy", self._next()), code.merchant, client_id, self.permissions(code.merchant)
        )
        token.legacy = True
        self._tokens[token.value] = token
        return {"access_token": token.value}

    def refresh(self, body: dict[str, Any]) -> dict[str, Any]:
        """OAuth v2: a refresh token for a new pair. No secret is asked for; the old refresh token ends at once."""
        client_id, value = _text(body, "client_id"), _text(body, "refresh_token")
        self._check_client(client_id)
        held = self._refresh.get(value)
        if held is None or held.ended or held.app != client_id or held.expires <= self._clock.epoch():
            raise OAuthError("Invalid refresh token.")
        held.ended = True
        if self._switches["refresh_ends_access"]:
            held.access.ended = True
        return self._pair(held.merchant)

    def migrate(self, body: dict[str, Any]) -> dict[str, Any]:
        """A legacy token for an OAuth v2 pair."""
        client_id, value = _text(body, "client_id"), _text(body, "access_token")
        self._check_client(client_id)
        self._check_secret(_text(body, "client_secret"))
        token = self.find(value)
        if token is None or not token.legacy:
            raise OAuthError("Invalid legacy token.")
        if not self._switches["migrate_keeps_legacy"]:
            token.ended = True
        return self._pair(token.merchant)

    def live_refresh_token(self, merchant: str) -> RefreshToken:
        """The newest refresh token of a merchant that still works; a new pair when there is none."""
        live = self._live(merchant)
        if live:
            return live[-1]
        return self._refresh[str(self._pair(merchant)["refresh_token"])]

    def dashboard_token(self, merchant: Merchant) -> Token:
        """The token the merchant made in the dashboard; a new one when the last was withdrawn."""
        token = self.merchant_tokens[merchant.id]
        if token.ended:
            token = self._merchant_token(merchant, f"all-{self._next()}", set(token.permissions))
            self.merchant_tokens[merchant.id] = token
        return token

    def expired_token(self, merchant: str) -> str:
        """An OAuth access token that stopped working an hour ago."""
        token = Token(
            self._jwt(f"expired:{merchant}"),
            merchant,
            self.app.client_id,
            self.permissions(merchant),
            self._clock.epoch() - 3600,
        )
        self._tokens[token.value] = token
        return token.value

    def expire(self, value: str) -> bool:
        """End one presented access token now; says whether there was such a live token."""
        token = self.find(value)
        if token is None:
            return False
        token.ended = True
        return True

    def expire_all(self) -> int:
        """End every live OAuth v2 access token; dashboard and legacy tokens never expire."""
        live = [token for token in self._tokens.values() if token.expires is not None and self.find(token.value)]
        for token in live:
            token.ended = True
        return len(live)

    def revoke_all(self) -> int:
        """Uninstall the app and withdraw the dashboard tokens: nothing works any more, refresh tokens included."""
        live: list[Token | RefreshToken] = [token for token in self._tokens.values() if self.find(token.value)]
        live += [token for token in self._refresh.values() if not token.ended]
        for token in live:
            token.ended = True
        return len(live)

    def uninstall(self, merchant: str) -> int:
        """One merchant takes the app out: every token of that install ends, the merchant's own dashboard tokens do not.
        A merchant who agrees again has the app again."""
        app = self.app.client_id
        live: list[Token | RefreshToken] = [
            token
            for token in self._tokens.values()
            if (token.merchant, token.app) == (merchant, app) and not token.ended
        ]
        live += self._live(merchant)
        for token in live:
            token.ended = True
        for code in self._codes.values():
            code.used = code.used or code.merchant == merchant
        return len(live)

    def set_permission(self, permission: str, granted: bool) -> None:
        """Grant or take a permission, for the app at every merchant and for the dashboard tokens."""
        if permission not in PERMISSIONS:
            raise ValueError(f"clover has no permission {permission!r}; it has {', '.join(PERMISSIONS)}")
        holders = [*self.app.installs.values(), *(token.permissions for token in self.merchant_tokens.values())]
        for permissions in holders:
            (permissions.add if granted else permissions.discard)(permission)

    def _merchant_token(self, merchant: Merchant, name: str, permissions: set[str]) -> Token:
        token = Token(self._world.ids.uuid("merchant-token", f"{merchant.id}:{name}"), merchant.id, None, permissions)
        self._tokens[token.value] = token
        return token

    def _pair(self, merchant: str) -> dict[str, Any]:
        now, name = self._clock.epoch(), self._next()
        app = self.app.client_id
        access = Token(
            self._jwt(name), merchant, app, self.permissions(merchant), now + self._switches["access_token_seconds"]
        )
        secret = self._world.ids.token("refresh", name, HEX, 32)
        refresh = RefreshToken(
            f"clvroar-{secret}", merchant, app, access, now + self._switches["refresh_token_seconds"]
        )
        self._tokens[access.value], self._refresh[refresh.value] = access, refresh
        live = self._live(merchant)
        for oldest in live[: max(0, len(live) - self._switches["refresh_token_cap"])]:
            oldest.ended = True
        return {
            "access_token": access.value,
            "access_token_expiration": int(access.expires or 0),
            "refresh_token": refresh.value,
            "refresh_token_expiration": int(refresh.expires),
        }

    def _live(self, merchant: str) -> list[RefreshToken]:
        now = self._clock.epoch()
        return [
            token
            for token in self._refresh.values()
            if token.merchant == merchant and not token.ended and token.expires > now
        ]

    def _jwt(self, name: str) -> str:
        ids = self._world.ids
        return f"eyJhbGciOiJFUzI1NiJ9.{ids.token('jwt', name, URLSAFE, 120)}.{ids.token('sig', name, URLSAFE, 60)}"

    def _next(self) -> str:
        self._made += 1
        return str(self._made)

    def _check_client(self, client_id: str) -> None:
        if client_id != self.app.client_id:
            raise OAuthError("Unknown client_id.")

    def _check_secret(self, secret: Any) -> None:
        if not isinstance(secret, str) or not hmac.compare_digest(secret.encode(), self.app.client_secret.encode()):
            raise OAuthError("Invalid client_secret.")

    def _take_code(self, value: str, client_id: str, version: int) -> Code:
        code = self._codes.get(value)
        good = code is not None and not code.used and code.app == client_id and code.version == version
        if code is None or not good or code.expires <= self._clock.epoch():
            raise OAuthError("Failed to validate authentication code.")
        return code


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise OAuthError(f"{name} is required", bad_request=True)
    return value


def _proves(challenge: str, verifier: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)
