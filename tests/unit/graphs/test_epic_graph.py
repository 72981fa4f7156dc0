"""The graph that LangGraph runs is the table, edge for edge."""

from __future__ import annotations

from pathlib import Path

from epics.steps import END, TRANSITIONS, Step
from graphs.epic import NODES, compile_epic_graph

ROOT = Path(__file__).parents[3]
#: Modules of `nodes` that are no step.
SHARED = {"__init__", "briefing", "context", "working"}
#: Modules that cannot bear the name of their step: tools would take one for a test, the other says too little.
RENAMED = {"test": "run_tests", "pr": "open_pull_request"}


def test_the_drawn_graph_equals_the_table():
    drawn = {(edge.source, edge.target) for edge in compile_epic_graph().get_graph().edges}

    ends = {END: "__end__"}
    table = {(str(here), ends.get(there, str(there))) for here, row in TRANSITIONS.items() for there in row}
    assert drawn == table | {("__start__", "planning")}


def test_the_graph_has_the_steps_as_nodes_and_no_others():
    assert set(compile_epic_graph().get_graph().nodes) == {"__start__", "__end__", *map(str, Step)}


def test_no_step_leads_to_two_at_once():
    # Folding, durability rule 6, holds for one task per superstep: each node has one way out, chosen by the state.
    for node in compile_epic_graph().builder.branches.values():
        assert len(node) == 1


def test_each_step_has_a_file_of_its_own_that_defines_its_node():
    files = {path.stem for path in (ROOT / "nodes").glob("*.py")} - SHARED

    assert files == {RENAMED.get(step, str(step)) for step in Step}
    assert {step: node.__module__ for step, node in NODES.items()} == {step: f"nodes.{RENAMED.get(step, str(step))}" for step in Step}
