"""People edits of the control surface: what guests and managers do while a migration is under way.

`{"op": "add_customer", "given_name"?, "family_name"?, "email"?, "phone"?, "unsubscribed"?, …}`,
`{"op": "edit_customer", "customer", …the same fields}`, `{"op": "merge_customers", "customers": [ids]}`,
`{"op": "delete_customer", "customer"}`, `{"op": "adjust_points", "account" | "customer", "points", "reason"?}`,
`{"op": "load_card" | "redeem_card", "card" (id or number), "cents", "location"?, "status"?}`,
`{"op": "hire", "given_name", "family_name"?, "job"?, "hourly_cents"?, "location"?}`,
`{"op": "clock_out", "timecard" | "team_member", "tip_cents"?}`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.ids import ALNUM, UPPER_ALNUM
from aura_migration.sandbox.square.people.ledgers import deadlines, effect
from aura_migration.sandbox.square.people.model import (
    Account,
    Activity,
    Assignment,
    Customer,
    GiftCard,
    Gone,
    LoyaltyEvent,
    TeamMember,
    Timecard,
)
from aura_migration.sandbox.square.people.store import People
from aura_migration.sandbox.square.people.truth import personal_of
from aura_migration.sandbox.square.world import World

FIELDS = {
    "given_name": "given",
    "family_name": "family",
    "nickname": "nickname",
    "company": "company",
    "email": "email",
    "phone": "phone",
    "birthday": "birthday",
    "note": "note",
    "reference_id": "reference_id",
}
HEX = "0123456789abcdef"


class PeopleEditor:
    """Carries edits out on the people of one account."""

    def __init__(self, world: World, switches: dict[str, Any]) -> None:
        self._world = world
        self._people: People = world.people
        self._switches = switches
        self._made = 0
        self.verbs: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "add_customer": self._add_customer,
            "edit_customer": self._edit_customer,
            "merge_customers": self._merge_customers,
            "delete_customer": self._delete_customer,
            "adjust_points": self._adjust_points,
            "load_card": lambda op: self._move_money(op, "LOAD"),
            "redeem_card": lambda op: self._move_money(op, "REDEEM"),
            "hire": self._hire,
            "clock_out": self._clock_out,
        }

    def run(self, op: dict[str, Any]) -> list[str]:
        """One edit; the ids of what it changed. Raises `ControlError`."""
        return self.verbs[op["op"]](op)

    def _next(self, kind: str, alphabet: str, length: int) -> str:
        self._made += 1
        return self._people.ids.token(f"people {kind}", f"edit {self._made}", alphabet, length)

    # -- customers -------------------------------------------------------------------------------------------------

    def _customer(self, customer_id: Any) -> Customer:
        held = self._people.customers.get(customer_id)
        if held is None:
            raise ControlError(f"there is no customer {customer_id!r}")
        return held

    def _fields(self, op: dict[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
        """What the edit says of a customer. An empty text takes a field away."""
        extra = set(op) - {"op", *known, *FIELDS, "unsubscribed", "e164"}
        if extra:
            raise ControlError(f"edit {op['op']!r} does not know {sorted(extra)[0]!r}; it knows {', '.join(FIELDS)}")
        found: dict[str, Any] = {}
        for name, attribute in FIELDS.items():
            if name in op:
                if not isinstance(op[name], str):
                    raise ControlError(f'"{name}" must be a text; "" takes it away')
                found[attribute] = op[name] or None
        if "unsubscribed" in op:
            if op["unsubscribed"] is not None and not isinstance(op["unsubscribed"], bool):
                raise ControlError('"unsubscribed" must be true, false or null')
            found["unsubscribed"] = op["unsubscribed"]
        if "phone" in op or "e164" in op:
            found["e164"] = op.get("e164") or _number(op.get("phone"))
        return found

    def _add_customer(self, op: dict[str, Any]) -> list[str]:
        fields = self._fields(op, ())
        stamp = self._people.next_stamp()
        customer = Customer(self._next("customer", UPPER_ALNUM, 26), stamp, stamp, **fields)
        self._people.customers.add(customer)
        self._people.wrote_customer(customer.id, None)
        return [customer.id]

    def _edit_customer(self, op: dict[str, Any]) -> list[str]:
        fields = self._fields(op, ("customer",))
        if not fields:
            raise ControlError(f'edit "edit_customer" needs at least one of: {", ".join([*FIELDS, "unsubscribed"])}')
        customer = self._customer(op.get("customer"))
        before = copy.deepcopy(customer)
        held = self._people.customers.edit(customer.id)
        assert held is not None
        for name, value in fields.items():
            setattr(held, name, value)
        held.version += 1
        held.updated = self._people.next_stamp()
        self._people.former_personal.extend(set(personal_of(before)) - set(personal_of(held)))
        self._people.wrote_customer(held.id, before)
        return [held.id]

    def _forget(self, customer: Customer, into: str | None) -> None:
        """Take a profile out; what it said stays known as personal data that must be nowhere."""
        people = self._people
        people.former_personal.extend(personal_of(customer))
        people.former_secrets.extend([*customer.sensitive, *filter(None, [customer.eu_vat])])
        people.customers.remove(customer.id)
        people.gone[customer.id] = Gone(customer.id, people.next_stamp(), into)

    def _merge_customers(self, op: dict[str, Any]) -> list[str]:
        """One new profile of several, which are gone; it keeps the first value of each field and the strictest answer
        about e-mail. Cards and, by switch, loyalty accounts follow."""
        ids = op.get("customers")
        if not isinstance(ids, list) or len(set(ids)) < 2:
            raise ControlError('edit "merge_customers" needs at least two different "customers"')
        held = [self._customer(customer_id) for customer_id in dict.fromkeys(ids)]
        people, stamp = self._people, self._people.next_stamp()

        def first(name: str) -> Any:
            return next((value for one in held if (value := getattr(one, name)) is not None), None)

        names = (*FIELDS.values(), "e164", "address", "eu_vat")
        merged = Customer(
            self._next("customer", UPPER_ALNUM, 26),
            stamp,
            stamp,
            source="MERGE",
            **{name: first(name) for name in names},
        )
        answers = [one.unsubscribed for one in held]
        merged.unsubscribed = True if True in answers else False if False in answers else None
        for one in held:
            merged.group_ids.extend(group for group in one.group_ids if group not in merged.group_ids)
            merged.segment_ids.extend(segment for segment in one.segment_ids if segment not in merged.segment_ids)
            merged.attributes = {**one.attributes, **merged.attributes}
            merged.sensitive.extend(one.sensitive)
        people.customers.add(merged)
        people.wrote_customer(merged.id, None)
        changed = [merged.id]
        for one in held:
            self._forget(one, merged.id)
            changed += [one.id, *self._hand_over(one.id, merged.id)]
        return changed

    def _hand_over(self, old: str, new: str) -> list[str]:
        """What belonged to one profile belongs to another."""
        people, changed = self._people, []
        if self._switches["merge_moves_loyalty"]:
            for account in [people.accounts.row(slot) for slot in people.accounts_of(old)]:
                held = people.accounts.edit(account.id)
                assert held is not None
                held.customer_id, held.updated = new, people.next_stamp()
                changed.append(held.id)
        for card in [people.gift_cards.row(slot) for slot in people.gift_cards_of(old)]:
            gift_card = people.gift_cards.edit(card.id)
            assert gift_card is not None
            links = [new if link == old else link for link in gift_card.customer_ids]
            gift_card.customer_ids = list(dict.fromkeys(links))
            changed.append(gift_card.id)
        for card_on_file in list(people.cards_on_file_of(old)):
            kept = people.cards_on_file.edit(card_on_file.id)
            assert kept is not None
            kept.customer_id = new
            changed.append(kept.id)
        return changed

    def _delete_customer(self, op: dict[str, Any]) -> list[str]:
        """The profile is gone for good. Loyalty accounts keep the id of nobody, gift cards lose the link, cards on file
        are disabled."""
        customer, people = self._customer(op.get("customer")), self._people
        self._forget(customer, None)
        changed = [customer.id]
        for card in [people.gift_cards.row(slot) for slot in people.gift_cards_of(customer.id)]:
            gift_card = people.gift_cards.edit(card.id)
            assert gift_card is not None
            gift_card.customer_ids = [link for link in gift_card.customer_ids if link != customer.id]
            changed.append(gift_card.id)
        for card_on_file in list(people.cards_on_file_of(customer.id)):
            kept = people.cards_on_file.edit(card_on_file.id)
            assert kept is not None
            kept.enabled, kept.disabled = False, people.next_stamp()
            changed.append(kept.id)
        return changed

    # -- what is owed ----------------------------------------------------------------------------------------------

    def _account(self, op: dict[str, Any]) -> Account:
        people = self._people
        if op.get("account"):
            found = [people.accounts.get(op["account"])]
        else:
            found = [people.accounts.row(slot) for slot in people.accounts_of(str(op.get("customer")))]
        if len(found) != 1 or found[0] is None:
            raise ControlError('edit "adjust_points" needs the "account", or a "customer" with exactly one')
        held = people.accounts.edit(found[0].id)
        assert held is not None
        return held

    def _adjust_points(self, op: dict[str, Any]) -> list[str]:
        points = op.get("points")
        if not isinstance(points, int) or isinstance(points, bool) or points == 0:
            raise ControlError('"points" must be a whole number other than 0')
        account, people = self._account(op), self._people
        stamp = people.next_stamp()
        event_id = people.ids.uuid("people event", f"edit {stamp} {self._next('event', HEX, 8)}")
        event = LoyaltyEvent(event_id, "ADJUST_POINTS", stamp, account.id, points, reason=op.get("reason"))
        people.events.add(event)
        shares = [(max(held, 1), when) for held, when in account.deadlines]
        account.balance += points
        account.lifetime += max(points, 0)
        account.deadlines = deadlines(account.balance, shares)
        account.updated = stamp
        return [account.id, event_id]

    def _gift_card(self, op: dict[str, Any]) -> GiftCard:
        name = str(op.get("card"))
        found = self._people.gift_cards.get(name) or self._people.gift_card_of_gan(name)
        if found is None:
            raise ControlError(f"there is no gift card {name!r}")
        return found

    def _move_money(self, op: dict[str, Any], kind: str) -> list[str]:
        cents, status = op.get("cents"), op.get("status", "COMPLETED")
        if not isinstance(cents, int) or isinstance(cents, bool) or cents <= 0:
            raise ControlError('"cents" must be a whole number of minor units, more than 0')
        if status not in ("PENDING", "COMPLETED", "CANCELED"):
            raise ControlError('"status" must be PENDING, COMPLETED or CANCELED')
        location_id = op.get("location") or self._world.merchant.main_location_id
        if location_id not in self._world.locations:
            raise ControlError(f"there is no location {location_id!r}")
        card = self._gift_card(op)
        if card.state != "ACTIVE":
            raise ControlError(f"gift card {card.id} is {card.state}; only an ACTIVE one can be loaded or redeemed")
        if kind == "REDEEM" and status != "CANCELED" and cents > card.balance:
            raise ControlError(f"gift card {card.id} holds {card.balance} cents, not {cents}")
        held = self._people.gift_cards.edit(card.id)
        assert held is not None
        held.balance += effect(kind, cents, held.balance, status)
        activity = Activity(
            id="gcact_" + self._next("activity", HEX, 32),
            kind=kind,
            created=self._people.next_stamp(),
            card_id=held.id,
            gan=held.gan,
            location_id=location_id,
            cents=cents,
            balance=held.balance,
            status=status if kind == "REDEEM" else None,
        )
        self._people.activities.add(activity)
        return [held.id, activity.id]

    # -- staff -----------------------------------------------------------------------------------------------------

    def _hire(self, op: dict[str, Any]) -> list[str]:
        given, rate = op.get("given_name"), op.get("hourly_cents", 1500)
        if not isinstance(given, str) or not given or not isinstance(rate, int):
            raise ControlError('edit "hire" needs a "given_name"; "hourly_cents" is a whole number')
        job = self._people.jobs.get(str(op["job"])) if op.get("job") else None
        if op.get("job") and job is None:
            raise ControlError(f"there is no job {op['job']!r}")
        location_id = op.get("location")
        if location_id is not None and location_id not in self._world.locations:
            raise ControlError(f"there is no location {location_id!r}")
        stamp = self._people.next_stamp()
        wage = [Assignment(self._next("wage", ALNUM, 24), job, "HOURLY", hourly=rate)] if job is not None else None
        member = TeamMember(
            id="TM" + self._next("team", ALNUM, 14),
            given=given,
            family=op.get("family_name"),
            created=stamp,
            updated=stamp,
            email=op.get("email"),
            location_ids=[location_id] if location_id else None,
            assignments=wage,
        )
        self._people.team.add(member)
        return [member.id]

    def _clock_out(self, op: dict[str, Any]) -> list[str]:
        """End an open shift at POS time, or one minute after its start if that is later."""
        tips = op.get("tip_cents")
        if tips is not None and (not isinstance(tips, int) or isinstance(tips, bool) or tips < 0):
            raise ControlError('"tip_cents" must be a whole number of minor units, 0 or more')
        card = self._open_timecard(op)
        now, stamp = int(self._world.clock.now().timestamp()), self._people.next_stamp()
        card.end = max(now // 60 * 60_000, card.start + 60_000)
        for one in card.breaks:
            one.end = card.end if one.end is None else one.end
        card.tips = card.tips if tips is None else tips
        card.updated, card.version = stamp, card.version + 1
        return [card.id]

    def _open_timecard(self, op: dict[str, Any]) -> Timecard:
        wanted = (op.get("timecard"), op.get("team_member"))
        found = [
            card
            for card in self._people.timecards
            if not card.closed and (card.id == wanted[0] or card.member_id == wanted[1])
        ]
        if len(found) != 1:
            raise ControlError('edit "clock_out" needs the "timecard", or the "team_member", of one open timecard')
        held = self._people.timecards.edit(found[0].id)
        assert held is not None
        return held


def _number(phone: Any) -> str | None:
    """The number a typed phone means, where it is one of this country's or written with a plus."""
    kept = "".join(letter for letter in str(phone or "") if letter in "+0123456789")
    if kept.startswith("+") and 9 <= len(kept) <= 16:
        return kept
    if len(kept) == 10:
        return f"+1{kept}"
    return f"+{kept}" if len(kept) == 11 and kept.startswith("1") else None
