"""The client of embeddings, against a server on loopback."""

from __future__ import annotations

import pytest

from epics.agent_errors import KnowledgeUnavailable
from epics.errors import InvalidSettings
from memory.embedding import OpenAIEmbedder
from tests.fakes.embedding import EmbeddingsServer, hashed


@pytest.fixture
def server():
    with EmbeddingsServer(dimensions=8, key="a-key-of-tests") as up:
        yield up


@pytest.fixture
def embedder(server):
    return OpenAIEmbedder("text-embedding-test", dimensions=8, key="a-key-of-tests", base_url=server.url, timeout_s=0.5)


async def test_each_text_gets_its_vector(embedder):
    assert await embedder.embed(("a lamp", "a chair")) == (hashed("a lamp", 8), hashed("a chair", 8))


async def test_nothing_is_asked_about_no_text(embedder, server):
    assert await embedder.embed(()) == ()
    assert server.requests == []


async def test_the_model_and_the_key_are_sent(embedder, server):
    await embedder.embed(("",))

    (request,) = server.requests
    assert (request["path"], request["model"], request["input"]) == ("/v1/embeddings", "text-embedding-test", [" "])
    assert "dimensions" not in request


async def test_openais_own_models_are_told_how_long_vectors_are_to_be(server):
    await OpenAIEmbedder("text-embedding-3-small", dimensions=8, key="a-key-of-tests", base_url=server.url).embed(("a lamp",))

    assert server.requests[0]["dimensions"] == 8


async def test_what_passes_is_tried_again(embedder, server):
    server.faults = [503]

    assert await embedder.embed(("a lamp",)) == (hashed("a lamp", 8),)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "faults", [[500, 500], ["nonsense", "nonsense"], ["short"], ["hang", "hang"]], ids=["down", "nonsense", "short", "hangs"]
)
async def test_a_server_that_does_not_answer_so_makes_no_vectors(embedder, server, faults):
    server.faults = list(faults)

    with pytest.raises(KnowledgeUnavailable):
        await embedder.embed(("a lamp",))


async def test_a_wrong_key_is_not_tried_again(server):
    wrong = OpenAIEmbedder("m", dimensions=8, key="another", base_url=server.url)

    with pytest.raises(KnowledgeUnavailable, match="answered 401"):
        await wrong.embed(("a lamp",))
    assert len(server.requests) == 1


def test_a_model_that_nobody_knows_needs_its_dimensions():
    with pytest.raises(InvalidSettings, match="GENIE_EMBEDDING_DIMENSIONS"):
        OpenAIEmbedder("my-own-model")
    assert OpenAIEmbedder("text-embedding-3-large").dimensions == 3_072
