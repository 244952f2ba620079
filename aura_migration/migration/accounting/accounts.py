"""The account each line of the journal goes to: defaults for every line, and a file of the accountant's own on top of them.

A *line* is what the journal distinguishes whatever the chart of accounts is (sales, tax payable, tips payable …); its
*detail* tells apart within it (a category, a tax rate, a tender).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aura_migration.core.errors import BadInput
from aura_migration.core.wording import problems_of


@dataclass(frozen=True)
class Line:
    """One line of the journal: what it means, and the account it has unless a file says otherwise."""

    meaning: str
    account: str
    name: str
    detail: str = ""


LINES: Mapping[str, Line] = {
    "sales": Line(
        "lines of class sale as rung up, without tax inside the prices", "4000", "Sales", "category on the bill"
    ),
    "discounts": Line("discounts given, comps apart", "4900", "Discounts"),
    "comps": Line("comps: what was given away entirely, for a reason", "4910", "Comps"),
    "refunds": Line("sales given back, on the day of the refund", "4920", "Refunds"),
    "service_charges": Line(
        "service charges, surcharges and delivery charges; refunded ones too", "4100", "Service charges", "class"
    ),
    "non_revenue": Line("lines the POS says are no revenue", "4200", "Other, no revenue"),
    "sales_tax": Line("tax the restaurant remits", "2200", "Sales tax payable", "name and rate"),
    "marketplace_tax": Line(
        "tax a marketplace remits in the restaurant's stead", "2210", "Tax remitted by marketplaces", "name and rate"
    ),
    "tips_payable": Line("tips of guests, owed to the staff", "2300", "Tips payable"),
    "gratuity_payable": Line("auto-gratuities, neither tip nor sale", "2310", "Gratuity payable"),
    "donations_payable": Line("donations and fundraising charges", "2320", "Donations payable"),
    "gift_card_liability": Line(
        "gift cards: loads add to it, redemptions take from it",
        "2400",
        "Gift card liability",
        "tender, where it is not simply Gift card: somebody else's cards may belong elsewhere",
    ),
    "store_credit_liability": Line("store credit redeemed or given", "2410", "Store credit liability"),
    "deposits": Line("deposits of guests for orders to come", "2420", "Customer deposits"),
    "house_account_receivable": Line(
        "house accounts: what was charged adds to it, what was paid takes from it", "1200", "House accounts receivable"
    ),
    "house_account_adjustments": Line("corrections of house accounts", "6910", "House account adjustments"),
    "open_checks": Line(
        "checks of the day less payments of the day: what is paid on another day stays here until then",
        "1210",
        "Open checks",
    ),
    "cash": Line("cash taken, given back, paid in and out, brought to the bank", "1000", "Cash"),
    "card_clearing": Line(
        "cards, wallets and whatever else the processor settles, less fees, until it pays out",
        "1100",
        "Card clearing",
        "tender",
    ),
    "checks_and_transfers": Line(
        "checks and bank transfers received, not through the processor", "1110", "Checks and transfers", "tender"
    ),
    "other_tenders": Line("all other tenders", "1190", "Other tenders", "tender"),
    "loyalty_redemptions": Line("what was paid with points", "6400", "Loyalty redemptions"),
    "bank": Line("payouts of the processor and cash deposits", "1010", "Bank"),
    "processing_fees": Line("fees of payments, and of payouts where they are no payment's", "6500", "Processing fees"),
    "disputes": Line("disputed payments taken from payouts", "6510", "Disputes"),
    "processor_reserve": Line("what the processor holds back or releases", "1120", "Processor reserve"),
    "processor_other": Line("all else in payouts that is no sale, refund or fee", "6520", "Processor, other", "class"),
    "cash_paid_in": Line("cash put into drawers", "1030", "Cash paid in"),
    "cash_paid_out": Line("cash taken out of drawers for expenses", "6600", "Cash paid out"),
    "cash_adjustments": Line("other movements of cash that a drawer tells of", "6610", "Cash adjustments"),
    "cash_over_short": Line("what was counted less what should have been in the drawer", "6620", "Cash over/short"),
    "rounding": Line("cash rounding", "6630", "Rounding"),
    "pos_difference": Line(
        "what does not add up in the POS's own figures; its documents are listed", "9990", "POS differences, clearing"
    ),
}
"""Every line of the journal, in the order of the documentation."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Account(_Model):
    """An account of the chart."""

    account: str = Field(min_length=1, max_length=64, description="number or code of the account")
    name: str | None = Field(default=None, max_length=200, description="its name; none: the default name of the line")


class LineAccount(Account):
    """The account of a line, and others for some of its details."""

    details: dict[str, Account] = Field(
        default={},
        description="accounts of single details (a category, a tax such as 'Sales tax 8.875%', a tender), by exact name",
    )


class AccountFile(_Model):
    """The account of each line of the journal. A line that is not named keeps its default."""

    accounts: dict[str, LineAccount] = Field(default={}, description=f"by line: {', '.join(LINES)}")


@dataclass(frozen=True)
class Accounts:
    """Answers which account a line goes to."""

    chosen: Mapping[str, LineAccount] = field(default_factory=dict)

    def of(self, line: str, detail: str) -> tuple[str, str]:
        """Account and its name."""
        default = LINES[line]
        chosen = self.chosen.get(line)
        if chosen is None:
            return default.account, default.name
        own = chosen.details.get(detail)
        if own is not None:
            return own.account, own.name or chosen.name or default.name
        return chosen.account, chosen.name or default.name


def load_accounts(file: Path | None) -> Accounts:
    """The accounts of a file over the defaults; ``BadInput`` names what is wrong with it."""
    if file is None:
        return Accounts()
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"The account file {file} cannot be read: {error.strerror}.", "Check the path.") from error
    except ValueError as error:
        raise BadInput(f"The account file {file} is not JSON in UTF-8.", _REMEDY) from error
    try:
        parsed = AccountFile.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(problems_of(error.errors()))
        raise BadInput(f"The account file {file} is not as its schema says: {problems}.", _REMEDY) from None
    unknown = sorted(set(parsed.accounts) - set(LINES))
    if unknown:
        raise BadInput(f"The journal has no line {', '.join(unknown)}.", _REMEDY)
    return Accounts(parsed.accounts)


def default_file() -> dict[str, Any]:
    """The defaults as an account file, to begin one's own with."""
    return {"accounts": {name: {"account": line.account, "name": line.name} for name, line in LINES.items()}}


def accounts_schema() -> dict[str, Any]:
    """JSON Schema of the account file."""
    schema = AccountFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["accounts"]["propertyNames"] = {"enum": list(LINES)}
    return schema


_REMEDY = (
    "`aura-migration accounting accounts` prints the defaults to begin with; docs/reports.md says what each line is."
)
