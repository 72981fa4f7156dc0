"""One answer of a model, of a type, or an error that names the model."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

from epics.errors import InvalidInput
from epics.records import Record
from executors.one_answer import OneAnswer


class Colour(Record):
    """What is asked for."""

    name: str


class Source:
    """Has one model, which plays answers in order."""

    def __init__(self, *answers, waits=0):
        self.answers = list(answers)
        self.waits = waits
        self.seen = []

    def check(self, name):
        if name != "openai:x":
            message = f"there is no model {name!r}"
            raise InvalidInput(message)

    def open(self, name, until):
        del until

        async def play(messages, info):
            await asyncio.sleep(self.waits)
            self.seen.append((name, messages[0].instructions))
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, str):
                return ModelResponse(parts=[TextPart(answer)])
            return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, answer)])

        return FunctionModel(play)

    def setting_of(self, name):
        del name
        return "OPENAI_API_KEY"


async def test_it_is_of_the_type_that_was_asked_for():
    source = Source({"name": "red"})

    said = await OneAnswer(source, "openai:x").ask("Name a colour.", "Which?", Colour, most_usd=None)

    assert (said.output, said.problem) == (Colour(name="red"), "")
    assert 0 < said.cost_usd < Decimal("0.02")
    assert source.seen == [("openai:x", "Name a colour.")]


async def test_an_answer_of_another_form_is_asked_for_once_more_and_no_more():
    source = Source({"hue": 3}, {"name": "red"})
    lost = Source({"hue": 3}, {"hue": 3}, {"name": "red"})

    found = await OneAnswer(source, "openai:x").ask("", "Which?", Colour, most_usd=None)
    none = await OneAnswer(lost, "openai:x").ask("", "Which?", Colour, most_usd=None)

    assert found.output == Colour(name="red")
    assert none.output is None
    assert "openai:x" in none.problem
    assert len(lost.answers) == 1
    # Both answers were paid for, whatever they were worth.
    assert none.cost_usd > found.cost_usd / 2 > 0


async def test_a_provider_that_refuses_is_an_error_that_says_what_to_look_at():
    source = Source(ModelHTTPError(status_code=401, model_name="x", body=None))

    said = await OneAnswer(source, "openai:x").ask("", "Which?", Colour, most_usd=None)

    assert (said.output, said.cost_usd) == (None, 0)
    assert "openai:x" in said.problem


async def test_what_could_cost_more_than_the_limit_is_not_asked():
    source = Source({"name": "red"})

    said = await OneAnswer(source, "openai:x").ask("Name a colour.", "Which?", Colour, most_usd=Decimal("0.01"))

    assert (said.output, said.cost_usd, source.seen) == (None, 0, [])
    assert said.problem.endswith("and the limit is $0.01")


async def test_a_call_that_is_cut_off_counts_as_the_most_that_it_can_have_cost():
    source = Source({"name": "red"}, waits=60)

    said = await OneAnswer(source, "openai:x", seconds=0.05).ask("Name a colour.", "Which?", Colour, most_usd=None)

    assert (said.output, said.problem) == (None, "it took longer than 0.05 s")
    assert said.cost_usd > Decimal("0.3")


def test_a_model_that_cannot_be_used_is_refused_at_once():
    with pytest.raises(InvalidInput, match="there is no model"):
        OneAnswer(Source(), "y")
