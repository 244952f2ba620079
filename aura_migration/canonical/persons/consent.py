"""What persons agreed to, and what follows: merged answers, who is left out by the policy, who may be sent marketing.

Only what is stated counts. No answer is ``unknown``, and unknown is not yes. Of several answers about one purpose (of
merged profiles, of the POS and a file) the most restrictive holds: denied or withdrawn, then unknown, then granted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from aura_migration.canonical.options import PeopleOptions
from aura_migration.canonical.persons.chunks import FROM_FILE, NOTHING_HASH
from aura_migration.canonical.persons.tables import many, one
from aura_migration.core.clock import utc_text

Connection = psycopg.Connection[Any]
MARKETING = ("marketing_email", "marketing_sms")
NEEDED = {"none": (), "profile": ("profile",), "marketing": MARKETING}
"""The purposes of which one must be granted, by policy."""
REFUSABLE = ("profile", "data_migration")
"""Who said no to one of these is left out whatever the policy."""
NO_CONSENT = "no consent to {what} is on record (requireConsent: {policy})"
REFUSED = "said no to having a profile or to its being taken over"
_SEVERITY = "CASE x.content ->> 'status' WHEN 'granted' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END"


def settle_answers(connection: Connection, now: datetime) -> dict[str, Any]:
    """Bring the answers of each person about each purpose down to one row; the others become the same as that one.

    A grant that has expired, and an answer that stands in quarantine, count as unknown. Returns counts:
    ``{"answers": {purpose: {status: rows}}, "from_files", "combined"}``.
    """
    connection.execute(
        f"""
        INSERT INTO people_answers (key, customer, person, purpose, severity, captured, is_usable)
        SELECT x.source_key, p.key, p.person, x.content ->> 'purpose',
               CASE WHEN x.verdict IS NOT NULL OR x.content ->> 'expires_at' <= %(now)s COLLATE "C"
                    THEN greatest(1, {_SEVERITY}) ELSE {_SEVERITY} END,
               x.content ->> 'captured_at', x.verdict IS NULL
        FROM people_rows x JOIN people_persons p ON p.key = x.content ->> 'customer_key' COLLATE "C"
        WHERE x.entity = 'customer_consents' AND x.verdict IS DISTINCT FROM 'skip'
        """,
        {"now": utc_text(now)},
    )
    connection.execute("ANALYZE people_answers")
    combined = _combine(connection)
    return {
        "answers": _answers(connection),
        "from_files": one(
            connection,
            "SELECT count(*) FROM people_rows WHERE entity = 'customer_consents' AND starts_with(record, %s)",
            [FROM_FILE],
        ),
        "combined": combined,
    }


def _combine(connection: Connection) -> int:
    """Where a person has several rows about a purpose, or profiles without an answer, one row says what holds."""
    cursor = connection.execute(
        """
        WITH profiles AS (SELECT person, count(*) AS profiles FROM people_persons GROUP BY person HAVING count(*) > 1),
        asked AS (
            SELECT a.person, a.purpose, max(a.severity) AS severity, coalesce(f.profiles, 1) > count(DISTINCT a.customer) AS is_partial,
                   count(*) > 1 AS is_several
            FROM people_answers a LEFT JOIN profiles f USING (person) GROUP BY a.person, a.purpose, f.profiles
            HAVING count(*) > 1 OR coalesce(f.profiles, 1) > 1
        ), settled AS (
            SELECT a.key, a.person, q.is_partial,
                   greatest(q.severity, q.is_partial::int) > max(a.severity) OVER (PARTITION BY a.person, a.purpose) AS is_doubtful,
                   first_value(a.key) OVER (PARTITION BY a.person, a.purpose ORDER BY a.customer <> a.person, a.key) AS kept,
                   first_value(a.key) OVER (PARTITION BY a.person, a.purpose
                                            ORDER BY a.severity DESC, a.captured DESC NULLS LAST, a.key) AS said
            FROM people_answers a JOIN asked q USING (person, purpose) WHERE a.is_usable
        )
        UPDATE people_rows r SET
            content = CASE WHEN r.source_key <> t.kept THEN r.content ELSE s.content || jsonb_build_object(
                'customer_key', t.person,
                'status', CASE WHEN t.is_doubtful THEN 'unknown' ELSE s.content ->> 'status' END,
                'evidence', CASE WHEN t.said = t.kept AND NOT t.is_doubtful THEN s.content -> 'evidence'
                                 ELSE coalesce(nullif(s.content -> 'evidence', 'null'), '{}') || jsonb_strip_nulls(jsonb_build_object(
                                      'said_in', CASE WHEN t.said <> t.kept THEN t.said END,
                                      'not_granted_because', CASE WHEN t.is_doubtful THEN CASE WHEN t.is_partial
                                          THEN 'another profile of the person has no answer'
                                          ELSE 'another answer of the person is in quarantine' END END)) END) END,
            same_as = CASE WHEN r.source_key <> t.kept THEN t.kept END,
            reasons = CASE WHEN r.source_key <> t.kept
                           THEN ARRAY[format('the most restrictive answer of the person stands in %s', t.kept)] ELSE r.reasons END
        FROM settled t JOIN people_rows s ON s.entity = 'customer_consents' AND s.source_key = t.said
        WHERE r.entity = 'customer_consents' AND r.source_key = t.key
        """
    )
    return cursor.rowcount


def _answers(connection: Connection) -> dict[str, dict[str, int]]:
    found = many(
        connection,
        """
        SELECT content ->> 'purpose', content ->> 'status', count(*) FROM people_rows
        WHERE entity = 'customer_consents' AND verdict IS NULL AND same_as IS NULL GROUP BY 1, 2 ORDER BY 1, 2
        """,
    )
    answers: dict[str, dict[str, int]] = {}
    for purpose, status, number in found:
        answers.setdefault(purpose, {})[status] = number
    return answers


EFFECTIVE = """
    SELECT a.person, a.purpose, greatest(max(a.severity), (coalesce(f.profiles, 1) > count(DISTINCT a.customer))::int) AS severity
    FROM people_answers a
    LEFT JOIN (SELECT person, count(*) AS profiles FROM people_persons GROUP BY person HAVING count(*) > 1) f USING (person)
    GROUP BY a.person, a.purpose, f.profiles
