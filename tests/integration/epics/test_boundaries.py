"""What each workflow may change is held at its end, by git, whatever ran the agent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.engine import Engine
from executors.scripts import Script
from tests.fakes.trespassing import Trespassing, writing
from tests.integration.epics.plays import GOOD, Played, play, script_of

pytestmark = pytest.mark.postgres

TRESPASSES = {
    "planning": "README.md",
    "architect": "src/lamp.py",
    "implement": "elsewhere.txt",
    "test": "greeting.txt",
    "fix": ".github/workflows/run.yml",
    "review": "greeting.txt",
    "refactor": "elsewhere.txt",
    "document": "src/lamp.py",
    "pr": "README.md",
    "time_machine": "src/lamp.py",
}
"""One file for each workflow that is not its own to change."""

UNTIDY = {"id": "F1", "severity": "major", "file": "greeting.txt", "what": "It is not tidy.", "why": "Nobody finds it.", "structural": True}

PLAYS = [
    # The tests fail until the fix, and the review asks for a refactoring: so every workflow has its turn.
    play("implement", {"write": {"greeting.txt": "goodbye\n"}}),
    play("fix", {"write": {"greeting.txt": "hello\n"}}),
    play(
        "review",
        {"output": {"verdict": "findings", "summary": "Untidy.", "findings": [UNTIDY]}},
        when_tree_lacks={"src/tidy.txt": "tidy"},
    ),
    play("refactor", {"write": {"src/tidy.txt": "tidy\n"}}),
]


def on(epic: Played, executor) -> Played:
    """The same epic on an engine with another executor in the place of the scripted one."""
    return replace(epic, engine=Engine(replace(epic.engine._installation, executors={"scripted": executor, executor.name: executor})))


async def analyses_of(epic: Played) -> dict[str, dict]:
    """What failed, by the step."""
    rows = await epic.rows(
        "SELECT t.step, a.analysis FROM analyses a JOIN attempts t ON t.epic_id = a.epic_id AND t.n = (a.analysis->>'attempt')::int"
        " WHERE a.epic_id = %s ORDER BY t.n"
    )
    return {row["step"]: row["analysis"] for row in rows}


async def test_no_workflow_gets_a_change_through_that_is_not_its_own(begin, git):
    epic = await begin(PLAYS, auto_approve=True)
    deeds = {workflow: writing(path) for workflow, path in TRESPASSES.items()}
    epic = on(epic, Trespassing(epic.engine._installation.executors["scripted"], deeds))

    ended = await epic.go()

    assert ended.status == "merged", ended.failure
    attempts = await epic.engine.attempts(epic.id)
    first = {attempt.workflow: attempt for attempt in reversed(attempts)}
    assert {name: (attempt.ended_by, attempt.error) for name, attempt in first.items()} == {
        name: ("out_of_bounds", f"changed {path}, which it may not") for name, path in TRESPASSES.items()
    }
    analyses = await analyses_of(epic)
    assert {step: (analysis["type"], analysis["evidence"].splitlines()[0]) for step, analysis in analyses.items()} == {
        name: ("scope_creep", f"changed {path}, which it may not") for name, path in TRESPASSES.items() if name != "time_machine"
    }
    # An analyst that trespasses is not listened to.
    assert analyses["planning"]["by"] == "rules"
    heads = {moment.attempt: moment.commit for moment in await epic.engine.moments(epic.id)}
    assert all(heads[attempt.n] == attempt.base_commit for attempt in first.values() if attempt.workflow != "time_machine")
    merged = git(epic.repo, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert {"elsewhere.txt", "src/lamp.py", ".github/workflows/run.yml"}.isdisjoint(merged)
    assert "not mine" not in git(epic.repo, "grep", "-h", "-e", "", "main")


async def test_a_model_is_held_to_the_same_by_the_tools_that_it_has(begin, git):
    from executors.in_process import InProcessExecutor
    from executors.terms import Terms
    from safety.prices import Price
    from tests.fakes.played_model import PlayedModels

    def tries(workflow: str) -> dict:
        path = TRESPASSES[workflow]
        shell = f"mkdir -p $(dirname {path}); echo 'not mine' > {path}"
        own = [{"write": {"greeting.txt": "hello\n"}}] if workflow == "implement" else []
        return play(workflow, {"write": {path: "not mine\n"}, "run": [shell]}, *own)

    epic = await begin(auto_approve=True, model="scripted:demo")
    good = [play("implement", {"write": {"greeting.txt": "hello\n"}}, when_brief_contains="- Type: scope_creep")]
    good.append(play("test", when_brief_contains="- Type: scope_creep"))
    script = Script.model_validate(script_of([*good, *(tries(workflow) for workflow in TRESPASSES if workflow in GOOD)]))
    price = Price.per_million(Decimal(3), Decimal(15))
    executor = InProcessExecutor(PlayedModels(script), terms=Terms(prices={"scripted:demo": price}, floor_tokens=300))
    epic = on(epic, executor)

    ended = await epic.go()

    assert ended.status == "merged", ended.problem
    attempts = await epic.engine.attempts(epic.id)
    # Who has a shell can write anywhere, and fails for it; who has none cannot write at all.
    assert [attempt.workflow for attempt in attempts if attempt.ended_by != "done"] == ["implement", "test"]
    assert {analysis["type"] for analysis in (await analyses_of(epic)).values()} == {"scope_creep"}
    assert "not mine" not in git(epic.repo, "grep", "-h", "-e", "", "main")
