"""A session on a Square account: signing in, and the port's verbs.

The newest version of the API that is understood here is asked for; where Square refuses it, the older one for the rest
of the session (``calls.py``). Which pages are read and how completeness is proven is in ``extract.py`` and ``people/``;
what the account's settings say is in ``audit.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Recorder
from aura_migration.core.errors import BadInput
from aura_migration.pos.http.client import PosClient
from aura_migration.pos.http.errors import NotFound, PermissionMissing, Rejected
from aura_migration.pos.http.limits import Limit, LimitPolicy, fingerprint
from aura_migration.pos.http.retry import ONCE
from aura_migration.pos.http.tokens import Credentials, RefreshingToken, StaticToken, TokenSource
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
from aura_migration.pos.square.audit import audit as audit_account
from aura_migration.pos.square.calls import SquareCalls, UnexpectedShape, VersionRefused, classify
from aura_migration.pos.square.extract import extract as extract_account
from aura_migration.pos.square.extract import probe_checkout
from aura_migration.pos.square.orders.probe import probe as probe_history
from aura_migration.pos.square.orders.reread import reread_documents
from aura_migration.pos.square.people.probe import probe
from aura_migration.pos.square.sources import SOURCE_ENTITIES
from aura_migration.pos.square.wire import API_VERSION, POS, VERSION_SWITCH, Location, Merchant
from aura_migration.pos.threads import in_thread

__all__ = [
    "BASE_URL",
    "LIMITS",
    "POS",
    "SOURCE_ENTITIES",
    "SquareSession",
    "TokenStatus",
    "UnexpectedShape",
    "VersionRefused",
    "classify",
    "open_session",
    "parse_credentials",
]

BASE_URL = "https://connect.squareup.com"

LIMITS = LimitPolicy(
    (
        Limit("in flight", "square {app} in flight", concurrency=10),
        Limit("requests", "square {app} requests", capacity=40, per_seconds=1.0),
    )
)
"""Square publishes no numbers; these are ours, so that a migration never starves the seller's other apps."""

DAY_START = "the start of the day in Square's workweek settings"


class TokenStatus(msgspec.Struct, frozen=True):
    """What the token may do; ``expires_at`` is absent for one that never expires."""

    scopes: list[str] | None = None
    expires_at: str | None = None
    client_id: str | None = None
    merchant_id: str | None = None


def parse_credentials(document: Any) -> dict[str, Any]:
    """Check a credentials document: an access token, or a refresh token with its application (PKCE: without secret)."""
    shapes = (
        'Give {"access_token"}, {"client_id", "client_secret", "refresh_token"} or, for PKCE,'
        ' {"client_id", "refresh_token"}.'
    )
    if not isinstance(document, Mapping):
        raise BadInput("Square credentials are one JSON object.", shapes)
    found: dict[str, Any] = {}
    for name in ("access_token", "client_id", "client_secret", "refresh_token", "expires_at"):
        value = document.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value.strip():
            raise BadInput(f"Square credentials: {name} is not a text with something in it.", shapes)
        found[name] = value.strip()
    if "refresh_token" in found and "client_id" not in found:
        raise BadInput("Square credentials: client_id is missing; a refresh token belongs to an application.", shapes)
    if "access_token" not in found and "refresh_token" not in found:
        raise BadInput("Square credentials hold neither access_token nor refresh_token.", shapes)
    return found


@asynccontextmanager
async def open_session(account: Account) -> AsyncIterator[SquareSession]:
    """A session on the account; nothing is asked of Square before the first call."""
    credentials, _ = await in_thread(account.credentials.load, account.integration_id)
    session = SquareSession(account, credentials)
    async with session.client:
        yield session


