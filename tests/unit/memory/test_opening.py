"""Which store the settings open, and what is said where they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from epics.errors import InvalidSettings
from memory.opening import open_store
from tests.fakes.embedding import HashingEmbedder

POOL: Any = None


def test_a_graph_database_needs_an_address():
    with pytest.raises(InvalidSettings, match="set GENIE_GRAPHITI_URL"):
        open_store("graphiti", POOL, HashingEmbedder())


def test_a_graph_database_needs_vectors():
    with pytest.raises(InvalidSettings, match="set GENIE_EMBEDDING_MODEL"):
        open_store("graphiti", POOL, None, graph_url="neo4j://graph")


@pytest.mark.parametrize("url", ["", "mysql://host", "neo4j:///nowhere", "kuzu://", "falkor://host:port", "neo4j://user:hidden@"])
def test_an_address_of_no_graph_database_is_refused_without_its_password(url):
    with pytest.raises(InvalidSettings, match="GENIE_GRAPHITI_URL") as refused:
        open_store("graphiti", POOL, HashingEmbedder(), graph_url=url)

    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["neo4j://user:secret@graph:7687", "bolt+s://graph", "falkor://graph:6379", "kuzu:///var/lib/graph"])
def test_nothing_is_connected_to_before_it_is_asked(url):
    assert open_store("graphiti", POOL, HashingEmbedder(), graph_url=url).name == "graphiti"
