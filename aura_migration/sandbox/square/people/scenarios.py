"""The people of the small and the shared account: `cafe` and `chain`; and which scenario has which people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.people.diner import diner
from aura_migration.sandbox.square.people.ledgers import Step
from aura_migration.sandbox.square.people.model import AccrualRule, Job, Promotion
from aura_migration.sandbox.square.people.names import notation
from aura_migration.sandbox.square.people.ordinary import Guests
from aura_migration.sandbox.square.people.pen import HOUR, Pen, at
from aura_migration.sandbox.square.people.shifts import clock, local, planned, roster

CHAIN_GUESTS = 130


def segments(pen: Pen) -> None:
    """The smart groups every account has."""
    for code, name in (("REACHABLE", "Reachable"), ("LAPSED", "Lapsed"), ("REGULARS", "Regulars")):
        pen.segment(code, name)


def cafe(builder: Builder) -> None:
    """About forty customers with a little of everything, one spend program, a dozen gift cards, seven people."""
    pen = Pen(builder)
    guests = Guests(pen)
    segments(pen)
    groups = [pen.group("VIP"), pen.group("Book club"), pen.group("Neighbors")]
    pen.definition("favorite_table", "Favorite table", "String")
    listed = [guests.guest(groups) for _ in range(31)]
    listed[0].attributes["favorite_table"] = "By the window"
    cafe_dirt(pen, guests)
    for _ in range(2):
        guests.instant()
    pen.gone("Left Town", at(2026, 2, 3))
    merged = pen.customer("Marie Claire Dubois", source="MERGE", e164=guests.phone(), email="mc.dubois@example.org")
    pen.gone("Marie Dubois", merged.created, merged)
    pen.gone("M. C. Dubois", merged.created, merged)
    holder = listed[3]
    pen.card_on_file(holder)
    listed[5].eu_vat = "IE" + pen.token("vat", "cafe", 7, "0123456789") + "A"
    listed[6].note = f"Has the key to the back door, alarm PIN {pen.token('pin', 'cafe', 6, '0123456789')}"
    listed[6].sensitive = [listed[6].note.rpartition("alarm ")[2]]

    tiers = [pen.tier(50, "Free pastry", "100", [pen.category_id("Bakery")]), pen.tier(120, "10% off", "10")]
    rule = AccrualRule("SPEND", 1, cents=100, excluded_categories=[pen.category_id("Cold Drinks")])
    pen.program(tiers, [rule], one="Bean", other="Beans", expires_months=12)
    double = pen.promotion("Double beans Monday", "ACTIVE", "2026-06-01", multiplier="2.0", times=1, interval="DAY")
    with_phone = [customer for customer in listed if customer.e164]
    regulars = min(
        22, len(with_phone) - 2
    )  # some seeds leave fewer customers with a phone number; two are needed below
    for customer in with_phone[:regulars]:
        guests.regular(customer, [double])
    issued = with_phone[regulars]
    pen.account(
        issued.e164 or "",
        [Step("EARN", 140, at(2026, 5, 2)), Step("REWARD", 0, at(2026, 8, 1), tiers[1])],
        issued,
        shares=[(1, at(2027, 6, 1, 5))],
    )
    owing = with_phone[regulars + 1]
    mistake = (("reason", "Points for a voided sale"),)
    pen.account(
        owing.e164 or "",
        [Step("EARN", 30, at(2026, 3, 3)), Step("ADJUST", -42, at(2026, 3, 4), fields=mistake)],
        owing,
    )
    for number in range(9):
        guests.gift_card(f"card {number}", listed[number] if number % 2 else None)
    charged_back = (("reason", "CHARGEBACK_BLOCK"),)
    pen.gift_card(
        "blocked",
        [Step("ACTIVATE", 2500, at(2026, 1, 5)), Step("BLOCK", 0, at(2026, 1, 20), fields=charged_back)],
        state="BLOCKED",
    )
    pen.gift_card("pending", [], state="PENDING")
    cafe_team(pen)


def cafe_dirt(pen: Pen, guests: Guests) -> None:
    """A family with one e-mail address, one person three times, a birthday without a year."""
    family = [
        pen.customer(name, email="the.walkers@example.com", e164=guests.phone(), unsubscribed=said)
        for name, said in (("Ruth Walker", True), ("Ben Walker", False), ("Ida Walker", None))
    ]
    pen.people.shared_contact.append({"field": "email", "customers": [held.id for held in family]})
    e164 = guests.phone()
    twice = [
        pen.customer("Dana Whitfield", e164=e164, phone=notation(e164, style), email=mail, birthday="0000-07-30")
        for style, mail in ((0, "dana.whitfield@example.net"), (1, None), (2, None))
    ]
    reason = "one phone number in three notations"
    pen.people.same_person.append({"customers": [held.id for held in twice], "why": reason})


def cafe_team(pen: Pen) -> None:
    """Owner, manager, four who work shifts, one who left."""
    [place] = pen.places
    barista, lead = pen.job("Barista", tips=True), pen.job("Shift lead", tips=True)
    manager = pen.job("Manager")
    pen.member("Harriet Stone", [], owner=True, email="owner@cafe.example", phone="+12185550142")
    pen.member("Omar Haddad", [(manager, 6_240_000, 40)], overtime_exempt=True, email="omar@cafe.example")
    crew = [
        pen.member(name, [(barista, 1450 + 25 * number)], location_ids=[place.id], phone=f"+1218555017{number}")
        for number, name in enumerate(("Lena Park", "Théo Martin", "Sam Reyes"))
    ]
    crew.append(pen.member("Ada Obi", [(barista, 1500), (lead, 1850)], location_ids=[place.id], reference_id="E-4"))
    left = pen.member("Paul Former", [(barista, 1400)], active=False, location_ids=[place.id])
    meal = pen.break_type(place, "Meal", 30, paid=False)
    rest = pen.break_type(place, "Rest", 10, paid=True)
    pen.workweek("MON", "04:00:00")
    roster(pen, place, crew, meal, rest, weeks=3)
    day = date(2025, 12, 30)
    clock(pen, left, place, local(place, day, 8), local(place, day, 14), tips=2200)
    clock(pen, crew[0], place, local(place, date(2026, 9, 30), 7, 2), None)
    planned(pen, place, crew[1], date(2026, 10, 2))


def chain(builder: Builder) -> None:
    """One directory, one visit program, gift cards used anywhere, and a team in each location."""
    pen = Pen(builder)
    guests = Guests(pen)
    places = pen.places
    segments(pen)
    groups = [pen.group(name) for name in ("Bowl Club", "Catering", "Press")]
    listed = [guests.guest(groups) for _ in range(CHAIN_GUESTS)]
    for _ in range(6):
        guests.instant()
    merged = pen.customer("Inés Castellanos", source="MERGE", e164=guests.phone(), unsubscribed=True)
    pen.gone("Ines Castellanos", merged.created, merged)
    pen.gone("I Castellanos", merged.created, merged)
    tiers = [pen.tier(10, "Free side", "100", [pen.category_id("Sides")]), pen.tier(25, "Free bowl", "100")]
    taking_part = [place.id for place in places if place is not places[-1]]
    pen.program(tiers, [AccrualRule("VISIT", 1, cents=500)], one="Visit", other="Visits", location_ids=taking_part)
    promotions: list[Promotion] = [pen.promotion("Launch week", "ENDED", "2025-01-06", end="2025-01-12", addition=2)]
    for customer in [held for held in listed if held.e164][:90]:
        guests.regular(customer, promotions)
    merged_account = [Step("EARN", 18, at(2026, 4, 4)), Step("EARN", 3, at(2026, 5, 5))]
    pen.account(merged.e164 or "", merged_account, merged)
    for number in range(40):
        guests.gift_card(f"card {number}", listed[number] if number % 3 == 0 else None)
    for customer in listed[:30:3]:
        pen.card_on_file(customer)
    pen.workweek("SUN", "05:00:00")
    jobs = [pen.job("Cook"), pen.job("Counter", tips=True), pen.job("General manager")]
    pen.member("Northern Owner", None, owner=True, email="owner@bowls.example")
    pen.member("Ari Regional", [(jobs[2], 8_320_000, 45)], overtime_exempt=True, email="ari@bowls.example")
    for number in range(len(places)):
        chain_team(pen, number, jobs)


def chain_team(pen: Pen, number: int, jobs: list[Job]) -> None:
    """Four people of a location, the last of whom helps out next door."""
    place, neighbor = pen.places[number], pen.places[(number + 1) % len(pen.places)]
    cook, counter, _ = jobs
    names = [f"{given} {place.name.partition(' ')[0]}-{number + 1}" for given in ("Kim", "Jo", "Max", "Lou")]
    crew = [
        pen.member(names[0], [(cook, 1700 + number)], location_ids=[place.id]),
        pen.member(names[1], [(counter, 1400 + number)], location_ids=[place.id]),
        pen.member(names[2], [(counter, 1425), (cook, 1650)], location_ids=[place.id], active=number % 5 != 4),
        pen.member(names[3], [(counter, 1450)], location_ids=[place.id, neighbor.id]),
    ]
    meal = pen.break_type(place, "Meal", 30, paid=False)
    rest = pen.break_type(place, "Rest", 10, paid=True)
    roster(pen, place, crew, meal, rest, weeks=1)
    day = date(2026, 9, 14)
    start = local(neighbor, day, 16)
    clock(pen, crew[3], neighbor, start, start + 5 * HOUR, tips=1800)


POPULATIONS: dict[str, Callable[[Builder], None]] = {"cafe": cafe, "chain": chain, "diner": diner}
