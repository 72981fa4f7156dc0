"""One run of an agent written in Python: what it is told, what it does, how it ends."""

from __future__ import annotations

import asyncio

import pytest

from epics.errors import Conflict, InvalidInput, WorkflowNotFound
from tests.integration.agent_runs.conftest import plays

pytestmark = pytest.mark.postgres

ANSWERS = "    async def run(self, run):\n        return await run.ask()\n"
ROSE = {"say": "A rose.", "ends": True}
TOLD = {"prompt_filled", "memory_read", "turn_taken", "messages_kept", "episode_queued", "run_ended"}


async def test_an_agent_answers_on_no_repository_and_its_events_tell_in_which_order(ask_agent, write_agent):
    write_agent("poet", ANSWERS)

    run = await ask_agent("poet", plays(ROSE))
    view = await run.end()

    assert (view.status, view.error, view.output) == ("done", "", {"text": "A rose."})
    assert (view.kind, view.repo, view.branch, view.commit, view.files_changed, view.turns) == ("agent", "", None, None, (), 1)
    assert [kind for kind in await run.kinds() if kind in TOLD] == [
        *("prompt_filled", "memory_read", "turn_taken", "messages_kept", "episode_queued", "run_ended")
    ]
    assert (await run.rows("SELECT title FROM episodes WHERE key = %s || ':run'"))[0]["title"] == "poet: Say something"
    log = await run.engine.runs.log(run.id)
    assert [turn["answer_text"] for turn in log] == ["A rose."]


async def test_an_answer_of_a_type_and_what_was_given_reach_whoever_asked(ask_agent, write_agent):
    body = "    async def run(self, run):\n        return await run.ask_for(Verse, run.message + run.variables['about'])\n"
    write_agent("poet", body, imports="from pydantic import BaseModel\n\n\nclass Verse(BaseModel):\n    lines: int\n")

    run = await ask_agent("poet", plays({"output": {"lines": 3}}), task="Write about: ", variables={"about": "roses"})
    view = await run.end()

    assert (view.status, view.output) == ("done", {"lines": 3})
    assert (await run.rows("SELECT text FROM briefs WHERE epic_id = %s AND attempt = 2"))[0]["text"] == "Write about:roses"


async def test_a_conversation_goes_on_from_run_to_run_and_one_run_at_a_time(ask_agent, write_agent):
    write_agent("poet", ANSWERS)
    first = await ask_agent("poet", plays(ROSE, {"say": "A lily.", "ends": True}), session="garden")
    with pytest.raises(Conflict, match="has a run that has not ended"):
        await ask_agent("poet", session="garden")
    await first.end()

    second = await ask_agent("poet", session="garden", task="Another")
    view = await second.end()

    assert view.session == (await first.engine.runs.show(first.id)).session
    # The script goes on where the conversation was.
    assert view.output == {"text": "A lily."}
    said = await second.rows("SELECT count(*) AS n, count(DISTINCT run_id) AS runs FROM messages")
    assert said == [{"n": 4, "runs": 2}]


async def test_an_agent_on_a_repository_works_in_a_tree_of_its_own_and_leaves_a_branch(ask_agent, write_agent, small_repo, git):
    body = "    async def run(self, run):\n        (run.tree / 'own.txt').write_text('mine')\n        return await run.ask()\n"
    write_agent("poet", body, tools='("write_file",)')

    run = await ask_agent("poet", plays({"write": {"greeting.txt": "hello"}}, ROSE), repo=str(small_repo))
    view = await run.end()

    assert (view.status, view.error, sorted(view.files_changed)) == ("done", "", ["greeting.txt", "own.txt"])
    assert view.branch == f"genie/{run.id}/poet/attempt_1"
    assert git(small_repo, "show", f"{view.branch}:greeting.txt") == "hello"
    assert git(small_repo, "show", f"{view.branch}:own.txt") == "mine"


async def test_the_next_run_of_a_conversation_begins_where_the_last_one_left_the_files(ask_agent, write_agent, small_repo):
    body = (
        "    async def run(self, run):\n        file = run.tree / 'lines.txt'\n"
        "        file.write_text((file.read_text() if file.exists() else '') + 'x')\n        return file.read_text()\n"
    )
    write_agent("poet", body)

    first = await ask_agent("poet", plays(ROSE), repo=str(small_repo), session="work")
    await first.end()
    second = await ask_agent("poet", repo=str(small_repo), session="work")

    assert (await second.end()).output == {"text": "xx"}


