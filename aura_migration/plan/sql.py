"""SQL fragments generated from the entity declarations. Text only: nothing here runs a statement.

Rows travel as jsonb. A *content* holds canonical values with references as source keys; an *image* holds AuraConnect's
columns with references as ids. ``restricted`` brings a row of either origin (table or image) into one normal form, so
that equality of jsonb is equality of values.
"""

from __future__ import annotations

from aura_migration.canonical.menu import ENTITIES
from aura_migration.canonical.model import Entity

LISTED = frozenset({"menu_items", "menu_item_variations", "modifiers"})
"""Tables with a ``listing`` column: rows made by a migration are sold only where a location row says so."""


def quote(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def columns(entity: Entity) -> tuple[str, ...]:
    """The AuraConnect columns an entity's rows declare, in declaration order."""
    return tuple(f.target for f in entity.fields)


def value_columns(entity: Entity) -> tuple[str, ...]:
    """The declared columns that are not references (ids differ between databases, values do not)."""
    return tuple(f.target for f in entity.fields if not f.ref)


def overridable_columns(entity: Entity) -> tuple[str, ...]:
    """Columns of a shared row for which a location row has a column of its own, where null inherits."""
    names: list[str] = []
    for other in ENTITIES.values():
        if other.refines is not None and any(ref.ref == entity.name for ref in other.refs):
            known = set(columns(entity))
            singles = (other.field(unit[0]) for unit in other.units if len(unit) == 1)
            names += [f.base or f.target for f in singles if (f.base or f.target) in known]
    return tuple(names)


def local_columns(entity: Entity) -> tuple[str, ...]:
    """Columns of a shared row in which locations may differ without touching each other."""
    if entity.scope != "shared":
        return ()
    carried = tuple(f.target for f in entity.fields if f.local)
    return (*carried, *(c for c in overridable_columns(entity) if c not in carried))


def text_array(names: tuple[str, ...]) -> str:
    """``ARRAY['a','b']::text[]``."""
    return "ARRAY[" + ", ".join(quote(n) for n in names) + "]::text[]"


def restricted(row: str, entity: Entity) -> str:
    """A jsonb row reduced to the declared columns, every one present."""
    pairs = ", ".join(f"{quote(c)}, {row} -> {quote(c)}" for c in columns(entity))
    return f"jsonb_build_object({pairs})"


def normalised(image: str, entity: Entity) -> str:
    """An image as the table itself would show it: types applied, then reduced to the declared columns."""
    return restricted(f"to_jsonb(jsonb_populate_record(NULL::aura.{entity.table}, {image}))", entity)


def table_row(alias: str, entity: Entity) -> str:
    """A table's row as an image."""
    pairs = ", ".join(f"{quote(c)}, {alias}.{c}" for c in columns(entity))
    return f"jsonb_build_object({pairs})"


def image_hash(image: str) -> str:
    """The fence of a row: a hash over its declared columns."""
    return f"md5(({image})::text)"


def row_hash(restricted_row: str) -> str:
    """The fence of a row: a hash over its declared columns."""
    return f"md5(({restricted_row})::text)"


def image(entity: Entity, content: str = "s.content") -> tuple[str, str]:
    """``(expression, joins)`` that turn a content into an image with the ids of table ``planned``.

    An optional reference to a row that is not loaded becomes null.
    """
    pairs: list[str] = []
    joins: list[str] = []
    for number, field in enumerate(entity.fields):
        if field.ref:
            alias = f"ref{number}"
            joins.append(
                f"LEFT JOIN planned {alias} ON {alias}.entity = {quote(field.ref)} "
                f"AND {alias}.source_key = {content} ->> {quote(field.name)} AND {alias}.aura_id IS NOT NULL"
            )
            pairs.append(f"{quote(field.target)}, {alias}.aura_id")
        else:
            pairs.append(f"{quote(field.target)}, {content} -> {quote(field.name)}")
    return f"jsonb_build_object({', '.join(pairs)})", "\n".join(joins)


def insert_columns(entity: Entity) -> tuple[str, ...]:
    """The columns a created row sets; everything else keeps the table's default."""
    fixed = ["id", "restaurant_id"]
    if entity.name != "locations":
        fixed.append("location_id")
    if entity.table in LISTED:
        fixed.append("listing")
    tail = ["source_vendor", "source_id", "migration_run_id", "source_hash", "created_at", "updated_at"]
    return (*fixed, *columns(entity), *tail)
