"""What a request's messages in Slack say: its parts with who does each, and its answer once it has ended."""

from __future__ import annotations

from typing import Final

from api.slack.blocks import MOST_SECTION, Block, Payload, Words, context, section
from engine.routing.views import AskView, PartView
from epics.asks import AskStatus, PartStatus

_MARKS: Final = {
    PartStatus.NEEDS_CHOICE: ":grey_question:",
    PartStatus.WAITING: ":hourglass:",
    PartStatus.STARTED: ":gear:",
    PartStatus.DONE: ":white_check_mark:",
    PartStatus.FAILED: ":x:",
    PartStatus.SKIPPED: ":fast_forward:",
    PartStatus.CANCELLED: ":no_entry_sign:",
}
_MOST_SECTIONS: Final = 10
_MOST_CANDIDATES: Final = 4


def parts_message(ask: AskView, words: Words) -> Payload:
    """Who does which part, and how far each is."""
    head = f"*Request* `{ask.id}` · {ask.status.replace('_', ' ')}"
    blocks: list[Block] = [section(head), *(section(_part(part, words)) for part in ask.parts)]
    if ask.status is AskStatus.NEEDS_CHOICE:
        blocks.append(context(f"Mention me in this thread with `choose [PART] AGENT`, or type `/genie choose {ask.id} [PART] AGENT`."))
    return Payload(text=f"Request {ask.id} is {ask.status.replace('_', ' ')}", blocks=tuple(blocks))


def answer_message(ask: AskView, words: Words) -> Payload:
    """What came of it."""
    text = words.clean(ask.answer or f"The request is {ask.status}.", MOST_SECTION * _MOST_SECTIONS)
    pieces = [text[at : at + MOST_SECTION] for at in range(0, len(text), MOST_SECTION)]
    cost = context(f"`{ask.id}` · {ask.status} · ${ask.cost_usd:.2f}")
    return Payload(text=f"Request {ask.id} is {ask.status}", blocks=(*(words.block(piece) for piece in pieces), cost))


def _part(part: PartView, words: Words) -> str:
    agent = words.inline(part.agent) if part.agent else "who?"
    work = f" · `{part.work}`" if part.work else ""
    waits = f" · waits for `{part.waiting_on}`" if part.waiting_on else ""
    said = f"{_MARKS[part.status]} {part.n}. *{agent}*{work}{waits} · {words.inline(part.text)}"
    if part.status is PartStatus.NEEDS_CHOICE:
        fits = ", ".join(f"{words.inline(score.agent)} ({score.score:.2f})" for score in part.scores[:_MOST_CANDIDATES])
        return f"{said}\n{words.inline(part.why)}: {fits}"
    return f"{said}\n{words.inline(part.error)}" if part.error else said
