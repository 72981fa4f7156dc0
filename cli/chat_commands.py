"""What begins with a slash in a chat: commands about the conversation itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from shlex import quote
from typing import Final

from cli.chat import SHOWN, Chat
from cli.keyboard import Keyboard
from cli.output import Output, printable
from cli.render_session import memories_table, prompt_parts
from cli.service import Service
from cli.words import usd
from engine.memories_for_faces import Whose
from engine.runs.orders import StartRun
from engine.sessions.views import SessionView
from epics.errors import InvalidInput

Command = Callable[[Chat, str], Awaitable[None]]


async def hold(service: Service, order: StartRun, output: Output, *, session: str | None) -> int:
    """Talk with an agent until the person leaves.

    Args:
        service: here, or a server.
        order: as what a run is started for each thing that is said.
        output: where it is shown.
        session: an id or a name, of a conversation that goes on.
    """
    chat = Chat(service, order, output, at_terminal=output.can_ask)
    if session is not None:
        await chat.go_on(session)
    if chat.at_terminal:
        about = f" about {order.repo}" if order.repo else ""
        output.say(f"You talk with {order.workflow}{about}. /help lists commands, /quit leaves.", style="dim")
    code = await chat.hold(Keyboard(), carry_out)
    if chat.session is not None and not output.as_json:
        output.note(f"go on with: {way_back(chat.session)}", style="dim")
    return code


def way_back(session: SessionView) -> str:
    """The command that goes on with a session; one about a repository is named by its id, which says that too."""
    return f"genie agent chat {session.agent} --session {quote(session.name) if session.name and not session.repo else session.id}"


async def carry_out(chat: Chat, line: str) -> None:
    """Do what a line says that begins with a slash.

    Raises:
        InvalidInput: if there is no such command.
    """
    word, _, rest = line[1:].partition(" ")
    if word not in COMMANDS:
        raise InvalidInput(f"there is no command /{printable(word)[:40]}; /help lists them")
    await COMMANDS[word][0](chat, rest.strip())


async def _help(chat: Chat, rest: str) -> None:
    del rest
    for word, (_, text) in COMMANDS.items():
        chat.output.say(f"/{word:<9} {text}")


async def _history(chat: Chat, rest: str) -> None:
    if rest and not (rest.isascii() and rest.isdigit() and 0 < int(rest[:9]) <= 500):  # noqa: PLR2004  # the largest page
        raise InvalidInput("/history takes how many messages are shown, from 1 to 500")
    await chat.show_history(int(rest) if rest else SHOWN)


async def _new(chat: Chat, rest: str) -> None:
    session = await chat.begin(rest or None)
    chat.output.say(f"session {session.id}{f' ({rest})' if rest else ''}", style="dim")


async def _name(chat: Chat, rest: str) -> None:
    if rest:
        session = chat.session or await chat.begin()
        chat.session = await chat.service.sessions.rename(session.id, rest)
    if chat.session is None:
        chat.output.say("there is no session yet: say something, or give it a name with /name NAME")
    else:
        chat.output.say(f"session {chat.session.id}: {chat.session.name or 'no name'}")


async def _prompt(chat: Chat, rest: str) -> None:
    del rest
    chat.output.show(*prompt_parts(await chat.service.prompts.show(chat.order.workflow)))


async def _memory(chat: Chat, rest: str) -> None:
    session = chat.session or await chat.begin()
    name, equals, value = rest.partition("=")
    if rest and not equals:
        raise InvalidInput("/memory shows the variables of this session; /memory NAME=VALUE sets one")
    if equals:
        await chat.service.memories.set(Whose(session=session.id), name.strip(), value.strip())
    page = await chat.service.memories.page(Whose(session=session.id), limit=500)
    if page.items:
        chat.output.show(memories_table(page.items))
    else:
        chat.output.say("this session has no variables of its own; set one with /memory NAME=VALUE")


async def _cost(chat: Chat, rest: str) -> None:
    del rest
    chat.output.say(f"{usd(chat.cost)} since this chat began")


async def _model(chat: Chat, rest: str) -> None:
    if rest:
        chat.order = replace(chat.order, model=rest)
    chat.output.say(chat.order.model or "the model that the agent or the settings name")


async def _quit(chat: Chat, rest: str) -> None:
    del rest
    chat.left = True


COMMANDS: Final[Mapping[str, tuple[Command, str]]] = {
    "help": (_help, "list these commands"),
    "history": (_history, "show the end of what was said; /history N for N messages"),
    "new": (_new, "begin another conversation; /new NAME to find it again"),
    "name": (_name, "show which conversation this is; /name NAME names it"),
    "prompt": (_prompt, "show what the agent is told first"),
    "memory": (_memory, "show the variables of this conversation; /memory NAME=VALUE sets one"),
    "cost": (_cost, "show what this chat cost so far"),
    "model": (_model, "show which model is asked; /model MODEL asks another one from now on"),
    "quit": (_quit, "leave; the conversation stays"),
}
"""Each command with what it does."""
