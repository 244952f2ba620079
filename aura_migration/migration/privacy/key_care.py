"""Keys as those who operate the system see them: which there are, what they seal, and the gift-card key for AuraConnect."""

from __future__ import annotations

from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection
from aura_migration.database.seals import GIFT_CARDS, RestaurantKeys
from aura_migration.migration.workshop import Workshop

FIND_A_CARD = """\
-- The number as typed at the counter: letters and digits count, case and separators do not.
SELECT id, balance_cents, currency, status, expires_at FROM aura.gift_cards
WHERE restaurant_id = {restaurant} AND deleted_at IS NULL
  AND (hash_key_id, code_hash) IN ({pairs});"""


def status(workshop: Workshop) -> dict[str, Any]:
    """Fingerprints with the rows each has sealed, and the gift-card keys of all restaurants. No key itself."""
    vault = workshop.vault
    with workshop.connect() as connection:
        sealed: dict[str, int] = dict(
            connection.execute(
                """
                SELECT key_fingerprint, sum(n)::bigint FROM (
                    SELECT key_fingerprint, count(*) AS n FROM migration.credentials GROUP BY 1
                    UNION ALL SELECT key_fingerprint, count(*) FROM migration.person_keys
                              WHERE sealed_key IS NOT NULL GROUP BY 1
                    UNION ALL SELECT key_fingerprint, count(*) FROM migration.sealed_secrets GROUP BY 1) counted
                GROUP BY 1
                """
            ).fetchall()
        )
        known = connection.execute(
            "SELECT fingerprint, first_used_at, retired_at FROM migration.key_fingerprints ORDER BY first_used_at"
        ).fetchall()
        restaurants = connection.execute("SELECT id FROM aura.restaurants ORDER BY id").fetchall()
        gift_cards = [
            entry for (restaurant,) in restaurants for entry in _gift_card_keys(workshop, connection, restaurant)
        ]
    at_hand = vault.keys.fingerprints
    names = list(dict.fromkeys([*at_hand, *(fingerprint for fingerprint, *_ in known)]))
    dates = {fingerprint: (first, retired) for fingerprint, first, retired in known}
    return {
        "origin": vault.keys.origin,
        "keys": [
            {
                "fingerprint": name,
                "seals": name == vault.fingerprint,
                "at_hand": name in at_hand,
                "rows": sealed.get(name, 0),
                "first_used_at": dates[name][0].isoformat() if name in dates else None,
                "retired_at": dates[name][1].isoformat() if name in dates and dates[name][1] else None,
            }
            for name in names
        ],
        "gift_card_keys": gift_cards,
    }


def rotate_gift_card_key(workshop: Workshop, restaurant_id: int) -> str:
    """Make a new key; returns its id. What was hashed before keeps its key."""
    _require_restaurant(workshop, restaurant_id)
    return RestaurantKeys(workshop.vault, restaurant_id).rotate(GIFT_CARDS).key_id


def export_gift_card_keys(workshop: Workshop, restaurant_id: int) -> dict[str, Any]:
    """Every key of the restaurant with its secret in hexadecimal, and the SQL that finds a card with them."""
    _require_restaurant(workshop, restaurant_id)
    keys = RestaurantKeys(workshop.vault, restaurant_id)
    keys.current(GIFT_CARDS)
    with workshop.connect() as connection:
        found = _gift_card_keys(workshop, connection, restaurant_id)
    secrets = {key.key_id: key.secret.hex() for key in keys.all(GIFT_CARDS)}
    pairs = ",\n    ".join(
        f"('{entry['key_id']}', aura.gift_card_code_hash(:'number', '\\x{secrets[entry['key_id']]}'))"
        for entry in found
    )
    return {
        "restaurant_id": restaurant_id,
        "keys": [{**entry, "hex": secrets[entry["key_id"]]} for entry in found],
        "sql": FIND_A_CARD.format(restaurant=restaurant_id, pairs=pairs),
    }


def _gift_card_keys(workshop: Workshop, connection: Connection, restaurant_id: int) -> list[dict[str, Any]]:
    prefix = f"{GIFT_CARDS} "
    keys = RestaurantKeys(workshop.vault, restaurant_id).all(GIFT_CARDS)
    rows = connection.execute(
        """
        SELECT substr(s.name, length(%(prefix)s) + 1), s.created_at,
               (SELECT count(*) FROM aura.gift_cards g WHERE g.restaurant_id = %(restaurant)s
                AND g.hash_key_id = substr(s.name, length(%(prefix)s) + 1) AND g.deleted_at IS NULL)
        FROM migration.sealed_secrets s WHERE s.name = ANY(%(names)s)
        """,
        {"prefix": prefix, "restaurant": restaurant_id, "names": [prefix + key.key_id for key in keys]},
    ).fetchall()
    facts = {key_id: (made, cards) for key_id, made, cards in rows}
    return [
        {
            "restaurant_id": restaurant_id,
            "key_id": key.key_id,
            "is_current": key is keys[-1],
            "made_at": facts[key.key_id][0].isoformat(),
            "cards": facts[key.key_id][1],
        }
        for key in keys
        if key.key_id in facts
    ]


def _require_restaurant(workshop: Workshop, restaurant_id: int) -> None:
    with workshop.connect() as connection:
        found = connection.execute("SELECT 1 FROM aura.restaurants WHERE id = %s", [restaurant_id]).fetchone()
    if found is None:
        raise BadInput(f"Restaurant {restaurant_id} does not exist.", "`aura-migration integrations` names them.")
