"""How much history a location has, and the history made of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.orders.adapt import Floor
from aura_migration.sandbox.toast.orders.calendar import Days
from aura_migration.sandbox.toast.orders.draw import Draw
from aura_migration.sandbox.toast.orders.eras import Eras
from aura_migration.sandbox.toast.orders.model import Dish
from aura_migration.sandbox.toast.orders.numbering import Numbering
from aura_migration.sandbox.toast.orders.pantry import Pantry
from aura_migration.sandbox.toast.orders.past import Past
from aura_migration.sandbox.toast.orders.ruled import Ruled
from aura_migration.sandbox.toast.orders.singles import singles
from aura_migration.sandbox.toast.orders.tender import Tender
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.staffing import Crew

YEAR_DEFAULT, MOST, MOST_MONTHS = 100_000, 1_000_000, 60
ORDERS = {"cafe": 300, "diner": 2_500, "chain": 60, "crowd": 1_000, "year": YEAR_DEFAULT, "rules": 480}
"""Ordinary orders of a location's history, where one is asked for without saying how many."""
DAYS = {"cafe": 42, "chain": 28, "crowd": 60, "rules": 60}
ALWAYS = ("year", "rules")


@dataclass(frozen=True, slots=True)
class History:
    """So many ordinary orders over so many days; none: no history at all. ``eras``: charged by the rules of their days."""

    orders: int = 0
    days: int = 1
    eras: Eras | None = None


def history_of(
    scenario: str, wanted: bool, orders: int | None, months: int | None, differs: str | None = None
) -> History:
    """The history of each location of a scenario. ``year`` and ``rules`` always have one; others when it is wanted or
    counted. ``differs``: by which rule that of ``rules`` was charged otherwise than configured (``eras.DIFFERENCES``).
    Raises ValueError for numbers there cannot be."""
    if differs is not None and scenario != "rules":
        raise ValueError(f"only the history of scenario 'rules' can differ from its rules, not that of {scenario!r}")
    if orders == 0:
        return History()
    if orders is not None and not 1 <= orders <= MOST:
        raise ValueError(f"a location has between 0 and {MOST:,} orders of history, not {orders:,}")
    if months is not None and not 1 <= months <= MOST_MONTHS:
        raise ValueError(f"a history has between 1 and {MOST_MONTHS} months, not {months}")
    if scenario not in ORDERS or not (wanted or orders is not None or months is not None or scenario in ALWAYS):
        if scenario not in ORDERS and (wanted or orders is not None):
            raise ValueError(f"scenario {scenario!r} has no orders; {', '.join(ORDERS)} have")
        return History()
    days = DAYS.get(scenario, 365)
    if months is not None:
        days = round(months * 365 / 12)
    return History(orders or ORDERS[scenario], days, Eras(differs or "") if scenario == "rules" else None)


def make_past(
    ids: Ids,
    dice: Dice,
    location: Location,
    floor: Floor,
    menu: list[Dish],
    servers: list[str],
    history: History,
    crew: Crew,
    last: date,
    latest: int,
) -> Past:
    """The history of a location; ``servers`` may be filled later."""
    zone, closeout = location.timezone, location.closeout_hour
    days = Days(history.orders, history.days, last, zone, closeout, latest)
    draw: Draw | Ruled
    if history.eras is None:
        draw = Draw(ids, dice, floor, Pantry(ids, location, floor, menu), servers)
    else:
        draw = Ruled(ids, dice, location, floor, servers, history.eras)

    def local(day: date, hour: int, minute: int) -> int:
        return crew.local(day, hour, minute)

    past = Past(Numbering(dice, "past-order"), days, draw, Tender(dice, floor), local)
    if history.orders and history.eras is None:
        past.singles += singles(ids, location.key, last, latest, zone, closeout, crew.business_date)
    return past
