"""The epic graph: nodes wired from the table of transitions."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cache
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END as GRAPH_END
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from epics.state import EpicState
from epics.steps import END, TRANSITIONS, Step
from nodes.architect import architect
from nodes.budget_gate import budget_gate
from nodes.context import EpicContext
from nodes.document import document
from nodes.failure_gate import failure_gate
from nodes.fix import fix
from nodes.implement import implement
from nodes.merge import merge
from nodes.merge_gate import merge_gate
from nodes.open_pull_request import open_pull_request
from nodes.plan_gate import plan_gate
from nodes.planning import planning
from nodes.refactor import refactor
from nodes.review import review
from nodes.run_tests import run_tests
from nodes.time_machine import time_machine

EpicGraph = CompiledStateGraph[EpicState, EpicContext, EpicState, EpicState]

NODES: Mapping[Step, Any] = {
    Step.PLANNING: planning,
    Step.ARCHITECT: architect,
    Step.PLAN_GATE: plan_gate,
    Step.IMPLEMENT: implement,
    Step.TEST: run_tests,
    Step.REVIEW: review,
    Step.FIX: fix,
    Step.REFACTOR: refactor,
    Step.DOCUMENT: document,
    Step.PR: open_pull_request,
    Step.MERGE_GATE: merge_gate,
    Step.MERGE: merge,
    Step.TIME_MACHINE: time_machine,
    Step.FAILURE_GATE: failure_gate,
    Step.BUDGET_GATE: budget_gate,
}


def build_epic_graph(nodes: Mapping[Step, Any] = NODES) -> StateGraph[EpicState, EpicContext, EpicState, EpicState]:
    """The graph, not compiled; one task per superstep, which the folded saver relies on (durability rule 6)."""
    graph = StateGraph(EpicState, context_schema=EpicContext)
    for step, node in nodes.items():
        graph.add_node(step.value, node)
        targets = {there: GRAPH_END if there == END else str(there) for there in TRANSITIONS[step]}
        graph.add_conditional_edges(step.value, _next, {str(there): target for there, target in targets.items()})
    graph.add_edge(START, Step.PLANNING.value)
    return graph


def compile_epic_graph(saver: BaseCheckpointSaver[str] | None = None) -> EpicGraph:
    """The graph over one saver, which belongs to one lease; all runs share what was compiled, which holds no state of a run."""
    graph = copy(_compiled())
    graph.checkpointer = saver
    return graph


@cache
def _compiled() -> EpicGraph:
    # Tens of milliseconds: a decision is not to wait for that each time.
    return build_epic_graph().compile(name="epic")


def _next(state: EpicState) -> str:
    return END if state.ended is not None else str(state.step)
