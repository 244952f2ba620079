"""Secrets typed into notes are cut out before anything is stored; the note itself stays."""

from __future__ import annotations

import json

import pytest

from aura_migration.archive.free_text import without_secrets
from aura_migration.archive.redaction import Redaction, redact, reveal_body
from aura_migration.core.errors import BadInput
from aura_migration_tests.support.ciphers import MemoryCipher

RULES = Redaction(personal={"guests": (("[].note", "[].id"),)}, free_text={"guests": ("[].note",)})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Catering account, PIN: 471199", "Catering account, [removed]"),
        ("Lets himself in by the door code 553201#, late", "Lets himself in by the [removed], late"),
        ("Gate passcode=882410 (asked us)", "Gate [removed] (asked us)"),
        ("alarm PIN 123456", "alarm [removed]"),
        ("Password is hunter2!", "[removed]!"),
        ("card 4111 1111 1111 1111, exp 12/29", "card [removed], exp 12/29"),
        ("ssn 078-05-1120", "ssn [removed]"),
    ],
)
def test_a_secret_in_a_note_is_cut_out_and_the_rest_stays(typed: str, kept: str) -> None:
    assert without_secrets(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "Pin the order to the board, table 4",
        "Loves spinach; code of conduct signed",
        "Call +1 505 555 0142 before noon",
        "4111 1111 1111 1112 is no card number",
        "Born 1984, 12 guests, 03:30 p.m.",
        "dress code casual",
    ],
)
def test_a_note_without_a_secret_is_the_very_same(typed: str) -> None:
    assert without_secrets(typed) == typed


def test_the_stored_body_and_what_is_revealed_of_it_hold_no_secret() -> None:
    cipher = MemoryCipher()
    body = json.dumps([{"id": "C1", "note": "Caf\u00e9 regular, PIN 471199"}]).encode()
    stored = redact(body, "guests", RULES, 1, cipher)
    assert b"471199" not in stored and b"regular" not in stored
    assert json.loads(reveal_body(stored, 1, cipher)) == [{"id": "C1", "note": "Caf\u00e9 regular, [removed]"}]


def test_a_free_text_that_is_not_declared_personal_is_refused() -> None:
    with pytest.raises(BadInput, match="free text but not personal"):
        Redaction(personal={"guests": (("[].name", "[].id"),)}, free_text={"guests": ("[].note",)})
