"""The tree of POS failures; each says whether a retry can help.

    PosError                      exit   retry
    ├── Transient                    3   yes     the same request may succeed later
    │   ├── RateLimited                          429, with the server's advice where it gave any
    │   ├── ServerFault                          408, 425, 499 and 5xx, whatever the body is
    │   ├── Unreachable                          refused, reset, timed out, cut off in the body
    │   ├── MalformedBody                        the body is not whole JSON although the status says success
    │   └── NotJson                  2           a web page or text where JSON was due (no retry below 500 unless 2xx)
    ├── Restart                      3   no      the same request cannot succeed, a walk from its first page can
    │   ├── StaleCursor                          the cursor expired or belongs to another query
    │   └── Conflict                             409: the source changed under the walk
    └── Permanent                        no      asking again changes nothing
        ├── Unauthorized             2           401 after the one renewal that was tried
        │   └── ReconnectNeeded      2           the restaurant must connect the account again
        │       └── TokenRevoked     2           the restaurant (or the POS) withdrew the connection
        ├── PermissionMissing        2           the right to read this was not granted
        ├── NotFound                 2           unknown object, location or address
        ├── Rejected                 3           400/405/410/413/415/422, redirect to another host
        ├── BodyTooLarge             3           more bytes than the guard allows
        └── SuspiciousPaging         3           the server ignores its own cursor: rows would be lost or doubled

A failure is always one of these, raised; it is never an empty list. Messages hold POS, method, path without query,
status, the POS's own code and request id, never a header, a body or a credential.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from aura_migration.core.errors import AuraError

REQUEST_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "toast-request-id",
    "square-request-id",
    "x-trace-id",
)


CHECK_ADDRESS = "Check the base URL and the network, then try again."


class PosError(AuraError):
    """Base of every failure of a call to a POS.

    ``retryable`` says whether the same request may succeed later; ``restartable`` whether a walk begun again may.
    ``retry_after`` is the server's advice in seconds, ``limit`` the name of the crossed limit where the POS told it.
    """

    exit_code = 3
    retryable = False
    restartable = False
    default_what = "the call failed"
    default_remedy = ""

    def __init__(
        self,
        what: str = "",
        remedy: str = "",
        *,
        pos: str = "",
        method: str = "",
        path: str = "",
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        limit: str = "",
        retryable: bool | None = None,
    ) -> None:
        self.pos = pos
        self.method = method
        self.path = path
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.limit = limit
        self.reason = what or self.default_what
        self.attempts = 1
        if retryable is not None:
            self.retryable = retryable
        place = " ".join(part for part in (pos, method, path) if part)
        facts = [f"HTTP {status}"] if status is not None else []
        facts += [f"code {code}"] if code else []
        facts += [f"request id {request_id}"] if request_id else []
        text = f"{place}: {self.reason}" if place else self.reason
        text += f" ({', '.join(facts)})" if facts else ""
        super().__init__(
            text if text.endswith((".", "!", "?")) else text + ".",
            remedy or self.default_remedy,
            pos=pos,
            method=method,
            path=path,
            status=status,
            code=code,
            request_id=request_id,
            retryable=self.retryable,
        )

    def tried(self, attempts: int) -> PosError:
        """The same error, saying how often the request was made."""
        self.attempts = attempts
        self.details["attempts"] = attempts
        return self


class Transient(PosError):
    """The same request may succeed later."""

    retryable = True
    default_remedy = "Try again later; what was fetched so far is kept."


class RateLimited(Transient):
    """The POS asks for fewer requests."""

    default_what = "the POS asks for fewer requests"
    default_remedy = "Wait, or lower the number of parallel runs against this POS; what was fetched so far is kept."


class ServerFault(Transient):
    """The POS failed on its own side."""

    default_what = "the POS failed on its side"


class Unreachable(Transient):
    """No whole answer came. ``sent`` is False when the request certainly never left this machine.

    ``first_contact`` is True where the client that failed has never had an answer from this POS: more likely a wrong
    address than a POS that is away for a moment.
    """

    default_what = "the POS could not be reached"
    default_remedy = "Check the base URL and the network, then try again; what was fetched so far is kept."

    def __init__(
        self, what: str = "", remedy: str = "", *, sent: bool = True, first_contact: bool = False, **where: Any
    ) -> None:
        super().__init__(what, remedy or (CHECK_ADDRESS if first_contact else ""), **where)
        self.sent = sent
        self.first_contact = first_contact


class MalformedBody(Transient):
    """The answer says success but its body is not whole JSON."""

    default_what = "the body is cut off or not valid JSON"


class NotJson(Transient):
    """The address answers with a web page or text instead of the API."""

    exit_code = 2
    default_what = "the answer is not JSON but a web page or text"
    default_remedy = "Check that the base URL is the POS's API and not its web site or a proxy's sign-in page."


class Restart(PosError):
    """The walk must begin again at its first page."""

    restartable = True


class StaleCursor(Restart):
    """The paging cursor has expired or belongs to another query."""

    default_what = "the paging cursor is no longer valid"
    default_remedy = "Begin the window again at its first page; the next run does so."


class Conflict(Restart):
    """The source changed while it was read (409)."""

    default_what = "the source changed while it was being read"
    default_remedy = "Begin the list again at its first page; the next run does so."


class Permanent(PosError):
    """Asking again changes nothing."""


class Unauthorized(Permanent):
    """The POS does not accept the credentials."""

    exit_code = 2
    default_what = "the POS does not accept the credentials"
    default_remedy = "Check the credentials and connect the account again with `aura-migration connect`."


class ReconnectNeeded(Unauthorized):
    """The stored authorisation is lost for good; only the restaurant can grant a new one."""

    default_what = "the connection to the POS account is lost"
    default_remedy = (
        "Connect the account with `aura-migration connect` and credentials that are valid; where it was connected before,"
        " the integration and its work are kept."
    )


class TokenRevoked(ReconnectNeeded):
    """The restaurant or the POS withdrew the connection."""

    default_what = "the access was withdrawn on the POS's side"


class PermissionMissing(Permanent):
    """The connection does not include the right to read this."""

    exit_code = 2
    default_what = "the connection lacks the right to read this"
    default_remedy = (
        "Grant the right on the POS's side and connect again, or exclude the entity by name in the options."
    )


class NotFound(Permanent):
    """The POS knows no such object, location or address."""

    exit_code = 2
    default_what = "the POS knows no such thing"
    default_remedy = "Check the location and the base URL."


class Rejected(Permanent):
    """The POS refuses the request as it is."""

    default_what = "the POS refuses the request as it was made"
    default_remedy = "The POS's interface may have changed: compare the request with its documentation."


class BodyTooLarge(Permanent):
    """The body exceeds the size guard."""

    default_what = "the answer is larger than the guard allows"
    default_remedy = "Ask for smaller pages, or raise the guard (max_body) of this connector."


class SuspiciousPaging(Permanent):
    """The server ignores its own cursor; going on would lose or double rows."""

    default_what = "the server repeats pages"
    default_remedy = (
        "Nothing was certified. Try again later; if it stays so, report it to the POS with the request above."
    )


@dataclass(frozen=True, slots=True)
class ResponseParts:
    """What a connector's ``classify`` is given: one whole answer. Header names are lower-case."""

    pos: str
    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def request_id(self) -> str:
        """The POS's id of this answer, for its support; empty where it sends none."""
        found = next(
            (self.headers[name] for name in REQUEST_ID_HEADERS if name in self.headers),
            "",
        )
        return found if re.fullmatch(r"[\w.:/+=-]{1,100}", found) else ""

    @property
    def is_html(self) -> bool:
        """Whether the body is a web page, by its type or its first characters."""
        head = self.content[:200].lstrip().lower()
        return "html" in self.headers.get("content-type", "") or head.startswith(
            (b"<!doctype", b"<html", b"<head", b"<body")
        )

    def json(self) -> Any:
        """The body decoded, or None when it is not JSON: error bodies are often not what the documentation says."""
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def error(self, kind: type[PosError], what: str = "", remedy: str = "", **more: Any) -> PosError:
        """An error of that kind, its place filled in. ``what`` is cleansed by :func:`scrub`."""
        where: dict[str, Any] = {"pos": self.pos, "method": self.method, "path": self.path}
        return kind(scrub(what), remedy, **where, status=self.status, request_id=self.request_id, **more)


_SECRETS = (
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),  # e-mail addresses
    re.compile(r"(?=[\w.~+/=-]*[0-9])[\w.~+/=-]{20,}"),  # tokens, keys and signatures: long runs with a digit
    re.compile(r"\+?\d[\d ().-]{6,}\d"),  # telephone and card numbers
)


def scrub(text: str, limit: int = 200) -> str:
    """Free text of a POS made fit for a message: one line, at most ``limit`` characters, no tokens, no addresses."""
    line = " ".join(text.split())
    for pattern in _SECRETS:
        line = pattern.sub("…", line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def classify_by_status(parts: ResponseParts) -> PosError | None:
    """What a status means where the connector has nothing more exact to say; None for success."""
    status = parts.status
    if 200 <= status < 300:
        return None
    if status == 429:
        return parts.error(RateLimited)
    if status in (408, 425, 499) or status >= 500:
        return parts.error(ServerFault)
    if status == 401:
        return parts.error(Unauthorized)
    if parts.is_html:
        return parts.error(NotJson, retryable=False)
    kinds = {403: PermissionMissing, 404: NotFound, 409: Conflict}
    return parts.error(kinds.get(status, Rejected))
