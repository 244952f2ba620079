"""The past of the sandbox's scenarios, fetched over HTTP into real snapshots, against what the sandbox knows."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aura_migration.archive.snapshot import SnapshotRef
from aura_migration.canonical.history.rows import (
    CashEvent,
    Order,
    OrderDiscount,
    OrderItem,
    OrderItemModifier,
    OrderTax,
    Payment,
    PaymentFee,
    PayoutEntry,
    Refund,
    RefundItem,
    Tip,
)
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.core.clock import utc_text
from aura_migration.database.connections import connect
from aura_migration.pos.order_facts import tax_name
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.square import CONNECTOR
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.square.square_orders_support import (
    NOW,
    SALES,
    WHOLE,
    Archive,
    Taken,
    documents,
    rows,
)
from aura_migration_tests.pos.square.square_support import control

SPANS = (
    HistorySpan(datetime(2025, 8, 1, tzinfo=UTC), datetime(2026, 7, 14, tzinfo=UTC)),
    HistorySpan(datetime(2026, 9, 24, tzinfo=UTC), WHOLE.end),
)
"""Where everything peculiar lies; in between there are ordinary days only."""
RECENT = HistorySpan(datetime(2026, 8, 10, tzinfo=UTC), WHOLE.end)
LAST_DAYS = HistorySpan(datetime(2026, 9, 18, tzinfo=UTC), WHOLE.end)
PAYOUTS = ("payouts", "payout_entries", "disputes")
CASH = ("cash_drawer_shifts", "cash_drawer_events")


def inside(text: str | None) -> bool:
    """Whether an instant lies in what was read of orders and payments."""
    return text is not None and any(span.begin <= datetime.fromisoformat(text) <= span.end for span in SPANS)


def was_read(row: dict[str, Any]) -> bool:
    """Whether an order had to be read: it arose or was closed in the span."""
    return inside(row["created"]) or inside(row["closed"])


@dataclass(frozen=True)
class Scene:
    """A scenario as it was read, mapped, and as the sandbox knows it."""

    taken: Taken
    found: dict[str, dict[str, Any]]
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def scene(square_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with (
        serve("square", "diner", 5, now=NOW) as sandbox,
        connect(square_database, autocommit=True, application_name="test") as connection,
    ):
        archive = Archive(square_database, connection, tmp_path_factory.mktemp("past"))
        refs: list[SnapshotRef] = []
        for span, entities in (*((span, SALES) for span in SPANS), (RECENT, PAYOUTS), (LAST_DAYS, CASH)):
            taken = archive.take(sandbox, span, entities, catalog=not refs)
            refs += taken.refs
        taken = Taken(taken.location, tuple(refs), taken.folder)
        yield Scene(taken, documents(taken), control(sandbox, "/truth"))


def test_everything_is_certified_complete(scene: Scene) -> None:
    for certificate in scene.taken.reader.certificates():
        assert certificate.status == "complete", certificate.explain()


def sales(scene: Scene) -> dict[str, Order]:
    """The checks by id."""
    return {key: document.rows[0] for key, document in scene.found["orders"].items()}


def here(scene: Scene, part: str) -> list[dict[str, Any]]:
    """What the sandbox knows of the location that was read."""
    return [row for row in scene.truth[part] if row["location"] == scene.taken.location.source_id]


def at(text: str | None) -> str | None:
    """An instant as canonical rows write it."""
    return utc_text(datetime.fromisoformat(text)) if text else None


def test_every_sale_becomes_a_check_to_the_cent_and_returns_become_none(scene: Scene) -> None:
    found = sales(scene)
    known = {row["id"]: row for row in here(scene, "orders") if was_read(row)}
    assert found.keys() == {key for key, row in known.items() if row["kind"] != "return"}
    charged: Counter[str] = Counter()
    for line in scene.truth["order_lines"]:
        charged[line["order"]] += line["charge"]
    states = {"COMPLETED": "completed", "CANCELED": "cancelled", "OPEN": "pending", "DRAFT": "pending"}
    for key, row in found.items():
        truth = known[key]
        included = sum(cents for _, _, inclusive, cents in truth["taxes"] if inclusive)
        assert row.subtotal_cents == truth["gross"] - charged[key] + included, truth["notes"]
        assert row.discount_amount_cents == truth["discounts"]
        assert row.tax_amount_cents == truth["tax"]
        assert row.included_tax_cents == included
        assert row.service_charge_amount_cents + row.gratuity_cents == truth["service_charges"]
        assert row.tip_amount_cents == truth["tips"]
        assert row.rounding_cents == truth["rounding"]
        assert row.final_amount_cents + row.tip_amount_cents == truth["total"]
        assert row.final_amount_cents == (
            row.subtotal_cents
            - row.discount_amount_cents
            + row.service_charge_amount_cents
            + row.gratuity_cents
            + row.rounding_cents
            + row.tax_amount_cents
            - row.included_tax_cents
        )
        assert (row.status if row.status != "scheduled" else "pending") == states[truth["state"]]
        assert (row.opened_at, row.closed_at) == (at(truth["created"]), at(truth["closed"]))
        assert row.source_name == truth["source"]
        assert row.customer_key == truth["customer"] or truth["customer"] is None


def test_lines_modifiers_and_taxes_by_rate_are_those_of_the_sale(scene: Scene) -> None:
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in scene.truth["order_lines"]:
        lines[line["order"]].append(line)
    known = {row["id"]: row for row in scene.truth["orders"]}
    classes = {"ITEM": "sale", "CUSTOM_AMOUNT": "sale", "GIFT_CARD": "gift_card_load"}
    for key, document in scene.found["orders"].items():
        items, modifiers = rows(document, OrderItem), rows(document, OrderItemModifier)
        assert len(items) == len(lines[key])
        for place, (item, truth) in enumerate(zip(items, lines[key], strict=True)):
            held = [one for one in modifiers if one.item_no == place]
            assert (item.quantity, item.price_cents) == (truth["quantity"], truth["price"])
            assert item.line_discount_cents == truth["discount"] and item.line_tax_cents == truth["tax"]
            assert item.revenue_class == classes[truth["kind"]]
            assert item.line_subtotal_cents == truth["gross"] - truth["charge"] + item.included_tax_cents
            assert [(one.name, one.amount_cents) for one in held] == [
                (name, cents) for _, name, _, cents in truth["modifiers"]
            ]
            assert item.modifiers_cents == sum(one.amount_cents for one in held)
            assert item.item_name == (truth["name"] or "Custom amount")
        by_rate: Counter[str] = Counter()
        for tax in rows(document, OrderTax):
            by_rate[tax_name(tax.name, tax.rate_percent, inclusive=tax.is_inclusive)] += tax.amount_cents
        expected: Counter[str] = Counter()
        for name, percent, inclusive, cents in known[key]["taxes"]:
            expected[tax_name(name, percent, inclusive=inclusive)] += cents
        assert +by_rate == +expected, known[key]["notes"]
        assert document.rows[0].discount_amount_cents == sum(
            one.amount_cents for one in rows(document, OrderDiscount)
        ), known[key]["notes"]


def test_nothing_that_adds_up_is_flagged(scene: Scene) -> None:
    flagged = {key: row.review_flags for key, row in sales(scene).items() if row.review_flags}
    notes = {row["order"]: row["note"] for row in scene.truth["notes"]}
    assert {notes.get(key, key): codes for key, codes in flagged.items()} == {}


def whole_day(day: str) -> bool:
    """Whether the business day was read from its beginning to its end."""
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return any(span.begin + timedelta(days=2) < noon < span.end - timedelta(days=2) for span in SPANS)


@pytest.mark.parametrize(("basis", "start"), [("closed", "00:00"), ("created", "04:00"), ("paid", "04:00")])
def test_days_are_those_of_the_pos(scene: Scene, basis: str, start: str) -> None:
    place = scene.taken.location
    rules = HistoryRules(place.timezone, timedelta(hours=int(start[:2])), basis)  # type: ignore[arg-type]
    found = documents(scene.taken, rules, are_checked=False)
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for document in found["orders"].values():
        order: Order = document.rows[0]
        if order.status != "completed":
            continue
        day = days[order.business_date]
        day["orders"] += 1
        day["discounts"] += order.discount_amount_cents
        day["tax"] += order.tax_amount_cents
        day["tips"] += order.tip_amount_cents
        day["gratuities"] += order.gratuity_cents
        day["charges"] += order.gratuity_cents + order.service_charge_amount_cents
        day["cards"] += order.non_sale_cents
        day["total"] += order.final_amount_cents + order.tip_amount_cents
    for document in found["payments"].values():
        payment: Payment = document.rows[0]
        if payment.status == "completed":
            day = days[payment.business_date]
            day["paid"] += payment.amount_cents + payment.tip_amount_cents
            day["fees known"] += payment.fee_amount_cents or 0
            day[f"by {payment.method}"] += payment.amount_cents + payment.tip_amount_cents
    for document in found["refunds"].values():
        refund: Refund = document.rows[0]
        if refund.status == "completed":
            days[refund.business_date]["refunds"] += refund.amount_cents
            days[refund.business_date]["fees back"] += refund.fee_refunded_cents or 0
    known = [
        row
        for row in here(scene, "daily")
        if (row["basis"], row["start_of_day"]) == (basis, start) and whole_day(row["date"])
    ]
    assert {row["date"] for row in known} >= {day for day, sums in days.items() if +sums and whole_day(day)}
    assert len(known) > 12
    for row in known:
        sums = days[row["date"]]
        assert sums["orders"] == row["orders"]
        assert sums["discounts"] == row["discounts"]
        assert sums["tax"] == row["tax"]
        assert sums["tips"] == row["tips"]
        assert sums["gratuities"] == row["gratuities"]
        assert sums["charges"] == row["service_charges"]
        assert sums["cards"] == row["gift_cards"]
        assert sums["total"] == row["total"]
        assert sums["paid"] == sum(row["payments"].values())
        assert sums["by cash"] == row["payments"].get("CASH", 0)
        assert sums["refunds"] == row["refunds"]
        assert sums["fees back"] == row["fees_returned"]


def test_payments_are_to_the_cent_with_fee_tip_and_who_took_them(scene: Scene) -> None:
    found = scene.found["payments"]
    known = {row["id"]: row for row in here(scene, "payments")}
    read = {row["id"] for row in here(scene, "orders") if was_read(row)}
    assert found.keys() == {key for key, row in known.items() if inside(row["created"]) or row["order"] in read}
    states = {"COMPLETED": "completed", "APPROVED": "authorized", "CANCELED": "cancelled", "FAILED": "failed"}
    methods = {"CARD": "card", "CASH": "cash", "SQUARE_GIFT_CARD": "gift_card", "WALLET": "wallet"}
    for key, document in found.items():
        row, truth = document.rows[0], known[key]
        assert (row.amount_cents, row.tip_amount_cents) == (truth["amount"], truth["tip"])
        assert row.status == states[truth["status"]]
        assert (row.fee_amount_cents or 0) == truth["fee"]
        assert sum(fee.amount_cents for fee in rows(document, PaymentFee)) == truth["fee"]
        assert row.staff_key == truth["team_member"] and row.customer_key == truth["customer"]
        assert row.order_key == truth["order"] and row.processed_at == at(truth["created"])
        assert row.method == methods.get(truth["kind"], row.method)
        tips = rows(document, Tip)
        assert sum(tip.tip_amount_cents for tip in tips) == (truth["tip"] if truth["status"] == "COMPLETED" else 0)
        assert row.review_flags is None


def test_refunds_name_their_sale_and_what_was_given_back(scene: Scene) -> None:
    found = scene.found["refunds"]
    known = {row["id"]: row for row in here(scene, "refunds") if inside(row["created"])}
    returns = {row["id"]: row for row in here(scene, "orders") if row["kind"] != "sale"}
    assert found.keys() == known.keys()
    shared: Counter[str] = Counter(row["order"] for row in known.values())
    for key, document in found.items():
        row, truth = document.rows[0], known[key]
        assert row.amount_cents == truth["cents"]
        assert (row.payment_key, row.order_key, row.return_order_key) == (
            truth["payment"],
            truth["source_order"],
            truth["order"],
        )
        assert row.status == truth["status"].lower()
        assert (row.fee_refunded_cents or 0) == truth["fee_returned"]
        back = returns[truth["order"]]
        if shared[truth["order"]] == 1:
            assert row.tax_cents == back["returned_tax"] and row.tip_refunded_cents == back["returned_tips"]
            coins = json.loads(row.details or "{}").get("rounding_cents", 0)
            parts = row.net_cents + row.tax_cents + row.tip_refunded_cents + row.charge_cents
            assert parts + coins == row.amount_cents
            assert rows(document, RefundItem)
        if row.order_key is not None:
            sale = scene.found["orders"].get(row.order_key)
            assert (
                row.sale_business_date == (sale.rows[0].business_date if sale else row.sale_business_date) is not None
            )
    split = [key for key, row in known.items() if shared[row["order"]] > 1]
    assert split and sum(bool(rows(found[key], RefundItem)) for key in split) == len({known[k]["order"] for k in split})


def test_what_is_peculiar_is_told_apart(scene: Scene) -> None:
    ids = {row["note"]: row["order"] for row in scene.truth["notes"]}
    found = sales(scene)

    def document(note: str) -> Any:
        return scene.found["orders"][ids[note]]

    comp = rows(document("comp of a line with reason"), OrderDiscount)
    assert [(row.is_comp, row.item_no, row.percentage) for row in comp] == [(True, 0, "100")]
    assert found[ids["comp of the whole check, zero total"]].final_amount_cents == 0
    assert found[ids["auto gratuity"]].gratuity_cents > 0
    assert found[ids["auto gratuity"]].service_charge_amount_cents == 0
    assert found[ids["gift card sold"]].non_sale_cents == found[ids["gift card sold"]].subtotal_cents == 5000
    assert found[ids["exempt order"]].is_tax_exempt
    assert found[ids["open check"]].status == "pending" and found[ids["open check"]].closed_at is None
    ahead = found[ids["scheduled for later, paid already"]]
    assert (ahead.status, ahead.order_type, ahead.channel) == ("scheduled", "takeout", "online")
    assert ahead.scheduled_for == "2026-10-09T23:00:00+00:00"
    market = found[ids["marketplace order with remitted tax"]]
    assert (market.order_type, market.channel, market.external_id) == ("delivery", "third_party", "DD-REMITTED")
    voided = found[ids["voided check"]]
    assert voided.is_voided and voided.voided_at is not None and voided.void_business_date is not None
    assert found[ids["dine-in as newer versions say it"]].order_type == "dine_in"
    beans = rows(document("quantity with fractions"), OrderItem)[0]
    assert (beans.quantity, beans.unit) == ("0.375", "lb")
    gone = rows(document("item that is no longer in the catalog"), OrderItem)[0]
    assert gone.menu_item_key == "ITEMOFLONGAGO00000000001" and gone.variation_key is None
    assert (
        found[ids["the hour that comes twice, first"]].opened_at
        < found[ids["the hour that comes twice, second"]].opened_at
    )
    assert "older than a year" in ids and ids["older than a year"] in found
    assert ids["order of a location that is closed for good"] not in found


def test_lines_name_what_the_menu_names(scene: Scene) -> None:
    location = scene.taken.location
    menu = CONNECTOR.map_menu(scene.taken.reader, location)
    keys: dict[str, set[str]] = defaultdict(set)
    for row in menu.rows:
        keys[row.entity].add(row.key)
    lines = [row for document in scene.found["orders"].values() for row in rows(document, OrderItem)]
    named = [row.menu_item_key for row in lines if row.menu_item_key]
    assert sum(key in keys["items"] for key in named) > 0.98 * len(named)
    assert {row.variation_key for row in lines if row.variation_key} <= keys["variations"]
    options = [row.modifier_key for d in scene.found["orders"].values() for row in rows(d, OrderItemModifier)]
    assert sum(key in keys["modifiers"] for key in options) > 0.95 * len(options) > 10
    assert any(row.category_name for row in lines)


def test_payouts_hold_what_they_are_made_of(scene: Scene) -> None:
    found = scene.found["payouts"]
    known = {row["id"]: row for row in here(scene, "payouts") if at(row["created"]) >= utc_text(RECENT.begin)}
    assert found.keys() == known.keys() and len(found) > 30
    entries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in scene.truth["payout_entries"]:
        entries[entry["payout"]].append(entry)
    for key, document in found.items():
        row, lines = document.rows[0], rows(document, PayoutEntry)
        assert (row.amount_cents, row.payout_type, row.status) == (
            known[key]["cents"],
            known[key]["type"],
            known[key]["status"],
        )
        assert sorted(
            (one.source_entry_id, one.entry_type, one.gross_cents, one.fee_cents, one.net_cents) for one in lines
        ) == sorted((one["id"], one["type"], one["gross"], one["fee"], one["net"]) for one in entries[key])
        assert {one.source_entry_id: one.payment_key for one in lines} == {
            one["id"]: one.get("payment_id") for one in entries[key]
        }
    classes = {line.entry_class for document in found.values() for line in rows(document, PayoutEntry)}
    assert classes >= {"sale", "refund", "fee", "dispute", "adjustment", "reserve", "transfer", "tax", "other"}


def test_drawers_add_up_to_what_should_be_in_them(scene: Scene) -> None:
    shifts, events = scene.found["cash_drawer_shifts"], scene.found["cash_events"]
    known = {row["id"]: row for row in here(scene, "cash_drawers") if row["date"] >= LAST_DAYS.begin.date().isoformat()}
    assert shifts.keys() == known.keys() and len(shifts) > 10
    moved: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for document in events.values():
        event: CashEvent = document.rows[0]
        moved[event.shift_key or ""] += event.amount_cents
        count[event.shift_key or ""] += 1
    for key, document in shifts.items():
        row, truth = document.rows[0], known[key]
        assert (row.expected_cents, row.counted_cents) == (truth["expected"], truth["counted"])
        assert row.opening_cents + moved[key] == row.expected_cents
        assert count[key] == truth["events"]
        assert row.business_date == truth["date"] and row.drawer_name == "Register 1"


def test_no_secret_and_nothing_personal_is_stored_as_it_was_sent(scene: Scene) -> None:
    reader = scene.taken.reader
    stored = b"\n".join(
        body.data for entity in reader.entities() if entity != "catalog" for body in reader.bodies(entity)
    )
    assert b"enc:v1:" in stored
    tickets = {row["ticket"] for row in scene.truth["orders"] if row["ticket"]}
    words = [*scene.truth["secrets"], *scene.truth["personal"], *tickets]
    assert tickets and len(words) > 100
    texts = set(re.findall(rb'"((?:[^"\\\\]|\\\\.)*)"', stored))
    assert not [word for word in words if {word.encode(), json.dumps(word)[1:-1].encode()} & texts]
    for field in (b"receipt_url", b"fingerprint", b"exp_year", b"payment_source_token"):
        assert field not in stored
    shown = json.dumps([document.rows for kind in scene.found.values() for document in kind.values()])
    assert "enc:v1" not in shown
    values = {value for kind in scene.found.values() for d in kind.values() for row in d.rows for value in row}
    assert not values & {*scene.truth["secrets"], *scene.truth["personal"], *tickets}
