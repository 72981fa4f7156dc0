"""Conversations by `--server URL`: a worker of the server answers, and what was said goes on without it."""

from __future__ import annotations

import pytest

from tests.fakes.talking_model import TalkingModel

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def test_a_conversation_with_a_server_goes_on_on_the_database_and_looks_the_same_from_both(genie, serve, database_url):
    with TalkingModel() as model:
        server = serve("--workers", "1", database_url=database_url, **model.settings)
        there = ("--server", server.url)
        by_server = genie("agent", "chat", "simple", "--session", "my talk", *there, stdin="Hello\n/memory name=Genie\n")
        here = genie("agent", "chat", "simple", "--session", "my talk", stdin="And now?\n", env=model.settings)
        added = genie("prompt", "add", "simple", "--text", "Be brief.", "--activate", *there)
        set_there = genie("memory", "set", "tone", "kind", "--agent", "simple", *there)

    assert [each.code for each in (by_server, here, added, set_there)] == [0, 0, 0, 0], by_server.err + here.err + added.err + set_there.err
    assert "Answer 1 to: Hello" in by_server.out
    assert "Answer 2 to: And now?" in here.out
    assert model.system().startswith("You are Genie.")
    looks = [
        *(("session", "show", "my talk", "--json"), ("session", "messages", "my talk"), ("session", "list", "--json")),
        *(("prompt", "list", "simple", "--json"), ("prompt", "show", "simple"), ("prompt", "diff", "simple", "1")),
        *(("memory", "get", "tone", "--agent", "simple"), ("memory", "variables", "--session", "my talk", "--json")),
    ]
    for look in looks:
        local, remote = genie(*look), genie(*look, *there)
        assert (remote.code, remote.out) == (local.code, local.out), look
