"""Differences by probable cause, most money first: which rule, what the history shows, what is configured, how many orders, what to do.

Order numbers and dates are named, nobody's data is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aura_migration.core.money import show
from aura_migration.pricing.policy import Policy, TaxPlace
from aura_migration.pricing.scales import Rounding
from aura_migration.verify.replay.backtest import BackTest, Way
from aura_migration.verify.replay.book import Book
from aura_migration.verify.replay.rung import OrderRef
from aura_migration.verify.replay.words import Cause, Found

EXAMPLES = 5
ROUNDED = {Rounding.HALF_UP: "half-up", Rounding.HALF_EVEN: "half-even", Rounding.DOWN: "down", Rounding.UP: "up"}
PLACED = {TaxPlace.LINE: "line by line", TaxPlace.RATE: "once over the check", TaxPlace.CHECK: "all rates at once"}
REMEDIES = {
    Cause.ITEM_PRICE: "Set the price of the item in AuraConnect to what was charged, or sign the new price.",
    Cause.MODIFIER_PRICE: "Set the price of the option in AuraConnect to what was charged, or sign the new price.",
    Cause.NOT_ON_MENU: "Put it on the menu again if it is still sold.",
    Cause.NOT_OFFERED: "Link the group to the item in AuraConnect, at this location.",
    Cause.MIN_SELECTION: "Lower the smallest number of choices of the group on this item; orders were taken with fewer.",
    Cause.MAX_SELECTION: "Raise the largest number of choices of the group on this item; orders hold more.",
    Cause.LINE_ROUNDING: "Set line_rounding or modifiers_per in the setting pricing.policy as the history shows.",
    Cause.DISCOUNT_RATE: "Correct the percentage or amount of the discount in AuraConnect.",
    Cause.DISCOUNT_SCOPE: "Correct what the discount is taken off: the whole check, or the items it is given on.",
    Cause.DISCOUNT_SCHEDULE: "Correct the days and hours of the discount.",
    Cause.DISCOUNT_ROUNDING: "Set the order and rounding of discounts in the setting pricing.policy as the history shows.",
    Cause.DISCOUNT_MISSING: "Correct when the discount applies by itself, or let it be given by hand.",
    Cause.DISCOUNT_UNKNOWN: "Make the discount in AuraConnect if it is still given.",
    Cause.CHARGE_RATE: "Correct the percentage or amount of the charge in AuraConnect.",
    Cause.CHARGE_BASE: "Correct what the charge is a percentage of.",
    Cause.CHARGE_MISSING: "Correct when the charge applies by itself, or let it be put on by hand.",
    Cause.CHARGE_UNKNOWN: "Make the charge in AuraConnect if it is still taken.",
    Cause.CHARGE_TAXABILITY: "Correct whether the charge is taxed, and by which rates.",
    Cause.TAX_RATE: "Correct the percentage of the rate in AuraConnect, or sign the new rate.",
    Cause.TAX_ROUNDING: "Correct the rounding of the rate, or tax_rounding and tax_place in the setting pricing.policy.",
    Cause.TAX_BASE: "Set discounts_reduce_tax, or whether the discount reduces tax, as the history shows.",
    Cause.TAX_MISSING: "Assign the rate to the items it was charged on.",
    Cause.TAX_EXTRA: "Take the rate off the items it was not charged on, or add the exception that holds for such orders.",
    Cause.TAX_INCLUSIVE: "Correct whether the rate is inside the price or on top.",
    Cause.CASH_ROUNDING: "Set the smallest coin of cash payments (cash_increment) as the history shows.",
    Cause.UNKNOWN: "Look the orders up in the POS; no rule that is known reproduces them.",
}
MAKE_THE_RATE = "Make the rate in AuraConnect and assign it to the items, if it is still charged."


@dataclass(slots=True)
class Cluster:
    """Differences of one cause and one rule. ``cents`` is the sum of absolute differences, ``net_cents`` AuraConnect minus POS."""

    cause: Cause
    subject: tuple[str | int | None, ...]
    title: str = ""
    orders: int = 0
    cents: int = 0
    net_cents: int = 0
    charged: Counter[str | int | None] = field(default_factory=Counter)
    ruled: Counter[str | int | None] = field(default_factory=Counter)
    examples: list[dict[str, str]] = field(default_factory=list)
    first: str = ""
    last: str = ""

    @property
    def is_rate_unknown(self) -> bool:
        """Whether it is about a rate that AuraConnect does not have."""
        return self.subject[0] == "tax" and str(self.subject[1]).startswith("?")

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "cause": self.cause.value,
            "title": self.title,
            "orders": self.orders,
            "cents": self.cents,
            "net_cents": self.net_cents,
            "from": self.first,
            "to": self.last,
            "examples": self.examples,
            "remedy": MAKE_THE_RATE if self.is_rate_unknown else REMEDIES[self.cause],
        }


class Clusters:
    """Gathers differences that nothing explains."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._held: dict[tuple[object, ...], Cluster] = {}
        self._seen: dict[tuple[object, ...], int] = {}

    def add(self, order: OrderRef, found: Found) -> None:
        """One difference of an order."""
        subject = found.subject
        if found.cause in (Cause.TAX_EXTRA, Cause.TAX_MISSING):
            subject = subject[:2]
        elif found.cause is Cause.UNKNOWN:
            subject = ("order", None)
        key = (found.cause, subject)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = Cluster(found.cause, subject, first=order.day)
        held.cents += abs(found.cents)
        held.net_cents += found.cents
        held.charged[found.charged] += 1
        held.ruled[found.ruled] += 1
        held.last = order.day
        if self._seen.get(key) != order.id:
            self._seen[key] = order.id
            held.orders += 1
            if len(held.examples) < EXAMPLES:
                held.examples.append({"order": order.number or order.key, "day": order.day})

    def named(self, test: BackTest, policy: Policy) -> list[Cluster]:
        """The clusters with their titles, those of ways of calculating under the cause that the history shows; most money first."""
        for held in self._held.values():
            if held.cause is Cause.TAX_ROUNDING:
                self._calculated(held, test, policy)
            else:
                held.title = self._title(held)
        return sorted(self._held.values(), key=lambda one: (-one.cents, -one.orders, one.cause, one.title))

    def _calculated(self, held: Cluster, test: BackTest, policy: Policy) -> None:
        """The way of calculating that the history shows where it is not the configured one; else the cause is unknown."""
        name = str(held.subject[1])
        said = f"rate '{self.book.taxes[name].name}'"
        configured, best = configured_way(self.book, name, policy), shown_way(self.book, name, test, policy)
        if best is None:
            held.cause = Cause.UNKNOWN
            held.title = f"{said}: no rounding of it reproduces what was charged"
            return
        if best.before_discounts is not configured.before_discounts and best[:2] == configured[:2]:
            held.cause = Cause.TAX_BASE
            held.title = f"{said} is of the price before discounts in history, configured after discounts"
            return
        history, rule = ROUNDED[best.rounding], ROUNDED[configured.rounding]
        if best.place is not configured.place:
            history, rule = f"{history} {PLACED[best.place]}", f"{rule} {PLACED[configured.place]}"
        if best.before_discounts:
            history += " before discounts"
        held.title = f"{said} rounds {history} in history, configured {rule}"

    def _title(self, held: Cluster) -> str:
        """What the history shows and what is configured, in a sentence."""
        name = self._name(held.subject)
        say = _TITLES.get(held.cause)
        if say is None:
            return (
                f"{held.cause.value.replace('_', ' ')}: {name}"
                if name
                else "no rule that is known reproduces the cents"
            )
        charged, ruled = _most(held.charged), _most(held.ruled)
        return say(self, _Said(held, name, charged, ruled))

    def _costs(self, said: _Said) -> str:
        what = "item" if said.held.cause is Cause.ITEM_PRICE else "option"
        return f"{what} '{said.name}' cost {self._money(said.charged)} in history, configured {self._money(said.ruled)}"

    def _chosen(self, said: _Said) -> str:
        what, limit = ("more", "most") if said.held.cause is Cause.MAX_SELECTION else ("fewer", "least")
        chosen = f"{said.charged} choices" if said.charged != 1 else "one choice"
        group = self._group(said.held)
        return f"'{said.name}': orders hold {chosen} of '{group}', {what} than configured (at {limit} {said.ruled})"

    def _not_offered(self, said: _Said) -> str:
        return f"'{said.name}' is not offered '{self._group(said.held)}', from which '{said.charged}' was chosen"

    def _scope(self, said: _Said) -> str:
        if said.ruled in ("line", "check"):
            return (
                f"discount '{said.name}' was taken off the {said.charged} in history, configured for the {said.ruled}"
            )
        return f"discount '{said.name}' was taken off {_list(said.held.charged)}, which it is not configured for"

    def _discount_rate(self, said: _Said) -> str:
        number = said.held.subject[1]
        is_rate = any(one.id == number and one.rate is not None for one in self.book.discounts)
        return self._rated(f"discount '{said.name}'", said, is_rate)

    def _charge_rate(self, said: _Said) -> str:
        number = said.held.subject[1]
        is_rate = any(one.id == number and one.calculation == "percent" for one in self.book.charges)
        return self._rated(f"charge '{said.name}'", said, is_rate)

    def _rated(self, what: str, said: _Said, is_rate: bool) -> str:
        told = _percent if is_rate else self._money
        return f"{what} is {told(said.charged)} in history, configured {told(said.ruled)}"

    def _group(self, held: Cluster) -> str:
        number = held.subject[3]
        group = self.book.groups.get(int(str(number)))
        return group.name if group is not None else str(number)

    def _name(self, subject: tuple[str | int | None, ...]) -> str:
        book, (kind, ident) = self.book, subject[:2]
        if kind == "tax":
            held = book.taxes.get(str(ident))
            return held.name if held is not None else str(ident).lstrip("?")
        if kind == "item" and isinstance(ident, int) and ident in book.items:
            item = book.items[ident]
            size = subject[2] if len(subject) > 2 else None
            return (
                f"{item.name}, {item.variations[size].name}"
                if isinstance(size, int) and size in item.variations
                else item.name
            )
        if kind == "modifier" and isinstance(ident, int) and ident in book.options:
            return book.options[ident].name
        rules: Mapping[str, Any] = {"discount": book.discounts, "charge": book.charges}
        for rule in rules.get(str(kind), ()):
            if rule.id == ident:
                return str(rule.name)
        return str(subject[2]) if len(subject) > 2 and subject[2] is not None else ""

    def _money(self, cents: str | int | None) -> str:
        return show(cents, self.book.currency) if isinstance(cents, int) else str(cents)


