"""Deriving what an epic or a run has taught from the operational tables: as often as wanted, always the same.

A key names what an episode tells of: the same rows give the same keys, and more rows only more of them. What an episode says follows its
rows: most never change any more, but an attempt can be analysed again after a rollback.
"""

from __future__ import annotations

from itertools import chain

from db.connection import Pool
from db.learning import read_past
from engine.learning.past import Past
from engine.learning.what_was_merged import merges
from engine.learning.what_was_said import decisions, guidance, sayings
from engine.learning.what_worked import failures, procedures, runs, successes
from epics.knowledge import Episode


async def episodes_of(pool: Pool, epic_id: str) -> tuple[Episode, ...]:
    """The episodes of an epic or a run so far, oldest first; none where there is no such epic.

    Raises:
        StoreUnavailable: if the database does not answer.
    """
    rows = await read_past(pool, epic_id)
    return () if rows is None else episodes_in(Past(**rows))


def episodes_in(past: Past) -> tuple[Episode, ...]:
    """All that a past has to tell, oldest first."""
    sources = (failures, successes, procedures, runs, decisions, sayings, guidance, merges)
    episodes = dict[str, Episode]()
    for told in chain.from_iterable(source(past) for source in sources):
        episode = told.of(past)
        episodes.setdefault(episode.key, episode)
    return tuple(sorted(episodes.values(), key=lambda episode: (episode.happened_at, episode.key)))
