"""``diner``: guests with every kind of dirt, and orders of every kind that names or hides them."""

from __future__ import annotations

import unicodedata
from typing import Any

from aura_migration.sandbox.toast.orders.model import GIFTCARD, HOUSE, RELOAD, SELL
from aura_migration.sandbox.toast.people.diner_staff import staff
from aura_migration.sandbox.toast.people.model import DAY, DELIVERY, DINE_IN, HOUR, TAKE_OUT, Address, Guest, at
from aura_migration.sandbox.toast.people.names import notation
from aura_migration.sandbox.toast.people.staffing import LATEST
from aura_migration.sandbox.toast.people.store import LocalPeople

HOME = Address("77 Grove Ln", "Unit 3", "Duluth", "MN", "55802", latitude=46.78, longitude=-92.1)
LOYAL = "TOAST"


def diner(here: LocalPeople, _number: int) -> None:
    """Everything hard at once; ``notes`` names each peculiarity and the guids that show it."""
    writer = _Writer(here)
    writer.same_people()
    writer.near_ties()
    writer.odd_names()
    writer.bad_contacts()
    writer.odd_phones()
    writer.addresses()
    writer.confided()
    writer.odd_orders()
    writer.traces()
    staff(here.crew, here.notes)


class _Writer:
    """Writes guests and at least one order for each."""

    def __init__(self, here: LocalPeople) -> None:
        self.here = here
        self.guests = here.guests
        self._days = 0

    def guest(self, first: str | None, last: str | None = None, *, orders: int = 1, **fields: Any) -> Guest:
        """A guest with that many orders; ``digits`` gives a phone written bare, ``True`` a new one."""
        digits = fields.pop("digits", None)
        if digits is True:
            digits = self.guests.spare_digits()
        if digits:
            fields.setdefault("phone", digits)
            fields.setdefault("e164", f"+1{digits}")
        made = self.guests.write(first=first, last=last, **fields)
        for _ in range(orders):
            self._days = self._days % 55 + 1
            self.here.visit(made, self._days, source="Online" if self._days % 3 else "In Store")
        return made

    def note(self, name: str, *guids: str) -> None:
        """This is where that peculiarity is."""
        self.here.notes.setdefault(name, []).extend(guids)

    # -- guests ----------------------------------------------------------------------------------------------------

    def same_people(self) -> None:
        """Guests that are certainly one person."""
        digits = self.guests.spare_digits()
        marta = [
            self.guest("Marta", "Kowalczyk", phone=notation(digits, style), e164=f"+1{digits}", country_code=code)
            for style, code in ((0, "1"), (1, "1"), (2, "1"), (3, None), (4, "1"))
        ]
        self.here.same("one name with one phone number in five notations", *marta)
        loud = [self.guest("Leo", "Loud", email=mail) for mail in ("leo.loud@example.com", "LEO.LOUD@EXAMPLE.COM")]
        self.here.same("one name with one e-mail address in two cases", *loud)
        digits = self.guests.spare_digits()
        forms = [unicodedata.normalize(form, "José") for form in ("NFC", "NFD")]
        jose = [self.guest(form, "Peña", email="jose.pena@example.net", digits=digits) for form in forms]
        self.here.same("one name, composed and decomposed, with one e-mail address and one phone number", *jose)
        digits = self.guests.spare_digits()
        twice = [
            self.guest("Nina", "Twice", email="nina.twice@example.org", digits=digits, orders=2),
            self.guest("NINA", "TWICE ", email=" nina.twice@example.org", digits=digits),
        ]
        self.here.same("one name, e-mail address and phone number, typed with care and without", *twice)

    def near_ties(self) -> None:
        """Different people who share an e-mail address or a phone number; nobody may merge them by guess."""
        mail = "the.olmsteads@example.com"
        family = [
            self.guest("Erik", "Olmstead", email=mail, digits=True, orders=3),
            self.guest("Karin", "Olmstead", email=mail, digits=True, orders=2),
            self.guest("Nils", "Olmstead", email=mail),
            self.guest("Ebba", "Olmstead", email=mail.upper()),
        ]
        self.here.shared("email", *family)
        landline = self.guests.spare_digits()
        smiths = [
            self.guest("John", "Smith", digits=landline, email="john.smith.senior@example.com"),
            self.guest("John", "Smith", phone=notation(landline, 1), e164=f"+1{landline}", email="js79@example.org"),
        ]
        self.here.shared("phone", *smiths)
        office = "orders@rowing.example.org"
        rowers = [
            self.guest("Pat", "Coach", email=office),
            self.guest("Chris", "Cox", email=office, digits=True),
        ]
        self.here.shared("email", *rowers)

    def odd_names(self) -> None:
        """Names nobody expects."""
        digits = self.guests.spare_digits
        for first, last in (
            ("ليلى", "حداد"), ("美咲", "山田"), ("Оксана", "Шевченко"), ("Zoë 🌶️", "Ng"), ("X Æ", "A-12"),
            ("Null", "Null"), ("  Trailing ", " Space  "), ("Robert'); DROP TABLE guests;--", "Tables"),
            ("A" * 120, "Long"), ("", "Nameless"), ("Mononym", None), ("Mia\tTab", "New\nline"), ("=HYPERLINK(1)", "Cell"),
        ):  # fmt: skip
            number = digits()
            made = self.guest(first, last, phone=number, e164=f"+1{number}")
            self.note("odd names", made.guid)

    def bad_contacts(self) -> None:
        """E-mail addresses and phone numbers that are none."""
        for number, mail in enumerate(
            (
                "mia@", "no-at.example.com", "a b@example.com", "none", "x@x", "ada@@example.com", "ada@example..com",
                "declined@declined", "@example.com", "dot.@example.com",
            )
        ):  # fmt: skip
            made = self.guest("Invalid", f"Mail-{number}", email=mail, digits=True)
            self.note("invalid e-mail", made.guid)
        for number, phone in enumerate(("12345", "0000000000", "555-CALL-NOW", "n/a", "218555", "1" * 22, "9" * 10)):
            made = self.guest("Invalid", f"Phone-{number}", phone=phone, email=f"invalid.phone{number}@example.com")
            self.note("invalid phone", made.guid)
        for number in range(4):
            made = self.guest("Mailless", f"Guest-{number}", digits=True)
            self.note("no e-mail", made.guid)
        for number in range(2):
            made = self.guest("Neither", f"Nor-{number}", country_code=None)
            self.note("neither e-mail nor phone", made.guid)
        for _ in range(3):
            made = self.guest(None, None, country_code=None)
            self.note("only a guid", made.guid)

    def odd_phones(self) -> None:
        """Numbers of other countries, and country codes in the wrong place."""
        for first, phone, code, e164 in (
            ("Harriet", "020 7946 0123", "44", "+442079460123"),
            ("Jürgen", "+49 1512 3456789", None, "+4915123456789"),
            ("Doubled", "+1 (312) 555-0177", "1", "+13125550177"),
            ("Extension", "312-555-0178 x12", "1", "+13125550178"),
            ("International", "011 44 20 7946 0124", "1", "+442079460124"),
        ):
            made = self.guest(first, "Abroad", phone=phone, country_code=code, e164=e164)
            self.note("phones of other shapes", made.guid)

    def addresses(self) -> None:
        """Deliveries to places of every kind, and a guest who moved."""
        self.guest("Homer", "Delivered", email="homer@example.com", address=HOME, orders=2)
        partial = self.guest("Half", "Address", digits=True, address=Address("9 Quay", city="Duluth", country=None))
        foreign = Address("Bäckerstraße 12 ½", "2. Stock", "Görlitz", "", "02826", "DE")
        abroad = self.guest("Ute", "Fern", email="ute.fern@example.org", address=foreign)
        self.note("addresses with parts missing or foreign", partial.guid, abroad.guid)
        moved = self.guest("Movi", "Ng", email="movi.ng@example.net", digits=True, address=HOME, orders=0)
        new = moved.but(address=Address("1 New Place", None, "Superior", "WI", "54880"))
        self.here.visit(moved, 50, DELIVERY, source="Online")
        self.here.visit(new, 6, DELIVERY, source="Online")
        self.here.visit(new.but(address=None), 2, TAKE_OUT, source="Online")
        self.guests.change(new)
        self.here.former_personal.append(HOME.address1 or "")
        self.note("moved house between two orders", moved.guid)
        renamed = self.guest("Rana", "Before", email="rana@example.com", digits=True, orders=0)
        self.here.visit(renamed, 40, source="Online")
        after = renamed.but(last="After")
        self.here.visit(after, 4, source="Online")
        self.guests.change(after)
        self.note("another name on the newer order", renamed.guid)

    def confided(self) -> None:
        """Things told to the driver that have no business in a directory."""
        for number, (before, word, after) in enumerate(
            (
                ("Ring twice, ", "door code {}#", ""),
                ("Gate ", "passcode={}", " then left"),
                ("Lock box ", "PIN: {}", ""),
            )
        ):
            told = word.format(self.here.crew.ids.token("confided", str(number), "0123456789", 6))
            place = Address(f"{500 + number} Dune Ct", None, "Duluth", "MN", "55802")
            made = self.guest(
                "Secret", f"Keeper-{number}", digits=True, address=place, orders=0, sensitive=(told,),
                delivery_notes=before + told + after,
            )  # fmt: skip
            self.here.visit(made, 9 + number, DELIVERY, source="Online")
            self.note("codes in delivery notes", made.guid)

    # -- orders ----------------------------------------------------------------------------------------------------

    def odd_orders(self) -> None:
        """Voided, deleted, open, future, split, curbside, excess food, unknown words, long ago."""
        known = [self.guest("Odd", f"Orders-{number}", email=f"odd.orders{number}@example.com") for number in range(8)]
        visit, here = self.here.visit, self.here
        self.note("voided order", visit(known[0], 7, voided=True).guid)
        self.note("deleted order", visit(known[1], 8, deleted=True).guid)
        self.note("open order", visit(known[2], opened=LATEST - HOUR, closed=None, modified=LATEST - HOUR).guid)
        soon = LATEST + 3 * DAY
        future = visit(
            known[3], opened=LATEST - 2 * HOUR, closed=None, modified=LATEST - HOUR, promised=soon, source="API",
            day=here.crew.business_date(soon),
        )  # fmt: skip
        self.note("future order, paid", future.guid)
        split = visit(known[4], 11, customers=(known[4], None, known[5]), behavior=TAKE_OUT)
        self.note("split order with two guests and one check without", split.guid)
        self.note("curbside", visit(known[6], 12, TAKE_OUT, curbside=True, source="Online").guid)
        self.note("excess food", visit(None, 13, DINE_IN, excess=True).guid)
        self.note("unknown source", visit(known[7], 14, source="Toast Hologram").guid)
        old = self.guest("Long", "Ago", email="long.ago@example.com", orders=0)
        opened = at(2022, 3, 4, 18)
        self.note("only order is of 2022", visit(old, opened=opened, source="Online").guid)
        early = self.guest("Changed", "Late", email="changed.late@example.com", orders=0)
        opened = at(2026, 2, 2, 18)
        late = visit(early, opened=opened, modified=at(2026, 9, 20, 12), source="Online")
        self.note("old order, changed in September", late.guid)
        night = here.crew.local(here.book.ordinary.season.last, 25, 40)
        self.note("after midnight, business date of the day before", visit(known[7], opened=night - 3 * DAY).guid)

    def traces(self) -> None:
        """Loyalty of several vendors, gift cards sold, reloaded and paid with, house accounts."""
        visit = self.here.visit
        for number, vendor in enumerate(("TOAST", "PUNCHH2", "PAYTRONIX", "NEW_VENDOR")):
            member = self.guest("Loyal", f"Member-{number}", email=f"loyal{number}@example.com", digits=True)
            plan = visit(member, 15 + number, loyalty=vendor, reward=500 if number % 2 == 0 else 0, source="Online")
            self.note("loyalty traces", plan.guid)
        for number, (kind, cents) in enumerate(((SELL, 2500), (SELL, 10_000), (RELOAD, 5000))):
            self.note("gift cards sold and reloaded", visit(None, 20 + number, DINE_IN, gift=(kind, cents)).guid)
        for number, kind in enumerate((GIFTCARD, GIFTCARD, HOUSE)):
            self.note("paid from a balance", visit(None, 24 + number, DINE_IN, paid_with=kind).guid)
        both = visit(None, 28, DINE_IN, gift=(SELL, 2500), paid_with=GIFTCARD, discounted=True)
        self.note("a gift card paid for another", both.guid)
