"""The form of a saved history: what an exported file holds, and what is believed of one that comes in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from db.histories import SavedCheckpoint
from engine.views import ApprovalView
from epics.ids import is_id
from epics.records import Record
from epics.state import EpicState
from epics.votes import Vote
from timemachine.git import branch_name, commit_id

FORMAT: Final = 2
"""Goes up when a file of this release could not be read by the one before."""

OLDEST_FORMAT: Final = 1
"""What is still read: without what people said to agents."""

_FIELDS: Final[Mapping[str, TypeAdapter[Any]]] = {
    name: TypeAdapter[Any](field.rebuild_annotation()) for name, field in EpicState.model_fields.items()
}
_NUMBER: Final = 2_147_483_647


def _epic_id(value: str) -> str:
    if not is_id(value, "e"):
        message = "it is no id of an epic"
        raise ValueError(message)
    return value


def _as_value_error(check: Any) -> Any:
    def checked(value: str) -> str:
        try:
            return str(check(value))
        except Exception as error:
            raise ValueError(str(error)) from error

    return checked


Sha = Annotated[str, AfterValidator(_as_value_error(commit_id))]
Branch = Annotated[str, AfterValidator(_as_value_error(branch_name))]
EpicId = Annotated[str, AfterValidator(_epic_id)]
Number = Annotated[int, Field(ge=1, le=_NUMBER)]


class Row(BaseModel):
    """A row with what must be right of it before anything is done with it; its other columns go along as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")


class EpicRow(Row):
    """The epic itself."""

    id: EpicId
    goal: str
    repo: str
    base: Branch
    base_commit: Sha
    head: Sha | None
    branch: Branch | None
    status: Literal["queued", "waiting", "paused", "merged", "rejected", "failed", "cancelled"]
    step: str
    moment: Number | None
    waiting_on: str | None
    graph_version: int
    state_version: int
    last_moment: Annotated[int, Field(ge=0, le=_NUMBER)]
    last_event: Annotated[int, Field(ge=0, le=_NUMBER)]
    last_attempt: Annotated[int, Field(ge=0, le=_NUMBER)]
    forked_from: EpicId | None = None


class MomentRow(Row):
    """A moment."""

    n: Number
    checkpoint_id: Annotated[str, Field(min_length=1, max_length=100)]
    step: str
    attempt: Number | None
    branch: Branch | None
    commit: Sha
    tree: Sha | Annotated[str, Field(max_length=0)]
    cost_usd: Decimal
    created_at: datetime


class Result(BaseModel):
    """What of an attempt's result leads to git."""

    model_config = ConfigDict(extra="allow")

    commit: Sha
    branch: Branch | None = None


class AttemptRow(Row):
    """An attempt."""

    n: Number
    branch: Branch | None
    base_commit: Sha
    continues: Number | None
    result: Result | None


class TurnRow(Row):
    """A turn of an attempt."""

    attempt: Number
    n: Number
    tree: Sha | None
    head: Sha | None


class SayingRow(Row):
    """What a person said to the epic's agent."""

    n: Number
    text: str
    said_by: str
    attempt: Number | None
    turn: Number | None
    told_at: datetime | None
    told_as: Number | None = None


class ApprovalRow(Row):
    """What a gate asked."""

    id: Annotated[str, Field(pattern=r"^a-[0-9a-z]{1,40}$")]
    moment: Number

    @model_validator(mode="after")
    def _can_be_shown(self) -> Self:
        # One that cannot be would take all others along that are listed with it.
        row = self.model_dump()
        given = {**row, "epic": "", "to": row.get("to_moment"), "terms": row.get("terms") or {}, "votes": ()}
        ApprovalView.model_validate({name: given.get(name) for name in ApprovalView.model_fields if name not in {"repo", "requested_by"}})
        return self


class VoteRow(Row):
    """What one person said about an approval."""

    @model_validator(mode="after")
    def _can_be_shown(self) -> Self:
        row = self.model_dump()
        given = {**row, "at": row.get("voted_at"), "to": row.get("to_moment")}
        Vote.model_validate({name: given.get(name) for name in Vote.model_fields})
        return self


