"""Clover's rules of business: what becomes a row, what waits for a decision, what is a loss, and that two readings agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from aura_migration.archive.certificates import require
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.pos.clover import CONNECTOR
from aura_migration.pos.clover.rules.fields import LISTED
from aura_migration.pos.clover.rules_witness import rules
from aura_migration_tests.pos.clover.clover_bench import SITE, Handmade, by_key
from aura_migration_tests.pos.clover.conftest import MakeBench

AT = SITE.source_id
ENTITIES = {entity.name: entity for entity in RULE_ENTITIES}
Document = dict[str, Any]
CITY = {"id": "CITY", "name": "City", "rate": 287_500, "isDefault": True}
DINE = {"id": "DINE", "label": "Dine In", "labelKey": "com.clover.order.type.dine_in", "isDefault": True}
OUT = {"id": "OUT", "label": "To go", "systemOrderTypeId": "TAKE-OUT-TYPE", "fee": 0, "minOrderAmount": 500}


READ = ("merchant", "tax_rates", "categories", "items", *sorted(LISTED), "default_service_charge")
"""What rules are made of."""


class Written(Handmade):
    """A snapshot written by hand whose answers know the path they were asked under."""

    def __init__(self, lists: Mapping[str, Any], refused: Sequence[str] = ()) -> None:
        super().__init__(lists, refused)
        for entity, held in self._bodies.items():
            paths = {"merchant": "", "merchant|properties": "properties"}
            self._bodies[entity] = [
                replace(
                    body,
                    path=f"/v3/merchants/{AT}/{paths.get('|'.join(filter(None, (entity, body.window))), entity)}".rstrip(
                        "/"
                    ),
                )
                for body in held
            ]

    def entities(self) -> Iterable[str]:
        """What there is."""
        return self._bodies


def read(**lists: Any) -> tuple[Batch, dict[tuple[str, str], Mapping[str, Any]]]:
    """The batch of hand-made lists, and what the second reading says; ``properties`` are the merchant's."""
    properties = lists.pop("properties", None)
    written = Written({**lists, **({"merchant|properties": properties} if properties else {})})
    return CONNECTOR.map_rules(written, SITE), _said(written, AT)  # type: ignore[arg-type]


