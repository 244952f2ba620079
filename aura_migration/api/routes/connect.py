"""Connecting a POS account: by its owner's consent on the POS's own page, or with credentials."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints

from aura_migration.api import problems
from aura_migration.api.access.roles import Permission
from aura_migration.api.auditing import Deed
from aura_migration.api.depends import Anybody, Caller, Number, Operator, Viewer
from aura_migration.api.models import Sent
from aura_migration.api.problems import Forbidden
from aura_migration.core.errors import AuraError, BadInput
from aura_migration.migration import audit, signing_in
from aura_migration.migration.integrations import Integration, KnownLocation, TakenElsewhere, connect_account
from aura_migration.pos.http.client import checked_base_url
from aura_migration.pos.http.errors import Unauthorized
from aura_migration.pos.port import Right
from aura_migration.pos.registry import connectors

router = APIRouter(prefix="/pos", tags=["connect"])
NO_STORE = {"cache-control": "no-store"}
PAGE_HEADERS = {
    **NO_STORE,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.5rem; }}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"""
HTML: dict[str, Any] = {"content": {"text/html": {"schema": {"type": "string"}}}}
BOTH: dict[str, Any] = {
    "description": "Nothing was stored; the page, or to programs a problem document, says why",
    "content": {
        **HTML["content"],
        problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
    },
}


def _plain(value: Any) -> Any:
    """Credentials end in headers, switches in the database: both are printable ASCII wherever they hold text."""
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        raise ValueError("holds characters other than printable ASCII")
    if isinstance(value, dict):
        for name, each in value.items():
            _plain(name)
            _plain(each)
    elif isinstance(value, list):
        for each in value:
            _plain(each)
    elif isinstance(value, SecretStr):
        _plain(value.get_secret_value())
    return value


Plain = AfterValidator(_plain)
PosName = Annotated[str, Field(pattern="^[a-z0-9_-]{1,40}$", examples=["square"])]
Address = Annotated[str | None, Plain, Field(max_length=500, description="default: the POS's production host")]
RestaurantName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(examples=["Café am Markt"]),
]
RestaurantId = Annotated[
    int | None, Field(ge=1, le=2**63 - 1, description="an existing one instead of a new one", examples=[1])
]


ReturnTo = Annotated[
    str,
    Field(max_length=signing_in.LONGEST, description="path within this application", examples=["/console/connected"]),
]


class RightLine(BaseModel):
    """One right the restaurant is asked for."""

    scope: str = Field(examples=["ITEMS_READ"])
    why: str = Field(description="what it is needed for")
    without: str = Field(description="what is lost without it")


class PosLine(BaseModel):
    """One POS that accounts can be connected of."""

    pos: str = Field(examples=["square"])
    title: str = Field(examples=["Square"])
    base_url: str = Field(description="where it answers unless another address is given")
    has_consent_page: bool = Field(description="false: credentials have to be handed over")
    redirect_uri: str | None = Field(description="what the application has to be registered with")
    scopes: list[RightLine]
    by_hand: str = Field(description="what the restaurant does at the POS to end the access")
    switches: dict[str, str]


class Application(Sent):
    """The application that is registered at the POS."""

    client_id: Annotated[str, Plain] = Field(min_length=1, max_length=191, examples=["sq0idp-…"])
    client_secret: Annotated[SecretStr | None, Plain] = Field(
        default=None, max_length=1_024, description="left out: the code is proven by PKCE"
    )


class SignInAsked(Sent):
    """Which account is to be connected for which restaurant."""

    pos: PosName
    base_url: Address = None
    restaurant: RestaurantName
    restaurant_id: RestaurantId = None
    application: Application
    return_to: ReturnTo = ""


class SignInAgainAsked(Sent):
    """By which application an account is connected again."""

    application: Application | None = Field(
        default=None, description="default: the one the account was connected with, as far as it is known"
    )
    return_to: ReturnTo = ""


