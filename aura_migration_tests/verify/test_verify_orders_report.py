"""The POS's own report as the third column: to the cent or by named causes, over enough days, or it confirms nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from aura_migration.database.connections import connect
from aura_migration.pos.order_facts import OrderFact, PaymentFact
from aura_migration.verify.findings import Gate
from aura_migration_tests.support.database import Pool
from aura_migration_tests.verify.orders_support import DAYS, History, load_history, open_history

Report = dict[str, dict[str, dict[str, int]]]


@pytest.fixture(scope="module")
def loaded(databases: Pool) -> Iterator[History]:
    with databases.database() as url, connect(url, autocommit=True, application_name="test") as connection:
        yield load_history(open_history(connection))


@pytest.fixture
def history(loaded: History) -> Iterator[History]:
    with loaded.connection.transaction(force_rollback=True):
        yield loaded


def as_the_pos_shows_it(history: History) -> Report:
    """{figure: {name: {day: cents}}} of a report that counts as we do."""
    report: Report = {}

    def add(figure: str, name: str, day: str, cents: int) -> None:
        amounts = report.setdefault(figure, {}).setdefault(name, dict.fromkeys(DAYS, 0))
        amounts[day] += cents

    for fact in history.facts:
        if isinstance(fact, OrderFact) and fact.state == "counts":
            add("gross", "", fact.business_date, fact.gross)
            add("net", "", fact.business_date, fact.gross - fact.discount)
            add("tax", "", fact.business_date, fact.tax)
            add("tips", "", fact.business_date, fact.tip)
        if isinstance(fact, PaymentFact) and fact.state == "counts":
            add("tender_amount", fact.tender, fact.business_date, fact.amount)
    return report


def bring(history: History, report: Report, days: tuple[int, int] = (0, 10)) -> None:
    for figure, names in report.items():
        for name, amounts in names.items():
            for day in DAYS[slice(*days)]:
                history.connection.execute(
                    "INSERT INTO migration.pos_daily_reports (location_key, business_date, metric, name, cents, file_sha256, "
                    "imported_by) VALUES ('square:L1', %s, %s, %s, %s, 'x', 'ann')",
                    [day, figure, name, amounts[day]],
                )


def judged(history: History) -> tuple[Gate, Mapping[str, Any], list[str]]:
    """The gate, its evidence, and what was found off."""
    verdict = history.verify()
    gate = next(one for one in verdict.gates if one.name == "pos_report_agreed")
    off = [f.source_key for f in verdict.findings if f.check_name == "pos_report_agreed" and f.is_blocking]
    return gate, gate.evidence, off


def test_without_a_report_figures_are_derived_and_not_confirmed(history: History) -> None:
    verdict = history.verify()
    assert verdict.metrics["pos_report_agreed"] == "derived, not confirmed"
    assert [g.passed for g in verdict.gates if g.name == "pos_report_agreed"] == [None]


def test_a_report_that_agrees_confirms_the_figures_and_stands_beside_them(history: History) -> None:
    bring(history, as_the_pos_shows_it(history))
    gate, evidence, off = judged(history)
    assert (gate.passed, off, evidence["days"]) == (True, [], 10)
    assert gate.value == "10 days agree"
    row = history.connection.execute(
        "SELECT pos_value, aura_value, report_value FROM migration.daily_reconciliation "
        "WHERE business_date = '2026-09-10' AND metric = 'payments' AND name = 'Cash'"
    ).fetchone()
    assert row == (4000, 4000, 4000)


@pytest.mark.parametrize("figure", ["gross", "net", "tax", "tips", "tender_amount"])
def test_a_cent_off_on_one_day_is_a_no_that_names_the_day(history: History, figure: str) -> None:
    report = as_the_pos_shows_it(history)
    name = "Cash" if figure == "tender_amount" else ""
    report[figure][name][DAYS[5]] += 1
    bring(history, report)
    gate, _, off = judged(history)
    assert gate.passed is False
    assert off == [f"{DAYS[5]} {figure}: Cash" if name else f"{DAYS[5]} {figure}"]
    assert gate.remedy


def test_a_figure_that_is_counted_otherwise_is_explained_by_the_causes_that_add_up_to_it(history: History) -> None:
    report = as_the_pos_shows_it(history)
    report["tax"][""][DAYS[2]] -= 50  # tax of what was given back
    report["net"][""][DAYS[2]] -= 500
    report["net"][""][DAYS[6]] -= 200
    report["net"][""][DAYS[3]] += 200  # service
    report["tips"][""][DAYS[3]] += 300  # gratuity
    for day in DAYS:
        report["tender_amount"]["Card"][day] += 100  # tips
    bring(history, report)
    gate, evidence, off = judged(history)
    assert (gate.passed, off) == (True, [])
    assert evidence["counted_otherwise"] == {
        "net": ["refunds are taken off on the day of the refund", "service charges are counted as sales"],
        "tax": ["refunded tax is taken off"],
        "tips": ["gratuity is counted as tip"],
        "tender_amount: Card": ["tips are counted"],
    }
    accepted = [f for f in history.verify().findings if f.check_name == "pos_report_agreed"]
    assert {(f.source_key, f.difference_cents, f.is_blocking) for f in accepted} == {
        ("net", 500, False), ("tax", 50, False), ("tips", -300, False), ("tender_amount: Card", -1000, False),
    }  # fmt: skip


def test_refunds_on_the_day_of_their_sale_are_told_from_refunds_on_their_own_day(history: History) -> None:
    report = as_the_pos_shows_it(history)
    report["net"][""][DAYS[0]] -= 500
    report["net"][""][DAYS[6]] -= 200
    bring(history, report)
    _, evidence, off = judged(history)
    assert (off, evidence["counted_otherwise"]) == ([], {"net": ["refunds are taken off on the day of the sale"]})


def test_a_cause_must_hold_on_every_day(history: History) -> None:
    """An amount that a cause happens to have on one day, and not on another, explains nothing."""
    report = as_the_pos_shows_it(history)
    report["net"][""][DAYS[2]] -= 500  # as if refunds were taken off; the other refund is not
    bring(history, report)
    gate, _, off = judged(history)
    assert gate.passed is False
    assert len(off) == 1


def test_a_report_that_tells_days_by_another_rule_is_held_against_orders_dated_by_it(history: History) -> None:
    """Every order was opened at 02:00 of its day: a close-out at 04:00 puts it on the day before."""
    history.connection.execute(
        "UPDATE aura.payments SET processed_at = (business_date + time '02:00') AT TIME ZONE 'America/New_York'"
    )
    history.connection.execute(
        "UPDATE aura.orders SET opened_at = (business_date + time '02:00') AT TIME ZONE 'America/New_York'"
    )
    report = as_the_pos_shows_it(history)
    shifted = {
        figure: {name: {day: amounts.get(after, 0) for day, after in pairwise(DAYS)} for name, amounts in names.items()}
        for figure, names in report.items()
    }
    bring(history, shifted, (0, 9))
    gate, evidence, off = judged(history)
    assert (gate.passed, off) == (True, [])
    assert "end at 04:00" in evidence["days_told_otherwise"]
    shifted["tax"][""][DAYS[4]] += 1
    history.connection.execute("DELETE FROM migration.pos_daily_reports")
    bring(history, shifted, (0, 9))
    assert judged(history)[2] == [f"{DAYS[4]} tax"]


def test_tax_and_tips_that_a_report_counts_on_the_day_of_the_payment_are_explained_by_the_payments(
    history: History,
) -> None:
    history.connection.execute("UPDATE aura.payments SET business_date = business_date + 1 WHERE source_id = 'p-o5'")
    facts = history.said("p-o5", business_date=DAYS[6])
    report = as_the_pos_shows_it(history)
    for figure, cents in (("tax", 150), ("tips", 100)):
        report[figure][""][DAYS[5]] -= cents
        report[figure][""][DAYS[6]] += cents
    report["tender_amount"]["Card"][DAYS[5]] -= 1650
    report["tender_amount"]["Card"][DAYS[6]] += 1650
    bring(history, report)
    verdict = history.verify(facts)
    gate = next(one for one in verdict.gates if one.name == "pos_report_agreed")
    assert gate.passed is True
    assert gate.evidence["counted_otherwise"] == {
        "tax": ["tax is counted on the day of its payment"],
        "tips": ["tips are counted on the day of their payment"],
    }


def test_tenders_go_by_other_names_and_what_is_not_named_is_the_rest(history: History) -> None:
    report = as_the_pos_shows_it(history)
    paid = report["tender_amount"]
    card = paid.pop("Card")
    paid["Credit Card"] = {day: cents - 7 for day, cents in card.items()}
    paid["Debit Card"] = dict.fromkeys(DAYS, 7)
    paid["Other"] = paid.pop("Gift card")
    paid["Folding money"] = paid.pop("Cash")  # the same amount on every day as one of ours
    report["tender_refunds"] = {"Refunds": {**dict.fromkeys(DAYS, 0), DAYS[2]: 550, DAYS[6]: 200}}
    report["tender_count"] = {"Refunds": dict.fromkeys(DAYS, 0), "Credit Card": dict.fromkeys(DAYS, 1)}
    bring(history, report)
    gate, _, off = judged(history)
    assert (gate.passed, off) == (False, [f"{DAYS[3]} tender_count: {name}" for name in ("Cash", "Gift card")])
    history.connection.execute("DELETE FROM migration.pos_daily_reports WHERE metric = 'tender_count'")
    assert judged(history)[0].passed is True


def test_a_tender_that_the_report_does_not_name_took_nothing_there(history: History) -> None:
    report = as_the_pos_shows_it(history)
    del report["tender_amount"]["Gift card"]
    bring(history, report)
    gate, _, off = judged(history)
    assert (gate.passed, off) == (False, [f"{DAYS[3]} tender_amount: Gift card"])


@pytest.mark.parametrize(
    ("days", "without", "lacks"),
    [
        ((0, 6), (), "7 days (it has 6)"),
        ((1, 5), (), "7 days (it has 4), a weekend"),
        ((0, 10), ("tender_amount",), "payments"),
        ((0, 10), ("tax",), "tax"),
        ((0, 10), ("gross", "net"), "sales"),
    ],
)  # fmt: skip
def test_too_little_of_a_report_confirms_nothing(
    history: History, days: tuple[int, int], without: tuple[str, ...], lacks: str
) -> None:
    report = as_the_pos_shows_it(history)
    bring(history, {figure: names for figure, names in report.items() if figure not in without}, days)
    gate, _, off = judged(history)
    assert (gate.passed, off) == (None, [])
    assert gate.value == f"derived, not confirmed: the report lacks {lacks}"


def test_days_without_a_refund_confirm_nothing(history: History) -> None:
    history.connection.execute("DELETE FROM aura.refunds")
    bring(history, as_the_pos_shows_it(history))
    verdict = history.verify([fact for fact in history.facts if fact.key not in ("r1", "credit")])
    gate = next(one for one in verdict.gates if one.name == "pos_report_agreed")
    assert (gate.passed, gate.evidence["lacking"]) == (None, ["a day with a refund"])


def test_gift_cards_that_a_report_counts_as_the_cards_they_were_read_as_are_explained(history: History) -> None:
    report = as_the_pos_shows_it(history)
    gifts, cards = report["tender_amount"]["Gift card"], report["tender_amount"]["Card"]
    assert any(gifts.values())
    for day, cents in gifts.items():
        cards[day] += cents
        gifts[day] = 0
    bring(history, report)
    assert judged(history)[0].passed is False
    history.connection.execute("UPDATE aura.payments SET card_brand = 'GIFT_CARD' WHERE method = 'gift_card'")
    gate, evidence, off = judged(history)
    assert (gate.passed, off) == (True, [])
    cause = ["gift cards that were read as cards are counted as cards"]
    assert evidence["counted_otherwise"] == {"tender_amount: Card": cause, "tender_amount: Gift card": cause}


def test_tax_of_a_payment_whose_order_is_no_longer_shown_is_explained_where_the_rates_come_to_it(
    history: History,
) -> None:
    report = as_the_pos_shows_it(history)
    rates = report["tax_by_rate"] = {}
    for fact in history.facts:
        if isinstance(fact, OrderFact) and fact.state == "counts":
            for name, cents in fact.taxes.items():
                # a report need not say that a tax is inside prices
                shown = name.removesuffix(" incl.")
                rates.setdefault(shown, dict.fromkeys(DAYS, 0))[fact.business_date] += cents
    assert len(rates) > 1
    for name, cents in zip(sorted(rates), (26, 48), strict=False):
        rates[name][DAYS[3]] += cents
    report["tax"][""][DAYS[3]] += 74
    bring(history, report)
    assert judged(history)[0].passed is False
    history.connection.execute(
        """UPDATE aura.payments SET order_id = NULL, details = '{"tax_cents": 74}' WHERE source_id = 'p-o3'"""
    )
    gate, evidence, off = judged(history)
    assert (gate.passed, off) == (True, [])
    cause = ["tax of payments whose order the POS no longer shows is counted"]
    assert set(map(tuple, evidence["counted_otherwise"].values())) == {tuple(cause)}
    history.connection.execute("UPDATE aura.payments SET details = '{\"tax_cents\": 73}' WHERE source_id = 'p-o3'")
    assert judged(history)[0].passed is False


def test_deferred_sales_that_were_given_back_are_told_from_goods(history: History) -> None:
    report = as_the_pos_shows_it(history)
    report["refunds"] = {"": dict.fromkeys(DAYS, 0)}
    report["refunds"][""] |= {DAYS[2]: 550 - 300, DAYS[6]: 200}
    bring(history, report)
    assert judged(history)[0].passed is False
    refund, order = history.id_of("refunds", "r1"), history.id_of("orders", "o0")
    history.insert(
        "refund_items", refund_id=refund, item_name="Card", quantity=1, gross_cents=300, source_line_id="given"
    )
    history.connection.execute("UPDATE aura.order_items SET source_line_id = 'given' WHERE order_id = %s", [order])
    assert judged(history)[0].passed is False
    history.connection.execute(
        "UPDATE aura.order_items SET revenue_class = 'gift_card_load' WHERE order_id = %s", [order]
    )
    evidence, off = judged(history)[1:]
    assert evidence["counted_otherwise"]["refunds"] == ["refunds of deferred sales are left out"]
    assert not [key for key in off if key.endswith(" refunds")]
