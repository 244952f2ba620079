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
    "AURA_DATABASE_URL",
    "AURA_DATA_DIR",
    "AURA_GRPC_PORT",
    "AURA_KEY_FILE",
    "AURA_NOW",
    "AURA_SECRET_KEYS",
    "AURA_SNAPSHOT_URL",
    "AURA_WEBSERVER_PORT",
)
"""Every variable of ours; besides these only ``DAGSTER_HOME`` and ``DAGSTER_POSTGRES_URL`` are read."""

DEFAULT_WEBSERVER_PORT = 3000
DEFAULT_GRPC_PORT = 4266
NEW_KEY_COMMAND = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


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
    unrecognised: tuple[str, ...] = ()
    """``AURA_…`` variables that are set but mean nothing here (most likely misspelt); the command warns about them."""


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the environment (``os.environ`` unless given). A variable set to blanks counts as not set.

    Raises EnvironmentFault naming the variable, its value (never of a secret) and the remedy.
    """
    source = os.environ if environ is None else environ
    values = {name: value.strip() for name, value in source.items() if value.strip()}
    data_dir = _folder("AURA_DATA_DIR", values.get("AURA_DATA_DIR")) or project_folder() / ".aura"
    return Settings(
        data_dir=data_dir,
        snapshot_url=_snapshot_url(values.get("AURA_SNAPSHOT_URL")) or str(data_dir / "snapshots"),
        key_file=_folder("AURA_KEY_FILE", values.get("AURA_KEY_FILE")) or data_dir / "keys" / "secret.keys",
        dagster_home=_folder("DAGSTER_HOME", values.get("DAGSTER_HOME")) or data_dir / "dagster",
        now=_instant("AURA_NOW", values.get("AURA_NOW")),
        webserver_port=_port("AURA_WEBSERVER_PORT", values.get("AURA_WEBSERVER_PORT"), DEFAULT_WEBSERVER_PORT),
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
