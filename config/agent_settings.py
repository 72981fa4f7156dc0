"""Settings of what agents stand on: memory, tools, MCP servers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from config.setting_types import secrets_for_repositories, variables_of_others


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


class McpSettings(BaseSettings):
    """What the MCP servers of agents may know."""

    mcp_variables: Annotated[str, AfterValidator(variables_of_others)] = Field(
        default="", description="names of variables with commas between them, none of Genie's own"
    )
    mcp_secrets_for: Annotated[str, AfterValidator(secrets_for_repositories)] = Field(
        default="", description="mcp_name=repository, several with commas, such as mcp_wiki=https://github.com/acme/*"
    )


class RoutingSettings(BaseSettings):
    """How requests in free words are split, and when an agent is left out."""

    router_model: str | None = Field(
        default=None, description="the name of a model, as in anthropic:<model>; unset, requests are split by rules"
    )
    breaker_failures: int = Field(default=5, ge=0, le=1_000, description="a number of failures in a row from 0 (never) to 1000")
    breaker_seconds: float = Field(default=60.0, gt=0, le=86_400, description="a number of seconds above 0, at most 86400")
