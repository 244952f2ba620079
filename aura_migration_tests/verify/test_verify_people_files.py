"""What handed files state, as their witness reads it from the snapshot: consents by contact, holders of balances."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from aura_migration.intake.witness import people_facts
from aura_migration.pos.people_facts import BalanceFact, ConsentFact, contact_key


class InMemory:
    """A snapshot of files, where a SnapshotReader is expected."""

    def __init__(self, **documents: dict[str, Any]) -> None:
        self._documents = documents

    def bodies(self, entity: str) -> Any:
        """The body of that entity, if there is one."""
        found = self._documents.get(entity)
        return iter([SimpleNamespace(data=json.dumps(found).encode())] if found else [])

    def revealed(self, body: Any) -> bytes:
        """Nothing of it is encrypted."""
        return bytes(body.data)


def said(entity: str, rows: list[dict[str, Any]], **conventions: Any) -> list[Any]:
    how = {"currency": "USD", "decimal": ".", **conventions}
    reader: Any = InMemory(**{entity: {"rows": rows, "rejected": [], "conventions": how}})
    return list(people_facts(reader, "L1", "USD"))


def test_an_answer_is_about_every_contact_of_its_line() -> None:
    rows: list[dict[str, Any]] = [
        {
            "key": "f-1",
            "email": "a@example.org",
            "phone": "212 555 0142",
            "purpose": "Newsletter",
            "answer": "Opted-in",
        },
        {"key": "f-2", "contact": "b@example.org", "purpose": "SMS", "answer": "STOP"},
        {"key": "f-3", "email": "c@example.org", "purpose": "email", "answer": "N/A"},
        {"key": "f-4", "email": None, "purpose": "email", "answer": "yes"},
    ]
    assert said("file_consents", rows) == [
        ConsentFact("a@example.org", "marketing_email", "granted"),
        ConsentFact("212 555 0142", "marketing_email", "granted"),
        ConsentFact("b@example.org", "marketing_sms", "denied"),
        ConsentFact("c@example.org", "marketing_email", "unknown"),
    ]


def test_a_column_per_purpose_and_the_files_own_words() -> None:
    rows = [{"key": "f-1", "email": "a@example.org", "marketing_email": "Oui", "marketing_sms": "non", "profile": ""}]
    assert said(
        "file_consents", rows, answers={"oui": "granted", "non": "denied"}, answer="yes", purpose="profile"
    ) == [
        ConsentFact("a@example.org", "marketing_email", "granted"),
        ConsentFact("a@example.org", "marketing_sms", "denied"),
    ]
    assert said(
        "file_consents", [{"key": "f-2", "email": "d@example.org"}], answer="yes", purpose="data migration"
    ) == [ConsentFact("d@example.org", "data_migration", "granted")]


def test_a_balance_belongs_to_whoever_has_one_of_the_contacts() -> None:
    rows = [{"key": "f-1", "email": " a@example.org", "phone": "212 555 0142", "balance": "(1,234.50)"}]
    assert said("file_house_accounts", rows) == [
        BalanceFact("house_accounts", "f-1", "USD", -123450, contact_key("a@example.org", "212 555 0142"))
    ]
