"""The POS's own daily reports: which figures a column may hold, by which headings each POS's export names them, and the
mapping file for exports that name them otherwise.

There are three sheets: sales (a line per day), taxes (a line per day and rate) and payments (a line per day and tender).
Declarations only; how a file is read is in ``report_import.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from aura_migration.core.errors import BadInput
from aura_migration.core.wording import problems_of
from aura_migration.intake.cells import plain
from aura_migration.intake.kinds import FileField, FileKind, Kind
from aura_migration.intake.mapping_file import FileMapping, TotalsRow

Sheet = Literal["sales", "taxes", "payments"]
SHEETS: tuple[Sheet, ...] = ("payments", "taxes", "sales")
"""In the order in which a file is tried: a sheet with a column more comes first."""
FORMAT = "report-import --schema"
COUNTS = ("orders", "guests", "tender_count")
"""Figures that are numbers, not money."""
TAKEN_OFF = ("discounts", "returns", "refunds", "fees", "tender_refunds", "tender_credits")
"""Figures that exports show with either sign; they are stored as positive amounts that reduce something."""


def _field(name: str, headings: str, doc: str = "") -> FileField:
    return FileField(name, "text", tuple(headings.split()), doc=doc)


_DATE = _field("date", "date businessdate businessday day reportdate salesdate saledate")
_LOCATION = _field("location", "location locationname store storename restaurant site merchant")
SALES = (
    _DATE,
    _LOCATION,
    _field("orders", "orders ordercount numberoforders totalorders"),
    _field("guests", "guests guestcount covers totalguests"),
    _field("gross", "grosssales gross", "sales before discounts"),
    _field("returns", "returns"),
    _field("refunds", "refunds refundamount totalrefunds"),
    _field("discounts", "discountscomps discounts totaldiscounts discountamount"),
    _field("net", "netsales net totalnetsales"),
    _field("gift_cards", "giftcardsales deferredgiftcards deferred deferredrevenue giftcardssold"),
    _field("non_revenue", "nonrevenueitems nonrevenue nonrevenueitem"),
    _field("order_fees", "orderfees"),
    _field("service_charges", "servicecharges servicecharge"),
    _field("gratuity", "gratuity autogratuity gratuities"),
    _field("tax", "tax taxes totaltax salestax taxamount taxcollected"),
    _field("tips", "tips totaltips tip"),
    _field("rounding", "cashrounding rounding"),
    _field("fees", "fees processingfees"),
    _field("voids", "voids voidamount voidtotal"),
    _field("collected", "amountcollected totalcollected", "payments with tips, less what was given back"),
)
TAXES = (
    _DATE,
    _LOCATION,
    _field("tax_name", "taxname tax taxrate", "the name of the rate"),
    _field("tax_percent", "rate percent percentage taxpercent", "its percentage, where the name does not hold it"),
    _field("tax_by_rate", "taxcollected taxamount amount collected"),
    _field("taxable_by_rate", "taxablesales taxableamount taxable"),
    _field("remitted", "remittedbymarketplace marketplace", "whether a marketplace remits it; such lines are added up"),
)
PAYMENTS = (
    _DATE,
    _LOCATION,
    _field("tender", "tender paymenttype tendertype paymentmethod method"),
    _field("tender_count", "payments count quantity numberofpayments"),
    _field("tender_amount", "amount paymentamount", "without tips"),
    _field("tender_tips", "tips tip tipamount"),
    _field("tender_refunds", "refunded refunds refundamount"),
    _field("tender_credits", "credits manualrefunds"),
    _field("tender_total", "total totalcollected", "with tips, less what was given back"),
)
FIELDS: Mapping[Sheet, tuple[FileField, ...]] = {"sales": SALES, "taxes": TAXES, "payments": PAYMENTS}
PLACES = ("date", "location", "tax_name", "tax_percent", "remitted", "tender")
"""Fields that say of what a line is; all others are figures."""
NAMED = ("tender_net", "tender_amount", "tender_total", "tender_count", "tender_tips", "tax_by_rate")
"""Figures that a sales sheet may have a column each for: ``tender_net:Cash`` is what was taken in cash, refunds taken off."""
_REQUIRED: Mapping[Sheet, tuple[str, ...]] = {
    "sales": ("date",),
    "taxes": ("date", "tax_name", "tax_by_rate"),
    "payments": ("date", "tender"),
}
BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "square": {
        "Card": "tender_net:Card",
        "Cash": "tender_net:Cash",
        "Gift Card": "tender_net:Gift card",
        "Other": "tender_net:Other",
    }
}
"""Per POS the headings of its sales sheet that mean something only there."""


class ReportMapping(BaseModel):
    """How to read a daily report. Everything is optional: what is left out is recognised."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)

    sheet: Sheet | None = Field(default=None, description="what the file is; none: found by its columns")
    columns: dict[str, str] = Field(default_factory=dict, description="heading of the file → figure; none: recognised")
    location: str | None = Field(
        default=None,
        description="what the location is called in the file, where it holds several; none: its name or POS id",
    )
    header_line: int | None = Field(default=None, ge=1, description="line of the headings; none: found")
    encoding: str | None = Field(default=None, description="utf-8, utf-16, cp1252 …; none: found")
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(default=None, description="none: found")
    decimal_separator: Literal[".", ","] | None = Field(default=None, description="none: found")
    date_formats: tuple[str, ...] = Field(default=(), description="strptime forms such as %m/%d/%Y; none: found")
    totals_row: TotalsRow = TotalsRow()