class SignInBegun(BaseModel):
    """Where the owner of the account has to go, with which browser, until when, and what will be asked."""

    authorize_url: str
    expires_at: datetime
    redirect_uri: str = Field(description="must be registered with the application at the POS")
    scopes: list[RightLine]


class SignInAnswer(Sent):
    """What the consent page sent back, from a browser that is not the one the sign-in was begun in."""

    pos: PosName
    address: str = Field(
        max_length=4_000,
        description="the whole address the browser was sent to",
        examples=["https://migration.example.com/pos/oauth/callback/square?code=…&state=…"],
    )


class ConnectAsked(Sent):
    """Credentials that the restaurant made and handed over."""

    pos: PosName
    base_url: Address = None
    restaurant: RestaurantName
    restaurant_id: RestaurantId = None
    credentials: Annotated[dict[str, Any] | list[dict[str, Any]], Plain] = Field(
        description="as the POS's page of the documentation shows; sealed, and never shown again"
    )
    switches: Annotated[dict[str, str | int | float | bool], Plain] = Field(default_factory=dict)


class Connected(BaseModel):
    """An account that is connected."""

    integration_id: int
    restaurant_id: int
    pos: str
    merchant: str
    locations: list[dict[str, str]]


@router.get("/connectors", name="list connectors")
def list_connectors(caller: Viewer) -> list[PosLine]:
    """Which POS there are, how their accounts are connected, and what is asked of the restaurant and why."""
    found = []
    for pos, connector in connectors().items():
        page = getattr(connector, "sign_in", None)
        has_page = page is not None and page.has_consent_page
        found.append(
            PosLine(
                pos=pos,
                title=connector.title,
                base_url=connector.default_base_url,
                has_consent_page=has_page,
                redirect_uri=f"{caller.state.settings.public_url}{signing_in.CALLBACK}/{pos}" if has_page else None,
                scopes=_lines(page.rights) if page is not None else [],
                by_hand=page.by_hand if page is not None else "",
                switches=dict(getattr(connector, "switches", {})),
            )
        )
    return found


@router.post("/integrations/sign-in", status_code=201, name="begin sign-in")
def begin_sign_in(caller: Operator, asked: SignInAsked, response: Response) -> SignInBegun:
    """Begin connecting an account by its owner's consent.

    The answer sets a cookie; the browser that has it goes to `authorize_url` and is brought back within ten minutes.
    Whoever begins it elsewhere finishes with `POST /pos/integrations/sign-in/finish`.
    """
    _require_scope(caller, asked.restaurant_id)
    _require_known_host(caller, asked.pos, asked.base_url)
    caller.deed.restaurant_id = asked.restaurant_id
    caller.deed.detail |= {"pos": asked.pos, "restaurant": asked.restaurant}
    secret = asked.application.client_secret
    begun = signing_in.begin(
        caller.workshop,
        asked.pos,
        asked.base_url,
        asked.restaurant,
        asked.restaurant_id,
        asked.application.client_id,
        secret.get_secret_value() if secret else "",
        asked.return_to,
        caller.name,
    )
    return _begun(caller, begun, response)


@router.post("/integrations/{integration_id}/sign-in", status_code=201, name="begin sign-in again")
def begin_sign_in_again(
    caller: Operator, integration_id: Number, asked: SignInAgainAsked, response: Response
) -> SignInBegun:
    """Begin connecting an account again by its owner's consent; finished as a first one is.

    Agreeing for another account than this is refused.
    """
    with caller.connect() as connection:
        integration = caller.integration(connection, integration_id)
    caller.deed.detail |= {"pos": integration.pos}
    given = asked.application
    secret = given.client_secret if given is not None else None
    begun = signing_in.begin_again(
        caller.workshop,
        integration,
        given.client_id if given is not None else "",
        secret.get_secret_value() if secret else "",
        asked.return_to,
        caller.name,
    )
    return _begun(caller, begun, response)


