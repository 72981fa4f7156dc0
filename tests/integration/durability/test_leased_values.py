"""Values that one live attempt has and no other: ports of a host, names."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from db.attempts import end_attempt, open_attempt
from db.leased_values import Place, lease_values, sweep_values
from db.leases import release_lease, take_lease
from epics.errors import Environment, LeaseLost
from tests.integration.durability.writing import ATTEMPT, HERE, LONG_S, expire, rows, take_over

pytestmark = pytest.mark.postgres

WANTED = {"PORT": "port", "ADMIN_PORT": "port", "DB_NAME": "name:app_test"}
PLACE = Place(network="here", host="here", ports=range(20_000, 30_000), is_free=lambda port: port != 20_001)


async def test_fifty_attempts_that_lease_at_once_have_nothing_in_common(database, new_epic):
    leases = [await take_lease(database.pool, await new_epic(), HERE, seconds=LONG_S) for _ in range(50)]

    leased = await asyncio.gather(*(lease_values(database.pool, lease, 1, WANTED, PLACE) for lease in leases))

    ports = [values[name] for values in leased for name in ("PORT", "ADMIN_PORT")]
    assert len(set(ports)) == 100
    assert {values["DB_NAME"] for values in leased} == {f"app_test_{n}" for n in range(1, 51)}
    assert "20001" not in ports


async def test_an_attempt_that_asks_again_has_what_it_had(database, lease):
    first = await lease_values(database.pool, lease, 1, WANTED, PLACE)
    taken = replace(PLACE, is_free=lambda port: port == 0)

    again = await lease_values(database.pool, await take_over(database.pool, lease), 1, WANTED, taken)

    assert again == first


async def test_on_another_host_the_ports_are_those_of_that_host_and_the_names_stay(database, lease):
    first = await lease_values(database.pool, lease, 1, WANTED, PLACE)

    there = await lease_values(database.pool, lease, 1, WANTED, replace(PLACE, network="there", ports=range(25_000, 25_010)))

    assert (first["PORT"], there["PORT"], there["DB_NAME"]) == ("20000", "25000", first["DB_NAME"])


async def test_two_hosts_may_have_the_same_port_but_never_the_same_name(database, new_epic):
    one, other = [await take_lease(database.pool, await new_epic(), HERE, seconds=LONG_S) for _ in range(2)]

    here = await lease_values(database.pool, one, 1, WANTED, PLACE)
    there = await lease_values(database.pool, other, 1, WANTED, replace(PLACE, network="there"))

    assert here["PORT"] == there["PORT"]
    assert here["DB_NAME"] != there["DB_NAME"]


async def test_the_next_attempt_takes_over_what_a_lost_one_had(database, lease):
    await lease_values(database.pool, lease, 1, WANTED, PLACE)

    await lease_values(database.pool, lease, 2, WANTED, PLACE)

    assert await rows(database.pool, "SELECT DISTINCT attempt FROM leased_values") == [{"attempt": 2}]


async def test_the_end_of_an_attempt_gives_its_values_back(database, lease):
    await open_attempt(database.pool, lease, ATTEMPT)
    await lease_values(database.pool, lease, 1, WANTED, PLACE)

    await end_attempt(database.pool, lease, 1, {"n": 1}, {})

    assert await rows(database.pool, "SELECT * FROM leased_values") == []


@pytest.mark.parametrize("status", ["cancelled", "failed"])
async def test_an_epic_that_has_ended_keeps_none_once_nobody_holds_it(database, lease, status):
    await lease_values(database.pool, lease, 1, WANTED, PLACE)
    await rows(database.pool, "UPDATE epics SET status = %s RETURNING id", status)

    await sweep_values(database.pool)
    held = await rows(database.pool, "SELECT count(*) AS n FROM leased_values")
    await release_lease(database.pool, lease)
    await sweep_values(database.pool)

    assert held == [{"n": 3}]
    assert await rows(database.pool, "SELECT * FROM leased_values") == []


async def test_an_attempt_that_a_crash_left_keeps_its_values_until_its_host_has_been_silent_for_an_hour(database, lease):
    await lease_values(database.pool, lease, 1, WANTED, PLACE)
    await expire(database.pool)

    await sweep_values(database.pool)
    kept = await rows(database.pool, "SELECT count(*) AS n FROM leased_values")
    await rows(database.pool, "UPDATE leased_values SET leased_at = now() - interval '2 hours' RETURNING name")
    await sweep_values(database.pool)

    assert kept == [{"n": 3}]
    assert await rows(database.pool, "SELECT * FROM leased_values") == []


async def test_a_host_without_a_free_port_says_so(database, lease):
    with pytest.raises(Environment, match="no port from 20000 to 20000 is free on this host: widen GENIE_PORTS"):
        await lease_values(database.pool, lease, 1, WANTED, replace(PLACE, ports=range(20_000, 20_001)))


async def test_a_worker_that_lost_the_epic_leases_nothing(database, lease):
    await take_over(database.pool, lease)

    with pytest.raises(LeaseLost):
        await lease_values(database.pool, lease, 1, WANTED, PLACE)

    assert await rows(database.pool, "SELECT * FROM leased_values") == []
