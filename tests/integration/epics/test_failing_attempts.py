"""Attempts that fail on the real engine: what the next one is told, where it begins, and who is asked."""

from __future__ import annotations

import asyncio

import pytest

from epics.approvals import Choice, Decision
from epics.errors import MomentNotFound
from epics.steps import Step
from tests.integration.epics.plays import GOOD, play

pytestmark = pytest.mark.postgres

ONE_ATTEMPT = '[test]\ncommand = "grep -q hello greeting.txt"\n[limits]\nattempts = 1\n'
GREET = {"write": {"greeting.txt": "hello\n"}}


async def test_scope_creep_is_analysed_and_the_next_attempt_on_a_new_branch_is_told(begin, git):
    creeping = play("implement", {**GREET, "run": ["echo x > elsewhere.txt"]})
    epic = await begin([play("implement", GREET, when_brief_contains="- Type: scope_creep"), creeping])
    await epic.go()

    at_gate = await epic.decide(Choice.APPROVE)

    assert at_gate.step is Step.MERGE_GATE
    assert at_gate.failure is None
    first, second = [attempt for attempt in await epic.engine.attempts(epic.id) if attempt.step is Step.IMPLEMENT]
    assert (first.ended_by, second.ended_by) == ("out_of_bounds", "done")
    assert first.error == "changed elsewhere.txt, which it may not"
    assert first.branch != second.branch
    assert second.base_commit == first.base_commit
    told = (await epic.briefs("implement"))[1]
    for words in ("It was in haste.", "Read first.", "changed elsewhere.txt, which it may not", f"implement, attempt {first.n}"):
        assert words in told
    assert "elsewhere.txt" not in git(epic.repo, "ls-tree", "-r", "--name-only", str(at_gate.branch))
    analyses = await epic.rows("SELECT analysis FROM analyses WHERE epic_id = %s")
    assert [row["analysis"]["type"] for row in analyses] == ["scope_creep"]


@pytest.mark.parametrize("end", ["turns", "timeout"])
async def test_what_an_attempt_did_before_its_turns_or_its_time_were_used_up_is_gone_on_with(begin, git, end):
    half = play("implement", {"write": {"src/half.txt": "paid for\n"}}, {"fail": end})
    epic = await begin([play("implement", GREET, when_brief_contains=f"- Type: {end}"), half])
    await epic.go()

    at_gate = await epic.decide(Choice.APPROVE)

    assert at_gate.step is Step.MERGE_GATE
    first, second = [attempt for attempt in await epic.engine.attempts(epic.id) if attempt.step is Step.IMPLEMENT]
    assert (first.ended_by, second.ended_by) == (end, "done")
    assert second.base_commit == first.commit
    assert f"goes on from the files and the conversation of attempt {first.n}" in (await epic.briefs("implement"))[1]
    assert {"src/half.txt", "greeting.txt"} <= set(git(epic.repo, "ls-tree", "-r", "--name-only", str(at_gate.branch)).split())


async def test_when_the_attempts_are_used_up_a_person_is_asked_and_the_guidance_leads_on(begin):
    words = "Write `hello` and a newline.\n\n  ~~~ No more."
    stuck = play("implement", {"fail": "turns"})
    epic = await begin([play("implement", GREET, when_brief_contains=words.splitlines()[0]), stuck])
    await epic.go()

    failed = await epic.decide(Choice.APPROVE)
    assert (failed.step, failed.status) == (Step.FAILURE_GATE, "waiting")
    assert failed.failure is not None
    assert failed.failure.type == "turns_exhausted"
    assert len(await epic.briefs("implement")) == 3

    retried = await epic.decide(Choice.RETRY, comment=words)

    assert retried.step is Step.MERGE_GATE
    assert words in (await epic.briefs("implement"))[-1]
    assert (await epic.decide(Choice.APPROVE)).status == "merged"


async def test_autonomy_ask_asks_at_the_first_failure(begin):
    epic = await begin([play("implement", {"fail": "timeout"})], autonomy="ask")
    await epic.go()

    asked = await epic.decide(Choice.APPROVE)

    assert asked.step is Step.FAILURE_GATE
    assert len(await epic.briefs("implement")) == 1


async def test_a_provider_that_is_down_goes_to_a_person_and_to_no_model(begin):
    epic = await begin([play("planning", {"fail": "error", "say": "429 for an hour"})])

    asked = await epic.go()

    assert asked.step is Step.FAILURE_GATE
    assert asked.failure is not None
    assert (asked.failure.type, asked.failure.by) == ("provider", "rules")
    assert "429 for an hour" in asked.failure.evidence
    assert await epic.briefs("time_machine") == []


