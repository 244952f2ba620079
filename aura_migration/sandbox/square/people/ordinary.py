"""Ordinary guests and regulars: what most of any directory, loyalty program and gift-card book looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aura_migration.sandbox.square.people.ledgers import Step
from aura_migration.sandbox.square.people.model import Account, Customer, GiftCard, Label, Program, Promotion, Tier
from aura_migration.sandbox.square.people.names import (
    DOMAINS,
    FAMILY,
    GIVEN,
    NUMBERS,
    address,
    notation,
    number,
    plain,
)
from aura_migration.sandbox.square.people.pen import DAY, HOUR, LATEST, OPENED, Pen

SOURCES = ("DIRECTORY", "DIRECTORY", "LOYALTY", "LOYALTY", "ONLINE_STORE", "FEEDBACK", "TERMINAL", "IMPORT")
FIRST_NUMBER, NUMBER_STEP = 7_003, 38_119
LOADS = (1000, 1500, 2000, 2500, 5000, 7500, 10_000)


class Guests:
    """Writes ordinary people; phone numbers never repeat within one account."""

    def __init__(self, pen: Pen) -> None:
        self.pen = pen
        self._numbers = pen.ids.rng("phone numbers").randrange(NUMBERS)
        self._count = 0

    def phone(self) -> str:
        """An E.164 number nobody here has yet."""
        self._count += 1
        return number((self._numbers + FIRST_NUMBER + NUMBER_STEP * self._count) % NUMBERS)

    def guest(self, groups: Sequence[Label] = (), **fields: Any) -> Customer:
        """One profile with the gaps profiles have."""
        rng = self.pen.rng
        given, family = rng.choice(GIVEN), rng.choice(FAMILY)
        e164 = self.phone()
        fields.setdefault("e164", e164 if rng.random() < 0.92 else None)
        if fields["e164"]:
            fields.setdefault("phone", notation(fields["e164"], rng.choice((0, 0, 0, 1, 2, 3))))
        if rng.random() < 0.86:
            mail = f"{plain(given)}.{plain(family)}.{self._count}@{rng.choice(DOMAINS)}"
            fields.setdefault("email", mail)
        if rng.random() < 0.3:
            fields.setdefault("birthday", self.birthday())
        if rng.random() < 0.25:
            fields.setdefault("address", address(rng.randrange(50_000)))
        if groups and rng.random() < 0.3:
            fields.setdefault("group_ids", [rng.choice(groups).id])
        fields.setdefault("unsubscribed", rng.choice((True, False, False, False, None)))
        fields.setdefault("source", rng.choice(SOURCES))
        return self.pen.customer(f"{given} {family}", **fields)

    def birthday(self) -> str:
        """A birthday; one in three without its year."""
        rng = self.pen.rng
        year = 0 if rng.random() < 0.33 else rng.randrange(1942, 2009)
        return f"{year:04d}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"

    def instant(self) -> Customer:
        """A nameless profile Square made by itself from a payment."""
        return self.pen.customer("", source="INSTANT_PROFILE", version=0)

    # -- loyalty ---------------------------------------------------------------------------------------------------

    def steps(self, program: Program, promotions: Sequence[Promotion] = (), after: int = OPENED) -> list[Step]:
        """A regular's history: visits, now and then a reward, an adjustment, points that ran out."""
        rng, steps, balance = self.pen.rng, [], 0
        moment = min(max(after, program.created) + rng.randrange(1, 40) * HOUR, LATEST - 40 * DAY)
        visits = rng.randrange(1, 9)
        pace = max(DAY, (LATEST - moment) // (visits + 4))
        for _ in range(visits):
            points = rng.randrange(4, 60)
            place = rng.choice(program.location_ids)
            fields: dict[str, Any] = {"location_id": place}
            if rng.random() < 0.2:
                fields = {
                    "location_id": place,
                    "source": "LOYALTY_API",
                    "order_id": self.pen.token("order", "earn", 28),
                }
            steps.append(Step("EARN", points, moment, fields=tuple(fields.items())))
            balance += points
            if promotions and rng.random() < 0.15:
                fields = {"location_id": place, "promotion_id": promotions[0].id}
                fields["order_id"] = self.pen.token("order", "promotion", 28)
                steps.append(Step("PROMO", points, moment + 900, fields=tuple(fields.items())))
                balance += points
            moment += rng.randrange(pace // 2, pace)
            tier = self._affordable(program.tiers, balance)
            if tier is not None and rng.random() < 0.35:
                kind = rng.choice(("REWARD", "REWARD_REDEEMED", "REWARD_REDEEMED", "REWARD_DELETED"))
                fields = {"location_id": place, "later": rng.randrange(60_000, DAY)}
                if rng.random() < 0.5:
                    fields |= {"source": "LOYALTY_API", "order_id": self.pen.token("order", "reward", 28)}
                steps.append(Step(kind, 0, moment, tier, tuple(fields.items())))
                balance -= 0 if kind == "REWARD_DELETED" else tier.points
                moment += DAY + rng.randrange(pace // 2, pace)
        if rng.random() < 0.1:
            steps.append(Step("ADJUST", rng.choice((5, 10, 25)), moment, fields=(("reason", "Came back hungry"),)))
        elif balance > 10 and rng.random() < 0.1:
            steps.append(Step("EXPIRE", rng.randrange(1, balance // 2), moment))
        return steps

    def _affordable(self, tiers: Sequence[Tier], balance: int) -> Tier | None:
        within = [tier for tier in tiers if tier.points <= balance]
        return self.pen.rng.choice(within) if within else None

    def regular(self, customer: Customer, promotions: Sequence[Promotion] = (), **fields: Any) -> Account:
        """The loyalty account of a customer with a phone number."""
        program = self.pen.people.program
        assert program is not None and customer.e164 is not None
        if program.expires_months and self.pen.rng.random() < 0.7:
            weights = [(self.pen.rng.randrange(1, 5), LATEST + months * 30 * DAY) for months in (2, 5, 9)]
            fields.setdefault("shares", weights[: self.pen.rng.randrange(1, 4)])
        steps = self.steps(program, promotions, customer.created)
        return self.pen.account(customer.e164, steps, customer, **fields)

    # -- gift cards ------------------------------------------------------------------------------------------------

    def gift_card(self, name: str, customer: Customer | None = None, **fields: Any) -> GiftCard:
        """A card that was sold, perhaps topped up, perhaps used; at any of the places."""
        rng, places = self.pen.rng, self.pen.places
        moment = self.pen.moment(OPENED + 30 * DAY, LATEST - 60 * DAY)
        amount = rng.choice(LOADS)
        sale = (("order_id", self.pen.token("order", name, 28)), ("location_id", rng.choice(places).id))
        steps, balance = [Step("ACTIVATE", amount, moment, fields=sale)], amount
        for _ in range(rng.randrange(0, 4)):
            moment += rng.randrange(1, 12) * DAY
            place = ("location_id", rng.choice(places).id)
            if balance > 200 and rng.random() < 0.75:
                spent = balance if rng.random() < 0.2 else rng.randrange(100, balance)
                payment = ("payment_id", self.pen.token("payment", name, 28))
                steps.append(Step("REDEEM", spent, moment, fields=(place, payment)))
                balance -= spent
            else:
                steps.append(
                    Step("LOAD", 1000, moment, fields=(place, ("order_id", self.pen.token("order", name, 28))))
                )
                balance += 1000
        kind = fields.pop("kind", rng.choice(("DIGITAL", "PHYSICAL")))
        links = [customer.id] if customer is not None else []
        return self.pen.gift_card(name, steps, kind=kind, customer_ids=links, **fields)
