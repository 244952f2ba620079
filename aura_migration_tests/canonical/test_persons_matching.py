"""Which profiles are one person: certain pairs, confirmed pairs, near-ties; and that the order of profiles is nothing to it."""

from __future__ import annotations

import random
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aura_migration.canonical.options import parse_options
from aura_migration.canonical.persons.matching import (
    BOTH,
    CERTAIN,
    CONFIRMED,
    Pair,
    Person,
    Profile,
    contradicts,
    persons,
    seniority,
)
from aura_migration.core.errors import BadInput
from aura_migration_tests.support.menus import make_chain
from aura_migration_tests.support.persons import Directory, stage, staged

Connection = psycopg.Connection[Any]
PHONE, OTHER_PHONE = "(415) 555-0132", "(415) 555-0133"


def groups(found: list[Person]) -> list[tuple[str, ...]]:
    return [tuple(sorted(person.keys)) for person in found]


def ana(key: str, first: str | None = "ana", last: str | None = "silva", acquired: str | None = None) -> Profile:
    return Profile(key, "ana@example.com", "+14155550132", first, last, acquired)


def test_the_oldest_profile_survives_then_the_smallest_key() -> None:
    found = persons([ana("C"), ana("B", acquired="2025"), ana("A", acquired="2026"), ana("D", acquired="2025")])
    assert found == [Person(("B", "D", "A", "C"), CERTAIN)]
    assert found[0].survivor == "B"


def test_one_contact_alone_is_not_enough() -> None:
    assert persons([ana("A"), ana("B")._replace(phone=None), ana("C")._replace(email="other@example.com")]) == []


def test_a_missing_part_of_a_name_contradicts_nothing() -> None:
    assert groups(persons([ana("A"), ana("B", last=None), ana("C", first=None), ana("D", None, None)])) == [
        ("A", "B", "C", "D")
    ]


def test_nobody_is_merged_through_a_profile_that_could_be_either() -> None:
    assert persons([ana("A"), ana("B", None, None), ana("C", "ben")]) == []
    assert persons([ana("A"), ana("B", last=None), ana("C", last="souza")]) == []
    assert groups(persons([ana("A"), ana("B"), ana("C", "ben")])) == [("A", "B")]


def test_a_confirmed_pair_goes_by_both_names() -> None:
    found = persons([ana("A"), ana("B", last="souza"), ana("C", last="souza")], same=[("B", "A")])
    assert found == [Person(("A", "B", "C"), BOTH)]
    assert persons([Profile("A"), Profile("B", first="x")], same=[("A", "B")]) == [Person(("A", "B"), CONFIRMED)]


def test_a_confirmed_pair_stays_together_where_the_rest_is_doubtful() -> None:
    found = persons([ana("A"), ana("B", None, None), ana("C", "ben"), Profile("D")], same=[("A", "D")])
    assert found == [Person(("A", "D"), CONFIRMED)]


def test_who_is_known_to_be_different_is_kept_apart_and_may_settle_a_doubt() -> None:
    assert persons([ana("A"), ana("B")], different=[("B", "A")]) == []
    assert persons([ana("A"), ana("B"), ana("C")], different=[("A", "B")]) == []
    doubt = [ana("A"), ana("B", None, None), ana("C", "ben")]
    assert groups(persons(doubt, different=[("C", "B")])) == [("A", "B")]


# -- properties ---------------------------------------------------------------------------------------------------------

KEYS = [f"K{number}" for number in range(9)]
profiles_of = st.builds(
    lambda values: [Profile(key, *rest) for key, rest in zip(KEYS, values, strict=False)],
    st.lists(
        st.tuples(
            st.sampled_from(["e", "f", None]),
            st.sampled_from(["p", "p", None]),
            st.sampled_from(["ana", "ben", None]),
            st.sampled_from(["silva", "souza", None]),
            st.sampled_from(["2024", "2025", None]),
        ),
        max_size=len(KEYS),
    ),
)
pairs_of = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=3)


def turned(pairs: list[Pair]) -> list[Pair]:
    return [(b, a) for a, b in reversed(pairs)]