FAULTS = {
    "prepare": "    async def prepare(self, run):\n        raise ValueError('no lamp')\n" + ANSWERS,
    "run": "    async def run(self, run):\n        raise ValueError('no lamp')\n",
    "cleanup": ANSWERS + "    async def cleanup(self, run):\n        raise ValueError('no lamp')\n",
    "an exit": "    async def run(self, run):\n        raise SystemExit('no lamp')\n",
}


@pytest.mark.parametrize("body", FAULTS.values(), ids=FAULTS)
async def test_what_an_agent_raises_is_the_failure_of_the_run_with_its_line(ask_agent, write_agent, body):
    file = write_agent("poet", body)
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "no lamp" in text)

    run = await ask_agent("poet", plays(ROSE))
    view = await run.end()

    assert (view.status, view.ended_by) == ("failed", "error")
    assert f"{file}:{line}:" in view.error
    assert "no lamp" in view.error


@pytest.mark.parametrize("body", ["return 'a\\0b\\ud800c'", "raise ValueError('a\\0b\\ud800c')"], ids=["answer", "error"])
async def test_what_no_database_can_hold_is_replaced_in_what_an_agent_says(ask_agent, write_agent, body):
    write_agent("poet", f"    async def run(self, run):\n        {body}\n")

    view = await (await ask_agent("poet", plays(ROSE))).end()

    assert "a\N{REPLACEMENT CHARACTER}b?c" in (view.output["text"] if view.output else view.error)


async def test_an_agent_that_takes_too_long_is_ended_and_cleans_up(ask_agent, write_agent, tmp_path):
    mark = tmp_path / "cleaned"
    body = (
        "    async def run(self, run):\n        await asyncio.sleep(60)\n"
        f"    async def cleanup(self, run):\n        Path({str(mark)!r}).write_text('x')\n"
    )
    write_agent(
        "poet",
        body,
        imports="import asyncio\nfrom pathlib import Path\nfrom agents.workflow import Limits",
        limits="Limits(turns=1, seconds=0.2)",
    )

    run = await ask_agent("poet", plays(ROSE))
    view = await run.end()

    assert (view.status, view.ended_by, "longer than its 0.2 s" in view.error) == ("failed", "timeout", True)
    assert mark.read_text() == "x"


async def test_a_question_that_fails_can_be_caught_and_asked_in_another_way(ask_agent, write_agent):
    body = (
        "    async def run(self, run):\n        try:\n            return await run.ask()\n"
        "        except AskFailed as error:\n            return f'{error.ended_by}: {error}'\n"
    )
    write_agent("poet", body, imports="from epics.agent_errors import AskFailed")

    run = await ask_agent("poet", plays({"fail": "error", "say": "it rains"}))

    assert (await run.end()).output == {"text": "error: it rains"}


async def test_all_questions_of_a_run_share_its_turns(ask_agent, write_agent):
    body = "    async def run(self, run):\n        await run.ask()\n        return await run.ask('again')\n"
    write_agent("poet", body, imports="from agents.workflow import Limits", limits="Limits(turns=1, seconds=60)")

    run = await ask_agent("poet", plays(ROSE, ROSE))
    view = await run.end()

    assert (view.status, view.ended_by, view.turns) == ("failed", "turns", 1)


async def test_tools_of_its_own_are_called_and_one_that_raises_is_told_to_the_model(ask_agent, write_agent):
    imports = (
        "from tools.declaring import AgentTool, Arguments\n\n\nclass Text(Arguments):\n    text: str\n\n\n"
        "async def count(context, arguments):\n    return str(len(arguments.text) // (len(arguments.text) - 3))\n\n\n"
        "COUNT = AgentTool(name='count', description='Counts.', permission='read', arguments=Text, run=count)\n"
    )
    write_agent("poet", ANSWERS, imports=imports, tools="(COUNT,)")
    calls = [{"calls": [{"tool": "count", "arguments": {"text": text}}]} for text in ("abcd", "abc")]

    run = await ask_agent("poet", plays(*calls, ROSE))
    view = await run.end()

    log = await run.engine.runs.log(run.id)
    results = [result["content"] for turn in log for result in turn["results"]]
    assert (view.status, results[0]) == ("done", "4")
    assert "ZeroDivisionError" in results[1]


