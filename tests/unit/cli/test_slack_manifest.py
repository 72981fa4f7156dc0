"""The manifest of the Slack app."""

from __future__ import annotations

import json

import pytest

from cli.slack_manifest import as_yaml, manifest
from epics.errors import InvalidInput


def test_without_a_url_the_server_calls_slack_and_no_address_is_asked_for():
    made = manifest(None)

    assert made["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(made)


@pytest.mark.parametrize("url", ["https://g.example.org", "g.example.org/", "https://g.example.org/slack/events"])
def test_with_a_url_everything_is_sent_to_one_address(url):
    made = manifest(url)

    address = "https://g.example.org/slack/events"
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["settings"]["event_subscriptions"]["request_url"] == address
    assert made["settings"]["interactivity"]["request_url"] == address
    assert made["features"]["slash_commands"][0]["url"] == address


@pytest.mark.parametrize(
    "url", ["http://g.example.org", "https://", "https://a:b@g.example.org", "https://g.example.org/?key=1", "https://["]
)
def test_an_address_that_slack_cannot_call_is_refused(url):
    with pytest.raises(InvalidInput):
        manifest(url)


def test_the_yaml_says_what_the_json_says():
    text = as_yaml(manifest("https://g.example.org", name='Ge"nie: #1'))

    assert '  name: "Ge\\"nie: #1"' in text
    assert '    - command: "/genie"\n      description: ' in text
    assert "  bot_user:\n    display_name:" in text
    assert '      - "app_mentions:read"' in text
    assert "socket_mode_enabled: false" in text
