"""What a tax rate says beyond a percentage: the rows of a tax table, and other rates under a condition, as take-out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from aura_migration.pos.toast.rules.desk import Desk, Raw
from aura_migration.pos.toast.rules.tables import table, tax_problem
from aura_migration.pos.toast.rules.wire import ConditionalRate, RatedTax
from aura_migration.pos.toast.rules.words import BEHAVIORS, RuleError, percent
from aura_migration.pos.toast.wire import convert


def map_taxes(desk: Desk, rates: Mapping[str, Raw]) -> None:
    """Tables and conditions of all rates that can be followed; the others are in quarantine as rates."""
    for guid, raw in rates.items():
        if tax_problem(raw, desk.currency) is not None:
            continue
        tax = convert(raw, RatedTax)
        key, record = desk.key(guid), f"config#{guid}"
        for place, (start, end, amount, repeats) in enumerate(table(tax.tax_table or (), desk.currency)):
            desk.batch.add(
                "tax_table_rows",
                desk.key(guid, f"row {place + 1}"),
                raw,
                record,
                tax_rate_key=key,
                start_cents=start,
                end_cents=end,
                tax_cents=amount,
                repeats=repeats,
                display_order=place,
            )
        _conditions(desk, tax, key, record, raw)


def _conditions(desk: Desk, tax: RatedTax, key: str, record: str, raw: Raw) -> None:
    said: dict[str, list[ConditionalRate]] = defaultdict(list)
    for one in tax.conditional_tax_rates or ():
        said[one.condition or "nothing"].append(one)
    taken: dict[str, str] = {}
    for number, (condition, rates) in enumerate(said.items(), start=1):
        exception = desk.key(tax.guid, f"condition {number}")
        try:
            order_type, rate = _condition(tax, condition, rates)
            if order_type in taken:
                raise RuleError(f"The conditions {taken[order_type]} and {condition} of the tax mean the same orders.")
        except RuleError as error:
            values = {"tax_rate_key": key, "conditions": {"condition": condition}, "is_inferred": False}
            desk.batch.reject("tax_exceptions", exception, f"{tax.name or tax.guid}: {error}", record, **values)
            continue
        taken[order_type] = condition
        desk.batch.add(
            "tax_exceptions",
            exception,
            raw,
            record,
            tax_rate_key=key,
            order_type=order_type,
            rate_percent=rate,
            conditions={"condition": condition},
            is_inferred=False,
        )


def _condition(tax: RatedTax, condition: str, rates: Sequence[ConditionalRate]) -> tuple[str, str]:
    words = {name.replace("_", ""): word for name, word in BEHAVIORS.items()}
    order_type = words.get("".join(filter(str.isalpha, condition.upper())))
    if order_type is None:
        raise RuleError(f"It has another rate under the condition {condition!r}, which is not documented.")
    if tax.type != "PERCENT":
        raise RuleError(f"It has another rate under the condition {condition!r}, and is no percentage itself.")
    different = {one.rate for one in rates}
    if len(different) > 1:
        raise RuleError(f"It has two different rates under the condition {condition!r}.")
    rate = different.pop()
    if rate is None:
        raise RuleError(f"It has another rate under the condition {condition!r}, and does not say which.")
    return order_type, percent(rate * 100, f"The rate under the condition {condition!r}")
