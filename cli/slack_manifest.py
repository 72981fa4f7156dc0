"""The manifest from which Slack makes the app: what it may do, what it hears, and where that is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from epics.errors import InvalidInput

PATH: Final = "/slack/events"

SCOPES: Final = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "users:read",
)
"""What the bot may do: hear its name, post, and look whether what it posted is there."""


def manifest(url: str | None, *, name: str = "Genie") -> dict[str, Any]:
    """The manifest of an app.

    Args:
        url: of the server as Slack reaches it; None for Socket Mode, in which the server calls Slack.
        name: what the app is called.

    Raises:
        InvalidInput: if Slack could not call the URL.
    """
    address = None if url is None else _address(url)
    reached = {} if address is None else {"request_url": address}
    command = {
        "command": "/genie",
        "description": "Start epics, follow them, decide",
        "usage_hint": "start GOAL · status · approvals · help",
    }
    return {
        "display_information": {
            "name": name,
            "description": "From a goal to a merge: agents do the work, you decide",
            "background_color": "#1f2933",
        },
        "features": {
            "bot_user": {"display_name": name.lower(), "always_online": True},
            "slash_commands": [{**command, **({} if address is None else {"url": address}), "should_escape": False}],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**reached, "bot_events": ["app_mention"]},
            "interactivity": {"is_enabled": True, **reached},
            "org_deploy_enabled": False,
            "socket_mode_enabled": address is None,
            "token_rotation_enabled": False,
        },
    }


def as_yaml(value: Mapping[str, Any]) -> str:
    """A manifest as YAML, which is how Slack shows it."""
    return "\n".join(_lines(value, "")) + "\n"


def _address(url: str) -> str:
    try:
        split = urlsplit(url if "://" in url else f"https://{url}")
    except ValueError as error:
        raise InvalidInput(f"{url[:200]!r} is no URL") from error
    if split.scheme != "https" or not split.hostname or split.query or split.fragment or split.username:
        way_out = "give the URL of your TLS proxy, or leave --url out for Socket Mode"
        raise InvalidInput(f"Slack calls only https://HOST, not {url[:200]!r}: {way_out}")
    path = split.path.rstrip("/").removesuffix(PATH)
    return f"https://{split.netloc}{path}{PATH}"


def _lines(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, inside in value.items():
        if isinstance(inside, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(inside, indent + "  ")
        elif isinstance(inside, list):
            yield f"{indent}{key}:"
            yield from _items(inside, indent + "  ")
        else:
            yield f"{indent}{key}: {json.dumps(inside, ensure_ascii=False)}"


def _items(items: list[Any], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, Mapping):
            first, *others = _lines(item, indent + "  ")
            yield f"{indent}- {first.strip()}"
            yield from others
        else:
            yield f"{indent}- {json.dumps(item, ensure_ascii=False)}"