@router.post("/integrations/sign-in/finish", status_code=201, name="finish sign-in")
def finish_sign_in(caller: Operator, sent: SignInAnswer) -> Connected:
    """Finish a sign-in that was begun without a browser: by the caller who began it, and nobody else."""
    answer = dict(parse_qsl(urlsplit(sent.address).query))
    open_ = signing_in.find(caller.workshop, answer.get("state", ""))
    caller.deed.detail |= {"pos": open_.pos, "started_by": open_.started_by}
    if open_.pos != sent.pos or open_.started_by != caller.name:
        raise signing_in.SignInRefused(
            "This sign-in was begun by somebody else, or for another POS.", "Whoever began it finishes it."
        )
    _require_scope(caller, open_.restaurant_id)
    done = signing_in.finish(caller.workshop, open_, answer, caller.identity.reaches)
    return _connected(caller.deed, done.integration, done.locations)


@router.get(
    "/oauth/callback/{pos}",
    name="sign-in callback",
    response_class=Response,
    responses={
        200: {"description": "The account is connected", **HTML},
        303: {"description": "The account is connected; back to where the person came from"},
        **dict.fromkeys((400, 403, 409, 502, 503), BOTH),
    },
)
def callback(
    request: Request,
    state: Anybody,
    pos: str,
    state_sent: Annotated[str, Query(alias="state", max_length=signing_in.LONGEST)] = "",
    code: Annotated[str, Query(max_length=signing_in.LONGEST, description="what is exchanged for tokens")] = "",
    error: Annotated[str, Query(max_length=200, description="why there is no code")] = "",
    merchant_id: Annotated[str, Query(max_length=100, description="who agreed (Clover)")] = "",
) -> Response:
    """Where a POS's consent page sends the browser. Needs no token: the cookie that began the sign-in, and works once."""
    deed: Deed = request.state.deed
    address = request.client.host if request.client else "?"
    try:
        open_ = signing_in.find(state.workshop, state_sent)
        deed.is_noted = True
        deed.restaurant_id = open_.restaurant_id
        deed.detail |= {"pos": open_.pos, "started_by": open_.started_by}
        if open_.pos != pos:
            raise signing_in.SignInRefused("This answer comes from another POS than was asked.", signing_in.AGAIN)
        if not signing_in.is_proven(state.workshop, state_sent, request.cookies):
            raise signing_in.SignInRefused(
                f"This sign-in was not begun in this browser, but by {open_.started_by} elsewhere.",
                "Did you not begin it yourself? Then close this page: nothing was stored. If you began it with a program, "
                "finish it there with the address of this page.",
            )
        with (
            state.connect() as connection
        ):  # a GET that changes something: under way like any change, but not before it is proven
            deed.number = audit.begin(connection, "api", "nobody", (), f"GET {request.url.path}")
        answer = {"code": code, "error": error, "merchant_id": merchant_id}
        done = signing_in.finish(state.workshop, open_, answer, lambda _: False)
        _connected(deed, done.integration, done.locations)
    except AuraError as problem:
        deed.is_noted = deed.is_noted or not state.refusal_limit.wait_for(address)
        deed.detail["problem"] = type(problem).__name__
        return _refusal(request, problem)
    return _welcome(done)  # the cookie stays for its ten minutes: who loads the page again is told what became of it


def _welcome(done: signing_in.Finished) -> Response:
    if done.return_to:
        joined = "&" if "?" in done.return_to else "?"
        target = f"{done.return_to}{joined}integration_id={done.integration.id}"
        return Response(
            status_code=303, headers={**PAGE_HEADERS, "location": quote(target, safe=":/?&=#%,;@+!~*'()[]$")}
        )
    sites = "".join(f"<li>{html.escape(site.name)}</li>" for site in done.locations)
    body = f"<p>These locations can be looked at now:</p><ul>{sites}</ul><p>You may close this page.</p>"
    return _page(f"{done.integration.merchant_name} is connected", body, 200)


