"""What is asked of the graph in Cypher beside what Graphiti asks itself; Kuzu has a node where the others have an edge."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from graphiti_core.driver.driver import GraphDriver, GraphProvider
from graphiti_core.edges import EntityEdge, get_entity_edge_from_record
from graphiti_core.models.edges.edge_db_queries import get_entity_edge_return_query

from memory.graphiti.shapes import NOWHERE


async def edges_where(driver: GraphDriver, condition: str, **values: Any) -> list[EntityEdge]:
    """The edges for which a condition on `e`, `n` and `m` holds."""
    query = f"MATCH {_edge(driver)} WHERE {condition} RETURN {get_entity_edge_return_query(driver.provider)}"
    records = await _asked(driver, query, **values)
    return [get_entity_edge_from_record(record, driver.provider) for record in records]


async def edges_on(driver: GraphDriver, shelves: list[str]) -> list[EntityEdge]:
    """All edges of some shelves."""
    return await edges_where(driver, "e.group_id IN $shelves", shelves=shelves)


async def edges_touching(driver: GraphDriver, shelves: list[str], nodes: list[str]) -> list[EntityEdge]:
    """The edges of some shelves that begin or end at one of these nodes."""
    if not nodes:
        return []
    condition = "e.group_id IN $shelves AND (n.uuid IN $nodes OR m.uuid IN $nodes)"
    return await edges_where(driver, condition, shelves=shelves, nodes=nodes)


async def has_episode(driver: GraphDriver, episode_id: str) -> bool:
    """Whether an episode is there, whole."""
    return bool(await _asked(driver, "MATCH (p:Episodic {uuid: $uuid}) RETURN p.uuid AS uuid", uuid=episode_id))


async def shelves_in(driver: GraphDriver) -> dict[str, str]:
    """The group ids that hold episodes, each with its label."""
    records = await _asked(driver, "MATCH (p:Episodic) RETURN DISTINCT p.group_id AS shelf, p.source_description AS label")
    return {record["shelf"]: record["label"] for record in records}


async def end_edges(driver: GraphDriver, transaction: Any, ids: list[str], *, valid_to: datetime, now: datetime) -> None:
    """Say of edges that they held until `valid_to`, and that this is known since now."""
    query = f"MATCH {_edge(driver)} WHERE e.uuid IN $uuids SET e.invalid_at = $valid_to, e.expired_at = $now"
    await transaction.run(query, uuids=ids, valid_to=valid_to, now=now)


async def delete_edges(driver: GraphDriver, ids: list[str]) -> None:
    """Take edges out of the graph."""
    await _asked(driver, f"MATCH {_edge(driver)} WHERE e.uuid IN $uuids {'DETACH ' if _is_kuzu(driver) else ''}DELETE e", uuids=ids)


async def delete_nodes(driver: GraphDriver, label: str, ids: list[str]) -> None:
    """Take nodes out of the graph."""
    await _asked(driver, f"MATCH (n:{label}) WHERE n.uuid IN $uuids DETACH DELETE n", uuids=ids)


async def nodes_in(driver: GraphDriver, label: str, shelves: Iterable[str]) -> dict[str, str]:
    """The ids of the nodes of some shelves, each with its name; not the one at which facts end that name no entity."""
    query = f"MATCH (n:{label}) WHERE n.group_id IN $shelves AND n.name <> $nowhere RETURN n.uuid AS uuid, n.name AS name"
    records = await _asked(driver, query, shelves=list(shelves), nowhere=NOWHERE)
    return {record["uuid"]: record["name"] for record in records}


async def count_edges(driver: GraphDriver, shelves: Iterable[str]) -> int:
    """How many facts some shelves hold."""
    records = await _asked(
        driver, f"MATCH {_edge(driver)} WHERE e.group_id IN $shelves RETURN count(DISTINCT e.uuid) AS many", shelves=list(shelves)
    )
    return int(records[0]["many"]) if records else 0


def _edge(driver: GraphDriver) -> str:
    if _is_kuzu(driver):
        return "(n:Entity)-[:RELATES_TO]->(e:RelatesToNode_)-[:RELATES_TO]->(m:Entity)"
    return "(n:Entity)-[e:RELATES_TO]->(m:Entity)"


def _is_kuzu(driver: GraphDriver) -> bool:
    return driver.provider == GraphProvider.KUZU


async def _asked(driver: GraphDriver, query: str, **values: Any) -> list[Any]:
    records, _, _ = await driver.execute_query(query, **values)
    return list(records)
