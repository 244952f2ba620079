"""A small till that sells from canonical rows alone, so that tests can ask what AuraConnect would charge and offer.

It knows nothing of Toast: it reads links, prices and rules as the README of the connector says they are meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Values = Mapping[str, Any]
Path = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Moment:
    """A local day ("fri") and time ("17:30")."""

    day: str
    time: str


def holds(rule: Values, moment: Moment | None) -> bool:
    """Whether a rule's days and times hold at that moment; rules without any always do."""
    if rule.get("days") is None:
        return True
    if moment is None or moment.day not in rule["days"]:
        return False
    start, end = rule.get("time_from"), rule.get("time_to")
    if start is None or end is None:
        return True
    if end < start:  # past midnight: the part before it is what the day names
        return bool(moment.time >= start)
    return bool(start <= moment.time < end)


class Till:
    """Sells at one location from the rows of a batch."""

    def __init__(self, rows: Any, location: str) -> None:
        self.location = location
        self.by_entity: dict[str, dict[str, Values]] = {}
        for row in rows:
            held = self.by_entity.setdefault(row.entity, {})
            assert row.key not in held, f"two rows of {row.entity} have the key {row.key}"
            held[row.key] = row.values
        self.rules: dict[str, list[Values]] = {}
        for rule in self.of("price_rules").values():
            self.rules.setdefault(rule.get("modifier_key") or f"item {rule['menu_item_key']}", []).append(rule)
        self.groups_of: dict[str, list[Values]] = {}
        for link in self.of("item_modifier_groups").values():
            self.groups_of.setdefault(link["menu_item_key"], []).append(link)
        self.nested_of: dict[str, list[Values]] = {}
        for link in self.of("nested_groups").values():
            self.nested_of.setdefault(link["modifier_key"], []).append(link)
        self.options_of: dict[str, list[str]] = {}
        for key, modifier in self.of("modifiers").items():
            self.options_of.setdefault(modifier["modifier_group_key"], []).append(key)

    def of(self, entity: str) -> dict[str, Values]:
        """The rows of an entity by key."""
        return self.by_entity.get(entity, {})

    def item_price(
        self, item: str, variation: str | None = None, menu: str | None = None, moment: Moment | None = None
    ) -> int | None:
        """Cents of an item or one of its variations; None when open."""
        key = "/".join((self.location, variation or item))
        base = self.of("item_locations")[key]
        rules = [
            rule
            for rule in self.rules.get(f"item {item}", ())
            if rule.get("variation_key") == variation
            and rule.get("menu_key") in (None, menu)
            and rule.get("category_key") is None
            and holds(rule, moment)
        ]
        return _strongest(rules, base["price_cents"])

    def modifier_price(
        self,
        item: str,
        path: Path,
        menu: str | None = None,
        moment: Moment | None = None,
        size_name: str | None = None,
        variation: str | None = None,
        sequence: int | None = None,
    ) -> int | None:
        """Listed cents of an option under an item, reached by a path of (group, option); None when open."""
        key = "/".join(path[-1])
        parent = path[-2][0] if len(path) > 1 else None
        rules = [
            rule
            for rule in self.rules.get(key, ())
            if rule.get("menu_item_key") in (None, item)
            and rule.get("modifier_group_key") in (None, parent)
            and rule.get("menu_key") in (None, menu)
            and rule.get("size_name") in (None, size_name)
            and rule.get("variation_key") in (None, variation)
            and (rule.get("sequence") or sequence) == sequence
            and holds(rule, moment)
        ]
        return _strongest(rules, self.of("modifier_locations")[f"{self.location}/{key}"]["price_cents"])

    def is_default(self, item: str, path: Path) -> bool:
        """Whether the option is chosen from the start under that item."""
        key = "/".join(path[-1])
        if len(path) == 1:
            own = self.of("modifier_defaults").get("/".join((self.location, item, key)))
            if own is not None:
                return bool(own["is_default"])
        return bool(self.of("modifier_locations")[f"{self.location}/{key}"]["is_default"])

    def charged(self, item: str, path: Path, listed: int | None, pre_modifier: str | None) -> int | None:
        """What is charged for an option listed at that price, with a pre-modifier or as a free default."""
        if listed is None:
            return None
        if pre_modifier is not None:
            allowed = self.of("group_pre_modifiers")[f"{self.location}/{path[-1][0]}/{pre_modifier}"]
            word = self.of("pre_modifiers")[allowed["pre_modifier_key"]]
            if word["fixed_price_cents"] is not None:
                return int(word["fixed_price_cents"])
            return int((Decimal(word["multiplication_factor"]) * listed).quantize(Decimal(1), ROUND_HALF_UP))
        settings = self.of("modifier_groups")[path[-1][0]]["settings"]
        free = settings.get("default_options_charge_price") == "NO" and self.is_default(item, path)
        return 0 if free else listed

    def edges(self, item: str) -> Iterator[tuple[Path, Values, str]]:
        """Every option that can be reached under an item: its path, the link it hangs on, its key.

        An option that is the item itself, or was chosen above, asks for nothing further.
        """
        stack: list[tuple[Path, tuple[str, ...], Values]] = [
            ((), (item,), link) for link in reversed(self.groups_of.get(item, ()))
        ]
        while stack:
            above, passed, link = stack.pop()
            for key in self.options_of.get(link["modifier_group_key"], ()):
                group, option = key.split("/")
                path = (*above, (group, option))
                yield path, link, key
                here = self.of("modifiers")[key]["linked_menu_item_key"] or key
                if here not in passed:
                    stack.extend((path, (*passed, here), nested) for nested in self.nested_of.get(key, ()))


def _strongest(rules: list[Values], base: int | None) -> int | None:
    if not rules:
        return base
    best = max(rule["priority"] for rule in rules)
    found = {rule["price_cents"] for rule in rules if rule["priority"] == best}
    assert len(found) == 1, f"rules of one priority disagree: {rules}"
    price: int = found.pop()
    return price
