"""An attempt that a crash cut off in the middle of a command follows its workflow's `on_crash` (rule 16)."""

from __future__ import annotations

import pytest

from tests.integration.durability.acting import Death, Mortal, on_executor, scripted

pytestmark = pytest.mark.postgres

WORKFLOW = """description = "Writes."
output = "change_report"
on_crash = "{}"
[limits]
turns = 9
seconds = 60
"""


def _let(repo, git, on_crash):
    """Give the repository an implementing workflow of its own."""
    folder = repo / ".genie" / "agents" / "implement"
    folder.mkdir(parents=True)
    (folder / "workflow.toml").write_text(WORKFLOW.format(on_crash))
    (folder / "prompt.md").write_text("Do {{ goal | fenced }}\n")
    (folder / "allowed_tools.json").write_text('["write_file", "run_command", "read_file"]\n')
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "An implementing workflow of our own")


async def _cut(begin, story, *turns):
    """An epic whose worker died with the answer of turn 2, before its results."""
    epic = await begin(story(implement=turns), auto_approve=True)
    mortal = on_executor(epic.engine, _Tidy(scripted(epic.engine), "implement", [Death("answered", 2)]))
    await mortal.advance(epic.id)
    await epic.engine.resume(epic.id, by="ann")
    return epic


class _Tidy(Mortal):
    """Dies and leaves the work tree as it was."""

    async def run(self, order, journal):
        try:
            return await super().run(order, journal)
        finally:
            for name in ("greeting.txt", "rubbish.txt"):
                (order.tree / name).unlink(missing_ok=True)
            if (await journal.turns())[-1].n == 2:
                (order.tree / "greeting.txt").write_text("hello\n")


def _said(events):
    return [(event.data["did"], event.data["on_crash"], event.data["turn"]) for event in events if event.type == "attempt_recovered"]


@pytest.mark.parametrize("on_crash", [pytest.param("retry", marks=pytest.mark.faults), "verify", "park"])
async def test_a_command_without_a_result_is_run_again_waited_for_or_asked_about(begin, story, small_repo, git, tmp_path, on_crash):
    log = tmp_path / "effects.log"
    _let(small_repo, git, on_crash)
    epic = await _cut(begin, story, {"write": {"greeting.txt": "hello\n"}}, {"run": [f"echo x >> {log}"]})

    views = [await epic.engine.advance(epic.id)]
    if on_crash == "park":
        assert not log.exists()
        # Whoever comes by without having been asked changes nothing.
        views.append(await epic.engine.advance(epic.id))
        await epic.engine.resume(epic.id, by="ann")
        views.append(await epic.engine.advance(epic.id))

    assert [view.status for view in views] == (["paused", "paused", "merged"] if on_crash == "park" else ["merged"])
    went_on, parked = ("went_on", on_crash, 2), ("parked", on_crash, 2)
    assert _said(await epic.engine.events(epic.id)) == ([parked, went_on] if on_crash == "park" else [went_on])
    assert log.read_text() == "x\n"
    if on_crash == "park":
        assert views[0].problem.startswith("attempt 3 (implement) was cut off by a crash in turn 2, while it called run_command")
    (attempt,) = [each for each in await epic.engine.attempts(epic.id) if each.workflow == "implement"]
    assert attempt.recovery is not None
    assert attempt.recovery["did"] == "went_on"


async def test_verify_asks_where_the_cut_command_may_have_changed_the_tree(begin, story, small_repo, git):
    _let(small_repo, git, "verify")
    epic = await _cut(begin, story, {"write": {"greeting.txt": "hello\n"}}, {"run": ["cat greeting.txt"]})
    for tree in (epic.engine._installation.home / "worktrees").rglob("greeting.txt"):
        tree.write_text("half of a")

    parked = await epic.engine.advance(epic.id)
    await epic.engine.resume(epic.id, by="ann")
    view = await epic.engine.advance(epic.id)

    assert (parked.status, view.status) == ("paused", "merged")
    assert "the work tree is not as the turn before left it" in parked.problem
    assert (epic.repo / "greeting.txt").read_text() == "hello\n"


@pytest.mark.faults
async def test_a_cut_that_only_wrote_files_goes_on_whatever_the_workflow_says(begin, story, small_repo, git):
    _let(small_repo, git, "park")
    epic = await _cut(begin, story, {"write": {"greeting.txt": "hi\n"}}, {"write": {"greeting.txt": "hello\n"}})

    view = await epic.engine.advance(epic.id)

    assert view.status == "merged"
    assert _said(await epic.engine.events(epic.id)) == []
