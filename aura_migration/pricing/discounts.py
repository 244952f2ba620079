"""Discounts in their order, and what they leave of each line and of its taxable amount."""

from __future__ import annotations

from collections.abc import Sequence

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, Discount, Kind, LineState, Scope
from aura_migration.pricing.policy import Exclusive, Over, PercentBase, Policy, Within
from aura_migration.pricing.priced import PricedDiscount
from aura_migration.pricing.scales import RATE, ROUND, half_up, share_out


class Running:
    """A check while it is calculated: lists by line, changed step by step. Never leaves the engine."""

    __slots__ = ("before_check", "before_tax", "factor", "into", "live", "remaining", "taken", "taxable")

    def __init__(self, grosses: list[int], live: list[int]) -> None:
        self.live = live
        """Places of the lines that count."""
        self.remaining = grosses
        """What is left to pay of each line."""
        self.taxable = list(grosses)
        """What of each line is taxed."""
        self.before_check = grosses
        """What was left when check discounts began (a copy, once there are discounts)."""
        self.before_tax: list[int] | None = None
        """Taxable amounts when check discounts began, where `factor` replaces sharing out; else None."""
        self.factor = 0
        """The taxable part left by check discounts, scaled by the policy's digits."""
        self.taken: list[PricedDiscount] = []
        self.into: list[int] | None = None
        """Charges that went into each line, if any did."""


def discount(bill: Bill, policy: Policy, running: Running, sold_subtotal: int | None) -> None:
    """Apply the discounts of the bill. `sold_subtotal` is what lines came to before check discounts and before refunds, if any."""
    work = _Work(bill, policy, running, sold_subtotal)
    for scope, kind in policy.discount_groups:
        if scope not in work.started:
            work.start(scope)
        group = [one for one in bill.discounts if one.scope is scope and one.kind is kind]
        if not group:
            continue
        if policy.within_group is not Within.AS_LISTED:
            group.sort(key=_size, reverse=policy.within_group is Within.DESCENDING)
        if kind is Kind.AMOUNT and scope is Scope.CHECK and sold_subtotal:
            work.shrink(group)
        for one in group:
            work.apply(one)
    if policy.multiplier_digits:
        work.to_factor()
    running.taken = [work.done[one.id] for one in bill.discounts]


def _size(one: Discount) -> int:
    return one.rate if one.kind is Kind.PERCENT else one.amount


