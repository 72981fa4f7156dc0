"""Blocks of messages: text from others as text and nothing else, within Slack's limits, without secrets."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.slack.written import plain
from safety.scrubbing import Scrubber

Block = dict[str, Any]

MOST_BLOCKS: Final = 50
MOST_SECTION: Final = 3_000
MOST_FALLBACK: Final = 3_000
MOST_CONFIRM: Final = 300
MOST_LINE: Final = 200

# What turns the direction of a line or has no width: with it a text can look like another one.
_HIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_FORMAT: Final = re.compile(r"[*_~`]")


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What one message says."""

    text: str
    """For notifications, and wherever blocks are not shown."""
    blocks: tuple[Block, ...]

    @property
    def hash(self) -> str:
        """The same for the same words."""
        return hashlib.sha256(json.dumps([self.text, self.blocks], sort_keys=True).encode()).hexdigest()

    @property
    def minimal(self) -> Payload:
        """The same question in so few words that no limit is near."""
        actions = tuple(block for block in self.blocks if block["type"] == "actions")
        return Payload(text=self.text, blocks=(section(self.text), *actions))


class Words:
    """Makes what others wrote fit to be shown: without secrets, without what Slack would take for more than text."""

    def __init__(self, scrubber: Scrubber) -> None:
        """Keep what takes secrets out."""
        self._scrubber = scrubber

    def clean(self, text: str, most: int) -> str:
        """For a plain text object."""
        return _shown(self._scrubber.text(text), most)

    def inline(self, text: str, most: int = MOST_LINE) -> str:
        """For a place within our own words: one line without formatting, mentions and links."""
        return plain(_FORMAT.sub("", self.clean(" ".join(text.split()), most)))

    def block(self, text: str, most: int = MOST_SECTION) -> Block:
        """A block that shows a text as it is."""
        return {"type": "section", "text": plain_text(self.clean(text, most) or "–")}


def scrubbed(text: str, most: int = MOST_SECTION) -> Block:
    """As `Words.block`, of a text from which secrets were taken out when it was stored: to look for them takes long."""
    return {"type": "section", "text": plain_text(_shown(text, most) or "–")}


def plain_text(text: str) -> Block:
    """A text object in which nothing is formatted."""
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> Block:
    """A text object of our own words; what others wrote stands in it only as `Words.inline` gives it."""
    # Without it Slack makes mentions of words such as @channel by itself.
    return {"type": "mrkdwn", "text": text[:MOST_SECTION], "verbatim": True}


def section(text: str) -> Block:
    """A block of our own words."""
    return {"type": "section", "text": mrkdwn(text)}


def context(*lines: str) -> Block:
    """Small print of our own words."""
    return {"type": "context", "elements": [mrkdwn(line) for line in lines if line]}


def when(moment: datetime) -> str:
    """A time on the clock of whoever reads it."""
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{moment:%Y-%m-%d %H:%M} UTC>"


def link(url: str, label: str) -> str:
    """A link of our own."""
    return f"<{plain(url).replace('|', '%7C')}|{label}>"


def _shown(text: str, most: int) -> str:
    found = _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return found if len(found) <= most else found[: most - 1].rstrip() + "…"