class History(BaseModel):
    """The records of one epic."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epic: EpicRow
    base_tip: Sha | None
    """Where the base branch was when it was exported, as far as that host knew."""
    moments: tuple[MomentRow, ...]
    attempts: tuple[AttemptRow, ...]
    briefs: tuple[dict[str, Any], ...]
    turns: tuple[TurnRow, ...]
    sayings: tuple[SayingRow, ...] = ()
    approvals: tuple[ApprovalRow, ...]
    approval_votes: tuple[VoteRow, ...] = ()
    events: tuple[dict[str, Any], ...]
    analyses: tuple[dict[str, Any], ...]
    pull_requests: tuple[dict[str, Any], ...]
    effects: tuple[dict[str, Any], ...]
    rollbacks: tuple[dict[str, Any], ...]
    prunings: tuple[dict[str, Any], ...]
    checkpoints: tuple[dict[str, Any], ...]
    values: dict[str, dict[str, Any]]
    """What the checkpoints hold: by field, then by version."""

    @model_validator(mode="after")
    def _numbers_go_on(self) -> Self:
        # Those that were given must never be given again (durability rule 14).
        epic, given = self.epic, [moment.n for moment in self.moments]
        if max(given, default=0) > epic.last_moment or (epic.moment or 0) > epic.last_moment:
            message = f"the last moment is not {epic.last_moment}"
            raise ValueError(message)
        if max((attempt.n for attempt in self.attempts), default=0) > epic.last_attempt:
            message = f"the last attempt is not {epic.last_attempt}"
            raise ValueError(message)
        return self

    def commits(self) -> tuple[str, ...]:
        """Every commit that the records name, in the order in which they came to be, the first of them where the epic began."""
        named, trees = [self.epic.base_commit], dict[int, list[str]]()
        for turn in self.turns:
            trees.setdefault(turn.attempt, []).extend((turn.head or "", turn.tree or ""))
        for attempt in self.attempts:
            named += [attempt.base_commit, *trees.get(attempt.n, ()), attempt.result.commit if attempt.result else ""]
        named += [moment.commit for moment in self.moments]
        for state in self.states().values():
            named += [state.base, state.head, *state.starts.values(), *state.start_bases.values()]
        named += [self.epic.head or "", self.base_tip or ""]
        return tuple(dict.fromkeys(commit_id(commit) for commit in named if commit))

    def states(self) -> Mapping[str, EpicState]:
        """The states by checkpoint."""
        return self._states

    @cached_property
    def _states(self) -> Mapping[str, EpicState]:
        return {saved.id: EpicState.model_validate(saved.state) for saved in self.saved_checkpoints()}

    def saved_checkpoints(self) -> list[SavedCheckpoint]:
        """The checkpoints with their states as records.

        Raises:
            ValueError: if one is not what this release takes.
        """
        return [self._checkpoint(each) for each in self.checkpoints]

    def _checkpoint(self, given: Mapping[str, Any]) -> SavedCheckpoint:
        state = {name: _FIELDS[name].validate_python(self.values[name][version]) for name, version in given["state"].items()}
        facts = {name: given[name] for name in ("id", "parent", "checkpoint", "metadata")}
        waiting = tuple(str(name) for name in given["waiting"] if str(name).startswith("branch:to:"))
        return SavedCheckpoint(**facts, state=state, waiting=waiting)


def checkpoints_as_json(found: list[SavedCheckpoint]) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Checkpoints as JSON, and the values that they hold, each once however many checkpoints have it."""
    values: dict[str, dict[str, Any]] = {}
    plain = []
    for saved in found:
        versions = saved.checkpoint["channel_versions"]
        state = {name: str(versions[name]) for name in saved.state if name in versions}
        for name, version in state.items():
            known = values.setdefault(name, {})
            if version not in known:
                known[version] = _FIELDS[name].dump_python(_FIELDS[name].validate_python(saved.state[name]), mode="json")
        facts = {"id": saved.id, "parent": saved.parent, "checkpoint": saved.checkpoint, "metadata": saved.metadata}
        plain.append({**facts, "state": state, "waiting": list(saved.waiting)})
    return plain, values


class Manifest(Record):
    """What a file is; written last."""

    format: int
    genie: str
    epic: str
    status: str
    repo: str
    as_of: datetime = Field(description="When the epic was last written to: the same epic gives the same file.")
    graph_version: int
    state_version: int
    moments: int
    attempts: int
    turns: int
    pruned_moments: int = Field(description="Moments whose state retention has taken.")
    secrets_removed: int
    records_bytes: int
    records_sha256: str
    history_bytes: int
    history_sha256: str
