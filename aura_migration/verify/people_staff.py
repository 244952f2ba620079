"""Whether everybody who works here is there, with jobs and wages, every hour worked and every pay period as it counts."""

from __future__ import annotations

from aura_migration.verify.findings import STAFF
from aura_migration.verify.people_case import FOUND, WHY_NOT, Case, report_differences, report_doubled, report_not_said


def judge_staff(case: Case) -> dict[str, int]:
    """``{said, accounted, people, jobs, timecards, payroll}``; findings go to ``people_found``."""
    people = _people(case)
    jobs = (0, 0) if case.leaves_out("staff_jobs") else _wages(case)
    cards = (0, 0) if case.leaves_out("timecards") else _timecards(case)
    paid = (0, 0) if case.leaves_out("payroll") else _payroll(case)
    return {
        "said": people[0] + jobs[0] + cards[0] + paid[0],
        "accounted": people[1] + jobs[1] + cards[1] + paid[1],
        "people": people[0],
        "jobs": jobs[0],
        "timecards": cards[0],
        "payroll": paid[0],
    }


def _lost(case: Case, entity: str, said: str, but: str = "") -> tuple[int, int]:
    """Report what is neither in AuraConnect nor left out by a signed decision nor in quarantine; (said, accounted)."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, s.key, '"present"', NULL, NULL, {WHY_NOT}, true
        FROM {said} s LEFT JOIN people_fate f ON f.entity = %(entity)s AND f.key = s.key
        LEFT JOIN people_stands x ON x.entity = %(entity)s AND x.key = s.key
        WHERE NOT coalesce((f.action = 'skip' AND f.is_signed) OR f.action = 'quarantine', false) {but}
          AND (x.aura_id IS NULL OR f.action IS NULL OR NOT f.action = ANY(%(standing)s))
        """,
        check=STAFF,
        entity=entity,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, key, to_jsonb(count(*)), NULL, NULL, 'the POS shows two records under this id', true
        FROM {said} GROUP BY key HAVING count(*) > 1
        """,
        check=STAFF,
        entity=entity,
    )
    number = int(case.row(f"SELECT count(*) FROM {said}")[0])
    lost = case.row(
        "SELECT count(*) FROM people_found WHERE check_name = %(check)s AND entity = %(entity)s AND actual IS NULL",
        check=STAFF,
        entity=entity,
    )
    return number, number - int(lost[0])


def _people(case: Case) -> tuple[int, int]:
    counted = _lost(case, "staff", "said_staff", "AND NOT s.is_suppressed")  # erased after the load
    report_not_said(case, STAFF, "staff", "said_staff", "t.erased_at IS NULL")
    report_doubled(case, STAFF, "staff", where="t.erased_at IS NULL")
    case.run(
        """
        CREATE TEMP TABLE people_diffs (aura_id bigint, key text, field text, is_said boolean, is_there boolean) ON COMMIT DROP;
        INSERT INTO people_diffs
        SELECT t.id, min(x.key COLLATE "C"), v.field, bool_or(v.said IS NOT NULL), bool_or(v.there IS NOT NULL)
        FROM said_staff s JOIN people_stands x ON x.entity = 'staff' AND x.key = s.key
        JOIN people_fate f ON f.entity = 'staff' AND f.key = s.key AND f.action IN ('create', 'update', 'unchanged', 'merge')
        JOIN aura.staff_members t ON t.id = x.aura_id AND t.erased_at IS NULL
        CROSS JOIN LATERAL (VALUES ('name', CASE WHEN s.name <> '' THEN s.name ELSE t.name END, t.name),
                                   ('is_active', s.is_active::text, t.is_active::text),
                                   ('needs_sign_in', CASE WHEN t.source_vendor IS NULL THEN t.needs_sign_in::text ELSE 'true' END,
                                                     t.needs_sign_in::text)) v (field, said, there)
        GROUP BY t.id, v.field HAVING NOT bool_or(v.said IS NOT DISTINCT FROM v.there)
        """
    )
    report_differences(case, STAFF, "staff", {"name": ("first_name", "last_name"), "is_active": ("status",)})
    return counted


def _wages(case: Case) -> tuple[int, int]:
    """Jobs are compared as a whole per person: title and hourly rate, each as often as the POS has it.

    A job without a rate that only AuraConnect has is no invention where the POS states no jobs for that person.
    """
    rate = "s.hourly_cents" if case.options.people.staff.include_wages else "NULL::bigint"
    case.run(
        f"""
        CREATE TEMP TABLE people_jobs ON COMMIT DROP AS
        WITH members AS (
            SELECT x.key, x.aura_id FROM people_stands x JOIN people_fate f ON f.entity = 'staff' AND f.key = x.key
            WHERE x.entity = 'staff' AND f.action = ANY(%(standing)s)
        ), said AS (
            SELECT m.aura_id, min(m.key COLLATE "C") AS key, s.title, {rate} AS cents, count(*) AS times
            FROM said_wages s JOIN members m ON m.key = s.staff GROUP BY m.aura_id, s.title, {rate}
        ), there AS (
            SELECT j.staff_id AS aura_id, j.title, j.hourly_rate_cents AS cents, count(*) AS times
            FROM aura.staff_jobs j
            WHERE j.deleted_at IS NULL AND j.source_vendor IS NOT NULL AND j.staff_id IN (SELECT aura_id FROM members)
              AND NOT EXISTS (SELECT 1 FROM migration.crosswalk c WHERE c.aura_id = j.id AND c.aura_table = 'staff_jobs'
                              AND c.integration_id <> %(integration)s)
            GROUP BY 1, 2, 3
        )
        SELECT coalesce(s.aura_id, t.aura_id) AS aura_id, coalesce(s.title, t.title) AS title, coalesce(s.cents, t.cents) AS cents,
               coalesce(s.times, 0) AS said, coalesce(t.times, 0) AS there, EXISTS (SELECT 1 FROM said o WHERE o.aura_id = t.aura_id) AS has_said
        FROM said s FULL JOIN there t ON t.aura_id = s.aura_id AND t.title = s.title
             AND coalesce(t.cents, -1) = coalesce(s.cents, -1)
        """
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'staff_jobs', m.key, to_jsonb(j.said), CASE WHEN j.there > 0 OR j.said = 0 THEN to_jsonb(j.there) END, NULL,
               CASE WHEN j.said > j.there THEN 'a job with this title and rate is missing' ELSE 'the POS has no job with this title and rate' END, true
        FROM people_jobs j
        JOIN (SELECT aura_id, min(key COLLATE "C") AS key FROM people_stands WHERE entity = 'staff' GROUP BY aura_id) m ON m.aura_id = j.aura_id
        WHERE j.said <> j.there AND (j.said > 0 OR j.has_said OR j.cents IS NOT NULL)
        """,
        check=STAFF,
    )
    lost, jobs = case.row("SELECT coalesce(sum(greatest(said - there, 0)), 0), coalesce(sum(said), 0) FROM people_jobs")
    excused = case.run(
        """
        UPDATE people_found p SET is_blocking = false, cause = 'left out: ' || f.reason FROM people_fate f
        WHERE p.check_name = %(check)s AND p.entity = 'staff_jobs' AND f.entity = 'staff_jobs' AND f.is_signed
          AND starts_with(f.key, p.source_key || '/') AND f.action IN ('skip', 'quarantine')
        """,
        check=STAFF,
    )
    return int(jobs), int(jobs) - max(int(lost) - excused, 0)


