"""What becomes of an attempt that a crash cut off in the middle of a deed, as its workflow's `on_crash` says (durability rule 16)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agents.workflow import Workflow
from db.connection import Pool
from db.effects import keep_recovery, read_only_tools, recovery_of
from db.epics import Row
from db.leases import Lease
from engine.recording import turn_of
from engine.running import Running
from engine.transcript import readable
from epics.errors import AttemptCut
from epics.runs import is_run
from timemachine.commits import Signature, tree_of
from timemachine.snapshots import snapshot
from timemachine.worktrees import find_worktree
from tools.builtin import builtin_tools
from tools.declaring import AgentTool

_FOREIGN: Final = "mcp__"


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A turn that has an answer and no results, and the tools of that answer which may have done something outside of the work tree."""

    turn: int
    tools: tuple[str, ...]


def cut_in(turns: Sequence[Row], read_only: Collection[str] = (), own: Iterable[AgentTool] = ()) -> Cut | None:
    """The cut of an attempt, or None where running the tools of its last turn again does no harm: the work tree is put back before.

    Args:
        turns: the journaled turns, in order.
        read_only: tools of other servers that only look.
        own: the tools that an agent brings itself.
    """
    if not turns or turns[-1]["results"] is not None:
        return None
    unsafe = {tool.name for tool in (*builtin_tools().tools, *own) if tool.idempotency == "never"}
    called = (str(call["name"]) for call in readable(turn_of(turns[-1]))["tool_calls"])
    tools = tuple(name for name in called if name in unsafe or (name.startswith(_FOREIGN) and name not in read_only))
    return Cut(turn=turns[-1]["n"], tools=tools) if tools else None


async def face_cut(running: Running, workflow: Workflow, row: Row, turns: Sequence[Row], path: Path, signature: Signature) -> None:
    """Let a cut attempt go on, or park its epic with the cause until a person resumes it; both are recorded.

    Args:
        running: the run of the epic.
        workflow: what says `retry`, `verify` or `park`.
        row: the attempt.
        turns: its journaled turns.
        path: where its work tree is, if this host has it.
        signature: with which a look at the tree is signed.

    Raises:
        AttemptCut: if the epic is parked.
    """
    cut = cut_in(turns, await _only_look(running.database.pool, running.facts.id, row, turns))
    if cut is not None:
        await _face(running.database.pool, running.lease, workflow, row, cut, lambda: _doubt(running, row, turns, path, signature))


async def face_cut_question(pool: Pool, lease: Lease, workflow: Workflow, row: Row, turns: Sequence[Row], own: Iterable[AgentTool]) -> None:
    """Let the cut question of an agent written in Python go on, or end its run with the cause.

    Args:
        pool: of the database.
        lease: of the run.
        workflow: the agent, in the words of one.
        row: the question.
        turns: its journaled turns.
        own: the tools that the agent brings itself.

    Raises:
        AttemptCut: if the run is to end.
    """

    async def unseen() -> str:
        return "nobody can see what its tools did"

    cut = cut_in(turns, await _only_look(pool, lease.thread_id, row, turns), own)
    if cut is not None:
        await _face(pool, lease, workflow, row, cut, unseen)


async def _only_look(pool: Pool, epic: str, row: Row, turns: Sequence[Row]) -> Collection[str]:
    return await read_only_tools(pool, epic, row["n"]) if turns and turns[-1]["results"] is None else ()


async def _face(pool: Pool, lease: Lease, workflow: Workflow, row: Row, cut: Cut, doubts: Callable[[], Awaitable[str]]) -> None:
    epic, n = lease.thread_id, row["n"]
    before, status = await recovery_of(pool, epic, n)
    asked = before.get("did") == "parked" and before.get("turn") == cut.turn
    facts: dict[str, Any] = {"on_crash": workflow.on_crash, "turn": cut.turn, "tools": list(cut.tools)}
    doubt = ""
    if asked and status != "paused":
        facts |= {"did": "went_on", "why": "a person resumed it"}
    elif workflow.on_crash == "retry":
        facts |= {"did": "went_on", "why": "its last turn is run again from the tree that the turn before left"}
    elif workflow.on_crash == "verify" and not (doubt := await doubts()):
        facts |= {"did": "went_on", "why": "the work tree is as the turn before left it"}
    else:
        facts |= {"did": "gave_up" if is_run(epic) else "parked", "why": doubt or "the workflow asks a person"}
    if facts["did"] == "went_on":
        await keep_recovery(pool, lease, n, facts)
        return
    problem = (
        f"attempt {n} ({workflow.name}) was cut off by a crash in turn {cut.turn}, while it called {', '.join(cut.tools)}: {facts['why']}; "
        f"look at what it did, then {'start it again' if is_run(epic) else f'go on with: genie epic resume {epic}'}"
    )
    if is_run(epic):
        # No person resumes a run: it ends with that.
        await keep_recovery(pool, lease, n, facts)
    elif not asked or status != "paused":
        await keep_recovery(pool, lease, n, facts, problem=problem)
    raise AttemptCut(problem)


async def _doubt(running: Running, row: Row, turns: Sequence[Row], path: Path, signature: Signature) -> str:
    """Why looking at the work tree does not tell that the cut turn did nothing; empty if it does."""
    mirror = running.workspace.mirror
    worktree = find_worktree(mirror, path)
    if worktree is None:
        return "its work tree is not on this host, so nobody can see whether the turn changed it"
    saved = [turn["tree"] for turn in turns if turn["tree"] is not None]
    expected = await tree_of(mirror.git, saved[-1] if saved else row["base_commit"])
    found = await snapshot(worktree, signature=signature, message="What a crash left\n")
    return "" if found.tree == expected else "the work tree is not as the turn before left it"
