"""From journaled turns of a gateway to the messages of a conversation, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from executors.gateway.requests import bare
from executors.port import Turn, Usage

PROTOCOL: Final = "anthropic"
"""What the JSON of turns that a gateway recorded says of itself."""

Message = Mapping[str, Any]


def conversation_of(turns: Sequence[Turn]) -> list[Message]:
    """Return the whole conversation as messages of the Messages API, the last answer and its results (if there are any) included."""
    conversation: list[Message] = []
    for turn in turns:
        conversation = grown(conversation, turn)
        if turn.results is not None:
            conversation += turn.results["messages"]
    return conversation


def grown(conversation: Sequence[Message], turn: Turn) -> list[Message]:
    """Return a conversation with a turn's request and answer; one beside the conversation adds nothing."""
    if turn.request.get("aside"):
        return list(conversation)
    return [*conversation[: turn.request["kept"]], *turn.request["messages"], {"role": "assistant", "content": turn.answer["content"]}]


def kept_of(conversation: Sequence[Message], messages: Sequence[Message]) -> int:
    """Return how many messages of the conversation stand unchanged at the front of a request."""
    kept = 0
    for known, sent in zip(conversation, messages, strict=False):
        if known != sent and not _same(known, sent):
            break
        kept += 1
    return kept


def since_answer(messages: Sequence[Message]) -> list[Message]:
    """Return what came after the last answer."""
    start = len(messages)
    while start and messages[start - 1].get("role") != "assistant":
        start -= 1
    return list(messages[start:])


def calls_in(answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the calls of tools in an answer that the CLI runs, by their ids."""
    return {block["id"]: block for block in blocks_of(answer) if block.get("type") == "tool_use"}


def results_in(messages: Sequence[Message]) -> dict[str, Mapping[str, Any]]:
    """Return the results of tools in messages, by the ids of their calls."""
    blocks = (block for message in messages for block in blocks_of(message))
    return {block.get("tool_use_id", ""): block for block in blocks if block.get("type") == "tool_result"}


def tells(messages: Sequence[Message], answer: Mapping[str, Any]) -> bool:
    """Say whether a request was made by somebody who has this answer: it has the results of its calls, or ends with its words."""
    if calls := calls_in(answer):
        return calls.keys() <= results_in(messages).keys()
    given = [message for message in messages if message.get("role") == "assistant"]
    return bool(given) and text_of(given[-1]) == text_of(answer)


def rest_of(answer: Mapping[str, Any], since: Sequence[Message]) -> dict[str, Any]:
    """Return what is left of an answer for a CLI that got its beginning only, which is in the messages since its request."""
    had = "\n".join(text_of(message) for message in since if message.get("role") == "assistant")
    left = [block for block in blocks_of(answer) if not (block.get("type") == "text" and had and str(block.get("text", "")) in had)]
    return {**answer, "content": left or blocks_of(answer)}


def text_of(message: Mapping[str, Any]) -> str:
    """Return the words of a message."""
    return "\n".join(str(block.get("text", "")) for block in blocks_of(message) if block.get("type") == "text")


def words_of(message: Message) -> str:
    """Return all that a message tells in words: a CLI puts what a person says to it into the results of the tools that it was running."""
    told = [text_of({"content": block.get("content")}) for block in blocks_of(message) if block.get("type") == "tool_result"]
    return "\n".join((text_of(message), *told))


def blocks_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the blocks of a message; text alone is one."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []


def usage_of(answer: Mapping[str, Any]) -> Usage:
    """Return the tokens of an answer; the cached ones are among the input tokens."""
    seen = answer.get("usage") or {}
    read, written = seen.get("cache_read_input_tokens") or 0, seen.get("cache_creation_input_tokens") or 0
    return Usage(
        input_tokens=(seen.get("input_tokens") or 0) + read + written,
        output_tokens=seen.get("output_tokens") or 0,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _same(known: Message, sent: Message) -> bool:
    if known.get("role") != sent.get("role"):
        return False
    if known.get("role") == "assistant" and (calls := calls_in(known)):
        # The CLI leaves out what it does not need of its own answers; their calls are theirs alone.
        return calls.keys() == calls_in(sent).keys()
    if known.get("role") == "assistant":
        return text_of(known) == text_of(sent)
    return bool(bare(known) == bare(sent))
