"""Whether nobody is contacted or profiled who did not agree: consent in AuraConnect against what POS and files state.

Of several answers the most restrictive holds, and a profile without an answer is more restrictive than one with a yes: of
profiles that are one person all must have said yes. What guests tell AuraConnect itself (rows without provenance) is its own
business, as long as it is not older than a denial that came with the import.
"""

from __future__ import annotations

from aura_migration.canonical.entities import ENTITIES
from aura_migration.verify.findings import CONSENT
from aura_migration.verify.people_case import FOUND, Case

MARKETING = ("marketing_email", "marketing_sms")
REFUSABLE = ("profile", "data_migration")
"""Who said no to one of these is in AuraConnect only as far as AuraConnect knew them before."""
OUTBOXES = ("notifications", "notification_outbox", "message_outbox", "outbox", "email_queue", "sms_queue", "messages")
"""Tables of AuraConnect in which a message to a guest would stand, where there are such."""
PERSONAL = tuple(field.target for field in ENTITIES["customers"].fields if field.personal)


def judge_consent(case: Case) -> dict[str, int]:
    """``{judged, contacted, unstated, left_out}``; findings go to ``people_found``. Stands on ``people_guests``."""
    _stated(case)
    _invented(case)
    if not case.leaves_out("customer_consents"):
        _lost(case)
    contacted = _opted_in(case) + _in_outboxes(case)
    left_out = _left_out(case)
    _without_basis(case)
    _returned(case)
    return {"judged": case.row("SELECT count(*) FROM people_guests")[0], "contacted": contacted, "left_out": left_out}


def _stated(case: Case) -> None:
    """What POS and files state, per profile. A contact that several people share says no for each and yes for nobody.

    ``people_answers``: the answer per person and purpose; ``people_rows``: what AuraConnect holds."""
    case.run(
        """
        CREATE TEMP TABLE people_stated (aura_id bigint, key text, purpose text, answer text, is_pos boolean) ON COMMIT DROP;
        INSERT INTO people_stated
        SELECT g.aura_id, g.key, v.purpose, v.answer, true FROM people_guests g JOIN said_customers s ON s.key = g.key
        CROSS JOIN LATERAL (VALUES ('marketing_email', s.marketing_email), ('marketing_sms', s.marketing_sms)) v (purpose, answer)
        WHERE g.outcome = 'stands' AND v.answer <> 'unknown';
        INSERT INTO people_stated
        SELECT aura_id, key, purpose, answer, false FROM (
            SELECT g.aura_id, g.key, c.purpose, c.answer, dense_rank() OVER w + dense_rank() OVER backwards - 1 AS persons
            FROM said_consents c
            JOIN (SELECT key, email_normalized AS contact FROM said_customers UNION ALL SELECT key, phone FROM said_customers) s
                 ON s.contact = c.contact
            JOIN people_guests g ON g.key = s.key AND g.outcome = 'stands' WHERE c.answer <> 'unknown'
            WINDOW w AS (PARTITION BY c.contact ORDER BY g.aura_id), backwards AS (PARTITION BY c.contact ORDER BY g.aura_id DESC)
        ) stated WHERE answer = 'denied' OR persons = 1;
        CREATE TEMP TABLE people_answers ON COMMIT DROP AS
        SELECT t.aura_id, t.purpose, bool_or(t.answer = 'denied') AS is_denied,
               NOT bool_or(t.answer = 'denied') AND count(DISTINCT t.key) = min(p.profiles) AS is_granted, bool_or(t.is_pos) AS is_pos
        FROM people_stated t JOIN people_persons p ON p.aura_id = t.aura_id GROUP BY t.aura_id, t.purpose
        """
    )
    case.prepare("people_answers", case.row("SELECT count(*) FROM people_answers")[0], "aura_id, purpose")
    rows = case.run(
        """
        CREATE TEMP TABLE people_rows ON COMMIT DROP AS
        SELECT c.id, c.customer_id AS aura_id, c.purpose,
               CASE WHEN c.status = 'withdrawn' THEN 'denied' WHEN c.status = 'granted' AND c.expires_at <= %(now)s THEN 'unknown'
                    ELSE c.status END AS status,
               c.source_vendor IS NOT NULL AS is_imported, coalesce(c.captured_at, c.created_at) AS at, p.key
        FROM aura.customer_consents c
        JOIN people_persons p ON p.aura_id = c.customer_id
        WHERE c.deleted_at IS NULL
        """
    )
    case.prepare("people_rows", rows, "aura_id, purpose")


def _invented(case: Case) -> None:
    """Answers that came with the import and that nobody gave."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customer_consents', r.key, jsonb_build_object(r.purpose, CASE WHEN a.is_denied THEN 'denied'
                   WHEN a.is_granted THEN 'granted' ELSE 'unknown' END),
               jsonb_build_object(r.purpose, r.status), NULL,
               CASE WHEN a.is_denied THEN 'somebody who is the same person said no'
                    WHEN a.aura_id IS NOT NULL THEN 'not every profile of the person says so'
                    ELSE 'neither the POS nor a handed file states it' END, true
        FROM people_rows r LEFT JOIN people_answers a ON a.aura_id = r.aura_id AND a.purpose = r.purpose
        WHERE r.is_imported AND r.status <> 'unknown'
          AND r.status IS DISTINCT FROM CASE WHEN a.is_denied THEN 'denied' WHEN a.is_granted THEN 'granted' END
        """,
        check=CONSENT,
    )


