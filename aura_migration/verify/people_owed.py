"""Whether everything that is owed came over: per card and account and in total, to the cent and the point.

Opening plus activity is closing on both sides. What AuraConnect did with a balance itself (movements without provenance)
is taken off first: it is no difference of the import. The outcome is stored in ``migration.liability_ledger``.
"""

from __future__ import annotations

from dataclasses import dataclass

from aura_migration.canonical.options import LoyaltyConversion
from aura_migration.verify.findings import GIFT_CARDS, HOUSE_ACCOUNTS, LOYALTY
from aura_migration.verify.people_case import FOUND, WHY_NOT, Case, report_doubled


@dataclass(frozen=True)
class Liability:
    """One class of liabilities and where AuraConnect keeps it. ``condition`` is about the balance's row ``t``."""

    name: str
    check: str
    entity: str
    table: str
    balance: str
    ledger_entity: str
    ledger: str
    ledger_key: str
    amount: str
    unit: str
    condition: str = "true"


LIABILITIES = (
    Liability(
        "loyalty",
        LOYALTY,
        "loyalty_accounts",
        "loyalty_accounts",
        "balance_points",
        "loyalty_transactions",
        "loyalty_points_transactions",
        "loyalty_account_id",
        "points_change",
        "'points'",
    ),
    Liability(
        "gift_cards",
        GIFT_CARDS,
        "gift_cards",
        "gift_cards",
        "balance_cents",
        "gift_card_transactions",
        "gift_card_transactions",
        "gift_card_id",
        "amount_cents",
        "t.currency",
    ),
    Liability(
        "house_accounts",
        HOUSE_ACCOUNTS,
        "house_accounts",
        "house_accounts",
        "balance_cents",
        "house_account_transactions",
        "house_account_transactions",
        "house_account_id",
        "amount_cents",
        "t.currency",
        "t.kind = 'house_account'",
    ),
    Liability(
        "store_credit",
        HOUSE_ACCOUNTS,
        "house_accounts",
        "house_accounts",
        "balance_cents",
        "house_account_transactions",
        "house_account_transactions",
        "house_account_id",
        "amount_cents",
        "t.currency",
        "t.kind = 'store_credit'",
    ),
)


@dataclass(frozen=True)
class Owed:
    """One class in numbers: ``off`` is the sum of the unexplained differences, each without its sign."""

    subjects: int = 0
    source: int = 0
    aura: int = 0
    off: int = 0

    def __add__(self, other: Owed) -> Owed:
        return Owed(
            self.subjects + other.subjects, self.source + other.source, self.aura + other.aura, self.off + other.off
        )


def judge_owed(case: Case, liability: Liability) -> Owed:
    """Compare one class; findings go to ``people_found``, the ledger's rows of the class are replaced."""
    _measure(case, liability)
    _differences(case, liability)
    if not case.leaves_out(liability.ledger_entity):
        _movements(case, liability)
    _holders(case, liability)
    _states(case, liability)
    if liability.name != "store_credit":  # the two kinds share a table
        report_doubled(case, liability.check, liability.entity, f"t.{liability.balance}")
    if liability.name == "gift_cards":
        _same_code(case)
    if liability.name == "loyalty":
        _rewards(case)
        _points_of_people(case)
    _store(case, liability)
    found = case.row(
        "SELECT count(*), coalesce(sum(source), 0), coalesce(sum(aura), 0), coalesce(sum(abs(off)), 0) FROM people_owed"
    )
    case.run("DROP TABLE people_owed")
    doubled = case.row(
        "SELECT coalesce(sum(abs(difference)), 0) FROM people_found WHERE check_name = %(check)s AND entity = %(entity)s "
        "AND source_key LIKE 'aura:%%'",
        check=liability.check,
        entity=liability.entity,
    )
    extra = 0 if liability.name == "store_credit" else int(doubled[0])
    return Owed(int(found[0]), int(found[1]), int(found[2]), int(found[3]) + extra)


def _rounded(points: str, rule: LoyaltyConversion) -> str:
    """SQL for points of the POS in AuraConnect's unit, before any cap. Down is towards zero, up is away from it."""
    exact = f"({points} * {rule.multiply:f}::numeric)"
    half_up = f"(sign({exact}) * floor(abs({exact}) + 0.5))"
    rounded = {"down": f"trunc({exact})", "half_up": half_up, "up": f"(sign({exact}) * ceil(abs({exact})))"}
    return f"{rounded[rule.rounding]}::bigint"


def _is_converted(case: Case, liability: Liability) -> bool:
    rule = case.options.people.loyalty
    return liability.name == "loyalty" and (rule.multiply != 1 or rule.cap is not None)


