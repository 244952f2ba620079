"""The Square connector: the port's names bound to this folder's parts."""

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
from aura_migration.pos.square import business_rules, client, consent, mapping
from aura_migration.pos.square.import_files import import_files
from aura_migration.pos.square.orders import sources as orders
from aura_migration.pos.square.orders import unread
from aura_migration.pos.square.orders.mapping import SquareHistory
from aura_migration.pos.square.people import mapping as people
from aura_migration.pos.square.people.attributes import SWITCH as ATTRIBUTES_SWITCH
from aura_migration.pos.square.people.sources import DROP, FREE_TEXT, PERSONAL
from aura_migration.pos.square.webhooks import WEBHOOKS
from aura_migration.pos.square.wire import VERSION_SWITCH
from aura_migration.pos.square.writing import WRITER
from aura_migration.pos.webhooks import WebhookReader
from aura_migration.pos.writing import Writer


class SquareConnector:
    """Square behind the port. Stateless."""

    pos = client.POS
    title = "Square"
    default_base_url = client.BASE_URL
    source_entities: tuple[SourceEntity, ...] = client.SOURCE_ENTITIES
    redaction = Redaction(
        drop={
            "locations": (
                "locations[].address.first_name",
                "locations[].address.last_name",
                "locations[].tax_ids",
                "locations[].business_email",
            ),
            **DROP,
            **orders.DROP,
        },
        personal={**PERSONAL, **orders.PERSONAL},
        free_text={**FREE_TEXT, **orders.FREE_TEXT},
    )
    session_parallelism = 4
    sign_in: SignIn = consent.SIGN_IN
    webhooks: WebhookReader = WEBHOOKS
    writer: Writer = WRITER
    import_files = staticmethod(import_files)
    history_basis: Basis = "closed"
    sends_business_dates = False
    history_fields = unread.FIELDS
    switches: Mapping[str, str] = {
        VERSION_SWITCH: "the version of Square's API that is asked for, as 2025-08-20",
        ATTRIBUTES_SWITCH: "of how many guests at most the restaurant's own fields are read, one by one (5000)",
    }

    words: Mapping[str, str] = {
        "Modifier set": "Modifier group",
        "Item option, item variation": "Variation",
        "Fulfilment": "Order type",
        "Team member": "Staff member",
        "Job": "Role",
        "Automatic discount": "Pricing rule",
        "Other tender": "Tender type",
    }

    def parse_credentials(self, document: Any) -> dict[str, Any]:
        """See the port; the shapes are named in the error."""
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
        """See the port."""
        return people.map_people(reader, location, seals)

    def history_mapper(
        self, reader: SnapshotReader, location: SourceLocation, seals: Seals, rules: HistoryRules
    ) -> HistoryMapper:
        """See the port."""
        return SquareHistory(reader, location, seals, rules)

    def source_counts(self, reader: SnapshotReader, location: SourceLocation) -> Mapping[str, int]:
        """See the port."""
        return mapping.source_counts(reader, location)
