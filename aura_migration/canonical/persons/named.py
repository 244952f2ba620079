"""Which customers the keys in the options name: as the connector keys them, or by the POS's bare id where that names one.

Clover's customers are keyed ``merchant/id``, and people read ``id`` in Clover's own screens. Nothing is guessed: an id that
several customers end in names none of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

from aura_migration.canonical.options import PeopleOptions
from aura_migration.canonical.pairs import contradictions, told
from aura_migration.canonical.persons.tables import LISTED, many
from aura_migration.core.errors import BadInput

Connection = psycopg.Connection[Any]


class Named(NamedTuple):
    """The options with whole keys in place of bare ids, and what named nobody (``{"unknown_keys", "ambiguous_keys"}``)."""

    options: PeopleOptions
    report: dict[str, Any]


def resolve_keys(connection: Connection, options: PeopleOptions) -> Named:
    """Whole keys for the pairs of the options; what names nobody, or several customers, stays as it is and is reported.

    Raises ``BadInput`` where a customer is said to be one person with another and not to be, under whichever names.
    """
    named = sorted({key for pair in (*options.same_person, *options.different_persons) for key in pair})
    if not named:
        return Named(options, {"unknown_keys": [], "ambiguous_keys": []})
    present = many(
        connection,
        "SELECT source_key FROM people_rows WHERE entity = 'customers' AND source_key = ANY(%s)",
        [named],
    )
    whole = {key: key for (key,) in present}
    ambiguous: dict[str, list[str]] = {}
    bare = [key for key in named if key not in whole and "/" not in key]
    if bare:
        for key, keys in many(
            connection,
            """
            SELECT b.key, array_agg(r.source_key ORDER BY r.source_key)
            FROM unnest(%s::text[]) AS b(key) JOIN (
                SELECT source_key, substring(source_key FROM '[^/]*$') AS last FROM people_rows WHERE entity = 'customers'
            ) r ON r.last = b.key GROUP BY b.key
            """,
            [bare],
        ):
            if len(keys) == 1:
                whole[key] = keys[0]
            else:
                ambiguous[key] = keys
    resolved = options.model_copy(
        update={
            name: tuple((whole.get(a, a), whole.get(b, b)) for a, b in getattr(options, name))
            for name in ("same_person", "different_persons")
        }
    )
    torn = contradictions(resolved.same_person, resolved.different_persons)
    if torn:
        raise BadInput(
            f"The options say of the same customers that they are one person and that they are not: {told(torn)}.",
            "Take each pair out of people.samePerson or people.differentPersons.",
        )
    unknown = [key for key in named if key not in whole and key not in ambiguous]
    return Named(
        resolved,
        {
            "unknown_keys": unknown[:LISTED],
            "ambiguous_keys": [{"key": key, "keys": keys[:LISTED]} for key, keys in sorted(ambiguous.items())[:LISTED]],
        },
    )
