"""What the parts of the mapping of people share: records as they were sent, texts, amounts, phone numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import phonenumbers

from aura_migration.archive.redaction import ENCRYPTED
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.errors import BadInput
from aura_migration.core.money import minor_units
from aura_migration.pos.toast.wire import DECODER

Raw = Mapping[str, Any]
_SEALED = f'"{ENCRYPTED}'.encode()


def pages(reader: SnapshotReader, entity: str, window: str = "") -> Iterator[list[Raw]]:
    """The records of an entity (of one window), an answer at a time, with personal fields as they were sent."""
    for body in reader.bodies(entity):
        if window and body.window != window:
            continue
        data = reader.revealed(body) if _SEALED in body.data else body.data
        answer = DECODER.decode(data)
        yield [one for one in (answer if isinstance(answer, list) else [answer]) if isinstance(one, Mapping)]


def text(value: Any) -> str | None:
    """A text that says something, as it is."""
    return value if isinstance(value, str) and value.strip() else None


def ref(value: Any) -> str | None:
    """The guid of a reference; Toast writes some references as bare guids."""
    return text(value.get("guid")) if isinstance(value, Mapping) else text(value)


def cents(value: Any, currency: str) -> int | None:
    """An amount in minor units; None where there is none. ``BadInput`` where it is no amount of the currency."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise BadInput(f"{value!r} is not an amount of money.", "Correct the record in the POS.")
    return minor_units(value, currency)


def phone(number: Any, calling_code: Any, region: str) -> str | None:
    """A number as the POS has it, with its calling code before it where that is not the restaurant's country's."""
    given = text(number)
    code = str(calling_code or "").strip("+ ")
    if given is None or given.strip().startswith("+") or not code.isdigit():
        return given
    if int(code) == phonenumbers.country_code_for_region(region):
        return given
    return f"+{code} {given}"
