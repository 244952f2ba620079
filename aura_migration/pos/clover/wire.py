"""Clover's wire format as far as the mapping reads it: typed structs beside the raw records, and decoding.

REST v3. Nulls are left out by Clover, so every field but the id may be absent; fields not listed stay in the raw record.
What a field means for AuraConnect does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

_DECODER = msgspec.json.Decoder(float_hook=Decimal)

Raw = Mapping[str, Any]
T = TypeVar("T")


class Wrapped(msgspec.Struct, Generic[T], frozen=True):
    """A list inside a record; ``elements`` is absent where it was not expanded."""

    elements: list[T] | None = None


class Ref(msgspec.Struct, frozen=True):
    """A pointer to another record."""

    id: str | None = None


class MenuItem(msgspec.Struct, frozen=True, rename="camel"):
    """What Clover's online ordering shows of an item."""

    name: str | None = None
    description: str | None = None
    image_filename: str | None = None
    enabled: bool | None = None


class AgeRestriction(msgspec.Struct, frozen=True, rename="camel"):
    """Who may buy an item."""

    name: str | None = None
    minimum_age: int | None = None


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """Something that is sold. ``price`` is cents, in VAT countries with the tax in it."""

    id: str
    name: str | None = None
    alternate_name: str | None = None
    code: str | None = None
    sku: str | None = None
    price: int | None = None
    price_type: str | None = None
    unit_name: str | None = None
    cost: int | None = None
    hidden: bool | None = None
    available: bool | None = None
    auto_manage: bool | None = None
    is_revenue: bool | None = None
    default_tax_rates: bool | None = None
    color_code: str | None = None
    is_age_restricted: bool | None = None
    exclude_cash_discount: bool | None = None
    age_restricted_obj: AgeRestriction | None = None
    item_group: Ref | None = None
    menu_item: MenuItem | None = None


class Stock(msgspec.Struct, frozen=True, rename="camel"):
    """Stock of an item. ``quantity`` (a decimal number) is absent where it was never set."""

    item: Ref
    quantity: Any = None


class Category(msgspec.Struct, frozen=True, rename="camel"):
    """A category; the order is a number, seen as text too. ``parentCategory`` is known from newer software only."""

    id: str
    name: str | None = None
    sort_order: int | str | None = None
    color_code: str | None = None
    parent_category: Ref | None = None


class ModifierGroup(msgspec.Struct, frozen=True, rename="camel"):
    """A group of choices; ``modifierIds`` is one text, its order the order of display."""

    id: str
    name: str | None = None
    alternate_name: str | None = None
    min_required: int | None = None
    max_allowed: int | None = None
    show_by_default: bool | None = None
    sort_order: int | None = None
    modifier_ids: str | None = None


class Modifier(msgspec.Struct, frozen=True, rename="camel"):
    """A choice of exactly one group. ``price`` is cents."""

    id: str
    name: str | None = None
    alternate_name: str | None = None
    price: int | None = None
    available: bool | None = None
    modifier_group: Ref | None = None


class TaxRate(msgspec.Struct, frozen=True, rename="camel"):
    """A tax. ``rate`` 10,000,000 is 100 %; ``taxAmount`` (cents per line) counts only where the rate is 0."""

    id: str
    name: str | None = None
    rate: int | None = None
    is_default: bool | None = None
    tax_amount: int | None = None


class Printer(msgspec.Struct, frozen=True, rename="camel"):
    """A printer an item's tickets go to."""

    id: str | None = None
    name: str | None = None
    model: str | None = None
    type: str | None = None


class Tag(msgspec.Struct, frozen=True, rename="camel"):
    """A label; with printers it also routes kitchen tickets."""

    id: str
    name: str | None = None
    printers: Wrapped[Printer] | None = None


class ItemGroup(msgspec.Struct, frozen=True):
    """The common name of items that are variants of one thing."""

    id: str
    name: str | None = None


class Attribute(msgspec.Struct, frozen=True, rename="camel"):
    """What the variants of a group differ in."""

    id: str
    name: str | None = None
    item_group: Ref | None = None


class Option(msgspec.Struct, frozen=True):
    """One value of an attribute."""

    id: str
    name: str | None = None
    attribute: Ref | None = None


class Address(msgspec.Struct, frozen=True, rename="camel"):
    """The address of the site."""

    address1: str | None = None
    address2: str | None = None
    address3: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    phone_number: str | None = None


class Merchant(msgspec.Struct, frozen=True, rename="camel"):
    """A merchant, which in Clover is one site."""

    id: str
    name: str | None = None
    default_currency: str | None = None


class Properties(msgspec.Struct, frozen=True, rename="camel"):
    """The settings of a merchant that matter to a menu. ``summaryHour`` is the hour at which the reporting day ends."""

    timezone: str | None = None
    default_currency: str | None = None
    vat: bool | None = None
    summary_hour: int | None = None


def document(data: bytes) -> Any:
    """A JSON body with numbers exact (fractions as Decimal)."""
    return _DECODER.decode(data)


def rows(data: bytes) -> list[Raw]:
    """The records of a stored list answer; one without a list holds none (extraction has refused such answers)."""
    found = document(data)
    elements = found.get("elements") if isinstance(found, Mapping) else None
    return [row for row in elements or () if isinstance(row, Mapping)]


def read(raw: Any, shape: type[T]) -> T:
    """A raw record as a struct; ``msgspec.ValidationError`` names the field that does not fit."""
    return msgspec.convert(raw, shape)


def nested(raw: Raw, field: str) -> list[Raw] | None:
    """The entries of a list inside a record; a single pointer counts as a list of one; None where it was not expanded."""
    value = raw.get(field)
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("id"), str):
        return [value]
    elements = value.get("elements")
    if not isinstance(elements, list):
        return None
    return [entry for entry in elements if isinstance(entry, Mapping)]


def nested_ids(raw: Raw, field: str) -> Iterator[str]:
    """The ids of the entries of a list inside a record."""
    for entry in nested(raw, field) or ():
        ident = entry.get("id")
        if isinstance(ident, str):
            yield ident


def is_deleted(raw: Raw) -> bool:
    """Whether Clover calls the record deleted; which of these fields it has differs by kind of record."""
    return raw.get("deleted") is True or raw.get("isDeleted") is True or bool(raw.get("deletedTime"))


def decimal_text(value: Any) -> str | None:
    """A number as exact text without needless zeros; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite():
        return None
    if number == number.to_integral_value():
        return str(int(number))
    return format(number.normalize(), "f")


def closeout(hour: int | None) -> str:
    """The end of the business day proposed by Clover's reporting hour (0 to 23); midnight where there is none."""
    return f"{hour:02}:00" if hour is not None and 0 <= hour <= 23 else "00:00"
