"""What the API works with for as long as it runs: workshop, pool of connections, verifier of tokens, limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from aura_migration.api.access.limits import RateLimit
from aura_migration.api.access.roles import Role
from aura_migration.api.access.tokens import TokenIssuer, TokenVerifier
from aura_migration.core.errors import EnvironmentFault
from aura_migration.database.connections import Connection
from aura_migration.migration.sweep import sweep
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import Settings

MOST_CONNECTIONS = 16
"""One for each of the threads that carry requests out, so that none waits for another's connection."""
SWEEP_SECONDS = 1.0
LOCAL_LIFE = timedelta(hours=12)
LOCAL_NAME = "local"


@dataclass
class ApiState:
    """Made once per application; ``open`` and ``close`` frame its life."""

    workshop: Workshop
    settings: Settings
    verifier: TokenVerifier
    issuer: TokenIssuer | None
    """Only in the local mode: mints the console's own tokens."""
    pool: ConnectionPool[Connection]
    open_limit: RateLimit = field(default_factory=lambda: RateLimit(rate=2.0, burst=20.0))
    """Of login-free endpoints, per address."""
    webhook_limit: RateLimit = field(default_factory=lambda: RateLimit(rate=200.0, burst=2000.0))
    refusal_limit: RateLimit = field(default_factory=lambda: RateLimit(rate=1.0, burst=30.0))
    """Of requests whose token is not accepted, per address: noting them must not fill the audit trail."""
    hub: Any = None
    """Who listens for all sockets: a ``listening.Hub``, set by the application."""
    _swept: float = float("-inf")
    _sweeping: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def make(cls, workshop: Workshop) -> ApiState:
        """For a workshop; connects when opened."""
        settings = workshop.settings
        issuer = None if settings.jwt.is_configured else TokenIssuer.of(settings)
        pool: ConnectionPool[Connection] = ConnectionPool(
            workshop.url,
            min_size=2,
            max_size=MOST_CONNECTIONS,
            timeout=5.0,
            open=False,
            kwargs={"autocommit": True, "application_name": "aura-migration api"},
            configure=_in_utc,
            check=ConnectionPool.check_connection,
            name="api",
        )
        return cls(
            workshop,
            settings,
            TokenVerifier(settings.jwt, issuer.secret if issuer else None),
            issuer,
            pool,
        )

    def open(self) -> None:
        """Start the pool; its connections are made when they are needed."""
        self.pool.open()

    def close(self) -> None:
        """Give the connections back."""
        self.pool.close()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection of the pool in autocommit; a transaction is a block of its own."""
        try:
            with self.pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise EnvironmentFault(
                "The database does not answer, or all connections are in use.",
                "Try again; `aura-migration db status` tells.",
            ) from error

    def sweep_now_and_then(self) -> None:
        """Name what died, at most once a second: many look at a migration at once."""
        now = time.monotonic()
        with self._sweeping:
            if now - self._swept < SWEEP_SECONDS:
                return
            self._swept = now
        sweep(self.workshop)

    def local_token(self) -> str | None:
        """A token for whoever sits at this machine; None where tokens come from outside."""
        return self.issuer.mint(LOCAL_NAME, list(Role), None, LOCAL_LIFE) if self.issuer else None


def _in_utc(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute("SELECT set_config('TimeZone', 'UTC', false), set_config('statement_timeout', '30000', false)")
