"""A session on a Toast account: signing in, its limits, and the port's verbs.

The calls themselves are in ``calls.py``; what is fetched for a snapshot in ``extract.py``, what a person is told about the
account in ``audit.py``.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aura_migration.archive.snapshot import Recorder
from aura_migration.core.errors import BadInput
from aura_migration.pos.http.client import PosClient
from aura_migration.pos.http.errors import PermissionMissing, Rejected, SuspiciousPaging
from aura_migration.pos.http.limits import Limit, LimitPolicy, fingerprint
from aura_migration.pos.http.retry import RetryPolicy
from aura_migration.pos.http.tokens import Credentials, MachineLogin
from aura_migration.pos.port import (
    Account,
    AuditLine,
    Discovery,
    HistorySpan,
    Permission,
    ReverseLevel,
    Scope,
    SourceLocation,
)
from aura_migration.pos.threads import in_thread
from aura_migration.pos.toast import paths
from aura_migration.pos.toast.audit import audit as audit_account
from aura_migration.pos.toast.audit import permissions as granted_permissions
from aura_migration.pos.toast.audit import reverse_level as level_for
from aura_migration.pos.toast.calls import MAX_PAGES, POS, RESTARTS, RETRY, ToastCalls, classify
from aura_migration.pos.toast.extract import extract as extract_account
from aura_migration.pos.toast.orders.reread import reread as reread_documents
from aura_migration.pos.toast.setup import closeout, location_name
from aura_migration.pos.toast.wire import Connection, ConnectionPage, RestaurantInfo, WireError, convert

LIMITS = LimitPolicy(
    (
        # The same numbers hold for each API by itself, which all of them together can never exceed before this one.
        Limit("GLOBAL 15 min", "toast:{client}:{scope}:quarter", capacity=10_000, per_seconds=900.0, block=20),
        Limit("GLOBAL", "toast:{client}:{scope}:second", capacity=20, per_seconds=1.0),
        Limit("ENDPOINT", "toast:{client}:{scope}:menus", capacity=1, per_seconds=1.0, paths=r"^GET /menus/v\d/menus$"),
        # Toast allows 5; on the way requests may come closer together than they left.
        Limit(
            "ENDPOINT",
            "toast:{client}:{scope}:orders",
            capacity=4,
            per_seconds=1.0,
            paths=r"^GET /orders/v2/ordersBulk$",
        ),
    )
)
LOGIN_RETRY = RetryPolicy(
    advice_headers=("retry-after",), max_attempts=4, total_budget=60.0, read_timeout=20.0, attempt_timeout=30.0
)


def parse_credentials(document: Any) -> dict[str, Any]:
    """``{"client_id", "client_secret", "restaurant_guids"}`` checked; the guids may be left out by partner clients."""
    example = 'Give {"client_id": "…", "client_secret": "…", "restaurant_guids": ["…"]}.'
    if not isinstance(document, Mapping):
        raise BadInput("Toast credentials are a JSON object.", example)
    unknown = document.keys() - {"client_id", "client_secret", "restaurant_guids"}
    if unknown:
        raise BadInput(f"Toast credentials have no field {sorted(unknown)[0]!r}.", example)
    for name in ("client_id", "client_secret"):
        if not isinstance(document.get(name), str) or not document[name].strip():
            raise BadInput(f"The Toast credentials lack {name}.", example)
    guids = document.get("restaurant_guids") or []
    if not isinstance(guids, list) or not all(isinstance(guid, str) and _is_guid(guid) for guid in guids):
        raise BadInput("restaurant_guids is not a list of Toast restaurant guids.", example)
    return {
        "client_id": document["client_id"].strip(),
        "client_secret": document["client_secret"].strip(),
        "restaurant_guids": list(dict.fromkeys(guids)),
    }


def _is_guid(text: str) -> bool:
    return bool(text) and all(char.isalnum() or char in "-_" for char in text) and text.isascii()


class ToastSession(ToastCalls):
    """The port's verbs on an open connection."""

    async def discover(self) -> Discovery:
        """All restaurants of the account: those the credentials name, else all that are connected to the client."""
        connected = await self._connected()
        chosen = self.restaurant_guids or tuple(one.restaurant_guid for one in connected or ())
        if not chosen:
            raise BadInput(
                "This Toast client cannot list its restaurants, and the credentials name none."
                if connected is None
                else "No restaurant is connected to this Toast client.",
                'Add "restaurant_guids" to the credentials (Toast Web shows the guid of each location).'
                if connected is None
                else "Connect the restaurant to the integration in Toast Web, then connect again.",
            )
        found = [await self.restaurant(guid) for guid in sorted(chosen)]
        found = self._of_one_group(found)
        merchant = _merchant(found[0])
        return Discovery(merchant, found[0].general.name, tuple(_location(info) for info in found))

    def _of_one_group(self, found: list[RestaurantInfo]) -> list[RestaurantInfo]:
        """The restaurants of the account's management group; an account may not mix groups, which share nothing."""
        groups: dict[str, list[RestaurantInfo]] = {}
        for info in found:
            groups.setdefault(_merchant(info), []).append(info)
        if self.account.merchant_id and self.account.merchant_id in groups:
            return groups[self.account.merchant_id]
        if len(groups) > 1:
            names = "; ".join(
                f"{members[0].general.name}: {', '.join(one.guid for one in members)}" for members in groups.values()
            )
            raise BadInput(
                f"These credentials reach restaurants of {len(groups)} management groups ({names}).",
                'Connect each group by itself: name its restaurants in "restaurant_guids".',
            )
        return found

    async def _connected(self) -> list[Connection] | None:
        """All restaurants connected to a partner client; None where the client is not one."""
        for _ in range(RESTARTS + 1):
            try:
                found = await self._walk_connected()
            except PermissionMissing:
                return None
            if found is not None:
                return found
        raise SuspiciousPaging(
            "the list of connected restaurants is never as long as it says", pos=POS, path=paths.CONNECTED
        )

    async def _walk_connected(self) -> list[Connection] | None:
        """One walk; None when it did not find as many restaurants as the list announces."""
        found: dict[str, Connection] = {}
        token, total = "", None
        for _ in range(MAX_PAGES):
            params = {"pageSize": "200"} | ({"pageToken": token} if token else {})
            answer = await self.get(paths.CONNECTED, "", params)
            try:
                page = convert(answer.json(), ConnectionPage)
            except WireError as error:
                raise Rejected(str(error), pos=POS, method="GET", path=paths.CONNECTED) from error
            before = len(found)
            found |= {one.restaurant_guid: one for one in page.results}
            total = page.total_result_count if page.total_result_count is not None else page.total_count
            if not page.next_page_token:
                break
            if len(found) == before or page.next_page_token == token:
                return None
            token = page.next_page_token
        if total is not None and total != len(found):
            return None
        return [one for one in found.values() if not one.deleted]

    async def permissions(self, location: str) -> tuple[Permission, ...]:
        """See the port: the token's scopes first, then one cheap call per API."""
        return await granted_permissions(self, location)

    async def reverse_level(self, location: str) -> ReverseLevel:
        """See the port."""
        return level_for(await self.scopes())

    async def extract(
        self,
        recorder: Recorder,
        scope: Scope,
        location: str | None,
        entities: Sequence[str],
        span: HistorySpan | None = None,
    ) -> None:
        """See the port. All of Toast's entities belong to one location."""
        await extract_account(self, recorder, scope, location, entities, span)

    async def reread(self, recorder: Recorder, location: str, keys: Mapping[str, Sequence[str]]) -> None:
        """See the port."""
        await reread_documents(self, recorder, location, keys)

    async def audit(self, location: str) -> tuple[AuditLine, ...]:
        """See the port."""
        return await audit_account(self, location)


