"""The settings of this installation: the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource, SettingsConfigDict

from config.agent_settings import McpSettings, MemorySettings, RoutingSettings
from config.environment import command_environment, git_environment
from config.known_secrets import secrets_in, with_password
from config.people_settings import HttpSettings, SecretSettings, SlackSettings
from config.serving_settings import ServingSettings
from config.setting_types import (
    BaseUrl,
    Key,
    LogLevel,
    absolute_folder,
    existing_file,
    existing_folder,
    expanded,
    lower,
    pairs_in,
    postgres_url,
    two_ports,
    words_in,
)
from config.tool_settings import ToolSettings
from epics.errors import InvalidSettings
from epics.policy import Autonomy

PREFIX: Final = "GENIE_"

_FILE: Final = ".env"
_TYPO: Final = 0.8
_FOR_TESTS: Final = "GENIE_TEST_"


class Settings(ServingSettings, HttpSettings, SlackSettings, SecretSettings, MemorySettings, McpSettings, RoutingSettings, ToolSettings):
    """What is set for this installation; each description says what is allowed, for the message when a value is not.

    What a repository can set too is None until it is set here, so that one can tell.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    home: Annotated[Path, AfterValidator(absolute_folder)] = Field(
        default=Path("~/.genie"), description="a folder, or a path where one can be made"
    )
    database_url: Annotated[SecretStr, AfterValidator(postgres_url)] | None = Field(
        default=None, description="a URL that begins with postgresql://; unset, Genie runs a database of its own"
    )
    server: BaseUrl | None = Field(
        default=None, description="the URL of a Genie server, http://… or https://…, that the command line asks instead of the database"
    )
    model: str | None = Field(
        default=None, description="the name of a model, as in anthropic:<model>, or several with commas: the first choice, then fallbacks"
    )
    executor: Literal["in_process", "claude_local", "claude_docker", "scripted"] | None = Field(
        default=None, description="in_process, claude_local, claude_docker or scripted"
    )
    budget_usd: Decimal | None = Field(default=None, gt=0, description="an amount in US dollars above 0, such as 5 or 2.50")
    agents_dir: Annotated[Path, AfterValidator(existing_folder)] | None = Field(default=None, description="a folder that exists")
    autonomy: Autonomy | None = Field(default=None, description="auto or ask")
    claude_cli: Annotated[Path, AfterValidator(existing_file)] | None = Field(
        default=None, description="the file of the Claude Code CLI; unset, that of the extra `claude`, else `claude` in PATH"
    )
    docker_host: str | None = Field(
        default=None, description="where dockerd listens, as in unix:///run/docker.sock; unset, DOCKER_HOST or Docker's own default"
    )
    agent_image: str = Field(default="genie-agent", min_length=1, max_length=300, description="the name of a container image")
    agent_memory_mb: int = Field(default=2_048, ge=64, le=1_000_000, description="a number of MiB from 64 to 1000000")
    agent_cpus: float = Field(default=2.0, gt=0, le=1_000, description="a number of processors above 0, at most 1000")
    agent_pids: int = Field(default=512, ge=16, le=1_000_000, description="a number of processes from 16 to 1000000")
    provider_calls_per_minute: int | None = Field(
        default=None, ge=1, le=1_000_000, description="a number of calls from 1 to 1000000 that all workers make with one provider's key"
    )
    ports: Annotated[str, AfterValidator(two_ports)] = Field(
        default="20000-29999", description="two port numbers from 1024 to 65535 with - between them, such as 20000-29999"
    )
    git_credentials: Annotated[Path, AfterValidator(existing_file)] | None = Field(
        default=None,
        description="a file as `git credential-store` writes it, with a line such as https://user:token@host for each git server",
    )
    log_level: LogLevel = Field(default="warning", description="debug, info, warning or error")
    log_format: Annotated[Literal["text", "json"], BeforeValidator(lower)] = Field(default="text", description="text or json")
    lease_seconds: float = Field(default=10.0, gt=0, le=3_600, description="a number of seconds above 0, at most 3600")

    concurrency: int = Field(default=4, ge=1, le=1_000, description="a number of epics from 1 to 1000")
    most_running: int = Field(default=200, ge=1, le=1_000_000, description="a number of epics from 1 to 1000000")
    min_free_mb: int = Field(default=256, ge=0, le=1_000_000_000, description="a number of MiB, 0 or more")
    max_takeovers: int = Field(default=3, ge=1, le=1_000_000, description="a number of workers from 1 to 1000000")
    drain_seconds: float = Field(default=30.0, ge=0, le=86_400, description="a number of seconds from 0 to 86400")
    retries: int = Field(default=6, ge=0, le=1_000, description="a number of times from 0 to 1000")
    retry_seconds: float = Field(default=15.0, gt=0, le=86_400, description="a number of seconds above 0, at most 86400")

    keep_checkpoints_days: int = Field(default=90, ge=0, le=36_500, description="a number of days from 0 to 36500")
    keep_journal_days: int = Field(default=180, ge=0, le=36_500, description="a number of days from 0 to 36500")
    keep_events_days: int = Field(default=365, ge=0, le=36_500, description="a number of days from 0 to 36500")
    keep_epics: int = Field(default=10_000, ge=0, le=1_000_000_000, description="a number of epics from 0 to 1000000000")

    approvals_file: Annotated[Path, AfterValidator(expanded)] | None = Field(default=None, description="a file that can be read")
    hooks_file: Annotated[Path, AfterValidator(expanded)] | None = Field(default=None, description="a file that can be read")
    webhook_allow_private: bool = Field(default=False, description="true or false")
    keep_messages_days: int = Field(default=14, ge=1, le=36_500, description="a number of days from 1 to 36500")

    anthropic_api_key: Key | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY", description="a key")
    anthropic_base_url: BaseUrl | None = Field(
        default=None, validation_alias="ANTHROPIC_BASE_URL", repr=False, description="a URL that begins with http:// or https://"
    )
    openai_api_key: Key | None = Field(default=None, validation_alias="OPENAI_API_KEY", description="a key")
    openai_base_url: BaseUrl | None = Field(
        default=None, validation_alias="OPENAI_BASE_URL", repr=False, description="a URL that begins with http:// or https://"
    )

    _surroundings: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def from_env(cls) -> Self:
        """Read the settings, once, at start: environment, then `.env` of the current folder, then defaults.

        Raises:
            InvalidSettings: naming the variable, what was seen (unless it is secret) and what is allowed.
        """
        try:
            _refuse_misspelt({*os.environ, *DotEnvSettingsSource(cls).env_vars}, cls)
            return cls.model_validate({})
        except ValidationError as exc:
            # Without the cause: it holds the values as they came, secrets too.
            raise InvalidSettings(_fault_in(exc, cls)) from None
        except UnicodeDecodeError as exc:
            raise InvalidSettings(f"the file {Path(_FILE).absolute()} is not UTF-8: {exc.reason} at byte {exc.start}") from exc

    def model_post_init(self, context: Any, /) -> None:
        """Keep the surroundings as they were at start: commands get a part of them."""
        super().model_post_init(context)
        self._surroundings.update(os.environ)

    @property
    def models(self) -> tuple[str, ...]:
        """The first choice of model and its fallbacks; empty if none was set."""
        return words_in(self.model or "")

    @property
    def port_range(self) -> range:
        """The ports of this host that attempts may lease."""
        first, _, last = self.ports.partition("-")
        return range(int(first), int(last) + 1)

    def secret_named(self, variable: str) -> SecretStr | None:
        """Return the value of a variable whose name was given in place of a secret; None if it is empty or not there."""
        value = self._surroundings.get(variable, "")
        return SecretStr(value) if value else None

    def secret_values(self) -> frozenset[str]:
        """Return every value that this process knows to be secret, for keeping them out of what leaves the machine."""
        own = (getattr(self, name) for name in type(self).model_fields)
        return secrets_in(self._surroundings, self.git_credentials) | {
            secret for value in own if isinstance(value, SecretStr) for secret in with_password(value.get_secret_value())
        }

    def agent_environment(self) -> dict[str, str]:
        """Return the environment of the commands that agents and tests run: an allow-list, without Genie's own and without secrets."""
        return command_environment(self._surroundings)

    def mcp_environment(self) -> dict[str, str]:
        """Return the variables that references in `.mcp.json` may name: those that somebody allowed, and no other."""
        return {name: self._surroundings[name] for name in words_in(self.mcp_variables) if name in self._surroundings}

    def mcp_allowances(self) -> tuple[tuple[str, str], ...]:
        """Return which stored secrets the workflows of which repositories may refer to, as patterns."""
        return pairs_in(self.mcp_secrets_for)

    def git_environment(self) -> dict[str, str]:
        """Return the environment of Genie's own git commands: the user's identity and access, no variable that moves a repository."""
        found = git_environment(self._surroundings)
        # By its name: the time machine gives it to git where git talks to a server, and nowhere else.
        return found if self.git_credentials is None else {**found, "GENIE_GIT_CREDENTIALS": str(self.git_credentials)}


def _variable(name: str, schema: type[Settings]) -> str:
    field = schema.model_fields.get(name)
    if field is None:
        return name  # an alias: the variable itself
    return str(field.validation_alias or f"{PREFIX}{name.upper()}")


def _refuse_misspelt(names: Iterable[str], schema: type[Settings]) -> None:
    known = {_variable(name, schema) for name in schema.model_fields}
    for name in sorted(names):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper.startswith(_FOR_TESTS) or upper in known:
            continue
        if near := get_close_matches(upper, known, n=1, cutoff=_TYPO):
            raise InvalidSettings(f"there is no setting {upper}: did you mean {near[0]}? Rename it or unset it")


def _fault_in(exc: ValidationError, schema: type[Settings]) -> str:
    fault: Any = exc.errors(include_url=False, include_context=False)[0]
    variable = _variable(str(fault["loc"][0]), schema)
    name, field = next((name, field) for name, field in schema.model_fields.items() if _variable(name, schema) == variable)
    secret = "SecretStr" in str(field.annotation) or name.endswith("_url")
    seen = "its value is not shown" if secret else f"it is {str(fault['input'])[:200]!r}"
    return f"{variable} cannot be used ({seen}): it must be {field.description}"
