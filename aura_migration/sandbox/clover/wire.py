"""How Clover writes its rows: null omission, nested `{"elements": [...]}` wrappers and their cut, `href`, expansion.

A `Renderer` is made per request. Each kind of row has one base form and a table of what it can expand; unknown
expansions are ignored, as Clover does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aura_migration.sandbox.clover.query import Tree
from aura_migration.sandbox.clover.world import (
    FULL_RATE,
    Attribute,
    Category,
    Discount,
    Item,
    ItemGroup,
    Merchant,
    Modifier,
    ModifierGroup,
    Option,
    Row,
    Tag,
    TaxRate,
)

Form = Callable[["Renderer", Any], Row]


@dataclass(frozen=True)
class Expansion:
    """What an expansion shows: rows of `kind`, many (wrapped) or one; `permission` is what it needs besides."""

    kind: str
    rows: Callable[[Renderer, Any], Any]
    many: bool = True
    permission: str | None = None


class Renderer:
    """Writes rows of one merchant for one request; `forms` and `known` expansions are the menu's unless given."""

    def __init__(
        self,
        merchant: Merchant,
        switches: dict[str, Any],
        nulls: bool = False,
        permissions: Iterable[str] = (),
        forms: Mapping[str, Form] | None = None,
        known: Mapping[str, dict[str, Expansion]] | None = None,
    ) -> None:
        self.merchant = merchant
        self._forms = FORMS if forms is None else forms
        self._known = EXPANSIONS if known is None else known
        self.switches = switches
        self.nulls = nulls
        self.permissions = frozenset(permissions)
        self.base = f"{switches['href_base']}/v3/merchants/{merchant.id}"
        self.refused: str | None = None

    def render(self, kind: str, row: Any, expand: Tree) -> Row:
        """One row with its expansions."""
        out = self._clean(self._forms[kind](self, row))
        known = self.expansions(kind)
        for name, deeper in expand.items():
            expansion = known.get(name)
            if expansion is None:
                continue
            if expansion.permission is not None and expansion.permission not in self.permissions:
                self.refused = expansion.permission
                continue
            shown = expansion.rows(self, row)
            if expansion.many:
                out[name] = self._nested(expansion.kind, shown, deeper)
            elif shown is not None:
                out[name] = self.render(expansion.kind, shown, deeper)
        if self.switches["nested_unexpanded"] == "href" and kind in MENU_PATHS:
            for name, expansion in known.items():
                if expansion.many and name not in out:
                    out[name] = {"href": f"{self.base}/{MENU_PATHS[kind]}/{row.id}/{name}"}
        return out

    def expansions(self, kind: str) -> dict[str, Expansion]:
        """What rows of `kind` can expand under the present switches."""
        known = self._known.get(kind, {})
        if kind == "item" and not self.switches["item_expand_menu"]:
            return {name: expansion for name, expansion in known.items() if name not in ("menuItem", "itemGroup")}
        return known

    def href(self, path: str) -> Row:
        """A link in place of a collection; its host is not the one that was called."""
        return {"href": f"{self.base}/{path}"}

    def _nested(self, kind: str, rows: Iterable[Any], expand: Tree) -> Row:
        shown = []
        mode = self.switches["nested_deleted"]
        for row in rows:
            gone = getattr(row, "deleted", False)
            if gone and mode == "reference":
                shown.append({"id": row.id})
            elif not gone or (mode == "flagged" and isinstance(row, Category)):
                shown.append(self.render(kind, row, expand))
            if len(shown) >= self.switches["nested_limit"]:
                break
        return {"elements": shown}

    def _clean(self, row: Row) -> Row:
        return row if self.nulls else without_nulls(row)


