"""Secrets people type where a note goes: PINs, door codes, passwords, card numbers, tax ids. They are cut out, not kept.

Only unmistakable forms: a word that announces a secret and the digits behind it, a number that passes the check of card
numbers, a number in the form of a personal tax id. Everything else of the text stays as it is.
"""

from __future__ import annotations

import re

REMOVED = "[removed]"
_ANNOUNCED = re.compile(
    r"(?i)\b(?:pin|pass ?code|pass ?word|access code|door code|gate code|alarm code|code)\b"
    r"(?:\s*(?:is|no\.?|number|nr\.?))?[\s:=#-]{0,3}(?=[^\s,;]*\d)[A-Za-z0-9*#-]{3,16}"
)
_LONG_NUMBER = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d)")
_TAX_ID = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")


def without_secrets(text: str) -> str:
    """The text with secrets replaced by ``[removed]``; the very same text where there are none."""
    text = _ANNOUNCED.sub(REMOVED, text)
    text = _LONG_NUMBER.sub(lambda match: REMOVED if _is_card(match.group()) else match.group(), text)
    return _TAX_ID.sub(REMOVED, text)


def _is_card(number: str) -> bool:
    """The check digit of ISO/IEC 7812 (Luhn)."""
    digits = [int(c) for c in number if c.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return total % 10 == 0 and len(set(digits)) > 1
