"""Calls on a Toast account: what its answers mean, and the lists with header-token paging.

Signing in, limits and the port's verbs are in ``client.py``; which lists are read, and why, in ``extract.py`` and ``orders/``.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

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
    Unauthorized,
    scrub,
)
from aura_migration.pos.http.retry import RetryPolicy, advised_wait
from aura_migration.pos.http.tokens import MachineLogin
from aura_migration.pos.port import Account
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.wire import RestaurantInfo, WireError, convert

POS = "toast"
TITLE = "Toast"
RESTAURANT_HEADER = "Toast-Restaurant-External-ID"
NEXT_PAGE = "toast-next-page-token"
PAGE_CAP = 300
"""A page of a list holds no more objects than this."""
RESTARTS = 4
"""How often a walk is begun again before the data is taken to be moving all the time."""
MAX_PAGES = 10_000

ADVICE = ("retry-after", "x-toast-ratelimit-reset")
# Every answer of Toast's says when its slice of the limit ends; only where it refuses is that advice to stay away.
RETRY = RetryPolicy(advice_headers=("retry-after",))
NOT_YET = "A restaurant connected a few minutes ago is refused for up to a quarter of an hour; then try again."


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


class ToastCalls:
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

    async def restaurant(self, guid: str) -> RestaurantInfo:
        """What Toast knows of a restaurant; BadInput where it knows none of that guid."""
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

    async def siblings(self, location: str) -> tuple[str, ...]:
        """The guids of all restaurants of the location's management group; only its own where it stands alone."""
        info = await self.restaurant(location)
        group = info.general.management_group_guid
        if not group:
            return (location,)
        rows = (await self.get(paths.GROUP.format(guid=group), location)).json()
        return tuple(sorted(str(row["guid"]) for row in rows if isinstance(row, Mapping) and row.get("guid")))


def jwt_scopes(token: str) -> frozenset[str] | None:
    """The scopes in the payload of a JWT, unverified (the POS checks it, we only read); None where there are none."""
    try:
        payload = token.split(".")[1]
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return frozenset(decoded["scope"].split())
    except (IndexError, KeyError, TypeError, AttributeError, binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        return None


def reason_of(error: PosError) -> str:
    """Why something was not read, for a certificate or an audit line."""
    return scrub(f"{error.reason} (HTTP {error.status})" if error.status else error.reason)
