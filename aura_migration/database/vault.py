"""The vault: sealing with a list of keys, the credentials of integrations, the keys of persons, keyed hashes.

Which keys there are is decided in ``keys``. What a credential means to a POS does not belong here. Nothing in this
module puts a secret or personal data into a message or a ``repr``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aura_migration.core.errors import AuraError, BadInput, EnvironmentFault, Refused
from aura_migration.database.connections import transaction_lock
from aura_migration.database.kept import KeptConnection
from aura_migration.database.keys import Keys, configured_keys, make_key_file, no_matching_key
from aura_migration.settings import Settings

ConnectionFactory = Callable[[], psycopg.Connection[Any]]
"""Opens a new connection (not autocommit); the vault closes it."""

HASH_ROOT = "root of keyed hashes"
_LOCK = "aura_migration vault"
_SEALED = {
    "credentials": ("integration_id", "sealed"),
    "person_keys": ("integration_id, person_hash", "sealed_key"),
    "sealed_secrets": ("name", "sealed"),
}


class CredentialsMoved(AuraError):
    """Somebody else replaced the credentials since they were loaded; load them again."""


class PersonErased(Refused):
    """The person was erased; nothing of theirs is stored or read again."""


def open_vault(settings: Settings, connection_factory: ConnectionFactory) -> Vault:
    """The vault of a database, with its keys checked against what is sealed there.

    Makes the key file if there is no key and nothing is sealed. EnvironmentFault if something is sealed with a key that
    is not at hand.
    """
    with connection_factory() as connection:
        transaction_lock(connection, _LOCK)  # two first uses at once: one makes the key, the other finds it
        in_use = _fingerprints_in_use(connection)
        keys = configured_keys(settings)
        missing = sorted(in_use.difference(keys.fingerprints if keys else ()))
        if missing:
            raise no_matching_key(keys, missing, settings)
        if keys is None:
            keys = make_key_file(settings.key_file)
        vault = Vault(connection_factory, keys)
        vault.hash_root(connection)
    return vault


class Vault:
    """Seals and opens bytes with a list of keys and keeps the secrets that belong to the database as a whole."""

    def __init__(self, connection_factory: ConnectionFactory, keys: Keys) -> None:
        self.connection_factory = connection_factory
        self.keys = keys
        self._cipher = keys.cipher()
        self._root: bytes | None = None
        self._derived: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"Vault(keys={self.keys.fingerprints})"

    # -- sealing ------------------------------------------------------------------------------------------------------

    def seal(self, secret: bytes) -> bytes:
        """Seal with the first key. Store :attr:`fingerprint` beside it, after :meth:`register`."""
        return self._cipher.encrypt(secret)

    def unseal(self, sealed: bytes) -> bytes:
        """Open what any of the keys sealed; EnvironmentFault if none did."""
        try:
            return self._cipher.decrypt(bytes(sealed))
        except InvalidToken as error:
            raise EnvironmentFault(
                f"A sealed secret does not open with any key of {self.keys.origin}.",
                "Restore the key file from your backup, or the row if it was damaged.",
            ) from error

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key that seals."""
        return self.keys.primary

    def register(self, connection: psycopg.Connection[Any]) -> str:
        """Note in the caller's transaction that our first key seals rows here; returns its fingerprint."""
        connection.execute(
            """
            insert into migration.key_fingerprints as k (fingerprint) values (%s)
            on conflict (fingerprint) do update set retired_at = null where k.retired_at is not null
            """,
            (self.fingerprint,),
        )
        return self.fingerprint

    def rotate(self) -> dict[str, int]:
        """Seal everything anew with the first key, in one transaction; returns rows by table.

        Afterwards the other keys may be removed from the list. Versions of credentials stay: their content is the same.
        """
        done = dict.fromkeys(_SEALED, 0)
        with self.connection_factory() as connection:
            transaction_lock(connection, _LOCK)
            self.register(connection)
            for table, (key_columns, column) in _SEALED.items():
                names = key_columns.split(", ")
                condition = " and ".join(f"{name} = %s" for name in names)
                rows = connection.execute(
                    f"select {column}, {key_columns} from migration.{table} "
                    f"where {column} is not null and key_fingerprint <> %s for update",
                    (self.fingerprint,),
                ).fetchall()
                with connection.cursor() as cursor:
                    cursor.executemany(
                        f"update migration.{table} set {column} = %s, key_fingerprint = %s where {condition}",
                        [(self.seal(self.unseal(row[0])), self.fingerprint, *row[1:]) for row in rows],
                    )
                done[table] = len(rows)
            connection.execute(
                "update migration.key_fingerprints set retired_at = now() "
                "where fingerprint <> %s and retired_at is null",
                (self.fingerprint,),
            )
        return done

    # -- keyed hashes -------------------------------------------------------------------------------------------------

    def keyed_hash(self, purpose: str, text: str) -> str:
        """32 hex digits of ``text`` that cannot be guessed back without the database's root secret.

        Each purpose has a secret of its own, so that hashes of one table say nothing about another. Stable across key
        rotation.
        """
        secret = self._derived.get(purpose)
        if secret is None:
            if self._root is None:
                with self.connection_factory() as connection:
                    self.hash_root(connection)
            assert self._root is not None
            derivation = HKDF(hashes.SHA256(), 32, salt=None, info=b"aura_migration keyed hash\0" + purpose.encode())
            secret = self._derived[purpose] = derivation.derive(self._root)
        return hmac.new(secret, text.encode("utf-8"), hashlib.sha256).hexdigest()[:32]

    def hash_root(self, connection: psycopg.Connection[Any]) -> None:
        """Load the root of keyed hashes in the caller's transaction, making it if this database has none."""
        query = "select sealed from migration.sealed_secrets where name = %s"
        row = connection.execute(query, (HASH_ROOT,)).fetchone()
        if row is None:
            connection.execute(
                "insert into migration.sealed_secrets (name, sealed, key_fingerprint) values (%s, %s, %s) "
                "on conflict do nothing",
                (HASH_ROOT, self.seal(os.urandom(32)), self.register(connection)),
            )
            row = connection.execute(query, (HASH_ROOT,)).fetchone()
        assert row is not None
        self._root = self.unseal(row[0])


