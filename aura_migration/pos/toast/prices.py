"""What Toast charges for an item, a size or an option: the strategies of its menus, resolved to cents and conditions.

A price is one base price (or an open price) and the conditions under which another amount holds. What row a condition
becomes is decided by the mapping. Nothing is ever rounded: an amount finer than the currency is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from aura_migration.core.errors import BadInput
from aura_migration.core.money import minor_units
from aura_migration.pos.toast.wire import MenuItem, ModifierGroup, ModifierOption, PricingRules, Schedule, TimePrice

DAYS = {
    "MONDAY": "mon",
    "TUESDAY": "tue",
    "WEDNESDAY": "wed",
    "THURSDAY": "thu",
    "FRIDAY": "fri",
    "SATURDAY": "sat",
    "SUNDAY": "sun",
}
WHOLE_DAY = ("00:00", "24:00")


class PriceError(ValueError):
    """A price that cannot be known from Toast's answer; the text says why, for people."""


@dataclass(frozen=True)
class Condition:
    """When another amount holds. Times ``HH:MM``, ``time_to`` before ``time_from`` is past midnight; None is always."""

    cents: int
    days: tuple[str, ...] | None = None
    time_from: str | None = None
    time_to: str | None = None
    size_name: str | None = None
    size_guid: str | None = None
    sequence: int | None = None

    @property
    def when(self) -> tuple[object, ...]:
        """The condition without the amount."""
        return (self.days, self.time_from, self.time_to, self.size_name, self.size_guid, self.sequence)


@dataclass(frozen=True)
class Price:
    """A base price in cents (None when open) and the conditions that override it, strongest first."""

    kind: Literal["fixed", "open"]
    cents: int | None
    conditions: tuple[Condition, ...] = ()


FREE = Price("fixed", 0)
OPEN = Price("open", None)


def clock(text: str) -> str:
    """``17:00`` or ``17:00:00.000`` as ``17:00``; ValueError for what is no time of day in whole minutes."""
    hours, minutes, *seconds = text.split(":")
    if seconds and Decimal(seconds[0]) != 0:
        raise PriceError(f"The time {text} is finer than minutes.")
    if not (0 <= int(hours) <= 24 and 0 <= int(minutes) <= 59):
        raise PriceError(f"{text} is not a time of day.")
    return f"{int(hours):02}:{int(minutes):02}"


