"""The port every POS connector fills: what it can fetch, how it is asked, what it answers.

A connector is one folder (`calls.py`, `client.py`, `wire.py`, `mapping.py`, `fields.py`, `witness.py`, `README.md`) whose
package exports ``CONNECTOR``. Nothing outside that folder knows a POS's wire format; nothing in here knows a particular POS.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from aura_migration.archive.snapshot import Recorder, Redaction, SnapshotReader
from aura_migration.canonical.history.documents import HistoryMapper
from aura_migration.canonical.history.rules import Basis, HistoryRules
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.canonical.model import Batch
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.canonical.seals import Seals
from aura_migration.pos.http.client import PosClient
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.http.tokens import CredentialStore
from aura_migration.pos.unread import HistoryFields
from aura_migration.pos.webhooks import WebhookReader

Scope = Literal["merchant", "location", "history"]
"""merchant: fetched once for all locations; location: menu, people, rules of one; history: its orders and money over a span."""
MISSING_DOCUMENTS = "missing_documents"
"""The source entity of documents that were asked for by their keys; see ``Session.reread``."""
MENU = frozenset(entity.name for entity in (*MENU_ENTITIES, *RULE_ENTITIES))


@dataclass(frozen=True)
class SourceLocation:
    """One site as the POS describes it. ``source_id`` is the POS's id; ``closeout`` is ``HH:MM`` local.

    ``closeout`` holds unless the options say otherwise; ``closeout_source`` says in words where it comes from.
    ``proposed_closeout`` is what another setting of the POS hints at: it is shown and asked about, never taken by itself.
    """

    source_id: str
    name: str
    timezone: str
    currency: str
    closeout: str = "00:00"
    is_active: bool = True
    group_id: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    closeout_source: str = ""
    proposed_closeout: str = ""
    proposal_source: str = ""


@dataclass(frozen=True)
class Discovery:
    """Everything an account reaches: the merchant's id and name and all its locations, in location-id order."""

    merchant_id: str
    merchant_name: str
    locations: tuple[SourceLocation, ...]


@dataclass(frozen=True)
class HistorySpan:
    """What of the past is to be read: aware instants, ``begin`` inclusive, ``end`` exclusive.

    ``changed_since`` None reads everything. Else an earlier export has the rest: what the POS says was changed since that
    instant is read, wherever in the past it lies, and everything of the last days again whatever it says (``reread_from``):
    timestamps are not trusted.
    """

    begin: datetime
    end: datetime
    changed_since: datetime | None = None
    reread_from: datetime | None = None


@dataclass(frozen=True)
class SourceEntity:
    """One thing the connector fetches ("catalog", "menus", "stock").

    ``scope`` says where it belongs (see ``Scope``); ``permission`` is what the POS calls
    the right needed; ``feeds`` are the canonical entities that come from it (excluding one by name lifts the block a
    missing permission puts on the plan); ``required`` entities must be certified before anything is loaded.
    ``unlisted`` is the stock state that the POS documents for what a complete list of it does not name; None where leaving
    a list says nothing.
    """

    name: str
    scope: Scope
    permission: str
    feeds: tuple[str, ...]
    required: bool = True
    doc: str = ""
    unlisted: str | None = None

    @property
    def is_menu(self) -> bool:
        """Whether it belongs to what is sold and by which rules; everything else is of people or of the past."""
        return self.scope != "history" and (not self.feeds or any(name in MENU for name in self.feeds))


@dataclass(frozen=True)
class Permission:
    """Whether one source entity may be read. ``granted`` is None where the POS does not say and it was not tried."""

    entity: str
    permission: str
    granted: bool | None
    evidence: str


@dataclass(frozen=True)
class AuditLine:
    """One line of the audit: an area ("devices"), what was counted or found, or the question to ask the restaurant."""

    area: str
    label: str
    value: str
    question: str = ""


@dataclass(frozen=True)
class ReverseLevel:
    """How far back is possible: A write-back by API, B import files for the POS, C day journal for accounting."""

    level: Literal["A", "B", "C"]
    evidence: str


@dataclass(frozen=True)
class Account:
    """What a connector needs to open a session: where, who, and with what shared machinery."""

    integration_id: int
    base_url: str
    credentials: CredentialStore
    buckets: Buckets
    merchant_id: str = ""
    switches: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Right:
    """One right a restaurant is asked for, in a sentence each: what it is needed for, and what is lost without it."""

    scope: str
    why: str
    without: str


@dataclass(frozen=True)
class Consent:
    """One visit to a POS's consent page: what the page is told, and what its answer is exchanged with.

    ``verifier`` proves by PKCE that the code is ours where the application has no ``client_secret``.
    """

    base_url: str
    client_id: str
    redirect_uri: str
    state: str = field(repr=False)
    client_secret: str = field(default="", repr=False)
    verifier: str = field(default="", repr=False)


