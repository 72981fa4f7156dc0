"""Conversations listed, shown, begun, closed and forgotten by a person."""

from __future__ import annotations

from typing import Any

from cli.output import Output
from cli.render_session import message_parts, session_facts, sessions_table
from cli.service import Service
from engine.sessions.views import SessionView


async def list_sessions(service: Service, output: Output, *, limit: int, cursor: str | None, **asked: Any) -> int:
    """List conversations, the newest first."""
    page = await service.sessions.page(**asked, limit=limit, cursor=cursor)
    if output.as_json or page.items:
        output.answer(record=page, parts=[sessions_table(page.items)])
    else:
        none_yet = "there is no conversation yet; begin one with: genie agent chat NAME"
        output.say("there is no such conversation" if any(asked.values()) or cursor else none_yet)
    if page.next and not output.as_json:
        output.say(f"there are more: --cursor {page.next}", style="dim")
    return 0


async def show(service: Service, given: str, output: Output) -> int:
    """Show one conversation."""
    session = await service.sessions.show(given)
    output.answer(record=session, parts=[session_facts(session)])
    return 0


async def messages(service: Service, given: str, output: Output, *, limit: int, cursor: str | None, newest: bool) -> int:
    """Show what was said."""
    page = await service.sessions.messages(given, limit=limit, cursor=cursor, back=newest)
    if output.as_json:
        output.json(page)
    elif not page.items:
        output.say("nothing has been said yet")
    else:
        for message in page.items:
            output.show(*message_parts(message))
    if page.next and not output.as_json:
        output.say(f"there are more: --cursor {page.next}", style="dim")
    return 0


async def create(service: Service, agent: str, output: Output, *, name: str | None, repo: str | None) -> int:
    """Begin a conversation."""
    session = await service.sessions.create(agent, name=name, repo=repo)
    output.say(f"session {session.id} with {session.agent}: go on with `genie agent chat {session.agent} --session {session.id}`")
    return _told(session, output)


async def close(service: Service, given: str, output: Output) -> int:
    """Let nothing more be said in a conversation."""
    session = await service.sessions.close(given)
    output.say(f"session {session.id} is closed")
    return _told(session, output)


async def reopen(service: Service, given: str, output: Output) -> int:
    """Let a conversation go on that was closed."""
    session = await service.sessions.reopen(given)
    output.say(f"session {session.id} is open")
    return _told(session, output)


async def remove(service: Service, given: str, output: Output) -> int:
    """Forget a conversation."""
    session = await service.sessions.remove(given)
    output.say(f"session {session.id} and its {session.messages} messages are forgotten")
    return _told(session, output)


def _told(session: SessionView, output: Output) -> int:
    if output.as_json:
        output.json(session)
    return 0