def windows(schedules: Sequence[Schedule]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(days, from, to) of every time range. A whole day is ("00:00", "24:00")."""
    for schedule in schedules:
        unknown = [day for day in schedule.days if day not in DAYS]
        if unknown:
            raise PriceError(f"{unknown[0]!r} is not a day of the week.")
        days = tuple(short for name, short in DAYS.items() if name in schedule.days)
        for span in schedule.time_ranges:
            start, end = clock(span.start), clock(span.end)
            yield (days, *WHOLE_DAY) if start == end == "00:00" else (days, start, end)


def cents(amount: Decimal, currency: str) -> int:
    """The amount in cents; ``PriceError`` when it is finer than a cent."""
    try:
        return minor_units(amount, currency)
    except BadInput as error:
        raise PriceError(str(error)) from error


def item_price(item: MenuItem, currency: str) -> Price:
    """The price of an item (not of one sold by size) at one place. ``PriceError`` where Toast gives none."""
    strategy = item.pricing_strategy
    if strategy == "OPEN_PRICE":
        return OPEN
    if strategy == "TIME_SPECIFIC_PRICE":
        return _time_price(item.name, item.price, item.pricing_rules, currency)
    if strategy not in ("BASE_PRICE", "MENU_SPECIFIC_PRICE"):
        raise PriceError(f"{item.name!r} is priced by {strategy!r}, a strategy that is not documented.")
    if item.price is None:
        raise PriceError(f"{item.name!r} is sold at a fixed price, but Toast gives none.")
    return Price("fixed", cents(item.price, currency))


def option_price(option: ModifierOption, group: ModifierGroup, currency: str) -> Price:
    """The price of an option within a group. An option without any price costs nothing."""
    strategy = option.pricing_strategy
    if strategy == "OPEN_PRICE":
        return OPEN
    if strategy == "TIME_SPECIFIC_PRICE":
        return _time_price(option.name, option.price, option.pricing_rules, currency)
    if strategy == "SIZE_PRICE":
        return FREE  # its own sizes, a nested group, carry the price
    if option.price is not None:
        return Price("fixed", cents(option.price, currency))
    if strategy == "GROUP_PRICE" and group.pricing_strategy in ("SIZE_PRICE", "SEQUENCE_PRICE", "SIZE_SEQUENCE_PRICE"):
        return _group_price(option, group, currency)
    if strategy not in ("BASE_PRICE", "MENU_SPECIFIC_PRICE", "GROUP_PRICE", None):
        raise PriceError(f"{option.name!r} is priced by {strategy!r}, a strategy that is not documented.")
    if strategy == "GROUP_PRICE" and group.pricing_strategy not in ("NONE", None):
        raise PriceError(f"Its group is priced by {group.pricing_strategy!r}, a strategy that is not documented.")
    return FREE


def size_option_price(option: ModifierOption, currency: str) -> Price:
    """The price of a size. Unlike an option, a size without a price cannot be sold."""
    if option.pricing_strategy == "OPEN_PRICE":
        return OPEN
    if option.pricing_strategy == "TIME_SPECIFIC_PRICE":
        return _time_price(option.name, option.price, option.pricing_rules, currency)
    if option.price is None:
        raise PriceError(f"The size {option.name!r} has no price.")
    return Price("fixed", cents(option.price, currency))


def _time_price(name: str, price: Decimal | None, rules: PricingRules | None, currency: str) -> Price:
    timed: Sequence[TimePrice] = (rules.time_specific_pricing_rules if rules else None) or ()
    if not timed:
        raise PriceError(f"{name!r} is priced by time of day, but Toast gives no times.")
    bases = {rule.base_price for rule in timed if rule.base_price is not None}
    if price is not None:
        bases.add(price)
    if len(bases) != 1:
        found = " and ".join(sorted(str(base) for base in bases)) or "none"
        raise PriceError(f"{name!r} needs one base price outside its special hours; Toast gives {found}.")
    conditions: list[Condition] = []
    for rule in timed:
        amount = cents(rule.time_specific_price, currency)
        for days, start, end in windows(rule.schedule):
            whole = (start, end) == WHOLE_DAY
            conditions.append(Condition(amount, days, None if whole else start, None if whole else end))
    return Price("fixed", cents(bases.pop(), currency), _unambiguous(name, conditions))


def _group_price(option: ModifierOption, group: ModifierGroup, currency: str) -> Price:
    rules = (group.pricing_rules.size_sequence_pricing_rules if group.pricing_rules else None) or ()
    by_size = group.pricing_strategy != "SEQUENCE_PRICE"
    by_sequence = group.pricing_strategy != "SIZE_PRICE"
    conditions: list[Condition] = []
    for rule in rules:
        for step in sorted(rule.sequence_prices, key=lambda step: step.sequence):
            if step.price is None:
                raise PriceError(f"A price is missing among the size or sequence prices of {group.name!r}.")
            conditions.append(
                Condition(
                    cents(step.price, currency),
                    size_name=rule.size_name if by_size else None,
                    size_guid=rule.size_guid if by_size else None,
                    sequence=step.sequence if by_sequence else None,
                )
            )
            if not by_sequence:
                break
    if not conditions:
        raise PriceError(f"{option.name!r} is priced by its group {group.name!r}, but Toast gives no prices for it.")
    if by_size and any(not (step.size_name or step.size_guid) for step in conditions):
        raise PriceError(f"A size price of {group.name!r} names no size.")
    return Price("fixed", conditions[0].cents, _unambiguous(option.name, conditions))


def _unambiguous(name: str, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """The conditions without repetitions; ``PriceError`` when the same condition has two amounts."""
    kept: dict[tuple[object, ...], Condition] = {}
    for condition in conditions:
        held = kept.setdefault(condition.when, condition)
        if held.cents != condition.cents:
            raise PriceError(f"{name!r} has two prices for the same time, size or sequence.")
    return tuple(kept.values())
