"""What an agent is given for one run: its port to the model, to what is known, and to the people who watch."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from db.epics import fetch_one, record_event
from engine.draining import HandedOver
from engine.runs.agent_work import AgentWork
from engine.runs.asking import Asking, Question
from engine.runs.run_tree import RunTree
from epics.agent_errors import AskFailed
from epics.errors import AttemptCut, InvalidInput, LeaseLost, ModelUnavailable, StoreUnavailable
from epics.knowledge import ALL_GROUPS, Found, Group
from nodes.context import Attempted

OutputT = TypeVar("OutputT", bound=BaseModel)
ResultT = TypeVar("ResultT")

_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TITLE: Final = 80
_LARGEST_NOTE: Final = 10_000

_STOPS: Final = (AttemptCut, LeaseLost, StoreUnavailable, ModelUnavailable, HandedOver)
"""What ends a run in this process, whatever its agent makes of it."""


class RunOfAgent:
    """Implements `agents.agent.AgentRun` for a run that this process holds."""

    def __init__(self, work: AgentWork, asking: Asking, tree: RunTree | None, prompt: str) -> None:
        """Bind to a run, its questions, its files and what its model is told first."""
        self._work = work
        self._asking = asking
        self._tree = tree
        self._prompt = prompt
        self._notes = self._remembered = 0
        self._noted_before: int | None = None
        self.stopped_by: BaseException | None = None
        """Why the run goes no further here, if it does not: what its agent caught is raised again behind it."""
        self.failed_by: Attempted | None = None
        """The question that failed last."""

    @property
    def id(self) -> str:
        """The id of the run."""
        return self._work.run_id

    @property
    def session(self) -> str | None:
        """The id of the conversation that the run belongs to."""
        return self._work.conversation.session

    @property
    def message(self) -> str:
        """What is asked."""
        return str(self._work.order["task"])

    @property
    def variables(self) -> Mapping[str, Any]:
        """What was given with it."""
        return self._work.given

    @property
    def prompt(self) -> str:
        """The agent's active prompt, filled in, with what is known of the project."""
        return self._prompt

    @property
    def tree(self) -> Path | None:
        """The work tree of the run, if it is on a repository."""
        return None if self._tree is None else self._tree.path

    async def ask(self, message: str | None = None) -> str:
        """Ask the model, and return its words.

        Raises:
            AskFailed: if it did not answer.
        """
        return str((await self._answered(Question(message=self._said(message))))["text"])

    async def ask_for(self, output: type[OutputT], message: str | None = None) -> OutputT:
        """Ask the model for an answer of a type.

        Raises:
            AskFailed: if it did not answer, or answered before the type was changed.
        """
        answered = await self._answered(Question(message=self._said(message), output=output))
        try:
            return output.model_validate(answered)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            message = f"what was answered does not fit {output.__name__}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            raise AskFailed(message, ended_by="error", error_kind="no_output") from error

    async def search(self, text: str, *, groups: Sequence[Group] = (), limit: int = 10) -> tuple[Found, ...]:
        """Look into what is known of the project."""
        return await self._unless_stopped(lambda: self._work.knowledge.search(text, tuple(groups) or ALL_GROUPS, limit))

    async def remember(self, text: str, *, group: Group = Group.CONTEXT) -> None:
        """Keep something for later, once however often the run is begun anew."""
        self._remembered += 1
        key, title = f"{self.id}:remembered:{self._remembered}", " ".join(text.split())[:_TITLE] or "Nothing"
        await self._unless_stopped(lambda: self._work.knowledge.remember(key, text, group, title))

    async def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event for people who watch, once however often the run is begun anew.

        Raises:
            InvalidInput: if the kind is no name, or the data cannot be kept.
        """
        if not _KIND.fullmatch(kind):
            raise InvalidInput(f"{kind[:80]!r} is no kind of a note: up to 40 of a-z, 0-9 and _, a letter first")
        if len(str(data)) > _LARGEST_NOTE:
            raise InvalidInput(f"the note {kind} is too large: at most {_LARGEST_NOTE:,} characters are kept")
        self._notes += 1
        await self._unless_stopped(lambda: self._noted(self._notes, kind, data))

    async def _noted(self, n: int, kind: str, data: Mapping[str, Any]) -> None:
        pool = self._work.installation.database.pool
        if self._noted_before is None:
            row = await fetch_one(pool, "notes_of_run", {"run": self.id})
            self._noted_before = int(row["notes"]) if row else 0
        if n > self._noted_before:
            await record_event(pool, self._work.lease, "agent_note", {"kind": kind, "data": dict(data)})

    async def _answered(self, question: Question) -> Mapping[str, Any]:
        attempted = await self._unless_stopped(lambda: self._asking.ask(question))
        if attempted.ended_by != "done" or attempted.output is None:
            self.failed_by = attempted
            raise AskFailed(attempted.error or attempted.ended_by, ended_by=attempted.ended_by, error_kind=attempted.error_kind)
        return attempted.output

    async def _unless_stopped(self, deed: Callable[[], Awaitable[ResultT]]) -> ResultT:
        if self.stopped_by is not None:
            raise self.stopped_by
        try:
            return await deed()
        except _STOPS as error:
            self.stopped_by = error
            raise

    def _said(self, message: str | None) -> str:
        said = self.message if message is None else message
        if not isinstance(said, str) or not said.strip():
            raise InvalidInput("there is nothing to ask: give a text")
        return said
