"""Forks of every moment of an epic that failed, was fixed and was sent back: each goes on to the merge, also many at once."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.editing import BROKEN, POOR
from tests.fakes.walking import FILES
from tests.integration.going_back.conftest import Traveller

pytestmark = pytest.mark.faults

FINDING = {"id": "F1", "severity": "major", "file": POOR, "what": "It is poor.", "why": "Better is better."}
PLAYS = (
    {
        "workflow": "implement",
        "when_brief_contains": "Try again",
        "turns": [{"write": {BROKEN: "broken\n", "greeting.txt": "hello\n"}}, {"output": {"summary": "Wrote it."}}],
    },
    {"workflow": "implement", "turns": [{"fail": "turns"}]},
    {
        "workflow": "fix",
        "when_tree_has": {BROKEN: ""},
        "turns": [{"delete": [BROKEN], "write": {POOR: "poor\n"}}, {"output": {"summary": "It passes."}}],
    },
    {"workflow": "fix", "when_tree_has": {POOR: ""}, "turns": [{"delete": [POOR]}, {"output": {"summary": "It is good."}}]},
    {
        "workflow": "review",
        "when_tree_has": {POOR: ""},
        "turns": [{"output": {"verdict": "findings", "summary": "Poor.", "findings": [FINDING]}}],
    },
)
"""The first attempt fails, the second breaks the tests, the review finds something, and a person asks for more."""

CHOICES = {
    "plan_gate": {"choice": "approve"},
    "failure_gate": {"choice": "retry", "comment": "Try again."},
    "merge_gate": {"choice": "approve"},
}


@pytest.fixture
def small_repo(git_repo):
    """A repository whose tests fail where something is broken."""
    return git_repo(FILES)


@pytest.fixture
async def source(travel, story):
    """The epic, merged."""
    plan = {"summary": "Greet.", "tasks": ["Greet"], "acceptance_criteria": ["greets"], "allowed_paths": ["**"]}
    work = {"planning": [{"output": plan}], "fix": [{"write": {"more.txt": "more\n"}}]}
    epic = await travel(story(*PLAYS, **work), autonomy="ask")
    assert (await to_the_end(epic, {"merge_gate": {"choice": "changes", "comment": "More."}})).status == "merged"
    return epic


async def to_the_end(epic, first=None):
    """Advance, decide and advance to the end; at some gates otherwise the first time."""
    first = dict(first or {})
    view = await epic.go()
    while view.status == "waiting":
        await epic.began.decide(**{**CHOICES[view.step], **first.pop(view.step, {})})
        view = await epic.go()
    return view


async def test_each_fork_of_an_epic_that_had_trouble_goes_to_the_merge(source):
    moments = await source.engine.moments(source.id)
    route = [(moment.step, moment.outcome) for moment in moments]
    assert {("implement", "failed"), ("failure_gate", "decided"), ("time_machine", "done"), ("review", "done")} <= set(route)
    assert [step for step, _ in route].count("fix") == 3
    refs = source.refs()

    for moment in moments:
        fork = await source.fork(moment.n)
        await fork.engine.resume(fork.id, by="ann")
        view = await to_the_end(fork)
        assert (moment.n, moment.step, view.status, view.problem) == (moment.n, moment.step, "merged", view.problem)

    after = [moment.model_copy(update={"forks": ()}) for moment in await source.engine.moments(source.id)]
    assert after == list(moments)
    assert {name: commit for name, commit in source.refs().items() if name in refs} == refs


async def test_forks_of_all_moments_go_to_the_merge_at_once_with_two_workers(source, engine_at, tmp_path):
    moments = await source.engine.moments(source.id)
    forks = [await source.fork(moment.n) for moment in moments]
    # Each with a home of its own: what one host made, the other has from the database alone.
    workers = [await engine_at(tmp_path / "script-0.json", home=tmp_path / f"home-{n}", concurrency=3) for n in range(2)]
    stop = asyncio.Event()
    working = [asyncio.create_task(engine.work(stop)) for engine in workers]
    try:
        for fork in forks:
            await fork.engine.resume(fork.id, by="ann")
        async with asyncio.timeout(400):
            while not all([await _is_merged(fork) for fork in forks]):
                await asyncio.sleep(0.3)
    finally:
        stop.set()
        await asyncio.wait(working)

    taken = await source.began.rows("SELECT count(*) AS times FROM events WHERE type = 'epic_ended' GROUP BY epic_id")
    assert [row["times"] for row in taken] == [1] * (len(forks) + 1)
    doubled = await source.began.rows("SELECT epic_id FROM attempts GROUP BY epic_id HAVING count(*) <> count(DISTINCT task_id)")
    assert doubled == []


async def _is_merged(fork: Traveller) -> bool:
    """Look at a fork, and decide where it waits."""
    view = await fork.engine.epic(fork.id)
    assert view.status in {"queued", "running", "waiting", "merged"}, (view.status, view.step, view.problem)
    if view.status == "waiting":
        await fork.began.decide(**CHOICES[view.step])
    return bool(view.status == "merged")
