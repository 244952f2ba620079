"""Calls on a Square account: what its errors mean, versions, cursors, and answers that must have the documented shape.

Signing in and the port's verbs are in ``client.py``; which lists are read, and why, in ``extract.py``, ``audit.py`` and
``people/``.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from aura_migration.pos.http.client import PosClient, PosResponse
from aura_migration.pos.http.errors import (
    Permanent,
    PermissionMissing,
    PosError,
    Rejected,
    ResponseParts,
    StaleCursor,
    TokenRevoked,
    Unauthorized,
    classify_by_status,
)
from aura_migration.pos.square.wire import (
    API_VERSION,
    OLDER_VERSION,
    POS,
    VERSION_HEADER,
    VERSION_SWITCH,
    read,
)

REVOKED = frozenset({"ACCESS_TOKEN_REVOKED", "CLIENT_DISABLED", "APPLICATION_DISABLED"})
NOT_GRANTED = frozenset({"INSUFFICIENT_SCOPES", "MERCHANT_SUBSCRIPTION_NOT_FOUND"})
VERSION_CODES = frozenset({"API_VERSION_INCOMPATIBLE", "INVALID_SQUARE_VERSION_FORMAT"})
_NAMES_THE_VERSION = re.compile(rf"square[-_ ]version|api[-_ ]version|{re.escape(API_VERSION)}", re.IGNORECASE)
CURSOR_CODES = frozenset({"BAD_REQUEST", "INVALID_VALUE", "INVALID_REQUEST_ERROR"})
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

T = TypeVar("T")
Shape = msgspec.json.Decoder[Any] | None
log = logging.getLogger(__name__)


class UnexpectedShape(Permanent):
    """A successful answer does not look as documented: something the reading rests on is missing or renamed."""

    default_what = "the answer does not have the documented shape"
    default_remedy = (
        "Nothing was certified. The POS's interface may have changed: compare the answer with its documentation."
    )


class VersionRefused(Rejected):
    """Square does not serve the version of its API that was asked for."""

    default_what = "Square refuses the version of its API that was asked for"
    default_remedy = (
        f"Take the account switch {VERSION_SWITCH} away, or set it to a version that Square serves ({OLDER_VERSION})."
    )


def classify(parts: ResponseParts) -> PosError | None:
    """Square's error codes as typed failures; what it does not tell apart is left to the status."""
    if 200 <= parts.status < 300:
        return None
    code, detail, field = _first_error(parts.json())
    if not code:
        return None
    if code in VERSION_CODES or (parts.status == 400 and _NAMES_THE_VERSION.search(f"{field} {detail}")):
        return parts.error(VersionRefused, detail, code=code)
    if parts.status == 401 or code in REVOKED:
        return parts.error(TokenRevoked if code in REVOKED else Unauthorized, detail, code=code)
    if parts.status == 403 or code in NOT_GRANTED:
        return parts.error(PermissionMissing, detail, code=code)
    if parts.status == 400 and (code == "INVALID_CURSOR" or field == "cursor"):
        return parts.error(StaleCursor, code=code)
    by_status = classify_by_status(parts)
    return by_status if by_status is None else parts.error(type(by_status), detail, code=code)


def _first_error(document: Any) -> tuple[str, str, str]:
    errors = document.get("errors") if isinstance(document, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, Mapping):
        return "", "", ""
    return str(first.get("code") or ""), str(first.get("detail") or ""), str(first.get("field") or "")