@settings(max_examples=300)
@given(profiles=profiles_of, same=pairs_of, different=pairs_of, seed=st.integers())
def test_neither_the_order_of_profiles_nor_that_of_pairs_matters(
    profiles: list[Profile], same: list[Pair], different: list[Pair], seed: int
) -> None:
    shuffled = list(profiles)
    random.Random(seed).shuffle(shuffled)
    assert persons(shuffled, turned(same), turned(different)) == persons(profiles, same, different)


@settings(max_examples=300)
@given(profiles=profiles_of, same=pairs_of, different=pairs_of)
def test_persons_are_disjoint_consistent_and_survived_by_their_oldest(
    profiles: list[Profile], same: list[Pair], different: list[Pair]
) -> None:
    known = {p.key: p for p in profiles}
    found = persons(profiles, same, different)
    keys = [key for person in found for key in person.keys]
    assert len(keys) == len(set(keys))
    apart = {frozenset(pair) for pair in different if pair[0] != pair[1]}
    for person in found:
        members = [known[key] for key in person.keys]
        assert members == sorted(members, key=seniority) and len(members) > 1
        assert not any(pair <= set(person.keys) for pair in apart)
        if not same:
            assert not any(contradicts(a, b) for a in members for b in members)
            assert len({(p.email, p.phone) for p in members}) == 1


@settings(max_examples=300)
@given(profiles=profiles_of)
def test_without_options_the_groups_are_those_of_all_pairs(profiles: list[Profile]) -> None:
    """The plain rule, quadratic: connected by certain pairs, and no contradiction among the connected."""
    remaining, expected = set(profiles), []
    while remaining:
        group, grown = set(), {min(remaining, key=lambda p: p.key)}
        while grown:
            group |= grown
            grown = {
                b
                for a in grown
                for b in remaining - group
                if a.email and a.phone and (a.email, a.phone) == (b.email, b.phone) and not contradicts(a, b)
            }
        remaining -= group
        if len(group) > 1 and not any(contradicts(a, b) for a in group for b in group):
            expected.append(tuple(sorted(p.key for p in group)))
    assert sorted(groups(persons(profiles))) == sorted(expected)


# -- in staging ---------------------------------------------------------------------------------------------------------


