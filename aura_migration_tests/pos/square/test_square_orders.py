"""The past of the sandbox's scenarios, fetched over HTTP into real snapshots, against what the sandbox knows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from aura_migration.canonical.history.documents import Document
from aura_migration.database.connections import connect
from aura_migration.pos.http.limits import NO_LIMITS
from aura_migration.pos.square import client
from aura_migration.sandbox.core.server import serve
from aura_migration_tests.pos.square.square_orders_support import NOW, Archive, Taken, documents
from aura_migration_tests.pos.square.square_support import control


@dataclass(frozen=True)
class Scene:
    """A scenario as it was read, mapped, and as the sandbox knows it."""

    taken: Taken
    found: dict[str, dict[str, Document]]
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def scene(square_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with pytest.MonkeyPatch.context() as patch, serve("square", "diner", 5, now=NOW) as sandbox:
        patch.setattr(client, "LIMITS", NO_LIMITS)
        with connect(square_database, autocommit=True, application_name="test") as connection:
            taken = Archive(square_database, connection, tmp_path_factory.mktemp("past")).take(sandbox)
            yield Scene(taken, documents(taken), control(sandbox, "/truth"))


def test_everything_is_certified_complete(scene: Scene) -> None:
    for certificate in scene.taken.reader.certificates():
        print(certificate.explain())
        assert certificate.status == "complete", certificate.explain()
