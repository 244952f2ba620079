"""Differences of known cause between the POS's orders and what AuraConnect makes of its copies of them.

While the POS still owns a channel AuraConnect has no orders of its own: it prices the POS's orders again by its own menu and
rules, and keeps copies. So AuraConnect's menu or rules are wrong here (by SQL, as somebody with too much access would do it), the
POS's have moved on, or a copy is spoiled once it was made. What is put wrong is kept out of ordinary guests' orders, so that the
difference stays on one order, unless it says otherwise. AuraConnect prices by its menu of the moment: whoever wants to see the
difference looks while it is wrong, before `LiveRestaurant.mend`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from aura_migration.sandbox.live.injecting import (
    NOBODYS_TENDER,
    OFF,
    OVERNIGHT,
    TIP,
    late_order,
    note,
    plain_ticket,
)
from aura_migration.sandbox.live.ledger import Figures, Sale, figures_of
from aura_migration.sandbox.live.menu import Charge, Discount, Dish, Rate
from aura_migration.sandbox.live.sums import Entry, work_out
from aura_migration.sandbox.live.till import Ticket
from aura_migration.sandbox.live.trading import LiveRestaurant

NEW_DISH = "Market special"
NEW_CENTS = 1180


def _aside(live: LiveRestaurant, day: date, cause: str) -> Dish:
    """A taxed dish that ordinary guests order no more."""
    rng = Random(f"{live.seed}:{day}:{cause}:aside")  # noqa: S311 - seeded on purpose
    dish = rng.choice([dish for dish in live.dishes if dish.rates])
    live.dishes = tuple(other for other in live.dishes if other.item != dish.item)
    return dish


def _with(ticket: Ticket, dish: Dish) -> Ticket:
    return replace(ticket, entries=(Entry(dish), *ticket.entries[1:]))


def _priced(
    live: LiveRestaurant,
    sale: Sale,
    rates: Mapping[int, Rate] | None = None,
    discount: Discount | None = None,
    charge: Charge | None = None,
    rounding: str | None = None,
    entries: tuple[Entry, ...] | None = None,
) -> Figures:
    """What AuraConnect makes of a sale at the POS where it has this otherwise."""
    ticket = sale.ticket
    sums = work_out(
        live.till.menu.policy,
        ticket.entries if entries is None else entries,
        rates or live.rates,
        discount or ticket.discount,
        charge or ticket.charge,
        rounding,
    )
    return figures_of(sums, sale.day, ticket.tip)


def _parts(live: LiveRestaurant, cause: str, sale: Sale, aura: Figures) -> None:
    assert sale.pos is not None
    for part, cents in aura.less(sale.pos).items():
        if part != "paid":  # nobody pays AuraConnect for a copy
            note(live, cause, sale, part, -cents if part == "discount" else cents)


def _change(live: LiveRestaurant, statement: str, *values: object) -> None:
    found = live.till.connection.execute(statement.encode(), values)
    if found.rowcount != 1:
        raise LookupError(f"{found.rowcount} rows of AuraConnect were changed, not one: {statement}")


def _wrong(live: LiveRestaurant, statement: str, back: str, wrong: object, right: object, *where: object) -> None:
    """Change one row, and change it back when all is mended."""
    _change(live, statement, wrong, *where)
    live.until_mended(lambda: _change(live, back, right, *where))


# -- AuraConnect's menu and rules --------------------------------------------------------------------------------------


def price_changed(live: LiveRestaurant, day: date) -> None:
    """The POS's price of a dish went up by 45 cents; AuraConnect's menu has the old one."""
    dish = _aside(live, day, "price_changed")
    live.counter.set_price(dish, dish.cents + 45)
    live.until_mended(lambda: live.counter.set_price(dish, dish.cents))
    now = replace(dish, cents=dish.cents + 45)
    (sale,) = live.sell([_with(plain_ticket(live, day, "price_changed"), now)])
    entries = (replace(sale.ticket.entries[0], dish=dish), *sale.ticket.entries[1:])
    _parts(live, "price_changed", sale, _priced(live, sale, entries=entries))


def tax_rule(live: LiveRestaurant, day: date) -> None:
    """AuraConnect has lost a tax of a dish."""
    dish = _aside(live, day, "tax_rule")
    here = "menu_item_id = %s AND tax_rate_id = %s AND (location_id = %s OR location_id IS NULL)"
    _wrong(
        live,
        f"UPDATE aura.tax_assignments SET deleted_at = %s WHERE {here} AND deleted_at IS NULL",
        f"UPDATE aura.tax_assignments SET deleted_at = %s WHERE {here} AND deleted_at IS NOT NULL",
        live.timeline.now,
        None,
        dish.item,
        dish.rates[0],
        live.till.location,
    )
    (sale,) = live.sell([_with(plain_ticket(live, day, "tax_rule"), dish)])
    entries = (Entry(replace(dish, rates=dish.rates[1:])), *sale.ticket.entries[1:])
    _parts(live, "tax_rule", sale, _priced(live, sale, entries=entries))


def discount_rule(live: LiveRestaurant, day: date) -> None:
    """AuraConnect has a discount with five percent more."""
    discount = next((held for held in live.discounts if held.percent), None)
    if discount is None or discount.percent is None:
        raise LookupError("this menu has no discount in percent")
    live.discounts = tuple(held for held in live.discounts if held != discount)
    more = replace(discount, percent=discount.percent + 5)
    change = "UPDATE aura.pricing_rules SET discount_percent = %s WHERE id = %s"
    _wrong(live, change, change, more.percent, discount.percent, discount.id)
    (sale,) = live.sell([replace(plain_ticket(live, day, "discount_rule"), discount=discount)])
    _parts(live, "discount_rule", sale, _priced(live, sale, discount=more))


def charge_rule(live: LiveRestaurant, day: date) -> None:
    """AuraConnect has a gratuity with two percent more."""
    charge = live.gratuity
    if charge is None or charge.id is None:
        raise LookupError("AuraConnect's rules of this café have no gratuity")
    live.gratuity = None
    more = replace(charge, percent=charge.percent + 2)
    change = "UPDATE aura.service_charges SET rate_percent = %s WHERE id = %s"
    _wrong(live, change, change, more.percent, charge.percent, charge.id)
    (sale,) = live.sell([replace(plain_ticket(live, day, "charge_rule"), charge=charge)])
    _parts(live, "charge_rule", sale, _priced(live, sale, charge=more))


def rounding(live: LiveRestaurant, day: date) -> None:
    """AuraConnect rounds its taxes down: from now on every order may be off by a cent a tax."""
    if not live.rates:
        raise LookupError("this menu has no taxes")
    change = "UPDATE aura.tax_rates SET rounding = %s WHERE id = %s"
    for rate in live.rates.values():
        _wrong(live, change, change, "always_down", rate.rounding, rate.id)

    def seen(sale: Sale) -> None:
        _parts(live, "rounding", sale, _priced(live, sale, rounding="always_down"))

    live.watchers.append(seen)
    live.until_mended(lambda: live.watchers.remove(seen))


def unmapped_item(live: LiveRestaurant, day: date) -> None:
    """The POS sells a dish that is new; AuraConnect's menu does not have it and cannot price its line."""
    name = f"{NEW_DISH} of {day}"
    item = live.counter.add_item(name, NEW_CENTS)
    rest = plain_ticket(live, day, "unmapped_item")
    op = live.op(rest)
    op["lines"].append({"item": item, "quantity": 1})
    (order,) = live.counter.sell([op])
    told = live.counter.orders()[order]
    held = Figures(day, told.gross, told.discount, told.charge, told.tax, told.tip, told.payable, told.payable)
    sale = live.note_sale(rest, pos=held, pos_order=order)
    _parts(live, "unmapped_item", sale, live.expected(rest))


