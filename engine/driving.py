"""Driving the graph of an epic that is held: step after step, through gates that are decided, until it waits or ends."""

from __future__ import annotations

from typing import Any

from langgraph.types import Command, StateSnapshot

from db.approvals import decision_for
from db.epics import epic_facts, fetch_one
from db.reading import state_at
from engine.approvals.asking import ask_again
from engine.approvals.judging import answer_without_a_person
from engine.approvals.terms import fix_terms, renew_terms
from engine.assembling import Installation, assemble
from engine.attempts import EpicAttempts
from engine.checkpoints import config_of, saver_for
from engine.deciding import answer_for, decision_in
from engine.effects import RecordedRepository
from engine.learning.recalling import memory_of
from engine.lease_keeper import Hold
from engine.leftovers import put_away
from engine.reach.binding import with_reach
from engine.running import Running
from epics.approvals import Choice, Decision
from epics.errors import Conflict
from epics.state import TERMINAL, EpicState
from epics.steps import GATES, Step
from graphs.epic import EpicGraph, compile_epic_graph
from nodes.context import EpicContext


async def drive(installation: Installation, hold: Hold) -> None:
    """Run an epic that we hold from its newest checkpoint until it waits for a person or ends.

    Raises:
        GenieError: whatever its step or the database raised; the epic is as its newest checkpoint says.
    """
    epic_id = hold.lease.thread_id
    row = await epic_facts(installation.database.pool, epic_id)
    hold.came_to = row["moment"]
    running = with_reach(installation, await assemble(installation, hold.lease, row))
    await fix_terms(installation, running, row)
    lessons, recall = memory_of(installation, running)
    context = EpicContext(
        facts=running.facts,
        policy=running.policy,
        attempts=EpicAttempts(running),
        repository=RecordedRepository(running),
        lessons=lessons,
        recall=recall,
    )
    graph = compile_epic_graph(saver_for(installation.database, hold.lease, installation.release))
    said_yes: set[str] = set()
    base: str | None = None
    while True:
        snapshot = await graph.aget_state(config_of(epic_id))
        if base is not None and snapshot.values.get("base") != base:
            # What was brought in may say otherwise who approves, and the gate before the next merge is not open yet.
            await renew_terms(installation, running)
        base = snapshot.values.get("base") or running.facts.base_commit
        if snapshot.created_at is None:
            start = {"step": Step.PLANNING, "base": running.facts.base_commit, "head": running.facts.base_commit}
            await _invoke(graph, running, start, context)
        elif not snapshot.next:
            if not await _take_in(installation, graph, running, snapshot, context):
                await put_away(running)
                return
        elif snapshot.next[0] in GATES:
            state = EpicState.model_validate(snapshot.values)
            if await ask_again(installation, graph, epic_id, state):
                continue
            await answer_without_a_person(installation, running, context.repository, state, said_yes)
            if not await _pass_gate(installation, graph, running, snapshot, context):
                return
        else:
            await _invoke(graph, running, None, context)


async def _take_in(installation: Installation, graph: EpicGraph, running: Running, snapshot: StateSnapshot, context: EpicContext) -> bool:
    """Go on where no step is left to run; say False where the epic has ended.

    Killed between what a gate wrote and the checkpoint with it, an epic has not ended, though LangGraph shows the step as done: its rows
    still tell of the checkpoint before, and running on makes the one that is missing.
    """
    epic_id = running.facts.id
    if (await epic_facts(installation.database.pool, epic_id))["status"] in TERMINAL:
        return False
    await _invoke(graph, running, None, context)
    if (await graph.aget_state(config_of(epic_id))).config == snapshot.config:
        message = f"epic {epic_id} has no step to go on with, and has not ended"
        raise Conflict(message)
    return True


async def _pass_gate(installation: Installation, graph: EpicGraph, running: Running, snapshot: StateSnapshot, context: EpicContext) -> bool:
    """Go through a gate that was decided; say False where it still waits."""
    if not snapshot.interrupts:
        # Killed between the checkpoint that opened the approval and the interrupt's own row: raise it (durability rule 11).
        await _invoke(graph, running, None, context)
        return True
    gate = Step(snapshot.next[0])
    decision = await _decision_at(installation, running.facts.id)
    if decision is None:
        return False
    back = await _state_at(installation, running.facts.id, decision.to) if decision.choice is Choice.ROLLBACK else None
    answer = answer_for(gate, decision, back)
    await _invoke(graph, running, Command(resume={snapshot.interrupts[0].id: answer}), context)
    return True


async def _decision_at(installation: Installation, epic_id: str) -> Decision | None:
    """The decision on the approval of the newest moment, if there is one."""
    row = await epic_facts(installation.database.pool, epic_id)
    approval = await decision_for(installation.database.pool, epic_id, row["moment"])
    decided = approval is not None and approval["applied_at"] is None and approval["decision"] is not None
    return decision_in(approval) if approval is not None and decided else None


async def _state_at(installation: Installation, epic_id: str, moment: int | None) -> dict[str, Any]:
    """The state that the checkpoint of a moment holds, as JSON."""
    row = await fetch_one(installation.database.pool, "moment", {"epic": epic_id, "n": moment})
    if row is None:
        message = f"epic {epic_id} has no moment {moment}"
        raise Conflict(message)
    state = await state_at(installation.database.pool, epic_id, row["checkpoint_id"])
    return state.model_dump(mode="json")


async def _invoke(graph: EpicGraph, running: Running, given: Any, context: EpicContext) -> None:  # input, Command or None
    # Not on from a merge in one go: it may have brought in another base, from which the next gate has its terms.
    await graph.ainvoke(given, config_of(running.facts.id), context=context, durability="sync", interrupt_after=[Step.MERGE])
