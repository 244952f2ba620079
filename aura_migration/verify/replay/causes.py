"""The closed list of explanations, each with a proof that the difference alone cannot supply.

A difference is explained by what *other* orders show: a run of one value before a date and of the configured one from then on, a
window of dates without a tax that was charged before and after, a name and a percentage on the check itself. What has no proof
stays different.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from aura_migration.verify.replay.book import Book
from aura_migration.verify.replay.earlier import Earlier, earlier_prices
from aura_migration.verify.replay.history import History, Run, Subject
from aura_migration.verify.replay.lines import AS_CONFIGURED
from aura_migration.verify.replay.rung import OrderRef, Span, sold_in
from aura_migration.verify.replay.words import AS_STATED, Cause, Found, Why

ENOUGH = 3
"""Fewer observations than this on one side of a date prove nothing."""
CUT_OFF = 10
"""So many observations after a change make up for those that were sold before the history begins."""
EXEMPTION_IS_CONCLUDED = frozenset(("square",))
"""POS that do not mark a check as exempt: the mark only says that no tax was charged."""
Connection = psycopg.Connection[Any]


@dataclass(slots=True)
class TaxDays:
    """By tax and item: the orders of each business date that bore it, and those that did not although the rules say so."""

    charged: dict[tuple[str, int | None], dict[str, int]] = field(default_factory=dict)
    missing: dict[tuple[str, int | None], dict[str, int]] = field(default_factory=dict)
    windows: dict[str, set[str]] = field(default_factory=dict)
    """By tax, the days of its holidays."""


class Proofs:
    """Explains differences from the history of a span."""

    def __init__(self, book: Book, history: History) -> None:
        self.book, self.history = book, history
        self.tax_days = TaxDays()
        self.earlier: Earlier = {}
        self.rounds_by_hand = False
        """Checks were rounded to coins although the till has no rule that does it."""
        self._proven: list[tuple[str, str]] | None = None

    def gather(self, connection: Connection, span: Span, found: Iterable[tuple[OrderRef, Found]]) -> None:
        """Ask AuraConnect what prices held before, and on which days the taxes were charged that some orders lack.

        Nothing is asked where nothing differs.
        """
        found = list(found)
        priced = {each.subject for _, each in found if each.cause in (Cause.ITEM_PRICE, Cause.MODIFIER_PRICE)}
        if priced:
            self.earlier = earlier_prices(connection, self.book.location_id, priced)
        rounded = [order for order, each in found if each.cause is Cause.CASH_ROUNDING]
        if rounded and self.book.policy.cash_increment <= 1:
            self.rounds_by_hand = self._unrounded(connection, span, rounded) >= max(ENOUGH, len(rounded) + 1)
        missing = self.tax_days.missing
        for order, each in found:
            if each.cause is Cause.TAX_EXTRA and each.subject[0] == "tax" and not self._is_stated(order):
                item = each.subject[2] if len(each.subject) > 2 else None
                key = (str(each.subject[1]), item if isinstance(item, int) else None)
                days = missing.setdefault(key, {})
                days[order.day] = days.get(order.day, 0) + 1
        rates = sorted({int(tax) for tax, _ in missing if tax.isdigit()})
        if not rates:
            return
        charged: dict[tuple[str, int | None], dict[str, int]] = defaultdict(dict)
        where, arguments = sold_in(connection, self.book.location_id, span)
        for tax, item, day, orders in connection.execute(
            f"""
            SELECT t.tax_rate_id, i.menu_item_id, o.business_date::text, count(DISTINCT o.id)
            FROM aura.orders o JOIN aura.order_taxes t ON t.order_id = o.id
            LEFT JOIN aura.order_items i ON i.id = t.order_item_id
            WHERE {where} AND t.tax_rate_id = ANY(%(rates)s) AND t.amount_cents <> 0
              AND (i.menu_item_id IS NOT NULL OR t.order_item_id IS NULL)
            GROUP BY GROUPING SETS ((1, 2, 3), (1, 3)) ORDER BY 1, 3
            """,
            {**arguments, "rates": rates},
        ).fetchall():
            charged[str(tax), item][day] = charged[str(tax), item].get(day, 0) + orders
        for key, days in self.history.borne.items():
            for day, orders in days.items():
                charged[key][day] = charged[key].get(day, 0) + orders
        self.tax_days.charged = dict(charged)
        for name in {tax for tax, _ in missing}:
            self.tax_days.windows[name] = self._holidays(name)

    def explain(self, order: OrderRef, found: Sequence[Found], each: Found) -> Why | None:
        """What explains one difference of an order, or None."""
        if each.why is not None:
            return each.why
        if each.cause in (Cause.ITEM_PRICE, Cause.MODIFIER_PRICE):
            return self._price(order, each)
        if each.cause is Cause.TAX_RATE:
            return self._rate(each)
        if each.cause is Cause.TAX_EXTRA and each.subject[0] == "tax":
            return self._untaxed(order, found, each)
        if each.cause is Cause.TAX_MISSING:
            return self._replaced(found, each) or (Why.NO_LONGER_CHARGED if self._has_ended(found, each) else None)
        if each.cause is Cause.DISCOUNT_SCOPE:
            return self._scope(each)
        if each.cause is Cause.MIN_SELECTION:
            return self._chosen(each)
        if each.cause is Cause.CHARGE_TAXABILITY and each.charged == "not taxed":
            return self._untaxed_charge(order, each)
        if each.cause is Cause.CASH_ROUNDING and self.rounds_by_hand:
            return Why.ROUNDED_BY_HAND
        return None

    def _unrounded(self, connection: Connection, span: Span, rounded: Sequence[OrderRef]) -> int:
        """Checks paid in cash alone, from the first rounded one on, that no coin of five would have let stand as they are."""
        where, arguments = sold_in(connection, self.book.location_id, span)
        row = connection.execute(
            f"""
            SELECT count(*) FROM aura.orders o
            WHERE {where} AND o.business_date >= %(rounded)s AND o.rounding_cents = 0 AND o.final_amount_cents %% 5 <> 0
              AND (SELECT bool_and(p.method = 'cash') FROM aura.payments p
                   WHERE p.order_id = o.id AND p.status = 'completed')
            """,
            {**arguments, "rounded": min(order.day for order in rounded)},
        ).fetchone()
        return int(row[0]) if row else 0

    def _is_stated(self, order: OrderRef) -> bool:
        """Whether the POS itself says that the check is exempt."""
        return order.is_exempt and not order.tax and self.book.policy.name not in EXEMPTION_IS_CONCLUDED

    # -- prices ------------------------------------------------------------------------------------------------------

    def _price(self, order: OrderRef, each: Found) -> Why | None:
        is_choice = each.cause is Cause.MODIFIER_PRICE
        until = self.earlier.get(each.subject, {}).get(each.charged) if isinstance(each.charged, int) else None
        if until is not None and order.day <= until.isoformat():
            return Why.MODIFIER_PRICE_CHANGED if is_choice else Why.PRICE_CHANGED
        runs = self.history.prices.get(each.subject, [])
        if each.charged not in [run.value for run in runs[:-1]]:
            return None
        if not changed_once(runs, AS_CONFIGURED) and not self._changed_with_others(runs):
            return None
        return Why.MODIFIER_PRICE_CHANGED if is_choice else Why.PRICE_CHANGED

    def _changed_with_others(self, runs: Sequence[Run]) -> bool:
        """Few lines before the change: it fell on the day of another change that is proven, or the history begins with them and
        very many follow without exception."""
        if len(runs) != 2 or runs[-1].value != AS_CONFIGURED or runs[-1].count < ENOUGH:
            return False
        before, after = runs[0].last, runs[1].first
        if before == self.history.first and runs[-1].count >= CUT_OFF:
            return True
        return any(start < after and before < end for start, end in self._changes())

    def _changes(self) -> list[tuple[str, str]]:
        """Proven changes of prices: the last day before each and the first day after it."""
        if self._proven is None:
            self._proven = [
                (runs[-2].last, runs[-1].first)
                for runs in self.history.prices.values()
                if changed_once(runs, AS_CONFIGURED)
            ]
        return self._proven

    # -- taxes -------------------------------------------------------------------------------------------------------

    def _rate(self, each: Found) -> Why | None:
        if not isinstance(each.ruled, int):
            return None
        runs = self.history.rates.get((each.subject[1], each.ruled), [])
        return Why.RATE_CHANGED if changed_once(runs, each.ruled) else None

    def _untaxed(self, order: OrderRef, found: Sequence[Found], each: Found) -> Why | None:
        tax = str(each.subject[1])
        if self._is_stated(order):
            return Why.TAX_EXEMPT
        if order.day in self.tax_days.windows.get(tax, ()):
            return Why.TAX_HOLIDAY
        if order.is_exempt and not order.tax:
            return Why.TAX_EXEMPT if self.history.tax_orders.get(tax, 0) >= ENOUGH else None
        gone = [one for one in found if one.cause is Cause.TAX_MISSING and self._has_ended(found, one)]
        if any(self._bears_since(each, one) for one in gone):
            return Why.NO_LONGER_CHARGED
        return self._replaced(found, each)

    def _untaxed_charge(self, order: OrderRef, each: Found) -> Why | None:
        """A charge without tax on a day on which items went without the same taxes; or on an exempt check."""
        rule = next((one for one in self.book.charges if one.id == each.subject[1]), None)
        windows = self.tax_days.windows
        if rule is not None and rule.taxes:
            is_free = all(order.day in windows.get(name, ()) for name in rule.taxes)
        else:
            is_free = any(order.day in days for days in windows.values())
        return Why.TAX_HOLIDAY if is_free else None

    def _chosen(self, each: Found) -> Why | None:
        """Nothing was chosen where something must be: the price does not depend on it, and elsewhere it was chosen."""
        group = each.subject[3]
        if each.charged != 0 or not any(
            option.group == group and option.is_sold and option.cents == 0 for option in self.book.options.values()
        ):
            return None
        chosen = self.history.prices.get(("group", group), [])
        return Why.CHOICE_NOT_RECORDED if sum(run.count for run in chosen) >= ENOUGH else None

    def _replaced(self, found: Sequence[Found], each: Found) -> Why | None:
        """One rate gave way to another: the old one was only charged before the new one, both often enough."""
        old = [str(one.subject[1]) for one in found if one.cause is Cause.TAX_MISSING]
        new = [str(one.subject[1]) for one in found if one.cause is Cause.TAX_EXTRA and one.subject[0] == "tax"]
        if not old or not new:
            return None
        taxed, orders = self.history.taxed, self.history.tax_orders
        for before in old:
            for after in new:
                if (
                    before in taxed
                    and after in taxed
                    and taxed[before][1] < taxed[after][0]
                    and min(orders[before], orders[after]) >= ENOUGH
                    and each.subject[1] in (before, after)
                ):
                    return Why.RATE_CHANGED
        return None

    def _has_ended(self, found: Sequence[Found], each: Found) -> bool:
        """Whether a rate that AuraConnect lacks was charged as stated, and not any more since: where it stood in the place of
        configured rates, one of the items bears those again."""
        if each.ruled != AS_STATED:
            return False
        last = self._last_charged(each)
        if sum(orders for day, orders in self.history.days.items() if day > last) < CUT_OFF:
            return False
        instead = [one for one in found if one.cause is Cause.TAX_EXTRA and one.subject[0] == "tax"]
        return not instead or any(self._bears_since(one, each) for one in instead)

    def _bears_since(self, each: Found, gone: Found) -> bool:
        """Whether an item that lacks a configured rate bears it on orders after the last that state the rate which is gone."""
        if len(each.subject) < 3 or not isinstance(each.subject[2], int):
            return False
        last = self._last_charged(gone)
        days = self.tax_days.charged.get((str(each.subject[1]), each.subject[2]), {})
        return sum(orders for day, orders in days.items() if day > last) >= ENOUGH

    def _last_charged(self, gone: Found) -> str:
        return self.history.taxed[str(gone.subject[1])][1]

    def _holidays(self, tax: str) -> set[str]:
        """Days on which an item that bears the tax before and after bore it in no order.

        At least so many orders within one window; an item that is sold only within the window belongs to it when others prove it.
        """
        missing, charged = self.tax_days.missing, self.tax_days.charged
        held: dict[str, int] = {}
        loose: dict[str, int] = {}
        for (name, item), days in missing.items():
            if name != tax:
                continue
            on = charged.get((tax, item), {})
            whole = charged.get((tax, None), {})
            for day, orders in days.items():
                if day in on or (item is None and day in whole):
                    continue
                around = on or whole
                if any(other < day for other in around) and any(other > day for other in around):
                    held[day] = held.get(day, 0) + orders
                else:
                    loose[day] = loose.get(day, 0) + orders
        found: set[str] = set()
        for window in _windows(held, {day for each in _of(charged, tax, missing) for day in each}):
            if sum(held[day] + loose.get(day, 0) for day in window) >= ENOUGH:
                found.update(window)
        return found

    # -- discounts ---------------------------------------------------------------------------------------------------

    def _scope(self, each: Found) -> Why | None:
        """A rule that was concluded from orders knows one scope; the same name given otherwise is given by hand."""
        number = each.subject[1]
        rule = next((one for one in self.book.discounts if one.id == number), None)
        if rule is None or not rule.key.startswith("inferred/") or each.charged not in ("line", "check"):
            return None
        return Why.DISCOUNT_BY_HAND if rule.scope.value in self.history.scopes.get(rule.id, ()) else None


def changed_once(runs: Sequence[Run], configured: int) -> bool:
    """Whether values followed each other without exception, each seen often enough, and the last is the configured one."""
    if len(runs) < 2 or runs[-1].value != configured:
        return False
    return len({run.value for run in runs}) == len(runs) and all(run.count >= ENOUGH for run in runs)


def _windows(days: dict[str, int], others: set[str]) -> list[list[str]]:
    """Days in stretches that no other day interrupts."""
    found: list[list[str]] = []
    for day in sorted(days):
        if found and not any(found[-1][-1] < other < day for other in others):
            found[-1].append(day)
        else:
            found.append([day])
    return found


def _of(
    charged: dict[tuple[str, int | None], dict[str, int]],
    tax: str,
    missing: dict[tuple[str, int | None], dict[str, int]],
) -> list[dict[str, int]]:
    """The days on which items were charged the tax that at some time were not."""
    items = {item for name, item in missing if name == tax}
    return [days for (name, item), days in charged.items() if name == tax and item in items]


def runs_told(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Runs as data for people."""
    return [
        {
            "value": "as configured" if run.value == AS_CONFIGURED else run.value,
            "count": run.count,
            "from": run.first,
            "to": run.last,
        }
        for run in runs
    ]


__all__ = ["ENOUGH", "Proofs", "Subject", "changed_once", "runs_told"]
