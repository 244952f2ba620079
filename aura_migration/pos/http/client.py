"""PosClient: one request to a POS, with its limits, its token, its retries and its typed failure.

It returns whole, well-formed answers of success and raises everything else. What a status or a code of a certain POS
means is told by the connector's ``classify``; endpoints, paging and wire formats do not belong here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
import msgspec

from aura_migration.core.errors import BadInput
from aura_migration.pos.http.errors import (
    BodyTooLarge,
    MalformedBody,
    NotJson,
    PosError,
    RateLimited,
    Rejected,
    ResponseParts,
    TokenRevoked,
    Unauthorized,
    Unreachable,
    classify_by_status,
)
from aura_migration.pos.http.limits import Buckets, Claim, LimitPolicy
from aura_migration.pos.http.retry import RetryPolicy
from aura_migration.pos.http.stats import TrafficStats
from aura_migration.pos.http.tokens import TokenSource
from aura_migration.pos.http.transport import DirectTransport

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines show queries: cursors, names that were searched

MAX_BODY = 256 * 1024 * 1024
MAX_REDIRECTS = 3
USER_AGENT = "aura-migration"
ENCODINGS = "gzip, deflate"
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=15.0)
"""Of connections through a proxy; those of others are in ``transport.py``."""

Classify = Callable[[ResponseParts], PosError | None]
Params = Mapping[str, str | int] | Sequence[tuple[str, str | int]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PosResponse:
    """A whole answer of success; its body is well-formed JSON, or empty where the status is 204.

    ``headers`` have lower-case names; of a repeated header all values, joined by ``", "``. ``elapsed`` is the
    seconds of the attempt that succeeded, ``attempts`` how many it took.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    elapsed: float
    attempts: int
    method: str = ""
    path: str = ""
    shaped: Any = field(default=None, repr=False)
    """The body as the shape that was asked for; None without one, or where the body does not fit it."""

    def json(self, *, decimals: bool = False) -> Any:
        """The body decoded. ``decimals``: numbers with a fraction become Decimal, exact as they were sent."""
        return (_DECIMALS if decimals else _PLAIN).decode(self.content)

    def decode(self, type_: type[T]) -> T:
        """The body as a msgspec type; ``msgspec.ValidationError`` names the field that does not fit."""
        return msgspec.json.decode(self.content, type=type_)


_PLAIN = msgspec.json.Decoder()
_DECIMALS = msgspec.json.Decoder(float_hook=Decimal)


