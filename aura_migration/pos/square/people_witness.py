"""Square's second opinion about people: guests, balances, open rewards, the team and the time it worked.

Written from the Square API reference (sections 8 to 10 and 15) and nothing of this folder's mapping: a mistake there must
not be repeated here. Pages are read one at a time; what is kept across pages is a few numbers per record.

A list that moved while it was read repeats records: of one id the newest version counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from aura_migration.archive.reader import StoredBody
from aura_migration.archive.redaction import ENCRYPTED
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.people_facts import (
    BalanceFact,
    CustomerFact,
    PeopleFact,
    RewardFact,
    StaffFact,
    TimecardFact,
    WageFact,
)

Record = Mapping[str, Any]
LISTS = {
    "customers": "customers",
    "loyalty_accounts": "loyalty_accounts",
    "loyalty_events": "events",
    "loyalty_rewards": "rewards",
    "gift_cards": "gift_cards",
    "gift_card_activities": "gift_card_activities",
    "team": "team_members",
    "jobs": "jobs",
    "wages": "team_member_wages",
    "timecards": "timecards",
}
EVENTS = {
    "ACCUMULATE_POINTS": ("accumulate_points", 1),
    "ACCUMULATE_PROMOTION_POINTS": ("accumulate_promotion_points", 1),
    "DELETE_REWARD": ("delete_reward", 1),
    "CREATE_REWARD": ("create_reward", -1),
    "EXPIRE_POINTS": ("expire_points", -1),
    "ADJUST_POINTS": ("adjust_points", 0),
    "OTHER": ("other_event", 0),
}
"""Where an event has its points, and the sign of its type; 0: as sent. All others move nothing."""
NAMES = ("given_name", "family_name", "email_address", "phone_number")
ADDS = ("ACTIVATE", "LOAD", "ADJUST_INCREMENT", "REFUND", "UNLINKED_ACTIVITY_REFUND", "IMPORT", "TRANSFER_BALANCE_TO")
TAKES = ("REDEEM", "ADJUST_DECREMENT", "TRANSFER_BALANCE_FROM")
CLEARS = ("CLEAR_BALANCE", "IMPORT_REVERSAL")


def people_facts(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterator[PeopleFact]:
    """The seller's people and balances and the time worked at the location. Amounts are minor units already."""
    yield from _customers(reader)
    yield from _loyalty(reader)
    yield from _rewards(reader)
    yield from _gift_cards(reader, currency)
    yield from _team(reader)
    yield from _timecards(reader, location_source_id)


# Reading


def _records(reader: SnapshotReader, entity: str, is_revealed: bool = False) -> Iterator[Record]:
    """The records of all pages, repeats among them. Personal values stay sealed unless asked for."""
    for body in reader.bodies(entity):
        page = msgspec.json.decode(reader.revealed(body) if is_revealed and _is_sealed(body) else body.data)
        if not isinstance(page, dict):
            continue
        listed = page.get(LISTS[entity])
        if isinstance(listed, list):
            yield from listed
        elif isinstance(page.get("responses"), dict):  # a bulk retrieval: by id, each found or an error
            yield from (one["customer"] for one in page["responses"].values() if one.get("customer"))
        elif isinstance(page.get("customer"), dict):
            yield page["customer"]


def _is_sealed(body: StoredBody) -> bool:
    return ENCRYPTED.encode() in body.data


def _newest(reader: SnapshotReader, entity: str, is_revealed: bool = False) -> Iterator[Record]:
    """Each record once, in its newest version: versions are looked up first, values read in a second pass."""
    newest: dict[str, tuple[int, str]] = {}
    repeated: set[str] = set()
    for one in _records(reader, entity):
        ident, age = one["id"], _age(one)
        if ident in newest:
            repeated.add(ident)
        if ident not in newest or age > newest[ident]:
            newest[ident] = age
    for one in _records(reader, entity, is_revealed):
        ident = one["id"]
        if ident not in repeated:
            yield one
        elif ident in newest and newest[ident] == _age(one):
            del newest[ident]
            yield one


def _age(one: Record) -> tuple[int, str]:
    return int(one.get("version") or 0), str(one.get("updated_at") or one.get("created_at") or "")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _amount(money: Any) -> int | None:
    amount = (money or {}).get("amount")
    return None if amount is None else int(amount)


def _ms(text: str) -> int:
    """RFC 3339 with any number of fractional digits as Unix milliseconds."""
    head, dot, rest = text.partition(".")
    fraction = ""
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        fraction, text = rest[:digits], head + rest[digits:]
    whole = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(whole.timestamp()) * 1000 + int((fraction + "000")[:3])


# Guests


def _customers(reader: SnapshotReader) -> Iterator[CustomerFact]:
    for one in _newest(reader, "customers", is_revealed=True):
        first, last, email, phone = (_text(one.get(name)) for name in NAMES)
        is_out = (one.get("preferences") or {}).get("email_unsubscribed") is True
        yield CustomerFact(one["id"], first, last, email, phone, "denied" if is_out else "unknown")


# What is owed


