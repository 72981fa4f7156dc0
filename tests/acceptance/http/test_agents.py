"""An agent made, changed, run, and run over HTTP across the death of its server and its worker."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from executors.scripts import Script
from tests.fakes.machine import until
from tests.fakes.model_server import ModelServer

pytestmark = pytest.mark.postgres

TURNS = [
    {"calls": [{"tool": "count_words", "arguments": {"text": "one two three"}}]},
    {"say": "It has 3 words.", "ends": True},
    {"say": "Three.", "ends": True},
]
SCRIPT = Script.model_validate({"plays": [{"workflow": "", "turns": TURNS}], "pause_s": 0.4})


@pytest.fixture
def model():
    with ModelServer(SCRIPT) as server:
        yield server


@pytest.fixture
def settings(model):
    return {"ANTHROPIC_API_KEY": "not-a-real-key", "GENIE_MODEL": "anthropic:claude-sonnet-4-5", "ANTHROPIC_BASE_URL": model.url}


def test_an_agent_is_made_run_changed_and_outlives_the_death_of_all_that_runs_it(genie, serve, database_url, model, settings, tmp_path):
    agents = tmp_path / "agents"
    made = genie("agent", "create", "word_counter", "--dir", str(agents), "--json")
    own = {**settings, "GENIE_AGENTS_DIR": str(agents)}
    ran = genie("agent", "run", "word_counter", "--message", "How many words has this?", "--json", env=own)

    assert (made.code, made.json()["kind"]) == (0, "agent"), made.err
    assert (ran.code, ran.json()["output"], ran.json()["repo"]) == (0, {"text": "It has 3 words."}, ""), ran.err
    assert [request["tools"] for request in model.requests] == [["count_words"], ["count_words"]]

    file = Path(made.json()["folder"]) / "agent.py"
    file.write_text(file.read_text().replace("return await run.ask()", "return await run.ask() + ' ' + await run.ask('In a word?')"))
    before = len(model.requests)
    first = serve("--workers", "1", database_url=database_url, **own)
    with first.client() as client:
        answer = client.post("/agents/word_counter/run/async", json={"message": "And this?", "session": "words"})
        assert answer.status_code == 202, answer.text
        run = answer.json()["id"]
        until(lambda: client.get(f"/runs/{run}").json()["turns"] >= 2, "the first question is answered")
    first.stop(signal.SIGKILL)

    second = serve("--workers", "1", database_url=database_url, **own)
    with second.client() as client:
        until(lambda: client.get(f"/runs/{run}").json()["status"] == "done", "the run is done", seconds=60)
        shown = client.get(f"/runs/{run}").json()
        kinds = [event["type"] for event in client.get(f"/runs/{run}/events").json()["items"]]

    assert (shown["output"], shown["turns"]) == ({"text": "It has 3 words. Three."}, 3)
    # At most the call that was in flight at the kill was made twice.
    assert len(model.requests) - before in {3, 4}
    assert kinds.count("run_ended") == kinds.count("prompt_filled") == 1
