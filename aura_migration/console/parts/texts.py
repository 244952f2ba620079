"""Headings and paragraphs whose text is never taken for HTML."""

from __future__ import annotations

from html import escape

from nicegui import ui


def h1(text: str) -> ui.html:
    """The page's heading."""
    return ui.html(escape(text), sanitize=False, tag="h1")


def h2(text: str) -> ui.html:
    """A section's heading."""
    return ui.html(escape(text), sanitize=False, tag="h2")


def h3(text: str) -> ui.html:
    """A heading within a section."""
    return ui.html(escape(text), sanitize=False, tag="h3")


def quiet(text: str) -> ui.html:
    """A paragraph that explains."""
    return ui.html(escape(text), sanitize=False, tag="p").classes("quiet")


def mono(text: str) -> ui.html:
    """A hash or key."""
    return ui.html(escape(text), sanitize=False, tag="span").classes("mono")
