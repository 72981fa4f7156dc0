"""What of a long conversation a model is told again: whole exchanges that fit a budget, and of older ones a few words each.

Messages are JSON as pydantic-ai writes it. An exchange is a request with something that a person said, and all up to the next such request:
answers, and requests with what their tool calls returned. The rule is a pure function of the messages and the budget, so a run that goes on
after a crash is told what it was told before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents.rendering import fenced

SUMMARY_SHARE: Final = 8
"""A summary takes at most this part of the budget, such as an eighth."""

_LINE_CHARS: Final = 160
_BYTES_PER_TOKEN: Final = 3
"""Rather too many tokens than too few: ordinary text has four bytes for each."""
_RETURNS: Final = frozenset({"tool-return", "retry-prompt"})

Message = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Exchange:
    messages: tuple[Message, ...]
    tokens: int


def tokens_in(message: Message) -> int:
    """About how many tokens a message has; what it was told first is not counted, since that is told anew."""
    said = [{key: value for key, value in part.items() if key != "timestamp"} for part in message.get("parts", ())]
    return len(json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN + 1


def window(messages: Sequence[Message], budget: int, *, untold: int = 0) -> list[Message]:
    """What a model is told of a conversation, oldest first.

    Args:
        messages: the newest messages, in their order.
        budget: tokens, as `tokens_in` counts them, that all of it has at most.
        untold: how many messages came before these.
    """
    exchanges = [exchange for exchange in map(_whole, _exchanges(messages)) if exchange is not None]
    if not untold and sum(exchange.tokens for exchange in exchanges) <= budget:
        return _in_turn(message for exchange in exchanges for message in exchange.messages)
    room, kept = budget - budget // SUMMARY_SHARE, list[_Exchange]()
    while exchanges and exchanges[-1].tokens <= room:
        kept.insert(0, exchanges.pop())
        room -= kept[0].tokens
    summary = _summary(exchanges, budget // SUMMARY_SHARE, untold=untold)
    told = [message for exchange in kept for message in exchange.messages]
    return _in_turn(told if summary is None else [summary, *told])


def _exchanges(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """What belongs together; messages before the first thing that was said belong to nothing, and are left out."""
    current: list[Message] | None = None
    for message in messages:
        if message.get("kind") == "request" and any(part.get("part_kind") == "user-prompt" for part in message.get("parts", ())):
            if current is not None:
                yield current
            current = [message]
        elif current is not None:
            current.append(message)
    if current is not None:
        yield current


def _whole(messages: Sequence[Message]) -> _Exchange | None:
    """An exchange as far as it leaves no call open; None if that is nowhere: what nobody answered is not told again."""
    whole, open_calls, expected = 0, frozenset[str](), "response"
    for place, message in enumerate(messages[1:], 1):
        if message.get("kind") != expected:
            break
        if expected == "response":
            open_calls, expected = _calls(message), "request"
            whole = whole if open_calls else place + 1
        else:
            if _returned(message) != open_calls:
                break
            # An answer of a type is a call that ends the exchange, and this says that it was taken.
            whole = place + 1 if open_calls else whole
            expected = "response"
    kept = tuple(messages[:whole])
    return _Exchange(messages=kept, tokens=sum(map(tokens_in, kept))) if kept else None


def _calls(message: Message) -> frozenset[str]:
    return frozenset(str(part.get("tool_call_id")) for part in message.get("parts", ()) if part.get("part_kind") == "tool-call")


def _returned(message: Message) -> frozenset[str]:
    """The calls that a request answers; a retry that is about no call, but about a text, answers none."""
    return frozenset(
        str(part.get("tool_call_id"))
        for part in message.get("parts", ())
        if part.get("part_kind") in _RETURNS and (part["part_kind"] == "tool-return" or part.get("tool_name"))
    )


def _summary(older: Sequence[_Exchange], budget: int, *, untold: int) -> Message | None:
    """A request that says of exchanges what they were about, the newest of them; None if there is nothing, or no room to say it."""
    lines, left_out = list[str](), len(older)
    while left_out:
        more = [_line(older[left_out - 1]), *lines]
        if tokens_in(_saying(more, left_out - 1, untold)) > budget:
            break
        lines, left_out = more, left_out - 1
    if not lines and not left_out and not untold:
        return None
    said = _saying(lines, left_out, untold)
    return said if tokens_in(said) <= budget else None


def _saying(lines: Sequence[str], left_out: int, untold: int) -> Message:
    before = f" {left_out} exchanges before these are left out." if left_out else ""
    before += " There was more before." if untold else ""
    text = (
        f"Earlier in this conversation, shortened:{before}\n{fenced(chr(10).join(lines))}"
        if lines
        else f"This conversation has a past:{before}"
    )
    return {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": text}]}


def _line(exchange: _Exchange) -> str:
    tools = sorted(
        {part["tool_name"] for message in exchange.messages for part in message["parts"] if part.get("part_kind") == "tool-call"}
    )
    with_tools = f" (with {', '.join(tools)})" if tools else ""
    return f"- asked: {_said(exchange.messages[0], 'user-prompt')} / answered{with_tools}: {_said(exchange.messages[-1], 'text')}"


def _said(message: Message, kind: str) -> str:
    texts = [_text(part.get("content")) for part in message.get("parts", ()) if part.get("part_kind") == kind]
    text = " ".join(" ".join(texts).split())
    return text if len(text) <= _LINE_CHARS else f"{text[: _LINE_CHARS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return " ".join(each if isinstance(each, str) else "[a file]" for each in content)
    return ""


def _in_turn(messages: Iterable[Message]) -> list[Message]:
    """Requests and answers by turns: what two requests in a row say is said in one."""
    told = list[Message]()
    for message in messages:
        if told and told[-1]["kind"] == message["kind"]:
            told[-1] = {**message, "parts": [*told[-1]["parts"], *message["parts"]]}
        else:
            told.append(message)
    return told
