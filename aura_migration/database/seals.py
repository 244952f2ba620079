"""Keyed hashes of one restaurant: gift-card numbers, contacts that find a balance, pseudonyms, the suppression list.

Each has random secrets of its own, sealed in ``migration.sealed_secrets``: nothing can be told from one about another, nor
from the keys of persons. The key of gift cards is the only one that leaves the database, on request: AuraConnect needs it
to find a card by its number. What hashes are compared with is not known here.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
import psycopg.rows

from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.core.seals import ClaimSeal, CodeSeal
from aura_migration.database.connections import transaction_lock
from aura_migration.database.vault import Vault

What = Literal["source_id", "email", "phone"]
KEY_BYTES = 32
PERSON_DIGITS = 24
GIFT_CARDS = "gift cards"
CLAIMS = "claims"
PERSONS = "pseudonyms"
SUPPRESSION = "suppression"
_PREFIXES = {GIFT_CARDS: "g", CLAIMS: "c", PERSONS: "p", SUPPRESSION: "s"}
_NOT_IN_CODES = re.compile(r"[^0-9A-Za-z]")


@dataclass(frozen=True)
class RestaurantKey:
    """A secret of a restaurant: its id is stored beside every hash made with it."""

    key_id: str
    secret: bytes = field(repr=False)


class RestaurantKeys:
    """The secrets of one restaurant, by purpose. The last of a purpose hashes; earlier ones stay for what they hashed."""

    def __init__(self, vault: Vault, restaurant_id: int) -> None:
        self._vault = vault
        self.restaurant_id = restaurant_id

    def current(self, purpose: str) -> RestaurantKey:
        """The key that hashes now; made on first use."""
        with self._vault.connection_factory() as connection:
            known = self._stored(connection, purpose)
            return known[-1] if known else self._make(connection, purpose)

    def all(self, purpose: str) -> list[RestaurantKey]:
        """Every key of a purpose, oldest first."""
        with self._vault.connection_factory() as connection:
            return self._stored(connection, purpose)

    def rotate(self, purpose: str) -> RestaurantKey:
        """Make a new key, which hashes from now on."""
        with self._vault.connection_factory() as connection:
            return self._make(connection, purpose, anew=True)

    def _make(self, connection: psycopg.Connection[Any], purpose: str, *, anew: bool = False) -> RestaurantKey:
        transaction_lock(connection, f"aura:keys:{self.restaurant_id}:{purpose}")  # two first uses make one key
        known = self._stored(connection, purpose)
        if known and not anew:
            return known[-1]
        made = RestaurantKey(f"{_PREFIXES[purpose]}{self.restaurant_id}.{len(known) + 1}", os.urandom(KEY_BYTES))
        connection.execute(
            "insert into migration.sealed_secrets (name, sealed, key_fingerprint) values (%s, %s, %s)",
            [
                f"{purpose} {made.key_id}",
                # The id is sealed with the key: a row copied to another restaurant does not open there.
                self._vault.seal(made.key_id.encode() + b":" + made.secret),
                self._vault.register(connection),
            ],
        )
        return made

    def _stored(self, connection: psycopg.Connection[Any], purpose: str) -> list[RestaurantKey]:
        prefix = f"{purpose} {_PREFIXES[purpose]}{self.restaurant_id}."
        rows = connection.execute(
            "select name, sealed from migration.sealed_secrets where starts_with(name, %s)", [prefix]
        ).fetchall()
        found = []
        for name, sealed in sorted(rows, key=lambda row: int(row[0].removeprefix(prefix))):
            key_id = name.removeprefix(f"{purpose} ")
            owner, _, secret = self._vault.unseal(sealed).partition(b":")
            if owner.decode("ascii", "replace") != key_id:
                raise EnvironmentFault(
                    f"The key {key_id} of {purpose} is stored in the row of another key.",
                    "Restore migration.sealed_secrets from your backup.",
                )
            found.append(RestaurantKey(key_id, secret))
        return found


class VaultSeals:
    """The seals of one restaurant (``canonical.seals.Seals``). The keys are read once: make one per task."""

    def __init__(self, vault: Vault, restaurant_id: int) -> None:
        self._keys = RestaurantKeys(vault, restaurant_id)
        self._read: dict[str, RestaurantKey] = {}

    def gift_card(self, number: str) -> CodeSeal:
        """The hash of a card's number and its last four characters (of a short number at most half of it)."""
        code = _NOT_IN_CODES.sub("", number).upper()
        if not code:
            raise BadInput("A gift-card number has neither letters nor digits.", "Correct the record in the POS.")
        key = self._key(GIFT_CARDS)
        shown = min(4, len(code) // 2)
        return CodeSeal(_hex(key.secret, code), key.key_id, code[len(code) - shown :])

    def claim(self, contact: str) -> ClaimSeal:
        """The hash of an E.164 phone number or a normalised e-mail address."""
        key = self._key(CLAIMS)
        return ClaimSeal(_hex(key.secret, _contact(contact)), key.key_id)

    def claims(self, contact: str) -> list[str]:
        """The hashes of a contact under every key there ever was: where a balance may be found by it."""
        return [_hex(key.secret, _contact(contact)) for key in self._keys.all(CLAIMS)]

    def person(self, text: str) -> str:
        """A stable pseudonym of an id that is itself personal."""
        return _hex(self._key(PERSONS).secret, text)[:PERSON_DIGITS]

    def _key(self, purpose: str) -> RestaurantKey:
        if purpose not in self._read:
            self._read[purpose] = self._keys.current(purpose)
        return self._read[purpose]


class Suppression:
    """Who must not come back to a restaurant, as keyed hashes only."""

    def __init__(self, vault: Vault, restaurant_id: int) -> None:
        self._keys = RestaurantKeys(vault, restaurant_id)
        self.restaurant_id = restaurant_id
        self._secret: bytes | None = None

    def hash(self, what: str, text: str) -> str:
        """The hash of a source key (``source_id``), a normalised address (``email``) or an E.164 number (``phone``).

        The same e-mail address in other letters, and the same number with other separators, give the same hash.
        """
        if self._secret is None:
            self._secret = self._keys.current(SUPPRESSION).secret
        return _hex(self._secret, f"{what}:{text if what == 'source_id' else _contact(text)}")[:40]

    def suppressed(self, connection: psycopg.Connection[Any], hashes: Iterable[str]) -> set[str]:
        """Which of these hashes are on the list."""
        cursor = connection.cursor(row_factory=psycopg.rows.tuple_row)
        rows = cursor.execute(
            "select keyed_hash from migration.suppressions where restaurant_id = %s and keyed_hash = any(%s)",
            [self.restaurant_id, sorted(set(hashes))],
        ).fetchall()
        return {row[0] for row in rows}

    def is_in_use(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether anybody of the restaurant is on the list at all."""
        cursor = connection.cursor(row_factory=psycopg.rows.tuple_row)
        query = "select exists (select from migration.suppressions where restaurant_id = %s)"
        row = cursor.execute(query, [self.restaurant_id]).fetchone()
        return bool(row and row[0])

    def add(
        self,
        connection: psycopg.Connection[Any],
        entries: Iterable[tuple[What, str]],
        by: str,
        reason: str = "",
    ) -> int:
        """Put ``(what, text)`` on the list in the caller's transaction; returns how many are new."""
        added = 0
        for what, keyed in sorted({(what, self.hash(what, text)) for what, text in entries}):
            added += connection.execute(
                "insert into migration.suppressions (restaurant_id, what, keyed_hash, reason, requested_by) "
                "values (%s, %s, %s, %s, %s) on conflict do nothing",
                [self.restaurant_id, what, keyed, reason, by],
            ).rowcount
        return added


def _hex(secret: bytes, text: str) -> str:
    return hmac.new(secret, text.encode("utf-8"), hashlib.sha256).hexdigest()


def _contact(text: str) -> str:
    """An address in lower case; a number as plus sign and digits."""
    plain = text.strip().lower()
    return plain if "@" in plain else re.sub(r"[^0-9+a-z]", "", plain)