def _converted(case: Case, liability: Liability) -> tuple[str, str]:
    """SQL for the balance ``s.balance`` as it should stand in AuraConnect, and how it came to that ('' : as it is)."""
    rule = case.options.people.loyalty
    if not _is_converted(case, liability):
        return "s.balance", "''"
    rounded = _rounded("s.balance", rule)
    value = f"least({rounded}, {rule.cap})" if rule.cap is not None else rounded
    cap = f", at most {rule.cap}" if rule.cap is not None else ""
    word = f"converted by the options: times {rule.multiply:f}, rounded {rule.rounding.replace('_', ' ')}{cap}"
    return f"({value})::bigint", f"CASE WHEN {value} <> s.balance THEN '{word}' ELSE '' END"


def _measure(case: Case, liability: Liability) -> None:
    """``people_owed``: one row per card or account that either side knows.

    ``aura`` is the balance without AuraConnect's own movements; ``off`` is what no signed option explains. A balance that
    somebody gave in quarantine stands in for what the source lacks.
    """
    value, word = _converted(case, liability)
    rows = case.run(
        f"""
        CREATE TEMP TABLE people_owed ON COMMIT DROP AS
        WITH corrected AS (
            SELECT q.source_key AS key, (q.correction ->> %(balance)s)::bigint AS balance,
                   'corrected in quarantine by ' || coalesce(q.corrected_by, 'somebody') AS cause
            FROM migration.quarantine q
            WHERE q.migration_id = %(migration)s AND q.entity = %(entity)s AND q.state = 'released'
              AND jsonb_typeof(q.correction -> %(balance)s) = 'number'
              AND coalesce(q."values" ->> 'kind', 'house_account') = CASE WHEN %(class)s = 'store_credit' THEN 'store_credit' ELSE 'house_account' END
        ), said AS (
            SELECT b.key, b.unit, coalesce(c.balance, b.balance) AS balance, b.customer, b.activity, b.is_live, coalesce(c.cause, '') AS cause
            FROM said_balances b LEFT JOIN corrected c ON c.key = b.key WHERE b.class = %(class)s
            UNION ALL
            SELECT c.key, NULL, c.balance, NULL, 0, true, c.cause FROM corrected c
            WHERE NOT EXISTS (SELECT 1 FROM said_balances b WHERE b.class = %(class)s AND b.key = c.key)
        ), moved AS (
            SELECT m.{liability.ledger_key} AS id,
                   sum(m.{liability.amount}) FILTER (WHERE m.source_vendor IS NOT NULL AND m.transaction_type = 'opening_balance') AS opening,
                   sum(m.{liability.amount}) FILTER (WHERE m.source_vendor IS NOT NULL AND m.transaction_type <> 'opening_balance') AS activity,
                   sum(m.{liability.amount}) FILTER (WHERE m.source_vendor IS NULL) AS own
            FROM aura.{liability.ledger} m WHERE m.restaurant_id = %(restaurant)s AND m.deleted_at IS NULL GROUP BY 1
        ), there AS (
            SELECT x.key, t.id, t.{liability.balance} - coalesce(m.own, 0) AS balance, coalesce(m.opening, 0) AS opening,
                   coalesce(m.activity, 0) AS activity, t.status, {liability.unit} AS unit, t.customer_id, m.own IS NOT NULL AS has_own,
                   EXISTS (SELECT 1 FROM migration.claims c WHERE c.aura_id = t.id AND c.aura_table = %(table)s
                           AND c.migration_id = %(migration)s) AS is_claimed
            FROM people_stands x JOIN aura.{liability.table} t ON t.id = x.aura_id AND {liability.condition}
            LEFT JOIN moved m ON m.id = t.id WHERE x.entity = %(entity)s
        )
        SELECT coalesce(s.key, t.key) AS key, coalesce(s.unit, t.unit) AS unit, s.key IS NOT NULL AS is_said, t.id AS aura_id,
               s.balance AS source, coalesce(s.activity, 0) AS source_activity, s.customer, s.is_live, s.unit AS said_unit,
               t.balance AS aura, t.opening, t.activity, t.status, t.unit AS there_unit, t.customer_id, coalesce(t.has_own, false) AS has_own,
               coalesce(t.balance, 0) - coalesce({value}, 0) AS off, coalesce(concat_ws('; ', nullif({word}, ''), nullif(s.cause, '')), '') AS cause,
               s.cause <> '' AND s.unit IS NULL AS is_given
        FROM said s FULL JOIN there t ON t.key = s.key
        WHERE s.key IS NOT NULL OR t.is_claimed
        """,
        table=liability.table,
        entity=liability.entity,
        balance=liability.balance,
        **{"class": liability.name},
    )
    case.prepare("people_owed", rows, "key")