class PosClient:
    """The client of one POS account for one event loop. An async context manager; safe for many tasks at once.

    ``pos`` names the POS in errors. ``limits`` are kept in ``buckets``, which the caller owns and closes.
    ``classify`` sees every whole answer first and may name its error; None leaves it to the status. ``headers`` go
    with every request. ``clock`` is monotonic seconds, ``wall`` epoch seconds; both, ``sleep`` and ``rng`` are
    replaceable for tests.
    """

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        limits: LimitPolicy,
        buckets: Buckets,
        classify: Classify | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        pos: str = "POS",
        headers: Mapping[str, str] | None = None,
        stats: TrafficStats | None = None,
        max_body: int = MAX_BODY,
        allow_plain_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.pos = pos
        self.base_url = checked_base_url(base_url, allow_plain_http=allow_plain_http)
        self.tokens = tokens
        self.limits = limits
        self.buckets = buckets
        self.retry = retry or RetryPolicy()
        self.stats = stats if stats is not None else TrafficStats()
        self._classify = classify
        self._transport = transport
        self._headers = {
            "accept": "application/json",
            "accept-encoding": ENCODINGS,
            "user-agent": USER_AGENT,
            **dict(headers or {}),
        }
        self._max_body = max_body
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter
        self._open: httpx.AsyncBaseTransport | None = None
        self._reached = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. The buckets stay open: they belong to the caller."""
        if self._open is not None:
            await self._open.aclose()
            self._open = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        limit_scope: str = "",
        authorize: bool = True,
        retry: RetryPolicy | None = None,
        shape: msgspec.json.Decoder[Any] | None = None,
    ) -> PosResponse:
        """Make a request until it succeeds or its retries are used up.

        ``path`` begins with ``/`` and is appended to the base URL; a parameter may be repeated by giving pairs.
        ``limit_scope`` fills ``{scope}`` of the limits' keys, for example with the location. ``authorize=False``
        sends no token, for sign-in calls. ``shape`` reads the body at once, where it is read through anyhow to see whether
        it is whole. Raises a PosError of the tree in ``errors``; its ``attempts`` says how
        often it was tried.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"path must begin with one '/' and name no host: {path!r}")
        policy = retry or self.retry
        claims = self.limits.claims(method, path, limit_scope)
        call = _Call(
            method.upper(),
            path,
            params,
            None if json is None else msgspec.json.encode(json),
            dict(headers or {}),
            shape,
        )
        self.stats.calls += 1
        attempt, spent, away, renewed = 1, 0.0, 0.0, False
        while True:
            token = await self.tokens.token() if authorize else None
            started = self._clock()
            try:
                response = await self._attempt(call, claims, token, policy, attempt)
            except PosError as error:
                self.stats.went_wrong(error)
                took = self._clock() - started - call.waited
                spent += took
                away = away + took if _never_left(error) else 0.0
                if token is not None and isinstance(error, Unauthorized):
                    if isinstance(error, TokenRevoked):
                        await self.tokens.revoked(token, error.reason)
                    elif not renewed and await self.tokens.refused(token):
                        renewed = True
                        self.stats.renewals += 1
                        continue
                delay = policy.delay(error, attempt, spent, self._rng, away)
                await self._stay_away(claims, error, delay)
                if delay is None:
                    self.stats.failed += 1
                    raise error.tried(attempt) from error.__cause__
                log.debug("attempt %d: %s; again in %.2f s", attempt, error.what, delay)
                await self._sleep(delay)
                self.stats.waited_for_retries += delay
                spent += delay
                away += delay if _never_left(error) else 0.0
                attempt += 1
            else:
                self.stats.succeeded += 1
                return response

    async def _stay_away(self, claims: Sequence[Claim], error: PosError, delay: float | None) -> None:
        """Keep everybody under the crossed limit away as well; it is the narrowest where the POS does not say which."""
        wait = error.retry_after or delay
        rated = [claim for claim in claims if claim.limit.capacity]
        if not isinstance(error, RateLimited) or not wait or not rated:
            return
        crossed = next((claim for claim in rated if claim.limit.name == error.limit), rated[-1])
        await self.buckets.penalise(crossed.key, wait)

    async def _attempt(
        self, call: _Call, claims: Sequence[Claim], token: str | None, policy: RetryPolicy, attempt: int
    ) -> PosResponse:
        call.waited = 0.0
        asked = self._clock()
        async with self.buckets.admit(claims):
            call.waited = self._clock() - asked
            self.stats.waited_for_limits += call.waited
            self.stats.attempts += 1
            started = self._clock()
            status, headers, content = await self._exchange(call, token, policy)
            elapsed = self._clock() - started
        self.stats.answered(status, elapsed, len(content))
        parts = ResponseParts(self.pos, call.method, call.path, status, headers, content)
        shaped = _shaped(parts, call.shape)
        error = self._judge(parts, is_read=shaped is not None)
        if error is not None:
            raise policy.with_advice(error, headers, self._wall())
        return PosResponse(status, headers, content, elapsed, attempt, call.method, call.path, shaped)

    def _judge(self, parts: ResponseParts, is_read: bool) -> PosError | None:
        if 200 <= parts.status < 300 and parts.status != 204:
            error = _not_whole_json(parts, is_read)
            if error is not None:
                return error
        named = self._classify(parts) if self._classify else None
        return named if named is not None else classify_by_status(parts)

    async def _exchange(self, call: _Call, token: str | None, policy: RetryPolicy) -> tuple[int, dict[str, str], bytes]:
        """One request and its whole body; redirects only within the same origin."""
        headers = {**self._headers, **call.headers}
        if call.body is not None:
            headers["content-type"] = "application/json"
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        url = httpx.URL(self.base_url + call.path)
        if call.params is not None:
            pairs = call.params.items() if isinstance(call.params, Mapping) else call.params
            url = url.copy_merge_params([(name, str(value)) for name, value in pairs])
        where: dict[str, Any] = {"pos": self.pos, "method": call.method, "path": call.path}
        connect = policy.connect_timeout if self._reached else min(policy.connect_timeout, policy.first_connect_timeout)
        timeout = httpx.Timeout(policy.read_timeout, connect=connect, pool=policy.attempt_timeout).as_dict()
        try:
            async with asyncio.timeout(policy.attempt_timeout):
                for _ in range(MAX_REDIRECTS + 1):
                    request = httpx.Request(
                        call.method, url, headers=headers, content=call.body, extensions={"timeout": timeout}
                    )
                    response = await self._sender().handle_async_request(request)
                    response.request = request
                    self._reached = True
                    try:
                        target = self._redirect(response, where)
                        if target is None:
                            content = await self._read(response, where)
                            return response.status_code, _joined(response.headers), content
                        url = target
                    finally:
                        await response.aclose()
        except (TimeoutError, httpx.TimeoutException) as error:
            sent = not isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
            first = not self._reached
            raise Unreachable("no whole answer in time", sent=sent, first_contact=first, **where) from error
        except httpx.DecodingError as error:
            raise MalformedBody("the compressed body is cut off or damaged", **where) from error
        except httpx.TransportError as error:
            raise self._unreachable(error, where) from error
        raise Rejected("the POS redirects in a circle", **where)

    def _unreachable(self, error: httpx.TransportError, where: Mapping[str, Any]) -> PosError:
        host = urlsplit(self.base_url).hostname
        first = not self._reached
        if isinstance(error, httpx.UnsupportedProtocol):
            return Rejected(f"{host}: protocol not supported", **where)
        if isinstance(error, httpx.ConnectError | httpx.ProxyError):
            if _certificate_problem(error):
                return Unreachable(
                    f"the certificate of {host} is not accepted",
                    "Check the base URL; behind a proxy that opens TLS, set SSL_CERT_FILE to its certificate.",
                    sent=False,
                    retryable=False,
                    first_contact=first,
                    **where,
                )
            return Unreachable(_why_no_connection(error, host), sent=False, first_contact=first, **where)
        return Unreachable("the connection broke before the answer was whole", first_contact=first, **where)

    async def _read(self, response: httpx.Response, where: Mapping[str, Any]) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._max_body:
                raise BodyTooLarge(f"the answer is larger than {self._max_body} bytes", **where)
            chunks.append(chunk)
        return b"".join(chunks)

    def _redirect(self, response: httpx.Response, where: Mapping[str, Any]) -> httpx.URL | None:
        """Where to ask instead; None when the answer is no redirect. Another origin never gets our token."""
        location = response.headers.get("location")
        if not 300 <= response.status_code < 400 or location is None:
            return None
        target = urljoin(str(response.request.url), location)
        if _origin(target) != _origin(self.base_url) or where["method"] != "GET":
            host = urlsplit(target).hostname
            raise Rejected(
                f"the POS redirects to {host}, which is not followed",
                f"If {host} is the POS's API, use it as the base URL.",
                status=response.status_code,
                **where,
            )
        return httpx.URL(target)

    def _sender(self) -> httpx.AsyncBaseTransport:
        """What requests go out by: without httpx's own client, which spends more on each than all that is needed."""
        if self._open is None:
            self._open = self._transport or _transport_to(self.base_url)
        return self._open