def load_report_mapping(path: Path | None) -> ReportMapping:
    """The mapping of a JSON file; none recognises everything. ``BadInput`` lists every problem."""
    if path is None:
        return ReportMapping()
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f"The mapping file {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except ValueError as error:
        raise BadInput(f"The mapping file {path} is not JSON: {error}.", f"See `aura-migration {FORMAT}`.") from error
    try:
        return ReportMapping.model_validate(document)
    except ValidationError as error:
        problems = problems_of(error.errors())
        remedy = f"`aura-migration {FORMAT}` prints the format."
        raise BadInput(f"{path}: {'; '.join(problems)}.", remedy, problems=problems) from None


def report_schema() -> dict[str, Any]:
    """The JSON schema of the mapping file, with the figures of every sheet."""
    schema = ReportMapping.model_json_schema(by_alias=True)
    figures = "; ".join(
        f"{sheet}: {', '.join(f.name for f in FIELDS[sheet])}" for sheet in ("sales", "taxes", "payments")
    )
    named = ", ".join(f"{name}:<name>" for name in NAMED)
    schema["properties"]["columns"]["description"] += f". Figures of {figures}; in sales also {named}"
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "aura_migration daily report"}


def file_kind(sheet: Sheet, columns: Mapping[str, str]) -> FileKind:
    """The sheet as a kind of file that ``reading`` understands. ``columns``: what a mapping or the POS's own form adds.

    ``BadInput`` for a column that is mapped to no figure.
    """
    known = {f.name for f in FIELDS[sheet]}
    added = []
    for heading, name in columns.items():
        if name in known:
            continue
        figure, _, of = name.partition(":")
        if sheet != "sales" or figure not in NAMED or not plain(of):
            raise BadInput(
                f"The mapping does not fit: {heading!r} is mapped to {name!r}, which is no figure of the {sheet} sheet.",
                f"`aura-migration {FORMAT}` prints the figures there are.",
            )
        added.append(FileField(name, "text", ()))
    return FileKind(
        name=cast(Kind, "daily_report"),
        title=f"the {sheet} sheet of a daily report",
        entity="",
        fields=(*FIELDS[sheet], *added),
        identity=("date",),
        required=_REQUIRED[sheet],
        amount="",
    )


def file_mapping(mapping: ReportMapping) -> FileMapping:
    """The part of a mapping that says how the file is written, as ``reading`` takes it."""
    return FileMapping(
        columns=mapping.columns,
        header_line=mapping.header_line,
        encoding=mapping.encoding,
        delimiter=mapping.delimiter,
        decimal_separator=mapping.decimal_separator,
        date_formats=mapping.date_formats,
        totals_row=mapping.totals_row,
    )