"""
"""Per person and purpose that anything was said about: 0 granted, 1 unknown, 2 refused. A silent profile is unknown."""


def apply_policy(connection: Connection, options: PeopleOptions) -> dict[str, int]:
    """Skip the persons that may not be taken over, their content emptied; returns how many profiles, by cause.

    ``{"without_consent", "refused"}``. What depends on them follows in ``links.follow_the_skipped``.
    """
    policy = options.require_consent
    counts = {"without_consent": 0, "refused": 0}
    refused = f"SELECT person FROM ({EFFECTIVE}) e WHERE severity = 2 AND purpose = ANY(%(purposes)s)"
    counts["refused"] = _leave_out(connection, f"person IN ({refused})", list(REFUSABLE), REFUSED)
    if NEEDED[policy]:
        granted = f"SELECT person FROM ({EFFECTIVE}) e WHERE severity = 0 AND purpose = ANY(%(purposes)s)"
        what = "a profile" if policy == "profile" else "marketing"
        why = NO_CONSENT.format(what=what, policy=policy)
        counts["without_consent"] = _leave_out(connection, f"person NOT IN ({granted})", list(NEEDED[policy]), why)
    return counts


def _leave_out(connection: Connection, condition: str, purposes: list[str], reason: str) -> int:
    cursor = connection.execute(
        f"""
        UPDATE people_rows r SET verdict = 'skip', content = '{{}}', source_hash = %(nothing)s, same_as = NULL,
               reasons = ARRAY[%(reason)s]
        FROM (SELECT key FROM people_persons WHERE {condition}) p
        WHERE r.entity = 'customers' AND r.source_key = p.key AND r.verdict IS NULL
        """,
        {"nothing": NOTHING_HASH, "reason": reason, "purposes": purposes},
    )
    return cursor.rowcount


def derive_opt_in(connection: Connection) -> int:
    """Whether a customer's row says that marketing is granted; returns how many persons may be sent marketing.

    It is one flag for all channels: whoever said no to one of them has none.
    """
    connection.execute(
        f"""
        WITH opted AS (SELECT person FROM ({EFFECTIVE}) e WHERE purpose = ANY(%(marketing)s)
                       GROUP BY person HAVING min(severity) = 0 AND max(severity) < 2)
        UPDATE people_rows r SET content = r.content || jsonb_build_object('marketing_opt_in', o.person IS NOT NULL)
        FROM people_persons c LEFT JOIN opted o ON o.person = c.key
        WHERE r.entity = 'customers' AND r.source_key = c.key AND c.key = c.person AND r.verdict IS NULL
          AND (o.person IS NOT NULL OR r.content -> 'marketing_opt_in' <> 'false')
        """,
        {"marketing": list(MARKETING)},
    )
    return int(
        one(
            connection,
            "SELECT count(*) FROM people_rows WHERE entity = 'customers' AND verdict IS NULL AND same_as IS NULL "
            "AND content -> 'marketing_opt_in' = 'true'",
        )
    )
