"""Everything an account knows of people, and the ways from one kind of row to another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.square.people.model import (
    Account,
    Activity,
    AttributeDefinition,
    BreakType,
    CardOnFile,
    Customer,
    GiftCard,
    Gone,
    Job,
    Label,
    LoyaltyEvent,
    PlannedShift,
    Program,
    Promotion,
    Reward,
    TeamMember,
    Timecard,
    Workweek,
)
from aura_migration.sandbox.square.people.table import Table

Slots = Callable[[str], Iterable[int]]


class Generated:
    """The generators of a people-scale scenario; each may be None. The `…_of` functions find generated rows by what
    they belong to, as slots."""

    def __init__(self, **parts: Any) -> None:
        self.customers = parts.get("customers")
        self.accounts = parts.get("accounts")
        self.events = parts.get("events")
        self.rewards = parts.get("rewards")
        self.cards = parts.get("cards")
        self.activities = parts.get("activities")
        self.accounts_of_customer: Slots = parts.get("accounts_of_customer", _none)
        self.account_of_phone: Slots = parts.get("account_of_phone", _none)
        self.events_of_account: Slots = parts.get("events_of_account", _none)
        self.rewards_of_account: Slots = parts.get("rewards_of_account", _none)
        self.cards_of_customer: Slots = parts.get("cards_of_customer", _none)
        self.card_of_gan: Slots = parts.get("card_of_gan", _none)
        self.activities_of_card: Slots = parts.get("activities_of_card", _none)


def _none(_wanted: str) -> Iterable[int]:
    return ()


class People:
    """The people of one account. Scenarios write it through `pen.py`, the control surface through `edits.py`."""

    def __init__(self, ids: Ids, clock: Clock, generated: Generated | None = None) -> None:
        made = generated or Generated()
        self.ids = ids
        self._clock = clock
        self._made = made
        self.customers: Table[Customer] = Table(made.customers, texts=["sort_name"])
        self.gone: dict[str, Gone] = {}
        self.groups: list[Label] = []
        self.segments: list[Label] = []
        self.definitions: list[AttributeDefinition] = []
        self.cards_on_file: Table[CardOnFile] = Table()
        self.program: Program | None = None
        self.accounts: Table[Account] = Table(made.accounts)
        self.events: Table[LoyaltyEvent] = Table(made.events)
        self.rewards: Table[Reward] = Table(made.rewards)
        self.promotions: list[Promotion] = []
        self.gift_cards: Table[GiftCard] = Table(made.cards)
        self.activities: Table[Activity] = Table(made.activities)
        self.jobs: dict[str, Job] = {}
        self.team: Table[TeamMember] = Table()
        self.break_types: dict[str, BreakType] = {}
        self.timecards: Table[Timecard] = Table()
        self.workweeks: list[Workweek] = []
        self.planned: Table[PlannedShift] = Table()
        self.same_person: list[dict[str, Any]] = []
        self.shared_contact: list[dict[str, Any]] = []
        self.former_secrets: list[str] = []
        self.former_personal: list[str] = []
        self._last = 0
        self._fresh: dict[str, tuple[float, Customer | None]] = {}

    def next_stamp(self) -> int:
        """The stamp of a change made now: later than every change so far, whatever the clock says."""
        self._last = max(self._last + 1, int(self._clock.now().timestamp() * 1000))
        return self._last

    # -- the directory's delay -------------------------------------------------------------------------------------

    def wrote_customer(self, row_id: str, before: Customer | None) -> None:
        """Note a change of the directory, which list and search may show with a delay; `before`: None = new."""
        held = self._fresh.get(row_id)
        self._fresh[row_id] = (time.monotonic(), held[1] if held is not None else before)

    def as_listed(self, customer: Customer, delay: float) -> Customer | None:
        """The profile as list and search see it: for `delay` seconds after a change as it was before."""
        held = self._fresh.get(customer.id) if delay > 0 else None
        if held is None or time.monotonic() - held[0] >= delay:
            return customer
        return held[1]

    # -- from one row to another -----------------------------------------------------------------------------------

    def _related(self, table: Table[Any], generated: Iterable[int], fits: Callable[[Any], bool]) -> list[int]:
        """Slots of rows that fit: generated ones that were not changed since, and every written one."""
        found = [slot for slot in generated if not table.is_changed(slot)]
        found.extend(slot for slot in table.changed() if fits(table.row(slot)))
        return found

    def accounts_of(self, customer_id: str) -> list[int]:
        """Slots of the loyalty accounts of a customer."""
        generated = self._made.accounts_of_customer(customer_id)
        return self._related(self.accounts, generated, lambda row: row.customer_id == customer_id)

    def account_of_phone(self, e164: str) -> list[int]:
        """Slots of the accounts of a phone number."""
        return self._related(self.accounts, self._made.account_of_phone(e164), lambda row: row.e164 == e164)

    def events_of(self, account_id: str) -> list[int]:
        """Slots of an account's events."""
        generated = self._made.events_of_account(account_id)
        return self._related(self.events, generated, lambda row: row.account_id == account_id)

    def rewards_of(self, account_id: str) -> list[int]:
        """Slots of an account's rewards."""
        generated = self._made.rewards_of_account(account_id)
        return self._related(self.rewards, generated, lambda row: row.account_id == account_id)

    def gift_cards_of(self, customer_id: str) -> list[int]:
        """Slots of the gift cards linked to a customer."""
        generated = self._made.cards_of_customer(customer_id)
        return self._related(self.gift_cards, generated, lambda row: customer_id in row.customer_ids)

    def gift_card_of_gan(self, gan: str) -> GiftCard | None:
        """The gift card of an account number."""
        found = self._related(self.gift_cards, self._made.card_of_gan(gan), lambda row: row.gan == gan)
        return self.gift_cards.row(found[0]) if found else None

    def activities_of(self, card_id: str) -> list[int]:
        """Slots of a gift card's activities."""
        generated = self._made.activities_of_card(card_id)
        return self._related(self.activities, generated, lambda row: row.card_id == card_id)

    def cards_on_file_of(self, customer_id: str) -> Iterator[CardOnFile]:
        """The cards a customer left."""
        return (card for card in self.cards_on_file if card.customer_id == customer_id)
