"""A real browser: Debian's Chromium, driven by Playwright. It is found, or installed, or its absence fails the test: never skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

Result = TypeVar("Result")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
)
PATIENCE_MS = 90_000
"""Only a defect reaches it."""


class BrowserMissing(AssertionError):
    """There is no Chromium, and it could not be installed."""


def chromium() -> str:
    """The browser's path; installed by apt where it is missing and we may."""
    found = _found()
    if found is None and Path("/etc/debian_version").exists() and os.geteuid() == 0:
        for command in (
            ["apt-get", "update", "-q"],
            ["apt-get", "install", "-qy", "--no-install-recommends", "chromium"],
        ):
            subprocess.run(
                command, check=False, capture_output=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            )
        found = _found()
    if found is None:
        raise BrowserMissing(
            "The tests of the console need Chromium, and none is on the PATH. Install it: apt-get install chromium (Debian), "
            "or put any Chromium or Chrome on the PATH under one of the names " + ", ".join(NAMES) + "."
        )
    return found


def _found() -> str | None:
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browsing:
    """One headless browser in a thread of its own: Playwright keeps an event loop running in the thread it is used in, in which
    nothing else of ours could run one. ``browsing(what)`` runs ``what(browser)`` there and returns, or raises, what it does.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "browser")
        self._playwright: Playwright
        self._browser: Browser

    def __enter__(self) -> Browsing:
        self._thread.submit(self._open).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def __call__(self, what: Callable[[Browser], Result]) -> Result:
        """Run something with the browser."""
        return self._thread.submit(what, self._browser).result()

    def _open(self) -> None:
        expect.set_options(timeout=PATIENCE_MS)
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))

    def _close(self) -> None:
        self._browser.close()
        self._playwright.stop()


class Visit:
    """One person at a browser of their own: pages, what went wrong in them, and whom they asked."""

    def __init__(self, opened: Browser, base_url: str, width: int = 1280, height: int = 900) -> None:
        self.base_url = base_url
        self.context: BrowserContext = opened.new_context(viewport={"width": width, "height": height})
        self.context.set_default_timeout(PATIENCE_MS)
        self.hosts: set[str] = set()
        self.faults: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        self.page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).hostname or ""))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)

    def go(self, path: str) -> Page:
        """Open a page of the console and wait until it is alive."""
        self.page.goto(f"{self.base_url}/console{path}")
        return self.alive()

    def alive(self) -> Page:
        """Wait until the page at hand has its line to the server."""
        self.page.wait_for_function("() => window.socket && window.socket.connected")
        return self.page

    def is_too_wide(self) -> bool:
        """Whether somebody has to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def close(self) -> None:
        """Leave."""
        self.context.close()