def _differences(case: Case, liability: Liability) -> None:
    """A balance that is missing, too many, doubled in the source or of another amount. What is owed is never left out."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, o.key, CASE WHEN o.is_said THEN to_jsonb(o.source) END, to_jsonb(o.aura), o.off,
               CASE WHEN NOT o.is_said THEN 'the POS does not show it' WHEN o.aura_id IS NULL THEN {WHY_NOT}
                    WHEN o.cause <> '' THEN o.cause || '; that is not what stands' ELSE '' END,
               o.off <> 0 OR f.action IS DISTINCT FROM 'skip' OR NOT f.is_signed
        FROM people_owed o LEFT JOIN people_fate f ON f.entity = %(entity)s AND f.key = o.key
        WHERE o.off <> 0 OR (o.is_said AND o.aura_id IS NULL)
        """,
        check=liability.check,
        entity=liability.entity,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, o.key, to_jsonb(o.source), to_jsonb(o.aura), o.aura - o.source, o.cause, false
        FROM people_owed o WHERE o.off = 0 AND o.cause <> '' AND o.aura_id IS NOT NULL
        """,
        check=liability.check,
        entity=liability.entity,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, key, to_jsonb(count(*)), NULL, NULL, 'the POS shows it more than once', true
        FROM people_owed WHERE is_said GROUP BY key HAVING count(*) > 1
        """,
        check=liability.check,
        entity=liability.entity,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, key, jsonb_build_object('currency', said_unit), jsonb_build_object('currency', there_unit), NULL, '', true
        FROM people_owed WHERE said_unit <> there_unit
        """,
        check=liability.check,
        entity=liability.entity,
    )


def _movements(case: Case, liability: Liability) -> None:
    """AuraConnect's ledger must end at the balance; its activity must be the POS's, unless points were converted."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(ledger_entity)s, o.key, jsonb_build_object('closing', o.aura),
               jsonb_build_object('opening', o.opening, 'activity', o.activity), o.opening + o.activity - o.aura,
               'opening and activity do not make the balance', true
        FROM people_owed o WHERE o.aura_id IS NOT NULL AND o.opening + o.activity <> o.aura
        """,
        check=liability.check,
        ledger_entity=liability.ledger_entity,
    )
    if _is_converted(case, liability):
        return
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(ledger_entity)s, o.key, jsonb_build_object('activity', o.source_activity),
               jsonb_build_object('activity', o.activity), o.activity - o.source_activity, 'the movements are not those of the POS', true
        FROM people_owed o WHERE o.is_said AND o.aura_id IS NOT NULL AND o.activity <> o.source_activity
        """,
        check=liability.check,
        ledger_entity=liability.ledger_entity,
    )


