"""A conversation with an agent at the terminal, or on standard input: each line is said, or is a command that begins with a slash."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, TypeVar

from rich.text import Text

from cli.errors import ExitCode, sentence_of
from cli.keyboard import Keyboard
from cli.output import Output, printable
from cli.progress import Progress
from cli.render_session import message_parts
from cli.running import carried_on
from cli.service import Service
from engine.runs.orders import StartRun
from engine.runs.views import RunView
from engine.sessions.views import SessionView
from engine.views import EventView
from epics.callers import GENIE, current_caller
from epics.errors import Conflict, GenieError
from epics.runs import RUN_ENDED, RunStatus

ResultT = TypeVar("ResultT")

CarryOut = Callable[["Chat", str], Coroutine[Any, Any, None]]
"""Does what a line says that begins with a slash."""

SHOWN: Final = 20
"""Messages that are shown when a conversation goes on."""

_QUIET: Final = frozenset(
    {
        *("run_queued", "run_taken", "run_ended", "attempt_started", "attempt_ended", "prompt_filled", "memory_read", "messages_kept"),
        *("episode_queued", "agent_started"),
    }
)
"""Events of every answer: here they would be as long as it."""

_ENDS_S: Final = 30.0
_POLL_S: Final = 0.2


class Stopped(Exception):
    """A person pressed Ctrl-C."""


class Chat:
    """One conversation as it goes on: what is said next, and what it cost so far."""

    def __init__(self, service: Service, order: StartRun, output: Output, *, at_terminal: bool) -> None:
        """Begin without a session: it is found by `go_on`, or made by the first thing that is said."""
        self.service = service
        self.order = order
        self.output = output
        self.at_terminal = at_terminal
        self.session: SessionView | None = None
        self.cost = Decimal(0)
        self.left = False
        self._task: asyncio.Task[Any] | None = None
        self._stopped = False
        self._last = RunStatus.DONE

    async def go_on(self, given: str) -> None:
        """Go on with a session by its id or its name; one of that name begins where there is none."""
        found = await self._named(given)
        if found is None:
            await self.begin(given)
            return
        self._in(found)
        await self.show_history(SHOWN)

    async def begin(self, name: str | None = None) -> SessionView:
        """Begin another conversation."""
        return self._in(await self.service.sessions.create(self.order.workflow, name=name, repo=self.order.repo or None))

    async def show_history(self, limit: int) -> None:
        """Show the end of what was said."""
        if self.session is None or self.output.as_json:
            return
        page = await self.service.sessions.messages(self.session.id, limit=limit, back=True)
        if page.next is not None:
            self.output.say(f"… {page.items[-1].n - 1} messages before; see: genie session messages {self.session.id}", style="dim")
        for message in reversed(page.items):
            self.output.show(*message_parts(message))

    async def hold(self, keyboard: Keyboard, carry_out: CarryOut) -> int:
        """Take lines until the person leaves, and return the exit code: what became of the last thing that was said."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._stop)
        try:
            again = False
            while not self.left:
                try:
                    line = await self._stoppable(self._line(keyboard))
                except Stopped:
                    if again or not self.at_terminal:
                        break
                    again = True
                    self.output.say("\nCtrl-C again leaves; so do Ctrl-D and /quit", style="dim")
                    continue
                if line is None:
                    break
                again = False
                await self._take(line, carry_out)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        return ExitCode.DONE if self.at_terminal or self._last is RunStatus.DONE else ExitCode.FAILED

    def _in(self, session: SessionView) -> SessionView:
        self.session = session
        # As its rows name it, whatever link to it was given.
        self.order = replace(self.order, workflow=session.agent, repo=session.repo)
        return session

    async def _line(self, keyboard: Keyboard) -> str | None:
        if self.at_terminal:
            self.output.person.print(Text("> ", style="bold cyan"), end="")
        return await keyboard.line(unended=True)

    async def _take(self, line: str, carry_out: CarryOut) -> None:
        if not line:
            return
        try:
            await (self._stoppable(carry_out(self, line)) if line.startswith("/") else self._say(line))
        except Stopped:
            self.output.say("stopped", style="yellow")
        except GenieError as error:
            self._last = RunStatus.FAILED
            self.output.note(printable(sentence_of(error)), style="red")

    async def _say(self, text: str) -> None:
        session = self.session or await self.begin()
        run = await self.service.runs.start(replace(self.order, task=text, session=session.id, detached=False))
        try:
            run = await self._stoppable(self._answered(run))
        except Stopped:
            run = await self._cancelled(run)
            self.output.say("the answer is stopped; go on as you like", style="yellow")
        self._last = run.status
        self.cost += run.cost_usd
        self._show(run)

    async def _answered(self, run: RunView) -> RunView:
        progress = _ChatProgress(self.output, run)
        with progress.live():
            try:
                return await carried_on(self.service.runs, run, progress.on_event, self.output)
            finally:
                progress.raise_if_unread()

    async def _cancelled(self, run: RunView) -> RunView:
        """End the run, and wait for that a while: until then nothing else can be said."""
        try:
            run = await self.service.runs.cancel(run.id, by=current_caller().person, reason="stopped in the chat")
        except Conflict:
            # It ended at this very moment.
            return await self.service.runs.show(run.id)
        async with asyncio.timeout(_ENDS_S):
            while run.status not in RUN_ENDED:
                await asyncio.sleep(_POLL_S)
                run = await self.service.runs.show(run.id)
        return run

    def _show(self, run: RunView) -> None:
        if self.output.as_json:
            self.output.json_line(run)
        elif run.status is RunStatus.DONE and run.output is not None:
            text = (
                run.output["text"] if run.output.keys() == {"text"} else "\n".join(f"{name}: {value}" for name, value in run.output.items())
            )
            self.output.show(Text(printable(str(text))))
        elif run.status is RunStatus.FAILED:
            self.output.note(printable(run.error), style="red")

    async def _named(self, given: str) -> SessionView | None:
        if given.startswith("s-"):
            return await self.service.sessions.show(given)
        page = await self.service.sessions.page(agent=self.order.workflow, name=given, limit=500)
        # Of no repository a name is its person's; a server, which knows who asks, shows those of others to admins alone.
        person = None if current_caller() is GENIE else current_caller().person
        mine = [each for each in page.items if each.repo == self.order.repo and (each.repo or person in {None, each.person})]
        return mine[0] if mine else None

    async def _stoppable(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """What the work returns, unless Ctrl-C ends it.

        Raises:
            Stopped: if so.
        """
        self._stopped, self._task = False, (task := asyncio.ensure_future(work))
        try:
            return await task
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            raise Stopped from None
        finally:
            self._task = None

    def _stop(self) -> None:
        if self._task is not None:
            self._stopped = True
            self._task.cancel()


class _ChatProgress(Progress):
    """The progress of an answer, without what is so of every answer."""

    def on_event(self, event: EventView, of: str = "") -> None:
        """Show one event, if it tells of this answer."""
        if event.type in _QUIET:
            self._note(event)
        else:
            super().on_event(event, of)
