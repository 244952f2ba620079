"""Modifier groups, options and nested groups of one restaurant as canonical rows.

Toast resolves a group or option anew for every place that uses it (other price, other limits); here those versions
become one row each, with links and price rules that say where something differs. Items themselves are in ``items.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aura_migration.core.ids import path
from aura_migration.pos.toast.document import source_of
from aura_migration.pos.toast.items import Sizes, plain_size_links
from aura_migration.pos.toast.job import (
    EVERYWHERE,
    Context,
    Job,
    Target,
    add_price,
    alcohol,
    channels,
    plain,
    portions,
    record_of,
    tag_names,
    text,
    union,
    visible,
)
from aura_migration.pos.toast.nesting import nested_links
from aura_migration.pos.toast.pre_modifiers import map_pre_modifiers
from aura_migration.pos.toast.prices import OPEN, Price, PriceError, option_price
from aura_migration.pos.toast.uses import Uses
from aura_migration.pos.toast.wire import ModifierGroup, ModifierOption

Pair = tuple[str, str]
ONE_VERSION = "It differs from place to place in Toast; AuraConnect keeps the version of the first place."


def limits(group: ModifierGroup) -> tuple[int, int | None, bool]:
    """(min, max, required) in effect: a group that is not multi-select takes one option at most."""
    least = group.min_selections or 0
    most = group.max_selections if group.is_multi_select else 1
    return least, most, least > 0 or group.required_mode == "REQUIRED"


def map_groups(job: Job, sizes: Mapping[str, Sizes]) -> None:
    """Every group, option and link of the document, except size groups that live on as variations only."""
    skipped = plain_size_links(sizes)
    uses = Uses(job.doc, skipped)
    gone = variation_groups(job, sizes, uses)
    pre_modifiers = map_pre_modifiers(job)
    for key, refs in job.doc.group_refs.items():
        if key not in gone:
            _map_group(job, key, refs, pre_modifiers)
    _index_size_options(job, gone)
    positions: dict[str, int] = {}
    for pair, versions in job.doc.pairs.items():
        if pair[0] not in gone:
            positions[pair[0]] = positions.get(pair[0], -1) + 1
            _map_option(job, pair, versions, uses, positions[pair[0]])
    _link_items(job, skipped)
    _link_nested(job, uses, gone)


def variation_groups(job: Job, sizes: Mapping[str, Sizes], uses: Uses) -> set[str]:
    """The size groups that nothing but plain sizes uses: their options are variations, not modifiers."""
    plain_groups = {planned.group_key for planned in sizes.values() if planned.plain}
    return {key for key in plain_groups if not any(uses.used(ref) for ref in job.doc.group_refs.get(key, ()))}


def _map_group(job: Job, key: str, refs: list[int], pre_modifiers: Mapping[int, list[str]]) -> None:
    versions = [job.doc.groups[ref] for ref in refs]
    first = versions[0]
    least, most, required = limits(first)
    visibility = union(version.visibility for version in versions)
    repeatable = any(option.allows_duplicates for ref in refs for _, option in job.doc.options_of(ref))
    settings = {
        "pricing_strategy": first.pricing_strategy,
        "required_mode": first.required_mode,
        "default_options_charge_price": first.default_options_charge_price,
        "default_options_substitution_pricing": first.default_options_substitution_pricing,
    }
    job.batch.add(
        "modifier_groups",
        key,
        source_of(job.doc.group_raw[refs[0]]),
        record_of(first),
        name=first.name,
        short_name=text(first.pos_name),
        description=text(first.description),
        selection_type="multiple" if first.is_multi_select else "single",
        min_selections=least,
        max_selections=most,
        is_required=required,
        allow_quantities=bool(first.is_multi_select) and repeatable,
        channels=channels(visibility),
        button_color=text(first.pos_button_color_light),
        settings={name: value for name, value in settings.items() if value is not None},
        is_active=visible(visibility),
        display_order=0,
    )
    if any(
        (one.is_multi_select, one.default_options_charge_price, one.default_options_substitution_pricing)
        != (first.is_multi_select, first.default_options_charge_price, first.default_options_substitution_pricing)
        for one in versions
    ):
        job.notes.add("ModifierGroup", "isMultiSelect, defaultOptions…", ONE_VERSION, first.guid)
    asked = dict.fromkeys(one.pre_modifier_group_reference for one in versions if one.pre_modifier_group_reference)
    linked: dict[str, None] = {}
    for ref in asked:
        if ref is not None and ref not in pre_modifiers:
            reason = f"{first.name!r} refers to a set of pre-modifiers that is not in Toast's answer."
            job.reject("group_pre_modifiers", job.key(key, "missing-set"), reason, record_of(first))
        linked.update(dict.fromkeys(pre_modifiers.get(ref or 0, ())))
    for position, member in enumerate(linked):
        job.batch.add(
            "group_pre_modifiers",
            job.key(key, member),
            None,
            record_of(first),
            modifier_group_key=key,
            pre_modifier_key=member,
            display_order=position,
        )


def _index_size_options(job: Job, gone: set[str]) -> None:
    """Names of sizes that are options of a kept size group, so that price rules by size find them too."""
    wanted = {
        condition.size_guid
        for group in job.doc.groups.values()
        for condition in ((group.pricing_rules.size_sequence_pricing_rules or ()) if group.pricing_rules else ())
        if condition.size_guid
    }
    for (group_key, _), versions in job.doc.pairs.items():
        option = job.doc.options[versions[0][1]]
        if option.guid in wanted and group_key not in gone:
            names = job.size_names.get(option.guid, ())
            if option.name not in names:
                job.size_names[option.guid] = (*names, option.name)
    given = [place.item.pricing_rules for places in job.doc.items.values() for place in places]
    given += [option.pricing_rules for option in job.doc.options.values()]
    size_groups = {rules.size_specific_pricing_guid for rules in given if rules} - {None}
    for ref, group in job.doc.groups.items():
        if group.guid in size_groups:
            job.size_labels.update(option.name for _, option in job.doc.options_of(ref))


def _map_option(job: Job, pair: Pair, versions: list[tuple[int, int]], uses: Uses, position: int) -> None:
    doc, key = job.doc, path(*pair)
    group, option = doc.groups[versions[0][0]], doc.options[versions[0][1]]
    visibility = union(doc.options[option_ref].visibility for _, option_ref in versions)
    record = record_of(option)
    taxed, overrides, exempt = _own_taxes(job, versions, uses)
    common = {
        "name": option.name,
        "is_default": bool(option.is_default),
        "is_available": job.stock.available(option.guid, option.key),
        "is_active": visible(visibility),
    }
    values = {
        **common,
        "modifier_group_key": pair[0],
        "short_name": text(option.pos_name),
        "kitchen_name": text(option.kitchen_name),
        "max_quantity": None if option.allows_duplicates and group.is_multi_select else 1,
        "linked_menu_item_key": job.item_behind(option.guid, option.key),
        "sku": text(option.sku),
        "calories": option.calories,
        "image_url": text(option.image),
        "button_color": text(option.pos_button_color_light),
        "channels": channels(visibility),
        "custom_fields": _custom_fields(job, option, exempt),
        "display_order": position,
    }
    here: dict[str, Any] = {**common, "modifier_key": key}
    try:
        prices = {ref: option_price(doc.options[one], doc.groups[ref], job.currency) for ref, one in versions}
    except PriceError as error:
        job.reject("modifiers", key, str(error), record, **values, price_type="fixed")
    else:
        base = OPEN if OPEN in prices.values() else prices[versions[0][0]]
        kind = "open" if base == OPEN else "fixed"
        source = source_of(doc.option_raw[versions[0][1]])
        job.batch.add("modifiers", key, source, record, **values, price_type=kind, price_adjustment_cents=base.cents)
        here |= {"price_type": kind, "price_cents": base.cents}
        _map_prices(job, pair, prices, base, uses, record)
        sizes = {one.size_name for price in prices.values() for one in price.conditions if one.size_name}
        if sizes - job.size_labels:
            note = (
                "Its price depends on a size of its own that no item is sold in; AuraConnect cannot ask for that size."
            )
            job.notes.add("ModifierGroup", "pricingRules.sizeSequencePricingRules", note, group.guid)
    job.batch.add("modifier_locations", job.key(*pair), None, record, **here)
    _map_defaults(job, pair, versions, uses)
    for tax in taxed:
        _map_tax(job, pair, tax, overrides, option, record)
    _map_stations(job, pair, versions, option, record)
    _note_options(job, option, [doc.options[option_ref] for _, option_ref in versions])


def _map_prices(job: Job, pair: Pair, prices: Mapping[int, Price], base: Price, uses: Uses, record: str) -> None:
    """Rules for what the option costs under conditions, and where a version of it costs something else."""
    target = Target(("modifier", *pair), {"modifier_key": path(*pair)})
    add_price(job, target, base, base, EVERYWHERE, record)
    if len(set(prices.values())) == 1:
        return
    under: dict[str, dict[str | None, dict[str, list[Price]]]] = {}
    for ref, price in prices.items():
        for use in uses.of(ref):
            found = under.setdefault(use.item, {}).setdefault(use.parent_group, {}).setdefault(use.menu, [])
            if price not in found:
                found.append(price)
    for item, by_group in under.items():
        here = _first(by_group.get(None) or next(iter(by_group.values())))
        if here != base:
            add_price(job, target, here, base, Context(item=item), record)
        split = any(prices_of != [here] for prices_of in by_group.get(None, {}).values())
        for group_key, by_menu in by_group.items():
            in_group = here if group_key is None else _first(by_menu)
            if group_key is not None and (in_group != here or split):
                add_price(
                    job,
                    target,
                    in_group,
                    base if in_group != base else here,
                    Context(item=item, group=group_key),
                    record,
                )
            for menu, found in by_menu.items():
                if found[0] != in_group:
                    add_price(job, target, found[0], in_group, Context(item=item, group=group_key, menu=menu), record)
                if len(found) > 1:
                    note = (
                        "Its price depends on the option chosen before it; AuraConnect takes the first of these prices."
                    )
                    job.notes.add("ModifierOption", "price", note, record)


def _first(by_menu: Mapping[str, list[Price]]) -> Price:
    return next(iter(by_menu.values()))[0]


def _map_defaults(job: Job, pair: Pair, versions: list[tuple[int, int]], uses: Uses) -> None:
    """Items under which the option's default differs from its own."""
    own = bool(job.doc.options[versions[0][1]].is_default)
    said: dict[str, bool] = {}
    for ref, option_ref in versions:
        for item, _ in uses.direct(ref):
            said.setdefault(item, bool(job.doc.options[option_ref].is_default))
    for item, is_default in said.items():
        if is_default != own:
            job.batch.add(
                "modifier_defaults",
                job.key(item, *pair),
                None,
                record_of(job.doc.options[versions[0][1]]),
                menu_item_key=item,
                modifier_key=path(*pair),
                is_default=is_default,
            )


