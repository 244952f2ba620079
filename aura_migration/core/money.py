"""Money as integers in the minor unit of its currency, and the only ways in from a POS's notations.

Every amount inside the product is an ``int`` of minor units (cents for USD, yen for JPY). Decimal notations are parsed
exactly; a value that has more digits than the currency can hold is refused, never rounded in silence.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from aura_migration.core.errors import BadInput


@lru_cache(maxsize=256)
def minor_digits(currency: str) -> int:
    """Digits of the minor unit of an ISO 4217 currency: 2 for USD, 0 for JPY, 3 for KWD (source: CLDR)."""
    from babel.core import get_global

    digits, *_ = get_global("currency_fractions").get(currency, get_global("currency_fractions")["DEFAULT"])
    return int(digits)


def minor_units(amount: str | int | Decimal, currency: str) -> int:
    """An amount in units of the currency (``"8.99"``) as minor units (``899``), exactly.

    Floats are not accepted: decode JSON numbers as ``Decimal`` or text. Raises ``BadInput`` when the amount is not a
    number or is finer than the currency's minor unit.
    """
    if isinstance(amount, float):
        raise TypeError("money is never a float: decode JSON numbers as Decimal")
    try:
        scaled = Decimal(amount).scaleb(minor_digits(currency))
    except (InvalidOperation, ValueError, TypeError) as error:
        raise BadInput(f"{amount!r} is not an amount of money.", "Give a decimal number such as 8.99.") from error
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise BadInput(
            f"{amount} {currency} is finer than the currency's minor unit.",
            "Correct the price in the POS or decide the record in quarantine.",
        )
    return int(scaled)


def show(cents: int | None, currency: str = "USD") -> str:
    """Minor units as people read them: ``1250`` → ``12.50``; ``None`` → ``open``."""
    if cents is None:
        return "open"
    digits = minor_digits(currency)
    return str(Decimal(cents).scaleb(-digits)) if digits else str(cents)


def show_owed(amount: int | None, unit: str) -> str:
    """An amount of what guests are owed, without its unit: ``unit`` is a currency or ``points``, which have no parts."""
    return str(amount) if unit == "points" and amount is not None else show(amount, unit)
