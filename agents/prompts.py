"""What an agent written in Python is told first: a template with `{{variables}}`, and values for those that no memory gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import UndefinedError

from agents.rendering import filled_in, variables_in
from epics.agent_errors import MissingVariable
from epics.errors import InvalidInput, InvalidWorkflow

MOST_CHARS: Final = 100_000

_NAMED: Final = re.compile(r"'([a-z_][a-z0-9_]*)' is undefined", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Template:
    """One version of a prompt."""

    agent: str
    status_key: str = "default"
    version: int
    text: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """Values for variables that no memory gives."""

    @property
    def place(self) -> str:
        """How messages call it."""
        return f"the prompt {self.status_key} of {self.agent}, version {self.version}"

    @property
    def names(self) -> frozenset[str]:
        """The variables that it names."""
        return variables_in(self.text, file=self.place)

    def filled(self, given: Mapping[str, Any]) -> str:
        """The text that the model is told; `given` goes before what is declared with the prompt.

        Raises:
            MissingVariable: naming a variable that nothing gives.
            InvalidInput: naming the line on which a value was used for what it is not.
        """
        try:
            return filled_in(self.text, {**self.variables, **given}, file=self.place)
        except InvalidInput as error:
            missing = _NAMED.search(str(error)) if isinstance(error.__cause__, UndefinedError) else None
            if missing is None:
                raise
            raise MissingVariable(
                f"{self.place} needs {missing[1]!r}, which no memory gives and which has no default: "
                f"set it with `genie memory set {missing[1]} VALUE --agent {self.agent}`, or declare a default with the prompt"
            ) from error


def check_template(template: Template) -> None:
    """See that a prompt can be filled in, before anybody needs it.

    Raises:
        InvalidInput: naming the line that is no template, or a variable that cannot be one.
    """
    if not template.text.strip() or len(template.text) > MOST_CHARS or "\0" in template.text:
        raise InvalidInput(f"a prompt has from 1 to {MOST_CHARS:,} characters, and not only spaces")
    wrong = sorted(name for name in template.variables if not _VARIABLE.fullmatch(name))
    if wrong:
        raise InvalidInput(f"{wrong[0][:80]!r} is no name of a variable: up to 64 of a-z, 0-9 and _, a letter first")
    try:
        unknown = sorted(template.variables.keys() - template.names)
    except InvalidWorkflow as error:
        raise InvalidInput(str(error)) from error
    if unknown:
        raise InvalidInput(f"{template.place} does not use {unknown[0]!r}, for which it has a default: take one of them out")
