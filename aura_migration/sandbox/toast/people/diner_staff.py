"""``diner``: every way of being employed here, and every way hours can be wrong."""

from __future__ import annotations

from datetime import date

from aura_migration.sandbox.toast.people.model import DAY, HOUR, MINUTE, SALARY, SECOND, at
from aura_migration.sandbox.toast.people.staffing import LAST_DAY, Crew


def staff(crew: Crew, notes: dict[str, list[str]]) -> None:
    """Sixteen people, two of whom left; ``notes`` takes each peculiarity and the guids that show it."""

    def note(name: str, *guids: str) -> None:
        notes.setdefault(name, []).extend(guids)

    server = crew.job("Server", 1108, tipped=True, code="SRV")
    cook = crew.job("Line Cook", 1850, code="COOK")
    bar = crew.job("Bartender", 1250, tipped=True, code="BAR")
    lower = crew.job("server", 1108, tipped=True)
    manager = crew.job("Manager", 7_280_000, frequency=SALARY, code="MGR", excluded=True)
    host = crew.job("Host / Hostess 🪑", None, code="HOST")
    old = crew.job("Delivery (discontinued)", 1500, tipped=True, deleted=at(2025, 6, 1))
    note("two jobs that differ in case", server.guid, lower.guid)
    note("job without a wage", host.guid)
    note("deleted job", old.guid)

    gloria = crew.employee("Gloria Vance", [], email="gloria@diner.example", e164="+12185550100", external="1")
    mo = crew.employee("Mo Manager", [manager], email="mo@diner.example", external="2")
    chef = crew.employee(
        "Salaried Chef", [manager, cook], email="chef@diner.example", external="3", overrides={manager.guid: 6_500_000}
    )
    ana = crew.employee(
        "Ana Lima", [server], email="ana@diner.example", e164="+12185550171", external="payroll-17",
        overrides={server.guid: 1225},
    )  # fmt: skip
    other_ana = crew.employee("Ana Lima", [server], email="ana.lima.2@diner.example", external="payroll-18")
    bo = crew.employee(
        "Bo Chen", [bar, server], email="bo@diner.example", e164="+12185550172",
        overrides={bar.guid: 1400, server.guid: 1150}, chosen="Bobby",
    )  # fmt: skip
    cy = crew.employee("Cy Novák", [cook], email="cy@diner.example", overrides={cook.guid: 1925})
    di = crew.employee("Di ", [lower, host], email="ana@diner.example", phone="(218) 555-0173", e164="+12185550173")
    elodie = crew.employee("Élodie Ngô", [cook], email=None, chosen="Lo")
    fay = crew.employee("Fay O’Shea", [bar], email="FAY@DINER.EXAMPLE", disabled=True)
    gone_job = crew.employee("Hal Strange", [server], email="hal@diner.example", overrides={old.guid: 1600})
    ivy = crew.employee("Ivy 田中", [server, cook], email="not-an-address", phone="none", overrides={server.guid: 0})
    jo = crew.employee("Jo Kiosk", [host], email="jo@diner.example", overrides={host.guid: 1375})
    crew.employee("Kit Trainee", [], email="kit@diner.example")
    gus = crew.employee("Former Gus", [old], email=None, deleted=at(2025, 6, 2))
    hana = crew.employee("Former Hana", [server], email="hana@diner.example", deleted=at(2026, 9, 12), external="1")
    note("one name, two people", ana.guid, other_ana.guid)
    note("one e-mail address, two people", ana.guid, di.guid)
    note("one external employee id, two people", gloria.guid, hana.guid)
    note("wage for a job not held", gone_job.guid)
    note("deleted employees", gus.guid, hana.guid)

    crew.roster([ana, bo, cy, other_ana, di, elodie, ivy, jo], weeks=5)
    for days in range(1, 20, 3):
        morning = crew.local(date(2026, 9, 1 + days), 9)
        crew.entry(mo, manager, morning, morning + 9 * HOUR)
        crew.entry(chef, cook, morning, morning + 8 * HOUR + 17 * MINUTE + 41 * SECOND)
    note("hours with seconds", chef.guid)

    night = date(2026, 3, 7)  # clocks go forward at two in the morning
    note(
        "spring clock change",
        crew.entry(ana, server, crew.local(night, 22), crew.local(night, 28), declared=12_345).guid,
    )
    night = date(2025, 11, 1)  # and back: one o'clock comes twice
    note("autumn clock change", crew.entry(cy, cook, crew.local(night, 21), crew.local(night, 27)).guid)
    day = date(2026, 9, 5)
    overnight = crew.entry(bo, bar, crew.local(day, 18), crew.local(day, 26, 30), declared=8_000, card_tips=22_150)
    after = crew.entry(fay, bar, crew.local(day, 24, 30), crew.local(day, 29))
    note("past midnight", overnight.guid, after.guid)
    first = crew.entry(di, lower, crew.local(day, 8), crew.local(day, 14), declared=0)
    second = crew.entry(di, host, crew.local(day, 12), crew.local(day, 18))
    note("overlapping hours", first.guid, second.guid)
    before = crew.entry(ana, server, crew.local(date(2024, 7, 4), 9), crew.local(date(2024, 7, 4), 15), wage=950)
    note("wage of that time", before.guid)
    long = crew.local(date(2026, 5, 9), 6)
    meals = [crew.break_of("Meal", long + 240 * MINUTE, 30), crew.break_of("Meal", long + 600 * MINUTE, 45)]
    note("overtime", crew.entry(cy, cook, long, long + 15 * HOUR, breaks=meals).guid)
    tired = crew.local(date(2026, 5, 11), 9)
    missed = [
        crew.break_of("Meal", None, missed=True, audit="I was too busy"),
        crew.break_of("Meal", tired + 5 * HOUR, 30, waived=True),
        crew.break_of("Rest", tired + 2 * HOUR, 10),
    ]
    note("missed and waived breaks", crew.entry(elodie, cook, tired, tired + 8 * HOUR, breaks=missed).guid)
    auto = crew.local(date(2026, 9, 13), 15)
    closeout = crew.local(date(2026, 9, 14), 4)
    note("clocked out by the system", crew.entry(other_ana, server, auto, closeout, auto_out=True).guid)
    nothing = crew.local(date(2026, 9, 14), 11)
    note("nothing worked", crew.entry(ivy, server, nothing, nothing, wage=0).guid)
    mistake = crew.local(date(2026, 9, 15), 11)
    archived = crew.entry(
        ivy, server, mistake, mistake + 4 * HOUR, deleted=mistake + DAY, modified=mistake + DAY, declared=99
    )
    note("deleted hours", archived.guid)
    summer = crew.local(date(2025, 5, 20), 10)
    corrected = crew.entry(gus, old, summer, summer + 4 * HOUR, modified=at(2026, 9, 18), declared=4_100)
    note("old hours, corrected in September", corrected.guid)
    august = crew.local(date(2026, 8, 25), 17)
    crew.entry(hana, server, august, august + 5 * HOUR, declared=4_100, card_tips=9_920, withheld=248)
    banquet = crew.local(date(2026, 9, 19), 16)
    party = crew.entry(
        bo, bar, banquet, banquet + 6 * HOUR, cash_gratuity=3_000, card_gratuity=18_250, rounding_loss=2, card_tips=5_098,
        withheld=127, declared=1_000, cash_sales=12_050, card_sales=98_700,
    )  # fmt: skip
    note("gratuity service charges", party.guid)
    jobless = crew.local(date(2026, 9, 20), 9)
    note("hours without a job", crew.entry(elodie, None, jobless, jobless + 3 * HOUR).guid)

    today = crew.local(date(2026, 9, 30), 10, 57)
    opened = crew.entry(ana, server, today, None, breaks=[crew.break_of("Rest", today + 60 * MINUTE)])
    forgotten = crew.local(date(2026, 2, 2), 17)
    note("clocked in now, on a break", opened.guid)
    note("never clocked out", crew.entry(hana, server, forgotten, None).guid)

    crew.shift(ana, server, crew.local(LAST_DAY, 33), crew.local(LAST_DAY, 41))
    start = crew.local(date(2026, 10, 4), 9)
    note("deleted shift", crew.shift(cy, cook, start, start + 8 * HOUR, deleted=start - 5 * DAY).guid)
    evening = crew.local(date(2026, 9, 30), 20)
    note("shift over the end of a month", crew.shift(fay, bar, evening, evening + 6 * HOUR).guid)