def _timecards(case: Case) -> tuple[int, int]:
    """Effective times to the millisecond, unpaid breaks in whole minutes, tips, whose time it is, and where."""
    counted = _lost(case, "timecards", "said_timecards")
    report_not_said(case, STAFF, "timecards", "said_timecards")
    report_doubled(case, STAFF, "timecards", where="t.location_id IS NOT DISTINCT FROM %(location)s")
    case.run(
        """
        CREATE TEMP TABLE people_diffs ON COMMIT DROP AS
        WITH there AS (
            SELECT t.id, s.key, s.check_in_ms, s.check_out_ms, s.tips_cents, s.unpaid_break_minutes,
                   round(extract(epoch FROM t.check_in) * 1000)::bigint AS there_in, round(extract(epoch FROM t.check_out) * 1000)::bigint AS there_out,
                   t.declared_tips_cents, t.staff_id, member.aura_id AS member, t.location_id, t.status,
                   (SELECT coalesce(floor(sum(extract(epoch FROM (b->>'end')::timestamptz) - extract(epoch FROM (b->>'start')::timestamptz)) / 60), 0)::bigint
                    FROM jsonb_array_elements(CASE jsonb_typeof(t.breaks) WHEN 'array' THEN t.breaks ELSE '[]' END) b
                    WHERE b->>'is_paid' = 'false' AND coalesce(b->>'is_missed', 'false') = 'false'
                      AND b->>'start' IS NOT NULL AND b->>'end' IS NOT NULL) AS there_breaks
            FROM said_timecards s JOIN people_stands x ON x.entity = 'timecards' AND x.key = s.key
            JOIN people_fate f ON f.entity = 'timecards' AND f.key = s.key AND f.action = ANY(%(standing)s)
            JOIN aura.attendance_logs t ON t.id = x.aura_id
            LEFT JOIN people_stands member ON member.entity = 'staff' AND member.key = s.staff
        )
        SELECT t.id AS aura_id, t.key, v.field, v.said IS NOT NULL AS is_said, v.there IS NOT NULL AS is_there
        FROM there t CROSS JOIN LATERAL (VALUES
            ('check_in', t.check_in_ms, t.there_in), ('check_out', t.check_out_ms, t.there_out),
            ('declared_tips_cents', t.tips_cents, t.declared_tips_cents), ('breaks', t.unpaid_break_minutes, t.there_breaks),
            ('staff_id', t.member, t.staff_id), ('location_id', %(location)s::bigint, t.location_id),
            ('status', CASE WHEN t.check_out_ms IS NULL THEN 0 ELSE 1 END, CASE t.status WHEN 'checked_in' THEN 0 ELSE 1 END)
        ) v (field, said, there)
        WHERE v.said IS DISTINCT FROM v.there
        """
    )
    report_differences(case, STAFF, "timecards", {})
    return counted


