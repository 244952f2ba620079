"""What endpoints depend on: who calls and whether they may, and the things a path names, in the caller's scope.

Every route has exactly one of ``requires(permission)`` and ``open_to_all(limit)`` among its dependencies; the application refuses
to start with one that has neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from aura_migration.api.access.roles import Identity, Permission, least_role
from aura_migration.api.auditing import Deed
from aura_migration.api.problems import Forbidden, NotFound, SignInNeeded, TooMany
from aura_migration.api.state import ApiState
from aura_migration.database.connections import Connection
from aura_migration.migration.integrations import Integration, get_integration
from aura_migration.migration.records import Migration, get_migration
from aura_migration.migration.workshop import Workshop


@dataclass(frozen=True)
class Caller:
    """Who calls, with what they may reach and what they work with."""

    identity: Identity
    state: ApiState
    deed: Deed

    @property
    def name(self) -> str:
        """For decisions and the audit trail."""
        return self.identity.name

    @property
    def workshop(self) -> Workshop:
        """What the stages work with."""
        return self.state.workshop

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection of the pool, in autocommit."""
        with self.state.connect() as connection:
            yield connection

    def migration(self, connection: Connection, migration_id: int) -> Migration:
        """A migration in scope; ``NotFound`` otherwise, whether it exists or not."""
        self.deed.migration_id = migration_id
        row = connection.execute(
            "SELECT restaurant_id FROM migration.migrations WHERE id = %s", [migration_id]
        ).fetchone()
        if row is None or not self.identity.reaches(row[0]):
            raise NotFound(f"Migration {migration_id} does not exist.", "GET /pos/migrations lists those you may see.")
        found = get_migration(connection, migration_id)
        self.deed.restaurant_id, self.deed.integration_id = found.restaurant_id, found.integration_id
        return found

    def integration(self, connection: Connection, integration_id: int) -> Integration:
        """An integration in scope; ``NotFound`` otherwise, whether it exists or not."""
        self.deed.integration_id = integration_id
        row = connection.execute(
            "SELECT restaurant_id FROM migration.integrations WHERE id = %s", [integration_id]
        ).fetchone()
        if row is None or not self.identity.reaches(row[0]):
            raise NotFound(
                f"Integration {integration_id} does not exist.", "GET /pos/integrations lists those you may see."
            )
        found = get_integration(connection, integration_id)
        self.deed.restaurant_id = found.restaurant_id
        return found

    @property
    def restaurants(self) -> list[int] | None:
        """Restaurants in scope, as a parameter of SQL: ``(%(r)s::bigint[] IS NULL OR restaurant_id = ANY(%(r)s))``."""
        scope = self.identity.restaurants
        return None if scope is None else sorted(scope)


class Requires:
    """A dependency: the caller, if the token allows ``permission``. Declares it, too: see ``permission_of``."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, request: Request) -> Caller:
        """The caller; 401 without a token, 403 without the role."""
        identity: Identity | None = getattr(request.state, "identity", None)
        if identity is None:
            raise SignInNeeded("This needs a token.", "Send one: Authorization: Bearer …")
        if not identity.may(self.permission):
            needed = least_role(self.permission)
            raise Forbidden(
                f"{identity.name} has the roles {', '.join(sorted(identity.roles))}, which do not allow it.",
                f"It takes the role {needed}.",
                needed_role=str(needed),
            )
        _known_parameters_only(request)
        return Caller(identity, request.app.state.api, request.state.deed)


def _known_parameters_only(request: Request) -> None:
    """Refuse a parameter that the route does not have: whoever misspells a filter must not take everything for its answer."""
    known = _parameters(request.scope["route"].dependant)
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        there = f"there are {', '.join(sorted(known))}" if known else "there are none"
        raise RequestValidationError(
            [
                {"type": "extra_forbidden", "loc": ("query", name), "msg": f"No such parameter; {there}"}
                for name in unknown
            ]
        )


def _parameters(dependant: Dependant) -> set[str]:
    return {each.alias for each in dependant.query_params}.union(*map(_parameters, dependant.dependencies))


class OpenToAll:
    """A dependency of the few endpoints that need no token: lets a caller through as often as the limit says."""

    def __init__(self, limit: Literal["open_limit", "webhook_limit"] = "open_limit") -> None:
        self.limit = limit

    def __call__(self, request: Request) -> ApiState:
        """What the API works with; 429 for too many requests of one address."""
        state: ApiState = request.app.state.api
        caller = request.client.host if request.client else "?"
        wait = getattr(state, self.limit).wait_for(f"{caller} {request.url.path}")
        if wait:
            raise TooMany("Too many requests from this address.", "Slow down.", retry_after=max(1, round(wait)))
        return state


def declared(dependencies: list[Any]) -> list[Requires | OpenToAll]:
    """What a route's dependencies declare about access."""
    found: list[Requires | OpenToAll] = []
    for each in dependencies:
        if isinstance(each.call, Requires | OpenToAll):
            found.append(each.call)
        found += declared(each.dependencies)
    return found


def _caller(permission: Permission) -> Callable[[Request], Caller]:
    return Requires(permission)


Viewer = Annotated[Caller, Depends(_caller(Permission.SEE))]
Finder = Annotated[Caller, Depends(_caller(Permission.LOOK_UP))]
Operator = Annotated[Caller, Depends(_caller(Permission.OPERATE))]
Approver = Annotated[Caller, Depends(_caller(Permission.APPROVE))]
BodyReader = Annotated[Caller, Depends(_caller(Permission.READ_BODIES))]
Admin = Annotated[Caller, Depends(_caller(Permission.ADMINISTER))]
Anybody = Annotated[ApiState, Depends(OpenToAll())]
PosItself = Annotated[ApiState, Depends(OpenToAll("webhook_limit"))]

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""An id in a path."""
