"""Reading single cells: money, points, hours, dates, answers, states. Exact, and silent about what it could not read.

A cell that cannot be read raises ``Unreadable`` with a reason that never repeats the cell: it may be a card number that
slipped into another column. Which notation a column has is decided over the whole column in ``notation.py``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from aura_migration.core.clock import utc_text
from aura_migration.core.errors import BadInput
from aura_migration.core.money import minor_units

SPACES = " \u00a0\u202f\u2009\t"
"""Blank, no-break, narrow no-break and thin space: all of them separate thousands somewhere."""
_MONEY = re.compile(
    r"""^(?P<open>\()?\s*(?P<sign>[+\-−])?\s*(?P<before>[A-Z]{3}|US\$|CA\$|[$€£¥])?\s*(?P<inner>[+\-−])?\s*
        (?P<digits>[0-9.,'’\s]*[0-9][0-9.,'’\s]*?)
        \s*(?P<after>[A-Z]{3}|[$€£¥])?\s*(?P<trailing>[+\-−]|CR|DR)?\s*(?P<close>\))?$""",
    re.VERBOSE,
)
_SCIENTIFIC = re.compile(r"^[0-9][.,]?[0-9]*[eE]\+?[0-9]+$")
_EXCEL_TEXT = re.compile(r'^="(.*)"$')
_LARGEST = 10**15
"""Minor units no balance of a restaurant reaches; a larger number is another column's."""

STATES: dict[str, str] = {
    **dict.fromkeys(
        ("active", "activated", "open", "issued", "live", "enabled", "valid", "current", "pending"), "pending"
    ),
    **dict.fromkeys(("blocked", "frozen", "suspended", "locked", "lost", "stolen", "onhold", "hold"), "blocked"),
    **dict.fromkeys(
        ("inactive", "deactivated", "closed", "void", "voided", "disabled", "cancelled", "canceled", "notactive"),
        "deactivated",
    ),
    **dict.fromkeys(("redeemed", "used", "spent", "empty", "depleted", "fullyredeemed"), "redeemed"),
    **dict.fromkeys(("expired", "lapsed"), "expired"),
}
"""How exports name a state, letters only → the state a balance is loaded in (``pending``: live, not ours to redeem yet)."""
ANSWERS: dict[str, str] = {
    **dict.fromkeys(
        (
            "yes",
            "y",
            "true",
            "1",
            "granted",
            "optedin",
            "optin",
            "in",
            "subscribed",
            "subscribe",
            "accepted",
            "x",
            "on",
        ),
        "granted",
    ),
    **dict.fromkeys(
        ("no", "n", "false", "0", "denied", "optedout", "optout", "out", "declined", "never", "off"), "denied"
    ),
    **dict.fromkeys(("unsubscribed", "withdrawn", "revoked", "removed", "stop", "stopped"), "withdrawn"),
    **dict.fromkeys(("unknown", "notset", "na", "notasked"), "unknown"),
}
PURPOSES: dict[str, str] = {
    **dict.fromkeys(("marketingemail", "email", "emailmarketing", "newsletter", "mail"), "marketing_email"),
    **dict.fromkeys(("marketingsms", "sms", "text", "textmessage", "smsmarketing", "texts"), "marketing_sms"),
    **dict.fromkeys(("profile", "customerprofile", "privacy"), "profile"),
    **dict.fromkeys(("loyalty", "loyaltyprogram", "rewards"), "loyalty"),
    **dict.fromkeys(("datamigration", "migration", "datatransfer"), "data_migration"),
}
CARD_TYPES: dict[str, str] = {
    **dict.fromkeys(("physical", "plastic", "card"), "physical"),
    **dict.fromkeys(("digital", "egift", "ecard", "virtual", "electronic", "egiftcard", "email"), "digital"),
    "unknown": "unknown",
}


class Unreadable(Exception):
    """A cell that is not what its column should hold; the message is the reason, without the cell's content."""


def plain(cell: str) -> str:
    """A cell without outer blanks and without what spreadsheets put around a text (``="0012"``, ``'0012``)."""
    text = cell.strip(SPACES + "\r\n\ufeff")
    if text.startswith('="') and (quoted := _EXCEL_TEXT.match(text)) is not None:
        text = quoted[1]
    return text[1:] if text.startswith("'") and len(text) > 1 else text


def word(text: str) -> str:
    """Letters and digits only, lower case: how headings and words of a list are compared."""
    return "".join(c for c in text.casefold() if c.isalnum())


def number_text(cell: str) -> str:
    """The number of a card or account as a text. A spreadsheet's ``6.01E+15`` is refused: its digits are lost."""
    text = plain(cell)
    if _SCIENTIFIC.match(text):
        raise Unreadable("a spreadsheet has rewritten the number (scientific notation), its digits are lost")
    if not any(c.isalnum() for c in text):
        raise Unreadable("there is no number")
    if len(text) > 200 or any(ord(c) < 32 for c in text):
        raise Unreadable("this is not a number of a card or account")
    return text


