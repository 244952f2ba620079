"""Whole files: found encodings and separators, refused headings and totals, rejected lines with their reasons."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from aura_migration.core.errors import BadInput
from aura_migration.intake.checking import CheckedFile, check_file
from aura_migration.intake.kinds import FILE_KINDS, Kind
from aura_migration.intake.mapping_file import FileMapping, load_mapping, mapping_schema, parse_mapping
from aura_migration.intake.reading import decoded
from aura_migration_tests.support.handed import CONSENTS, GIFT_CARDS, HOUSE, LOYALTY, PAYROLL, PLACE

LOOP = replace(PLACE, location_key="toast:LOOP-1", sites={"LOOP-1": "The Loop", "HYDE-2": "Hyde Park"})
CARDS = "Card Number,Balance\n6001,10.00\n6002,5.50\n"


def check(text: str | bytes, kind: Kind = "gift_cards", **mapping: Any) -> CheckedFile:
    data = text.encode() if isinstance(text, str) else text
    return check_file(data, kind, parse_mapping(mapping, kind), LOOP if kind == "payroll" else PLACE)


def problems(checked: CheckedFile) -> list[tuple[int, str, str]]:
    return [(line["line"], line["column"], line["reason"]) for line in checked.as_dict()["rejected"]]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("latin-1", "latin-1"),
    ],
)
def test_the_encoding_is_found_and_said(encoding: str, said: str) -> None:
    text = "Número,Saldo,Emisión\n6001,10.00,2026-01-02\n6002,5.50,2026-01-03\n"
    columns = {"Número": "number", "Saldo": "balance", "Emisión": "issued_at"}
    checked = check(text.encode(encoding), columns=columns)
    assert (checked.table.encoding, len(checked.accepted)) == (said, 2)


def test_windows_punctuation_is_windows_text_and_a_wrong_encoding_in_the_mapping_is_named() -> None:
    assert decoded("Café – “Olé”".encode("cp1252")) == ("Café – “Olé”", "cp1252")
    with pytest.raises(BadInput, match="not utf-8"):
        check("Número,Saldo\n1,2\n".encode("latin-1"), encoding="utf-8")
    with pytest.raises(BadInput, match="spreadsheet"):
        check(b"PK\x03\x04rest of a workbook")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_also_where_quoted_cells_hold_another(delimiter: str) -> None:
    text = delimiter.join(["Card Number", "Balance", "Status"]) + "\n"
    text += delimiter.join(["6001", '"1,234.50"', "Active"]) + "\n" + delimiter.join(["6002", '"5.00"', '"Active"'])
    checked = check(text)
    assert checked.table.delimiter == delimiter
    assert checked.totals["sum"] == 123950


def test_a_quoted_cell_may_run_over_lines_and_line_numbers_stay_those_of_the_file() -> None:
    checked = check('Account Name,Balance Due\n"Peña; Gómez\nCatering",10.00\nRotary,nothing\n', "house_accounts")
    assert [line.number for line in checked.accepted] == [2]
    assert problems(checked) == [(4, "Balance Due", "this is not an amount")]


def test_decimal_commas_and_days_first_are_read_without_a_mapping() -> None:
    checked = check("Card Number;Balance;Issued\n6001;1.234,50;24.12.2025\n6002;0,75;01.02.2026\n")
    assert (checked.conventions.decimal, checked.totals["sum"]) == (",", 123525)
    assert checked.conventions.forms == {"issued_at": "%d.%m.%Y"}


def test_titles_above_the_headings_and_totals_below_are_no_records() -> None:
    checked = check(GIFT_CARDS)
    assert checked.table.header_line == 2
    assert len(checked.accepted) == 3
    assert problems(checked) == [(4, "Status", "the status is not one of those known")]
    assert checked.totals == {
        "unit": "USD",
        "count": 4,
        "accepted": 124975,
        "sum": 126975,
        "agrees_with": ["totals in line 7"],
    }


def test_a_state_only_this_provider_knows_is_named_in_the_mapping() -> None:
    assert not check(GIFT_CARDS, statuses={"Redeemed? No": "blocked"}).rejected


@pytest.mark.parametrize(
    ("kind", "text", "missing"),
    [
        ("gift_cards", "Card,State\n6001,Active\n", "'balance'"),
        ("gift_cards", "Balance\n1.00\n", "'number'"),
        ("loyalty", "Points\n5\n", "'account' or 'phone' or 'email'"),
        ("consents", "Email\na@b.example.com\n", "yes or no"),
        ("payroll", "Employee,Gross Pay\nJo,5\n", "'pay_period_start'"),
    ],
)
def test_headings_that_do_not_fit_refuse_the_file_and_say_what_is_missing(kind: Kind, text: str, missing: str) -> None:
    with pytest.raises(BadInput, match="headings do not fit") as refused:
        check(text, kind)
    assert missing in refused.value.what


def test_a_file_without_headings_is_refused_without_showing_its_first_record() -> None:
    with pytest.raises(BadInput) as refused:
        check("7783320000004417,12.50\n7783320000009925,1.00\n")
    assert "line 1 was taken for the headings: 2 columns, recognised: none" in refused.value.what
    assert "7783" not in json.dumps(refused.value.as_dict())
    with pytest.raises(BadInput, match="empty"):
        check("")
    with pytest.raises(BadInput, match="no records"):
        check("Card Number,Balance\n")


@pytest.mark.parametrize(
    ("kind", "text", "line", "recognised"),
    [
        # A cell of a record that is spelled like a heading does not make the record one.
        ("consents", "Wer,Wofür,Antwort\nQuintero,Email,Ja\nBrambleby,Email,Nein\n", 1, "none"),
        ("house_accounts", "Konto;Saldo\nQuillfeather Catering;Balance\n", 1, "none"),
        (
            "payroll",
            "Payroll of February,,\n\nEmployee,Gross Pay,x\nZebulon Quillfeather,5,Start\n",
            3,
            "'name', 'gross_pay'",
        ),
        ("loyalty", "Maria Quintero,312-555-0142\nJo,312-555-0190\n", 1, "none"),
    ],
)
def test_a_refusal_for_headings_repeats_nothing_that_stands_in_the_file(
    kind: Kind, text: str, line: int, recognised: str
) -> None:
    with pytest.raises(BadInput) as refused:
        check(text, kind)
    said = json.dumps(refused.value.as_dict())
    assert f"line {line} was taken for the headings" in refused.value.what
    assert f"recognised: {recognised})" in refused.value.what
    texts = ("Quintero", "Brambleby", "Quillfeather", "Zebulon", "555", "Ja", "Konto", "Wer", "February")
    assert [text for text in texts if text in said] == []


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_no_complaint_about_headings_is_made_twice(kind: Kind) -> None:
    with pytest.raises(BadInput) as refused:
        check("A,B\n1,2\n", kind)
    complaints = refused.value.details["problems"]
    assert complaints and all(refused.value.what.count(one) == 1 for one in complaints)
    with pytest.raises(BadInput) as refused:
        check(CARDS, columns={"Card Number": "number", "Saldo": "balance"})
    assert refused.value.details["problems"] == ["no 'Saldo'"]


def test_a_column_the_mapping_names_must_be_there_once() -> None:
    with pytest.raises(BadInput, match="no 'Saldo'"):
        check(CARDS, columns={"Card Number": "number", "Saldo": "balance"})
    with pytest.raises(BadInput, match="2 times"):
        check("Card,Balance,Balance\n1,2,3\n", columns={"Card": "number", "Balance": "balance"})


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"count": 3}, "2 records, 3 are expected"),
        ({"sum": "15.51"}, "15.50 USD, the expected sum is 15.51 USD"),
    ],
)
def test_expected_totals_that_do_not_agree_refuse_the_file(expected: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match="Nothing was stored") as refused:
        check(CARDS, expected=expected)
    assert said in refused.value.what
    assert check(CARDS, expected={"count": 2, "sum": "15.50"}).totals["agrees_with"] == [
        "expected count",
        "expected sum",
    ]


def test_a_totals_line_that_does_not_agree_refuses_the_file_and_names_unreadable_amounts() -> None:
    with pytest.raises(BadInput, match="totals in line 4") as refused:
        check(CARDS + "Total,16.50\n")
    assert "15.50 USD" in refused.value.what
    with pytest.raises(BadInput, match="Balance cannot be read in line 4"):
        check(CARDS + "6003,see Bob\nTotal,16.50\n")
    assert check(CARDS + "Total:,$15.50\n").totals["agrees_with"] == ["totals in line 4"]
    assert check(CARDS + "Total gift cards,15.50\n").totals["agrees_with"] == ["totals in line 4"]


def test_records_below_the_totals_refuse_the_file() -> None:
    with pytest.raises(BadInput, match="records follow it in line 5"):
        check(CARDS + "Total,15.50\n6003,1.00\n")


def test_a_totals_line_is_recognised_as_the_mapping_says() -> None:
    text = "Nr,Card Number,Balance\n1,6001,10.00\nSumme,,10.00\n"
    assert check(text, totalsRow={"column": "Nr", "values": ["summe"]}).totals["agrees_with"] == ["totals in line 3"]
    with pytest.raises(BadInput, match="no column 'Number'"):
        check(text, totalsRow={"column": "Number", "values": ["summe"]})


def test_lines_are_rejected_by_number_column_and_reason_and_the_rest_goes_on() -> None:
    checked = check(
        "Card Number,Balance,Issued\n"
        "6001,10.00,2026-01-02\n"
        "6002,see Bob,2026-01-02\n"
        "6.01E+15,5.00,2026-01-02\n"
        ",5.00,2026-01-02\n"
        "6003,5.00,in May\n"
        "6004,5.00\n"
        '"6005,5.00,2026-01-02\n'
        "6006,-7.25,2026-01-02\n"
        "6007,5.00,2026-01-02,,\n"
    )
    assert [line.number for line in checked.accepted] == [2, 10]
    assert problems(checked) == [
        (3, "Balance", "this is not an amount"),
        (4, "Card Number", "a spreadsheet has rewritten the number (scientific notation), its digits are lost"),
        (5, "Card Number", "the cell is empty"),
        (6, "Issued", "this is not a date in the column's notation"),
        (7, "", "the line has 2 cells, the headings are 3"),
        (8, "", "the quotes of the line do not close"),
        (9, "Balance", "the balance is negative: this kind of credit cannot owe"),
    ]
    assert checked.totals["count"] == len(checked.accepted) + len(checked.rejected) == 9


def test_of_a_repeated_card_one_line_counts_and_of_contradicting_lines_none() -> None:
    checked = check("Card Number,Balance\n6001,10.00\n6002,5.00\n6001,10.00\n60 02,7.00\n6003,1.00\n")
    assert [line.number for line in checked.accepted] == [2, 6]
    assert [(line, reason) for line, _, reason in problems(checked)] == [
        (3, "the same record stands in line 5, with other values"),
        (4, "repeats line 2"),
        (5, "the same record stands in line 3, with other values"),
    ]
    assert checked.totals["sum"] == 3300


def test_points_may_be_negative_and_a_member_nobody_can_find_is_rejected() -> None:
    checked = check(LOYALTY + "555-01,,15,15,,\n,,20,20,,\n", "loyalty")
    assert checked.totals["accepted"] == 1250 - 35 + 80
    assert [(line, column) for line, column, _ in problems(checked)] == [(5, "Phone"), (6, "Phone")]


def test_house_accounts_say_what_the_holder_owes_unless_the_mapping_says_otherwise() -> None:
    assert check(HOUSE, "house_accounts").conventions.sign == -1
    assert check(HOUSE, "house_accounts", sign="restaurant_owes").conventions.sign == 1
    assert check("Customer,Store Credit\nJo,5.00\n", "store_credit").conventions.sign == 1


def test_consents_need_a_known_purpose_a_clear_answer_and_for_a_yes_a_time() -> None:
    checked = check(CONSENTS, "consents")
    assert len(checked.accepted) == 3
    assert problems(checked) == [
        (5, "Opted In", "the answer is not one of those known"),
        (6, "Recorded At", "a yes without a time is no evidence"),
        (7, "Channel", "the purpose is not one of those known"),
    ]


def test_a_bare_list_of_unsubscribed_addresses_is_a_file_of_refusals() -> None:
    text = "Email\na@canary-mail.example.com\nnot an address\n"
    checked = check(text, "consents", purpose="marketing_email", answer="withdrawn")
    assert len(checked.accepted) == 1
    assert problems(checked) == [(3, "Email", "no contact can be read, so nobody can be found by it")]


def test_payroll_amounts_hours_and_periods_are_read() -> None:
    checked = check(PAYROLL, "payroll")
    assert not checked.rejected
    assert checked.totals["sum"] == 241240
    backwards = PAYROLL.replace("01/19/2026,02/01/2026,40", "02/14/2026,02/01/2026,40")
    assert problems(check(backwards, "payroll")) == [(3, "Period End", "the period ends before it begins")]


def test_payroll_names_its_location_in_a_column_or_the_import_does() -> None:
    text = (
        "Employee ID,Location,Period Start,Period End,Gross Pay\n"
        "1,The Loop,2026-01-05,2026-01-18,600.00\n2,hyde park,2026-01-05,2026-01-18,10.00\n"
        "3,HYDE-2,2026-01-05,2026-01-18,1.00\n4,Elsewhere,2026-01-05,2026-01-18,1.00\n"
    )
    everywhere = replace(LOOP, location_key=None)
    whole = check_file(text.encode(), "payroll", FileMapping(), everywhere)
    assert problems(whole) == [(5, "Location", "the location is not one of those known")]
    one = check(text, "payroll")
    assert [line.number for line in one.rejected] == [3, 4, 5]
    with pytest.raises(BadInput, match="belongs to a location"):
        check_file(PAYROLL.encode(), "payroll", FileMapping(), everywhere)


def test_a_phone_number_of_another_country_still_names_its_account_and_is_said() -> None:
    checked = check("Phone,Points\n930901820,5\n312-555-0142,5\n", "loyalty")
    assert (len(checked.accepted), checked.unreadable_contacts) == (2, [2])


def test_columns_that_are_not_taken_are_counted() -> None:
    checked = check("Card Number,Balance,Cashier,Note\n6001,10.00,Al,\n6002,5.50,,\n")
    assert checked.left_out == {"Cashier": 1}


def test_a_contact_that_slipped_into_another_column_rejects_the_line() -> None:
    checked = check("Phone,Points,Tier\n312-555-0142,5,jo@canary-mail.example.com\n312-555-0143,5,Gold\n", "loyalty")
    assert [(line, column) for line, column, _ in problems(checked)] == [(2, "Tier")]


def test_the_applied_mapping_is_a_mapping_file_that_reads_the_same() -> None:
    first = check(GIFT_CARDS)
    jsonschema.validate(dict(first.mapping), mapping_schema())
    again = check_file(GIFT_CARDS.encode(), "gift_cards", parse_mapping(dict(first.mapping), "gift_cards"), PLACE)
    assert again.as_dict() == first.as_dict() | {"mapping": again.mapping}
    assert again.mapping["columns"] == first.mapping["columns"]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"columns": {"A": "nummer"}}, "'nummer' is no field of gift_cards"),
        ({"columns": {"A": "number", "B": "number"}}, "A, B are all mapped to 'number'"),
        ({"kind": "loyalty"}, "mapping for 'loyalty'"),
        ({"decimalSeparator": "·"}, "decimalSeparator"),
        ({"timeZone": "Chicago"}, "not a time zone"),
        ({"encoding": "utf-9"}, "not an encoding"),
        ({"expected": {"sum": "lots"}}, "expected.sum"),
        ({"surprise": 1}, "surprise"),
        ([], "mapping"),
    ],
)
def test_a_mapping_file_that_is_wrong_is_refused_with_the_place(document: Any, problem: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_mapping(document, "gift_cards")
    assert problem in refused.value.what


def test_a_mapping_file_that_cannot_be_read_says_so(tmp_path: Any) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_mapping(tmp_path / "none.json", "loyalty")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(BadInput, match="not JSON"):
        load_mapping(tmp_path / "broken.json", "loyalty")
    assert load_mapping(None, "loyalty") == FileMapping(kind="loyalty")
