"""The guests of one location: ordinary ones by number, written ones after them.

There is no list of guests in Toast; they exist in what orders say of them. An edited guest is told anew by the next
order, while the orders before keep what they said.
"""

from __future__ import annotations

from collections.abc import Iterator

from aura_migration.sandbox.toast.people.dice import Dice, Scramble
from aura_migration.sandbox.toast.people.model import Address, Guest
from aura_migration.sandbox.toast.people.names import (
    DOMAINS,
    FAMILY,
    GIVEN,
    NUMBERS,
    STREETS,
    TOWNS,
    national,
    notation,
    plain,
)


class Guests:
    """Guests by number and by guid. ``mixed``: phone numbers in the notations people type instead of bare digits."""

    def __init__(self, dice: Dice, count: int, *, mixed: bool, phones_from: int = 0) -> None:
        self.count = count
        self.written: list[Guest] = []
        self._dice = dice
        self._mixed = mixed
        self._changed: dict[str, Guest] = {}
        offset = int.from_bytes(dice.roll("phones", 0)[:6], "big")
        self._phones = Scramble(NUMBERS, offset)
        self._phones_from = phones_from

    def __len__(self) -> int:
        return self.count + len(self.written)

    def __iter__(self) -> Iterator[Guest]:
        """Every guest as last told."""
        for number in range(self.count):
            made = self.ordinary(number)
            yield self._changed.get(made.guid, made)
        for written in self.written:
            yield self._changed.get(written.guid, written)

    def ordinary(self, number: int) -> Guest:
        """Ordinary guest ``number`` as first told."""
        roll = self._dice.roll("guest", number)
        first, last = GIVEN[roll[0] % len(GIVEN)], FAMILY[roll[1] % len(FAMILY)]
        mail = f"{plain(first)}.{plain(last)}{number}@{DOMAINS[roll[2] % len(DOMAINS)]}"
        email = None if roll[3] % 8 == 0 else mail
        phone = e164 = code = None
        if email is None or roll[4] % 12:
            digits = self.digits(number)
            style = roll[5] % 5 if self._mixed else 0
            phone, e164, code = notation(digits, style), f"+1{digits}", None if style == 3 else "1"
        town, state, zip_code = TOWNS[roll[6] % len(TOWNS)]
        address = Address(
            f"{100 + int.from_bytes(roll[7:9], 'big') % 8900} {STREETS[roll[9] % len(STREETS)]}",
            f"Apt {roll[10] % 40 + 1}" if roll[10] % 4 == 0 else None,
            town,
            state,
            zip_code,
            latitude=round(46.7 + roll[11] / 1000, 5),
            longitude=round(-92.2 + roll[12] / 1000, 5),
        )
        return Guest(
            guid=self._dice.guid("guest", number),
            first=first,
            last=None if roll[13] % 40 == 0 else last,
            email=email,
            phone=phone,
            country_code=code,
            e164=e164,
            address=address if roll[14] % 2 else None,
            delivery_notes="Leave at the door" if roll[15] % 6 == 0 else None,
        )

    def digits(self, number: int) -> str:
        """Ten digits of a phone nobody else here has; written guests take numbers from the far end."""
        return national(self._phones.of(self._phones_from + number))

    def spare_digits(self) -> str:
        """The same for the next written guest."""
        return national(self._phones.of(NUMBERS - 1 - self._phones_from - len(self.written)))

    def write(self, **fields: object) -> Guest:
        """One more guest; the guid is given here."""
        guid = self._dice.guid("guest", self.count + len(self.written))
        made = Guest(guid, **fields)  # type: ignore[arg-type]
        self.written.append(made)
        return made

    def number_of(self, guid: str) -> int | None:
        """The number of a guid; None when there is no such guest."""
        return self._dice.number_of("guest", guid, len(self))

    def get(self, guid: str) -> Guest | None:
        """A guest as last told."""
        number = self.number_of(guid)
        if number is None:
            return None
        held = self.ordinary(number) if number < self.count else self.written[number - self.count]
        return self._changed.get(guid, held)

    def change(self, guest: Guest) -> None:
        """The guest is told differently from now on."""
        self._changed[guest.guid] = guest