class _Work:
    def __init__(self, bill: Bill, policy: Policy, running: Running, sold_subtotal: int | None) -> None:
        self._bill, self._policy, self._running, self._sold = bill, policy, running, sold_subtotal
        self._rounder = ROUND[policy.discount_rounding]
        self._shrunk: dict[str, tuple[int, int, int]] = {}
        self.done: dict[str, PricedDiscount] = {}
        self.started: dict[Scope, list[int]] = {}
        names = {one.id: [] for one in bill.discounts if one.scope is Scope.LINE}  # type: dict[str, list[int]]
        known = {one.id for one in bill.discounts}
        if len(known) != len(bill.discounts):
            raise BadInput("Two discounts of one bill have the same id.", "Give each its own.")
        for one in bill.discounts:
            if one.rate < 0 or one.rate > RATE or one.amount < 0 or (one.cap is not None and one.cap < 0):
                raise BadInput(
                    f"Discount {one.id} is negative or above 100 %.", "Give rates and amounts as positive figures."
                )
        for place in running.live:
            line = bill.lines[place]
            for name in line.discounts:
                if name not in names:
                    raise BadInput(
                        f"Line {line.id} names discount {name}, which is not a line discount of the bill.", "Add it."
                    )
                if place not in names[name]:
                    names[name].append(place)
        self._covered = names
        self._checks = [
            place for place in running.live if policy.multiplier_digits or bill.lines[place].is_discountable
        ]
        self._alone: set[str] = set()
        if policy.exclusive is not Exclusive.IGNORED and not all(one.combines for one in bill.discounts):
            self._exclude()

    def start(self, scope: Scope) -> None:
        """The first discount of a scope begins."""
        running = self._running
        self.started[scope] = list(running.remaining)
        if scope is Scope.CHECK:
            running.before_check = self.started[scope]
            if self._policy.multiplier_digits:
                running.before_tax = list(running.taxable)

    def apply(self, one: Discount) -> None:
        """One discount on the lines it covers."""
        policy, remaining = self._policy, self._running.remaining
        places = self._checks if one.scope is Scope.CHECK else self._covered[one.id]
        over = policy.check_discounts_over if one.scope is Scope.CHECK else policy.line_discounts_over
        left = [remaining[place] for place in places]
        if one.id in self._alone:
            self.done[one.id] = PricedDiscount(one.id, 0, 0, 1, (0,) * len(remaining), False, False)
            return
        limit = sum(left)
        wanted: list[int] | None = None
        if one.kind is Kind.PERCENT:
            start = self.started[one.scope]
            base = left if policy.percent_base is PercentBase.REMAINING else [start[place] for place in places]
            numerator, denominator = sum(base) * one.rate, RATE
            if over is Over.EACH_LINE:
                wanted = [self._rounder(each * one.rate, RATE) for each in base]
        else:
            amount, numerator, denominator = self._shrunk.get(one.id, (one.amount, one.amount, 1))
            if over is Over.EACH_LINE:
                wanted = [amount] * len(places)
                numerator *= len(places)
            if amount != one.amount and over is Over.SUM:
                wanted = share_out(min(amount, limit), left, policy.spread)
        if wanted is not None:
            shares = [min(want, most) for want, most in zip(wanted, left, strict=True)]
            taken = sum(shares)
            is_reduced = taken < sum(wanted)
            if one.cap is not None and taken > one.cap:
                shares, is_reduced = share_out(one.cap, shares, policy.spread), True
        else:
            full = self._rounder(numerator, denominator)
            taken = min(full, limit) if one.cap is None else min(full, limit, one.cap)
            is_reduced = taken < full
            shares = share_out(taken, left, policy.spread)
        self._take(one, places, shares, numerator, denominator, is_reduced)

    def _take(
        self,
        one: Discount,
        places: Sequence[int],
        shares: Sequence[int],
        numerator: int,
        denominator: int,
        is_reduced: bool,
    ) -> None:
        running, policy = self._running, self._policy
        reduces = one.reduces_tax if policy.discounts_reduce_tax is None else policy.discounts_reduce_tax
        by_line = [0] * len(running.remaining)
        for place, share in zip(places, shares, strict=True):
            running.remaining[place] -= share
            if reduces:
                running.taxable[place] -= share
            by_line[place] = share
        self.done[one.id] = PricedDiscount(
            one.id, sum(shares), numerator, denominator, tuple(by_line), is_reduced, True
        )

    def shrink(self, group: Sequence[Discount]) -> None:
        """Fixed check discounts in proportion to the lines that were not refunded: their sum once, then each its share."""
        start, sold = self.started[Scope.CHECK], self._sold or 1
        kept = sum(start[place] for place in self._running.live)
        amounts = [one.amount for one in group]
        shares = (
            share_out(self._rounder(sum(amounts) * kept, sold), amounts, self._policy.spread)
            if any(amounts)
            else amounts
        )
        for one, share in zip(group, shares, strict=True):
            self._shrunk[one.id] = (share, one.amount * kept, sold)

    def to_factor(self) -> None:
        """Check discounts as one factor on the whole check; what its decimals lose or gain stands with the last discount."""
        running, policy = self._running, self._policy
        places, start = running.live, running.before_check
        whole = sum(start[place] for place in places)
        scale = 10**policy.multiplier_digits
        running.factor = scale
        last = None
        reducing = 0
        for one in self._bill.discounts:
            if one.scope is Scope.CHECK and self.done[one.id].amount:
                last = one
                if one.reduces_tax if policy.discounts_reduce_tax is None else policy.discounts_reduce_tax:
                    reducing += self.done[one.id].amount
        if last is None or not whole:
            return
        left = sum(running.remaining[place] for place in places)
        factor = half_up(left * scale, whole)
        off = left - half_up(whole * factor, scale)
        if off:
            at = max(places, key=running.remaining.__getitem__)
            done = self.done[last.id]
            shares = list(done.shares)
            shares[at] += off
            running.remaining[at] -= off
            if reducing:
                running.taxable[at] -= off
            self.done[last.id] = PricedDiscount(
                done.id, done.amount + off, done.numerator, done.denominator, tuple(shares), done.is_reduced, True
            )
        taxed = sum((running.before_tax or start)[place] for place in places)
        running.factor = (
            factor if reducing == whole - left and taxed == whole else half_up((taxed - reducing) * scale, taxed or 1)
        )

    def _exclude(self) -> None:
        """Leave out what a discount that does not combine excludes."""
        bill, first = self._bill, self._policy.exclusive is Exclusive.FIRST
        remaining = self._running.remaining
        order = {group: rank for rank, group in enumerate(self._policy.discount_groups)}

        def chosen(among: list[Discount], worth: int) -> Discount | None:
            alone = [one for one in among if not one.combines]
            if not alone:
                return None
            if first:
                return min(alone, key=lambda one: order[one.scope, one.kind])

            def off(one: Discount) -> int:
                value = worth * one.rate if one.kind is Kind.PERCENT else one.amount * RATE
                return min(value, worth * RATE if one.cap is None else one.cap * RATE, worth * RATE)

            return max(among, key=off)

        checks = [one for one in bill.discounts if one.scope is Scope.CHECK]
        best = chosen(checks, sum(remaining[place] for place in self._checks))
        if best is not None:
            self._alone |= {one.id for one in checks if one.id != best.id}
        for place in self._running.live:
            line = bill.lines[place]
            among = [one for one in bill.discounts if one.scope is Scope.LINE and one.id in line.discounts]
            best = chosen(among, remaining[place])
            if best is not None:
                for one in among:
                    if one.id != best.id:
                        self._covered[one.id].remove(place)
        self._alone |= {
            name
            for name, places in self._covered.items()
            if not places and any(name in bill.lines[place].discounts for place in self._running.live)
        }


def live_lines(bill: Bill, policy: Policy) -> list[int]:
    """Places of the lines that count."""
    gone = (LineState.VOIDED, LineState.REFUNDED) if policy.refunds_leave_bill else (LineState.VOIDED,)
    return [place for place, line in enumerate(bill.lines) if line.state not in gone]
