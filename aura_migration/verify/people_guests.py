"""Whether every profile of the POS is accounted for, and whether AuraConnect has it as the POS shows it."""

from __future__ import annotations

from aura_migration.verify.findings import CUSTOMERS
from aura_migration.verify.people_case import FOUND, WHY_NOT, Case, report_differences, report_doubled, report_not_said

FIELDS = ("first_name", "last_name", "email", "email_normalized", "phone")
DERIVED = {"email_normalized": ("email",), "phone_raw": ("phone",)}

ONLY_POINTS = "{row}.action = 'update' AND {row}.image - ARRAY['loyalty_points', 'lifetime_points'] = '{{}}'"
FOLLOWS_ACCOUNTS = f"""
    (f.is_signed AND f.key IN (
        SELECT u.source_key FROM migration.plan_rows u
        LEFT JOIN migration.plan_rows w ON u.action = 'unchanged' AND w.plan_id = u.stands_on_plan AND w.entity = u.entity
              AND w.crosswalk_key = u.crosswalk_key
        WHERE u.plan_id = %(plan)s AND u.entity = 'customers' AND u.action IN ('update', 'unchanged')
          AND ({ONLY_POINTS.format(row="u")} OR {ONLY_POINTS.format(row="w")})))
"""
"""Whether a signed plan, or the one of another location it stands on, writes nothing to a profile but its points: those
follow the accounts, also where the POS no longer shows the profile. It was loaded before, or it would be created.
Asked once for all profiles: of a large directory nearly every one is shown."""


def judge_guests(case: Case) -> dict[str, int]:
    """``{said, accounted, standing, skipped}`` of profiles; findings go to ``people_found``.

    Leaves ``people_guests`` (key, aura_id, outcome) for the checks that follow.
    """
    _outcomes(case)
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', g.key, '"present"', NULL, NULL, {WHY_NOT}, g.outcome = 'lost'
        FROM people_guests g LEFT JOIN people_fate f ON f.entity = 'customers' AND f.key = g.key
        WHERE g.outcome = 'lost'
        """,
        check=CUSTOMERS,
    )
    report_not_said(case, CUSTOMERS, "customers", "said_customers", f"t.erased_at IS NULL AND NOT {FOLLOWS_ACCOUNTS}")
    _gone(case)
    report_doubled(case, CUSTOMERS, "customers", where="t.erased_at IS NULL")
    _repeated(case)
    _values(case)
    counted = dict(case.rows("SELECT outcome, count(*) FROM people_guests GROUP BY outcome"))
    said = sum(counted.values())
    return {
        "said": said,
        "accounted": said - counted.get("lost", 0),
        "standing": counted.get("stands", 0),
        "skipped": counted.get("skipped", 0),
        "quarantined": counted.get("quarantined", 0),
    }


def _outcomes(case: Case) -> None:
    """A profile the plan leaves out is left out, also where another location's migration took it over; so is one that was
    erased after it was loaded."""
    case.run("CREATE TEMP TABLE people_guests (key text, aura_id bigint, outcome text) ON COMMIT DROP")
    rows = case.run(
        """
        INSERT INTO people_guests
        SELECT s.key, x.aura_id, CASE
            WHEN s.is_suppressed THEN 'skipped'
            WHEN f.action = 'skip' THEN CASE WHEN f.is_signed THEN 'skipped' ELSE 'lost' END
            WHEN f.action = 'quarantine' THEN 'quarantined'
            WHEN f.action = ANY(%(standing)s) AND x.aura_id IS NOT NULL THEN 'stands'
            ELSE 'lost' END
        FROM (SELECT key, bool_or(is_suppressed) AS is_suppressed FROM said_customers GROUP BY key) s
        LEFT JOIN people_fate f ON f.entity = 'customers' AND f.key = s.key
        LEFT JOIN people_stands x ON x.entity = 'customers' AND x.key = s.key
        """
    )
    case.prepare("people_guests", rows, "key", "aura_id")


def _gone(case: Case) -> None:
    """Profiles the POS no longer shows, whose accounts have moved: told, and no difference of the import."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', f.key, NULL, '"present"', NULL,
               'the POS no longer shows it; only its points were written, as its accounts changed', false
        FROM people_fate f WHERE f.entity = 'customers' AND {FOLLOWS_ACCOUNTS}
          AND NOT EXISTS (SELECT 1 FROM said_customers s WHERE s.key = f.key)
        """,
        check=CUSTOMERS,
    )


def _repeated(case: Case) -> None:
    """A witness names a profile once; two tellings of one key cannot both be compared."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', key, to_jsonb(count(*)), NULL, NULL, 'the POS shows two profiles under this id', true
        FROM said_customers s WHERE NOT EXISTS (SELECT 1 FROM people_guests g WHERE g.key = s.key AND g.outcome = 'quarantined')
        GROUP BY key HAVING count(*) > 1
        """,
        check=CUSTOMERS,
    )


def _values(case: Case) -> None:
    """One profile: every field equal. Several that are one person: the field of one of them, none only where all have none."""
    rows = case.run(
        """
        CREATE TEMP TABLE people_persons ON COMMIT DROP AS
        SELECT aura_id, count(*) AS profiles, min(key COLLATE "C") AS key FROM people_guests WHERE outcome = 'stands' GROUP BY aura_id
        """
    )
    case.prepare("people_persons", rows, "aura_id")
    case.run(
        """
        CREATE TEMP TABLE people_diffs (aura_id bigint, key text, field text, is_said boolean, is_there boolean) ON COMMIT DROP
        """
    )
    raw = "coalesce(t.phone_raw, t.phone)"
    plain = ", ".join(f"('{name}', s.{name}, t.{name})" for name in FIELDS)
    case.run(
        f"""
        INSERT INTO people_diffs
        SELECT p.aura_id, p.key, v.field, v.said IS NOT NULL, v.there IS NOT NULL
        FROM people_persons p JOIN said_customers s ON s.key = p.key JOIN aura.customers t ON t.id = p.aura_id
        CROSS JOIN LATERAL (VALUES {plain}, ('phone_raw', s.phone_raw, CASE WHEN s.phone_raw IS NOT NULL THEN {raw} END)) v (field, said, there)
        WHERE p.profiles = 1 AND t.erased_at IS NULL
          AND (t.first_name, t.last_name, t.email, t.email_normalized, t.phone, CASE WHEN s.phone_raw IS NOT NULL THEN {raw} END)
              IS DISTINCT FROM (s.first_name, s.last_name, s.email, s.email_normalized, s.phone, s.phone_raw)
          AND v.said IS DISTINCT FROM v.there
        """
    )
    merged = ", ".join(f"('{name}', s.{name}, t.{name})" for name in FIELDS)
    case.run(
        f"""
        INSERT INTO people_diffs
        SELECT p.aura_id, p.key, v.field, bool_or(v.said IS NOT NULL), bool_or(v.there IS NOT NULL)
        FROM people_persons p JOIN people_guests g ON g.aura_id = p.aura_id AND g.outcome = 'stands'
        JOIN said_customers s ON s.key = g.key JOIN aura.customers t ON t.id = p.aura_id
        CROSS JOIN LATERAL (VALUES {merged}) v (field, said, there)
        WHERE p.profiles > 1 AND t.erased_at IS NULL
        GROUP BY p.aura_id, p.key, v.field
        HAVING CASE WHEN bool_or(v.there IS NOT NULL) THEN NOT bool_or(v.said IS NOT DISTINCT FROM v.there)
                    ELSE bool_or(v.said IS NOT NULL) END
        """
    )
    report_differences(case, CUSTOMERS, "customers", DERIVED)