def _said(reader: Any, merchant: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for fact in rules(reader, merchant, "USD"):
        assert (fact.entity, fact.key) not in found, f"{fact.entity} {fact.key} is said twice"
        found[fact.entity, fact.key] = fact.values
    return found


def assert_agree(batch: Batch, said: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    """Both readings know the same rules with the same values."""
    rows = {(row.entity, row.key): row.values for row in batch.rows}
    assert rows.keys() == said.keys()
    for key, values in said.items():
        for name, value in values.items():
            mine = rows[key].get(name)
            if ENTITIES[key[0]].field(name).kind == "numeric" and mine is not None:
                mine = Decimal(mine)
            assert mine == value and isinstance(mine, bool) == isinstance(value, bool), (key, name)


def refused(batch: Batch) -> dict[str, str]:
    """Reasons of what waits for a decision, by the last of its key's ids that name it."""
    return {f"{one.entity} {one.key.removeprefix(f'{AT}/')}": one.reason for one in batch.rejected}


# -- two readings of whole merchants -----------------------------------------------------------------------------------


def test_both_readings_of_a_merchant_with_every_peculiarity_agree(bench: MakeBench) -> None:
    where = bench("diner", orders=1)
    (location,) = where.locations()
    merchant, truth = location.source_id, where.truth()
    reader = where.extract(merchant, entities=READ)
    batch = CONNECTOR.map_rules(reader, location)
    assert_agree(batch, _said(reader, merchant))
    notes = {note["what"]: note["ids"][0] for note in truth["notes"] if note["ids"]}
    reasons: dict[str, str] = {}
    for one in batch.rejected:
        for what, ident in notes.items():
            if ident in one.key.split("/"):
                reasons[f"{one.entity} {what}"] = one.reason
    expected = {
        "pricing_rules discount_both": "both a percentage and an amount",
        "pricing_rules discount_neither": "neither a percentage nor an amount",
        "pricing_rules discount_over_100": "130 %",
        "pricing_rules discount_two_percentages": "15 and 25",
        "pricing_rules discount_adds": "would add 250 cents",
        "pricing_rules discount_kind": "ASTROLOGY",
        "service_charges order_fee_kind": "MOON_PHASE",
        "service_charges order_fee_both": "both a percentage and an amount",
        "service_charge_taxes order_fee_dead_rate": "does not have (any more)",
        "tax_exceptions tax_rule_dead_rate": "tax rate that Clover does not have",
        "tax_exceptions tax_rule_dead_type": "order type that Clover does not have",
        "tax_exceptions tax_rule_restricted": "onlyOnTuesdays",
        "opening_hours hours_dead_type": "order type that Clover does not have",
        "opening_hours hours_kind": "FULL_MOON",
        "opening_hours hours_overlap": "which is no time of day",
        "tip_suggestions tip_both": "either a percentage or an amount",
        "tip_suggestions tip_over_100": "1800 %",
    }
    assert reasons.keys() == expected.keys()
    for what, part in expected.items():
        assert part in reasons[what], reasons[what]
    overlapping = [one.key for one in batch.rejected if "overlap: which of them holds?" in one.reason]
    assert [key.split("/")[-2:] for key in overlapping] == [["mon", "0"], ["mon", "1"]], "neither of the two is chosen"
    losses = {(loss.source_entity, loss.field): loss for loss in batch.losses}
    assert losses["order_fees", "isHidden"].examples == (notes["order_fee_hidden"],)
    assert losses["tenders", "deleted"].examples == (notes["tender_deleted"],)
    assert losses["discounts", "deleted"].records == 1 and losses["order_types", "deleted"].records == 1
    assert losses["opening_hours", "reference"].records == 1
    assert (
        "account name" not in losses["tenders", "instructions"].note and losses["tenders", "instructions"].records == 2
    )
    hidden = by_key(batch, "tender_types")[f"{merchant}/{notes['tender_hidden']}"]
    assert hidden.values["is_active"] is False
    exempt = by_key(batch, "tax_exceptions")
    assert [row.values["rate_percent"] for row in exempt.values() if "rate_percent" in row.values] == []
    assert len(exempt) == 1


def test_both_readings_of_a_merchant_whose_past_had_other_rules_agree(bench: MakeBench) -> None:
    where = bench("rules", switches={"tax_rule_fields": "ids"})
    reader = where.extract(entities=READ)
    batch = CONNECTOR.map_rules(reader, where.locations()[0])
    said = _said(reader, where.locations()[0].source_id)
    assert_agree(batch, said)
    assert batch.rejected == []
    counted = {name: len(by_key(batch, name)) for name in ENTITIES if by_key(batch, name)}
    assert counted == {
        "order_types": 3,
        "tender_types": 8,
        "service_charges": 4,
        "service_charge_taxes": 1,
        "pricing_rules": 6,
        "pricing_rule_targets": 2,
        "tax_exceptions": 1,
        "tip_suggestions": 4,
        "opening_hours": 8,
        "settings": 24,
    }
    cash = next(row for row in by_key(batch, "pricing_rules").values() if row.values["name"] == "Cash")
    assert cash.values["is_automatic"] is True and len(cash.values["conditions"]["paid_by"]) == 1


# -- hand-made rules ---------------------------------------------------------------------------------------------------


def test_every_location_has_its_pricing_policy_even_where_nothing_else_is_known() -> None:
    batch, said = read()
    assert [(row.entity, row.values["key"], row.values["value"]) for row in batch.rows] == [
        ("settings", "pricing.policy", {"name": "clover"})
    ]
    assert_agree(batch, said)


def test_a_setting_is_kept_by_name_or_counted_as_a_loss_with_what_it_says() -> None:
    batch, said = read(
        properties={
            "vat": False,
            "signatureThreshold": 2500,
            "cashBackOptions": ["1000"],
            "maxCashBack": None,
            "trackStock": True,
            "supportPhone": "5550100",
            "newThing": 7,
            "timezone": "America/Denver",
        }
    )
    assert_agree(batch, said)
    values = {row.values["key"]: row.values["value"] for row in batch.rows}
    assert values == {
        "pricing.policy": {"name": "clover"},
        "pricing.prices_include_tax": {"enabled": False},
        "payments.signature_from": {"cents": 2500},
        "payments.cash_back_choices": {"choices": ["1000"]},
    }
    losses = {loss.field: loss.note for loss in batch.losses}
    assert losses.keys() == {"trackStock", "supportPhone", "newThing"}
    assert losses["trackStock"].endswith("It says yes.") and losses["newThing"].endswith("It says 7.")


def test_a_charge_and_the_fee_made_of_it_must_agree() -> None:
    charge = {"id": "SC", "name": "Party", "enabled": True, "percentage": 18, "percentageDecimal": 180_000}
    fee = {"id": "FEE", "name": "Party", "percentage": 180_000, "type": "GRATUITY", "serviceChargeUuid": "SC"}
    batch, said = read(default_service_charge=charge, order_fees=[fee])
    assert_agree(batch, said)
    rows = by_key(batch, "service_charges")
    assert {key: (row.values["charge_class"], row.values["paid_to"]) for key, row in rows.items()} == {
        f"{AT}/SC": ("service", "house"),
        f"{AT}/FEE": ("auto_gratuity", "staff"),
    }
    batch, said = read(default_service_charge=charge, order_fees=[{**fee, "percentage": 200_000}])
    assert_agree(batch, said)
    assert refused(batch).keys() == {"service_charges SC", "service_charges FEE"}
    assert all("18 %" in one and "20 %" in one for one in refused(batch).values())
    batch, _ = read(default_service_charge={**charge, "enabled": False}, order_fees=[{**fee, "percentage": 200_000}])
    assert batch.rejected == [], "a charge that is switched off contradicts nothing"


def test_two_default_order_types_are_a_question_and_what_hangs_on_them_waits_too() -> None:
    rule = {"id": "RULE", "orderType": {"id": "DINE"}}
    week = {"monday": {"elements": [{"start": 900, "end": 2400}]}}
    hours = {"id": "H", "name": "Lunch", "reference": {"type": "ORDER_TYPE", "id": "DINE"}, **week}
    batch, said = read(order_types=[DINE, {**OUT, "isDefault": True}], tax_rules=[rule], opening_hours=[hours])
    assert_agree(batch, said)
    assert refused(batch).keys() == {"order_types DINE", "order_types OUT", "tax_exceptions RULE", "opening_hours H"}
    batch, said = read(order_types=[DINE, OUT], tax_rules=[rule], opening_hours=[hours])
    assert_agree(batch, said)
    assert batch.rejected == []
    out = by_key(batch, "order_types")[f"{AT}/OUT"].values
    assert (out["order_type"], out["fee_cents"], out["min_order_cents"]) == ("takeout", None, 500)
    monday = by_key(batch, "opening_hours")[f"{AT}/H/mon/0"].values
    assert (monday["opens"], monday["closes"], monday["order_type_key"]) == ("09:00", "00:00", f"{AT}/DINE")
    every = by_key(batch, "tax_exceptions")[f"{AT}/RULE/DINE/all/all"].values
    assert every["tax_rate_key"] is None and every["menu_item_key"] is None


@pytest.mark.parametrize(
    "rule",
    [
        {"orderType": {"id": "OUT"}, "taxRates": {"elements": [{"id": "CITY"}]}},
        {"orderTypeId": "OUT", "taxRateIds": ["CITY"]},
        {"orderTypes": [{"id": "OUT"}], "taxRate": {"id": "CITY"}},
    ],
)
def test_a_tax_rule_is_understood_however_it_names_what_it_is_about(rule: Document) -> None:
    batch, said = read(order_types=[DINE, OUT], tax_rates=[CITY], tax_rules=[{"id": "RULE", **rule}])
    assert_agree(batch, said)
    assert [row.key for row in batch.rows if row.entity == "tax_exceptions"] == [f"{AT}/RULE/OUT/CITY/all"]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"taxRates": {"elements": [{"id": "CITY"}]}}, "does not name the order type"),
        ({"orderType": {"id": "OUT"}, "after": 1700}, "says after"),
        ({"orderType": {"id": "OUT"}, "items": {"elements": [{"id": "GONE"}]}}, "item that Clover does not have"),
        ({"orderType": {"label": "To go"}}, "names nothing that can be found"),
    ],
)
def test_a_tax_rule_nobody_can_be_sure_of_spares_nobody_a_tax(rule: Document, why: str) -> None:
    batch, said = read(order_types=[DINE, OUT], tax_rates=[CITY], tax_rules=[{"id": "RULE", **rule}])
    assert_agree(batch, said)
    assert why in refused(batch)["tax_exceptions RULE"]