class _Said(NamedTuple):
    """A cluster with the name of its rule and what most of its orders say."""

    held: Cluster
    name: str
    charged: str | int | None
    ruled: str | int | None


_TITLES: Mapping[Cause, Callable[[Clusters, _Said], str]] = {
    Cause.ITEM_PRICE: Clusters._costs,
    Cause.MODIFIER_PRICE: Clusters._costs,
    Cause.MAX_SELECTION: Clusters._chosen,
    Cause.MIN_SELECTION: Clusters._chosen,
    Cause.NOT_OFFERED: Clusters._not_offered,
    Cause.LINE_ROUNDING: lambda _, said: "quantity times price comes to other cents than in history",
    Cause.DISCOUNT_SCOPE: Clusters._scope,
    Cause.DISCOUNT_RATE: Clusters._discount_rate,
    Cause.DISCOUNT_SCHEDULE: lambda _, said: (
        f"discount '{said.name}' was given outside of its configured days and hours"
    ),
    Cause.DISCOUNT_ROUNDING: lambda _, said: f"discount '{said.name}' takes other cents off than in history",
    Cause.DISCOUNT_MISSING: lambda _, said: (
        f"discount '{said.name}' applies by itself, orders it applies to do not have it"
    ),
    Cause.CHARGE_RATE: Clusters._charge_rate,
    Cause.CHARGE_BASE: lambda _, said: (
        f"charge '{said.name}' is a percentage of another sum in history than configured"
    ),
    Cause.CHARGE_MISSING: lambda _, said: (
        f"charge '{said.name}' applies by itself, orders it applies to do not have it"
    ),
    Cause.CHARGE_TAXABILITY: lambda _, said: (
        f"charge '{said.name}' is {said.charged} in history, configured {said.ruled}"
    ),
    Cause.TAX_RATE: lambda _, said: (
        f"rate '{said.name}' is {_percent(said.charged)} in history, configured {_percent(said.ruled)}"
    ),
    Cause.TAX_INCLUSIVE: lambda _, said: f"rate '{said.name}' is {said.charged} in history, configured {said.ruled}",
    Cause.TAX_EXTRA: lambda _, said: (
        f"rate '{said.name}' was not charged on {len(said.held.ruled)} kinds of lines that it is assigned to ({_list(said.held.ruled)})"
    ),
    Cause.TAX_MISSING: lambda _, said: _not_assigned(said.held, said.name),
    Cause.CASH_ROUNDING: lambda _, said: "cash payments are rounded to another coin in history than configured",
}
"""The title of a cluster by its cause; of those not here cause and name say all there is."""