def _holders(case: Case, liability: Liability) -> None:
    """The holder is the POS's, or nobody where that person is not in AuraConnect or was erased; a contact's is somebody
    who has it."""
    if case.leaves_out("customers"):
        return
    holder = "people_stands x ON x.entity = 'customers' AND x.aura_id = o.customer_id"
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, o.key, '{{"holder": "given"}}',
               jsonb_build_object('holder', CASE WHEN o.customer_id IS NULL THEN 'none' ELSE 'differs' END), NULL,
               'not the holder the POS names', true
        FROM people_owed o
        JOIN people_guests g ON g.key = o.customer AND g.outcome = 'stands'
        JOIN aura.customers t ON t.id = g.aura_id
        WHERE o.is_said AND o.aura_id IS NOT NULL
          AND o.customer_id IS DISTINCT FROM CASE WHEN t.erased_at IS NULL THEN t.id END
        """,
        check=liability.check,
        entity=liability.entity,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, o.key, '{{"holder": "none"}}', '{{"holder": "given"}}', NULL,
               'the POS names nobody who is in AuraConnect', true
        FROM people_owed o
        WHERE o.is_said AND NOT o.is_given AND o.customer_id IS NOT NULL AND coalesce(o.customer, '') NOT LIKE 'contact:%%'
          AND NOT EXISTS (SELECT 1 FROM aura.customers e WHERE e.id = o.customer_id AND e.erased_at IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM people_guests g WHERE g.key = o.customer AND g.outcome = 'stands')
          AND (o.customer IS NULL OR EXISTS (SELECT 1 FROM people_fate f WHERE f.entity = 'customers' AND f.key = o.customer)
               OR NOT EXISTS (SELECT 1 FROM {holder.replace(" ON ", " WHERE ")} AND x.key = o.customer))
        """,
        check=liability.check,
        entity=liability.entity,
    )
    contacts = "string_to_array(substr(o.customer, 9), E'\\n')"
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, o.key, '{{"holder": "given"}}', '{{"holder": "differs"}}', NULL,
               'the holder has not the contact the file names', true
        FROM people_owed o JOIN aura.customers t ON t.id = o.customer_id AND t.erased_at IS NULL
        WHERE o.is_said AND o.customer LIKE 'contact:%%'
          AND NOT EXISTS (SELECT 1 FROM people_stands x JOIN said_customers s ON s.key = x.key
                          WHERE x.entity = 'customers' AND x.aura_id = t.id
                            AND (s.email_normalized = ANY({contacts}) OR s.phone = ANY({contacts})))
          AND coalesce(t.email_normalized <> ALL({contacts}), true) AND coalesce(t.phone <> ALL({contacts}), true)
        """,
        check=liability.check,
        entity=liability.entity,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, o.key, '{{"holder": "given"}}', '{{"holder": "none"}}', NULL,
               'only one guest has the contact the file names', true
        FROM people_owed o
        JOIN LATERAL (SELECT g.aura_id FROM said_customers s JOIN people_guests g ON g.key = s.key AND g.outcome <> 'lost'
                      WHERE s.email_normalized = ANY({contacts})
                      UNION ALL
                      SELECT g.aura_id FROM said_customers s JOIN people_guests g ON g.key = s.key AND g.outcome <> 'lost'
                      WHERE s.phone = ANY({contacts})) found ON true
        WHERE o.is_said AND o.aura_id IS NOT NULL AND o.customer_id IS NULL AND o.customer LIKE 'contact:%%'
        GROUP BY o.key
        HAVING count(DISTINCT found.aura_id) = 1 AND count(*) = count(found.aura_id)
           AND bool_or(EXISTS (SELECT 1 FROM said_customers s JOIN people_guests g ON g.key = s.key AND g.outcome = 'stands'
                               WHERE g.aura_id = found.aura_id AND s.email_normalized = ANY({contacts})))
        """,
        check=liability.check,
        entity=liability.entity,
    )


def _states(case: Case, liability: Liability) -> None:
    """What the POS honours waits for the switch (or is active after it); what it does not honour is not redeemable here."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, o.key, jsonb_build_object('is_live', o.is_live, 'redeemed_by', owner.name),
               jsonb_build_object('status', o.status), NULL,
               CASE WHEN o.status = 'active' AND o.is_live THEN 'two systems would redeem it' ELSE 'not the state the POS shows' END, true
        FROM people_owed o
        CROSS JOIN (SELECT coalesce((SELECT owner FROM migration.liability_owners
                                     WHERE integration_id = %(integration)s AND class = %(class)s), 'pos') AS name) owner
        WHERE o.is_said AND o.aura_id IS NOT NULL AND CASE
            WHEN NOT o.is_live THEN o.status = 'active' OR (o.status = 'pending' AND o.source <> 0)
            WHEN owner.name = 'auraconnect' THEN o.status IN ('blocked', 'deactivated', 'expired') OR (o.status = 'redeemed' AND o.source <> 0 AND NOT o.has_own)
            ELSE o.status IN ('active', 'blocked', 'deactivated') OR (o.status IN ('redeemed', 'expired') AND o.source <> 0) END
        """,
        check=liability.check,
        entity=liability.entity,
        **{"class": liability.name},
    )


def _same_code(case: Case) -> None:
    """One number finds one card: two imported cards of one number would be one guest's money twice, or two guests' once."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'gift_cards', min(o.key COLLATE "C"), '1', to_jsonb(count(*)), NULL, 'cards with the same number', true
        FROM people_owed o JOIN aura.gift_cards t ON t.id = o.aura_id GROUP BY t.hash_key_id, t.code_hash HAVING count(*) > 1
        """,
        check=GIFT_CARDS,
    )


