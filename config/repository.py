"""The schema of `genie.toml`, in which a repository says how Genie is to work in it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from config.approval_settings import ApprovalSettings
from epics.approval_terms import DEFAULT_TERMS
from epics.errors import InvalidSettings
from epics.policy import Autonomy, MergeMethod, RepositoryPolicy
from epics.records import Record
from epics.steps import GATES
from tools.toml_text import parse_toml

FILE: Final = "genie.toml"

_LONGEST_S: Final = 86_400.0
_MOST_ROUNDS: Final = 50
_MOST_TOKENS: Final = 100_000
_NOT_SET: Final = frozenset({"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"})
_NOT_SET_FAMILIES: Final = ("ANTHROPIC_", "CLAUDE", "DYLD_", "GENIE_", "GIT_", "LC_", "LD_", "PYTHON", "XDG_")


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if path.startswith(("/", "~")) or "\\" in path or ".." in parts or ".git" in parts or parts in {(), (".",)}:
        message = "must be a path inside the repository, without '..' and outside .git"
        raise ValueError(message)
    return str(PurePosixPath(path))


def _listed(value: object) -> object:
    """Take one text for a list: commas separate the first choice from its fallbacks."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _free_to_set(name: str) -> str:
    if name in _NOT_SET or name.startswith(_NOT_SET_FAMILIES):
        message = "is a variable that the commands need as it is"
        raise ValueError(message)
    return name


Command = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000, pattern=r"^[^\x00]*$")]
Seconds = Annotated[float, Field(strict=True, gt=0, le=_LONGEST_S)]
Rounds = Annotated[int, Field(strict=True, ge=0, le=_MOST_ROUNDS)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Inside = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_inside)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$"), AfterValidator(_free_to_set)]
Value = Annotated[str, StringConstraints(pattern=r"^(?:port|name:[a-z][a-z0-9_-]{0,39})$")]
Models = Annotated[tuple[Name, ...], BeforeValidator(_listed)]


class TestSettings(Record):
    """`[test]`: the command that alone says whether the tests pass."""

    __test__ = False  # the name begins with Test, and pytest would take it for one

    command: Command | None = None
    timeout_s: Seconds = 1_800.0


class EnvironmentSettings(Record):
    """`[environment]`: what a new work tree needs before a command can run in it."""

    links: tuple[Inside, ...] = Field(default=(), max_length=50)
    copies: tuple[Inside, ...] = Field(default=(), max_length=50)
    values: dict[Variable, Value] = Field(default_factory=dict, max_length=20)
    setup: Command | None = None
    setup_timeout_s: Seconds = 900.0


class LimitSettings(Record):
    """`[limits]`: the caps of the loops."""

    attempts: Annotated[int, Field(strict=True, ge=1, le=_MOST_ROUNDS)] = 3
    fix_rounds: Rounds = 3
    architect_rounds: Rounds = 3


class RecallSettings(Record):
    """`[memory]`: what briefs tell of earlier work on the repository."""

    enabled: Annotated[bool, Field(strict=True)] = True
    tokens: Annotated[int, Field(strict=True, ge=0, le=_MOST_TOKENS)] | None = None


class MergeSettings(Record):
    """`[merge]`: how the finished work gets into the base branch."""

    method: MergeMethod = "ff"


class RepositorySettings(Record):
    """The whole file; every key may be left out, and an unknown one is refused."""

    test: TestSettings = TestSettings()
    environment: EnvironmentSettings = EnvironmentSettings()
    limits: LimitSettings = LimitSettings()
    merge: MergeSettings = MergeSettings()
    memory: RecallSettings = RecallSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    models: dict[str, Models] = Field(default_factory=dict)
    autonomy: Autonomy | None = None
    executor: Name | None = None
    model: Models = ()

    def policy(self) -> RepositoryPolicy:
        """Return the record that nodes and the engine use."""
        return RepositoryPolicy(
            test_command=self.test.command,
            test_timeout_s=self.test.timeout_s,
            setup_command=self.environment.setup,
            setup_timeout_s=self.environment.setup_timeout_s,
            links=self.environment.links,
            copies=self.environment.copies,
            values=self.environment.values,
            **self.limits.model_dump(),
            merge_method=self.merge.method,
            memory_enabled=self.memory.enabled,
            memory_tokens=self.memory.tokens,
            autonomy=self.autonomy,
            executor=self.executor,
            model=self.model,
            models=self.models,
            approvals={gate: terms for gate in GATES if (terms := self.approvals.terms(gate)) != DEFAULT_TERMS},
        )


def repository_policy(text: str | None, *, file: str = FILE) -> RepositoryPolicy:
    """Read the policy from the text of `genie.toml` on the base branch; None, where there is no such file, gives the defaults.

    Raises:
        InvalidSettings: if the text does not fit, with the file and the line.
    """
    if text is None:
        return RepositoryPolicy()
    return parse_toml(text, RepositorySettings, file=file, error=InvalidSettings).policy()
