"""Where the access token comes from, and how it is renewed: by one process for all, stored before it is used.

    StaticToken       a token that does not expire, or that only a person can replace
    RefreshingToken   a stored token renewed by an exchange the connector supplies; single-use refresh tokens included
    MachineLogin      a stored token renewed by signing in again, within a login budget

The stored credentials are a flat JSON document. Keys used here: ``access_token``; ``expires_at`` (epoch seconds or ISO
8601; absent: does not expire); ``refreshed_at``; ``refresh_started`` (a marker, see RefreshingToken);
``reconnect_needed`` (a reason; set once the authorisation is lost for good); ``logins`` (epoch seconds of sign-ins).
All other keys belong to the connector. Sealing belongs to the vault, which fills the :class:`CredentialStore`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import psycopg

from aura_migration.core.errors import AuraError, BadInput
from aura_migration.pos.http.errors import (
    NotFound,
    Permanent,
    PosError,
    RateLimited,
    ReconnectNeeded,
    Rejected,
    Unauthorized,
    Unreachable,
)
from aura_migration.pos.http.limits import fingerprint
from aura_migration.pos.threads import in_thread

log = logging.getLogger(__name__)

MARKER = "refresh_started"
LOST = "reconnect_needed"
OWN_KEYS = ("access_token", "expires_at", "refreshed_at", MARKER, LOST, "logins")

STORE_ATTEMPTS = 6
RENEW_ATTEMPTS = 5
MAX_RENEW_WAIT = 60.0
FIRST_CONTACT_WAIT = 8.0
"""Seconds within which exchanges that never leave are repeated, where this POS was never reached before."""

ON_TRIAL = 0
"""The integration id of credentials that are tried before they are stored: there is no connection to lose yet."""

STORE_FAULTS = (AuraError, psycopg.Error, OSError)

Credentials = dict[str, Any]
Renew = Callable[[Credentials], Awaitable[Mapping[str, Any]]]
Exclusive = Callable[[str], AbstractAsyncContextManager[None]]


class TokenSource(Protocol):
    """What the client asks for tokens."""

    async def token(self) -> str:
        """An access token believed to be good; raises a PosError when there is none to be had."""
        ...

    async def refused(self, token: str) -> bool:
        """The POS answered 401 to that token. True: another one is at hand, the request may be made once more."""
        ...

    async def revoked(self, token: str, reason: str) -> None:
        """The POS said that the connection was withdrawn."""
        ...


class CredentialStore(Protocol):
    """The sealed credentials of integrations, as the vault keeps them. Called from a worker thread."""

    def load(self, integration_id: int) -> tuple[Credentials, int]:
        """The credentials and their version."""
        ...

    def replace(self, integration_id: int, credentials: Mapping[str, Any], expected_version: int | None) -> int:
        """Store if the version is still the expected one, durably on return; the new version. Raises when it is not."""
        ...


class MemoryStore:
    """Credentials kept in memory: for one-off use without a database, such as trying them before they are stored."""

    def __init__(self, integration_id: int, credentials: Mapping[str, Any]) -> None:
        self._rows: dict[int, tuple[Credentials, int]] = {integration_id: (dict(credentials), 1)}

    def load(self, integration_id: int) -> tuple[Credentials, int]:
        """See :class:`CredentialStore`."""
        credentials, version = self._rows[integration_id]
        return dict(credentials), version

    def replace(self, integration_id: int, credentials: Mapping[str, Any], expected_version: int | None) -> int:
        """See :class:`CredentialStore`."""
        version = self._rows[integration_id][1]
        if expected_version is not None and version != expected_version:
            raise AuraError(
                f"The credentials of integration {integration_id} were replaced meanwhile.", "Load them again."
            )
        self._rows[integration_id] = (dict(credentials), version + 1)
        return version + 1


class CredentialPart:
    """The credentials of one of several merchants of an integration, as a store of their own.

    The document holds a list under ``list_key``; the part is the entry whose ``id_key`` is ``value``, together with
    what all entries share. Renewals of several parts exclude each other, as they share the integration's lock and
    version.
    """

    def __init__(self, store: CredentialStore, list_key: str, id_key: str, value: str) -> None:
        self._store = store
        self._list_key = list_key
        self._id_key = id_key
        self._value = value

    def load(self, integration_id: int) -> tuple[Credentials, int]:
        """See :class:`CredentialStore`; BadInput when there is no such entry."""
        document, version = self._store.load(integration_id)
        shared = {key: value for key, value in document.items() if key != self._list_key}
        return {**shared, **document[self._list_key][self._position(document)]}, version

    def replace(self, integration_id: int, credentials: Mapping[str, Any], expected_version: int | None) -> int:
        """See :class:`CredentialStore`; the other entries stay as they are."""
        document, version = self._store.load(integration_id)
        shared = {key: value for key, value in document.items() if key != self._list_key}
        entries = list(document[self._list_key])
        entries[self._position(document)] = {
            key: value for key, value in credentials.items() if key not in shared or shared[key] != value
        }
        entries[self._position(document)].setdefault(self._id_key, self._value)
        expected = version if expected_version is None else expected_version
        return self._store.replace(integration_id, {**document, self._list_key: entries}, expected)

    def _position(self, document: Mapping[str, Any]) -> int:
        entries = document.get(self._list_key) or []
        for position, entry in enumerate(entries):
            if entry.get(self._id_key) == self._value:
                return position
        raise BadInput(
            f"The stored credentials hold no {self._id_key} {self._value}.",
            "Connect the account again with `aura-migration connect`, naming all its merchants.",
        )


class StaticToken:
    """A token that is what it is."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "StaticToken(***)"

    async def token(self) -> str:
        """See :class:`TokenSource`."""
        return self._token

    async def refused(self, token: str) -> bool:
        """See :class:`TokenSource`; there is no other."""
        return False

    async def revoked(self, token: str, reason: str) -> None:
        """See :class:`TokenSource`; nothing is stored."""


