"""The events of an agent's run in a conversation, as lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cli.event_line import Data, Line, number, word
from cli.words import many


def _prompt_filled(data: Data) -> Line:
    memories = data.get("memories")
    names = [str(each.get("name")) for each in memories if isinstance(each, Mapping)] if isinstance(memories, list) else []
    key = word(data, "status_key")
    which = f"version {word(data, 'version')}{'' if key in {'', 'default'} else f' of {key}'}"
    return Line(mark="·", text=f"told its prompt, {which}", aside=f"with {', '.join(names)}" if names else "", deep=True)


def _memory_read(data: Data) -> Line:
    return Line(mark="·", text=f"told {many(int(number(data, 'facts')), 'fact')} of what is known of {word(data, 'project')}", deep=True)


def _messages_kept(data: Data) -> Line:
    return Line(mark="·", text=f"{many(int(number(data, 'messages')), 'message')} kept in {word(data, 'session')}", deep=True)


def _episode_queued(data: Data) -> Line:
    return Line(mark="·", text="what came of it waits to be known", aside=word(data, "key"), deep=True)


CONVERSATION_LINES: Final[Mapping[str, Callable[[Data], Line]]] = {
    "prompt_filled": _prompt_filled,
    "memory_read": _memory_read,
    "messages_kept": _messages_kept,
    "episode_queued": _episode_queued,
}
