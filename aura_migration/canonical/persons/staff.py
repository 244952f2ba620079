"""Roles of the POS under AuraConnect's names, and which of them a person must give rights to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import psycopg

from aura_migration.canonical.options import StaffOptions
from aura_migration.canonical.persons.tables import LISTED, many

Connection = psycopg.Connection[Any]


def settle_roles(
    connection: Connection, restaurant_id: int, options: StaffOptions, named: Collection[str]
) -> dict[str, Any]:
    """Roles that the options give one name become one; a role of a name nobody knows needs a review.

    Known is a name of a role of AuraConnect that needs no review itself (what an earlier load made and nobody has looked at
    since is not known by that), and one that the options list as new: somebody has looked at it. A mapping to any other
    name makes no rights. ``named`` are the mapped titles (folded) that a role of the POS bears. Returns
    ``{"roles_to_review": [{"key", "name"}], "roles_to_review_total", "roles_unused": [title]}``.
    """
    connection.execute(
        """
        UPDATE people_rows r SET same_as = t.kept,
               reasons = ARRAY[format('the options give it the same name as %s', t.kept)]
        FROM (SELECT source_key, min(source_key) OVER (PARTITION BY lower(btrim(content ->> 'name'))) AS kept
              FROM people_rows WHERE entity = 'roles' AND verdict IS NULL AND is_mapped_role) t
        WHERE r.entity = 'roles' AND r.source_key = t.source_key AND t.kept <> t.source_key
        """
    )
    connection.execute(
        """
        UPDATE people_rows r SET content = r.content || jsonb_build_object('needs_review', NOT (
            lower(btrim(r.content ->> 'name')) = ANY (SELECT lower(btrim(name)) FROM unnest(%s::text[]) AS name) OR EXISTS (
            SELECT FROM aura.roles a WHERE a.restaurant_id = %s AND a.deleted_at IS NULL AND NOT a.needs_review
               AND lower(btrim(a.name)) = lower(btrim(r.content ->> 'name')))))
        WHERE r.entity = 'roles' AND r.verdict IS NULL
        """,
        [list(options.new_roles), restaurant_id],
    )
    found = many(
        connection,
        f"""
        SELECT source_key, content ->> 'name', count(*) OVER () FROM people_rows
        WHERE entity = 'roles' AND verdict IS NULL AND same_as IS NULL AND content -> 'needs_review' = 'true'
        ORDER BY source_key LIMIT {LISTED}
        """,
    )
    return {
        "roles_to_review": [{"key": key, "name": name} for key, name, _ in found],
        "roles_to_review_total": found[0][2] if found else 0,
        "roles_unused": sorted(title for title in options.roles if title.casefold().strip() not in named),
    }
