"""Control routes of the restaurant's own export files: ``/_control/exports`` and ``/_control/exports/{name}``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aura_migration.sandbox.toast.people.export_files import ExportFile, ExportShelf


def routes(
    shelf: ExportShelf, ready: Callable[[], Awaitable[None]], more: Callable[[], list[ExportFile]]
) -> list[Route]:
    """The list of files, and each file; ``more`` are those that can be told once ``ready`` is done."""

    async def every() -> list[ExportFile]:
        await ready()
        return [*shelf.files(), *more()]

    async def listing(_request: Request) -> Response:
        return JSONResponse({"exports": [one.listing() for one in await every()]})

    async def one_file(request: Request) -> Response:
        wanted, files = request.path_params["name"], await every()
        found = next((one for one in files if one.name == wanted), None)
        if found is None:
            known = ", ".join(one.name for one in files) or "none"
            return JSONResponse({"error": f"there is no export {wanted!r}; there are: {known}"}, 404)
        charset = "iso-8859-1" if found.encoding == "latin-1" else "utf-8"
        return StreamingResponse(
            found.content(), media_type="text/csv", headers={"Content-Type": f"text/csv; charset={charset}"}
        )

    return [Route("/exports", listing), Route("/exports/{name}", one_file)]
