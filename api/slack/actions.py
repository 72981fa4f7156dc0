"""Buttons of cards, and the modals that some of them open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from api.slack.decisions import Pressed, choice_of, decide, delivery_of, pressed
from api.slack.desk import CHANNEL, Desk, Wanted
from api.slack.modals import NEEDS_MODAL, PREFIX, Asked, FieldWrong, decision_in, modal
from api.slack.sender import Sender, sender_of
from db.hooks import Delivery
from epics.approvals import Choice, Decision
from epics.callers import Caller
from epics.errors import Superseded, Transient

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck


class Actions:
    """Takes what is done to a card."""

    def __init__(self, desk: Desk) -> None:
        """Bind to who does it."""
        self._desk = desk

    async def press(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take the press of a button."""
        await ack()
        sender, action = sender_of(body), body["actions"][0]
        choice = choice_of(str(action.get("action_id")))
        if choice is None:
            return  # a button with a link: Slack has opened it
        value, block_id = str(action.get("value", "")), str(action.get("block_id", ""))
        wanted = Wanted(deed="decide", kind="approval", subject=value.partition(":")[0][:100])
        key = sender.trigger or f"press {sender.user} {action.get('action_ts')}"
        delivery = delivery_of(sender, key, f"{action.get('action_ts')} {choice} {value}")
        self._desk.take(sender, wanted, partial(self._pressed, sender, choice, value, block_id, delivery))

    async def submit(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Take a modal that was filled in; what is wrong in it is said in it, and it stays open."""
        view = body["view"]
        choice = Choice(str(view["callback_id"]).removeprefix(PREFIX))
        try:
            decision = decision_in(choice, view)
        except FieldWrong as error:
            await ack(response_action="errors", errors={error.field: str(error)})
            return
        await ack()
        asked = _asked_in(view)
        sender = sender_of(body)
        if asked is not None:
            sender = sender.model_copy(update={"channel": asked.channel, "thread": asked.thread})
        wanted = Wanted(deed="decide", kind="approval", subject="" if asked is None else asked.pressed.approval)
        delivery = delivery_of(
            sender, f"view {view.get('id')}", f"view {view.get('id')} {json.dumps(view.get('state'), sort_keys=True)[:300]}"
        )
        self._desk.take(sender, wanted, partial(self._submitted, asked, decision, delivery))

    async def _pressed(  # all that a click says
        self, sender: Sender, choice: Choice, value: str, block_id: str, delivery: Delivery, caller: Caller
    ) -> str | None:
        asked = pressed(choice, value, block_id)
        if choice in NEEDS_MODAL:
            return await self._open(sender, asked)
        return await decide(self._desk, caller, asked, Decision(choice=choice, by=caller.person, channel=CHANNEL), delivery)

    async def _open(self, sender: Sender, asked: Pressed) -> str | None:
        """Open the modal, unless what it would say could not be taken."""
        from slack_sdk.errors import SlackApiError  # noqa: PLC0415  # with Slack's client

        engine = self._desk.engine
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

    async def _submitted(self, asked: Asked | None, decision: Decision, delivery: Delivery, caller: Caller) -> str | None:
        if asked is None or asked.pressed.choice is not decision.choice:
            raise Superseded("the form is not one of this Genie")
        return await decide(self._desk, caller, asked.pressed, decision, delivery)


def _asked_in(view: Mapping[str, Any]) -> Asked | None:
    try:
        return Asked.model_validate_json(str(view.get("private_metadata", "")))
    except ValidationError:
        return None