def without_nulls(row: Row) -> Row:
    """A row without its null fields, at every depth of objects."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in row.items()
        if value is not None
    }


def _item(renderer: Renderer, item: Item) -> Row:
    row = {
        "id": item.id,
        "hidden": item.hidden,
        "available": item.available,
        "autoManage": item.auto_manage,
        "itemGroup": {"id": item.item_group} if item.item_group else None,
        "name": item.name,
        "alternateName": item.alternate_name,
        "code": item.code,
        "sku": item.sku,
        "price": item.price,
        "priceType": item.price_type,
        "defaultTaxRates": item.default_tax_rates,
        "unitName": item.unit_name,
        "cost": item.cost,
        "isRevenue": item.is_revenue,
        "colorCode": item.color_code,
        "type": item.type,
        "isAgeRestricted": item.is_age_restricted,
        "ageRestrictedObj": item.age_restriction,
        "excludeCashDiscount": item.exclude_cash_discount,
        "markupPrice": None,
        "canonical": None,
        "priceWithoutVat": _without_vat(renderer, item) if renderer.switches["vat"] else None,
        "modifiedTime": item.modified,
        "deletedTime": item.deleted_time,
        **item.extra,
    }
    if renderer.switches["item_deleted_field"]:
        row["deleted"] = item.deleted
    return row


def _without_vat(renderer: Renderer, item: Item) -> int:
    rate = sum(rate.rate for rate in renderer.merchant.effective_rates(item))
    return (2 * item.price * FULL_RATE + FULL_RATE + rate) // (2 * (FULL_RATE + rate))


def _stock(_renderer: Renderer, item: Item) -> Row:
    """`/item_stocks` and `itemStock`: an item whose stock was never set shows only the reference."""
    quantity = item.quantity
    return {
        "item": {"id": item.id},
        "stockCount": None if quantity is None else int(quantity + 0.5 if quantity >= 0 else quantity - 0.5),
        "quantity": quantity,
        "modifiedTime": item.stock_modified,
    }


def _category(_renderer: Renderer, category: Category) -> Row:
    return {
        "id": category.id,
        "name": category.name,
        "sortOrder": category.sort_order,
        "colorCode": category.color_code,
        "deleted": category.deleted,
        "modifiedTime": category.modified,
        **category.extra,
    }


def _group(renderer: Renderer, group: ModifierGroup) -> Row:
    ids = list(group.modifiers)
    if ids and renderer.switches["stale_modifier_ids"]:
        ids.append(ids[0][::-1])
    return {
        "id": group.id,
        "name": group.name,
        "alternateName": group.alternate_name,
        "minRequired": group.min_required,
        "maxAllowed": group.max_allowed,
        "showByDefault": group.show_by_default,
        "sortOrder": group.sort_order,
        "modifierIds": ",".join(ids) if ids or group.blank_ids else None,
        **group.extra,
    }


def _modifier(_renderer: Renderer, modifier: Modifier) -> Row:
    return {
        "id": modifier.id,
        "name": modifier.name,
        "alternateName": modifier.alternate_name,
        "price": modifier.price,
        "available": modifier.available,
        "modifierGroup": {"id": modifier.group},
        "markupPrice": None,
        **modifier.extra,
    }


def _item_group(_renderer: Renderer, group: ItemGroup) -> Row:
    return {"id": group.id, "name": group.name}


def _attribute(_renderer: Renderer, attribute: Attribute) -> Row:
    return {"id": attribute.id, "name": attribute.name, "itemGroup": {"id": attribute.item_group}}


def _option(_renderer: Renderer, option: Option) -> Row:
    return {"id": option.id, "name": option.name, "attribute": {"id": option.attribute}}


def _tag(_renderer: Renderer, tag: Tag) -> Row:
    return {"id": tag.id, "name": tag.name, "showInReporting": tag.show_in_reporting}


def _tax_rate(_renderer: Renderer, rate: TaxRate) -> Row:
    return {
        "id": rate.id,
        "name": rate.name,
        "rate": rate.rate,
        "isDefault": rate.is_default,
        "taxAmount": rate.tax_amount,
        "taxType": rate.tax_type,
        "modifiedTime": rate.modified,
        "deletedTime": None,
    }


def _discount(_renderer: Renderer, discount: Discount) -> Row:
    return {
        "id": discount.id,
        "name": discount.name,
        "amount": discount.amount,
        "percentage": discount.percentage,
        "percentageDecimal": discount.percentage_decimal,
        "type": discount.type,
        "deleted": discount.deleted or None,
    }


def _plain(_renderer: Renderer, row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _linked(path: str) -> Callable[[Renderer, Row], Row]:
    def form(renderer: Renderer, row: Row) -> Row:
        return {"href": f"{renderer.base}/{path}/{row['id']}", **_plain(renderer, row)}

    return form


def _properties(renderer: Renderer, _row: Row) -> Row:
    row = {"href": f"{renderer.base}/properties", **renderer.merchant.properties}
    if renderer.switches["vat"]:
        row |= {"vat": True, "vatTaxName": "VAT"}
    return row


def _address(renderer: Renderer, row: Row) -> Row:
    return {"href": f"{renderer.base}/address", **row}


def _merchant(renderer: Renderer, merchant: Merchant) -> Row:
    owner = merchant.owner
    inline = renderer.switches["merchant_owner"] == "employee"
    links = ("tenders", "shifts", "orders", "payments", "taxRates", "printers", "modifierGroups", "orderTypes")
    paths = {"taxRates": "tax_rates", "modifierGroups": "modifier_groups", "orderTypes": "order_types"}
    return {
        "href": renderer.base,
        "id": merchant.id,
        "name": merchant.name,
        "owner": renderer.render("employee", owner, {}) if inline else renderer.href(f"employees/{owner.id}"),
        "address": renderer.href("address"),
        "defaultCurrency": merchant.currency,
        **merchant.profile,
        "properties": renderer.href("properties"),
        "gateway": renderer.href("gateway"),
        "tipSuggestions": renderer.href("tip_suggestions"),
        "opening_hours": renderer.href("opening_hours"),
        **{name: renderer.href(paths.get(name, name)) for name in links},
    }


def _tax_rule(renderer: Renderer, row: Row) -> Row:
    """Nobody documents how a rule names what it is about."""
    shown = _plain(renderer, row)
    if renderer.switches["tax_rule_fields"] == "ids":
        shown["orderTypeId"] = shown.pop("orderType")["id"]
        shown["taxRateIds"] = [rate["id"] for rate in shown.pop("taxRates")["elements"]]
    return shown


FORMS: dict[str, Form] = {
    "merchant": _merchant,
    "properties": _properties,
    "address": _address,
    "item": _item,
    "stock": _stock,
    "category": _category,
    "modifier_group": _group,
    "modifier": _modifier,
    "item_group": _item_group,
    "attribute": _attribute,
    "option": _option,
    "tag": _tag,
    "tax_rate": _tax_rate,
    "discount": _discount,
    "plain": _plain,
    "order_type": _plain,
    "tax_rule": _tax_rule,
    "tender": _linked("tenders"),
    "role": _linked("roles"),
    "device": _linked("devices"),
}
MENU_PATHS = {
    "item": "items",
    "category": "categories",
    "modifier_group": "modifier_groups",
    "item_group": "item_groups",
    "attribute": "attributes",
    "tag": "tags",
    "tax_rate": "tax_rates",
}


def items_of(renderer: Renderer, row: Any) -> list[Item]:
    """The items linked to a row, in the row's own order."""
    return [renderer.merchant.items[item] for item in row.items]


