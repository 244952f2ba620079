"""Signing in to Clover: the credentials document, tokens of several merchants, and what a 401 means.

Clover answers 401 both to a bad token and to a good one without the right; which of the two it is, is found by trying
something else with the same token. What is fetched does not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.pos.http.tokens import TokenSource

MERCHANTS, MERCHANT_ID = "merchants", "merchant_id"
"""Where the stored credentials keep their merchants, and what names one."""

_ID = re.compile(r"[A-Za-z0-9_-]+")
_SHAPES = (
    'Give {"merchant_id", "access_token"} or {"merchant_id", "client_id", "refresh_token"}; for several merchants a JSON '
    "list of such objects."
)
_TEXTS = ("access_token", "client_id", "client_secret", "refresh_token")
_TIMES = {
    "access_token_expiration": "expires_at",
    "expires_at": "expires_at",
    "refresh_token_expiration": "refresh_token_expiration",
}


def parse_credentials(document: Any) -> dict[str, Any]:
    """Check a credentials document; returns ``{"merchants": [...]}`` in the order of merchant ids.

    Accepted are one object, a list of them, and the normalised form. A refresh token belongs to its app, so it needs
    ``client_id``; a secret is not used by Clover's renewal and is not kept.
    """
    given = document.get(MERCHANTS) if isinstance(document, Mapping) and MERCHANTS in document else document
    entries = given if isinstance(given, list) else [given]
    if not entries:
        raise BadInput("The Clover credentials name no merchant.", _SHAPES)
    merchants = [_entry(entry, place) for place, entry in enumerate(entries, start=1)]
    merchants.sort(key=lambda entry: str(entry[MERCHANT_ID]))
    idents = [entry[MERCHANT_ID] for entry in merchants]
    for ident in idents:
        if idents.count(ident) > 1:
            raise BadInput(f"The Clover credentials name merchant {ident} twice.", "Give each merchant once.")
    return {MERCHANTS: merchants}


def _entry(entry: Any, place: int) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise BadInput(f"Clover credentials, merchant {place}: this is not a JSON object.", _SHAPES)
    ident = entry.get(MERCHANT_ID)
    if not isinstance(ident, str) or not _ID.fullmatch(ident.strip()):
        raise BadInput(f"Clover credentials, merchant {place}: merchant_id is missing or not an id.", _SHAPES)
    found: dict[str, Any] = {MERCHANT_ID: ident.strip()}
    for name in _TEXTS:
        value = entry.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value.strip():
            raise BadInput(f"Clover credentials of {ident}: {name} is not a text with something in it.", _SHAPES)
        if name != "client_secret":
            found[name] = value.strip()
    for name, kept in _TIMES.items():
        value = entry.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.setdefault(kept, value)
    if "refresh_token" in found and "client_id" not in found:
        raise BadInput(
            f"Clover credentials of {ident}: client_id is missing; a refresh token belongs to an app.", _SHAPES
        )
    if "access_token" not in found and "refresh_token" not in found:
        raise BadInput(f"Clover credentials of {ident} hold neither access_token nor refresh_token.", _SHAPES)
    return found


class CarefulTokens:
    """A token source that has a refused token tried elsewhere before it is renewed.

    Clover's refresh tokens are single use and their number is limited: none is spent because a right is missing.
    """

    def __init__(self, inner: TokenSource, works: Callable[[str], Awaitable[bool]]) -> None:
        self._inner = inner
        self._works = works

    def __repr__(self) -> str:
        return f"CarefulTokens({self._inner!r})"

    async def token(self) -> str:
        """See :class:`TokenSource`."""
        return await self._inner.token()

    async def refused(self, token: str) -> bool:
        """See :class:`TokenSource`; a token that works elsewhere is not to blame, so there is no other to be had."""
        if await self._works(token):
            return False
        return await self._inner.refused(token)

    async def revoked(self, token: str, reason: str) -> None:
        """See :class:`TokenSource`."""
        await self._inner.revoked(token, reason)
