"""Invented people: names of many scripts, addresses, phone numbers in the notations people type, e-mail addresses.

Every e-mail address is in a domain reserved for examples and every phone number has the exchange 555.
"""

from __future__ import annotations

import unicodedata

# fmt: off
GIVEN = (
    "Ada", "Babak", "Ciara", "Devon", "Elif", "Farid", "Gwen", "Håkon", "Imani", "Jiří", "Katya", "Leilani",
    "Mónica", "Nils", "Oona", "Pablo", "Qiang", "Renée", "Søren", "Tamsin", "Umar", "Valeria", "Winona", "Xander",
    "Yael", "Zofia", "Marcus", "Joan", "Peter", "Alice", "Darnell", "Hiroko", "Ngozi", "Stéphane",
)
FAMILY = (
    "Abbott", "Björk", "Chávez", "Dąbrowski", "Etxeberria", "Fitzgerald", "Grünwald", "Haddad", "Ito", "Jones",
    "Kaplan", "Lefèvre", "McAllister", "Nkosi", "O’Malley", "Pham", "Quispe", "Rao", "Sandoval", "Trần",
    "Underwood", "Vasquez", "Whitehorse", "Xu", "Yıldız", "Zimmerman", "Begay", "de la Cruz", "Smith-Ortiz",
    "Taylor", "Romero",
)
STREETS = ("Larimer St", "Canyon Blvd", "Alameda Ave", "Cerrillos Rd", "Mesa Dr", "Juniper Loop", "Old Pecos Trail")
TOWNS = (("Denver", "CO", "80202"), ("Boulder", "CO", "80302"), ("Santa Fe", "NM", "87501"), ("Taos", "NM", "87571"))
DOMAINS = ("example.com", "example.org", "example.net")
AREAS = (
    "303", "505", "575", "602", "623", "480", "520", "719", "720", "970", "801", "435", "385", "702", "725", "775",
    "208", "406", "307", "605", "701", "402", "308", "316", "620", "785", "913", "405", "539", "580", "918", "210",
    "214", "254", "281", "325", "361", "409", "432", "469", "503", "541", "617", "512",
)
# fmt: on
NUMBERS = 10_000 * len(AREAS)


def number(which: int) -> str:
    """The E.164 number number `which`, of `NUMBERS`."""
    return f"+1{AREAS[which // 10_000 % len(AREAS)]}555{which % 10_000:04d}"


def notation(e164: str, style: int) -> str:
    """A phone number as somebody typed it: 3035550142, (303) 555-0142, +1 303.555.0142, 1-303-555-0142, E.164."""
    area, exchange, line = e164[2:5], e164[5:8], e164[8:]
    return (
        f"{area}{exchange}{line}",
        f"({area}) {exchange}-{line}",
        f"+1 {area}.{exchange}.{line}",
        f"1-{area}-{exchange}-{line}",
        e164,
    )[style % 5]


def plain(name: str) -> str:
    """A name in the letters of an e-mail address."""
    latin = unicodedata.normalize("NFKD", name.replace("ø", "o").replace("ł", "l").replace("ı", "i"))
    return "".join(letter for letter in latin.lower() if letter.isascii() and letter.isalnum())


def street(which: int) -> tuple[str, str, str, str]:
    """Street, city, state and zip, one of many."""
    town, state, postal = TOWNS[which % len(TOWNS)]
    return f"{100 + which % 8900} {STREETS[which // 7 % len(STREETS)]}", town, state, postal
