"""What is recorded of an epic, read once into memory: all that a replay needs, whether it came from the database or from a saved file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.deciding import decision_in
from epics.approvals import Decision
from epics.state import EpicState
from executors.port import Said, Turn

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RecordedEpic:
    """The facts of the epic, and where it is."""

    id: str
    goal: str
    repo: str
    base: str
    base_commit: str
    status: str
    step: str
    autonomy: str
    graph_version: int
    state_version: int
    moment: int | None
    forked_from: str | None = None
    forked_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedMoment:
    """One moment, with the state that its checkpoint holds; None where that checkpoint was pruned."""

    n: int
    parent: int | None
    back_to: int | None
    step: str
    attempt: int | None
    outcome: str
    branch: str | None
    commit: str
    tree: str
    note: str
    cost_usd: str
    created_at: datetime | None
    name: str | None
    state: EpicState | None
    unreadable: str = ""
    """Why this release cannot read the state, where it cannot."""


@dataclass(frozen=True, kw_only=True)
class RecordedAttempt:
    """One attempt: what it was asked, what it said and did, and how it ended; no result where it was cut off."""

    n: int
    step: str
    workflow: str
    workflow_hash: str
    executor: str
    model: str
    base_commit: str
    continues: int | None
    result: Mapping[str, Any] | None
    brief: str | None
    turns: tuple[Turn, ...]
    told: Mapping[int | None, tuple[Said, ...]] = field(default_factory=dict)
    """What people said, by the turn whose request told it; None for the brief."""
    pruned_turns: int = 0
    lessons: Any = None
    recalled: Any = None
    configuration: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pruned(self) -> bool:
        """Whether retention has taken what it was asked and did."""
        return self.brief is None or self.pruned_turns > 0


@dataclass(frozen=True, kw_only=True)
class RecordedApproval:
    """What a gate asked at a moment, and what was decided, if anything was."""

    moment: int
    gate: str
    status: str
    decision: Decision | None


@dataclass(frozen=True, kw_only=True)
class RecordedRollback:
    """A rollback, an undo or a revert: which moment it made, and where it went."""

    moment: int
    kind: str
    level: str | None
    to_moment: int
    before_moment: int
    by: str
    guidance: str
    effects: Any = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Everything that is recorded of one epic and that a replay needs."""

    epic: RecordedEpic
    moments: tuple[RecordedMoment, ...]
    """In rising order."""
    attempts: Mapping[int, RecordedAttempt]
    approvals: Mapping[int, RecordedApproval]
    """By the moment that opened them."""
    rollbacks: Mapping[int, RecordedRollback]
    """By the moment that they made."""

    def moment(self, n: int) -> RecordedMoment | None:
        """The moment of that number."""
        return next((moment for moment in self.moments if moment.n == n), None)

    def commits(self) -> tuple[str, ...]:
        """Every commit that a replay looks at, each once."""
        named = [self.epic.base_commit]
        for moment in self.moments:
            state = moment.state
            named += [moment.commit, *((state.base, state.head, *state.starts.values()) if state else ())]
            named += [state.trouble.commit] if state and state.trouble else []
        for attempt in self.attempts.values():
            named += [attempt.base_commit, str((attempt.result or {}).get("commit") or "")]
            named += [turn.tree or "" for turn in attempt.turns]
        return tuple(dict.fromkeys(commit for commit in named if commit))


def recorded_of(epic: Row, rows: Mapping[str, Sequence[Row]], states: Mapping[str, EpicState | str]) -> Recorded:
    """Put together what is recorded of an epic.

    Args:
        epic: its row.
        rows: the rows of `moments`, `attempts` (each with its brief), `turns`, `sayings` (those that were told), `approvals` and
            `rollbacks`, whole or at least the columns that the records above name.
        states: the states by checkpoint, or why one cannot be read; one that was pruned is not among them.
    """
    told = _told(rows["sayings"])
    turns: dict[int, list[Turn]] = {}
    for row in rows["turns"]:
        kept = ("n", "request_hash", "model", "request", "answer", "results", "tree")
        heard = tuple(said.n for said in told.get(row["attempt"], {}).get(row["n"], ()))
        turns.setdefault(row["attempt"], []).append(Turn(**{key: row[key] for key in kept}, heard=heard))
    facts: dict[str, Any] = {key: epic.get(key) for key in RecordedEpic.__dataclass_fields__}
    return Recorded(
        epic=RecordedEpic(**facts),
        moments=tuple(_moment(row, states) for row in sorted(rows["moments"], key=lambda row: row["n"])),
        attempts={
            row["n"]: _attempt(row, turns.get(row["n"], []), told.get(row["n"], {}))
            for row in sorted(rows["attempts"], key=lambda row: row["n"])
        },
        approvals={row["moment"]: _approval(row) for row in rows["approvals"]},
        rollbacks={row["moment"]: _rollback(row) for row in rows["rollbacks"]},
    )


def _moment(row: Row, states: Mapping[str, EpicState | str]) -> RecordedMoment:
    kept = ("n", "parent", "back_to", "step", "attempt", "outcome", "branch", "commit", "tree", "note", "created_at", "name")
    found = states.get(row["checkpoint_id"])
    return RecordedMoment(
        **{key: row[key] for key in kept},
        cost_usd=format(row["cost_usd"], "f"),
        state=found if isinstance(found, EpicState) else None,
        unreadable=found if isinstance(found, str) else "",
    )


def _told(rows: Sequence[Row]) -> dict[int, dict[int | None, tuple[Said, ...]]]:
    """What people said, by the attempt that was told and then by the turn."""
    told: dict[int, dict[int | None, tuple[Said, ...]]] = {}
    for row in rows:
        in_attempt = told.setdefault(row["attempt"], {})
        said = Said(n=row.get("told_as") or row["n"], text=row["text"], by=row["said_by"])
        in_attempt[row["turn"]] = (*in_attempt.get(row["turn"], ()), said)
    return told


def _attempt(row: Row, turns: list[Turn], told: Mapping[int | None, tuple[Said, ...]]) -> RecordedAttempt:
    kept = ("n", "step", "workflow", "workflow_hash", "executor", "model", "base_commit", "continues", "result", "brief")
    return RecordedAttempt(
        **{key: row[key] for key in kept},
        turns=tuple(sorted(turns, key=lambda turn: turn.n)),
        told=told,
        pruned_turns=row.get("pruned_turns") or 0,
        lessons=row.get("lessons"),
        recalled=row.get("recalled"),
        configuration=row.get("configuration") or {},
    )


def _approval(row: Row) -> RecordedApproval:
    decision = decision_in(dict(row)) if row["decision"] is not None else None
    return RecordedApproval(moment=row["moment"], gate=row["gate"], status=row["status"], decision=decision)


def _rollback(row: Row) -> RecordedRollback:
    kept = ("moment", "kind", "level", "to_moment", "before_moment", "by", "effects")
    facts: dict[str, Any] = {key: row.get(key) for key in kept}
    return RecordedRollback(**facts, guidance=row.get("guidance") or "")
