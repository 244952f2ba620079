"""Calls on a Clover account: one client per merchant and its limits, what errors mean, answers of the documented shape.

The port's verbs are in ``client.py``; which lists are walked and how completeness is proven in ``extract.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.pos.clover import signin
from aura_migration.pos.clover.lists import EMPLOYEES_R, INVENTORY_R, MERCHANT_R
from aura_migration.pos.clover.wire import Raw
from aura_migration.pos.http.client import PosClient, PosResponse
from aura_migration.pos.http.errors import (
    NotFound,
    Permanent,
    PermissionMissing,
    PosError,
    RateLimited,
    ReconnectNeeded,
    ResponseParts,
    Unauthorized,
    classify_by_status,
)
from aura_migration.pos.http.limits import Limit, LimitPolicy, fingerprint
from aura_migration.pos.http.retry import ONCE, RetryPolicy
from aura_migration.pos.http.stats import TrafficStats
from aura_migration.pos.http.tokens import CredentialPart, Credentials, RefreshingToken, StaticToken, TokenSource
from aura_migration.pos.port import Account

POS = "clover"
BASE_URL = "https://api.clover.com"

LIMITS = LimitPolicy(
    (
        Limit("app", "clover app {app}", capacity=40, per_seconds=1.0, concurrency=8),
        Limit("token", "clover token {token}", capacity=10, per_seconds=1.0, concurrency=3),
    )
)
"""Clover documents 50/s and 10 in flight per app, 16/s and 5 in flight per token. We stay below both: a restaurant's own
apps use the same token limits, and one early retry lengthens Clover's wait."""
RETRY = RetryPolicy(base_delay=1.25)
"""Where Clover gives no advice, a second at least, then double."""

Params = Mapping[str, str | int | list[str]]
PROBES: tuple[tuple[str, Params, str], ...] = (
    ("", {}, MERCHANT_R),
    ("/tax_rates", {"limit": 1}, INVENTORY_R),
    ("/roles", {"limit": 1}, EMPLOYEES_R),
)
"""What is tried with a refused token; each needs another right, and none shows personal data of guests."""


class UnexpectedShape(Permanent):
    """A successful answer does not look as documented: something the reading rests on is missing or renamed."""

    default_what = "the answer does not have the documented shape"
    default_remedy = (
        "Nothing was certified. The POS's interface may have changed: compare the answer with its documentation."
    )


def classify(parts: ResponseParts) -> PosError | None:
    """Clover's error bodies and limit headers as typed failures; what they do not tell is left to the status."""
    if 200 <= parts.status < 300:
        return None
    body = parts.json()
    message = str(body.get("message") or "") if isinstance(body, Mapping) else ""
    if parts.status == 429:
        crossed = "app" if any(name.startswith("x-ratelimit-crosstoken") for name in parts.headers) else "token"
        return parts.error(RateLimited, message, limit=crossed)
    by_status = classify_by_status(parts)
    if by_status is None or not message:
        return by_status
    return parts.error(type(by_status), message, retryable=by_status.retryable)


