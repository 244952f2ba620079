"""A session on a Square account: signing in, what its errors mean, and the calls the connector makes.

The newest version of the API that is understood here is asked for; where Square refuses it, the older one for the rest
of the session. Which pages are read and how completeness is proven is in ``extract.py``; what the account's settings say
is in ``audit.py``.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from aura_migration.archive.snapshot import Recorder
from aura_migration.core.errors import BadInput
from aura_migration.pos.http.client import PosClient, PosResponse
from aura_migration.pos.http.errors import (
    NotFound,
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
from aura_migration.pos.http.limits import Limit, LimitPolicy, fingerprint
from aura_migration.pos.http.retry import ONCE
from aura_migration.pos.http.tokens import Credentials, RefreshingToken, StaticToken, TokenSource
from aura_migration.pos.port import (
    Account,
    AuditLine,
    Discovery,
    Permission,
    ReverseLevel,
    Scope,
    SourceEntity,
    SourceLocation,
)
from aura_migration.pos.square.audit import VERSION_SWITCH
from aura_migration.pos.square.audit import audit as audit_account
from aura_migration.pos.square.extract import extract as extract_account
from aura_migration.pos.square.wire import API_VERSION, OLDER_VERSION, VERSION_HEADER, Location, Merchant, read

POS = "square"
BASE_URL = "https://connect.squareup.com"

LIMITS = LimitPolicy(
    (
        Limit("in flight", "square {app} in flight", concurrency=10),
        Limit("requests", "square {app} requests", capacity=40, per_seconds=1.0),
    )
)
"""Square publishes no numbers; these are ours, so that a migration never starves the seller's other apps."""

REVOKED = frozenset({"ACCESS_TOKEN_REVOKED", "CLIENT_DISABLED", "APPLICATION_DISABLED"})
NOT_GRANTED = frozenset({"INSUFFICIENT_SCOPES", "MERCHANT_SUBSCRIPTION_NOT_FOUND"})
VERSION_CODES = frozenset({"API_VERSION_INCOMPATIBLE", "INVALID_SQUARE_VERSION_FORMAT"})
_NAMES_THE_VERSION = re.compile(rf"square[-_ ]version|api[-_ ]version|{re.escape(API_VERSION)}", re.IGNORECASE)
CURSOR_CODES = frozenset({"BAD_REQUEST", "INVALID_VALUE", "INVALID_REQUEST_ERROR"})

SOURCE_ENTITIES = (
    SourceEntity(
        "locations",
        "merchant",
        "MERCHANT_PROFILE_READ",
        ("locations",),
        doc="The merchant and all its locations, inactive ones too.",
    ),
    SourceEntity(
        "catalog",
        "merchant",
        "ITEMS_READ",
        (
            "menus",
            "categories",
            "tax_rates",
            "kitchen_stations",
            "items",
            "variations",
            "modifier_groups",
            "modifiers",
            "item_locations",
            "modifier_locations",
            "item_categories",
            "item_menus",
            "item_modifier_groups",
            "nested_groups",
            "modifier_defaults",
            "item_taxes",
            "item_stations",
        ),
        doc="Every object of the catalog, deleted ones too.",
    ),
    SourceEntity(
        "inventory", "location", "INVENTORY_READ", ("stock",), doc="Stock counts of one location, in every state."
    ),
)

T = TypeVar("T")
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


class TokenStatus(msgspec.Struct, frozen=True):
    """What the token may do; ``expires_at`` is absent for one that never expires."""

    scopes: list[str] | None = None
    expires_at: str | None = None
    client_id: str | None = None
    merchant_id: str | None = None


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
    credentials, _ = await asyncio.to_thread(account.credentials.load, account.integration_id)
    session = SquareSession(account, credentials)
    async with session.client:
        yield session


class SquareSession:
    """An open connection to one Square account."""

    def __init__(self, account: Account, credentials: Credentials) -> None:
        wanted = str(account.switches.get(VERSION_SWITCH) or "")
        self.version = wanted or API_VERSION
        self.is_pinned = bool(wanted)
        application = str(credentials.get("client_id") or credentials.get("access_token") or "")
        self.client = PosClient(
            account.base_url or BASE_URL,
            self._tokens(account, credentials),
            LIMITS.named(app=fingerprint(application)),
            account.buckets,
            classify,
            pos=POS,
        )

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
                )
            )
        found.sort(key=lambda location: location.source_id)
        return Discovery(merchant.id or "", merchant.business_name or merchant.id or "", tuple(found))

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
            else:
                await self.post("/v2/inventory/counts/batch-retrieve", {"location_ids": [location], "limit": 1})
        except PermissionMissing as error:
            return Permission(entity.name, entity.permission, False, error.what)
        return Permission(entity.name, entity.permission, True, "a first record could be read")

    async def reverse_level(self, location: str) -> ReverseLevel:
        """A where menu and stock may be written back by API, else B: import files for the Square dashboard."""
        scopes = await self.scopes()
        wanted = ("ITEMS_WRITE", "INVENTORY_WRITE")
        missing = [scope for scope in wanted if scopes is None or scope not in scopes]
        if not missing:
            return ReverseLevel("A", "The token may write the catalog and stock (ITEMS_WRITE, INVENTORY_WRITE).")
        if scopes is None:
            return ReverseLevel(
                "B", "Square does not tell what the token may write; item import files remain possible."
            )
        return ReverseLevel(
            "B", f"The token lacks {' and '.join(missing)}; item import files for the dashboard remain possible."
        )

    async def extract(self, recorder: Recorder, scope: Scope, location: str | None, entities: Sequence[str]) -> None:
        """See the port. What cannot be read completely is certified as suspicious, with what is wrong."""
        await extract_account(self, recorder, scope, location, entities)

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

    async def locations(self) -> tuple[PosResponse, list[Any]]:
        """All locations, inactive ones included, as sent."""
        response = await self.request("GET", "/v2/locations")
        document = response.json(decimals=True)
        found = document.get("locations") if isinstance(document, Mapping) else None
        if found is None:
            self.empty_or_changed(response, ("errors",))
        return response, found or []

    async def request(self, method: str, path: str, *, version: str | None = None, **how: Any) -> PosResponse:
        """A request of the client in ``version``, else in the session's; see ``PosClient.request``.

        Where Square refuses the newest version, the session goes on in the older one. A version the account asks for by
        its switch is never replaced: VersionRefused.
        """
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
        self, path: str, body: Mapping[str, Any], cursor: str | None = None, *, version: str | None = None
    ) -> PosResponse:
        """One page of a list asked for by POST; a refused cursor is told apart from a refused request."""
        sent = {**body, **({"cursor": cursor} if cursor else {})}
        return await self._page("POST", path, None, sent, cursor, version)

    async def get(self, path: str, params: Mapping[str, str], cursor: str | None = None) -> PosResponse:
        """One page of a list asked for by GET; a refused cursor is told apart from a refused request."""
        return await self._page("GET", path, {**params, **({"cursor": cursor} if cursor else {})}, None, cursor)

    async def _page(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        cursor: str | None,
        version: str | None = None,
    ) -> PosResponse:
        try:
            return await self.request(method, path, version=version, params=params, json=body)
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
