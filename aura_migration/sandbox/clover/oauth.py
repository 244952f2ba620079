"""Clover's OAuth pages and endpoints: v2 with expiring pairs, the legacy ones, and the way from one to the other."""

from __future__ import annotations

import html
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from aura_migration.sandbox.clover.auth import Auth, OAuthError
from aura_migration.sandbox.clover.routes import answer, problem
from aura_migration.sandbox.clover.world import World

CARRIED = ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")


class OAuthPages:
    """The handlers outside `/v3`; the browser host and the API host of the sandbox are the same."""

    def __init__(self, world: World, auth: Auth, switches: dict[str, Any]) -> None:
        self._world = world
        self._auth = auth
        self._switches = switches

    def routes(self) -> list[Route]:
        """All OAuth routes."""
        return [
            Route("/oauth/v2/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/oauth/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/oauth/v2/token", self._token, methods=["POST"]),
            Route("/oauth/v2/refresh", self._refresh, methods=["POST"]),
            Route("/oauth/token/migrate_v2", self._migrate, methods=["POST"]),
            Route("/oauth/token", self._legacy_token, methods=["GET"]),
        ]

    async def _authorize(self, request: Request) -> Response:
        version = 2 if "/v2/" in request.url.path else 1
        if version == 1 and not self._switches["legacy_oauth"]:
            return problem(404, {"message": "Not Found"})
        if request.method == "POST":
            params = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        else:
            params = dict(request.query_params)
        complaint = self._complaint(params)
        if complaint:
            return HTMLResponse(f"<h1>This app cannot be connected</h1><p>{html.escape(complaint)}</p>", 400)
        if request.method == "GET" and self._switches["authorize"] == "page":
            return HTMLResponse(self._page(request.url.path, params))
        back = {"state": params["state"]} if "state" in params else {}
        if params.get("decision", "approve") != "approve":
            return _redirect(params["redirect_uri"], {"error": "access_denied", **back})
        merchant = self._world.merchants.get(params.get("merchant_id", self._world.first.id))
        if merchant is None:
            return HTMLResponse("<h1>This app cannot be connected</h1><p>There is no such merchant.</p>", 400)
        code = self._auth.authorize(merchant.id, params["client_id"], version, params.get("code_challenge"))
        answer_params = {"merchant_id": merchant.id, "client_id": params["client_id"], "code": code.value, **back}
        if self._switches["redirect_employee_id"]:
            answer_params["employee_id"] = merchant.owner.id
        return _redirect(params["redirect_uri"], answer_params)

    def _complaint(self, params: dict[str, str]) -> str | None:
        if params.get("client_id") != self._auth.app.client_id:
            return "client_id is missing or unknown"
        target = urlsplit(params.get("redirect_uri", ""))
        if target.scheme not in ("http", "https") or not target.netloc or target.fragment:
            return "redirect_uri is missing or is not an absolute address"
        if params.get("code_challenge") and params.get("code_challenge_method") != "S256":
            return "code_challenge_method must be S256"
        return None

    def _page(self, path: str, params: dict[str, str]) -> str:
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(params[name])}">'
            for name in CARRIED
            if name in params
        )
        options = "".join(
            f'<option value="{merchant.id}">{html.escape(merchant.name)}</option>'
            for merchant in self._world.merchants.values()
        )
        return (
            '<!DOCTYPE html><html lang="en"><head><title>Connect an app</title></head><body>'
            "<h1>Connect this app to your business?</h1><p>It will be able to read your menu and settings.</p>"
            f'<form method="post" action="{path}">{hidden}'
            f'<label>Business <select name="merchant_id">{options}</select></label>'
            '<button name="decision" value="approve">Connect</button>'
            '<button name="decision" value="deny">Cancel</button></form></body></html>'
        )

    async def _token(self, request: Request) -> Response:
        return await self._exchange(request, self._auth.exchange)

    async def _refresh(self, request: Request) -> Response:
        return await self._exchange(request, self._auth.refresh)

    async def _migrate(self, request: Request) -> Response:
        if not self._switches["migrate_v2"]:
            return problem(404, {"message": "Not Found"})
        return await self._exchange(request, self._auth.migrate)

    async def _legacy_token(self, request: Request) -> Response:
        if not self._switches["legacy_oauth"]:
            return problem(404, {"message": "Not Found"})
        return self._carry_out(self._auth.exchange_legacy, dict(request.query_params))

    async def _exchange(self, request: Request, verb: Any) -> Response:
        try:
            body = json.loads(await request.body())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return problem(400, {"message": "The body must be a JSON object"})
        return self._carry_out(verb, body)

    def _carry_out(self, verb: Any, body: dict[str, Any]) -> Response:
        try:
            return answer(verb(body))
        except OAuthError as error:
            status = 400 if error.bad_request else self._switches["oauth_error_status"]
            return problem(status, {"message": error.message})


def _redirect(target: str, params: dict[str, str]) -> RedirectResponse:
    return RedirectResponse(f"{target}{'&' if urlsplit(target).query else '?'}{urlencode(params)}", 302)