class Site:
    """One merchant: its client, and calls below ``/v3/merchants/{id}``."""

    def __init__(self, account: Account, entry: Credentials, stats: TrafficStats) -> None:
        self.id = str(entry[signin.MERCHANT_ID])
        self._account = account
        base_url = account.base_url or BASE_URL
        # Clover counts all tokens made in the dashboard as one app: 35 merchants at once would be far over its limit.
        app = str(entry.get("client_id") or f"{base_url} dashboard")
        self._limits = LIMITS.named(app=fingerprint(app), token=fingerprint(f"{base_url} {self.id}"))
        self._base_url = base_url
        self._stats = stats
        self._tokens = signin.CarefulTokens(self._source(entry), self.accepts)
        self.client = self._client(self._tokens)

    def _client(self, tokens: TokenSource) -> PosClient:
        return PosClient(
            self._base_url,
            tokens,
            self._limits,
            self._account.buckets,
            classify,
            RETRY,
            pos=POS,
            stats=self._stats,
        )

    def _source(self, entry: Credentials) -> TokenSource:
        if not entry.get("refresh_token"):
            return StaticToken(str(entry.get("access_token") or ""))
        return RefreshingToken(
            CredentialPart(self._account.credentials, signin.MERCHANTS, signin.MERCHANT_ID, self.id),
            self._account.integration_id,
            self._renew,
            exclusive=self._account.buckets.exclusive,
            pos=POS,
            single_use=True,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    async def _renew(self, credentials: Credentials) -> Mapping[str, Any]:
        """One exchange of the single-use refresh token; the answer brings the next one. Times are Unix seconds."""
        response = await self.client.request(
            "POST",
            "/oauth/v2/refresh",
            json={"client_id": credentials["client_id"], "refresh_token": credentials["refresh_token"]},
            authorize=False,
            retry=ONCE,
        )
        answer = response.json()
        found = answer if isinstance(answer, Mapping) else {}
        fresh = {
            "access_token": found.get("access_token"),
            "expires_at": found.get("access_token_expiration"),
            "refresh_token": found.get("refresh_token"),
            "refresh_token_expiration": found.get("refresh_token_expiration"),
        }
        return {name: value for name, value in fresh.items() if value}

    async def accepts(self, token: str) -> bool:
        """Whether Clover accepts this token for anything we may ask."""
        async with self._client(StaticToken(token)) as client:
            for path, params, _ in PROBES:
                try:
                    await client.request("GET", self._path(path), params=_pairs(params))
                except (Unauthorized, PermissionMissing, NotFound):
                    continue
                return True
        return False

    def _path(self, path: str) -> str:
        return f"/v3/merchants/{self.id}{path}"

    async def get(self, path: str, params: Params | None = None, *, permission: str = "") -> PosResponse:
        """One answer. A 401 to a token that works elsewhere becomes PermissionMissing, naming ``permission``."""
        try:
            return await self.client.request("GET", self._path(path), params=_pairs(params or {}))
        except ReconnectNeeded:
            raise
        except Unauthorized as error:
            if not await self.accepts(await self._tokens.token()):
                raise
            raise PermissionMissing(
                f"the token is accepted elsewhere, but may not read this{f' ({permission})' if permission else ''}",
                "Give the app this right, have the restaurant uninstall and install it again and connect the account "
                "anew, or exclude the entity by name in the options.",
                pos=POS,
                method="GET",
                path=self._path(path),
                status=error.status,
                request_id=error.request_id,
            ) from error

    async def page(self, path: str, params: Params, row_id: str = "id", *, permission: str = "") -> Answer:
        """One page of a list. UnexpectedShape where it is none, or a row cannot be told from others."""
        response = await self.get(path, params, permission=permission)
        return answer_of(response, row_id)

    async def object(self, path: str, params: Params | None = None, *, permission: str = "") -> tuple[PosResponse, Raw]:
        """A single object."""
        response = await self.get(path, params, permission=permission)
        found = response.json(decimals=True)
        if not isinstance(found, Mapping):
            raise changed(response, "an object was expected")
        return response, found


def _pairs(params: Params) -> list[tuple[str, str | int]]:
    """Parameters as they are sent: one of several values is repeated."""
    return [
        (name, value) for name, given in params.items() for value in (given if isinstance(given, list) else [given])
    ]


class Answer:
    """One page of a list as sent: its records, and the page size Clover says it used (None where it does not say)."""

    __slots__ = ("limit", "response", "rows")

    def __init__(self, response: PosResponse, rows: list[Raw], limit: int | None) -> None:
        self.response = response
        self.rows = rows
        self.limit = limit


def answer_of(response: PosResponse, row_id: str = "id") -> Answer:
    """The list in an answer, checked for shape."""
    found = response.json(decimals=True)
    rows = found.get("elements") if isinstance(found, Mapping) else None
    if not isinstance(rows, list):
        raise changed(response, "the list 'elements' is missing")
    for row in rows:
        value = row.get(row_id) if isinstance(row, Mapping) else None
        ident = value.get("id") if isinstance(value, Mapping) else value
        if not isinstance(ident, str) or not ident:
            raise changed(response, f"a record without {row_id!r} is in the list")
    href = found.get("href")
    return Answer(response, rows, limit_in(href) if isinstance(href, str) else None)


def limit_in(href: str) -> int | None:
    """The page size in the echoed query; the address itself may be of another host and is never called."""
    for part in href.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if name == "limit" and value.isdecimal():
            return int(value)
    return None


def changed(response: PosResponse, what: str) -> UnexpectedShape:
    """The error of an answer that is not as documented, to be raised."""
    return UnexpectedShape(
        f"the answer does not have the documented shape: {what}", pos=POS, method=response.method, path=response.path
    )


class CloverCalls:
    """Connections to the merchants of one integration."""

    def __init__(self, account: Account, credentials: Credentials) -> None:
        stats = TrafficStats()
        entries = credentials.get(signin.MERCHANTS) or []
        self.sites = {str(entry[signin.MERCHANT_ID]): Site(account, entry, stats) for entry in entries}
        if not self.sites:
            raise BadInput(
                "The stored Clover credentials name no merchant.",
                "Connect the account again with `aura-migration connect`.",
            )
        self.client = next(iter(self.sites.values())).client

    def site(self, location: str) -> Site:
        """The merchant of a location; BadInput where there are no credentials for it."""
        if location not in self.sites:
            raise BadInput(
                f"There are no credentials for the Clover merchant {location}.",
                "Connect the account again with `aura-migration connect`, naming all its merchants.",
            )
        return self.sites[location]
