"""The pen with which scenarios write people: ids in Square's shapes, times, and short ways to say common things.

It draws from a generator of its own, so that people never move a price of the menu.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aura_migration.sandbox.core.ids import ALNUM, UPPER_ALNUM, URLSAFE
from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.model import Discount, Item, Location, PricingRule, ProductSet
from aura_migration.sandbox.square.people.ledgers import Step, card_ledger, deadlines, points_ledger
from aura_migration.sandbox.square.people.model import (
    Account,
    AccrualRule,
    Activity,
    Assignment,
    AttributeDefinition,
    BreakType,
    CardOnFile,
    Customer,
    GiftCard,
    Gone,
    Job,
    Label,
    LoyaltyEvent,
    Program,
    Promotion,
    Reward,
    TeamMember,
    Tier,
    Workweek,
)
from aura_migration.sandbox.square.people.store import Generated, People
from aura_migration.sandbox.square.people.table import Table

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
OPENED = int(datetime(2024, 3, 1, 15, tzinfo=UTC).timestamp() * 1000)
LATEST = int(datetime(2026, 9, 30, 23, 30, tzinfo=UTC).timestamp() * 1000)


def at(year: int, month: int, day: int, hour: int = 18, minute: int = 0) -> int:
    """The stamp of a moment in UTC."""
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


class Pen:
    """Writes the people of the account that `builder` wrote the menu of."""

    def __init__(self, builder: Builder, generated: Generated | None = None) -> None:
        self.builder = builder
        self.world = builder.world
        self.ids = builder.ids
        self.rng = self.ids.rng("people")
        self.people = People(self.ids, self.world.clock, generated)
        self.world.people = self.people
        self._named: dict[tuple[str, str], int] = {}

    def _name(self, kind: str, name: str) -> str:
        count = self._named.get((kind, name), 0)
        self._named[kind, name] = count + 1
        return f"{name}#{count}" if count else name

    def token(self, kind: str, name: str, length: int, alphabet: str = UPPER_ALNUM) -> str:
        """An id of its own for each use of the same name."""
        return self.ids.token(f"people {kind}", self._name(kind, name), alphabet, length)

    def uuid(self, kind: str, name: str) -> str:
        """A UUID of its own for each use of the same name."""
        return self.ids.uuid(f"people {kind}", self._name(kind, name))

    def moment(self, low: int = OPENED, high: int = LATEST) -> int:
        """A moment between two stamps: to the millisecond, or one time in three a whole second."""
        found = self.rng.randrange(low, max(high, low + 1))
        return max(low, found // 1000 * 1000) if self.rng.random() < 0.33 else found

    @property
    def places(self) -> list[Location]:
        """The active locations."""
        return [place for place in self.world.locations.values() if place.status == "ACTIVE"]

    # -- customers -------------------------------------------------------------------------------------------------

    def customer(self, name: str, **fields: Any) -> Customer:
        """A profile; `name` is "Given Family" unless the fields say otherwise ("" = nameless)."""
        key = self._name("customer", name or "nameless")
        given, _, family = name.partition(" ")
        created = fields.pop("created", None) or self.moment(high=LATEST - 30 * DAY)
        fields.setdefault("updated", self.moment(created))
        fields.setdefault("given", given or None)
        fields.setdefault("family", family or None)
        fields.setdefault("version", self.rng.randrange(0, 9))
        if fields.get("e164") and "phone" not in fields:
            fields["phone"] = fields["e164"]
        found = Customer(id=self.ids.token("people customer", key, UPPER_ALNUM, 26), created=created, **fields)
        if found.listed and (found.email or found.phone) and not found.segment_ids:
            found.segment_ids = [f"{self.world.merchant.id}.REACHABLE"]
        self.people.customers.add(found)
        return found

    def gone(self, name: str, stamp: int, into: Customer | None = None) -> Gone:
        """A profile that is no more."""
        key = self._name("customer", name)
        found = Gone(self.ids.token("people customer", key, UPPER_ALNUM, 26), stamp, into.id if into else None)
        self.people.gone[found.id] = found
        return found

    def group(self, name: str) -> Label:
        """A customer group."""
        stamp = self.moment(high=OPENED + 90 * DAY)
        label = Label(self.token("group", name, 26), name, stamp, stamp + self.rng.randrange(0, 300) * DAY)
        self.people.groups.append(label)
        return label

    def segment(self, code: str, name: str) -> Label:
        """A segment; its id is the merchant's with a code."""
        label = Label(f"{self.world.merchant.id}.{code}", name, OPENED, OPENED)
        self.people.segments.append(label)
        return label

    def definition(self, key: str, name: str, kind: str, **fields: Any) -> AttributeDefinition:
        """A custom attribute that customers can have."""
        found = AttributeDefinition(key, name, kind, fields.pop("description", name), self.moment(), **fields)
        self.people.definitions.append(found)
        return found

    def card_on_file(self, customer: Customer, **fields: Any) -> CardOnFile:
        """A card the customer left."""
        name = customer.id
        brand = fields.pop("brand", self.rng.choice(("VISA", "MASTERCARD", "AMERICAN_EXPRESS", "DISCOVER")))
        found = CardOnFile(
            id="ccof:" + self.token("card on file", name, 24, ALNUM),
            customer_id=customer.id,
            created=fields.pop("created", customer.created + self.rng.randrange(1, 30) * DAY),
            brand=brand,
            last_4=f"{self.rng.randrange(10_000):04d}",
            exp_month=self.rng.randrange(1, 13),
            exp_year=2026 + self.rng.randrange(0, 5),
            fingerprint="sq-1-" + self.token("fingerprint", name, 60, URLSAFE),
            bin=f"4{self.rng.randrange(100_000):05d}",
            holder=fields.pop("holder", f"{customer.given or ''} {customer.family or ''}".strip() or None),
            **fields,
        )
        self.people.cards_on_file.add(found)
        return found

    # -- loyalty ---------------------------------------------------------------------------------------------------

    def tier(
        self, points: int, name: str, percentage: str, scope: Sequence[str] = (), later: str | None = None
    ) -> Tier:
        """A reward tier with its pricing rule, discount and product set as of a catalog version.

        The rule is history of the catalog and not on its lists. `later`: what the percentage became afterwards ("gone":
        the rule was deleted), which a tier at its version must not be read with.
        """
        stamp = OPENED + (40 + len(self.world.unlisted)) * DAY + self.rng.randrange(1000)

        def made(kind: str) -> dict[str, Any]:
            name_of = f"reward {name}"
            return {"id": self.builder.new_id(kind, name_of), "name": name, "stamp": stamp, "created": stamp}

        discount = Discount(**made("DISCOUNT"), percentage=percentage)
        products = ProductSet(**made("PRODUCT_SET"), any_ids=list(scope), all_products=not scope)
        rule = PricingRule(**made("PRICING_RULE"), discount_id=discount.id, match_id=products.id)
        for thing in (discount, products, rule):
            self.world.unlisted[thing.id] = thing
        if later == "gone":
            self.world.remember([rule])
            rule.deleted, rule.stamp = True, stamp + 200 * DAY
        elif later is not None:
            self.world.remember([discount])
            discount.percentage, discount.stamp = later, stamp + 200 * DAY
        return Tier(self.uuid("tier", name), name, points, rule.id, stamp, stamp, f"{percentage}%")

    def program(self, tiers: Sequence[Tier], rules: Sequence[AccrualRule], **fields: Any) -> Program:
        """The loyalty program."""
        fields.setdefault("location_ids", [place.id for place in self.places])
        found = Program(
            id=self.uuid("program", "main"),
            status=fields.pop("status", "ACTIVE"),
            created=OPENED,
            updated=OPENED + 200 * DAY,
            one=fields.pop("one", "Point"),
            other=fields.pop("other", "Points"),
            rules=list(rules),
            tiers=list(tiers),
            **fields,
        )
        self.people.program = found
        return found

    def account(
        self, e164: str, steps: Sequence[Step], customer: Customer | str | None = None, **fields: Any
    ) -> Account:
        """A loyalty account whose balance is what the steps come to, unless `balance` says otherwise."""
        program = self.people.program
        assert program is not None
        account_id = self.uuid("account", e164)
        ledger = points_ledger(account_id, steps, lambda kind, n: self.uuid(kind, f"{account_id} {n}"))
        created = fields.pop("created", None) or (steps[0].at - 4000 if steps else self.moment())
        balance = fields.pop("balance", ledger.balance)
        latest = max((event.created for event in ledger.events), default=created)
        shares = fields.pop("shares", ())
        found = Account(
            id=account_id,
            created=created,
            updated=fields.pop("updated", latest + 300),
            balance=balance,
            lifetime=fields.pop("lifetime", max(ledger.lifetime, balance)),
            e164=e164,
            mapping_id=self.uuid("mapping", e164),
            customer_id=customer.id if isinstance(customer, Customer) else customer,
            enrolled=fields.pop("enrolled", created),
            deadlines=deadlines(balance, shares),
            explained=balance == ledger.balance,
        )
        self.people.accounts.add(found)
        _fill(self.people.events, ledger.events)
        _fill(self.people.rewards, ledger.rewards)
        return found

    def promotion(self, name: str, status: str, start: str, **fields: Any) -> Promotion:
        """A loyalty promotion."""
        stamp = int(datetime.fromisoformat(start + "T12:00:00+00:00").timestamp() * 1000) - 3 * DAY
        fields.setdefault("end", None)
        fields.setdefault("periods", [PERIOD.format(start=start.replace("-", ""))])
        found = Promotion("loypromo_" + self.uuid("promotion", name), name, status, stamp, stamp, start, **fields)
        self.people.promotions.append(found)
        return found

    # -- gift cards ------------------------------------------------------------------------------------------------

    def gift_card(self, name: str, steps: Sequence[Step], place: Location | None = None, **fields: Any) -> GiftCard:
        """A gift card whose balance is what the steps come to."""
        card_id = "gftc:" + self.token("gift card", name, 32, "0123456789abcdef")
        gan = fields.pop("gan", None) or "77833" + self.token("gan", name, 11, "0123456789")
        location = place or self.places[0]

        def new_id(kind: str, number: int) -> str:
            return "gcact_" + self.token(kind, f"{card_id} {number}", 32, "0123456789abcdef")

        activities, balance = card_ledger(card_id, gan, location.id, steps, new_id)
        found = GiftCard(
            id=card_id,
            gan=gan,
            kind=fields.pop("kind", "DIGITAL"),
            source=fields.pop("source", "SQUARE"),
            state=fields.pop("state", "ACTIVE"),
            balance=balance,
            created=fields.pop("created", None) or (steps[0].at - 2000 if steps else self.moment()),
            **fields,
        )
        self.people.gift_cards.add(found)
        _fill(self.people.activities, activities)
        return found

    def move_money(self, card_id: str, kind: str, cents: int, change: int, moment: int, **fields: Any) -> Activity:
        """One more activity of a card that is there, `change` cents up or down."""
        card = self.people.gift_cards.edit(card_id)
        assert card is not None and card.balance + change >= 0
        card.balance += change
        activity = Activity(
            id="gcact_" + self.token("activity", f"{card_id} {moment}", 32, "0123456789abcdef"),
            kind=kind,
            created=moment,
            card_id=card.id,
            gan=card.gan,
            location_id=self.places[0].id,
            cents=cents,
            balance=card.balance,
            **fields,
        )
        return self.people.activities.add(activity)

    # -- team ------------------------------------------------------------------------------------------------------

    def job(self, title: str, tips: bool = False) -> Job:
        """A job."""
        stamp = self.moment(high=OPENED + 60 * DAY)
        found = Job(self.token("job", title, 22, ALNUM), title, tips, stamp, stamp + self.rng.randrange(0, 400) * DAY)
        self.people.jobs[found.id] = found
        return found

    def member(self, name: str, assignments: Sequence[tuple[Any, ...]] | None = None, **fields: Any) -> TeamMember:
        """A person of the team. `assignments`: (job, hourly cents), (job, annual cents, weekly hours) or (job,)."""
        given, _, family = name.partition(" ")
        key = self._name("team member", name)
        shape = "TMA-" if fields.get("owner") else "TM"
        created = fields.pop("created", None) or self.moment(high=OPENED + 500 * DAY)
        held = None
        if assignments is not None:
            held = [self.assignment(f"{key} {number}", *parts) for number, parts in enumerate(assignments)]
        found = TeamMember(
            id=shape + self.ids.token("people team", key, ALNUM, 14),
            given=given,
            family=family or None,
            created=created,
            updated=fields.pop("updated", created + self.rng.randrange(0, 300) * DAY),
            assignments=held,
            **fields,
        )
        self.people.team.add(found)
        return found

    def assignment(self, name: str, job: Job, amount: int | None = None, weekly_hours: int | None = None) -> Assignment:
        """A job with its pay: an amount alone is an hourly rate, with hours a yearly one."""
        wage_id = self.token("wage", name, 24, ALNUM)
        if amount is None:
            return Assignment(wage_id, job, "NONE")
        if weekly_hours is None:
            return Assignment(wage_id, job, "HOURLY", hourly=amount)
        return Assignment(wage_id, job, "SALARY", annual=amount, weekly_hours=weekly_hours)

    def break_type(self, place: Location, name: str, minutes: int, paid: bool) -> BreakType:
        """A kind of break."""
        found = BreakType(
            self.token("break type", f"{place.id} {name}", 13),
            place.id,
            name,
            minutes,
            paid,
            self.moment(high=OPENED + DAY),
        )
        self.people.break_types[found.id] = found
        return found

    def workweek(self, day: str, start_of_day: str) -> Workweek:
        """When the week begins."""
        found = Workweek(self.token("workweek", day, 13), day, start_of_day, OPENED)
        self.people.workweeks.append(found)
        return found

    # -- menu ------------------------------------------------------------------------------------------------------

    def category_id(self, *names: str) -> str:
        """The id of the first category there is of these names."""
        held = {category.name: category.id for category in reversed(self.world.categories()) if not category.deleted}
        return next(held[name] for name in names if name in held)

    def item(self, name: str) -> Item:
        """The item of a name."""
        return next(item for item in self.world.items() if item.name == name)


PERIOD = "BEGIN:VEVENT\nDTSTART:{start}T140000\nDURATION:PT3H\nRRULE:FREQ=WEEKLY;BYDAY=MON,TUE\nEND:VEVENT"


def _fill(table: Table[Any], rows: Sequence[LoyaltyEvent | Reward | Activity]) -> None:
    for row in rows:
        table.add(row)