def test_a_fee_names_its_rates_and_the_marker_of_untaxed_things_is_none() -> None:
    none = {"id": "NONE", "name": "NO_TAX_APPLIED", "rate": 0}
    fee = {"id": "FEE", "name": "Bag", "amount": 25, "taxRates": {"elements": [{"id": "CITY"}, {"id": "NONE"}]}}
    batch, said = read(
        tax_rates=[CITY, none],
        order_fees=[fee, {"id": "F2", "name": "Free", "amount": 0, "taxRates": {"elements": [{"id": "NONE"}]}}],
    )
    assert_agree(batch, said)
    taxable = {row.key: row.values["is_taxable"] for row in by_key(batch, "service_charges").values()}
    assert taxable == {f"{AT}/FEE": True, f"{AT}/F2": False}
    assert list(by_key(batch, "service_charge_taxes")) == [f"{AT}/FEE/CITY"]


def test_items_left_out_of_a_cash_discount_need_one() -> None:
    lager = {"id": "LAGER", "name": "Lager", "price": 700, "priceType": "FIXED", "excludeCashDiscount": True}
    unsold = {"id": "ODD", "name": "Odd", "priceType": "FIXED", "excludeCashDiscount": True}
    cash = {"id": "CASH", "name": "Cash", "percentage": 4, "type": "CASH_DISCOUNT"}
    tenders = [{"id": "T", "label": "Cash", "labelKey": "com.clover.tender.cash", "supportsCashDiscount": True}]
    batch, said = read(items=[lager, unsold], discounts=[cash], tenders=tenders)
    assert_agree(batch, said)
    assert list(by_key(batch, "pricing_rule_targets")) == [f"{AT}/CASH/excluded/LAGER"]
    batch, _ = read(items=[lager])
    assert [(loss.source_entity, loss.field, loss.records) for loss in batch.losses] == [
        ("items", "excludeCashDiscount", 1)
    ]


