"""The people of every location, made when they are first looked at.

Belongs here: what one location's people consist of and what the scenario knows across locations. Does not belong here:
who they are (``scenarios``, ``diner``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.orders.adapt import Adapter, Floor
from aura_migration.sandbox.toast.orders.book import OrderBook
from aura_migration.sandbox.toast.orders.cash import CashBook
from aura_migration.sandbox.toast.orders.compose import Composer
from aura_migration.sandbox.toast.orders.dishes import dishes
from aura_migration.sandbox.toast.orders.history import History, make_past
from aura_migration.sandbox.toast.orders.ledger import Ledger
from aura_migration.sandbox.toast.orders.model import Plan
from aura_migration.sandbox.toast.orders.numbering import Numbering
from aura_migration.sandbox.toast.orders.plans import Ordinary, Season
from aura_migration.sandbox.toast.orders.sold import Sold
from aura_migration.sandbox.toast.orders.wire import OrderWire
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.guests import Guests
from aura_migration.sandbox.toast.people.model import DAY, DELIVERY, HOUR, MINUTE, TAKE_OUT, Guest
from aura_migration.sandbox.toast.people.staffing import LAST_DAY, LATEST, Crew


@dataclass(slots=True)
class Population:
    """What a scenario says of one location before anybody is there."""

    season: Season
    mixed: bool = False
    phones_from: int = 0
    history: History = field(default_factory=History)


@dataclass(slots=True)
class LocalPeople:
    """Guests, orders and staff of one location."""

    location: Location
    dice: Dice
    guests: Guests
    book: OrderBook
    crew: Crew
    ledger: Ledger
    cash: CashBook
    floor: Floor
    servers: list[str]
    same_person: list[dict[str, Any]] = field(default_factory=list)
    shared_contact: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    former_personal: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def visit(self, guest: Guest | None, days_ago: int = 5, behavior: str | None = None, **fields: Any) -> Plan:
        """One more order, at noon so many days before the last day; delivery where the guest has an address."""
        noon = self.crew.local(self.book.ordinary.season.last, 12, (len(self.book.written) * 7) % 50)
        opened = fields.pop("opened", noon - days_ago * DAY)
        behavior = behavior or (DELIVERY if guest is not None and guest.address is not None else TAKE_OUT)
        closed = fields.pop("closed", min(opened + 16 * HOUR + 5 * MINUTE, LATEST))
        plan = Plan(
            number=0,
            guid="",
            day=fields.pop("day", self.crew.business_date(opened)),
            opened=opened,
            modified=fields.pop("modified", closed or opened + 20 * MINUTE),
            behavior=behavior,
            customers=fields.pop("customers", (guest,)),
            source=fields.pop("source", "In Store"),
            closed=closed,
            **fields,
        )
        return self.book.write(plan)

    def same(self, why: str, *guests: Guest) -> None:
        """These guests are certainly one person."""
        self.same_person.append({"customers": [guest.guid for guest in guests], "why": why})

    def shared(self, what: str, *guests: Guest) -> None:
        """These are different people with one e-mail address or phone."""
        self.shared_contact.append({"field": what, "customers": [guest.guid for guest in guests]})


Settle = Callable[[LocalPeople, int], None]


class People:
    """Everybody, by location. ``population`` and ``settle`` are the scenario's; None: nobody lives there."""

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        locations: list[Location],
        population: Callable[[int], Population] | None,
        settle: Settle | None,
        switches: Mapping[str, Any] | None = None,
    ) -> None:
        self.ids = ids
        self._wire = OrderWire(switches)
        self.clock = clock
        self._locations = {location.guid: location for location in locations}
        self._numbers = {location.guid: number for number, location in enumerate(locations)}
        self._population = population
        self._settle = settle
        self._made: dict[str, LocalPeople] = {}
        self._latest = LATEST

    def at(self, guid: str) -> LocalPeople:
        """The people of a location."""
        held = self._made.get(guid)
        if held is None:
            held = self._made[guid] = self._make(self._locations[guid], self._numbers[guid])
        return held

    def everywhere(self) -> Iterator[LocalPeople]:
        """All locations in Toast's order."""
        return map(self.at, self._locations)

    def notes(self) -> dict[str, list[str]]:
        """Peculiarities of people and orders, and the guids that show them."""
        return {f"people: {name}": guids for here in self.everywhere() for name, guids in here.notes.items()}

    def now(self) -> int:
        """POS time in milliseconds."""
        return int(self.clock.now().timestamp() * 1000)

    def next_stamp(self) -> int:
        """A moment after everything that happened so far: now, where now is late enough."""
        self._latest = max(self._latest + 1_000, self.now())
        return self._latest

    def _make(self, location: Location, number: int) -> LocalPeople:
        dice = Dice(self.ids, location.key)
        nobody = Population(Season(guests=0, rounds=0, days=1, last=LAST_DAY))
        population = nobody if self._population is None else self._population(number)
        guests = Guests(dice, population.season.guests, mixed=population.mixed, phones_from=population.phones_from)
        zone, closeout = location.timezone, location.closeout_hour
        ordinary = Ordinary(dice, population.season, zone, closeout, guests.ordinary, LATEST)
        servers: list[str] = []
        discount = location.names["discounts"]["Neighbor 10%"]
        menu = dishes(location)
        book = OrderBook(dice, ordinary, Composer(dice, menu, servers, discount))
        crew = Crew(self.ids, location)
        floor = Floor(self.ids, location, dice)
        past = make_past(self.ids, dice, location, floor, menu, servers, population.history, crew, LAST_DAY, LATEST)
        cash = CashBook(dice, floor, past.days, servers, crew.local)
        sold = Sold(Numbering(dice, "sold-order"), self.now)
        ledger = Ledger(book, past, Adapter(floor, dice), dice, self._wire, sold)
        made = LocalPeople(location, dice, guests, book, crew, ledger, cash, floor, servers)
        if self._settle is not None:
            self._settle(made, number)
        servers.extend(sorted(one.guid for one in crew.employees.values() if one.deleted is None and one.jobs))
        return made
