"""What is known of one project, in memory."""

from __future__ import annotations

from datetime import UTC, datetime

from epics.knowledge import Fact, Found, Group, Source

_THEN = datetime(2026, 1, 2, tzinfo=UTC)


class Remembering:
    """Finds every fact that has a word of what is looked for, and keeps what it is told once by its key."""

    def __init__(self, *known: str) -> None:
        self.known = list(known)
        self.told: dict[str, tuple[str, Group, str]] = {}
        self.raises: Exception | None = None

    async def search(self, text: str, groups: tuple[Group, ...], limit: int) -> tuple[Found, ...]:
        """The facts that fit."""
        if self.raises is not None:
            raise self.raises
        words = set(text.lower().split())
        found = [fact for fact in self.known if words & set(fact.lower().split())]
        return tuple(Found(fact=_fact(text, groups[0]), score=1.0, ways={"text": 1}) for text in found[:limit])

    async def remember(self, key: str, text: str, *, group: Group, title: str) -> None:
        """Keep something, once by its key."""
        if self.raises is not None:
            raise self.raises
        self.told.setdefault(key, (text, group, title))


def _fact(text: str, group: Group) -> Fact:
    source = Source(kind="epic", id="e-0000000001")
    return Fact(
        id="f-1", project="p", group=group, text=text, valid_from=_THEN, recorded_at=_THEN, episode="attempt:1", title="t", source=source
    )
