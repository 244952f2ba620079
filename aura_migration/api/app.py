"""The application: routes, gate and errors put together. Which routes there are says ``ROUTERS``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from aura_migration.api import examples, problems, socket
from aura_migration.api.depends import declared
from aura_migration.api.gate import PREFIX, Gate
from aura_migration.api.listening import Hub
from aura_migration.api.models import Problem
from aura_migration.api.routes import ROUTERS
from aura_migration.api.state import ApiState
from aura_migration.migration.workshop import Workshop

API_VERSION = "1.0.0"
"""Of the contract with clients, not of the package: raised when what is answered changes."""
DESCRIPTION = """Moves restaurants from Toast, Clover and Square to AuraConnect.

Work is asked for (`202 Accepted`) and carried out by the daemon; `status` and the socket tell how far it is. Errors are problem
documents with a remedy. POSTs take an `Idempotency-Key`: asked again under the same key, the first answer comes back."""


def build_app(workshop: Workshop) -> FastAPI:
    """The API on a workshop. Connects to the database when it starts, and to nothing else."""
    state = ApiState.make(workshop)
    hub = state.hub = Hub(state)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        state.open()
        await hub.start()
        try:
            yield
        finally:
            await hub.stop()
            state.close()

    app = FastAPI(
        title="aura_migration",
        version=API_VERSION,
        description=DESCRIPTION,
        lifespan=life,
        docs_url=None,  # its page would load scripts from elsewhere; the document itself is at /openapi.json
        redoc_url=None,
        responses={},
    )
    app.state.api = state
    for router in ROUTERS:
        app.include_router(router, responses=problems.RESPONSES)
    app.include_router(socket.router)
    problems.install(app)
    app.add_middleware(Gate, state=state)
    _require_declarations(app)
    _describe(app)
    return app


def routes_of(app: FastAPI) -> Iterator[APIRoute]:
    """The routes that people and programs call."""
    waiting: list[BaseRoute] = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        if isinstance(route, APIRoute):
            yield route
        else:  # a router that was included stands in the list as one
            waiting += getattr(getattr(route, "original_router", None), "routes", ())


def _require_declarations(app: FastAPI) -> None:
    for route in routes_of(app):
        if len(declared(route.dependant.dependencies)) != 1:
            raise RuntimeError(f"{route.path} must declare one permission, or that it needs none.")
        if not route.path.startswith(PREFIX):
            raise RuntimeError(f"{route.path} must begin with {PREFIX}: the gate guards no other.")


def _describe(app: FastAPI) -> None:
    """The OpenAPI document, with the shape of problems, examples of answers and the way to sign in."""
    made = app.openapi()
    components = made.setdefault("components", {})
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {})["Problem"] = schema
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for route in routes_of(app):
        access = declared(route.dependant.dependencies)[0]
        permission = getattr(access, "permission", None)
        for method in route.methods or ():
            operation = made["paths"][route.path_format][method.lower()]
            operation["security"] = [{"token": []}] if permission else []
            examples.add(operation, route.name)
            operation["x-permission"] = str(permission) if permission else "none"
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            if "x-permission" not in operation:
                raise RuntimeError(f"{method} {path} is in the document, but not among the routes that were looked at.")
    # Routes that are put on the application later (the console's) are no part of the contract, and make FastAPI forget the document.
    app.openapi = lambda: made  # type: ignore[method-assign]
