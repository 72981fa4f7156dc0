"""`genie time … --server URL`: what a server says of an epic's past is what the database says."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def test_an_epic_and_its_fork_stand_side_by_side_by_a_server_as_from_the_database(genie, serve, database_url):
    epic = genie("demo", "--json").json()["id"]
    fork = genie("time", "fork", epic, "--at", "5", "--json").json()["id"]

    compared = genie("time", "compare", epic, fork, "--diff")
    same = genie("time", "compare", epic, fork, "--json").json()

    assert compared.code == 0, compared.err
    assert f"they part at moment 5 of {epic}" in compared.out
    assert "diff --git" in compared.out
    assert (same["parting"]["moment"], same["left"]["status"], same["right"]["status"]) == (5, "merged", "paused")
    assert f"(forked: {fork})" in genie("time", "history", epic).out
    assert genie("time", "history", fork).out.startswith(f"forked from {epic} at its moment 5")
    server = serve("--workers", "0", database_url=database_url)
    for look in (
        ("time", "history", epic, "--json"),
        ("time", "show", epic, "6", "--json"),
        ("time", "diff", epic, "3", "6"),
        ("time", "diff", epic, "0", "--json"),
        ("time", "compare", epic, fork, "--diff", "--json"),
    ):
        here, by_server = genie(*look), genie(*look, "--server", server.url)
        assert (by_server.code, by_server.out) == (here.code, here.out), (look, by_server.err)