class CredentialStore:
    """The credentials of integrations. Every replacement raises the version; the old form is gone."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def load(self, integration_id: int) -> tuple[dict[str, Any], int]:
        """The credentials and their version; BadInput if the integration has none."""
        with self._vault.connection_factory() as connection:
            row = connection.execute(
                "select sealed, version from migration.credentials where integration_id = %s", (integration_id,)
            ).fetchone()
        if row is None:
            raise BadInput(f"Integration {integration_id} has no credentials.", "Connect it: aura-migration connect")
        # The id is sealed with the credentials: a row copied to another integration does not open there.
        document = json.loads(self._vault.unseal(row[0]))
        if document["integration_id"] != integration_id:
            raise EnvironmentFault(
                f"The credentials stored for integration {integration_id} are those of another one.",
                "Connect it again: aura-migration connect",
            )
        return dict(document["credentials"]), int(row[1])

    def replace(
        self,
        integration_id: int,
        credentials: Mapping[str, Any],
        expected_version: int | None,
        connection: psycopg.Connection[Any] | None = None,
    ) -> int:
        """Store new credentials if the version is still the expected one (0: there are none yet; None: whatever it is).

        Returns the new version. With ``connection`` it is part of that transaction; else it is committed on return.
        CredentialsMoved if the version is another one: nothing was stored.
        """
        if connection is None:
            with self._vault.connection_factory() as own:
                return self.replace(integration_id, credentials, expected_version, own)
        document = {"integration_id": integration_id, "credentials": dict(credentials)}
        values = {
            "id": integration_id,
            "sealed": self._vault.seal(json.dumps(document, separators=(",", ":")).encode("utf-8")),
            "fingerprint": self._vault.register(connection),
            "expected": expected_version,
        }
        if expected_version is None:
            query = """
                insert into migration.credentials as c (integration_id, sealed, key_fingerprint)
                values (%(id)s, %(sealed)s, %(fingerprint)s)
                on conflict (integration_id) do update
                set sealed = excluded.sealed, key_fingerprint = excluded.key_fingerprint,
                    version = c.version + 1, updated_at = now()
                returning version"""
        elif expected_version == 0:
            query = """
                insert into migration.credentials (integration_id, sealed, key_fingerprint)
                values (%(id)s, %(sealed)s, %(fingerprint)s)
                on conflict (integration_id) do nothing
                returning version"""
        else:
            query = """
                update migration.credentials
                set sealed = %(sealed)s, key_fingerprint = %(fingerprint)s, version = version + 1, updated_at = now()
                where integration_id = %(id)s and version = %(expected)s
                returning version"""
        row = connection.execute(query, values).fetchone()
        if row is None:
            raise CredentialsMoved(
                f"The credentials of integration {integration_id} are no longer version {expected_version}.",
                "Load them again: another process has renewed them.",
            )
        return int(row[0])

    def delete(self, integration_id: int) -> bool:
        """Forget the credentials; False if there were none."""
        with self._vault.connection_factory() as connection:
            done = connection.execute("delete from migration.credentials where integration_id = %s", (integration_id,))
            return done.rowcount == 1


class PersonKeys:
    """Encryption of personal fields with one key per person, so that deleting the key erases what is stored anywhere.

    The same text of the same person always gives the same token (AES-SIV): an unchanged record stays unchanged in the
    archive. The keys used last are kept in memory, so make one per task. What is kept is the key, not the cipher: that
    is made in no time and takes forty times the memory.
    """

    PREFIX = "person1."
    KEPT = 50_000
    """Persons whose keys are kept in memory; beyond that they are asked of the database again."""
    WORKED_ON = 500
    """Persons whose ciphers are kept: those of a page or two."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._connection = KeptConnection(vault.connection_factory)
        """For pages of persons, one after the other."""
        self._keys: dict[tuple[int, str], bytes | None] = {}
        self._ciphers: dict[tuple[int, str], AESSIV] = {}
        """Of the persons whose fields are being worked on: a record has several."""
        self._mutex = threading.Lock()

    def person_hash(self, integration_id: int, person_id: str) -> str:
        """What stands for the person in the database and in tokens."""
        return self._vault.keyed_hash("person", f"{integration_id}:{person_id}")

    def prepare(self, integration_id: int, person_ids: Iterable[str]) -> None:
        """Load the keys of these persons, making missing ones, in one transaction: before many encryptions."""
        self._load(integration_id, [self.person_hash(integration_id, person_id) for person_id in person_ids], make=True)

    def encrypt(self, integration_id: int, person_id: str, text: str) -> str:
        """The token to store instead of the text. PersonErased if the person was erased."""
        person = self.person_hash(integration_id, person_id)
        cipher = self._cipher(integration_id, person, make=True)
        sealed = cipher.encrypt(text.encode("utf-8"), [person.encode("ascii")])
        return f"{self.PREFIX}{person}.{base64.urlsafe_b64encode(sealed).decode('ascii')}"

    def know(self, integration_id: int, tokens: Iterable[str]) -> None:
        """Load the keys of the persons these tokens name, at once: before many decryptions."""
        persons = {token.removeprefix(self.PREFIX).partition(".")[0] for token in tokens}
        self._load(integration_id, list(persons), make=False)

    def decrypt(self, integration_id: int, token: str) -> str:
        """The text of a token. PersonErased if the person was erased; BadInput if it is no token of the integration."""
        person, separator, body = token.removeprefix(self.PREFIX).partition(".")
        if not token.startswith(self.PREFIX) or not separator:
            raise BadInput("The text is not a token of an encrypted personal field.", "Read it as it is.")
        cipher = self._cipher(integration_id, person, make=False)
        try:
            return cipher.decrypt(base64.urlsafe_b64decode(body), [person.encode("ascii")]).decode("utf-8")
        except (InvalidTag, ValueError) as error:
            raise BadInput(
                f"A personal field of integration {integration_id} was damaged where it is stored.",
                "Fetch the record again.",
            ) from error

    def is_token(self, text: str) -> bool:
        """Whether the text is what :meth:`encrypt` returns."""
        return text.startswith(self.PREFIX)

    def is_erased(self, integration_id: int, person_id: str) -> bool:
        """Whether the person was erased (asked of the database, not of what this object remembers)."""
        with self._vault.connection_factory() as connection:
            row = connection.execute(
                "select erased_at is not null from migration.person_keys "
                "where integration_id = %s and person_hash = %s",
                (integration_id, self.person_hash(integration_id, person_id)),
            ).fetchone()
        return bool(row and row[0])

    def erase(self, integration_id: int, person_id: str, connection: psycopg.Connection[Any] | None = None) -> bool:
        """Delete the person's key for good; all their tokens become unreadable. False if they were erased before.

        A person not seen yet is marked too, so that a later fetch does not take them in. With ``connection`` it is part
        of that transaction.
        """
        if connection is None:
            with self._vault.connection_factory() as own:
                erased = self.erase(integration_id, person_id, own)
            self._keep({(integration_id, self.person_hash(integration_id, person_id)): None})
            return erased
        person = self.person_hash(integration_id, person_id)
        done = connection.execute(
            """
            insert into migration.person_keys as p (integration_id, person_hash, erased_at) values (%s, %s, now())
            on conflict (integration_id, person_hash) do update
            set sealed_key = null, key_fingerprint = null, erased_at = now() where p.erased_at is null
            """,
            (integration_id, person),
        )
        self._forget((integration_id, person))  # ask again: the caller may yet roll back
        return done.rowcount == 1

    def _cipher(self, integration_id: int, person: str, make: bool) -> AESSIV:
        place = (integration_id, person)
        cipher = self._ciphers.get(place)
        if cipher is not None:
            return cipher
        key = self._keys.get(place, b"")
        if key == b"":
            key = self._fetch(integration_id, [person], make).get(place, b"")
        if key is None:
            raise PersonErased("The person was erased; their fields are neither stored nor read.", "Skip the record.")
        if not key:
            raise BadInput(
                f"A personal field names a person unknown to integration {integration_id}.",
                "The token belongs to another integration or another database.",
            )
        cipher = AESSIV(key)
        with self._mutex:
            if len(self._ciphers) >= self.WORKED_ON:
                self._ciphers.clear()
            self._ciphers[place] = cipher
        return cipher

    def _load(self, integration_id: int, persons: list[str], make: bool) -> None:
        kept = self._keys
        wanted = sorted({person for person in persons if (integration_id, person) not in kept})
        if wanted:
            self._fetch(integration_id, wanted, make)

    def _fetch(self, integration_id: int, persons: list[str], make: bool) -> dict[tuple[int, str], bytes | None]:
        """The keys of these persons, from the database; they are kept."""
        with self._connection.transaction() as connection:
            stored = self._stored(connection, integration_id, persons)
            if make and (missing := [person for person in persons if person not in stored]):
                self._make(connection, integration_id, missing)
                stored |= self._stored(connection, integration_id, missing)  # another process may have been faster
        found = {
            (integration_id, person): None if sealed is None else self._open(integration_id, person, sealed)
            for person, sealed in stored.items()
        }
        self._keep(found)
        return found

    def _make(self, connection: psycopg.Connection[Any], integration_id: int, persons: list[str]) -> None:
        connection.execute(
            "insert into migration.person_keys (integration_id, person_hash, sealed_key, key_fingerprint) "
            "select %s, person, sealed, %s from unnest(%s::text[], %s::bytea[]) made(person, sealed) on conflict do nothing",
            (
                integration_id,
                self._vault.register(connection),
                persons,
                [self._vault.seal(_owned(integration_id, person) + os.urandom(64)) for person in persons],
            ),
        )

    def _keep(self, keys: Mapping[tuple[int, str], bytes | None]) -> None:
        with self._mutex:
            if len(self._keys) + len(keys) > self.KEPT:  # others may be reading: they keep the dictionary they have
                self._keys = dict(list(self._keys.items())[len(self._keys) // 2 :])
            self._keys.update(keys)
            for place in keys:
                self._ciphers.pop(place, None)

    def _forget(self, place: tuple[int, str]) -> None:
        with self._mutex:
            self._keys.pop(place, None)
            self._ciphers.pop(place, None)

    def _open(self, integration_id: int, person: str, sealed: bytes) -> bytes:
        owner = _owned(integration_id, person)
        opened = self._vault.unseal(sealed)
        if not opened.startswith(owner):
            raise EnvironmentFault(
                f"A person's key of integration {integration_id} is stored in the row of another person.",
                "Restore migration.person_keys from your backup.",
            )
        return opened[len(owner) :]

    @staticmethod
    def _stored(
        connection: psycopg.Connection[Any], integration_id: int, persons: list[str]
    ) -> dict[str, bytes | None]:
        rows = connection.execute(
            "select person_hash, sealed_key from migration.person_keys "
            "where integration_id = %s and person_hash = any(%s)",
            (integration_id, persons),
        )
        return dict(rows.fetchall())


def _owned(integration_id: int, person: str) -> bytes:
    """Sealed in front of a person's key, so that it opens in that person's row only."""
    return f"{integration_id}:{person}:".encode("ascii")


def _fingerprints_in_use(connection: psycopg.Connection[Any]) -> set[str]:
    rows = connection.execute(
        " union ".join(
            f"select key_fingerprint from migration.{table} where {column} is not null"
            for table, (_, column) in _SEALED.items()
        )
    )
    return {row[0] for row in rows.fetchall()}
