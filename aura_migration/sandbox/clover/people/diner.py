"""The people of `diner`: more than three hundred customers with everything that goes wrong in a customer list, and a
staff with every way of clocking in and out."""

from __future__ import annotations

import unicodedata
from datetime import date

from aura_migration.sandbox.clover.people.model import Address, Email, Phone
from aura_migration.sandbox.clover.people.names import notation
from aura_migration.sandbox.clover.people.pen import DAY, HOUR, MINUTE, OPENED, Pen, at
from aura_migration.sandbox.clover.world import World

ORDINARY = 262
OFFICES = 112


def diner(world: World) -> None:
    """Write all of it."""
    pen = Pen(world, world.first)
    ordinary = [pen.ordinary() for _ in range(ORDINARY)]
    reach(pen)
    spellings(pen)
    names(pen)
    same_people(pen)
    near_ties(pen)
    several_contacts(pen)
    gone(pen)
    for number, customer in enumerate(ordinary[40:64]):
        pen.card(customer, kind="FINANCIAL" if number % 5 == 0 else "MULTIPAY")
    pen.card(ordinary[40], brand="JCB", first=None, last=None)
    for number, (before, word, after) in enumerate(
        (
            ("Catering account, ", "PIN: {}", ""),
            ("Regular. Lets himself in by the ", "door code {}#", " when we are late"),
            ("Gate ", "passcode={}", " (asked us to remember)"),
        )
    ):
        told = word.format(pen.ids.token("people pin", str(number), "0123456789", 6))
        customer = ordinary[20 + number]
        customer.note, customer.sensitive = before + told + after, [told]
        customer.modified = customer.modified or customer.created
    strange = ordinary[9]
    strange.extra = {"futureField": {"visits": 12}, "imageUrl": None}
    world.note("unknown_fields", strange.id)
    staff(pen)
    pen.settle()


def reach(pen: Pen) -> None:
    """Customers who can be reached in one way only, or in none."""
    note = pen.world.note
    nobody = pen.customer("")
    note("customer_empty", nobody.id)
    bare = [pen.customer("Only Name"), pen.customer("Cher"), pen.customer("", last="Onlylast")]
    note("customer_without_contact", *(row.id for row in bare))
    pen.customer("", emails=["only.an.email@example.com"], marketing=True)
    pen.customer("", phones=[pen.phone()])
    pen.customer("", business="Pueblo Rowing Club", emails=["office@rowing.example.org"])
    mailless = [pen.customer(f"Norbert Mailless-{number}", phones=[pen.phone()], marketing=True) for number in (1, 2)]
    note("customer_without_email", *(row.id for row in mailless))
    pen.customer("Phoebe Phoneless", emails=["no.phone@example.org"])
    blank = pen.customer("Blanche Blank", emails=[""], phones=[("", None)], marketing=False)
    note("contact_blank", blank.id)
    undated = pen.customer("Before Time", phones=[pen.phone()], since=None, created=OPENED)
    note("customer_since_missing", undated.id)


def spellings(pen: Pen) -> None:
    """E-mail addresses, phone numbers and birthdays that are none, or hardly."""
    note = pen.world.note
    mails = ("not-an-email", "jane@@example.com", "mario@example", " spaced.out@example.com ", "@example.org", "tom@")
    bad = [
        pen.customer(f"Mail{number} Malformed", emails=[mail], marketing=True)
        for number, mail in enumerate(mails, start=1)
    ]
    note("email_malformed", *(row.id for row in bad))
    pen.customer("Jörg Umlaut", emails=["jörg@bücher-example.com"])
    phones = ("call my wife", "12345", "555-0142", "719-555-0142 ext. 3", "٢١٨٥٥٥٠١٧٧", "0", "+++", "7195550142 / 3")
    bad = [
        pen.customer(f"Phone{number} Malformed", phones=[(phone, None)]) for number, phone in enumerate(phones, start=1)
    ]
    note("phone_malformed", *(row.id for row in bad))
    pen.customer("Hyphen Ated", phones=[("+1 (719) 555‑0199", "+17195550199")])
    pen.customer("Jürgen Berlin", phones=[("+49 (30) 901820", "+4930901820")])
    births = (
        *((None, 7, 30), (None, 2, 29), (2100, 1, 1), (1900, 12, 31), (1984, 2, 29), (1985, None, None)),
        *((1990, 13, 1), (1991, 2, 30), (0, 6, 1), (1992, 0, 0), (None, None, 14)),
    )
    odd = [
        pen.customer(f"Birthday{number} Person", phones=[pen.phone()], birth=birth)
        for number, birth in enumerate(births, start=1)
    ]
    note("birthday_unusual", *(row.id for row in odd))


