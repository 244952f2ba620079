"""Gift cards: balances, states, and the ledger that must end at the balance. Square API reference, section 10.

A card's number is only hashed here, never kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.canonical.seals import Seals
from aura_migration.core.ids import path
from aura_migration.pos.square.people.packs import Packs
from aura_migration.pos.square.people.stored import newest, once, pages, typed, usable, when
from aura_migration.pos.square.people.wire import Activity, ActivityDetails, GiftCard
from aura_migration.pos.square.wire import Money, decode

STATES = {"ACTIVE": "pending", "PENDING": "blocked", "BLOCKED": "blocked", "DEACTIVATED": "deactivated"}
"""Square's state → ours; what the old POS redeems waits for the switch, a card not yet activated is not live."""
KINDS = {"PHYSICAL": "physical", "DIGITAL": "digital"}
TO_ZERO = None
MOVES: dict[str, tuple[str, int | None, str]] = {
    "ACTIVATE": ("activated", 1, "Activated"),
    "LOAD": ("loaded", 1, "Loaded"),
    "REDEEM": ("redeemed", -1, "Redeemed"),
    "ADJUST_INCREMENT": ("adjusted", 1, "Increased by the restaurant"),
    "ADJUST_DECREMENT": ("adjusted", -1, "Decreased by the restaurant"),
    "REFUND": ("refunded", 1, "Redemption refunded"),
    "UNLINKED_ACTIVITY_REFUND": ("refunded", 1, "Refund put on the card"),
    "IMPORT": ("imported", 1, "Imported into Square"),
    "IMPORT_REVERSAL": ("cleared", TO_ZERO, "Import taken back"),
    "CLEAR_BALANCE": ("cleared", TO_ZERO, "Balance cleared"),
    "TRANSFER_BALANCE_TO": ("transferred", 1, "Transferred from another card"),
    "TRANSFER_BALANCE_FROM": ("transferred", -1, "Transferred to another card"),
}
"""Type of activity → transaction, sign of its amount, and the reason shown."""
NO_CHANGE = frozenset({"DEACTIVATE", "BLOCK", "UNBLOCK"})
OPENING = "Balance before the activities Square shows"


@dataclass(slots=True)
class _Ledger:
    """One card's running balance. ``opening`` is what the card held before its first activity shown."""

    balance: int
    opening: int = 0
    running: int = 0
    has_activity: bool = False
    is_flagged: bool = False
    initial: int | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class _Activity:
    """What the ledger needs of an activity: ``amount`` unsigned as sent, ``after`` the balance Square shows after it."""

    id: str
    card: str
    type: str
    amount: int | None
    after: int | None
    status: str | None
    at: str | None
    reference: str | None


def map_gift_cards(
    reader: SnapshotReader, packs: Packs, seals: Seals, known: Mapping[str, int], currency: str
) -> Iterator[Batch]:
    """Rows of cards and their activities; ``known`` are the profiles that have a row."""
    ledgers = _balances(reader)
    _first_pass(reader, ledgers)
    yield from _cards(reader, packs, seals, known, currency, ledgers)
    yield from _transactions(reader, packs, ledgers)


def _balances(reader: SnapshotReader) -> dict[str, _Ledger]:
    counted = newest(reader, "gift_cards", "gift_cards")
    ledgers: dict[str, _Ledger] = {}
    number = -1
    for body in reader.bodies("gift_cards"):
        for raw in decode(body.data).get("gift_cards") or ():
            number += 1
            if counted.get(str(raw.get("id"))) == number:
                money = raw.get("balance_money")
                amount = money.get("amount") if isinstance(money, Mapping) else None
                ledgers[str(raw["id"])] = _Ledger(int(amount) if isinstance(amount, int | str) else 0)
    return ledgers


def _first_pass(reader: SnapshotReader, ledgers: dict[str, _Ledger]) -> None:
    """Run every ledger from its first activity on; what is missing at its end belongs into the opening balance."""
    for page in once(reader, "gift_card_activities", "gift_card_activities"):
        for raw in page:
            activity = _activity(raw)
            ledger = ledgers.get(activity.card) if isinstance(activity, _Activity) else None
            if ledger is None or isinstance(activity, str):
                continue
            ledger.last = activity.at or ledger.last
            change = _change(activity, ledger)
            if change is None:
                continue
            if not ledger.has_activity and activity.after is not None:
                ledger.opening = ledger.running = activity.after - change
            ledger.has_activity = True
            if activity.type in ("ACTIVATE", "IMPORT") and ledger.initial is None:
                ledger.initial = change
            ledger.running += change
    for ledger in ledgers.values():
        missing = ledger.balance - ledger.running
        ledger.is_flagged = bool(ledger.has_activity and missing)
        ledger.opening += missing


def _activity(raw: Mapping[str, Any]) -> _Activity | str:
    """An activity as the ledger needs it, or in words what of it cannot be read."""
    kind = raw.get("type")
    found = typed(raw, Activity)
    if isinstance(found, str) or not usable(found.id):
        return found if isinstance(found, str) else "it has no usable id"
    told = raw.get(f"{str(kind).lower()}_activity_details")
    details = typed(told, ActivityDetails) if isinstance(told, Mapping) else ActivityDetails()
    if isinstance(details, str):
        return details
    return _Activity(
        found.id,
        found.gift_card_id or "",
        found.type,
        details.amount_money.amount if details.amount_money is not None else None,
        found.gift_card_balance_money.amount if found.gift_card_balance_money is not None else None,
        details.status,
        found.created_at,
        details.payment_id or details.order_id or None,
    )


