"""The tables of `crowd`: what `Table` asks of its generator, for each kind of row."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.people.crowd import Crowd
from aura_migration.sandbox.square.people.ledgers import deadlines
from aura_migration.sandbox.square.people.model import (
    Account,
    AccrualRule,
    Activity,
    Customer,
    GiftCard,
    LoyaltyEvent,
    Reward,
)
from aura_migration.sandbox.square.people.names import number_index
from aura_migration.sandbox.square.people.pen import DAY, LATEST, Pen
from aura_migration.sandbox.square.people.shifts import LAST_DAY, clock, local, roster
from aura_migration.sandbox.square.people.store import Generated

GROUPS = ("VIP", "Neighbors", "Office lunch", "Catering", "Friday club")
STAFF, WEEKS = 60, 4
Row = TypeVar("Row")


class _Part(Generic[Row]):
    """What the tables of a crowd share."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd

    def make(self, number: int) -> Row:
        """The row of a number."""
        raise NotImplementedError

    def value(self, name: str, number: int) -> Any:
        """One attribute of a row."""
        return getattr(self.make(number), name)


class Customers(_Part[Customer]):
    """Profiles by number."""

    @property
    def count(self) -> int:
        """How many."""
        return self.crowd.customers

    def make(self, number: int) -> Customer:
        """One profile."""
        return self.crowd.customer(number)

    def number_of(self, row_id: str) -> int | None:
        """The number of an id."""
        return self.crowd.of_customer_id(row_id)

    def column(self, name: str) -> array[int]:
        """created, updated or listed."""
        crowd, every = self.crowd, range(self.count)
        if name == "created":
            return array("q", (crowd.spread(which, self.count) for which in every))
        return array("q", map(crowd.updated if name == "updated" else crowd.is_listed, every))

    def value(self, name: str, number: int) -> Any:
        """The name everyone is listed by, without the rest of the profile."""
        if name == "sort_name" and self.crowd.is_listed(number):
            return "".join(self.crowd.name(number)).casefold()
        return super().value(name, number)


class Accounts(_Part[Account]):
    """Loyalty accounts by number."""

    @property
    def count(self) -> int:
        """How many."""
        return self.crowd.accounts

    def make(self, number: int) -> Account:
        """One account; three of ten say when their points run out."""
        crowd = self.crowd
        ledger, customer, created = crowd.ledger(number), crowd.customer_of(number), crowd.account_created(number)
        shares = ((2, LATEST + 63 * DAY), (1, LATEST + 245 * DAY)) if crowd.dice("ledger", number)[6] < 77 else ()
        return Account(
            id=crowd.uuid("account", number),
            created=created,
            updated=ledger.events[-1].created + 300,
            balance=ledger.balance,
            lifetime=ledger.lifetime,
            e164=crowd.e164(customer),
            mapping_id=crowd.uuid("mapping", number),
            customer_id=crowd.customer_id(customer),
            enrolled=created,
            deadlines=deadlines(ledger.balance, shares),
        )

    def number_of(self, row_id: str) -> int | None:
        """The number of an id."""
        return self.crowd.of_uuid("account", row_id, self.count)

    def column(self, name: str) -> array[int]:
        """created."""
        return array("q", map(self.crowd.account_created, range(self.count)))


class _OfAccounts(_Part[Row]):
    """Rows that belong to accounts or cards: so many each."""

    kind = ""

    @property
    def count(self) -> int:
        """How many in all."""
        return self.crowd.offsets(self.kind)[-1]

    def place(self, number: int) -> tuple[int, int]:
        """The owner of a row, and which of the owner's rows it is."""
        offsets = self.crowd.offsets(self.kind)
        owner = bisect_right(offsets, number) - 1
        return owner, number - offsets[owner]


class Events(_OfAccounts[LoyaltyEvent]):
    """Loyalty events by number."""

    kind = "events"

    def make(self, number: int) -> LoyaltyEvent:
        """One event."""
        owner, turn = self.place(number)
        return self.crowd.ledger(owner).events[turn]

    def number_of(self, row_id: str) -> int | None:
        """The number of an id."""
        return self.crowd.of_uuid("event", row_id, self.count)

    def column(self, name: str) -> array[int]:
        """created."""
        return array(
            "q", (stamp for account in range(self.crowd.accounts) for stamp in self.crowd.event_times(account))
        )


class Rewards(_OfAccounts[Reward]):
    """Rewards by number."""

    kind = "rewards"

    def make(self, number: int) -> Reward:
        """One reward."""
        owner, turn = self.place(number)
        return self.crowd.ledger(owner).rewards[turn]

    def number_of(self, row_id: str) -> int | None:
        """The number of an id."""
        return self.crowd.of_uuid("reward", row_id, self.count)

    def column(self, name: str) -> array[int]:
        """updated."""
        return array("q", (self.make(which).updated for which in range(self.count)))


