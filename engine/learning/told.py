"""One thing that a past has to tell, before it is an episode."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.learning.past import Past
from engine.learning.wording import named
from epics.knowledge import Episode, Group, NewFact, Source


@dataclass(frozen=True, kw_only=True)
class Told:
    """What happened, in words; who and when."""

    group: Group
    what: int | str
    """What of the epic it tells of: an attempt, `m` and a moment, `s` and a saying, an approval. The key is made of it."""
    at: datetime
    title: str
    text: str
    """What is found by a search, and recalled."""
    more: str = ""
    """What only the episode says."""
    subject: str | None = None
    relation: str | None = None
    object: str | None = None
    replaces: bool = False
    attempt: int | None = None
    moment: int | None = None
    by: str = ""

    def of(self, past: Past) -> Episode:
        """The episode of an epic's past."""
        source = Source(kind="run" if past.is_run else "epic", id=past.id, attempt=self.attempt, moment=self.moment, by=self.by[:200])
        fact = NewFact(text=self.text, subject=self.subject, relation=self.relation, object=self.object, replaces=self.replaces)
        return Episode(
            key=f"{past.id}:{self.what}:{self.group}",
            project=past.project,
            group=self.group,
            title=named(self.title),
            body="\n".join(part for part in (self.text, self.more) if part),
            happened_at=self.at,
            source=source,
            facts=(fact,),
        )
