"""The connection to Toast: sign-in, addresses, limits, what its answers mean, and the lists with header-token paging.

What is fetched for a snapshot is in ``extract.py``, what a person is told about the account in ``audit.py``; both work
through :class:`ToastSession`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from aura_migration.archive.snapshot import Recorder
from aura_migration.core.errors import BadInput
from aura_migration.pos.http.client import PosClient, PosResponse
from aura_migration.pos.http.errors import (
    Conflict,
    MalformedBody,
    NotFound,
    PermissionMissing,
    PosError,
    RateLimited,
    Rejected,
    ResponseParts,
    StaleCursor,
    SuspiciousPaging,
    Unauthorized,
    scrub,
)
from aura_migration.pos.http.limits import Limit, LimitPolicy, fingerprint
from aura_migration.pos.http.retry import RetryPolicy, advised_wait
from aura_migration.pos.http.tokens import Credentials, MachineLogin
from aura_migration.pos.port import (
    Account,
    AuditLine,
    Discovery,
    HistorySpan,
    Permission,
    ReverseLevel,
    Scope,
    SourceLocation,
)
from aura_migration.pos.threads import in_thread
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.setup import closeout, location_name
from aura_migration.pos.toast.wire import Connection, ConnectionPage, RestaurantInfo, WireError, convert

T = TypeVar("T")
POS = "toast"
TITLE = "Toast"
RESTAURANT_HEADER = "Toast-Restaurant-External-ID"
NEXT_PAGE = "toast-next-page-token"
PAGE_CAP = 300
"""A page of a list holds no more objects than this."""
RESTARTS = 4
"""How often a walk is begun again before the data is taken to be moving all the time."""
MAX_PAGES = 10_000

LIMITS = LimitPolicy(
    (
        # The same numbers hold for each API by itself, which all of them together can never exceed before this one.
        Limit("GLOBAL 15 min", "toast:{client}:{scope}:quarter", capacity=10_000, per_seconds=900.0, block=20),
        Limit("GLOBAL", "toast:{client}:{scope}:second", capacity=20, per_seconds=1.0),
        Limit("ENDPOINT", "toast:{client}:{scope}:menus", capacity=1, per_seconds=1.0, paths=r"^GET /menus/v\d/menus$"),
        # Toast allows 5; on the way requests may come closer together than they left.
        Limit(
            "ENDPOINT",
            "toast:{client}:{scope}:orders",
            capacity=4,
            per_seconds=1.0,
            paths=r"^GET /orders/v2/ordersBulk$",
        ),
    )
)
ADVICE = ("retry-after", "x-toast-ratelimit-reset")
# Every answer of Toast's says when its slice of the limit ends; only where it refuses is that advice to stay away.
RETRY = RetryPolicy(advice_headers=("retry-after",))
LOGIN_RETRY = RetryPolicy(
    advice_headers=("retry-after",), max_attempts=4, total_budget=60.0, read_timeout=20.0, attempt_timeout=30.0
)

NOT_YET = "A restaurant connected a few minutes ago is refused for up to a quarter of an hour; then try again."


def parse_credentials(document: Any) -> dict[str, Any]:
    """``{"client_id", "client_secret", "restaurant_guids"}`` checked; the guids may be left out by partner clients."""
    example = 'Give {"client_id": "…", "client_secret": "…", "restaurant_guids": ["…"]}.'
    if not isinstance(document, Mapping):
        raise BadInput("Toast credentials are a JSON object.", example)
    unknown = document.keys() - {"client_id", "client_secret", "restaurant_guids"}
    if unknown:
        raise BadInput(f"Toast credentials have no field {sorted(unknown)[0]!r}.", example)
    for name in ("client_id", "client_secret"):
        if not isinstance(document.get(name), str) or not document[name].strip():
            raise BadInput(f"The Toast credentials lack {name}.", example)
    guids = document.get("restaurant_guids") or []
    if not isinstance(guids, list) or not all(isinstance(guid, str) and _is_guid(guid) for guid in guids):
        raise BadInput("restaurant_guids is not a list of Toast restaurant guids.", example)
    return {
        "client_id": document["client_id"].strip(),
        "client_secret": document["client_secret"].strip(),
        "restaurant_guids": list(dict.fromkeys(guids)),
    }


def _is_guid(text: str) -> bool:
    return bool(text) and all(char.isalnum() or char in "-_" for char in text) and text.isascii()


def classify(parts: ResponseParts) -> PosError | None:
    """What an answer of Toast's means; None leaves it to the status."""
    if 200 <= parts.status < 300:
        return None
    body = parts.json()
    said = body if isinstance(body, Mapping) else {}
    message = str(said.get("message") or "")
    code = str(said.get("code") or "")
    if parts.status == 429:
        crossed = parts.headers.get("x-toast-ratelimit-by", "").split(",")[0].strip()
        wait = advised_wait(parts.headers, ADVICE, time.time())
        return parts.error(RateLimited, message, code=code, limit=crossed, retry_after=wait)
    kinds: dict[int, type[PosError]] = {
        401: Unauthorized,
        403: PermissionMissing,
        404: NotFound,
        409: Conflict,
        400: Rejected,
        413: Rejected,
        415: Rejected,
        422: Rejected,
    }
    if parts.status in kinds and not parts.is_html:
        return parts.error(kinds[parts.status], message, code=code)
    return None


