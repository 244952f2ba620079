"""What of a line the menu can produce. Each distinct line is judged once and remembered.

Whoever rang the line up chose item, size, options, quantity; the menu answers whether that can be chosen, and what it costs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import BillLine, BillModifier, Per, TaxKind
from aura_migration.pricing.lines import gross
from aura_migration.pricing.plain import is_plain
from aura_migration.pricing.scales import QUANTITY
from aura_migration.verify.replay.book import Book, Item, Link, Option, Prices
from aura_migration.verify.replay.hours import Moment, moment
from aura_migration.verify.replay.rung import RungLine, RungModifier, RungOrder
from aura_migration.verify.replay.words import Cause, Found, Part, Skip, Why

AS_CONFIGURED = -1
"""Stands for any price the menu allows, in runs of prices."""
COUNTED_BY_LINE = frozenset(("toast",))
"""POS whose orders state the quantity of a choice for the whole line: three burgers with cheese hold three cheese."""
REMEMBERED = 200_000
"""Distinct lines kept."""
NOTHING_CHOSEN: tuple[RungModifier, ...] = ()
Key = tuple[object, ...]


class Observed(NamedTuple):
    """What a line shows of a price: whose, and which (`AS_CONFIGURED` for one that the menu allows)."""

    subject: tuple[str | int | None, ...]
    price: int


class Judged(msgspec.Struct, frozen=True):
    """A line by the menu. `taxes` are names of rules (``Book.rule``).

    `skips` keep the order's taxes from being judged. `pairs` are (item, option, whether it could be rung up).
    """

    taxes: tuple[str, ...]
    counts_units: bool
    is_discountable: bool
    found: tuple[Found, ...]
    skips: tuple[Skip, ...]
    observed: tuple[Observed, ...]
    pairs: tuple[tuple[int, int, bool], ...]
    given_taxes: bool
    """The rules cannot say which taxes it bears: those it was charged are taken for given."""
    is_plain: bool = False
    """Its amount and its taxes can be added up as they are (``pricing.plain``)."""
    is_usual: bool = False
    """Plain, with nothing found, nothing skipped: what nearly every line is."""


class _Kind(NamedTuple):
    """What is remembered of orders of one kind: lines as they were rung up, and those with nothing wrong whatever their quantity."""

    lines: dict[Key, Judged]
    alike: dict[Key, Judged]


class Lines:
    """Judges lines by a book."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._known: dict[tuple[str, str | None, str], _Kind] = {}
        """By what the order says for all its lines (type, its key, channel); orders of one kind share theirs."""
        self._kinds: dict[Key, _Kind] = {}
        self._count = 0
        self._item_prices: dict[Key, Prices] = {}
        self._option_prices: dict[Key, Prices] = {}
        self._timed = {item.id for item in book.items.values() if _is_timed(item.rules)}
        self._timed_options = {option.id for option in book.options.values() if _is_timed(option.rules)}
        sold: Iterable[Item | Option] = (*book.items.values(), *book.options.values())
        self._by_channel = any(rule.channel is not None for one in sold for rule in one.rules)
        self._per_unit = {tax.id for tax in book.taxes.values() if tax.rule.kind is TaxKind.FIXED}
        self._is_counted_by_line = book.policy.name in COUNTED_BY_LINE
        self._is_per_line = self._is_counted_by_line or book.policy.modifiers_per is Per.LINE

    def judge(self, order: RungOrder) -> list[Judged]:
        """The lines of an order by the menu, at its time, of its kind, through its channel."""
        said = (order.order_type, order.type_key, order.channel)
        kind = self._known.get(said)
        if kind is None:
            channel = order.channel if self._by_channel else ""
            named = (self.book.taxed_as(order.order_type, order.type_key), channel)
            kind = self._known[said] = self._kinds.setdefault(named, _Kind({}, {}))
        known = kind.lines
        chosen: dict[int, list[RungModifier]] = {}
        if order.modifiers:
            here: int | None = None
            below: list[RungModifier] = []
            for one in order.modifiers:
                if one.line != here:
                    here = one.line
                    below = chosen.setdefault(here, [])
                below.append(one)
        timed, timed_options = self._timed, self._timed_options
        found: list[Judged] = []
        for line in order.lines or ():
            key: Key
            key = (line.item, line.variation, line.quantity, line.price, line.subtotal, line.revenue)
            is_timed = line.item in timed
            modifiers = chosen.get(line.id, NOTHING_CHOSEN) if chosen else NOTHING_CHOSEN
            if modifiers:
                key += _key(modifiers)
                if not is_timed and timed_options:
                    for one in modifiers:
                        if one.modifier in timed_options:
                            is_timed = True
                            break
            if is_timed:
                key += (order.opened, order.closed)
            judged = known.get(key)
            if judged is None:
                judged = known[key] = self._judge(order, line, modifiers, is_timed, kind.alike)
                self._count += 1
            found.append(judged)
        if self._count >= REMEMBERED:
            self._known.clear()
            self._kinds.clear()
            self._count = 0
        return found

    def _judged(self, line: RungLine, judged: Judged) -> Judged:
        """With whether it is plain."""
        names, book = judged.taxes, self.book
        is_simple = not (judged.given_taxes or judged.counts_units) and line.subtotal >= 0
        if is_simple and len(set(names)) == len(names) and all(is_plain(book.rule(n), book.policy) for n in names):
            is_usual = not (judged.found or judged.skips)
            return msgspec.structs.replace(judged, is_plain=True, is_usual=is_usual)
        return judged

    def item_prices(self, item: Item, variation: int | None, channel: str, at: Moment | None) -> Prices:
        """As the book says, remembered."""
        key = (item.id, variation, channel, at)
        if key not in self._item_prices:
            self._item_prices[key] = self.book.item_prices(item, variation, channel, at)
        return self._item_prices[key]

    def option_prices(
        self, item: Item, variation: int | None, option: Option, before: str | None, channel: str, at: Moment | None
    ) -> Prices:
        """As the book says, remembered."""
        key = (item.id, variation, option.id, before, channel, at)
        if key not in self._option_prices:
            self._option_prices[key] = self.book.option_prices(item, variation, option, before, channel, at)
        return self._option_prices[key]

    def by_unit(self, taxes: Sequence[str]) -> bool:
        """Whether one of the taxes is an amount for each unit, so that the line's quantity matters."""
        return any(name in self._per_unit for name in taxes)

    def _judge(
        self,
        order: RungOrder,
        line: RungLine,
        modifiers: Sequence[RungModifier],
        is_timed: bool,
        alike: dict[Key, Judged],
    ) -> Judged:
        book = self.book
        item = book.items.get(line.item) if line.item is not None else None
        if line.revenue != "sale" and item is None:
            return self._judged(line, Judged((), False, False, (), (), (), (), False))
        if item is None:
            taxes = book.open_taxes(order.order_type, order.type_key)
            if taxes is None:
                return Judged((), False, True, (), (Skip.NO_CATALOG_ID,), (), (), True)
            return self._judged(line, Judged(taxes, False, True, (), (), (), (), False))
        if item.has_left:
            gone = Found(Part.ITEM_PRICE, Cause.NOT_ON_MENU, ("item", item.id), line.price, None, 0, Why.NO_LONGER_SOLD)
            held = bool(item.taxes)
            taxes_of = book.item_taxes(item, order.order_type, order.type_key) if held else ()
            by_unit = self.by_unit(taxes_of)
            return self._judged(line, Judged(taxes_of, by_unit, item.is_discountable, (gone,), (), (), (), not held))
        key = self._any_quantity(line, modifiers)
        if not is_timed and key in alike and self._adds_up(line, modifiers):
            return alike[key]
        at = _moments(order) if is_timed else (None,)
        judging = _Judging(self, item, line, modifiers, order.channel, at)
        judging.price()
        if modifiers or item.links:
            judging.choices()
        judging.sum()
        taxed = book.item_taxes(item, order.order_type, order.type_key)
        judged = self._judged(
            line,
            Judged(
                taxed,
                self.by_unit(taxed),
                item.is_discountable,
                tuple(judging.found),
                (),
                tuple(judging.observed),
                tuple(judging.pairs),
                False,
            ),
        )
        if not is_timed and not judged.found and line.subtotal >= 0:
            alike[key] = judged
        return judged

    def _any_quantity(self, line: RungLine, modifiers: Sequence[RungModifier]) -> Key:
        """What a line is known by whose price and choices are as the menu says: they are so in whatever quantity."""
        counted = line.quantity if self._is_counted_by_line else 0
        # Of what a choice comes to on the line only whether it is anything.
        chosen = [(*one[:3], one[3] != 0, *one[4:]) for one in _key(modifiers)] if modifiers else ()
        return (line.item, line.variation, line.price, counted, *chosen)

    def _adds_up(self, line: RungLine, modifiers: Sequence[RungModifier]) -> bool:
        """Whether whole numbers of parts come to the line: then nothing was rounded, whatever the policy. False: look closer."""
        units, part = divmod(line.quantity, QUANTITY)
        if part or line.price < 0 or line.subtotal < 0:
            return False
        more, is_nested, is_single = 0, False, True
        for one in modifiers:
            times, part = divmod(one.quantity, QUANTITY)
            if part:
                return False
            more += one.price * times
            is_nested = is_nested or one.parent is not None
            is_single = is_single and times == 1
        if is_nested and not is_single:
            return False
        whole = line.price * units + more if self._is_per_line else (line.price + more) * units
        return whole == line.subtotal


