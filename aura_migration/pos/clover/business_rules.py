"""Clover's rules of business as canonical rows: how orders are taken, discounted, charged, taxed and paid.

Each kind of rule has a module in ``rules/``. Rates and the items they apply to belong to the menu's mapping. What a record
means is never guessed: one that contradicts itself, another, or Clover's documentation goes to quarantine with the reason.
"""

from __future__ import annotations

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.pos.clover.rows import Rows
from aura_migration.pos.clover.rules.charges import map_charges, map_tips
from aura_migration.pos.clover.rules.desk import map_order_types, map_tenders
from aura_migration.pos.clover.rules.discounts import map_discounts
from aura_migration.pos.clover.rules.fields import rule_losses
from aura_migration.pos.clover.rules.hours import map_hours
from aura_migration.pos.clover.rules.settings import map_settings
from aura_migration.pos.clover.rules.taxes import map_tax_rules
from aura_migration.pos.port import SourceLocation


def map_rules(reader: SnapshotReader, location: SourceLocation) -> Batch:
    """The rules of one merchant; parents come before what refers to them."""
    rows = Rows(reader, location)
    map_order_types(rows)
    map_tenders(rows)
    map_charges(rows)
    map_discounts(rows)
    map_tax_rules(rows)
    map_tips(rows)
    map_hours(rows)
    map_settings(rows)
    rows.batch.losses += [*rule_losses(rows), *rows.remarks.losses()]
    return rows.batch
