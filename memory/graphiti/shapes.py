"""How knowledge looks as a graph: an episode is a node, an entity is a node, a fact is an edge between two entities."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from graphiti_core.edges import EntityEdge
from graphiti_core.nodes import EntityNode, EpisodeType, EpisodicNode

from db.knowledge import fact_id
from db.storable import storable_text
from epics.knowledge import Episode, Fact, Group, NewFact, Source

SPACE: Final = UUID("5d0f2c1e-6a0b-5f6e-9f0e-7c7b2b1f3a55")
"""Ids follow from what they stand for, so that writing something again after a crash writes the same."""

NOWHERE: Final = ""
"""The name of the node at which a fact ends that names no entity there: an edge needs two ends, and no entity has an empty name."""

SAYS: Final = "says"
"""What the edge of a fact without a relation is called."""

_KEPT: Final = "genie"
_SAYS: Final = ("text", "subject", "relation", "object")
_ENTITY: Final = "Entity"
_PARTS: Final = re.compile(r"[^\W_]+")


def shelf_of(project: str, group: Group) -> str:
    """Graphiti's group id of one group of one project: letters and digits only, as it demands."""
    return "g" + hashlib.sha256(f"{storable_text(project)}\0{group}".encode()).hexdigest()[:40]


def label_of(project: str, group: Group) -> str:
    """What an episode's node says of its shelf, so that all shelves can be found."""
    return f"{group}|{storable_text(project)}"


def id_of_episode(project: str, key: str) -> str:
    """The id of the node of an episode: a project has one of each key, whatever its group."""
    return str(uuid5(SPACE, f"episode\0{storable_text(project)}\0{storable_text(key)}"))


def id_of_entity(shelf: str, name: str) -> str:
    """The id of the node of an entity."""
    return str(uuid5(SPACE, f"entity\0{shelf}\0{storable_text(name)}"))


def facts_told_by(episode: Episode) -> dict[str, NewFact]:
    """What an episode says, by the ids that PostgreSQL's store gives it too; its body as a whole where it names no facts."""
    told = episode.facts or (NewFact.model_construct(text=episode.body),)
    facts: dict[str, NewFact] = {}
    for fact in told:
        says = {name: value and storable_text(value) for name in _SAYS if (value := getattr(fact, name)) is not None}
        facts.setdefault(fact_id(episode, says), fact.model_copy(update=says))
    return facts


def episode_node(episode: Episode, *, now: datetime) -> EpisodicNode:
    """The node of an episode."""
    return EpisodicNode(
        uuid=id_of_episode(episode.project, episode.key),
        name=storable_text(episode.title),
        group_id=shelf_of(episode.project, episode.group),
        source=EpisodeType.text,
        source_description=label_of(episode.project, episode.group),
        content=storable_text(episode.body),
        valid_at=in_utc(episode.happened_at),
        created_at=now,
    )


def entity_node(shelf: str, name: str, vector: list[float], *, now: datetime) -> EntityNode:
    """The node of an entity."""
    return EntityNode(
        uuid=id_of_entity(shelf, name),
        name=name,
        group_id=shelf,
        labels=[_ENTITY],
        created_at=now,
        name_embedding=vector,
        # So that the file is found by a part of its path.
        summary=" ".join(_PARTS.findall(name)),
    )


def fact_edge(episode: Episode, place: int, fact: tuple[str, NewFact], vector: list[float], *, now: datetime) -> EntityEdge:
    """The edge of a fact.

    Args:
        episode: that tells it.
        place: which fact of the episode it is: of two that are recorded at once, the later counts as newer.
        fact: its id, and the fact.
        vector: of its text.
        now: when it is recorded.
    """
    id_, says = fact
    shelf = shelf_of(episode.project, episode.group)
    kept = {
        "project": storable_text(episode.project),
        "group": episode.group,
        "subject": says.subject,
        "relation": says.relation,
        "object": says.object,
        "replaces": says.replaces,
        "episode": storable_text(episode.key),
        "title": storable_text(episode.title),
        "source": episode.source.model_dump(mode="json"),
    }
    return EntityEdge(
        uuid=id_,
        group_id=shelf,
        source_node_uuid=id_of_entity(shelf, says.subject or NOWHERE),
        target_node_uuid=id_of_entity(shelf, says.object or NOWHERE),
        created_at=now + timedelta(microseconds=place),
        name=says.relation or SAYS,
        fact=says.text,
        fact_embedding=vector,
        episodes=[id_of_episode(episode.project, episode.key)],
        valid_at=in_utc(says.valid_from or episode.happened_at),
        invalid_at=in_utc(says.valid_to) if says.valid_to else None,
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


def replaces(edge: EntityEdge) -> bool:
    """Whether the fact of an edge ends what was known before of its subject and relation."""
    return bool(json.loads(edge.attributes.get(_KEPT) or "{}").get("replaces"))


def in_utc(time: datetime) -> datetime:
    """A time in UTC; databases that keep no zone keep UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
