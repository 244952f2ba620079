"""The people of `diner`: about three hundred profiles with everything that goes wrong in a directory, and their money."""

from __future__ import annotations

import unicodedata
from datetime import date

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.people import diner_money
from aura_migration.sandbox.square.people.model import Customer
from aura_migration.sandbox.square.people.names import notation
from aura_migration.sandbox.square.people.ordinary import Guests
from aura_migration.sandbox.square.people.pen import DAY, HOUR, Pen, at
from aura_migration.sandbox.square.people.shifts import breaks_of, clock, local, planned, roster

ORDINARY = 236
GROUPS = 54
INSTANT = 25
DIGITS = "0123456789"


def diner(builder: Builder) -> None:
    """Write all of it."""
    pen = Pen(builder)
    guests = Guests(pen)
    labels(pen)
    groups = [pen.group(f"Guest list {number + 1:02d}") for number in range(GROUPS)]
    groups.append(pen.group("Amici 🍕 & friends"))
    ordinary = [guests.guest(groups, nickname=None) for _ in range(ORDINARY)]
    for _ in range(INSTANT):
        guests.instant()
    reach(pen, guests)
    spellings(pen, guests)
    names(pen, guests)
    same_people(pen, guests)
    near_ties(pen, guests)
    merged = merges(pen, guests)
    confided(pen, ordinary)
    cards_on_file(pen, ordinary)
    attributes(pen, ordinary)
    ordinary[9].extra = {"visit_stats_hint": {"visits": 12}}
    repeated = f"{pen.world.merchant.id}.REGULARS"
    ordinary[10].segment_ids = [repeated, f"{pen.world.merchant.id}.REACHABLE", repeated]
    ordinary[11].group_ids = [group.id for group in groups[:5]]
    diner_money.loyalty(pen, guests, ordinary, merged)
    diner_money.gift_cards(pen, guests, ordinary)
    team(pen)


def labels(pen: Pen) -> None:
    """Segments, one of them with a name that is no name."""
    for code, name in (("REACHABLE", "Reachable"), ("LAPSED", "Lapsed"), ("REGULARS", "Regulars"), ("CHURN_RISK", " ")):
        pen.segment(code, name)


def reach(pen: Pen, guests: Guests) -> None:
    """Profiles that list and search show for one reason only, and one with a nickname and a note that they do not."""
    pen.customer("", email="only.an.email@example.com")
    pen.customer("", e164=guests.phone())
    pen.customer("", company="Duluth Rowing Club")
    pen.customer("Cher")
    pen.customer("", family="Onlyfamily")
    pen.customer("", nickname="The one in the corner", note="Always booth 4")
    pen.customer("Norbert Mailless", e164=guests.phone())
    pen.customer("Phoebe Phoneless", email="no.phone@example.org")
    pen.customer("Uma Neverwrite", email="leave.me.alone@example.com", e164=guests.phone(), unsubscribed=True)


def spellings(pen: Pen, guests: Guests) -> None:
    """E-mail addresses, phone numbers and birthdays that are none, or hardly."""
    mails = ("not-an-email", "jane@@example.com", "mario@example", " spaced.out@example.com ", "@example.org", "tom@")
    for number, mail in enumerate(mails):
        pen.customer(f"Mail{number + 1} Malformed", email=mail, source="THIRD_PARTY_IMPORT")
    pen.customer("Jörg Umlaut", email="jörg@bücher-example.com")
    phones = ("call my wife", "12345", "555-0142", "218-555-0142 ext. 3", "+1 (218) 555‑0199", "٢١٨٥٥٥٠١٧٧", "0", "+++")
    for number, phone in enumerate(phones):
        pen.customer(f"Phone{number + 1} Malformed", phone=phone, source="IMPORT")
    pen.customer("Jürgen Berlin", e164="+4930901820", phone="+49 (30) 901820")
    for number, day in enumerate(("0000-07-30", "0000-02-29", "2100-01-01", "1900-12-31", "1984-02-29")):
        pen.customer(f"Birthday{number + 1} Person", e164=guests.phone(), birthday=day)


def names(pen: Pen, guests: Guests) -> None:
    """Names of every script, of too many letters, with spaces, marks and formulas."""
    for given, family in (
        ("太郎", "山田"),
        ("محمد", "عبد الله"),
        ("Ольга", "Иванова"),
        ("שרה", "כהן"),
        ("Zoë 🎉", "O’Neill"),
        ("  Trailing  ", "Space "),
        ("SHOUTING", "MCDONALD"),
        ("<b>Bob</b>", "& Sons"),
        ("=HYPERLINK(0)", "+cmd"),
        ("Robert'); --", "Tables"),
        ("Zero\u200bWidth", "Joiner\u200d"),
        ("N" * 280, "Long"),
    ):
        pen.customer(f"{given} {family}", given=given, family=family, e164=guests.phone())
    pen.customer("Anna Multiline", note="First line\nSecond line\twith a tab", e164=guests.phone())


