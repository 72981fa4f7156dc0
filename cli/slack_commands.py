"""The app's manifest, what channels are about, and how it stands with Slack."""

from __future__ import annotations

import json
import sys
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import clean, table
from cli.slack_manifest import as_yaml
from cli.slack_manifest import manifest as manifest_of
from cli.words import ago, many
from config.settings import Settings
from engine.engine import Engine
from engine.slack.views import ChannelView, SlackCheck, SlackStatus
from engine.views import Page

_MOST: Final = 500
_MARKS: Final = {"ok": ("✓", "green"), "note": ("–", "yellow"), "failed": ("✗", "red")}


async def manifest(url: str | None, *, name: str, as_json: bool) -> int:
    """Print the manifest."""
    made = manifest_of(url, name=name)
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n" if as_json else as_yaml(made))
    return ExitCode.DONE


async def map_channel(engine: Engine, output: Output, channel: str, repo: str, base: str | None) -> int:
    """Let a channel be about a repository."""
    mapped = await engine.slack.workspace.map(channel, repo, base)
    output.say(f"channel {mapped.channel} is about {mapped.repo}{f', branch {mapped.base}' if mapped.base else ''}", style="green")
    if mapped.is_pattern:
        output.say("that is a pattern: its epics are shown there, and whoever starts one there names the repository")
    if output.as_json:
        output.json(mapped)
    return ExitCode.DONE


async def unmap(engine: Engine, output: Output, channel: str) -> int:
    """Let a channel be about nothing."""
    await engine.slack.workspace.unmap(channel)
    output.say(f"channel {channel} is about nothing any more")
    return ExitCode.DONE


async def channels(engine: Engine, output: Output) -> int:
    """List what channels are about."""
    found = await engine.slack.workspace.all()
    rows = [
        (Text(each.channel, style="bold"), clean(each.repo, _MOST), each.base or "", each.mapped_by, ago(each.mapped_at)) for each in found
    ]
    none = Text("no channel is about anything: genie slack map CHANNEL REPO")
    shown = table(("CHANNEL", "REPOSITORY", "BASE", "BY", "AGO"), rows) if rows else none
    output.answer(record=Page[ChannelView](items=found), parts=[shown])
    return ExitCode.DONE


async def status(engine: Engine, output: Output) -> int:
    """Show how it stands with Slack."""
    found = await engine.slack.workspace.status()
    output.answer(record=found, parts=_status(found))
    return ExitCode.DONE


async def test(engine: Engine, settings: Settings, output: Output) -> int:
    """Ask Slack whether all is set up."""
    from engine.slack.checking import checks

    found = await checks(engine.slack.workspace, await engine.secrets.settings(settings))
    output.answer(record=Page[SlackCheck](items=found), parts=[_check(each) for each in found])
    return ExitCode.FAILED if any(each.state == "failed" for each in found) else ExitCode.DONE


def _status(found: SlackStatus) -> list[RenderableType]:
    if found.team is None:
        return [Text("no workspace yet: docs/slack.md says how to set Slack up, and `genie serve` registers it")]
    since = f", the oldest for {found.oldest_s:.0f} s" if found.oldest_s is not None else ""
    parts: list[RenderableType] = [
        Text(f"workspace {found.team}, default channel {found.default_channel or 'none'}", style="bold"),
        Text(f"{many(found.posted, 'message')} shown, {many(found.waiting, 'thread')} out of date{since}"),
    ]
    if found.failures:
        parts.append(Text(f"Slack has not answered {found.failures} times in a row", style="yellow"))
    if found.given_up:
        parts.append(Text(f"{many(found.given_up, 'message')} given up: deleted in Slack, or refused by it", style="yellow"))
    return parts + [
        Text(f"{each.epic} in {each.channel or 'no channel'}: {clean(each.problem, _MOST)}", style="red") for each in found.troubled
    ]


def _check(check: SlackCheck) -> Text:
    mark, style = _MARKS[check.state]
    way_out = f" → {check.way_out}" if check.way_out else ""
    return Text(f"{mark} {check.name}: {clean(check.seen, _MOST)}{way_out}", style=style)
