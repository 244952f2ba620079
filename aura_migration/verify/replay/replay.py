"""One replay of a location's past: reads, rings up, judges. What it answers is data; storing it is the caller's.

Two passes at most: where the history shows that an open choice of the POS's arithmetic is another than assumed, the orders are
judged by what it shows, and the choice is proposed as a setting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import psycopg

from aura_migration.core import collector
from aura_migration.pricing.policies import variants
from aura_migration.pricing.policy import Policy
from aura_migration.verify.findings import percentage
from aura_migration.verify.replay.backtest import MOST_CASES, BackTest, Case, Inferred, can_tell, case_of, infer_policy
from aura_migration.verify.replay.book import Book
from aura_migration.verify.replay.carried import Carried
from aura_migration.verify.replay.causes import Proofs
from aura_migration.verify.replay.clusters import Cluster, Clusters, shown_way
from aura_migration.verify.replay.differ import Differ, Outcome
from aura_migration.verify.replay.history import History
from aura_migration.verify.replay.reading import read_book
from aura_migration.verify.replay.ring import Ringing, Till
from aura_migration.verify.replay.rung import OrderRef, RungOrder, Span, count_orders, past_orders, ref
from aura_migration.verify.replay.words import Cause, Class, Found, Part, Skip, Why

Connection = psycopg.Connection[Any]
OPEN_PARTS = frozenset((Cause.TAX_ROUNDING, Cause.DISCOUNT_ROUNDING, Cause.CHARGE_BASE))
"""Differences that another way of calculating may explain."""
PROVEN_BY_TIME = frozenset(
    (
        Cause.ITEM_PRICE,
        Cause.MODIFIER_PRICE,
        Cause.TAX_RATE,
        Cause.TAX_EXTRA,
        Cause.TAX_MISSING,
        Cause.CHARGE_TAXABILITY,
    )
)
"""Differences that orders before the span may explain."""
EARLIER = 2_000
"""So many orders before the span are looked at for proofs, where the span alone has none."""
AGREEING = 300
"""Orders that agree already, kept to see that a hypothesis does not break them."""


class Judged(NamedTuple):
    """An order that is not identical: its class, each difference with what explains it, and what follows them."""

    order: OrderRef
    verdict: Class
    found: tuple[tuple[Found, Why | None], ...]
    skips: tuple[Skip, ...]
    carried: tuple[Carried, ...] = ()


@dataclass(slots=True)
class Replayed:
    """A replay. ``whys`` are ``{explanation: (orders, cents)}``, ``skips`` ``{reason: orders}``; cents are sums of absolute differences."""

    span: Span
    orders: int = 0
    first: str = ""
    last: str = ""
    classes: Counter[Class] = field(default_factory=Counter)
    whys: dict[Why, tuple[int, int]] = field(default_factory=dict)
    skips: Counter[Skip] = field(default_factory=Counter)
    clusters: list[Cluster] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    tax_compared: int = 0
    tax_identical: int = 0
    pairs_sold: int = 0
    pairs_rung_up: int = 0
    policy: Policy | None = None
    inferred: Inferred | None = None
    test: BackTest = field(default_factory=BackTest)
    book: Book | None = None

    @property
    def passed(self) -> bool | None:
        """Whether nothing is different; None over no orders."""
        return None if not self.orders else not self.classes[Class.DIFFERENT]

    @property
    def cents(self) -> int:
        """All that is different, in absolute cents."""
        return sum(cluster.cents for cluster in self.clusters)

    def metrics(self) -> dict[str, Any]:
        """The figures of the scorecard."""
        if not self.orders:
            return dict(NOTHING)
        return {
            "orders_replayed": self.orders,
            "orders_identical_pct": percentage(self.classes[Class.IDENTICAL], self.orders),
            "orders_explained_pct": percentage(self.classes[Class.EXPLAINED], self.orders),
            "orders_not_comparable_pct": percentage(self.classes[Class.NOT_COMPARABLE], self.orders),
            "tax_orders_identical_pct": percentage(self.tax_identical, self.tax_compared),
            "modifiers_rung_up_pct": percentage(self.pairs_rung_up, self.pairs_sold),
            "replay_explained": {why.value: {"count": n, "cents": cents} for why, (n, cents) in self.whys.items()}
            or None,
        }


NOTHING: dict[str, Any] = {
    "orders_replayed": None,
    "orders_identical_pct": None,
    "orders_explained_pct": None,
    "orders_not_comparable_pct": None,
    "tax_orders_identical_pct": None,
    "modifiers_rung_up_pct": None,
    "replay_explained": None,
}
"""The metrics where nothing was replayed."""


def replay_orders(connection: Connection, restaurant_id: int, location_id: int, pos: str, span: Span) -> Replayed:
    """Ring the orders of the span up again and judge each."""
    book = read_book(connection, restaurant_id, location_id, pos)
    with collector.paused():
        return _Replay(connection, book, span).run()


class Judging:
    """All orders once, by one policy."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.history = History()
        self.test = BackTest()
        self.kept: list[tuple[OrderRef, list[Found], list[Skip]]] = []
        self.carried: dict[int, tuple[Carried, ...]] = {}
        self.cases: list[Case] = []
        self.agreeing: list[Case] = []
        self.open: dict[int, int] = {}
        """Orders that another way of calculating may explain, and their cents."""
        self.orders = self.tax_compared = self.tax_identical = 0

    def take(self, orders: Iterable[RungOrder]) -> None:
        """Ring up, compare, take note."""
        till, differ = Till(self.book), Differ(self.book)
        note, test = self.history.add, self.test.add
        for order in orders:
            ringing = till.ring(order)
            outcome = differ.compare(ringing)
            note(ringing, outcome)
            self.orders += 1
            if not outcome.skips:
                test(outcome)
                self.tax_compared += 1
                self.tax_identical += not (outcome.found and any(each.part is Part.TAX for each in outcome.found))
            if outcome.found or outcome.skips:
                self.kept.append((ref(order), outcome.found, outcome.skips))
                if outcome.carried:
                    self.carried[order.id] = outcome.carried
                if outcome.is_open and not outcome.skips:
                    self._open(ringing, outcome)
            elif len(self.agreeing) < AGREEING and can_tell(outcome):
                self.agreeing += _case(ringing, outcome)

    def _open(self, ringing: Ringing, outcome: Outcome) -> None:
        cents = [abs(each.cents) for each in outcome.found if each.cause in OPEN_PARTS]
        if cents:
            self.open[outcome.order.id] = sum(cents)
            if len(self.cases) < MOST_CASES:
                self.cases += _case(ringing, outcome)


