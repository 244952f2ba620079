"""SQL fragments generated from the entity declarations. Text only: nothing here runs a statement.

Rows travel as jsonb. A *content* holds canonical values with references as source keys; an *image* holds AuraConnect's
declared columns with references as ids. Images of either origin (a table's row, a content) have one normal form, so that
equality of jsonb is equality of values.
"""

from __future__ import annotations

from collections.abc import Iterable

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.model import Entity

LISTED = frozenset({"menu_items", "menu_item_variations", "modifiers"})
"""Tables with a ``listing`` column: rows made by a migration are sold only where a location row says so."""

NULL_SPEAKS = frozenset(
    {
        "amount_cents",
        "availability",
        "category_id",
        "channels",
        "max_length",
        "max_quantity",
        "max_selections",
        "menu_id",
        "parent_category_id",
        "price_adjustment_cents",
        "price_cents",
        "rate_percent",
        "tax_inclusive",
        "variation_id",
    }
)
"""Columns whose null says something (no limit, always, open, at the top): merging does not take it for a gap to fill."""


def quote(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def text_array(names: Iterable[str]) -> str:
    """``ARRAY['a','b']::text[]``."""
    return "ARRAY[" + ", ".join(quote(n) for n in names) + "]::text[]"


def columns(entity: Entity) -> tuple[str, ...]:
    """The AuraConnect columns an entity's rows declare, in declaration order."""
    return tuple(f.target for f in entity.fields)


def reference_columns(entity: Entity) -> tuple[str, ...]:
    """The declared columns that hold ids: they differ between databases, values do not."""
    return tuple(f.target for f in entity.fields if f.ref)


def overridable_columns(entity: Entity) -> tuple[str, ...]:
    """Columns of a shared row for which a row of the location has a column of its own, where null inherits."""
    names: list[str] = []
    for other in ENTITIES.values():
        if other.refines is not None and any(ref.ref == entity.name for ref in other.refs):
            known = set(columns(entity))
            singles = (other.field(unit[0]) for unit in other.units if len(unit) == 1)
            names += [f.base or f.target for f in singles if (f.base or f.target) in known]
    return tuple(dict.fromkeys(names))


def local_columns(entity: Entity) -> tuple[str, ...]:
    """Columns of a shared row in which locations may differ without touching each other."""
    if entity.scope != "shared":
        return ()
    carried = tuple(f.target for f in entity.fields if f.local)
    return (*carried, *(c for c in overridable_columns(entity) if c not in carried))


def table_row(alias: str, entity: Entity) -> str:
    """A table's row as an image."""
    pairs = ", ".join(f"{quote(c)}, {alias}.{c}" for c in columns(entity))
    return f"jsonb_build_object({pairs})"


def normalised(image: str, entity: Entity) -> str:
    """An image as the table itself would show it: types applied, every declared column present.

    Only exact numbers look different in a table (texts in a content, with the column's scale in the table); texts, whole
    numbers, truths and documents that passed validation are in that form already.
    """
    if all(field.kind != "numeric" for field in entity.fields):
        return image
    return f"(SELECT {table_row('typed', entity)} FROM jsonb_populate_record(NULL::aura.{entity.table}, {image}) typed)"


def image_hash(image: str) -> str:
    """The fence of a row: a hash over its declared columns."""
    return f"md5(({image})::text)"


def next_id(entity: Entity) -> str:
    """A reserved id. The sequence's name is looked up once per statement, not per row."""
    return f"nextval((SELECT pg_get_serial_sequence('aura.{entity.table}', 'id')::regclass))"


def listed_keys(keys: str) -> str:
    """A text array as ``a, b``."""
    return f"array_to_string({keys}, ', ')"


def object_keys(value: str) -> str:
    """The sorted keys of a jsonb object as ``a, b``."""
    return f"(SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys({value}) k)"


def insert_columns(entity: Entity) -> tuple[str, ...]:
    """The columns a created row sets; everything else keeps the table's default."""
    fixed = ["id", "restaurant_id"]
    if entity.name != "locations":
        fixed.append("location_id")
    if entity.table in LISTED:
        fixed.append("listing")
    tail = ["source_vendor", "source_id", "migration_run_id", "source_hash", "created_at", "updated_at"]
    return (*fixed, *columns(entity), *tail)
