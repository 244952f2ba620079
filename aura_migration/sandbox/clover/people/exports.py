"""Which export files each scenario has: gift cards, loyalty, house accounts, store credit, marketing consents.

Here are the sound ones; `exports_broken.py` has what the diner adds. Their routes are `/_control/exports`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from aura_migration.sandbox.clover.people.crowd import Crowd
from aura_migration.sandbox.clover.people.model import Customer
from aura_migration.sandbox.clover.people.names import GIVEN, NUMBERS, notation, number
from aura_migration.sandbox.clover.people.sheets import (
    Line,
    Sheet,
    dollars,
    iso,
    plain_money,
    total_line,
    us_day,
)
from aura_migration.sandbox.clover.world import World

FIRST_DAY = date(2024, 4, 1)
MAIL = re.compile(r"[a-z0-9.]+@[a-z0-9.-]+\.[a-z]+")
STATES = {"Active": "active", "Redeemed": "used", "Expired": "expired", "Blocked": "blocked"}


@dataclass(frozen=True)
class GiftCard:
    """A gift card of the export: number, cents, status as printed, three days."""

    number: str
    cents: int
    status: str
    issued: date
    expires: date | None
    used: date | None


def card_line(
    card: GiftCard,
    money: Callable[[int], str],
    day: Callable[[date | None], str],
    printed: str | None = None,
    problem: str | None = None,
) -> Line:
    """A gift card as a line; `printed` is the number as it stands in the file."""
    truth = {
        "number": card.number,
        "last_four": card.number[-4:],
        "cents": card.cents,
        "status": card.status,
        "state": STATES[card.status],
        "issued": iso(card.issued),
        "expires": iso(card.expires) or None,
        "last_used": iso(card.used) or None,
        "problem": problem,
    }
    cells = [
        printed or card.number,
        money(card.cents),
        card.status,
        day(card.issued),
        day(card.expires),
        day(card.used),
    ]
    return Line(cells, truth, card.cents)


CARD_COLUMNS = ("Card Number", "Balance", "Status", "Date Issued", "Expiration Date", "Last Used")
LOYALTY_COLUMNS = ("Phone", "Email", "Member Name", "Points Balance", "Lifetime Points", "Member Since")
HOUSE_COLUMNS = ("Account Name", "Contact Email", "Balance Due", "Credit Limit")
CREDIT_COLUMNS = ("Customer", "Email", "Phone", "Store Credit")
CONSENT_COLUMNS = ("Email", "Phone", "Channel", "Opted In", "Recorded At", "Source")


class Ledgers:
    """The outside ledgers of one restaurant, drawn from a generator of their own."""

    def __init__(self, world: World, customers: Sequence[Customer]) -> None:
        self.world = world
        self.customers = list(customers)
        self.rng: random.Random = world.ids.rng("exports")
        self._strangers = 0

    def add(self, sheet: Sheet) -> Sheet:
        """File a sheet under its name."""
        self.world.exports[sheet.name] = sheet
        return sheet

    def stranger(self) -> str:
        """The phone number of a member who is no customer at Clover."""
        self._strangers += 1
        taken = {phone.e164 for customer in self.customers for phone in customer.phones}
        start = self.rng.randrange(NUMBERS)
        return next(found for step in range(NUMBERS) if (found := number((start + step) % NUMBERS)) not in taken)

    # -- rows ------------------------------------------------------------------------------------------------------

    def cards(self, count: int) -> list[GiftCard]:
        """Cards of every status; the first has a number with leading zeros, the second a five-figure balance."""
        found = []
        for position in range(count):
            digits = self.world.ids.token("gift card", str(position), "0123456789", 12)
            issued = FIRST_DAY + timedelta(days=self.rng.randrange(800))
            status = ("Active", "Active", "Active", "Redeemed", "Active", "Expired", "Active", "Blocked")[position % 8]
            cents = 0 if status == "Redeemed" else 100 * self.rng.randrange(5, 200) + self.rng.choice((0, 0, 37, 50))
            used = issued + timedelta(days=self.rng.randrange(1, 90)) if self.rng.random() < 0.6 else None
            expires = issued.replace(year=issued.year + 5, day=min(issued.day, 28)) if position % 3 == 0 else None
            prefix = "0000" if position == 0 else "6019"
            cents = 1_234_550 if position == 1 else cents
            found.append(GiftCard(prefix + digits, cents, status, issued, expires, used))
        return found

    def loyalty(self, people: Sequence[Customer], strangers: int, negative: bool = False) -> list[Line]:
        """Members: customers with a phone or e-mail, and some who are none."""
        lines = []
        for position, customer in enumerate(people):
            phone = customer.phones[0] if customer.phones else None
            points = -35 if negative and position == 1 else self.rng.randrange(0, 900)
            lines.append(
                member_line(
                    notation(phone.e164, position) if phone and phone.e164 else "",
                    phone.e164 if phone else None,
                    customer.emails[0].text if customer.emails else "",
                    customer.full_name or "",
                    points,
                    max(points, 0) + self.rng.randrange(0, 2000),
                    FIRST_DAY + timedelta(days=self.rng.randrange(900)),
                    customer.id,
                )
            )
        for _ in range(strangers):
            e164, points = self.stranger(), self.rng.randrange(0, 400)
            name, since = self.rng.choice(GIVEN), FIRST_DAY + timedelta(days=self.rng.randrange(900))
            lines.append(member_line(notation(e164, 1), e164, "", name, points, points, since, None))
        return lines

    def consents(self, people: Sequence[Customer]) -> list[Line]:
        """Answers by channel, with when and how; the last of two answers of one person is the later one."""
        lines = []
        for position, customer in enumerate(people):
            phone = customer.phones[0] if customer.phones else None
            email = customer.emails[0].text if customer.emails else ""
            channel = "sms" if phone and phone.e164 and (position % 3 == 0 or not email) else "email"
            said = position % 4 != 1
            day = FIRST_DAY + timedelta(days=self.rng.randrange(900))
            how = ("Website form", "Paper card at the host stand", "Text-to-join keyword", "Unsubscribe link")[
                position % 3 if said else 3
            ]
            answers = [(said, day)]
            if position == 2:
                answers.append((not said, day + timedelta(days=40)))
            for answer, when in answers:
                lines.append(consent_line(customer, email, phone, channel, answer, when, how, position))
        return lines


def member_line(
    phone: str,
    e164: str | None,
    email: str,
    name: str,
    points: int,
    lifetime: int,
    since: date,
    customer: str | None,
    problem: str | None = None,
) -> Line:
    """A loyalty member as a line; the lifetime points have thousands separators."""
    truth = {
        "phone": phone or None,
        "e164": e164,
        "email": email or None,
        "name": name or None,
        "points": points,
        "lifetime": lifetime,
        "member_since": iso(since),
        "customer": customer,
        "problem": problem,
    }
    return Line([phone, email, name, str(points), f"{lifetime:,}", us_day(since)], truth, points)


def consent_line(
    customer: Customer, email: str, phone: object, channel: str, said: bool, day: date, how: str, position: int
) -> Line:
    """An answer as a line. It counts one when it is a yes."""
    e164 = getattr(phone, "e164", None)
    shown = notation(e164, 1) if e164 else ""
    yes = ("Yes", "TRUE", "Y")[position % 3] if said else ("No", "FALSE", "N")[position % 3]
    stamp = f"{day.isoformat()}T{8 + position % 12:02d}:30:00-06:00"
    truth = {
        "email": email or None,
        "phone": shown or None,
        "e164": e164,
        "channel": channel,
        "answer": "yes" if said else "no",
        "at": stamp,
        "how": how,
        "customer": customer.id,
        "problem": None,
    }
    return Line([email, shown, channel.upper() if channel == "sms" else "Email", yes, stamp, how], truth, int(said))


def house_line(
    name: str, email: str, cents: int, limit: int | None, customer: str | None, money: Callable[[int], str] = dollars
) -> Line:
    """A house account as a line: what the account owes, below zero where it has paid ahead."""
    truth = {
        "name": name,
        "email": email or None,
        "cents": cents,
        "limit_cents": limit,
        "customer": customer,
        "problem": None,
    }
    return Line([name, email, money(cents), "" if limit is None else money(limit)], truth, cents)


def credit_line(name: str, email: str, phone: str, e164: str | None, cents: int, customer: str | None) -> Line:
    """Store credit as a line: what the restaurant owes."""
    truth = {
        "name": name,
        "email": email or None,
        "phone": phone or None,
        "e164": e164,
        "cents": cents,
        "customer": customer,
        "problem": None,
    }
    return Line([name, email, phone, plain_money(cents)], truth, cents)


def fixed(lines: Iterable[Line]) -> Callable[[], list[Line]]:
    """Lines of a small file, made once."""
    held = list(lines)
    return lambda: held


# -- the files of a scenario -----------------------------------------------------------------------------------------


def _reachable(customers: Iterable[Customer]) -> list[Customer]:
    """Live customers with a name whose first phone means a number, or who have a sound e-mail address; of those who
    share either, the first."""
    found: list[Customer] = []
    seen: set[str] = set()
    for row in customers:
        e164 = row.phones[0].e164 if row.phones else None
        mail = row.emails[0].text.casefold() if row.emails else None
        sound = mail is None or MAIL.fullmatch(mail) is not None
        keys = {key for key in (e164, mail) if key}
        if row.deleted or not row.first or not keys or not sound or keys & seen:
            continue
        seen |= keys
        found.append(row)
    return found


def sound_files(world: World, cards: int, members: int, negative: bool = False) -> Ledgers:
    """One sound file of each kind, for all merchants of the world."""
    everyone = [row for merchant in world.merchants.values() for row in merchant.people.customers]
    book = Ledgers(world, everyone)
    people, home = _reachable(everyone), (world.first.id,)
    found = book.cards(cards)
    book.add(
        Sheet(
            "gift-cards.csv",
            "gift_cards",
            "All gift cards as the provider lists them; dollar signs, thousands separators, a totals line",
            CARD_COLUMNS,
            fixed(
                card_line(card, dollars, us_day, _spaced(card.number) if position % 5 == 4 else None)
                for position, card in enumerate(found)
            ),
            total_line("TOTAL", 1, dollars),
        )
    )
    book.add(
        Sheet(
            "loyalty.csv",
            "loyalty",
            "Members of the rewards program with points; phones in several notations, no totals line",
            LOYALTY_COLUMNS,
            fixed(book.loyalty(people[:members], strangers=max(2, members // 10), negative=negative)),
        )
    )
    named = [row for row in _reachable(world.first.people.customers) if row.emails]
    accounts = [
        house_line("City Desk Newsroom", "desk@newsroom.example.com", 128_450, 250_000, None),
        house_line(named[0].full_name or "", named[0].emails[0].text, 4_275, 10_000, named[0].id),
        house_line("Rotary Lunch, Tuesdays", "", 0, 50_000, None),
        house_line(named[1].full_name or "", named[1].emails[0].text, -1_500, None, named[1].id),
    ]
    book.add(
        Sheet(
            "house-accounts.csv",
            "house_accounts",
            "Accounts that pay later: what each owes, in parentheses where it has paid ahead; a totals line",
            HOUSE_COLUMNS,
            fixed(accounts),
            total_line("Total", 2, dollars),
            locations=home,
        )
    )
    owed = []
    for position, row in enumerate(named[2:8]):
        phone = row.phones[0] if row.phones else None
        shown = phone.text if phone else ""
        e164 = phone.e164 if phone else None
        cents = 500 * (position + 1) + 25
        owed.append(credit_line(row.full_name or "", row.emails[0].text, shown, e164, cents, row.id))
    book.add(
        Sheet(
            "store-credit.csv",
            "store_credit",
            "Store credit given for returns and mistakes; plain decimals, no totals line",
            CREDIT_COLUMNS,
            fixed(owed),
            locations=home,
        )
    )
    book.add(
        Sheet(
            "marketing-consents.csv",
            "consents",
            "Who agreed to or refused marketing, by channel, when and how",
            CONSENT_COLUMNS,
            fixed(book.consents(people[: max(12, members // 2)])),
        )
    )
    return book


def _spaced(digits: str) -> str:
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def crowd_files(world: World, crowd: Crowd) -> None:
    """Three of five customers are members, and there are fifteen gift cards to a hundred customers."""

    def members() -> Iterator[Line]:
        for which in range(crowd.count):
            dice = crowd.dice("loyalty", which)
            if dice[0] >= 154 or crowd.is_deleted(which):
                continue
            e164 = crowd.e164(which)
            points = int.from_bytes(dice[1:3], "big") % 1200 - (40 if dice[3] < 3 else 0)
            lifetime = max(points, 0) + int.from_bytes(dice[4:6], "big") % 5000
            since = FIRST_DAY + timedelta(days=int.from_bytes(dice[6:8], "big") % 900)
            row = crowd.make(which)
            shown = bool(row.phones)
            mail = row.emails[0].text if row.emails else ""
            yield member_line(
                notation(e164, dice[8] % 4) if shown or not mail else "",
                e164 if shown or not mail else None,
                mail,
                row.full_name or "",
                points,
                lifetime,
                since,
                row.id if shown or mail else None,
            )

    def cards() -> Iterator[Line]:
        for which in range(crowd.gift_cards):
            dice = crowd.dice("gift", which)
            issued = FIRST_DAY + timedelta(days=int.from_bytes(dice[1:3], "big") % 800)
            status = "Redeemed" if dice[0] < 60 else "Blocked" if dice[0] > 250 else "Active"
            cents = 0 if status == "Redeemed" else 25 * (1 + int.from_bytes(dice[3:5], "big") % 600)
            used = issued + timedelta(days=1 + dice[5] % 90) if dice[6] < 150 else None
            yield card_line(GiftCard(crowd.gift_card(which), cents, status, issued, None, used), plain_money, iso)

    for sheet in (
        Sheet("gift-cards.csv", "gift_cards", "All gift cards", CARD_COLUMNS, cards, total_line("TOTAL", 1, dollars)),
        Sheet("loyalty.csv", "loyalty", "Members of the rewards program with points", LOYALTY_COLUMNS, members),
    ):
        world.exports[sheet.name] = sheet
