"""Invented people: names of many scripts, addresses, phone numbers in the notations people type, e-mail addresses.

Every e-mail address is in a domain reserved for examples and every phone number has the exchange 555.
"""

from __future__ import annotations

import unicodedata

GIVEN = (
    "Mira",
    "Jonas",
    "Aisha",
    "Tomás",
    "Chloë",
    "Wei",
    "Nadia",
    "Oskar",
    "Priya",
    "Siobhán",
    "Łukasz",
    "Amara",
    "Kenji",
    "Zoë",
    "Mateus",
    "Ingrid",
    "Dmitri",
    "Fatima",
    "Bjørn",
    "Grace",
    "Henry",
    "Lucía",
    "Noah",
    "Olivia",
    "Quentin",
    "Rosa",
    "Samuel",
    "Thandi",
    "Ulrike",
    "Vera",
    "Walter",
    "Ximena",
    "Yusuf",
    "Élodie",
)
FAMILY = (
    "Olsson",
    "Müller",
    "O’Brien",
    "Nakamura",
    "García Márquez",
    "Smith-Jones",
    "van der Berg",
    "Nguyễn",
    "Kowalski",
    "D’Angelo",
    "Okafor",
    "Johansen",
    "Ibrahim",
    "Fernández",
    "Novák",
    "Schröder",
    "Walker",
    "Hughes",
    "Chaudhary",
    "Baptiste",
    "Lindqvist",
    "Petrov",
    "Tremblay",
    "Youngblood",
    "Abernathy",
    "Castellanos",
    "Eriksen",
    "Yamada",
    "Rossi",
    "Stone",
    "Whitfield",
)
STREETS = ("Birch Ave", "Superior St", "Skyline Dr", "Lakeview Ct", "Old Mill Rd", "Pine Needle Way")
TOWNS = (("Duluth", "MN", "55802"), ("Superior", "WI", "54880"), ("Two Harbors", "MN", "55616"))
DOMAINS = ("example.com", "example.org", "example.net")
AREAS = [
    "201",
    "202",
    "203",
    "205",
    "206",
    "207",
    "208",
    "209",
    "210",
    "212",
    "213",
    "214",
    "215",
    "216",
    "217",
    "218",
    "219",
    "224",
    "225",
    "228",
    "229",
    "231",
    "234",
    "239",
    "240",
    "248",
    "251",
    "252",
    "253",
    "254",
    "256",
    "260",
    "262",
    "267",
    "269",
    "270",
    "276",
    "281",
    "301",
    "302",
]
NUMBERS = 10_000 * len(AREAS)


def number(which: int) -> str:
    """The E.164 number number `which`, of `NUMBERS`."""
    return f"+1{AREAS[which // 10_000 % len(AREAS)]}555{which % 10_000:04d}"


def number_index(e164: str) -> int | None:
    """Which of the numbers this is; None for another one."""
    area = e164[2:5]
    if len(e164) != 12 or e164[:2] != "+1" or area not in AREAS or e164[5:8] != "555" or not e164[8:].isdecimal():
        return None
    return AREAS.index(area) * 10_000 + int(e164[8:])


def notation(e164: str, style: int) -> str:
    """A phone number as somebody typed it: E.164, (218) 555-0142, 218.555.0142, 1-218-555-0142."""
    area, exchange, line = e164[2:5], e164[5:8], e164[8:]
    return (e164, f"({area}) {exchange}-{line}", f"{area}.{exchange}.{line}", f"1-{area}-{exchange}-{line}")[style % 4]


def plain(name: str) -> str:
    """A name in the letters of an e-mail address."""
    latin = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L").replace("ø", "o"))
    return "".join(letter for letter in latin.lower() if letter.isascii() and letter.isalnum())


def address(which: int) -> dict[str, str]:
    """A postal address, one of many."""
    town, state, postal = TOWNS[which % len(TOWNS)]
    return {
        "address_line_1": f"{100 + which % 8900} {STREETS[which // 7 % len(STREETS)]}",
        "locality": town,
        "administrative_district_level_1": state,
        "postal_code": postal,
        "country": "US",
    }
