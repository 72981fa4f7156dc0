"""An order that is a part of a conversation: what its agent is told and given, how it ends, and what the conversation keeps of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_ai import ToolOutput
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, UserPromptPart

from executors.conversation import FINAL, as_json, final_output, from_json, history_of
from executors.port import Order, Turn


def output_type(order: Order) -> Any:  # pydantic-ai's form of it
    """Return what ends the conversation with the model: words, or a call that hands the result back."""
    if order.talk is not None and order.talk.in_words:
        return str
    return ToolOutput(order.workflow.output, name=FINAL, description="Hand back the result; this ends the task.")


def told_before(order: Order, recorded: Sequence[Turn]) -> list[ModelMessage]:
    """Return the conversation as it stands when the order is begun, or gone on with."""
    earlier = from_json(list(order.talk.history)) if order.talk is not None else []
    return [*earlier, *history_of(() if order.talk is not None else order.continues, recorded)]


def ended_with(order: Order, recorded: Sequence[Turn]) -> BaseModel | None:
    """Return what the last recorded turn ended the order with; None if it did not."""
    if not recorded:
        return None
    if order.talk is None or not order.talk.in_words:
        return final_output(recorded[-1], order.workflow.output)
    answer = from_json(recorded[-1].answer)[-1]
    if any(isinstance(part, ToolCallPart) for part in answer.parts):
        return None
    text = "".join(part.content for part in answer.parts if isinstance(part, TextPart))
    return order.workflow.output.model_validate({"text": text}) if text else None


def told_by(words: str) -> tuple[ModelMessage, ...]:
    """Return what somebody says, as a message."""
    return (ModelRequest(parts=[UserPromptPart(words)]),)


def messages_of(order: Order, recorded: Sequence[Turn], output: Mapping[str, Any]) -> list[Any]:
    """Return what a conversation keeps of an order that was done, as JSON of the provider's messages; it ends with an answer.

    Of an executor whose turns have a form of their own it is what was said and what was answered.
    """
    words = str(output["text"]) if order.talk is not None and order.talk.in_words else json.dumps(output, ensure_ascii=False)
    has_messages = bool(recorded) and isinstance(recorded[0].request, list)
    messages = history_of((), recorded) if has_messages else [*told_by(order.brief)]
    if not isinstance(messages[-1], ModelResponse):
        # The result of a call that handed something back is no answer, and what is said next would run into it.
        messages.append(ModelResponse(parts=[TextPart(words)]))
    return list(as_json(messages))
