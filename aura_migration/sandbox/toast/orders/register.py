"""How a check adds up at this moment: lines at present prices, discounts, charges, and each tax once over the check.

One arithmetic for what is rung up at the counter (``selling``) and for what is submitted through the API (``writing``): percent
discounts half to even, a discount of the check shared out over its lines, each rate worked out once on what it covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aura_migration.sandbox.toast.model import Item, Menu, MenuGroup
from aura_migration.sandbox.toast.orders.draw import sums
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.offer import NotSold, Offer, Pick
from aura_migration.sandbox.toast.orders.ruled_sums import Levy, Part, off_check, tax_check, whole
from aura_migration.sandbox.toast.orders.sheet import AppliedCharge, AppliedDiscount, Bill, Selection, Sheet
from aura_migration.sandbox.toast.orders.wire import ref
from aura_migration.sandbox.toast.people.model import DELIVERY, DINE_IN, TAKE_OUT

CRITERION = {DINE_IN: "dineIn", TAKE_OUT: "takeout", DELIVERY: "delivery"}
BY_PERCENT, BY_AMOUNT = ("PERCENT", "OPEN_PERCENT"), ("FIXED", "OPEN_FIXED")


@dataclass(slots=True)
class Wanted:
    """A line as somebody orders it. ``cents``: the price of one where it is not the menu's."""

    item: Item
    quantity: float = 1.0
    picks: list[Pick] = field(default_factory=list)
    cents: int | None = None
    place: tuple[Menu, MenuGroup] | None = None
    external: str | None = None


@dataclass(slots=True)
class Given:
    """A discount as it is given: of the whole check, or of the lines at these places. ``cents`` and ``percent`` where it is
    an open one."""

    body: Mapping[str, Any]
    lines: tuple[int, ...] | None = None
    cents: int | None = None
    percent: float | None = None


@dataclass(slots=True)
class Rung:
    """A line with what it is taxed on: itself, and apart from it modifiers that have taxes of their own."""

    line: Selection
    parts: list[Part]
    discountable: bool

    @property
    def left(self) -> int:
        """What discounts left of it."""
        return sum(part.left for part in self.parts)


