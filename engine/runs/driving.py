"""Driving a run that is held: its one attempt, its branch shown in the person's repository, its end."""

from __future__ import annotations

from typing import Any, Final

from agents.workflow import Workflow
from db.epics import Row, epic_facts
from db.runs import end_run, run_order
from engine.assembling import Installation, assemble
from engine.attempts import EpicAttempts
from engine.breaker import admit, breaker_of, telling
from engine.learning.recalling import memory_of
from engine.lease_keeper import Hold
from engine.leftovers import put_away
from engine.reach.binding import with_reach
from engine.reading_repository import ReadRepository
from engine.running import Running
from engine.runs.briefing import Ground, run_variables
from engine.runs.ground import have_start, publish
from epics.runs import RunStatus
from epics.state import TERMINAL
from epics.verdicts import Plan
from nodes.context import Assignment, Need, Recall

_TASK: Final = "run"
"""What stands for the graph's task: a run has one attempt, which is found by it after a crash (durability rule 15)."""

_OWN_PATHS: Final = frozenset({"test", "document"})
"""Workflows whose own boundaries are all that binds them: a plan's paths are those of the code."""


async def drive_run(installation: Installation, hold: Hold) -> None:
    """Run a run that we hold to its end; what was recorded of it before is not done again.

    Raises:
        GenieError: whatever its attempt, its repository or the database raised.
    """
    pool, run_id = installation.database.pool, hold.lease.thread_id
    row = await epic_facts(pool, run_id)
    hold.came_to = row["moment"]
    if row["status"] in TERMINAL:
        return
    order = await run_order(pool, run_id)
    if order["kind"] == "agent":
        await admit(pool, order["workflow"], run_id)
        from engine.runs.agent_driving import drive_agent  # noqa: PLC0415  # most workers run no agent

        await drive_agent(installation, hold, row, order)
        return
    running = with_reach(installation, await assemble(installation, hold.lease, row))
    _, recall = memory_of(installation, running)
    await admit(pool, breaker_of(running.registry, order["workflow"], running.facts.repo), run_id)
    attempted = await EpicAttempts(running).run(await _assignment(running, order, recall))
    unpublished = await publish(running, attempted)
    done = attempted.ended_by == "done"
    said = attempted.output or {}
    await end_run(
        pool,
        hold.lease,
        {
            "status": RunStatus.DONE if done else RunStatus.FAILED,
            "problem": "" if done else attempted.error or f"its attempt ended by {attempted.ended_by}",
            "commit": attempted.commit,
            "branch": attempted.branch,
            "unpublished": unpublished,
        },
        event={
            "ended_by": attempted.ended_by,
            "summary": str(said.get("title") or said.get("summary") or "")[:200],
            "branch": attempted.branch,
            "files": len(attempted.files),
            "unpublished": unpublished[:500],
        },
        within=telling(installation.dispatch.breaking, attempted.ended_by, attempted.error),
    )
    await put_away(running)


async def _assignment(running: Running, order: Row, recall: Recall) -> Assignment:
    workflow, facts = running.registry.get(order["workflow"]), running.facts
    await have_start(running, order)
    ground = Ground(
        mirror=running.workspace.mirror,
        repository=ReadRepository(running.workspace.mirror, running.registry),
        base=facts.base,
        base_commit=facts.base_commit,
        start=order["start_commit"],
    )
    variables = await run_variables(workflow, order["task"], order["variables"], ground)
    need = Need(task_id=_TASK, step=workflow.name, paths=variables["allowed_paths"], failure=variables["failure"])
    variables["recalled"] = await recall.recalled(need, ())
    return Assignment(
        task_id=_TASK,
        step=workflow.name,
        workflow=workflow.name,
        at=ground.start,
        base=facts.base_commit,
        variables=variables,
        run_tests=workflow.name == "test",
        **_paths(workflow, variables["plan"]),
    )


def _paths(workflow: Workflow, plan: Plan | None) -> dict[str, Any]:
    if plan is None or workflow.name in _OWN_PATHS:
        return {}
    return {"allowed_paths": plan.allowed_paths, "forbidden_paths": plan.forbidden_paths}
