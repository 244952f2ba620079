"""Every fact about Clover that no documentation settles, as a named switch with its default and what else it can be.

Defaults are the reading that is harder on a client wherever the documentation leaves it open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Switch:
    """One switch; `allowed` empty means any value of the default's type."""

    default: Any
    allowed: tuple[Any, ...]
    says: str


SWITCHES: dict[str, Switch] = {
    "limits": Switch("real", ("real", "off"), "count requests per second and in flight, or let everything pass"),
    "limits_scale": Switch(1.0, (), "factor on all four limits, for tests"),
    "latency_seconds": Switch(0.005, (), "time every /v3 answer takes at least; what makes requests overlap"),
    "limit_header_value": Switch("limit", ("limit", "true"), "value of the X-RateLimit-* header on a 429"),
    "merchant_tokens_share_app": Switch(
        True, (True, False), "tokens made in the dashboard count against one app limit"
    ),
    "retry_after_grows": Switch(True, (True, False), "calling before retry-after has passed makes the wait longer"),
    "retry_after_max_seconds": Switch(8, (), "longest retry-after"),
    "missing_permission_status": Switch(401, (401, 403), "answer to a token that lacks the permission"),
    "expand_without_permission": Switch("drop", ("drop", "refuse"), "expansion of what the token may not read"),
    "over_max_limit": Switch("clamp", ("clamp", "refuse"), "limit above 1000: silently 1000, or 400"),
    "expand_over_three": Switch("accept", ("accept", "ignore", "refuse"), "a fourth expansion: done, ignored, or 400"),
    "nested_limit": Switch(100, (), "rows of a nested collection before it is cut"),
    "nested_unexpanded": Switch("absent", ("absent", "href"), "a menu collection that was not expanded"),
    "nested_deleted": Switch("flagged", ("flagged", "omit", "reference"), "deleted rows in nested collections"),
    "nested_modifier_order": Switch("created", ("created", "display"), "newest first, or as in modifierIds"),
    "category_items_order": Switch("created", ("created", "display"), "order of /categories/{id}/items"),
    "deleted_items": Switch("on_filter", ("on_filter", "listed", "never"), "deleted items in lists"),
    "deleted_categories": Switch("on_filter", ("on_filter", "listed", "never"), "deleted categories in lists"),
    "deleted_customers": Switch("on_filter", ("on_filter", "listed", "never"), "deleted customers in lists"),
    "deleted_employees": Switch("on_filter", ("on_filter", "listed", "never"), "deleted employees in lists"),
    "deleted_shifts": Switch("on_filter", ("on_filter", "listed", "never"), "deleted shifts in lists"),
    "customer_deleted_field": Switch(False, (True, False), "deleted customers carry deletedTime"),
    "customer_contact_lists": Switch(True, (True, False), "contact lists under a customer can be read, or are 405"),
    "expand_deleted_employee": Switch("reference", ("reference", "object"), "a deleted employee expanded on a shift"),
    "shift_employee": Switch("id", ("id", "linked"), "employee of a shift: only its id, or with href and orders"),
    "in_and_override_time": Switch("effective", ("effective", "either"), "what in_and_override_time compares"),
    "shift_window_days": Switch(0, (), "longest span of a time filter on shifts, 0 for any; the latest part counts"),
    "deleted_by_id": Switch("not_found", ("not_found", "object"), "GET of a deleted row by its id"),
    "item_deleted_field": Switch(False, (True, False), "items carry a deleted flag beside deletedTime"),
    "item_expand_menu": Switch(True, (True, False), "items can expand menuItem and itemGroup"),
    "default_rates_in_expand": Switch(False, (True, False), "expand=taxRates also lists the merchant's default rates"),
    "history_window_days": Switch(
        90, (), "longest span of a time filter on orders, payments, refunds; the latest part counts"
    ),
    "history_without_time_filter": Switch(
        "last_window", ("last_window", "all"), "orders, payments, refunds asked for without any time"
    ),
    "deleted_orders": Switch("on_filter", ("on_filter", "listed", "never"), "deleted orders in lists"),
    "voided_payments": Switch("listed", ("listed", "on_filter"), "voided payments in lists without filter=voided"),
    "line_taxes_in_orders": Switch(
        True, (True, False), "orders expand lineItems.taxRates and lineItems.payments, or ignore them"
    ),
    "order_total_after_refunds": Switch(True, (True, False), "order.total leaves refunded lines out"),
    "order_filters_more": Switch(False, (True, False), "orders also filter by paymentState and customer.id"),
    "atomic_ad_hoc_lines": Switch(False, (True, False), "atomic orders take lines that are on no menu"),
    "atomic_external_reference": Switch(False, (True, False), "atomic orders keep an externalReferenceId of the cart"),
    "sales_move_stock": Switch(
        False, (True, False), "sales take counted stock along where the merchant has updateStock"
    ),
    "filter_null_operators": Switch(False, (True, False), "clients may filter with IS NULL and IS NOT NULL"),
    "filter_like": Switch(False, (True, False), "clients may filter with LIKE"),
    "unknown_order_by": Switch("refuse", ("refuse", "ignore"), "orderBy on a field the endpoint does not know"),
    "offers_fees": Switch(True, (True, False), "fees and a service charge exist; else, as in some countries, 404"),
    "tax_rule_fields": Switch(
        "records", ("records", "ids"), "tax rules name order type and rates as records or by bare ids"
    ),
    "stale_modifier_ids": Switch(False, (True, False), "modifierIds still names one modifier that is gone"),
    "merchant_owner": Switch("employee", ("employee", "href"), "merchant.owner when it was not expanded"),
    "vat": Switch(False, (True, False), "the merchant's prices include VAT"),
    "href_base": Switch("http://apisandbox.dev.clover.com", (), "scheme and host of every href; not the host called"),
    "access_token_seconds": Switch(1800, (), "life of an OAuth v2 access token"),
    "refresh_token_seconds": Switch(31_536_000, (), "life of an OAuth v2 refresh token"),
    "refresh_token_cap": Switch(5, (), "live refresh tokens per merchant; one more ends the oldest"),
    "refresh_ends_access": Switch(False, (True, False), "a refresh also ends the access token of the old pair"),
    "code_seconds": Switch(600, (), "life of an authorization code"),
    "oauth_error_status": Switch(401, (400, 401), "answer to a bad code, secret, verifier or refresh token"),
    "authorize": Switch("page", ("page", "redirect"), "ask the person for consent, or send them straight back"),
    "redirect_employee_id": Switch(False, (True, False), "the redirect also carries employee_id"),
    "legacy_oauth": Switch(True, (True, False), "/oauth/token still hands out tokens that never expire"),
    "migrate_v2": Switch(True, (True, False), "/oauth/token/migrate_v2 is there"),
    "migrate_keeps_legacy": Switch(False, (True, False), "a legacy token lives on after its migration"),
}


def defaults() -> dict[str, Any]:
    """A fresh set of switches."""
    return {name: switch.default for name, switch in SWITCHES.items()}


def complaint(name: str, value: Any) -> str | None:
    """Why `value` cannot be the value of switch `name`, or None."""
    switch = SWITCHES[name]
    if value is None:
        return f"clover switch {name!r} cannot be null: {switch.says}"
    if switch.allowed and value not in switch.allowed:
        return f"clover switch {name!r} is one of {', '.join(map(repr, switch.allowed))}, not {value!r}: {switch.says}"
    if isinstance(switch.default, int | float) and not isinstance(switch.default, bool) and value < 0:
        return f"clover switch {name!r} cannot be negative: {switch.says}"
    return None
