"""The port behind which a model splits requests."""

from __future__ import annotations

from typing import Protocol, TypeVar

from pydantic import BaseModel

OutputT = TypeVar("OutputT", bound=BaseModel)


class Router(Protocol):
    """Asks a model once for an answer of a type."""

    async def ask(self, instructions: str, text: str, output: type[OutputT]) -> OutputT:
        """Ask.

        Raises:
            GenieError: if there is no answer of the type.
        """
        ...
