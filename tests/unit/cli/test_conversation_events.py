"""The events of an agent's run in a conversation, as lines."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cli.events import event_line
from engine.views import EventView


@pytest.mark.parametrize(
    "kind, data, said",
    [
        (
            "prompt_filled",
            {"version": 3, "status_key": "default", "memories": [{"name": "tone"}]},
            "· told its prompt, version 3  with tone",
        ),
        ("prompt_filled", {"version": 1, "status_key": "ending", "memories": []}, "· told its prompt, version 1 of ending"),
        ("memory_read", {"facts": 2, "project": "/srv/shop"}, "· told 2 facts of what is known of /srv/shop"),
        ("messages_kept", {"session": "s-0123456789", "messages": 4}, "· 4 messages kept in s-0123456789"),
        ("episode_queued", {"key": "r-0123456789:run"}, "· what came of it waits to be known  r-0123456789:run"),
        ("prompt_filled", {"memories": "odd"}, "· told its prompt, version"),
    ],
)
def test_each_says_what_happened(kind, data, said):
    text = event_line(EventView(id=1, type=kind, time=datetime(2026, 11, 21, tzinfo=UTC), data=data))

    assert text is not None
    assert text.plain[10:].strip() == said
