"""The port behind which a model splits requests."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol, TypeVar

from pydantic import BaseModel

from executors.answered import Answered

OutputT = TypeVar("OutputT", bound=BaseModel)


class Router(Protocol):
    """Asks a model once for an answer of a type."""

    async def ask(self, instructions: str, text: str, output: type[OutputT], *, most_usd: Decimal | None) -> Answered[OutputT]:
        """Ask, unless that could cost more than `most_usd`.

        Raises:
            GenieError: if nothing was asked.
        """
        ...
