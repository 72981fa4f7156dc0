"""The schema of GENIE_HOOKS_FILE: who may tell Genie what to do by `POST /hooks/{source}`, and what each message leads to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from config.hook_templates import check_template
from config.settings import Settings
from epics.approvals import Choice
from epics.errors import InvalidInput, InvalidSettings
from epics.policy import Autonomy
from epics.records import Record
from safety.signatures import key_in
from tools.toml_text import parse_toml

_DECISIONS: Final = (Choice.APPROVE, Choice.CHANGES, Choice.REJECT, Choice.RETRY, Choice.ABANDON)


def _template(text: str) -> str:
    check_template(text)
    return text


def _decision(choice: Choice) -> Choice:
    if choice not in _DECISIONS:
        message = f"must be one of {', '.join(_DECISIONS)}"
        raise ValueError(message)
    return choice


Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,100}$", to_lower=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Template = Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_template)]
Scalar: TypeAlias = str | bool | int | float


class Match(Record):
    """What a message must be for a rule to hold; the first rule that holds counts."""

    event: str | None = None
    """The type that the message's header (or, of `standard`, its `type`) must have."""
    when: dict[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    """Paths into the payload, such as `issue.labels.0.name`, each with the value, or the values, that it must have."""


class StartRule(Match):
    """Start an epic."""

    do: Literal["start"]
    goal: Template
    repo: Template
    repos: tuple[Name, ...] = ()
    """What a repository that the payload names must look like: `https://example.org/team/*`, in which a star stands for no slash."""
    base: Name | None = None
    budget_usd: Decimal | None = Field(default=None, gt=0)
    executor: Name | None = None
    model: Name | None = None
    autonomy: Autonomy | None = None
    labels: dict[Name, Template] = Field(default_factory=dict, max_length=20)

    @model_validator(mode="after")
    def _names_what_is_allowed(self) -> Self:
        if ("{{" in self.repo or "{%" in self.repo) and not self.repos:
            message = "a repo that the payload names needs `repos`, the patterns that it must fit"
            raise ValueError(message)
        return self

    def allows(self, repo: str) -> bool:
        """Whether a repository is the one that is written here, or fits a pattern."""
        if not self.repos:
            return repo == self.repo
        plain = re.fullmatch(r"[A-Za-z0-9._~:/@+-]+", repo) is not None and "/../" not in f"{repo}/"
        return plain and any(re.fullmatch(re.escape(each).replace(r"\*", "[^/]*"), repo) for each in self.repos)


class ResumeRule(Match):
    """Resume an epic."""

    do: Literal["resume"]
    epic: Template


class DecideRule(Match):
    """Decide an approval, or the one that an epic waits for. What is decided stands here, and is never taken from the payload."""

    do: Literal["decide"]
    approval: Template
    decision: Annotated[Choice, AfterValidator(_decision)]
    comment: Template | None = None


Rule = Annotated[StartRule | ResumeRule | DecideRule, Field(discriminator="do")]


class SourceSettings(Record):
    """`[source.NAME]`: how its messages are signed, and what they lead to."""

    verify: Literal["github", "standard", "hmac"]
    secret_env: Name
    signature_header: Header = "x-signature"
    signature_prefix: str = Field(default="", max_length=50)
    id_header: Header | None = None
    event_header: Header | None = None
    timestamp_header: Header | None = None
    """With it, what is signed is `timestamp.body`, and a message that is older than five minutes is refused."""
    rule: tuple[Rule, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _has_headers_of_its_own_only_if_generic(self) -> Self:
        own = {"signature_header", "signature_prefix", "id_header", "event_header", "timestamp_header"} & self.model_fields_set
        if own and self.verify != "hmac":
            message = f'{min(own)} is for verify = "hmac" only: {self.verify} has headers of its own'
            raise ValueError(message)
        return self


class HooksFile(Record):
    """The whole file."""

    source: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")], SourceSettings] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HookSource:
    """One source, with its key."""

    name: str
    settings: SourceSettings
    secret: SecretStr


def load_hooks(settings: Settings) -> Mapping[str, HookSource]:
    """Read the sources of incoming hooks; none, if no file is set.

    Raises:
        InvalidSettings: if the file cannot be read or does not fit, with the line, or a secret is not in the environment.
    """
    if settings.hooks_file is None:
        return {}
    path: Path = settings.hooks_file
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"GENIE_HOOKS_FILE cannot be read: {error}") from error
    found = parse_toml(text, HooksFile, file=str(path), error=InvalidSettings)
    return {name: HookSource(name=name, settings=source, secret=_secret(settings, name, source)) for name, source in found.source.items()}


def _secret(settings: Settings, name: str, source: SourceSettings) -> SecretStr:
    secret = settings.secret_named(source.secret_env)
    if secret is None:
        raise InvalidSettings(f"the source {name} of GENIE_HOOKS_FILE needs its secret in the variable {source.secret_env}: set it")
    if source.verify == "standard":
        try:
            key_in(secret.get_secret_value())
        except InvalidInput as error:
            raise InvalidSettings(f"the source {name} of GENIE_HOOKS_FILE, variable {source.secret_env}: {error}") from error
    return secret
