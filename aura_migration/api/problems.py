"""Errors as problem documents (RFC 9457): which status an error has, and one shape for all of them."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from aura_migration.core.errors import AuraError, BadInput, EnvironmentFault, Refused, VerdictFailed
from aura_migration.database.faults import Unforeseen, presentable

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, text in (
        (400, "What was sent cannot be used"),
        (401, "No valid token"),
        (403, "The token's roles do not allow it"),
        (404, "There is no such thing, or not for this token"),
        (409, "The state of the migration forbids it"),
        (413, "The body is too large"),
        (422, "What was sent does not fit the model"),
        (429, "Too many requests"),
        (502, "The POS could not be asked"),
        (503, "Database, POS or keys are not available"),
    )
}
"""Declared for every route, so that the OpenAPI document says what may come back."""


class NotFound(BadInput):
    """There is no such thing, or it belongs to a restaurant that the token does not reach: the answer is the same."""


class Forbidden(Refused):
    """The roles of the token do not allow it."""


class SignInNeeded(Refused):
    """No token came with a request that needs one."""


class TooMany(Refused):
    """More requests than are let through; ``retry_after`` seconds are in the details."""


def problem(status: int, title: str, detail: str, remedy: str = "", /, **more: Any) -> Response:
    """A problem document. ``title`` is the error's name, ``detail`` what is wrong, ``remedy`` what to do about it.

    ``more`` may hold what an error of a POS says of itself, its status among it: our own members have the word.
    """
    kind = "".join("-" + c.lower() if c.isupper() else c for c in title.replace(" ", "")).strip("-")
    body = {
        "type": f"urn:aura-migration:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "remedy": remedy,
        **{name: value for name, value in more.items() if name not in ("type", "title", "status", "detail", "remedy")},
    }
    headers = {"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    if "retry_after" in more:
        headers["retry-after"] = str(more["retry_after"])
    return Response(json.dumps(body, default=str), status, headers, MEDIA_TYPE)


def status_of(error: AuraError) -> int:
    """The HTTP status of one of our errors."""
    for kind, status in (
        (SignInNeeded, 401),
        (NotFound, 404),
        (Forbidden, 403),
        (TooMany, 429),
        (Refused, 409),
        (VerdictFailed, 409),
        (BadInput, 400),
        (EnvironmentFault, 503),
    ):
        if isinstance(error, kind):
            return status
    return 502  # a POS that could not be asked


def of(error: AuraError) -> Response:
    """One of our errors as a problem document."""
    said = error.as_dict()
    name, what, remedy = said.pop("error"), said.pop("what"), said.pop("remedy")
    return problem(status_of(error), name, what, remedy, **said)


def unexpected(error: Exception, data_dir: Path) -> Response:
    """An error nobody foresaw, which says nothing of itself: its text may quote a row. The log says where it happened."""
    fault = presentable(error, data_dir)
    if not isinstance(fault, Unforeseen):
        return of(fault)
    log.error("%s", fault)
    return problem(500, "Defect", "Something failed that should not have.", "The log of the API says where.")


def install(app: FastAPI) -> None:
    """Errors of ours and of what was sent become problem documents; the gate turns every other into ``unexpected``."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, AuraError)
        return of(error)

    async def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # Names the place and the rule, never the value: it may be a secret.
        found = [{"where": ".".join(str(part) for part in each["loc"]), "what": each["msg"]} for each in error.errors()]
        told = "; ".join(f"{each['where']}: {each['what']}" for each in found[:5])
        return problem(422, "Invalid", told, "The OpenAPI document describes what is accepted.", errors=found)

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        answer = problem(error.status_code, HTTPStatus(error.status_code).phrase, str(error.detail))
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer

    app.add_exception_handler(AuraError, ours)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
