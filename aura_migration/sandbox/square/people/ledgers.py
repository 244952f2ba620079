"""How balances come about: what each loyalty event and gift-card activity does to a balance. Pure, no ids of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aura_migration.sandbox.square.people.model import Activity, LoyaltyEvent, Reward, Tier

ADDING = frozenset(
    ("ACTIVATE", "LOAD", "ADJUST_INCREMENT", "REFUND", "UNLINKED_ACTIVITY_REFUND", "IMPORT", "TRANSFER_BALANCE_TO")
)
TAKING = frozenset(("REDEEM", "ADJUST_DECREMENT", "TRANSFER_BALANCE_FROM"))
EMPTYING = frozenset(("CLEAR_BALANCE", "IMPORT_REVERSAL"))
UNMOVED = frozenset(("DEACTIVATE", "BLOCK", "UNBLOCK"))
ACTIVITY_KINDS = (*ADDING, *TAKING, *EMPTYING, *UNMOVED)
EVENT_KINDS = frozenset(
    (
        "ACCUMULATE_POINTS",
        "ACCUMULATE_PROMOTION_POINTS",
        "CREATE_REWARD",
        "REDEEM_REWARD",
        "DELETE_REWARD",
        "ADJUST_POINTS",
        "EXPIRE_POINTS",
        "OTHER",
    )
)
NewId = Callable[[str, int], str]


@dataclass(frozen=True)
class Step:
    """One thing that happens to an account or a card. `value`: points or cents; `fields`: what else the entry says."""

    kind: str
    value: int = 0
    at: int = 0
    tier: Tier | None = None
    fields: tuple[tuple[str, Any], ...] = ()


@dataclass(slots=True)
class Points:
    """The ledger of one loyalty account."""

    events: list[LoyaltyEvent]
    rewards: list[Reward]
    balance: int = 0
    lifetime: int = 0


def points_ledger(account_id: str, steps: Sequence[Step], new_id: NewId) -> Points:
    """Events, rewards and balance of an account.

    Steps: EARN, PROMO, ADJUST, OTHER (signed), EXPIRE (positive), and REWARD, REWARD_REDEEMED, REWARD_DELETED of a tier,
    which take the tier's points when the reward is made, whatever becomes of it; deleting it returns them.
    `new_id(kind, number)` names the entries.
    """
    held = Points([], [])

    def event(kind: str, points: int, at: int, **fields: Any) -> None:
        name = new_id("event", len(held.events))
        held.events.append(LoyaltyEvent(name, kind, at, account_id, points, **fields))
        held.balance += points

    for step in steps:
        fields = dict(step.fields)
        if step.kind in ("EARN", "PROMO"):
            kind = "ACCUMULATE_POINTS" if step.kind == "EARN" else "ACCUMULATE_PROMOTION_POINTS"
            event(kind, step.value, step.at, **fields)
            held.lifetime += step.value
        elif step.kind in ("ADJUST", "OTHER"):
            event("ADJUST_POINTS" if step.kind == "ADJUST" else "OTHER", step.value, step.at, **fields)
            held.lifetime += max(step.value, 0)
        elif step.kind == "EXPIRE":
            event("EXPIRE_POINTS", -step.value, step.at, **fields)
        elif step.kind in ("REWARD", "REWARD_REDEEMED", "REWARD_DELETED"):
            _reward(held, step, account_id, new_id, event, fields)
        else:
            raise ValueError(f"square people: a loyalty account has no step {step.kind!r}")
    return held


def _reward(
    held: Points, step: Step, account_id: str, new_id: NewId, event: Callable[..., None], fields: dict[str, Any]
) -> None:
    """A reward and what became of it a while (`later`, milliseconds) after it was made."""
    tier = step.tier
    if tier is None:
        raise ValueError("square people: a reward needs its tier")
    later = step.at + int(fields.pop("later", 600_000))
    order_id = fields.pop("order_id", None)
    reward_id = new_id("reward", len(held.rewards))
    # The reward and the order are named in the ledger only where another application or the Orders API did it.
    named = {"reward_id": reward_id} if fields.get("source") == "LOYALTY_API" else {}
    status = {"REWARD": "ISSUED", "REWARD_REDEEMED": "REDEEMED", "REWARD_DELETED": "DELETED"}[step.kind]
    reward = Reward(reward_id, account_id, tier.id, tier.points, status, step.at, step.at, order_id=order_id)
    held.rewards.append(reward)
    event("CREATE_REWARD", -tier.points, step.at, **fields, **named)
    if status == "REDEEMED":
        reward.updated = reward.redeemed = later
        event("REDEEM_REWARD", 0, later, **fields, **named, **({"order_id": order_id} if named and order_id else {}))
    elif status == "DELETED":
        reward.updated = later
        event("DELETE_REWARD", tier.points, later, **fields, **named)


def deadlines(balance: int, shares: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Expiry deadlines of a balance from (weight, stamp): they sum to it; none for nothing or less."""
    if balance <= 0 or not shares:
        return []
    total = sum(weight for weight, _ in shares)
    found = [(balance * weight // total, stamp) for weight, stamp in shares]
    found[-1] = (balance - sum(points for points, _ in found[:-1]), found[-1][1])
    return [(points, stamp) for points, stamp in found if points]


def effect(kind: str, cents: int, balance: int, status: str | None = None) -> int:
    """What an activity does to a balance, in cents. Raises for a kind that does not exist."""
    if kind in ADDING:
        return cents
    if kind in TAKING:
        return -cents if status in (None, "COMPLETED") else 0
    if kind in EMPTYING:
        return -balance
    if kind in UNMOVED:
        return 0
    raise ValueError(f"square people: a gift card has no activity {kind!r}")


def card_ledger(
    card_id: str, gan: str, location_id: str, steps: Sequence[Step], new_id: NewId
) -> tuple[list[Activity], int]:
    """Activities of a card and the balance they end at; a balance never goes below zero."""
    found: list[Activity] = []
    balance = 0
    for step in steps:
        fields = dict(step.fields)
        status = fields.get("status", "COMPLETED" if step.kind == "REDEEM" else None)
        cents: int | None = None if step.kind in UNMOVED or step.kind == "CLEAR_BALANCE" else step.value
        if step.kind == "IMPORT_REVERSAL":
            cents = balance
        balance += effect(step.kind, step.value, balance, status)
        if balance < 0:
            raise ValueError(f"square people: {step.kind} of {step.value} cents overdraws gift card {card_id}")
        at = fields.pop("location_id", location_id)
        fields["status"] = status
        name = new_id("activity", len(found))
        found.append(Activity(name, step.kind, step.at, card_id, gan, at, cents, balance, **fields))
    return found, balance