class Cards(_Part[GiftCard]):
    """Gift cards by number."""

    @property
    def count(self) -> int:
        """How many."""
        return self.crowd.cards

    def make(self, number: int) -> GiftCard:
        """One card."""
        crowd, owner = self.crowd, self.crowd.owner_of(number)
        _, balance, state = crowd.activities_of_card(number)
        return GiftCard(
            id=f"gftc:{crowd.hex_id('gift card', number)}",
            gan=crowd.gan(number),
            kind="DIGITAL" if crowd.dice("card", number)[3] % 2 else "PHYSICAL",
            source="SQUARE",
            state=state,
            balance=balance,
            created=crowd.spread(number, self.count),
            customer_ids=[] if owner is None else [crowd.customer_id(owner)],
        )

    def number_of(self, row_id: str) -> int | None:
        """The number of an id."""
        return self.crowd.of_hex("gift card", row_id[5:], self.count) if row_id.startswith("gftc:") else None

    def column(self, name: str) -> array[int]:
        """created."""
        return array("q", (self.crowd.spread(which, self.count) for which in range(self.count)))


class Activities(_OfAccounts[Activity]):
    """Gift-card activities by number."""

    kind = "activities"

    def make(self, number: int) -> Activity:
        """One activity."""
        owner, turn = self.place(number)
        return self.crowd.activities_of_card(owner)[0][turn]

    def number_of(self, row_id: str) -> int | None:
        """The number of an id."""
        return self.crowd.of_hex("activity", row_id[6:], self.count) if row_id.startswith("gcact_") else None

    def column(self, name: str) -> array[int]:
        """created."""
        crowd = self.crowd
        return array("q", (held.created for card in range(crowd.cards) for held in crowd.activities_of_card(card)[0]))


def generated(crowd: Crowd) -> Generated:
    """The tables of a crowd, and the ways between them."""

    def one(which: int | None) -> Iterable[int]:
        return () if which is None else (which,)

    def accounts_of_customer(customer_id: str) -> Iterable[int]:
        which = crowd.of_customer_id(customer_id)
        return () if which is None else one(crowd.account_of(which))

    def account_of_phone(e164: str) -> Iterable[int]:
        index = number_index(e164)
        which = crowd.phones.back(index) if index is not None else crowd.customers
        return one(crowd.account_of(which)) if which < crowd.customers else ()

    def cards_of_customer(customer_id: str) -> Iterable[int]:
        which = crowd.of_customer_id(customer_id)
        return () if which is None else (card for card in range(crowd.cards) if crowd.owner_of(card) == which)

    def card_of_gan(gan: str) -> Iterable[int]:
        if len(gan) != 16 or not gan.startswith("77834") or not (gan.isascii() and gan.isdecimal()):
            return ()
        which = crowd.gans.back(int(gan[5:]))
        return one(which) if which < crowd.cards else ()

    def belonging(kind: str, which: int | None) -> Iterable[int]:
        offsets = crowd.offsets(kind)
        return () if which is None else range(offsets[which], offsets[which + 1])

    accounts, cards = Accounts(crowd), Cards(crowd)
    return Generated(
        customers=Customers(crowd),
        accounts=accounts,
        events=Events(crowd),
        rewards=Rewards(crowd),
        cards=cards,
        activities=Activities(crowd),
        accounts_of_customer=accounts_of_customer,
        account_of_phone=account_of_phone,
        events_of_account=lambda row_id: belonging("events", accounts.number_of(row_id)),
        rewards_of_account=lambda row_id: belonging("rewards", accounts.number_of(row_id)),
        cards_of_customer=cards_of_customer,
        card_of_gan=card_of_gan,
        activities_of_card=lambda row_id: belonging("activities", cards.number_of(row_id)),
    )


def crowd(builder: Builder, customers: int) -> None:
    """Write the people of `crowd`: the generated ones, a spend program, and a team of sixty."""
    first = next(iter(builder.world.locations.values()))
    merchant = builder.world.merchant
    group_ids = [builder.ids.token("people group", name, length=26) for name in GROUPS]
    made = Crowd(builder.ids, customers, group_ids, merchant.id, first.id)
    pen = Pen(builder, generated(made))
    for name in GROUPS:
        pen.group(name)
    for code, name in (("REACHABLE", "Reachable"), ("LAPSED", "Lapsed"), ("REGULARS", "Regulars")):
        pen.segment(code, name)
    tiers = [pen.tier(100, "Free pastry", "100", [pen.category_id("Bakery")]), pen.tier(250, "15% off", "15")]
    made.program = pen.program(
        tiers, [AccrualRule("SPEND", 1, cents=100)], one="Bean", other="Beans", expires_months=24
    )
    jobs = [pen.job("Barista", tips=True), pen.job("Cook"), pen.job("Shift lead", tips=True)]
    pen.member("Harriet Stone", [], owner=True, email="owner@crowd.example")
    crew = [
        pen.member(f"Crew Member-{number + 1}", [(jobs[number % 3], 1400 + 5 * number)], location_ids=[first.id])
        for number in range(STAFF)
    ]
    meal, rest = pen.break_type(first, "Meal", 30, paid=False), pen.break_type(first, "Rest", 10, paid=True)
    pen.workweek("MON", "04:00:00")
    roster(pen, first, crew, meal, rest, weeks=WEEKS)
    clock(pen, crew[0], first, local(first, LAST_DAY, 22), None)