def _tax_guids(option: ModifierOption) -> tuple[frozenset[str], bool, bool]:
    """(rates, overrides, said) of an option; the deprecated list counts only where the new field is absent."""
    info = option.modifier_option_tax_info
    if info is not None and info.tax_rate_guids is not None:
        return frozenset(info.tax_rate_guids), bool(info.override_item_tax_rates), True
    return frozenset(option.tax_info or ()), False, bool(option.tax_info)


def _own_taxes(job: Job, versions: list[tuple[int, int]], uses: Uses) -> tuple[list[str], bool, bool]:
    """(rates, overrides, exempt) of the option's own; no rates and not exempt: it is taxed like its parent."""
    doc = job.doc
    own: list[tuple[frozenset[str], bool]] = []
    for ref, option_ref in versions:
        rates, overrides, said = _tax_guids(doc.options[option_ref])
        if not said:
            continue
        parents = {
            frozenset(place.item.tax_info or ()) for item, _ in uses.direct(ref) for place in doc.items[item][:1]
        }
        for parent_ref in uses.nesting(ref):
            parent_rates, _, parent_said = _tax_guids(doc.options[parent_ref])
            if parent_said:
                parents.add(parent_rates)
        if overrides or any(parent != rates for parent in parents):
            own.append((rates, overrides))
    if not own:
        return [], False, False
    if len(set(own)) > 1:
        option = doc.options[versions[0][1]]
        job.notes.add("ModifierOption", "modifierOptionTaxInfo", ONE_VERSION, option.guid)
    rates, overrides = own[0]
    return sorted(rates), overrides, not rates


