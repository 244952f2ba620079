"""Cash drawers and deposits of a location: what went in and out besides guests' payments, one business date at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from aura_migration.sandbox.toast.orders.adapt import Floor
from aura_migration.sandbox.toast.orders.calendar import HOLIDAYS, Days
from aura_migration.sandbox.toast.orders.wire import ref, stamp_text
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.model import HOUR, MINUTE

MOST = 16


@dataclass(frozen=True, slots=True)
class CashEntry:
    """Cash that went in (positive) or out of a drawer; ``undoes``: the entry this one takes back."""

    guid: str
    at: int
    cents: int
    kind: str
    reason: str
    day: date
    payout: str | None = None
    no_sale: str | None = None
    undoes: str | None = None
    actor: str | None = None
    approver: str | None = None


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money brought to the bank."""

    guid: str
    at: int
    cents: int
    day: date
    actor: str | None
    undoes: str | None = None


class CashBook:
    """Cash entries and deposits of the days a location has a history of."""

    def __init__(self, dice: Dice, floor: Floor, days: Days, servers: list[str], local: Any) -> None:
        self._dice = dice
        self._floor = floor
        self._days = days
        self._servers = servers
        self._local = local

    def dates(self) -> list[date]:
        """Days with cash entries."""
        if not self._days.count:
            return []
        every = (self._days.day(index) for index in range(len(self._days)))
        return [day for day in every if (day.month, day.day) not in HOLIDAYS]

    def _number(self, day: date) -> int | None:
        index = (day - self._days.first).days
        trading = (day.month, day.day) not in HOLIDAYS
        return index if self._days.count and trading and 0 <= index < len(self._days) else None

    def entries(self, day: date) -> list[CashEntry]:
        """Entries of a business date as they were made; those after midnight are of the day that began before."""
        number = self._number(day)
        if number is None:
            return []
        roll = self._dice.roll("cash", number)
        opened = self._local(day, 6, 40)
        made: list[CashEntry] = []
        actor = self._servers[number % len(self._servers)] if self._servers else None
        boss = self._servers[-1] if self._servers else None

        def put(kind: str, cents: int, minutes: int, reason: str = "", **fields: Any) -> CashEntry:
            guid = self._dice.guid("cash-entry", number * MOST + len(made))
            entry = CashEntry(guid, opened + minutes * MINUTE, cents, kind, reason, day, actor=actor, **fields)
            made.append(entry)
            return entry

        put("CASH_IN", 20_000, 0, "Opening float")
        if roll[0] % 3 == 0:
            put("NO_SALE", 0, 95, no_sale=self._floor.guid("noSaleReasons", "Make change"))
        if roll[1] % 4 == 0:
            spent = -(500 + roll[2] * 10)
            supplies = self._floor.guid("payoutReasons", "Supplies")
            paid = put("PAY_OUT", spent, 200, "Lemons", payout=supplies, approver=boss)
            if roll[1] % 8 == 0:
                put("UNDO_PAY_OUT", -spent, 215, "Wrong amount", payout=supplies, undoes=paid.guid, approver=boss)
        if roll[3] % 5 == 0:
            taken = put("CASH_COLLECTED", 2_000 + roll[4], 480, "Server drop")
            put("TIP_OUT", -taken.cents, 490, undoes=taken.guid if roll[3] % 10 == 0 else None)
        if roll[5] % 9 == 0:
            put("DRIVER_REIMBURSEMENT", -(300 + roll[6]), 600)
        put("CASH_OUT", -20_000, 18 * 60 + 10, "Float back")
        odd = roll[7] % 6
        if odd == 0:
            put("CLOSE_OUT_SHORTAGE", -(1 + roll[8]), 18 * 60 + 20)
        elif odd == 1:
            put("CLOSE_OUT_OVERAGE", 1 + roll[8], 18 * 60 + 20)
        else:
            put("CLOSE_OUT_EXACT", 0, 18 * 60 + 20)
        return made

    def deposits(self, day: date) -> list[Deposit]:
        """Deposits of a business date; one in seventeen is undone and made again."""
        number = self._number(day)
        if number is None:
            return []
        roll = self._dice.roll("deposit", number)
        at = self._local(day + timedelta(days=0), 21, 30)
        actor = self._servers[-1] if self._servers else None
        cents = 10_000 + int.from_bytes(roll[:2], "big")
        made = [Deposit(self._dice.guid("deposit", number * MOST), at, cents, day, actor)]
        if roll[2] % 17 == 0:
            guids = [self._dice.guid("deposit", number * MOST + place) for place in (1, 2)]
            made.append(Deposit(guids[0], at + HOUR // 4, cents, day, actor, undoes=made[0].guid))
            made.append(Deposit(guids[1], at + HOUR // 3, cents + 1_000, day, actor))
        return made

    # -- wire ------------------------------------------------------------------------------------------------------

    def entry_body(self, one: CashEntry) -> dict[str, Any]:
        """An entry as JSON."""
        return {
            "guid": one.guid,
            "entityType": "CashEntry",
            "date": stamp_text(one.at),
            "amount": one.cents / 100,
            "reason": one.reason,
            "type": one.kind,
            "cashDrawer": ref(self._floor.drawer, "CashDrawer"),
            "payoutReason": ref(one.payout, "PayoutReason"),
            "noSaleReason": ref(one.no_sale, "NoSaleReason"),
            "undoes": one.undoes,
            "employee1": ref(one.actor, "RestaurantUser"),
            "employee2": ref(one.approver, "RestaurantUser"),
            "creatorOrShiftReviewSubject": ref(one.actor, "RestaurantUser"),
            "approverOrShiftReviewSubject": ref(one.approver, "RestaurantUser"),
        }

    @staticmethod
    def deposit_body(one: Deposit) -> dict[str, Any]:
        """A deposit as JSON."""
        return {
            "guid": one.guid,
            "entityType": "DepositEntry",
            "date": stamp_text(one.at),
            "amount": one.cents / 100,
            "employee": ref(one.actor, "RestaurantUser"),
            "creator": ref(one.actor, "RestaurantUser"),
            "undoes": one.undoes,
        }
