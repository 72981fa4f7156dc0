"""Two machines: the one that a history was made on, and another with a home and a database of its own."""

from __future__ import annotations

import pytest


@pytest.fixture
def second_database(postgres_server, database_template):
    """The database of another machine."""
    from tests.conftest import _own_database

    with _own_database(postgres_server, database_template) as url:
        yield url


@pytest.fixture
async def elsewhere(engine_at, story, second_database, tmp_path):
    """The engine of another machine: another home, another database."""
    return await engine_at(story(), home=tmp_path / "elsewhere", database_url=second_database)
