"""A model without a network that follows a script, and the source that hands it out."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from executors.conversation import since_answer
from executors.scripts import Script
from tests.fakes.playing import next_turn


class PlayedModels:
    """Where models come from that follow a script; counts what they were asked."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[list[ModelMessage]] = []
        self.max_tokens: list[int] = []

    def check(self, name: str) -> None:
        del name

    def open(self, name: str, until: AsyncExitStack) -> Model:
        del until
        return FunctionModel(self._answer, model_name=name.rpartition(":")[2])

    def setting_of(self, name: str) -> str:
        del name
        return "NO_KEY"

    async def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.asked.append(messages)
        self.max_tokens.append((info.model_settings or {}).get("max_tokens", 0))
        await asyncio.sleep(self._script.pause_s)
        answers = sum(isinstance(message, ModelResponse) for message in messages)
        turn = next_turn(self._script, _prompt(messages), answers, _results(messages))
        parts: list[TextPart | ToolCallPart] = [TextPart(turn.say)] if turn.say else []
        for number, call in enumerate(turn.all_calls):
            parts.append(ToolCallPart(call.tool, dict(call.arguments), tool_call_id=f"call-{answers}-{number}"))
        if turn.output is not None:
            parts.append(ToolCallPart("final_result", dict(turn.output), tool_call_id=f"final-{answers}"))
        return ModelResponse(parts, usage=RequestUsage(input_tokens=turn.input_tokens, output_tokens=turn.output_tokens))


def _prompt(messages: list[ModelMessage]) -> str:
    parts = [part for message in messages if isinstance(message, ModelRequest) for part in message.parts]
    return next(str(part.content) for part in parts if isinstance(part, UserPromptPart))


def _results(messages: list[ModelMessage]) -> str:
    parts = [part for message in since_answer(messages) for part in message.parts]
    return "\n".join(str(part.content) for part in parts if isinstance(part, ToolReturnPart))
