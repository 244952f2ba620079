"""Pre-modifiers (NO, EXTRA, LIGHT …) of one restaurant as canonical rows, and the keys of each set."""

from __future__ import annotations

from typing import Any

from aura_migration.pos.toast.document import source_of
from aura_migration.pos.toast.job import Job, plain, record_of, text
from aura_migration.pos.toast.prices import PriceError, cents
from aura_migration.pos.toast.wire import PreModifier

TWICE = "It stands in several sets with different prices; AuraConnect keeps the first."


def map_pre_modifiers(job: Job) -> dict[int, list[str]]:
    """All pre-modifiers; the keys of each set by its reference number."""
    members: dict[int, list[str]] = {}
    known: dict[str, tuple[Any, ...]] = {}
    for ref, group in job.doc.pre_groups.items():
        members[ref] = []
        for position, (one, raw) in enumerate(job.doc.pre_modifiers.get(ref, ())):
            try:
                values = _pre_modifier(job, one)
            except PriceError as error:
                named = {"name": one.name, "group_name": group.name, "display_order": position}
                job.reject("pre_modifiers", one.key, str(error), record_of(one), **named)
                members[ref].append(one.key)
                continue
            shape = (one.name, values["fixed_price_cents"], values["multiplication_factor"])
            members[ref].append(one.key)
            if known.setdefault(one.key, shape) != shape:
                job.notes.add("PreModifier", "fixedPrice, multiplicationFactor", TWICE, one.guid)
            elif len([key for keys in members.values() for key in keys if key == one.key]) == 1:
                source = source_of(raw)
                job.batch.add(
                    "pre_modifiers",
                    one.key,
                    source,
                    record_of(one),
                    group_name=group.name,
                    display_order=position,
                    **values,
                )
    return members


def _pre_modifier(job: Job, one: PreModifier) -> dict[str, Any]:
    if one.fixed_price is not None and one.multiplication_factor is not None:
        raise PriceError(f"{one.name!r} has both a price and a factor; which of them holds cannot be known.")
    factor = one.multiplication_factor
    fixed = None if factor is not None else cents(one.fixed_price, job.currency) if one.fixed_price is not None else 0
    return {
        "name": one.name,
        "fixed_price_cents": fixed,
        "multiplication_factor": None if factor is None else plain(factor),
        "display_mode": {"PREFIX": "prefix", "SUFFIX": "suffix"}.get(one.display_mode or ""),
        "charge_as_extra": one.charge_as_extra,
        "button_color": text(one.pos_button_color_light),
    }
