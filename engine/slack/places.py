"""Where in Slack something is shown."""

from __future__ import annotations

from epics.records import Record


class Place(Record):
    """Where the thread of an epic or the answer to a request is to be: a channel, and maybe a message in it under which it hangs."""

    channel: str
    thread: str | None = None
