"""Tools listed and shown."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import facts, heading, table
from cli.words import seconds
from engine.tool_views import ToolView, tool_view, tool_views
from engine.views import Page


async def list_tools(output: Output) -> int:
    """List every tool."""
    views = tool_views()
    rows = [(Text(view.name, style="bold"), view.category, view.permission, view.side_effect, view.idempotency) for view in views]
    shown = table(("TOOL", "CATEGORY", "PERMISSION", "LEAVES", "MADE AGAIN"), rows)
    output.answer(record=Page[ToolView](items=views), parts=[shown])
    return ExitCode.DONE


async def show(name: str, output: Output) -> int:
    """Show one tool with its arguments.

    Raises:
        NotFound: if there is none of that name.
    """
    view = tool_view(name)
    output.answer(record=view, parts=_parts(view))
    return ExitCode.DONE


def _parts(view: ToolView) -> list[RenderableType]:
    about = facts(
        [
            ("category", view.category),
            ("permission", view.permission),
            ("leaves", view.side_effect),
            ("made again", view.idempotency),
            ("at most", seconds(view.seconds) if view.seconds else "as its arguments say"),
        ]
    )
    required = set(view.arguments.get("required", ()))
    rows = [
        (name, _kind(argument, name in required), str(argument["description"])) for name, argument in view.arguments["properties"].items()
    ]
    return [heading(view.name), Text(view.description), about, table(("ARGUMENT", "IS", "WHAT IT SAYS"), rows)]


def _kind(argument: dict[str, Any], is_required: bool) -> str:
    kind = argument.get("type") or "one of several"
    return f"{kind}, needed" if is_required else str(kind)