def names(pen: Pen) -> None:
    """Names of every script, as long as allowed, with spaces, marks and formulas."""
    rows = [
        pen.customer(f"{first} {last}", first=first, last=last, phones=[pen.phone()])
        for first, last in (
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
            ("N" * 64, "L" * 64),
        )
    ]
    pen.world.note("customer_unusual_name", *(row.id for row in rows))
    pen.customer("Anna Multiline", note="First line\nSecond line\twith a tab", phones=[pen.phone()])
    long = pen.customer("Nota Bene", note=("Remembers every dish. " * 100)[:2000], phones=[pen.phone()])
    pen.world.note("note_2000_characters", long.id)


def same_people(pen: Pen) -> None:
    """One person in several rows, as certain as it gets."""
    e164, birth = pen.phone(), (1979, 4, 17)
    written = [
        pen.customer("Marta Kowalczyk", phones=[(notation(e164, style), e164)], birth=birth) for style in (0, 1, 2)
    ]
    pen.same("one phone number in three notations, with one name and birthday", *written)
    loud = [pen.customer("Leo Loud", emails=[mail]) for mail in ("leo.loud@example.com", "LEO.LOUD@EXAMPLE.COM")]
    pen.same("one name and one e-mail address in two cases", *loud)
    number = pen.phone()
    forms = [unicodedata.normalize(form, "José Peña") for form in ("NFC", "NFD")]
    accents = [pen.customer(form, phones=[number], emails=["jose.pena@example.net"]) for form in forms]
    pen.same("one name, composed and decomposed, with one e-mail address and one phone number", *accents)
    said = pen.phone()
    answers = [
        pen.customer("Nina Twice", phones=[said], emails=["nina@example.org"], marketing=yes) for yes in (True, False)
    ]
    pen.same("one person who agreed to marketing on one row and refused on the other", *answers)
    pen.world.note("consent_conflict", *(row.id for row in answers))


def near_ties(pen: Pen) -> None:
    """Different people who share an e-mail address or a phone number; nobody may merge them by guess."""
    mail = "olsson.family@example.com"
    pen.shared(
        "email",
        pen.customer("Erik Olsson", emails=[mail], phones=[pen.phone()], birth=(1971, 3, 2), marketing=False),
        pen.customer("Karin Olsson", emails=[mail], phones=[pen.phone()], birth=(1973, 11, 20), marketing=True),
        pen.customer("Nils Olsson", emails=[mail], birth=(2005, 6, 1)),
        pen.customer("Ebba Olsson", emails=[mail], birth=(2007, 1, 15)),
    )
    landline = pen.phone()
    pen.shared(
        "phone",
        pen.customer("John Smith", phones=[landline], birth=(1950, 5, 5)),
        pen.customer("John Smith", phones=[(notation(landline, 1), landline)], birth=(1979, 9, 9)),
    )
    office = "events@rowing.example.org"
    pen.shared(
        "email",
        pen.customer("Pat Coach", emails=[office], business="Pueblo Rowing Club"),
        pen.customer("Chris Cox", emails=[office], business="Pueblo Rowing Club", phones=[pen.phone()]),
    )
    twins = [
        pen.customer("Maria Garcia", phones=[pen.phone()], emails=[f"maria.garcia.{one}@example.com"]) for one in "ab"
    ]
    pen.world.note("customer_same_name_only", *(row.id for row in twins))


