"""Tax rates that can be followed, and their tables. Used by the menu's rates as well as by the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aura_migration.pos.toast.prices import PriceError, cents
from aura_migration.pos.toast.rules.wire import RatedTax, TableRow
from aura_migration.pos.toast.rules.words import RuleError
from aura_migration.pos.toast.wire import WireError, convert

Raw = Mapping[str, Any]
Rows = list[tuple[int, int, int, bool]]


def tax_problem(raw: Raw, currency: str) -> str | None:
    """Why a tax rate cannot be followed: a figure out of range, a table that contradicts itself. None where it can."""
    try:
        tax = convert(raw, RatedTax)
        rows = table(tax.tax_table or (), currency)
    except (WireError, RuleError, PriceError) as error:
        return str(error)
    if tax.type == "TABLE" and not rows:
        return f"The tax {tax.name!r} is read from a table, and has none."
    if tax.type != "TABLE" and rows:
        return f"The tax {tax.name!r} is of type {tax.type}, and has a table as well."
    if tax.type == "PERCENT" and tax.rate is not None and not 0 <= tax.rate <= 1:
        return f"The tax {tax.name!r} is {tax.rate * 100} %, which is not between 0 and 100."
    if tax.type == "FIXED" and tax.rate is not None and tax.rate < 0:
        return f"The tax {tax.name!r} is negative."
    return None


def table(given: Sequence[TableRow], currency: str) -> Rows:
    """The rows as (start, end, tax, repeats) in cents; ``RuleError`` where they overlap or leave a gap."""
    rows = [
        (cents(row.start, currency), cents(row.end, currency), cents(row.tax, currency), row.pattern is True)
        for row in given
    ]
    for place, (start, end, tax, repeats) in enumerate(rows):
        if start > end or tax < 0 or start < 0:
            raise RuleError(f"Row {place + 1} of the tax table ends before it begins, or is negative.")
        if place and start != rows[place - 1][1] + 1:
            raise RuleError(f"Row {place + 1} of the tax table does not follow on the row before it.")
        if place and rows[place - 1][3] and not repeats:
            raise RuleError(f"Row {place + 1} of the tax table stands behind the part that repeats.")
    return rows
