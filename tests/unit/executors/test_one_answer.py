"""One answer of a model, of a type, or an error that names the model."""

from __future__ import annotations

import pytest
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

from epics.errors import InvalidInput, ModelUnavailable
from epics.records import Record
from executors.one_answer import OneAnswer


class Colour(Record):
    """What is asked for."""

    name: str


class Source:
    """Has one model, which plays answers in order."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []

    def check(self, name):
        if name != "openai:x":
            message = f"there is no model {name!r}"
            raise InvalidInput(message)

    def open(self, name, until):
        del until

        def play(messages, info):
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

    colour = await OneAnswer(source, "openai:x").ask("Name a colour.", "Which?", Colour)

    assert colour == Colour(name="red")
    assert source.seen == [("openai:x", "Name a colour.")]


async def test_an_answer_of_another_form_is_asked_for_once_more_and_no_more():
    source = Source({"hue": 3}, {"name": "red"})
    lost = Source({"hue": 3}, {"hue": 3}, {"name": "red"})

    assert await OneAnswer(source, "openai:x").ask("", "Which?", Colour) == Colour(name="red")
    with pytest.raises(ModelUnavailable, match="openai:x"):
        await OneAnswer(lost, "openai:x").ask("", "Which?", Colour)
    assert len(lost.answers) == 1


async def test_a_provider_that_refuses_is_an_error_that_says_what_to_look_at():
    source = Source(ModelHTTPError(status_code=401, model_name="x", body=None))

    with pytest.raises(ModelUnavailable, match="openai:x"):
        await OneAnswer(source, "openai:x").ask("", "Which?", Colour)


def test_a_model_that_cannot_be_used_is_refused_at_once():
    with pytest.raises(InvalidInput, match="there is no model"):
        OneAnswer(Source(), "y")
