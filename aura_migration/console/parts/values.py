"""Values of records as people read them: money in its currency, lists and mappings in short, both sides beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from aura_migration.console.parts.tables import money, number

LONGEST = 300


def value_text(name: str, value: Any, currency: str) -> str:
    """A value of a field in words; a dash where there is none."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_cents"):
        return money(value, currency)
    if isinstance(value, int | float):
        return str(value) if name.endswith(("_id", "_no", "year")) else number(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def field_text(name: str) -> str:
    """A field's name in words."""
    return name.removesuffix("_cents").removesuffix("_key").replace("_", " ")


def pairs_html(values: Mapping[str, Any], currency: str, names: Iterable[str] | None = None) -> str:
    """Fields and values as a list; those without a value are left out."""
    shown = [
        (n, values.get(n)) for n in (values if names is None else names) if values.get(n) not in (None, "", [], {})
    ]
    rows = "".join(f"<dt>{escape(field_text(n))}</dt><dd>{escape(value_text(n, v, currency))}</dd>" for n, v in shown)
    return f'<dl class="facts">{rows}</dl>' if rows else '<span class="quiet">no values</span>'


def folded_html(summary: str, html: str) -> str:
    """Something that opens when it is asked for; the keyboard can, too."""
    return f"<details><summary>{escape(summary)}</summary>{html}</details>"


def compared_html(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    names: Iterable[str],
    currency: str,
    heads: tuple[str, str],
    *,
    is_change: bool = True,
) -> str:
    """Fields of both sides beside each other; what differs is marked, and struck out where the other takes its place."""
    rows = "".join(_compared(name, before.get(name), after.get(name), currency, is_change) for name in names)
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in ("Field", *heads))
    return f'<table class="plain inner"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _compared(name: str, one: Any, other: Any, currency: str, is_change: bool) -> str:
    left, right = (escape(value_text(name, value, currency)) for value in (one, other))
    if one != other:
        left = f"<del>{left}</del>" if is_change else f"<mark>{left}</mark>"
        right = f"<mark>{right}</mark>"
    return f'<tr><th scope="row">{escape(field_text(name))}</th><td>{left}</td><td>{right}</td></tr>'


def json_html(value: Any) -> str:
    """A document as it is."""
    return (
        f'<pre class="code" tabindex="0">{escape(json.dumps(value, indent=2, ensure_ascii=False, default=str))}</pre>'
    )
