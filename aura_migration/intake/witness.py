"""The second opinion about handed files: what each line says is owed, read from the snapshot by itself.

Nothing of how files are checked or mapped is used here: amounts are read anew from the cells as they were written. Lines
that were rejected are facts too, as far as they say an amount: what the file owes is not less for being badly written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.money import minor_digits
from aura_migration.pos.people_facts import Answer, BalanceFact, ConsentFact, LiabilityClass, contact_key

CLASSES: tuple[LiabilityClass, ...] = ("gift_cards", "loyalty", "house_accounts", "store_credit")
_MINUS = re.compile(r"^\(|[-−]|DR\)?$")
_DEAD = re.compile(
    r"block|frozen|suspend|locked|lost|stolen|hold|inactiv|deactiv|notactive|closed|void|disabl|cancel|"
    r"redeemed|used|spent|empty|deplet|expired|lapsed"
)


_WIDE = ("marketing_email", "marketing_sms", "profile", "loyalty")
_PURPOSES = {
    "data_migration": re.compile(r"migration|transfer"),
    "marketing_sms": re.compile(r"sms|text"),
    "marketing_email": re.compile(r"mail|newsletter"),
    "profile": re.compile(r"profile|privacy"),
    "loyalty": re.compile(r"loyalty|reward"),
}
_YES = re.compile(r"y|yes|true|1|x|on|in|granted|accepted|optin|optedin|subscribed?")
_UNKNOWN = re.compile(r"|unknown|notset|na|notasked")


def people_facts(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterator[BalanceFact | ConsentFact]:
    """A fact per line with an amount and per answer stated, one file body in memory at a time.

    The file says its own currency. Contacts are those of the line as written; who was erased has none any more: their
    consents are no facts, and what they are owed is nobody's by name.
    """
    for body in reader.bodies("file_consents"):
        document = msgspec.json.decode(reader.revealed(body))
        for line in document["rows"]:
            for purpose, answer in _answers(line, document["conventions"]):
                yield from (ConsentFact(contact, purpose, answer) for contact in _contacts(line))
    for liability in CLASSES:
        for body in reader.bodies(f"file_{liability}"):
            document = msgspec.json.decode(reader.revealed(body))
            said = document["conventions"]
            for line in (*document["rows"], *document["rejected"]):
                amount = _amount(line.get("balance"), said, is_points=liability == "loyalty")
                if amount is not None:
                    unit = "points" if liability == "loyalty" else said["currency"]
                    holder = contact_key(*_contacts(line))
                    yield BalanceFact(liability, line["key"], unit, amount, holder, is_live=_is_live(line, said))


def stated_totals(reader: SnapshotReader) -> Iterator[tuple[LiabilityClass, str, int, int]]:
    """Per file (class, SHA-256, records, sum) as it was checked against the restaurant's totals, in the file's sign."""
    for liability in CLASSES:
        told: set[str] = set()
        for body in reader.bodies(f"file_{liability}"):
            document = msgspec.json.decode(body.data)
            if document["file"] not in told:
                told.add(document["file"])
                yield liability, document["file"], document["totals"]["count"], document["totals"]["sum"]


def _amount(cell: Any, said: Mapping[str, Any], is_points: bool) -> int | None:
    """What the restaurant owes by this cell, in minor units or points."""
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    kept = re.sub(rf"[^0-9{re.escape(said['decimal'])}]", "", text)
    if not any(c.isdigit() for c in kept):
        return None
    value = Decimal(kept.replace(said["decimal"], "."))
    scaled = int(value if is_points else value.scaleb(minor_digits(said["currency"])))
    return (-scaled if _MINUS.search(text) else scaled) * int(said.get("sign", 1))


def _is_live(line: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    status = line.get("status")
    if not isinstance(status, str) or not status.strip():
        return True
    spelled = "".join(c for c in status.casefold() if c.isalnum())
    own = said.get("statuses", {}).get(spelled)
    return own == "pending" if own is not None else _DEAD.search(spelled) is None


def _contacts(line: Mapping[str, Any]) -> list[str]:
    """E-mail address and phone number of a line, as written."""
    found = (line.get(name) for name in ("email", "phone", "contact"))
    return [cell.strip() for cell in found if isinstance(cell, str) and cell.strip()]


def _answers(line: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[tuple[str, Answer]]:
    """(purpose, answer) of a line: a column per purpose, or one for the answer and one for what it is about."""
    is_wide = False
    for purpose in _WIDE:
        if _spelled(line.get(purpose)):
            is_wide = True
            yield purpose, _answer(line[purpose], said)
    cell = line.get("answer") or (None if is_wide else said.get("answer"))
    about = _spelled(line.get("purpose") or said.get("purpose"))
    found = next((purpose for purpose, word in _PURPOSES.items() if word.search(about)), None)
    if cell and found:
        yield found, _answer(cell, said)


def _answer(cell: str, said: Mapping[str, Any]) -> Answer:
    """Yes where the cell plainly says so; nothing where it says nothing; otherwise no."""
    word = _spelled(said.get("answers", {}).get(_spelled(cell)) or cell)
    return "granted" if _YES.fullmatch(word) else "unknown" if _UNKNOWN.fullmatch(word) else "denied"


def _spelled(cell: Any) -> str:
    return "".join(c for c in cell.casefold() if c.isalnum()) if isinstance(cell, str) else ""
