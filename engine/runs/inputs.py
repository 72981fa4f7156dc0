"""What a person gives for the variables of a prompt, checked against the types that prompts are written for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from agents.rendering import used_variables
from agents.workflow import Workflow
from epics.errors import InvalidInput
from epics.verdicts import Design, FailureAnalysis, Finding, Plan, PullRequest, Review, TestReport

_TEXT: Final = TypeAdapter(str)
_TEXTS: Final = TypeAdapter(tuple[str, ...])

GIVABLE: Final[Mapping[str, TypeAdapter[Any]]] = MappingProxyType(
    {
        "comments": _TEXTS,
        "conflicts": _TEXTS,
        "design": TypeAdapter(Design),
        "diff": _TEXT,
        "diff_stat": _TEXT,
        "failure": TypeAdapter(FailureAnalysis),
        "findings": TypeAdapter(tuple[Finding, ...]),
        "guidance": _TEXTS,
        "log_tail": _TEXT,
        "plan": TypeAdapter(Plan),
        "pull_request": TypeAdapter(PullRequest),
        "review": TypeAdapter(Review),
        "tests": TypeAdapter(TestReport),
    }
)
"""The variables that a run may be given; the others are the task, or are found out."""

MOST_GIVEN: Final = 400_000
"""Characters of all that is given for variables: it is kept with the run, and most of it goes to a model."""

_TOLD_BY_ALL: Final = frozenset({"comments", "guidance", "failure"})
"""They reach the agent though its prompt does not name them."""


def checked_variables(workflow: Workflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as JSON of the types that prompts are written for.

    Raises:
        InvalidInput: naming the variable that no run is given, that the prompt does not use, or whose value does not fit.
    """
    return {name: _checked(workflow, name, value) for name, value in given.items()}


def checked_given(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given to an agent, which may be any JSON that can be kept.

    Raises:
        InvalidInput: naming the variable that cannot, or saying that there is too much.
    """
    if (size := sum(len(str(value)) for value in given.values())) > MOST_GIVEN:
        raise InvalidInput(f"the variables have {size:,} characters; at most {MOST_GIVEN:,} fit: put what is long into the repository")
    return {name: _storable(name, value) for name, value in given.items()}


def typed_variables(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What was kept as JSON, as prompts use it."""
    return {name: GIVABLE[name].validate_python(value) for name, value in kept.items()}


def _checked(workflow: Workflow, name: str, value: Any) -> Any:
    used = (used_variables(workflow) | _TOLD_BY_ALL) & GIVABLE.keys()
    if name not in used:
        raise InvalidInput(f"the workflow {workflow.name} takes no variable {name!r}; it takes {', '.join(sorted(used))}, and a task")
    kind, value = GIVABLE[name], _storable(name, value)
    if kind is _TEXTS and isinstance(value, str):
        value = (value,)
    try:
        # As a text where a person typed it.
        typed = kind.validate_json(value) if isinstance(value, str) and kind is not _TEXT else kind.validate_python(value)
        return kind.dump_python(typed, mode="json")
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in (name, *fault["loc"]))
        raise InvalidInput(f"the variable {place} does not fit: {fault['msg']}") from error


def _storable(name: str, value: Any) -> Any:
    """The value, if PostgreSQL can keep it."""
    match value:
        case str():
            if "\0" in value or any(0xD800 <= ord(char) <= 0xDFFF for char in value):  # noqa: PLR2004  # lone surrogates
                raise InvalidInput(f"the variable {name} has a character that is no text: remove it")
        case Mapping():
            for key, each in value.items():
                _storable(name, key)
                _storable(name, each)
        case list() | tuple():
            for each in value:
                _storable(name, each)
        case _:
            pass
    return value
