"""A history that went to another machine without its secrets is replayed there: clean, and not blind."""

from __future__ import annotations

import pytest

from tests.integration.conftest import OUTPUTS

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SECRET = "correct-Horse-battery-9"
TURNS = [
    {"write": {"greeting.txt": "hello\n", "more/key.env": f"API_TOKEN={SECRET}\n"}},
    {"calls": [{"tool": "read_file", "arguments": {"path": "more/key.env"}}], "run": ["cat more/key.env"]},
    {"write": {"greeting.txt": "hello, you\n"}},
    {"output": OUTPUTS["implement"]},
]


@pytest.fixture
async def moved(converse, story, engine_at, postgres_server, database_template, tmp_path):
    """An epic whose agent had to do with a secret, as it came to another machine; and that machine's engine."""
    from tests.conftest import _own_database

    epic = await converse(story(implement=TURNS), auto_approve=True)
    assert (await epic.to_the_end()).status == "merged"
    assert (await epic.replay()).first_difference is None
    with (tmp_path / "x.genie").open("wb") as target:
        manifest = await epic.engine.keeping.export(epic.id, target)
    assert manifest.secrets_removed >= 3
    with _own_database(postgres_server, database_template) as url:
        there = await engine_at(story(), home=tmp_path / "elsewhere", database_url=url)
        yield there, (await there.keeping.take_in(tmp_path / "x.genie")).epic


async def test_an_agent_that_hands_back_a_secret_is_replayed_clean(converse, story, git):
    """The checkpoint, the commit and the record beside a page have a mark where the journal has the secret."""
    token = "xoxb-1234567890-abcdef"
    design = {**OUTPUTS["architect"], "context": f"People want to be greeted with {token}."}
    epic = await converse(story(architect=[{"output": design}], implement=[{"say": token, **TURNS[0]}]), auto_approve=True)

    assert (await epic.to_the_end()).status == "merged"
    replay = await epic.replay()

    assert replay.first_difference is None, replay.first_difference
    assert "with [secret]." in git(epic.repo, "log", "--all", "--patch")
    assert token not in git(epic.repo, "log", "--all", "--patch")


async def test_what_was_taken_out_is_no_difference(moved):
    there, epic = moved

    replay = await there.replaying.replay(epic, verify=True)

    assert replay.first_difference is None


async def test_what_differs_beside_it_is_still_named(moved):
    there, epic = moved
    async with there._pool.connection() as connection:
        await connection.execute(
            "UPDATE turns SET results = replace(results::text, 'API_TOKEN', 'API_TAKEN')::json WHERE epic_id = %s AND attempt = 3", [epic]
        )

    replay = await there.replaying.replay(epic, verify=True)

    assert replay.first_difference is not None
