"""Two machines: the one that a history was made on, and another with a home and a database of its own."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import GOAL


@pytest.fixture(scope="module")
def bring_to_merge(bring):
    """Brings an epic that is approved by itself to its merge: what a module's `standing` is for most."""
    from engine.starting import StartEpic

    async def go(engine, repo):
        view = await engine.start(StartEpic(goal=GOAL, repo=str(repo), executor="scripted", auto_approve=True))
        assert (await engine.advance(view.id)).status == "merged"
        return view.id

    return lambda script: bring(script, go)


@pytest.fixture
def second_database(postgres_server, database_template):
    """The database of another machine."""
    from tests.conftest import _own_database

    with _own_database(postgres_server, database_template) as url:
        yield url


@pytest.fixture
async def elsewhere(story, second_database, tmp_path):
    """The engine of another machine: another home, another database."""
    from config.settings import Settings
    from engine.bootstrap import open_engine

    script = tmp_path / "elsewhere.json"
    script.write_text(json.dumps(story()))
    settings = Settings.model_validate({"home": tmp_path / "elsewhere", "database_url": second_database})
    # Closed before its database is dropped: a pool waits for long for one that is gone.
    async with open_engine(settings, script=script) as engine:
        yield engine