class SquareSession(SquareCalls):
    """An open connection to one Square account."""

    def __init__(self, account: Account, credentials: Credentials) -> None:
        self.switches = account.switches
        self._proposal: tuple[str, str] | None = None
        application = str(credentials.get("client_id") or credentials.get("access_token") or "")
        client = PosClient(
            account.base_url or BASE_URL,
            self._tokens(account, credentials),
            LIMITS.named(app=fingerprint(application)),
            account.buckets,
            classify,
            pos=POS,
        )
        wanted = str(account.switches.get(VERSION_SWITCH) or "")
        super().__init__(client, wanted or API_VERSION, is_pinned=bool(wanted))

    def _tokens(self, account: Account, credentials: Credentials) -> TokenSource:
        if not credentials.get("refresh_token"):
            return StaticToken(str(credentials.get("access_token") or ""))
        return RefreshingToken(
            account.credentials,
            account.integration_id,
            self._renew,
            exclusive=account.buckets.exclusive,
            pos=POS,
            single_use=not credentials.get("client_secret"),
        )

    async def _renew(self, credentials: Credentials) -> Mapping[str, Any]:
        """One exchange of the refresh token; with PKCE it is spent by it and the answer brings the next one."""
        asked = {"client_id": credentials["client_id"], "grant_type": "refresh_token"}
        asked["refresh_token"] = credentials["refresh_token"]
        if credentials.get("client_secret"):
            asked["client_secret"] = credentials["client_secret"]
        response = await self.request("POST", "/oauth2/token", json=asked, authorize=False, retry=ONCE)
        answer = response.json()
        fresh = answer if isinstance(answer, Mapping) else {}
        return {name: fresh[name] for name in ("access_token", "expires_at", "refresh_token") if fresh.get(name)}

    # The port -----------------------------------------------------------------------------------------------------

    async def discover(self) -> Discovery:
        """The merchant and all its locations, in id order; Square sends them in one answer."""
        merchant = await self.merchant()
        proposed, source = await self._proposed_closeout()
        found = []
        for raw in (await self.locations())[1]:
            location = self.shaped(raw, Location, "/v2/locations")
            found.append(
                SourceLocation(
                    source_id=location.id,
                    name=location.name or location.business_name or location.id,
                    timezone=location.timezone or "UTC",
                    currency=location.currency or merchant.currency or "USD",
                    is_active=location.status != "INACTIVE",
                    address=_address(location),
                    proposed_closeout=proposed,
                    proposal_source=source,
                )
            )
        found.sort(key=lambda location: location.source_id)
        return Discovery(merchant.id or "", merchant.business_name or merchant.id or "", tuple(found))

    async def _proposed_closeout(self) -> tuple[str, str]:
        """The start of the day in the workweek settings, asked for once per session, and where it comes from."""
        if self._proposal is None:
            try:
                starts = await self.day_starts()
            except (PermissionMissing, NotFound, Rejected):
                starts = ()
            self._proposal = (starts[0], DAY_START) if len(starts) == 1 else ("", "")
        return self._proposal

    async def permissions(self, location: str) -> tuple[Permission, ...]:
        """One line per source entity: by the token's own status, or by trying where Square does not tell it."""
        scopes = await self.scopes()
        if scopes is None:
            return tuple([await self._tried(entity, location) for entity in SOURCE_ENTITIES])
        return tuple(
            Permission(
                entity.name,
                entity.permission,
                entity.permission in scopes,
                f"the token's status {'names' if entity.permission in scopes else 'does not name'} {entity.permission}",
            )
            for entity in SOURCE_ENTITIES
        )

    async def _tried(self, entity: SourceEntity, location: str) -> Permission:
        try:
            if entity.name == "locations":
                await self.request("GET", "/v2/locations")
            elif entity.name == "catalog":
                await self.post("/v2/catalog/search", {"object_types": ["CATEGORY"], "limit": 1})
            elif entity.name == "inventory":
                await self.post("/v2/inventory/counts/batch-retrieve", {"location_ids": [location], "limit": 1})
            elif entity.name == "checkout_settings":
                await probe_checkout(self, location)
            elif entity.scope == "history":
                await probe_history(self, entity.name, location)
            else:
                await probe(self, entity.name, location)
        except PermissionMissing as error:
            return Permission(entity.name, entity.permission, False, error.what)
        return Permission(entity.name, entity.permission, True, "a first record could be read")

    async def reverse_level(self, location: str) -> ReverseLevel:
        """A where orders and stock may be written back by API, else B: import files for the Square dashboard."""
        scopes = await self.scopes()
        wanted = ("ORDERS_WRITE", "INVENTORY_WRITE")
        missing = [scope for scope in wanted if scopes is None or scope not in scopes]
        if not missing:
            paid = (
                "as paid (PAYMENTS_WRITE)"
                if "PAYMENTS_WRITE" in (scopes or ())
                else "open, as PAYMENTS_WRITE is lacking, to be closed by hand"
            )
            return ReverseLevel(
                "A",
                f"The token may write orders and stock (ORDERS_WRITE, INVENTORY_WRITE); orders go back {paid}; the menu goes back as an "
                "item import file.",
            )
        if scopes is None:
            return ReverseLevel(
                "B", "Square does not tell what the token may write; item import files remain possible."
            )
        return ReverseLevel(
            "B", f"The token lacks {' and '.join(missing)}; item import files for the dashboard remain possible."
        )

    async def extract(
        self,
        recorder: Recorder,
        scope: Scope,
        location: str | None,
        entities: Sequence[str],
        span: HistorySpan | None = None,
    ) -> None:
        """See the port. What cannot be read completely is certified as suspicious, with what is wrong."""
        await extract_account(self, recorder, scope, location, entities, self.switches, span)

    async def reread(self, recorder: Recorder, location: str, keys: Mapping[str, Sequence[str]]) -> None:
        """See the port. Events of drawers cannot be read by their ids, and are left out."""
        await reread_documents(self, recorder, location, keys)

    async def audit(self, location: str) -> tuple[AuditLine, ...]:
        """Counts, custom attributes, settings as far as the API shows them, and questions where it does not."""
        return await audit_account(self, location)

    # Calls ----------------------------------------------------------------------------------------------------------

    async def scopes(self) -> frozenset[str] | None:
        """The permissions of the token; None where Square does not tell them for this kind of token."""
        try:
            response = await self.request("POST", "/oauth2/token/status")
        except (NotFound, Rejected):
            return None
        status = self.decoded(response, TokenStatus)
        return frozenset(status.scopes) if status.scopes is not None else None

    async def merchant(self) -> Merchant:
        """The merchant the token belongs to."""
        response = await self.request("GET", "/v2/merchants/me")
        found = response.json().get("merchant")
        if isinstance(found, list):  # the list endpoint's shape, which carries one row
            found = found[0] if found else None
        return self.shaped(found, Merchant, "/v2/merchants/me")


def _address(location: Location) -> dict[str, str]:
    address = location.address
    named = {
        "line1": address.address_line_1 if address else None,
        "city": address.locality if address else None,
        "state": address.administrative_district_level_1 if address else None,
        "postal_code": address.postal_code if address else None,
        "country": (address.country if address else None) or location.country,
    }
    return {name: value for name, value in named.items() if value}