def several_contacts(pen: Pen) -> None:
    """Customers with several contacts, one of them with more addresses than a nested list shows."""
    many = pen.customer(
        "Gus Grande",
        emails=[("gus.old@example.com", False), ("gus@example.com", True), ("GUS@example.com", None)],
        phones=[pen.phone(), pen.phone(), ("(719) 555-0111", "+17195550111"), ("7195550111", "+17195550111")],
        addresses=[("1 Mesa Dr", "Santa Fe", "NM", "87501"), ("PO Box 7", "Taos", "NM", "87571-0007")],
        marketing=True,
    )
    many.emails[1].verified = at(2026, 1, 2)
    pen.world.note("customer_several_contacts", many.id)
    offices = pen.customer("", business="Valley Title & Escrow", emails=["orders@valleytitle.example.com"])
    for number in range(OFFICES):
        lines = (f"{100 + number} Office Park Way", f"Suite {number + 1}", None)
        offices.addresses.append(
            Address(pen.id("address", offices.id), lines, "Denver", "CO", f"{80201 + number % 40}", "US")
        )
    pen.world.note("customer_over_100_addresses", offices.id)
    part = pen.customer("Percy Partial", phones=[pen.phone()])
    part.addresses += [
        Address(pen.id("address", part.id), (None, None, None), None, None, "80202", None),
        Address(
            pen.id("address", part.id), ("Calle 5 № 12", "Depto. 3", "Col. Centro"), "Chihuahua", "CHH", "31000", "MX"
        ),
    ]
    again = pen.customer("Twice Listed", phones=[pen.phone()])
    again.phones.append(Phone(pen.id("phone", again.id), again.phones[0].text, again.phones[0].e164))
    again.emails += [Email(pen.id("email", again.id), "twice.listed@example.com") for _ in range(2)]
    pen.world.note("contact_repeated", again.id)


def gone(pen: Pen) -> None:
    """Customers that were deleted."""
    for day, name in enumerate(("Gone Forever", "Asked Erasure", "Deleted Duplicate", "Spam Bot"), start=1):
        mail = f"{name.replace(' ', '.').lower()}@example.com"
        row = pen.customer(name, emails=[mail], phones=[pen.phone()], marketing=True, deleted_time=at(2026, 3, day))
        pen.card(row)


def staff(pen: Pen) -> None:
    """Every way of being employed here, and every way of being at work."""
    note = pen.world.note
    manager_role, staff_role = pen.role("Manager", "MANAGER"), pen.role("Employee", "EMPLOYEE")
    server, bar = pen.role("Server", "EMPLOYEE"), pen.role("Bartender 🍸", "EMPLOYEE")
    lower, cook = pen.role("server", "EMPLOYEE"), pen.role("Line Cook", "EMPLOYEE")
    shift_lead = pen.role("Shift lead", "MANAGER")
    unused = pen.role("Delivery (discontinued)", "EMPLOYEE")
    note("role_unused", unused)
    note("role_duplicate_name", server, lower)
    boss = pen.employee("Mo Manager", [manager_role], role="MANAGER", email="mo@diner.example", custom_id="0001")
    second = pen.employee("Partner Ann", [], role="ADMIN", email="ann@diner.example")
    note("employee_without_roles", second.id)
    crew = [
        pen.employee("Ana Lima", [server], email="ana@diner.example", custom_id="17"),
        pen.employee("Ana Lima", [server], nickname="Ana L. 2", custom_id="17"),
        pen.employee("Bo Chen", [bar, server, shift_lead], role="MANAGER", email="bo@diner.example"),
        pen.employee("Cy Novák", [cook]),
        pen.employee("Di", [lower, cook], email="ana@diner.example"),
        pen.employee("Élodie Ngô", [cook], nickname=None),
        pen.employee("Fay O’Shea ", [bar], nickname="فاي", extra={"futureField": 1}),
        pen.employee("Gil Idle", [staff_role], invite_sent=True, email="gil@diner.example", claimed=None),
    ]
    note("employee_same_name", crew[0].id, crew[1].id)
    note("employee_shared_email", crew[0].id, crew[4].id)
    left = [
        pen.employee("Former Gus", [unused], created=OPENED, deleted_time=at(2025, 6, 1)),
        pen.employee("Former Hana", [server], created=OPENED, email="hana@diner.example", deleted_time=at(2026, 2, 1)),
        pen.employee("Ana Lima", [server], created=OPENED, deleted_time=at(2024, 12, 1)),
    ]
    note("employee_deleted", *(row.id for row in left))
    pen.roster(crew[:7], boss, weeks=21)
    note("employee_over_100_shifts", crew[0].id)
    odd_shifts(pen, [row.id for row in crew], [row.id for row in left], boss.id)


