"""The rules that held when the orders of scenario ``rules`` were charged, by date: what a menu of today no longer says.

``differs`` names one rule by which the whole history was charged otherwise than the configuration says today, so that whoever
compares the two can be seen to find exactly that. Belongs here: dates, prices and rates. Does not belong here: orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

RATE_CHANGED = date(2026, 8, 24)
OLD_RATE = Decimal("0.07125")
HOLIDAY = (date(2026, 9, 5), date(2026, 9, 6))
PRICES = {"burger": (date(2026, 8, 15), 950), "steak": (date(2026, 9, 12), 2300)}
"""Item: from which day on it costs what the menu says, and what it cost before."""
OPTION_PRICES = {"opt/bacon": (date(2026, 9, 1), 150)}
DIFFERENCES = {
    "": "history was charged by the rules of its day",
    "tax_rate": "Meals tax was 0.125 % higher than configured",
    "tax_rounding": "Meals tax was rounded half to even, configured half up",
    "modifier_price": "Avocado cost 25 cents more than configured",
    "max_selection": "three sauces were taken where two are allowed",
    "discount_scope": "Neighbor 10% was taken off one line, configured for the check",
    "charge_taxability": "To-go packaging was not taxed, configured taxed",
    "item_price": "House salad cost 25 cents more than configured",
    "charge_rate": "Kitchen appreciation was 3.5 %, configured 3 %",
    "tax_missing": "Wings bore no Meals tax, configured with it",
    "tax_inclusive": "Lemonade bore Meals tax on top, configured inside its price",
    "discount_rounding": "percentage discounts were rounded down, documented half to even",
}
MORE_RATE = Decimal("0.00125")


@dataclass(frozen=True, slots=True)
class Eras:
    """What held on a day."""

    differs: str = ""

    def __post_init__(self) -> None:
        if self.differs not in DIFFERENCES:
            raise ValueError(
                f"history cannot differ by {self.differs!r}; it can by {', '.join(filter(None, DIFFERENCES))}"
            )

    def price(self, key: str, today: int, day: date) -> tuple[int, str | None]:
        """What an item cost on a day, and why that is not today's price."""
        if self.differs == "item_price" and key == "salad":
            return today + 25, DIFFERENCES["item_price"]
        changed = PRICES.get(key)
        if changed is not None and day < changed[0]:
            return changed[1], f"old price of {key} until the day before {changed[0].isoformat()}"
        return today, None

    def option_price(self, key: str, today: int, day: date) -> tuple[int, str | None]:
        """The same of a modifier option."""
        if self.differs == "modifier_price" and key == "opt/avocado":
            return today + 25, DIFFERENCES["modifier_price"]
        changed = OPTION_PRICES.get(key)
        if changed is not None and day < changed[0]:
            return changed[1], f"old price of {key} until the day before {changed[0].isoformat()}"
        return today, None

    def rate(self, today: Decimal, day: date) -> tuple[Decimal | None, str | None]:
        """The Meals tax of a day for what is not taken away; None on a tax holiday."""
        if day in HOLIDAY:
            return None, "tax holiday"
        if day < RATE_CHANGED:
            return OLD_RATE, f"old rate of Meals tax until the day before {RATE_CHANGED.isoformat()}"
        if self.differs == "tax_rate":
            return today + MORE_RATE, DIFFERENCES["tax_rate"]
        return today, None

    def rounding(self, configured: str) -> str:
        """How the Meals tax was rounded."""
        return "HALF_EVEN" if self.differs == "tax_rounding" else configured
