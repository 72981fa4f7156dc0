"""The graph databases that Graphiti knows, opened by their address."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

from graphiti_core.driver.driver import GraphDriver, GraphProvider
from graphiti_core.graph_queries import get_fulltext_indices

from epics.errors import InvalidSettings
from memory.graph_addresses import FALKOR, KUZU, NEO4J, check_address

_NEO4J_DATABASE: Final = "neo4j"
_CONNECT_S: Final = 5.0
_FALKOR_PORT: Final = 6379
_GRAPH: Final = "genie"


async def open_driver(address: str) -> GraphDriver:
    """Open the database at an address, and make the indexes that searches need.

    Raises:
        InvalidSettings: if the address is none, or what it needs is not installed.
    """
    scheme = check_address(address)
    driver: Any = _kuzu(address) if scheme == KUZU else _falkor(address) if scheme in FALKOR else _neo4j(address)
    try:
        if scheme in NEO4J:
            await driver.meet()
        await driver.build_indices_and_constraints()
    except BaseException:
        await driver.close()
        raise
    return cast("GraphDriver", driver)


def troubles() -> tuple[type[Exception], ...]:
    """What the clients of these databases raise when one does not work."""
    from neo4j.exceptions import DriverError, Neo4jError  # noqa: PLC0415  # it comes with Graphiti, whichever database is used

    try:
        from redis.exceptions import RedisError  # noqa: PLC0415  # it comes with FalkorDB's client
    except ImportError:
        return (OSError, RuntimeError, DriverError, Neo4jError)
    return (OSError, RuntimeError, DriverError, Neo4jError, RedisError)


@asynccontextmanager
async def whole_or_nothing(driver: GraphDriver) -> AsyncGenerator[Any]:
    """A transaction, where the database has any: FalkorDB has none, and is written so that doing it again makes it whole."""
    if driver.provider != GraphProvider.KUZU:
        async with driver.transaction() as transaction:
            yield transaction
        return
    # It has one connection, which the caller's lock keeps for us.
    await driver.execute_query("BEGIN TRANSACTION")
    try:
        yield driver.session()
    except BaseException:
        await driver.execute_query("ROLLBACK")
        raise
    await driver.execute_query("COMMIT")


def _neo4j(address: str) -> GraphDriver:
    from graphiti_core.driver.neo4j_driver import Neo4jDriver  # noqa: PLC0415  # each database has a client of its own
    from neo4j import AsyncGraphDatabase  # noqa: PLC0415

    parts = urlsplit(address)
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2], path="", query="", fragment="").geturl()
    login = (unquote(parts.username or ""), unquote(parts.password or ""))

    class Neo4j(Neo4jDriver):
        """Graphiti's, which makes its indexes once the server is known to answer: it would begin at once, and be loud for long."""

        _met = False

        async def build_indices_and_constraints(self, delete_existing: bool = False) -> None:  # noqa: FBT001, FBT002  # the library's own
            if self._met:
                await super().build_indices_and_constraints(delete_existing)

        async def meet(self) -> None:
            # Its own waits half a minute for a server that is not there.
            await self.client.close()
            self.client = AsyncGraphDatabase.driver(place, auth=login, connection_timeout=_CONNECT_S, max_transaction_retry_time=_CONNECT_S)
            await self.client.verify_connectivity()
            self._met = True

    return Neo4j(place, *login, parts.path.strip("/") or _NEO4J_DATABASE)


def _falkor(address: str) -> GraphDriver:
    try:
        from graphiti_core.driver.falkordb_driver import FalkorDriver  # noqa: PLC0415  # as above
    except ImportError as error:
        raise InvalidSettings(f"the client of FalkorDB is not installed ({error}): install the package falkordb") from error
    parts = urlsplit(address)
    return FalkorDriver(
        host=parts.hostname or "localhost",
        port=parts.port or _FALKOR_PORT,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=parts.path.strip("/") or _GRAPH,
    )


def _kuzu(address: str) -> GraphDriver:
    try:
        from graphiti_core.driver.kuzu_driver import KuzuDriver  # noqa: PLC0415  # as above
    except ImportError as error:
        raise InvalidSettings(f"Kuzu is not installed ({error}): install the package kuzu, or name a Neo4j server") from error

    class Kuzu(KuzuDriver):
        """Graphiti's, with what it lacks: the name that `add_episode` asks for, and the indexes of text that it never makes."""

        _database = ""

        async def build_indices_and_constraints(self, delete_existing: bool = False) -> None:  # noqa: FBT001, FBT002  # the library's own
            del delete_existing
            made, _, _ = await self.execute_query("CALL SHOW_INDEXES() RETURN index_name")
            if not made:
                for query in get_fulltext_indices(GraphProvider.KUZU):
                    await self.execute_query(query)

    with warnings.catch_warnings():
        # Its makers have ended it; we use it where nothing else installs from a package, and say so in docs/memory.md.
        warnings.filterwarnings("ignore", "The Kuzu backend is deprecated", DeprecationWarning)
        return Kuzu(urlsplit(address).path)
