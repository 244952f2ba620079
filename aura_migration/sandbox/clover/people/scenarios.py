"""Who lives in which scenario: the people of `cafe`, `chain` and `crowd`; those of `diner` have a module of their own."""

from __future__ import annotations

from datetime import date, timedelta

from aura_migration.sandbox.clover.people.crowd import DEFAULT, Crowd
from aura_migration.sandbox.clover.people.diner import diner
from aura_migration.sandbox.clover.people.exports import crowd_files, sound_files
from aura_migration.sandbox.clover.people.exports_broken import broken_files
from aura_migration.sandbox.clover.people.names import notation
from aura_migration.sandbox.clover.people.pen import HOUR, LAST_DAY, OPENED, Pen, at
from aura_migration.sandbox.clover.people.table import Customers
from aura_migration.sandbox.clover.world import World

YEAR_CUSTOMERS = 2_000


def cafe(world: World) -> None:
    """About forty customers with a little of everything, and seven people who work here."""
    pen = Pen(world, world.first)
    listed = [pen.ordinary() for _ in range(30)]
    family = [
        pen.customer(name, emails=["the.walkers@example.com"], phones=[pen.phone()], marketing=said)
        for name, said in (("Ruth Walker", False), ("Ben Walker", True), ("Ida Walker", None))
    ]
    pen.shared("email", *family)
    e164 = pen.phone()
    birth = (None, 7, 30)
    written = [
        pen.customer("Dana Whitfield", phones=[(notation(e164, style), e164)], emails=mails, birth=birth)
        for style, mails in ((0, ["dana.whitfield@example.net"]), (1, []), (2, []))
    ]
    pen.same("one phone number in three notations, with one name and birthday", *written)
    pen.customer("Norbert Mailless", phones=[pen.phone()], marketing=True)
    pen.customer("Phoebe Phoneless", emails=["no.phone@example.org"], marketing=True)
    pen.customer("Left Town", emails=["left.town@example.com"], phones=[pen.phone()], deleted_time=at(2026, 2, 3))
    pen.customer(
        "Ines Okafor",
        emails=[("ines@example.org", True), ("ines.at.work@example.com", False)],
        phones=[pen.phone(), pen.phone()],
        addresses=[("12 Juniper Loop", "Santa Fe", "NM", "87501")],
        marketing=True,
        note="window seat",
        birth=(None, 5, 9),
        business="Okafor & Daughters",
    )
    pen.card(listed[3])
    pen.card(listed[8], kind="FINANCIAL")
    told = f"alarm PIN {pen.ids.token('people pin', 'cafe', '0123456789', 6)}"
    listed[6].note, listed[6].sensitive = f"Has the key to the back door, {told}", [told]
    listed[6].modified = listed[6].modified or listed[6].created

    lead, barista = pen.role("Shift lead", "MANAGER"), pen.role("Barista", "EMPLOYEE")
    manager_role, staff_role = pen.role("Manager", "MANAGER"), pen.role("Employee", "EMPLOYEE")
    manager = pen.employee("Omar Haddad", [manager_role], role="MANAGER", email="omar@cafe.example", custom_id="M-1")
    crew = [
        pen.employee("Lena Park", [barista], email="lena@cafe.example"),
        pen.employee("Théo Martin", [barista], custom_id="E-3"),
        pen.employee("Sam Reyes", [staff_role]),
        pen.employee("Ada Obi", [lead, barista], role="MANAGER", custom_id="E-4"),
    ]
    left = pen.employee("Paul Former", [barista], created=OPENED, deleted_time=at(2026, 1, 15))
    pen.roster(crew, manager, weeks=3)
    day = date(2025, 12, 30)
    pen.shift(left, pen.local(day, 8), pen.local(day, 14), cash_tips=2200)
    pen.shift(crew[0], pen.local(date(2026, 9, 30), 7, 2), None)
    pen.settle()


def chain(world: World) -> None:
    """Every merchant has customers and staff of its own; some people go to two of them."""
    pens = [Pen(world, merchant) for merchant in world.merchants.values()]
    for pen in pens:
        chain_location(pen)
    for number, pen in enumerate(pens[:-1]):
        if number % 4 < 2:
            regular_at_two(pen, pens[number + 1], number)
    for pen in pens:
        pen.settle()


