"""Reading rules as Clover sends them: values of a known shape, or the reason why nobody can tell what is meant.

Which row a record becomes is in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from aura_migration.pos.clover.rows import Rows
from aura_migration.pos.clover.wire import Raw, decimal_text, is_deleted

EXACT = 10_000
"""Exact percentages (``percentageDecimal``, ``percentage`` of order fees) have so many units to one percent."""


class Unclear(Exception):
    """A rule that cannot be carried over as it is; the text says why, to the owner."""


def live(rows: Rows, entity: str) -> Mapping[str, Raw]:
    """The records of a list that are not deleted, by id in Clover's order."""
    return {ident: raw for ident, raw in rows.catalog.rows_of(entity).items() if not is_deleted(raw)}


def each(
    rows: Rows, source: str, entity: str, records: Mapping[str, Raw], build: Callable[[str, Raw, int], None]
) -> None:
    """Build the rows of every record; one that is unclear goes to quarantine as a row of ``entity``."""
    for place, (ident, raw) in enumerate(records.items()):
        try:
            build(ident, raw, place)
        except Unclear as error:
            rows.reject(entity, ident, str(error), source=source)


def name_of(raw: Raw, what: str, field: str = "name") -> str:
    """The name of a record; one without cannot be told apart."""
    found = raw.get(field)
    if isinstance(found, str) and found.strip():
        return found
    raise Unclear(f"The {what} {raw.get('id')} has no name in Clover.")


def whole(raw: Raw, field: str, what: str) -> int | None:
    """A whole number, None where Clover leaves it out."""
    value = raw.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unclear(f"Clover's {field} of {what} is {value!r}, which is no whole number.")
    return value


def truth(raw: Raw, field: str, what: str, *, default: bool) -> bool:
    """Yes or no; ``default`` where Clover leaves it out."""
    value = raw.get(field)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Unclear(f"Clover's {field} of {what} is {value!r}, neither yes nor no.")
    return value


def percent(units: int, scale: int, what: str) -> str:
    """A percentage as exact text; ``units`` of ``scale`` to one percent. Below 0 and above 100 nobody knows what is meant."""
    value = Decimal(units) / scale
    found = decimal_text(value) or ""
    if not 0 <= value <= 100:
        raise Unclear(f"{what} is {found} % in Clover; a percentage is between 0 and 100.")
    return found


def stated_percent(raw: Raw, what: str) -> str | None:
    """The percentage a discount or charge states once exactly and once in whole percents, or only one of them."""
    exact, rough = whole(raw, "percentageDecimal", what), whole(raw, "percentage", what)
    if exact is None:
        return None if rough is None else percent(rough, 1, what)
    if rough is not None and abs(Decimal(exact) / EXACT - rough) >= 1:
        raise Unclear(
            f"{what} has two percentages in Clover, {rough} and {decimal_text(Decimal(exact) / EXACT)}: which one holds?"
        )
    return percent(exact, EXACT, what)


def elements(value: Any) -> Iterator[Raw]:
    """The entries of a list inside a record, wrapped or bare."""
    found = value.get("elements") if isinstance(value, Mapping) else value
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, Mapping):
            yield entry


def pointed(value: Any) -> str:
    """The id a pointer names; empty where there is none."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else ""


def usable_rate(rows: Rows, ident: str) -> bool:
    """Whether a tax rate became a row: it lives, has a name, and says how much."""
    rate = rows.catalog.taxes.live.get(ident)
    return bool(rate and rate.name and not (rate.rate is None and rate.tax_amount is None))
