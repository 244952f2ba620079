"""Control routes that tell the truth about people row by row: ``/_control/people`` and ``/_control/people/{part}``.

``/_control/truth`` holds all of it but the orders in one document; for a crowd that document is large.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aura_migration.sandbox.toast.people.truth import PeopleTruth

ROWS_A_CHUNK = 500


def routes(told: PeopleTruth) -> list[Route]:
    """Totals with the names of the parts, and each part as one JSON value a line."""

    async def totals(_request: Request) -> Response:
        return JSONResponse(
            {"totals": told.totals(), "export_totals": told.shelf.totals(), "parts": sorted(told.streams)}
        )

    async def part(request: Request) -> Response:
        rows = told.streams.get(request.path_params["part"])
        if rows is None:
            return JSONResponse({"error": f"there is no such part; there are: {', '.join(sorted(told.streams))}"}, 400)
        return StreamingResponse(_chunks(rows()), media_type="application/x-ndjson")

    return [Route("/people", totals), Route("/people/{part}", part)]


async def _chunks(rows: Iterator[Any]) -> AsyncIterator[str]:
    held: list[str] = []
    for row in rows:
        held.append(json.dumps(row, ensure_ascii=False))
        if len(held) == ROWS_A_CHUNK:
            yield "\n".join(held) + "\n"
            held = []
    if held:
        yield "\n".join(held) + "\n"
