"""Settings of the tools that agents have."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from config.setting_types import bearer, http_url


class ToolSettings(BaseSettings):
    """What agents' tools reach beside the work tree."""

    search_url: Annotated[str, AfterValidator(http_url)] | None = Field(
        default=None, description="an HTTP URL that answers searches as SearXNG or Brave do, such as http://localhost:8080/search"
    )
    search_key: Annotated[SecretStr, AfterValidator(bearer)] | None = Field(default=None, description="the search engine's key")