@dataclass
class Page:
    """One answered page of a list."""

    body: bytes
    rows: list[Any]
    params: dict[str, str]


@dataclass
class Listing:
    """A whole list. ``doubts`` says in one sentence each why it may be cut; empty when it ended by itself."""

    pages: list[Page] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[Any]:
        """All rows of all pages, in order."""
        return [row for page in self.pages for row in page.rows]

    @property
    def guids(self) -> set[str]:
        """The guids of the rows."""
        return {str(row["guid"]) for row in self.rows if isinstance(row, Mapping) and row.get("guid")}


class ToastSession:
    """An open connection to one Toast account. Signs in at the first call; one token for all its restaurants."""

    def __init__(self, account: Account, client: PosClient, tokens: MachineLogin, guids: Sequence[str]) -> None:
        self.account = account
        self.client = client
        self.restaurant_guids = tuple(guids)
        self._tokens = tokens
        self._menus: dict[str, Any] = {}

    async def get(self, path: str, location: str = "", params: Mapping[str, str] | None = None) -> PosResponse:
        """GET for one restaurant (its guid), or without the restaurant header where ``location`` is empty."""
        headers = {RESTAURANT_HEADER: location} if location else None
        return await self.client.request("GET", path, params=params, headers=headers, limit_scope=location or "source")

    async def search(self, path: str, location: str, body: Mapping[str, Any]) -> PosResponse:
        """POST of a search, which changes nothing and may be repeated."""
        headers = {RESTAURANT_HEADER: location}
        return await self.client.request("POST", path, json=body, headers=headers, limit_scope=location)

    async def scopes(self) -> frozenset[str] | None:
        """The scopes in the token's payload; None where the token is no JWT that says them."""
        return jwt_scopes(await self._tokens.token())

    async def listing(self, path: str, location: str) -> Listing:
        """A list paged by header token, whole. Begun again when Toast published meanwhile, a bounded number of times."""
        for attempt in range(RESTARTS + 1):
            try:
                return await self._walk(path, location)
            except (Conflict, StaleCursor):
                if attempt == RESTARTS:
                    raise
        raise AssertionError("unreachable: the last attempt raises")

    async def _walk(self, path: str, location: str) -> Listing:
        found = Listing()
        seen: set[str] = set()
        token = ""
        for _ in range(MAX_PAGES):
            params = {"pageToken": token} if token else {}
            try:
                answer = await self.get(path, location, params)
            except Rejected as error:
                if token and error.status == 400:
                    raise StaleCursor("the page token is refused", pos=POS, path=path, status=400) from error
                raise
            rows = answer.json(decimals=True)
            if not isinstance(rows, list):
                raise MalformedBody("the answer is not a list", pos=POS, method="GET", path=path, retryable=False)
            ids = [str(row.get("guid")) for row in rows if isinstance(row, Mapping)]
            fresh = set(ids) - seen
            seen |= fresh
            found.pages.append(Page(answer.content, rows, params))
            token = answer.headers.get(NEXT_PAGE, "")
            if not token:
                break
            if not fresh:
                found.doubts.append(f"{path}: page {len(found.pages)} repeated only records already seen")
                return found
        if len(found.pages[-1].rows) == PAGE_CAP:
            found.doubts.append(f"{path}: the list ended with a full page of {PAGE_CAP} records")
        return found

    # the port

    async def discover(self) -> Discovery:
        """All restaurants of the account: those the credentials name, else all that are connected to the client."""
        connected = await self._connected()
        chosen = self.restaurant_guids or tuple(one.restaurant_guid for one in connected or ())
        if not chosen:
            raise BadInput(
                "This Toast client cannot list its restaurants, and the credentials name none."
                if connected is None
                else "No restaurant is connected to this Toast client.",
                'Add "restaurant_guids" to the credentials (Toast Web shows the guid of each location).'
                if connected is None
                else "Connect the restaurant to the integration in Toast Web, then connect again.",
            )
        found = [await self._restaurant(guid) for guid in sorted(chosen)]
        found = self._of_one_group(found)
        merchant = _merchant(found[0])
        return Discovery(merchant, found[0].general.name, tuple(_location(info) for info in found))

    def _of_one_group(self, found: list[RestaurantInfo]) -> list[RestaurantInfo]:
        """The restaurants of the account's management group; an account may not mix groups, which share nothing."""
        groups: dict[str, list[RestaurantInfo]] = {}
        for info in found:
            groups.setdefault(_merchant(info), []).append(info)
        if self.account.merchant_id and self.account.merchant_id in groups:
            return groups[self.account.merchant_id]
        if len(groups) > 1:
            names = "; ".join(
                f"{members[0].general.name}: {', '.join(one.guid for one in members)}" for members in groups.values()
            )
            raise BadInput(
                f"These credentials reach restaurants of {len(groups)} management groups ({names}).",
                'Connect each group by itself: name its restaurants in "restaurant_guids".',
            )
        return found

    async def _restaurant(self, guid: str) -> RestaurantInfo:
        try:
            answer = await self.get(paths.RESTAURANT.format(guid=guid), guid, {"includeArchived": "true"})
            return convert(answer.json(decimals=True), RestaurantInfo)
        except NotFound as error:
            raise BadInput(
                f"Toast knows no restaurant {guid}.", 'Check "restaurant_guids" in the credentials.'
            ) from error
        except PermissionMissing as error:
            raise PermissionMissing(
                f"restaurant {guid}: {error.reason}",
                f"Check that the access covers this location and the right restaurants:read. {NOT_YET}",
                pos=POS,
                status=error.status,
            ) from error
        except WireError as error:
            raise Rejected(str(error), pos=POS, method="GET", path=paths.RESTAURANT) from error

    async def _connected(self) -> list[Connection] | None:
        """All restaurants connected to a partner client; None where the client is not one."""
        for _ in range(RESTARTS + 1):
            try:
                found = await self._walk_connected()
            except PermissionMissing:
                return None
            if found is not None:
                return found
        raise SuspiciousPaging(
            "the list of connected restaurants is never as long as it says", pos=POS, path=paths.CONNECTED
        )

    async def _walk_connected(self) -> list[Connection] | None:
        """One walk; None when it did not find as many restaurants as the list announces."""
        found: dict[str, Connection] = {}
        token, total = "", None
        for _ in range(MAX_PAGES):
            params = {"pageSize": "200"} | ({"pageToken": token} if token else {})
            answer = await self.get(paths.CONNECTED, "", params)
            try:
                page = convert(answer.json(), ConnectionPage)
            except WireError as error:
                raise Rejected(str(error), pos=POS, method="GET", path=paths.CONNECTED) from error
            before = len(found)
            found |= {one.restaurant_guid: one for one in page.results}
            total = page.total_result_count if page.total_result_count is not None else page.total_count
            if not page.next_page_token:
                break
            if len(found) == before or page.next_page_token == token:
                return None
            token = page.next_page_token
        if total is not None and total != len(found):
            return None
        return [one for one in found.values() if not one.deleted]

    async def siblings(self, location: str) -> tuple[str, ...]:
        """The guids of all restaurants of the location's management group; only its own where it stands alone."""
        info = await self._restaurant(location)
        group = info.general.management_group_guid
        if not group:
            return (location,)
        rows = (await self.get(paths.GROUP.format(guid=group), location)).json()
        return tuple(sorted(str(row["guid"]) for row in rows if isinstance(row, Mapping) and row.get("guid")))

    async def permissions(self, location: str) -> tuple[Permission, ...]:
        """See the port: the token's scopes first, then one cheap call per API."""
        from aura_migration.pos.toast.audit import permissions

        return await permissions(self, location)

    async def reverse_level(self, location: str) -> ReverseLevel:
        """See the port."""
        from aura_migration.pos.toast.audit import reverse_level

        return reverse_level(await self.scopes())

    async def extract(
        self,
        recorder: Recorder,
        scope: Scope,
        location: str | None,
        entities: Sequence[str],
        span: HistorySpan | None = None,
    ) -> None:
        """See the port. All of Toast's entities belong to one location."""
        from aura_migration.pos.toast.extract import extract

        await extract(self, recorder, scope, location, entities, span)

    async def reread(self, recorder: Recorder, location: str, keys: Mapping[str, Sequence[str]]) -> None:
        """See the port."""
        from aura_migration.pos.toast.orders.reread import reread

        await reread(self, recorder, location, keys)

    async def audit(self, location: str) -> tuple[AuditLine, ...]:
        """See the port."""
        from aura_migration.pos.toast.audit import audit

        return await audit(self, location)


