"""From journaled turns of a gateway to the messages of a conversation, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from executors.port import Turn


def conversation_of(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return the whole conversation as messages of the Messages API, the last answer and its results (if there are any) included."""
    conversation: list[dict[str, Any]] = []
    for turn in turns:
        if turn.request.get("aside"):
            continue
        conversation = [*conversation[: turn.request["kept"]], *turn.request["messages"]]
        conversation.append({"role": "assistant", "content": turn.answer["content"]})
        if turn.results is not None:
            conversation += turn.results["messages"]
    return conversation
