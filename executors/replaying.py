"""Replaying what was recorded of an in-process attempt: the recorded answers are given, and what comes of them now is compared.

No model is asked, and nothing is recorded. Tools that only read or write files run in a work tree of the replay's own; commands and the
tools of other servers are given what they said then. Whatever differs, the conversation goes on as it was recorded, so that one difference
does not become many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic_ai import Tool
from pydantic_ai.exceptions import ContentFilterError, ToolFailed
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset

from epics.errors import BudgetSpent
from executors import port
from executors.conversation import as_json, from_json, offered, request_hash, said_in, since_answer
from executors.ledger import Ledger
from executors.port import Ask, EndedBy, Journal, Order, Paid, Reservation, Turn

_FOREIGN: Final = "mcp__"
_ANYTHING: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}


class EndOfRecord(Exception):
    """There is nothing recorded to go on with."""


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """Something that is not as it was recorded, and in which turn."""

    turn: int
    what: str
    recorded: str
    now: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a tool said."""

    content: Any
    failed: bool = False


class ReplayedTree(Protocol):
    """The work tree of a replay."""

    async def after_turn(self, turn: Turn, *, unsure: bool) -> tuple[str, str] | None:
        """Hold the files against what was recorded after a turn; put them to it where `unsure` says that they cannot be as they were.

        Returns the tree that was recorded and the one that is there, where they differ without a reason.
        """
        ...