async def test_a_rollback_at_the_failure_gate_goes_back_and_keeps_what_came_between(begin):
    plays = [play("implement", GREET, when_brief_contains="Now do it."), play("implement", {"fail": "turns"})]
    epic = await begin(plays, toml=ONE_ATTEMPT)
    await epic.go()
    await epic.decide(Choice.APPROVE)
    before = await epic.engine.moments(epic.id)
    approved = next(moment for moment in before if moment.step is Step.PLAN_GATE)

    back = await epic.decide(Choice.ROLLBACK, to=approved.n, comment="Now do it.")

    assert back.step is Step.MERGE_GATE
    moments = await epic.engine.moments(epic.id)
    assert moments[: len(before)] == before
    returned = moments[len(before)]
    assert (returned.step, returned.commit, returned.branch) == (Step.FAILURE_GATE, approved.commit, approved.branch)


async def test_a_rollback_to_a_moment_that_there_is_not_is_refused(begin):
    epic = await begin([play("planning", {"fail": "error"})])
    await epic.go()

    with pytest.raises(MomentNotFound, match="no moment 99"):
        await epic.engine.decide(epic.id, Decision(choice=Choice.ROLLBACK, to=99, by="ann", channel="test"))


async def test_an_abandoned_epic_has_failed_and_says_why(begin):
    epic = await begin([play("planning", {"fail": "error", "say": "no quota"})])
    await epic.go()

    ended = await epic.decide(Choice.ABANDON)

    assert ended.status == "failed"
    assert ended.failure is not None
    assert ended.waiting_on is None


async def test_a_test_command_that_hangs_is_stopped_and_the_epic_goes_on_to_a_fix(begin):
    toml = '[test]\ncommand = "test -f src/done || sleep 60"\ntimeout_s = 0.5\n'
    epic = await begin([play("fix", {"write": {"src/done": "yes\n"}})], toml=toml)
    await epic.go()

    at_gate = await epic.decide(Choice.APPROVE)

    assert at_gate.step is Step.MERGE_GATE
    reports = [
        row["result"]["tests"] for row in await epic.rows("SELECT result FROM attempts WHERE epic_id = %s AND step = 'test' ORDER BY n")
    ]
    assert [(report["passed"], report["timed_out"]) for report in reports] == [(False, True), (True, False)]
    assert "did not end in time" in (await epic.briefs("fix"))[0]


async def test_without_a_test_command_the_review_is_told(begin):
    epic = await begin(toml="")
    await epic.go()

    at_gate = await epic.decide(Choice.APPROVE)

    assert at_gate.step is Step.MERGE_GATE
    assert "NOTHING WAS TESTED" in (await epic.briefs("review"))[0]
    tested = next(moment for moment in await epic.engine.moments(epic.id) if moment.step is Step.TEST)
    assert tested.note.startswith("no tests were run: ")


async def test_failing_tests_are_fixed_and_the_fix_may_touch_what_the_tester_added(begin):
    plays = [
        play("test", {"write": {"tests/greeting": "goodbye\n"}}, when_tree_lacks={"tests/greeting": "hello"}),
        play("fix", {"write": {"tests/greeting": "hello\n"}}, when_brief_contains="The tests fail"),
    ]
    epic = await begin(plays, toml='[test]\ncommand = "cmp greeting.txt tests/greeting"\n')
    await epic.go()

    at_gate = await epic.decide(Choice.APPROVE)

    assert at_gate.step is Step.MERGE_GATE
    assert [moment.step for moment in await epic.engine.moments(epic.id)].count(Step.FIX) == 1


async def test_tests_that_never_pass_begin_the_work_again_and_then_ask(begin):
    epic = await begin([play("implement", {"write": {"greeting.txt": "goodbye\n"}})], toml=ONE_ATTEMPT + "fix_rounds = 1\n")
    await epic.go()

    asked = await epic.decide(Choice.APPROVE)

    assert asked.step is Step.FAILURE_GATE
    assert asked.failure is not None
    assert asked.failure.type == "tests_failing"
    assert "failed with exit code 1" in asked.failure.evidence

    again = await epic.decide(Choice.RETRY)

    assert again.step is Step.FAILURE_GATE
    first, second = [attempt for attempt in await epic.engine.attempts(epic.id) if attempt.step is Step.IMPLEMENT]
    assert first.base_commit == second.base_commit
    assert first.branch != second.branch


