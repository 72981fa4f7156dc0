"""Messages from outside: each is checked, matched with a rule, and leads to one deed, however often it comes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final, Literal
from weakref import WeakValueDictionary

import structlog

from config.hook_templates import rendered
from config.hooks import DecideRule, HookSource, Match, ResumeRule, Rule, StartRule
from db.connection import Connection
from db.epics import queue_epic
from db.hooks import Delivery, DeliveryTaken, hook_answer, in_one_transaction, insert_hook_delivery
from engine.assembling import Installation
from engine.deciding import decide
from engine.hook_signatures import check_signature
from engine.reading import approval_id_of, approval_view, epic_view
from engine.refusals import refusals_told
from engine.starting import StartEpic, start_epic
from epics.approvals import Decision
from epics.callers import Caller, acting_as, current_caller
from epics.errors import ApprovalNotFound, Conflict, EpicNotFound, InvalidInput, StoreUnavailable
from epics.ids import is_id
from epics.records import Record
from epics.roles import Grant, Role
from epics.state import TERMINAL

CHANNEL: Final = "hook"

_MOST_GOAL: Final = 20_000
_MOST_COMMENT: Final = 4_000
_MOST_VALUE: Final = 500


class HookAnswer(Record):
    """What a message led to."""

    did: Literal["start", "resume", "decide", "nothing"]
    epic: str | None = None
    approval: str | None = None


class Hooks:
    """Takes messages from outside."""

    def __init__(self, installation: Installation) -> None:
        """Begin with no message in hand."""
        self._installation = installation
        self._pool = installation.database.pool
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def receive(self, source: HookSource, headers: Mapping[str, str], body: bytes) -> tuple[HookAnswer, bool]:
        """Do what a message asks for, or give the answer that it was given before; the second value says which.

        Args:
            source: who it says it is from.
            headers: with names in lower case.
            body: as it came.

        Raises:
            HookRefused: if its signature is not right; the message is for the log only.
            InvalidInput: if it is no JSON object, or lacks what its rule needs.
            NotFound: if what it names is not there.
            Conflict: if the epic has ended, or the approval was decided otherwise.
        """
        signed = check_signature(source, headers, body, time.time())
        # The database lets one win; in this process the others also spare themselves the work.
        lock = self._locks.setdefault(f"{source.name} {signed.delivery.id}", asyncio.Lock())
        async with lock:
            if (known := await hook_answer(self._pool, signed.delivery)) is not None:
                return HookAnswer.model_validate(known), True
            payload = _payload(body)
            event = signed.event if signed.event is not None else payload.get("type")
            rule = next((rule for rule in source.settings.rule if holds(rule, event, payload)), None)
            if rule is None:
                return HookAnswer(did="nothing"), False
            try:
                with acting_as(_caller(signed.delivery)):
                    async with refusals_told(self._pool, rule.do, kind="hook", subject=source.name):
                        answer = await self._do(rule, payload, signed.delivery)
            except DeliveryTaken:
                return await self._answer_of_the_winner(signed.delivery), True
        structlog.get_logger().info("a hook was taken", source=source.name, delivery=signed.delivery.id, **answer.model_dump())
        return answer, False

    async def _do(self, rule: Rule, payload: Mapping[str, Any], delivery: Delivery) -> HookAnswer:
        match rule:
            case StartRule():
                return await self._start(rule, payload, delivery)
            case ResumeRule():
                return await self._resume(rule, payload, delivery)
            case DecideRule():
                return await self._decide(rule, payload, delivery)

    async def _start(self, rule: StartRule, payload: Mapping[str, Any], delivery: Delivery) -> HookAnswer:
        repo = rendered(rule.repo, payload, most=_MOST_VALUE)
        if not rule.allows(repo):
            raise InvalidInput(f"the payload names the repository {repo[:200]!r}, which fits none of the rule's `repos`")
        labels = {name: rendered(text, payload, most=_MOST_VALUE) for name, text in rule.labels.items()}
        asked = StartEpic(
            goal=rendered(rule.goal, payload, most=_MOST_GOAL),
            repo=repo,
            base=rule.base,
            budget_usd=rule.budget_usd,
            executor=rule.executor,
            model=rule.model,
            autonomy=rule.autonomy,
            labels={**labels, "hook": delivery.source, "delivery": delivery.id},
        )

        async def keep(connection: Connection, epic_id: str) -> None:
            await insert_hook_delivery(connection, delivery, HookAnswer(did="start", epic=epic_id).model_dump())

        return HookAnswer(did="start", epic=await start_epic(self._installation, asked, within=keep))

    async def _resume(self, rule: ResumeRule, payload: Mapping[str, Any], delivery: Delivery) -> HookAnswer:
        epic_id = rendered(rule.epic, payload, most=_MOST_VALUE).strip()
        if not is_id(epic_id, "e"):
            raise EpicNotFound(f"the payload names {epic_id[:100]!r}, which is no epic's id")
        answer = HookAnswer(did="resume", epic=epic_id)
        async with in_one_transaction(self._installation.database) as (connection, inside):
            await insert_hook_delivery(connection, delivery, answer.model_dump())
            view = await epic_view(inside.pool, epic_id)
            if view.status in TERMINAL:
                raise Conflict(f"epic {epic_id} has ended: it is {view.status}")
            await queue_epic(inside.pool, epic_id, auto_approve=None, by=current_caller().person)
        return answer

    async def _decide(self, rule: DecideRule, payload: Mapping[str, Any], delivery: Delivery) -> HookAnswer:
        named = rendered(rule.approval, payload, most=_MOST_VALUE).strip()
        if not is_id(named, "e") and not (named.startswith("a-") and named[2:].isalnum()):
            raise ApprovalNotFound(f"the payload names {named[:100]!r}, which is no id of an approval or an epic")
        comment = rendered(rule.comment, payload, most=_MOST_COMMENT) if rule.comment is not None else ""
        decision = Decision(choice=rule.decision, comment=comment, by=current_caller().person, channel=CHANNEL)
        async with in_one_transaction(self._installation.database) as (connection, inside):
            approval = await approval_view(inside.pool, await approval_id_of(inside.pool, named))
            answer = HookAnswer(did="decide", epic=approval.epic, approval=approval.id)
            await insert_hook_delivery(connection, delivery, answer.model_dump())
            await decide(inside, approval.id, decision)
        return answer

    async def _answer_of_the_winner(self, delivery: Delivery) -> HookAnswer:
        known = await hook_answer(self._pool, delivery)
        if known is None:
            raise StoreUnavailable("the same delivery was forgotten at this very moment; send it again")
        return HookAnswer.model_validate(known)


def holds(rule: Match, event: object, payload: Mapping[str, Any]) -> bool:
    """Whether a rule is for a message of this type with this payload."""
    if rule.event is not None and rule.event != event:
        return False
    return all(_is_one_of(_at(payload, path), wanted) for path, wanted in rule.when.items())


def _is_one_of(value: object, wanted: object) -> bool:
    # By type too: True is 1 to Python, and not to whoever wrote the rule.
    choices = wanted if isinstance(wanted, tuple) else (wanted,)
    return any(type(value) is type(each) and value == each for each in choices)


def _at(payload: Any, path: str) -> Any:
    """What stands at a path of names and places, or None."""
    found = payload
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isascii() and part.isdecimal() and len(part) <= len("100000") and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the body is no JSON: let the source send application/json") from error
    if not isinstance(payload, dict):
        raise InvalidInput("the body is no JSON object")
    return payload


def _caller(delivery: Delivery) -> Caller:
    """Who a message counts as: its source, which may do what its rules say wherever they say it, and is on no list unless it is named."""
    return Caller(person=f"hook:{delivery.source}", channel=CHANNEL, via=delivery.id, grants=(Grant(role=Role.APPROVER),))
