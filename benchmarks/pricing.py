"""The pricing benchmark: bills a second on one core, by policy.

A bill has four lines with two modifiers each, two rates on every line, a percentage off the check and a service charge; "plain" is
without the last two. Each bill is priced from its own values, and the result is built whole. No database, no POS, no files.

    python -m benchmarks.pricing

puts a section into docs/performance.md; ten seconds.
"""

from __future__ import annotations

import argparse
import gc
import time
from pathlib import Path

from aura_migration.pricing.bill import Bill, BillLine, BillModifier, Charge, Discount, Kind, Scope, TaxRule
from aura_migration.pricing.engine import price
from aura_migration.pricing.policies import POLICIES
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.scales import QUANTITY, percent
from benchmarks.harness import ROOT, machine, put, table


def bills(count: int, plain: bool) -> list[Bill]:
    """Bills that differ in prices and quantities."""
    taxes = (TaxRule("state", rate=percent("6.25")), TaxRule("city", rate=percent("1.125")))
    discounts = () if plain else (Discount("regular", Scope.CHECK, Kind.PERCENT, rate=percent("10")),)
    charges = () if plain else (Charge("service", Kind.PERCENT, rate=percent("18"), taxes=("state",)),)
    found = []
    for number in range(count):
        lines = tuple(
            BillLine(
                f"line {place}",
                495 + (number * 37 + place * 311) % 2400,
                QUANTITY * (1 + (number + place) % 3),
                modifiers=(BillModifier("extra", 50 + number % 100), BillModifier("side", 125)),
                taxes=("state", "city"),
            )
            for place in range(4)
        )
        found.append(Bill(lines, taxes, discounts, charges))
    return found


def per_second(some: list[Bill], policy: Policy, rounds: int) -> float:
    """The best of the rounds, in bills a second of processor time."""
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        for bill in some:
            price(bill, policy)
        best = min(best, time.process_time() - start)
    return len(some) / best


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Bills priced a second on one core.")
    parser.add_argument("--bills", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    chosen = parser.parse_args()
    plain, full = bills(chosen.bills, True), bills(chosen.bills, False)
    rows = [
        (
            f"`{name}`",
            f"{per_second(plain, policy, chosen.rounds):,.0f}",
            f"**{per_second(full, policy, chosen.rounds):,.0f}**",
        )
        for name, policy in POLICIES.items()
    ]
    text = f"""## Pricing: bills a second on one core (aim ≥ 10,000)

Written by `python -m benchmarks.pricing` on {machine()}; {chosen.bills:,} bills of four lines with two modifiers each and two rates on every line, best of
{chosen.rounds} rounds, processor time. "Full" has a percentage off the check and a taxed service charge as well.

{table(("policy", "plain", "full"), rows)}
"""
    print(text)
    put(chosen.output, "pricing", text)


if __name__ == "__main__":
    main()
