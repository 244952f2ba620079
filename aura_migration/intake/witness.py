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
from aura_migration.pos.people_facts import BalanceFact, LiabilityClass

CLASSES: tuple[LiabilityClass, ...] = ("gift_cards", "loyalty", "house_accounts", "store_credit")
_MINUS = re.compile(r"^\(|[-−]|DR\)?$")
_DEAD = re.compile(
    r"block|frozen|suspend|locked|lost|stolen|hold|inactiv|deactiv|notactive|closed|void|disabl|cancel|"
    r"redeemed|used|spent|empty|deplet|expired|lapsed"
)


def people_facts(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterator[BalanceFact]:
    """A fact per line with an amount, one file body in memory at a time. The file says its own currency."""
    for liability in CLASSES:
        for body in reader.bodies(f"file_{liability}"):
            document = msgspec.json.decode(body.data)
            said = document["conventions"]
            for line in (*document["rows"], *document["rejected"]):
                amount = _amount(line.get("balance"), said, is_points=liability == "loyalty")
                if amount is not None:
                    unit = "points" if liability == "loyalty" else said["currency"]
                    yield BalanceFact(liability, line["key"], unit, amount, is_live=_is_live(line, said))


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
