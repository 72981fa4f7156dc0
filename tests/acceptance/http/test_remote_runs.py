"""`genie agent run --server URL`: asked of a server whose worker does the work, with the same output and exit codes."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def test_a_workflow_is_run_by_a_server_and_looks_as_from_the_database(genie, serve, database_url, repo):
    server = serve("--workers", "1", database_url=database_url)
    there = ("--server", server.url)

    ran = genie("agent", "run", "pr", "--repo", repo, "--executor", "scripted", "--label", "team=web", *there)
    refused = genie("agent", "run", "implement", "--repo", repo, "--executor", "scripted", *there)
    run = ran.id("r")

    assert ran.code == 0, ran.err
    assert "★ done" in ran.out
    assert f"run {run}: done" in ran.out
    assert (refused.code, "needs goal" in refused.err) == (2, True)
    for look in (("run", "show", run), ("run", "list", "--json"), ("run", "logs", run), ("run", "watch", run)):
        here, by_server = genie(*look), genie(*look, *there)
        assert (by_server.code, by_server.out) == (here.code, here.out), look
