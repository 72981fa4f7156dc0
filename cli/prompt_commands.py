"""Prompts listed, shown, added, activated and compared by a person."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from typing import Any, Final

from rich.text import Text

from cli.output import Output, printable
from cli.render_session import prompt_parts, prompts_table
from cli.service import Service
from engine.prompts.views import PromptView
from epics.records import Record

_STYLES: Final[Mapping[str, str]] = {"+": "green", "-": "red", "@": "cyan"}


class PromptDiff(Record):
    """What differs between two versions."""

    old: PromptView
    new: PromptView
    diff: str


async def list_prompts(service: Service, output: Output, asked: Mapping[str, Any]) -> int:
    """List versions."""
    page = await service.prompts.page(**asked)
    if output.as_json or page.items:
        output.answer(record=page, parts=[prompts_table(page.items)])
    else:
        output.say("there is no such prompt" if asked["agent"] else "no agent has been told anything yet; see: genie prompt list AGENT")
    if page.next and not output.as_json:
        output.say(f"there are more: --cursor {page.next}", style="dim")
    return 0


async def show(service: Service, agent: str, output: Output, *, key: str, version: int | None) -> int:
    """Show one version."""
    prompt = await service.prompts.show(agent, key, version)
    output.answer(record=prompt, parts=prompt_parts(prompt))
    return 0


async def add(service: Service, agent: str, output: Output, *, text: str, key: str, variables: Mapping[str, str], activate: bool) -> int:
    """Add the next version, and let it be the active one where that was asked for."""
    prompt = await service.prompts.add(agent, text, status_key=key, variables=variables)
    if activate:
        prompt = await service.prompts.activate(agent, prompt.version, status_key=key)
    if output.as_json:
        output.json(prompt)
        return 0
    then = "is active" if activate else f"is there; let it be told with: genie prompt activate {agent} {prompt.version}{_key(key)}"
    output.say(f"version {prompt.version} of the prompt {key} of {agent} {then}")
    return 0


async def activate(service: Service, agent: str, version: int, output: Output, *, key: str) -> int:
    """Let a version be the active one."""
    prompt = await service.prompts.activate(agent, version, status_key=key)
    output.say(f"version {version} of the prompt {key} of {agent} is active: runs that begin from now on are told it")
    if output.as_json:
        output.json(prompt)
    return 0


async def diff(service: Service, agent: str, versions: tuple[int, int | None], output: Output, *, key: str) -> int:
    """Show what differs between two versions."""
    old, new = [await service.prompts.show(agent, key, version) for version in versions]
    names = (f"version {old.version}", f"version {new.version}")
    lines = list(unified_diff(_lines(old), _lines(new), *names, lineterm=""))
    if output.as_json:
        output.json(PromptDiff(old=old, new=new, diff="\n".join(lines)))
        return 0
    for line in lines:
        output.show(Text(printable(line), style=_STYLES.get(line[:1], "")))
    if not lines:
        output.say(f"{names[0]} and {names[1]} say the same")
    return 0


def _lines(prompt: PromptView) -> list[str]:
    return [*prompt.text.splitlines(), *(f"[default] {name}={value}" for name, value in sorted(prompt.variables.items()))]


def _key(key: str) -> str:
    return "" if key == "default" else f" --key {key}"