def same_people(pen: Pen, guests: Guests) -> None:
    """One person in several profiles, as certain as it gets."""

    def same(why: str, *held: Customer) -> None:
        pen.people.same_person.append({"customers": [customer.id for customer in held], "why": why})

    e164 = guests.phone()
    written = [pen.customer("Marta Kowalczyk", e164=e164, phone=notation(e164, style)) for style in (0, 1, 2)]
    same("one phone number in three notations", *written)
    loud = [pen.customer("Leo Loud", email=mail) for mail in ("leo.loud@example.com", "LEO.LOUD@EXAMPLE.COM")]
    same("one e-mail address in two cases", *loud)
    composed, number = "José Peña", guests.phone()
    forms = [unicodedata.normalize(form, composed) for form in ("NFC", "NFD")]
    accents = [pen.customer(form, e164=number, email="jose.pena@example.net") for form in forms]
    same("one name, composed and decomposed, with one e-mail address and one phone number", *accents)
    said = guests.phone()
    answers = [pen.customer("Nina Twice", e164=said, email="nina@example.org", unsubscribed=no) for no in (False, True)]
    same("one person who unsubscribed on one of two profiles", *answers)


def near_ties(pen: Pen, guests: Guests) -> None:
    """Different people who share an e-mail address or a phone number; nobody may merge them by guess."""

    def shared(field: str, *held: Customer) -> None:
        pen.people.shared_contact.append({"field": field, "customers": [customer.id for customer in held]})

    mail = "olsson.family@example.com"
    shared(
        "email",
        pen.customer("Erik Olsson", email=mail, e164=guests.phone(), birthday="1971-03-02", unsubscribed=True),
        pen.customer("Karin Olsson", email=mail, e164=guests.phone(), birthday="1973-11-20", unsubscribed=False),
        pen.customer("Nils Olsson", email=mail, birthday="2005-06-01"),
        pen.customer("Ebba Olsson", email=mail, birthday="2007-01-15"),
    )
    landline = guests.phone()
    shared(
        "phone",
        pen.customer("John Smith", e164=landline, birthday="1950-05-05"),
        pen.customer("John Smith", e164=landline, birthday="1979-09-09", phone=notation(landline, 1)),
    )
    office = "events@rowing.example.org"
    shared(
        "email",
        pen.customer("Pat Coach", email=office, company="Duluth Rowing Club"),
        pen.customer("Chris Cox", email=office, company="Duluth Rowing Club", e164=guests.phone()),
    )


def merges(pen: Pen, guests: Guests) -> Customer:
    """Profiles that were merged into new ones, and some deleted for good. The last merge had two loyalty accounts."""
    for stamp, name in enumerate(("Gone Forever", "Asked Erasure", "Deleted Duplicate", "Spam Bot")):
        pen.gone(name, at(2026, 3, 1 + stamp))
    found: Customer | None = None
    for name, parts in (("Theo Merged", 2), ("Bea Merged", 3), ("Cam Merged", 2)):
        found = pen.customer(name, source="MERGE", e164=guests.phone(), email=f"{name[:3].lower()}@merged.example.com")
        for part in range(parts):
            pen.gone(f"{name} before {part + 1}", found.created, found)
    assert found is not None
    return found


def confided(pen: Pen, ordinary: list[Customer]) -> None:
    """Things that have no business in a directory and are in every directory."""
    for number, (before, word, after) in enumerate(
        (
            ("Catering account, ", "PIN: {}", ""),
            ("Regular. Lets himself in by the ", "door code {}#", " when we are late"),
            ("Gate ", "passcode={}", " (asked us to remember)"),
            ("Safe ", "pin {}", ", told by Omar"),
        )
    ):
        told = word.format(pen.token("pin", str(number), 6, DIGITS))
        ordinary[20 + number].note = before + told + after
        ordinary[20 + number].sensitive = [told]
    for number, country in enumerate(("IE{}A", "DE{}", "ATU{}")):
        ordinary[30 + number].eu_vat = country.format(pen.token("vat", country, 8, DIGITS))
        ordinary[30 + number].company = f"Import House {number + 1}"
    allergic = ordinary[34]
    allergic.note = "Allergic to shellfish; had an ambulance here in 2024"
    ordinary[35].note = "🥂 Birthday table every year, knows the chef"


def cards_on_file(pen: Pen, ordinary: list[Customer]) -> None:
    """More than a page of cards: some disabled, some of one customer, one without a name."""
    for number, customer in enumerate(ordinary[40:70]):
        disabled = customer.created + 400 * DAY if number % 6 == 5 else None
        pen.card_on_file(customer, enabled=disabled is None, disabled=disabled, postal_code="55802")
    pen.card_on_file(ordinary[40], reference_id="second card", brand="JCB")
    pen.card_on_file(ordinary[71], holder=None, brand="OTHER_BRAND")


