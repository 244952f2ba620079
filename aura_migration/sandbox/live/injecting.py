"""Differences of known cause, put between the two systems one order at a time.

Each function makes one sale that both systems have (a twin: rung up in AuraConnect, pushed to the POS) and lets one thing be
different, or loses one side of it; what it did it records in the ledger, with the cents. Where AuraConnect does not take
orders of the channel, `shadow` has the differences that copies of the POS's orders show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import combinations
from random import Random

from aura_migration.sandbox.live.ledger import Injected, Sale
from aura_migration.sandbox.live.menu import Charge
from aura_migration.sandbox.live.sums import Entry, work_out
from aura_migration.sandbox.live.till import SOUND, Quirk, Ticket
from aura_migration.sandbox.live.trading import MINUTE, LiveRestaurant

NOON = "14:20"
OVERNIGHT = timedelta(hours=5)
TIP = 340
NOBODYS_TENDER = "Sampling voucher"
OFF = 137


# -- helpers -----------------------------------------------------------------------------------------------------------


def _rng(live: LiveRestaurant, day: date, cause: str) -> Random:
    return Random(f"{live.seed}:{day}:{cause}")  # noqa: S311 - seeded on purpose


def plain_ticket(live: LiveRestaurant, day: date, cause: str, clock: str = NOON, tender: str = "card") -> Ticket:
    """An order of three dishes and nothing else, whose time and dishes go by the cause."""
    rng = _rng(live, day, cause)
    at = live.hours.at(day, clock) + timedelta(seconds=rng.randrange(60, 900))
    entries = tuple(Entry(dish, rng.choice((1, 2))) for dish in rng.sample(live.dishes, 3))
    return Ticket(entries, at, "in_house", tender)


def _twin(live: LiveRestaurant, ticket: Ticket, quirk: Quirk = SOUND, pos: Ticket | None = None) -> Sale:
    """Ring a ticket up in AuraConnect and push it to the POS, which may be told otherwise (``pos``)."""
    (sale,) = live.ring([(ticket, quirk)])
    told = ticket if pos is None else pos
    (order,) = live.counter.sell([live.op(told, f"aura:{sale.aura_order}")])
    sale.pos, sale.pos_order = live.expected(told), order
    live.till.pushed([(sale.aura_order or 0, order)])
    return sale


def note(
    live: LiveRestaurant,
    cause: str,
    sale: Sale,
    part: str,
    cents: int,
    day: date | None = None,
    settles_at: datetime | None = None,
    order: str | None = None,
) -> None:
    """Write down a difference of a sale; ``order`` where its key is not the sale's."""
    key = partial(live.key, sale.pos_order, sale.aura_order) if order is None else partial(str, order)
    live.ledger.injected.append(
        Injected(cause, day or sale.day, part, cents, key, sale.pos_order, sale.aura_order, settles_at)
    )


def _parts(live: LiveRestaurant, cause: str, sale: Sale) -> None:
    """Note every part in which the two systems differ."""
    assert sale.pos is not None and sale.aura is not None
    for part, cents in sale.aura.less(sale.pos).items():
        note(live, cause, sale, part, -cents if part == "discount" else cents)


# -- prices, taxes, discounts, charges ---------------------------------------------------------------------------------


def rounding(live: LiveRestaurant, day: date) -> None:
    """AuraConnect rounds a tax down where the POS rounds it up: one cent."""
    ticket = plain_ticket(live, day, "rounding")
    menu = live.till.menu
    for entries in _baskets(live, _rng(live, day, "rounding")):
        as_is = work_out(menu.policy, entries, menu.rates)
        if as_is.tax - work_out(menu.policy, entries, menu.rates, rounding="always_down").tax == 1:
            sale = _twin(live, replace(ticket, entries=entries), Quirk(rounding="always_down"))
            _parts(live, "rounding", sale)
            return
    raise LookupError("no basket of this menu has a tax whose rounding can be seen")


def _baskets(live: LiveRestaurant, rng: Random) -> Iterator[tuple[Entry, ...]]:
    dishes = rng.sample(live.dishes, len(live.dishes))
    for picked in combinations(dishes, 2):
        yield tuple(Entry(dish) for dish in picked)


def tax_rule(live: LiveRestaurant, day: date) -> None:
    """AuraConnect has a tax with one percentage point more."""
    ticket = plain_ticket(live, day, "tax_rule")
    number = next(rate for entry in ticket.entries for rate in entry.dish.rates)
    rate = live.till.menu.rates[number]
    sale = _twin(live, ticket, Quirk(rates={number: replace(rate, percent=rate.percent + 1)}))
    _parts(live, "tax_rule", sale)


