"""Values that one live attempt has and no other: ports of a host, names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from db.connection import Connection, Pool
from db.failures import foreseen
from db.fence import fenced
from db.leases import Lease
from db.queries import QUERIES
from epics.errors import Environment


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where values are leased, and what can be had there."""

    network: str
    host: str
    ports: range
    is_free: Callable[[int], bool]
    """Whether nobody listens at a port of this host, whoever he is."""


async def lease_values(pool: Pool, lease: Lease, attempt: int, wanted: Mapping[str, str], place: Place) -> dict[str, str]:
    """Return the values of an attempt by the names of their variables; asked again after a crash on the same host, they are the same.

    Args:
        pool: connections to the database.
        lease: of the epic.
        attempt: the number of the attempt; its row need not be there.
        wanted: `port`, or `name:` and a prefix, by variable.
        place: this host.

    Raises:
        LeaseLost: if another worker has taken the epic over.
        Environment: if no port is free.
    """
    key = {"epic": lease.thread_id, "attempt": attempt}
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["lock_leased_values"])
        await connection.execute(QUERIES["sweep_leased_values"])
        await connection.execute(QUERIES["give_back_others"], key)
        found = dict[str, str]()
        for row in await (await connection.execute(QUERIES["leased_values_of"], key)).fetchall():
            if _still_fits(wanted.get(row["name"], ""), row, place):
                found[row["name"]] = row["value"]
            else:
                await connection.execute(QUERIES["give_back_value"], {**key, "name": row["name"]})
        await _lease_others(connection, key, {name: kind for name, kind in wanted.items() if name not in found}, place, found)
    return {name: found[name] for name in wanted}


async def give_back_values(connection: Connection, epic_id: str, attempt: int) -> None:
    """Give the values of an attempt back in the transaction at hand."""
    await connection.execute(QUERIES["give_back_values"], {"epic": epic_id, "attempt": attempt})


async def sweep_values(pool: Pool) -> None:
    """Take back what nobody gave back: of epics that have ended, and of hosts that are gone."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["sweep_leased_values"])


async def _lease_others(
    connection: Connection, key: Mapping[str, object], wanted: Mapping[str, str], place: Place, found: dict[str, str]
) -> None:
    if not wanted:
        return
    rows = await (await connection.execute(QUERIES["taken_values"], {"network": place.network})).fetchall()
    taken = {(row["kind"], row["value"]) for row in rows}
    ports = (str(port) for port in place.ports if ("port", str(port)) not in taken and place.is_free(port))
    for name, asked in wanted.items():
        kind, _, prefix = asked.partition(":")
        value = next(ports, None) if kind == "port" else next(_free_names(prefix, taken))
        if value is None:
            ends = f"{place.ports.start} to {place.ports.stop - 1}"
            message = f"no port from {ends} is free on this host: widen GENIE_PORTS, or run fewer epics at once"
            raise Environment(message, cause="no_port")
        taken.add((kind, value))
        given = {**key, "name": name, "kind": kind, "value": value, "network": place.network, "host": place.host}
        await connection.execute(QUERIES["lease_value"], given)
        found[name] = value


def _free_names(prefix: str, taken: set[tuple[str, str]]) -> Iterator[str]:
    return (name for n in count(1) if ("name", name := f"{prefix}_{n}") not in taken)


def _still_fits(asked: str, row: Mapping[str, str], place: Place) -> bool:
    kind, _, prefix = asked.partition(":")
    if kind != row["kind"]:
        return False
    # A name is one anywhere; a port is one of the host that it was leased on.
    return row["network"] == place.network if kind == "port" else row["value"].rpartition("_")[0] == prefix
