"""Live progress: a line for each event, and on a terminal one moving line that says where the epic is."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from time import monotonic
from typing import Final

from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from cli.events import event_line
from cli.output import Output
from cli.words import many, seconds, usd
from engine.runs.views import RunView
from engine.views import EpicView, EventView

REFRESHES_PER_SECOND: Final = 8


class Progress:
    """Shows the events of one epic or run as they come.

    Printing never breaks the work: when the reader of our output has gone, the work is cancelled in good order, and
    `raise_if_unread` then says so.
    """

    def __init__(self, output: Output, epic: EpicView | RunView) -> None:
        self._output = output
        self._step: str = epic.workflow if isinstance(epic, RunView) else epic.step
        self._attempt = None if isinstance(epic, RunView) else epic.attempt
        self._cost = epic.cost_usd
        self._turns = 0
        self._since = monotonic()
        self._unread: BrokenPipeError | None = None
        self._task = asyncio.current_task()
        self._spinner = Spinner("dots", style="cyan")

    @contextmanager
    def live(self) -> Generator[None]:
        """Keep the moving line under the events while the work goes on; nothing moves where there is no terminal."""
        if not self._output.person.is_terminal:
            yield
            return
        # transient: what stays on the screen is what happened.
        with Live(self, console=self._output.person, transient=True, refresh_per_second=REFRESHES_PER_SECOND, redirect_stdout=False):
            yield

    def __rich__(self) -> Spinner:
        """The moving line."""
        facts = [self._step, f"attempt {self._attempt}" if self._attempt else "", many(self._turns, "turn"), usd(self._cost)]
        facts.append(seconds(monotonic() - self._since))
        self._spinner.update(text=Text(" · ".join(filter(None, facts)), style="cyan"))
        return self._spinner

    def on_event(self, event: EventView, of: str = "") -> None:
        """Show one event; `of` says of which attempt, where several run side by side."""
        if not of:
            self._note(event)
        line = event_line(event)
        if line is None or self._unread is not None:
            return
        if of:
            line = Text(f"{of} ", style="magenta").append_text(line)
        try:
            self._output.person.print(line, soft_wrap=True)
        except BrokenPipeError as error:
            self._unread = error
            if self._task is not None:
                self._task.cancel()

    def raise_if_unread(self) -> None:
        """Say that nobody reads our output any more.

        Raises:
            BrokenPipeError: if that is so.
        """
        if self._unread is not None:
            raise self._unread

    def _note(self, event: EventView) -> None:
        match event.type:
            case "attempt_started":
                self._step = str(event.data.get("step") or self._step)
                self._attempt = event.data.get("attempt")
                self._turns = 0
            case "step_finished":
                self._step = str(event.data.get("next") or self._step)
            case "turn_taken":
                self._turns += 1
            case "attempt_ended":
                self._cost += Decimal(str(event.data.get("cost_usd") or 0))
            case _:
                pass
