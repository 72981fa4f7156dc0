"""What is asked for in words, by `/genie` or by a mention, and what the person is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from api.slack.command_line import HELP, Line, Verb, parsed
from api.slack.decisions import delivery_of
from api.slack.desk import Desk, Wanted
from api.slack.inbox import Inbox, Kind, Received
from api.slack.listing import approval_line, epic_line, epic_text, person_text
from api.slack.sender import Sender, sender_of
from api.slack.written import plain, written
from db.hooks import Delivery
from engine.routing.orders import Ask, with_ask_defaults
from engine.slack.places import Place
from engine.starting import StartEpic, with_defaults
from epics.callers import Caller
from epics.errors import InvalidInput, NotFound
from epics.records import Record

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_bolt.response import BoltResponse

_MOST_LISTED = 15


_KEPT: Final = frozenset({Verb.START, Verb.ASK, Verb.CHOOSE, Verb.SAY, Verb.CANCEL, Verb.RESUME})
"""Those that lead to a deed; the others ask, and are asked again."""


class Said(Record):
    """What was said in words, and where the thread of what comes of it is."""

    text: str
    place: Place | None


class Commands:
    """Takes commands."""

    def __init__(self, desk: Desk, inbox: Inbox) -> None:
        """Bind to who does it."""
        self._desk = desk
        self._inbox = inbox
        inbox.does(Kind.COMMAND, self._typed)

    async def type(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """Take a slash command."""
        sender, text = sender_of(body), written(str(body.get("text", "")))
        wanted = Wanted(deed=_deed(text), kind="command", subject="")
        key = sender.trigger or f"command {sender.user} {body.get('response_url')}"
        delivery = delivery_of(sender, key, key)
        # A direct message has no room for a thread that others see.
        place = None if sender.channel.startswith("D") else Place(channel=sender.channel)
        content = Said(text=text, place=place).model_dump(mode="json")
        received = Received(kind=Kind.COMMAND, sender=sender, wanted=wanted, delivery=delivery, content=content)
        if wanted.deed in _KEPT:
            return await self._inbox.take(received, ack)
        await ack()
        self._desk.take(sender, wanted, partial(self._typed, received))
        return None

    async def _typed(self, received: Received, caller: Caller) -> str | None:
        said = Said.model_validate(received.content)
        return await self.do(parsed(said.text), received.sender, said.place, received.delivery, caller)

    async def do(self, line: Line, sender: Sender, place: Place | None, delivery: Delivery, caller: Caller) -> str | None:
        """Do what was asked for; what there is to say to the person."""
        slack = self._desk.engine.slack
        match line.verb:
            case Verb.START:
                return await self._start(line, sender, place, delivery)
            case Verb.ASK:
                return await self._ask(line, sender, place, delivery)
            case Verb.CHOOSE:
                view = await slack.asks.choose(line.ask, {line.part or 0: line.agent or ""}, delivery)
                return f"Request `{view.id}` {'goes on' if view.status == 'running' else 'still waits: see its message'}."
            case Verb.SAY:
                said = await slack.say(line.epic, line.text, delivery)
                return f"The agent is told with its next request, word for word: “{plain(said.text[:200])}”"
            case Verb.CANCEL:
                epic = await slack.cancel(line.epic)
                return f"Epic `{epic.id}` is cancelled."
            case Verb.RESUME:
                epic = await slack.resume(line.epic, delivery)
                return f"Epic `{epic.id}` goes on."
            case _:
                return await self._told(line, caller)

    async def _told(self, line: Line, caller: Caller) -> str:
        """What only asks, answered."""
        match line.verb:
            case Verb.STATUS:
                return epic_text(await self._desk.engine.epic(line.epic)) if line.epic else await self._list()
            case Verb.APPROVALS:
                return await self._approvals()
            case Verb.WHOAMI:
                return person_text(caller)
            case _:
                return HELP

    async def _start(self, line: Line, sender: Sender, place: Place | None, delivery: Delivery) -> str:
        repo, base = (line.repo, line.base) if line.repo is not None else await self._repository(sender, line.base)
        asked = StartEpic(goal=line.text, repo=repo, base=base, budget_usd=line.budget_usd, labels={"slack": sender.channel})
        epic = await self._desk.engine.slack.start(with_defaults(asked, self._desk.settings), place, delivery)
        return f"Started `{epic.id}` on {plain(epic.repo)}: {'its thread is in this channel' if place else 'see `/genie status`'}."

    async def _ask(self, line: Line, sender: Sender, place: Place | None, delivery: Delivery) -> str:
        repo, base = (line.repo, line.base) if line.repo is not None else await self._repository(sender, line.base, Verb.ASK)
        labels = {"slack": sender.channel}
        asked = Ask(text=line.text, repo=repo, base=base, agent=line.agent, budget_usd=line.budget_usd, labels=labels)
        view = await self._desk.engine.slack.asks.ask(with_ask_defaults(asked, self._desk.settings), place, delivery)
        where = "its answer comes in this channel" if place else f"see `genie asks show {view.id}`"
        return f"Asked for as `{view.id}`, in {len(view.parts)} part{'' if len(view.parts) == 1 else 's'}: {where}."

    async def _repository(self, sender: Sender, base: str | None, verb: Verb = Verb.START) -> tuple[str, str | None]:
        """What the channel is about.

        Raises:
            InvalidInput: if that is nothing, or more than one repository: says what to type.
        """
        try:
            mapped = await self._desk.engine.slack.workspace.of(sender.channel)
        except NotFound as error:
            way_out = f"name one, `/genie {verb} --repo REPO …`, or ask an admin to run"
            raise InvalidInput(f"no repository belongs to this channel: {way_out} `genie slack map {sender.channel} REPO`") from error
        if mapped.is_pattern:
            raise InvalidInput(f"which one? This channel is about {mapped.repo}: say it before the goal, `{verb} --repo REPO …`")
        return mapped.repo, base or mapped.base

    async def _list(self) -> str:
        engine = self._desk.engine
        pages = [await engine.epics(status=status, limit=_MOST_LISTED) for status in ("waiting", "running", "queued", "paused")]
        lines = [epic_line(epic) for page in pages for epic in page.items][:_MOST_LISTED]
        return "\n".join(lines) if lines else "Nothing is at work, and nothing waits."

    async def _approvals(self) -> str:
        lines = [approval_line(approval) for approval in await self._desk.engine.slack.awaited(_MOST_LISTED)]
        return "\n".join(lines) if lines else "Nothing waits for your decision."


def _deed(text: str) -> str:
    """The verb of a command, for log and audit; what is none may be anything, and is not kept."""
    word = (text.split() or [Verb.HELP])[0].lower()
    return word if word in set(Verb) else "command"
