"""Conversations, prompts and memory variables as people read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.output import printable
from cli.render import clean, facts, on_one_line, table
from cli.words import ago, local, shortened
from engine.prompts.views import MemoryView, PromptView
from engine.sessions.views import MessageView, SessionView

_VALUE_WIDTH: Final = 60
_RESULT: Final = 300
_LONGEST: Final = 20_000


def sessions_table(sessions: Sequence[SessionView]) -> Table:
    """Conversations, one per row and line."""
    return table(
        ("SESSION", "AGENT", "NAME", "STATUS", "MESSAGES", "AGO", "PERSON", "REPOSITORY"),
        [
            (
                Text(each.id, style="bold"),
                each.agent,
                on_one_line(each.name or "", 30),
                "busy" if each.busy_with else each.status,
                str(each.messages),
                ago(each.updated_at),
                on_one_line(each.person, 30),
                on_one_line(each.repo, _VALUE_WIDTH),
            )
            for each in sessions
        ],
        right=("MESSAGES", "AGO"),
    )


def session_facts(session: SessionView) -> Table:
    """One conversation, a fact per row; what is not known is left out."""
    return facts(
        [
            ("session", Text(session.id, style="bold")),
            ("name", clean(session.name or "", 200)),
            ("agent", session.agent),
            ("status", session.status),
            ("busy with", session.busy_with or ""),
            ("repository", clean(session.repo, 500)),
            ("person", clean(session.person, 200)),
            ("messages", str(session.messages)),
            ("runs", str(session.runs)),
            ("begun", local(session.created_at)),
            ("changed", local(session.updated_at)),
        ]
    )


def message_parts(message: MessageView) -> Iterator[RenderableType]:
    """What a message says, a part at a time; what the agent was told first is left out."""
    for part in message.message.get("parts", ()):
        said = _part(part)
        if said is not None:
            yield said


def prompts_table(prompts: Sequence[PromptView]) -> Table:
    """Versions, one per row and line."""
    return table(
        ("AGENT", "KEY", "VERSION", "ACTIVE", "AUTHOR", "AGO", "TEXT"),
        [
            (
                Text(each.agent, style="bold"),
                each.status_key,
                str(each.version),
                "*" if each.active else "",
                "its code" if each.own else on_one_line(each.author, 30),
                ago(each.created_at),
                on_one_line(each.text, _VALUE_WIDTH),
            )
            for each in prompts
        ],
        right=("VERSION", "AGO"),
    )


def prompt_parts(prompt: PromptView) -> Iterator[RenderableType]:
    """One version: a fact per row, then its text."""
    defaults = ", ".join(f"{name}={shortened(value, 40)}" for name, value in prompt.variables.items())
    yield facts(
        [
            ("prompt", Text(f"{prompt.agent} {prompt.status_key} {prompt.version}", style="bold")),
            ("active", "yes" if prompt.active else "no"),
            ("author", "its code" if prompt.own else clean(prompt.author, 200)),
            ("variables", clean(", ".join(prompt.names), 2_000)),
            ("defaults", clean(defaults, 2_000)),
            ("added", local(prompt.created_at)),
        ]
    )
    yield Text(f"\n{printable(prompt.text)}")


def memories_table(memories: Sequence[MemoryView]) -> Table:
    """Values, one per row and line."""
    return table(
        ("NAME", "VALUE", "SCOPE", "OF", "BY", "AGO"),
        [
            (
                Text(each.name, style="bold"),
                on_one_line(each.value, _VALUE_WIDTH),
                each.scope,
                on_one_line(each.owner, _VALUE_WIDTH),
                on_one_line(each.updated_by, 30),
                ago(each.updated_at),
            )
            for each in memories
        ],
        right=("AGO",),
    )


def _part(part: Mapping[str, Any]) -> Text | None:
    content = part.get("content")
    match part.get("part_kind"):
        case "user-prompt":
            return Text("> ", style="bold cyan").append(printable(_text(content))[:_LONGEST], style="not bold cyan")
        case "text":
            return Text(printable(_text(content))[:_LONGEST])
        case "tool-call":
            return Text(f"  · {part.get('tool_name')} {shortened(printable(_text(part.get('args'))), _RESULT)}", style="dim")
        case "tool-return" | "retry-prompt":
            return Text(f"    {shortened(printable(_text(content)), _RESULT)}", style="dim")
        case _:
            return None


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "" if content is None else json.dumps(content, ensure_ascii=False)