def _merchant(info: RestaurantInfo) -> str:
    return info.general.management_group_guid or info.guid


def _location(info: RestaurantInfo) -> SourceLocation:
    general, address = info.general, info.location
    fields = () if address is None else address.__struct_fields__
    return SourceLocation(
        source_id=info.guid,
        name=location_name(general.name, general.location_name),
        timezone=general.time_zone,
        currency=general.currency_code or "USD",
        closeout=closeout(general.closeout_hour),
        closeout_source="the close-out hour of the Toast location" if general.closeout_hour is not None else "",
        is_active=not general.archived,
        group_id=general.management_group_guid or "",
        address={name: value for name in fields if (value := getattr(address, name))},
    )


@asynccontextmanager
async def open_session(account: Account) -> AsyncIterator[ToastSession]:
    """A session on the account; the first call signs in."""
    stored, _ = await in_thread(account.credentials.load, account.integration_id)
    held: list[PosClient] = []

    async def login(credentials: Credentials) -> Mapping[str, Any]:
        """A token for all restaurants; Toast answers the same one while it lives."""
        body = {
            "clientId": credentials["client_id"],
            "clientSecret": credentials["client_secret"],
            "userAccessType": "TOAST_MACHINE_CLIENT",
        }
        answer = await held[0].request(
            "POST", paths.LOGIN, json=body, authorize=False, limit_scope="source", retry=LOGIN_RETRY
        )
        token = answer.json().get("token") or {}
        if not token.get("accessToken"):
            raise Rejected("the answer to the sign-in holds no token", pos=POS, method="POST", path=paths.LOGIN)
        return {
            **credentials,
            "access_token": token["accessToken"],
            "expires_at": time.time() + float(token.get("expiresIn") or 0),
        }

    tokens = MachineLogin(
        account.credentials, account.integration_id, login, exclusive=account.buckets.exclusive, pos=POS
    )
    limits = LIMITS.named(client=fingerprint(str(stored.get("client_id", ""))))
    async with PosClient(account.base_url, tokens, limits, account.buckets, classify, RETRY, pos=POS) as client:
        held.append(client)
        yield ToastSession(account, client, tokens, stored.get("restaurant_guids") or ())
