"""Keys and tokens in the database: sealed, taken where the environment has none, and never shown."""

from __future__ import annotations

import pytest

from epics.access_errors import SecretNotFound, SecretUnreadable
from epics.errors import InvalidInput
from safety.master_keys import new_master_key
from safety.sealed_texts import is_sealed

pytestmark = pytest.mark.postgres

KEY = "the key of the provider, as it might be".replace(" ", "-")


def settings_with(**given):
    from config.settings import Settings

    return Settings.model_validate({"home": "/nowhere", **given})


async def test_a_stored_key_counts_where_the_environment_has_none(engine_at, story):
    engine = await engine_at(story(), secret_key=new_master_key())
    await engine.secrets.set("anthropic_api_key", f" {KEY}\n")

    taken = await engine.secrets.settings(settings_with())
    own = await engine.secrets.settings(settings_with(ANTHROPIC_API_KEY="from the environment"))

    assert taken.anthropic_api_key.get_secret_value() == KEY
    assert own.anthropic_api_key.get_secret_value() == "from the environment"
    assert KEY in taken.secret_values()


async def test_an_engine_that_is_opened_later_has_the_stored_key(engine_at, story):
    key = new_master_key()
    await (await engine_at(story(), secret_key=key)).secrets.set("anthropic_api_key", KEY)

    later = await engine_at(story(), secret_key=key)

    assert KEY in later._installation.secrets


async def test_a_stored_key_that_cannot_be_opened_counts_as_not_set(engine_at, story):
    await (await engine_at(story(), secret_key=new_master_key())).secrets.set("anthropic_api_key", KEY)

    other = await engine_at(story(), secret_key=new_master_key())

    assert (await other.secrets.settings(settings_with())).anthropic_api_key is None
    assert [each.name for each in await other.secrets.all()] == ["anthropic_api_key"]


async def test_a_server_without_a_key_says_what_to_set_and_all_else_works(engine_at, story):
    engine = await engine_at(story())

    with pytest.raises(SecretUnreadable, match="set GENIE_SECRET_KEY"):
        await engine.secrets.set("anthropic_api_key", KEY)
    with pytest.raises(SecretUnreadable, match="set GENIE_SECRET_KEY"):
        await engine.webhooks.add("http://127.0.0.1:9/", name="there", allow_private=True)

    assert (await engine.epics()).items == ()
    assert await engine.secrets.all() == ()


async def test_a_journal_that_is_to_be_sealed_without_a_key_is_refused_at_the_start(engine_at, story):
    with pytest.raises(SecretUnreadable, match="set GENIE_SECRET_KEY"):
        await engine_at(story(), seal_journal=True)
    await (await engine_at(story(), secret_key=new_master_key(), seal_journal=True)).secrets.all()

    with pytest.raises(SecretUnreadable, match="needs the key k-"):
        await engine_at(story(), secret_key=new_master_key(), seal_journal=True)


@pytest.mark.parametrize(
    "name, value",
    [
        ("database_url", KEY),
        ("anthropic_api_key", "two words"),
        ("anthropic_api_key", " \n"),
        ("slack_bot_token", KEY),
        ("jwt_secret", "short"),
    ],
    ids=["unknown", "words", "empty", "no_bot_token", "short"],
)
async def test_what_cannot_be_a_secret_is_refused_and_not_quoted(engine_at, story, name, value):
    engine = await engine_at(story(), secret_key=new_master_key())

    with pytest.raises(InvalidInput) as refused:
        await engine.secrets.set(name, value)

    assert not value.strip() or value not in str(refused.value)


async def test_storing_and_removing_is_told_to_the_audit_without_the_value(engine_at, story, database):
    engine = await engine_at(story(), secret_key=new_master_key())

    await engine.secrets.set("jwt_secret", KEY)
    await engine.secrets.remove("jwt_secret")

    async with database.pool.connection() as connection:
        rows = await (await connection.execute("SELECT deed, kind, subject FROM audit ORDER BY n")).fetchall()
    assert [tuple(row.values()) for row in rows] == [("set", "secret", "jwt_secret"), ("remove", "secret", "jwt_secret")]
    with pytest.raises(SecretNotFound):
        await engine.secrets.remove("jwt_secret")


async def test_clear_secrets_of_webhooks_are_sealed_by_the_first_process_with_a_key(engine_at, story, database):
    from db.webhooks import find_webhook, stored_webhook_secrets
    from engine.webhook_secrets import opened

    async with database.pool.connection() as connection:
        await connection.execute("INSERT INTO webhooks (name, url, secret) VALUES ('old', 'https://example.org/', 'whsec_Y2xlYXI=')")
    await engine_at(story())
    before = await stored_webhook_secrets(database.pool)

    engine = await engine_at(story(), secret_key=new_master_key())

    pool = engine._installation.database.pool
    assert before == {"old": "whsec_Y2xlYXI="}
    assert is_sealed((await stored_webhook_secrets(pool))["old"])
    found = await find_webhook(pool, "old")
    assert found is not None
    assert (await opened(pool, found[1])).secret == "whsec_Y2xlYXI="


async def test_a_scan_names_where_a_secret_stands_and_never_what_it_is(engine_at, story, database):
    engine = await engine_at(story(), ANTHROPIC_API_KEY=KEY)
    goal = f"Use {KEY} and xoxb-1234567890-abcdef to greet"
    async with database.pool.connection() as connection:
        await connection.execute("INSERT INTO projects (repo) VALUES ('/repo')")
        await connection.execute(
            "INSERT INTO epics (id, project_id, goal, repo, base, base_commit, graph_version)"
            " SELECT 'e-0000000001', id, %s, '/repo', 'main', 'c', 1 FROM projects",
            [goal],
        )

    found = await engine.secrets.scan(told=lambda *_: None)

    assert [(each.table, each.column, each.row, each.what) for each in found] == [
        ("epics", "goal", "e-0000000001", "known"),
        ("epics", "goal", "e-0000000001", "Slack token"),
    ]
    assert KEY not in str(found)


async def test_a_home_makes_its_own_key_at_first_need_for_its_owner_alone(database, tmp_path):
    from engine.keyring import StoredKeyring
    from engine.master_key import MasterKeys

    home = tmp_path / "home"
    first, second = (StoredKeyring(database.pool, MasterKeys(home=home)) for _ in range(2))
    await first.refresh()
    before = (home / "secret.key").exists()

    sealed = await first.sealed("a secret", "here")

    assert not before
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert await second.opened(sealed, "here") == "a secret"
    (home / "secret.key").unlink()
    assert first.ring.first is not None
    with pytest.raises(SecretUnreadable, match=first.ring.first.name):
        await StoredKeyring(database.pool, MasterKeys(home=home)).sealed("a secret", "here")
    assert not (home / "secret.key").exists()
