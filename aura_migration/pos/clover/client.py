"""A session on a Clover account: the port's verbs.

The calls themselves, their limits and errors are in ``calls.py``; which lists are walked and how completeness is proven in
``extract.py``; what the settings say in ``audit.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec

from aura_migration.archive.snapshot import Recorder
from aura_migration.pos.clover.audit import audit as audit_account
from aura_migration.pos.clover.calls import CloverCalls, Params, Site, changed
from aura_migration.pos.clover.extract import extract as extract_account
from aura_migration.pos.clover.lists import MAY_LACK, MERCHANT_R, OBJECTS, PATHS, SOURCE_ENTITIES
from aura_migration.pos.clover.orders.extract import extract_history
from aura_migration.pos.clover.orders.named import reread as reread_documents
from aura_migration.pos.clover.wire import Address, Merchant, Properties, closeout, read
from aura_migration.pos.clover.writing import WRITER
from aura_migration.pos.http.client import PosResponse
from aura_migration.pos.http.errors import NotFound, PermissionMissing, Rejected
from aura_migration.pos.port import (
    Account,
    AuditLine,
    Discovery,
    HistorySpan,
    Permission,
    ReverseLevel,
    Scope,
    SourceEntity,
    SourceLocation,
)
from aura_migration.pos.threads import in_thread
from aura_migration.pos.together import together


@asynccontextmanager
async def open_session(account: Account) -> AsyncIterator[CloverSession]:
    """A session on the account; nothing is asked of Clover before the first call."""
    credentials, _ = await in_thread(account.credentials.load, account.integration_id)
    session = CloverSession(account, credentials)
    async with AsyncExitStack() as stack:
        for site in session.sites.values():
            stack.push_async_callback(site.aclose)
        yield session


class CloverSession(CloverCalls):
    """The port's verbs on an open connection."""

    async def discover(self) -> Discovery:
        """All merchants, each a location, in id order; the first one's id names the integration."""
        found = await together([_discovered(self.sites[ident]) for ident in sorted(self.sites)])
        return Discovery(found[0].source_id, found[0].name, tuple(found))

    async def permissions(self, location: str) -> tuple[Permission, ...]:
        """One line per source entity, found by reading a first record of each."""
        site = self.site(location)
        return tuple(await together([_tried(site, entity) for entity in SOURCE_ENTITIES]))

    async def reverse_level(self, location: str) -> ReverseLevel:
        """A where changes of an order and a stock that nobody has are not refused for want of the right, else B: import files."""
        _, merchant = await self.site(location).object("", permission=MERCHANT_R)
        name = merchant.get("name") or location
        rights = await WRITER.rights(self, location)
        if rights.stock and rights.orders:
            return ReverseLevel(
                "A",
                f"Clover lets this app write orders and stock of {name} ({rights.evidence['stock']}); orders go back "
                f"{'as paid' if rights.payments else 'open, to be closed by hand'} ({rights.evidence['payments']}); the menu goes back as "
                "import files.",
            )
        missing = rights.evidence["stock" if rights.orders else "orders"]
        return ReverseLevel(
            "B",
            f"Orders and stock of {name} cannot both be written ({missing}); import files for Clover's inventory remain possible.",
        )

    async def extract(
        self,
        recorder: Recorder,
        scope: Scope,
        location: str | None,
        entities: Sequence[str],
        span: HistorySpan | None = None,
    ) -> None:
        """See the port. Everything of Clover belongs to a location."""
        if scope == "merchant" or location is None:
            return
        if scope == "history":
            await extract_history(self.site(location), recorder, entities, span)
            return
        await extract_account(self.site(location), recorder, entities)

    async def reread(self, recorder: Recorder, location: str, keys: Mapping[str, Sequence[str]]) -> None:
        """See the port."""
        await reread_documents(self.site(location), recorder, keys)

    async def audit(self, location: str) -> tuple[AuditLine, ...]:
        """Counts, configuration, devices and app data as far as the API shows them, and questions where it does not."""
        return await audit_account(self.site(location))


async def _discovered(site: Site) -> SourceLocation:
    response, raw = await site.object("", {"expand": "address,properties"}, permission=MERCHANT_R)
    merchant = _read(response, raw, Merchant)
    settings, place = raw.get("properties"), raw.get("address")
    if not isinstance(settings, Mapping) or not settings.get("timezone"):
        response, settings = await site.object("/properties", permission=MERCHANT_R)
    properties = _read(response, settings, Properties)
    if not isinstance(place, Mapping) or set(place) <= {"href"}:
        try:
            response, place = await site.object("/address", permission=MERCHANT_R)
        except NotFound:
            place = {}
    address = _read(response, place, Address)
    currency = properties.default_currency or merchant.default_currency
    if not properties.timezone or not currency:  # days and amounts rest on them: never guessed
        raise changed(
            response, f"the settings of {site.id} name no {'currency' if properties.timezone else 'time zone'}"
        )
    named = {
        "line1": address.address1,
        "city": address.city,
        "state": address.state,
        "postal_code": address.zip,
        "country": address.country,
    }
    return SourceLocation(
        source_id=site.id,
        name=merchant.name or site.id,
        timezone=properties.timezone,
        currency=currency,
        closeout=closeout(properties.summary_hour),
        closeout_source="the hour at which Clover's reporting day ends" if properties.summary_hour is not None else "",
        address={name: value for name, value in named.items() if value},
    )


def _read(response: PosResponse, raw: Any, shape: type[Any]) -> Any:
    try:
        return read(raw, shape)
    except msgspec.ValidationError as error:
        raise changed(response, str(error)) from error


async def _tried(site: Site, entity: SourceEntity) -> Permission:
    paths = list(OBJECTS[entity.name].values()) if entity.name in OBJECTS else [PATHS[entity.name]]
    params: Params = {} if entity.name in OBJECTS else {"limit": 1}
    try:
        for path in paths:
            await site.get(path, params, permission=entity.permission)
    except PermissionMissing as error:
        return Permission(entity.name, entity.permission, False, error.reason)
    except (NotFound, Rejected) as error:
        if entity.required and entity.name not in MAY_LACK:
            raise
        return Permission(entity.name, entity.permission, None, f"not offered for this merchant: {error.reason}")
    return Permission(entity.name, entity.permission, True, "a first record could be read")
