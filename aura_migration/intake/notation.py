"""Which notation a column has: decimal point or comma, which form of date. Decided over all its cells, never by guess.

Two forms that read a column equally well but differently (03/04/2025) are a question to the restaurant, not ours to
answer: the file is refused with the setting that answers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.intake.cells import Unreadable, moment_parts, plain

SEPARATORS = (".", ",")
_DAYS = (
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %I:%M %p", ", %I:%M:%S %p")
FORMS = ("iso", *(days + times for days in _DAYS for times in _TIMES))
"""The forms tried where the mapping names none; ``iso`` is ISO 8601, the others are ``strptime`` forms."""
_SAMPLE = 50


def decimal_separator(columns: Sequence[tuple[Sequence[str], Callable[[str, str], Any]]]) -> str:
    """The separator with which the most cells can be read; each column comes with how a cell is read with one.

    ``BadInput`` when both read equally many, and not the same.
    """
    score = dict.fromkeys(SEPARATORS, 0)
    differs = False
    for cells, read in columns:
        for cell in cells:
            if "." not in cell and "," not in cell:
                continue  # reads the same either way
            values = [_try(read, cell, separator) for separator in SEPARATORS]
            for separator, value in zip(SEPARATORS, values, strict=True):
                score[separator] += value is not None
            differs = differs or values[0] != values[1]
    best = max(SEPARATORS, key=lambda separator: score[separator])
    if differs and score["."] == score[","]:
        raise BadInput(
            "Whether amounts are written with a decimal point or a decimal comma cannot be told from this file.",
            'Say it in a mapping file: "decimalSeparator": "." or ",".',
        )
    return best


def date_forms(columns: Mapping[str, Sequence[str]], allowed: Sequence[str]) -> dict[str, str]:
    """Per column the form that reads the most of its cells. ``BadInput`` when several do, and not the same.

    A column that is undecided follows one that is decided by its cells; an empty column gets the first form.
    """
    found = {name: _best_forms(cells, allowed or FORMS) for name, cells in columns.items()}
    decided = {name: forms[0] for name, forms in found.items() if len(forms) == 1}
    for name, forms in found.items():
        if name in decided:
            continue
        likely = [form for form in forms if any(_days(form) == _days(other) for other in decided.values())]
        if len({_days(form) for form in likely}) != 1:
            raise BadInput(
                f"Column {name!r}: {' and '.join(forms[:2])} read its dates equally well, and differently.",
                f'Say which in a mapping file, e.g. "dateFormats": ["{forms[0]}"].',
            )
        decided[name] = likely[0]
    return decided


def _days(form: str) -> str:
    """The order of day, month and year, without the time of day."""
    return form.replace(",", "").partition(" %H")[0].partition(" %I")[0].replace("%Y", "%y")


def _best_forms(cells: Sequence[str], forms: Sequence[str]) -> list[str]:
    """The forms that read the most cells, one of those that read them alike."""
    filled = list(dict.fromkeys(plain(cell) for cell in cells if plain(cell)))
    candidates = {form: [_try_date(cell, form) for cell in filled[:_SAMPLE]] for form in forms}
    able = [form for form, values in candidates.items() if any(value is not None for value in values)]
    if not able:
        return [forms[0]]
    full = {form: [*candidates[form], *(_try_date(cell, form) for cell in filled[_SAMPLE:])] for form in able}
    most = max(sum(value is not None for value in values) for values in full.values())
    best: dict[tuple[datetime | None, ...], str] = {}
    for form, values in full.items():
        if sum(value is not None for value in values) == most:
            best.setdefault(tuple(values), form)
    return list(best.values())


def _try(read: Callable[[str, str], Any], cell: str, separator: str) -> Any:
    try:
        return read(cell, separator)
    except Unreadable:
        return None


def _try_date(cell: str, form: str) -> datetime | None:
    try:
        return moment_parts(cell, form)[0]
    except Unreadable:
        return None