class Register:
    """Rings up the checks of one order. ``how``: the rounding of charges in percent, as Toast names it."""

    def __init__(
        self, offer: Offer, family: Family, behavior: str, at: int, *, curbside: bool = False, how: str = "HALF_UP"
    ) -> None:
        self._offer, self._family, self._how = offer, family, how
        self._behavior, self._at, self._curbside = behavior, at, curbside

    def bill(
        self,
        sheet: Sheet,
        wanted: Sequence[Wanted],
        discounts: Sequence[Given] = (),
        charges: Iterable[Mapping[str, Any]] = (),
        *,
        exempt: bool = False,
    ) -> Bill:
        """A check with everything on it but payments. Raises ``NotSold``."""
        made = Bill(
            guid=self._family.next(),
            label=sheet.label,
            guest=None,
            lines=[],
            discounts=[],
            charges=[],
            payments=[],
            amount=0,
            tax=0,
            opened=sheet.opened,
            closed=sheet.closed,
            paid=None,
            status="OPEN",
            exempt=exempt,
        )
        rung = [self._line(one, exempt) for one in wanted]
        for given in discounts:
            self._discount(made, rung, given)
        added = self._charges(rung, charges, exempt)
        tax_check([part for one in rung for part in one.parts], added, self._family)
        for one in rung:
            _join(one)
        made.lines = [one.line for one in rung]
        made.charges = [charge for charge, _ in added]
        _without_tax(made, rung)
        sums(made)
        return made

    def automatic(self, wanted: Sequence[Wanted]) -> list[Mapping[str, Any]]:
        """The charges the counter adds by itself to an order of that behavior: those with a criterion that names it."""
        gross = sum(self.gross(one) for one in wanted)
        found: list[Mapping[str, Any]] = []
        for body in self._offer.charges.values():
            usual = not body["gratuity"] and body["amountType"] != "OPEN"
            if usual and body["criteria"][CRITERION[self._behavior]] and self.suits(body, gross):
                found.append(body)
        return found

    @staticmethod
    def suits(body: Mapping[str, Any], gross: int) -> bool:
        """Is a check of that amount within the limits of a charge?"""
        least, most = body["criteria"]["minCheckAmount"], body["criteria"]["maxCheckAmount"]
        return (least is None or gross >= round(least * 100)) and (most is None or gross <= round(most * 100))

    # -- lines ---------------------------------------------------------------------------------------------------------

    def _priced(self, one: Wanted) -> tuple[int, Menu | None, MenuGroup | None]:
        if one.place is not None:
            menu, group = one.place
        else:
            places = self._offer.places(one.item)
            if not places:
                raise NotSold(f"item {one.item.guid} ({one.item.name}) is a modifier only: it is on no menu")
            menu, group = places[0][0], places[0][1][-1]
        self._offer.price_picks(one.picks, menu, self._at)
        cents = one.cents if one.cents is not None else self._offer.price(one.item, menu, one.picks, self._at)
        return cents, menu, group

    def gross(self, one: Wanted) -> int:
        """What a line comes to before discounts."""
        cents, _, _ = self._priced(one)
        return _times(cents + sum(pick.whole for pick in one.picks), one.quantity)

    def _line(self, one: Wanted, exempt: bool) -> Rung:
        item, offer = one.item, self._offer
        listed, _, group = self._priced(one)
        line = Selection(
            self._family.next(),
            item.name,
            offer.ref(item.guid, "MenuItem", item.mlid),
            None if group is None else offer.ref(group.guid, "MenuGroup", group.mlid),
            category=ref(item.sales_category[1], "SalesCategory") if item.sales_category else None,
            quantity=float(one.quantity),
            unit=item.unit,
            listed=listed,
            plu=item.plu or None,
            deferred=item.deferred,
            inclusion="INCLUDED" if item.tax_inclusion == "TAX_INCLUDED" else "NOT_INCLUDED",
            external=one.external,
        )
        line.modifiers = [self._modifier(pick, one.quantity) for pick in one.picks]
        taxes, apart = _taxes_of(item, one.picks)
        own = [pick for pick in one.picks if id(pick) not in apart]
        each = listed + sum(pick.whole for pick in own)
        parts = [self._part(line, _times(each, one.quantity), taxes, one, exempt)]
        for pick in one.picks:
            if id(pick) in apart and pick.whole:
                phantom = Selection("", pick.item.name, inclusion=line.inclusion, deferred=item.deferred)
                amount = _times(pick.whole, one.quantity)
                parts.append(self._part(phantom, amount, pick.option.taxes or (), one, exempt))
        return Rung(line, parts, item.discountable and not item.deferred)

    def _part(self, line: Selection, gross: int, taxes: tuple[str, ...], one: Wanted, exempt: bool) -> Part:
        levies: Sequence[Levy] = ()
        if not exempt and not line.deferred:
            levies = self._offer.levies(taxes, self._behavior, curbside=self._curbside)
        return Part(line, gross, levies, line.inclusion == "INCLUDED", max(1, int(one.quantity)))

    def _modifier(self, pick: Pick, quantity: float) -> Selection:
        amount = _times(pick.whole, quantity)
        return Selection(
            self._family.next(),
            pick.item.name,
            self._offer.ref(pick.item.guid, "MenuItem", pick.item.mlid),
            option_group=self._offer.ref(pick.group.guid, "MenuOptionGroup", pick.group.mlid),
            quantity=float(quantity),
            listed=pick.cents,
            pre=amount,
            price=amount,
            inclusion="INHERITED",
            mode="ADJUSTS_PRICE" if pick.cents else "INCLUDED",
            modifiers=[self._modifier(one, quantity) for one in pick.under],
            external=pick.external,
        )

    # -- what is taken off, what is added ------------------------------------------------------------------------------

    def _discount(self, bill: Bill, rung: Sequence[Rung], given: Given) -> None:
        body = given.body
        kind, scope = body["type"], body["selectionType"]
        if kind not in (*BY_PERCENT, *BY_AMOUNT):
            raise NotSold(f"discount {body['guid']} ({body['name']}) is a {kind}: what triggers it is not known here")
        free = [one for one in rung if one.discountable and one.left > 0]
        if given.lines is not None:
            chosen = [rung[place] for place in given.lines if rung[place] in free]
        elif scope == "CHECK":
            chosen = free
        else:
            chosen = _picked(free, body["itemPickingPriority"])
        base = sum(one.left for one in chosen)
        percent = body["percentage"] if kind == "PERCENT" else given.percent
        if kind in BY_PERCENT:
            if percent is None:
                raise NotSold(f"discount {body['guid']} ({body['name']}) is open: say its percentage")
            cents = whole(Decimal(base) * Decimal(str(percent)) / 100, "HALF_EVEN")
        else:
            amount = round(body["amount"] * 100) if kind == "FIXED" else given.cents
            if amount is None:
                raise NotSold(f"discount {body['guid']} ({body['name']}) is open: say its amount")
            cents = min(amount, base)
        if cents <= 0:
            return
        made = AppliedDiscount(
            self._family.next(),
            body["guid"],
            body["name"],
            cents,
            cents,
            kind,
            float(percent) if kind in BY_PERCENT and percent is not None else None,
        )
        off_check([part for one in chosen for part in one.parts], cents)
        if given.lines is None and scope == "CHECK":
            bill.discounts.append(made)
        else:
            chosen[0].line.discounts.append(made)

    def _charges(
        self, rung: Sequence[Rung], bodies: Iterable[Mapping[str, Any]], exempt: bool
    ) -> list[tuple[AppliedCharge, list[Levy]]]:
        food = [part for one in rung for part in one.parts if not part.line.deferred]
        gross, left = sum(part.gross for part in food), sum(part.left for part in food)
        found: list[tuple[AppliedCharge, list[Levy]]] = []
        for body in bodies:
            if body["amountType"] == "OPEN":
                raise NotSold(f"charge {body['guid']} ({body['name']}) is open: its amount is typed in")
            if body["amountType"] == "PERCENT":
                base = gross if body["serviceChargeCalculation"] == "PRE_DISCOUNT" else left
                cents = whole(base * Decimal(str(body["percent"])) / 100, self._how)
            else:
                cents = round(body["amount"] * 100)
            if not cents:
                continue
            levies = [] if exempt else self._offer.charge_levies(body, self._behavior, curbside=self._curbside)
            made = AppliedCharge(
                self._family.next(),
                body["guid"],
                body["name"],
                cents,
                body["amountType"],
                body["gratuity"],
                body["taxable"],
                calculation=body["serviceChargeCalculation"],
            )
            found.append((made, levies))
        return found


