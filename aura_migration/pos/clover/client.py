"""A session on a Clover account: one client per merchant, what its errors mean, and the calls the connector makes.

Which lists are walked and how completeness is proven is in ``extract.py``; what the settings say is in ``audit.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Recorder
from aura_migration.core.errors import BadInput
from aura_migration.pos.clover import signin
from aura_migration.pos.clover.lists import (
    EMPLOYEES_R,
    INVENTORY_R,
    MAY_LACK,
    MERCHANT_R,
    OBJECTS,
    PATHS,
    SOURCE_ENTITIES,
)
from aura_migration.pos.clover.wire import Address, Merchant, Properties, Raw, read
from aura_migration.pos.http.client import PosClient, PosResponse
from aura_migration.pos.http.errors import (
    NotFound,
    Permanent,
    PermissionMissing,
    PosError,
    RateLimited,
    ReconnectNeeded,
    Rejected,
    ResponseParts,
    Unauthorized,
    classify_by_status,
)
from aura_migration.pos.http.limits import Limit, LimitPolicy, fingerprint
from aura_migration.pos.http.retry import ONCE, RetryPolicy
from aura_migration.pos.http.stats import TrafficStats
from aura_migration.pos.http.tokens import CredentialPart, Credentials, RefreshingToken, StaticToken, TokenSource
from aura_migration.pos.port import (
    Account,
    AuditLine,
    Discovery,
    HistorySpan,
    Permission,
    ReverseLevel,
    Scope,
    SourceEntity,
    SourceLocation,
)
from aura_migration.pos.threads import in_thread

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


@asynccontextmanager
async def open_session(account: Account) -> AsyncIterator[CloverSession]:
    """A session on the account; nothing is asked of Clover before the first call."""
    credentials, _ = await in_thread(account.credentials.load, account.integration_id)
    session = CloverSession(account, credentials)
    async with AsyncExitStack() as stack:
        for site in session.sites.values():
            stack.push_async_callback(site.aclose)
        yield session


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
            raise _changed(response, "an object was expected")
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
        raise _changed(response, "the list 'elements' is missing")
    for row in rows:
        value = row.get(row_id) if isinstance(row, Mapping) else None
        ident = value.get("id") if isinstance(value, Mapping) else value
        if not isinstance(ident, str) or not ident:
            raise _changed(response, f"a record without {row_id!r} is in the list")
    href = found.get("href")
    return Answer(response, rows, limit_in(href) if isinstance(href, str) else None)


def limit_in(href: str) -> int | None:
    """The page size in the echoed query; the address itself may be of another host and is never called."""
    for part in href.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if name == "limit" and value.isdecimal():
            return int(value)
    return None


def _changed(response: PosResponse, what: str) -> UnexpectedShape:
    return UnexpectedShape(
        f"the answer does not have the documented shape: {what}", pos=POS, method=response.method, path=response.path
    )


class CloverSession:
    """An open connection to the merchants of one integration."""

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

    async def discover(self) -> Discovery:
        """All merchants, each a location, in id order; the first one's id names the integration."""
        found = await together([_discovered(self.sites[ident]) for ident in sorted(self.sites)])
        return Discovery(found[0].source_id, found[0].name, tuple(found))

    async def permissions(self, location: str) -> tuple[Permission, ...]:
        """One line per source entity, found by reading a first record of each."""
        site = self.site(location)
        return tuple(await together([_tried(site, entity) for entity in SOURCE_ENTITIES]))

    async def reverse_level(self, location: str) -> ReverseLevel:
        """A where changes of an order and a stock that nobody has are not refused for want of the right, else B: import files."""
        from aura_migration.pos.clover.writing import WRITER

        _, merchant = await self.site(location).object("", permission=MERCHANT_R)
        name = merchant.get("name") or location
        rights = await WRITER.rights(self, location)
        if rights.stock and rights.orders:
            return ReverseLevel(
                "A",
                f"Clover lets this app write orders and stock of {name} ({rights.evidence['stock']}); the menu goes back as import files.",
            )
        missing = rights.evidence["stock" if rights.orders else "orders"]
        return ReverseLevel(
            "B",
            f"Orders and stock of {name} cannot both be written ({missing}); import files for Clover's inventory remain possible.",
        )

    async def extract(
        self,
        recorder: Recorder,
        scope: Scope,
        location: str | None,
        entities: Sequence[str],
        span: HistorySpan | None = None,
    ) -> None:
        """See the port. Everything of Clover belongs to a location."""
        if scope == "merchant" or location is None:
            return
        if scope == "history":
            from aura_migration.pos.clover.orders.extract import extract_history

            await extract_history(self.site(location), recorder, entities, span)
            return
        from aura_migration.pos.clover.extract import extract

        await extract(self.site(location), recorder, entities)

    async def reread(self, recorder: Recorder, location: str, keys: Mapping[str, Sequence[str]]) -> None:
        """See the port."""
        from aura_migration.pos.clover.orders.named import reread

        await reread(self.site(location), recorder, keys)

    async def audit(self, location: str) -> tuple[AuditLine, ...]:
        """Counts, configuration, devices and app data as far as the API shows them, and questions where it does not."""
        from aura_migration.pos.clover.audit import audit

        return await audit(self.site(location))


