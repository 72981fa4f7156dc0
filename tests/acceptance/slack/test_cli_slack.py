"""`genie slack …` as a person types it."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.postgres


def test_a_channel_is_mapped_listed_and_unmapped(genie, git_repo):
    repo = git_repo()

    mapped = genie("slack", "map", "C0ABC", str(repo), "--base", "main", "--json")
    listed = genie("slack", "channels")
    status = genie("slack", "status")
    gone = genie("slack", "unmap", "C0ABC")
    again = genie("slack", "unmap", "C0ABC")

    assert (mapped.code, mapped.json()["repo"], mapped.json()["base"]) == (0, str(repo), "main")
    assert str(repo) in listed.out
    assert "docs/slack.md" in status.out
    assert (gone.code, again.code) == (0, 4)
    assert "genie slack channels" in again.err


def test_without_a_token_the_test_says_what_to_set_and_the_manifest_needs_nothing(genie):
    tried = genie("slack", "test")
    manifest = genie(
        "slack", "manifest", "--url", "https://genie.example.org", "--json", env={"GENIE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}
    )
    refused = genie("slack", "manifest", "--url", "http://genie.example.org")

    assert tried.code == 1
    assert "GENIE_SLACK_BOT_TOKEN" in tried.out
    assert json.loads(manifest.out)["settings"]["interactivity"]["request_url"] == "https://genie.example.org/slack/events"
    assert (refused.code, "https://HOST" in refused.err) == (2, True)