def price_changed(live: LiveRestaurant, day: date) -> None:
    """The POS asks 45 cents more for a dish than AuraConnect's menu says."""
    ticket = plain_ticket(live, day, "price_changed")
    dearer = replace(ticket.entries[0], quantity=1, cents=ticket.entries[0].dish.cents + 45)
    same = replace(ticket.entries[0], quantity=1)
    sale = _twin(
        live,
        replace(ticket, entries=(same, *ticket.entries[1:])),
        pos=replace(ticket, entries=(dearer, *ticket.entries[1:])),
    )
    _parts(live, "price_changed", sale)


def discount_rule(live: LiveRestaurant, day: date) -> None:
    """AuraConnect takes five percent more off than the discount of that name at the POS."""
    discount = live.till.menu.by_percent
    if discount is None or discount.percent is None:
        raise LookupError("this menu has no discount in percent")
    ticket = replace(plain_ticket(live, day, "discount_rule"), discount=discount)
    more = replace(discount, percent=discount.percent + 5)
    sale = _twin(live, replace(ticket, discount=more), pos=ticket)
    _parts(live, "discount_rule", sale)


def charge_rule(live: LiveRestaurant, day: date) -> None:
    """AuraConnect asks for two percent more gratuity than the POS."""
    charge = gratuity_of(live)
    ticket = replace(plain_ticket(live, day, "charge_rule"), charge=charge)
    more = replace(charge, percent=charge.percent + 2)
    sale = _twin(live, replace(ticket, charge=more), pos=ticket)
    _parts(live, "charge_rule", sale)


def gratuity_of(live: LiveRestaurant) -> Charge:
    """The gratuity of the café: AuraConnect's, or what the POS asks of a large party though no menu says so."""
    held = live.till.menu.gratuity
    if held is not None:
        return held
    if live.counter.pos == "square":
        return Charge(None, "Party of six or more", Decimal(18))
    raise LookupError("this café has no gratuity")


def gratuity_treatment(live: LiveRestaurant, day: date) -> None:
    """What is a gratuity on the POS's check is a tip to AuraConnect."""
    ticket = replace(plain_ticket(live, day, "gratuity_treatment"), charge=gratuity_of(live))
    sale = _twin(live, ticket, Quirk(gratuity_as_tip=True))
    _parts(live, "gratuity_treatment", sale)


def tip_treatment(live: LiveRestaurant, day: date) -> None:
    """What is a tip at the POS is a part of the payment to AuraConnect."""
    ticket = replace(plain_ticket(live, day, "tip_treatment"), tip=TIP)
    sale = _twin(live, ticket, Quirk(tip_in_payment=True))
    _parts(live, "tip_treatment", sale)


def unmapped_item(live: LiveRestaurant, day: date) -> None:
    """One line is nothing AuraConnect has on its menu: it is there by name, without a price."""
    sale = _twin(live, plain_ticket(live, day, "unmapped_item"), Quirk(unknown=frozenset({1})))
    _parts(live, "unmapped_item", sale)


def unmapped_tender(live: LiveRestaurant, day: date) -> None:
    """Cash at the POS, something unknown to AuraConnect: the totals agree, the tenders do not."""
    ticket = plain_ticket(live, day, "unmapped_tender", tender="cash")
    sale = _twin(live, ticket, Quirk(tender_name=NOBODYS_TENDER))
    assert sale.pos is not None
    note(live, "unmapped_tender", sale, "tender", sale.pos.paid)


def unknown(live: LiveRestaurant, day: date) -> None:
    """AuraConnect's total is off, and nothing on the order says why."""
    sale = _twin(live, plain_ticket(live, day, "unknown"), Quirk(off=OFF))
    _parts(live, "unknown", sale)


# -- days and clocks ---------------------------------------------------------------------------------------------------


def business_day_boundary(live: LiveRestaurant, day: date) -> None:
    """An order after midnight: AuraConnect's day ends at midnight, the POS's goes on."""
    _need_night(live)
    ticket = plain_ticket(live, day, "business_day_boundary", "00:20")
    sale = _twin(live, ticket, Quirk(closeout=timedelta(0)))
    _moved(live, "business_day_boundary", sale)


