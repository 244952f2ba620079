"""Menus and menu groups of one restaurant as canonical rows; what stands in them is in ``items.py``."""

from __future__ import annotations

from typing import Any

from aura_migration.pos.toast.document import CategoryEntry, source_of
from aura_migration.pos.toast.job import Job, channels, record_of, text, visible
from aura_migration.pos.toast.prices import windows
from aura_migration.pos.toast.wire import Availability


def availability(given: Availability | None) -> list[dict[str, Any]] | None:
    """When a menu is served: None always, else ``{"days", "from", "to"}`` per range; a whole day is 00:00 to 24:00."""
    if given is None or given.always_available:
        return None
    return [{"days": list(days), "from": start, "to": end} for days, start, end in windows(given.schedule or ())]


def map_menus(job: Job) -> None:
    """Menus and categories."""
    for key, entry in job.doc.menus.items():
        menu = entry.menu
        values = {
            "name": menu.name,
            "description": text(menu.description),
            "channels": channels(menu.visibility),
            "button_color": text(menu.pos_button_color_light),
            "short_name": text(menu.pos_name),
            "is_active": visible(menu.visibility),
            "display_order": entry.position,
        }
        try:
            served = availability(menu.availability)
        except ValueError as error:
            job.reject("menus", key, f"When it is served cannot be read: {error}", record_of(menu), **values)
            continue
        job.batch.add("menus", key, source_of(entry.raw), record_of(menu), **values, availability=served)
    for key, category in job.doc.categories.items():
        _map_category(job, key, category)


def _map_category(job: Job, key: str, entry: CategoryEntry) -> None:
    group = entry.group
    if entry.also_in:
        note = "The group stands on several menus; in AuraConnect it is listed under the first, its items are on all."
        job.notes.add("MenuGroup", "menu", note, group.guid)
    job.batch.add(
        "categories",
        key,
        source_of(entry.raw),
        record_of(group),
        name=group.name,
        description=text(group.description),
        parent_category_key=entry.parent_key,
        menu_key=entry.menu_key,
        image_url=text(group.image),
        button_color=text(group.pos_button_color_light),
        short_name=text(group.pos_name),
        channels=channels(group.visibility),
        is_active=visible(group.visibility),
        display_order=entry.position,
    )
