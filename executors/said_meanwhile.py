"""What people say while an in-process agent works, put into the conversation that its model is sent."""

from __future__ import annotations

import dataclasses

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelRequestPart, ModelResponse, UserPromptPart

from executors.port import Journal
from executors.sayings import numbers, told


class SaidMeanwhile:
    """Asks the journal before each call, and holds what the calls of this run were told.

    The agent's own record of the conversation does not have it, so it is put in again at every call, in the place where it was told first.
    A run that goes on from the journal finds the requests of turns that were recorded with it in them.
    """

    def __init__(self, journal: Journal) -> None:
        """Begin with nothing said."""
        self._journal = journal
        self._parts: dict[int, list[ModelRequestPart]] = {}
        self.heard: tuple[int, ...] = ()
        """The numbers of what the present request is the first to tell."""

    async def told_in(self, messages: list[ModelMessage]) -> list[ModelMessage]:
        """Return the conversation with all that was said; what is new comes at its end."""
        answers = sum(isinstance(message, ModelResponse) for message in messages)
        sayings = await self._journal.said()
        self.heard = numbers(sayings)
        # In the place of what a request told that was never answered: nobody has heard that yet, and it is said again.
        self._parts[answers] = [UserPromptPart(content=told(said)) for said in sayings]
        return self._with_parts(messages)

    def _with_parts(self, messages: list[ModelMessage]) -> list[ModelMessage]:
        found, answers = list[ModelMessage](), 0
        for at, message in enumerate(messages):
            if isinstance(message, ModelRequest):
                is_last = at + 1 == len(messages) or isinstance(messages[at + 1], ModelResponse)
                parts = self._parts.get(answers) if is_last else None
                found.append(dataclasses.replace(message, parts=[*message.parts, *parts]) if parts else message)
            else:
                answers += 1
                found.append(message)
        return found