def decimal_text(cell: str, decimal: str) -> tuple[Decimal, str | None]:
    """The amount of a cell, signed, and the currency code beside it if there is one.

    ``decimal`` is the decimal separator; every other separator must stand between groups of three digits. Negative are
    a minus before or behind, parentheses, and ``DR``.
    """
    text = plain(cell)
    match = _MONEY.match(text) if len(text) <= 40 else None
    if match is None or bool(match["open"]) != bool(match["close"]):
        raise Unreadable("this is not an amount")
    if match["before"] and match["after"] and match["before"] != match["after"]:
        raise Unreadable("the amount names two currencies")
    signs = [s for s in (match["sign"], match["inner"], match["trailing"]) if s]
    if len(signs) + bool(match["open"]) > 1:
        raise Unreadable("the amount has two signs")
    is_negative = bool(match["open"]) or (bool(signs) and signs[0] in ("-", "−", "DR"))
    value = Decimal(_ungrouped(match["digits"].strip(), decimal))
    named = match["before"] or match["after"]
    code = named if named and named.isalpha() else None
    return (-value if is_negative else value), code


def _ungrouped(digits: str, decimal: str) -> str:
    whole, point, fraction = digits.partition(decimal)
    if point and (not fraction.isascii() or not fraction.isdigit()):
        raise Unreadable("the amount's separators do not fit its decimal separator")
    groups = re.split(r"[.,'’\s]", whole)
    separators = {c for c in whole if not c.isdigit()}
    if len(groups) > 1 and (
        len(separators) > 1 or not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:])
    ):
        raise Unreadable("the amount's separators do not fit its decimal separator")
    return f"{''.join(groups) or '0'}.{fraction}" if point else "".join(groups)


def money(cell: str, decimal: str, currency: str) -> int:
    """An amount in minor units of the currency: ``$1,234.50`` → 123450, ``(12.00)`` → -1200. Never rounded."""
    value, code = decimal_text(cell, decimal)
    if code is not None and code != currency:
        raise Unreadable("the amount is in another currency")
    try:
        amount = minor_units(value, currency)
    except BadInput:
        raise Unreadable("the amount is finer than the currency's smallest unit") from None
    if abs(amount) > _LARGEST:
        raise Unreadable("no balance is that large: another column has slipped in here")
    return amount


def points(cell: str, decimal: str) -> int:
    """Whole points; ``1,250`` and ``1,250.00`` are 1250, a fraction is refused."""
    text = plain(cell)
    value, code = decimal_text(text, decimal)
    if code is not None or not re.match(r"^[(+\-−0-9]", text):
        raise Unreadable("points have no currency")
    if value != value.to_integral_value():
        raise Unreadable("points are whole numbers")
    if abs(value) > _LARGEST:
        raise Unreadable("no balance is that large: another column has slipped in here")
    return int(value)


def hours(cell: str, decimal: str) -> str:
    """Hours as an exact decimal text, at most four digits behind the point; ``7:30`` is 7.5."""
    text = plain(cell)
    if (clock := re.fullmatch(r"(\d{1,4}):([0-5]\d)", text)) is not None:
        value = Decimal(clock[1]) + Decimal(clock[2]) / 60
    else:
        value, code = decimal_text(text, decimal)
        if code is not None:
            raise Unreadable("hours have no currency")
    if not 0 <= value <= 10_000:
        raise Unreadable("these are no hours of a pay period")
    return format(round(value, 4).normalize(), "f")


def day(cell: str, form: str) -> date:
    """A date in the given ``strptime`` form (``iso``: as in ISO 8601, with or without a time)."""
    return moment_parts(cell, form)[0].date()


def moment_parts(cell: str, form: str) -> tuple[datetime, bool]:
    """The instant of a cell (naive where it says no offset), and whether it said a time of day."""
    text = plain(cell)
    try:
        if form == "iso":
            found = datetime.fromisoformat(text)
            has_time = len(text) > 10
        else:
            found = datetime.strptime(text, form)
            has_time = "%H" in form or "%I" in form
    except ValueError:
        raise Unreadable("this is not a date in the column's notation") from None
    if not 1970 <= found.year <= 2200:
        raise Unreadable("the year cannot be right")
    return found, has_time


def moment(cell: str, form: str, zone: str, *, is_end: bool = False) -> str:
    """An instant as canonical UTC text. Without an offset it is local time of ``zone``; a bare date is that day's start.

    ``is_end``: a bare date is valid through that day, so its last second.
    """
    found, has_time = moment_parts(cell, form)
    if not has_time and is_end:
        found = datetime.combine(found.date(), time(23, 59, 59))
    return utc_text(found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(zone)))


def one_of(cell: str, known: dict[str, str], what: str) -> str:
    """What a word of a list means; ``Unreadable`` for a word that is not on the list."""
    found = known.get(word(plain(cell)))
    if found is None:
        raise Unreadable(f"{what} is not one of those known")
    return found