@dataclass(frozen=True, slots=True)
class _Cached:
    token: str
    expires_at: float


class RefreshingToken:
    """A stored access token, renewed shortly before it expires or when it was refused.

    Single flight: under ``exclusive`` (``Buckets.exclusive``) the stored version is read again, as another process may
    have renewed it already. The new credentials are stored before the token is used.

    ``renew`` is given the credentials (without this module's own keys) and returns what changed: ``access_token``,
    ``expires_at``, a rotated refresh token; it raises PosError and must not repeat the exchange on its own
    (``retry=ONCE``): failures that may pass are repeated here.

    ``single_use``: before the exchange a marker is stored. If the process dies after the POS rotated the token and
    before it was stored, the next one finds the marker, tries the old token once (the request may never have been
    sent) and, being refused, ends in ReconnectNeeded: stored, so that nobody tries again until the account is
    connected anew, and told to ``on_reconnect_needed`` (called in a worker thread) with the reason. Credentials on trial
    (integration ``ON_TRIAL``) are no lost connection: they end in Unauthorized.

    ``early`` seconds before expiry a renewal is tried; if it fails for now, the token is used while it lasts. At most
    ``max_refusals`` renewals per minute follow a 401, for POS that answer 401 also where only a permission is missing.
    """

    def __init__(
        self,
        store: CredentialStore,
        integration_id: int,
        renew: Renew,
        *,
        exclusive: Exclusive,
        pos: str = "POS",
        single_use: bool = False,
        early: float = 300.0,
        max_refusals: int = 4,
        on_reconnect_needed: Callable[[str], None] | None = None,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.integration_id = integration_id
        self.renewals = 0
        self._store = store
        self._renew = renew
        self._exclusive = exclusive
        self._pos = pos
        self._single_use = single_use
        self._early = early
        self._max_refusals = max_refusals
        self._on_reconnect_needed = on_reconnect_needed
        self._wall = wall
        self._sleep = sleep
        self._cached: _Cached | None = None
        self._not_before = -math.inf
        self._flight = asyncio.Lock()
        self._refusals: deque[float] = deque()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._pos}, integration {self.integration_id})"

    async def token(self) -> str:
        """See :class:`TokenSource`. Raises ReconnectNeeded, or what the exchange raised when no token is left."""
        cached = self._cached
        if cached is not None and not self._due(cached):
            return cached.token
        async with self._flight:
            cached = self._cached
            if cached is not None and not self._due(cached):
                return cached.token
            credentials, _ = await self._load()
            self._raise_if_lost(credentials)
            cached = self._remember(credentials)
            if cached is not None and not self._due(cached):
                return cached.token
            lasts = cached is not None and self._wall() < cached.expires_at
            try:
                return await self._renewed(refused=None, attempts=1 if lasts else RENEW_ATTEMPTS)
            except PosError as error:
                if cached is None or not lasts or not error.retryable:
                    raise
                # Still good for a while; the next try is not at every request.
                self._not_before = min(cached.expires_at, self._wall() + max(1.0, self._early / 10))
                log.warning("%s: the access token could not be renewed yet: %s", self._pos, error)
                return cached.token

    async def refused(self, token: str) -> bool:
        """See :class:`TokenSource`: many requests refused at once end in one renewal."""
        async with self._flight:
            if self._cached is not None and self._cached.token != token:
                return True
            now = self._wall()
            while self._refusals and self._refusals[0] <= now - 60:
                self._refusals.popleft()
            if len(self._refusals) >= self._max_refusals:
                return False
            self._refusals.append(now)
            return await self._renewed(refused=token) != token

    async def revoked(self, token: str, reason: str) -> None:
        """See :class:`TokenSource`: stored as lost, unless another token has been stored since."""
        async with self._flight, self._exclusive(self._lock_name):
            credentials, version = await self._load()
            if credentials.get("access_token") == token and LOST not in credentials:
                with contextlib.suppress(_Overtaken):
                    await self._mark_lost(credentials, version, reason)

    @property
    def _lock_name(self) -> str:
        return f"aura_migration token of integration {self.integration_id}"

    def _due(self, cached: _Cached) -> bool:
        now = self._wall()
        return now >= cached.expires_at - self._early and now >= self._not_before

    def _may_renew(self, credentials: Credentials, refused: str | None) -> bool:
        """Whether a renewal is allowed now; a budget may forbid it."""
        return True

    def _before_renewal(self, credentials: Credentials) -> Credentials:
        """What to store before the exchange, from the credentials; the same object when there is nothing to store."""
        if not self._single_use:
            return credentials
        marker = {"at": self._wall(), "of": _spent(credentials), "tries": _unclear_tries(credentials) + 1}
        return {**credentials, MARKER: marker}

    def _leaves_no_trace(self, error: PosError) -> bool:
        """Whether an exchange that failed so was certainly not done, and what was noted before it may go."""
        return isinstance(error, RateLimited | NotFound) or (isinstance(error, Unreachable) and not error.sent)

    async def _renewed(self, refused: str | None, attempts: int = RENEW_ATTEMPTS) -> str:
        """Renew under the lock of all processes, or take what another one has renewed meanwhile."""
        async with self._exclusive(self._lock_name):
            attempt, began = 1, self._wall()
            while True:
                try:
                    return await _uninterrupted(self._renew_once(refused))
                except _Overtaken:  # the account was connected anew meanwhile: those credentials stand
                    refused = None
                except PosError as error:
                    if not error.retryable or attempt >= attempts or (error.retry_after or 0) > MAX_RENEW_WAIT:
                        raise error.tried(attempt) from error.__cause__
                    delay = max(error.retry_after or 0, 2.0 ** (attempt - 1))
                    # An exchange that was repeated by itself has waited long enough for an address that is wrong.
                    patience = FIRST_CONTACT_WAIT if error.attempts == 1 else 0.0
                    if _at_wrong_door(error) and self._wall() - began + delay > patience:
                        raise error.tried(max(attempt, error.attempts)) from error.__cause__
                    await self._sleep(delay)
                    attempt += 1

    async def _renew_once(self, refused: str | None) -> str:
        credentials, version = await self._load()
        self._raise_if_lost(credentials)
        cached = self._remember(credentials)
        if cached is not None and cached.token != refused and not self._due(cached):
            return cached.token
        if not self._may_renew(credentials, refused):
            if cached is None:
                raise RateLimited("the budget of sign-ins is used up", pos=self._pos, retry_after=3600.0)
            self._not_before = max(cached.expires_at, self._wall() + 1.0)
            return cached.token
        marked = self._before_renewal(credentials)
        if marked is not credentials:
            version = await self._replace(marked, version)
        try:
            fresh = dict(await self._renew({key: value for key, value in marked.items() if key not in OWN_KEYS}))
            if not isinstance(fresh.get("access_token"), str) or not fresh["access_token"]:
                raise Rejected("the answer to the renewal holds no access token", pos=self._pos)
        except PosError as error:
            cut_off = _unclear_tries(credentials) > 0
            if (
                isinstance(error, Unauthorized)
                or error.status in (400, 422)
                or (cut_off and isinstance(error, Permanent))
            ):
                if cut_off:
                    reason = (
                        "an earlier renewal was cut off after the POS had replaced the single-use refresh token and"
                        " before the new one was stored here"
                    )
                elif self.integration_id == ON_TRIAL:
                    reason = error.reason
                else:
                    reason = f"the POS refused to renew the access ({error.reason})"
                raise await self._mark_lost(marked, version, reason, error) from error
            if marked is not credentials and self._leaves_no_trace(error):
                await self._replace(credentials, version)
            raise
        return await self._keep(marked, fresh, version, refused)

    async def _keep(self, marked: Credentials, fresh: Credentials, version: int, refused: str | None) -> str:
        """Store the new credentials, then use them."""
        document = {**marked, **fresh, "refreshed_at": self._wall()}
        if "expires_at" not in fresh:
            document.pop("expires_at", None)
        for mark in (MARKER, LOST):
            document.pop(mark, None)
        await self._replace(document, version)
        self.renewals += 1
        cached = self._remember(document)
        assert cached is not None  # the token was checked before it was stored
        if cached.token == marked.get("access_token") and refused is None:
            # The POS hands out the same token while it lives: ask again when it has run out, not before.
            self._not_before = max(cached.expires_at, self._wall() + 1.0)
        return cached.token

    def _remember(self, credentials: Credentials) -> _Cached | None:
        token = credentials.get("access_token")
        if not isinstance(token, str) or not token:
            self._cached = None
        else:
            if self._cached is None or self._cached.token != token:
                self._not_before = -math.inf
            self._cached = _Cached(token, expiry(credentials.get("expires_at")))
        return self._cached

    def _raise_if_lost(self, credentials: Credentials) -> None:
        if credentials.get(LOST):
            self._cached = None
            raise self._lost(str(credentials[LOST]))

    async def _mark_lost(
        self, credentials: Credentials, version: int, reason: str, cause: PosError | None = None
    ) -> Unauthorized:
        """Store that the authorisation is lost and tell it; returns the error to raise."""
        self._cached = None
        await self._replace({**credentials, LOST: reason}, version)
        if self._on_reconnect_needed is not None:
            await in_thread(self._on_reconnect_needed, reason)
        return self._lost(reason, cause)

    def _lost(self, reason: str, cause: PosError | None = None) -> Unauthorized:
        where: dict[str, Any] = {"pos": self._pos}
        if cause is not None:
            where.update(status=cause.status, request_id=cause.request_id)
        if self.integration_id != ON_TRIAL:
            return ReconnectNeeded(reason, **where)
        return Unauthorized(
            f"the POS refused these credentials: {reason}",
            "Check that they are complete, still valid and belong to this POS and base URL, or have new ones issued."
            " Nothing was stored.",
            **where,
        )

    async def _load(self) -> tuple[Credentials, int]:
        return await in_thread(self._store.load, self.integration_id)

    async def _replace(self, credentials: Credentials, version: int) -> int:
        """Store, stubbornly: what is lost here cannot be had again. If the account was connected anew, that stands."""
        for attempt in range(1, STORE_ATTEMPTS + 1):
            try:
                return await in_thread(self._store.replace, self.integration_id, credentials, version)
            except STORE_FAULTS as error:
                try:
                    stored, found = await self._load()
                except STORE_FAULTS:
                    found, stored = version, {}
                if found != version:
                    if stored == credentials:  # our own write arrived, only its confirmation did not
                        return found
                    raise _Overtaken from error
                if attempt == STORE_ATTEMPTS:
                    raise
                await self._sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable: the last attempt raises")