def _merchant(info: RestaurantInfo) -> str:
    return info.general.management_group_guid or info.guid


def _location(info: RestaurantInfo) -> SourceLocation:
    general, address = info.general, info.location
    fields = () if address is None else address.__struct_fields__
    return SourceLocation(
        source_id=info.guid,
        name=location_name(general.name, general.location_name),
        timezone=general.time_zone,
        currency=general.currency_code or "USD",
        closeout=closeout(general.closeout_hour),
        closeout_source="the close-out hour of the Toast location" if general.closeout_hour is not None else "",
        is_active=not general.archived,
        group_id=general.management_group_guid or "",
        address={name: value for name in fields if (value := getattr(address, name))},
    )


def jwt_scopes(token: str) -> frozenset[str] | None:
    """The scopes in the payload of a JWT, unverified (the POS checks it, we only read); None where there are none."""
    try:
        payload = token.split(".")[1]
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return frozenset(decoded["scope"].split())
    except (IndexError, KeyError, TypeError, AttributeError, binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        return None


@asynccontextmanager
async def open_session(account: Account) -> AsyncIterator[ToastSession]:
    """A session on the account; the first call signs in."""
    stored, _ = await in_thread(account.credentials.load, account.integration_id)
    held: list[PosClient] = []

    async def login(credentials: Credentials) -> Mapping[str, Any]:
        """A token for all restaurants; Toast answers the same one while it lives."""
        body = {
            "clientId": credentials["client_id"],
            "clientSecret": credentials["client_secret"],
            "userAccessType": "TOAST_MACHINE_CLIENT",
        }
        answer = await held[0].request(
            "POST", paths.LOGIN, json=body, authorize=False, limit_scope="source", retry=LOGIN_RETRY
        )
        token = answer.json().get("token") or {}
        if not token.get("accessToken"):
            raise Rejected("the answer to the sign-in holds no token", pos=POS, method="POST", path=paths.LOGIN)
        return {
            **credentials,
            "access_token": token["accessToken"],
            "expires_at": time.time() + float(token.get("expiresIn") or 0),
        }

    tokens = MachineLogin(
        account.credentials, account.integration_id, login, exclusive=account.buckets.exclusive, pos=POS
    )
    limits = LIMITS.named(client=fingerprint(str(stored.get("client_id", ""))))
    async with PosClient(account.base_url, tokens, limits, account.buckets, classify, RETRY, pos=POS) as client:
        held.append(client)
        yield ToastSession(account, client, tokens, stored.get("restaurant_guids") or ())


async def together(calls: Sequence[Awaitable[T]]) -> list[T]:
    """All at once (the limits hold them back); the first failure ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def reason_of(error: PosError) -> str:
    """Why something was not read, for a certificate or an audit line."""
    return scrub(f"{error.reason} (HTTP {error.status})" if error.status else error.reason)
