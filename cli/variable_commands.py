"""Memory variables set, read and forgotten by a person."""

from __future__ import annotations

from cli.output import Output, printable
from cli.render_session import memories_table
from cli.service import Service
from engine.memories_for_faces import Whose


async def set_variable(service: Service, whose: Whose, name: str, value: str, output: Output) -> int:
    """Keep a value."""
    memory = await service.memories.set(whose, name, value)
    output.say(f"{name} is set, of {_of(memory.scope, memory.owner)}")
    if output.as_json:
        output.json(memory)
    return 0


async def get_variable(service: Service, whose: Whose, name: str, output: Output) -> int:
    """Show a value."""
    memory = await service.memories.get(whose, name)
    if output.as_json:
        output.json(memory)
    else:
        output.say(printable(memory.value))
    return 0


async def unset_variable(service: Service, whose: Whose, name: str, output: Output) -> int:
    """Forget a value."""
    memory = await service.memories.unset(whose, name)
    output.say(f"{name} is forgotten, of {_of(memory.scope, memory.owner)}")
    if output.as_json:
        output.json(memory)
    return 0


async def list_variables(service: Service, whose: Whose, output: Output, *, limit: int, cursor: str | None) -> int:
    """List values; those of one owner, if one is named."""
    page = await service.memories.page(None if whose == Whose() else whose, limit=limit, cursor=cursor)
    if output.as_json or page.items:
        output.answer(record=page, parts=[memories_table(page.items)])
    else:
        output.say("there is no such variable; set one with: genie memory set NAME VALUE")
    if page.next and not output.as_json:
        output.say(f"there are more: --cursor {page.next}", style="dim")
    return 0


def _of(scope: str, owner: str) -> str:
    return f"the {scope} {owner}" if owner else f"the {scope}"