def _rewards(case: Case) -> None:
    """Rewards taken out and not used: their points are in no balance any more."""
    if case.leaves_out("customer_rewards"):
        return
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customer_rewards', s.key,
               jsonb_build_object('points', s.points, 'account', 'given'),
               CASE WHEN t.id IS NOT NULL THEN jsonb_build_object('points', t.points_cost, 'status', t.status,
                    'account', CASE WHEN a.key IS NULL THEN 'differs' ELSE 'given' END) END,
               coalesce(t.points_cost, 0) - s.points,
               CASE WHEN t.id IS NULL THEN {WHY_NOT} ELSE '' END, true
        FROM (SELECT key, account, {_rounded("points", case.options.people.loyalty)} AS points FROM said_rewards) s
        LEFT JOIN people_fate f ON f.entity = 'customer_rewards' AND f.key = s.key
        LEFT JOIN people_stands x ON x.entity = 'customer_rewards' AND x.key = s.key
        LEFT JOIN aura.customer_rewards_v2 t ON t.id = x.aura_id
        LEFT JOIN people_stands a ON a.entity = 'loyalty_accounts' AND a.key = s.account AND a.aura_id = t.loyalty_account_id
        WHERE t.id IS NULL OR a.key IS NULL OR t.points_cost IS DISTINCT FROM s.points OR t.status IN ('expired', 'revoked')
        """,
        check=LOYALTY,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customer_rewards', f.key, NULL, jsonb_build_object('points', t.points_cost, 'status', t.status), NULL,
               'the POS does not show it as open', true
        FROM people_fate f JOIN people_stands x ON x.entity = f.entity AND x.key = f.key
        JOIN aura.customer_rewards_v2 t ON t.id = x.aura_id AND t.status IN ('available', 'pending')
        WHERE f.entity = 'customer_rewards' AND f.action = ANY(%(standing)s)
          AND NOT EXISTS (SELECT 1 FROM said_rewards s WHERE s.key = f.key)
        """,
        check=LOYALTY,
    )
    report_doubled(case, LOYALTY, "customer_rewards", "t.points_cost")


def _points_of_people(case: Case) -> None:
    """A person's points are those of the accounts; another sum would be shown at the counter.

    That holds also for who was loaded here and is not shown by the POS any more, unless the plan leaves them as they are.
    """
    if case.leaves_out("customers"):
        return
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', p.key, jsonb_build_object('loyalty_points', coalesce(a.points, 0)),
               jsonb_build_object('loyalty_points', t.loyalty_points), t.loyalty_points - coalesce(a.points, 0),
               'not the sum of the accounts', true
        FROM (SELECT aura_id, key FROM people_persons
              UNION ALL
              SELECT x.aura_id, min(x.key COLLATE "C") FROM people_stands x WHERE x.entity = 'customers'
              GROUP BY x.aura_id
              HAVING NOT EXISTS (SELECT 1 FROM people_stands o JOIN said_customers s ON s.key = o.key
                                 WHERE o.entity = 'customers' AND o.aura_id = x.aura_id)
                 AND NOT EXISTS (SELECT 1 FROM people_stands o JOIN people_fate f ON f.entity = 'customers' AND f.key = o.key
                                 WHERE o.entity = 'customers' AND o.aura_id = x.aura_id AND f.action IN ('skip', 'quarantine'))
                 AND EXISTS (SELECT 1 FROM migration.claims k JOIN migration.migrations m ON m.id = k.migration_id
                             JOIN migration.migrations own ON own.id = %(migration)s AND own.location_key = m.location_key
                             WHERE k.aura_table = 'customers' AND k.aura_id = x.aura_id)) p
        JOIN aura.customers t ON t.id = p.aura_id AND t.source_vendor IS NOT NULL AND t.erased_at IS NULL
        LEFT JOIN (SELECT customer_id, sum(balance_points) AS points FROM aura.loyalty_accounts
                   WHERE restaurant_id = %(restaurant)s AND deleted_at IS NULL GROUP BY customer_id) a ON a.customer_id = t.id
        WHERE t.loyalty_points <> coalesce(a.points, 0)
        """,
        check=LOYALTY,
    )


def _store(case: Case, liability: Liability) -> None:
    """The ledger of the class, once per integration: this measuring in place of the one before."""
    case.run(
        "DELETE FROM migration.liability_ledger WHERE integration_id = %(integration)s AND class = %(class)s",
        **{"class": liability.name},
    )
    case.run(
        """
        INSERT INTO migration.liability_ledger (integration_id, class, subject_key, unit, source_opening, source_activity,
            source_closing, aura_opening, aura_activity, aura_closing, difference, cause, migration_id, measured_at)
        SELECT DISTINCT ON (key) %(integration)s, %(class)s, key, unit,
               CASE WHEN is_said THEN source - source_activity END, CASE WHEN is_said THEN source_activity END, source,
               CASE WHEN aura_id IS NOT NULL THEN aura - activity END, activity, aura, off, cause, %(migration)s, %(now)s
        FROM people_owed ORDER BY key
        """,
        **{"class": liability.name},
    )
