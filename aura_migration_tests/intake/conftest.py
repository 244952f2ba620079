"""A restaurant with one integration and one location, whose files can be handed over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aura_migration.migration.workshop import Workshop
from aura_migration.settings import Settings
from aura_migration_tests.support.handed import Desk


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    workshop = Workshop.open(settings)
    with workshop.connect() as connection:
        owner = connection.execute(
            "insert into aura.restaurants (name, timezone, currency) values ('R', 'America/Chicago', 'USD') returning id"
        ).fetchone()
        assert owner is not None
        integration = connection.execute(
            "insert into migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name) "
            "values (%s, 'toast', 'https://pos.example.com', 'm', 'M') returning id",
            owner,
        ).fetchone()
        assert integration is not None
        connection.execute(
            "insert into migration.locations (key, integration_id, restaurant_id, source_id, name, facts) "
            "values ('toast:LOOP-1', %s, %s, 'LOOP-1', 'The Loop', '{}')",
            (integration[0], owner[0]),
        )
        yield Desk(workshop, connection, integration[0], owner[0])
