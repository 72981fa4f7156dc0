"""One workflow on a repository without an epic: started, run to its end, told of."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.runs.orders import StartRun
from epics.errors import Conflict, EpicNotFound, InvalidInput, RepositoryUnusable, RunNotFound, WorkflowNotFound

pytestmark = pytest.mark.postgres


async def test_an_implementation_ends_with_its_output_and_a_branch_in_the_repository(run_new, git):
    run = await run_new("implement", task="Greet people")

    view = await run.end()

    assert (view.status, view.ended_by, view.error, view.unpublished) == ("done", "done", "", "")
    assert view.output == {"summary": "Wrote the greeting.", "addressed": []}
    assert view.files_changed == ("greeting.txt",)
    assert view.branch == f"genie/{run.id}/implement/attempt_1"
    assert git(run.repo, "rev-parse", view.branch) == view.commit
    assert git(run.repo, "show", f"{view.branch}:greeting.txt") == "hello"
    assert view.ended_at is not None
    assert (view.turns, view.executor) == (2, "scripted")


async def test_a_run_has_events_of_its_own_from_the_queue_to_its_end(run_new):
    run = await run_new("implement", task="Greet people")

    await run.end()

    kinds = await run.kinds()
    assert kinds[:3] == ["run_queued", "run_taken", "attempt_started"]
    assert kinds[-1] == "run_ended"
    assert not {kind for kind in kinds if kind.startswith("epic_")}


async def test_the_review_of_a_branch_sees_what_that_branch_changed_and_is_told_its_commits(run_new, git, small_repo):
    git(small_repo, "switch", "--quiet", "--create", "work")
    (small_repo / "lamp.txt").write_text("a lamp\n")
    git(small_repo, "add", "lamp.txt")
    git(small_repo, "commit", "--quiet", "--message", "Add a lamp")
    git(small_repo, "switch", "--quiet", "main")

    run = await run_new("review", at="work")
    view = await run.end()

    assert (view.status, view.branch, view.files_changed) == ("done", None, ())
    assert view.output is not None
    assert view.output["verdict"] == "passed"
    assert view.task == "What these commits are for, the newest first:\n- Add a lamp"
    brief = await brief_of(run)
    assert "+a lamp" in brief
    assert "- Add a lamp" in brief


async def test_the_review_of_the_base_branch_is_about_its_last_commit(run_new, git, small_repo):
    (small_repo / "lamp.txt").write_text("a lamp\n")
    git(small_repo, "add", "lamp.txt")
    git(small_repo, "commit", "--quiet", "--message", "Add a lamp")

    run = await run_new("review")
    await run.end()

    brief = await brief_of(run)
    assert "+a lamp" in brief
    assert "+Greetings." not in brief


@pytest.mark.parametrize("workflow", ["review", "test", "document", "refactor", "pr"])
async def test_what_is_about_a_change_needs_no_task(run_new, workflow):
    run = await run_new(workflow)

    assert (await run.end()).status == "done"


@pytest.mark.parametrize("workflow", ["planning", "architect", "implement", "fix", "time_machine"])
async def test_what_begins_something_needs_a_task_and_says_so(run_new, workflow):
    with pytest.raises(InvalidInput, match=f"the workflow {workflow} needs goal, and there is no task: give --task TEXT"):
        await run_new(workflow)


@pytest.mark.parametrize("workflow", ["planning", "architect", "fix", "time_machine"])
async def test_every_other_workflow_runs_with_a_task(run_new, workflow):
    run = await run_new(workflow, task="Greet people")

    view = await run.end()

    assert (view.status, view.error) == ("done", "")
    assert view.output


async def test_the_test_workflow_also_runs_the_tests_of_the_repository(run_new):
    run = await run_new("test")

    view = await run.end()

    assert view.tests is not None
    assert (view.tests.command, view.tests.passed) == ("true", True)


async def test_a_plan_that_is_given_binds_the_work_and_stands_in_the_brief(run_new):
    plan = {"summary": "A lamp.", "tasks": ["Make it"], "acceptance_criteria": ["It shines"], "allowed_paths": ["lamp.txt"]}

    run = await run_new("implement", task="A lamp", variables={"plan": plan})
    view = await run.end()

    assert "It shines" in await brief_of(run)
    # Its script writes greeting.txt, which the plan does not let it.
    assert (view.status, view.files_changed) == ("done", ())


async def test_a_failed_attempt_fails_the_run_and_no_second_one_is_made(run_new, story):
    script = story(implement=[{"write": {"greeting.txt": "hel"}}, {"fail": "error", "say": "I give up"}])

    run = await run_new("implement", script, task="Greet people")
    view = await run.end()

    assert (view.status, view.ended_by, view.error) == ("failed", "error", "I give up")
    assert (await run.kinds()).count("attempt_started") == 1
    assert view.files_changed == ("greeting.txt",)


async def test_a_run_that_meets_its_limit_fails_and_says_whose_limit_that_was(run_new):
    run = await run_new("implement", task="Greet people", budget_usd=Decimal("0.01"))

    view = await run.end()

    assert (view.status, view.ended_by) == ("failed", "budget")
    assert "of the run's limit of $0.01 is used" in view.error
    assert Decimal(0) < view.cost_usd <= Decimal("0.01")


async def test_a_run_that_has_ended_is_not_run_again(run_new):
    run = await run_new("implement", task="Greet people")
    first = await run.end()

    again = await run.end()

    assert again == first


async def test_a_queued_run_is_cancelled_at_once_and_only_once(run_new):
    run = await run_new("implement", task="Greet people")

    view = await run.engine.runs.cancel(run.id, by="ann", reason="too dear")

    assert (view.status, view.error) == ("cancelled", "cancelled by ann: too dear")
    with pytest.raises(Conflict, match="has ended already: it is cancelled"):
        await run.engine.runs.cancel(run.id, by="ann")
    assert (await run.end()).turns == 0


async def test_lists_of_runs_and_lists_of_epics_are_two(run_new, small_repo):
    from engine.starting import StartEpic

    run = await run_new("implement", task="Greet people")
    epic = await run.engine.start(StartEpic(goal="Greet", repo=str(small_repo), executor="scripted"))

    assert [each.id for each in (await run.engine.runs.page()).items] == [run.id]
    assert [each.id for each in (await run.engine.epics()).items] == [epic.id]
    assert [each.id for each in (await run.engine.runs.page(status="queued", workflow="implement")).items] == [run.id]
    assert (await run.engine.runs.page(workflow="review")).items == ()
    assert (await run.engine.runs.page(status="done")).items == ()
    assert sum((await run.engine.standing()).epics.values()) == 1
    with pytest.raises(EpicNotFound):
        await run.engine.epic(run.id)
    with pytest.raises(RunNotFound):
        await run.engine.runs.show(epic.id)


async def test_runs_come_in_pages_the_newest_first(run_new):
    runs = [await run_new("review") for _ in range(3)]

    first = await runs[0].engine.runs.page(limit=2)
    second = await runs[0].engine.runs.page(limit=2, cursor=first.next)

    assert [each.id for each in (*first.items, *second.items)] == [each.id for each in reversed(runs)]
    assert second.next is None


BAD = {
    "no such workflow": ({"workflow": "dance"}, WorkflowNotFound, "there is no workflow 'dance', and no agent of that name"),
    "no such repository": ({"repo": "/nowhere"}, RepositoryUnusable, "/nowhere does not exist"),
    "no such base": ({"base": "gone"}, RepositoryUnusable, "gone"),
    "no such revision": ({"at": "v9"}, RepositoryUnusable, "has no commit 'v9'"),
    "an option for a revision": ({"at": "--all"}, InvalidInput, "names no commit"),
    "no such executor": ({"executor": "abacus"}, InvalidInput, "there is no executor 'abacus'"),
    "a variable that no prompt has": ({"variables": {"colour": "red"}}, InvalidInput, "takes no variable 'colour'; it takes comments"),
    "a variable that is found out": ({"variables": {"repository": "x"}}, InvalidInput, "takes no variable 'repository'"),
    "a plan that is none": ({"variables": {"plan": {"summary": "x"}}}, InvalidInput, "plan.tasks does not fit"),
    "a NUL": ({"variables": {"guidance": "a\0b"}}, InvalidInput, "no text"),
    "a NUL in the task": ({"task": "a\0b"}, InvalidInput, "the task has a character that is no text"),
    "a huge task": ({"task": "a" * 20_001}, InvalidInput, "the task has 20,001 characters"),
    "a huge variable": ({"variables": {"diff": "a" * 400_001}}, InvalidInput, "at most 400,000"),
}


@pytest.mark.parametrize("asked, error, said", BAD.values(), ids=BAD)
async def test_what_cannot_be_run_is_refused_before_there_is_a_run(engine_at, story, small_repo, asked, error, said):
    engine = await engine_at(story())
    given = {"workflow": "implement", "repo": str(small_repo), "task": "Greet people", "executor": "scripted", **asked}

    with pytest.raises(error, match=said):
        await engine.runs.start(StartRun(**given))

    assert (await engine.runs.page()).items == ()


async def test_a_prompt_of_the_repository_that_needs_a_plan_names_what_is_missing(run_new, git, small_repo):
    own_workflow(small_repo, "Do {{ plan.summary }}")
    git(small_repo, "add", "--all")
    git(small_repo, "commit", "--quiet", "--message", "A workflow of our own")

    with pytest.raises(InvalidInput, match="the workflow audit may need plan, which --var gives"):
        await run_new("audit")


async def test_a_workflow_of_the_repository_runs_without_a_step_of_its_name(run_new, git, small_repo):
    own_workflow(small_repo, "Look at {{ repository }}")
    git(small_repo, "add", "--all")
    git(small_repo, "commit", "--quiet", "--message", "A workflow of our own")
    script = {"plays": [{"workflow": "audit", "turns": [{"output": {"summary": "All is well."}}]}]}

    run = await run_new("audit", script)
    view = await run.end()

    assert (view.status, view.output) == ("done", {"summary": "All is well.", "addressed": []})


def own_workflow(repo, prompt):
    folder = repo / ".genie" / "agents" / "audit"
    folder.mkdir(parents=True)
    (folder / "prompt.md").write_text(prompt)
    (folder / "allowed_tools.json").write_text('["read_file"]')
    limits = "[limits]\nturns = 3\nseconds = 60\n[boundaries]\nallowed = []\n"
    (folder / "workflow.toml").write_text(f'description = "Audits"\noutput = "change_report"\n{limits}')


async def brief_of(run):
    async with run.engine._pool.connection() as connection:
        row = await (await connection.execute(b"SELECT text FROM briefs WHERE epic_id = %s", [run.id])).fetchone()
    return row["text"]