def _times(cents: int, quantity: float) -> int:
    """An amount so many times; weighed quantities have fractions."""
    if quantity == int(quantity):
        return cents * int(quantity)
    return whole(Decimal(cents) * Decimal(str(quantity)), "HALF_UP")


def _taxes_of(item: Item, picks: Sequence[Pick]) -> tuple[tuple[str, ...], set[int]]:
    """The taxes of an item with its modifiers, and which modifiers are taxed apart by their own.

    A size with taxes of its own replaces the item's; so does one overriding modifier, and two cancel each other out.
    """
    taxes, apart = item.taxes, set()
    own = [pick for pick in picks if pick.option.taxes is not None]
    sizes = [pick for pick in own if pick.is_size]
    if sizes:
        taxes = sizes[0].option.taxes or ()
    over = [pick for pick in own if pick.option.override_tax and not pick.is_size]
    if len(over) == 1:
        taxes = over[0].option.taxes or ()
    for pick in own:
        if not pick.is_size and pick.option.taxes != taxes:
            apart.add(id(pick))
    return taxes, apart


def _join(rung: Rung) -> None:
    """A line contains its modifiers, those that were taxed apart too."""
    line = rung.line
    for part in rung.parts[1:]:
        line.pre += part.line.pre
        line.price += part.line.price
        line.taxes += part.line.taxes


def _without_tax(bill: Bill, rung: Sequence[Rung]) -> None:
    """The parts of percent discounts that are no embedded tax, where prices have tax in them."""
    included = [one for one in rung if one.line.inclusion == "INCLUDED" and one.line.taxes]
    shown = [*bill.discounts, *(held for one in rung for held in one.line.discounts)]
    if not included or not any(held.kind in BY_PERCENT for held in shown):
        return
    for one in rung:
        before = sum(part.gross for part in one.parts)
        taxes = int(one.line.tax) if one in included else 0
        after = before - sum(part.off for part in one.parts)
        one.line.pre = whole(Decimal(before * (after - taxes)) / after, "HALF_UP") if taxes and after else one.line.pre
    left = sum(one.line.pre - one.line.price for one in rung)
    for held in shown:
        held.net = left if held is shown[-1] else min(left, held.cents)
        left -= held.net


def _picked(free: Sequence[Rung], priority: str) -> list[Rung]:
    """The line a discount of one item falls on."""
    if not free:
        return []
    if priority == "LEAST_EXPENSIVE":
        return [min(free, key=lambda one: one.left)]
    if priority == "MOST_EXPENSIVE":
        return [max(free, key=lambda one: one.left)]
    return [free[0]]
