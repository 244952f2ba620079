"""Stock that left the POS's list, where leaving it is an answer.

A POS may list only what is sold out or counted and document that everything else is in stock. What such a list named before
and does not name any more is said here once more, as the row it now is. Nothing is concluded from a list that was not read
whole, and of what left the menu altogether: "not seen this time" never deletes or hides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aura_migration.archive.certificates import Certificate
from aura_migration.archive.snapshot import require
from aura_migration.canonical.model import Batch
from aura_migration.database.connections import Connection
from aura_migration.migration.records import Migration
from aura_migration.pos.port import SourceEntity

STOCK = "stock"


def unlisted_stock(
    connection: Connection,
    migration: Migration,
    entities: Sequence[SourceEntity],
    certificates: Sequence[Certificate],
    batch: Batch,
) -> Batch:
    """Rows for the stock of this location that was loaded before and that the mapped ``batch`` does not name."""
    result = Batch()
    source = next((entity for entity in entities if entity.unlisted is not None), None)
    if source is None or require(certificates, [source.name]):
        return result
    named = {row.key for row in batch.rows if row.entity == STOCK}
    named |= {one.key for one in batch.rejected if one.entity == STOCK}
    sold = {(row.entity, row.key) for row in batch.rows if row.entity in ("items", "variations")}
    copy_mark = f"@{migration.subject.location_source_id}"
    for key, name, sku, has_variation, items, variations in _loaded(connection, migration):
        item = _on_menu("items", items, sold, key, copy_mark)
        variation = _on_menu("variations", variations, sold, key, copy_mark)
        if key not in named and item is not None and (variation is not None or not has_variation):
            result.add(
                STOCK,
                key,
                item_name=name,
                sku=sku,
                menu_item_key=item,
                variation_key=variation,
                quantity=None,
                status=source.unlisted,
                is_tracked=False,
            )
    return result


def _on_menu(
    entity: str, keys: Sequence[str], sold: set[tuple[str, str]], stock_key: str, copy_mark: str
) -> str | None:
    """Which of a record's source keys is on the menu now; of several (records that became one) the one this stock is of."""
    found = [key for key in (one.removesuffix(copy_mark) for one in keys) if (entity, key) in sold]
    return max(found, key=lambda key: (f"/{key}/" in f"/{stock_key}/", key), default=None)


def _loaded(connection: Connection, migration: Migration) -> list[tuple[Any, ...]]:
    """The location's stock rows as they stand: key, name, SKU, whether of a variation, keys of its item and variation."""
    return connection.execute(
        """
        SELECT c.source_key, i.item_name, i.sku, i.variation_id IS NOT NULL,
               ARRAY(SELECT k.source_key FROM migration.crosswalk k WHERE k.aura_id = i.menu_item_id AND k.is_active
                     AND k.integration_id = c.integration_id AND k.entity = 'items'),
               ARRAY(SELECT k.source_key FROM migration.crosswalk k WHERE k.aura_id = i.variation_id AND k.is_active
                     AND k.integration_id = c.integration_id AND k.entity = 'variations')
        FROM migration.crosswalk c JOIN aura.inventory i ON i.id = c.aura_id AND i.deleted_at IS NULL
        JOIN migration.crosswalk l ON l.integration_id = c.integration_id AND l.entity = 'locations' AND l.is_active
             AND l.source_key = %s AND l.aura_id = i.location_id
        WHERE c.integration_id = %s AND c.entity = 'stock' AND c.is_active ORDER BY c.source_key
        """,
        [migration.subject.location_source_id, migration.subject.integration_id],
    ).fetchall()
