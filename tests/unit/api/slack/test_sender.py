"""Who did something in Slack, as its many kinds of messages tell it."""

from __future__ import annotations

import pytest

from api.slack.sender import sender_of, teams_in

CLICK = {
    "team": {"id": "T1"},
    "user": {"id": "U1", "team_id": "T1"},
    "channel": {"id": "C1"},
    "message": {"ts": "2.0", "thread_ts": "1.0"},
    "trigger_id": "t",
    "response_url": "https://hooks.slack.test/x",
}
COMMAND = {"team_id": "T1", "user_id": "U1", "channel_id": "C1", "trigger_id": "t", "response_url": "https://hooks.slack.test/x"}
MENTION = {"team_id": "T1", "event": {"type": "app_mention", "user": "U1", "team": "T1", "channel": "C1", "ts": "2.0", "thread_ts": "1.0"}}


@pytest.mark.parametrize("body, thread", [(CLICK, "1.0"), (COMMAND, ""), (MENTION, "1.0")], ids=["click", "command", "mention"])
def test_each_kind_of_message_names_the_same_person_and_place(body, thread):
    sender = sender_of(body)

    assert (sender.identity, sender.channel, sender.thread) == ("T1/U1", "C1", thread)
    assert teams_in(body) == {"T1"}


@pytest.mark.parametrize(
    "body",
    [
        {**CLICK, "user": {"id": "U9", "team_id": "T9"}},
        {**CLICK, "team": {"id": "T9"}},
        {**COMMAND, "team_id": "T9"},
        {**MENTION, "event": {**MENTION["event"], "user_team": "T9"}},
        {**MENTION, "event": {**MENTION["event"], "team": "T9"}},
    ],
    ids=["a click of a guest", "a click elsewhere", "a command elsewhere", "a mention by a guest", "a mention from elsewhere"],
)
def test_a_person_of_another_workspace_is_not_one_of_ours_though_the_channel_is_shared(body):
    assert teams_in(body) != {"T1"}


@pytest.mark.parametrize("body", [{}, {"user": "U1"}, {"team": None, "user": None, "event": None, "message": []}])
def test_what_lacks_all_is_nobody_of_no_workspace(body):
    assert sender_of(body).team == ""
    assert teams_in(body) == frozenset()
