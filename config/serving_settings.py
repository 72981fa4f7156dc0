"""Settings of the HTTP server: how it is reached, and how often it may be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from config.network_types import host_names, networks, web_origins
from config.setting_types import existing_file, words_in


class ServingSettings(BaseSettings):
    """How a server is reached, and how often it may be asked."""

    tls_cert: Annotated[Path, AfterValidator(existing_file)] | None = Field(default=None, description="a file with a certificate, as PEM")
    tls_key: Annotated[Path, AfterValidator(existing_file)] | None = Field(default=None, description="a file with the certificate's key")
    public_names: Annotated[str, AfterValidator(host_names)] = Field(
        default="", description="names of hosts with commas between them, such as genie.example.org"
    )
    trusted_proxies: Annotated[str, AfterValidator(networks)] = Field(
        default="", description="addresses or networks with commas between them, such as 10.0.0.7,172.16.0.0/12"
    )
    cors_origins: Annotated[str, AfterValidator(web_origins)] = Field(
        default="", description="origins with commas between them, such as https://board.example.org; * is none"
    )
    requests_per_minute: int = Field(default=600, ge=1, le=1_000_000, description="a number of requests from 1 to 1000000")
    requests_at_once: int = Field(default=120, ge=1, le=1_000_000, description="a number of requests from 1 to 1000000")
    failures_per_minute: int = Field(default=60, ge=1, le=1_000_000, description="a number of requests from 1 to 1000000")

    @property
    def names(self) -> frozenset[str]:
        """The names under which a server is called from elsewhere."""
        return frozenset(words_in(self.public_names))

    @property
    def proxies(self) -> tuple[str, ...]:
        """Whose word is taken for where a request comes from."""
        return words_in(self.trusted_proxies)

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may call a server."""
        return frozenset(words_in(self.cors_origins))
