"""The rules of business that Toast states, as canonical rows: how orders are taken, discounted, charged, taxed and paid.

Rates and the items they apply to belong to the menu's mapping; each kind of rule has a module in ``rules/``. Configuration
belongs to one location in Toast, so every key begins with the restaurant's guid.
"""

from __future__ import annotations

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.canonical.rules import PRICING_POLICY
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast.document import guid_of
from aura_migration.pos.toast.mapping import records
from aura_migration.pos.toast.paths import TAX_WINDOW
from aura_migration.pos.toast.rules import fields
from aura_migration.pos.toast.rules.charges import map_charges
from aura_migration.pos.toast.rules.desk import Desk, Raw
from aura_migration.pos.toast.rules.discounts import map_discounts
from aura_migration.pos.toast.rules.floor import map_floor
from aura_migration.pos.toast.rules.hours import map_house
from aura_migration.pos.toast.rules.taxes import map_taxes

POLICY = {"name": "toast"}
"""How Toast calculates is the same everywhere; what is particular to a restaurant (rounding) stands on its tax rates."""


def map_rules(reader: SnapshotReader, location: SourceLocation) -> Batch:
    """The rules of one location."""
    desk = Desk(Batch(), reader, location.source_id, location.currency)
    rates: dict[str, Raw] = {}
    for raw in records(reader, "config", TAX_WINDOW):
        rates.setdefault(guid_of(raw), raw)
    map_floor(desk)
    map_charges(desk, rates)
    map_discounts(desk)
    map_taxes(desk, rates)
    map_house(desk)
    desk.setting(PRICING_POLICY, "pricing", dict(POLICY))
    desk.batch.losses.extend(desk.notes.losses())
    desk.batch.losses.extend(fields.losses(desk))
    return desk.batch
