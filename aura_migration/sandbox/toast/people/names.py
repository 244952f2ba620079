"""Invented people: names of many scripts, addresses, phone numbers in the notations people type, e-mail addresses.

Every e-mail address is in a domain reserved for examples and every phone number has the exchange 555.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

GIVEN = (
    "Alma", "Benedikt", "Camila", "Desmond", "Eivør", "Farid", "Giulia", "Håkon", "Imani", "Jörg", "Keiko", "Léa",
    "Marek", "Noor", "Otto", "Pilar", "Quinn", "Ravi", "Søren", "Tamsin", "Ugo", "Violeta", "Wanda", "Xavier", "Yara",
    "Zofia", "Anaïs", "Bruno", "Cleo", "Đặng", "Esra", "Finn",
)  # fmt: skip
FAMILY = (
    "Arnesen", "Bianchi", "Czerny", "de la Cruz", "Engström", "Ferrari", "Gómez", "Haugen", "Ibáñez", "Jónsdóttir",
    "Kaplan", "Lefèvre", "MacLeod", "Nilsen", "O’Neil", "Pham", "Quintero", "Rasmussen", "Šimić", "Takahashi", "Uzun",
    "Vasquez", "Wójcik", "Xu", "Yıldız", "Zamora", "Baker-Hill", "Coleman", "Drake", "Ellison", "Fox",
)  # fmt: skip
STREETS = ("Aspen Way", "Bridge St", "Canal Rd", "Dune Ct", "Elm Ave", "Fountain Sq", "Grove Ln")
TOWNS = (("Duluth", "MN", "55802"), ("Hermantown", "MN", "55811"), ("Superior", "WI", "54880"))
DOMAINS = ("example.com", "example.org", "example.net")
AREAS = (
    "303", "304", "305", "307", "308", "309", "310", "312", "313", "314", "315", "316", "317", "318", "319", "320",
    "321", "323", "325", "330", "334", "336", "337", "339", "347", "351", "352", "360", "361", "386", "401", "402",
    "404", "405", "406", "407", "408", "409", "410", "412",
)  # fmt: skip
NUMBERS = 10_000 * len(AREAS)


def national(which: int) -> str:
    """The ten digits of phone number ``which``, of ``NUMBERS``."""
    return f"{AREAS[which // 10_000 % len(AREAS)]}555{which % 10_000:04d}"


def notation(digits: str, style: int) -> str:
    """Ten digits as somebody typed them: bare, (303) 555-0142, 303.555.0142, +13035550142, 1-303-555-0142."""
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return (
        digits,
        f"({area}) {exchange}-{line}",
        f"{area}.{exchange}.{line}",
        f"+1{digits}",
        f"1-{area}-{exchange}-{line}",
    )[style % 5]


@lru_cache(maxsize=512)
def plain(name: str) -> str:
    """A name in the letters of an e-mail address."""
    for letter, latin in (("ł", "l"), ("ø", "o"), ("Đ", "D"), ("ı", "i"), ("ð", "d")):
        name = name.replace(letter, latin)
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in decomposed.lower() if letter.isascii() and letter.isalnum())
