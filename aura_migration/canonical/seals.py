"""Keyed hashes that mappings need: of gift-card numbers, of contacts that find an anonymous balance, of personal ids.

Only the port. The keys live in the vault (``database/vault.py``); a mapping never sees one.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class CodeSeal(NamedTuple):
    """A gift-card number as it is stored: ``code_hash`` is ``aura.gift_card_code_hash(number, key)``."""

    code_hash: str
    hash_key_id: str
    last4: str


class ClaimSeal(NamedTuple):
    """A contact as an anonymous balance stores it."""

    claim_hash: str
    hash_key_id: str


class Seals(Protocol):
    """Keyed hashes of one restaurant. The same text gives the same hash as long as the key is the same."""

    def gift_card(self, number: str) -> CodeSeal:
        """The hash of a card's number (letters and digits count, case does not) and its last four characters."""
        ...

    def claim(self, contact: str) -> ClaimSeal:
        """The hash of an E.164 phone number or a normalised e-mail address."""
        ...

    def person(self, text: str) -> str:
        """A stable, short pseudonym of an id that is itself personal (an e-mail address used as key)."""
        ...
