"""A person cipher in memory, with the behaviour of the real one (``database.vault.PersonKeys``), and plain seals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from aura_migration.core.seals import ClaimSeal, CodeSeal
from aura_migration.database.vault import PersonErased


class MemoryCipher:
    """Texts by token. The same text of the same person is the same token; an erased person's tokens open no more."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[tuple[int, str], str]] = {}
        self._tokens: dict[tuple[tuple[int, str], str], str] = {}
        self._erased: set[tuple[int, str]] = set()

    def prepare(self, integration_id: int, person_ids: Iterable[str]) -> None:
        """Nothing has to be made."""

    def encrypt(self, integration_id: int, person_id: str, text: str) -> str:
        """A token that says nothing of the text."""
        person = (integration_id, person_id)
        if person in self._erased:
            raise PersonErased("The person was erased.")
        token = self._tokens.setdefault((person, text), f"token-{len(self._tokens) + 1}")
        self._texts[token] = (person, text)
        return token

    def know(self, integration_id: int, tokens: Iterable[str]) -> None:
        """Nothing has to be loaded."""

    def decrypt(self, integration_id: int, token: str) -> str:
        """The text of a token."""
        person, text = self._texts[token]
        if person in self._erased:
            raise PersonErased("The person was erased.")
        return text

    def erase(self, integration_id: int, person_id: str) -> bool:
        """From now on nothing of the person opens."""
        person = (integration_id, person_id)
        known = person in self._erased
        self._erased.add(person)
        return not known


class PlainSeals:
    """Hashes without a secret, for tests that compare them."""

    def gift_card(self, number: str) -> CodeSeal:
        """SHA-256 of the number's letters and digits."""
        code = "".join(c for c in number.upper() if c.isalnum())
        return CodeSeal(hashlib.sha256(code.encode()).hexdigest(), "test", code[-4:])

    def claim(self, contact: str) -> ClaimSeal:
        """SHA-256 of the contact."""
        return ClaimSeal(hashlib.sha256(contact.encode()).hexdigest(), "test")

    def person(self, text: str) -> str:
        """The first digits of SHA-256."""
        return hashlib.sha256(text.encode()).hexdigest()[:24]