def _change(activity: _Activity, ledger: _Ledger) -> int | None:
    """What the activity did to the balance; None where it did not count or moves nothing."""
    if activity.type in NO_CHANGE:
        return None
    if activity.type == "REDEEM" and activity.status not in (None, "", "COMPLETED"):
        return None
    sign = MOVES[activity.type][1] if activity.type in MOVES else 1
    if activity.type in MOVES and sign is TO_ZERO:
        return -ledger.running
    if activity.type not in MOVES or activity.amount is None:
        return (activity.after - ledger.running) if activity.after is not None else 0
    assert sign is not None
    return sign * abs(activity.amount)


def _cards(
    reader: SnapshotReader,
    packs: Packs,
    seals: Seals,
    known: Mapping[str, int],
    currency: str,
    ledgers: Mapping[str, _Ledger],
) -> Iterator[Batch]:
    counted = newest(reader, "gift_cards", "gift_cards")
    for page in pages(reader, "gift_cards", "gift_cards"):
        live: list[Mapping[str, Any]] = []
        for found in page:
            ident = found.raw.get("id")
            if usable(ident) and counted[str(ident)] != found.number:
                continue
            card = typed(found.raw, GiftCard)
            if isinstance(card, str) or not usable(ident):
                why = card if isinstance(card, str) else "it has no usable id"
                packs.unreadable("gift_cards", "gift_cards", found.raw, why, found.number)
                continue
            live.append(found.raw)
            _card(packs, seals, known, currency, card, found.raw, ledgers[card.id])
        packs.fields("GIFT_CARD", live)
        yield from packs.full()


def _card(
    packs: Packs,
    seals: Seals,
    known: Mapping[str, int],
    currency: str,
    card: GiftCard,
    raw: Mapping[str, Any],
    ledger: _Ledger,
) -> None:
    record = f"gift_cards#{card.id}"
    money = card.balance_money or Money()
    if card.state not in STATES:
        packs.note("GIFT_CARD", "state", card.id)
    linked = card.customer_ids or []
    holder = next((ident for ident in linked if ident in known), None)
    if linked and holder is None:
        packs.note("GIFT_CARD", "holder", card.id)
    if len(linked) > 1:
        packs.note("GIFT_CARD", "holders", card.id)
    if ledger.is_flagged:
        packs.note("GIFT_CARD", "ledger", card.id)
    values: dict[str, Any] = {
        "card_type": KINDS.get(card.type or "", "unknown"),
        "balance_cents": money.amount or 0,
        "initial_cents": ledger.initial,
        "currency": money.code or currency,
        "status": STATES.get(card.state or "", "blocked"),
        "source_state": card.state,
        "customer_key": holder,
        "issued_at": when(card.created_at),
        "last_activity_at": when(ledger.last),
    }
    if not any(sign.isalnum() for sign in card.gan or ""):
        reason = "Square shows no number for this gift card, so that nobody could present it."
        packs.reject("gift_cards", card.id, reason, record, **values)
        return
    seal = seals.gift_card(card.gan or "")
    packs.add(
        "gift_cards",
        card.id,
        raw,
        record,
        code_hash=seal.code_hash,
        hash_key_id=seal.hash_key_id,
        last4=seal.last4,
        **values,
    )


def _transactions(reader: SnapshotReader, packs: Packs, ledgers: dict[str, _Ledger]) -> Iterator[Batch]:
    """The opening balances, then the activities oldest first."""
    shifts: dict[str, int] = {}
    for card, ledger in ledgers.items():
        # Amounts that clear a card were told from the ledger as it ran; it runs the same way again, shifted as a whole.
        missing = ledger.balance - ledger.running
        shifts[card] = missing
        ledger.running = ledger.opening - missing
        if ledger.opening:
            _row(
                packs, card, "opening", "opening_balance", ledger.opening, 0, OPENING, None, None, f"gift_cards#{card}"
            )
        yield from packs.full()
    for page in once(reader, "gift_card_activities", "gift_card_activities"):
        for raw in page:
            activity = _activity(raw)
            if isinstance(activity, str):
                packs.unreadable("gift_card_transactions", "gift_card_activities", raw, activity)
                continue
            ledger_of = ledgers.get(activity.card)
            if ledger_of is None:
                packs.note("GIFT_CARD_ACTIVITY", "card", activity.id)
                continue
            change = _change(activity, ledger_of)
            if change is None:
                reason = "no_change" if activity.type in NO_CHANGE else "uncounted"
                packs.note("GIFT_CARD_ACTIVITY", reason, activity.id)
                continue
            if activity.type not in MOVES:
                packs.note("GIFT_CARD_ACTIVITY", "type", activity.id)
            kind, _, said = MOVES.get(activity.type, ("adjusted", 1, "Activity of a kind that is not known"))
            before = ledger_of.running + shifts[activity.card]
            record = f"gift_card_activities#{activity.id}"
            _row(packs, activity.card, activity.id, kind, change, before, said, activity.reference, activity.at, record)
            ledger_of.running += change
        yield from packs.full()


def _row(
    packs: Packs,
    card: str,
    ident: str,
    kind: str,
    change: int,
    before: int,
    reason: str,
    reference: str | None,
    at: str | None,
    record: str,
) -> None:
    packs.add(
        "gift_card_transactions",
        path(card, ident),
        None,
        record,
        gift_card_key=card,
        transaction_type=kind,
        amount_cents=change,
        balance_before_cents=before,
        balance_after_cents=before + change,
        reason=reason,
        reference_id=reference,
        occurred_at=when(at),
    )