def groups_of(renderer: Renderer, item: Item) -> list[ModifierGroup]:
    """The modifier groups of an item."""
    return [renderer.merchant.groups[group] for group in item.groups]


def modifiers_of(renderer: Renderer, group: ModifierGroup) -> list[Modifier]:
    """The modifiers of a group, in the order of nested collections."""
    rows = [renderer.merchant.modifiers[modifier] for modifier in group.modifiers]
    if renderer.switches["nested_modifier_order"] == "created":
        rows.sort(key=lambda modifier: modifier.created, reverse=True)
    return rows


def rates_of(renderer: Renderer, item: Item) -> list[TaxRate]:
    """The rates an item lists; with a switch also those it only has by default."""
    if item.default_tax_rates and renderer.switches["default_rates_in_expand"]:
        return renderer.merchant.effective_rates(item)
    return [renderer.merchant.tax_rates[rate] for rate in item.tax_rates]


def _many(attribute: str, store: str) -> Callable[[Renderer, Any], list[Any]]:
    def rows(renderer: Renderer, row: Any) -> list[Any]:
        held = getattr(renderer.merchant, store)
        return [held[one] for one in getattr(row, attribute)]

    return rows


def _all(store: str) -> Callable[[Renderer, Any], list[Any]]:
    return lambda renderer, _row: list(getattr(renderer.merchant, store).values())


