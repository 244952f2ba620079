"""The order that is tried out: a few things of the migrated menu, priced by AuraConnect as its till would.

Chosen so that both sides must come to the same cents by rules alone: fixed prices that hold at any hour and on every menu,
choices without prices or taxes that depend on something else. Items with choices come first, and those that bear tax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aura_migration.core.errors import Refused
from aura_migration.database.connections import Connection
from aura_migration.pos.writing import NewLine, NewModifier, NewOrder
from aura_migration.pricing.bill import Bill, BillLine, BillModifier, TaxKind
from aura_migration.pricing.engine import price
from aura_migration.pricing.scales import QUANTITY
from aura_migration.verify.replay.book import Book, Item, Option
from aura_migration.verify.replay.reading import read_book

LINES = 2
ORDER_TYPES = {"toast": "dine_in"}
"""What AuraConnect calls the orders that a POS makes of ours; where it says none, orders have no type."""


@dataclass(frozen=True)
class Chosen:
    """One line: what it costs, and what it is called at the POS."""

    item: Item
    cents: int
    variation: int | None
    options: tuple[tuple[Option, int], ...]
    line: NewLine


@dataclass(frozen=True)
class Expected:
    """The order to be written and what AuraConnect prices it at."""

    lines: tuple[NewLine, ...]
    total_cents: int
    tax_cents: int
    currency: str
    described: str

    def order(self, reference: str) -> NewOrder:
        """The order under a reference."""
        return NewOrder(reference, self.lines, self.currency, note="integration test, not a sale")


def plan_order(connection: Connection, integration_id: int, restaurant_id: int, location_id: int, pos: str) -> Expected:
    """Choose and price an order. ``Refused`` where the menu holds nothing whose price rules alone can tell."""
    book = read_book(connection, restaurant_id, location_id, pos)
    keys = Keys(connection, integration_id, location_id)
    order_type = ORDER_TYPES.get(pos, "unknown")
    found = [one for _, item in sorted(book.items.items()) if (one := _choose(book, keys, item)) is not None]
    if not found:
        raise Refused(
            "Nothing on the menu has a price that holds at any hour, so no order can be tried out.",
            "Try one out by hand at the POS and in AuraConnect, and compare.",
        )
    found.sort(key=lambda one: (not one.options, not one.item.taxes, one.item.id))
    chosen = _mixed(found)
    taxes: dict[str, Any] = {}
    lines = []
    for number, one in enumerate(chosen):
        names = book.item_taxes(one.item, order_type, None)
        taxes |= {name: book.rule(name) for name in names}
        modifiers = tuple(BillModifier(str(option.id), cents) for option, cents in one.options)
        lines.append(BillLine(str(number), one.cents, one.line.quantity * QUANTITY, None, modifiers, (), names))
    priced = price(Bill(tuple(lines), tuple(taxes.values())), book.policy)
    described = "; ".join(map(_described, chosen))
    return Expected(tuple(one.line for one in chosen), priced.total, priced.tax, book.currency, described)


def _described(one: Chosen) -> str:
    choices = " and ".join(option.name for option, _ in one.options)
    return f"{one.line.quantity} x {one.item.name}{f' with {choices}' if choices else ''}"


def _mixed(found: Sequence[Chosen]) -> list[Chosen]:
    """A line with a choice, and another thing without: two of it where that is another item."""
    chosen = [found[0]]
    other = next((one for one in found if one.item.id != found[0].item.id and not one.options), None)
    other = other or next((one for one in found if one.item.id != found[0].item.id), None)
    if other is not None and len(chosen) < LINES:
        twice = NewLine(other.line.item_key, 2, other.line.variation_key, other.line.modifiers)
        chosen.append(Chosen(other.item, other.cents, other.variation, other.options, twice))
    return chosen


class Keys:
    """What things of the menu are called at the POS, and which of them nobody sells right now."""

    def __init__(self, connection: Connection, integration_id: int, location_id: int) -> None:
        self._by_entity: dict[str, dict[int, str]] = {"items": {}, "variations": {}, "modifiers": {}}
        rows = connection.execute(
            "SELECT entity, aura_id, min(source_key) FROM migration.crosswalk WHERE integration_id = %s AND is_active "
            "AND entity = ANY(%s) AND position('@' IN source_key) = 0 GROUP BY entity, aura_id",
            [integration_id, list(self._by_entity)],
        ).fetchall()
        for entity, aura_id, key in rows:
            self._by_entity[entity][aura_id] = key
        self._out = set(
            connection.execute(
                "SELECT menu_item_id, variation_id FROM aura.inventory WHERE location_id = %s AND deleted_at IS NULL "
                "AND (status = 'out_of_stock' OR quantity <= 0)",
                [location_id],
            ).fetchall()
        )

    def of(self, entity: Literal["items", "variations", "modifiers"], aura_id: int) -> str | None:
        """The POS's key; None for what AuraConnect alone has."""
        return self._by_entity[entity].get(aura_id)

    def is_out(self, item: int, variation: int | None) -> bool:
        """Whether none of it is left."""
        return (item, variation) in self._out or (item, None) in self._out