def _loyalty(reader: SnapshotReader) -> Iterator[BalanceFact]:
    moved: Counter[str] = Counter()
    seen: set[bytes] = set()
    for event in _records(reader, "loyalty_events"):
        ident = str(event["id"]).encode()
        if ident in seen:
            continue
        seen.add(ident)
        moved[event["loyalty_account_id"]] += _points(event)
    seen.clear()
    for account in _newest(reader, "loyalty_accounts"):
        key = account["id"]
        holder = _text(account.get("customer_id"))
        yield BalanceFact("loyalty", key, "points", int(account.get("balance") or 0), holder, moved.get(key))


def _points(event: Record) -> int:
    where, sign = EVENTS.get(event.get("type") or "", ("", 0))
    points = int((event.get(where) or {}).get("points") or 0)
    return sign * abs(points) if sign else points


def _rewards(reader: SnapshotReader) -> Iterator[RewardFact]:
    for reward in _newest(reader, "loyalty_rewards"):
        if reward.get("status") == "ISSUED":
            points = reward.get("points")
            yield RewardFact(reward["id"], reward["loyalty_account_id"], None if points is None else int(points))


class _Step(NamedTuple):
    """One entry of a card's ledger; ``amount`` None: whatever was there is gone."""

    at: int
    amount: int | None
    after: int | None


def _gift_cards(reader: SnapshotReader, currency: str) -> Iterator[BalanceFact]:
    moved: Counter[str] = Counter()
    cleared: set[str] = set()
    for step_of, step in _steps(reader):
        if step.amount is None:
            cleared.add(step_of)
        moved[step_of] += step.amount or 0
    steps: dict[str, list[_Step]] = defaultdict(list)
    if cleared:
        for step_of, step in _steps(reader):
            if step_of in cleared:
                steps[step_of].append(step)
    for card in _newest(reader, "gift_cards"):
        key, money = card["id"], card.get("balance_money") or {}
        activity = moved.get(key)
        if key in steps:
            activity = _sum_with_clearings(sorted(steps[key], key=lambda step: step.at))
        holders = card.get("customer_ids") or ()
        yield BalanceFact(
            "gift_cards",
            key,
            money.get("currency") or currency,
            _amount(money) or 0,
            holders[0] if holders else None,
            activity,
            card.get("state") == "ACTIVE",
        )


def _steps(reader: SnapshotReader) -> Iterator[tuple[str, _Step]]:
    """Entries of all cards, each once, with what they did to the balance."""
    seen: set[bytes] = set()
    for one in _records(reader, "gift_card_activities"):
        ident = str(one["id"]).encode()
        if ident in seen or not one.get("gift_card_id"):
            continue
        seen.add(ident)
        kind = one.get("type") or ""
        details = one.get(f"{kind.lower()}_activity_details") or {}
        amount: int | None = _amount(details.get("amount_money")) or 0
        if kind in CLEARS:
            amount = None
        elif kind in TAKES:
            is_done = kind != "REDEEM" or details.get("status", "COMPLETED") == "COMPLETED"
            amount = -(amount or 0) if is_done else 0
        elif kind not in ADDS:
            amount = 0
        yield one["gift_card_id"], _Step(_ms(one["created_at"]), amount, _amount(one.get("gift_card_balance_money")))


def _sum_with_clearings(steps: Iterable[_Step]) -> int:
    """A clearing takes what the entry before it left; before the first entry nothing is known to have been there."""
    total, before = 0, 0
    for step in steps:
        amount = -before if step.amount is None else step.amount
        total += amount
        before = before + amount if step.after is None else step.after
    return total


# The team


def _team(reader: SnapshotReader) -> Iterator[StaffFact | WageFact]:
    titles = {job["id"]: _text(job.get("title")) or "" for job in _newest(reader, "jobs")}
    told: set[str] = set()
    for member in _newest(reader, "team", is_revealed=True):
        key = member["id"]
        name = " ".join(filter(None, (_text(member.get("given_name")), _text(member.get("family_name")))))
        yield StaffFact(key, name, member.get("status") == "ACTIVE")
        setting = member.get("wage_setting")
        if setting is None:
            continue
        told.add(key)
        for held in setting.get("job_assignments") or ():
            title = _text(held.get("job_title")) or titles.get(held.get("job_id") or "", "")
            rate = _amount(held.get("hourly_rate")) if held.get("pay_type") == "HOURLY" else None
            yield WageFact(key, title, rate)
    for wage in _newest(reader, "wages", is_revealed=True):
        if wage["team_member_id"] not in told:
            title = _text(wage.get("title")) or titles.get(wage.get("job_id") or "", "")
            yield WageFact(wage["team_member_id"], title, _amount(wage.get("hourly_rate")))


def _timecards(reader: SnapshotReader, location: str) -> Iterator[TimecardFact]:
    for card in _newest(reader, "timecards"):
        if card.get("location_id") != location:
            continue
        unpaid = sum(
            _ms(rest["end_at"]) - _ms(rest["start_at"])
            for rest in card.get("breaks") or ()
            if rest.get("is_paid") is False and rest.get("end_at")
        )
        end = _text(card.get("end_at"))
        yield TimecardFact(
            f"{location}/{card['id']}",
            _text(card.get("team_member_id")),
            _ms(card["start_at"]),
            _ms(end) if end else None,
            _amount(card.get("declared_cash_tip_money")),
            unpaid // 60_000,
        )
