"""Control routes that tell the truth about people row by row, `/_control/people[/{part}]`, and hand out export files and
reports, `/_control/exports[/{name}]`.

`/_control/truth` holds all of it in one document; for a crowd that document is large, and this is the way around it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aura_migration.sandbox.clover.people.truth import PeopleTruth
from aura_migration.sandbox.clover.world import World

ROWS_A_CHUNK = 500


def routes(world: World) -> list[Route]:
    """Totals with the names of the parts, and each part as one JSON value a line."""
    told = PeopleTruth(world)

    async def totals(_request: Request) -> Response:
        return JSONResponse({"totals": told.totals(), "exports": told.exports(), "parts": sorted(told.parts)})

    async def part(request: Request) -> Response:
        rows = told.parts.get(request.path_params["part"])
        if rows is None:
            return JSONResponse({"error": f"there is no such part; there are: {', '.join(sorted(told.parts))}"}, 400)
        return StreamingResponse(_chunks(rows()), media_type="application/x-ndjson")

    async def exports(_request: Request) -> Response:
        files = [sheet.about() for sheet in world.exports.values()]
        return JSONResponse({"exports": files, "reports": [sheet.about() for sheet in world.reports.values()]})

    async def export(request: Request) -> Response:
        files = {**world.exports, **world.reports}
        sheet = files.get(request.path_params["name"])
        if sheet is None:
            return JSONResponse({"error": f"there is no such file; there are: {', '.join(files)}"}, 404)
        headers = {"content-disposition": f'attachment; filename="{sheet.name}"'}
        # No charset: whoever imports a restaurant's file has to find out, as with the real one.
        return StreamingResponse(_pieces(sheet.text()), headers=headers, media_type="application/octet-stream")

    return [
        Route("/people", totals),
        Route("/people/{part}", part),
        Route("/exports", exports),
        Route("/exports/{name}", export),
    ]


async def _pieces(text: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in text:
        yield piece
        await asyncio.sleep(0)


async def _chunks(rows: Iterator[Any]) -> AsyncIterator[str]:
    held: list[str] = []
    for row in rows:
        held.append(json.dumps(row, ensure_ascii=False))
        if len(held) == ROWS_A_CHUNK:
            yield "\n".join(held) + "\n"
            await asyncio.sleep(0)
            held = []
    if held:
        yield "\n".join(held) + "\n"