def _lost(case: Case) -> None:
    """Answers of the POS that AuraConnect does not have."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customer_consents', g.key, jsonb_build_object(a.purpose, CASE WHEN a.is_denied THEN 'denied' ELSE 'granted' END),
               NULL, NULL, 'the answer given to the POS is not on record', true
        FROM people_answers a JOIN people_persons g ON g.aura_id = a.aura_id
        JOIN aura.customers t ON t.id = a.aura_id
        WHERE a.is_pos AND (a.is_denied OR a.is_granted) AND t.erased_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM people_rows r WHERE r.aura_id = a.aura_id AND r.purpose = a.purpose AND r.is_imported
              AND r.status = CASE WHEN a.is_denied THEN 'denied' ELSE 'granted' END)
        """,
        check=CONSENT,
    )


def _opted_in(case: Case) -> int:
    """Opt-in must be exactly what the grants on record say; returns how many are opted in without one.

    It is one flag for all channels: a grant for one does not outweigh a denial of another. AuraConnect's own word counts
    where it is the latest of its purpose, and where no denial of the import is younger. A record AuraConnect had before
    keeps its own opt-in unless the POS says no. ``people_optin``: what allows the flag (``by_own``, ``by_import``), and
    whether there is a grant for any channel at all (``is_granted``).
    """
    case.run(
        """
        CREATE TEMP TABLE people_optin ON COMMIT DROP AS
        WITH own AS (
            SELECT DISTINCT ON (aura_id, purpose) aura_id, purpose, status, at FROM people_rows
            WHERE NOT is_imported AND purpose = ANY(%(marketing)s) ORDER BY aura_id, purpose, at DESC, id DESC
        ), basis AS (
            SELECT p.aura_id, o.status AS own, coalesce(a.is_denied, false) AS is_denied,
                   o.status = 'granted' AND o.at > load.at AS by_later_own, o.status = 'granted' AS by_own,
                   o.status = 'granted' AND (NOT coalesce(a.is_denied, false) OR o.at > load.at) AS is_own_valid,
                   coalesce(a.is_granted, false) AND coalesce(o.status, 'granted') = 'granted' AND EXISTS (
                       SELECT 1 FROM people_rows r WHERE r.aura_id = p.aura_id AND r.purpose = m.purpose AND r.is_imported
                         AND r.status = 'granted') AS by_import
            FROM people_persons p
            CROSS JOIN unnest(%(marketing)s::text[]) m (purpose)
            CROSS JOIN (SELECT coalesce(min(load_at), %(now)s) AS at FROM migration.migrations WHERE id = %(migration)s) load
            LEFT JOIN own o ON o.aura_id = p.aura_id AND o.purpose = m.purpose
            LEFT JOIN people_answers a ON a.aura_id = p.aura_id AND a.purpose = m.purpose
        )
        SELECT aura_id, bool_or(is_denied) AS is_denied, bool_or(own IS NOT NULL) AS has_own,
               coalesce(bool_or(by_later_own) OR bool_or(by_own) AND NOT bool_or(is_denied), false) AS by_own,
               bool_or(by_import) AND NOT bool_or(is_denied) AND NOT coalesce(bool_or(own = 'denied'), false) AS by_import,
               bool_or(coalesce(is_own_valid, false) OR by_import) AS is_granted
        FROM basis GROUP BY aura_id
        """,
        marketing=list(MARKETING),
    )
    wrong = """
        FROM people_optin o JOIN aura.customers t ON t.id = o.aura_id
        WHERE t.marketing_opt_in AND NOT o.by_own AND NOT o.by_import AND (t.source_vendor IS NOT NULL OR o.is_denied)
    """
    key = "(SELECT p.key FROM people_persons p WHERE p.aura_id = o.aura_id)"
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', {key}, '{{"marketing_opt_in": false}}', '{{"marketing_opt_in": true}}', NULL,
               'no grant on record allows it', true {wrong}
        """,
        check=CONSENT,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', {key}, '{{"marketing_opt_in": true}}', '{{"marketing_opt_in": false}}', NULL,
               'the grant given to the restaurant does not show', true
        FROM people_optin o JOIN aura.customers t ON t.id = o.aura_id
        WHERE NOT t.marketing_opt_in AND o.by_import AND NOT o.has_own AND t.erased_at IS NULL
        """,
        check=CONSENT,
    )
    return int(case.row(f"SELECT count(*) {wrong}")[0])


