"""What every stage works with: settings, database, keys, snapshot store, limits, connectors, business time.

Opened once per process; opening starts the embedded server where that is the database and checks that the schema is
current. Nothing is connected to a POS here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from aura_migration.archive.snapshot import SnapshotStore
from aura_migration.core.clock import business_now
from aura_migration.database import connections, schema
from aura_migration.database.connections import Connection
from aura_migration.database.seals import Suppression, VaultSeals
from aura_migration.database.vault import CredentialStore, PersonKeys, Vault, open_vault
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.port import Account, Connector
from aura_migration.pos.registry import connector
from aura_migration.settings import Settings


@dataclass(frozen=True)
class Workshop:
    """The surroundings of a stage. Cheap to make; the vault and the store are opened on first use."""

    settings: Settings
    url: str

    @classmethod
    def open(cls, settings: Settings) -> Workshop:
        """Find (or start) the database and require its schema to be current (exit 3 when it is behind)."""
        url = connections.database_url(settings)
        schema.require_current(url, connections.is_embedded(settings))
        return cls(settings, url)

    def connect(self, *, autocommit: bool = True) -> Connection:
        """A new connection to our database."""
        return connections.connect(self.url, autocommit=autocommit)

    def now(self) -> datetime:
        """Business time."""
        return business_now(self.settings.now)

    @cached_property
    def vault(self) -> Vault:
        """Sealed secrets; opening checks the keys."""
        return open_vault(self.settings, lambda: self.connect(autocommit=False))

    @cached_property
    def credentials(self) -> CredentialStore:
        """Credentials of integrations."""
        return CredentialStore(self.vault)

    @cached_property
    def persons(self) -> PersonKeys:
        """Keys of persons, for personal fields in snapshots."""
        return PersonKeys(self.vault)

    def seals(self, restaurant_id: int) -> VaultSeals:
        """Keyed hashes of a restaurant, with the keys of this moment."""
        return VaultSeals(self.vault, restaurant_id)

    def suppression(self, restaurant_id: int) -> Suppression:
        """The list of those who were erased from a restaurant."""
        return Suppression(self.vault, restaurant_id)

    @cached_property
    def store(self) -> SnapshotStore:
        """Where snapshots lie."""
        return SnapshotStore(self.settings.snapshot_url)

    def connector(self, pos: str) -> Connector:
        """The connector of a POS."""
        return connector(pos)

    def account(self, integration_id: int, base_url: str, buckets: Buckets, merchant_id: str = "") -> Account:
        """What a connector needs to open a session on an integration."""
        with self.connect() as connection:
            row = connection.execute(
                "SELECT switches FROM migration.integrations WHERE id = %s", [integration_id]
            ).fetchone()
        return Account(
            integration_id=integration_id,
            base_url=base_url,
            credentials=self.credentials,
            buckets=buckets,
            merchant_id=merchant_id,
            switches=row[0] if row is not None else {},
        )
