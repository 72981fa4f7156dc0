"""What Slack checks of blocks and views before it takes them: the limits that a message of ours could pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

MOST_BLOCKS = 50
MOST_BLOCKS_OF_A_VIEW = 100
MOST_TEXT = 40_000
MOST_OF_ALL_BLOCKS = 13_200
"""Characters of JSON; written down nowhere, and found out by those who met it."""
MOST_METADATA = 16_000

_BUTTON = {"type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label"}


def faults_of_blocks(blocks: Any, most: int = MOST_BLOCKS) -> list[str]:
    """What is wrong with some blocks, each as Slack would name it; empty if they are taken."""
    if not isinstance(blocks, list):
        return ["blocks: must be an array"]
    faults = [f"no more than {most} items allowed [json-pointer:/blocks]"] if len(blocks) > most else []
    seen: set[str] = set()
    for place, block in enumerate(blocks):
        at = f"/blocks/{place}"
        check = _CHECKS.get(block.get("type") if isinstance(block, dict) else None)
        if check is None:
            faults.append(f"unsupported type [json-pointer:{at}/type]")
            continue
        if (block_id := block.get("block_id", "")) in seen or len(block_id) > 255:
            faults.append(f"invalid block_id [json-pointer:{at}/block_id]")
        seen |= {block_id} if block_id else set()
        faults += [f"{fault} [json-pointer:{at}]" for fault in check(block)]
    return faults


def faults_of_view(view: Any) -> list[str]:
    """What is wrong with a modal."""
    faults = [] if view.get("type") == "modal" else ["unsupported type [json-pointer:/view/type]"]
    for name in ("title", "submit", "close"):
        if name in view:
            faults += [f"{name}: {fault}" for fault in _text(view[name], 24, "plain_text")]
    if len(view.get("private_metadata", "")) > 3_000 or len(view.get("callback_id", "")) > 255:
        faults.append("private_metadata or callback_id is too long")
    has_input = any(block.get("type") == "input" for block in view.get("blocks", []))
    if has_input and "submit" not in view:
        faults.append("submit is missing")
    return faults + faults_of_blocks(view.get("blocks"), MOST_BLOCKS_OF_A_VIEW)


def _text(given: Any, most: int, *kinds: str) -> Iterator[str]:
    if not isinstance(given, dict) or given.get("type") not in (kinds or ("plain_text", "mrkdwn")):
        yield f"must be a text object of {kinds}"
    elif not given.get("text") or not isinstance(given["text"], str):
        yield "must be more than 0 characters"
    elif len(given["text"]) > most:
        yield f"must be less than {most + 1} characters"


def _section(block: dict[str, Any]) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        yield "text or fields are needed"
    if "text" in block:
        yield from _text(block["text"], 3_000)
    if len(fields) > 10 or ("fields" in block and not fields):
        yield "from 1 to 10 fields"
    for each in fields:
        yield from _text(each, 2_000)
    if "accessory" in block:
        yield from _element(block["accessory"])


def _header(block: dict[str, Any]) -> Iterator[str]:
    yield from _text(block.get("text"), 150, "plain_text")


def _context(block: dict[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 10:
        yield "from 1 to 10 elements"
    for each in elements:
        yield from _text(each, 3_000)


def _actions(block: dict[str, Any]) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 25:
        yield "from 1 to 25 elements"
    ids = [each.get("action_id") for each in elements]
    if len(ids) != len(set(ids)):
        yield "action_id is there twice"
    for each in elements:
        yield from _element(each)


def _element(element: dict[str, Any]) -> Iterator[str]:
    kind = element.get("type")
    if len(element.get("action_id", "")) > 255:
        yield "action_id is too long"
    if kind == "button":
        yield from _button(element)
    elif kind == "static_select":
        yield from _select(element)
    elif kind == "plain_text_input":
        if not 1 <= element.get("max_length", 3_000) <= 3_000:
            yield "max_length is at most 3000"
    elif kind not in {"number_input", "checkboxes", "radio_buttons"}:
        yield f"unsupported element {kind}"


def _button(button: dict[str, Any]) -> Iterator[str]:
    yield from _text(button.get("text"), 75, "plain_text")
    if len(button.get("value", "")) > 2_000 or len(button.get("url", "")) > 3_000:
        yield "value or url is too long"
    if button.get("style", "primary") not in {"primary", "danger"}:
        yield "unknown style"
    if extra := set(button) - _BUTTON:
        yield f"unknown keys {sorted(extra)}"
    if "confirm" in button:
        yield from _confirm(button["confirm"])


def _select(select: dict[str, Any]) -> Iterator[str]:
    options = select.get("options", [])
    if not 1 <= len(options) <= 100:
        yield "from 1 to 100 options"
    for option in options:
        yield from _text(option.get("text"), 75)
        if not 1 <= len(option.get("value", "")) <= 150:
            yield "a value has from 1 to 150 characters"


def _confirm(confirm: dict[str, Any]) -> Iterator[str]:
    yield from _text(confirm.get("title"), 100, "plain_text")
    yield from _text(confirm.get("text"), 300)
    yield from _text(confirm.get("confirm"), 30, "plain_text")
    yield from _text(confirm.get("deny"), 30, "plain_text")


def _input(block: dict[str, Any]) -> Iterator[str]:
    yield from _text(block.get("label"), 2_000, "plain_text")
    if "hint" in block:
        yield from _text(block["hint"], 2_000, "plain_text")
    yield from _element(block.get("element", {}))


_CHECKS: dict[str | None, Callable[[dict[str, Any]], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "divider": lambda _block: iter(()),
}
