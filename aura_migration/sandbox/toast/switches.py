"""The switches of the sandbox Toast with their defaults, and the values those may have that have only a few."""

from __future__ import annotations

from typing import Any

# What Toast's texts leave open or contradict, and what a test wants to turn. README.md says what each means.
SWITCHES: dict[str, Any] = {
    "limits": "real",
    "limit_scale": 1.0,
    "token_seconds": 86_400,
    "edits_visible": "on_publish",
    "empty_menus": "not_found",
    "premodifier_map_key": "preModifierGroupReferences",
    "time_specific_item_price": "base",
    "overlapping_reference_ids": False,
    "extra_fields": False,
    "missing_restaurant_header_status": 403,
    "stale_page_token_status": 409,
    "auth_status_as_text": False,
    "rate_limit_body": "json",
    "config_page_bytes": 100_000,
    "config_page_objects": 300,
    "connecting_restaurants": 0,
    "custom_dining_behavior": "",
    "online_ordering": True,
    "tax_condition": "TAKE_OUT",
    "printing_mode_off": False,
    "orders_default_page_size": 100,
    "orders_large_page": "refuse",
    "orders_period_days": 31,
    "orders_sort": "modified",
    "orders_links": "repeated",
    "gratuity_in_total": False,
    "charge_rounding": "HALF_UP",
    "external_ids": "own",
    "labor_period_days": 31,
    "archived_entries_default": False,
    "employee_disabled_flag": True,
    "shift_reference": "object",
}
CHOICES: dict[str, tuple[Any, ...]] = {
    "limits": ("real", "off"),
    "edits_visible": ("on_publish", "at_once"),
    "empty_menus": ("not_found", "empty_list"),
    "time_specific_item_price": ("base", "null"),
    "rate_limit_body": ("json", "text"),
    "missing_restaurant_header_status": (400, 403),
    "stale_page_token_status": (400, 409),
    "orders_large_page": ("refuse", "cap"),
    "orders_sort": ("modified", "opened"),
    "orders_links": ("repeated", "combined"),
    "charge_rounding": ("HALF_UP", "HALF_EVEN"),
    "external_ids": ("own", "all"),
    "shift_reference": ("object", "guid", "mixed"),
}
