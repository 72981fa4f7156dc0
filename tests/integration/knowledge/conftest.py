"""An installation with a store of knowledge that can fail, and short words for its queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from epics.agent_errors import KnowledgeUnavailable
from memory.postgresql import PostgresKnowledge

if TYPE_CHECKING:
    from collections.abc import Callable

    from db.connection import Database
    from engine.assembling import Installation
    from epics.knowledge import Episode
    from memory.port import Forgetting


class Brittle(PostgresKnowledge):
    """The real store; `fails` says what goes wrong before or after it keeps an episode."""

    fails: Callable[[Episode], Exception | None] = staticmethod(lambda _: None)
    fails_after: Callable[[Episode], BaseException | None] = staticmethod(lambda _: None)

    fails_to_forget: Exception | None = None

    async def forget(self, forgetting: Forgetting) -> int:
        if self.fails_to_forget is not None:
            raise self.fails_to_forget
        return await super().forget(forgetting)

    async def add(self, episode: Episode) -> bool:
        if (error := self.fails(episode)) is not None:
            raise error
        added = await super().add(episode)
        if (later := self.fails_after(episode)) is not None:
            raise later
        return added


@pytest.fixture
def store(database: Database) -> Brittle:
    """The store of the installation."""
    return Brittle(database.pool)


@pytest.fixture
def installation(database: Database, store: Brittle, tmp_path) -> Installation:
    """An installation without executors, whose memory is on."""
    from engine.assembling import Installation

    return Installation(
        home=tmp_path / "home",
        database=database,
        executors={},
        agents_dir=None,
        environment={},
        git_environment={},
        lease_seconds=10.0,
        knowledge=store,
    )


@pytest.fixture
def off(installation: Installation) -> Installation:
    """The same installation with memory off."""
    from memory.nothing import NothingKnown

    return replace(installation, knowledge=NothingKnown())


@pytest.fixture
def away() -> Exception:
    """What a store raises that does not answer."""
    return KnowledgeUnavailable("the store is away")
