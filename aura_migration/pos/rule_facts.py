"""By which rules a location does business, in facts that no POS and no database disagrees about.

A rules witness (``pos/<x>/rules_witness.py``) reduces a snapshot to these facts; ``verify/rules.py`` compares them with what
AuraConnect holds. Plain data only. A fact names an entity of the rules by its plain name, the source key mapping gives the row,
and those of its fields that the POS states, by canonical field name: cents as integers, percentages and other exact numbers as
``Decimal``, references (``…_key``) as source keys, lists and mappings as they are. Only what a fact names is compared.

What is concluded from orders is no fact: a POS that does not state a rule says nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from aura_migration.archive.snapshot import SnapshotReader

RuleValue = str | int | bool | None | Decimal | list[Any] | dict[str, Any]


class RuleFact(NamedTuple):
    """One rule the POS states: ``entity`` ("service_charges"), its source key, and the values it has by field name."""

    entity: str
    key: str
    values: Mapping[str, RuleValue]


class RulesWitness(Protocol):
    """``rules`` of a module ``aura_migration.pos.<x>.rules_witness``: reads the bodies of a snapshot by itself."""

    def __call__(self, reader: SnapshotReader, location_source_id: str, currency: str) -> Iterable[RuleFact]:
        """Every rule of one location that the POS states and mapping must carry; ``currency`` is ISO 4217."""
        ...
