"""The pen with which scenarios write a Square account: ids, stamps, seeded prices, and short ways to say common things.

Prices are jittered by the seed in steps of 25 cents, so that a 20 % automatic discount always comes out in whole cents.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import BASE32, UPPER_ALNUM, Ids
from aura_migration.sandbox.square.model import (
    KITCHEN,
    REGULAR,
    AvailabilityPeriod,
    CatalogObject,
    Category,
    Change,
    Count,
    Item,
    Link,
    Location,
    Merchant,
    Modifier,
    ModifierList,
    Option,
    OptionValue,
    Plain,
    Presence,
    Tax,
    Variation,
)
from aura_migration.sandbox.square.world import World

FOUNDED = int(datetime(2023, 2, 1, 10, tzinfo=UTC).timestamp() * 1000)
MENU_BEGAN = int(datetime(2025, 11, 3, 15, 4, 5, tzinfo=UTC).timestamp() * 1000)
STEP = 25
ADDRESS = {
    "address_line_1": "12 Harbor St",
    "locality": "Duluth",
    "administrative_district_level_1": "MN",
    "postal_code": "55802",
    "country": "US",
}
WEEK_HOURS = [(day, "07:00:00", "21:00:00") for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")]
Made = TypeVar("Made", bound=CatalogObject)
Prices = int | Sequence[tuple[str, int]]


class Builder:
    """Writes one account. `stamp` is the version of the write at hand; `write()` begins the next one."""

    def __init__(self, scenario: str, seed: int, clock: Clock, merchant_name: str) -> None:
        self.ids = Ids(scenario, seed, "square")
        self.rng = self.ids.rng("builder")
        merchant_id = "M" + self.ids.token("merchant", "main", UPPER_ALNUM, 12)
        self.merchant = Merchant(merchant_id, merchant_name, "", FOUNDED)
        self.world = World(scenario, seed, clock, self.merchant)
        self.world.last_write = FOUNDED
        self.stamp = MENU_BEGAN
        self._named: dict[tuple[str, str], int] = {}

    # -- ids, stamps, prices ---------------------------------------------------------------------------------------

    def write(self) -> int:
        """Begin the next catalog write, minutes to days later, with one to three significant millisecond digits."""
        self.stamp += self.rng.randrange(60, 90_000) * 1000
        self.stamp = self.stamp // 1000 * 1000 + self.rng.choice((0, 120, 123, 456, 500, 789, 7, 50))
        return self.stamp

    def new_id(self, kind: str, name: str) -> str:
        """An id of its own for each use of the same name."""
        count = self._named.get((kind, name), 0)
        self._named[kind, name] = count + 1
        return self.ids.token(kind, f"{name}#{count}" if count else name, BASE32, 24)

    def price(self, base: int) -> int:
        """`base` moved by the seed; zero stays zero and nothing becomes free."""
        return max(STEP, base + STEP * self.rng.randint(-2, 2)) if base else 0

    def ordinal(self) -> int:
        """A category ordinal: sometimes enormous and negative."""
        return self.rng.choice((0, 1, 2, 3, -2251799813685248, -2251799813685248 + self.rng.randrange(1 << 40)))

    def _made(self, kind: str, name: str) -> dict[str, Any]:
        created = self.stamp - self.rng.randrange(0, 40) * 86_400_000
        return {"id": self.new_id(kind, name), "name": name, "stamp": self.stamp, "created": created}

    def keep(self, thing: CatalogObject) -> None:
        """Put a finished object into the account."""
        self.world.add(thing)

    # -- places ----------------------------------------------------------------------------------------------------

    def location(self, name: str, **fields: Any) -> Location:
        """A location; the first one is the main location."""
        location_id = "L" + self.ids.token("location", name, UPPER_ALNUM, 12)
        fields.setdefault("address", dict(ADDRESS))
        fields.setdefault("hours", list(WEEK_HOURS))
        found = Location(location_id, name, FOUNDED + 86_400_000 * len(self.world.locations), **fields)
        self.world.locations[found.id] = found
        self.merchant.main_location_id = self.merchant.main_location_id or found.id
        return found

    # -- catalog ---------------------------------------------------------------------------------------------------

    def category(self, name: str, kind: str = REGULAR, parent: Category | None = None, **fields: Any) -> Category:
        """A category under `parent`, or a root."""
        root = None if parent is None else parent.root_id or parent.id
        category = Category(
            **self._made("CATEGORY", f"{name}|{kind}"),
            kind=kind,
            parent_id=parent.id if parent else None,
            root_id=root,
            ordinal=fields.pop("ordinal", self.ordinal()),
            **fields,
        )
        category.name = name
        self.keep(category)
        return category

    def tax(self, name: str, percentage: str, **fields: Any) -> Tax:
        """A tax rate."""
        tax = Tax(**self._made("TAX", name), percentage=percentage, **fields)
        self.keep(tax)
        return tax

    def group(
        self,
        name: str,
        options: Sequence[tuple[str, int | None]],
        *,
        selection: str | None = "SINGLE",
        low: int | None = None,
        high: int | None = None,
        default: str | None = None,
        jitter: bool = True,
        **fields: Any,
    ) -> ModifierList:
        """A modifier list with its options as (name, cents); None or 0 cents = free, with and without a price sent."""
        group = ModifierList(**self._made("MODIFIER_LIST", name), selection=selection, min=low, max=high, **fields)
        for number, (option, cents) in enumerate(options):
            modifier = Modifier(
                **self._made("MODIFIER", f"{name}|{option}"),
                group_id=group.id,
                cents=self.price(cents) if cents and jitter else cents,
                on_by_default=option == default,
                ordinal=number + 1,
            )
            modifier.name = option
            modifier.presence = Presence(group.presence.everywhere, [*group.presence.at], [*group.presence.absent])
            group.modifiers.append(modifier)
        self.keep(group)
        return group

    def item(
        self,
        name: str,
        prices: Prices,
        categories: Sequence[Category] = (),
        *,
        groups: Sequence[ModifierList | Link] = (),
        taxes: Sequence[Tax] = (),
        sku: str | None = None,
        jitter: bool = True,
        variation_fields: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Item:
        """An item. `prices`: cents of its one variation "Regular", or (variation name, cents) each."""
        presence = fields.pop("presence", Presence())
        item = Item(**self._made("ITEM", name), presence=presence, **fields)
        listed = [("Regular", prices)] if isinstance(prices, int) else list(prices)
        for number, (variation_name, cents) in enumerate(listed):
            variation = Variation(
                **self._made("ITEM_VARIATION", f"{name}|{variation_name}"),
                item_id=item.id,
                sku=sku if sku is None or len(listed) == 1 else f"{sku}-{number + 1}",
                ordinal=number,
                cents=self.price(cents) if jitter else cents,
                presence=Presence(presence.everywhere, [*presence.at], [*presence.absent]),
                **(variation_fields or {}),
            )
            variation.name = variation_name
            item.variations.append(variation)
        item.categories = [*item.categories, *((category.id, self.ordinal()) for category in categories)]
        regular = next((category for category in categories if category.kind == REGULAR), None)
        if item.reporting_category is None and regular is not None:
            item.reporting_category = (regular.id, self.ordinal())
        item.links = [
            *item.links,
            *(held if isinstance(held, Link) else Link(held.id, ordinal=n) for n, held in enumerate(groups)),
        ]
        item.tax_ids = [tax.id for tax in taxes]
        if item.html is not None and item.plain is None:
            item.plain = item.html.replace("<p>", "").replace("</p>", "")
        self.keep(item)
        return item

    def kitchen(self, name: str) -> Category:
        """A kitchen routing category."""
        return self.category(name, KITCHEN)

    def option(self, name: str, values: Sequence[str], display_name: str | None = None) -> Option:
        """An item option with its values."""
        option = Option(**self._made("ITEM_OPTION", name), display_name=display_name)
        for number, value in enumerate(values):
            held = OptionValue(**self._made("ITEM_OPTION_VAL", f"{name}|{value}"), option_id=option.id, ordinal=number)
            held.name = value
            option.values.append(held)
        self.keep(option)
        return option

    def plain(self, kind: str, name: str, data: dict[str, Any], **fields: Any) -> Plain:
        """An object of a type without meaning of its own here."""
        thing = Plain(**self._made(kind, name), kind=kind, data=data, **fields)
        self.keep(thing)
        return thing

    def made(self, cls: type[Made], name: str, **fields: Any) -> Made:
        """Any other object with id, name and stamps filled in."""
        thing = cls(**self._made(cls.type, name), **fields)
        self.keep(thing)
        return thing

    def periods(self, name: str, days: Sequence[str], start: str, end: str) -> list[str]:
        """Availability periods, one a day; their ids."""
        return [
            self.made(AvailabilityPeriod, f"{name} {day}", day=day, start=f"{start}:00", end=f"{end}:00").id
            for day in days
        ]

    def attribute(self, definition: Plain, value: Any) -> dict[str, Any]:
        """A custom attribute value of a definition, as a scenario keeps it."""
        kind = definition.data["type"]
        return {"definition_id": definition.id, "name": definition.data["name"], "type": kind, "value": value}

    # -- stock -----------------------------------------------------------------------------------------------------

    def stock(self, variation: Variation, location: Location, quantity: str, state: str = "IN_STOCK") -> None:
        """Track a variation at a location: a physical count, and the count that follows from it."""
        stamp = self.stamp + self.rng.randrange(1, 80_000_000)
        variation.track = True
        self.world.counts.append(Count(variation.id, location.id, state, quantity, stamp))
        if state == "IN_STOCK":
            change_id = self.ids.token("change", f"{variation.id}{location.id}", UPPER_ALNUM, 24)
            team = "TM" + self.ids.token("team", "counter", UPPER_ALNUM, 14)
            self.world.changes.append(
                Change(
                    change_id, "PHYSICAL_COUNT", variation.id, location.id, quantity, stamp - 1500, team_member_id=team
                )
            )

    def waste(self, variation: Variation, location: Location, quantity: str) -> None:
        """Throw some away: an adjustment and a WASTE count."""
        stamp = self.stamp + self.rng.randrange(80_000_000, 90_000_000)
        change_id = self.ids.token("waste", f"{variation.id}{location.id}", UPPER_ALNUM, 24)
        self.world.changes.append(
            Change(
                change_id,
                "ADJUSTMENT",
                variation.id,
                location.id,
                quantity,
                stamp,
                to_state="WASTE",
                from_state="IN_STOCK",
            )
        )
        self.world.counts.append(Count(variation.id, location.id, "WASTE", quantity, stamp))
