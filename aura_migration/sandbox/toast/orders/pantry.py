"""What histories are made of: the dishes of the menu as it was written, and some that no menu has any more."""

from __future__ import annotations

from dataclasses import dataclass

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.orders.adapt import Floor
from aura_migration.sandbox.toast.orders.dishes import percent_taxes
from aura_migration.sandbox.toast.orders.model import Choice, Dish, Tax
from aura_migration.sandbox.toast.orders.sheet import Ref
from aura_migration.sandbox.toast.orders.sums import Rate, rate_of
from aura_migration.sandbox.toast.orders.wire import config_ref, ref
from aura_migration.sandbox.toast.people.model import DINE_IN, TAKE_OUT


@dataclass(frozen=True, slots=True)
class Topping:
    """A modifier; ``under`` are modifiers it may have itself."""

    name: str
    cents: int
    item: Ref
    group: Ref
    under: tuple[Topping, ...] = ()


@dataclass(frozen=True, slots=True)
class Plate:
    """A dish made ready for orders: its references and what taxes it pays at a table and taken away."""

    name: str
    cents: int
    item: Ref
    group: Ref
    category: Ref
    plu: str | None
    rates: dict[str, tuple[Rate, ...]]
    toppings: tuple[Topping, ...] = ()
    musts: tuple[tuple[Topping, ...], ...] = ()
    included: bool = False
    unit: str = "NONE"


class Pantry:
    """The plates of one location. ``gone`` are no longer on the menu, the named ones neither."""

    def __init__(self, ids: Ids, location: Location, floor: Floor, menu: list[Dish]) -> None:
        self._ids = ids
        self._key = location.key
        self.menu = [_plate(dish) for dish in menu]
        taxes = list(percent_taxes(location).values())
        first: list[Tax] = taxes[:1]
        self.packed = {way: [rate_of(tax, way) for tax in first] for way in (DINE_IN, TAKE_OUT)}
        """What a packaging charge is taxed at."""
        self._food = ref(floor.guid("salesCategories", "Food"), "SalesCategory")
        gone = self._gone
        self.gone = [
            gone("Harvest bowl 🥣", 1190, first, (("Kale", 0), ("Tahini", 75), ("Halloumi", 225))),
            gone("Rye sandwich (until 2025)", 985, first, (("Extra pickles", 40),)),
            gone("Missing name", 300, ()),
        ]
        self.included = gone("Lemonade, all in", 1000, first, included=True)
        self.weighed = gone("Smoked brisket", 2199, first, unit="LB")
        self.double = gone("House red", 1150, taxes[:2])
        bottle = Rate(floor.guid("taxRates", "Bottle deposit"), "Bottle deposit", 0.05, 0, "", "FIXED", 5)
        self.bottle = gone("Root beer, bottle", 425, first, more=(bottle,))
        market = floor.guid("taxRates", "Marketplace")
        self.market = Rate(market, "Marketplace", None, 72_500, "HALF_UP", "EXTERNAL", facilitated=True)
        self.nested = gone("Build a bowl", 1250, first, (("Rice", 0), ("Chicken", 350)), deep=True)
        self.bread = gone("Bread, no tax", 600, ())

    def _gone(
        self,
        name: str,
        cents: int,
        taxes: list[Tax] | tuple[Tax, ...],
        toppings: tuple[tuple[str, int], ...] = (),
        *,
        included: bool = False,
        unit: str = "NONE",
        more: tuple[Rate, ...] = (),
        deep: bool = False,
    ) -> Plate:
        def part(kind: str, entity: str, of: str) -> Ref:
            guid = self._ids.uuid(f"gone {kind}", f"{self._key}/{of}")
            return config_ref(guid, entity, self._ids.token(f"gone {kind}", of, "0123456789", 18))

        group = part("option group", "MenuOptionGroup", name)
        deeper: tuple[Topping, ...] = ()
        if deep:
            below = part("option group", "MenuOptionGroup", name + "/sauce")
            deeper = (Topping("Sauce aside", 50, part("item", "MenuItem", "Sauce aside"), below),)
        return Plate(
            name=name,
            cents=cents,
            item=part("item", "MenuItem", name),
            group=part("group", "MenuGroup", "Old favourites"),
            category=self._food,
            plu=None,
            rates={way: (*(rate_of(tax, way) for tax in taxes), *more) for way in (DINE_IN, TAKE_OUT)},
            toppings=tuple(
                Topping(each, cost, part("item", "MenuItem", each), group, deeper) for each, cost in toppings
            ),
            included=included,
            unit=unit,
        )


def _plate(dish: Dish) -> Plate:
    return Plate(
        name=dish.name,
        cents=dish.cents,
        item=config_ref(dish.guid, "MenuItem", dish.mlid),
        group=config_ref(dish.group, "MenuGroup", dish.group_mlid),
        category=ref(dish.category, "SalesCategory"),
        plu=dish.plu or None,
        rates={way: tuple(rate_of(tax, way) for tax in dish.taxes) for way in (DINE_IN, TAKE_OUT)},
        toppings=tuple(map(_topping, dish.choices)),
        musts=tuple(tuple(map(_topping, few)) for few in dish.musts),
    )


def _topping(one: Choice) -> Topping:
    return Topping(
        one.name,
        one.cents,
        config_ref(one.guid, "MenuItem", one.mlid),
        config_ref(one.group, "MenuOptionGroup", one.group_mlid),
    )
