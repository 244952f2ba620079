"""`crowd`: customers by the hundred thousand, each made from its number when it is needed.

Nothing is stored per customer: a row follows from scenario, seed and number, and its number can be read back from its
id. Points and gift cards of a crowd are in export files, which are written line by line from the same arithmetic.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from aura_migration.sandbox.clover.people.model import Address, Card, Customer, Email, Phone
from aura_migration.sandbox.clover.people.names import DOMAINS, FAMILY, GIVEN, NUMBERS, notation, number, plain, street
from aura_migration.sandbox.clover.people.pen import DAY, LATEST, OPENED
from aura_migration.sandbox.core.ids import CROCKFORD, Ids

DEFAULT, MOST = 20_000, 200_000
MULTIPLIER = 2_654_435_761  # odd and coprime to ten, so that it can be undone modulo every base used here
HEAD = 7  # characters of an id that hold the number, five bits each
SPAN = LATEST - OPENED - 60 * DAY
CARDS_PER_HUNDRED = 15
_plain = lru_cache(maxsize=256)(plain)


class Scramble:
    """Numbers below `size` in an order that looks like none, and back."""

    def __init__(self, size: int, offset: int) -> None:
        self._size = size
        self._offset = offset % size
        self._back = pow(MULTIPLIER, -1, size)

    def of(self, value: int) -> int:
        """What stands for this number."""
        return (value * MULTIPLIER + self._offset) % self._size

    def back(self, scrambled: int) -> int:
        """The number something stands for."""
        return (scrambled - self._offset) * self._back % self._size


class Crowd:
    """The customers of one crowd, by number."""

    def __init__(self, ids: Ids, customers: int) -> None:
        if not 1 <= customers <= MOST:
            raise ValueError(f"scenario 'crowd' has between 1 and {MOST:,} customers, not {customers:,}")
        self.count = customers
        rng = ids.rng("crowd")
        self._key = rng.randbytes(32)
        self._bases: dict[str, hashlib.blake2b] = {}
        self._heads = Scramble(1 << 5 * HEAD, rng.randrange(1 << 5 * HEAD))
        self._phones = Scramble(NUMBERS, rng.randrange(NUMBERS))
        self._cards = Scramble(10**12, rng.randrange(10**12))
        self.gift_cards = customers * CARDS_PER_HUNDRED // 100

    def dice(self, kind: str, which: int) -> bytes:
        """Thirty-two random bytes of a row."""
        base = self._bases.get(kind)
        if base is None:
            base = self._bases[kind] = hashlib.blake2b(key=self._key, person=kind.encode(), digest_size=32)
        held = base.copy()
        held.update(which.to_bytes(8, "big"))
        return held.digest()

    def customer_id(self, which: int) -> str:
        """Thirteen characters from which the number can be read back."""
        head, letters = self._heads.of(which), []
        for _ in range(HEAD):
            head, digit = divmod(head, 32)
            letters.append(CROCKFORD[digit])
        return "".join(letters) + "".join(CROCKFORD[byte & 31] for byte in self.dice("id", which)[: 13 - HEAD])

    def number_of(self, row_id: str) -> int | None:
        """The number whose customer has this id; None when there is none."""
        if len(row_id) != 13 or any(letter not in CROCKFORD for letter in row_id[:HEAD]):
            return None
        head = sum(CROCKFORD.index(letter) << 5 * place for place, letter in enumerate(row_id[:HEAD]))
        which = self._heads.back(head)
        return which if which < self.count and self.customer_id(which) == row_id else None

    def is_deleted(self, number: int) -> bool:
        """One of 256 customers was deleted."""
        return self.dice("customer", number)[0] == 0

    def since(self, number: int) -> int:
        """A moment that only grows with the number; most are whole seconds."""
        step = SPAN // self.count
        found = OPENED + number * step + int.from_bytes(self.dice("when", number)[:6], "big") % max(1, step // 2)
        return found if number % 3 == 0 else max(OPENED, found // 1000 * 1000)

    def e164(self, which: int) -> str:
        """The phone number of a customer, whether the row shows it or not."""
        return number(self._phones.of(which))

    def mail(self, which: int) -> str:
        """The address somebody would have; a household shares that of the one before."""
        dice = self.dice("customer", which)
        if which and dice[1] < 5:
            return self.mail(which - 1)
        first, last = GIVEN[dice[2] % len(GIVEN)], FAMILY[dice[3] % len(FAMILY)]
        return f"{_plain(first)}.{_plain(last)}.{which}@{DOMAINS[dice[4] % len(DOMAINS)]}"

    def gift_card(self, which: int) -> str:
        """The number of a gift card."""
        return f"6019{self._cards.of(which):012d}"

    def _id(self, kind: str, which: int) -> str:
        return "".join(CROCKFORD[byte & 31] for byte in self.dice(kind, which)[:13])

    def make(self, number: int) -> Customer:
        """The customer of a number."""
        dice, created = self.dice("customer", number), self.since(number)
        first, last = GIVEN[dice[2] % len(GIVEN)], FAMILY[dice[3] % len(FAMILY)]
        found = Customer(
            id=self.customer_id(number),
            created=created,
            first=first,
            last=last,
            marketing=(True, True, False, False, None)[dice[8] % 5],
            since=created,
        )
        if dice[5] >= 20:
            found.emails.append(Email(self._id("email", number), self.mail(number)))
        if dice[7] >= 20:
            e164 = self.e164(number)
            found.phones.append(Phone(self._id("phone", number), notation(e164, (0, 0, 1, 2, 3)[dice[6] % 5]), e164))
        if dice[11] < 77:
            year = None if dice[12] < 80 else 1940 + dice[12] % 68
            found.birth = (year, 1 + dice[13] % 12, 1 + dice[14] % 28)
        if dice[15] < 60:
            line, city, state, postal = street(number)
            found.addresses.append(Address(self._id("address", number), (line, None, None), city, state, postal, "US"))
        if dice[18] == 1:
            told = f"PIN {int.from_bytes(dice[19:23], 'big') % 10**6:06d}"
            found.note, found.sensitive = f"House key by the gate, {told}", [told]
        if dice[23] < 4:
            token = self.dice("card", number)
            found.cards.append(
                Card(
                    self._id("cardid", number),
                    f"clv_{token.hex()[:28]}",
                    "MULTIPAY",
                    f"4{int.from_bytes(token[16:19], 'big') % 100_000:05d}",
                    f"{int.from_bytes(token[20:22], 'big') % 10_000:04d}",
                    f"{1 + token[22] % 12:02d}29",
                    "VISA",
                    first,
                    last,
                )
            )
        if found.note or found.birth[1]:
            found.modified = created
        if dice[0] == 0:
            found.deleted_time = created + 30 * DAY
        return found
