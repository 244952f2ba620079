"""Named secrets and boxes in the vault: keys of webhooks, and what seals the many rows that are not worth a key each.

A box has a key of its own, which is sealed in the vault: rotating the vault's keys seals that one row anew and reaches every
row in the box. What is sealed is known to whoever asks.
"""

from __future__ import annotations

from typing import Any

import psycopg
from cryptography.fernet import Fernet, InvalidToken

from aura_migration.core.errors import EnvironmentFault
from aura_migration.database.vault import Vault


def keep_secret(connection: psycopg.Connection[Any], vault: Vault, name: str, secret: str) -> None:
    """Store a secret under a name, in place of the one before."""
    connection.execute(
        "INSERT INTO migration.sealed_secrets AS s (name, sealed, key_fingerprint) VALUES (%s, %s, %s) "
        "ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, key_fingerprint = excluded.key_fingerprint",
        # The name is sealed with the secret: a row copied to another name does not open there.
        [name, vault.seal(f"{name}\0{secret}".encode()), vault.register(connection)],
    )


def opened(vault: Vault, name: str, sealed: bytes) -> str:
    """The secret of a stored row."""
    found, _, secret = vault.unseal(sealed).decode().partition("\0")
    if found != name:
        raise EnvironmentFault(
            f"What is stored as {name!r} is the secret of another name.", "Store it again, or restore your backup."
        )
    return secret


def find_secret(connection: psycopg.Connection[Any], vault: Vault, name: str) -> str | None:
    """The secret of a name, or None."""
    row = connection.execute("SELECT sealed FROM migration.sealed_secrets WHERE name = %s", [name]).fetchone()
    return None if row is None else opened(vault, name, row[0])


def drop_secret(connection: psycopg.Connection[Any], name: str) -> bool:
    """Forget the secret of a name; False if there was none."""
    return connection.execute("DELETE FROM migration.sealed_secrets WHERE name = %s", [name]).rowcount == 1


class Box:
    """Seals rows of one purpose."""

    def __init__(self, connection: psycopg.Connection[Any], vault: Vault, purpose: str) -> None:
        """Opens the box; makes it on first use, and of two first uses at once both get the same."""
        name = f"box {purpose}"
        key = find_secret(connection, vault, name)
        if key is None:
            connection.execute(
                "INSERT INTO migration.sealed_secrets (name, sealed, key_fingerprint) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                [name, vault.seal(f"{name}\0{Fernet.generate_key().decode()}".encode()), vault.register(connection)],
            )
            key = find_secret(connection, vault, name)
        assert key is not None
        self._purpose = purpose
        self._cipher = Fernet(key)

    def seal(self, content: bytes) -> bytes:
        """What to store."""
        return self._cipher.encrypt(content)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; EnvironmentFault where it was damaged or comes from another box."""
        try:
            return self._cipher.decrypt(bytes(sealed))
        except InvalidToken as error:
            raise EnvironmentFault(
                f"A row of {self._purpose} does not open.", "Restore it from your backup if it was damaged."
            ) from error
