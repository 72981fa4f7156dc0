"""Making the brief of an attempt from the template of its workflow; what fills it in is data and is never run."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agents.workflow import Workflow
from epics.errors import InvalidInput, InvalidWorkflow

VARIABLES: Final = frozenset(
    {
        "allowed_paths",
        "attempt_note",
        "base_branch",
        "comments",
        "conflicts",
        "design",
        "diff",
        "diff_stat",
        "failure",
        "findings",
        "forbidden_paths",
        "goal",
        "guidance",
        "lessons",
        "log_tail",
        "plan",
        "pull_request",
        "recalled",
        "repository",
        "review",
        "test_command",
        "tests",
    }
)
"""What a template may use; a name outside of it is refused when the workflow is loaded, not in the middle of an epic."""

EARLIER: Final = Path(__file__).with_name("earlier.md")
"""What every brief ends with: the number of the attempt, verbatim what failed and what people said of earlier ones, and older knowledge."""

TOLD_BY_ALL: Final = frozenset({"attempt_note", "failure", "comments", "guidance", "lessons", "recalled"})
"""The variables that reach the agent whether or not its template uses them."""

# Every run of an epic reads the workflows anew, and a worker runs thousands: a text that was compiled once is not compiled again.
_KEPT: Final = 256

# What a template can raise while it is filled in, besides Jinja's own errors: the value had not the shape that it was used for.
_MISUSE = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


def check_prompt(text: str, *, file: str) -> None:
    """Check a template before it is needed.

    Raises:
        InvalidWorkflow: with file and line, if it is no template or uses a variable that no brief has.
    """
    unknown = sorted(_used(text, file) - VARIABLES)
    if unknown:
        line = next((n for n, row in enumerate(text.splitlines(), 1) if re.search(rf"\b{re.escape(unknown[0])}\b", row)), 1)
        raise InvalidWorkflow(f"{file}:{line}: unknown variable {unknown[0]!r}; known: {', '.join(sorted(VARIABLES))}")


def render_brief(workflow: Workflow, variables: Mapping[str, Any]) -> str:
    """Fill in the prompt of `workflow`; the first line is `Workflow: <name>`.

    What failed before, what people said of it and which attempt this is are added at the end where the prompt does not use them
    itself: no prompt can forget them.

    Raises:
        InvalidInput: naming the variable that is missing, or the line on which a value was used for what it is not.
    """
    file = str(workflow.folder / "prompt.md")
    missing = sorted(TOLD_BY_ALL - variables.keys())
    if missing:
        raise InvalidInput(f"{file}: the variable {missing[0]!r} was not given; every brief needs it")
    body = _filled(workflow.prompt, variables, file=file)
    used = _used(workflow.prompt, file)
    untold = {name: None if name in used else variables[name] for name in TOLD_BY_ALL}
    earlier = _filled(EARLIER.read_text(encoding="utf-8"), untold, file=EARLIER.name)
    parts = [f"Workflow: {workflow.name}", body.strip(), earlier.strip()]
    return "\n\n".join(part for part in parts if part) + "\n"


def used_variables(workflow: Workflow) -> frozenset[str]:
    """The variables that the prompt of a workflow names."""
    return _used(workflow.prompt, str(workflow.folder / "prompt.md"))


def fenced(value: object) -> str:
    """Put text between two fences that it cannot contain, so that it reads as a quotation from its first to its last character."""
    text = str(value)
    longest = max((len(run) for run in re.findall(r"~{3,}", text)), default=2)
    fence = "~" * max(longest + 1, 4)
    return f"{fence}\n{text}\n{fence}"


def _used(text: str, file: str) -> frozenset[str]:
    return _read(text, file)[0]


@lru_cache(maxsize=_KEPT)
def _read(text: str, file: str) -> tuple[frozenset[str], CodeType]:
    """The variables that a template names, and what fills it in."""
    environment = _environment()
    try:
        template = environment.parse(text)
        # Compiling finds what parsing does not: filters and tests that do not exist.
        code = environment.compile(template, filename=file)
        if any(True for _ in meta.find_referenced_templates(template)):
            raise InvalidWorkflow(f"{file}:1: a prompt stands alone: it cannot include, import or extend another file")
        return frozenset(meta.find_undeclared_variables(template)), code
    except TemplateSyntaxError as exc:
        raise InvalidWorkflow(f"{file}:{exc.lineno}: this is not a valid template: {exc.message}") from exc
    except (TemplateError, RecursionError) as exc:
        raise InvalidWorkflow(f"{file}:1: this is not a valid template: {exc}") from exc


def _filled(text: str, variables: Mapping[str, Any], *, file: str) -> str:
    environment = _environment()
    try:
        return environment.template_class.from_code(environment, _read(text, file)[1], {}).render(variables)
    except _MISUSE as exc:
        line = next((frame.lineno for frame in reversed(traceback.extract_tb(exc.__traceback__)) if frame.filename == file), 1)
        raise InvalidInput(f"{file}:{line}: the brief cannot be made: {exc}") from exc


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["fenced"] = fenced
    return environment


def variables_in(text: str, *, file: str) -> frozenset[str]:
    """The variables that a template names.

    Raises:
        InvalidWorkflow: with `file` and the line, if it is no template.
    """
    return _used(text, file)


def filled_in(text: str, variables: Mapping[str, Any], *, file: str) -> str:
    """Fill a template in; what it names and was not given is an error where it is used.

    Raises:
        InvalidInput: with `file` and the line. Its cause is jinja2's UndefinedError where a variable is missing.
    """
    return _filled(text, variables, file=file)
