"""`genie mcp` as a person types it: a server added to a workflow, tried, pinned, and refused when it has changed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.postgres

PLAYING = str(Path(__file__).resolve().parents[1] / "fakes" / "mcp_playing.py")


@pytest.fixture
def repo(git_repo):
    """A repository with a workflow of its own."""
    limits = "[limits]\nturns = 3\nseconds = 60\n[boundaries]\nallowed = []\n"
    folder = ".genie/agents/look"
    return git_repo(
        {
            f"{folder}/workflow.toml": f'description = "Looks"\noutput = "change_report"\n{limits}',
            f"{folder}/prompt.md": "Look.",
            f"{folder}/allowed_tools.json": "[]",
        }
    )


def test_a_server_is_added_tried_pinned_and_shown_to_have_changed(genie, repo, tmp_path):
    folder, server = repo / ".genie/agents/look", tmp_path / "server"
    server.mkdir()
    program = [sys.executable, PLAYING, "drifting", str(server)]

    added = genie("mcp", "add", "it", "--folder", str(folder), "--", *program)
    pinned = genie("mcp", "pin", "it", "--repo", str(repo), "--json")
    (server / "changed").touch()
    checked = genie("mcp", "check", "--repo", str(repo), "--json")
    listed = genie("mcp", "list", "--repo", str(repo), "--json")
    # What epics on its URL are held to is told apart by that URL.
    url = "https://git.example.org/look"
    elsewhere = genie("mcp", "pin", "it", "--repo", str(repo), "--project", url, "--json")
    forgotten = genie("mcp", "unpin", "it", "--repo", str(repo))

    assert (added.code, pinned.code, checked.code, listed.code, forgotten.code) == (0, 0, 1, 0, 0), (added.err, pinned.err, checked.err)
    assert [pin["tool"] for pin in pinned.json()["items"]] == ["note"]
    (view,) = checked.json()["items"]
    assert (view["problem"], view["tools"][0]["pin"]) == ("its tools are not those that were pinned: note", "changed")
    assert listed.json()["items"][0]["where"].startswith(sys.executable)
    assert elsewhere.json()["items"] == genie("mcp", "pins", "--json").json()["items"]
    assert [pin["project"] for pin in elsewhere.json()["items"]] == [url]


def test_what_could_not_be_loaded_is_not_written(genie, repo):
    folder = repo / ".genie/agents/look"

    refused = genie("mcp", "add", "bad", "--folder", str(folder), "--env", "TOKEN=${secret:jwt_secret}", "--", "server")
    unknown = genie("mcp", "add", "bad", "--folder", str(folder))

    assert (refused.code, unknown.code) == (2, 2)
    assert "'${secret:jwt_secret}' is no reference" in refused.err
    assert "is not in the catalog" in unknown.err
    assert not (folder / ".mcp.json").exists()


def test_an_entry_of_the_catalog_is_written_with_what_is_to_be_done_first(genie, repo):
    folder = repo / ".genie/agents/look"

    added = genie("mcp", "add", "github", "--folder", str(folder), "--required")

    assert added.code == 0
    assert "genie secret set mcp_github_token" in added.err + added.out
    assert "GENIE_MCP_SECRETS_FOR=mcp_github_token=" in added.err + added.out
    assert json.loads((folder / ".mcp.json").read_text())["mcpServers"]["github"]["required"] is True
