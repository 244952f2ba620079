"""What `diner` owes its guests: loyalty accounts of every state and gift cards of every kind of activity."""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.square.people.ledgers import Step
from aura_migration.sandbox.square.people.model import AccrualRule, Customer
from aura_migration.sandbox.square.people.ordinary import Guests
from aura_migration.sandbox.square.people.pen import DAY, Pen, at

REGULARS = 150
PLAIN_CARDS = 34


def loyalty(pen: Pen, guests: Guests, ordinary: list[Customer], merged: Customer) -> None:
    """Program, promotions, ordinary accounts, and one of each odd kind."""
    burgers, sides = pen.category_id("Burgers"), pen.category_id("Sides")
    coffee = next(item for item in pen.world.items() if not item.deleted and item.variations)
    tiers = [
        pen.tier(30, "Free side", "100", [sides]),
        pen.tier(75, "15% off a burger", "15", [burgers], later="25"),
        pen.tier(150, "Free burger", "100", [burgers], later="gone"),
        pen.tier(400, "Dinner for two", "50"),
    ]
    rules = [
        AccrualRule("ITEM_VARIATION", 5, object_id=coffee.variations[0].id),
        AccrualRule("CATEGORY", 2, object_id=burgers),
        AccrualRule("SPEND", 1, cents=800, before_tax=False, excluded_variations=[coffee.variations[0].id]),
    ]
    pen.program(tiers, rules, one="Star", other="Stars ⭐", expires_months=18)
    running = pen.promotion("Late night double", "ACTIVE", "2026-02-01", multiplier="2.0", times=3, interval="DAY")
    pen.promotion("Opening bonus", "ENDED", "2024-04-01", end="2024-04-30", addition=10, minimum_cents=1500)
    pen.promotion("Never happened", "CANCELED", "2025-05-05", multiplier="3.5", canceled=at(2025, 5, 6))
    pen.promotion("Holiday stars", "SCHEDULED", "2026-12-20", addition=25, category_ids=[burgers])

    with_phone = [customer for customer in ordinary if customer.e164]
    for customer in with_phone[:REGULARS]:
        guests.regular(customer, [running])
    rest = iter(with_phone[REGULARS:])
    place = (("location_id", pen.places[0].id),)
    first = at(2026, 1, 10)
    first_visit = Step("EARN", 40, first, fields=place)
    void = (("reason", "Order was refunded"),)

    def account(customer: Customer, *steps: Step, **fields: Any) -> None:
        pen.account(customer.e164 or guests.phone(), steps, customer, **fields)

    account(next(rest), first_visit, Step("ADJUST", -55, first + DAY, fields=void))
    account(next(rest), Step("ADJUST", -7, first, fields=void))
    account(next(rest), first_visit, Step("REWARD", 0, first + DAY, tiers[0]), Step("ADJUST", -35, first + 2 * DAY))
    account(next(rest), first_visit, Step("OTHER", 12, first + DAY), Step("OTHER", -4, first + 2 * DAY))
    account(next(rest), first_visit, Step("EXPIRE", 40, first + 200 * DAY))
    account(next(rest))
    account(next(rest), balance=260, lifetime=260, shares=[(2, at(2026, 12, 1, 6)), (1, at(2027, 6, 1, 5))])
    big = [Step("EARN", 400, first), Step("EARN", 1, first + DAY), Step("REWARD", 0, first + 2 * DAY, tiers[3])]
    account(next(rest), *big, shares=[(1, at(2027, 8, 1, 5))])
    twice = [Step("EARN", 200, first), Step("REWARD", 0, first + DAY, tiers[1])]
    account(next(rest), *twice, Step("REWARD", 0, first + 3 * DAY, tiers[1]))
    api = (("source", "LOYALTY_API"), ("order_id", pen.token("order", "api", 28)), ("later", 7_200_000))
    account(next(rest), Step("EARN", 160, first), Step("REWARD_DELETED", 0, first + DAY, tiers[2], api))
    account(next(rest), Step("EARN", 160, first), Step("REWARD_REDEEMED", 0, first + DAY, tiers[2], api))
    # The account's number is not the one on the profile; a merged profile with both accounts it came with.
    pen.account(guests.phone(), [first_visit], ordinary[2])
    pen.account(merged.e164 or "", [first_visit], merged)
    pen.account(guests.phone(), [Step("EARN", 15, first + DAY)], merged)
    # Accounts whose customer was deleted: one still names it, one names nobody.
    gone = next(held for held in pen.people.gone.values() if held.into is None)
    pen.account(guests.phone(), [first_visit], gone.id)
    pen.account(guests.phone(), [Step("EARN", 88, first + 5 * DAY)], None, enrolled=None)


