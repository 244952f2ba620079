"""The endpoints of a merchant except those of people and sales (their packages have them): which rows, which permission, which filter fields, which children.

Paths are relative to `/v3/merchants/{mId}`. What a list shows of deleted rows is decided here as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aura_migration.sandbox.clover.query import Field, Query
from aura_migration.sandbox.clover.wire import Renderer, items_of
from aura_migration.sandbox.clover.world import Item, Merchant, Modifier, Row

Fields = dict[str, Field]
Rows = Callable[[Merchant], list[Any]]


class Found(Protocol):
    """Rows by id: a dict, or what answers like one."""

    def get(self, row_id: str, /) -> Any:
        """The row of an id, or None."""


@dataclass(frozen=True)
class Resource:
    """A list endpoint, its single-row form and its child lists.

    `find(merchant)` maps ids to rows for `GET /{id}` (None: there is no such endpoint). `deleted` names the switch that
    says what lists show of deleted rows, `deleted_field` the filter that asks for them. `fields` depend on the merchant
    because some reach through links. `select` finds the rows of a query by itself, `select_child` does so among given
    rows; `alone` is the kind of `GET /{id}` where it can expand more; `singles` are objects under one row; `csv` is the
    name of its `.csv` form; `refused` are paths under a row that answer 405.
    """

    kind: str
    permission: str
    rows: Rows
    fields: Callable[[Merchant], Fields]
    find: Callable[[Merchant], Found] | None = None
    deleted: str | None = None
    deleted_field: str = "deleted"
    missing: tuple[str, str | None] = ("Not Found", None)
    children: dict[str, Child] = field(default_factory=dict)
    sortable: tuple[str, ...] = ("id", "name", "modifiedTime")
    implied: tuple[tuple[str, str], ...] = ()
    select: Callable[[Merchant, Query, Fields, Fields, dict[str, Any], int], Sequence[Any]] | None = None
    select_child: Callable[[list[Any], Query, Fields, Fields, dict[str, Any], int], Sequence[Any]] | None = None
    alone: str | None = None
    singles: dict[str, str] = field(default_factory=dict)
    csv: str | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Child:
    """A list under one row, answered with the filters and expansions of `resource`; `by_id`: it also has `/{id}`."""

    resource: str
    rows: Callable[[Renderer, Any], list[Any]]
    by_id: bool = False


@dataclass(frozen=True)
class Single:
    """An endpoint that answers one object without an envelope."""

    kind: str
    permission: str
    row: Callable[[Merchant], Row]


def _is(name: str, kind: type = str, wildcard: bool = False) -> Field:
    return Field(lambda row: getattr(row, name), kind, wildcard)


def _key(path: str, kind: type = str) -> Field:
    def get(row: Row) -> Any:
        value: Any = row
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    return Field(get, kind)


def _static(fields: Fields) -> Callable[[Merchant], Fields]:
    return lambda _merchant: fields


def _item_fields(merchant: Merchant) -> Fields:
    return {
        "id": _is("id"),
        "name": _is("name", wildcard=True),
        "alternateName": _is("alternate_name"),
        "sku": _is("sku"),
        "itemCode": _is("code"),
        "price": _is("price", int),
        "hidden": _is("hidden", bool),
        "available": _is("available", bool),
        "autoManage": _is("auto_manage", bool),
        "isRevenue": _is("is_revenue", bool),
        "defaultTaxRates": _is("default_tax_rates", bool),
        "modifiedTime": _is("modified", int),
        "deleted": _is("deleted", bool),
        "item.id": _is("id"),
        "option.id": _is("options"),
        "modifierGroup.id": _is("groups"),
        "tags.id": _is("tags"),
        "tags.name": Field(lambda item: [merchant.tags[tag].name for tag in item.tags]),
        "itemStock.quantity": _is("quantity", float),
        "itemGroup.id": _is("item_group"),
        "categoryId": _is("categories"),
    }


def _group_fields(merchant: Merchant) -> Fields:
    def categories(group: Any) -> list[str]:
        return [category for item in group.items for category in merchant.items[item].categories]

    return {
        "id": _is("id"),
        "name": _is("name"),
        "sortOrder": _is("sort_order", int),
        "negativeSortOrder": Field(lambda group: None if group.sort_order is None else -group.sort_order, int),
        "showByDefault": _is("show_by_default", bool),
        "category.id": Field(categories),
        "item.id": _is("items"),
        "modifiedTime": _is("modified", int),
    }


_CATEGORY = {
    "id": _is("id"),
    "name": _is("name"),
    "sortOrder": Field(lambda category: _whole(category.sort_order), int),
    "colorCode": _is("color_code"),
    "deleted": _is("deleted", bool),
    "modifiedTime": _is("modified", int),
}
_MODIFIER = {
    "id": _is("id"),
    "name": _is("name"),
    "alternateName": _is("alternate_name"),
    "price": _is("price", int),
    "modifierGroup.id": _is("group"),
    "modifiedTime": _is("modified", int),
}
_NEVER_DELETED = Field(lambda _row: None, int)
_ITEM_GROUP = {
    "id": _is("id"),
    "name": _is("name"),
    "modifiedTime": _is("modified", int),
    "deletedTime": _NEVER_DELETED,
}
_ATTRIBUTE = {**_ITEM_GROUP, "itemGroup.id": _is("item_group")}
_OPTION = {**_ITEM_GROUP, "item.id": _is("items"), "attribute.id": _is("attribute")}
_TAG = {
    "id": _is("id"),
    "name": _is("name"),
    "showInReporting": _is("show_in_reporting", bool),
    "deleted": Field(lambda _tag: False, bool),
    "modifiedTime": _is("modified", int),
}
_TAX_RATE = {
    "id": _is("id"),
    "name": _is("name"),
    "rate": _is("rate", int),
    "isDefault": _is("is_default", bool),
    "taxAmount": _is("tax_amount", int),
    "taxType": _is("tax_type"),
    "items.id": _is("items"),
}
_DISCOUNT = {
    "id": _is("id"),
    "amount": _is("amount", int),
    "percentage": _is("percentage", int),
    "modifiedtime": _is("modified", int),
}
_TIP = {
    "flatTip": _key("flatTip", int),
    "percentage": _key("percentage", int),
    "name": _key("name"),
    "id": _key("id"),
    "enabled": _key("isEnabled", bool),
}
_TENDER = {
    **{name: _key(name) for name in ("merchantId", "systemTenderId", "label", "id", "labelKey")},
    "instruction": _key("instructions"),
    **{name: _key(name, bool) for name in ("visible", "opensCashDrawer", "enabled")},
    **{name: _key(name, int) for name in ("modifiedTime", "deletedTime")},
}
_ROLE = {
    **{name: _key(name) for name in ("systemRole", "name", "id")},
    **{name: _key(name, int) for name in ("modifiedTime", "deletedTime")},
}
_DEVICE = {
    **{
        name: _key(name) for name in ("serial", "name", "merchant.id", "merchant.name", "deviceTypeName", "model", "id")
    },
    "deleted_time": _key("deletedTime", int),
    "orderPrefix": _key("orderPrefix"),
}


def _whole(value: int | str | None) -> int | None:
    return int(value) if isinstance(value, str) else value


def _store(name: str) -> Rows:
    return lambda merchant: list(getattr(merchant, name).values())


def _by_id(name: str) -> Callable[[Merchant], dict[str, Any]]:
    return lambda merchant: getattr(merchant, name)


def _live_groups(merchant: Merchant) -> dict[str, Any]:
    return {key: group for key, group in merchant.groups.items() if not group.deleted}


def _without_revenue_class(merchant: Merchant) -> list[Item]:
    """Items that no label with showInReporting claims."""
    return [
        item for item in merchant.items.values() if not any(merchant.tags[tag].show_in_reporting for tag in item.tags)
    ]


def _linked(store: str, attribute: str) -> Callable[[Renderer, Any], list[Any]]:
    def rows(renderer: Renderer, row: Any) -> list[Any]:
        ours = set(getattr(row, attribute))
        return [one for key, one in getattr(renderer.merchant, store).items() if key in ours]

    return rows


def _items_by_creation(renderer: Renderer, row: Any) -> list[Item]:
    """Items of a row with the newest last, whatever order the row holds them in."""
    ours = set(row.items)
    return [item for key, item in renderer.merchant.items.items() if key in ours]


def _category_items(renderer: Renderer, row: Any) -> list[Item]:
    if renderer.switches["category_items_order"] == "display":
        return list(reversed(items_of(renderer, row)))
    return _items_by_creation(renderer, row)


def _group_modifiers(renderer: Renderer, row: Any) -> list[Modifier]:
    rows = [renderer.merchant.modifiers[modifier] for modifier in row.modifiers]
    return sorted(rows, key=lambda modifier: modifier.created)


def _tag_pairs(merchant: Merchant) -> list[Row]:
    return [
        {"tag": {"id": tag.id}, "item": {"id": item}}
        for tag in merchant.tags.values()
        for item in tag.items
        if not merchant.items[item].deleted
    ]


def _menu(
    kind: str, store: str, fields: Fields | Callable[[Merchant], Fields], *, by_id: bool = True, **values: Any
) -> Resource:
    return Resource(
        kind,
        "INVENTORY_R",
        values.pop("rows", _store(store)),
        fields if callable(fields) else _static(fields),
        values.pop("find", _by_id(store)) if by_id else None,
        **values,
    )


def _configured(kind: str, store: str, fields: Fields, **values: Any) -> Resource:
    permission = values.pop("permission", "MERCHANT_R")
    return Resource(kind, permission, _store(store), _static(fields), _by_id(store), **values)


_ITEM_CHILD = Child("items", _items_by_creation)
_ITEM_CHILDREN = {
    "categories": Child("categories", _linked("categories", "categories")),
    "tags": Child("tags", _linked("tags", "tags")),
}
RESOURCES: dict[str, Resource] = {
    "items": _menu(
        "item", "items", _item_fields, deleted="deleted_items", missing=("invalid ID", None), children=_ITEM_CHILDREN
    ),
    "items_no_revenue_class": _menu(
        "item", "items", _item_fields, by_id=False, rows=_without_revenue_class, deleted="deleted_items"
    ),
    "categories": _menu(
        "category",
        "categories",
        _CATEGORY,
        deleted="deleted_categories",
        children={"items": Child("items", _category_items)},
    ),
    "modifier_groups": _menu(
        "modifier_group",
        "groups",
        _group_fields,
        rows=lambda merchant: list(_live_groups(merchant).values()),
        find=_live_groups,
        children={"items": _ITEM_CHILD, "modifiers": Child("modifiers", _group_modifiers, by_id=True)},
    ),
    "modifiers": _menu("modifier", "modifiers", _MODIFIER, by_id=False),
    "item_groups": _menu("item_group", "item_groups", _ITEM_GROUP),
    "attributes": _menu(
        "attribute",
        "attributes",
        _ATTRIBUTE,
        children={"options": Child("options", _linked("options", "options"), by_id=True)},
    ),
    "options": _menu("option", "options", _OPTION, by_id=False),
    "tags": _menu("tag", "tags", _TAG, children={"items": _ITEM_CHILD}),
    "tag_items": _menu("plain", "tags", {}, by_id=False, rows=_tag_pairs, sortable=()),
    "tax_rates": _menu("tax_rate", "tax_rates", _TAX_RATE, children={"items": _ITEM_CHILD}),
    "discounts": _menu("discount", "discounts", _DISCOUNT),
    "item_stocks": _menu("stock", "items", {}, sortable=(), deleted="deleted_items", missing=("invalid ID", None)),
    "tip_suggestions": _configured("plain", "tip_suggestions", _TIP),
    "opening_hours": _configured("plain", "opening_hours", {}),
    "order_types": _configured(
        "order_type", "order_types", {"id": _key("id"), "deletedTime": _key("deletedTime", int)}
    ),
    "system_order_types": _configured("plain", "system_order_types", {}),
    "order_fees": _configured("plain", "order_fees", {}),
    "tax_rules": _configured("tax_rule", "tax_rules", {}, permission="INVENTORY_R"),
    "tenders": _configured("tender", "tenders", _TENDER),
    "devices": _configured("device", "devices", _DEVICE),
    "roles": _configured("role", "roles", _ROLE, permission="EMPLOYEES_R"),
}
SINGLES: dict[str, Single] = {
    "address": Single("address", "MERCHANT_R", lambda merchant: merchant.address),
    "properties": Single("properties", "MERCHANT_R", lambda merchant: merchant.properties),
    "gateway": Single("plain", "MERCHANT_R", lambda merchant: merchant.gateway),
    "default_service_charge": Single("plain", "MERCHANT_R", lambda merchant: merchant.service_charge),
}


def find_row(resource: Resource, merchant: Merchant, row_id: str, switches: dict[str, Any]) -> Any | None:
    """The row `GET /{id}` shows, or None when it has to answer 404."""
    row = resource.find(merchant).get(row_id) if resource.find is not None else None
    return None if row is None or is_hidden(resource, row, switches) else row


def is_hidden(resource: Resource, row: Any, switches: dict[str, Any]) -> bool:
    """Does `GET /{id}` hide this row because it was deleted?"""
    if not getattr(row, "deleted", False) or resource.kind == "discount":
        return False
    return switches["deleted_by_id"] != "object" or resource.kind == "modifier_group"


def visible(resource: Resource, rows: list[Any], asked_for_deleted: bool, switches: dict[str, Any]) -> list[Any]:
    """What a list shows of `rows` before its own filters."""
    if resource.deleted is None:
        return rows
    mode = switches[resource.deleted]
    if mode == "listed" or (mode == "on_filter" and asked_for_deleted):
        return rows
    return [row for row in rows if not row.deleted]


def sort_fields(resource: Resource, fields: Fields) -> Fields:
    """What `orderBy` may name: the filter fields and the few columns every row of the resource has."""
    extra = {name: Field(_column(name)) for name in resource.sortable if name not in fields}
    return {**fields, **extra}


def _column(name: str) -> Callable[[Any], Any]:
    attribute = {"modifiedTime": "modified"}.get(name, name)
    return lambda row: row.get(name) if isinstance(row, dict) else getattr(row, attribute, None)