def _in_outboxes(case: Case) -> int:
    """Messages to imported guests who did not agree to any."""
    found = 0
    for table in OUTBOXES:
        has = case.row(
            "SELECT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = 'aura' AND table_name = %(table)s "
            "AND column_name = 'customer_id')",
            table=table,
        )[0]
        if has:
            found += case.run(
                f"""
                INSERT INTO {FOUND}
                SELECT %(check)s, %(table)s, min(g.key COLLATE "C"), NULL, to_jsonb(count(DISTINCT n.id)), NULL,
                       'a message to somebody who did not agree to any', true
                FROM aura.{table} n JOIN people_guests g ON g.aura_id = n.customer_id AND g.outcome = 'stands'
                JOIN people_optin o ON o.aura_id = g.aura_id WHERE NOT o.is_granted GROUP BY n.customer_id
                """,
                check=CONSENT,
                table=table,
            )
    return found


def _left_out(case: Case) -> int:
    """Whom the plan leaves out has no row by this migration, and the plan itself holds nothing of them."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', g.key, NULL, '"present"', NULL, 'left out by the options, and yet in AuraConnect', true
        FROM people_guests g JOIN people_stands x ON x.entity = 'customers' AND x.key = g.key
        JOIN aura.customers t ON t.id = x.aura_id AND t.source_vendor IS NOT NULL AND t.erased_at IS NULL
        WHERE g.outcome = 'skipped' AND NOT EXISTS (SELECT 1 FROM said_customers s WHERE s.key = g.key AND s.is_suppressed) AND (
            EXISTS (SELECT 1 FROM migration.claims c WHERE c.aura_id = t.id AND c.aura_table = 'customers' AND c.migration_id = %(migration)s)
            OR NOT EXISTS (SELECT 1 FROM migration.claims c WHERE c.aura_id = t.id AND c.aura_table = 'customers'))
        """,
        check=CONSENT,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, p.entity, p.source_key, NULL, '"present"', NULL, 'left out by the options, and yet the plan holds personal data', true
        FROM migration.plan_rows p WHERE p.plan_id = %(plan)s AND p.entity = 'customers' AND p.action = 'skip'
          AND jsonb_strip_nulls(coalesce(p.content, '{{}}')) ?| %(personal)s
        """,
        check=CONSENT,
        personal=list(PERSONAL),
    )
    return int(case.row("SELECT count(*) FROM people_guests WHERE outcome = 'skipped'")[0])


def _without_basis(case: Case) -> None:
    """Imported people who refused to be profiled or taken over, and under a policy those without the consent it asks for."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', p.key, '"absent"', '"present"', NULL, 'the person refused: ' || a.purpose, true
        FROM people_answers a JOIN people_persons p ON p.aura_id = a.aura_id
        JOIN aura.customers t ON t.id = a.aura_id AND t.source_vendor IS NOT NULL AND t.erased_at IS NULL
        WHERE a.is_denied AND a.purpose = ANY(%(refusable)s)
        """,
        check=CONSENT,
        refusable=list(REFUSABLE),
    )
    purposes = {"profile": ["profile"], "marketing": list(MARKETING)}.get(case.options.people.require_consent)
    if purposes is None:
        return
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', min(g.key COLLATE "C"), '"absent"', '"present"', NULL,
               'the options require a consent that is not on record', true
        FROM people_guests g JOIN aura.customers t ON t.id = g.aura_id AND t.source_vendor IS NOT NULL AND t.erased_at IS NULL
        WHERE g.outcome = 'stands' AND NOT EXISTS (
            SELECT 1 FROM people_answers a WHERE a.aura_id = g.aura_id AND a.purpose = ANY(%(purposes)s) AND a.is_granted)
        GROUP BY g.aura_id
        """,
        check=CONSENT,
        purposes=purposes,
    )


def _returned(case: Case) -> None:
    """Erased people: nothing of theirs in AuraConnect, whatever the POS still shows."""
    holds = " OR ".join(f"t.{name} IS NOT NULL" for name in PERSONAL if name != "custom_fields")
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', s.key, NULL, '"present"', NULL, 'erased on request, and back', true
        FROM said_customers s JOIN people_stands x ON x.entity = 'customers' AND x.key = s.key
        JOIN aura.customers t ON t.id = x.aura_id
        WHERE s.is_suppressed AND ({holds})
        """,
        check=CONSENT,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'customers', 'aura:' || t.id, NULL, '"present"', NULL, 'erased on request, and still filled', true
        FROM aura.customers t WHERE t.restaurant_id = %(restaurant)s AND t.erased_at IS NOT NULL AND ({holds})
          AND NOT EXISTS (SELECT 1 FROM people_found p WHERE p.check_name = %(check)s AND p.cause = 'erased on request, and back'
                          AND p.source_key IN (SELECT key FROM people_stands x WHERE x.entity = 'customers' AND x.aura_id = t.id))
        """,
        check=CONSENT,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'staff', s.key, NULL, '"present"', NULL, 'erased on request, and back', true
        FROM said_staff s JOIN people_stands x ON x.entity = 'staff' AND x.key = s.key
        JOIN aura.staff_members t ON t.id = x.aura_id
        WHERE s.is_suppressed AND (t.email IS NOT NULL OR t.phone IS NOT NULL OR t.employee_code IS NOT NULL)
        """,
        check=CONSENT,
    )
