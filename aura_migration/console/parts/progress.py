"""A progress bar that says in words what it shows."""

from __future__ import annotations

from html import escape

from nicegui import ui


class Progress:
    """The bar; ``show`` redraws it. An estimate that cannot be known is not made up."""

    def __init__(self) -> None:
        self._words = ui.html("Nothing is under way yet.", sanitize=False).classes("small")
        self._bar = ui.html("", sanitize=False)
        self._bar.visible = False
        self.number = 0
        """Of the newest message that is shown."""

    def show(self, processed: int, total: int, step: str, remaining: str | None, number: int) -> None:
        """Show where the work is; a message older than the newest changes nothing."""
        if number and number <= self.number:
            return
        self.number = number or self.number
        share = 100 * processed // total if total else 0
        if total and processed < total:
            eta = f"about {remaining} to go" if remaining else "time to go not known yet"
            counted = f"{processed:,} of {total:,} · {eta}"
        else:
            counted = f"{processed:,} of {total:,}" if total else ""
        words = " · ".join(filter(None, (step, counted)))
        self._words.set_content(f'{escape(words)} <span class="quiet" data-number="{self.number}"></span>')
        self._bar.visible = bool(total)
        self._bar.set_content(
            f'<div class="track" role="progressbar" aria-label="{escape(step)}" aria-valuemin="0" aria-valuemax="100" '
            f'aria-valuenow="{share}"><div style="width:{share}%"></div></div>'
        )
