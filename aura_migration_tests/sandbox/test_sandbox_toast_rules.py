"""The stand-in's past by rules: what each order was charged by, and what changes when history is charged by another rule."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from aura_migration.sandbox.core.server import build
from aura_migration.sandbox.toast.orders.eras import DIFFERENCES, HOLIDAY, RATE_CHANGED

Rows = list[dict[str, Any]]


def history(differs: str | None = None) -> Rows:
    """The truth about all orders."""
    app: Any = build("toast", "rules", differs=differs)
    return list(app._orders_truth.orders())


@pytest.fixture(scope="module")
def past() -> Rows:
    return history()


def lines(row: dict[str, Any]) -> Rows:
    """The lines of an order."""
    return [line for check in row["checks"] for line in check["lines"]]


def rates(row: dict[str, Any], name: str) -> set[str]:
    """How much of a line or charge a tax took, as far as a line alone bears it."""
    return {tax["name"] for line in lines(row) for tax in line["taxes"] if tax["name"] == name}


def test_the_past_has_everything_that_makes_rules_hard_to_see(past: Rows) -> None:
    told = Counter(word for row in past for word in row["told"])
    assert len(past) == 480
    for name in ("tax holiday", "happy hour price", "cash rounding", "combo", "comp", "everything comped", "exempt",
                 "open price", "party", "no longer sold", "tax in price", "candy", "bottle", "promo code"):  # fmt: skip
        assert told[name] >= 3, name
    assert sum("old price" in word for row in past for word in row["told"]) > 50
    assert told[f"old rate of Meals tax until the day before {RATE_CHANGED}"] > 50


def test_every_check_adds_up_and_a_tax_holiday_has_no_meals_tax(past: Rows) -> None:
    holidays = {day.isoformat() for day in HOLIDAY}
    for row in past:
        (check,) = row["checks"]
        plain = sum(one["cents"] for one in check["charges"] if not one["gratuity"])
        assert check["cents"] == sum(line["net_cents"] for line in lines(row)) + plain
        taxes = [tax for part in (*lines(row), *check["charges"]) for tax in part["taxes"]]
        assert abs(check["tax_cents"] - sum(float(tax["cents"]) for tax in taxes)) < 0.0001
        off = sum(one["cents"] for part in (*lines(row), check) for one in part["discounts"])
        inside = sum(int(tax["cents"]) for line in lines(row) if line["tax_included"] for tax in line["taxes"])
        assert sum(line["gross_cents"] - line["net_cents"] for line in lines(row)) == off
        assert inside >= 0
        if row["business_date"] in holidays:
            assert not rates(row, "Meals tax")
        if check["exempt"]:
            assert check["tax_cents"] == 0
        if "everything comped" in row["told"]:
            assert all(line["net_cents"] == 0 for line in lines(row))
        if row["guests"] >= 6:
            assert check["gratuity_cents"] > 0


SHOWS = {"max_selection"}
"""Differences that cost nothing by themselves."""


@pytest.mark.parametrize("differs", [name for name in DIFFERENCES if name])
def test_a_difference_changes_what_it_names_and_nothing_else(past: Rows, differs: str) -> None:
    other = history(differs)
    assert [row["id"] for row in other] == [row["id"] for row in past]
    moved = []
    for before, after in zip(past, other, strict=True):
        said = DIFFERENCES[differs] in after["told"]
        same = [
            [check["cents"], check["tax_cents"], [line["net_cents"] for line in check["lines"]]]
            for row in (before, after)
            for check in row["checks"]
        ]
        if same[0] != same[1]:
            assert said, after["id"]
            moved.append(after)
        elif not said:
            assert [line["name"] for line in lines(before)] == [line["name"] for line in lines(after)]
    assert len(moved) >= 3
    if differs in SHOWS:
        most = max(len(line["modifiers"]) for row in other for line in lines(row) if line["name"] == "Fries")
        assert most == 3


def test_only_the_scenario_of_rules_can_differ_and_only_by_a_rule_that_there_is() -> None:
    with pytest.raises(ValueError, match="only the history of scenario 'rules'"):
        build("toast", "cafe", differs="tax_rate")
    with pytest.raises(ValueError, match="tax_rounding"):
        build("toast", "rules", differs="weather")