def test_different_business_hours_are_a_question_and_equal_ones_are_not() -> None:
    early = {"id": "A", "name": "One", "monday": {"elements": [{"start": 900, "end": 1700}]}}
    late = {"id": "B", "name": "Two", "monday": {"elements": [{"start": 1000, "end": 1700}]}}
    batch, said = read(opening_hours=[early, late])
    assert_agree(batch, said)
    assert refused(batch).keys() == {"opening_hours A", "opening_hours B"}
    batch, said = read(opening_hours=[early, {**early, "id": "B"}])
    assert_agree(batch, said)
    assert batch.rejected == []


# -- what is read ------------------------------------------------------------------------------------------------------


def test_where_a_country_has_no_fees_there_are_none_and_what_may_not_be_read_blocks_the_plan(bench: MakeBench) -> None:
    where = bench("cafe", switches={"offers_fees": False})
    names = ("merchant", "order_fees", "default_service_charge", "tip_suggestions", "discounts")
    assert all(one.required for one in CONNECTOR.source_entities if one.name in names)
    reader: SnapshotReader = where.extract(document=where.credentials("missing_scope"), entities=names)
    status = {found.entity: found.status for found in reader.certificates()}
    assert status == {**dict.fromkeys(names, "complete"), "discounts": "not_extracted"}
    (reason,) = require(reader.certificates(), names)
    assert reason.startswith("discounts") and "INVENTORY_R" in reason
    batch = CONNECTOR.map_rules(reader, where.locations()[0])
    assert {row.entity for row in batch.rows} == {"settings", "tip_suggestions"}
    assert_agree(batch, _said(reader, where.locations()[0].source_id))


def test_what_feeds_rules_says_so() -> None:
    fed = {name for entity in CONNECTOR.source_entities for name in entity.feeds}
    assert set(ENTITIES) - fed == {"revenue_centers", "tax_table_rows"}, "Clover has neither"
