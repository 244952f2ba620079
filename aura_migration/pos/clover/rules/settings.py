"""Settings of the merchant: those AuraConnect keeps by name, those it has no use for, and the pricing policy.

A setting that says nothing (null, empty) is neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.canonical.losses import carries, undeclared_note
from aura_migration.canonical.model import Loss
from aura_migration.canonical.rules import PRICING_POLICY
from aura_migration.core.ids import path
from aura_migration.core.money import show
from aura_migration.pos.clover.lists import MERCHANT
from aura_migration.pos.clover.rows import Rows

POLICY = "clover"
"""The policy of ``pricing.policies`` by which Clover's own calculator works."""

KEPT: Mapping[str, tuple[str, str]] = {
    "vat": ("pricing.prices_include_tax", "enabled"),
    "vatTaxName": ("pricing.included_tax_name", "text"),
    "removeTaxEnabled": ("pricing.tax_may_be_removed", "enabled"),
    "tipsEnabled": ("tips.offered", "enabled"),
    "maxTipPercentage": ("tips.most", "percent"),
    "tipRateDefault": ("tips.default", "value"),
    "onPaperTipSignatures": ("tips.signature_on_paper", "enabled"),
    "groupLineItems": ("orders.equal_lines_together", "enabled"),
    "orderTitle": ("orders.titles", "mode"),
    "orderTitleMax": ("orders.highest_number", "number"),
    "resetOnReportingTime": ("orders.numbers_restart_daily", "enabled"),
    "notesOnOrders": ("orders.notes", "enabled"),
    "deleteOrders": ("orders.may_be_deleted", "enabled"),
    "alternateInventoryNames": ("orders.kitchen_names", "enabled"),
    "autoPrint": ("orders.tickets_print_themselves", "enabled"),
    "stayInCategory": ("orders.stay_in_category", "enabled"),
    "signatureThreshold": ("payments.signature_from", "cents"),
    "alwaysRequireSignature": ("payments.signature_always", "enabled"),
    "cashBackEnabled": ("payments.cash_back", "enabled"),
    "cashBackOptions": ("payments.cash_back_choices", "choices"),
    "maxCashBack": ("payments.cash_back_most", "cents"),
    "manualCloseout": ("payments.closeout_by_hand", "enabled"),
    "manualCloseoutPerDevice": ("payments.closeout_by_device", "enabled"),
    "autoCloseoutTimezone": ("payments.closeout_timezone", "timezone"),
    "locale": ("receipt.language", "locale"),
    "summaryHour": ("hours.reporting_day_ends", "hour"),
}
"""Clover's setting to the key of ours (its first word is the category) and the member its value stands in."""
TECHNICAL = frozenset(("href", "id", "merchantRef", "timezone", "defaultCurrency"))
"""Said elsewhere: the location has time zone and currency."""
TEAM = "It is about how staff sign in and out; AuraConnect's sign-in is set up anew."
STOCK = "How sales move stock is set in AuraConnect itself; quantities are carried over."
CLOSEOUT = "It is about the close-out of Clover's card terminals, which stays with them."
MARKETING = "Consent is asked of each guest anew; what each guest allowed is carried over with the guests."
LOST: Mapping[str, str] = {
    "trackStock": STOCK,
    "updateStock": STOCK,
    "allowClockOutWithOpenOrders": TEAM,
    "logInClockInPrompt": TEAM,
    "pinLength": TEAM,
    "showCloseoutOrders": CLOSEOUT,
    "sendCloseoutEmail": CLOSEOUT,
    "marketingEnabled": MARKETING,
    "marketingPreferenceText": MARKETING,
    "supportPhone": "The number printed for questions is not kept; the location's own phone number is.",
    "businessTypeCode": "Clover's kind of business is not kept.",
    "privacyPolicyMode": "Which privacy policy guests are shown is set in AuraConnect itself.",
    "merchantPrivacyPolicyUrl": "Which privacy policy guests are shown is set in AuraConnect itself.",
}


def map_settings(rows: Rows) -> None:
    """The pricing policy, which every location has, and what the merchant's properties say."""
    rows.batch.add(
        "settings",
        path(rows.at, PRICING_POLICY),
        None,
        f"{MERCHANT}#{rows.at}",
        key=PRICING_POLICY,
        category="pricing",
        value={"name": POLICY},
        is_inferred=False,
    )
    for name, value in rows.catalog.object(MERCHANT, "properties").items():
        if name in TECHNICAL or not carries(value):
            continue
        if name in KEPT:
            key, member = KEPT[name]
            rows.batch.add(
                "settings",
                path(rows.at, key),
                None,
                f"{MERCHANT}#{rows.at}",
                key=key,
                category=key.partition(".")[0],
                value={member: value},
                is_inferred=False,
            )
            continue
        note = LOST.get(name) or undeclared_note(name)
        rows.batch.losses.append(
            Loss("properties", name, 1, f"{note} It says {_shown(name, value, rows)}.", (rows.at,))
        )


def _shown(name: str, value: Any, rows: Rows) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.lower().endswith(("threshold", "amount", "cents", "limit")):
        return show(value, rows.location.currency)
    return repr(value) if isinstance(value, str) else str(value)