def configured_way(book: Book, tax: str, policy: Policy) -> Way:
    """How a rate is calculated as configured."""
    rounding = book.taxes[tax].rule.rounding or policy.tax_rounding
    return Way(rounding, policy.tax_place if policy.tax_place is TaxPlace.LINE else TaxPlace.RATE, False)


def shown_way(book: Book, tax: str, test: BackTest, policy: Policy) -> Way | None:
    """The way that explains more orders than the configured one, and all but one in a hundred; of several the nearest to it."""
    evidence = test.rates.get(tax)
    if evidence is None:
        return None
    configured, counts = configured_way(book, tax, policy), evidence.counted()
    top = max(counts.values())
    if top <= counts[configured] or evidence.orders - top > evidence.orders // 100:
        return None
    return min((way for way, count in counts.items() if count == top), key=lambda way: _distance(way, configured))


def _distance(way: Way, configured: Way) -> int:
    """How many choices a way departs in; departures of place before those of base."""
    return (
        (way.rounding is not configured.rounding)
        + 2 * (way.place is not configured.place)
        + 4 * (way.before_discounts is not configured.before_discounts)
    )


def _most(values: Counter[str | int | None]) -> str | int | None:
    return values.most_common(1)[0][0] if values else None


def _percent(rate: str | int | None) -> str:
    if not isinstance(rate, int):
        return str(rate)
    whole, rest = divmod(rate, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") + " %"


def _not_assigned(held: Cluster, name: str) -> str:
    lines: Counter[str | int | None] = Counter(
        {what: count for what, count in held.charged.items() if isinstance(what, str)}
    )
    if not lines:  # stated for the check only
        return f"rate '{name}' was charged on checks that hold nothing it is assigned to"
    return f"rate '{name}' was charged on {len(lines)} kinds of lines that it is not assigned to ({_list(lines)})"


def _list(values: Counter[str | int | None]) -> str:
    named = [str(value) for value, _ in values.most_common(3)]
    return ", ".join(named) + (", …" if len(values) > 3 else "")