class SquareCalls:
    """Requests to one Square account, in the version it serves."""

    def __init__(self, client: PosClient, version: str, *, is_pinned: bool = False) -> None:
        self.client = client
        self.version = version
        self.is_pinned = is_pinned
        self._first = asyncio.Lock()
        self._is_settled = False

    async def locations(self) -> tuple[PosResponse, list[Any]]:
        """All locations, inactive ones included, as sent."""
        response = await self.request("GET", "/v2/locations")
        document = response.json(decimals=True)
        found = document.get("locations") if isinstance(document, Mapping) else None
        if found is None:
            self.empty_or_changed(response, ("errors",))
        return response, found or []

    async def day_starts(self) -> tuple[str, ...]:
        """The local times at which a day begins in the workweek settings, as ``HH:MM``; usually one, or none.

        A setting of labour, not of sales (API reference, section 15): a hint at the close-out, no more.
        """
        response = await self.request("GET", "/v2/labor/workweek-configs")
        configs = response.json().get("workweek_configs") or []
        starts = {str(c.get("start_of_day_local_time") or "")[:5] for c in configs if isinstance(c, Mapping)}
        return tuple(sorted(start for start in starts if _TIME.fullmatch(start)))

    async def request(self, method: str, path: str, *, version: str | None = None, **how: Any) -> PosResponse:
        """A request of the client in ``version``, else in the session's; see ``PosClient.request``.

        Where Square refuses the newest version, the session goes on in the older one: the first request of a session
        finds that out alone. A version the account asks for by its switch is never replaced: VersionRefused.
        """
        is_within = how.get("authorize") is False  # the exchange of a token, made in the middle of another request
        if version or self.is_pinned or self._is_settled or is_within:
            return await self._requested(method, path, version, how)
        async with self._first:
            if not self._is_settled:
                response = await self._requested(method, path, version, how)
                self._is_settled = True
                return response
        return await self._requested(method, path, version, how)

    async def _requested(self, method: str, path: str, version: str | None, how: Mapping[str, Any]) -> PosResponse:
        asked = version or self.version
        try:
            return await self.client.request(method, path, headers={VERSION_HEADER: asked}, **how)
        except VersionRefused:
            if version or self.is_pinned or asked == OLDER_VERSION:
                raise
            log.info("Square refuses version %s of its API; going on with %s", asked, OLDER_VERSION)
            self.version = OLDER_VERSION
        return await self.client.request(method, path, headers={VERSION_HEADER: OLDER_VERSION}, **how)

    async def post(
        self,
        path: str,
        body: Mapping[str, Any],
        cursor: str | None = None,
        *,
        version: str | None = None,
        shape: Shape = None,
    ) -> PosResponse:
        """One page of a list asked for by POST; a refused cursor is told apart from a refused request."""
        sent = {**body, **({"cursor": cursor} if cursor else {})}
        return await self._page("POST", path, None, sent, cursor, version, shape)

    async def get(
        self, path: str, params: Mapping[str, str], cursor: str | None = None, *, shape: Shape = None
    ) -> PosResponse:
        """One page of a list asked for by GET; a refused cursor is told apart from a refused request."""
        asked = {**params, **({"cursor": cursor} if cursor else {})}
        return await self._page("GET", path, asked, None, cursor, shape=shape)

    async def _page(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        cursor: str | None,
        version: str | None = None,
        shape: Shape = None,
    ) -> PosResponse:
        try:
            return await self.request(method, path, version=version, params=params, json=body, shape=shape)
        except VersionRefused:
            raise
        except Rejected as error:
            # An expired cursor may be refused without saying that it was the cursor (API reference, section 3).
            if cursor and error.status == 400 and error.code in CURSOR_CODES:
                raise StaleCursor(
                    pos=POS, method=method, path=path, status=400, code=error.code, request_id=error.request_id
                ) from error
            raise

    def decoded(self, response: PosResponse, shape: type[T]) -> T:
        """The body of an answer as a struct; UnexpectedShape names the field that does not fit."""
        try:
            return msgspec.json.decode(response.content, type=shape, strict=False)
        except msgspec.ValidationError as error:
            raise self._changed(response.method, response.path, str(error)) from error

    def shaped_part(self, response: PosResponse, part: bytes | msgspec.Raw, shape: type[T]) -> T:
        """Part of a body, still as sent, as a struct; UnexpectedShape names the field that does not fit."""
        try:
            return msgspec.json.decode(part, type=shape, strict=False)
        except msgspec.ValidationError as error:
            raise self._changed(response.method, response.path, str(error)) from error

    def shaped(self, raw: Any, shape: type[T], path: str) -> T:
        """Part of an answer as a struct; UnexpectedShape names the field that does not fit."""
        try:
            return read(raw, shape)
        except msgspec.ValidationError as error:
            raise self._changed("GET", path, str(error)) from error

    def empty_or_changed(self, response: PosResponse, expected: Sequence[str]) -> None:
        """An answer without its list is empty only if it holds nothing unexpected: else the list has a new name."""
        found = msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
        unknown = sorted(set(found) - set(expected))
        if unknown:
            raise self._changed(response.method, response.path, f"the list is missing, there is {', '.join(unknown)}")
        if "errors" in found:
            code, detail, _ = _first_error(msgspec.json.decode(response.content))
            raise Rejected(detail, pos=POS, method=response.method, path=response.path, code=code)

    def _changed(self, method: str, path: str, what: str) -> UnexpectedShape:
        return UnexpectedShape(
            f"the answer does not have the documented shape: {what}", pos=POS, method=method, path=path
        )
