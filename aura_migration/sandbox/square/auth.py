"""Square's OAuth and bearer tokens: the token store and the rules of granting, refreshing, expiring and revoking.

The HTTP side (authorize page, `/oauth2/*` routes) is in `oauth_routes.py`. Ages count in real time; `expires_at` is
told in POS time.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import ALNUM, URLSAFE, Ids
from aura_migration.sandbox.square.errors import SquareError

CODE_SECONDS = 5 * 60
ACCESS_SECONDS = 30 * 86400
SHORT_ACCESS_SECONDS = 86400
PKCE_REFRESH_SECONDS = 90 * 86400
READ_SCOPES = (
    "MERCHANT_PROFILE_READ",
    "ITEMS_READ",
    "INVENTORY_READ",
    "CUSTOMERS_READ",
    "LOYALTY_READ",
    "GIFTCARDS_READ",
    "ORDERS_READ",
    "PAYMENTS_READ",
    "PAYOUTS_READ",
    "DISPUTES_READ",
    "EMPLOYEES_READ",
    "TIMECARDS_READ",
    "TIMECARDS_SETTINGS_READ",
    "CASH_DRAWER_READ",
    "BANK_ACCOUNTS_READ",
    "PAYMENT_METHODS_READ",
)
MONEY_SCOPES = ("ORDERS_READ", "PAYMENTS_READ", "PAYOUTS_READ", "DISPUTES_READ", "CASH_DRAWER_READ")
PEOPLE_SCOPES = ("CUSTOMERS_READ", "LOYALTY_READ", "GIFTCARDS_READ", "EMPLOYEES_READ", "TIMECARDS_READ")
WRITE_SCOPES = (
    "MERCHANT_PROFILE_WRITE",
    "ITEMS_WRITE",
    "INVENTORY_WRITE",
    "CUSTOMERS_WRITE",
    "ORDERS_WRITE",
    "PAYMENTS_WRITE",
)
SALES_WRITE_SCOPES = ("ORDERS_WRITE", "PAYMENTS_WRITE", "INVENTORY_WRITE")
ALL_SCOPES = (*READ_SCOPES, *WRITE_SCOPES)


@dataclass
class Grant:
    """A seller's authorization of one application (or of the seller's own use: a personal access token)."""

    name: str
    scopes: set[str]
    pkce: bool = False
    personal: bool = False
    revoked: bool = False
    fixed_scopes: bool = False
    refresh_token: str | None = None
    refresh_born: float = 0.0


@dataclass
class AccessToken:
    """One bearer token. `lifetime` None = never expires."""

    value: str
    grant: Grant
    scopes: set[str]
    born: float
    lifetime: float | None
    expires_at: str | None
    short_lived: bool = False
    expired: bool = False
    revoked: bool = False


@dataclass
class Code:
    """An authorization code: five minutes, once."""

    value: str
    scopes: set[str]
    born: float
    redirect_uri: str | None
    challenge: str | None
    used: bool = False


@dataclass
class Application:
    """The registered OAuth application."""

    client_id: str
    client_secret: str
    redirect_uri: str


class TokenStore:
    """All tokens of the account."""

    def __init__(self, ids: Ids, clock: Clock, merchant_id: str) -> None:
        self._ids = ids
        self._clock = clock
        self.merchant_id = merchant_id
        self.application = Application(
            f"sandbox-sq0idb-{ids.token('client', 'id', URLSAFE, 22)}",
            f"sandbox-sq0csb-{ids.token('client', 'secret', URLSAFE, 43)}",
            "https://console.aura-migration.test/oauth/square/callback",
        )
        self.tokens: dict[str, AccessToken] = {}
        self.refresh_tokens: dict[str, Grant] = {}
        self.spent_refresh_tokens: set[str] = set()
        self.codes: dict[str, Code] = {}
        self._issued = 0
        self.personal = self._personal("personal", set(ALL_SCOPES))
        self.missing: dict[str, AccessToken] = {
            scope: self._personal(f"without {scope}", set(READ_SCOPES) - {scope}, fixed=True)
            for scope in ("ITEMS_READ", "INVENTORY_READ", "MERCHANT_PROFILE_READ", *PEOPLE_SCOPES, *MONEY_SCOPES)
        }
        self.read_only = self._personal("read only", set(READ_SCOPES), fixed=True)
        self.read_write = self._personal("read and write", set(ALL_SCOPES), fixed=True)
        self.missing.update(
            (scope, self._personal(f"without {scope}", set(ALL_SCOPES) - {scope}, fixed=True))
            for scope in SALES_WRITE_SCOPES
        )
        self.code_grant = self._application_grant("code flow", pkce=False)
        self.pkce_grant = self._application_grant("pkce flow", pkce=True)
        self.oauth_token = self.issue_access(self.code_grant, self.code_grant.scopes, short_lived=False)

    def _personal(self, name: str, scopes: set[str], fixed: bool = False) -> AccessToken:
        grant = Grant(name, scopes, personal=True, fixed_scopes=fixed)
        value = f"EAAA{self._ids.token('access', name, URLSAFE, 60)}"
        token = AccessToken(value, grant, scopes, self._clock.monotonic(), None, None)
        self.tokens[value] = token
        return token

    def _application_grant(self, name: str, pkce: bool) -> Grant:
        grant = Grant(name, set(READ_SCOPES), pkce=pkce)
        self._new_refresh_token(grant, name)
        return grant

    def _new_refresh_token(self, grant: Grant, name: str) -> str:
        value = f"EQAA{self._ids.token('refresh', name, URLSAFE, 60)}"
        grant.refresh_token, grant.refresh_born = value, self._clock.monotonic()
        self.refresh_tokens[value] = grant
        return value

    def _number(self) -> str:
        self._issued += 1
        return f"issued {self._issued}"

    def _in(self, seconds: float) -> str:
        return (self._clock.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def issue_access(self, grant: Grant, scopes: set[str], short_lived: bool) -> AccessToken:
        """A new access token of a grant; earlier ones live on until they expire."""
        lifetime = SHORT_ACCESS_SECONDS if short_lived else ACCESS_SECONDS
        token = AccessToken(
            f"EAAA{self._ids.token('access', self._number(), URLSAFE, 60)}",
            grant,
            set(scopes),
            self._clock.monotonic(),
            lifetime,
            self._in(lifetime),
            short_lived,
        )
        self.tokens[token.value] = token
        return token

    def issue_code(self, scopes: set[str], redirect_uri: str | None, challenge: str | None) -> str:
        """An authorization code for what the seller just allowed."""
        value = f"sq0cgb-{self._ids.token('code', self._number(), ALNUM, 22)}"
        self.codes[value] = Code(value, scopes, self._clock.monotonic(), redirect_uri, challenge)
        return value

    # -- bearer tokens ---------------------------------------------------------------------------------------------

    def is_expired(self, token: AccessToken) -> bool:
        """Past its life, or expired by the control surface."""
        aged = token.lifetime is not None and self._clock.monotonic() - token.born >= token.lifetime
        return token.expired or aged

    def bearer(self, header: str | None) -> AccessToken:
        """The live token of an Authorization header. Raises 401 with the code that says why not."""
        scheme, _, value = (header or "").partition(" ")
        token = self.tokens.get(value.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise SquareError("UNAUTHORIZED", "This request could not be authorized.")
        if token.revoked or token.grant.revoked:
            raise SquareError("ACCESS_TOKEN_REVOKED", "The provided access token has been revoked.")
        if self.is_expired(token):
            raise SquareError("ACCESS_TOKEN_EXPIRED", "The provided access token has expired.")
        return token

    def expire_presented(self, header: str | None) -> None:
        """Let the token of this header be expired from now on; an unknown one stays unknown."""
        token = self.tokens.get((header or "").partition(" ")[2].strip())
        if token is not None:
            token.expired = True

    # -- grants ----------------------------------------------------------------------------------------------------

    def check_client(self, client_id: Any, client_secret: Any, secret_needed: bool) -> None:
        """Raises unless the application is ours; PKCE callers have no secret but may not send a wrong one."""
        app = self.application
        right = client_secret == app.client_secret or (client_secret is None and not secret_needed)
        if client_id != app.client_id or not right:
            raise SquareError("UNAUTHORIZED", "The client ID or client secret is not valid.")

    def redeem_code(self, fields: dict[str, Any], grant_error: int) -> tuple[Grant, AccessToken]:
        """Exchange a code for a grant and its first token. `grant_error` is the status of a bad code."""
        code = self.codes.get(str(fields.get("code")))
        bad = SquareError("UNAUTHORIZED", "The authorization code is not valid or has expired.", "code", grant_error)
        if code is None or code.used or self._clock.monotonic() - code.born >= CODE_SECONDS:
            raise bad
        verifier = fields.get("code_verifier")
        self.check_client(fields["client_id"], fields.get("client_secret"), secret_needed=code.challenge is None)
        if code.redirect_uri is not None and fields.get("redirect_uri") != code.redirect_uri:
            raise SquareError("UNAUTHORIZED", "The redirect URI does not match.", "redirect_uri", grant_error)
        if (code.challenge is None) != (verifier is None) or (
            code.challenge is not None and challenge_of(str(verifier)) != code.challenge
        ):
            raise SquareError("UNAUTHORIZED", "The code verifier does not match.", "code_verifier", grant_error)
        code.used = True
        grant = Grant(self._number(), set(code.scopes), pkce=code.challenge is not None)
        self._new_refresh_token(grant, grant.name)
        return grant, self.issue_access(grant, grant.scopes, bool(fields.get("short_lived")))

    def refresh(self, fields: dict[str, Any], grant_error: int) -> tuple[Grant, AccessToken]:
        """A new access token. Code flow: the same refresh token stays good. PKCE: it is spent and a new one issued."""
        presented = str(fields.get("refresh_token"))
        grant = self.refresh_tokens.get(presented)
        old = grant is not None and grant.pkce and self._clock.monotonic() - grant.refresh_born >= PKCE_REFRESH_SECONDS
        if grant is None or grant.revoked or presented in self.spent_refresh_tokens or old:
            raise SquareError("UNAUTHORIZED", "The refresh token is not valid.", "refresh_token", grant_error)
        self.check_client(fields["client_id"], fields.get("client_secret"), secret_needed=not grant.pkce)
        wanted = fields.get("scopes")
        scopes = grant.scopes if not wanted else grant.scopes & set(wanted)
        if grant.pkce:
            self.spent_refresh_tokens.add(presented)
            self._new_refresh_token(grant, self._number())
        return grant, self.issue_access(grant, scopes, bool(fields.get("short_lived")))

    def token_response(self, grant: Grant, token: AccessToken) -> dict[str, Any]:
        """The body of `/oauth2/token`."""
        body: dict[str, Any] = {
            "access_token": token.value,
            "token_type": "bearer",
            "expires_at": token.expires_at,
            "merchant_id": self.merchant_id,
            "refresh_token": grant.refresh_token,
            "short_lived": token.short_lived,
        }
        if grant.pkce:
            body["refresh_token_expires_at"] = self._in(PKCE_REFRESH_SECONDS)
        return body

    # -- control surface -------------------------------------------------------------------------------------------

    def expire_all(self) -> int:
        """Every live access token expires now."""
        live = [token for token in self.tokens.values() if not self.is_expired(token)]
        for token in live:
            token.expired = True
        return len(live)

    def revoke_all(self) -> int:
        """The seller ends every authorization."""
        live = [token for token in self.tokens.values() if not (token.revoked or token.grant.revoked)]
        for token in live:
            token.grant.revoked = True
        for grant in self.refresh_tokens.values():
            grant.revoked = True
        return len(live)

    def revoke_application(self) -> None:
        """Every authorization of the application ends; personal tokens live on."""
        for grant in [*self.refresh_tokens.values(), *(token.grant for token in self.tokens.values())]:
            if not grant.personal:
                grant.revoked = True

    def set_scope(self, scope: str, granted: bool) -> None:
        """Grant or take a scope everywhere, except in the variants that lack one on purpose."""
        holders = [*self.tokens.values()]
        grants = {id(grant): grant for grant in [*self.refresh_tokens.values(), *(token.grant for token in holders)]}
        for grant in grants.values():
            if not grant.fixed_scopes:
                (grant.scopes.add if granted else grant.scopes.discard)(scope)
        for token in holders:
            if not token.grant.fixed_scopes:
                (token.scopes.add if granted else token.scopes.discard)(scope)

    def credentials(self) -> dict[str, Any]:
        """Ready-made credential documents, as good at this moment as they will ever be."""
        app = self.application
        client = {"client_id": app.client_id, "client_secret": app.client_secret}
        variants: dict[str, Any] = {
            "access_token": {"access_token": self.personal.value},
            "oauth_access_token": {"access_token": self.oauth_token.value},
            "refresh_token": {**client, "refresh_token": self.code_grant.refresh_token},
            "pkce": {"client_id": app.client_id, "refresh_token": self.pkce_grant.refresh_token},
            "missing_scope": {"access_token": self.missing["INVENTORY_READ"].value},
            "missing_items_scope": {"access_token": self.missing["ITEMS_READ"].value},
            "missing_merchant_scope": {"access_token": self.missing["MERCHANT_PROFILE_READ"].value},
            **{
                f"missing_{scope.removesuffix('_READ').lower()}_scope": {"access_token": self.missing[scope].value}
                for scope in (*PEOPLE_SCOPES, *MONEY_SCOPES)
            },
            "read_only": {"access_token": self.read_only.value},
            "read_write": {"access_token": self.read_write.value},
            **{
                f"missing_{scope.lower()}_scope": {"access_token": self.missing[scope].value}
                for scope in SALES_WRITE_SCOPES
            },
            "wrong": {"access_token": "EAAAno-such-token"},
            "wrong_secret": {
                **client,
                "client_secret": "sandbox-sq0csb-wrong",
                "refresh_token": self.code_grant.refresh_token,
            },
        }
        return {"default": variants["access_token"], "variants": variants}

    def secrets(self) -> list[str]:
        """Every value that must never be stored in the open or written to a log."""
        return [
            *self.tokens,
            *self.refresh_tokens,
            self.application.client_secret,
            *self.codes,
        ]


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
