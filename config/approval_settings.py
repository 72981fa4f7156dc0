"""The schema of who approves what: `[approvals]` in `genie.toml`, and the file of GENIE_APPROVALS_FILE, of which the stricter counts."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from agents.schema import Globs
from epics.approval_terms import DEFAULT_TERMS, GROUP, ROLE, AutoRule, Eligible, OnExpiry, Terms, stricter
from epics.errors import InvalidSettings
from epics.records import Record
from epics.roles import Grant, Role
from epics.steps import GATES, Step
from tools.toml_text import parse_toml

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TIME: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_LONGEST_S: Final = 366 * 86_400
_ONLY_WITH_WORK: Final = ("paths", "most_files", "most_lines", "tests_passed")


def _seconds(value: object) -> object:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= seconds <= _LONGEST_S:
        message = 'is no time: write a number and s, m, h or d, such as "4h" or "3d", at most a year'
        raise ValueError(message)
    return seconds


Time = Annotated[int, BeforeValidator(_seconds)]
People = Annotated[tuple[Eligible, ...], Field(min_length=1, max_length=100)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class RuleSettings(Record):
    """`[[approvals.auto]]`: what is approved without a person, where every condition that is given holds."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$")]
    gate: Literal["plan_gate", "merge_gate"]
    paths: Globs | None = None
    most_files: Count | None = None
    most_lines: Count | None = None
    most_usd: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] | None = None
    tests_passed: Literal[True] | None = None

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        given = self.model_fields_set - {"name", "gate"}
        if not given or self.paths == ():
            message = f"the rule {self.name!r} has no condition: say when it approves, by {', '.join((*_ONLY_WITH_WORK, 'most_usd'))}"
            raise ValueError(message)
        if self.gate == "plan_gate" and (wrong := given.intersection(_ONLY_WITH_WORK)):
            message = f"{min(wrong)} is not known at the plan_gate, where nothing is changed yet: only most_usd is"
            raise ValueError(message)
        return self

    def rule(self) -> AutoRule:
        """Return the rule as the engine uses it."""
        given = self.model_dump(exclude={"paths", "tests_passed"})
        return AutoRule.model_validate({**given, "paths": self.paths or (), "tests_passed": bool(self.tests_passed)})


class GateSettings(Record):
    """`[approvals.<gate>]`: the terms of one gate; what is left out is as it stands in `[approvals]`."""

    who: People | None = None
    quorum: Annotated[int, Field(strict=True, ge=1, le=20)] | None = None
    own: Annotated[bool, Field(strict=True)] | None = None
    expires: Time | None = None
    remind: Time | None = None
    escalate: Time | None = None
    escalate_to: People | None = None
    on_expiry: OnExpiry | None = None


class ApprovalSettings(GateSettings):
    """`[approvals]`: the terms of all gates, those of each, and the rules."""

    plan_gate: GateSettings = GateSettings()
    merge_gate: GateSettings = GateSettings()
    failure_gate: GateSettings = GateSettings()
    budget_gate: GateSettings = GateSettings()
    auto: tuple[RuleSettings, ...] = Field(default=(), max_length=50)
    no_auto: Literal[True] | None = Field(default=None, description="What `auto = false` is read as.")

    @model_validator(mode="before")
    @classmethod
    def _no_rules(cls, values: Any) -> Any:  # what TOML gives
        if isinstance(values, dict) and values.get("auto") is False:
            return {**{name: value for name, value in values.items() if name != "auto"}, "no_auto": True}
        return values

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        for gate in (step for step in Step if step in GATES):
            terms = self.terms(gate)
            if terms.escalate_s is not None and not terms.escalate_to:
                message = f"the {gate} escalates to nobody: give escalate_to"
                raise ValueError(message)
            named = {*terms.who, *terms.escalate_to}
            if terms.who and not any(name.startswith((GROUP, ROLE)) for name in named) and len(named) < terms.quorum:
                message = f"the {gate} needs {terms.quorum} people, and who and escalate_to name {len(named)}"
                raise ValueError(message)
        return self

    def terms(self, gate: Step) -> Terms:
        """The terms of one gate."""
        of_gate: GateSettings = getattr(self, gate)
        given: dict[str, Any] = {}
        for settings in (self, of_gate):
            given |= {name: value for name in GateSettings.model_fields if (value := getattr(settings, name)) is not None}
        times = {f"{name}_s": given.pop(name) for name in ("expires", "remind", "escalate") if name in given}
        rules = tuple(rule.rule() for rule in self.auto if rule.gate == gate)
        return Terms.model_validate({**given, **times, "auto": rules, "no_auto": bool(self.no_auto)})


class RepositoryApprovals(Record):
    """`[[repository]]`: what holds for the repositories that fit a pattern."""

    repo: Annotated[str, StringConstraints(min_length=1, max_length=4_096)]
    approvals: ApprovalSettings

    def fits(self, repo: str) -> bool:
        """Whether a repository fits; `*` stands for anything but a slash, `**` for anything."""
        return Grant(role=Role.VIEWER, repo=self.repo).covers(repo)


class ServerApprovals(Record):
    """The file of GENIE_APPROVALS_FILE: what no repository can loosen."""

    approvals: ApprovalSettings = ApprovalSettings()
    repository: tuple[RepositoryApprovals, ...] = Field(default=(), max_length=1_000)

    def terms(self, gate: Step, repo: str, own: Terms = DEFAULT_TERMS) -> Terms:
        """The terms of one gate of a repository: of what it says itself, and all that fits it here, the stricter of each."""
        here = [self.approvals, *(each.approvals for each in self.repository if each.fits(repo))]
        return reduce(stricter, (settings.terms(gate) for settings in here), own)


def load_server_approvals(path: Path | None) -> ServerApprovals:
    """Read the file; without one, the server adds nothing.

    Raises:
        InvalidSettings: if it cannot be read or does not fit, with the line.
    """
    if path is None:
        return ServerApprovals()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"GENIE_APPROVALS_FILE cannot be read: {error}"
        raise InvalidSettings(message) from error
    return parse_toml(text, ServerApprovals, file=str(path), error=InvalidSettings)