def odd_shifts(pen: Pen, crew: list[str], left: list[str], boss: str) -> None:
    """Nights, time changes, overlaps, corrections, shifts nobody ended or began, and people nobody remembers."""
    note, local = pen.world.note, pen.local
    ana, _, bo, cy, di, *_ = crew
    night = date(2026, 3, 7)  # clocks go forward at two in the morning
    forward = pen.shift(ana, local(night, 22), local(night, 28), cash_tips=12_345)
    night = date(2025, 10, 31)
    back = pen.shift(cy, local(night, 45), local(night, 51))  # and back on November 2nd: one o'clock comes twice
    note("shift_over_a_time_change", forward.id, back.id)
    day = date(2026, 2, 13)
    overnight = pen.shift(bo, local(day, 17), local(day, 26, 30), cash_tips=41_200, server_banking=True)
    note("shift_overnight", overnight.id)
    day = date(2026, 2, 16)
    twice = [pen.shift(di, local(day, hour), local(day, hour + 6), cash_tips=100 * hour) for hour in (9, 13)]
    note("shift_overlapping", *(row.id for row in twice))
    day = date(2026, 2, 18)
    forgot = pen.shift(cy, local(day, 9), local(day, 28), override_end=local(day, 17), override_end_by=boss)
    never = pen.shift(cy, local(date(2026, 2, 20), 9), None, override_end=local(date(2026, 2, 20), 15))
    never.override_end_by = boss
    note("shift_end_overridden", forgot.id, never.id)
    late = pen.shift(
        ana,
        local(date(2026, 2, 24), 9, 25),
        local(date(2026, 2, 24), 15),
        override_start=local(date(2026, 2, 24), 9),
        override_start_by=left[1],
        cash_tips=3200,
    )
    note("shift_start_overridden", late.id)
    day = date(2026, 2, 25)
    by_hand = pen.shift(
        di,
        None,
        None,
        override_start=local(day, 8),
        override_end=local(day, 12),
        override_start_by=boss,
        override_end_by=boss,
        server_banking=None,
    )
    note("shift_written_by_hand", by_hand.id)
    opened = [
        pen.shift(bo, local(date(2026, 9, 30), 10, 58), None),
        pen.shift(left[1], local(date(2026, 1, 30), 17), None),
    ]
    note("shift_open", *(row.id for row in opened))
    start = local(date(2026, 2, 26), 12)
    nothing = pen.shift(cy, start, start, cash_tips=0)
    crossed = pen.shift(ana, start, start + 4 * HOUR, override_end=start - 30 * MINUTE, override_end_by=boss)
    long = pen.shift(bo, local(date(2026, 5, 9), 6), local(date(2026, 5, 9), 6) + 3 * DAY, cash_tips=999_999)
    note("shift_without_length", nothing.id)
    note("shift_ends_before_it_starts", crossed.id)
    note("shift_three_days_long", long.id)
    day = date(2024, 7, 4)
    before = [pen.shift(worker, local(day, 9), local(day, 15), cash_tips=4100) for worker in left]
    note("shift_of_deleted_employee", opened[1].id, *(row.id for row in before))
    unknown = pen.shift(pen.id("employee", "nobody"), local(day, 10), local(day, 16), cash_tips=700)
    note("shift_of_unknown_employee", unknown.id)
    mistake = pen.shift(ana, local(date(2026, 4, 2), 9), local(date(2026, 4, 2), 10), deleted_time=at(2026, 4, 3))
    note("shift_deleted", mistake.id)
