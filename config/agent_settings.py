"""Settings of what agents stand on: memory, tools, MCP servers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings


def _of_openai(model: str) -> str:
    provider, _, name = model.partition(":")
    if provider != "openai" or not name:
        message = "no other provider's embeddings can be used"
        raise ValueError(message)
    return model


class MemorySettings(BaseSettings):
    """What is remembered from epic to epic, and where."""

    memory: Literal["postgresql", "graphiti", "off"] = Field(default="postgresql", description="postgresql, graphiti or off")
    graphiti_url: SecretStr | None = Field(
        default=None, description="neo4j://user:password@host, bolt://…, falkor://host:port or kuzu:///path of a graph database"
    )
    embedding_model: Annotated[str, AfterValidator(_of_openai)] | None = Field(
        default=None, description="openai: and the name of an embedding model, such as openai:text-embedding-3-small"
    )
    embedding_dimensions: int | None = Field(default=None, ge=1, le=4_000, description="a number from 1 to 4000")
    memory_tokens: int | None = Field(default=None, ge=0, le=100_000, description="a number of tokens from 0 to 100000")
    session_tokens: int = Field(default=32_000, ge=1_000, le=1_000_000, description="a number of tokens from 1000 to 1000000")