class SignIn(Protocol):
    """How an account comes to be accessible, and how that ends. Stateless; a POS without a page refuses the first two."""

    rights: tuple[Right, ...]
    """What is asked for, all of it to read."""
    hosts: tuple[str, ...]
    """Base URLs the POS itself publishes; any other is somebody else's server."""
    has_consent_page: bool
    by_hand: str
    """What the restaurant does at the POS to end the access."""

    def authorize_url(self, consent: Consent) -> str:
        """Where the restaurant's browser has to go. ``Refused`` where the POS would not accept what is asked."""
        ...

    async def exchange(self, consent: Consent, answer: Mapping[str, str]) -> dict[str, Any]:
        """A credentials document (see ``Connector.parse_credentials``) for what the page sent back; asks the POS once.

        Raises a PosError, or BadInput where the answer is not whole.
        """
        ...

    def application(self, stored: Mapping[str, Any]) -> tuple[str, str]:
        """Id and secret of the application that credentials belong to; "" for what they do not tell."""
        ...

    def merged(self, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
        """The credentials an integration has after somebody agreed anew, from those it had and those just got."""
        ...

    async def revoke(self, base_url: str, merchant_id: str, credentials: Mapping[str, Any]) -> bool:
        """End the access at the POS. False where it offers no way, or none with these credentials; raises a PosError."""
        ...


class Session(Protocol):
    """An open connection to one POS account."""

    client: PosClient

    async def discover(self) -> Discovery:
        """The merchant and all its locations, however many pages that takes."""
        ...

    async def permissions(self, location: str) -> tuple[Permission, ...]:
        """One line per source entity, found by asking the POS, never by assuming. ``location`` is a POS location id."""
        ...

    async def reverse_level(self, location: str) -> ReverseLevel:
        """Which way back the granted rights allow."""
        ...

    async def extract(
        self,
        recorder: Recorder,
        scope: Scope,
        location: str | None,
        entities: Sequence[str],
        span: HistorySpan | None = None,
    ) -> None:
        """Fetch the named source entities of that scope, record every body and certify each entity.

        ``span`` is given for the scope history. A missing permission is certified as ``not_extracted`` with its reason;
        any other failure raises.
        """
        ...

    async def reread(self, recorder: Recorder, location: str, keys: Mapping[str, Sequence[str]]) -> None:
        """Read documents of the history by their keys (``{kind: keys}``), which a re-read window should have shown.

        Recorded as source entity ``missing_documents``: the answers, also those that say deleted or not found.
        """
        ...

    async def audit(self, location: str) -> tuple[AuditLine, ...]:
        """Configuration, devices, integrations, workflows and app data as far as the API shows them; questions where not."""
        ...


class Connector(Protocol):
    """One POS. Stateless: everything it needs comes in as arguments."""

    pos: str
    title: str
    default_base_url: str
    source_entities: tuple[SourceEntity, ...]
    redaction: Redaction
    session_parallelism: int
    history_basis: Basis
    """The instant an order is dated by unless the options say otherwise; a POS that sends business dates ignores it."""
    sends_business_dates: bool
    """Whether the POS says itself which business day an order is of."""
    history_fields: HistoryFields
    """What of the documents of the history is read, so that the loss report can tell the rest."""
    switches: Mapping[str, str]
    """Facts no documentation confirms, and what depends on the account: the name of each switch and what it does."""
    words: Mapping[str, str]
    """What staff knows under another word: the POS's, and AuraConnect's. For the sheet they read; a plugin may leave it out."""
    sign_in: SignIn
    """How an account is connected by its owner's consent; a plugin may leave it out."""
    webhooks: WebhookReader
    """How the POS's webhooks are read and verified; a plugin may leave it out."""
    # ``writer: pos.writing.Writer`` says how orders and stock are written; a plugin may leave it out (``writer_of``).
    # ``import_files: pos.import_files.MakeFiles`` makes files the POS imports; left out where it takes none (``files_of``).

    def parse_credentials(self, document: Any) -> dict[str, Any]:
        """Check a credentials document and return it normalised; ``BadInput`` names what is missing. No network."""
        ...

    def open(self, account: Account) -> AbstractAsyncContextManager[Session]:
        """A session on the account; signs in lazily."""
        ...

    def map_menu(self, reader: SnapshotReader, location: SourceLocation) -> Batch:
        """The menu of one location as canonical rows, from the snapshot alone. Pure: same snapshot, same rows."""
        ...

    def map_rules(self, reader: SnapshotReader, location: SourceLocation) -> Batch:
        """The rules of business of one location (``canonical/rules.py``) as rows, from the snapshot alone. Pure, as the menu.

        Only what the POS states: what orders alone can tell is concluded by ``canonical/inferred.py``. A rule or field
        without a home is a loss in an owner's words; a contradiction in the POS's own rules is rejected, never settled here.
        """
        ...

    def map_people(self, reader: SnapshotReader, location: SourceLocation, seals: Seals) -> Iterator[Batch]:
        """The merchant's people and what they are owed, and the staff's time at this location, in batches of bounded size.

        Pure, and in bounded memory: bodies are read one at a time. Parents come before children as far as that needs no
        holding back (references are judged when all is staged). Source entities that were not extracted give nothing.
        """
        ...

    def history_mapper(
        self, reader: SnapshotReader, location: SourceLocation, seals: Seals, rules: HistoryRules
    ) -> HistoryMapper:
        """What turns the recorded bodies of the history into documents; see :class:`HistoryMapper`."""
        ...

    def source_counts(self, reader: SnapshotReader, location: SourceLocation) -> Mapping[str, int]:
        """Records per counted canonical entity ("items", "modifiers" …) as this POS's page defines "item" and "active"."""
        ...


Pages = AsyncIterator[bytes]
Records = Iterator[Mapping[str, Any]]
