"""`genie db backup|restore|prune`, as a person uses them."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def test_what_waits_for_a_person_waits_in_the_restored_database_too(genie, git_repo, tmp_path, empty_database_url):
    repo = git_repo({"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n'})
    waiting = genie("epic", "start", "Greet people", "--repo", str(repo), "--executor", "scripted", "--json")
    elsewhere = {"GENIE_HOME": str(tmp_path / "new"), "GENIE_DATABASE_URL": empty_database_url}

    backup = genie("db", "backup", "file.genie", "--json")
    again = genie("db", "backup", "file.genie")
    restored = genie("db", "restore", "file.genie", "--json", env=elsewhere)
    twice = genie("db", "restore", "file.genie", env=elsewhere)

    assert (waiting.code, backup.code, restored.code) == (3, 0, 0)
    assert backup.json()["epics"] == {"waiting": 1}
    assert (again.code, twice.code) == (2, 1)
    assert "there is a file" in again.err
    assert "--replace" in twice.err
    here, there = genie("epic", "list", "--json"), genie("epic", "list", "--json", env=elsewhere)
    assert here.json() == there.json()
    epic = here.json()["items"][0]["id"]
    approved = genie("approval", "approve", epic, env=elsewhere)
    assert approved.code == 0
    assert genie("epic", "resume", epic, "--yes", env=elsewhere).code == 0
    assert genie("epic", "show", epic, "--json", env=elsewhere).json()["status"] == "merged"


def test_pruning_deletes_only_when_it_is_told_to(genie):
    told, done = genie("db", "prune"), genie("db", "prune", "--apply", "--json")

    assert (told.code, done.code) == (0, 0)
    assert "would be pruned" in told.out
    assert done.json()["applied"] is True


def test_a_file_that_is_no_backup_is_refused_in_a_sentence(genie, tmp_path):
    (tmp_path / "file").write_text("no backup")

    refused = genie("db", "restore", "file")

    assert refused.code == 2
    assert refused.err.startswith("genie: file is no whole backup of Genie")
