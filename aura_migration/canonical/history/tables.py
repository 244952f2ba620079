"""The tables of the history as data, read off the tuples of ``rows.py``: parents first, in the order they are written in.

A *document* is one object of the POS with everything that is replaced together with it. Its kind is the name of its first
table, its root; the other tables hang on that root by ``<root>_id`` (``order_id`` for orders).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from aura_migration.canonical.history import rows
from aura_migration.canonical.history.kinds import Kind, OneOf, Ref, Within

_KINDS = {str: "text", int: "int", bool: "bool"}
SQL_TYPES = {
    "text": "text",
    "int": "integer",
    "cents": "bigint",
    "bool": "boolean",
    "numeric": "numeric",
    "json": "jsonb",
    "timestamp": "timestamptz",
    "date": "date",
}


@dataclass(frozen=True)
class Column:
    """One column. ``name`` is the field of the tuple, ``target`` the column of AuraConnect's table."""

    name: str
    kind: str
    required: bool
    target: str
    choices: tuple[str, ...] = ()
    ref: str | None = None
    within: str | None = None

    @property
    def sql_type(self) -> str:
        """The type of the staging column."""
        return SQL_TYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One table of AuraConnect that history is written to. ``document`` is the kind of document its rows belong to."""

    name: str
    row: type[Any]
    document: str
    parent: str = ""
    doc: str = field(default="", compare=False)

    @property
    def is_root(self) -> bool:
        """Whether a document of the kind has exactly one row here."""
        return self.name == self.document

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns in the order of the tuple."""
        hints = get_type_hints(self.row, include_extras=True)
        return tuple(_column(name, hints[name]) for name in self.row._fields)

    @property
    def refs(self) -> tuple[Column, ...]:
        """The columns that point at rows outside the document."""
        return tuple(column for column in self.columns if column.ref)

    @property
    def places(self) -> tuple[Column, ...]:
        """The columns that point at other rows of the same document."""
        return tuple(column for column in self.columns if column.within)


def _column(name: str, hint: Any) -> Column:
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *found = get_args(hint)
        marks = tuple(found)
    kinds = [hint]
    if get_origin(hint) in (Union, UnionType):
        kinds = [one for one in get_args(hint) if one is not type(None)]
    ref = next((m.entity for m in marks if isinstance(m, Ref)), None)
    within = next((m for m in marks if isinstance(m, Within)), None)
    target = name
    if ref:
        target = name.removesuffix("_key") if name.endswith("_by_key") else name.removesuffix("_key") + "_id"
    elif within:
        target = within.column
    return Column(
        name=name,
        kind=next((m.name for m in marks if isinstance(m, Kind)), _KINDS[kinds[0]]),
        required=hint in (str, int, bool),
        target=target,
        choices=next((m.choices for m in marks if isinstance(m, OneOf)), ()),
        ref=ref,
        within=within.table if within else None,
    )


TABLES: tuple[Table, ...] = (
    Table("order_groups", rows.OrderGroup, "order_groups"),
    Table("orders", rows.Order, "orders"),
    Table("order_items", rows.OrderItem, "orders", "order_id"),
    Table("order_item_modifiers", rows.OrderItemModifier, "orders", "order_id"),
    Table("order_discounts", rows.OrderDiscount, "orders", "order_id"),
    Table("order_service_charges", rows.OrderServiceCharge, "orders", "order_id"),
    Table("order_taxes", rows.OrderTax, "orders", "order_id"),
    Table("payments", rows.Payment, "payments"),
    Table("payment_fees", rows.PaymentFee, "payments", "payment_id"),
    Table("tip_records", rows.Tip, "payments", "payment_id"),
    Table("refunds", rows.Refund, "refunds"),
    Table("refund_items", rows.RefundItem, "refunds", "refund_id"),
    Table("payouts", rows.Payout, "payouts"),
    Table("payout_entries", rows.PayoutEntry, "payouts", "payout_id"),
    Table("cash_drawer_shifts", rows.CashDrawerShift, "cash_drawer_shifts"),
    Table("cash_events", rows.CashEvent, "cash_events"),
    Table("deposits", rows.Deposit, "deposits"),
    Table("house_account_movements", rows.HouseAccountMovement, "house_account_movements"),
)
"""Parents first: a document only points at documents of kinds that stand above its own."""
BY_NAME = {table.name: table for table in TABLES}
BY_ROW = {table.row: table for table in TABLES}
DOCUMENTS = tuple(table.name for table in TABLES if table.is_root)
"""The kinds of documents, parents first."""


def tables_of(document: str) -> tuple[Table, ...]:
    """The tables of a kind of document, its root first."""
    return tuple(table for table in TABLES if table.document == document)