def _choose(book: Book, keys: Keys, item: Item) -> Chosen | None:
    """The item with what has to be chosen with it, and one thing more where that costs something; None where it will not do."""
    key = keys.of("items", item.id)
    if (
        key is None
        or not item.is_sold
        or item.is_placeholder
        or item.price_type not in ("fixed", "variation")
        or item.rules
    ):
        return None
    if any(book.taxes[name].rule.kind is not TaxKind.PERCENT or not book.taxes[name].is_active for name in item.taxes):
        return None
    variation, variation_key = None, ""
    if item.variations:
        sold = [one for one in item.variations.values() if one.is_sold and one.cents and keys.of("variations", one.id)]
        if not sold:
            return None
        variation, variation_key = sold[-1].id, keys.of("variations", sold[-1].id) or ""
    cents = _only(book.item_prices(item, variation, "in_house", None))
    if not cents or keys.is_out(item.id, variation):
        return None
    options = _options(book, keys, item, variation)
    if options is None:
        return None
    modifiers = tuple(NewModifier(keys.of("modifiers", option.id) or "") for option, _ in options)
    return Chosen(item, cents, variation, tuple(options), NewLine(key, 1, variation_key, modifiers))


def _options(book: Book, keys: Keys, item: Item, variation: int | None) -> list[tuple[Option, int]] | None:
    """The defaults and as many choices of each group as it asks for; of one group that asks for none, one that costs something."""
    chosen: list[tuple[Option, int]] = []
    has_extra = False
    for link in item.links:
        fitting = []
        for option in book.options.values():
            if option.group != link.group or not option.is_sold:
                continue
            cents = _only(book.option_prices(item, variation, option, None, "in_house", None))
            plain = not option.taxes and not option.rules and not any(inner.least for inner in option.nested)
            if option.is_default and (cents is None or not plain):
                return None  # left out, it would count as taken off
            if cents is not None and plain and keys.of("modifiers", option.id):
                fitting.append((option, cents))
        fitting.sort(key=lambda one: (not one[0].is_default, one[0].id))
        defaults = sum(option.is_default for option, _ in fitting)
        wanted = max(link.least, defaults)
        if len(fitting) < wanted or (link.most is not None and wanted > link.most):
            return None
        taken = fitting[:wanted]
        extra = next(((option, cents) for option, cents in fitting[wanted:] if cents), None)
        if not has_extra and extra is not None and (link.most is None or wanted < link.most):
            taken, has_extra = [*taken, extra], True
        chosen += taken
    return chosen


def _only(prices: frozenset[int] | None) -> int | None:
    """The one price there is; None where the cashier says it, or where it depends."""
    return next(iter(prices)) if prices is not None and len(prices) == 1 else None
