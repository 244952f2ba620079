"""How values of persons are shown: enough to tell two records apart, too little to know anybody.

Which fields are personal is the declaration's word (``Field.personal``). Whatever shows rows to people or machines
outside AuraConnect's own tables passes them through here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.canonical.entities import ENTITIES

HIDDEN = "(not shown)"
_NAMES = frozenset({"name", "first_name", "last_name", "nickname", "company_name"})
_ADDRESSES = frozenset({"email", "email_normalized"})
_NUMBERS = frozenset({"phone", "phone_raw"})


def masked(entity: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A row (by field or column name) with its personal values masked; other values stay."""
    declared = ENTITIES.get(entity)
    personal = {name for f in declared.fields if f.personal for name in (f.name, f.target)} if declared else set()
    return {k: mask(k, v) if k in personal and v is not None else v for k, v in values.items()}


def mask(field: str, value: Any) -> str:
    """One personal value: initials, ``a…@e…``, the last two digits, or nothing of it."""
    text = str(value)
    if field in _NAMES:
        return " ".join(f"{part[0]}…" for part in text.split()) or HIDDEN
    if field in _ADDRESSES:
        local, at, domain = text.partition("@")
        return f"{local[:1]}…@{domain[:1]}…" if at and local and domain else HIDDEN
    if field in _NUMBERS:
        digits = [c for c in text if c.isdigit()]
        return f"…{''.join(digits[-2:])}" if len(digits) > 4 else HIDDEN
    return HIDDEN
