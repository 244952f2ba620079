"""Whether the system is well, and who one is to it."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from aura_migration.api.access.roles import permissions_of
from aura_migration.api.depends import Anybody, Viewer
from aura_migration.database import schema

router = APIRouter(tags=["system"])


class Health(BaseModel):
    """Whether requests can be served."""

    status: str = Field(examples=["ok"])
    schema_version: str = Field(description="revision of the database schema", examples=["0008"])


class Me(BaseModel):
    """Who the token stands for."""

    name: str
    roles: list[str]
    permissions: list[str]
    restaurants: list[int] | None = Field(description="ids in scope; null: all")


@router.get("/pos/health", name="health")
def health(state: Anybody) -> Health:
    """Whether the API reaches its database, which has the schema it needs. Needs no token."""
    with state.connect() as connection:
        row = connection.execute("SELECT version_num FROM migration.alembic_version").fetchone()
    found = str(row[0]) if row else "none"
    return Health(status="ok" if found == schema.head() else "schema_differs", schema_version=found)


@router.get("/pos/me", name="me")
def me(caller: Viewer) -> Me:
    """The name, roles and scope of the token that was sent."""
    identity = caller.identity
    return Me(
        name=identity.name,
        roles=sorted(identity.roles),
        permissions=sorted(permissions_of(identity.roles)),
        restaurants=caller.restaurants,
    )
