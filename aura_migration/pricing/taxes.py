"""Taxes on lines and on charges: what each works on, where it is rounded, how it is shared out."""

from __future__ import annotations

from math import lcm

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, Per, TaxKind, TaxRule
from aura_migration.pricing.discounts import Running
from aura_migration.pricing.policy import AdditiveBase, InclusiveMethod, Policy, TaxPlace
from aura_migration.pricing.priced import PricedTax, TaxShare
from aura_migration.pricing.scales import QUANTITY, RATE, ROUND, Rounder, half_up, share_out


class Taxing:
    """The taxes of one bill while it is calculated. Never leaves the engine.

    A place is a line's place in the bill, or the number of lines plus a charge's.
    """

    __slots__ = (
        "_bill",
        "_charges",
        "_lines",
        "_policy",
        "_running",
        "added",
        "bases",
        "covered",
        "included",
        "inside",
        "priced",
    )

    def __init__(self, bill: Bill, policy: Policy, running: Running, charges: list[int]) -> None:
        self._bill, self._policy, self._running = bill, policy, running
        self._lines, self._charges = len(bill.lines), charges
        self.bases = running.taxable + charges
        self.added = [0] * len(self.bases)
        """Tax on top, by place."""
        self.included = [0] * len(self.bases)
        """Tax inside, by place."""
        self.inside: list[int] | None = None
        """Sum of the rates inside the price, by place; None: no price has tax inside."""
        self.priced: dict[str, PricedTax] = {}
        self.covered = self._cover()

    def _cover(self) -> dict[str, list[int]]:
        bill = self._bill
        covered: dict[str, list[int]] = {tax.id: [] for tax in bill.taxes}
        if len(covered) != len(bill.taxes):
            raise BadInput("Two taxes of one bill have the same id.", "Give each its own.")
        lines = bill.lines
        for place in self._running.live:
            for name in lines[place].taxes:
                places = covered.get(name)
                if places is None or (places and places[-1] == place):
                    raise _misnamed(name, place, places)
                places.append(place)
        for number, charge in enumerate(bill.charges):
            if charge.taxes and self._policy.charges_taxable:
                place = self._lines + number
                for name in charge.taxes:
                    places = covered.get(name)
                    if places is None or (places and places[-1] == place):
                        raise _misnamed(name, place, places)
                    places.append(place)
        for tax in bill.taxes:
            if tax.is_inclusive:
                if tax.kind is not TaxKind.PERCENT or tax.on_taxes:
                    raise BadInput(f"Tax {tax.id} cannot be inside the price.", "Only a plain percentage can.")
                if self.inside is None:
                    self.inside = [0] * len(self.bases)
                for place in covered[tax.id]:
                    self.inside[place] += tax.rate
            if tax.rate < 0 or tax.amount < 0:
                raise BadInput(f"Tax {tax.id} is negative.", "Give rates and amounts as positive figures.")
        return covered

    def calculate(self, inclusive_only: bool = False) -> None:
        """All taxes: those inside prices, those on top, those on top of taxes."""
        first: list[TaxRule] = []
        plain: list[TaxRule] = []
        last: list[TaxRule] = []
        for tax in self._bill.taxes:
            if tax.kind is not TaxKind.PERCENT:
                if not inclusive_only:
                    self._amount(tax)
            elif tax.is_inclusive:
                first.append(tax)
            elif not inclusive_only:
                (last if tax.on_taxes else plain).append(tax)
        for group in (first, plain, last):
            if group:
                self._percentages(group)

    # -- percentages ------------------------------------------------------------------------------------------------------

    def _percentages(self, group: list[TaxRule]) -> None:
        policy = self._policy
        if policy.tax_place is TaxPlace.RATE and self.inside is None and not group[0].on_taxes:
            for tax in group:
                self._on_top(tax)
            return
        pooled = policy.tax_place is TaxPlace.CHECK and not (
            group[0].is_inclusive and policy.inclusive_method is InclusiveMethod.NET_FIRST
        )
        if not pooled:
            on_top = list(self.added) if group[0].on_taxes else None
            for tax in group:
                self._by_itself(tax, on_top)
            return
        on_top = list(self.added) if group[0].on_taxes else None
        found = [self._exact(tax, on_top) for tax in group]
        common = lcm(*(denominator for _, _, _, denominator in found))
        weights = [numerator * (common // denominator) for _, _, numerator, denominator in found]
        amounts = share_out(ROUND[policy.tax_rounding](sum(weights), common), weights, policy.spread)
        for tax, amount, (exact, base, numerator, denominator) in zip(group, amounts, found, strict=True):
            self._settle(tax, exact, base, numerator, denominator, amount, None)

    def _on_top(self, tax: TaxRule) -> None:
        """A plain percentage on top, rounded once over the check, where no price has tax inside: what nearly every bill has.

        The same as `_by_itself`, whose ratios all have the denominator ``RATE`` then: shares are in proportion to the bases.
        """
        policy, bases, rate, places = self._policy, self.bases, tax.rate, self.covered[tax.id]
        weights = [bases[place] for place in places]
        whole = sum(weights) if self._running.before_tax is None else self._sum(places)
        numerator = whole * rate
        amount = ROUND[tax.rounding or policy.tax_rounding](numerator, RATE)
        shares = share_out(amount, weights if rate else [0] * len(places), policy.spread)
        lines, added = self._lines, self.added
        if amount:
            for place, share in zip(places, shares, strict=True):
                added[place] += share
        found = [
            TaxShare(place, -1, base, base * rate, RATE, share)
            if place < lines
            else TaxShare(-1, place - lines, base, base * rate, RATE, share)
            for place, base, share in zip(places, weights, shares, strict=True)
        ]
        self.priced[tax.id] = PricedTax(tax.id, amount, whole, numerator, RATE, False, tuple(found))

    def _by_itself(self, tax: TaxRule, on_top: list[int] | None) -> None:
        policy = self._policy
        rounder = ROUND[tax.rounding or policy.tax_rounding]
        exact, base, numerator, denominator = self._exact(tax, on_top)
        shares: list[int] | None = None
        if tax.is_inclusive and policy.inclusive_method is InclusiveMethod.NET_FIRST:
            shares = self._net_first(tax, exact, rounder)
            amount = sum(shares)
        elif policy.tax_place is TaxPlace.LINE:
            shares = [rounder(each, under) for _, each, under in exact]
            amount = sum(shares)
        else:
            amount = rounder(numerator, denominator)
        self._settle(tax, exact, base, numerator, denominator, amount, shares)

    def _exact(self, tax: TaxRule, on_top: list[int] | None) -> tuple[list[tuple[int, int, int]], int, int, int]:
        """Base, numerator and denominator by place; base, numerator and denominator over the check."""
        places, bases, inside, rate = self.covered[tax.id], self.bases, self.inside, tax.rate
        exact: list[tuple[int, int, int]] = []
        if inside is None and on_top is None:
            for place in places:
                base = bases[place]
                exact.append((base, base * rate, RATE))
            whole = self._sum(places)
            return exact, whole, whole * rate, RATE
        additive = self._policy.additive_base
        groups: dict[int, list[int]] = {}
        shown, beside = 0, 0
        for place in places:
            base, under, more = bases[place], RATE, 0
            if inside is not None and inside[place]:
                if tax.is_inclusive or additive is AdditiveBase.NET:
                    under += inside[place]
                elif additive is AdditiveBase.ROUNDED_NET:
                    more -= self.included[place]
            if on_top is not None:
                more += on_top[place]
            groups.setdefault(under, []).append(place)
            beside += more
            own = base + more if tax.is_inclusive else base * RATE // under + more
            if under == RATE or not more:
                exact.append((own, (base + more) * rate, under))
            else:
                exact.append((own, (base * RATE + more * under) * rate, under * RATE))
        numerator, denominator = beside * rate, RATE
        for under, members in groups.items():
            whole = self._sum(members)
            shown += whole if tax.is_inclusive else whole * RATE // under
            common = lcm(denominator, under)
            numerator, denominator = numerator * (common // denominator) + whole * rate * (common // under), common
        return exact, shown + beside, numerator, denominator

    def _sum(self, places: list[int]) -> int:
        """What the places are taxed on together: by the factor of the check discounts where the policy has one."""
        before, bases = self._running.before_tax, self.bases
        if before is None:
            return sum([bases[place] for place in places])
        lines, into = self._lines, self._running.into
        start = more = 0
        for place in places:
            if place >= lines:
                more += bases[place]
            else:
                start += before[place]
                if into is not None:
                    more += into[place]
        scale = 10**self._policy.multiplier_digits
        return more + half_up(start * self._running.factor, scale)

    def _net_first(self, tax: TaxRule, exact: list[tuple[int, int, int]], rounder: Rounder) -> list[int]:
        """The tax inside as what is left of the price when the price without tax was rounded."""
        places, rate, inside = self.covered[tax.id], tax.rate, self.inside or []
        line_by_line = self._policy.tax_place is TaxPlace.LINE
        shares = [0] * len(places)
        single: list[int] = []
        for number, place in enumerate(places):
            base, under = (self.bases[place] if line_by_line else self._sum([place])), RATE + inside[place]
            if inside[place] != rate:
                shares[number] = rounder(rounder(base * RATE, under) * rate, RATE)
            elif line_by_line:
                shares[number] = base - rounder(base * RATE, under)
            else:
                single.append(number)
        if single:
            whole = self._sum([places[number] for number in single])
            amount = whole - rounder(whole * RATE, RATE + rate)
            for number, share in zip(
                single, share_out(amount, [exact[n][1] for n in single], self._policy.spread), strict=True
            ):
                shares[number] = share
        return shares

    def _settle(
        self,
        tax: TaxRule,
        exact: list[tuple[int, int, int]],
        base: int,
        numerator: int,
        denominator: int,
        amount: int,
        shares: list[int] | None,
    ) -> None:
        if shares is None:
            if self.inside is None:
                weights = [each for _, each, _ in exact]
            else:
                common = lcm(*(under for _, _, under in exact))
                weights = [each * (common // under) for _, each, under in exact]
            shares = share_out(amount, weights, self._policy.spread)
        onto = self.included if tax.is_inclusive else self.added
        lines, found = self._lines, []
        for place, (own, each, under), share in zip(self.covered[tax.id], exact, shares, strict=True):
            onto[place] += share
            found.append(
                TaxShare(place, -1, own, each, under, share)
                if place < lines
                else TaxShare(-1, place - lines, own, each, under, share)
            )
        self.priced[tax.id] = PricedTax(tax.id, amount, base, numerator, denominator, tax.is_inclusive, tuple(found))

    # -- amounts ----------------------------------------------------------------------------------------------------------

    def _amount(self, tax: TaxRule) -> None:
        """A fixed tax, a table, or one that somebody else calculated."""
        places, policy = self.covered[tax.id], self._policy
        rounder = ROUND[tax.rounding or policy.tax_rounding]
        bases = [self.bases[place] for place in places]
        base = self._sum(places)
        if tax.kind is TaxKind.FIXED:
            per = tax.per if tax.per is not Per.POLICY else policy.fixed_tax_per
            exact = []
            for place, own in zip(places, bases, strict=True):
                if per is Per.UNIT and place < self._lines:
                    exact.append((own, tax.amount * self._bill.lines[place].quantity, QUANTITY))
                else:
                    exact.append((own, tax.amount * QUANTITY, QUANTITY))
            shares = [rounder(each, under) for _, each, under in exact]
            numerator = sum(each for _, each, _ in exact)
            self._settle(tax, exact, base, numerator, QUANTITY, sum(shares), shares)
            return
        if tax.kind is TaxKind.TABLE and policy.table_place is TaxPlace.LINE:
            shares = [from_table(tax, own) for own in bases]
        elif tax.kind is TaxKind.TABLE:
            shares = share_out(from_table(tax, base) if places else 0, bases, policy.spread)
        else:
            shares = share_out(tax.amount, bases, policy.spread)
        exact = [(own, share, 1) for own, share in zip(bases, shares, strict=True)]
        amount = sum(shares)
        self._settle(tax, exact, base, amount, 1, amount, shares)


def _misnamed(name: str, place: int, places: list[int] | None) -> BadInput:
    what = "which the bill does not have" if places is None else "twice"
    return BadInput(
        f"Line or charge {place + 1} of the bill names tax {name}, {what}.", "Name each tax of the bill once."
    )


def from_table(tax: TaxRule, base: int) -> int:
    """The tax of an amount by a table. Raises ``BadInput`` when the table says nothing about it."""
    rows = tax.table
    turns = per_turn = 0
    looked_up = base
    if rows and base > rows[-1].end:
        at = next((number for number, row in enumerate(rows) if row.repeats), None)
        if at is None:
            raise BadInput(
                f"The table of tax {tax.id} ends at {rows[-1].end}; the amount is {base}.",
                "Add rows, or mark those that repeat.",
            )
        length = rows[-1].end - rows[at].start + 1
        turns = -((rows[-1].end - base) // length)
        per_turn = rows[-1].tax - (rows[at - 1].tax if at else 0)
        looked_up = base - turns * length
    for row in rows:
        if row.start <= looked_up <= row.end:
            return row.tax + turns * per_turn
    raise BadInput(f"The table of tax {tax.id} has no row for {looked_up}.", "Close the gap in the table.")