@dataclass(slots=True)
class _Call:
    method: str
    path: str
    params: Params | None
    body: bytes | None
    headers: dict[str, str]
    shape: msgspec.json.Decoder[Any] | None
    waited: float = 0.0


def checked_base_url(base_url: str, *, allow_plain_http: bool = False) -> str:
    """The base URL without a trailing slash; BadInput when it is no usable one.

    ``https`` is required except for this machine itself, unless ``allow_plain_http``: a token must not travel in the
    clear.
    """
    parts = urlsplit(base_url.strip())
    shown = f"{parts.scheme}://{parts.hostname}" if parts.hostname else repr(base_url[:80])
    example = "Give the address of the POS's API, for example https://api.example.com."
    try:
        _ = parts.port
    except ValueError as error:
        raise BadInput(f"The base URL {shown} has an impossible port.", example) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"The base URL {shown} is not an http or https address.", example)
    if parts.username or parts.password:
        raise BadInput(
            f"The base URL {shown} contains a user or password.", "Put credentials into the credentials file."
        )
    if parts.query or parts.fragment:
        raise BadInput(f"The base URL {shown} contains a query or fragment.", example)
    if parts.scheme == "http" and not allow_plain_http and not _is_loopback(parts.hostname):
        raise BadInput(f"The base URL {shown} would send the token unencrypted.", "Use https.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _transport_to(base_url: str) -> httpx.AsyncBaseTransport:
    """Straight, or by the proxy of the environment: that is for the outside world, never for a server on this machine."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    is_here = _is_loopback(host)
    proxies = {} if is_here or proxy_bypass(host) else getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return DirectTransport(trust_env=not is_here)
    return httpx.AsyncHTTPTransport(proxy=proxy if "://" in proxy else f"http://{proxy}", limits=LIMITS)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _joined(headers: httpx.Headers) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers.multi_items():
        joined[name.lower()] = f"{joined[name.lower()]}, {value}" if name.lower() in joined else value
    return joined


def _never_left(error: PosError) -> bool:
    return isinstance(error, Unreachable) and not error.sent


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _certificate_problem(error: BaseException) -> bool:
    return any(
        isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause)
        for cause in _causes(error)
    )


def _why_no_connection(error: BaseException, host: str | None) -> str:
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return f"the host name {host} is not known"
        if isinstance(cause, ssl.SSLError):
            return f"{host} does not answer with TLS as it should"
    return f"no connection to {host}"


def _shaped(parts: ResponseParts, shape: msgspec.json.Decoder[Any] | None) -> Any:
    """The body of a success as that shape; None where it has another, or is no JSON: that is judged elsewhere."""
    if shape is None or not 200 <= parts.status < 300:
        return None
    try:
        return shape.decode(parts.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _not_whole_json(parts: ResponseParts, is_read: bool) -> PosError | None:
    """Look a body of success through without building it: one that was cut short is found while it can be re-read.

    ``is_read``: it was read as JSON already.
    """
    try:
        if not is_read:
            msgspec.json.decode(parts.content, type=msgspec.Raw)
        if not parts.content.isascii():
            parts.content.decode("utf-8")
    except msgspec.DecodeError:
        if parts.is_html or parts.content.lstrip()[:1] not in (b"{", b"[", b""):
            return parts.error(NotJson)
        return parts.error(MalformedBody)
    except UnicodeDecodeError:
        return parts.error(MalformedBody, "the body is not UTF-8")
    return None
