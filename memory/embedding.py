"""Vectors from a provider that speaks OpenAI's embeddings API: OpenAI itself, and most servers for models of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx2

from epics.agent_errors import KnowledgeUnavailable
from epics.errors import InvalidSettings

OPENAI: Final = "https://api.openai.com/v1"
TIMEOUT_S: Final = 10.0

_KNOWN: Final[Mapping[str, int]] = {"text-embedding-3-small": 1_536, "text-embedding-3-large": 3_072, "text-embedding-ada-002": 1_536}
_MOST_CHARS: Final = 24_000
"""About the 8192 tokens that such models take; what a text says is nearly always at its beginning."""
_TRIES: Final = 2
_AGAIN: Final = frozenset({408, 409, 429, 500, 502, 503, 504})
_MOST_WAIT_S: Final = 2.0


class OpenAIEmbedder:
    """Implements `memory.port.Embedder`. One failure is tried again; then others are told, and find by words meanwhile."""

    def __init__(
        self,
        model: str,
        *,
        dimensions: int | None = None,
        key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Name a model.

        Args:
            model: as the provider calls it.
            dimensions: how long its vectors are; may be left out for the models of OpenAI.
            key: for the provider, where it asks for one.
            base_url: where it listens, if not at OpenAI's address.
            timeout_s: how long it may take for one answer.

        Raises:
            InvalidSettings: if nobody said how long the vectors are.
        """
        known = _KNOWN.get(model)
        if dimensions is None and known is None:
            message = f"GENIE_EMBEDDING_DIMENSIONS must say how long the vectors of {model} are"
            raise InvalidSettings(message)
        self.name = model
        self.dimensions = dimensions or known or 0
        # Other models refuse to be told how long their vectors are.
        self._asked = {} if known in (None, self.dimensions) else {"dimensions": self.dimensions}
        self._key = key
        self._url = f"{(base_url or OPENAI).rstrip('/')}/embeddings"
        self._timeout_s = timeout_s

    async def embed(self, texts: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
        """One vector for each text, in their order.

        Raises:
            KnowledgeUnavailable: if the provider does not answer in time, refuses, or answers something else.
        """
        if not texts:
            return ()
        answer = await self._answer({"model": self.name, "input": [text[:_MOST_CHARS] or " " for text in texts], **self._asked})
        try:
            ordered = sorted(answer["data"], key=lambda each: each["index"])
            vectors = tuple(tuple(float(number) for number in each["embedding"]) for each in ordered)
        except (KeyError, TypeError, ValueError) as error:
            message = f"{self._url} answered what is no list of vectors"
            raise KnowledgeUnavailable(message) from error
        if len(vectors) != len(texts) or any(len(vector) != self.dimensions for vector in vectors):
            message = f"{self._url} did not answer {len(texts)} vectors of {self.dimensions} numbers each, which were asked for"
            raise KnowledgeUnavailable(message)
        return vectors

    async def _answer(self, body: Mapping[str, Any]) -> Any:  # any JSON
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        problem = ""
        # A client of its own: event loops come and go, and a connection belongs to one.
        async with httpx2.AsyncClient(timeout=self._timeout_s, headers=headers) as client:
            for tried in range(_TRIES):
                if tried:
                    await asyncio.sleep(min(_MOST_WAIT_S, 0.2 * 2**tried))
                try:
                    response = await client.post(self._url, json=body)
                    if response.status_code == httpx2.codes.OK:
                        return response.json()
                    problem = f"answered {response.status_code}"
                    if response.status_code not in _AGAIN:
                        break
                except httpx2.HTTPError as error:
                    problem = f"did not answer: {type(error).__name__}"
                except ValueError:
                    problem = "answered what is no JSON"
        message = f"{self._url} {problem}"
        raise KnowledgeUnavailable(message)
