"""What a person tells, as an episode."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from epics.callers import current_caller
from epics.knowledge import Episode, Group, NewFact, Source


def episode_of_person(
    project: str,
    group: Group,
    title: str,
    text: str,
    *,
    facts: tuple[NewFact, ...] = (),
    key: str | None = None,
    happened_at: datetime | None = None,
) -> Episode:
    """An episode that the current caller tells; without a key, the same text in the same group is the same episode.

    A person's keys have a beginning of their own: nobody can take the key of an attempt before it ends.
    """
    person = current_caller().person
    made = key or hashlib.sha256(f"{group}\0{title}\0{text}".encode("utf-8", "replace")).hexdigest()[:20]
    return Episode(
        key=f"told:{made}",
        project=project,
        group=group,
        title=title,
        body=text,
        happened_at=happened_at or datetime.now(UTC),
        source=Source(kind="person", id=person[:200], by=person[:200]),
        facts=facts,
    )
