"""The known truth about the people of a Square account, from the scenario's own knowledge and never from its JSON.

Parts are generators, so that a crowd can be told row by row; `people_truth` puts them into the document of `/truth`.

Consent: `answer` is "no" where the profile is unsubscribed from marketing e-mail, "unknown" everywhere else; Square never
states a yes, and nothing at all about SMS or sharing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from aura_migration.sandbox.square.people.model import Customer, GiftCard, TeamMember, Timecard
from aura_migration.sandbox.square.people.store import People

Row = dict[str, Any]
SHORTEST_PERSONAL = 7


def moment(stamp: int | None) -> str | None:
    """A stamp as RFC 3339 in UTC, to the millisecond."""
    if stamp is None:
        return None
    return datetime.fromtimestamp(stamp // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{stamp % 1000:03d}Z"


def _name(given: str | None, family: str | None) -> str | None:
    return f"{given or ''} {family or ''}".strip() or None


class PeopleTruth:
    """Each part of the truth about one account's people."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.parts: dict[str, Callable[[], Iterator[Any]]] = {
            "customers": self.customers,
            "gone_customers": self.gone_customers,
            "consents": self.consents,
            "customer_groups": self.customer_groups,
            "cards_on_file": self.cards_on_file,
            "loyalty_accounts": self.loyalty_accounts,
            "loyalty_events": self.loyalty_events,
            "loyalty_rewards": self.loyalty_rewards,
            "gift_cards": self.gift_cards,
            "gift_card_activities": self.gift_card_activities,
            "staff": self.staff,
            "jobs": self.jobs,
            "wages": self.wages,
            "break_types": self.break_types,
            "timecards": self.timecards,
            "scheduled_shifts": self.scheduled_shifts,
            "secrets": self.secrets,
            "personal": self.personal,
        }

    # -- guests ----------------------------------------------------------------------------------------------------

    def customers(self) -> Iterator[Row]:
        """Profiles that exist; `listed` False = instant profiles, which list and search hide. `e164`: the number the
        phone means, null where it means none."""
        for held in self._people.customers:
            yield {
                "id": held.id,
                "listed": held.listed,
                "given_name": held.given,
                "family_name": held.family,
                "nickname": held.nickname,
                "company": held.company,
                "email": held.email,
                "phone": held.phone,
                "e164": held.e164,
                "birthday": held.birthday,
                "address": held.address,
                "note": held.note,
                "reference_id": held.reference_id,
                "source": held.source,
                "groups": list(held.group_ids),
                "segments": sorted(set(held.segment_ids)),
                "attributes": {name: held.attributes[name] for name in self._shown(held)},
                "email_unsubscribed": held.unsubscribed,
                "version": held.version,
                "created_at": moment(held.created),
                "updated_at": moment(held.updated),
            }

    def _shown(self, held: Customer) -> list[str]:
        return [one.key for one in self._people.definitions if not one.hidden and one.key in held.attributes]

    def gone_customers(self) -> Iterator[Row]:
        """Profiles that were deleted (`into` null) or merged into another."""
        for held in self._people.gone.values():
            yield {"id": held.id, "at": moment(held.stamp), "into": held.into}

    def consents(self) -> Iterator[Row]:
        """What the POS states of each profile's consent to marketing e-mail."""
        for held in self._people.customers:
            said = held.unsubscribed
            yield {
                "customer": held.id,
                "purpose": "email_marketing",
                "answer": "no" if said else "unknown",
                "stated": None if said is None else f"email_unsubscribed={'true' if said else 'false'}",
            }

    def customer_groups(self) -> Iterator[Row]:
        """The seller's groups."""
        for held in self._people.groups:
            yield {"id": held.id, "name": held.name}

    def cards_on_file(self) -> Iterator[Row]:
        """Which customers had a card on file; it cannot be moved."""
        for held in self._people.cards_on_file:
            yield {"id": held.id, "customer": held.customer_id, "enabled": held.enabled}

    # -- loyalty ---------------------------------------------------------------------------------------------------

    def program(self) -> Row | None:
        """The program; None where there is none. Pairs of tiers and what they give."""
        held = self._people.program
        if held is None:
            return None
        return {
            "id": held.id,
            "status": held.status,
            "terminology": {"one": held.one, "other": held.other},
            "locations": list(held.location_ids),
            "expires_months": held.expires_months,
            "rules": [
                {"type": rule.kind, "points": rule.points, "cents": rule.cents, "object": rule.object_id}
                for rule in held.rules
            ],
            "tiers": [
                {
                    "id": tier.id,
                    "name": tier.name,
                    "points": tier.points,
                    "discount": tier.discount,
                    "pricing_rule": tier.rule_id,
                    "catalog_version": tier.catalog_version,
                }
                for tier in held.tiers
            ],
            "promotions": [{"id": row.id, "name": row.name, "status": row.status} for row in self._people.promotions],
        }

    def loyalty_accounts(self) -> Iterator[Row]:
        """Accounts with their balance; `events_explain_balance` False: the ledger does not add up to it, as given."""
        for held in self._people.accounts:
            yield {
                "id": held.id,
                "customer": held.customer_id,
                "e164": held.e164,
                "balance": held.balance,
                "lifetime_points": held.lifetime,
                "deadlines": [{"points": points, "expires_at": moment(stamp)} for points, stamp in held.deadlines],
                "events_explain_balance": held.explained,
            }

    def loyalty_events(self) -> Iterator[Row]:
        """The ledger; `points` as each entry moved the balance."""
        for held in self._people.events:
            yield {"id": held.id, "account": held.account_id, "type": held.kind, "points": held.points}

    def loyalty_rewards(self) -> Iterator[Row]:
        """Rewards of every status; an ISSUED one holds points that left the balance."""
        for held in self._people.rewards:
            yield {
                "id": held.id,
                "account": held.account_id,
                "tier": held.tier_id,
                "points": held.points,
                "status": held.status,
            }

    # -- gift cards ------------------------------------------------------------------------------------------------

    def gift_cards(self) -> Iterator[Row]:
        """Cards with their balance in cents."""
        for held in self._people.gift_cards:
            yield self._card(held)

    def _card(self, held: GiftCard) -> Row:
        return {
            "id": held.id,
            "gan": held.gan,
            "last_four": held.gan[-4:],
            "type": held.kind,
            "gan_source": held.source,
            "state": held.state,
            "cents": held.balance,
            "customers": list(held.customer_ids),
            "created_at": moment(held.created),
        }

    def gift_card_activities(self) -> Iterator[Row]:
        """Activities; `balance_cents` is the balance after each."""
        for held in self._people.activities:
            yield {
                "id": held.id,
                "card": held.card_id,
                "type": held.kind,
                "status": held.status,
                "location": held.location_id,
                "cents": held.cents,
                "balance_cents": held.balance,
                "at": moment(held.created),
            }

    # -- staff -----------------------------------------------------------------------------------------------------

    def staff(self) -> Iterator[Row]:
        """Everyone; `locations` null = all of them, now and later."""
        for held in self._people.team:
            yield {
                "id": held.id,
                "given_name": held.given,
                "family_name": held.family,
                "email": held.email,
                "phone": held.phone,
                "reference_id": held.reference_id,
                "active": held.active,
                "owner": held.owner,
                "locations": None if held.location_ids is None else list(held.location_ids),
                "locations_sent": held.location_ids is not None and held.explicit_list,
                "jobs": [one.job.id for one in held.assignments or []],
            }

    def jobs(self) -> Iterator[Row]:
        """Jobs."""
        for held in self._people.jobs.values():
            yield {"id": held.id, "title": held.title, "tip_eligible": held.tips}

    def wages(self) -> Iterator[Row]:
        """One row for each job of each person, in the order of the wage setting (first = primary)."""
        for member in self._people.team:
            yield from self._wages(member)

    def _wages(self, member: TeamMember) -> Iterator[Row]:
        for held in member.assignments or []:
            yield {
                "id": held.wage_id,
                "team_member": member.id,
                "job": held.job.id,
                "title": held.job.title,
                "pay": held.pay,
                "hourly_cents": held.hourly_cents,
                "annual_cents": held.annual,
                "weekly_hours": held.weekly_hours,
                "tip_eligible": held.job.tips,
                "overtime_exempt": member.overtime_exempt,
            }

    def break_types(self) -> Iterator[Row]:
        """Kinds of breaks by location."""
        for held in self._people.break_types.values():
            row = {"id": held.id, "location": held.location_id, "name": held.name}
            yield {**row, "minutes": held.minutes, "paid": held.paid}

    def timecards(self) -> Iterator[Row]:
        """Shifts worked; `paid_minutes` without unpaid breaks, null while OPEN."""
        for held in self._people.timecards:
            yield {
                "id": held.id,
                "team_member": held.member_id,
                "location": held.location_id,
                "timezone": held.zone,
                "start": moment(held.start // 60_000 * 60_000),
                "end": None if held.end is None else moment(held.end // 60_000 * 60_000),
                "status": "CLOSED" if held.closed else "OPEN",
                "title": held.title,
                "job": held.job_id,
                "hourly_cents": held.hourly,
                "tip_eligible": held.tip_eligible,
                "declared_tip_cents": held.tips,
                "paid_minutes": paid_minutes(held),
                "breaks": [
                    {
                        "id": one.id,
                        "type": one.kind.id,
                        "start": moment(one.start // 60_000 * 60_000),
                        "end": None if one.end is None else moment(one.end // 60_000 * 60_000),
                        "paid": one.kind.paid,
                    }
                    for one in held.breaks
                ],
            }

    def scheduled_shifts(self) -> Iterator[Row]:
        """Planned shifts, drafts and deleted ones too."""
        for held in self._people.planned:
            yield {
                "id": held.id,
                "team_member": held.member_id,
                "location": held.location_id,
                "start": moment(held.start),
                "end": moment(held.end),
                "published": held.published,
                "deleted": held.deleted,
            }

    # -- what must stay inside -------------------------------------------------------------------------------------

    def secrets(self) -> Iterator[str]:
        """Values that must never be stored in the open: gift-card numbers, card fingerprints, tax ids, PINs in notes."""
        people = self._people
        yield from people.former_secrets
        for customer in people.customers:
            yield from customer.sensitive
            if customer.eu_vat:
                yield customer.eu_vat
        yield from (card.fingerprint for card in people.cards_on_file)
        yield from (card.gan for card in people.gift_cards)
        for shift in people.planned:
            yield from shift.sensitive

    def personal(self) -> Iterator[str]:
        """Values that are personal data, as sent, of guests and staff: for the store, not for logs or reports. Those of
        deleted customers are among them; those too short to be looked for in a text are not."""
        yield from (value for value in self._personal() if len(value) >= SHORTEST_PERSONAL)

    def _personal(self) -> Iterator[str]:
        people = self._people
        yield from people.former_personal
        for customer in people.customers:
            yield from personal_of(customer)
        yield from (account.e164 for account in people.accounts)
        yield from (card.holder for card in people.cards_on_file if card.holder)
        for member in people.team:
            yield from filter(None, (_name(member.given, member.family), member.email, member.phone))

    # -- sums ------------------------------------------------------------------------------------------------------

    def totals(self) -> Row:
        """Counts and sums of everything, told in one pass."""
        people = self._people
        states: Counter[str] = Counter()
        cents: Counter[str] = Counter()
        for card in people.gift_cards:
            states[card.state] += 1
            cents[card.state] += card.balance
        rewards = [row for row in people.rewards if row.status == "ISSUED"]
        listed = unsubscribed = 0
        for customer in people.customers:
            listed += customer.listed
            unsubscribed += customer.unsubscribed is True
        balances = negative = 0
        for account in people.accounts:
            balances += account.balance
            negative += account.balance < 0
        members = list(people.team)
        cards = list(people.timecards)
        return {
            "customers": len(people.customers),
            "listed_customers": listed,
            "instant_profiles": len(people.customers) - listed,
            "gone_customers": len(people.gone),
            "email_unsubscribed": unsubscribed,
            "loyalty_accounts": len(people.accounts),
            "loyalty_points": balances,
            "negative_accounts": negative,
            "open_rewards": len(rewards),
            "open_reward_points": sum(row.points for row in rewards),
            "gift_cards": len(people.gift_cards),
            "gift_card_cents": sum(cents.values()),
            "gift_cards_by_state": dict(sorted(states.items())),
            "gift_card_cents_by_state": dict(sorted(cents.items())),
            "staff": len(members),
            "active_staff": sum(member.active for member in members),
            "jobs": len(people.jobs),
            "wages": sum(len(member.assignments or []) for member in members),
            "timecards": len(cards),
            "open_timecards": sum(not card.closed for card in cards),
            "declared_tip_cents": sum(card.tips or 0 for card in cards),
            "paid_minutes": sum(paid_minutes(card) or 0 for card in cards),
        }


def personal_of(customer: Customer) -> Iterator[str]:
    """What identifies a customer, as sent."""
    street = (customer.address or {}).get("address_line_1")
    name = _name(customer.given, customer.family) if customer.given and customer.family else None
    found = (name, customer.email, customer.phone, customer.e164, customer.birthday, street, customer.note)
    yield from (value for value in found if value)


def paid_minutes(card: Timecard) -> int | None:
    """Whole minutes between start and end without unpaid breaks."""
    if card.end is None:
        return None
    worked = card.end // 60_000 - card.start // 60_000
    unpaid = (one for one in card.breaks if not one.kind.paid and one.end is not None)
    return worked - sum((one.end or 0) // 60_000 - one.start // 60_000 for one in unpaid)


def people_truth(people: People, secrets: list[str]) -> Row:
    """All parts as lists, with sums under `people_totals`. `secrets`: those known already, of the sign-in."""
    told = PeopleTruth(people)
    document: Row = {name: list(rows()) for name, rows in told.parts.items()}
    document["secrets"] = list(dict.fromkeys([*secrets, *document["secrets"]]))
    document["personal"] = list(dict.fromkeys(document["personal"]))
    document["loyalty_program"] = told.program()
    document["same_person"] = list(people.same_person)
    document["shared_contact"] = list(people.shared_contact)
    document["people_totals"] = told.totals()
    return document