async def test_the_brief_of_an_attempt_says_what_only_the_engine_knows(begin):
    epic = await begin()
    await epic.go()

    await epic.decide(Choice.APPROVE)

    implement, test = (await epic.briefs("implement"))[0], (await epic.briefs("test"))[0]
    assert implement.startswith("Workflow: implement\n")
    assert "This is attempt 3 of this epic." in implement
    assert "grep -q hello greeting.txt" in implement
    assert "recorded in docs/decisions/0001-a-plain-file.md" in implement
    assert "You may change: greeting.txt, src/**\n" in implement
    assert "You may change: tests/**, " in test
    assert "greeting.txt, src/**" not in test


@pytest.mark.parametrize("text", ["a\0b", "\N{SNOWMAN} ~~~~ {{ x }} {% raw %}"])
async def test_strange_characters_in_an_agents_words_stop_nothing(begin, text):
    plays = [play("planning", {"output": {**GOOD["planning"], "summary": text}}), play("implement", GREET, {"output": {"summary": text}})]
    epic = await begin(plays)
    await epic.go()

    assert (await epic.decide(Choice.APPROVE)).step is Step.MERGE_GATE


async def test_a_nul_in_the_output_of_a_command_reaches_the_next_attempt_as_something_that_can_be_stored(begin):
    noisy = play("implement", {"run": ["printf 'seen\\000here'"]}, {"fail": "timeout"})
    epic = await begin([play("implement", GREET, when_brief_contains="- Type: timeout"), noisy])
    await epic.go()

    at_gate = await epic.decide(Choice.APPROVE)

    assert (at_gate.step, at_gate.problem) == (Step.MERGE_GATE, None)


async def test_an_attempt_that_overran_its_time_outside_of_its_bounds_says_both(begin):
    epic = await begin(
        [play("implement", {"run": ["echo x > elsewhere.txt"]}, {"fail": "timeout", "say": "60 s are over"})], autonomy="ask"
    )
    await epic.go()

    asked = await epic.decide(Choice.APPROVE)

    assert asked.failure is not None
    assert asked.failure.type == "timeout"
    assert "60 s are over" in asked.failure.evidence


async def test_the_plan_binds_a_workflow_that_has_bounds_of_its_own_too(begin):
    files = {
        ".genie/agents/implement/workflow.toml": 'description = "Writes."\noutput = "change_report"\n[limits]\nturns = 9\nseconds = 60.0\n'
        '[boundaries]\nallowed = ["*.txt"]\n',
        ".genie/agents/implement/prompt.md": "Write {{ goal | fenced }}\n",
        ".genie/agents/implement/allowed_tools.json": '["run_command"]\n',
    }
    epic = await begin([play("implement", {"run": ["echo x > other.txt"]})], files=files, autonomy="ask")
    await epic.go()

    asked = await epic.decide(Choice.APPROVE)

    assert asked.failure is not None
    assert (asked.failure.type, asked.failure.evidence) == ("scope_creep", "changed other.txt, which it may not")


async def test_a_nul_in_what_a_provider_said_reaches_the_brief_of_the_analysis(begin):
    epic = await begin([play("implement", {"fail": "timeout", "say": "seen\0here"})], autonomy="ask")
    await epic.go()

    asked = await epic.decide(Choice.APPROVE)

    assert (asked.step, asked.problem) == (Step.FAILURE_GATE, None)
    assert "seen\N{REPLACEMENT CHARACTER}here" in (await epic.briefs("time_machine"))[0]


async def test_a_tree_that_is_made_again_after_a_crash_has_what_git_ignores_too(begin, tmp_path, git):
    toml = '[test]\ncommand = "test -f .env/ready"\n[environment]\nsetup = "mkdir -p .env && touch .env/ready"\n'
    plays = [play("test", {"write": {"tests/a": "a\n"}}, {"run": ["sleep 2"]})]
    epic = await begin(plays, files={".gitignore": ".env\n"}, toml=toml, auto_approve=True)
    slept = asyncio.Event()

    def watch(event) -> None:
        if event.type == "turn_taken" and event.data["attempt"] == 4 and event.data["turn"] == 2:
            slept.set()

    running = asyncio.create_task(epic.engine.advance(epic.id, on_event=watch))
    await asyncio.wait_for(slept.wait(), 60)
    running.cancel()
    await asyncio.wait({running})
    tree = next(path for path in (tmp_path / "home").rglob("tests/a")).parents[1]
    (tree / "half-written").write_text("left by the crash\n")

    ended = await epic.go()

    assert ended.status == "merged", ended.problem
    mirror = next((tmp_path / "home" / "repos").glob("*.git"))
    kept = git(mirror, "for-each-ref", "--format=%(objectname)", "refs/genie/keep").split()
    assert any("half-written" in git(mirror, "ls-tree", "--name-only", commit) for commit in kept), "what the crash left is not kept"
    assert Step.FIX not in {moment.step for moment in await epic.engine.moments(epic.id)}