def _nothing(_renderer: Renderer, _row: Any) -> list[Any]:
    return []


EXPANSIONS: dict[str, dict[str, Expansion]] = {
    "item": {
        "tags": Expansion("tag", _many("tags", "tags")),
        "categories": Expansion("category", _many("categories", "categories")),
        "taxRates": Expansion("tax_rate", rates_of),
        "modifierGroups": Expansion("modifier_group", groups_of),
        "itemStock": Expansion("stock", lambda _renderer, item: item, many=False),
        "options": Expansion("option", _many("options", "options")),
        "menuItem": Expansion("plain", lambda _renderer, item: item.menu_item, many=False),
        "itemGroup": Expansion(
            "item_group", lambda renderer, item: renderer.merchant.item_groups.get(item.item_group), many=False
        ),
    },
    "category": {"items": Expansion("item", items_of)},
    "modifier_group": {"modifiers": Expansion("modifier", modifiers_of), "items": Expansion("item", items_of)},
    "modifier": {
        "modifierGroup": Expansion(
            "modifier_group", lambda renderer, modifier: _live_group(renderer, modifier), many=False
        )
    },
    "item_group": {
        "items": Expansion("item", items_of),
        "attributes": Expansion("attribute", _many("attributes", "attributes")),
    },
    "attribute": {"options": Expansion("option", _many("options", "options"))},
    "tag": {"items": Expansion("item", items_of), "printers": Expansion("plain", _many("printers", "printers"))},
    "tax_rate": {"items": Expansion("item", items_of)},
    "order_type": {
        "categories": Expansion(
            "category",
            lambda renderer, row: [renderer.merchant.categories[one] for one in row.get("_categories", ())],
            permission="INVENTORY_R",
        ),
        "hours": Expansion(
            "plain", lambda renderer, row: renderer.merchant.opening_hours.get(row.get("_hours", "")), many=False
        ),
        "attributes": Expansion("plain", _nothing),
    },
    "merchant": {
        "address": Expansion("address", lambda renderer, _row: renderer.merchant.address, False),
        "properties": Expansion("properties", lambda renderer, _row: renderer.merchant.properties, False),
        "gateway": Expansion("plain", lambda renderer, _row: renderer.merchant.gateway, False),
        "logos": Expansion("plain", _nothing),
        "items": Expansion("item", _all("items"), True, "INVENTORY_R"),
        "tags": Expansion("tag", _all("tags"), True, "INVENTORY_R"),
        "modifierGroups": Expansion("modifier_group", _all("groups"), True, "INVENTORY_R"),
        "tenders": Expansion("tender", _all("tenders")),
        "printers": Expansion("plain", _all("printers")),
        "tipSuggestions": Expansion("plain", _all("tip_suggestions")),
        "openingHours": Expansion("plain", _all("opening_hours")),
    },
}


def _live_group(renderer: Renderer, modifier: Modifier) -> ModifierGroup | None:
    group = renderer.merchant.groups.get(modifier.group)
    return None if group is None or group.deleted else group
