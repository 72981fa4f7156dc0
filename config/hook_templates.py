"""Templates of hook rules: texts made from a payload that is not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from epics.errors import InvalidInput

# Nothing of a payload is ever taken for a template. What is not there is an error, and null is empty text.
_ENVIRONMENT: Final = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, finalize=lambda value: "" if value is None else value
)


def check_template(text: str) -> None:
    """See that a template can be read.

    Raises:
        ValueError: if it cannot.
    """
    try:
        _ENVIRONMENT.parse(text)
    except TemplateError as error:
        message = f"is no template: {error}"
        raise ValueError(message) from error


def rendered(text: str, payload: Mapping[str, Any], *, most: int) -> str:
    """What a template makes of a payload, cut to `most` characters.

    Raises:
        InvalidInput: if the payload lacks what the template names.
    """
    try:
        made = _ENVIRONMENT.from_string(text).render(payload)
    except (TemplateError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RecursionError) as error:
        raise InvalidInput(f"the payload does not fit the rule's template: {str(error)[:200]}") from error
    return "".join(char for char in made if char in "\n\t" or char.isprintable())[:most]
