"""The Toast connector: the port's names bound to this folder's parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from aura_migration.archive.snapshot import Redaction, SnapshotReader
from aura_migration.canonical.history.documents import HistoryMapper
from aura_migration.canonical.history.rules import Basis, HistoryRules
from aura_migration.canonical.model import Batch
from aura_migration.canonical.seals import Seals
from aura_migration.pos.port import Account, Session, SignIn, SourceEntity, SourceLocation
from aura_migration.pos.toast import business_rules, client, consent, guest_rights, mapping, people
from aura_migration.pos.toast.calls import POS, TITLE
from aura_migration.pos.toast.orders import unread
from aura_migration.pos.toast.orders.mapping import ToastHistory
from aura_migration.pos.toast.redaction import REDACTION
from aura_migration.pos.toast.webhooks import WEBHOOKS
from aura_migration.pos.toast.writing import WRITER
from aura_migration.pos.webhooks import WebhookReader
from aura_migration.pos.writing import Writer

MENU_FEEDS = (
    "menus",
    "categories",
    "items",
    "variations",
    "modifier_groups",
    "modifiers",
    "pre_modifiers",
    "item_locations",
    "modifier_locations",
    "item_categories",
    "item_menus",
    "item_modifier_groups",
    "nested_groups",
    "modifier_defaults",
    "group_pre_modifiers",
    "price_rules",
)
CONFIG_FEEDS = (
    "tax_rates",
    "item_taxes",
    "order_types",
    "revenue_centers",
    "tender_types",
    "service_charges",
    "service_charge_taxes",
    "pricing_rules",
    "tax_table_rows",
    "tax_exceptions",
    "settings",
)
SOURCE_ENTITIES = (
    SourceEntity(
        "restaurant",
        "location",
        "restaurants:read",
        ("locations", "opening_hours"),
        doc="Name, address, hours, close-out, delivery.",
    ),
    SourceEntity("menus", "location", "menus:read", MENU_FEEDS, doc="All published menus, in one document (V2)."),
    SourceEntity(
        "config", "location", "config:read", CONFIG_FEEDS, doc="Tax rates, charges, discounts and the other rules."
    ),
    SourceEntity(
        "prep_stations",
        "location",
        "kitchen:read",
        ("kitchen_stations", "item_stations", "modifier_stations"),
        doc="Where tickets are prepared.",
    ),
    SourceEntity("stock", "location", "stock:read", ("stock",), doc="What is 86'd or counted.", unlisted="in_stock"),
    SourceEntity("availability", "location", "restaurants:read", (), required=False, doc="Online ordering now."),
    SourceEntity(
        "ordering_schedule",
        "location",
        "digital_schedule:read",
        ("opening_hours",),
        doc="When can be ordered online; none without online ordering.",
    ),
    SourceEntity("jobs", "location", "labor:read", ("roles",), doc="Jobs with their usual wages."),
    SourceEntity(
        "employees",
        "location",
        "labor.employees:read",
        ("staff", "staff_jobs", "staff_locations"),
        doc="Employees, also those who left, without their codes.",
    ),
    SourceEntity(
        "time_entries", "location", "labor:read", ("timecards",), doc="Time worked in the last twelve months."
    ),
    SourceEntity(
        "orders",
        "history",
        "orders:read",
        (
            "order_groups",
            "orders",
            "payments",
            "refunds",
            "house_account_movements",
            "customers",
            "customer_addresses",
        ),
        doc="Orders with checks, payments and refunds, which alone tell of guests; without card data.",
    ),
    SourceEntity("cash_entries", "history", "cashmgmt:read", ("cash_events",), doc="Cash that went in or out."),
    SourceEntity("cash_deposits", "history", "cashmgmt:read", ("deposits",), doc="Cash brought to the bank."),
    SourceEntity(
        "guests",
        "history",
        guest_rights.GUEST,
        ("customers", "customer_addresses"),
        doc="Whether the orders name their guests.",
    ),
    SourceEntity(
        "delivery_addresses",
        "history",
        guest_rights.ADDRESS,
        ("customer_addresses",),
        doc="Whether the orders say where they were delivered.",
    ),
)


WORDS: Mapping[str, str] = {
    "Menu group": "Category",
    "Menu option": "Modifier",
    "Dining option": "Order type",
    "Prep station": "Kitchen station",
    "Check": "Order; the checks of one Toast order stay together",
    "Alternate payment type": "Tender type",
    "Employee": "Staff member",
    "Job": "Role",
    "86'd": "Out of stock",
}
SWITCHES: Mapping[str, str] = {
    "menu_second_route": "false: the menu is not counted once more in the configuration",
    "orders_every_day": "true: every business date of the orders is counted once more (a call a day)",
    "orders_pause_seconds": "seconds between pages of a long history of orders (5, as Toast asks)",
}


class ToastConnector:
    """Toast behind the port. Stateless."""

    pos = POS
    title = TITLE
    default_base_url = "https://ws-api.toasttab.com"
    source_entities: tuple[SourceEntity, ...] = SOURCE_ENTITIES
    redaction: Redaction = REDACTION
    session_parallelism = 4
    sign_in: SignIn = consent.SIGN_IN
    webhooks: WebhookReader = WEBHOOKS
    writer: Writer = WRITER
    history_basis: Basis = "created"
    sends_business_dates = True
    history_fields = unread.FIELDS
    switches: Mapping[str, str] = SWITCHES
    words: Mapping[str, str] = WORDS

    def parse_credentials(self, document: Any) -> dict[str, Any]:
        """See the port."""
        return client.parse_credentials(document)

    def open(self, account: Account) -> AbstractAsyncContextManager[Session]:
        """See the port."""
        return client.open_session(account)

    def map_menu(self, reader: SnapshotReader, location: SourceLocation) -> Batch:
        """See the port."""
        return mapping.map_menu(reader, location)

    def map_rules(self, reader: SnapshotReader, location: SourceLocation) -> Batch:
        """See the port."""
        return business_rules.map_rules(reader, location)

    def map_people(self, reader: SnapshotReader, location: SourceLocation, seals: Seals) -> Iterator[Batch]:
        """See the port. Guests are those of the restaurant's own orders."""
        return people.map_people(reader, location, seals)

    def history_mapper(
        self, reader: SnapshotReader, location: SourceLocation, seals: Seals, rules: HistoryRules
    ) -> HistoryMapper:
        """See the port. Business dates are Toast's own."""
        return ToastHistory(reader, location, seals, rules)

    def source_counts(self, reader: SnapshotReader, location: SourceLocation) -> Mapping[str, int]:
        """See the port."""
        return mapping.source_counts(reader, location)