def _map_tax(job: Job, pair: Pair, tax: str, overrides: bool, option: ModifierOption, record: str) -> None:
    key = job.key("modifier", *pair, tax)
    if job.taxes is None:
        note = "The tax rates were not read; the option is taxed like its item."
        job.notes.add("ModifierOption", "modifierOptionTaxInfo", note, option.guid)
    elif tax not in job.taxes:
        job.reject(
            "item_taxes",
            key,
            f"{option.name!r} has a tax rate that the restaurant's setup lacks.",
            record,
        )
    else:
        job.batch.add(
            "item_taxes",
            key,
            None,
            record,
            tax_rate_key=job.key(tax),
            modifier_key=path(*pair),
            overrides_item_taxes=overrides,
        )


def _map_stations(job: Job, pair: Pair, versions: list[tuple[int, int]], option: ModifierOption, record: str) -> None:
    """Stations of the option's own; one without any goes where its item goes."""
    found = dict.fromkeys(one for _, ref in versions for one in job.doc.options[ref].prep_stations or ())
    for sequence, station in enumerate(found):
        key = job.key(*pair, station)
        if job.stations is None:
            note = "The prep stations were not read; tickets for the option go where its item's go."
            job.notes.add("ModifierOption", "prepStations", note, option.guid)
        elif station not in job.stations:
            job.reject(
                "modifier_stations", key, f"{option.name!r} is prepared at a station Toast does not list.", record
            )
        else:
            job.batch.add(
                "modifier_stations",
                key,
                None,
                record,
                modifier_key=path(*pair),
                station_key=job.key(station),
                sequence=sequence,
            )