def _key(modifiers: Sequence[RungModifier]) -> tuple[tuple[Any, ...], ...]:
    """What of the choices the menu is asked about; one without a record is known by its name alone."""
    first = modifiers[0].id
    return tuple(
        [
            (one.modifier or one.name, one.quantity, one.price, one.amount, one.before)
            if one.parent is None
            else (
                one.modifier or one.name,
                one.quantity,
                one.price,
                one.amount,
                one.before,
                one.parent - first,
                one.id - first,
            )
            for one in modifiers
        ]
    )


def _is_timed(rules: Iterable[object]) -> bool:
    return any(rule.when.days is not None or rule.when.since is not None for rule in rules)  # type: ignore[attr-defined]


def _moments(order: RungOrder) -> tuple[Moment | None, ...]:
    """The minutes at which a line may have been rung up: when the check was opened, and when it was closed."""
    found = [moment(text) for text in dict.fromkeys((order.opened, order.closed)) if text]
    return tuple(found) or (None,)


class _Judging:
    def __init__(
        self,
        lines: Lines,
        item: Item,
        line: RungLine,
        modifiers: Sequence[RungModifier],
        channel: str,
        at: Sequence[Moment | None],
    ) -> None:
        self.lines, self.book = lines, lines.book
        self.item, self.line, self.channel, self.at = item, line, channel, at
        self.modifiers = modifiers
        self.found: list[Found] = []
        self.observed: list[Observed] = []
        self.pairs: list[tuple[int, int, bool]] = []
        size = item.variations.get(line.variation) if line.variation is not None else None
        self.size_row: RungModifier | None = None
        if size is not None:
            # A size may stand among the choices and carry the price there.
            self.size_row = next(
                (
                    one
                    for one in modifiers
                    if one.modifier is None and one.parent is None and one.name.casefold() == size.name.casefold()
                ),
                None,
            )

    def price(self) -> None:
        """The price of the item, or of the size of it."""
        item, line = self.item, self.line
        size = item.variations.get(line.variation) if line.variation is not None else None
        if size is not None and not size.is_sold:
            subject = ("variation", size.id)
            self.found.append(
                Found(Part.ITEM_PRICE, Cause.NOT_ON_MENU, subject, line.price, None, 0, Why.NO_LONGER_SOLD)
            )
            return
        allowed: set[int] = set()
        for at in self.at:
            prices = self.lines.item_prices(item, line.variation, self.channel, at)
            if prices is None:
                return  # the cashier's
            allowed |= prices
        charged = {line.price}
        if self.size_row is not None:
            charged |= {self.size_row.price, line.price + self.size_row.price}
        priced = ("item", item.id, line.variation)
        if charged & allowed:
            self.observed.append(Observed(priced, AS_CONFIGURED))
            return
        self.observed.append(Observed(priced, line.price))
        nearest = min(allowed, key=lambda cents: (abs(cents - line.price), cents))
        off = (nearest - line.price) * line.quantity // 1_000_000
        self.found.append(Found(Part.ITEM_PRICE, Cause.ITEM_PRICE, priced, line.price, nearest, off))

    def choices(self) -> None:
        """Whether the options can be chosen together, and what each costs."""
        below: dict[int | None, list[RungModifier]] = defaultdict(list)
        for one in self.modifiers:
            if one is not self.size_row:
                below[one.parent].append(one)
        if self.size_row is not None and self.size_row.id in below:
            below[None] += below.pop(self.size_row.id)
        self._level(below.get(None, []), self.item.links, ("item", self.item.id), below)

    def _level(
        self,
        chosen: Sequence[RungModifier],
        links: Sequence[Link],
        holder: tuple[str, int],
        below: dict[int | None, list[RungModifier]],
    ) -> None:
        counts: dict[int, int] = defaultdict(int)
        offered = {link.group for link in links}
        gone: set[int] = set()
        for one in chosen:
            option = self.book.options.get(one.modifier) if one.modifier is not None else None
            if option is None:
                self._unknown(one)
                continue
            repeats = option.group in self.book.groups and self.book.groups[option.group].allows_quantities
            counts[option.group] += 1 if repeats else self._times(one)
            if not option.is_sold:
                gone.add(option.group)
                subject = ("modifier", option.id)
                self.found.append(
                    Found(Part.MODIFIER_PRICE, Cause.NOT_ON_MENU, subject, one.price, None, 0, Why.NO_LONGER_SOLD)
                )
                self.pairs.append((self.item.id, option.id, False))
            elif option.group not in offered:
                self.found.append(
                    Found(Part.SELECTION, Cause.NOT_OFFERED, (*holder, "group", option.group), one.name, None, 0)
                )
                self.pairs.append((self.item.id, option.id, False))
            else:
                self.pairs.append((self.item.id, option.id, True))
                self._option_price(one, option)
            if one.id in below or option.nested:
                self._level(below.get(one.id, []), option.nested, ("modifier", option.id), below)
        for link in links:
            count = counts.get(link.group, 0)
            limited = (*holder, "group", link.group)
            if link.most is not None and count > link.most:
                self.found.append(Found(Part.SELECTION, Cause.MAX_SELECTION, limited, count, link.most, 0))
            elif count < link.least and link.group not in gone:
                self.found.append(Found(Part.SELECTION, Cause.MIN_SELECTION, limited, count, link.least, 0))
            elif link.least:
                self.observed.append(Observed(("group", link.group), AS_CONFIGURED))

    def _unknown(self, one: RungModifier) -> None:
        """A choice without a record: typed in by hand, or it has left the menu; what it cost is not judged."""
        if one.price or one.amount:
            subject = ("choice", one.name)
            self.found.append(
                Found(Part.MODIFIER_PRICE, Cause.NOT_ON_MENU, subject, one.price, None, 0, Why.NO_LONGER_SOLD)
            )

    def _option_price(self, one: RungModifier, option: Option) -> None:
        allowed: set[int] = set()
        for at in self.at:
            prices = self.lines.option_prices(self.item, self.line.variation, option, one.before, self.channel, at)
            if prices is None:
                return  # the cashier's
            allowed |= prices
        subject = ("modifier", option.id)
        if one.price in allowed:
            self.observed.append(Observed(subject, AS_CONFIGURED))
            return
        self.observed.append(Observed(subject, one.price))
        nearest = min(allowed, key=lambda cents: (abs(cents - one.price), cents))
        off = (nearest - one.price) * one.amount // one.price if one.price else nearest
        self.found.append(Found(Part.MODIFIER_PRICE, Cause.MODIFIER_PRICE, subject, one.price, nearest, off))

    def _times(self, one: RungModifier) -> int:
        """How often the option was chosen for one unit of the line."""
        if self.book.policy.name in COUNTED_BY_LINE and self.line.quantity:
            return max(1, one.quantity // max(self.line.quantity, 1_000_000))
        return max(1, one.quantity // 1_000_000)

    def sum(self) -> None:
        """Whether the parts as charged come to the line as charged, by the policy."""
        line = self.line
        if line.quantity == QUANTITY and all(one.quantity == QUANTITY for one in self.modifiers):
            # One of each: nothing is multiplied, so nothing is rounded, whatever the policy.
            self._compare_sum(line.price + sum([one.price for one in self.modifiers]))
            return
        below: dict[int | None, list[RungModifier]] = defaultdict(list)
        for one in self.modifiers:
            below[one.parent].append(one)
        per = Per.LINE if self.book.policy.name in COUNTED_BY_LINE else Per.POLICY

        def built(parent: int | None) -> tuple[BillModifier, ...]:
            return tuple(
                BillModifier(str(one.id), one.price, quantity=one.quantity, per=per, nested=built(one.id))
                for one in below.get(parent, ())
            )

        def flat() -> tuple[BillModifier, ...]:
            return tuple(BillModifier(str(one.id), one.price, quantity=one.quantity, per=per) for one in self.modifiers)

        try:
            whole = self._gross(built(None))
            if per is Per.LINE and whole != line.subtotal and self._gross(flat()) == line.subtotal:
                return
        except BadInput:
            return  # the bill cannot be priced either, and says so
        self._compare_sum(whole)

    def _compare_sum(self, whole: int) -> None:
        line = self.line
        if whole == line.subtotal or self.size_row is not None:
            return
        off = whole - line.subtotal
        self.found.append(Found(Part.LINE, Cause.LINE_ROUNDING, ("policy", "line"), line.subtotal, whole, off))

    def _gross(self, modifiers: tuple[BillModifier, ...]) -> int:
        return gross(BillLine("line", self.line.price, self.line.quantity, modifiers=modifiers), self.book.policy)
