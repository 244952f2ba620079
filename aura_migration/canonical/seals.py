"""Keyed hashes that mappings need: of gift-card numbers, of contacts that find an anonymous balance, of personal ids.

Only the port. The keys live in the vault, behind ``database/seals.py``; a mapping never sees one.
"""

from __future__ import annotations

from typing import Protocol

from aura_migration.core.seals import ClaimSeal, CodeSeal

__all__ = ["ClaimSeal", "CodeSeal", "Seals"]


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