def chain_location(pen: Pen) -> None:
    """Fourteen customers and four people; the third leaves at every fifth location."""
    number = pen.merchant.number
    for _ in range(12):
        pen.ordinary()
    family = [
        pen.customer(f"{first} Copper-{number}", emails=[f"copper{number}@example.com"]) for first in ("Al", "Bo")
    ]
    pen.shared("email", *family)
    cook, server = pen.role("Cook", "EMPLOYEE"), pen.role("Server", "EMPLOYEE")
    manager_role = pen.role("Manager", "MANAGER")
    # The manager is called the same everywhere and is another person in each place.
    manager = pen.employee("Kit Manager", [manager_role], role="MANAGER", email=f"kit.{number}@skillet.example")
    gone = {"created": OPENED, "deleted_time": at(2026, 8, 1)} if number % 5 == 4 else {}
    crew = [
        pen.employee(f"Jo Skillet-{number}", [server]),
        pen.employee(f"Max Skillet-{number}", [server, cook], custom_id=f"S{number:03d}"),
        pen.employee(f"Lou Skillet-{number}", [cook], **gone),
    ]
    if gone:
        day = date(2026, 7, 30)
        pen.shift(crew.pop(), pen.local(day, 9), pen.local(day, 15), cash_tips=100 * number)
    pen.roster(crew, manager, weeks=1, last=LAST_DAY - timedelta(days=1))
    day = date(2026, 9, 29)
    pen.shift(crew[0], pen.local(day, 16), pen.local(day, 16) + 5 * HOUR, cash_tips=1800 + number)


def regular_at_two(here: Pen, there: Pen, number: int) -> None:
    """One person who is a customer of two merchants, with one phone and, every other time, two answers."""
    e164, mail = here.phone(), f"roams.{number}@example.org"
    said = (True, False) if number % 2 else (True, True)
    first = here.customer(f"Roxanne Roams-{number}", phones=[e164], emails=[mail], marketing=said[0])
    second = there.customer(
        f"Roxanne Roams-{number}", phones=[(notation(e164, 1), e164)], emails=[mail], marketing=said[1]
    )
    here.same("one phone number and e-mail address at two merchants", first, second)


def crowd(world: World, customers: int) -> None:
    """So many customers at one merchant, sixty people on the team, export files of the same size."""
    pen = Pen(world, world.first)
    many = Crowd(world.ids, customers)
    pen.people.customers = Customers(many)
    manager = pen.employee("Rae Manager", [pen.role("Manager", "MANAGER")], role="MANAGER", email="rae@hall.example")
    roles = [pen.role("Server", "EMPLOYEE"), pen.role("Cook", "EMPLOYEE")]
    crew = [pen.employee(f"Worker {number:02d}", [roles[number % 2]]) for number in range(1, 60)]
    pen.roster(crew, manager, weeks=8)
    pen.settle()
    crowd_files(world, many)


def year(world: World, customers: int) -> None:
    """Guests of a busy place, a dozen people on the team, and two who left in the course of the year."""
    pen = Pen(world, world.first)
    if customers:
        pen.people.customers = Customers(Crowd(world.ids, customers))
    manager = pen.employee("Rae Manager", [pen.role("Manager", "MANAGER")], role="MANAGER", email="rae@skillet.example")
    roles = [pen.role("Server", "EMPLOYEE"), pen.role("Cook", "EMPLOYEE")]
    crew = [pen.employee(f"Worker {number:02d}", [roles[number % 2]]) for number in range(1, 13)]
    for name in ("Gone Gus", "Gone Hana"):
        pen.employee(name, [roles[0]], created=OPENED, deleted_time=at(2026, 3, 1))
    pen.roster(crew, manager, weeks=2)
    pen.settle()


def populate(world: World, customers: int | None = None) -> None:
    """Write the people of the world's scenario; `empty` and `huge` have nobody but the owner."""
    if world.scenario == "cafe":
        cafe(world)
        sound_files(world, cards=12, members=20)
    elif world.scenario == "chain":
        chain(world)
        sound_files(world, cards=60, members=5 * len(world.merchants))
    elif world.scenario == "diner":
        diner(world)
        broken_files(sound_files(world, cards=80, members=150, negative=True))
    elif world.scenario == "year":
        year(world, YEAR_CUSTOMERS if customers is None else customers)
    elif world.scenario == "crowd":
        crowd(world, DEFAULT if customers is None else customers)