def _custom_fields(job: Job, option: ModifierOption, exempt: bool) -> dict[str, Any] | None:
    unit = None if option.unit_of_measure in (None, "", "NONE") else str(option.unit_of_measure).lower()
    fields: dict[str, Any] = {
        "description": text(option.description),
        "plu": text(option.plu),
        "prep_time_seconds": option.prep_time,
        "tags": tag_names(option.item_tags),
        "contains_alcohol": alcohol(option),
        "sales_category": option.sales_category.name if option.sales_category else None,
        "images": plain(option.images) or None,
        "unit": unit,
        "portions": portions(option.portions) if option.portions else None,
        "tax_exempt": exempt or None,
    }
    if unit:
        job.notes.add("ModifierOption", "unitOfMeasure", "The option is priced by weight or volume.", option.guid)
    if option.portions:
        note = (
            "Halves and portions: names and factors are kept, but AuraConnect cannot sell modifiers on one part only."
        )
        job.notes.add("ModifierOption", "portions", note, option.guid)
    if exempt:
        note = "The option is not taxed although its item is; AuraConnect would tax it like the item."
        job.notes.add("ModifierOption", "modifierOptionTaxInfo", note, option.guid)
    return {name: value for name, value in fields.items() if value is not None} or None


def _note_options(job: Job, first: ModifierOption, versions: list[ModifierOption]) -> None:
    if first.name == "Missing name":
        job.notes.add("ModifierOption", "name", "It has no name in Toast; it is called 'Missing name'.", first.guid)
    for one in versions[1:]:
        if set(one.visibility or ()) != set(first.visibility or ()):
            note = "It is shown in different places from item to item; AuraConnect shows it wherever any item does."
            job.notes.add("ModifierOption", "visibility", note, first.guid)
        if one.allows_duplicates != first.allows_duplicates:
            job.notes.add("ModifierOption", "allowsDuplicates", ONE_VERSION, first.guid)


def _link_items(job: Job, skipped: set[tuple[str, int]]) -> None:
    """Which groups an item asks for, in order and within which limits; the first place of the item decides."""
    for item_key, places in job.doc.items.items():
        linked: dict[str, tuple[Any, ...]] = {}
        missing = {
            ref for place in places for ref in place.item.modifier_group_references or ()
        } - job.doc.groups.keys()
        for number, _ in enumerate(sorted(missing), start=1):
            reason = (
                f"{places[0].item.name!r} refers to a modifier group that cannot be read or is not in Toast's answer."
            )
            job.reject(
                "item_modifier_groups", job.key(item_key, f"missing-{number}"), reason, record_of(places[0].item)
            )
        for index, place in enumerate(places):
            here: set[str] = set()
            for position, (ref, group) in enumerate(job.doc.groups_of(place.item)):
                if (item_key, ref) in skipped:
                    continue
                here.add(group.key)
                shape = (*limits(group), visible(group.visibility))
                if group.key not in linked:
                    linked[group.key] = shape
                    _add_item_link(job, item_key, group, shape, position, record_of(place.item))
                    if index:
                        note = (
                            "A modifier group is asked for on some of its menus only; AuraConnect asks on all of them."
                        )
                        job.notes.add("MenuItem", "modifierGroupReferences", note, place.item.guid)
                elif linked[group.key] != shape:
                    job.notes.add("MenuItem", "modifierGroupReferences", ONE_VERSION, place.item.guid)
            if index and linked.keys() - here:
                note = "A modifier group is asked for on some of its menus only; AuraConnect asks on all of them."
                job.notes.add("MenuItem", "modifierGroupReferences", note, place.item.guid)


def _add_item_link(
    job: Job, item_key: str, group: ModifierGroup, shape: tuple[Any, ...], position: int, record: str
) -> None:
    least, most, required, active = shape
    job.batch.add(
        "item_modifier_groups",
        job.key(item_key, group.key),
        None,
        record,
        menu_item_key=item_key,
        modifier_group_key=group.key,
        min_selections=least,
        max_selections=most,
        is_required=required,
        is_active=active,
        display_order=position,
    )


def _link_nested(job: Job, uses: Uses, gone: set[str]) -> None:
    """Which further groups an option asks for."""
    for pair, group_ref, position in nested_links(job, uses):
        group = job.doc.groups[group_ref]
        if group.key in gone:
            continue
        least, most, _ = limits(group)
        job.batch.add(
            "nested_groups",
            job.key(*pair, group.key),
            None,
            record_of(group),
            modifier_key=path(*pair),
            modifier_group_key=group.key,
            min_selections=least,
            max_selections=most,
            display_order=position,
        )
