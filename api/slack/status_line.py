"""The first message of a thread, which is edited as its epic goes on, and the few that are posted below it beside the cards."""

from __future__ import annotations

from api.slack.blocks import Payload, context, link, section, when
from api.slack.cards import Reader
from api.slack.labels import GATES, code
from engine.slack.facts import ThreadFacts
from engine.slack.known_people import KnownPeople
from engine.views import ApprovalView, EpicView, EventView
from epics.approvals import ApprovalStatus
from epics.money import dollars
from epics.steps import GATES as GATE_STEPS

_MOST_GOAL = 700
_MOST_PROBLEM = 700
_MOST_TOLD = 2_000
_MOST_MENTIONS = 20
_SHA = 10


def root(facts: ThreadFacts, reader: Reader) -> Payload:
    """Where an epic stands: one line that says it, its goal, and the small print."""
    epic, words = facts.epic, reader.words
    where = words.inline(_where(facts))
    line = f"{code(epic.status)} {where}"
    blocks = [section(line), words.block(epic.goal, _MOST_GOAL)]
    if epic.status in {"paused", "queued"} and epic.problem:
        blocks.append(words.block(epic.problem, _MOST_PROBLEM))
    blocks.append(context(_small_print(epic, reader)))
    text = words.inline(f"[{epic.status}] {_where(facts)}: {epic.goal}", 500)
    return Payload(text=text, blocks=tuple(blocks))


def ended(facts: ThreadFacts, event: EventView, reader: Reader) -> Payload:
    """That an epic ended: a message of its own, since nobody is told of an edit."""
    status = str(event.data.get("status", "ended"))
    words = reader.words
    # Of a merge all is said already.
    why = "" if status == "merged" else words.clean(str(event.data.get("why") or ""), _MOST_PROBLEM)
    base, commit = words.inline(facts.epic.base), str(event.data.get("commit") or "")[:_SHA]
    said = f"Merged to {base} as `{words.inline(commit)}`." if status == "merged" and commit else f"The epic is {words.inline(status)}."
    blocks = [section(f"{code(status)} {said}"), *([words.block(why)] if why else [])]
    return Payload(text=words.inline(f"[{status}] {facts.epic.id}: {facts.epic.goal}", 500), blocks=tuple(blocks))


def parked(facts: ThreadFacts, event: EventView, reader: Reader) -> Payload:
    """That an epic was parked, and why: somebody has to do something."""
    problem = str(event.data.get("problem") or "")
    blocks = (
        section(f"{code('paused')} It was parked, and goes on with `genie epic resume {facts.epic.id}`."),
        reader.words.block(problem, _MOST_PROBLEM),
    )
    return Payload(text=reader.words.inline(f"[paused] {facts.epic.id}: {problem}", 500), blocks=blocks)


def told(facts: ThreadFacts, event: EventView, reader: Reader) -> Payload:
    """What an agent tells the people who watch; it is an agent's text, so nothing in it calls anybody."""
    text = str(event.data.get("text") or "")
    blocks = (section(f"Attempt {event.data.get('attempt')} says:"), reader.words.block(text, _MOST_TOLD))
    return Payload(text=reader.words.inline(f"{facts.epic.id}: {text}", 500), blocks=blocks)


def reminder(approval: ApprovalView, people: KnownPeople, reader: Reader, *, to: tuple[str, ...], escalated: bool) -> Payload:
    """That a gate still waits, told to those who may decide."""
    users = people.users(to, approval.repo)
    calls = " ".join(f"<@{user}>" for user in users[:_MOST_MENTIONS]) or "Nobody who may decide is known in Slack."
    name = "escalated" if escalated else "reminder"
    said = f"The {GATES[approval.gate].lower()} of this epic waits for a decision since {when(approval.requested_at)}"
    until = f", and expires {when(approval.expires_at)}" if approval.expires_at is not None else ""
    also = " You may decide it too now." if escalated else ""
    return Payload(
        text=reader.words.inline(f"[{name}] {approval.epic} waits for a decision: {approval.question}", 500),
        blocks=(section(f"{code(name)} {said}{until}.{also} {calls}"),),
    )


def _where(facts: ThreadFacts) -> str:
    """What an epic does, or what it waits for."""
    epic = facts.epic
    pending = next((each for each in facts.approvals if each.status is ApprovalStatus.PENDING), None)
    if pending is not None and epic.status in {"waiting", "paused"}:
        return f"for a decision: {GATES[pending.gate].lower()}"
    if epic.status in {"running", "queued"}:
        attempt = f", attempt {epic.attempt}" if epic.attempt is not None and epic.step not in GATE_STEPS else ""
        return f"at {str(epic.step).replace('_', ' ')}{attempt}"
    if epic.status == "paused":
        return f"at {str(epic.step).replace('_', ' ')}"
    return f"to {epic.base}" if epic.status == "merged" else ""


def _small_print(epic: EpicView, reader: Reader) -> str:
    words = reader.words
    cost = dollars(epic.cost_usd) + (f" of {dollars(epic.budget_usd)}" if epic.budget_usd is not None else "")
    said = [f"`{epic.id}`", f"{words.inline(epic.repo)} ({words.inline(epic.base)})", cost]
    if epic.requested_by:
        said.append(f"asked for by {words.inline(epic.requested_by, 60)}")
    if epic.forked_from:
        said.append(f"fork of `{epic.forked_from}`")
    if reader.public_url is not None:
        said.append(link(f"{reader.public_url.rstrip('/')}/api/v1/epics/{epic.id}", "open"))
    return " · ".join(said)
