"""What a replay found, as the faces show it."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from epics.records import Record
from epics.state import EpicState

Kind = Literal["error", "state", "words", "brief", "attempt", "turn", "output", "files"]
"""What differs: the step cannot be made, or leads elsewhere, or words it otherwise; what the agent is told; the attempt it was asked for;
a request, a result or an answer of a turn; what it hands back; the files."""

BREAKING: Final = frozenset({"error", "state", "output"})
"""Kinds of differences by which an epic in flight goes another way than it would have, or none."""

_WORDS: Final = frozenset({"last.note", "notice"})
_SHOWN: Final = 400


class Difference(Record):
    """One thing that is not as it was recorded."""

    moment: int
    kind: Kind
    what: str
    recorded: str
    now: str

    @property
    def breaks(self) -> bool:
        """Whether an epic in flight would break on it."""
        return self.kind in BREAKING


class ReplayedMoment(Record):
    """One moment, as it was and as it is now."""

    n: int
    parent: int | None
    back_to: int | None
    step: str
    attempt: int | None
    outcome: str
    note: str
    led_to: str = Field(description="The step that came next, or how the epic ended.")
    decided_by: str | None = None
    commit: str
    cost_usd: str
    name: str | None = None
    turns: tuple[str, ...] = Field(default=(), description="The turns of its attempt, one line each.")
    compared: tuple[str, ...] = Field(default=(), description="What was held against the record: state, brief, turns, files.")
    unchecked: tuple[str, ...] = Field(default=(), description="What was not, and why.")
    differences: tuple[Difference, ...] = ()


class Replay(Record):
    """A whole epic, replayed."""

    epic: str
    goal: str
    status: str
    verified: bool = Field(description="Whether turns and files were compared too.")
    moments: tuple[ReplayedMoment, ...]
    without_moment: tuple[str, ...] = Field(default=(), description="Attempts that no moment came of, and why.")
    first_difference: Difference | None = None
    pruned: bool = Field(default=False, description="Whether retention took some of what a replay needs.")


class Checked(Record):
    """A saved history, held against the graph of now."""

    epic: str
    source: str = Field(description="`database`, or the file it was read from.")
    status: str
    in_flight: bool
    moments: int
    result: Literal["same", "changed", "breaks", "not checked"]
    differences: tuple[Difference, ...] = ()
    goes_on: str = Field(default="", description="What an epic in flight would do next.")
    why: str = Field(default="", description="Why it was not checked.")


class Check(Record):
    """Histories that were checked."""

    items: tuple[Checked, ...]
    breaking: tuple[str, ...] = Field(description="Epics in flight, and saved histories, that would not go on as they did.")


def different_states(moment: int, recorded: EpicState, now: EpicState, *, but: frozenset[str] = frozenset()) -> tuple[Difference, ...]:
    """The fields of two states that differ, each as deep as both have the same form."""
    found: list[Difference] = []
    _compare(moment, "", recorded.model_dump(mode="json", exclude=set(but)), now.model_dump(mode="json", exclude=set(but)), found)
    return tuple(found)


def shown(value: object) -> str:
    """A value as a person is shown it: in one line, and not for ever."""
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_NO_NUL: Final = "\N{REPLACEMENT CHARACTER}"
"""What the rows of attempts have for a NUL, which a checkpoint can hold."""


def _compare(moment: int, path: str, recorded: Any, now: Any, found: list[Difference]) -> None:
    if recorded == now or _steady(recorded) == _steady(now):
        return
    if isinstance(recorded, dict) and isinstance(now, dict):
        for key in (*recorded, *(key for key in now if key not in recorded)):
            _compare(moment, f"{path}.{key}" if path else key, recorded.get(key), now.get(key), found)
        return
    kind: Kind = "words" if path in _WORDS else "state"
    found.append(Difference(moment=moment, kind=kind, what=path, recorded=shown(recorded), now=shown(now)))


def _steady(value: Any) -> Any:
    return value.replace("\0", _NO_NUL) if isinstance(value, str) else value
