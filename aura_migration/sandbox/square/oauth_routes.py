"""The HTTP side of Square's OAuth: authorize page, token, token status, revoke."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from aura_migration.sandbox.square.auth import ALL_SCOPES
from aura_migration.sandbox.square.context import Context, json_body
from aura_migration.sandbox.square.errors import SquareError

LOCAL_HOSTS = ("localhost", "127.0.0.1")
LONGEST = {"client_id": 191, "code": 191, "redirect_uri": 2048, "client_secret": 1024, "refresh_token": 1024}
TOKEN_FIELDS = frozenset(
    [
        "client_id",
        "client_secret",
        "grant_type",
        "code",
        "redirect_uri",
        "refresh_token",
        "migration_token",
        "code_verifier",
        "scopes",
        "short_lived",
    ]
)
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{merchant} - allow access</title></head>
<body><h1>Allow this application to access {merchant}?</h1><ul>{scopes}</ul>
<form method="post" action="/oauth2/authorize?{query}">
<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></form>
</body></html>"""


def routes(context: Context) -> list[Route]:
    """All OAuth routes."""
    oauth = OAuth(context)
    return [
        Route("/oauth2/authorize", oauth.authorize, methods=["GET", "POST"]),
        Route("/oauth2/token", oauth.token, methods=["POST"]),
        Route("/oauth2/token/status", oauth.status, methods=["POST"]),
        Route("/oauth2/revoke", oauth.revoke, methods=["POST"]),
    ]