# -- copies that are spoiled -------------------------------------------------------------------------------------------


def _spoil(live: LiveRestaurant, sale: Sale, spoil: Callable[[int], None]) -> None:
    """Do that to AuraConnect's copy of a sale, as soon as there is one."""

    def spoiled() -> bool:
        copy = live.till.connection.execute(
            "SELECT id FROM aura.orders WHERE location_id = %s AND source_id = %s",
            [live.till.location, live.key(sale.pos_order, sale.aura_order)],
        ).fetchone()
        if copy is None:
            return False
        spoil(int(copy[0]))
        return True

    live.after_follow(spoiled)


def _sold(live: LiveRestaurant, day: date, cause: str, clock: str = "14:20", **more: object) -> Sale:
    ticket = replace(plain_ticket(live, day, cause, clock), **more)  # type: ignore[arg-type]
    (sale,) = live.sell([ticket])
    return sale


def missing_order(live: LiveRestaurant, day: date) -> None:
    """AuraConnect has lost its copy of an order."""
    sale = _sold(live, day, "missing_order")
    assert sale.pos is not None
    note(live, "missing_order", sale, "order", -sale.pos.payable)
    _spoil(live, sale, live.till.lose)


def extra_order(live: LiveRestaurant, day: date) -> None:
    """AuraConnect has an order as if it had been copied, of which the POS knows nothing."""
    sale = _sold(live, day, "extra_order")
    assert sale.pos is not None
    key = f"nobody-{sale.pos_order}"[:40]

    def double(copy: int) -> None:
        _change(
            live,
            "INSERT INTO aura.orders SELECT (jsonb_populate_record(o, jsonb_build_object('source_id', %s::text, 'id', "
            "nextval(pg_get_serial_sequence('aura.orders', 'id'))))).* FROM aura.orders o WHERE o.id = %s",
            key,
            copy,
        )

    _spoil(live, sale, double)
    note(live, "extra_order", sale, "order", sale.pos.payable, order=key)


