"""What staff do to a menu while a migration is under way, carried out on the world.

Every edit moves the row's modifiedTime, except `touchless_price`, which is the change a `modifiedTime` filter misses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from aura_migration.sandbox.clover.world import Item, Merchant, Modifier, World, clover_id, link
from aura_migration.sandbox.core.clock import Clock


class EditError(ValueError):
    """An edit that cannot be carried out, with what is wrong with it."""


class Editor:
    """Carries edits out on one world."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._added = 0
        self._verbs: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "set_price": lambda op: self._price(op, moves=True),
            "touchless_price": lambda op: self._price(op, moves=False),
            "rename": self._rename,
            "add_item": self._add_item,
            "delete_item": self._delete_item,
            "set_available": self._set_available,
            "set_hidden": self._set_hidden,
            "set_stock": self._set_stock,
            "set_limits": self._set_limits,
            "add_modifier": self._add_modifier,
            "delete_category": self._delete_category,
        }

    def apply(self, op: dict[str, Any], also: Iterable[str] = ()) -> list[str]:
        """Carry one edit out; answers the ids it changed. Raises `EditError`; `also` are the verbs of others to name."""
        verb = self._verbs.get(str(op.get("op")))
        if verb is None:
            raise EditError(f"clover has no edit {op.get('op')!r}; it has {', '.join([*self._verbs, *also])}")
        try:
            return verb(op)
        except KeyError as error:
            raise EditError(str(error.args[0])) from error

    def touch(self, row: Any) -> None:
        """Move a row's modifiedTime to POS time, and in any case forward."""
        row.modified = max(self.now(), row.modified + 1)

    def now(self) -> int:
        """POS time in epoch milliseconds."""
        return int(self._clock.now().timestamp() * 1000)

    def _find(self, op: dict[str, Any], kind: str, *names: str) -> tuple[Merchant, Any]:
        for name in names:
            if op.get(name):
                return self._world.locate(kind, str(op[name]), op.get("location"))
        raise EditError(f"edit {op['op']!r} needs {' or '.join(map(repr, names))}, an id")

    def _price(self, op: dict[str, Any], moves: bool) -> list[str]:
        cents = _integer(op, "cents")
        if op.get("modifier"):
            if cents < 0:
                raise EditError(f"a Clover modifier costs 0 or more, not {cents}")
            _, row = self._find(op, "modifiers", "modifier")
        else:
            _, row = self._find(op, "items", "variation", "item")
        row.price = cents
        if moves:
            self.touch(row)
        return [row.id]

    def _rename(self, op: dict[str, Any]) -> list[str]:
        stores = {"item": "items", "modifier": "modifiers", "group": "groups", "category": "categories"}
        target = next((name for name in stores if op.get(name)), "item")
        _, row = self._find(op, stores[target], target)
        if getattr(row, "item_group", None):
            raise EditError(f"item {row.id} is a variant; Clover makes its name from its group and options")
        row.name = _text(op, "name")
        self.touch(row)
        return [row.id]

    def _add_item(self, op: dict[str, Any]) -> list[str]:
        location = op.get("location") or self._world.first.id
        merchant = self._world.merchants.get(location)
        if merchant is None:
            raise EditError(f"no merchant has the id {location!r}")
        self._added += 1
        item_id = clover_id(self._world.ids, "added-item", str(self._added))
        item = Item(item_id, _text(op, "name"), _integer(op, "cents"), self.now(), sku=op.get("sku"))
        linked = []
        if op.get("category"):
            _, category = self._world.locate("categories", str(op["category"]), merchant.id)
            link(item.categories, item.id, category.items, category.id)
            linked.append(category)
        if op.get("group"):
            _, group = self._world.locate("groups", str(op["group"]), merchant.id)
            link(item.groups, item.id, group.items, group.id)
            linked.append(group)
        merchant.items[item.id] = item
        return [item.id, *(row.id for row in linked)]

    def _delete_item(self, op: dict[str, Any]) -> list[str]:
        _, item = self._find(op, "items", "item")
        self.touch(item)
        item.deleted_time = item.modified
        return [item.id]

    def _set_available(self, op: dict[str, Any]) -> list[str]:
        if op.get("modifier"):
            _, row = self._find(op, "modifiers", "modifier")
        else:
            _, row = self._find(op, "items", "item", "variation")
        row.available = _boolean(op, "available")
        self.touch(row)
        return [row.id]

    def _set_hidden(self, op: dict[str, Any]) -> list[str]:
        _, item = self._find(op, "items", "item")
        item.hidden = _boolean(op, "hidden")
        self.touch(item)
        return [item.id]

    def _set_stock(self, op: dict[str, Any]) -> list[str]:
        merchant, item = self._find(op, "items", "item", "variation")
        quantity = op.get("quantity")
        if quantity is not None and (isinstance(quantity, bool) or not isinstance(quantity, int | float)):
            raise EditError(f"quantity must be a number or null, not {quantity!r}")
        set_stock(merchant, item, quantity, self.now())
        return [item.id]

    def _set_limits(self, op: dict[str, Any]) -> list[str]:
        _, group = self._find(op, "groups", "group")
        for name, attribute in (("min", "min_required"), ("max", "max_allowed")):
            if name in op:
                setattr(group, attribute, None if op[name] is None else _integer(op, name))
        self.touch(group)
        return [group.id]

    def _add_modifier(self, op: dict[str, Any]) -> list[str]:
        merchant, group = self._find(op, "groups", "group")
        self._added += 1
        now = self.now()
        row_id = clover_id(self._world.ids, "added-modifier", str(self._added))
        merchant.modifiers[row_id] = Modifier(row_id, _text(op, "name"), _integer(op, "cents"), group.id, now, now)
        group.modifiers.append(row_id)
        self.touch(group)
        return [row_id, group.id]

    def _delete_category(self, op: dict[str, Any]) -> list[str]:
        _, category = self._find(op, "categories", "category")
        category.deleted = True
        self.touch(category)
        return [category.id]


def set_stock(merchant: Merchant, item: Item, quantity: float | None, now: int) -> None:
    """Set stock absolutely (None clears it); with trackStock an autoManage item follows it in and out of sale."""
    item.quantity = None if quantity is None else float(quantity)
    item.stock_modified = None if quantity is None else max(now, (item.stock_modified or 0) + 1)
    if item.auto_manage and quantity is not None and merchant.properties.get("trackStock"):
        if quantity <= 0:
            item.available = False
        elif quantity >= 1:
            item.available = True


def _integer(op: dict[str, Any], name: str) -> int:
    value = op.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise EditError(f"edit {op['op']!r} needs {name!r}, a whole number")
    return value


def _boolean(op: dict[str, Any], name: str) -> bool:
    value = op.get(name)
    if not isinstance(value, bool):
        raise EditError(f"edit {op['op']!r} needs {name!r}, true or false")
    return value


def _text(op: dict[str, Any], name: str) -> str:
    value = op.get(name)
    if not isinstance(value, str) or not value:
        raise EditError(f"edit {op['op']!r} needs {name!r}, a text")
    return value
