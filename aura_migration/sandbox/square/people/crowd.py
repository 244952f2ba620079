"""`crowd`: customers by the hundred thousand with loyalty and gift cards, each made from its number when it is needed.

Nothing is stored per customer: a row follows from scenario, seed and number, its number can be read back from its id,
and who belongs to whom is arithmetic. Only orderings (four or eight bytes a row) are ever held in memory.
"""

from __future__ import annotations

import base64
import hashlib
from array import array
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

from aura_migration.sandbox.core.ids import BASE32, Ids
from aura_migration.sandbox.square.people.ledgers import Points, Step, card_ledger, points_ledger
from aura_migration.sandbox.square.people.model import Activity, Customer, Program
from aura_migration.sandbox.square.people.names import (
    DOMAINS,
    FAMILY,
    GIVEN,
    NUMBERS,
    address,
    notation,
    number,
    plain,
)
from aura_migration.sandbox.square.people.pen import DAY, LATEST, MINUTE, OPENED

MOST = 200_000
MULTIPLIER = 2_654_435_761  # odd and coprime to ten, so that it can be undone modulo every base used here
HEX = "0123456789abcdef"
SOURCES = ("DIRECTORY", "LOYALTY", "LOYALTY", "ONLINE_STORE", "IMPORT", "FEEDBACK", "TERMINAL", "EMAIL_COLLECTION")
ENROLLED = (0, 2, 3)  # three of five customers, shifted by the seed
CARDS_PER_HUNDRED = 15
SPAN = LATEST - OPENED - 60 * DAY


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
    """The arithmetic of one crowd. `program` must be set before the first account is looked at."""

    def __init__(self, ids: Ids, customers: int, group_ids: list[str], merchant_id: str, location_id: str) -> None:
        if not 1 <= customers <= MOST:
            raise ValueError(f"scenario 'crowd' has between 1 and {MOST:,} customers, not {customers:,}")
        self.customers = customers
        self.program: Program | None = None
        self._merchant_id = merchant_id
        self._location_id = location_id
        self._group_ids = group_ids
        rng = ids.rng("crowd")
        self._key = rng.randbytes(32)
        self._bases: dict[str, hashlib.blake2b] = {}
        self.dice = lru_cache(maxsize=1024)(self._dice)
        self._shift = rng.randrange(5)
        self.residues = sorted((residue + self._shift) % 5 for residue in ENROLLED)
        whole, rest = divmod(customers, 5)
        self.accounts = 3 * whole + sum(1 for residue in self.residues if residue < rest)
        self.cards = customers * CARDS_PER_HUNDRED // 100
        self._ids32 = Scramble(1 << 32, rng.randrange(1 << 32))
        self._ids35 = Scramble(1 << 35, rng.randrange(1 << 35))
        self.phones = Scramble(NUMBERS, rng.randrange(NUMBERS))
        self.gans = Scramble(10**11, rng.randrange(10**11))
        self._offsets: dict[str, array[int]] = {}
        self.ledger = lru_cache(maxsize=256)(self._ledger)
        self.activities_of_card = lru_cache(maxsize=256)(self._activities_of_card)

    def _dice(self, kind: str, which: int) -> bytes:
        """Thirty-two random bytes of a row."""
        base = self._bases.get(kind)
        if base is None:
            base = self._bases[kind] = hashlib.blake2b(key=self._key, person=kind.encode(), digest_size=32)
        held = base.copy()
        held.update(which.to_bytes(8, "big"))
        return held.digest()

    # -- ids -------------------------------------------------------------------------------------------------------

    def hex_id(self, kind: str, which: int) -> str:
        """Thirty-two hex digits from which the number can be read back."""
        return f"{self._ids32.of(which):08x}{self.dice(kind, which)[:12].hex()}"

    def of_hex(self, kind: str, digits: str, count: int) -> int | None:
        """The number of such an id among the first `count`."""
        if len(digits) != 32 or not set(digits) <= set(HEX):
            return None
        which = self._ids32.back(int(digits[:8], 16))
        return which if which < count and self.hex_id(kind, which) == digits else None

    def uuid(self, kind: str, which: int) -> str:
        """A UUID of version 4 from which the number can be read back."""
        digits = self.hex_id(kind, which)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def of_uuid(self, kind: str, text: str, count: int) -> int | None:
        """The number of such a UUID among the first `count`."""
        head = text[:8]
        if len(text) != 36 or not set(head) <= set(HEX):
            return None
        which = self._ids32.back(int(head, 16))
        return which if which < count and self.uuid(kind, which) == text else None

    def customer_id(self, which: int) -> str:
        """Twenty-six capitals and digits."""
        tail = int.from_bytes(self.dice("id", which)[:12], "big") >> 1
        bits = (self._ids35.of(which) << 95 | tail) << 6
        return base64.b32encode(bits.to_bytes(17, "big"))[:26].decode()

    def of_customer_id(self, text: str) -> int | None:
        """The number of a customer id."""
        if len(text) != 26 or any(letter not in BASE32 for letter in text[:7]):
            return None
        value = 0
        for letter in text[:7]:
            value = value << 5 | BASE32.index(letter)
        which = self._ids35.back(value)
        return which if which < self.customers and self.customer_id(which) == text else None

    # -- who belongs to whom ---------------------------------------------------------------------------------------

    def account_of(self, customer: int) -> int | None:
        """The account of a customer, if any."""
        residue = customer % 5
        return 3 * (customer // 5) + self.residues.index(residue) if residue in self.residues else None

    def customer_of(self, account: int) -> int:
        """The customer of an account."""
        return 5 * (account // 3) + self.residues[account % 3]

    def owner_of(self, card: int) -> int | None:
        """The customer a gift card is linked to; two of three are."""
        dice = self.dice("owner", card)
        return int.from_bytes(dice[1:6], "big") % self.customers if dice[0] < 170 else None

    def e164(self, customer: int) -> str:
        """The phone number of a customer, whether the profile shows it or not."""
        return number(self.phones.of(customer))

    def gan(self, card: int) -> str:
        """The account number of a gift card."""
        return f"77834{self.gans.of(card):011d}"

    def spread(self, which: int, count: int, after: int = OPENED, span: int = SPAN) -> int:
        """A moment that only grows with the number."""
        step = span // count
        return after + which * step + int.from_bytes(self.dice("when", which)[:6], "big") % max(1, step // 2)

    # -- ledgers ---------------------------------------------------------------------------------------------------

    def _steps(self, account: int) -> list[Step]:
        """The history of an account: visits, and by one die a reward, an expiry, an adjustment or a debt."""
        assert self.program is not None
        dice, tiers, place = self.dice("ledger", account), self.program.tiers, (("location_id", self._location_id),)
        moment = self.account_created(account) + 3000
        pace = max(MINUTE, (LATEST - moment) // 8)
        steps = [Step("EARN", 10 + byte % 90, moment + turn * pace, fields=place) for turn, byte in enumerate(dice[:2])]
        later, lot, tier = moment + 3 * pace, dice[2], tiers[dice[3] % len(tiers)]
        if lot < 40:
            kind = "REWARD" if lot < 16 else "REWARD_REDEEMED" if lot < 34 else "REWARD_DELETED"
            steps.append(Step("EARN", tier.points, moment + 2 * pace, fields=place))
            steps.append(Step(kind, 0, later, tier, (*place, ("later", dice[4] * 1000 + 60_000))))
        elif lot < 55:
            steps.append(Step("EXPIRE", 10, later))
        elif lot < 70:
            steps.append(Step("ADJUST", 5 * (1 + dice[4] % 20), later, fields=(("reason", "Courtesy"),)))
        elif lot < 76:
            owed = sum(step.value for step in steps) + 1 + dice[4] % 50
            steps.append(Step("ADJUST", -owed, later, fields=(("reason", "Points for voided sales"),)))
        elif lot < 140:
            steps.append(Step("EARN", 5 + dice[5] % 60, later, fields=place))
        return steps

    def _ledger(self, account: int) -> Points:
        """What an account's history comes to."""
        first = self.offsets("events")[account]
        reward = self.offsets("rewards")[account]

        def new_id(kind: str, turn: int) -> str:
            return self.uuid(kind, (first if kind == "event" else reward) + turn)

        return points_ledger(self.uuid("account", account), self._steps(account), new_id)

    def event_times(self, account: int) -> list[int]:
        """When each event of an account was, without naming any."""
        return [event.created for event in points_ledger("", self._steps(account), lambda _kind, _turn: "").events]

    def account_created(self, account: int) -> int:
        """Enrolled with the profile, or soon after."""
        return self.spread(self.customer_of(account), self.customers) + 1500

    def _events_in(self, account: int) -> int:
        lot = self.dice("ledger", account)[2]
        return 4 + (lot >= 16) if lot < 40 else 2 + (lot < 140)

    def _activities_of_card(self, card: int) -> tuple[list[Activity], int, str]:
        """The history of a gift card, its balance and its state."""
        dice, first = self.dice("card", card), self.offsets("activities")[card]
        card_id, moment = f"gftc:{self.hex_id('gift card', card)}", self.spread(card, self.cards) + 2000
        pace, lot = max(MINUTE, (LATEST - moment) // 5), dice[0]
        steps, state = [], "PENDING" if lot >= 250 else "ACTIVE"
        if lot < 250:
            loaded, spent = 500 * (2 + dice[1] % 19), 100 + dice[2] % 900
            steps = [Step("ACTIVATE", loaded, moment)]
            if lot < 150:
                steps.append(Step("REDEEM", loaded if lot < 40 else min(spent, loaded), moment + pace))
            if lot < 90:
                steps.append(Step("LOAD", 2000, moment + 2 * pace))
            if lot >= 240:
                state = "BLOCKED" if lot < 245 else "DEACTIVATED"
                why = "CHARGEBACK_BLOCK" if state == "BLOCKED" else "SUSPICIOUS_ACTIVITY"
                kind = "BLOCK" if state == "BLOCKED" else "DEACTIVATE"
                steps.append(Step(kind, 0, moment + 3 * pace, fields=(("reason", why),)))

        def new_id(_kind: str, turn: int) -> str:
            return f"gcact_{self.hex_id('activity', first + turn)}"

        return (*card_ledger(card_id, self.gan(card), self._location_id, steps, new_id), state)

    def _activities_in(self, card: int) -> int:
        lot = self.dice("card", card)[0]
        return 0 if lot >= 250 else 1 + (lot < 150) + (lot < 90) + (lot >= 240)

    def offsets(self, kind: str) -> array[int]:
        """Where the events, rewards or activities of each account or card begin; one more entry says how many there
        are in all."""
        if kind not in self._offsets:
            counts: Iterator[int]
            if kind == "activities":
                counts = map(self._activities_in, range(self.cards))
            elif kind == "events":
                counts = map(self._events_in, range(self.accounts))
            else:
                counts = (int(self.dice("ledger", account)[2] < 40) for account in range(self.accounts))
            self._offsets[kind] = array("I", accumulate(counts, initial=0))
        return self._offsets[kind]

    # -- customers -------------------------------------------------------------------------------------------------

    def is_listed(self, which: int) -> bool:
        """One of fifty is an instant profile."""
        return self.dice("customer", which)[0] >= 5

    def updated(self, which: int) -> int:
        """Some time after it was made."""
        created = self.spread(which, self.customers)
        dice = self.dice("customer", which)
        found = created + int.from_bytes(dice[24:30], "big") % max(1, LATEST - created)
        return max(created, found // 1000 * 1000) if dice[30] < 85 else found

    def name(self, which: int) -> tuple[str, str]:
        """Given and family name of a listed customer."""
        dice = self.dice("customer", which)
        return GIVEN[dice[2] % len(GIVEN)], FAMILY[dice[3] % len(FAMILY)]

    def mail(self, which: int) -> str:
        """The address somebody would have; a household shares that of the one before."""
        dice = self.dice("customer", which)
        if which and dice[1] < 5:
            return self.mail(which - 1)
        given, family = self.name(which)
        return f"{_plain(given)}.{_plain(family)}.{which}@{DOMAINS[dice[4] % len(DOMAINS)]}"

    def customer(self, which: int) -> Customer:
        """The profile of a number."""
        dice, created = self.dice("customer", which), self.spread(which, self.customers)
        row_id, updated = self.customer_id(which), self.updated(which)
        if not self.is_listed(which):
            return Customer(row_id, created, updated, source="INSTANT_PROFILE")
        e164, (given, family) = self.e164(which), self.name(which)
        found = Customer(
            id=row_id,
            created=created,
            updated=updated,
            given=given,
            family=family,
            email=self.mail(which) if dice[5] >= 20 else None,
            phone=notation(e164, (0, 0, 1, 2, 3)[dice[6] % 5]) if dice[7] >= 20 else None,
            e164=e164 if dice[7] >= 20 else None,
            unsubscribed=(True, False, False, False, None)[dice[8] % 5],
            source=SOURCES[dice[9] % len(SOURCES)],
            version=dice[10] % 12,
        )
        if dice[11] < 77:
            year = 0 if dice[12] < 80 else 1940 + dice[12] % 68
            found.birthday = f"{year:04d}-{1 + dice[13] % 12:02d}-{1 + dice[14] % 28:02d}"
        if dice[15] < 60:
            found.address = address(which)
        if dice[16] < 50 and self._group_ids:
            found.group_ids = [self._group_ids[dice[17] % len(self._group_ids)]]
        if found.email or found.phone:
            found.segment_ids = [f"{self._merchant_id}.REACHABLE"]
        if dice[18] == 0:
            found.eu_vat = f"DE{int.from_bytes(dice[19:23], 'big') % 10**9:09d}"
        elif dice[18] == 1:
            told = f"PIN {int.from_bytes(dice[19:23], 'big') % 10**6:06d}"
            found.note, found.sensitive = f"House key by the gate, {told}", [told]
        return found