@dataclass(kw_only=True)
class Scene:
    """Where the replay of one attempt is, and what it found."""

    order: Order
    turns: Sequence[Turn]
    ended_by: EndedBy
    error: str
    tree: ReplayedTree
    said: Mapping[int, tuple[port.Said, ...]] = field(default_factory=dict)
    """What people said that the request of a turn was the first to tell."""
    at: int = 0
    """How many recorded answers were given."""
    unsure: bool = False
    """Whether something was not run again in this turn that may have changed files."""
    foreign: bool = False
    """Whether something was not run again that may have left files behind which git ignores."""
    mismatches: list[Mismatch] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    _used: set[str] = field(default_factory=set)

    @property
    def turn(self) -> Turn:
        """The turn whose answer was given last."""
        return self.turns[self.at - 1]

    def differs(self, what: str, recorded: object, now: object, *, turn: int | None = None) -> None:
        """Note a difference."""
        self.mismatches.append(Mismatch(turn=turn or self.at, what=what, recorded=str(recorded), now=str(now)))

    def answer(self, model: str, messages: list[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        """Compare a request with the recorded one, and give the recorded answer.

        Raises:
            EndOfRecord: if no further answer was recorded.
            ContentFilterError: if another model gave the next one.
        """
        if self.at >= len(self.turns):
            if self.ended_by == "done":
                self.differs("the end of the run", "the result was accepted", "the agent is asked once more", turn=self.at)
            raise EndOfRecord
        turn = self.turns[self.at]
        if turn.model != model:
            message = f"the record has the next answer from {turn.model}"
            raise ContentFilterError(message)
        self._compare_request(turn, messages, parameters)
        answers = from_json(turn.answer)
        self._used.clear()
        self.at += 1
        return next(message for message in answers if isinstance(message, ModelResponse))

    def _compare_request(self, turn: Turn, messages: list[ModelMessage], parameters: ModelRequestParameters) -> None:
        recorded, now = said_in(turn.request), said_in(as_json(since_answer(messages)))
        if recorded != now:
            self.differs("the request", *_first_difference(recorded, now), turn=turn.n)
        # An import whose texts had secrets does not know any more what was asked to the letter.
        if self.order.workflow.mcp_servers or not turn.request_hash:
            return
        before = [message for earlier in self._before() for message in (*from_json(earlier.request), *from_json(earlier.answer))]
        said = [*before, *from_json(turn.request)]
        tools = offered(parameters)
        if turn.request_hash not in {request_hash(said, tools), request_hash(said, [tool[0] for tool in tools])}:
            names = ", ".join(tool[0] for tool in tools)
            self.differs("the tools that are offered, what they take, or the form of the result", "others", names, turn=turn.n)

    def _before(self) -> list[Turn]:
        continued = [turn for turn in self.order.continues if isinstance(turn.request, list)]
        if continued and continued[-1].results is None:
            continued.pop()
        return [*continued, *self.turns[: self.at]]

    def said_then(self, name: str, given: Mapping[str, Any]) -> Said | None:
        """What a call of the present turn was recorded to say; None where the record was cut off before it did."""
        results = {
            part.tool_call_id: part
            for message in from_json(self.turn.results or [])
            if isinstance(message, ModelRequest)
            for part in message.parts
            if isinstance(part, ToolReturnPart)
        }
        for message in from_json(self.turn.answer):
            for call in message.parts:
                if not isinstance(call, ToolCallPart) or call.tool_name != name or call.tool_call_id in self._used:
                    continue
                if call.args_as_dict() == dict(given) and call.tool_call_id in results:
                    self._used.add(call.tool_call_id)
                    part = results[call.tool_call_id]
                    return Said(content=part.content, failed=part.outcome != "success")
        return None


class RecordedModels:
    """Where models come from in a replay: each gives the answers that were recorded of it."""

    def __init__(self, scene: Scene) -> None:
        """Bind to the replay of one attempt."""
        self._scene = scene

    def check(self, name: str) -> None:
        """Take any name: nobody is asked."""
        del name

    def open(self, name: str, until: AsyncExitStack) -> Model:
        """Return what stands for the model of that name."""
        del until
        return _RecordedModel(name, self._scene)

    def setting_of(self, name: str) -> str:
        """Name no setting: no key is needed."""
        del name
        return "no key"


class _RecordedModel(Model):
    def __init__(self, name: str, scene: Scene) -> None:
        super().__init__()
        self._name = name
        self._scene = scene

    @property
    def model_name(self) -> str:
        return self._name

    @property
    def system(self) -> str:
        return "recorded"

    def prepare_messages(
        self, messages: list[ModelMessage], model_request_parameters: ModelRequestParameters | None = None
    ) -> list[ModelMessage]:
        # Compared with what was said, and not with one model's form of it.
        del model_request_parameters
        return messages

    async def request(
        self, messages: list[ModelMessage], model_settings: ModelSettings | None, model_request_parameters: ModelRequestParameters
    ) -> ModelResponse:
        del model_settings
        return self._scene.answer(self._name, messages, model_request_parameters)


class ComparingJournal:
    """Implements `executors.port.Journal` without keeping anything: what would be recorded is compared with what was."""

    def __init__(self, scene: Scene) -> None:
        """Bind to the replay of one attempt."""
        self._scene = scene

    async def turns(self) -> tuple[Turn, ...]:
        """Nothing: the run begins from its start."""
        return ()

    async def reserve(self, ask: Ask) -> Reservation:
        """Let a call be made that was made then, and refuse the one that was refused."""
        scene = self._scene
        if scene.at >= len(scene.turns) and scene.ended_by == "budget":
            raise BudgetSpent(scene.error)
        # An answer that a limit cut short is judged otherwise than one that was too long by itself.
        shorter = 1 if scene.ended_by == "budget" and scene.at + 1 == len(scene.turns) else 0
        return Reservation(id=0, max_tokens=ask.max_tokens - shorter)

    async def release(self, reservation: Reservation, *, reason: str) -> None:
        """Forget a reservation: nothing was held."""
        del reservation, reason

    async def answered(self, turn: Turn, paid: Paid) -> None:
        """Take note of nothing: the answer is the recorded one, and was paid for then."""
        del turn, paid

    async def completed(self, n: int, *, results: Any, changed: bool) -> None:  # JSON of the executor's own
        """Compare the results of a turn, and the files after it."""
        del changed
        scene, turn = self._scene, self._scene.turns[n - 1]
        if turn.results is None:
            raise EndOfRecord
        recorded, now = said_in(turn.results), said_in(results)
        if recorded != now:
            scene.differs("the results", *_first_difference(recorded, now), turn=n)
        trees = await scene.tree.after_turn(turn, unsure=scene.unsure)
        if trees is not None:
            scene.differs("the files", *trees, turn=n)
        scene.unsure = False

    async def said(self) -> tuple[port.Said, ...]:
        """What the request that comes now told then."""
        scene = self._scene
        return scene.said.get(scene.turns[scene.at].n, ()) if scene.at < len(scene.turns) else ()

    async def noted(self, kind: str, data: Mapping[str, Any]) -> None:
        """Tell nobody."""
        del kind, data


def recorded_foreign_tools(scene: Scene) -> Any:
    """Open, in the place of other servers' tools, ones that say what was recorded: to ask a server anew could change the world."""

    async def opened(order: Order, journal: Journal, ledger: Ledger, stack: AsyncExitStack) -> list[AbstractToolset[None]]:
        del order, journal, stack
        parts = [part for turn in scene.turns for message in from_json(turn.answer) for part in message.parts]
        called = [part.tool_name for part in parts if isinstance(part, ToolCallPart) and part.tool_name.startswith(_FOREIGN)]
        return [FunctionToolset([_recorded_tool(name, scene, ledger) for name in dict.fromkeys(called)])] if called else []

    return opened


def _recorded_tool(name: str, scene: Scene, ledger: Ledger) -> Tool[None]:
    async def call(**given: Any) -> Any:
        ledger.changed = scene.unsure = scene.foreign = True
        said = scene.said_then(name, given)
        if said is None:
            raise EndOfRecord
        if said.failed:
            raise ToolFailed(str(said.content))
        return said.content

    return Tool.from_schema(call, name, "A tool of another server; it says what was recorded.", _ANYTHING, sequential=True)


def _first_difference(recorded: Any, now: Any) -> tuple[str, str]:
    """The first parts that differ, as deep as both have the same form."""
    if isinstance(recorded, Mapping) and isinstance(now, Mapping):
        for key in (*recorded, *(key for key in now if key not in recorded)):
            if recorded.get(key) != now.get(key):
                return _first_difference(recorded.get(key), now.get(key))
    if isinstance(recorded, list) and isinstance(now, list):
        for one, other in zip(recorded, now, strict=False):
            if one != other:
                return _first_difference(one, other)
        if len(recorded) != len(now):
            return f"{len(recorded)} parts", f"{len(now)} parts"
    return str(recorded), str(now)