def gift_cards(pen: Pen, guests: Guests, ordinary: list[Customer]) -> None:
    """Ordinary cards, and one for each thing that can happen to a card."""
    for number in range(PLAIN_CARDS):
        guests.gift_card(f"card {number}", ordinary[number] if number % 3 == 0 else None)
    begun = at(2025, 12, 20, 17)
    back, chargeback = (("reason", "CHARGEBACK_BLOCK"),), (("reason", "CHARGEBACK_UNBLOCK"),)
    pay = (("payment_id", pen.token("payment", "redeem", 28)),)
    sold = Step("ACTIVATE", 5000, begun, fields=(("order_id", pen.token("order", "sale", 28)),))

    def card(name: str, *steps: Step, **fields: Any) -> str:
        return pen.gift_card(name, steps, **fields).id

    card("two owners", sold, customer_ids=[ordinary[3].id, ordinary[4].id])
    card("waiting", state="PENDING")
    card("waiting physical", state="PENDING", kind="PHYSICAL", created=at(2024, 8, 8))
    card("blocked", sold, Step("BLOCK", 0, begun + 9 * DAY, fields=back), state="BLOCKED")
    unblocked = Step("UNBLOCK", 0, begun + 12 * DAY, fields=chargeback)
    card("unblocked", sold, Step("BLOCK", 0, begun + 9 * DAY, fields=back), unblocked)
    why = (("reason", "SUSPICIOUS_ACTIVITY"),)
    card("deactivated with money", sold, Step("DEACTIVATE", 0, begun + DAY, fields=why), state="DEACTIVATED")
    empty = Step("CLEAR_BALANCE", 0, begun + DAY, fields=(("reason", "REUSE_GIFTCARD"),))
    end = Step("DEACTIVATE", 0, begun + 2 * DAY, fields=(("reason", "UNKNOWN_REASON"),))
    card("cleared and deactivated", sold, empty, end, state="DEACTIVATED")
    card("cleared and reloaded", sold, empty, Step("LOAD", 1250, begun + 3 * DAY))
    card("hanging", sold, Step("REDEEM", 1800, begun + 40 * DAY, fields=(*pay, ("status", "PENDING"))))
    canceled = Step("REDEEM", 5000, begun + DAY, fields=(*pay, ("status", "CANCELED")))
    card("canceled", sold, canceled, Step("REDEEM", 2250, begun + 2 * DAY, fields=pay))
    card("spent", sold, Step("REDEEM", 5000, begun + 2 * DAY, fields=pay))
    gift, wrong = (("reason", "COMPLIMENTARY"),), (("reason", "BALANCE_ACCIDENTALLY_INCREASED"),)
    up = Step("ADJUST_INCREMENT", 700, begun + DAY, fields=gift)
    card("adjusted", sold, up, Step("ADJUST_DECREMENT", 200, begun + 2 * DAY, fields=wrong))
    loose = Step("UNLINKED_ACTIVITY_REFUND", 333, begun + 4 * DAY, fields=pay)
    card("refunded loosely", sold, loose)
    refunded = card(
        "refunded", sold, Step("REDEEM", 3000, begun + DAY, fields=pay), Step("REFUND", 1000, begun + 3 * DAY)
    )
    held = [pen.people.activities.row(slot) for slot in pen.people.activities_of(refunded)]
    held[2].redeem_id = held[1].id
    card(
        "imported", Step("IMPORT", 4200, at(2024, 3, 5)), source="OTHER", gan="BEAN-" + pen.token("gan", "imported", 8)
    )
    undone = Step("IMPORT_REVERSAL", 0, at(2024, 3, 7))
    card("import undone", Step("IMPORT", 900, at(2024, 3, 5)), undone, source="OTHER", kind="PHYSICAL")
    giver = card("moved from", sold)
    taker = card("moved to", Step("ACTIVATE", 1000, begun))
    transfer(pen, giver, taker, 5000, begun + 30 * DAY)
    old = Step("ACTIVATE", 10_000, at(2024, 5, 1))
    card("forgotten", old, kind="PHYSICAL")
    card("used long ago", old, Step("REDEEM", 9_999, at(2024, 6, 1), fields=pay), kind="PHYSICAL")


def transfer(pen: Pen, giver: str, taker: str, cents: int, moment: int) -> None:
    """Move money from one card to another, each with its activity."""
    for card_id, other, kind, change in (
        (giver, taker, "TRANSFER_BALANCE_FROM", -cents),
        (taker, giver, "TRANSFER_BALANCE_TO", cents),
    ):
        pen.move_money(card_id, kind, cents, change, moment, other_card_id=other)
