"""Who lives in which scenario: ``cafe``, ``chain``, ``crowd``; ``diner`` has a module of its own, the others nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.orders.history import History
from aura_migration.sandbox.toast.orders.plans import Season
from aura_migration.sandbox.toast.people.diner import diner
from aura_migration.sandbox.toast.people.model import HOUR, SALARY, Address
from aura_migration.sandbox.toast.people.names import notation
from aura_migration.sandbox.toast.people.staffing import LAST_DAY, Crew
from aura_migration.sandbox.toast.people.store import LocalPeople, People, Population

CAFE_GUESTS, CHAIN_GUESTS, DINER_GUESTS, YEAR_GUESTS = 32, 22, 290, 400
CROWD_DEFAULT, CROWD_MOST = 20_000, 200_000
ROAMING = 4  # every fourth restaurant of the chain shares an employee and a guest with the next one


def make_people(
    scenario: str,
    ids: Ids,
    clock: Clock,
    locations: list[Location],
    customers: int,
    history: History | None = None,
    switches: Mapping[str, Any] | None = None,
) -> People:
    """The people of a scenario; ``customers`` counts for ``crowd`` only. Raises ValueError for a wrong number."""
    if not 1 <= customers <= CROWD_MOST:
        raise ValueError(f"scenario 'crowd' has between 1 and {CROWD_MOST:,} customers, not {customers:,}")
    seasons: dict[str, Callable[[int], Population]] = {
        "cafe": lambda _number: Population(Season(CAFE_GUESTS, 3, 42, LAST_DAY)),
        "year": lambda _number: Population(Season(YEAR_GUESTS, 3, 365, LAST_DAY), mixed=True),
        "rules": lambda _number: Population(Season(0, 0, 1, LAST_DAY)),
        "diner": lambda _number: Population(Season(DINER_GUESTS, 2, 63, LAST_DAY), mixed=True),
        "chain": lambda number: Population(
            Season(CHAIN_GUESTS, 2, 28, LAST_DAY), mixed=number % 2 == 1, phones_from=number * 200
        ),
        "crowd": lambda _number: Population(Season(customers, 1, 240, LAST_DAY, in_store=10), mixed=True),
    }
    settlers: dict[str, Callable[[LocalPeople, int], None]] = {
        "cafe": cafe,
        "crowd": lambda here, _number: cafe_staff(here.crew),
        "year": lambda here, _number: cafe_staff(here.crew),
        "rules": lambda here, _number: cafe_staff(here.crew),
        "chain": lambda here, number: chain(here, number, len(locations)),
        "diner": diner,
    }
    inhabited = seasons.get(scenario)

    def population(number: int) -> Population:
        assert inhabited is not None
        return replace(inhabited(number), history=history or History())

    return People(ids, clock, locations, None if inhabited is None else population, settlers.get(scenario), switches)


def cafe(here: LocalPeople, _number: int) -> None:
    """A family with one e-mail address, one person three times, and seven who work there."""
    guests = here.guests
    home = Address("14 Aspen Way", None, "Duluth", "MN", "55802")
    family = []
    for first in ("Ruta", "Bo", "Ida"):
        digits = guests.spare_digits()
        mail = "the.hallorans@example.com"
        family.append(
            guests.write(first=first, last="Halloran", email=mail, phone=digits, e164=f"+1{digits}", address=home)
        )
    here.shared("email", *family)
    digits = guests.spare_digits()
    dana = [
        guests.write(first="Dana", last="Whitlock", phone=notation(digits, style), e164=f"+1{digits}")
        for style in (0, 1, 2)
    ]
    here.same("one name with one phone number in three notations", *dana)
    for number, guest in enumerate((*family, *dana, family[0])):
        here.visit(guest, 3 + number * 4, source="Online" if number % 2 else "In Store")
    digits = guests.spare_digits()
    regular = guests.write(
        first="Cleo", last="Regular", email="cleo.regular@example.org", phone=digits, e164=f"+1{digits}"
    )
    for days_ago in (30, 20, 10, 1):
        here.visit(regular, days_ago, loyalty="TOAST", reward=500 if days_ago == 1 else 0)
    guests.write(first="Only", last="Once", email="only.once@example.net", phone=None, country_code=None)
    here.visit(guests.written[-1], 25)
    cafe_staff(here.crew)


def cafe_staff(crew: Crew) -> None:
    """Owner, manager, four who work shifts, one who left."""
    barista = crew.job("Barista", 1450, tipped=True, code="10")
    lead = crew.job("Shift lead", 1850, tipped=True, code="20")
    manager = crew.job("Manager", 6_240_000, frequency=SALARY, code="90")
    crew.employee("Harriet Lark", [], email="owner@larkfig.example", e164="+12185550142", external="E-1")
    omar = crew.employee("Omar Haddad", [manager], email="omar@larkfig.example", external="E-2")
    team = [
        crew.employee(
            name, [barista], email=f"{name.split()[0].lower()}@larkfig.example", e164=f"+1218555017{number}",
            overrides={} if number == 0 else {barista.guid: 1450 + 25 * number}, external=f"E-{number + 3}",
        )
        for number, name in enumerate(("Lena Park", "Theo Martin", "Sam Reyes"))
    ]  # fmt: skip
    ada = crew.employee("Ada Obi", [barista, lead], email="ada@larkfig.example", external="E-6")
    ada.overrides[barista.guid] = 1500
    team.append(ada)
    left = crew.local(date(2026, 8, 30), 18)
    paul = crew.employee("Paul Former", [barista], email="paul@larkfig.example", deleted=left, external="E-7")
    crew.roster(team, weeks=4)
    day = date(2026, 8, 28)
    crew.entry(paul, barista, crew.local(day, 8), crew.local(day, 14), declared=2200)
    crew.entry(omar, manager, crew.local(LAST_DAY, 8), crew.local(LAST_DAY, 17))
    crew.entry(team[0], barista, crew.local(date(2026, 9, 30), 7, 3), None)
    day = date(2026, 10, 2)
    crew.shift(team[1], barista, crew.local(day, 9), crew.local(day, 17))


def chain(here: LocalPeople, number: int, restaurants: int) -> None:
    """Guests and four employees of a restaurant's own; every fourth shares one of each with the next."""
    crew, guests = here.crew, here.guests
    cook = crew.job("Cook", 1700 + number)
    counter = crew.job("Counter", 1400 + number, tipped=True)
    general = crew.job("General manager", 7_150_000, frequency=SALARY)
    place = f"{number + 1}"
    team = [
        crew.employee(f"Kim Cook-{place}", [cook], email=f"kim.{place}@kettle.example"),
        crew.employee(f"Jo Counter-{place}", [counter], email=f"jo.{place}@kettle.example"),
        crew.employee(f"Max Both-{place}", [counter, cook], overrides={cook.guid: 1650}),
    ]
    crew.employee(f"Gil Manager-{place}", [general], email=f"gil.{place}@kettle.example")
    for home in (number, number - 1):
        if home % ROAMING == 0 and home >= 0 and home + 1 < restaurants:
            name, mail = f"Lou Roamer-{home + 1}", f"lou.{home + 1}@kettle.example"
            team.append(crew.employee(name, [counter], person=f"roamer {home}", email=mail))
            digits = f"2185557{home:03d}"
            guest = guests.write(
                first="Tess", last=f"Traveler-{home + 1}", email=f"tess.traveler{home + 1}@example.com",
                phone=notation(digits, number - home), e164=f"+1{digits}",
            )  # fmt: skip
            here.visit(guest, 4 + number - home, source="Online")
    crew.roster(team, weeks=2)
    if number % 5 == 4:
        team[2].deleted = team[2].modified = crew.local(LAST_DAY, 20) + HOUR
