"""A restaurant that trades while both systems run: days of ordinary guests, and what happens after closing time.

Whose till a guest's order is rung up at goes by who owns the channel at that instant. The POS's clock only moves forward: a
day is sold, then closed, and what is to happen later (a void the next morning, a refund two days on) waits for its time in
the restaurant's `Timeline`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from aura_migration.sandbox.live.counter import Counter, Op
from aura_migration.sandbox.live.ledger import Book, Figures, Ledger, Refund, Sale, figures_of
from aura_migration.sandbox.live.menu import Charge, Discount, Dish
from aura_migration.sandbox.live.sums import Entry, work_out
from aura_migration.sandbox.live.till import SOUND, Quirk, Rung, Ticket, Till
from aura_migration.sandbox.live.timeline import Timeline

MINUTE = timedelta(minutes=1)
FIRST, LAST = "11:00", "21:45"
"""Guests are served between these times of day, and a few after midnight where the business day lasts that long."""
BEFORE_CLOSE = 10 * MINUTE
PEAKS = (3, 8, 6, 2, 1, 2, 6, 9, 8, 4, 2)
"""How busy the eleven hours of service are."""
NEVER_LATE = timedelta(hours=2)
"""A close-out earlier than this after midnight leaves no guests after midnight."""


@dataclass(frozen=True)
class TradingDay:
    """What a day is like. ``orders`` are ordinary ones, of which ``online`` is the share ordered online.

    ``both``: so many more are rung up in AuraConnect and pushed to the POS, whoever owns the channel. ``voids`` and ``refunds``:
    so many of the day's orders are voided the same day, given back the same day; ``late_voids`` and ``late_refunds``: the next
    day before noon, in both systems where both have them. ``offline``: so many orders of one hour reach the POS's cloud only
    ``offline_minutes`` later. ``pushes``: AuraConnect's own orders are pushed to the POS too (its kitchen cooks them).
    ``walk_ins``: so many more are the POS's own guests (its op ``trade``), with everything its menu and tenders have; what they
    come to is what the POS says, so that they are not for days on which AuraConnect's rules are wrong for everybody.
    """

    day: date
    orders: int = 20
    online: float = 0.25
    both: int = 0
    voids: int = 0
    refunds: int = 0
    late_voids: int = 0
    late_refunds: int = 0
    after_midnight: int = 2
    offline: int = 0
    offline_minutes: int = 90
    pushes: bool = False
    walk_ins: int = 0
    is_closed: bool = False


class LiveRestaurant:
    """One location with a counter at the POS and a till of AuraConnect.

    Until told otherwise (`own`) the POS owns every channel. ``seed`` decides what guests order; ids never do. Restaurants of
    one sandbox share a ``timeline``.
    """

    def __init__(self, till: Till, counter: Counter, seed: int = 1, timeline: Timeline | None = None) -> None:
        self.till = till
        self.counter = counter
        self.hours = till.menu.hours
        self.rates = till.menu.rates
        self.ledger = Ledger()
        self.seed = seed
        self.dishes = tuple(dish for dish in till.menu.dishes if counter.sells(dish))
        self.discounts = till.menu.discounts
        self.gratuity = till.menu.gratuity
        self.watchers: list[Callable[[Sale], None]] = []
        """Told of every sale at the POS."""
        self._unfollowed: list[Callable[[], bool]] = []
        self._spoiled: list[Callable[[], None]] = []
        self._owned: list[tuple[datetime, str, Book]] = []
        self.timeline = timeline or Timeline(counter)
        self._numbers = itertools.count(1)
        self._keys: dict[str, str] = {}
        if not self.dishes:
            raise LookupError(f"{counter.pos} sells nothing of what AuraConnect's menu has")

    # -- whose channel -----------------------------------------------------------------------------------------------

    def own(self, channel: str, book: Book, at: datetime) -> None:
        """From that instant on a channel that is switched (``online`` or ``in_house``) stands in this book."""
        self._owned.append((at, channel, book))

    def owner(self, channel: str, at: datetime) -> Book:
        """Whose figure counts for an order of that channel opened then."""
        switched = "online" if channel in ("online", "third_party") else "in_house"
        held = [
            (since, place) for place, (since, name, _) in enumerate(self._owned) if name == switched and since <= at
        ]
        return self._owned[max(held)[1]][2] if held else "pos"

    # -- time --------------------------------------------------------------------------------------------------------

    def later(self, at: datetime, happens: Callable[[], None]) -> None:
        """Let something happen once it is that time."""
        self.timeline.later(at, happens)

    def wait_until(self, at: datetime) -> None:
        """Let time pass; what waited for an instant up to then happens at its own."""
        self.timeline.wait_until(at)

    def after_follow(self, happens: Callable[[], bool]) -> None:
        """Let something happen once AuraConnect has followed the POS; it is tried again until it answers that it did."""
        self._unfollowed.append(happens)

    def followed(self) -> None:
        """AuraConnect has followed the POS; whoever lets it do so says it."""
        self._unfollowed = [happens for happens in self._unfollowed if not happens()]

    def until_mended(self, undo: Callable[[], None]) -> None:
        """Something was put wrong that stays wrong for everybody; ``undo`` puts it right."""
        self._spoiled.append(undo)

    def mend(self) -> None:
        """Put right what was put wrong, the last first."""
        while self._spoiled:
            self._spoiled.pop()()

    # -- single sales ------------------------------------------------------------------------------------------------

    def ticket(
        self,
        at: datetime,
        rng: Random,
        *,
        channel: str = "in_house",
        is_plain: bool = False,
        tender: str | None = None,
    ) -> Ticket:
        """What a guest orders. A plain one has no discount, gratuity or tip."""
        offered = self.offered(channel, at)
        picked: Sequence[Dish] = rng.sample(offered, min(len(offered), rng.choice((1, 2, 2, 3, 4))))
        entries = []
        for dish in picked:
            choices = tuple(rng.sample(dish.choices, min(len(dish.choices), rng.choice((0, 0, 1, 2)))))
            entries.append(Entry(dish, rng.choice((1, 1, 1, 2, 3)), choices))
        discount: Discount | None = None
        charge: Charge | None = None
        if not is_plain and self.discounts and rng.random() < 0.15:
            discount = rng.choice(self.discounts)
        if not is_plain and self.gratuity and channel == "in_house" and rng.random() < 0.1:
            charge = self.gratuity
        if tender is None:
            tender = "card" if channel == "online" or rng.random() < 0.7 else "cash"
        tip = 0 if is_plain or charge or tender == "cash" else rng.choice((0, 100, 200, 250, 300, 475))
        return Ticket(tuple(entries), at, channel, tender, tip, discount, charge)

    def offered(self, channel: str, at: datetime) -> Sequence[Dish]:
        """What a guest finds on the menu: of a channel that AuraConnect has, what AuraConnect offers."""
        if self.owner(channel, at) == "pos":
            return self.dishes
        items = self.till.offered()
        return [dish for dish in self.dishes if dish.item in items]

    def op(self, ticket: Ticket, external: str | None = None, offline_minutes: int | None = None) -> Op:
        """The sale of a ticket at the POS."""
        said: dict[str, Any] = {
            "at": ticket.at.astimezone(UTC).isoformat(),
            "lines": [self.counter.line(entry) for entry in ticket.entries],
            "channel": "online" if ticket.channel in ("online", "third_party") else "in_house",
            "tender": ticket.tender,
        }
        if ticket.tip:
            said["tip_cents"] = ticket.tip
        if ticket.discount is not None:
            said["discount"] = ticket.discount.source.rpartition("/")[2]
        if ticket.charge is not None:
            said["gratuity"] = True
        if external is not None:
            said["external"] = external
        if offline_minutes is not None:
            said["offline_minutes"] = offline_minutes
        return said

    def expected(self, ticket: Ticket) -> Figures:
        """What the POS is to make of a ticket, by this package's own arithmetic."""
        sums = work_out(self.till.menu.policy, ticket.entries, self.rates, ticket.discount, ticket.charge)
        return figures_of(sums, self.hours.day(ticket.at), ticket.tip)

    def note_sale(self, ticket: Ticket, **held: Any) -> Sale:
        """Write a sale down; ``held`` are fields of `Sale`."""
        day, number = self.hours.day(ticket.at), next(self._numbers)
        book = self.owner(ticket.channel, ticket.at)
        made = Sale(f"{day}/{number}", day, ticket.at, ticket.channel, book, ticket, **held)
        self.ledger.sales.append(made)
        return made

    def sell(self, tickets: Sequence[Ticket], offline_minutes: int | None = None) -> list[Sale]:
        """Ring tickets up at the POS, in one request."""
        made = self.counter.sell([self.op(ticket, None, offline_minutes) for ticket in tickets])
        late = None if offline_minutes is None else timedelta(minutes=offline_minutes)
        sales = [
            self.note_sale(
                ticket,
                pos=self.expected(ticket),
                pos_order=order,
                arrives_at=None if late is None else ticket.at + late,
            )
            for ticket, order in zip(tickets, made, strict=True)
        ]
        for sale in sales:
            for watcher in self.watchers:
                watcher(sale)
        return sales

    def ring(
        self, tickets: Sequence[tuple[Ticket, Quirk]], *, pushes: bool = False, is_known: bool = True
    ) -> list[Sale]:
        """Ring tickets up in AuraConnect, and at the POS too if they are pushed; both know of each other unless told not to."""
        rung = self.till.ring_all(tickets)
        sales = [
            self.note_sale(ticket, aura=aura_figures(made, quirk), aura_order=made.order)
            for (ticket, quirk), made in zip(tickets, rung, strict=True)
        ]
        if pushes:
            refs = [f"aura:{made.order}" if is_known else None for made in rung]
            orders = self.counter.sell([self.op(ticket, ref) for (ticket, _), ref in zip(tickets, refs, strict=True)])
            for (ticket, _), sale, order in zip(tickets, sales, orders, strict=True):
                sale.pos, sale.pos_order = self.expected(ticket), order
            if is_known:
                self.till.pushed((made.order, order) for made, order in zip(rung, orders, strict=True))
        return sales

    # -- afterwards --------------------------------------------------------------------------------------------------

    def void(self, sale: Sale, at: datetime, books: Sequence[Book] = ("pos", "auraconnect")) -> None:
        """Void a sale in the systems that have it, at that instant, which must have come."""
        if "pos" in books and sale.pos_order is not None:
            self.counter.void(sale.pos_order)
            sale.voided["pos"] = self.hours.day(at)
        if "auraconnect" in books and sale.aura_order is not None:
            sale.voided["auraconnect"] = self.till.void(sale.aura_order, at)

    def refund(
        self, sale: Sale, at: datetime, books: Sequence[Book] = ("pos", "auraconnect"), aura_day: date | None = None
    ) -> None:
        """Give a sale back in the systems that have it. ``aura_day``: the date AuraConnect books it on."""
        day = self.hours.day(at)
        if "pos" in books and sale.pos_order is not None and sale.pos is not None:
            self.counter.refund(sale.pos_order)
            sale.refunded["pos"] = Refund(day, sale.pos.paid + sale.pos.tip)
        if "auraconnect" in books and sale.aura_order is not None:
            cents = self.till.refund(sale.aura_order, at, day=aura_day)
            sale.refunded["auraconnect"] = Refund(aura_day or day, cents)

    def key(self, pos_order: str | None, aura_order: int | None) -> str:
        """The id AuraConnect knows a sale by: of the POS's order, else ``aura:<id>``. At Toast it is that of its check."""
        if pos_order is None:
            return f"aura:{aura_order}"
        if self.counter.pos != "toast":
            return pos_order
        if pos_order not in self._keys:
            self._keys = {order.id: order.key for order in self.counter.orders().values()}
        return self._keys[pos_order]

    # -- days --------------------------------------------------------------------------------------------------------

    def moments(self, day: date, count: int, rng: Random, after_midnight: int = 0) -> list[datetime]:
        """When the guests of a day come, the earliest first."""
        found = []
        late = after_midnight if self.hours.closeout > NEVER_LATE else 0
        first = self.hours.at(day, FIRST)
        for _ in range(max(0, count - late)):
            hour = rng.choices(range(len(PEAKS)), PEAKS)[0]
            found.append(first + timedelta(hours=hour, seconds=rng.randrange(2700)))
        midnight = self.hours.at(day, "00:05")
        found += [midnight + timedelta(seconds=rng.randrange(5000)) for _ in range(min(late, count))]
        return sorted(found)

    def changes(self, day: date) -> list[datetime]:
        """Instants around a change of the clocks within a business day: before it, after it, and in the hour that comes twice."""
        opens, closes = self.hours.opens(day), self.hours.closes(day)
        zone = self.hours.zone
        at = opens
        while at < closes:
            if (at + 30 * MINUTE).astimezone(zone).utcoffset() != at.astimezone(zone).utcoffset():
                change = at + 30 * MINUTE
                wanted = (change - 10 * MINUTE, change + 10 * MINUTE, change + 70 * MINUTE)
                return [instant for instant in wanted if opens <= instant < closes]
            at += 30 * MINUTE
        return []

    def trade(self, plan: TradingDay) -> list[Sale]:
        """Let a day pass, up to a minute after its close-out. Answers its ordinary sales, in the order of their instants."""
        sales = self.serve(plan)
        self.wait_until(self.hours.closes(plan.day) + MINUTE)
        return sales

    def serve(self, plan: TradingDay) -> list[Sale]:
        """Serve a day's guests; the day is not closed yet, and what is voided or given back on it waits for its time."""
        day, rng = plan.day, Random(f"{self.seed}:{plan.day}")  # noqa: S311 - seeded on purpose
        closes = self.hours.closes(day)
        self.wait_until(max(self.timeline.now, closes - BEFORE_CLOSE))
        sales: list[Sale] = []
        if not plan.is_closed:
            instants = sorted([*self.moments(day, plan.orders, rng, plan.after_midnight), *self.changes(day)])
            undone = self._to_be_undone(plan, instants, rng)
            tickets = [
                undone.get(place)
                or self.ticket(at, rng, channel="online" if rng.random() < plan.online else "in_house")
                for place, at in enumerate(instants)
            ]
            sales += self._offline(plan, tickets, undone.values())
            pos = [ticket for ticket in tickets if self.owner(ticket.channel, ticket.at) == "pos"]
            aura = [(ticket, SOUND) for ticket in tickets if self.owner(ticket.channel, ticket.at) == "auraconnect"]
            both = [(self.ticket(at, rng), SOUND) for at in self.moments(day, plan.both, rng)]
            sales += self.sell(pos) if pos else []
            sales += self.ring(aura, pushes=plan.pushes) if aura else []
            sales += self.ring(both, pushes=True) if both else []
            sales += self._walk_ins(plan) if plan.walk_ins else []
            self._undone(plan, [sale for sale in sales if sale.ticket in undone.values()], closes)
        return sorted(sales, key=lambda sale: sale.at)

    def _walk_ins(self, plan: TradingDay) -> list[Sale]:
        made = self.counter.trade(plan.day.isoformat(), plan.walk_ins, self.seed)
        known = self.counter.orders()
        sales = []
        for order in map(known.__getitem__, made):
            day = self.hours.day(order.opened_at)
            held = Figures(
                day, order.gross, order.discount, order.charge, order.tax, order.tip, order.payable, order.payable
            )
            sales.append(self.note_sale(Ticket((), order.opened_at), pos=held, pos_order=order.id))
        return sales

    def _offline(self, plan: TradingDay, tickets: list[Ticket], undone: Collection[Ticket]) -> list[Sale]:
        """The POS's orders of one hour that reach its cloud later; they are taken out of the tickets."""
        lost = [one for one in tickets if one not in undone and one.channel == "in_house"]
        lost = [one for one in lost if self.owner(one.channel, one.at) == "pos"]
        lost = lost[len(lost) // 2 :][: plan.offline]
        for ticket in lost:
            tickets.remove(ticket)
        return self.sell(lost, plan.offline_minutes) if lost else []

    def _to_be_undone(self, plan: TradingDay, instants: Sequence[datetime], rng: Random) -> dict[int, Ticket]:
        """Orders that will be voided or given back, by their place among the day's. Only what was paid in cash is voided (a
        card payment that was captured is given back), and nothing with a tip, which each POS gives back in its own way.
        """
        tenders = ["cash"] * (plan.voids + plan.late_voids) + ["card"] * (plan.refunds + plan.late_refunds)
        if len(tenders) > len(instants):
            raise ValueError(f"{plan.day}: {len(tenders)} orders to be undone of {len(instants)}")
        places = rng.sample(range(len(instants)), len(tenders))
        return {
            place: self.ticket(instants[place], rng, is_plain=True, tender=tender)
            for place, tender in zip(places, tenders, strict=True)
        }

    def _undone(self, plan: TradingDay, sales: Sequence[Sale], closes: datetime) -> None:
        cash = [sale for sale in sales if sale.ticket.tender == "cash"]
        card = [sale for sale in sales if sale.ticket.tender == "card"]
        now, morning = closes - BEFORE_CLOSE + MINUTE, closes + timedelta(hours=5)
        for chosen, early, act in ((cash, plan.voids, self.void), (card, plan.refunds, self.refund)):
            for place, sale in enumerate(chosen):
                self._at(now if place < early else morning, act, sale)

    def _at(self, at: datetime, act: Callable[[Sale, datetime], None], sale: Sale) -> None:
        self.later(at, lambda: act(sale, at))


def trade_together(plans: Mapping[LiveRestaurant, TradingDay]) -> None:
    """Let a day pass at several restaurants of one sandbox, up to a minute after the last of them has closed."""
    for live, plan in plans.items():
        live.serve(plan)
    for live, plan in plans.items():
        live.wait_until(max(live.timeline.now, live.hours.closes(plan.day) + MINUTE))


def aura_figures(made: Rung, quirk: Quirk) -> Figures:
    """What AuraConnect says of an order that its till has written."""
    sums = made.sums
    payable = sums.payable - (sums.charge - made.gratuity) + quirk.off
    return Figures(
        made.business_date, sums.gross + quirk.off, sums.discount, made.gratuity, sums.tax, made.tip, payable, made.paid
    )
