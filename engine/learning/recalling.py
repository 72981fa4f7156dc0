"""Recalling what earlier work on the same repository taught, for the brief of an attempt; a store that is dead or slow holds up no step."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from db.epics import record_event
from db.learning import recalled_of_task
from engine.assembling import Installation
from engine.learning.ranking import Asking, chosen
from engine.running import Running
from engine.time_machine.lessons import EpicLessons
from epics.knowledge import Found, Group
from epics.lessons import Lesson
from epics.recalled import Recalled
from memory.nothing import OFF
from memory.port import KnowledgeStore, Listing, Query
from nodes.context import NO_LESSONS, NO_RECALL, Lessons, Need, Recall

DEFAULT_TOKENS: Final = 1_500

_ASKED: Final = 40
"""Facts that are looked at, to choose a few from."""
_NEWEST: Final = 5
_BEHIND: Final = 60 + _ASKED
"""In the measure of `Found.score`, behind all that a search finds in one way."""
_HOLDS_FOR_ALL: Final = (Group.CONTEXT, Group.PROCEDURES)
_GOAL_CHARS: Final = 1_000
_CAUSE_CHARS: Final = 500
_PATHS: Final = 10
_EVERYTHING: Final = "**"


class EpicRecall:
    """Implements `nodes.context.Recall` for one run of one epic."""

    def __init__(self, running: Running, store: KnowledgeStore, *, tokens: int, timeout_s: float) -> None:
        """Bind to a run.

        Args:
            running: the run.
            store: where knowledge is.
            tokens: how much of it a brief has room for.
            timeout_s: how long a search may take.
        """
        self._running = running
        self._store = store
        self._tokens = tokens
        self._timeout_s = timeout_s

    async def recalled(self, need: Need, lessons: tuple[Lesson, ...]) -> tuple[Recalled, ...]:
        """A few facts of this project that hold today; those that were told, where the task's attempt is there already.

        A store that does not answer is noted as an event, and nothing is told.

        Raises:
            StoreUnavailable: if the database does not answer at all.
            LeaseLost: if another worker has taken the epic over.
        """
        pool, facts = self._running.database.pool, self._running.facts
        known = await recalled_of_task(pool, facts.id, need.task_id)
        if known is not None:
            return tuple(Recalled.model_validate(memory) for memory in known["recalled"] or ())
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._found(Query(project=facts.repo, text=asked_for(facts.goal, need), limit=_ASKED))
        except Exception as error:  # noqa: BLE001  # a store stands on libraries and servers of others: no step ends of what they raise
            # Under the fence, so that a database that is gone ends the step as it always does.
            said = f"no answer within {self._timeout_s:g} s" if isinstance(error, TimeoutError) else str(error) or repr(error)
            await record_event(pool, self._running.lease, "knowledge_unavailable", {"step": need.step, "problem": said[:500]})
            return ()
        mine = (each for each in found if each.fact.project == facts.repo)
        return chosen(mine, Asking(epic=facts.id, step=need.step, lessons=lessons, tokens=self._tokens, now=datetime.now(UTC)))

    async def _found(self, query: Query) -> list[Found]:
        """What a search finds, and after it the newest of what holds whatever an epic is for: words of people, and how things are done."""
        found = list(await self._store.search(query))
        known = {each.fact.id for each in found}
        listing = Listing(project=query.project, groups=_HOLDS_FOR_ALL, as_of=datetime.now(UTC), limit=_NEWEST)
        newest = [fact for fact in await self._store.facts(listing) if fact.id not in known]
        return found + [Found(fact=fact, score=1 / (_BEHIND + rank), ways={"newest": rank}) for rank, fact in enumerate(newest, start=1)]


def memory_of(installation: Installation, running: Running) -> tuple[Lessons, Recall]:
    """What the briefs of an epic tell of earlier work: nothing at all where its memory is off."""
    policy, store = running.policy, installation.knowledge
    if store.name == OFF or not policy.memory_enabled:
        return NO_LESSONS, NO_RECALL
    said = (installation.memory_tokens, policy.memory_tokens, DEFAULT_TOKENS)
    tokens = next(each for each in said if each is not None)
    recall = EpicRecall(running, store, tokens=tokens, timeout_s=installation.memory_timeout_s)
    return EpicLessons(running), recall if tokens else NO_RECALL


def asked_for(goal: str, need: Need) -> str:
    """What knowledge is searched by: the goal, the step, the paths that it is about, and the failure that it answers."""
    paths = " ".join(path for path in need.paths[:_PATHS] if path != _EVERYTHING)
    failure = f"{need.failure.type} {need.failure.cause[:_CAUSE_CHARS]}" if need.failure else ""
    return "\n".join(part for part in (goal[:_GOAL_CHARS], str(need.step), paths, failure) if part)