def clock_skew(live: LiveRestaurant, day: date) -> None:
    """AuraConnect's till is 45 minutes ahead: of three orders of the last two hours the last is of the next day to it."""
    ticket = replace(plain_ticket(live, day, "clock_skew"), minutes=5)
    for minutes in (110, 85):
        _twin(live, replace(ticket, at=live.hours.closes(day) - minutes * MINUTE), Quirk(skew=45 * MINUTE))
    sale = _twin(live, replace(ticket, at=live.hours.closes(day) - 25 * MINUTE), Quirk(skew=45 * MINUTE))
    _moved(live, "clock_skew", sale)


def _moved(live: LiveRestaurant, cause: str, sale: Sale) -> None:
    assert sale.aura is not None and sale.pos is not None
    note(live, cause, sale, "order", -sale.pos.payable)
    note(live, cause, sale, "order", sale.aura.payable, sale.aura.day)


def _need_night(live: LiveRestaurant) -> None:
    if live.hours.closeout < timedelta(hours=1):
        raise LookupError("this café's business day ends at midnight")


def late_order(live: LiveRestaurant, day: date) -> None:
    """Rung up at the POS while it was offline: its cloud has the order only hours after the close-out."""
    ticket = plain_ticket(live, day, "late_order", "20:00")
    arrives = live.hours.closes(day) + 6 * 60 * MINUTE
    (sale,) = live.sell([ticket], int((arrives - ticket.at) / MINUTE))
    assert sale.pos is not None
    note(live, "late_order", sale, "order", -sale.pos.payable, settles_at=sale.arrives_at)


# -- voids and refunds -------------------------------------------------------------------------------------------------


def late_void(live: LiveRestaurant, day: date) -> None:
    """Voided at the POS the next morning; AuraConnect still counts it."""
    sale = _twin(live, plain_ticket(live, day, "late_void", tender="cash"))
    morning = live.hours.closes(day) + OVERNIGHT

    def void() -> None:
        live.void(sale, morning, ("pos",))
        assert sale.aura is not None
        note(live, "late_void", sale, "order", sale.aura.payable)

    live.later(morning, void)


def refund_day(live: LiveRestaurant, day: date) -> None:
    """Given back the next morning; AuraConnect books it on the day of the sale."""
    sale = _twin(live, plain_ticket(live, day, "refund_day"))
    morning = live.hours.closes(day) + OVERNIGHT

    def refund() -> None:
        live.refund(sale, morning, aura_day=day)
        cents = sale.refunded["auraconnect"].cents
        note(live, "refund_day", sale, "refund", -cents)
        note(live, "refund_day", sale, "refund", cents, sale.refunded["pos"].day)

    live.later(morning, refund)


# -- orders that are in one system only --------------------------------------------------------------------------------


def channel_counted_twice(live: LiveRestaurant, day: date) -> None:
    """One order in both systems, and neither knows that the other has it: each counts it."""
    ticket = plain_ticket(live, day, "channel_counted_twice")
    (sale,) = live.ring([(ticket, SOUND)], pushes=True, is_known=False)
    sale.is_doubled = True
    assert sale.aura is not None
    note(live, "channel_counted_twice", sale, "order", sale.aura.payable, order=f"aura:{sale.aura_order}")


def missing_order(live: LiveRestaurant, day: date) -> None:
    """AuraConnect has lost an order that it took and pushed to the POS."""
    sale = _twin(live, plain_ticket(live, day, "missing_order"))
    assert sale.aura_order is not None and sale.pos is not None
    live.till.lose(sale.aura_order)
    sale.aura = None
    note(live, "missing_order", sale, "order", -sale.pos.payable)
    sale.aura_order = None


def extra_order(live: LiveRestaurant, day: date) -> None:
    """An order in AuraConnect by a channel of the POS's, of which the POS knows nothing."""
    (sale,) = live.ring([(plain_ticket(live, day, "extra_order"), SOUND)])
    assert sale.aura is not None
    note(live, "extra_order", sale, "order", sale.aura.payable)


CAUSES: Mapping[str, Callable[[LiveRestaurant, date], None]] = {
    made.__name__: made
    for made in (
        business_day_boundary,
        tip_treatment,
        gratuity_treatment,
        late_void,
        refund_day,
        rounding,
        channel_counted_twice,
        unmapped_tender,
        unmapped_item,
        missing_order,
        extra_order,
        tax_rule,
        price_changed,
        discount_rule,
        charge_rule,
        late_order,
        clock_skew,
        unknown,
    )
}
"""Every cause of the closed list."""
