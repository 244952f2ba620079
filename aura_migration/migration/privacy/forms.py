"""What the rows of an erased person look like: every personal field empty, what is owed or was worked kept without them.

From the declarations (``Field.personal``), plus the few columns that identify somebody without being personal in every
row. One description serves tables, images and contents alike, so that all of them still agree afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aura_migration.canonical.entities import ALL_ENTITIES, ENTITIES
from aura_migration.canonical.model import Entity

Subject = Literal["customers", "staff"]
ERASED_NAME = "(erased)"
"""Stands where a table insists on a name."""

_OWN: dict[str, dict[str, Any]] = {
    "customers": {
        "status": "deleted",
        "tier": None,
        "marketing_opt_in": False,
        "loyalty_points": 0,
        "lifetime_points": 0,
        "acquisition_source": None,
        "acquisition_date": None,
        "tags": None,
        "external_id": None,
    },
    "staff": {
        "name": ERASED_NAME,
        "status": "terminated",
        "is_active": False,
        "start_date": None,
        "end_date": None,
    },
    "customer_addresses": {"label": None, "country": None},
    "customer_consents": {
        "status": "withdrawn",
        "source": "explicit_request",
        "evidence": None,
        "captured_at": None,
        "expires_at": None,
    },
    "loyalty_accounts": {"customer_key": None, "claim_hash": None, "hash_key_id": None, "tier": None},
    "gift_cards": {"customer_key": None},
    "house_accounts": {"customer_key": None, "claim_hash": None, "hash_key_id": None},
}
_KEPT = {
    # The books must be kept: the amounts stay, on a row that names nobody.
    "payroll": frozenset({"gross_pay_cents", "net_pay_cents", "tips_cents", "deductions_cents"}),
}
_ORIGIN = {"source_id": None, "source_hash": None}
"""Columns that a load adds: the POS's id of the record and the hash over its content. Balances keep theirs."""
_KEEPS_ORIGIN = frozenset(
    {"loyalty_accounts", "gift_cards", "house_accounts", "timecards", "payroll", "staff_locations"}
)
_WITHOUT_HASH = {"source_hash": None}


@dataclass(frozen=True)
class Form:
    """How rows of an entity are cleared. ``link`` is the field that points at the person, None for the person's own row.

    ``by_field`` holds the values under canonical names (contents), ``by_column`` those under AuraConnect's (images and
    whole rows); only what a row has is set. ``is_bound``: a row that cannot be without the person.
    """

    entity: Entity
    link: str | None
    is_bound: bool
    by_field: Mapping[str, Any]
    by_column: Mapping[str, Any] = field(default_factory=dict)

    @property
    def link_column(self) -> str:
        """The column that points at the person."""
        return self.entity.field(self.link).target if self.link else "id"


def forms(subject: Subject) -> tuple[Form, ...]:
    """The person's own rows, then everything that points at them, in load order."""
    return tuple(form for entity in ALL_ENTITIES if (form := _form(entity, subject)) is not None)


def _form(entity: Entity, subject: Subject) -> Form | None:
    if entity.name == subject:
        return _made(entity, None, True)
    for ref in entity.refs:
        if ref.ref == subject:
            return _made(entity, ref.name, ref.required)
    return None


def _made(entity: Entity, link: str | None, is_bound: bool) -> Form:
    kept = _KEPT.get(entity.name, frozenset())
    values: dict[str, Any] = {f.name: None for f in entity.fields if f.personal and f.name not in kept}
    values |= _OWN.get(entity.name, {})
    columns = {entity.field(name).target: value for name, value in values.items()}
    columns |= _WITHOUT_HASH if entity.name in _KEEPS_ORIGIN else _ORIGIN
    return Form(entity, link, is_bound, values, columns)


def personal_entities() -> tuple[Entity, ...]:
    """The entities whose rows are about persons."""
    return tuple(entity for entity in ENTITIES.values() if entity.personal)
