"""How knowledge looks as a graph: an episode is a node, an entity is a node, a fact is an edge between two entities."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from graphiti_core.edges import EntityEdge
from graphiti_core.nodes import EntityNode, EpisodeType, EpisodicNode

from epics.knowledge import Episode, Fact, Group, NewFact, Source

SPACE: Final = UUID("5d0f2c1e-6a0b-5f6e-9f0e-7c7b2b1f3a55")
"""Ids follow from what they stand for, so that writing something again after a crash writes the same."""

NOWHERE: Final = ""
"""The name of the node at which a fact ends that names no entity there: an edge needs two ends, and no entity has an empty name."""

SAYS: Final = "says"
"""What the edge of a fact without a relation is called."""

_KEPT: Final = "genie"
_ENTITY: Final = "Entity"


def shelf_of(project: str, group: Group) -> str:
    """Graphiti's group id of one group of one project: letters and digits only, as it demands."""
    return "g" + hashlib.sha256(f"{project}\0{group}".encode()).hexdigest()[:40]


def label_of(project: str, group: Group) -> str:
    """What an episode's node says of its shelf, so that all shelves can be found."""
    return f"{group}|{project}"


def id_of_episode(key: str) -> str:
    """The id of the node of an episode."""
    return str(uuid5(SPACE, f"episode\0{key}"))


def id_of_entity(shelf: str, name: str) -> str:
    """The id of the node of an entity; names that differ in their capitals alone are the same entity."""
    return str(uuid5(SPACE, f"entity\0{shelf}\0{name.casefold()}"))


def id_of_fact(key: str, number: int) -> str:
    """The id of a fact of an episode."""
    return str(uuid5(SPACE, f"fact\0{key}\0{number}"))


def facts_told_by(episode: Episode) -> tuple[NewFact, ...]:
    """What an episode says; its body as a whole where it names no facts."""
    return episode.facts or (NewFact.model_construct(text=episode.body.strip() or episode.title, replaces=False),)


def episode_node(episode: Episode, *, now: datetime) -> EpisodicNode:
    """The node of an episode."""
    return EpisodicNode(
        uuid=id_of_episode(episode.key),
        name=episode.title,
        group_id=shelf_of(episode.project, episode.group),
        source=EpisodeType.text,
        source_description=label_of(episode.project, episode.group),
        content=episode.body,
        valid_at=in_utc(episode.happened_at),
        created_at=now,
    )


def entity_node(shelf: str, name: str, vector: list[float], *, now: datetime) -> EntityNode:
    """The node of an entity."""
    return EntityNode(
        uuid=id_of_entity(shelf, name), name=name, group_id=shelf, labels=[_ENTITY], created_at=now, name_embedding=vector, summary=""
    )


def fact_edge(episode: Episode, number: int, fact: NewFact, vector: list[float], *, now: datetime) -> EntityEdge:
    """The edge of a fact."""
    shelf = shelf_of(episode.project, episode.group)
    kept = {
        "project": episode.project,
        "group": episode.group,
        "subject": fact.subject,
        "relation": fact.relation,
        "object": fact.object,
        "episode": episode.key,
        "title": episode.title,
        "source": episode.source.model_dump(mode="json"),
    }
    return EntityEdge(
        uuid=id_of_fact(episode.key, number),
        group_id=shelf,
        source_node_uuid=id_of_entity(shelf, fact.subject or NOWHERE),
        target_node_uuid=id_of_entity(shelf, fact.object or NOWHERE),
        created_at=now,
        name=fact.relation or SAYS,
        fact=fact.text,
        fact_embedding=vector,
        episodes=[id_of_episode(episode.key)],
        valid_at=in_utc(fact.valid_from or episode.happened_at),
        invalid_at=in_utc(fact.valid_to) if fact.valid_to else None,
        expired_at=None,
        attributes={_KEPT: json.dumps(kept, ensure_ascii=False, sort_keys=True)},
    )


def fact_of(edge: EntityEdge) -> Fact | None:
    """The fact of an edge; None for one that somebody else wrote into the same graph."""
    kept: Mapping[str, Any] = json.loads(edge.attributes.get(_KEPT) or "{}")
    if not kept or edge.valid_at is None:
        return None
    return Fact(
        id=edge.uuid,
        project=kept["project"],
        group=Group(kept["group"]),
        text=edge.fact,
        subject=kept["subject"],
        relation=kept["relation"],
        object=kept["object"],
        valid_from=in_utc(edge.valid_at),
        valid_to=in_utc(edge.invalid_at) if edge.invalid_at else None,
        recorded_at=in_utc(edge.created_at),
        ended_at=in_utc(edge.expired_at) if edge.expired_at else None,
        episode=kept["episode"],
        title=kept["title"],
        source=Source.model_validate(kept["source"]),
    )


def in_utc(time: datetime) -> datetime:
    """A time in UTC; databases that keep no zone keep UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