class OAuth:
    """The four endpoints over one token store."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tokens = context.tokens

    async def authorize(self, request: Request) -> Response:
        """The page on which the seller allows or refuses. The switch `authorize` decides for a seller who is not there;
        the form's POST is this sandbox's own way of pressing a button."""
        query = request.query_params
        application = self._tokens.application
        target = query.get("redirect_uri") or application.redirect_uri
        scopes = query.get("scope", "").split()
        problem = self._authorize_problem(query.get("client_id"), target, query.get("redirect_uri"), scopes)
        if problem:
            return HTMLResponse(f"<h1>Something went wrong</h1><p>{html.escape(problem)}</p>", 400)
        decision = self._context.switches["authorize"]
        if request.method == "POST":
            decision = parse_qs((await request.body()).decode()).get("decision", [""])[0]
        if decision == "page" or decision not in ("allow", "deny"):
            listed = "".join(f"<li>{html.escape(scope)}</li>" for scope in scopes)
            merchant = html.escape(self._context.world.merchant.name)
            return HTMLResponse(PAGE.format(merchant=merchant, scopes=listed, query=html.escape(str(query))))
        state = query.get("state")
        if decision == "deny":
            answer = {"error": "access_denied", "error_description": "user_denied"}
        else:
            granted = set(scopes) & self._tokens.personal.scopes
            code = self._tokens.issue_code(granted, query.get("redirect_uri"), query.get("code_challenge"))
            answer = {"code": code, "response_type": "code"}
        if state is not None:
            answer["state"] = state
        separator = "&" if urlsplit(target).query else "?"
        return RedirectResponse(f"{target}{separator}{urlencode(answer)}", 302)

    def _authorize_problem(
        self, client_id: str | None, target: str, given: str | None, scopes: list[str]
    ) -> str | None:
        application = self._tokens.application
        if client_id != application.client_id:
            return "Unable to find client by that client_id."
        parts = urlsplit(target)
        local = parts.scheme == "http" and parts.hostname in LOCAL_HOSTS
        if given is not None and given != application.redirect_uri and not local:
            return "The redirect_uri is not one of the application's."
        unknown = [scope for scope in scopes if scope not in ALL_SCOPES]
        if unknown or not scopes:
            return f"Unknown permission: {unknown[0]}" if unknown else "At least one permission is needed in scope."
        return None

    async def token(self, request: Request) -> Response:
        """POST /oauth2/token."""
        try:
            refused = self._context.limit_rate()
            if refused is not None:
                return refused
            fields = await json_body(request)
            self._check_fields(fields)
            status = int(self._context.switches["oauth_grant_error_status"])
            kind = fields["grant_type"]
            if kind == "authorization_code":
                _need(fields, "code")
                grant, token = self._tokens.redeem_code(fields, status)
            elif kind == "refresh_token":
                _need(fields, "refresh_token")
                grant, token = self._tokens.refresh(fields, status)
            else:
                raise SquareError("INVALID_VALUE", f"grant_type {kind!r} is not supported.", "grant_type")
            return JSONResponse(self._tokens.token_response(grant, token))
        except SquareError as error:
            return error.response()

    def _check_fields(self, fields: dict[str, Any]) -> None:
        if self._context.switches["reject_unknown_parameters"]:
            for name in fields:
                if name not in TOKEN_FIELDS:
                    raise SquareError("UNKNOWN_BODY_PARAMETER", f"Unrecognized parameter: {name}", name)
        for name in ("client_id", "grant_type"):
            _need(fields, name)
        for name, longest in LONGEST.items():
            value = fields.get(name)
            if value is not None and not isinstance(value, str):
                raise SquareError("EXPECTED_STRING", f"Expected a string for {name}.", name)
            if value is not None and len(value) > longest:
                raise SquareError("VALUE_TOO_LONG", f"{name} is longer than {longest}.", name)
        scopes = fields.get("scopes")
        if scopes is not None and (not isinstance(scopes, list) or any(not isinstance(held, str) for held in scopes)):
            raise SquareError("EXPECTED_ARRAY", "Expected an array of strings for scopes.", "scopes")
        if "short_lived" in fields and not isinstance(fields["short_lived"], bool):
            raise SquareError("EXPECTED_BOOLEAN", "Expected a boolean for short_lived.", "short_lived")

    async def status(self, request: Request) -> Response:
        """POST /oauth2/token/status: any dead token is UNAUTHORIZED here, whatever it died of."""
        refused = self._context.limit_rate()
        if refused is not None:
            return refused
        try:
            token = self._tokens.bearer(request.headers.get("authorization"))
        except SquareError:
            return SquareError("UNAUTHORIZED", "This request could not be authorized.").response()
        application = self._tokens.application
        body: dict[str, Any] = {"scopes": sorted(token.scopes)}
        if token.expires_at is not None:
            body["expires_at"] = token.expires_at
        return JSONResponse({**body, "client_id": application.client_id, "merchant_id": self._tokens.merchant_id})

    async def revoke(self, request: Request) -> Response:
        """POST /oauth2/revoke with `Authorization: Client <secret>`."""
        tokens = self._tokens
        try:
            fields = await json_body(request)
            scheme, _, secret = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "client":
                raise SquareError("UNAUTHORIZED", "Authorize with the application secret: Client <secret>.")
            tokens.check_client(fields.get("client_id"), secret.strip(), secret_needed=True)
            value, merchant_id = fields.get("access_token"), fields.get("merchant_id")
            if (value is None) == (merchant_id is None):
                raise SquareError("CONFLICTING_PARAMETERS", "Send exactly one of access_token and merchant_id.")
            token = tokens.tokens.get(str(value)) if value is not None else None
            if value is not None and (token is None or token.grant.personal):
                raise SquareError("NOT_FOUND", "The access token was not found.", "access_token")
            if merchant_id is not None and merchant_id != tokens.merchant_id:
                raise SquareError("NOT_FOUND", "The merchant was not found.", "merchant_id")
            if fields.get("revoke_only_access_token") and token is not None:
                token.revoked = True
            else:
                tokens.revoke_application()
                self._context.on_revoked("APPLICATION")
            return JSONResponse({"success": True})
        except SquareError as error:
            return error.response()


def _need(fields: dict[str, Any], name: str) -> None:
    if fields.get(name) in (None, ""):
        raise SquareError("MISSING_REQUIRED_PARAMETER", f"{name} is required.", name)
