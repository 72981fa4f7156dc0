"""Whoever gets a dump of the database gets no secret with it, and no conversation where the journal is sealed."""

from __future__ import annotations

import pytest

from epics.access_errors import SecretUnreadable
from tests.integration.conftest import GOAL
from tests.integration.secrets.conftest import traces_of

pytestmark = pytest.mark.postgres

PROVIDER = "planted-provider-key-4711"
PLANTED = {
    "anthropic_api_key": PROVIDER,
    "slack_bot_token": "xoxb-planted-bot-token",
    "slack_signing_secret": "plantedsigningsecret0815",
    "slack_app_token": "xapp-planted-app-token",
    "jwt_secret": "planted-jwt-secret-of-some-32-characters",
}
WEBHOOK = "whsec_cGxhbnRlZCBzZWNyZXQgb2YgYSB3ZWJob29r"
SAID = "Only the journal has this sentence, and nothing else does."


def told_by_an_agent(story):
    """The script of an epic whose agent spreads the key of the provider wherever it can."""
    return story(
        planning=[{"say": SAID, "run": ["true"]}],
        implement=[
            {"say": f"I found {PROVIDER}.", "write": {"greeting.txt": "hello\n"}, "run": [f"echo the key is {PROVIDER}"]},
            {"output": {"summary": f"Wrote the greeting with {PROVIDER}."}},
        ],
        review=[{"output": {"verdict": "passed", "summary": f"It greets, and {PROVIDER} is known."}}],
        pr=[{"output": {"title": f"Greet people with {PROVIDER}", "body": f"Adds {PROVIDER}."}}],
    )


async def all_sealed(pool):
    """Every sealed text in the database, each with what it is bound to."""
    from db.rotating import PLACES, stale_page

    found = []
    for place in PLACES:
        after = dict(place.first)
        while rows := await stale_page(pool, place, after, "gs1.none"):
            after = {name: rows[-1][name] for name in place.first}
            found += [(row[column], place.context(row, column)) for row in rows for column in place.columns if row[column]]
    return found


async def test_a_dump_has_no_planted_secret_and_after_a_rotation_the_old_key_opens_nothing(
    engine_at, story, small_repo, database, dump, keyring_with, git
):
    from engine.starting import StartEpic
    from epics.approvals import Decision
    from safety.master_keys import new_master_key

    old, new = new_master_key(), new_master_key()
    settings = {"secret_key": old, "seal_journal": True}
    first = await engine_at(story(), **settings)
    for name, value in PLANTED.items():
        await first.secrets.set(name, value)
    await first.webhooks.add("http://127.0.0.1:9/", name="there", secret=WEBHOOK, allow_private=True)
    engine = await engine_at(told_by_an_agent(story), **settings)
    epic = (await engine.start(StartEpic(goal=GOAL, repo=str(small_repo), executor="scripted"))).id
    view = await engine.advance(epic)
    while view.status == "waiting":
        await engine.decide(epic, Decision.model_validate({"choice": "approve", "by": "ann", "channel": "test"}))
        view = await engine.advance(epic)

    written = dump()
    rotated = await engine.secrets.rotate(new=new, told=lambda *_: None)
    after = dump()

    assert view.status == "merged"
    for secret in (*PLANTED.values(), WEBHOOK, WEBHOOK.removeprefix("whsec_"), SAID, old, new):
        assert traces_of(secret, written + after) == []
    assert PROVIDER not in git(small_repo, "log", "--all", "--format=%B")
    assert "[secret]" in git(small_repo, "log", "--all", "--format=%B")
    assert await engine.secrets.scan(told=lambda *_: None) == ()
    texts = await all_sealed(database.pool)
    assert rotated.texts == len(texts) > 50
    with_old, with_new = keyring_with(old), keyring_with(new)
    await with_new.refresh()
    assert all(with_new.open_bytes(sealed, context) for sealed, context in texts)
    await with_old.refresh()
    for sealed, context in texts:
        with pytest.raises(SecretUnreadable):
            with_old.open_bytes(sealed, context)


async def test_a_sealed_history_travels_in_clear_and_is_sealed_again_where_it_goes(
    engine_at, story, small_repo, postgres_server, database_template, tmp_path
):
    from db.backup import new_file
    from engine.starting import StartEpic
    from safety.master_keys import new_master_key
    from tests.conftest import _own_database

    here = await engine_at(story(planning=[{"say": SAID, "run": ["true"]}]), secret_key=new_master_key(), seal_journal=True)
    epic = (await here.start(StartEpic(goal=GOAL, repo=str(small_repo), executor="scripted"))).id
    await here.advance(epic)
    with new_file(tmp_path / "x.genie", overwrite=False) as target:
        await here.keeping.export(epic, target)

    with _own_database(postgres_server, database_template) as url:
        there = await engine_at(story(), secret_key=new_master_key(), seal_journal=True, database_url=url, home=tmp_path / "there")
        taken = await there.keeping.take_in(tmp_path / "x.genie")
        texts = await all_sealed(there._pool)
        log, states = await there.attempt_log(taken.epic, 1), await there.moment(taken.epic, 2)
        await there._pool.close()

    assert len(texts) > 10
    assert SAID in str(log)
    assert states.n == 2


async def test_what_is_sealed_is_read_as_if_it_were_not(engine_at, story, small_repo, database):
    """An epic begins with a clear journal and ends with a sealed one; replay, fork and log know no difference."""
    from engine.starting import StartEpic
    from engine.time_machine.orders import Fork
    from epics.approvals import Decision
    from safety.master_keys import new_master_key

    key = new_master_key()
    clear = await engine_at(story(planning=[{"say": SAID, "run": ["true"]}]))
    epic = (await clear.start(StartEpic(goal=GOAL, repo=str(small_repo), executor="scripted"))).id
    await clear.advance(epic)
    sealed = await engine_at(story(), secret_key=key, seal_journal=True)
    await sealed.decide(epic, Decision.model_validate({"choice": "approve", "by": "ann", "channel": "test"}))
    await sealed.advance(epic)

    opening = await engine_at(story(), secret_key=key)
    fork = await opening.fork(epic, Fork(at=5, by="ann"))
    found = await opening.replaying.replay(epic, verify=True)

    assert len(await all_sealed(database.pool)) > 20
    assert found.first_difference is None
    assert SAID in str(await opening.attempt_log(epic, 1))
    assert "greeting.txt" in str(await opening.attempt_log(epic, 3))
    assert await opening.attempt_log(fork.id, 3) == await opening.attempt_log(epic, 3)
    async with database.pool.connection() as connection:
        await connection.execute(
            "UPDATE turns SET answer = (SELECT answer FROM turns WHERE epic_id = %s AND attempt = 4 AND n = 1)"
            " WHERE epic_id = %s AND attempt = 3",
            [epic, fork.id],
        )
    with pytest.raises(SecretUnreadable, match="stands where it was not put"):
        await opening.attempt_log(fork.id, 3)
    without = await engine_at(story())
    with pytest.raises(SecretUnreadable, match="GENIE_SECRET_KEY"):
        await without.attempt_log(epic, 3)
