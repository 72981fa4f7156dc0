"""Replays through the command: an epic with real agents' conversations, told and compared without a model, and gone on with for real."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fakes.model_server import ModelServer
from tests.fakes.story import GOAL, STORY, make_repository
from tests.fakes.witness_of_replays import Witness

if TYPE_CHECKING:
    from tests.acceptance.conftest import Genie

AGENTS = Path(__file__).parents[2] / "agents"


def settings_for(server: ModelServer) -> dict[str, str]:
    return {"ANTHROPIC_API_KEY": "not-a-real-key", "GENIE_MODEL": "anthropic:claude-sonnet-4-5", "ANTHROPIC_BASE_URL": server.url}


def merged_epic(genie: Genie, repo: Path, settings: dict[str, str]) -> str:
    done = genie("epic", "start", GOAL, "--repo", str(repo), "--yes", env=settings)
    assert done.code == 0, done.err
    return done.id("e")


@pytest.mark.postgres
def test_a_replay_is_clean_asks_no_model_changes_nothing_and_names_what_was_changed(
    genie: Genie, genie_environment: dict[str, str], tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo")
    home, url = Path(genie_environment["GENIE_HOME"]), genie_environment["GENIE_DATABASE_URL"]

    with ModelServer(STORY) as server:
        epic = merged_epic(genie, repo, settings_for(server))
        asked, before = len(server.requests), Witness.of(url, home, repo)
        told = genie("replay", epic, env=settings_for(server))
        compared = genie("replay", epic, "--verify", "--json", env=settings_for(server))
        checked = genie("replay", "--check", "all", env=settings_for(server))

        assert len(server.requests) == asked
        assert Witness.of(url, home, repo) == before

    assert [told.code, compared.code, checked.code] == [0, 0, 0], compared.out
    assert "turn 1: write_file tests/test_median.py, run_command python3 -m unittest" in told.out
    found = compared.json()
    assert found["first_difference"] is None
    attempts = [moment for moment in found["moments"] if moment["attempt"]]
    assert {"state", "brief", "turns", "files"} == set.intersection(*(set(moment["compared"]) for moment in attempts))
    assert not any(moment["unchecked"] for moment in found["moments"])
    assert f"{epic}: same, merged" in checked.out

    # Elsewhere, where nobody knows the repository, by the file alone.
    file, elsewhere = str(tmp_path / "history.genie"), {"GENIE_HOME": str(tmp_path / "elsewhere")}
    genie("time", "export", epic, file)
    moved = genie("time", "import", file, env=elsewhere).id("e")
    again = genie("replay", moved, "--verify", "--json", env=elsewhere)
    assert (again.code, again.json()["first_difference"]) == (0, None), again.err
    assert moved != epic

    mine = tmp_path / "agents"
    shutil.copytree(AGENTS / "review", mine / "review")
    prompt = mine / "review" / "prompt.md"
    prompt.write_text(prompt.read_text().replace("\n## ", "\nBe kind.\n\n## ", 1))
    changed = genie("replay", epic, "--verify", "--json", env={"GENIE_AGENTS_DIR": str(mine)})

    assert changed.code == 1
    first = changed.json()["first_difference"]
    reviews = [moment["n"] for moment in found["moments"] if moment["step"] == "review"]
    assert (first["moment"], first["kind"], first["now"]) == (reviews[0], "brief", "Be kind.")


@pytest.mark.postgres
def test_a_saved_history_is_checked_on_a_machine_that_knows_nothing_of_it(genie: Genie, tmp_path: Path, git_repo) -> None:
    repo = git_repo({"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n'})
    epic = genie("epic", "start", "Greet people", "--repo", str(repo), "--executor", "scripted").id("e")
    file = tmp_path / "histories" / "one.genie"
    file.parent.mkdir()
    assert genie("time", "export", epic, str(file)).code == 0
    elsewhere = {"GENIE_HOME": str(tmp_path / "elsewhere")}
    shutil.rmtree(repo)

    good = genie("replay", "--check", str(file), "--json", env=elsewhere)
    (file.parent / "two.genie").write_bytes(file.read_bytes()[:-200])
    folder = genie("replay", "--check", str(file.parent), "--json", env=elsewhere)
    nowhere = genie("replay", "--check", "nowhere", env=elsewhere)

    assert good.code == 0, good.err
    item = good.json()["items"][0]
    assert (item["epic"], item["result"], item["source"], item["goes_on"]) == (epic, "same", str(file), "would wait at plan_gate")
    # What cannot be read says nothing, and stops no other.
    assert folder.code == 1
    assert [(each["epic"], each["result"]) for each in folder.json()["items"]] == [(epic, "same"), ("two.genie", "not checked")]
    assert (nowhere.code, "there is no file or folder nowhere" in nowhere.err) == (2, True)


@pytest.mark.postgres
def test_an_epic_is_gone_on_with_from_a_moment_and_stays_as_it_is(genie: Genie, genie_environment: dict[str, str], tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")

    with ModelServer(STORY) as server:
        settings = settings_for(server)
        stopped = genie("epic", "start", GOAL, "--repo", str(repo), env=settings)
        epic = stopped.id("e")
        genie("approval", "reject", epic)
        genie("epic", "resume", epic, env=settings)
        went_on = genie("replay", epic, "--from", "2", "--guidance", "Keep it small.", "--yes", "--json", env=settings)

    fork = went_on.json()
    assert (went_on.code, fork["status"], fork["forked_from"]) == (0, "merged", epic), went_on.err
    assert genie("epic", "show", epic, "--json").json()["status"] == "rejected"
    assert any("Keep it small." in json.dumps(body) for body in server.bodies)
    with psycopg.connect(genie_environment["GENIE_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM moments WHERE epic_id = %s AND n <= 2", [fork["id"]]).fetchone() == (2,)
    assert genie("replay", fork["id"], "--verify").code == 0
