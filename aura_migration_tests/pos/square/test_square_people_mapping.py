"""What becomes of people's records, from documents written by hand: the peculiarities of Square's reference."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from aura_migration.archive.snapshot import Certificate
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square.people import packs
from aura_migration.pos.square.people.stored import day
from aura_migration_tests.pos.square.square_people_support import Mapped, Sealed, mapped

HERE = SourceLocation("LAURA00000001", "Harbor St", "America/Chicago", "USD", closeout="04:00")
CREATED = "2025-01-02T03:04:05Z"


def people(certificates: tuple[Certificate, ...] = (), at: SourceLocation = HERE, **lists: list[Any]) -> Mapped:
    """The rows of lists written by hand: each list is one page, under the name Square gives it."""
    names = {
        "customers": "customers",
        "customer_groups": "groups",
        "customer_segments": "segments",
        "cards_on_file": "cards",
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
    documents = {name: [{names[name]: rows}] if name in names else rows for name, rows in lists.items()}
    return mapped(Sealed(certificates, **documents), at)


def customer(ident: str = "C1", **more: Any) -> dict[str, Any]:
    return {"id": ident, "created_at": CREATED, "given_name": "Mira", "version": 1, **more}


def program(**more: Any) -> dict[str, Any]:
    return {"program": {"id": "P1", "status": "ACTIVE", "accrual_rules": [], **more}}


def account(ident: str = "A1", balance: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": ident,
        "program_id": "P1",
        "balance": balance,
        "lifetime_points": 10,
        "mapping": {"phone_number": "+12185550142"},
        "created_at": CREATED,
        **more,
    }


def event(ident: str, kind: str, part: str, points: int | None, at: str = CREATED, of: str = "A1") -> dict[str, Any]:
    details = {} if points is None else {"points": points}
    return {"id": ident, "type": kind, "loyalty_account_id": of, "created_at": at, part: details}


def card(ident: str = "G1", cents: int = 0, **more: Any) -> dict[str, Any]:
    money = {"amount": cents, "currency": "USD"}
    return {
        "id": ident,
        "type": "DIGITAL",
        "state": "ACTIVE",
        "gan": "7783320000000001",
        "balance_money": money,
        **more,
    }


def activity(
    ident: str, kind: str, cents: int | None = None, after: int | None = None, **details: Any
) -> dict[str, Any]:
    said = {**details, **({"amount_money": {"amount": cents, "currency": "USD"}} if cents is not None else {})}
    found = {"id": ident, "type": kind, "gift_card_id": "G1", "created_at": CREATED}
    if after is not None:
        found["gift_card_balance_money"] = {"amount": after, "currency": "USD"}
    return {**found, f"{kind.lower()}_activity_details": said}


def ledger(found: Mapped) -> list[tuple[str, int, int]]:
    return [
        (key.partition("/")[2], row["amount_cents"], row["balance_after_cents"])
        for key, row in found.of("gift_card_transactions").items()
    ]


# Guests ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1998-09-21", ("1998-09-21", "09-21")),
        ("0000-07-30", (None, "07-30")),
        ("0000-02-29", (None, "02-29")),
        ("2023-02-29", (None, "02-29")),
        ("07-30", (None, "07-30")),
        ("1990-13-40", (None, None)),
        ("soon", (None, None)),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_a_birthday_may_have_no_year(text: str | None, found: tuple[str | None, str | None]) -> None:
    assert day(text) == found


def test_a_birthday_that_is_no_date_is_named_in_the_losses() -> None:
    found = people(customers=[customer(birthday="21.9.98")])
    assert found.of("customers")["C1"]["birthday"] is None
    assert found.lost("CUSTOMER", "birthday") == 1


def test_of_a_profile_listed_twice_the_higher_version_counts() -> None:
    found = people(customers=[customer(version=4, given_name="New"), customer(version=3, given_name="Old")])
    assert found.of("customers")["C1"]["first_name"] == "New"


def test_contacts_stay_as_they_are_for_staging_to_read() -> None:
    found = people(customers=[customer(phone_number="(218) 555-0142 x3", email_address=" Mira@Example.TEST ")])
    row = found.of("customers")["C1"]
    assert (row["phone"], row["email"]) == ("(218) 555-0142 x3", " Mira@Example.TEST ")


def test_groups_and_segments_are_tags_by_name_once_each() -> None:
    found = people(
        customers=[customer(group_ids=["g1", "gone"], segment_ids=["M.R", "M.R", "M.E"])],
        customer_groups=[{"id": "g1", "name": "VIP"}],
        customer_segments=[{"id": "M.R", "name": "Reachable"}, {"id": "M.E", "name": " "}],
    )
    assert found.of("customers")["C1"]["tags"] == ["VIP", "Reachable"]
    assert found.lost("CUSTOMER", "group_ids[]") == 1


def test_an_opt_out_is_a_denial_and_its_absence_says_nothing() -> None:
    found = people(
        customers=[
            customer("C1", preferences={"email_unsubscribed": True}),
            customer("C2", preferences={"email_unsubscribed": False}),
            customer("C3"),
        ]
    )
    assert found.of("customer_consents").keys() == {"C1/marketing_email"}


def test_a_record_of_another_shape_goes_to_quarantine_without_its_contents() -> None:
    found = people(customers=[customer(given_name={"first": "Mira"}), customer("C2")])
    (rejected,) = found.rejected
    assert (rejected.entity, rejected.key) == ("customers", "C1")
    assert "given_name" in rejected.reason
    assert "Mira" not in rejected.reason
    assert found.of("customers").keys() == {"C2"}


def test_batches_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "SIZE", 10)
    reader = Sealed(customers=[{"customers": [customer(f"C{n}-{k}") for k in range(7)]} for n in range(9)])
    found = mapped(reader, HERE)
    assert len(found.rows) == 63
    assert max(found.sizes) <= 16


# Loyalty --------------------------------------------------------------------------------------------------------------


def test_events_move_points_by_their_type_and_the_rest_is_the_opening_balance() -> None:
    found = people(
        loyalty_program=[program()],
        loyalty_accounts=[account(balance=25)],
        loyalty_events=[
            event("e9", "EXPIRE_POINTS", "expire_points", 3),
            event("e8", "REDEEM_REWARD", "redeem_reward", None),
            event("e7", "OTHER", "other_event", -2),
            event("e6", "ADJUST_POINTS", "adjust_points", -5),
            event("e5", "DELETE_REWARD", "delete_reward", -10),
            event("e4", "CREATE_REWARD", "create_reward", 30),
            event("e3", "ACCUMULATE_PROMOTION_POINTS", "accumulate_promotion_points", 4),
            event("e2", "ACCUMULATE_POINTS", "accumulate_points", 11),
        ],
    )
    moved = {key.partition("/")[2]: row for key, row in found.of("loyalty_transactions").items()}
    assert {key: row["points_change"] for key, row in moved.items()} == {
        "e9": -3, "e8": 0, "e7": -2, "e6": -5, "e5": 10, "e4": -30, "e3": 4, "e2": 11, "opening": 40,
    }  # fmt: skip
    assert (moved["e2"]["points_balance_before"], moved["e9"]["points_balance_after"]) == (40, 25)
    assert found.lost("LOYALTY_EVENT", "points") == 1


def test_an_account_without_events_or_points_has_no_ledger() -> None:
    found = people(loyalty_program=[program()], loyalty_accounts=[account()])
    assert not found.of("loyalty_transactions")


def test_a_negative_balance_and_an_unlisted_holder_are_carried_over_as_they_are() -> None:
    found = people(loyalty_program=[program()], loyalty_accounts=[account(balance=-12, customer_id="GONE")])
    row = found.of("loyalty_accounts")["A1"]
    assert (row["balance_points"], row["customer_key"], row["status"]) == (-12, None, "pending")
    assert row["claim_hash"] == hashlib.sha256(b"+12185550142").hexdigest()
    assert found.lost("LOYALTY_ACCOUNT", "customer_id") == 1


def test_a_movement_of_a_kind_that_is_not_known_is_taken_as_sent_and_named() -> None:
    found = people(
        loyalty_program=[program()],
        loyalty_accounts=[account(balance=5)],
        loyalty_events=[event("e1", "GIFTED_POINTS", "other_event", 5)],
    )
    assert found.of("loyalty_transactions")["A1/e1"]["points_change"] == 5
    assert found.lost("LOYALTY_EVENT", "type") == 1


def rule(version: int, discount: dict[str, Any], products: dict[str, Any] | None = None) -> dict[str, Any]:
    related = [{"type": "DISCOUNT", "id": "D1", "version": version, "discount_data": discount}]
    if products is not None:
        related.append({"type": "PRODUCT_SET", "id": "S1", "version": version, "product_set_data": products})
    data = {"discount_id": "D1", "match_products_id": "S1"}
    return {
        "object": {"type": "PRICING_RULE", "id": "R1", "version": version, "pricing_rule_data": data},
        "related_objects": related,
    }


@pytest.mark.parametrize(
    ("discount", "products", "found"),
    [
        ({"discount_type": "FIXED_PERCENTAGE", "percentage": "15.0"}, {"all_products": True}, ("percentage_discount", "15", None)),
        ({"discount_type": "FIXED_PERCENTAGE", "percentage": "100"}, {"all_products": True}, ("percentage_discount", "100", None)),
        ({"discount_type": "FIXED_PERCENTAGE", "percentage": "100"}, {"product_ids_any": ["I1"]}, ("free_item", "100", None)),
        ({"discount_type": "FIXED_AMOUNT", "amount_money": {"amount": 500, "currency": "USD"}}, None, ("fixed_discount", None, 500)),
        ({"discount_type": "FIXED_AMOUNT", "amount_money": {"amount": 500, "currency": "JPY"}}, None, ("custom", None, None)),
        ({"discount_type": "VARIABLE_PERCENTAGE", "percentage": "0"}, None, ("custom", None, None)),
    ],
)  # fmt: skip
def test_a_tier_takes_off_what_its_pricing_rule_says(
    discount: dict[str, Any], products: dict[str, Any] | None, found: tuple[str, str | None, int | None]
) -> None:
    tier = {
        "id": "T1",
        "points": 50,
        "name": "Treat",
        "pricing_rule_reference": {"object_id": "R1", "catalog_version": "7"},
    }
    rows = people(loyalty_program=[program(reward_tiers=[tier]), rule(7, discount, products)])
    row = rows.of("reward_templates")["T1"]
    assert (row["reward_type"], row["percentage"], row["value_cents"]) == found
    assert rows.lost("LOYALTY_PROGRAM", "reward_tiers[].pricing_rule_reference") == (
        1 if found[0] in ("custom", "free_item") else 0
    )


def test_a_tier_whose_rule_is_gone_is_carried_over_by_name_and_points() -> None:
    tier = {"id": "T1", "points": 50, "pricing_rule_reference": {"object_id": "R1", "catalog_version": "7"}}
    rows = people(loyalty_program=[program(reward_tiers=[tier])])
    row = rows.of("reward_templates")["T1"]
    assert (row["reward_type"], row["name"], row["points_cost"]) == ("custom", "Reward for 50 points", 50)


def test_only_issued_rewards_are_open_and_unknown_states_are_for_somebody_to_decide() -> None:
    def reward(ident: str, status: str) -> dict[str, Any]:
        return {"id": ident, "status": status, "loyalty_account_id": "A1", "reward_tier_id": "GONE", "points": 30}

    found = people(
        loyalty_program=[program()],
        loyalty_accounts=[account()],
        loyalty_rewards=[
            reward("w1", "ISSUED"),
            reward("w2", "REDEEMED"),
            reward("w3", "DELETED"),
            reward("w4", "HELD"),
        ],
    )
    assert found.of("customer_rewards").keys() == {"w1"}
    assert found.of("customer_rewards")["w1"]["title"] == "Reward for 30 points"
    assert [rejected.key for rejected in found.rejected] == ["w4"]


def test_spending_is_points_per_unit_of_the_currency() -> None:
    spend = {"accrual_type": "SPEND", "points": 1, "spend_data": {"amount_money": {"amount": 800, "currency": "USD"}}}
    found = people(loyalty_program=[program(accrual_rules=[spend])])
    row = found.of("loyalty_programs")["P1"]
    assert (row["accrual_type"], row["points_per_dollar"]) == ("spend", "0.125")


# Gift cards -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_activity_moves_the_balance_its_own_way() -> None:
    found = people(
        gift_cards=[card(cents=3300)],
        gift_card_activities=[
            activity("a01", "ACTIVATE", 5000, 5000),
            activity("a02", "LOAD", 1000, 6000),
            activity("a03", "REDEEM", 500, 5500, status="COMPLETED"),
            activity("a04", "REDEEM", 900, 5500, status="PENDING"),
            activity("a05", "REDEEM", 900, 5500, status="CANCELED"),
            activity("a06", "REFUND", 200, 5700),
            activity("a07", "ADJUST_INCREMENT", 300, 6000),
            activity("a08", "ADJUST_DECREMENT", 100, 5900),
            activity("a09", "BLOCK", None, 5900),
            activity("a10", "UNBLOCK", None, 5900),
            activity("a11", "TRANSFER_BALANCE_FROM", 900, 5000),
            activity("a12", "CLEAR_BALANCE", None, 0),
            activity("a13", "IMPORT", 2000, 2000),
            activity("a14", "IMPORT_REVERSAL", 2000, 0),
            activity("a15", "TRANSFER_BALANCE_TO", 3000, 3000),
            activity("a16", "UNLINKED_ACTIVITY_REFUND", 300, 3300),
        ],
    )
    moves = ledger(found)
    assert [(ident, amount) for ident, amount, _ in moves] == [
        ("a01", 5000), ("a02", 1000), ("a03", -500), ("a06", 200), ("a07", 300), ("a08", -100), ("a11", -900),
        ("a12", -5000), ("a13", 2000), ("a14", -2000), ("a15", 3000), ("a16", 300),
    ]  # fmt: skip
    assert moves[-1][2] == 3300
    assert found.of("gift_cards")["G1"]["initial_cents"] == 5000
    assert found.lost("GIFT_CARD", "balance_money") == 0
    assert found.lost("GIFT_CARD_ACTIVITY", "redeem_activity_details.status") == 2


def test_what_was_there_before_the_first_activity_shown_is_the_opening_balance() -> None:
    found = people(gift_cards=[card(cents=1500)], gift_card_activities=[activity("a1", "REDEEM", 500, 1500)])
    assert ledger(found) == [("opening", 2000, 2000), ("a1", -500, 1500)]
    assert found.lost("GIFT_CARD", "balance_money") == 0


def test_a_ledger_that_does_not_end_at_the_balance_is_flagged_and_still_adds_up() -> None:
    found = people(
        gift_cards=[card(cents=700)],
        gift_card_activities=[activity("a1", "LOAD", 500, 500), activity("a2", "CLEAR_BALANCE", None, 0)],
    )
    assert ledger(found) == [("opening", 700, 700), ("a1", 500, 1200), ("a2", -500, 700)]
    assert found.lost("GIFT_CARD", "balance_money") == 1


def test_a_card_without_any_activity_is_its_opening_balance() -> None:
    assert ledger(people(gift_cards=[card(cents=2750)])) == [("opening", 2750, 2750)]
    assert ledger(people(gift_cards=[card()])) == []


def test_an_activity_of_a_kind_that_is_not_known_is_told_from_the_balance_after_it() -> None:
    found = people(
        gift_cards=[card(cents=900)],
        gift_card_activities=[activity("a1", "LOAD", 500, 500), activity("a2", "BONUS", 1, 900)],
    )
    assert ledger(found) == [("a1", 500, 500), ("a2", 400, 900)]
    assert found.lost("GIFT_CARD_ACTIVITY", "type") == 1


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("ACTIVE", "pending"),
        ("PENDING", "blocked"),
        ("BLOCKED", "blocked"),
        ("DEACTIVATED", "deactivated"),
        ("NEW", "blocked"),
    ],
)
def test_only_an_active_card_waits_for_the_switch(state: str, status: str) -> None:
    row = people(gift_cards=[card(state=state)]).of("gift_cards")["G1"]
    assert (row["status"], row["source_state"]) == (status, state)


def test_a_card_without_a_number_goes_to_quarantine_with_its_balance() -> None:
    found = people(gift_cards=[card(cents=500, gan=None)])
    (rejected,) = [one for one in found.rejected if one.entity == "gift_cards"]
    assert rejected.values["balance_cents"] == 500


# Staff and time -------------------------------------------------------------------------------------------------------


def member(ident: str = "TM1", **more: Any) -> dict[str, Any]:
    return {"id": ident, "status": "ACTIVE", "given_name": "Ana", "family_name": "Lima", "is_owner": False, **more}


def test_the_wage_setting_counts_and_the_list_of_wages_fills_in() -> None:
    setting = {
        "job_assignments": [
            {
                "job_title": "Cook",
                "pay_type": "HOURLY",
                "job_id": "J1",
                "hourly_rate": {"amount": 1900, "currency": "USD"},
            }
        ]
    }
    found = people(
        jobs=[{"id": "J1", "title": "Cook", "is_tip_eligible": False}, {"id": "J2", "title": "Server", "is_tip_eligible": True}],
        team=[member(wage_setting=setting), member("TM2"), member("TM3", status="INACTIVE")],
        wages=[
            {"id": "w1", "team_member_id": "TM1", "title": "Cook", "job_id": "J1", "hourly_rate": {"amount": 1800, "currency": "USD"}},
            {"id": "w2", "team_member_id": "TM2", "title": "Server", "job_id": "J2", "hourly_rate": {"amount": 1150, "currency": "USD"}},
            {"id": "w3", "team_member_id": "TM2", "title": "Owner"},
        ],
    )  # fmt: skip
    jobs = found.of("staff_jobs")
    assert jobs["TM1/J1/1"]["hourly_rate_cents"] == 1900
    assert jobs["TM2/J2/1"]["hourly_rate_cents"] == 1150
    assert (jobs["TM2/owner/1"]["pay_type"], jobs["TM2/owner/1"]["role_key"]) == ("unknown", "merchant/title/owner")
    assert found.of("roles").keys() == {"J1", "J2", "merchant/title/owner"}
    assert found.lost("TEAM_MEMBER", "wage_setting.job_assignments[].hourly_rate") == 1
    assert found.of("staff")["TM3"]["status"] == "inactive"


def test_where_somebody_works_follows_from_the_places_named_or_from_time_worked() -> None:
    found = people(
        team=[
            member("ALL", assigned_locations={"assignment_type": "ALL_CURRENT_AND_FUTURE_LOCATIONS"}),
            member(
                "HERE", assigned_locations={"assignment_type": "EXPLICIT_LOCATIONS", "location_ids": [HERE.source_id]}
            ),
            member("OTHER", assigned_locations={"assignment_type": "EXPLICIT_LOCATIONS", "location_ids": ["L2"]}),
            member("UNSAID", assigned_locations={"assignment_type": "EXPLICIT_LOCATIONS"}),
            member("WORKED", assigned_locations={"assignment_type": "EXPLICIT_LOCATIONS"}),
        ],
        timecards=[timecard(team_member_id="WORKED")],
    )
    assert {key.partition("/")[2] for key in found.of("staff_locations")} == {"ALL", "HERE", "WORKED"}
    assert found.lost("TEAM_MEMBER", "assigned_locations.location_ids") == 2


def timecard(ident: str = "TC1", **more: Any) -> dict[str, Any]:
    return {
        "id": ident,
        "location_id": HERE.source_id,
        "timezone": "America/Chicago",
        "team_member_id": "TM1",
        "start_at": "2026-01-31T01:30:00-06:00",
        "status": "OPEN",
        **more,
    }


def test_the_small_hours_belong_to_the_day_before_the_closeout() -> None:
    found = people(team=[member()], timecards=[timecard(), timecard("TC2", start_at="2026-01-31T04:00:00-06:00")])
    rows = found.of("timecards")
    assert rows[f"{HERE.source_id}/TC1"]["business_date"] == "2026-01-30"
    assert rows[f"{HERE.source_id}/TC2"]["business_date"] == "2026-01-31"
    assert rows[f"{HERE.source_id}/TC1"]["check_in"] == "2026-01-31T07:30:00+00:00"
    assert rows[f"{HERE.source_id}/TC1"]["status"] == "checked_in"


def test_time_of_somebody_not_listed_any_more_and_of_a_job_only_it_remembers_is_kept() -> None:
    wage = {"title": "Dishwasher / runner", "job_id": "GONE", "hourly_rate": {"amount": 1500, "currency": "USD"}}
    found = people(timecards=[timecard(wage=wage, end_at="2026-01-31T09:00:00-06:00", status="CLOSED")])
    row = found.of("timecards")[f"{HERE.source_id}/TC1"]
    assert (row["staff_key"], row["role_key"], row["job_title"]) == (None, None, "Dishwasher / runner")
    assert row["hourly_rate_cents"] == 1500
    assert found.lost("TIMECARD", "team_member_id") == 1


def test_time_without_a_beginning_goes_to_quarantine() -> None:
    found = people(team=[member()], timecards=[timecard(start_at="soon")])
    assert [(one.entity, one.key) for one in found.rejected] == [("timecards", f"{HERE.source_id}/TC1")]