def business_day_boundary(live: LiveRestaurant, day: date) -> None:
    """AuraConnect's copy of an order after midnight is of the next day."""
    sale = _sold(live, day, "business_day_boundary", "00:20")
    _dated_later(live, "business_day_boundary", sale, timedelta(0))


def clock_skew(live: LiveRestaurant, day: date) -> None:
    """AuraConnect's copy says that an order of the last half hour was opened 45 minutes later: the next day."""
    ticket = replace(
        plain_ticket(live, day, "clock_skew"), at=live.hours.closes(day) - timedelta(minutes=25), minutes=5
    )
    (sale,) = live.sell([ticket])
    _dated_later(live, "clock_skew", sale, timedelta(minutes=45))


def _dated_later(live: LiveRestaurant, cause: str, sale: Sale, skew: timedelta) -> None:
    assert sale.pos is not None
    note(live, cause, sale, "order", -sale.pos.payable)
    note(live, cause, sale, "order", sale.pos.payable, sale.day + timedelta(days=1))
    _spoil(
        live,
        sale,
        lambda copy: _change(
            live,
            "UPDATE aura.orders SET business_date = business_date + 1, opened_at = opened_at + %s, closed_at = closed_at + %s "
            "WHERE id = %s",
            skew,
            skew,
            copy,
        ),
    )


def tip_treatment(live: LiveRestaurant, day: date) -> None:
    """In AuraConnect's copy the tip is a part of the payment."""
    sale = _sold(live, day, "tip_treatment", tip=TIP)
    note(live, "tip_treatment", sale, "tip", -TIP)
    note(live, "tip_treatment", sale, "paid", TIP)

    def spoil(copy: int) -> None:
        _change(
            live,
            "UPDATE aura.payments SET amount_cents = amount_cents + tip_amount_cents, tip_amount_cents = 0 WHERE order_id = %s",
            copy,
        )
        _change(live, "UPDATE aura.orders SET tip_amount_cents = 0 WHERE id = %s", copy)

    _spoil(live, sale, spoil)


