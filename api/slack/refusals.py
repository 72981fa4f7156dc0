"""What somebody in Slack is told when something is refused: the error in a sentence, and what to do there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from api.slack.written import plain
from epics.access_errors import Forbidden, NotEligible, Unauthenticated
from epics.errors import (
    AlreadyDecided,
    AlreadyVoted,
    ApprovalNotFound,
    EpicNotFound,
    GenieError,
    InvalidInput,
    Superseded,
    Transient,
)

UNFORESEEN: Final = "Something went wrong that nobody foresaw; the server's log has it. See `/genie status` before you try again."
"""What is said of an error that is none of Genie's own."""

GIVEN_UP: Final = "Something that you did here could not be done, however often it was tried: look at `/genie status`, and do it again."
"""What is said of what was kept and could not be done."""


def told(error: GenieError) -> str:
    """What the person is told; nobody else sees it."""
    say = next(_SAID[kind] for kind in type(error).__mro__ if kind in _SAID)
    return say(error)


def told_later(error: Transient) -> str:
    """What the person is told of what is kept, and tried again."""
    return f"Genie cannot do that right now: {_as_it_is(error)}. It is kept, and tried again by itself."


def is_misuse(error: GenieError) -> bool:
    """Whether the error is a refusal that the audit keeps: not a slip of the pen, and not trouble of ours."""
    return not isinstance(error, InvalidInput | Transient)


def _as_it_is(error: GenieError) -> str:
    return plain(str(error))


def _already_decided(error: Any) -> str:
    at = plain(error.decided_at)
    return f"Too late: {plain(error.decided_by)} decided this already ({plain(error.decision)}, at {at}). Your click changed nothing."


_SAID: Final[dict[type[GenieError], Callable[[Any], str]]] = {
    AlreadyDecided: _already_decided,
    AlreadyVoted: lambda error: f"You have approved this already: {_as_it_is(error)}.",
    Superseded: lambda error: f"This card is out of date: {_as_it_is(error)}. The newest card of the thread asks again.",
    ApprovalNotFound: lambda _error: "There is no such approval here: see `/genie approvals`.",
    EpicNotFound: lambda _error: "There is no such epic here: see `/genie status`.",
    Unauthenticated: _as_it_is,
    NotEligible: lambda error: f"You may not decide this: {_as_it_is(error)}.",
    Forbidden: lambda error: f"That is not yours to do: {_as_it_is(error)}.",
    InvalidInput: _as_it_is,
    Transient: lambda error: f"Genie cannot do that right now: {_as_it_is(error)}. Nothing was done: try again in a minute.",
    GenieError: lambda error: f"That was refused: {_as_it_is(error)}.",
}
"""What is said for each kind of error, found by the nearest class."""