def test_profiles_of_one_person_become_one_that_lacks_nothing_of_them(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest(
        "B", "Ana Silva", "ANA@example.com", PHONE, acquisition_date="2025-01-01T00:00:00+00:00", notes="booth 4"
    )
    people.guest(
        "A",
        "ana",
        "ana@example.com",
        "+1 415 555 0132",
        acquisition_date="2026-01-01T00:00:00+00:00",
        notes="allergic",
        birthday="02-29",
    )
    people.guest("C", "", "ana@example.com", "4155550132", nickname="Annie")
    people.guest("D", "Dora", "dora@example.com", PHONE)
    found = stage(connection, subject, people)
    guests = staged(connection, "customers")
    assert {key: (row["same_as"], row["wave"], row["verdict"]) for key, row in guests.items()} == {
        "A": ("B", 1, None),
        "B": (None, 0, None),
        "C": ("B", 1, None),
        "D": (None, 0, None),
    }
    assert guests["A"]["reason"] == f"is one person with B: {CERTAIN}"
    assert (guests["B"]["birthday"], guests["B"]["nickname"], guests["B"]["notes"]) == ("02-29", "Annie", "booth 4")
    assert found.people["merged"] == [{"keys": ["B", "A", "C"], "why": CERTAIN}]
    assert (found.people["merged_persons"], found.people["merged_profiles"]) == (1, 3)
    assert [(loss.field, loss.records, loss.examples) for loss in found.losses] == [("notes", 1, ("A",))]
    assert found.people["near_ties"] == [
        {
            "keys": ["A", "B", "C", "D"],
            "profiles": 4,
            "shares": ["phone"],
            "differs": ["email", "first_name"],
            "lacks": ["first_name", "last_name"],
        }
    ]


def test_a_family_that_shares_an_address_is_listed_and_left_alone(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", "Ana Olsson", "olsson@example.com", PHONE)
    people.guest("B", "Ben Olsson", "olsson@example.com", OTHER_PHONE)
    people.guest("C", "Cleo", "cleo@example.com")
    found = stage(connection, subject, people)
    tie = {"keys": ["A", "B"], "profiles": 2, "shares": ["email"], "differs": ["first_name", "phone"], "lacks": []}
    assert (found.people["near_ties"], found.people["near_ties_total"]) == ([tie], 1)
    assert found.people["merged"] == []
    different = {"people": {"differentPersons": [["B", "A"]]}}
    assert stage(connection, subject, people, options=different).people["near_ties_total"] == 0
    same = {"people": {"samePerson": [["B", "A"], ["A", "Z"]]}}
    confirmed = stage(connection, subject, people, options=same)
    assert confirmed.people["merged"] == [{"keys": ["A", "B"], "why": CONFIRMED}]
    assert (confirmed.people["near_ties_total"], confirmed.people["unknown_keys"]) == (0, ["Z"])
    both = {"people": {"samePerson": [["B", "A"]], "differentPersons": [["A", "B"]]}}
    with pytest.raises(BadInput, match="one person and that they are not: A and B"):
        parse_options(both)


def test_pairs_that_contradict_each_other_by_a_chain_are_refused_with_the_chain() -> None:
    people = {"samePerson": [["D", "C"], ["B", "A"], ["B", "C"]], "differentPersons": [["X", "A"], ["D", "A"]]}
    with pytest.raises(BadInput, match=r"they are not: A and D \(by A = B = C = D\)"):
        parse_options({"people": people})
    with pytest.raises(BadInput, match="'A' is paired with itself"):
        parse_options({"people": {"samePerson": [["A", "A"]]}})
    with pytest.raises(BadInput, match="they are not: A and A"):
        parse_options({"people": {"differentPersons": [["A", "A"]]}})
    parse_options({"people": {"samePerson": [["A", "B"], ["C", "D"]], "differentPersons": [["A", "C"], ["B", "D"]]}})


def test_a_customer_is_named_by_the_id_of_the_pos_where_only_one_has_it(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    for key in ("M1/A", "M1/B", "M1/C", "M1/D", "M1/T", "M2/T"):
        people.guest(key, key[-1:])
    named = {"samePerson": [["A", "M1/B"], ["T", "C"], ["D", "Z"]]}
    found = stage(connection, subject, people, options={"people": named}).people
    assert found["merged"] == [{"keys": ["M1/A", "M1/B"], "why": CONFIRMED}]
    assert found["ambiguous_keys"] == [{"key": "T", "keys": ["M1/T", "M2/T"]}]
    assert found["unknown_keys"] == ["Z"]
    by_either = {"samePerson": [["A", "M1/B"], ["B", "C"]], "differentPersons": [["M1/A", "M1/C"]]}
    with pytest.raises(BadInput, match=r"M1/A and M1/C \(by M1/A = M1/B = M1/C\)"):
        stage(connection, subject, people, options={"people": by_either})


def test_doubtful_profiles_of_one_contact_are_listed_with_what_they_share(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    for key, name in (("A", "Ana Silva"), ("B", ""), ("C", "Ben Silva")):
        people.guest(key, name, "s@example.com", PHONE)
    found = stage(connection, subject, people)
    assert found.people["merged"] == []
    (tie,) = found.people["near_ties"]
    assert (tie["keys"], tie["shares"], tie["differs"]) == (["A", "B", "C"], ["email", "phone"], ["first_name"])


def test_quarantined_and_erased_profiles_are_nobodys_survivor(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", "Ana", "ana@example.com", PHONE, status="weird")
    people.guest("B", "Ana", "ana@example.com", PHONE)
    people.guest("C", "Ana", "ana@example.com", PHONE)
    found = stage(connection, subject, people)
    assert found.people["merged"] == [{"keys": ["B", "C"], "why": CERTAIN}]


def test_the_report_holds_no_personal_value(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    people = Directory()
    people.guest("A", "Anastasia Zsilva", "canary@example.com", PHONE, notes="peanuts")
    people.guest("B", "Benedict Zsilva", "canary@example.com", PHONE, notes="walnuts", phone_raw="oops")
    people.guest("C", "Anastasia Zsilva", "canary@example.com", PHONE, notes="almonds")
    people.guest("D", "Anastasia Zsilva", "canary@@example.com", "call", status="weird")
    said = str(stage(connection, subject, people).as_dict())
    reasons = str([row["reason"] for row in staged(connection, "customers").values()])
    for canary in ("nastasia", "enedict", "silva", "canary", "5550132", "nuts", "almonds"):
        assert canary not in said + reasons