def gratuity_treatment(live: LiveRestaurant, day: date) -> None:
    """In AuraConnect's copy the gratuity is a tip."""
    if live.gratuity is None:
        raise LookupError("AuraConnect's rules of this café have no gratuity")
    sale = _sold(live, day, "gratuity_treatment", charge=live.gratuity)
    assert sale.pos is not None
    cents = sale.pos.charge
    for part, sign in (("charge", -1), ("tip", 1), ("payable", -1), ("paid", -1)):
        note(live, "gratuity_treatment", sale, part, sign * cents)

    def spoil(copy: int) -> None:
        live.till.connection.execute("DELETE FROM aura.order_service_charges WHERE order_id = %s", [copy])
        _change(
            live,
            "UPDATE aura.orders SET gratuity_cents = 0, final_amount_cents = final_amount_cents - %s, tip_amount_cents = %s "
            "WHERE id = %s",
            cents,
            cents,
            copy,
        )
        _change(
            live,
            "UPDATE aura.payments SET amount_cents = amount_cents - %s, tip_amount_cents = %s WHERE order_id = %s",
            cents,
            cents,
            copy,
        )

    _spoil(live, sale, spoil)


def unmapped_tender(live: LiveRestaurant, day: date) -> None:
    """AuraConnect's copy was paid by something it does not know; at the POS it was cash."""
    sale = _sold(live, day, "unmapped_tender", tender="cash")
    assert sale.pos is not None
    note(live, "unmapped_tender", sale, "tender", sale.pos.paid)
    _spoil(
        live,
        sale,
        lambda copy: _change(
            live,
            "UPDATE aura.payments SET method = 'other', tender_name = %s WHERE order_id = %s",
            NOBODYS_TENDER,
            copy,
        ),
    )


def unknown(live: LiveRestaurant, day: date) -> None:
    """The total of AuraConnect's copy is off, and nothing on it says why."""
    sale = _sold(live, day, "unknown")
    for part in ("gross", "payable"):
        note(live, "unknown", sale, part, OFF)
    _spoil(
        live,
        sale,
        lambda copy: _change(
            live,
            "UPDATE aura.orders SET subtotal_cents = subtotal_cents + %s, total_amount_cents = total_amount_cents + %s, "
            "final_amount_cents = final_amount_cents + %s WHERE id = %s",
            OFF,
            OFF,
            OFF,
            copy,
        ),
    )


# -- voids and refunds -------------------------------------------------------------------------------------------------


def late_void(live: LiveRestaurant, day: date) -> None:
    """Voided the next morning: AuraConnect's copy counts until the POS is followed again."""
    sale = _sold(live, day, "late_void", tender="cash")
    morning = live.hours.closes(day) + OVERNIGHT

    def void() -> None:
        live.void(sale, morning, ("pos",))
        assert sale.pos is not None
        note(live, "late_void", sale, "order", sale.pos.payable, settles_at=morning)

    live.later(morning, void)


def refund_day(live: LiveRestaurant, day: date) -> None:
    """Given back the next morning; AuraConnect's copy of the refund is of the day of the sale."""
    sale = _sold(live, day, "refund_day")
    morning = live.hours.closes(day) + OVERNIGHT

    def refund() -> None:
        live.refund(sale, morning, ("pos",))
        cents = sale.refunded["pos"].cents
        note(live, "refund_day", sale, "refund", -cents)
        note(live, "refund_day", sale, "refund", cents, sale.refunded["pos"].day)
        live.after_follow(lambda: _refunded_on(live, sale, day))

    live.later(morning, refund)


def _refunded_on(live: LiveRestaurant, sale: Sale, day: date) -> bool:
    found = live.till.connection.execute(
        "UPDATE aura.refunds r SET business_date = %s FROM aura.orders o WHERE o.id = r.order_id AND o.location_id = %s "
        "AND o.source_id = %s",
        [day, live.till.location, live.key(sale.pos_order, sale.aura_order)],
    )
    return bool(found.rowcount)


SHADOWED: Mapping[str, Callable[[LiveRestaurant, date], None]] = {
    made.__name__: made
    for made in (
        business_day_boundary,
        tip_treatment,
        gratuity_treatment,
        late_void,
        refund_day,
        rounding,
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
"""Every cause of the closed list but ``channel_counted_twice``, which takes an order of AuraConnect's own."""
