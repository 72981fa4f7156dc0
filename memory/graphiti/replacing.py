"""What holds no more because something newer was told, in whatever order the two are told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from graphiti_core.driver.driver import GraphDriver
from graphiti_core.edges import EntityEdge

from memory.graphiti import queries
from memory.graphiti.shapes import in_utc, replaces


async def settle(driver: GraphDriver, transaction: Any, edge: EntityEdge, *, now: datetime) -> None:
    """End what a new edge replaces, and end the edge itself where something newer has replaced it already."""
    assert edge.valid_at is not None  # noqa: S101  # every fact has it, Graphiti's own edges need not
    condition = "e.group_id = $shelf AND e.name = $relation AND n.uuid = $subject AND e.uuid <> $uuid"
    same = await queries.edges_where(
        driver, condition, shelf=edge.group_id, relation=edge.name, subject=edge.source_node_uuid, uuid=edge.uuid
    )
    since = {each.uuid: in_utc(each.valid_at) for each in same if each.valid_at is not None}
    later = [since[each.uuid] for each in same if each.uuid in since and replaces(each) and since[each.uuid] > edge.valid_at]
    if later and (edge.invalid_at is None or min(later) < edge.invalid_at):
        edge.invalid_at, edge.expired_at = min(later), now
    if replaces(edge):
        older = [each.uuid for each in same if each.uuid in since and since[each.uuid] <= edge.valid_at and _lasts(each, edge.valid_at)]
        if older:
            await queries.end_edges(driver, transaction, older, valid_to=edge.valid_at, now=now)


def _lasts(edge: EntityEdge, until: datetime) -> bool:
    return edge.invalid_at is None or in_utc(edge.invalid_at) > until
