"""From journaled turns to the messages of a conversation, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_ai import ModelMessagesTypeAdapter
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.usage import UsageBase

from executors.port import Turn, Usage

FINAL = "final_result"
"""The tool that ends a run; its arguments are the typed output."""

_SAID = ("kind", "parts", "instructions")
"""What of a message belongs to the hash of a request; the rest is bookkeeping of the run and differs when the run is gone on with."""


def as_json(messages: Sequence[ModelMessage]) -> Any:
    """Return messages as JSON from which `from_json` makes equal messages."""
    return ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")


def from_json(data: Any) -> list[ModelMessage]:
    """Return the messages of `as_json`, or of one message alone."""
    return ModelMessagesTypeAdapter.validate_python(data if isinstance(data, list) else [data])


def since_answer(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """Return what came after the last answer: what the next call tells the model that it does not know yet."""
    start = len(messages)
    while start and not isinstance(messages[start - 1], ModelResponse):
        start -= 1
    return list(messages[start:])


def history_of(earlier: Sequence[Turn], recorded: Sequence[Turn]) -> list[ModelMessage]:
    """Return the conversation as the journal has it, ready to be gone on with.

    A request holds the results of the turn before it, so only the last turn's results are added by themselves. A last turn of an
    earlier attempt that never got its results is left out: nobody will run its tools, since the tree is another one.
    """
    # Another executor's turns have another form; what they did is in the tree.
    finished = [turn for turn in earlier if isinstance(turn.request, list)]
    if finished and finished[-1].results is None:
        finished.pop()
    turns = [*finished, *recorded]
    history: list[ModelMessage] = []
    for turn in turns:
        history += from_json(turn.request)
        history += from_json(turn.answer)
    if turns and turns[-1].results is not None:
        history += from_json(turns[-1].results)
    return history


def final_output(turn: Turn, output: type[BaseModel]) -> BaseModel | None:
    """Return the typed output that a recorded turn ended the run with; None if it did not."""
    if turn.results is None:
        return None
    accepted = {
        part.tool_call_id
        for message in from_json(turn.results)
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart) and part.tool_name == FINAL
    }
    for message in from_json(turn.answer):
        for part in message.parts:
            if isinstance(part, ToolCallPart) and part.tool_name == FINAL and part.tool_call_id in accepted:
                try:
                    return output.model_validate(part.args_as_dict())
                except ValidationError:
                    continue
    return None


def usage_of(answer: ModelResponse) -> Usage:
    """Return the tokens of an answer; the cached ones are among the input tokens."""
    return usage_in(answer.usage)


def usage_in(seen: UsageBase) -> Usage:
    """Return what pydantic-ai counted, as Genie counts; the cached tokens are among the input tokens."""
    return Usage(
        input_tokens=seen.input_tokens,
        output_tokens=seen.output_tokens,
        cache_read_tokens=seen.cache_read_tokens,
        cache_write_tokens=seen.cache_write_tokens,
    )


def offered(parameters: ModelRequestParameters) -> list[list[Any]]:
    """Return what a request offers: each tool with what it says of itself and its schema, that of the output type among them."""
    tools = (*parameters.function_tools, *parameters.output_tools)
    return [[tool.name, tool.description, tool.parameters_json_schema] for tool in tools]


def request_hash(messages: Sequence[ModelMessage], tools: Sequence[Any]) -> str:
    """Return what identifies a request: everything that is said and offered, and nothing of when and by which run.

    Args:
        messages: the conversation up to the request.
        tools: what is offered, as `offered` has it; releases before the time machine gave the names alone.
    """
    content = json.dumps([said_in(as_json(messages)), list(tools)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()


def said_in(messages: Any) -> list[dict[str, Any]]:
    """Return what the messages of `as_json` say, without what differs from run to run."""
    return [{key: _timeless(message.get(key)) for key in _SAID} for message in messages]


def _timeless(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _timeless(inner) for key, inner in value.items() if key != "timestamp"}
    if isinstance(value, list):
        return [_timeless(inner) for inner in value]
    return value
