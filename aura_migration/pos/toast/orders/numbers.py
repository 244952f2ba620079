"""Amounts, quantities, rates, dates and instants out of Toast's JSON: exact, and each notation worked out once.

Prices of one restaurant repeat all the time, so every reading is a dictionary from the notation to its value. A value
that cannot be read raises :class:`Unusable` with words for people; it is never guessed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from aura_migration.core.clock import utc_text
from aura_migration.core.money import minor_digits

Cents = int
Fine = int | Decimal
"""Minor units, with fractions where Toast sends them."""
MOST = 100_000
"""Notations that are remembered; then begun anew, so that memory stays bounded."""
LARGEST = Decimal(10) ** 15
NEVER = "1970-01-01"
K = TypeVar("K")
V = TypeVar("V")


class Unusable(ValueError):
    """A record cannot become rows; the text says why, for people."""


class _Known(dict[K, V]):
    """A dictionary that works out what it does not hold; ``work_out`` raises ``Unusable``."""

    def __missing__(self, key: K) -> V:
        if len(self) >= MOST:
            self.clear()
        found = self[key] = self.work_out(key)
        return found

    def work_out(self, key: K) -> V:
        """The value of a notation seen for the first time."""
        raise NotImplementedError


def _decimal(notation: bytes) -> Decimal | None:
    """The number a JSON notation stands for; None for null."""
    if notation == b"null":
        return None
    try:
        number = Decimal(notation.decode())
    except (InvalidOperation, UnicodeDecodeError) as error:
        raise Unusable(f"{notation[:40]!r} is not a number") from error
    if not number.is_finite() or abs(number) > LARGEST:
        raise Unusable(f"{notation[:40]!r} is no amount")
    return number


class _FineAmounts(_Known[bytes, "Fine | None"]):
    def __init__(self, digits: int) -> None:
        super().__init__()
        self.digits = digits

    def work_out(self, key: bytes) -> Fine | None:
        number = _decimal(key)
        if number is None:
            return None
        scaled = number.scaleb(self.digits)
        whole = int(scaled)
        return whole if whole == scaled else scaled


class _Quantities(_Known[bytes, "tuple[str, int | Decimal]"]):
    def work_out(self, key: bytes) -> tuple[str, int | Decimal]:
        number = _decimal(key)
        if number is None:
            return "1", 1
        if number == number.to_integral_value():
            return str(int(number)), int(number)
        return f"{number.normalize():f}", number


class _Percents(_Known[bytes, "str | None"]):
    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def work_out(self, key: bytes) -> str | None:
        number = _decimal(key)
        if number is None:
            return None
        text = f"{number.scaleb(self.scale):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


class _Days(_Known["int | str", "str"]):
    def work_out(self, key: int | str) -> str:
        text = str(key)
        try:
            if len(text) != 8:
                raise ValueError
            return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
        except ValueError as error:
            raise Unusable(f"the business date {text!r} is not a date") from error


class _Instants(_Known[str, "str | None"]):
    def work_out(self, key: str) -> str | None:
        if key.startswith(NEVER):
            return None
        try:
            moment = datetime.fromisoformat(key)
        except ValueError as error:
            raise Unusable(f"{key!r} is not an instant") from error
        if moment.tzinfo is None:
            raise Unusable(f"{key!r} does not say its offset from UTC")
        if moment.tzinfo is UTC and len(key) == 28 and key[10] == "T" and key.endswith("+0000"):
            # Checked above; "…T12:30:00.120+0000" only has to be cut.
            fraction = key[20:23].rstrip("0")
            return f"{key[:19]}.{fraction}+00:00" if fraction else f"{key[:19]}+00:00"
        return utc_text(moment)


class Numbers:
    """The readings of one location's orders; amounts are in minor units of its currency."""

    def __init__(self, currency: str) -> None:
        self.digits = minor_digits(currency)
        self._fine = _FineAmounts(self.digits)
        self._quantities = _Quantities()
        self._percents = {0: _Percents(0), 2: _Percents(2)}
        self._days = _Days()
        self._instants = _Instants()

    def fine(self, raw: msgspec.Raw) -> Fine | None:
        """An amount that may have fractions of a cent; None where there is none."""
        return self._fine[bytes(raw)]

    def cents(self, raw: msgspec.Raw) -> Cents | None:
        """An amount; None where there is none, ``Unusable`` where it is finer than a cent."""
        found = self._fine[bytes(raw)]
        if isinstance(found, Decimal):
            raise Unusable(f"the amount {bytes(raw).decode()} is finer than the currency's smallest unit")
        return found

    def amount(self, raw: msgspec.Raw) -> Cents:
        """An amount, 0 where there is none."""
        found = self._fine[bytes(raw)]
        if isinstance(found, int):
            return found
        return self.cents(raw) or 0

    def quantity(self, raw: msgspec.Raw) -> tuple[str, int | Decimal]:
        """How many, as text and as number; 1 where nothing is said."""
        return self._quantities[bytes(raw)]

    def fraction(self, raw: msgspec.Raw) -> str | None:
        """A fraction (0.0725) as percent (``"7.25"``)."""
        return self._percents[2][bytes(raw)]

    def percent(self, raw: msgspec.Raw) -> str | None:
        """A percentage as it is, without needless zeros."""
        return self._percents[0][bytes(raw)]

    def day(self, said: int | str | None) -> str | None:
        """``20250215`` (number or text) as ``2025-02-15``."""
        return None if said is None else self._days[said]

    def instant(self, said: str | None) -> str | None:
        """An instant as canonical UTC text; None where Toast writes none, or its date for "never"."""
        return None if said is None else self._instants[said]


def version_of(said: str | None) -> str:
    """A date of change as a text that sorts by time: UTC, milliseconds."""
    if said is None:
        return ""
    if said.endswith(("+0000", "Z")):
        return said[:23].ljust(23, "0") if len(said) > 20 else said[:19] + ".000"
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return ""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] if moment.tzinfo else ""


def rounded(number: Fine) -> Cents:
    """To the cent, half up."""
    return number if isinstance(number, int) else int(number.quantize(Decimal(1), ROUND_HALF_UP))


def times(cents: Cents, quantity: int | Decimal) -> Cents:
    """A unit price as often as the quantity says, to the cent."""
    return cents * quantity if isinstance(quantity, int) else rounded(cents * quantity)
