"""What one epic taught is told in the next on the same repository; nothing is lost, doubled or told elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest

from tests.integration.learning.conftest import Learner, recalled_in

pytestmark = pytest.mark.postgres

CREEPS = [{"write": {"greeting.txt": "hello\n"}, "run": ["echo x > elsewhere.txt"]}]


@pytest.fixture(scope="module")
def standing(bring, story):
    """One epic on the repository, merged: its plan was sent back with a comment, and its first implement changed what it may not."""

    async def go(engine, repo):
        learner = Learner(engine=engine, repo=repo)
        epic = await learner.begin("Greet people from a file")
        await engine.advance(epic)
        await learner.decide(epic, "changes", comment="Greetings have no exclamation mark.")
        await engine.say(epic, "Spell hello with a small h.", by="eve", channel="test")
        await learner.decide(epic, "approve")
        assert (await learner.decide(epic, "approve", comment="Plain and good.")).status == "merged"
        return epic

    creeping = {"workflow": "implement", "when_brief_contains": "This is attempt 4 ", "turns": [*CREEPS, {"output": {"summary": "Hm."}}]}
    return bring(story(creeping), go)


async def test_an_epic_teaches_what_failed_what_worked_what_people_said_and_decided(learner):
    await learner.settle()

    told = {row["key"].partition(":")[2]: row for row in await learner.rows("SELECT key, shelf, body, state FROM episodes")}
    shelves = sorted(row["shelf"].removeprefix("genie_") for row in told.values())
    assert shelves == ["context", "context", "decisions", "decisions", "learning", "patterns", "patterns", "procedures"]
    assert {row["state"] for row in told.values()} == {"stored"}
    said = "\n".join(row["body"] for row in told.values())
    for words in (
        "implement failed (scope_creep): The step was cut short.\nPrevention: Begin with the file.",
        "ann chose changes: Greetings have no exclamation mark.",
        "eve said to the agent at work: Spell hello with a small h.",
        "ann chose approve: Plain and good.",
        "Decided: Greet from a file. Write a file.",
        "The tests of this repository are run by `true`",
        "this worked: Wrote the greeting.",
        "Merged: Greet people from a file",
    ):
        assert words in said
    assert await learner.rows("SELECT 1 FROM learning_marks") == []


async def test_the_next_epic_is_told_and_says_of_what(learner, standing):
    await learner.settle()

    view = await learner.merge("Greet people in another tongue")

    assert view.status == "merged"
    brief = await learner.brief(view.id, "planning")
    assert "ann chose changes: Greetings have no exclamation mark." in recalled_in(brief)
    assert "Begin with the file." in brief
    attempt = (await learner.engine.attempts(view.id))[0]
    assert f"Memory {attempt.recalled[0].id} (" in brief
    assert {memory.source.split(",")[0] for memory in attempt.recalled} == {f"epic {standing.id}"}
    # What a lesson tells is not told twice.
    assert (brief.count("Begin with the file."), attempt.lessons[0].epic) == (1, standing.id)
    query = "SELECT data -> 'recalled' AS ids FROM events WHERE epic_id = %s AND type = 'attempt_started' ORDER BY n LIMIT 1"
    assert (await learner.rows(query, view.id))[0]["ids"] == [memory.id for memory in attempt.recalled]


async def test_a_replay_makes_the_same_briefs_when_all_of_it_is_forgotten(learner):
    from engine.time_machine.replay import Code
    from engine.time_machine.replaying import Replaying

    await learner.settle()
    view = await learner.merge("Greet people in another tongue")
    await learner.run("TRUNCATE episodes, known_projects CASCADE")

    replay = await Replaying(learner.engine._installation, Code()).replay(view.id, verify=True)

    assert (replay.first_difference, replay.pruned) == (None, False)
    assert any(recalled_in(row["text"]) for row in await learner.rows("SELECT text FROM briefs WHERE epic_id = %s", view.id))


async def test_a_repository_can_have_none_of_it(learner, git):
    await learner.settle()
    (learner.repo / "genie.toml").write_text('[test]\ncommand = "true"\n[memory]\nenabled = false\n')
    git(learner.repo, "commit", "--quiet", "--all", "--message", "Remember nothing")

    epic = await learner.begin("Greet people once more")
    await learner.engine.advance(epic)

    brief = await learner.brief(epic, "planning")
    assert recalled_in(brief) == ""
    assert "Earlier failures" not in brief


async def test_another_repository_is_told_nothing(learner, git_repo):
    await learner.settle()

    elsewhere = replace(learner, repo=git_repo({"README.md": "Hi.\n", "genie.toml": '[test]\ncommand = "true"\n'}, name="elsewhere"))
    view = await elsewhere.merge("Greet people from a file")

    assert view.status == "merged"
    briefs = await learner.rows("SELECT text FROM briefs WHERE epic_id = %s", view.id)
    assert not any(recalled_in(row["text"]) for row in briefs)


async def test_told_again_or_by_two_at_once_or_after_a_wipe_it_is_the_same(learner):
    from engine.knowledge.pump import Pump
    from engine.learning.taking import take_marks

    both = [Pump(learner.engine._installation) for _ in range(2)]
    await asyncio.gather(*(pump.once() for pump in both))
    await learner.settle()
    once = await learner.rows("SELECT key FROM episodes ORDER BY key")

    await learner.run("INSERT INTO learning_marks (epic_id, news) SELECT id, 1 FROM epics")
    await take_marks(learner.engine._pool)
    rebuilt = await learner.engine.knowledge.rebuild()
    await learner.settle()

    assert await learner.rows("SELECT key FROM episodes ORDER BY key") == once
    after = await learner.engine.knowledge.stats()
    assert (rebuilt.before.facts, rebuilt.before.episodes) == (after.known.facts, after.known.episodes) == (len(once), len(once))


async def test_a_store_that_is_wiped_with_its_queue_is_made_anew_from_the_epics(learner):
    await learner.settle()
    before = await learner.engine.knowledge.stats()
    keys = await learner.rows("SELECT key, body FROM episodes ORDER BY key")
    await learner.run("DELETE FROM episodes")

    await learner.engine.knowledge.rebuild()
    await learner.settle()

    assert (await learner.engine.knowledge.stats()).known == before.known
    assert await learner.rows("SELECT key, body FROM episodes ORDER BY key") == keys


async def test_an_attempt_that_is_analysed_again_is_told_in_its_newer_words_and_once(learner):
    await learner.settle()
    before = await learner.engine.knowledge.stats()
    newer = '{"cause": "It was too fast."}'
    await learner.run(
        f"INSERT INTO analyses (epic_id, moment, attempt, analysis) SELECT epic_id, moment, attempt, analysis || '{newer}' FROM analyses"
    )

    await learner.engine.knowledge.rebuild()
    await learner.settle()

    assert (await learner.engine.knowledge.stats()) == before
    (fact,) = await learner.rows("SELECT text FROM knowledge_facts WHERE shelf = 'genie_learning'")
    assert fact["text"].startswith("implement failed (scope_creep): It was too fast.")


async def test_a_kill_between_deriving_and_taking_the_mark_away_leaves_the_mark_and_no_half(learner):
    await learner.run("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$")
    await learner.run("CREATE TRIGGER die BEFORE DELETE ON learning_marks FOR EACH ROW EXECUTE FUNCTION die()")
    with contextlib.suppress(Exception):
        await learner.settle()
    half = await learner.rows("SELECT key FROM episodes")
    marks = await learner.rows("SELECT tries FROM learning_marks")
    await learner.run("DROP TRIGGER die ON learning_marks")
    await learner.run("UPDATE learning_marks SET due_at = now()")

    await learner.settle()

    assert (half, marks) == ([], [{"tries": 1}])
    assert len(await learner.rows("SELECT key FROM episodes")) == 8
    assert await learner.rows("SELECT 1 FROM learning_marks") == []


async def test_what_happens_while_an_epic_is_looked_at_is_looked_at_too(learner, standing):
    from db.learning import claim_marks, settle_mark

    (mark,) = await claim_marks(learner.engine._pool, most=9)
    await learner.run('SELECT add_events(id, \'[{"type": "person_said", "data": {}}]\') FROM epics')

    await settle_mark(learner.engine._pool, mark, ())

    (left,) = await claim_marks(learner.engine._pool, most=9)
    assert (left.epic, left.news) == (standing.id, mark.news + 1)


async def test_a_fork_and_an_import_teach_nothing_twice(learner, standing, tmp_path):
    from engine.time_machine.orders import Fork

    await learner.settle()
    once = await learner.rows("SELECT key FROM episodes ORDER BY key")
    file = tmp_path / "history.zip"

    fork = await learner.engine.fork(standing.id, Fork(at=9, by="ann"))
    with file.open("wb") as target:
        await learner.engine.keeping.export(standing.id, target, secrets=())
    imported = await learner.engine.keeping.take_in(file, repo=str(learner.repo))
    await learner.settle()

    assert imported.epic not in {standing.id, fork.id}
    assert await learner.rows("SELECT key FROM episodes ORDER BY key") == once


async def test_a_run_is_told_and_teaches_too(learner):
    from engine.runs.orders import StartRun

    await learner.settle()

    run = await learner.engine.runs.start(StartRun(workflow="implement", repo=str(learner.repo), task="Greet loudly", executor="scripted"))
    ended = await learner.engine.runs.advance(run.id)
    await learner.settle()

    assert ended.status == "done"
    assert "Greetings have no exclamation mark." in recalled_in(await learner.brief(run.id, "implement"))
    (told,) = await learner.rows("SELECT body, source ->> 'kind' AS kind FROM episodes WHERE key = %s", f"{run.id}:1:genie_patterns")
    assert (told["kind"], told["body"].splitlines()[:2]) == ("run", ["implement was run: Greet loudly", "Wrote the greeting."])
