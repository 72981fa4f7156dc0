"""Knowledge by the commands, on the database and against a server, and over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.fakes.machine import until

pytestmark = pytest.mark.postgres


def test_what_a_person_tells_is_found_by_a_command_at_a_server_and_forgotten_for_good(genie, serve, git_repo, database_url):
    """A worker of the server stores what was told to it; the same verbs work with and without it."""
    repo = str(git_repo())
    server = serve("--workers", "1", database_url=database_url)
    here = ("--repo", repo, "--server", server.url)

    told = genie("memory", "add", "Nobody deploys on Fridays, says Ada", "--title", "Deploying", "--group", "procedures", *here)
    with server.client() as client:
        asked = {"repo": repo, "q": "may we deploy on friday?"}
        until(lambda: client.get("/knowledge/search", params=asked).json()["items"], "the worker has stored it")
        (found,) = client.get("/knowledge/search", params=asked).json()["items"]
        elsewhere = client.get("/knowledge/search", params={**asked, "repo": "/repos/elsewhere"}).json()["items"]
        unknown = client.get("/knowledge/facts/f-0", params={"repo": repo})
    listed = genie("memory", "list", "--json", *here)
    forgotten = genie("memory", "forget", found["fact"]["id"], "--yes", *here)
    with server.client() as client:
        body = {"repo": repo, "group": "genie_procedures", "title": "Deploying", "text": "Nobody deploys on Fridays, says Ada"}
        again = client.post("/knowledge/episodes", json=body)
        left = client.get("/knowledge/facts", params={"repo": repo}).json()["items"]

    assert told.code == 0, told.err
    assert found["fact"]["text"] == "Nobody deploys on Fridays, says Ada"
    assert found["ways"] == {"text": 1}
    assert elsewhere == []
    assert (unknown.status_code, unknown.json()["code"]) == (404, "fact_not_found")
    assert [fact["id"] for fact in json.loads(listed.out)["items"]] == [found["fact"]["id"]]
    assert "1 fact forgotten" in forgotten.out
    assert (again.status_code, again.json()["is_new"]) == (202, False)
    assert left == []
