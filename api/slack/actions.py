"""Buttons of cards, and the modals that some of them open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from api.slack.decisions import Pressed, choice_of, decide, delivery_of, pressed
from api.slack.desk import CHANNEL, Desk, Wanted
from api.slack.inbox import Inbox, Kind, Received
from api.slack.modals import NEEDS_MODAL, PREFIX, Asked, FieldWrong, decision_in, modal
from api.slack.sender import Sender, sender_of
from epics.approvals import Choice, Decision
from epics.callers import Caller
from epics.errors import Superseded, Transient
from epics.records import Record

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_bolt.response import BoltResponse


class Click(Record):
    """What the press of a button says."""

    choice: Choice
    value: str
    block_id: str


class Form(Record):
    """What a modal says that was filled in, and what it was about; None if it is not ours."""

    asked: Asked | None
    decision: Decision


class Actions:
    """Takes what is done to a card."""

    def __init__(self, desk: Desk, inbox: Inbox) -> None:
        """Bind to who does it."""
        self._desk = desk
        self._inbox = inbox
        inbox.does(Kind.CLICK, self._pressed)
        inbox.does(Kind.FORM, self._submitted)

    async def press(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """Take the press of a button."""
        sender, action = sender_of(body), body["actions"][0]
        choice = choice_of(str(action.get("action_id")))
        if choice is None:
            await ack()
            return None  # a button with a link: Slack has opened it
        click = Click(choice=choice, value=str(action.get("value", "")), block_id=str(action.get("block_id", "")))
        wanted = Wanted(deed="decide", kind="approval", subject=click.value.partition(":")[0][:100])
        key = sender.trigger or f"press {sender.user} {action.get('action_ts')}"
        delivery = delivery_of(sender, key, f"{action.get('action_ts')} {choice} {click.value}")
        if choice in NEEDS_MODAL:
            # Not kept: what a form can be opened with lives for three seconds.
            await ack()
            self._desk.take(sender, wanted, partial(self._open, sender, click))
            return None
        content = click.model_dump(mode="json")
        return await self._inbox.take(Received(kind=Kind.CLICK, sender=sender, wanted=wanted, delivery=delivery, content=content), ack)

    async def submit(self, ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """Take a modal that was filled in; what is wrong in it is said in it, and it stays open."""
        view = body["view"]
        choice = Choice(str(view["callback_id"]).removeprefix(PREFIX))
        try:
            decision = decision_in(choice, view)
        except FieldWrong as error:
            await ack(response_action="errors", errors={error.field: str(error)})
            return None
        asked = _asked_in(view)
        sender = sender_of(body)
        if asked is not None:
            sender = sender.model_copy(update={"channel": asked.channel, "thread": asked.thread})
        wanted = Wanted(deed="decide", kind="approval", subject="" if asked is None else asked.pressed.approval)
        delivery = delivery_of(
            sender, f"view {view.get('id')}", f"view {view.get('id')} {json.dumps(view.get('state'), sort_keys=True)[:300]}"
        )
        content = Form(asked=asked, decision=decision).model_dump(mode="json")
        return await self._inbox.take(Received(kind=Kind.FORM, sender=sender, wanted=wanted, delivery=delivery, content=content), ack)

    async def _pressed(self, received: Received, caller: Caller) -> str | None:
        click = Click.model_validate(received.content)
        decision = Decision(choice=click.choice, by=caller.person, channel=CHANNEL)
        return await decide(self._desk, caller, _asked_by(click), decision, received.delivery)

    async def _open(self, sender: Sender, click: Click, _caller: Caller) -> str | None:
        """Open the modal, unless what it would say could not be taken."""
        from slack_sdk.errors import SlackApiError  # noqa: PLC0415  # with Slack's client

        asked, engine = _asked_by(click), self._desk.engine
        approval = await engine.slack.asked(asked.approval, asked.choice, asked.content_hash)
        epic = await engine.epic(approval.epic)
        moments = await engine.moments(epic.id) if asked.choice is Choice.ROLLBACK else ()
        view = modal(Asked(pressed=asked, channel=sender.channel, thread=sender.thread), goal=epic.goal, moments=moments)
        try:
            await self._desk.client.views_open(trigger_id=sender.trigger, view=view)
        except SlackApiError as error:
            said = error.response.get("error", "no answer")
            raise Transient(f"Slack did not open the form ({said}): press the button again") from error
        return None

    async def _submitted(self, received: Received, caller: Caller) -> str | None:
        form = Form.model_validate(received.content)
        if form.asked is None or form.asked.pressed.choice is not form.decision.choice:
            raise Superseded("the form is not one of this Genie")
        return await decide(self._desk, caller, form.asked.pressed, form.decision, received.delivery)


def _asked_by(click: Click) -> Pressed:
    return pressed(click.choice, click.value, click.block_id)


def _asked_in(view: Mapping[str, Any]) -> Asked | None:
    try:
        return Asked.model_validate_json(str(view.get("private_metadata", "")))
    except ValidationError:
        return None
