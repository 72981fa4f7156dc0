"""What every agent written in Python promises, those that come with Genie and the one that is made to begin with."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from pydantic import BaseModel
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, ToolReturnPart, UserPromptPart

from agents.catalog import Catalog
from agents.making import make_agent
from agents.python_agent import Answer
from agents.python_loading import load_agent
from engine.runs.living import live
from epics.knowledge import Group
from executors.conversation import as_json, from_json
from executors.in_process import InProcessExecutor
from executors.port import Talk
from executors.scripts import Script
from executors.talking import messages_of
from executors.terms import Terms
from tests.fakes.journal import MemoryJournal
from tests.fakes.orders import order
from tests.fakes.played_model import PlayedModels
from tools.declaring import AgentTool

HISTORY = tuple(
    as_json([ModelRequest(parts=[UserPromptPart("What is red?")]), ModelResponse(parts=[TextPart("A rose.")])]),
)


class Colour(BaseModel):
    """An answer with a type."""

    name: str


class TalkingRun:
    """One run of an agent, whose model follows a script; remembers what was asked."""

    id, session, prompt, variables = "r-0123456789", "s-0123456789", "Be brief.", {"a": "b"}

    def __init__(self, agent, tree, *turns, message="And blue?"):
        script = Script.model_validate({"plays": [{"workflow": "", "turns": [{"say": "…", "ends": True}, *turns]}]})
        self.models = PlayedModels(script)
        self.executor = InProcessExecutor(self.models, terms=Terms(floor_tokens=300))
        self.agent, self.tree, self.message = agent, tree, message
        self.journals, self.orders = [], []

    async def ask(self, message=None):
        return str((await self.answered(message))["text"])

    async def ask_for(self, output, message=None):
        return output.model_validate(await self.answered(message, output))

    async def answered(self, message, output=None):
        own = tuple(tool for tool in self.agent.made_by.tools if isinstance(tool, AgentTool))
        talk = Talk(prompt=self.prompt, history=HISTORY, tools=own, in_words=output is None)
        asked = order(self.tree, workflow="", output=output or Answer, tools=("read_file",))
        self.orders.append(replace(asked, brief=message or self.message, talk=talk))
        self.journals.append(MemoryJournal())
        return dict((await self.executor.run(self.orders[-1], self.journals[-1])).output or {})

    async def search(self, text, *, groups=(), limit=10):
        raise NotImplementedError

    async def remember(self, text, *, group=Group.CONTEXT):
        raise NotImplementedError

    async def note(self, kind, data):
        raise NotImplementedError


def words_in(messages):
    """What is said in messages, part by part."""
    parts = [part for message in messages for part in message.parts]
    return [str(part.content) for part in parts if isinstance(part, UserPromptPart | TextPart | ToolReturnPart)]


def created(tmp_path):
    return load_agent(make_agent("word_counter", tmp_path / "made", ()).parent)


@pytest.fixture(params=["simple", "claude_code", "created"])
def agent(request, tmp_path):
    return created(tmp_path) if request.param == "created" else Catalog.discover(points=()).get(request.param)


@pytest.fixture
def tree(tmp_path):
    made = tmp_path / "tree"
    made.mkdir()
    return made


def watched(agent, log, **steps):
    """The agent, with what is done to its object in a log, and other steps in place of its own."""

    class Watched(agent.made_by):
        async def prepare(self, run):
            log.append("prepare")
            await steps.get("prepare", super().prepare)(run)

        async def run(self, run):
            log.append("run")
            return await steps.get("run", super().run)(run)

        async def cleanup(self, run):
            await super().cleanup(run)
            log.append("cleanup")

    return replace(agent, made_by=Watched)


async def fails(run):
    raise LookupError(run.id)


async def waits(run):
    del run
    await asyncio.Event().wait()


async def test_it_answers_in_words_what_was_said(agent, tree):
    run, log = TalkingRun(agent, tree, {"say": "The sky.", "ends": True}), []

    outcome = await live(watched(agent, log), run, 10)

    assert (outcome.ended_by, outcome.output) == ("done", {"text": "The sky."})
    assert log == ["prepare", "run", "cleanup"]
    assert [each.brief for each in run.orders] == ["And blue?"]


@pytest.mark.parametrize(
    "steps, log, ended_by",
    [
        ({"prepare": fails}, ["prepare", "cleanup"], "error"),
        ({"run": fails}, ["prepare", "run", "cleanup"], "error"),
        ({"run": waits}, ["prepare", "run", "cleanup"], "timeout"),
        ({"prepare": waits}, ["prepare", "cleanup"], "timeout"),
    ],
    ids=["prepare fails", "run fails", "run takes too long", "prepare takes too long"],
)
async def test_what_was_prepared_is_cleaned_up_whatever_happens(agent, tree, steps, log, ended_by):
    seen = []

    outcome = await live(watched(agent, seen, **steps), TalkingRun(agent, tree), 0.05)

    assert (seen, outcome.ended_by) == (log, ended_by)


async def test_a_cancel_cleans_up_too_and_goes_on(agent, tree):
    log = []
    life = asyncio.create_task(live(watched(agent, log, run=waits), TalkingRun(agent, tree), 10))
    while "run" not in log:
        await asyncio.sleep(0)

    life.cancel()
    await asyncio.wait({life})

    assert (life.cancelled(), log) == (True, ["prepare", "run", "cleanup"])


async def test_its_model_is_told_the_prompt_and_what_was_said_before(agent, tree):
    run = TalkingRun(agent, tree, {"say": "The sky.", "ends": True})

    await live(agent, run, 10)

    (told,) = run.models.asked
    assert words_in(told) == ["What is red?", "A rose.", "And blue?"]
    assert [each.instructions for each in told if isinstance(each, ModelRequest)][-1] == "Be brief."


async def test_what_a_conversation_keeps_is_what_was_said_and_ends_with_an_answer(agent, tree):
    run = TalkingRun(agent, tree, {"say": "The sky.", "ends": True})
    await live(agent, run, 10)

    kept = messages_of(run.orders[0], await run.journals[0].turns(), {"text": "The sky."})

    assert words_in(from_json(kept)) == ["And blue?", "The sky."]


async def test_an_answer_of_a_type_is_kept_as_one_that_can_be_talked_about(agent, tree):
    run = TalkingRun(agent, tree, {"output": {"name": "blue"}})

    answer = await run.ask_for(Colour)

    kept = from_json(messages_of(run.orders[0], await run.journals[0].turns(), answer.model_dump()))
    assert answer == Colour(name="blue")
    assert isinstance(kept[-1], ModelResponse)


async def test_an_answer_that_is_recorded_is_not_bought_again(agent, tree):
    run = TalkingRun(agent, tree, {"calls": [{"tool": "read_file", "arguments": {"path": "nowhere"}}]}, {"say": "No.", "ends": True})
    await live(agent, run, 10)

    for known, bought in ((1, 1), (2, 0)):
        journal = run.journals[0].up_to(known)
        again = await run.executor.run(run.orders[0], journal)

        assert (again.output, journal.log.count("reserved")) == ({"text": "No."}, bought)


async def test_the_tool_of_the_one_that_is_made_is_called_and_what_it_cannot_do_is_told(tmp_path, tree):
    agent = created(tmp_path)
    calls = [{"calls": [{"tool": "count_words", "arguments": given}]} for given in ({"text": "one two"}, {"words": 3})]
    run = TalkingRun(agent, tree, *calls, {"say": "Two.", "ends": True})

    outcome = await live(agent, run, 10)

    results = [words for words in words_in(run.models.asked[-1]) if "words" in words or "fit" in words]
    assert outcome.output == {"text": "Two."}
    assert results[0] == "2 words"
    assert "do not fit" in results[1]
