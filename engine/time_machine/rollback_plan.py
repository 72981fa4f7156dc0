"""Drawing up a rollback or an undo: where it leads, and what becomes of the deeds that were done outside. Nothing is changed by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from db.reading import state_at
from engine.time_machine.orders import GoBack
from engine.time_machine.rollback_views import OutsideDeed
from epics.errors import Conflict, HistoryPruned, InvalidInput, MomentNotFound
from epics.going_back import Level, as_merged, asking_again, gone_back
from epics.state import Ended, EpicState, StepRecord
from epics.steps import Step


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """A rollback that is drawn up."""

    kind: Literal["rollback", "undo", "revert"]
    level: Level
    by: str
    guidance: str
    before: int
    """The moment that the epic is at."""
    to: int
    parent: int
    """The moment that the state comes from; 0 is where the epic began."""
    checkpoint: str
    """The checkpoint that the new one follows."""
    tree: str
    present: EpicState
    state: EpicState
    """The state afterwards; of a revert, that of the moment whose files are wanted."""
    outside: tuple[OutsideDeed, ...]
    command: int | None = None
    """The order that it carries out, where it was left for whoever holds the epic."""

    @property
    def record(self) -> StepRecord:
        """The record of the moment that it makes, without its branch."""
        step = self.state.last.step if self.state.last else Step.PLANNING
        did = {"rollback": f"rolled back to moment {self.to} ({self.level})", "undo": f"undid the last rollback: back at moment {self.to}"}
        said = f": {self.guidance}" if self.guidance else ""
        note = f"{did.get(self.kind, f'a commit that takes back what was merged since moment {self.to} is proposed')} by {self.by}{said}"
        return StepRecord(step=step, outcome="rolled_back", tree=self.tree, note=note[:2_000], back_to=self.to, parent=self.parent)


async def draw_up(pool: Pool, facts: Row, asked: GoBack) -> Rollback:
    """Draw up what is asked for, from where the epic is now.

    Raises:
        InvalidInput: if it is not said where to go.
        MomentNotFound: if there is no such moment.
        HistoryPruned: if the state of that moment was pruned.
        Conflict: if there is nothing to go back to, or nothing to undo.
    """
    epic, newest = facts["id"], facts["moment"]
    if not newest:
        message = f"epic {epic} has no moment yet, so there is nothing to go back from"
        raise Conflict(message)
    here = await _moment(pool, epic, newest)
    present = await _state(pool, facts, here)
    if not asked.undo:
        # What is merged is merged, also while a person is asked whether to take it back: another proposal takes the place of that one.
        present = as_merged(present)
    to, level = await _target(pool, epic, here, asked)
    there, target = await state_of_moment(pool, facts, to)
    merged = present.ended is Ended.MERGED
    if merged and level is not Level.FULL:
        message = f"epic {epic} is merged: going back from there proposes a commit that takes the work back, which only level full does"
        raise Conflict(message)
    state = asking_again(target) if merged or asked.undo else gone_back(present, target, level, asked.guidance)
    kind: Literal["rollback", "undo"] = "undo" if asked.undo else "rollback"
    from_state = here if merged or level is Level.SNAPSHOT else there
    from_files = here if level is Level.STATE else there
    return Rollback(
        kind="revert" if merged else kind,
        level=level,
        by=asked.by,
        guidance=asked.guidance,
        before=newest,
        to=to,
        parent=from_state["n"] if from_state else 0,
        checkpoint=(from_state or here)["checkpoint_id"],
        tree="" if merged or not from_files else from_files["tree"],
        present=present,
        state=state,
        outside=await _outside(pool, epic, to, level, present, state),
    )


async def state_of_moment(pool: Pool, facts: Row, n: int) -> tuple[Row | None, EpicState]:
    """The row of a moment with its state; none and the very first state for 0, where the epic began.

    Raises:
        MomentNotFound: if there is no such moment.
        HistoryPruned: if its state was pruned.
    """
    moment = await _moment(pool, facts["id"], n) if n else None
    return moment, await _state(pool, facts, moment)


async def _target(pool: Pool, epic: str, here: Row, asked: GoBack) -> tuple[int, Level]:
    if asked.undo:
        last = await fetch_one(pool, "last_rollback", {"epic": epic})
        if last is None:
            message = f"epic {epic} was never rolled back, so there is nothing to undo"
            raise Conflict(message)
        return int(last["before_moment"]), Level.FULL
    level = asked.level or (Level.STEP if asked.to is None else Level.FULL)
    if asked.to is not None:
        return asked.to, level
    if level is not Level.STEP:
        message = f"say which moment to go back to: level {level} needs --to, and `genie time history {epic}` lists them"
        raise InvalidInput(message)
    return here["parent"] or 0, level


async def _moment(pool: Pool, epic: str, n: int) -> Row:
    row = await fetch_one(pool, "moment_to_go_to", {"epic": epic, "n": n})
    if row is None:
        message = f"epic {epic} has no moment {n}: see `genie time history {epic}`"
        raise MomentNotFound(message)
    return row


async def _state(pool: Pool, facts: Row, moment: Row | None) -> EpicState:
    if moment is None:
        return EpicState(step=Step.PLANNING, base=facts["base_commit"], head=facts["base_commit"])
    try:
        return await state_at(pool, facts["id"], moment["checkpoint_id"])
    except MomentNotFound as error:
        message = (
            f"the state of moment {moment['n']} of epic {facts['id']} was pruned: go back to a newer moment or to one with a name, "
            f"see `genie time history {facts['id']}`"
        )
        raise HistoryPruned(message) from error


async def _outside(pool: Pool, epic: str, to: int, level: Level, present: EpicState, state: EpicState) -> tuple[OutsideDeed, ...]:
    deeds = []
    for row in await fetch_all(pool, "effects_since", {"epic": epic, "n": to}):
        what, undone, why = _fate(row, level, closes=present.ended is not Ended.MERGED and state.pull_request != present.pull_request)
        deeds.append(OutsideDeed(kind=row["kind"], what=what, undone=undone, why=why))
    counted = await fetch_one(pool, "messages_since", {"epic": epic, "n": to})
    if counted and counted["sent"]:
        what = f"{counted['sent']} message{'s' if counted['sent'] > 1 else ''} to webhooks"
        deeds.append(OutsideDeed(kind="messages", what=what, undone=False, why="what was sent cannot be called back"))
    return tuple(deeds)


def _fate(row: Row, level: Level, *, closes: bool) -> tuple[str, bool, str]:
    """What a deed was, whether it is undone, and how or why not."""
    content = row["content"]
    match row["kind"]:
        case "publish":
            return f"branch {content[1]} in {content[0]}", False, "branches stay: nothing is deleted in a repository"
        case "pull_request" if level is Level.FULL and closes:
            return f"pull request {content[4]!r} of {content[1]}", True, "it is closed; the step pr opens a new one"
        case "pull_request":
            return f"pull request {content[4]!r} of {content[1]}", False, f"level {level} leaves what was done outside as it is"
        case _:
            said = "a merge is taken back by a commit only, which is proposed at the merge gate"
            return f"merge of {content[2][:12]} to {content[1]} of {content[0]}", False, said
