"""Keeping the past: moments named."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.service import Service
from engine.time_machine.naming import checked_name
from epics.callers import current_caller
from epics.errors import InvalidInput


async def mark(service: Service, epic: str, words: Sequence[str], output: Output, *, remove: bool) -> int:
    """Give a moment a name, or take it away.

    Args:
        service: who is asked.
        epic: the id of the epic, or the beginning of it.
        words: the moment, if it is not the newest, and the name; the moment alone where a name is taken away.
        output: where the answer goes.
        remove: whether the name is taken away.

    Raises:
        InvalidInput: if there are too few words, or too many.
    """
    view = await service.epic(epic)
    if len(words) > (1 if remove else 2) or not (words or remove):
        how = "EPIC [MOMENT] --remove" if remove else "EPIC [MOMENT] NAME"
        raise InvalidInput(f"{' '.join(words)[:100]!r} is not what a name is given or taken away by: genie time mark {how}")
    name = None if remove else checked_name(words[-1])
    given = words[:1] if remove else words[:-1]
    if given:
        n = await service.moment_number(view.id, given[0])
    elif view.moment is not None:
        n = view.moment
    else:
        raise InvalidInput(f"epic {view.id} has no moment yet: let it finish a step first")
    moment = await service.mark(view.id, n, name, by=current_caller().person)
    said = f"moment {n} of epic {view.id} is {moment.name} now, and is kept from retention" if name else f"moment {n} has no name now"
    output.answer(record=moment, parts=[Text(said)])
    return ExitCode.DONE
