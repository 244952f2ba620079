"""The Clover connector: the port's names bound to this folder's parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from aura_migration.archive.snapshot import Redaction, SnapshotReader
from aura_migration.canonical.history.documents import HistoryMapper
from aura_migration.canonical.history.rules import Basis, HistoryRules
from aura_migration.canonical.model import Batch
from aura_migration.canonical.seals import Seals
from aura_migration.pos.clover import business_rules, client, consent, mapping, people, signin
from aura_migration.pos.clover.calls import BASE_URL, POS
from aura_migration.pos.clover.import_files import import_files
from aura_migration.pos.clover.lists import SOURCE_ENTITIES
from aura_migration.pos.clover.orders import secrets, unread
from aura_migration.pos.clover.orders.mapper import CloverHistory
from aura_migration.pos.clover.webhooks import WEBHOOKS
from aura_migration.pos.clover.writing import WRITER
from aura_migration.pos.port import Account, Session, SignIn, SourceEntity, SourceLocation
from aura_migration.pos.webhooks import WebhookReader
from aura_migration.pos.writing import Writer

BANKING = ("abaAccountNumber", "ddaAccountNumber", "hierarchy", "shippingAddress")
IDENTIFIERS = ("secureId", "cpuId", "imei", "imsi", "simIccid", "deviceCertificate", "pedCertificate")
STAFF = ("pin", "unhashedPin", "employeeCards")
CONTACT = ("emailAddress", "phoneNumber", "address1", "address2", "address3", "city", "state", "zip")
METADATA = tuple(f"metadata.{name}" for name in ("note", "businessName", "dobYear", "dobMonth", "dobDay"))
COMPANY = (
    "owner",
    "gateway",
    "billingInfo",
    "bankProcessing",
    "externalMerchant",
    "merchantBoarding",
    "deviceBoarding",
)


class CloverConnector:
    """Clover behind the port. Stateless."""

    pos = POS
    title = "Clover"
    default_base_url = BASE_URL
    source_entities: tuple[SourceEntity, ...] = SOURCE_ENTITIES
    redaction = Redaction(
        drop={
            "merchant": (*COMPANY, "employees", "customerContactEmail", "supportEmail"),
            "roles": ("elements[].employees",),
            "customers": ("elements[].cards",),
            "shifts": (
                "elements[].employee.name",
                "elements[].overrideInEmployee.name",
                "elements[].overrideOutEmployee.name",
            ),
            **secrets.DROP,
        },
        free_text={"customers": ("elements[].metadata.note",)},
        personal={
            "customers": tuple(
                (f"elements[].{name}", "elements[].id")
                for name in ("firstName", "lastName", "emailAddresses", "phoneNumbers", "addresses", *METADATA)
            )
            # Rows of a guest's own lists: they name nobody, the recorder is told whose they are.
            + tuple((f"elements[].{name}", "elements[].customer.id") for name in CONTACT),
            "employees": tuple(
                (f"elements[].{name}", "elements[].id") for name in ("name", "nickname", "customId", "email")
            ),
        },
        drop_everywhere=frozenset((*BANKING, *IDENTIFIERS, *STAFF)),
    )
    session_parallelism = 3
    sign_in: SignIn = consent.SIGN_IN
    webhooks: WebhookReader = WEBHOOKS
    writer: Writer = WRITER
    import_files = staticmethod(import_files)
    history_basis: Basis = "created"
    sends_business_dates = False
    history_fields = unread.FIELDS
    switches: Mapping[str, str] = {}

    words: Mapping[str, str] = {
        "Variant of an item group": "Item of its own, with all its options in the name",
        "Label": "Tag; one with a printer is a kitchen station",
        "Hidden item": "Item switched off",
        "Tender": "Tender type",
        "Additional charge": "Service charge",
        "Employee": "Staff member",
    }

    def parse_credentials(self, document: Any) -> dict[str, Any]:
        """See the port; the shapes are named in the error."""
        return signin.parse_credentials(document)

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
        """See the port. Clover's ids are its own: nothing has to be sealed."""
        return people.map_people(reader, location)

    def history_mapper(
        self, reader: SnapshotReader, location: SourceLocation, seals: Seals, rules: HistoryRules
    ) -> HistoryMapper:
        """See the port."""
        return CloverHistory(reader, location, seals, rules)

    def source_counts(self, reader: SnapshotReader, location: SourceLocation) -> Mapping[str, int]:
        """See the port."""
        return mapping.source_counts(reader, location)
