"""Webhooks in: what a POS posts, without a token but under its signature; their keys, and what came."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from aura_migration.api.access.roles import Permission
from aura_migration.api.depends import Admin, Number, PosItself, Viewer
from aura_migration.api.models import After, Limit, Page, Sent
from aura_migration.api.problems import NotFound, problem
from aura_migration.api.state import ApiState
from aura_migration.core.errors import BadInput
from aura_migration.database.faults import presentable
from aura_migration.migration import webhooks
from aura_migration.pos.webhooks import Delivery

router = APIRouter(prefix="/pos", tags=["webhooks"])
PosName = Annotated[str, Path(pattern="^[a-z]{1,40}$", examples=["square"])]
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": {"type": "order.updated"}}},
        "description": "Byte for byte what the POS sends.",
    }
}


class Accepted(BaseModel):
    """The delivery is stored; the POS need not send it again."""

    received: bool = True


class TouchedRecord(BaseModel):
    """A record that is to be read anew."""

    entity: str = Field(examples=["orders"])
    id: str = Field(description="of the POS; empty: anything of the entity")
    deleted: bool


class WebhookLine(BaseModel):
    """One event, without its body."""

    id: int
    pos: str
    kind: str = Field(examples=["order.updated"])
    merchant_id: str
    location_key: str | None
    occurred_at: datetime | None = Field(description="as the POS says")
    is_genuine: bool = Field(description="signed with this account's key")
    why_not: str = Field(description="why it is not believed")
    touches: list[TouchedRecord]
    deliveries: int = Field(description="how often it came")
    received_at: datetime
    last_received_at: datetime
    state: str = Field(description="received (waits for the delta), rejected, handled or ignored")
    handled_at: datetime | None
    note: str
    verification_code: str | None = Field(
        default=None, description="of a handshake, for administrators: to be typed in at the POS"
    )


class Subscription(BaseModel):
    """What is subscribed at the POS."""

    integration_id: int
    pos: str
    url: str = Field(description="the account's own address; the signature counts every character of it")
    shared_url: str = Field(description="where one subscription of an application serves several accounts")
    has_key: bool


class WebhookPage(Page[WebhookLine]):
    """Events of an account, newest first."""

    subscription: Subscription
    waiting: dict[str, int] = Field(description="records touched since the last delta, by entity; 0: all of the entity")


class WebhookKey(Sent):
    """The key or secret the POS shows at the subscription."""

    key: str = Field(
        min_length=8, max_length=500, description="stored sealed; never shown again", examples=["as the POS shows it"]
    )


@router.post("/webhooks/{pos}", name="webhook", response_model=Accepted, openapi_extra=BODY)
async def receive_shared(state: PosItself, request: Request, pos: PosName) -> Any:
    """For an application whose one subscription serves several accounts: the event names the account, whose key counts."""
    return await _receive(state, request, pos, None)


@router.post(
    "/webhooks/{pos}/{integration_id}", name="webhook of an account", response_model=Accepted, openapi_extra=BODY
)
async def receive(state: PosItself, request: Request, pos: PosName, integration_id: Number) -> Any:
    """For an account with a subscription of its own. Stored first; 401 where it is not genuine, 5xx where it is to come again."""
    return await _receive(state, request, pos, integration_id)


@router.get("/webhooks", name="webhooks of nobody")
def list_unknown(caller: Admin, after: After = 0, limit: Limit = 100) -> Page[WebhookLine]:
    """Deliveries that belong to no account we know, newest first; for those who may see every restaurant."""
    if caller.restaurants is not None:
        return Page(items=[], next_after=None)
    with caller.connect() as connection:
        rows = webhooks.list_events(caller.workshop, connection, None, after=after, limit=limit + 1, with_codes=True)
    return Page(**_page(rows, limit))


@router.get("/integrations/{integration_id}/webhooks", name="webhooks")
def list_webhooks(caller: Viewer, integration_id: Number, after: After = 0, limit: Limit = 100) -> WebhookPage:
    """What the POS told of an account, without bodies; where to subscribe; what waits for the next delta."""
    with caller.connect() as connection:
        caller.integration(connection, integration_id)
        rows = webhooks.list_events(
            caller.workshop,
            connection,
            integration_id,
            after=after,
            limit=limit + 1,
            with_codes=caller.identity.may(Permission.ADMINISTER),
        )
        return WebhookPage(
            **_page(rows, limit),
            subscription=Subscription(**webhooks.subscription(caller.workshop, connection, integration_id)),
            waiting=webhooks.waiting(connection, integration_id),
        )


@router.put("/integrations/{integration_id}/webhook-key", name="set webhook key")
def set_key(caller: Admin, integration_id: Number, sent: WebhookKey) -> Subscription:
    """Store the key with which the POS signs the account's webhooks, in place of the one before."""
    with caller.connect() as connection:
        caller.integration(connection, integration_id)
        webhooks.set_key(caller.workshop, connection, integration_id, sent.key)
        return Subscription(**webhooks.subscription(caller.workshop, connection, integration_id))


@router.delete("/integrations/{integration_id}/webhook-key", name="remove webhook key")
def remove_key(caller: Admin, integration_id: Number) -> Subscription:
    """Forget the key: from now on the account's webhooks are rejected."""
    with caller.connect() as connection:
        caller.integration(connection, integration_id)
        webhooks.remove_key(connection, integration_id)
        return Subscription(**webhooks.subscription(caller.workshop, connection, integration_id))


def _page(rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    items = [WebhookLine(**row) for row in rows[:limit]]
    return {"items": items, "next_after": items[-1].id if len(rows) > limit else None}


async def _receive(state: ApiState, request: Request, pos: str, integration_id: int | None) -> Any:
    """The raw body before anything else: the signature is over its bytes, and over the address as the POS knows it."""
    body = await request.body()
    query = request.scope["query_string"].decode("latin-1")
    delivery = Delivery(
        url=f"{state.settings.public_url}{request.url.path}{f'?{query}' if query else ''}",
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw},
        body=body,
        at=datetime.now(UTC),
    )

    def store() -> webhooks.Receipt:
        with state.connect() as connection:
            return webhooks.receive(state.workshop, connection, pos, delivery, integration_id)

    try:
        receipt = await run_in_threadpool(store)
    except BadInput as error:
        raise NotFound(error.what, error.remedy) from error
    except Exception as error:  # whatever it is: 5xx makes the POS send it again, and no log quotes a guest's row
        raise presentable(error, state.settings.data_dir) from None
    request.state.deed.is_kept_elsewhere = True
    request.state.deed.detail.update(pos=pos, events=list(receipt.events))
    if len(receipt.integrations) == 1:
        (request.state.deed.integration_id,) = receipt.integrations
    return _refusal() if receipt.why_not else Accepted()


def _refusal() -> Response:
    """Strangers are not told what is wrong; whoever connected the account sees it in the list."""
    return problem(
        401,
        "NotGenuine",
        "The signature is not that of this account.",
        "GET /pos/integrations/{id}/webhooks says why; the key is set by PUT /pos/integrations/{id}/webhook-key.",
    )
