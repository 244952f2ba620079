"""The past of `rules`: two months in which a rate, a price and the menu changed, and every rule was used.

An order's notes tell what happened to it: "old rate until 2026-08-14", "tax holiday", "happy hour", … An order without a
note was rung up by the rules of today. With `differs` one rule of the past is another one (notes "differs: …"); everything
else stays the same to the cent, as far as it does not follow from that rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.model import CatalogObject, Discount, Item, ModifierList, PricingRule, Tax, Variation
from aura_migration.sandbox.square.orders.arithmetic import work_out
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.model import (
    Back,
    ChargeUse,
    DiscountUse,
    Fulfillment,
    Line,
    Mod,
    Order,
    TaxUse,
    TenderUse,
    e5,
)
from aura_migration.sandbox.square.orders.ordinary import CARDS, DAY, MINUTE, NAMES, PHONES, TIPS
from aura_migration.sandbox.square.orders.pen import OrderPen

FIRST, DAYS, A_DAY = date(2026, 8, 2), 60, 8
RATE_CHANGE, OLD_RATE = "2026-08-14", "7.25"
PRICE_RISE, OLD_BURGER = "2026-08-20", 1200
TRUFFLE_GONE, PIE_GONE = "2026-08-25", "2026-08-31"
HOLIDAY = ("2026-08-29", "2026-08-30")
PLATES = ("Burger", "Caesar Salad", "Ribs", "Mac and Cheese", "Fish Tacos")
DRINKS = ("Lemonade", "Iced Tea", "Coffee")
BEERS = ("Lager", "Stout", "Pale Ale")
PASTRIES = ("Muffin", "Cookie", "Seasonal Pie")
LARGE_PARTY = 5
COIN = -5  # cash is rounded to the nearest five cents
DIFFERS = ("tax_rate", "tax_rounding", "modifier_price", "max_selection", "discount_scope", "charge_taxability")


@dataclass
class _Draft:
    """An order in the making; taxes by name, numbered when it is done."""

    when: int
    day: str
    lines: list[tuple[Line, tuple[str, ...]]] = field(default_factory=list)
    discounts: list[DiscountUse] = field(default_factory=list)
    charges: list[tuple[ChargeUse, tuple[str, ...]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    exempt: bool = False


class Rules:
    """Writes the orders of the one location. `differs`: which rule of the past is another one."""

    def __init__(self, pen: OrderPen, rng: Random, differs: str | None) -> None:
        self.pen, self.rng, self.differs = pen, rng, differs
        [self.place] = pen.places
        self.zone = ZoneInfo(self.place.timezone)
        world = pen.world
        self.items = {item.name: item for item in world.items()}
        self.groups = {group.id: group for group in world.groups()}
        self.taxes = {tax.name: tax for tax in world.of_type("TAX") if isinstance(tax, Tax)}
        self.discounts = {held.name: held for held in world.of_type("DISCOUNT") if isinstance(held, Discount)}
        self.automatic = {held.name: held for held in world.of_type("PRICING_RULE") if isinstance(held, PricingRule)}

    # -- the catalog of a day --------------------------------------------------------------------------------------

    def _version(self, thing: CatalogObject, when: int) -> int:
        """The version of an object that was current at that moment."""
        held = [old.stamp for old in self.pen.world.history.get(thing.id, []) if old.stamp <= when]
        return thing.stamp if thing.stamp <= when or not held else held[-1]

    def _price(self, variation: Variation, day: str) -> int:
        owner = self.items["Burger"]
        if variation.item_id == owner.id and day < PRICE_RISE:
            return OLD_BURGER
        return variation.cents or 0

    def _tax(self, name: str, draft: _Draft) -> TaxUse:
        tax = self.taxes[name]
        text = OLD_RATE if name == "Sales tax" and draft.day < RATE_CHANGE else tax.percentage
        if self.differs == "tax_rate" and name == "Meals tax":
            text = "2.625"
        half_up = self.differs == "tax_rounding"
        return TaxUse(name, e5(text), text, tax.id, self._version(tax, draft.when), tax.inclusive, half_up=half_up)

    # -- lines -----------------------------------------------------------------------------------------------------

    def _mods(self, item: Item, draft: _Draft) -> tuple[Mod, ...]:
        found: list[Mod] = []
        for link in item.links:
            group = self.groups[link.group_id]
            lowest, highest = self._limits(group, link.min, link.max)
            sold = [held for held in group.modifiers if not held.deleted or draft.day < TRUFFLE_GONE]
            count = min(len(sold), max(lowest, self.rng.choice((0, 1, 1, 2, highest))), highest)
            chosen = self.rng.sample(sold, count)
            if self.differs == "max_selection" and group.name == "Toppings" and count == highest:
                chosen = sold
                draft.notes.append("differs: max_selection")
            for held in chosen:
                cents = held.cents or 0
                if self.differs == "modifier_price" and held.name == "Bacon":
                    cents += 25
                    draft.notes.append("differs: modifier_price")
                if held.deleted:
                    draft.notes.append("modifier that is no longer sold")
                found.append(Mod(held.id, held.name, cents, self._version(held, draft.when)))
        return tuple(found)

    def _limits(self, group: ModifierList, low: int | None, high: int | None) -> tuple[int, int]:
        if low in (None, -1) and high in (None, -1):
            low, high = group.min, group.max
        return max(low or 0, 0), high if high is not None and high > 0 else 4

    def _line(self, draft: _Draft, name: str, qty: int = 1, cents: int | None = None) -> None:
        item = self.items[name]
        way = self.rng.choice(item.variations)
        price = self._price(way, draft.day) if cents is None else cents
        mods = self._mods(item, draft)
        line = Line(name, way.name, way.id, self._version(way, draft.when), price, e5(str(qty)), mods)
        line.category = item.reporting_category[0] if item.reporting_category else None
        held = [tax.name for tax in self.taxes.values() if tax.id in item.tax_ids]
        draft.lines.append((line, tuple(held)))
        if item.deleted:
            draft.notes.append("item that is no longer sold")
        if name == "Burger" and draft.day < PRICE_RISE:
            draft.notes.append(f"old price until {PRICE_RISE}")
        if cents is not None:
            draft.notes.append("price typed in")

    def _order_lines(self, draft: _Draft) -> None:
        rng = self.rng
        pastries = PASTRIES if draft.day < PIE_GONE else PASTRIES[:2]
        plates = rng.choice((1, 1, 2, 2, 3, 5)) if rng.random() < 0.85 else 0
        for _ in range(plates):
            self._line(draft, rng.choice(PLATES))
        for _ in range(rng.choice((0, 1, 1, 2))):
            self._line(draft, rng.choice(DRINKS))
        if rng.random() < 0.4:
            self._line(draft, rng.choice(BEERS), rng.choice((1, 1, 2, 3)))
        if rng.random() < 0.3 or not draft.lines:
            self._line(draft, rng.choice(pastries), rng.choice((1, 1, 2)))
        if rng.random() < 0.05:
            self._line(draft, "Chef's Special", 1, rng.randrange(900, 2400, 5))
        if rng.random() < 0.05:
            self._line(draft, "Hot Sauce")
        if rng.random() < 0.02:
            corkage = Line(None, None, None, None, 1500, kind="CUSTOM_AMOUNT", note="Corkage")
            draft.lines.append((corkage, ("Sales tax",)))
            draft.notes.append("amount typed in without an item")

    # -- discounts and charges -------------------------------------------------------------------------------------

    def _given(self, name: str, **fields: object) -> DiscountUse:
        """A discount of the catalog, given by hand."""
        held = self.discounts[name]
        size = {"rate": e5(held.percentage), "text": held.percentage} if held.percentage else {"cents": held.cents}
        use = DiscountUse(name, held.kind, id=held.id, version=held.stamp, cap=held.cap, **size)
        return replace(use, keeps_basis=held.keeps_tax_basis, **fields)  # type: ignore[arg-type]

    def _automatically(self, draft: _Draft, local: datetime) -> None:
        """What the till gives by itself at that hour."""
        beers = tuple(at for at, (line, _) in enumerate(draft.lines) if line.name in BEERS)
        if beers and local.weekday() < 5 and 16 <= local.hour < 18:
            lines = None if self.differs == "discount_scope" else beers
            rule = self.automatic["Happy hour"].id
            draft.discounts.append(self._given("Happy hour", lines=lines, rule_id=rule))
            draft.notes.append("happy hour")
            if lines is None:
                draft.notes.append("differs: discount_scope")
        names = [line.name for line, _ in draft.lines]
        if "Burger" in names and "Lemonade" in names and 11 <= local.hour < 14:
            pair = tuple(sorted((names.index("Burger"), names.index("Lemonade"))))
            use = self._given("Lunch deal", lines=pair, rule_id=self.automatic["Lunch deal"].id)
            draft.discounts.append(use)
            draft.notes.append("bundle")

    def _single_pair(self, draft: _Draft, local: datetime) -> None:
        """At lunch nobody orders a second burger or lemonade: how often a bundle counts is not documented."""
        if 11 <= local.hour < 14:
            seen: set[str | None] = set()
            kept = []
            for held in draft.lines:
                if held[0].name not in ("Burger", "Lemonade") or held[0].name not in seen:
                    kept.append(held)
                seen.add(held[0].name)
            draft.lines = kept

    def _by_hand(self, draft: _Draft) -> None:
        lot, rng = self.rng.random(), self.rng
        last = len(draft.lines) - 1
        open_cents, open_rate = rng.randrange(50, 400), rng.choice(("7.5", "12.5", "33"))
        if lot < 0.05:
            draft.discounts.append(self._given("Regulars 10"))
        elif lot < 0.08:
            draft.discounts.append(self._given("Regulars 10", lines=(0,)))
        elif lot < 0.10:
            draft.discounts.append(self._given("Five off"))
        elif lot < 0.12:
            draft.discounts.append(self._given("Five off", lines=(0,)))
        elif lot < 0.14:
            draft.discounts.append(self._given("Open discount", cents=open_cents))
        elif lot < 0.16:
            draft.discounts.append(self._given("Open percentage", rate=e5(open_rate), text=open_rate))
        elif lot < 0.18:
            draft.discounts.append(self._given("Half, at most 4"))
        elif lot < 0.20:
            draft.discounts.append(self._given("Maker's coupon", lines=(last,)))
        elif lot < 0.22 and last > 0:
            draft.discounts.append(self._given("Comp: kitchen mistake", lines=(last,)))
            draft.notes.append("comp of a line")
        elif lot < 0.235:
            draft.discounts.append(self._given("Comp: kitchen mistake"))
            draft.notes.append("comp to zero")
        if draft.discounts:
            draft.notes.append(f"discount: {draft.discounts[-1].name}")

    def _charged(self, draft: _Draft, lot: float) -> Fulfillment | None:
        plates = sum(line.name in PLATES for line, _ in draft.lines)
        if plates >= LARGE_PARTY:
            draft.charges.append((ChargeUse("Large party", rate=e5("18"), text="18", kind="AUTO_GRATUITY"), ()))
            draft.notes.append("automatic gratuity")
        if lot < 0.08:
            taxable = self.differs != "charge_taxability"
            taxes = ("Sales tax",) if taxable else ()
            draft.charges.append((ChargeUse("Delivery fee", cents=390, taxable=taxable), taxes))
            draft.notes.append("taxed charge")
            if not taxable:
                draft.notes.append("differs: charge_taxability")
            return self._leaving("DELIVERY", draft)
        if lot < 0.16:
            draft.charges.append((ChargeUse("Patio fee", rate=e5("5"), text="5"), ()))
            draft.notes.append("untaxed charge")
        return self._leaving("PICKUP", draft) if 0.16 <= lot < 0.24 else None

    def _leaving(self, kind: str, draft: _Draft) -> Fulfillment:
        who = self.rng.randrange(len(NAMES))
        address = ("45 Lake Ave", "Duluth") if kind == "DELIVERY" else None
        return Fulfillment(kind, "COMPLETED", draft.when + 25 * MINUTE, NAMES[who], PHONES[who], address=address)

    # -- whole orders ----------------------------------------------------------------------------------------------

    def _taxed(self, draft: _Draft) -> tuple[list[Line], tuple[TaxUse, ...], tuple[ChargeUse, ...]]:
        """Lines and charges with their taxes by number; a holiday and an exempt guest leave some out."""
        if draft.day < RATE_CHANGE and any("Sales tax" in taxes for _, taxes in draft.lines):
            draft.notes.append(f"old rate until {RATE_CHANGE}")
        out: set[str] = set(self.taxes) if draft.exempt else set()
        if draft.day in HOLIDAY:
            out.add("Sales tax")
            draft.notes.append("tax holiday")
        named = {name for _, held in (*draft.lines, *draft.charges) for name in held}
        used = [name for name in self.taxes if name in named and name not in out]
        at = {name: place for place, name in enumerate(used)}

        def numbers(names: Sequence[str]) -> tuple[int, ...]:
            return tuple(sorted(at[name] for name in names if name in at))

        lines = [replace(line, taxes=numbers(held)) for line, held in draft.lines]
        charges = tuple(replace(charge, taxes=numbers(held)) for charge, held in draft.charges)
        if self.differs in ("tax_rate", "tax_rounding") and used:
            draft.notes.append(f"differs: {self.differs}")
        return lines, tuple(self._tax(name, draft) for name in used), charges

    def order(self, day: date, minute: int) -> int:
        """One order opened so many minutes after 11:00."""
        rng, history = self.rng, self.pen.history
        local = datetime(day.year, day.month, day.day, 11, tzinfo=self.zone) + timedelta(minutes=minute)
        draft = _Draft(int(local.timestamp()) * 1000, day.isoformat())
        self._order_lines(draft)
        self._single_pair(draft, local)
        self._automatically(draft, local)
        lot, paying, cash_lot, tip_lot, exempt = (rng.random() for _ in range(5))
        if not draft.discounts:
            self._by_hand(draft)
        else:
            draft.notes.append(f"discount: {draft.discounts[-1].name}")
        leaves = self._charged(draft, lot)
        if exempt < 0.02 and "Hot Sauce" not in [line.name for line, _ in draft.lines]:
            draft.exempt = True
            draft.notes.append("tax-exempt check")
        lines, taxes, charges = self._taxed(draft)
        closed = draft.when + 20 * MINUTE
        order = Order(history.next_number(), self.place.id, draft.when, closed + 2100, closed, lines=lines, taxes=taxes)
        order.discounts, order.charges = tuple(draft.discounts), charges
        if leaves is not None:
            order.fulfillments, order.source, order.product = (leaves,), "Square Online", "ONLINE_STORE"
            order.version = 4
        kind = "online" if leaves is not None else "cash" if paying < 0.2 else CARDS[int(cash_lot * len(CARDS))]
        tip = TIPS[int(tip_lot * len(TIPS))] if kind != "cash" and paying > 0.4 else 0
        if kind == "cash":
            order.rounding = COIN
            draft.notes.append("cash rounding")
        if not work_out(lines, taxes, order.discounts, charges).total:
            kind, tip, order.rounding = "no_sale", 0, 0
            draft.notes.append("nothing to pay")
        handed = 500 if kind == "cash" else None
        order.tenders = (TenderUse(kind, closed - 1500, None, 0, tip, handed=handed),)
        order.notes = tuple(dict.fromkeys(draft.notes))
        return history.write(order)

    def write(self) -> None:
        """All orders, day by day, and a few returns."""
        last = 0
        for number in range(DAYS):
            day = FIRST + timedelta(days=number)
            minutes = sorted(self.rng.sample(range(0, 570, 3), A_DAY))
            numbers = [self.order(day, minute) for minute in minutes]
            last = numbers[2]
            if number % 12 == 5:
                when = self.pen.history.order(last).created + DAY // 12
                self.pen.back("returned", last, when, Back(None, ((0, None),), reason="Sent back"))


def make_rules(builder: Builder, differs: str | None) -> History:
    """The past of the scenario `rules`."""
    pen = OrderPen(builder)
    pen.history.coin, pen.history.gratuity = COIN, "Large party"
    Rules(pen, builder.ids.rng("rules"), differs).write()
    pen.history.started = True
    return pen.history
