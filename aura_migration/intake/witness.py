"""The second opinion about handed files: what each line says is owed, answered or paid, read from the snapshot by itself.

Nothing of how files are checked or mapped is used here: amounts are read anew from the cells as they were written. Lines
that were rejected are facts too, as far as they say an amount: what the file owes is not less for being badly written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.money import minor_digits
from aura_migration.pos.people_facts import Answer, BalanceFact, ConsentFact, LiabilityClass, PayrollFact, contact_key

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


_PAID = ("gross_pay", "net_pay", "tips", "deductions")
_QUOTED = re.compile(r'="(.*)"')
_CLOCK = re.compile(r"(\d+):(\d\d)")


def people_facts(
    reader: SnapshotReader, location_source_id: str, currency: str
) -> Iterator[BalanceFact | ConsentFact | PayrollFact]:
    """A fact per line with an amount, per answer stated and per pay period of the location, one file body at a time.

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
    for body in reader.bodies("file_payroll"):
        document = msgspec.json.decode(reader.revealed(body))
        said = document["conventions"]
        for line in (*document["rows"], *document["rejected"]):
            if _site(line, said) in (None, location_source_id):
                yield _payroll(f"{location_source_id}/{line['key']}", line, said)


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


def _site(line: Mapping[str, Any], said: Mapping[str, Any]) -> str | None:
    """The POS id of the location a line names, None where it names none that is known."""
    found = said.get("sites", {}).get(_spelled(line.get("location")))
    return found if isinstance(found, str) and said.get("site") in (None, found) else None


def _payroll(key: str, line: Mapping[str, Any], said: Mapping[str, Any]) -> PayrollFact:
    """A line of a payroll export; of one whose employee was erased, the key."""
    if any(cell in line and line[cell] is None for cell in ("employee_code", "email", "name", *_PAID)):
        return PayrollFact(key, is_forgotten=True)
    start, end, paid_on = (_day(line, f"pay_{name}", said) for name in ("period_start", "period_end", "date"))
    gross, net, tips, deductions = (_amount(line.get(name), {**said, "sign": 1}, is_points=False) for name in _PAID)
    return PayrollFact(
        key,
        _bare(line.get("employee_code")),
        _bare(line.get("email")),
        start,
        end,
        paid_on,
        _hours(line.get("regular_hours"), said),
        _hours(line.get("overtime_hours"), said),
        gross,
        net,
        tips,
        deductions,
        said["currency"],
    )


def _bare(cell: Any) -> str | None:
    """A text without what spreadsheets put around one."""
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    quoted = _QUOTED.fullmatch(text)
    return (quoted[1] if quoted else text.removeprefix("'")) or None


def _day(line: Mapping[str, Any], name: str, said: Mapping[str, Any]) -> str | None:
    text, form = _bare(line.get(name)), said.get("forms", {}).get(name)
    if not text or form is None:
        return None
    with suppress(ValueError):
        return str((datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)).date())
    return None


def _hours(cell: Any, said: Mapping[str, Any]) -> str | None:
    """Hours with four digits behind the point; ``7:30`` is 7.5."""
    if not isinstance(cell, str) or not any(c.isdigit() for c in cell):
        return None
    clock = _CLOCK.fullmatch(cell.strip())
    if clock:
        return str(round(int(clock[1]) + Decimal(clock[2]) / 60, 4))
    return str(
        round(Decimal(re.sub(rf"[^0-9{re.escape(said['decimal'])}]", "", cell).replace(said["decimal"], ".")), 4)
    )


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
