"""The replay of a conversation, without a repository: what differs from run to run by itself is no difference, and what was changed is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from executors.in_process import InProcessExecutor
from executors.port import Outcome, Turn
from executors.replaying import ComparingJournal, EndOfRecord, RecordedModels, Scene, recorded_foreign_tools
from executors.replaying_tools import ReplayedTools
from executors.retries import Retries
from executors.terms import Terms
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order
from tools.builtin import builtin_tools

DONE = ToolCallPart("final_result", {"summary": "done"}, tool_call_id="end")
ONCE = Terms(retries=Retries(tries=1))


class Models:
    """Models whose answers are given in order; one that is an error is raised."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def check(self, name: str) -> None:
        del name

    def open(self, name: str, until: Any) -> FunctionModel:
        del until
        return FunctionModel(self._next, model_name=name)

    def setting_of(self, name: str) -> str:
        del name
        return "NO_KEY"

    async def _next(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del messages, info
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return ModelResponse([answer], usage=RequestUsage(input_tokens=10, output_tokens=5))


class Files:
    """A work tree whose files are always as they were."""

    async def after_turn(self, turn: Turn, *, unsure: bool) -> None:
        del turn, unsure


async def nothing_ignored(path: str) -> bool:
    del path
    return False


async def recorded(tree: Path, *answers: Any, models: tuple[str, ...] = ("scripted:demo",)) -> tuple[Outcome, tuple[Turn, ...]]:
    """Run once for real, and return how it ended and what the journal has, by way of JSON."""
    journal = MemoryJournal()
    outcome = await InProcessExecutor(Models(*answers), terms=ONCE).run(order(tree, models=models), journal)
    return outcome, tuple(await journal.turns())


async def replayed(tree: Path, turns: tuple[Turn, ...], ended_by: Any = "done", **changed: Any) -> tuple[Outcome | None, Scene]:
    """Replay what was recorded."""
    asked = order(tree, models=tuple(dict.fromkeys(turn.model for turn in turns)), **changed)
    scene = Scene(order=asked, turns=turns, ended_by=ended_by, error="", tree=Files())
    tools = ReplayedTools(builtin_tools(), scene, nothing_ignored)
    executor = InProcessExecutor(RecordedModels(scene), terms=ONCE, tools=tools, foreign=recorded_foreign_tools(scene))
    try:
        return await executor.run(asked, ComparingJournal(scene)), scene
    except EndOfRecord:
        return None, scene


async def test_an_answer_in_words_is_asked_about_again_as_it_was_then(tmp_path):
    outcome, turns = await recorded(tmp_path, TextPart("I am done."), DONE)

    again, scene = await replayed(tmp_path, turns)

    assert scene.mismatches == []
    assert again is not None
    assert (again.ended_by, again.output) == (outcome.ended_by, outcome.output)


async def test_a_fallback_is_taken_where_it_was_taken(tmp_path):
    refused = ModelHTTPError(400, "one", {"error": {"message": "no"}})
    call = ToolCallPart("list_files", {}, tool_call_id="a")
    _, turns = await recorded(tmp_path, call, refused, DONE, models=("test:one", "test:two"))
    assert [turn.model for turn in turns] == ["test:one", "test:two"]

    again, scene = await replayed(tmp_path, turns)

    assert scene.mismatches == []
    assert again is not None
    assert again.ended_by == "done"


async def test_results_that_never_fitted_end_the_same_way(tmp_path):
    wrong = [ToolCallPart("final_result", {"summary": n}, tool_call_id=f"c{n}") for n in range(6)]
    outcome, turns = await recorded(tmp_path, *wrong)
    assert outcome.error_kind == "no_output"

    again, scene = await replayed(tmp_path, turns, ended_by="error")

    assert scene.mismatches == []
    assert again is not None
    assert (again.ended_by, again.error_kind) == ("error", "no_output")


async def test_a_run_that_a_provider_ended_stops_where_the_record_does(tmp_path):
    call = ToolCallPart("list_files", {}, tool_call_id="a")
    outcome, turns = await recorded(tmp_path, call, ModelHTTPError(400, "demo", {"error": {"message": "no"}}))
    assert outcome.ended_by == "error"

    again, scene = await replayed(tmp_path, turns, ended_by="error")

    assert again is None
    assert scene.mismatches == []


async def test_another_brief_is_another_request(tmp_path):
    _, turns = await recorded(tmp_path, DONE)

    _, scene = await replayed(tmp_path, turns, brief="Workflow: implement\n\nMake it otherwise.")

    assert [(found.turn, found.what) for found in scene.mismatches] == [(1, "the request")]
    assert scene.mismatches[0].now.endswith("Make it otherwise.")


@pytest.mark.parametrize("tools", [("read_file",), ("read_file", "list_files", "search")], ids=["fewer", "more"])
async def test_other_tools_are_another_offer(tmp_path, tools):
    journal = MemoryJournal()
    await InProcessExecutor(Models(DONE), terms=ONCE).run(order(tmp_path, tools=("read_file", "list_files")), journal)
    turns = tuple(await journal.turns())

    _, same = await replayed(tmp_path, turns, tools=("read_file", "list_files"))
    _, other = await replayed(tmp_path, turns, tools=tools)

    assert same.mismatches == []
    assert [found.what for found in other.mismatches] == ["the tools that are offered, what they take, or the form of the result"]


async def test_the_same_call_twice_in_one_turn_says_what_each_said(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    journal = MemoryJournal()

    class Twice(Models):
        async def _next(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            if len(messages) > 1:
                return await super()._next(messages, info)
            calls = [ToolCallPart("run_command", {"command": "date +%N"}, tool_call_id=name) for name in ("a", "b")]
            return ModelResponse(calls, usage=RequestUsage(input_tokens=1, output_tokens=1))

    await InProcessExecutor(Twice(DONE), terms=ONCE).run(order(tmp_path), journal)
    turns = tuple(await journal.turns())
    results: Any = turns[0].results
    said = [part["content"] for part in results[0]["parts"]]
    assert said[0] != said[1]

    again, scene = await replayed(tmp_path, turns)

    assert scene.mismatches == []
    assert again is not None
