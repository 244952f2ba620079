"""Square's team and labor over real HTTP: who works here, for what, when, with which breaks and tips."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

TEAM, TIMECARDS, LABOR = "/v2/team-members/search", "/v2/labor/timecards/search", "/v2/labor"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 1) as running:
        yield running


@pytest.fixture(scope="module")
def truth(sandbox: RunningSandbox) -> Row:
    return sandbox.pos_app.truth()


@pytest.fixture(scope="module")
def http(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url) as opened:
        opened.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
        yield opened


@pytest.fixture
def client(http: httpx.Client, sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    before = dict(sandbox.pos_app.switches)
    yield http
    sandbox.pos_app.switches.update(before)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def posted(client: httpx.Client, path: str, key: str, **body: Any) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        answer = client.post(path, json={**body, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        rows += answer.json().get(key, [])
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


def timecards(client: httpx.Client, **filters: Any) -> list[Row]:
    return posted(client, TIMECARDS, "timecards", query={"filter": filters})


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_everyone_is_found_of_any_status_unless_filtered(client: httpx.Client, truth: Row) -> None:
    everyone = posted(client, TEAM, "team_members", limit=5)
    assert [row["id"] for row in everyone] == [row["id"] for row in truth["staff"]]
    active = posted(client, TEAM, "team_members", query={"filter": {"status": "ACTIVE"}})
    gone = posted(client, TEAM, "team_members", query={"filter": {"status": "INACTIVE"}})
    assert len(active) == truth["people_totals"]["active_staff"] and len(gone) == 2
    assert len(active) + len(gone) == len(everyone)
    [owner] = posted(client, TEAM, "team_members", query={"filter": {"is_owner": True}})
    assert owner["id"].startswith("TMA-") and all(row["id"].startswith("TM") for row in everyone)
    assert code_of(client.post(TEAM, json={"limit": 201})) == (400, "VALUE_TOO_HIGH")
    assert client.get(f"/v2/team-members/{owner['id']}").json()["team_member"] == owner
    assert code_of(client.get("/v2/team-members/TMnobody")) == (404, "NOT_FOUND")


def test_assigned_locations_may_be_all_some_or_unsaid(client: httpx.Client, truth: Row) -> None:
    sent = {row["id"]: row["assigned_locations"] for row in posted(client, TEAM, "team_members")}
    kinds = set()
    for row in truth["staff"]:
        held = sent[row["id"]]
        kinds.add((held["assignment_type"], "location_ids" in held))
        assert (row["locations"] is None) == (held["assignment_type"] == "ALL_CURRENT_AND_FUTURE_LOCATIONS")
        assert ("location_ids" in held) == row["locations_sent"]
    assert len(kinds) == 3
    here = posted(client, TEAM, "team_members", query={"filter": {"location_ids": [truth["locations"][0]["id"]]}})
    assert len(here) == len(sent) and not posted(
        client, TEAM, "team_members", query={"filter": {"location_ids": ["LNOWHERE00001"], "status": "INACTIVE"}}
    )


def test_no_pin_permission_or_government_id_is_on_the_wire(client: httpx.Client) -> None:
    known = {"id", "reference_id", "is_owner", "status", "given_name", "family_name", "email_address", "phone_number"}
    known |= {"created_at", "updated_at", "assigned_locations", "wage_setting"}
    for row in posted(client, TEAM, "team_members"):
        assert set(row) <= known


def test_jobs_and_wages_tell_every_way_of_being_paid(client: httpx.Client, truth: Row) -> None:
    jobs = client.get("/v2/team-members/jobs").json()["jobs"]
    assert {(row["id"], row["title"], row["is_tip_eligible"]) for row in jobs} == {
        (row["id"], row["title"], row["tip_eligible"]) for row in truth["jobs"]
    }
    assert {"Server", "server"} <= {row["title"] for row in jobs}
    assert client.get(f"/v2/team-members/jobs/{jobs[0]['id']}").json()["job"] == jobs[0]
    assert code_of(client.get("/v2/team-members/jobs", params={"limit": 5})) == (400, "UNKNOWN_QUERY_PARAMETER")
    wages = {row["id"]: row for row in client.get(f"{LABOR}/team-member-wages").json()["team_member_wages"]}
    assert set(wages) == {row["id"] for row in truth["wages"]}
    for row in truth["wages"]:
        held = wages[row["id"]]
        assert held["title"] == row["title"] and held["team_member_id"] == row["team_member"]
        assert ("hourly_rate" in held) == (row["pay"] == "HOURLY")
        setting = client.get(f"/v2/team-members/{row['team_member']}/wage-setting").json()["wage_setting"]
        [part] = [part for part in setting["job_assignments"] if part["job_id"] == row["job"]]
        assert part["pay_type"] == row["pay"] and part.get("weekly_hours") == row["weekly_hours"]
        assert part.get("hourly_rate", {}).get("amount") == row["hourly_cents"]
        assert part.get("annual_rate", {}).get("amount") == row["annual_cents"]
    assert {row["pay"] for row in truth["wages"]} == {"HOURLY", "SALARY", "NONE"}
    unpaid = next(row for row in truth["staff"] if row["given_name"] == "Nomi")
    assert code_of(client.get(f"/v2/team-members/{unpaid['id']}/wage-setting")) == (404, "NOT_FOUND")
    mine = client.get(f"{LABOR}/team-member-wages", params={"team_member_id": truth["wages"][0]["team_member"]}).json()
    assert len(mine["team_member_wages"]) == 1


def test_timecards_are_those_of_the_truth_in_local_time_to_the_minute(client: httpx.Client, truth: Row) -> None:
    rows = timecards(client)
    sent = {row["id"]: row for row in rows}
    assert len(rows) == len(sent) == truth["people_totals"]["timecards"] > 200, "more than a page"
    for row in truth["timecards"]:
        held = sent[row["id"]]
        assert instant(held["start_at"]) == instant(row["start"]) and held["start_at"][16:19] == ":00"
        assert not held["start_at"].endswith("Z") and held["timezone"] == "America/Chicago"
        assert held["status"] == row["status"] and ("end_at" in held) == (row["end"] is not None)
        assert held.get("declared_cash_tip_money", {}).get("amount") == row["declared_tip_cents"]
        assert held["wage"].get("job_id") == row["job"] and held["wage"].get("title") == row["title"]
        if row["end"] is not None:
            worked = (instant(held["end_at"]) - instant(held["start_at"])).total_seconds() / 60
            breaks = [part for part in held.get("breaks", []) if not part["is_paid"]]
            unpaid = sum((instant(part["end_at"]) - instant(part["start_at"])).total_seconds() for part in breaks) / 60
            assert worked - unpaid == row["paid_minutes"]


def test_odd_timecards_are_all_there(client: httpx.Client, truth: Row) -> None:
    rows = timecards(client)
    opened = [row for row in rows if row["status"] == "OPEN"]
    assert len(opened) == 2 and any("end_at" not in part for row in opened for part in row.get("breaks", []))
    offsets = [(row["start_at"][-6:], row["end_at"][-6:]) for row in rows if "end_at" in row]
    assert ("-06:00", "-05:00") in offsets and ("-05:00", "-06:00") in offsets, "both changes of the clock"
    spring = next(row for row in rows if row["start_at"] == "2026-03-07T22:00:00-06:00")
    assert spring["end_at"] == "2026-03-08T04:00:00-05:00"
    assert next(row for row in truth["timecards"] if row["id"] == spring["id"])["paid_minutes"] == 300
    assert any(len(row.get("breaks", [])) == 6 for row in rows) and any(
        row["wage"] == {"tip_eligible": False} for row in rows
    )
    old = next(row for row in rows if row["wage"].get("title") == "Waitress")
    assert "job_id" not in old["wage"] and old["declared_cash_tip_money"]["amount"] == 0
    assert any("declared_cash_tip_money" not in row for row in rows)


def test_timecards_are_filtered_and_sorted_but_not_by_updates(client: httpx.Client, truth: Row) -> None:
    who = truth["timecards"][0]["team_member"]
    mine = timecards(client, team_member_ids=[who])
    assert {row["id"] for row in mine} == {row["id"] for row in truth["timecards"] if row["team_member"] == who}
    assert len(timecards(client, status="OPEN")) == 2
    window = {"start_at": "2026-09-01T00:00:00Z", "end_at": "2026-09-08T00:00:00Z"}
    assert {row["id"] for row in timecards(client, start=window)} == {
        row["id"] for row in truth["timecards"] if window["start_at"] <= row["start"] < window["end_at"]
    }
    assert code_of(client.post(TIMECARDS, json={"query": {"filter": {"updated_at": window}}}))[0] == 400
    ordered = posted(client, TIMECARDS, "timecards", query={"sort": {"field": "UPDATED_AT", "order": "DESC"}})
    stamps = [instant(row["updated_at"]) for row in ordered]
    assert stamps == sorted(stamps, reverse=True)
    starts = [instant(row["start_at"]) for row in timecards(client)]
    assert starts == sorted(starts, reverse=True), "latest start first"


def test_a_workday_is_matched_by_start_end_or_overlap(client: httpx.Client) -> None:
    def found(by: str, day: str) -> list[str]:
        workday = {"date_range": {"start_date": day, "end_date": day}, "match_timecards_by": by}
        rows = timecards(client, workday={**workday, "default_timezone": "America/Chicago"})
        return [row["start_at"] for row in rows]

    night = "2026-03-07T22:00:00-06:00"
    assert found("START_AT", "2026-03-07") == [night] and found("START_AT", "2026-03-08") == []
    assert found("END_AT", "2026-03-07") == [] and found("END_AT", "2026-03-08") == [night]
    assert found("INTERSECTION", "2026-03-07")[0] == found("INTERSECTION", "2026-03-08")[0] == night
    wrong = {"query": {"filter": {"workday": {"date_range": {"start_date": "yesterday", "end_date": "2026-03-08"}}}}}
    assert code_of(client.post(TIMECARDS, json=wrong)) == (400, "INVALID_DATE")


def test_breaks_weeks_and_scheduled_shifts(client: httpx.Client, truth: Row) -> None:
    kinds = client.get(f"{LABOR}/break-types").json()["break_types"]
    assert {(row["id"], row["expected_duration"], row["is_paid"]) for row in kinds} == {
        (row["id"], f"PT{row['minutes']}M", row["paid"]) for row in truth["break_types"]
    }
    assert client.get(f"{LABOR}/break-types", params={"location_id": "LNOWHERE00001"}).json() == {}
    [week] = client.get(f"{LABOR}/workweek-configs").json()["workweek_configs"]
    assert (week["start_of_week"], week["start_of_day_local_time"]) == ("SUN", "04:00:00")
    planned = posted(client, f"{LABOR}/scheduled-shifts/search", "scheduled_shifts")
    assert {row["id"] for row in planned} == {row["id"] for row in truth["scheduled_shifts"]}
    assert sum("published_shift_details" in row for row in planned) == 3
    notes = [row["draft_shift_details"].get("notes", "") for row in planned]
    assert any(secret in note for note in notes for secret in truth["secrets"])


def test_old_shifts_are_gone_or_served_by_switch(client: httpx.Client, truth: Row) -> None:
    assert code_of(client.post(f"{LABOR}/shifts/search")) == (410, "GONE")
    client.post("/_control/switches", json={"old_shifts": "served"})
    rows = posted(client, f"{LABOR}/shifts/search", "shifts")
    assert len(rows) == len(truth["timecards"]) and all(row["employee_id"] == row["team_member_id"] for row in rows)


def test_scopes_guard_people_times_and_settings_apart(client: httpx.Client, sandbox: RunningSandbox) -> None:
    variants = sandbox.pos_app.credentials()["variants"]
    no_people = {"Authorization": f"Bearer {variants['missing_employees_scope']['access_token']}"}
    no_times = {"Authorization": f"Bearer {variants['missing_timecards_scope']['access_token']}"}
    assert code_of(client.post(TEAM, headers=no_people)) == (403, "INSUFFICIENT_SCOPES")
    assert code_of(client.get(f"{LABOR}/team-member-wages", headers=no_people)) == (403, "INSUFFICIENT_SCOPES")
    assert client.post(TIMECARDS, headers=no_people).status_code == 200
    assert code_of(client.post(TIMECARDS, headers=no_times)) == (403, "INSUFFICIENT_SCOPES")
    assert client.get(f"{LABOR}/break-types", headers=no_times).status_code == 200, "settings have a scope of their own"
