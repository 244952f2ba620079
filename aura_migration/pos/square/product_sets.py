"""What a discount reaches: Square's product sets, nested as they may be, as sets of items, variations and categories.

A set that names something Square does not know, or that cannot be said as alternatives, raises ``Unclear``. Whose targets
they are is in ``automatic.py``. Square API reference, section 6.9.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from aura_migration.core.ids import path
from aura_migration.pos.square.catalog import LocationView
from aura_migration.pos.square.schedules import Unclear
from aura_migration.pos.square.wire import CatalogObject, ProductSetData, read


class Quantity(NamedTuple):
    """How many belong together; None, None: each by itself."""

    minimum: int | None = None
    maximum: int | None = None


class Target(NamedTuple):
    """One alternative: its object id, and the references of AuraConnect that mean it."""

    ident: str
    values: dict[str, str]


class Group(NamedTuple):
    """Alternatives, of which so many are needed together. ``everything``: whatever is sold."""

    targets: tuple[Target, ...]
    quantity: Quantity = Quantity()
    everything: bool = False


class Selection(NamedTuple):
    """What a product set means here: of each group one (or its quantity) is needed. ``gone`` are named and not sold here."""

    groups: tuple[Group, ...]
    gone: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing sold here can fulfil it."""
        return any(not group.targets and not group.everything for group in self.groups)


class ProductSets:
    """The product sets of a catalog, as one location sees them."""

    def __init__(self, view: LocationView) -> None:
        self._view = view
        self._members: dict[str, list[str]] | None = None

    def selection(self, ident: str) -> Selection:
        """What that set (or single object) means; raises ``Unclear``."""
        gone: list[str] = []
        return Selection(tuple(self._groups(ident, frozenset(), gone)), tuple(dict.fromkeys(gone)))

    def _groups(self, ident: str, above: frozenset[str], gone: list[str]) -> list[Group]:
        found = self._view.catalog.objects.get(ident)
        if found is None:
            raise Unclear(f"names {ident}, which does not exist in Square")
        if found.type != "PRODUCT_SET":
            return [Group(tuple(self._single(found, gone)))]
        if found.is_deleted:
            raise Unclear("names a set of products that was deleted")
        if ident in above:
            raise Unclear("names a set of products that contains itself")
        data = self._data(found)
        quantity = _quantity(data)
        within = above | {ident}
        said = [bool(data.all_products), bool(data.product_ids_any), bool(data.product_ids_all)]
        if sum(said) != 1:
            raise Unclear("names a set of products that says " + ("nothing" if not any(said) else "several things"))
        if data.all_products:
            return [Group((), quantity, everything=True)]
        if data.product_ids_any:
            return [self._any(data.product_ids_any, within, gone, quantity)]
        if quantity != Quantity():
            raise Unclear("asks for a number of whole sets of products")
        return [group for one in data.product_ids_all or () for group in self._groups(one, within, gone)]

    def _any(self, idents: Iterable[str], within: frozenset[str], gone: list[str], quantity: Quantity) -> Group:
        targets: dict[tuple[Any, ...], Target] = {}
        for ident in idents:
            groups = self._groups(ident, within, gone)
            if len(groups) != 1 or groups[0].quantity != Quantity():
                raise Unclear("names alternatives of which some are several things together")
            if groups[0].everything:
                return Group((), quantity, everything=True)
            targets.update((tuple(sorted(one.values.items())), one) for one in groups[0].targets)
        return Group(tuple(targets.values()), quantity)

    def _single(self, found: CatalogObject, gone: list[str]) -> Iterable[Target]:
        view = self._view
        if found.type == "ITEM" and found.id in view.items:
            return [Target(found.id, {"menu_item_key": found.id})]
        if found.type == "ITEM_VARIATION":
            data = found.item_variation_data
            owner = view.items.get((data and data.item_id) or "")
            if owner is not None and found in view.variations(owner):
                several = {"variation_key": found.id} if view.several(owner) else {}
                return [Target(found.id, {"menu_item_key": owner.id, **several})]
        elif found.type == "CATEGORY":
            if found.id in view.categories:
                return [Target(found.id, {"category_key": found.id})]
            # The root of a menu and a kitchen category are no categories in AuraConnect: what stands in them is.
            inside = self._inside(found.id) if not found.is_deleted else []
            if inside:
                return [Target(item, {"menu_item_key": item}) for item in inside]
        elif found.type == "MODIFIER":
            group = (found.modifier_data and found.modifier_data.modifier_list_id) or ""
            owner = view.groups.get(group)
            if owner is not None and found in view.modifiers(owner):
                return [Target(found.id, {"modifier_key": path(group, found.id)})]
        elif found.type != "ITEM":
            raise Unclear(f"names a {found.type.lower().replace('_', ' ')} among products")
        gone.append(found.id)
        return []

    def _inside(self, category: str) -> list[str]:
        if self._members is None:
            self._members = {}
            for item in self._view.items.values():
                for reference in self._view.catalog.memberships(item):
                    self._members.setdefault(str(reference.id), []).append(item.id)
        return self._members.get(category, [])

    def _data(self, found: CatalogObject) -> ProductSetData:
        try:
            return read(self._view.catalog.raw[found.id].get("product_set_data") or {}, ProductSetData)
        except msgspec.ValidationError as error:
            raise Unclear(f"names a set of products that cannot be read ({error})") from None


def _quantity(data: ProductSetData) -> Quantity:
    if data.quantity_exact is not None:
        if data.quantity_min is not None or data.quantity_max is not None or data.quantity_exact < 1:
            raise Unclear("names a set of products whose numbers contradict each other")
        return Quantity(data.quantity_exact, data.quantity_exact) if data.quantity_exact > 1 else Quantity()
    low, high = data.quantity_min, data.quantity_max
    if (low or 0) < 0 or (high is not None and high < max(low or 0, 1)):
        raise Unclear("names a set of products whose numbers contradict each other")
    return Quantity(low if low is not None and low > 1 else None, high)
