"""Bearer tokens: verified by a shared secret, a public key or a key set; minted where there is a secret to sign them with.

Which algorithm a token may use follows from the configured key, never from the token: a token that says ``none``, or HS256
where a public key is configured, is refused. Claims: ``sub`` (name), ``roles``, ``restaurants`` (ids, or ``"*"``), ``exp``
(required), ``aud`` and ``iss`` where configured.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt

from aura_migration.api.access.roles import Identity, Role
from aura_migration.core.errors import EnvironmentFault
from aura_migration.settings import JwtSettings, Settings

LEEWAY = timedelta(seconds=30)
LONGEST_LIFE = timedelta(hours=24)
KEY_SET_SECONDS = 300.0
"""How long a fetched key set is used without asking again; an unknown key id asks at once, but not more often than this tenth."""
ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")


class Unauthenticated(Exception):
    """The token is missing or not to be trusted; the message says why without quoting it."""


@dataclass(frozen=True)
class TokenIssuer:
    """Mints tokens with a shared secret: the local mode's own, or AURA_JWT_SECRET."""

    secret: bytes
    audience: str
    issuer: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> TokenIssuer:
        """The issuer of these settings; EnvironmentFault where only somebody else can sign."""
        if not settings.jwt.is_configured:
            return cls(local_secret(settings.data_dir), settings.jwt.audience)
        if settings.jwt.jwks_url or settings.jwt.public_key or not settings.jwt.secret:
            raise EnvironmentFault(
                "Tokens are verified by a public key here, so only its owner can sign them.",
                "Ask whoever runs your sign-in for a token with the claims sub, roles, restaurants, aud and exp.",
            )
        return cls(settings.jwt.secret, settings.jwt.audience, settings.jwt.issuer)

    def mint(self, name: str, roles: list[Role], restaurants: list[int] | None, life: timedelta) -> str:
        """A token for somebody, valid for ``life`` (at most a day)."""
        now = datetime.now(UTC)
        claims = {
            "sub": name,
            "roles": [str(role) for role in roles],
            "restaurants": "*" if restaurants is None else restaurants,
            "aud": self.audience,
            "iat": now,
            "exp": now + min(life, LONGEST_LIFE),
            **({"iss": self.issuer} if self.issuer else {}),
        }
        return jwt.encode(claims, self.secret, algorithm="HS256")


def local_secret(data_dir: Path) -> bytes:
    """The secret of the local mode: made once, in a file that only its owner reads."""
    path = data_dir / "keys" / "api.secret"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        scratch = path.with_name(f"api.secret.{secrets.token_hex(8)}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_urlsafe(48).encode())
        with suppress(FileExistsError):  # whoever is first wins; the others read it
            os.link(scratch, path)
        scratch.unlink()
    return path.read_bytes()


class TokenVerifier:
    """Turns a token into an identity, or raises ``Unauthenticated``. Safe to share between threads."""

    def __init__(self, settings: JwtSettings, local_secret: bytes | None = None) -> None:
        """``local_secret`` is the local mode's own; used only where nothing is configured."""
        self._settings = settings
        self._keys: _KeySet | None = None
        self._key: Any = None
        self._algorithms: tuple[str, ...] = ASYMMETRIC
        if settings.jwks_url:
            self._keys = _KeySet(settings.jwks_url)
        elif settings.public_key:
            self._key = settings.public_key
        elif settings.secret or local_secret:
            self._key, self._algorithms = settings.secret or local_secret, ("HS256",)
        else:
            raise EnvironmentFault(
                "No key is configured by which tokens could be verified.",
                "Set AURA_JWT_SECRET, AURA_JWT_PUBLIC_KEY or AURA_JWT_JWKS_URL.",
            )

    def verify(self, token: str) -> Identity:
        """The identity a token stands for."""
        settings = self._settings
        try:
            key = self._keys.key_of(token) if self._keys is not None else self._key
            claims = jwt.decode(
                token,
                key,
                algorithms=list(self._algorithms),
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "sub", "aud", *(["iss"] if settings.issuer else [])]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthenticated(f"The token is not accepted: {type(error).__name__}.") from None
        return _identity(claims)


def _identity(claims: dict[str, Any]) -> Identity:
    name, roles, restaurants = claims.get("sub"), claims.get("roles"), claims.get("restaurants")
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        raise Unauthenticated("The token names nobody.")
    if not isinstance(roles, list) or not roles or any(role not in set(Role) for role in roles):
        raise Unauthenticated(f"The token's roles must be among {', '.join(Role)}.")
    if restaurants == "*":
        scope = None
    elif isinstance(restaurants, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in restaurants):
        scope = frozenset(restaurants)
    else:
        raise Unauthenticated('The token\'s restaurants must be a list of ids, or "*".')
    expires = claims.get("exp")
    return Identity(
        name.strip(),
        frozenset(Role(role) for role in roles),
        scope,
        float(expires) if isinstance(expires, int | float) else None,
    )


class _KeySet:
    """The keys of a JWKS address, fetched when needed and kept for a while."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._fetched = float("-inf")
        self._found: dict[str | None, Any] = {}

    def key_of(self, token: str) -> Any:
        """The key a token's header names."""
        wanted = jwt.get_unverified_header(token).get("kid")
        with self._lock:
            age = time.monotonic() - self._fetched
            if age > KEY_SET_SECONDS or (wanted not in self._found and age > KEY_SET_SECONDS / 10):
                self._fetch()
            if wanted not in self._found:
                raise Unauthenticated("The token names a key that is not in the key set.")
            return self._found[wanted]

    def _fetch(self) -> None:
        self._fetched = time.monotonic()
        try:
            answer = httpx.get(self._url, timeout=5.0, follow_redirects=False).raise_for_status()
            found = jwt.PyJWKSet.from_dict(answer.json())
        except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
            if self._found:
                return  # the keys known so far go on being used
            raise Unauthenticated(f"The key set cannot be read: {type(error).__name__}.") from None
        # A symmetric key in a public key set would let anybody sign.
        self._found = {key.key_id: key.key for key in found.keys if key.key_type != "oct"}