async def _discovered(site: Site) -> SourceLocation:
    response, raw = await site.object("", {"expand": "address,properties"}, permission=MERCHANT_R)
    merchant = _read(response, raw, Merchant)
    settings, place = raw.get("properties"), raw.get("address")
    if not isinstance(settings, Mapping) or not settings.get("timezone"):
        response, settings = await site.object("/properties", permission=MERCHANT_R)
    properties = _read(response, settings, Properties)
    if not isinstance(place, Mapping) or set(place) <= {"href"}:
        try:
            response, place = await site.object("/address", permission=MERCHANT_R)
        except NotFound:
            place = {}
    address = _read(response, place, Address)
    currency = properties.default_currency or merchant.default_currency
    if not properties.timezone or not currency:  # days and amounts rest on them: never guessed
        raise _changed(
            response, f"the settings of {site.id} name no {'currency' if properties.timezone else 'time zone'}"
        )
    named = {
        "line1": address.address1,
        "city": address.city,
        "state": address.state,
        "postal_code": address.zip,
        "country": address.country,
    }
    return SourceLocation(
        source_id=site.id,
        name=merchant.name or site.id,
        timezone=properties.timezone,
        currency=currency,
        closeout=closeout(properties.summary_hour),
        closeout_source="the hour at which Clover's reporting day ends" if properties.summary_hour is not None else "",
        address={name: value for name, value in named.items() if value},
    )


def closeout(hour: int | None) -> str:
    """The end of the business day proposed by Clover's reporting hour (0 to 23); midnight where there is none."""
    return f"{hour:02}:00" if hour is not None and 0 <= hour <= 23 else "00:00"


def _read(response: PosResponse, raw: Any, shape: type[Any]) -> Any:
    try:
        return read(raw, shape)
    except msgspec.ValidationError as error:
        raise _changed(response, str(error)) from error


async def _tried(site: Site, entity: SourceEntity) -> Permission:
    paths = list(OBJECTS[entity.name].values()) if entity.name in OBJECTS else [PATHS[entity.name]]
    params: Params = {} if entity.name in OBJECTS else {"limit": 1}
    try:
        for path in paths:
            await site.get(path, params, permission=entity.permission)
    except PermissionMissing as error:
        return Permission(entity.name, entity.permission, False, error.reason)
    except (NotFound, Rejected) as error:
        if entity.required and entity.name not in MAY_LACK:
            raise
        return Permission(entity.name, entity.permission, None, f"not offered for this merchant: {error.reason}")
    return Permission(entity.name, entity.permission, True, "a first record could be read")


async def together(calls: Sequence[Any]) -> list[Any]:
    """All at once (the limits hold them back); the first failure ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
