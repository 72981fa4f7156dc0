"""Where a CLI begins: with the brief, or in the middle of a conversation that the journal has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from executors.gateway.conversation import conversation_of
from executors.port import Order, Turn

GO_ON: Final = "You were interrupted for a moment. Go on with the task where you are."


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The conversation that the CLI is given as its own, and what it is told then."""

    messages: tuple[Mapping[str, Any], ...]
    prompt: str


def beginning_of(order: Order, recorded: Sequence[Turn]) -> Beginning:
    """Return where the CLI begins.

    An answer whose tools had not all ended is not in the conversation: the gateway gives it again as soon as the CLI asks, and its tools
    run then, in the tree that the turn before has left.

    Args:
        order: what is asked, with the turns of an earlier attempt that it continues.
        recorded: the attempt's own turns.
    """
    turns = [turn for turn in (*order.continues, *recorded) if _is_ours(turn)]
    messages = conversation_of(turns)
    is_open = bool(turns) and turns[-1].results is None
    if is_open:
        messages.pop()
    own = [turn for turn in recorded if _is_ours(turn)]
    if not own:
        return Beginning(messages=tuple(messages), prompt=order.brief)
    if len(own) == 1 and is_open and len(turns) == 1:
        # Only the brief has been sent: sent once more, it is the same request.
        return Beginning(messages=(), prompt=order.brief)
    return Beginning(messages=tuple(messages), prompt=GO_ON)


def answers_of(recorded: Sequence[Turn]) -> tuple[str, ...]:
    """Return the ids of the answers that a CLI got in its conversation."""
    return tuple(str(turn.answer.get("id")) for turn in recorded if _is_ours(turn))


def _is_ours(turn: Turn) -> bool:
    """Whether a turn belongs to a conversation of a CLI: an earlier attempt may have been another executor's, and calls aside are none."""
    return isinstance(turn.request, Mapping) and turn.request.get("protocol") == "anthropic" and not turn.request.get("aside")
