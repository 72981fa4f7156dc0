"""Text as people wrote it, from Slack's way to send it, and ours in Slack's."""

from __future__ import annotations

import re
from typing import Final

_MARKED: Final = re.compile(r"<([^<>]*)>")
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def written(text: str) -> str:
    """What a person wrote in a message or a command: links, channels and escaped characters as they were typed."""
    found = _MARKED.sub(_typed, text)
    # The ampersand last: what was typed as `&lt;` comes as `&amp;lt;`.
    for entity, char in _ENTITIES:
        found = found.replace(entity, char)
    return found


def without_mention(text: str, user: str) -> str:
    """A message without the first mention of a user, which called it, and the blanks around that."""
    before, _, after = text.partition(f"<@{user}>")
    return f"{before.rstrip()} {after.lstrip()}".strip() if before.strip() else after.strip()


def plain(text: str) -> str:
    """Text that Slack shows as it is, and in which it finds no mention and no link."""
    for entity, char in reversed(_ENTITIES):
        text = text.replace(char, entity)
    return text


def shortened(text: str, most: int) -> str:
    """The first line of a text, cut where it is longer."""
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _typed(match: re.Match[str]) -> str:
    inside = match[1]
    target, bar, label = inside.partition("|")
    if inside.startswith(("@", "!")):
        # A user or a group: only Slack knows a name for the id, and an agent can ask about neither.
        return f"@{label}" if bar and inside.startswith("@") else match[0]
    if inside.startswith("#"):
        return f"#{label}" if label else match[0]
    if not bar:
        return target.removeprefix("mailto:")
    # A link that Slack made itself has what was typed as its label; one that a person laid under words says more.
    return label if target.endswith(label) or target.rstrip("/").endswith(label) else f"{label} ({target})"
