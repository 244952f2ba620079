"""The forms in which something secret is stored that must be found again: a keyed hash and what it was made with."""

from __future__ import annotations

from typing import NamedTuple


class CodeSeal(NamedTuple):
    """A gift-card number as it is stored: ``code_hash`` is ``aura.gift_card_code_hash(number, key)``."""

    code_hash: str
    hash_key_id: str
    last4: str


class ClaimSeal(NamedTuple):
    """A contact as an anonymous balance stores it."""

    claim_hash: str
    hash_key_id: str
