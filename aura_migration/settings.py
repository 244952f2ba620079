"""The one door for environment variables: read once, typed, checked, with errors that name variable, value and remedy.

Nothing else in the project reads ``os.environ`` for its own behaviour. What is not an environment variable (options of
a migration, credentials of a POS, limits of a vendor) does not belong here.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from aura_migration.core.errors import EnvironmentFault

RECOGNISED = (
    "AURA_API_HOST",
    "AURA_API_PORT",
    "AURA_DAGSTER_URL",
    "AURA_DATABASE_URL",
    "AURA_DATA_DIR",
    "AURA_GRPC_PORT",
    "AURA_JWT_AUDIENCE",
    "AURA_JWT_ISSUER",
    "AURA_JWT_JWKS_URL",
    "AURA_JWT_PUBLIC_KEY",
    "AURA_JWT_SECRET",
    "AURA_KEY_FILE",
    "AURA_NOW",
    "AURA_PUBLIC_URL",
    "AURA_SECRET_KEYS",
    "AURA_SNAPSHOT_URL",
    "AURA_WEBSERVER_PORT",
)
"""Every variable of ours; besides these only ``DAGSTER_HOME`` and ``DAGSTER_POSTGRES_URL`` are read."""

DEFAULT_WEBSERVER_PORT = 3000
DEFAULT_GRPC_PORT = 4266
DEFAULT_API_PORT = 8400
DEFAULT_API_HOST = "127.0.0.1"
DEFAULT_AUDIENCE = "aura-migration"
SHORTEST_SECRET = 32
NEW_KEY_COMMAND = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """How the API verifies bearer tokens. None of the three keys: the local mode, which mints tokens for its own console."""

    secret: bytes | None = field(default=None, repr=False)
    """Shared secret of HS256, at least 32 bytes."""
    public_key: str | None = None
    """PEM of the key that signs tokens."""
    jwks_url: str | None = None
    """Where the issuer publishes its keys."""
    issuer: str | None = None
    audience: str = DEFAULT_AUDIENCE

    @property
    def is_configured(self) -> bool:
        """Whether tokens come from outside."""
        return bool(self.secret or self.public_key or self.jwks_url)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the surroundings say, checked. Made by :func:`load_settings`; ``repr`` shows neither passwords nor keys."""

    data_dir: Path
    """Absolute folder of the embedded server, the snapshots and the key file."""
    snapshot_url: str
    """Absolute folder or fsspec URL below which snapshots are stored."""
    key_file: Path
    """File of secret keys used when ``secret_keys`` is None; the first line seals, the others still open."""
    dagster_home: Path
    """Folder of Dagster's instance; ``DAGSTER_HOME`` or a folder in ``data_dir``."""
    now: datetime | None = None
    """The instant business time is fixed to (aware, UTC), or None for the real one. Locks and tokens never use it."""
    webserver_port: int = DEFAULT_WEBSERVER_PORT
    grpc_port: int = DEFAULT_GRPC_PORT
    database_url: str | None = field(default=None, repr=False)
    """``postgresql://…`` of an existing database, or None for the embedded server."""
    dagster_postgres_url: str | None = field(default=None, repr=False)
    """``postgresql://…`` of Dagster's storage, or None for the same database as ours."""
    secret_keys: tuple[str, ...] | None = field(default=None, repr=False)
    """Fernet keys, the first seals, the others still open; None means the key file."""
    api_host: str = DEFAULT_API_HOST
    api_port: int = DEFAULT_API_PORT
    public_url: str = f"http://{DEFAULT_API_HOST}:{DEFAULT_API_PORT}"
    """Where browsers and POS reach API and console: no slash at the end. Sockets from other origins are refused."""
    dagster_url: str = f"http://{DEFAULT_API_HOST}:{DEFAULT_WEBSERVER_PORT}"
    """Where people reach the Dagster UI, for links."""
    jwt: JwtSettings = JwtSettings()
    unrecognised: tuple[str, ...] = ()
    """``AURA_…`` variables that are set but mean nothing here (most likely misspelt); the command warns about them."""


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the environment (``os.environ`` unless given). A variable set to blanks counts as not set.

    Raises EnvironmentFault naming the variable, its value (never of a secret) and the remedy.
    """
    source = os.environ if environ is None else environ
    values = {name: value.strip() for name, value in source.items() if value.strip()}
    data_dir = _folder("AURA_DATA_DIR", values.get("AURA_DATA_DIR")) or project_folder() / ".aura"
    webserver_port = _port("AURA_WEBSERVER_PORT", values.get("AURA_WEBSERVER_PORT"), DEFAULT_WEBSERVER_PORT)
    api_port = _port("AURA_API_PORT", values.get("AURA_API_PORT"), DEFAULT_API_PORT)
    jwt, api_host = _jwt(values), values.get("AURA_API_HOST", DEFAULT_API_HOST)
    if not jwt.is_configured and not is_loopback(api_host):
        raise EnvironmentFault(
            f"AURA_API_HOST={api_host!r} lets others reach the API, and no key is set by which their tokens could be verified.",
            "Set AURA_JWT_SECRET, AURA_JWT_PUBLIC_KEY or AURA_JWT_JWKS_URL; or leave AURA_API_HOST at 127.0.0.1.",
        )
    return Settings(
        data_dir=data_dir,
        snapshot_url=_snapshot_url(values.get("AURA_SNAPSHOT_URL")) or str(data_dir / "snapshots"),
        key_file=_folder("AURA_KEY_FILE", values.get("AURA_KEY_FILE")) or data_dir / "keys" / "secret.keys",
        dagster_home=_folder("DAGSTER_HOME", values.get("DAGSTER_HOME")) or data_dir / "dagster",
        now=_instant("AURA_NOW", values.get("AURA_NOW")),
        webserver_port=webserver_port,
        api_host=api_host,
        api_port=api_port,
        public_url=_address("AURA_PUBLIC_URL", values.get("AURA_PUBLIC_URL"))
        or f"http://{DEFAULT_API_HOST}:{api_port}",
        dagster_url=_address("AURA_DAGSTER_URL", values.get("AURA_DAGSTER_URL"))
        or f"http://{DEFAULT_API_HOST}:{webserver_port}",
        jwt=jwt,
        grpc_port=_port("AURA_GRPC_PORT", values.get("AURA_GRPC_PORT"), DEFAULT_GRPC_PORT),
        database_url=_postgres_url("AURA_DATABASE_URL", values.get("AURA_DATABASE_URL")),
        dagster_postgres_url=_postgres_url("DAGSTER_POSTGRES_URL", values.get("DAGSTER_POSTGRES_URL")),
        secret_keys=_keys("AURA_SECRET_KEYS", values.get("AURA_SECRET_KEYS")),
        unrecognised=tuple(sorted(name for name in values if name.startswith("AURA_") and name not in RECOGNISED)),
    )


def project_folder() -> Path:
    """The folder the project was checked out to; for an installed package, the current folder."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def without_password(url: str) -> str:
    """The URL fit for a message: password and query values replaced."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if ":" in user:
        user = user.split(":", 1)[0] + ":***"
    query = re.sub(r"(password|sslpassword|passfile)=[^&]*", r"\1=***", parts.query, flags=re.IGNORECASE)
    return urlunsplit((parts.scheme, f"{user}{at}{host}", parts.path, query, ""))


def _folder(name: str, value: str | None) -> Path | None:
    """An absolute path; a relative one is taken from the current folder, once, so that later ``chdir`` is harmless."""
    if value is None:
        return None
    if "\0" in value or "://" in value:
        raise EnvironmentFault(f"{name}={value!r} is not a local path.", f"Set {name} to a path on this machine.")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:  # "~someone" with no such user
        raise EnvironmentFault(f"{name}={value!r}: {error}.", f"Set {name} to an absolute path.") from error


def _snapshot_url(value: str | None) -> str | None:
    if value is None or "://" in value:
        return value
    return str(_folder("AURA_SNAPSHOT_URL", value))


def _instant(name: str, value: str | None) -> datetime | None:
    if value is None:
        return None
    remedy = f"Use an instant with its offset, for example {name}=2026-03-01T12:00:00Z."
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise EnvironmentFault(f"{name}={value!r} is not an ISO 8601 instant.", remedy) from error
    if instant.tzinfo is None:
        raise EnvironmentFault(f"{name}={value!r} has no offset from UTC.", remedy)
    return instant.astimezone(UTC)


def _port(name: str, value: str | None, default: int) -> int:
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= 65535:
        raise EnvironmentFault(f"{name}={value!r} is not a port.", f"Set {name} to a number from 1 to 65535.")
    return int(value)


def _postgres_url(name: str, value: str | None) -> str | None:
    """One spelling of the scheme (``postgresql://``): SQLAlchemy refuses ``postgres://``, libpq refuses ``+driver``."""
    if value is None:
        return None
    remedy = f"Set {name} like postgresql://user:password@host:5432/database."
    scheme, separator, rest = value.partition("://")
    if not separator or not re.fullmatch(r"postgres(ql)?(\+[a-z0-9]+)?", scheme.lower()):
        shown = f"scheme {scheme!r}" if separator else "its form"
        raise EnvironmentFault(f"{name} is not a PostgreSQL URL ({shown} is not known).", remedy)
    url = f"postgresql://{rest}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EnvironmentFault(f"{name} cannot be read as a URL: {error}.", remedy) from error
    if port == 0 or parts.path in ("", "/"):
        raise EnvironmentFault(f"{name}={without_password(url)!r} names no database.", remedy)
    return url


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    return host in ("localhost", "::1") or host.startswith("127.")


def _address(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise EnvironmentFault(
            f"{name}={value!r} is not an address.", f"Set {name} like https://migration.example.com."
        )
    return value.rstrip("/")


def _jwt(values: Mapping[str, str]) -> JwtSettings:
    secret, public_key, jwks_url = (values.get(f"AURA_JWT_{name}") for name in ("SECRET", "PUBLIC_KEY", "JWKS_URL"))
    given = [name for name, value in (("SECRET", secret), ("PUBLIC_KEY", public_key), ("JWKS_URL", jwks_url)) if value]
    if len(given) > 1:
        raise EnvironmentFault(
            f"{' and '.join(f'AURA_JWT_{name}' for name in given)} are set together.",
            "Tokens are verified by one of them.",
        )
    if secret is not None and len(secret.encode()) < SHORTEST_SECRET:
        raise EnvironmentFault(
            f"AURA_JWT_SECRET is shorter than {SHORTEST_SECRET} bytes.",
            'Make one with: python -c "import secrets; print(secrets.token_urlsafe(48))"',
        )
    if public_key is not None:
        public_key = public_key.replace("\\n", "\n")
        if "-----BEGIN" not in public_key:
            try:
                public_key = Path(public_key).read_text(encoding="ascii")
            except (OSError, ValueError) as error:
                raise EnvironmentFault(
                    "AURA_JWT_PUBLIC_KEY is neither a PEM text nor a file that can be read.",
                    "Set it to the issuer's public key.",
                ) from error
        if "PUBLIC KEY" not in public_key and "CERTIFICATE" not in public_key:
            raise EnvironmentFault(
                "AURA_JWT_PUBLIC_KEY holds no public key.", "Set it to the issuer's public key, as PEM."
            )
    return JwtSettings(
        secret=secret.encode() if secret else None,
        public_key=public_key,
        jwks_url=_address("AURA_JWT_JWKS_URL", jwks_url),
        issuer=values.get("AURA_JWT_ISSUER"),
        audience=values.get("AURA_JWT_AUDIENCE", DEFAULT_AUDIENCE),
    )


def _keys(name: str, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    keys = tuple(key.strip() for key in value.split(",") if key.strip())
    for position, key in enumerate(keys, start=1):
        if not is_key(key):
            raise EnvironmentFault(
                f"{name}: key {position} of {len(keys)} is not a Fernet key (32 bytes in URL-safe base64).",
                f"Make one with: {NEW_KEY_COMMAND}",
            )
    return keys or None


def is_key(text: str) -> bool:
    """Whether the text is a Fernet key: 32 bytes in URL-safe base64."""
    try:
        return len(base64.urlsafe_b64decode(text.encode("ascii"))) == 32
    except (binascii.Error, ValueError):
        return False
