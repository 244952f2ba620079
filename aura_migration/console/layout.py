"""The frame of every page: sign-in, header, navigation, breadcrumbs, notices; and the ``page`` that pages are declared with."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nicegui import ui
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from aura_migration.console.client import Api, Problem
from aura_migration.console.parts.notices import show_defect, show_problem, told_problem
from aura_migration.console.parts.texts import h1
from aura_migration.console.session import PREFIX, Me, Sessions, sign_in_address
from aura_migration.settings import Settings

BUILD_SECONDS = 60.0
"""How long a page may take to be made: it asks the API first."""
NAVIGATION: list[tuple[str, str, str]] = [
    ("Overview", "/", "see"),
    ("Connect a POS", "/connect", "operate"),
    ("Look-up", "/lookup", "look_up"),
    ("Webhooks", "/webhooks", "administer"),
    ("Notifications", "/notifications", "administer"),
    ("Audit trail", "/audit", "administer"),
]
"""Name, path and permission of what the header leads to; pages of a migration are reached from it."""
_sessions: list[Sessions] = []


@dataclass
class View:
    """What a page works with."""

    api: Api
    me: Me
    settings: Settings
    path: str
    """Of the page, without the console's prefix, with its query."""
    session: str
    """Which browser it is."""
    has_heading: bool = False

    def may(self, permission: str) -> bool:
        """Whether buttons that need this permission are shown."""
        return self.me.may(permission)

    def heading(self, title: str, *crumbs: tuple[str, str]) -> None:
        """Breadcrumbs (name, path), the page's heading and the browser's title."""
        self.has_heading = True
        ui.page_title(f"{title} · AuraConnect migration")
        with ui.element("nav").classes("crumbs").props('aria-label="Breadcrumbs"'):
            for name, path in (("Overview", "/"), *crumbs) if self.path != "/" else ():
                with ui.element("span"):
                    ui.link(name, path)
        with ui.element("div").classes("title"):
            h1(title)


def use(sessions: Sessions) -> None:
    """Set whose sessions pages ask; done when the console is mounted."""
    _sessions[:] = [sessions]


def sessions() -> Sessions:
    """The sessions of the mounted console."""
    return _sessions[0]


def page(path: str) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[Response | None]]]:
    """Declare a page for people who are signed in: ``@page("/things/{number}")`` over ``async def show(view, number: int)``.

    Path and query parameters are parameters of the function, as in FastAPI. A ``Problem`` it lets through is shown in place of the
    rest. Somebody who is signed out sees nothing but the way to sign in.
    """

    def declare(build: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[Response | None]]:
        async def show(request: Request, **given: Any) -> Response | None:
            query = f"?{request.url.query}" if request.url.query else ""
            here = request.url.path.removeprefix(PREFIX) + query
            who = await sessions().open()
            if who is None:
                return RedirectResponse(sign_in_address(here), 303)
            if isinstance(who, Problem):
                with frame(None, here):
                    told_problem(who)
                return None
            api, me = who
            view = View(api, me, sessions().state.settings, here, str(request.session["id"]))
            with frame(me, here):
                try:
                    await build(view, **given)
                except Problem as problem:
                    if problem.status == 401:
                        return RedirectResponse(sign_in_address(here), 303)
                    if not view.has_heading:
                        view.heading("There is no such page" if problem.status == 404 else "This cannot be shown")
                    told_problem(problem)
                    ui.link("Back to the overview", "/")
            return None

        mine = inspect.signature(show, eval_str=True)
        theirs = list(inspect.signature(build, eval_str=True).parameters.values())[1:]
        show.__signature__ = mine.replace(  # type: ignore[attr-defined]
            parameters=[mine.parameters["request"], *(p.replace(kind=p.KEYWORD_ONLY) for p in theirs)]
        )
        show.__name__ = f"{build.__module__.rpartition('.')[2]}_{build.__name__}"
        _declared.setdefault(build.__module__, []).append((path, show))
        return show

    return declare


_declared: dict[str, list[tuple[str, Callable[..., Awaitable[Response | None]]]]] = {}
"""Module → its pages."""


def install(modules: Sequence[str]) -> None:
    """Serve the pages that these modules declare, in this order: the first whose path fits answers."""
    for module in modules:
        for path, show in _declared.get(module, ()):
            ui.page(path, response_timeout=BUILD_SECONDS)(show)


@contextmanager
def frame(me: Me | None, here: str) -> Iterator[None]:
    """Header, navigation and the main part of a page."""
    with ui.header(fixed=False, wrap=False).classes("top").props("bordered=false"):
        ui.link("Skip to the content", "#main").classes("skip")
        ui.link("AuraConnect migration", "/").classes("brand")
        with ui.element("nav").props('aria-label="Main"'):
            for name, path, permission in NAVIGATION if me else ():
                if me and me.may(permission):
                    link = ui.link(name, path)
                    if here.partition("?")[0] == path:
                        link.props("aria-current=page")
        if me is not None:
            with ui.element("div").classes("who"):
                ui.label(f"{me.name} · {highest(me.roles)}")
                if not sessions().is_local:
                    ui.html(
                        f'<form method="post" action="{PREFIX}/session/end"><button type="submit">Sign out</button></form>',
                        sanitize=False,
                    )
    if me is not None and sessions().is_local:
        with ui.element("div").classes("banner").props("role=note"):
            ui.label(
                "Local mode: no key for tokens is configured, so everyone at this machine is signed in as its administrator."
            )
    with ui.element("div").classes("page").props("id=main tabindex=-1"):
        yield


def highest(roles: Sequence[str]) -> str:
    """The role that allows most; "" where there is none."""
    return next((role for role in ("admin", "approver", "operator", "viewer") if role in roles), "")


def act(
    text: str,
    handler: Callable[[], Awaitable[None]],
    *,
    kind: str = "primary",
    icon: str | None = None,
) -> ui.button:
    """A button that asks the API for something: it cannot be pressed twice meanwhile, and tells a problem. ``kind``: primary,
    plain, danger.
    """
    colour = {"primary": "primary", "plain": None, "danger": "negative"}[kind]
    button = ui.button(text, icon=icon, color=colour).props(
        "no-caps unelevated" if kind != "plain" else "no-caps outline"
    )

    async def pressed() -> None:
        button.props(add="loading")
        button.disable()
        try:
            await handler()
        except Problem as problem:
            if problem.status == 401:
                ui.navigate.reload()  # the page asks to sign in, and comes back here
            else:
                show_problem(problem)
        except Exception:
            show_defect()
            raise  # to the log
        finally:
            if not button.is_deleted:
                button.props(remove="loading")
                button.enable()

    button.on_click(pressed)
    return button
