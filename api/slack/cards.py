"""The card of a gate: what is asked, what it costs, who may decide, and the buttons; after the decision, who decided what and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from api.slack.blocks import MOST_CONFIRM, MOST_SECTION, Block, Payload, Words, context, link, mrkdwn, plain_text, scrubbed, section, when
from api.slack.labels import BUTTONS, DANGER, DECIDED, GATES, UNDECIDED, channel_words, code
from engine.slack.facts import CardFacts
from engine.slack.known_people import KnownPeople
from engine.views import ApprovalView
from epics.approval_terms import ROLE
from epics.approvals import ApprovalStatus, Choice
from epics.money import dollars

_MOST_PARTS: Final = 10
_MOST_WORDS: Final = 7_000
"""Of all parts together: Slack takes some 13,000 characters of blocks, with what stands around the words."""
_MOST_NAMES: Final = 10
_MOST_VOTES: Final = 10


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What cards are written with: words, where this installation is reached, and who is known in Slack."""

    words: Words
    people: KnownPeople = field(default_factory=KnownPeople)
    public_url: str | None = None


def card(approval: ApprovalView, facts: CardFacts, reader: Reader) -> Payload:
    """The card of an approval as it stands now."""
    words = reader.words
    name = _standing(approval)
    title = f"{code(name)} *{GATES[approval.gate]}* · {words.inline(approval.question)}"
    blocks = [section(title)]
    blocks += _parts(facts)
    blocks.append(context(_small_print(approval, facts, reader)))
    blocks += _votes(approval, words)
    blocks += _pending(approval, reader) if approval.status is ApprovalStatus.PENDING else _settled(approval, words)
    text = words.inline(f"[{name}] {GATES[approval.gate]} of {approval.epic}: {approval.question}", 500)
    return Payload(text=text, blocks=tuple(blocks))


def _parts(facts: CardFacts) -> Iterator[Block]:
    """What the gate asks about; where there is much of it, each part has its share."""
    parts, left = facts.parts[:_MOST_PARTS], _MOST_WORDS
    for place, part in enumerate(parts):
        text = f"{part.title}\n{part.text}" if part.title else part.text
        block = scrubbed(text, min(left // (len(parts) - place), MOST_SECTION))
        left -= len(block["text"]["text"])
        yield block


def who_may(approval: ApprovalView, reader: Reader) -> str:
    """Who may decide, as the policy names them."""
    sides = approval.terms.sides
    if not sides:
        who = "approvers"
    else:
        # A person must be on each of the lists.
        listed = [_names((*side.who, *(side.escalate_to if approval.escalated_at else ())), reader) for side in sides if side.who]
        who = ", and of these: ".join(listed) or "approvers"
    own = "" if approval.terms.own or approval.requested_by is None else f", but not {reader.words.inline(approval.requested_by, 60)}"
    count = f"{approval.terms.quorum} of " if approval.terms.quorum > 1 else ""
    return f"{count}{who}{own}"


def _standing(approval: ApprovalView) -> str:
    if approval.status is ApprovalStatus.PENDING:
        return "waiting"
    return DECIDED[approval.decision][0] if approval.decision is not None else str(approval.status)


def _small_print(approval: ApprovalView, facts: CardFacts, reader: Reader) -> str:
    said = [f"`{approval.id}`", f"{facts.cost_usd} so far" if facts.cost_usd else "", facts.tests]
    if reader.public_url is not None:
        said.append(link(f"{reader.public_url.rstrip('/')}/api/v1/approvals/{approval.id}", "open"))
    said.append(f"all of it: `genie approval show {approval.id}`")
    return " · ".join(each for each in said if each)


def _pending(approval: ApprovalView, reader: Reader) -> Iterator[Block]:
    line = f"May decide: {who_may(approval, reader)}"
    if approval.expires_at is not None:
        line += f" · until {when(approval.expires_at)}"
    yield context(line)
    value = f"{approval.id}:{approval.content_hash}"
    buttons = [_button(choice, value, first=place == 0) for place, choice in enumerate(approval.options)]
    yield {"type": "actions", "block_id": f"gate:{approval.id}", "elements": buttons}


def _button(choice: Choice, value: str, *, first: bool) -> Block:
    button: dict[str, Any] = {"type": "button", "action_id": f"genie_{choice}", "text": plain_text(BUTTONS[choice]), "value": value}
    if (told := DANGER.get(choice)) is not None:
        confirm = {"title": plain_text(f"{BUTTONS[choice]}?"), "text": mrkdwn(told[:MOST_CONFIRM])}
        ways = {"confirm": plain_text(BUTTONS[choice]), "deny": plain_text("Go back")}
        return {**button, "style": "danger", "confirm": {**confirm, **ways, "style": "danger"}}
    return {**button, "style": "primary"} if first else button


def _settled(approval: ApprovalView, words: Words) -> Iterator[Block]:
    if approval.decision is None:
        yield section(UNDECIDED.get(approval.status, f"It is {approval.status}."))
        return
    said = DECIDED[approval.decision][1]
    if approval.to is not None:
        said += f" to moment {approval.to}"
    if approval.amount_usd is not None:
        said += f" by {dollars(approval.amount_usd)}"
    parts = [f"*{said}* by {words.inline(approval.decided_by or 'somebody')}", channel_words(approval.channel)]
    at = [when(approval.decided_at)] if approval.decided_at is not None else []
    yield section(", ".join([" ".join(part for part in parts if part), *at]))
    if approval.comment:
        yield words.block(approval.comment)


def _votes(approval: ApprovalView, words: Words) -> Iterator[Block]:
    if approval.terms.quorum <= 1 or not approval.votes:
        return
    lines = [
        f"{words.inline(vote.person, 60)}: {DECIDED[vote.choice][1].lower()} {channel_words(vote.channel)}, {when(vote.at)}"
        for vote in approval.votes[:_MOST_VOTES]
    ]
    yield context(f"{len(approval.votes)} said so far, {approval.terms.quorum} are needed", "\n".join(lines))


def _names(names: tuple[str, ...], reader: Reader) -> str:
    shown = [_name(name, reader) for name in names[:_MOST_NAMES]]
    return ", ".join([*shown, *(["…"] if len(names) > _MOST_NAMES else [])])


def _name(name: str, reader: Reader) -> str:
    """A person is called by a mention: who alone may decide should hear of it."""
    if (user := reader.people.user_of(name)) is not None:
        return f"<@{user}>"
    return reader.words.inline(f"every {name.removeprefix(ROLE)}" if name.startswith(ROLE) else name, 60)
