"""A rotation may be killed at any instant, and others write meanwhile."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from epics.access_errors import SecretUnreadable
from epics.errors import InvalidInput
from safety.master_keys import master_keys, new_master_key
from safety.sealed_texts import key_name

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from db.connection import open_database
from engine.master_key import MasterKeys
from engine.rotating import rotate

def told(table, _count):
    if table == sys.argv[4]:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with open_database(sys.argv[1], Path(sys.argv[2]), migrate=False) as database:
        await rotate(database.pool, MasterKeys(given=sys.argv[3]), new=sys.argv[5] or None, told=told)

asyncio.run(main())
"""
NAMES = ("anthropic_api_key", "openai_api_key", "slack_signing_secret")


def quiet(_table, _count):
    pass


async def planted(engine):
    for name in NAMES:
        await engine.secrets.set(name, f"the-value-of-{name}")
    await engine.webhooks.add("http://127.0.0.1:9/", name="there", allow_private=True)


async def sealed_in(pool):
    from db.secrets import sealed_secrets
    from db.webhooks import stored_webhook_secrets

    return {**await sealed_secrets(pool), **await stored_webhook_secrets(pool)}


async def values_with(keyring, pool):
    from db.secrets import sealed_secrets
    from engine.stored_settings import context_of

    return {name: await keyring.opened(sealed, context_of(name)) for name, sealed in (await sealed_secrets(pool)).items()}


async def rotations_told(pool):
    """Of each rotation that the audit tells of, whether it went on with one that was cut off."""
    async with pool.connection() as connection:
        rows = await (await connection.execute("SELECT data FROM audit WHERE deed = 'rotate' ORDER BY n")).fetchall()
    return [row["data"]["resumed"] for row in rows]


@pytest.mark.parametrize("is_new", [False, True], ids=["same_key", "new_key"])
async def test_a_rotation_that_is_killed_loses_nothing_and_goes_on(
    engine_at, story, database, database_url, keyring_with, tmp_path, is_new
):
    old, new = new_master_key(), new_master_key() if is_new else ""
    engine = await engine_at(story(), secret_key=old)
    await planted(engine)

    process = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, database_url, str(tmp_path), old, "secrets", new], env={"PYTHONPATH": str(ROOT)}, check=False
    )
    between = await values_with(keyring_with(new or old), database.pool)
    keys_between = {key_name(text) for text in (await sealed_in(database.pool)).values()}
    told_between = await rotations_told(database.pool)
    from engine.master_key import MasterKeys
    from engine.rotating import rotate

    gone_on = await rotate(database.pool, MasterKeys(given=new or old), new=None, told=quiet)

    assert process.returncode == -signal.SIGKILL
    assert between == {name: f"the-value-of-{name}" for name in NAMES}
    assert len(keys_between) == 2
    assert (gone_on.resumed, gone_on.texts) == (True, 1)
    # What was changed in the transaction that was not killed is told there.
    assert told_between == [False]
    assert await rotations_told(database.pool) == [False, True]
    assert len({key_name(text) for text in (await sealed_in(database.pool)).values()}) == 1
    assert await values_with(keyring_with(new or old), database.pool) == between
    if is_new:
        with pytest.raises(SecretUnreadable, match=master_keys(new)[0].name):
            await values_with(keyring_with(old), database.pool)


async def test_what_another_process_seals_with_the_key_of_before_is_opened_and_sealed_anew_next_time(
    engine_at, story, database, keyring_with
):
    from engine.stored_settings import context_of

    key = new_master_key()
    engine = await engine_at(story(), secret_key=key)
    await planted(engine)
    late = keyring_with(key)
    await late.ready()

    await engine.secrets.rotate(new=None, told=quiet)
    from db.secrets import put_secret

    async with database.pool.connection() as connection:
        await put_secret(connection, "jwt_secret", late.seal("sealed with the key of before", context_of("jwt_secret")), "ann")
    opened = await values_with(keyring_with(key), database.pool)
    again = await engine.secrets.rotate(new=None, told=quiet)

    assert opened["jwt_secret"] == "sealed with the key of before"
    assert again.texts == len(NAMES) + 2
    assert (await values_with(keyring_with(key), database.pool))["jwt_secret"] == "sealed with the key of before"


async def test_a_rotation_without_the_key_changes_nothing(engine_at, story, database, keyring_with):
    from engine.master_key import MasterKeys
    from engine.rotating import rotate

    key = new_master_key()
    await planted(await engine_at(story(), secret_key=key))
    before = await sealed_in(database.pool)

    with pytest.raises(SecretUnreadable, match=master_keys(key)[0].name):
        await rotate(database.pool, MasterKeys(given=new_master_key()), new=None, told=quiet)

    assert await sealed_in(database.pool) == before
    assert len(await values_with(keyring_with(key), database.pool)) == len(NAMES)


async def test_where_nothing_was_sealed_there_is_nothing_to_rotate(engine_at, story):
    engine = await engine_at(story(), secret_key=new_master_key())

    with pytest.raises(InvalidInput, match="nothing to rotate"):
        await engine.secrets.rotate(new=None, told=quiet)


async def test_the_first_processes_that_seal_agree_on_one_data_key(database, keyring_with):
    from db.secrets import read_data_keys

    key = new_master_key()
    rings = [keyring_with(key) for _ in range(8)]

    sealed = await asyncio.gather(*(ring.sealed("a secret", "here") for ring in rings))

    names, current = await read_data_keys(database.pool)
    assert {key_name(text) for text in sealed} == set(names) == {current}
    assert {await rings[0].opened(text, "here") for text in sealed} == {"a secret"}