@router.post("/integrations", status_code=201, name="connect")
def connect(caller: Operator, asked: ConnectAsked) -> Connected:
    """Connect an account with credentials: sign in, discover its locations, seal the credentials.

    Connecting the same account again returns its integration and replaces its credentials.
    """
    _require_scope(caller, asked.restaurant_id)
    _require_known_host(caller, asked.pos, asked.base_url)
    caller.deed.restaurant_id = asked.restaurant_id
    caller.deed.detail |= {"pos": asked.pos, "restaurant": asked.restaurant}
    try:
        integration, locations = connect_account(
            caller.workshop,
            asked.pos,
            asked.base_url,
            asked.credentials,
            asked.restaurant,
            asked.restaurant_id,
            asked.switches,
            within=signing_in.CONNECT_SECONDS,
        )
    except TakenElsewhere as error:
        raise signing_in.discreet(error, caller.identity.reaches) from error
    except Unauthorized as error:
        raise BadInput(error.what, error.remedy) from error
    return _connected(caller.deed, integration, locations)


def _begun(caller: Caller, begun: signing_in.Begun, response: Response) -> SignInBegun:
    public_url = caller.state.settings.public_url
    response.headers.update(NO_STORE)
    response.set_cookie(
        begun.proof_name,
        begun.proof,
        max_age=int(signing_in.LIFE.total_seconds()),
        path=signing_in.callback_path(public_url),
        secure=public_url.startswith("https://"),
        httponly=True,
        samesite="lax",  # the way back from the POS is a navigation of another site
    )
    return SignInBegun(
        authorize_url=begun.authorize_url,
        expires_at=begun.expires_at,
        redirect_uri=begun.redirect_uri,
        scopes=_lines(begun.rights),
    )


def _lines(rights: tuple[Right, ...]) -> list[RightLine]:
    return [RightLine(scope=right.scope, why=right.why, without=right.without) for right in rights]


def _require_scope(caller: Caller, restaurant_id: int | None) -> None:
    if caller.identity.reaches(restaurant_id):
        return
    if restaurant_id is None:
        raise Forbidden(
            "A new restaurant is made by those who reach all restaurants.", "Name an existing one: restaurant_id."
        )
    raise BadInput(f"Restaurant {restaurant_id} does not exist in AuraConnect.", "Check restaurant_id.")


def _require_known_host(caller: Caller, pos: str, base_url: str | None) -> None:
    """Where tokens come from outside, who connects accounts is not thereby allowed to send requests of ours anywhere."""
    if base_url is None or not caller.state.settings.jwt.is_configured or caller.identity.may(Permission.ADMINISTER):
        return
    connector = caller.workshop.connector(pos)
    page = getattr(connector, "sign_in", None)
    if checked_base_url(base_url) not in (connector.default_base_url, *(page.hosts if page is not None else ())):
        raise Forbidden(
            f"This is not an address that {connector.title} publishes.", "It takes the role admin to use another one."
        )


def _connected(deed: Deed, integration: Integration, locations: list[KnownLocation]) -> Connected:
    deed.integration_id, deed.restaurant_id = integration.id, integration.restaurant_id
    return Connected(
        integration_id=integration.id,
        restaurant_id=integration.restaurant_id,
        pos=integration.pos,
        merchant=integration.merchant_name,
        locations=[{"key": site.key, "name": site.name} for site in locations],
    )


def _refusal(request: Request, error: AuraError) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        return problems.of(error)
    body = f"<p>{html.escape(error.what)}</p><p>{html.escape(error.remedy)}</p>"
    return _page("The account was not connected", body, problems.status_of(error))


def _page(title: str, body: str, status: int) -> Response:
    return Response(PAGE.format(title=html.escape(title), body=body), status, PAGE_HEADERS, "text/html; charset=utf-8")