def attributes(pen: Pen, ordinary: list[Customer]) -> None:
    """Seller-defined fields of several types, and one of another application that stays out of sight."""
    pen.definition("allergies", "Allergies", "String")
    pen.definition("spend_limit", "Spend limit", "Number")
    pen.definition("house_account", "House account", "Boolean")
    pen.definition("seating", "Seating", "Selection", choices=[("s1", "Booth"), ("s2", "Bar"), ("s3", "Window")])
    pen.definition("anniversary", "Anniversary", "Date")
    pen.definition("sq0idp-otherapp:score", "Score of another application", "Number", hidden=True)
    for number, customer in enumerate(ordinary[:12]):
        customer.attributes["seating"] = ["s1"] if number % 2 else ["s2", "s3"]
        customer.attributes["sq0idp-otherapp:score"] = str(number)
    ordinary[0].attributes |= {"allergies": "Peanuts, sesame", "spend_limit": "250.50", "house_account": True}
    # A number that arrives as a number, where the schema says text.
    ordinary[1].attributes |= {"spend_limit": 99, "house_account": False, "anniversary": "2019-06-08"}


def team(pen: Pen) -> None:
    """Every way of being employed here."""
    [place] = pen.places
    server, cook, bar = pen.job("Server", tips=True), pen.job("Line Cook"), pen.job("Bartender", tips=True)
    lower, manager, host = pen.job("server", tips=True), pen.job("Manager"), pen.job("Host / Hostess 🪑")
    old = pen.job("Delivery (discontinued)")
    here = [place.id]
    pen.member("Gloria Vance", [], owner=True, email="gloria@diner.example", phone="+12185550100")
    pen.member("Mo Manager", [(manager, 7_280_000, 50)], overtime_exempt=True, email="mo@diner.example")
    pen.member("Salaried Chef", [(cook, 6_500_000, 45)], location_ids=here, overtime_exempt=True)
    pen.member("Volunteer Vic", [(host,)], location_ids=here)
    pen.member("Nomi Wageless", None, location_ids=here, explicit_list=False)
    crew = [
        pen.member("Ana Lima", [(server, 1108)], location_ids=here, email="ana@diner.example", phone="+12185550171"),
        pen.member("Ana Lima", [(server, 1108)], location_ids=here, reference_id="payroll-17"),
        pen.member("Bo Chen", [(bar, 1250), (server, 1108)], location_ids=here, phone="+12185550172"),
        pen.member("Cy Novák", [(cook, 1925)], location_ids=here),
        pen.member("Di", [(lower, 1108), (host, 1375)], location_ids=here, email="ana@diner.example"),
        pen.member("Élodie Ngô", [(cook, 1875)], email="elodie@diner.example"),
        pen.member("Fay O’Shea", [(bar, 1300)], location_ids=here),
    ]
    left = [
        pen.member("Former Gus", [(old, 1500)], active=False, location_ids=here),
        pen.member("Former Hana", [(server, 1000)], active=False, location_ids=here, email="hana@diner.example"),
    ]
    meal = pen.break_type(place, "Meal", 30, paid=False)
    rest = pen.break_type(place, "Rest", 10, paid=True)
    smoke = pen.break_type(place, "Smoke 🚬", 5, paid=False)
    pen.workweek("SUN", "04:00:00")
    roster(pen, place, crew, meal, rest, weeks=7)
    ana, cy = crew[0], crew[3]

    night = date(2026, 3, 7)  # clocks go forward at two in the morning
    clock(pen, ana, place, local(place, night, 22), local(place, night, 28), tips=12_345)
    night = date(2025, 11, 1)  # and back: one o'clock comes twice
    clock(pen, cy, place, local(place, night, 21), local(place, night, 27))
    raise_before = date(2024, 7, 4)
    start = local(place, raise_before, 9)
    clock(pen, ana, place, start, start + 6 * HOUR, title="Waitress", hourly=950, job_id=None, tips=0)
    clock(pen, left[0], place, start, start + 4 * HOUR)
    clock(pen, left[1], place, start, start + 5 * HOUR, tips=4100)
    many = [(smoke, 45 + 60 * number) for number in range(5)] + [(meal, 400)]
    long = local(place, date(2026, 5, 9), 6)
    clock(pen, cy, place, long, long + 14 * HOUR, breaks=breaks_of(pen, f"long {cy.id}", long, many))
    clock(pen, cy, place, long + 20 * HOUR, long + 20 * HOUR, title=None, hourly=None, job_id=None)
    today = local(place, date(2026, 9, 30), 10, 58)
    opened = clock(pen, ana, place, today, None, breaks=breaks_of(pen, "open break", today, [(rest, 60)]))
    opened.breaks[0].end = None
    clock(pen, left[1], place, local(place, date(2025, 2, 2), 17), None)

    planned(pen, place, ana, date(2026, 10, 2))
    planned(pen, place, None, date(2026, 10, 3), published=False)
    planned(pen, place, cy, date(2026, 10, 4), deleted=True)
    told = f"safe PIN {pen.token('pin', 'shift', 6, DIGITS)}"
    planned(pen, place, crew[2], date(2026, 10, 5), notes=f"Closing; {told}", sensitive=[told])