def _payroll(case: Case) -> tuple[int, int]:
    """Periods, hours, amounts, and whose pay it is: by the file's number of the employee, else by its e-mail address.

    The number is the restaurant's own or the POS's id. Of an erased employee's pay only that it is there is asked.
    """
    counted = _lost(case, "payroll", "said_payroll", "AND NOT s.is_forgotten")
    report_not_said(case, STAFF, "payroll", "said_payroll")
    report_doubled(case, STAFF, "payroll", where="t.location_id IS NOT DISTINCT FROM %(location)s")
    case.run(
        """
        CREATE TEMP TABLE people_diffs ON COMMIT DROP AS
        WITH there AS (
            SELECT s.*, t AS row, who.id AS member
            FROM said_payroll s JOIN people_stands x ON x.entity = 'payroll' AND x.key = s.key
            JOIN people_fate f ON f.entity = 'payroll' AND f.key = s.key AND f.action = ANY(%(standing)s)
            JOIN aura.employee_payments t ON t.id = x.aura_id
            LEFT JOIN LATERAL (
                SELECT min(id) AS id FROM (
                    SELECT m.id, rank() OVER (ORDER BY CASE WHEN lower(btrim(m.employee_code)) = lower(s.code) THEN 1
                                                            WHEN substring(said.key FROM '[^/]*$') = s.code THEN 2 ELSE 3 END) AS place
                    FROM said_staff said JOIN people_stands y ON y.entity = 'staff' AND y.key = said.key
                    JOIN aura.staff_members m ON m.id = y.aura_id AND m.erased_at IS NULL
                    WHERE lower(btrim(m.employee_code)) = lower(s.code) OR substring(said.key FROM '[^/]*$') = s.code
                       OR m.email_normalized = s.email
                ) near WHERE place = 1 HAVING count(DISTINCT id) = 1
            ) who ON true
            WHERE NOT s.is_forgotten
        )
        SELECT (t.row).id AS aura_id, t.key, v.field, v.said IS NOT NULL AS is_said, v.there IS NOT NULL AS is_there
        FROM there t CROSS JOIN LATERAL (VALUES
            ('pay_period_start', t.pay_period_start::text, (t.row).pay_period_start::text),
            ('pay_period_end', t.pay_period_end::text, (t.row).pay_period_end::text),
            ('pay_date', t.pay_date::text, (t.row).pay_date::text),
            ('regular_hours', trim_scale(t.regular_hours)::text, trim_scale((t.row).regular_hours)::text),
            ('overtime_hours', trim_scale(t.overtime_hours)::text, trim_scale((t.row).overtime_hours)::text),
            ('gross_pay_cents', t.gross_pay_cents::text, (t.row).gross_pay_cents::text),
            ('net_pay_cents', t.net_pay_cents::text, (t.row).net_pay_cents::text),
            ('tips_cents', t.tips_cents::text, (t.row).tips_cents::text),
            ('deductions_cents', t.deductions_cents::text, (t.row).deductions_cents::text),
            ('currency', t.currency, (t.row).currency), ('employee_code', t.code, (t.row).employee_code),
            ('staff_id', t.member::text, (t.row).staff_id::text), ('location_id', %(location)s::text, (t.row).location_id::text)
        ) v (field, said, there)
        WHERE v.said IS DISTINCT FROM v.there
        """
    )
    report_differences(case, STAFF, "payroll", {})
    return counted