async def test_notes_and_what_is_to_be_remembered_are_there_for_people_and_for_later_runs(ask_agent, write_agent):
    body = (
        "    async def run(self, run):\n        await run.note('stanza', {'n': 1})\n"
        "        await run.remember('Roses are red here.')\n        return 'done'\n"
    )
    write_agent("poet", body)

    run = await ask_agent("poet", plays(ROSE))
    await run.end()

    notes = [event.data for event in await run.engine.runs.events(run.id) if event.type == "agent_note"]
    assert [(note["kind"], note["data"]) for note in notes] == [("stanza", {"n": 1})]
    assert await run.rows("SELECT count(*) AS n FROM episodes WHERE key LIKE %s || ':%%'") == [{"n": 2}]


REFUSED = {
    "no such agent": ({"agent": "dancer"}, WorkflowNotFound, "there is no workflow 'dancer', and no agent"),
    "a workflow on no repository": ({"agent": "review"}, InvalidInput, "run on a repository: give --repo"),
    "an agent that needs one": ({"agent": "claude_code"}, InvalidInput, "run on a repository: give --repo"),
    "nothing said": ({"task": " "}, InvalidInput, "needs something to be said"),
    "a revision of nothing": ({"at": "v1"}, InvalidInput, "--at is of a repository"),
    "an executor that is not its own": ({"executor": "claude_local"}, InvalidInput, "is not run by 'claude_local', but by in_process"),
    "a session of none": ({"session": "s-0000000000"}, Exception, "there is no session"),
}


@pytest.mark.parametrize("asked, error, said", REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_run_is_refused_before_there_is_a_run(ask_agent, write_agent, asked, error, said):
    write_agent("poet", ANSWERS)

    with pytest.raises(error, match=said):
        await ask_agent(**{"agent": "poet", "script": plays(ROSE), **asked})


async def test_an_agent_that_is_broken_is_refused_with_its_line(ask_agent, write_agent):
    file = write_agent("poet", "    async def run(self, run)\n        return 1\n")

    with pytest.raises(InvalidInput, match=rf"{file}:\d+: this is not Python"):
        await ask_agent("poet", plays(ROSE))


async def test_a_run_that_is_broken_off_cleans_up_and_goes_on_without_asking_anything_twice(ask_agent, write_agent, tmp_path):
    lives = tmp_path / "lives"
    body = (
        f"    lives = Path({str(lives)!r})\n"
        "    async def prepare(self, run):\n        self.told('p')\n"
        "    async def cleanup(self, run):\n        self.told('c')\n"
        "    async def run(self, run):\n        first = await run.ask()\n        await run.note('asked', {})\n"
        "        if self.told('') == 'p':\n            await asyncio.sleep(60)\n        return first + await run.ask('More')\n"
        "    def told(self, what):\n        said = (self.lives.read_text() if self.lives.exists() else '') + what\n"
        "        self.lives.write_text(said)\n        return said\n"
    )
    write_agent("poet", body, imports="import asyncio\nfrom pathlib import Path\n")
    run = await ask_agent("poet", plays(ROSE, {"say": " A lily.", "ends": True}))

    life = asyncio.create_task(run.end())
    async with asyncio.timeout(20):
        while "agent_note" not in await run.kinds():
            await asyncio.sleep(0.02)
    life.cancel()
    await asyncio.wait({life})
    view = await run.end()

    assert (view.status, view.output, lives.read_text()) == ("done", {"text": "A rose. A lily."}, "pcpc")
    assert await run.rows("SELECT count(*) AS n FROM calls WHERE epic_id = %s") == [{"n": 2}]
    kinds = await run.kinds()
    assert {kind: kinds.count(kind) for kind in ("prompt_filled", "memory_read", "agent_note", "run_ended")} == {
        **dict.fromkeys(("prompt_filled", "memory_read", "agent_note", "run_ended"), 1)
    }


async def test_a_run_is_cancelled_while_its_agent_is_at_work(ask_agent, write_agent):
    write_agent(
        "poet",
        "    async def run(self, run):\n        await run.note('here', {})\n        await asyncio.sleep(60)\n",
        imports="import asyncio",
    )
    run = await ask_agent("poet", plays(ROSE))

    life = asyncio.create_task(run.end())
    async with asyncio.timeout(20):
        while "agent_note" not in await run.kinds():
            await asyncio.sleep(0.02)
        await run.engine.runs.cancel(run.id, by="ann", reason="enough")
        view = await life

    assert (view.status, view.error) == ("cancelled", "cancelled by ann: enough")
