"""Who did something in Slack, where, and by what it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from epics.records import Record


class Sender(Record):
    """One person at one moment: what an answer needs to reach nobody else."""

    team: str
    user: str
    channel: str = ""
    thread: str = ""
    """The first message of the thread in which it was done; empty outside of one."""
    response_url: str = ""
    trigger: str = ""

    @property
    def identity(self) -> str:
        """What the person is known by."""
        return f"{self.team}/{self.user}"


def sender_of(body: Mapping[str, Any]) -> Sender:
    """Who sent an interaction, a command or an event, as Slack tells it."""
    event = _mapping(body, "event")
    message, user = _mapping(body, "message"), _mapping(body, "user")
    channel = _mapping(body, "channel").get("id") or body.get("channel_id") or event.get("channel")
    return Sender(
        team=str(_own_team(body) or ""),
        user=str(user.get("id") or body.get("user_id") or event.get("user") or ""),
        channel=str(channel or ""),
        thread=str(message.get("thread_ts") or event.get("thread_ts") or ""),
        response_url=str(body.get("response_url") or ""),
        trigger=str(body.get("trigger_id") or ""),
    )


def teams_in(body: Mapping[str, Any]) -> frozenset[str]:
    """Every workspace that a message from Slack names: the one where it was done, and the one of who did it."""
    event = _mapping(body, "event")
    named = (_mapping(body, "team").get("id"), body.get("team_id"), _mapping(body, "user").get("team_id"))
    return frozenset(str(team) for team in (*named, event.get("team"), event.get("user_team")) if team)


def _own_team(body: Mapping[str, Any]) -> Any:
    """The workspace of the person, which in a shared channel may be another than that of the channel."""
    event = _mapping(body, "event")
    others = (event.get("user_team"), event.get("team"), body.get("team_id"), _mapping(body, "team").get("id"))
    return _mapping(body, "user").get("team_id") or next((team for team in others if team), None)


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}
