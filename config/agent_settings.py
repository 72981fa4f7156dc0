"""Settings of what agents stand on: memory, tools, MCP servers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class MemorySettings(BaseSettings):
    """What is remembered from epic to epic, and where."""

    memory: Literal["postgresql", "graphiti", "off"] = Field(default="postgresql", description="postgresql, graphiti or off")
    graphiti_url: SecretStr | None = Field(
        default=None, description="neo4j://user:password@host, bolt://…, falkor://host:port or kuzu:///path of a graph database"
    )
    memory_tokens: int | None = Field(default=None, ge=0, le=100_000, description="a number of tokens from 0 to 100000")
    session_tokens: int = Field(default=32_000, ge=1_000, le=1_000_000, description="a number of tokens from 1000 to 1000000")