def _case(ringing: Ringing, outcome: Outcome) -> Iterator[Case]:
    if outcome.plain is not None or any(each.part in (Part.DISCOUNT, Part.CHARGE) for each in outcome.found):
        outcome.bill = ringing.bill
    found = case_of(outcome, [held.amount for held in ringing.given], [put.charged.amount for put in ringing.put])
    if found is not None:
        yield found


class _Replay:
    def __init__(self, connection: Connection, book: Book, span: Span) -> None:
        self.connection, self.book, self.span = connection, book, span

    def run(self) -> Replayed:
        first = self._pass(self.book)
        inferred = None
        last = first
        decided: dict[int, int] = {}
        if first.cases:
            inferred = infer_policy(first.cases, first.agreeing, self.book.policy, self.book.policy_said)
        if inferred is not None:
            self.book.policy = inferred.policy
            last = self._pass(self.book)
            still = {order.id for order, found, _ in last.kept if any(each.cause in OPEN_PARTS for each in found)}
            decided = {ident: cents for ident, cents in first.open.items() if ident not in still}
            if not decided:
                inferred = None
        replayed = self._judge(last, last.history, self.span, inferred, decided)
        if any(cluster.cause in PROVEN_BY_TIME for cluster in replayed.clusters):
            earlier = self._earlier(last)
            if earlier is not None:
                wider, span = earlier
                replayed = self._judge(last, wider.history, span, inferred, decided)
        return replayed

    def _earlier(self, last: Judging) -> tuple[Judging, Span] | None:
        """The span and what was sold around it, where that is more: a span may begin in the middle of what it cannot prove alone."""
        here = self.book.location_id
        since = count_orders(self.connection, here, Span(since=date.fromisoformat(last.history.first)))
        span = Span(orders=since + EARLIER)
        if count_orders(self.connection, here, span) <= last.orders:
            return None
        return self._pass(self.book, span), span

    def _pass(self, book: Book, span: Span | None = None) -> Judging:
        made = Judging(book)
        coins = book.policy.cash_increment > 1
        made.take(past_orders(self.connection, book.location_id, book.zone, span or self.span, coins))
        return made

    def _judge(
        self, last: Judging, history: History, span: Span, inferred: Inferred | None, decided: dict[int, int]
    ) -> Replayed:
        replayed = Replayed(self.span, last.orders, last.history.first, last.history.last)
        replayed.book, replayed.policy, replayed.inferred, replayed.test = (
            self.book,
            self.book.policy,
            inferred,
            last.test,
        )
        proofs = Proofs(self.book, history)
        proofs.gather(self.connection, span, ((order, each) for order, found, _ in last.kept for each in found))
        clusters = Clusters(self.book)
        open_choice = set(decided)
        undecided = self._undecided(last)
        shown = {name for name in last.test.rates if shown_way(self.book, name, last.test, self.book.policy)}
        for order, found, skips in last.kept:
            explained = [(each, proofs.explain(order, found, each)) for each in found]
            if order.id in open_choice:
                open_choice.discard(order.id)
                explained.append((_open_choice(decided[order.id]), Why.OPEN_CHOICE))
            if order.id in undecided:
                left = [one for one in explained if not _is_undecided(*one, shown)]
                skips = [*skips, Skip.OPEN_POINT] if len(left) < len(explained) else skips
                explained = left
            self._count(replayed, clusters, order, explained, skips, last.carried.get(order.id, ()))
        for ident in sorted(open_choice):
            # Identical by the choice that the history shows.
            self._note(replayed, Why.OPEN_CHOICE, decided[ident])
            replayed.classes[Class.EXPLAINED] += 1
        replayed.classes[Class.IDENTICAL] = last.orders - sum(replayed.classes.values())
        replayed.clusters = clusters.named(last.test, self.book.policy)
        pairs = last.history.pairs
        replayed.pairs_sold = len(pairs.sold | pairs.failed)
        replayed.pairs_rung_up = len(pairs.sold - pairs.failed)
        replayed.tax_compared, replayed.tax_identical = last.tax_compared, last.tax_identical
        return replayed

    def _undecided(self, last: Judging) -> set[int]:
        """Orders that one of the ways of calculating reproduces that the POS leaves open, though not all orders agree on it."""
        ways = [policy for name, _, policy in variants(self.book.policy) if name not in self.book.policy_said]
        return {case.order.id for case in last.cases if any(case.fits(policy) for policy in ways)}

    def _count(
        self,
        replayed: Replayed,
        clusters: Clusters,
        order: OrderRef,
        explained: list[tuple[Found, Why | None]],
        skips: list[Skip],
        follows: tuple[Carried, ...] = (),
    ) -> None:
        is_different = False
        seen: dict[Why, int] = {}
        for each, why in explained:
            if why is None:
                is_different = True
                clusters.add(order, each)
            else:
                seen[why] = seen.get(why, 0) + abs(each.cents)
        for why, cents in seen.items():
            self._note(replayed, why, cents)
        for skip in set(skips):
            replayed.skips[skip] += 1
        verdict = Class.DIFFERENT if is_different else Class.NOT_COMPARABLE if skips else Class.EXPLAINED
        replayed.classes[verdict] += 1
        replayed.judged.append(Judged(order, verdict, tuple(explained), tuple(dict.fromkeys(skips)), follows))

    def _note(self, replayed: Replayed, why: Why, cents: int) -> None:
        orders, before = replayed.whys.get(why, (0, 0))
        replayed.whys[why] = (orders + 1, before + cents)


def _is_undecided(each: Found, why: Why | None, shown: set[str]) -> bool:
    """Whether only an open way of calculating is at stake: no history tells that the rate is configured wrongly."""
    if why is not None or each.cause not in OPEN_PARTS:
        return False
    return each.cause is not Cause.TAX_ROUNDING or each.subject[1] not in shown


def _open_choice(cents: int) -> Found:
    return Found(Part.TOTAL, Cause.UNKNOWN, ("policy", "open"), None, None, cents, Why.OPEN_CHOICE)