class MachineLogin(RefreshingToken):
    """One stored token for all locations and processes, had by signing in; there is no refresh token.

    A new sign-in in the last minute of the token's life or when it was refused. Never more than ``budget`` sign-ins
    within ``budget_seconds`` unless the token was refused: they are counted in the stored credentials, before each
    is made. One that got no answer (the POS was busy, failed or away) is not counted and is repeated some times.
    """

    def __init__(
        self,
        store: CredentialStore,
        integration_id: int,
        login: Renew,
        *,
        exclusive: Exclusive,
        pos: str = "POS",
        early: float = 60.0,
        budget: int = 2,
        budget_seconds: float = 3600.0,
        max_refusals: int = 4,
        on_reconnect_needed: Callable[[str], None] | None = None,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        super().__init__(
            store,
            integration_id,
            login,
            exclusive=exclusive,
            pos=pos,
            single_use=False,
            early=early,
            max_refusals=max_refusals,
            on_reconnect_needed=on_reconnect_needed,
            wall=wall,
            sleep=sleep,
        )
        self._budget = budget
        self._budget_seconds = budget_seconds

    def _recent(self, credentials: Credentials) -> list[float]:
        return [moment for moment in credentials.get("logins", ()) if moment > self._wall() - self._budget_seconds]

    def _may_renew(self, credentials: Credentials, refused: str | None) -> bool:
        return refused is not None or len(self._recent(credentials)) < self._budget

    def _before_renewal(self, credentials: Credentials) -> Credentials:
        return {**credentials, "logins": [*self._recent(credentials), self._wall()]}

    def _leaves_no_trace(self, error: PosError) -> bool:
        return error.retryable


def _at_wrong_door(error: PosError) -> bool:
    return isinstance(error, Unreachable) and error.first_contact and not error.sent


class _Overtaken(Exception):
    """Other credentials were stored meanwhile: the account was connected anew."""


async def _uninterrupted(exchange: Coroutine[Any, Any, str]) -> str:
    """Let an exchange that was begun end and be stored, also when the caller is cancelled: a sibling's failure must not
    cost the restaurant its connection.
    """
    task = asyncio.ensure_future(exchange)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen; the cancellation is what the caller gets
        raise


def expiry(value: Any) -> float:
    """Epoch seconds of an expiry given as epoch seconds or ISO 8601 text (UTC unless it says so); None: never."""
    if value is None:
        return math.inf
    if isinstance(value, int | float):
        return float(value)
    moment = datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _spent(credentials: Mapping[str, Any]) -> str:
    return fingerprint(str(credentials.get("refresh_token", "")))


def _unclear_tries(credentials: Mapping[str, Any]) -> int:
    """How many exchanges of this very refresh token were begun without a known end."""
    marker = credentials.get(MARKER)
    if not isinstance(marker, dict) or marker.get("of") != _spent(credentials):
        return 0
    return int(marker.get("tries", 0))
