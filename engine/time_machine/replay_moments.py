"""Replaying one moment: the recorded state before it goes through the graph of now, and what comes out is compared with what was recorded.

Moment by moment, each from its own recorded state: a difference at one does not make the next ones differ, and rollbacks, forks and crashes
need no replay of their own.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from db.serializer import CheckpointSerializer
from engine.approvals.asking import is_asked_again
from engine.deciding import answer_for
from engine.time_machine.recorded import RecordedMoment
from engine.time_machine.replay_attempts import ReplayedAttempts
from engine.time_machine.replay_ground import Configuration, Ground
from engine.time_machine.replay_pure import replay_without_step
from engine.time_machine.replay_repository import Reached, ReplayedRepository
from engine.time_machine.replay_views import Difference, different_states, shown
from epics.approvals import Choice
from epics.errors import Environment, GitFailed, RepositoryUnusable, Transient
from epics.going_back import arrival, fields_of
from epics.state import EpicState
from epics.steps import GATES, TRANSITIONS, Step
from nodes.context import EpicContext

_TROUBLE: Final = (Transient, RepositoryUnusable, GitFailed, Environment)
"""What says nothing of the epic: this machine or the repository is not as a replay needs it."""

NO_STEP: Final = frozenset({"cancelled", "rolled_back", "forked", "picked"})
"""Outcomes of moments that no step of the graph made."""


@dataclass(kw_only=True)
class Tried:
    """What came of one moment."""

    differences: list[Difference] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    attempts: ReplayedAttempts | None = None
    configuration: Configuration | None = None


class _Undecided(Exception):
    """The record has no decision for a gate."""


async def replay_state(ground: Ground, moment: RecordedMoment) -> Tried:
    """Replay a moment as far as its state and its brief go.

    Raises:
        RepositoryUnusable: if the repository cannot be read.
        GitFailed: if git cannot read it.
    """
    if moment.unreadable:
        return Tried(differences=[_error(moment.n, "the state that was saved", f"this release cannot read it: {moment.unreadable}")])
    if moment.state is None:
        return Tried(unchecked=["the state: its checkpoint was pruned"])
    if moment.outcome in NO_STEP or is_asked_again(moment.step, moment.outcome):
        differences, unchecked = replay_without_step(ground, moment, moment.state)
        return Tried(differences=list(differences), unchecked=list(unchecked), compared=[] if unchecked else ["state"])
    n = ground.before(moment)
    before = ground.state_of(n)
    if before is None:
        return Tried(unchecked=[f"the state: that of moment {n}, which it was made from, is not in this history"])
    best: Tried | None = None
    for configuration in ground.fitting(moment, before):
        tried = await _through_graph(ground, moment, before, configuration)
        if best is None or len(tried.differences) < len(best.differences):
            best = tried
        if not tried.differences:
            break
    return best or Tried(unchecked=["the state: no configuration of the repository can be read"])


async def next_step(ground: Ground, state: EpicState, configuration: Configuration) -> str:
    """Say what an epic in flight would do next, having tried that it can.

    Raises:
        Exception: whatever keeps the step from it.
    """
    attempts = ReplayedAttempts(ground, configuration, None)
    repository = ReplayedRepository(ground, configuration, 0, None)
    context = _context(ground, configuration, attempts, repository)
    graph, config = await _entered(ground, state)
    try:
        await graph.ainvoke(None, config, context=context, interrupt_after="*")
    except Reached:
        return f"would run {state.step}"
    snapshot = await graph.aget_state(config)
    if snapshot.interrupts:
        return f"would wait at {state.step}"
    return f"would go on to {EpicState.model_validate(snapshot.values).step}"


async def _through_graph(ground: Ground, moment: RecordedMoment, before: EpicState, configuration: Configuration) -> Tried:
    recorded = moment.state
    attempts = ReplayedAttempts(ground, configuration, moment)
    repository = ReplayedRepository(ground, configuration, moment.n, recorded)
    tried = Tried(attempts=attempts, configuration=configuration)
    if recorded is None:
        return tried
    try:
        now = await _step(ground, moment, before, _context(ground, configuration, attempts, repository))
    except _Undecided:
        tried.unchecked.append(f"the state: what was decided at {before.step} is not recorded")
        return tried
    except _TROUBLE:
        raise
    except Exception as error:  # noqa: BLE001  # whatever a step of now raises on what was recorded is what a replay is to find
        said = f"{type(error).__name__}: {error}" if not str(error) or isinstance(error, KeyError) else str(error)
        tried.differences += [*attempts.differences, _error(moment.n, f"the step {before.step}", " ".join(said.split()))]
        return tried
    tried.differences += [*attempts.differences, *repository.differences, *different_states(moment.n, recorded, now)]
    tried.compared += ["state", *(["brief"] if attempts.compared_brief else [])]
    tried.unchecked += attempts.unchecked
    return tried


async def _step(ground: Ground, moment: RecordedMoment, before: EpicState, context: EpicContext) -> EpicState:
    graph, config = await _entered(ground, before)
    await graph.ainvoke(None, config, context=context, interrupt_after="*")
    if before.step in GATES:
        snapshot = await graph.aget_state(config)
        if snapshot.interrupts:
            answer: Command[Any] = Command(resume={snapshot.interrupts[0].id: _answer(ground, moment, before)})
            await graph.ainvoke(answer, config, context=context, interrupt_after="*")
    return EpicState.model_validate((await graph.aget_state(config)).values)


async def _entered(ground: Ground, state: EpicState) -> tuple[Any, RunnableConfig]:
    """The graph, with nothing saved but this state, about to make its step."""
    graph = copy(ground.graph)
    graph.checkpointer = InMemorySaver(serde=CheckpointSerializer())
    config: RunnableConfig = {"configurable": {"thread_id": ground.recorded.epic.id}}
    await graph.aupdate_state(config, fields_of(state), as_node=_led_to(state))
    return graph, config


def _led_to(state: EpicState) -> str:
    """The step that led to where a state is, as the state says it, or else any that the table lets lead there."""
    last = state.last.step if state.last else None
    return last if last is not None and state.step in TRANSITIONS[last] else arrival(state)


def _answer(ground: Ground, moment: RecordedMoment, before: EpicState) -> dict[str, Any]:
    approval = ground.recorded.approvals.get(ground.before(moment) or 0)
    if approval is None or approval.decision is None:
        raise _Undecided
    decision, back = approval.decision, None
    if decision.choice is Choice.ROLLBACK:
        state = ground.state_of(decision.to)
        if state is None:
            raise _Undecided
        back = state.model_dump(mode="json")
    return answer_for(Step(before.step), decision, back)


def _context(ground: Ground, configuration: Configuration, attempts: ReplayedAttempts, repository: ReplayedRepository) -> EpicContext:
    facts = ground.facts(configuration)
    policy = configuration.policy
    return EpicContext(facts=facts, policy=policy, attempts=attempts, repository=repository, lessons=attempts, recall=attempts)


def _error(moment: int, what: str, now: str) -> Difference:
    return Difference(moment=moment, kind="error", what=what, recorded="it was made", now=shown(now))
