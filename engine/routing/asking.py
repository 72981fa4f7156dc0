"""Taking a request: split, matched, and kept with its parts; nothing of it is begun here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

from db.asks import ask_by_key, insert_ask
from db.connection import Connection
from db.failures import foreseen
from engine.assembling import Installation
from engine.routing.candidates import Scene, candidates_for, scene_of
from engine.routing.matching import Candidate, match
from engine.routing.model_splitting import split_by_model
from engine.routing.orders import Ask
from engine.routing.splitting import Part, split
from engine.starting import check_budget, checked_goal, models_in
from epics.asks import KIND, AskStatus, Matched, PartStatus
from epics.callers import current_caller
from epics.errors import IdempotencyKeyReused, InvalidInput, WorkflowNotFound
from epics.ids import new_id
from epics.roles import Deed

WithinAsk = Callable[[Connection, str], Awaitable[None]]
"""What is written in the transaction that keeps a request; it gets the request's id."""

_LONGEST_KEY: Final = 255


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A request that was taken, now or before."""

    id: str
    replayed: bool = False


@dataclass(frozen=True, kw_only=True)
class _Split:
    """The parts of a request, who did the splitting, and whom it proposes for each."""

    parts: tuple[Part, ...]
    by: str
    note: str = ""
    cost_usd: Decimal = Decimal(0)


async def take_ask(installation: Installation, asked: Ask, *, key: str | None = None, within: WithinAsk | None = None) -> Taken:
    """Split a request, find who does each part, and keep that; where the scores do not tell, it waits for a choice.

    Args:
        installation: where it is asked.
        asked: what a person asks for.
        key: what a client calls it: asked again under the same key, it is the same request.
        within: what else is written in the transaction that keeps it.

    Raises:
        InvalidInput: if the text, the limit or the key cannot be used, or it asks for too much at once.
        IdempotencyKeyReused: if the key stands for another request.
        RepositoryUnusable: if the repository or its base branch cannot be read.
        WorkflowNotFound: if the agent that is to do it all is not there.
        Forbidden: if the caller may run nothing there.
    """
    text = checked_goal(asked.text, what="request")
    check_budget(asked.budget_usd)
    stored_key, request_hash = _stored(key), _hash(asked)
    if stored_key is not None and (found := await ask_by_key(installation.database.pool, stored_key)) is not None:
        return _again(key or "", found["id"], found["request_hash"], request_hash)
    current_caller().check(Deed.RUN, asked.repo or "")
    scene = await scene_of(installation, asked.repo, asked.base)
    # Where it really is: the name that was given may be that of a link.
    current_caller().check(Deed.RUN, scene.repo)
    candidates = await candidates_for(installation, scene, asked.executor, models_in(asked.model))
    parted = await _split(installation, asked.agent, text, candidates, asked.budget_usd)
    matches = [_matched(part, asked.agent, scene, candidates) for part in parted.parts]
    values = _values(asked, text, scene, parted, sure=all(matched.choice for matched in matches))
    values |= {"request_key": stored_key, "request_hash": request_hash}
    return await _kept(installation, values, _parts(parted.parts, matches), key, within)


async def _split(
    installation: Installation, agent: str | None, text: str, candidates: Sequence[Candidate], most_usd: Decimal | None
) -> _Split:
    if agent is not None:
        return _Split(parts=(Part(text=text),), by="nobody", note="it is all for one agent, so it was not split")
    if installation.router is not None:
        asked = await split_by_model(installation.router, text, candidates, most_usd)
        if asked.parts is not None:
            return _Split(parts=asked.parts, by="model", cost_usd=asked.cost_usd)
        return _Split(parts=split(text), by="rules", note=f"the model's answer was not used: {asked.why}", cost_usd=asked.cost_usd)
    return _Split(parts=split(text), by="rules")


def _matched(part: Part, agent: str | None, scene: Scene, candidates: Sequence[Candidate]) -> Matched:
    matched = match(part.text, candidates)
    if agent is None:
        return matched
    if agent not in scene.names:
        # As the catalog says it, broken ones too.
        scene.catalog.get(agent)
        raise WorkflowNotFound(f"there is no agent {agent!r}; there are {', '.join(scene.names)}")
    return matched.model_copy(update={"choice": agent, "why": "it was asked for by name"})


def _values(asked: Ask, text: str, scene: Scene, parted: _Split, *, sure: bool) -> dict[str, Any]:
    caller = current_caller()
    return {
        "text": text,
        "repo": scene.repo,
        "base": scene.base,
        "person": caller.person,
        "caller": caller.model_dump(mode="json", exclude={"address"}),
        "split_by": parted.by,
        "note": parted.note,
        "split_usd": parted.cost_usd,
        "status": AskStatus.RUNNING if sure else AskStatus.NEEDS_CHOICE,
        "budget_usd": asked.budget_usd,
        "executor": asked.executor,
        "model": asked.model,
        "labels": dict(asked.labels),
    }


def _parts(parts: Sequence[Part], matches: Sequence[Matched]) -> list[dict[str, Any]]:
    return [
        {
            "n": n,
            "text": part.text,
            "needs": [place + 1 for place in part.needs],
            "agent": matched.choice,
            "matched": matched.model_dump(mode="json"),
            "status": PartStatus.WAITING if matched.choice else PartStatus.NEEDS_CHOICE,
        }
        for n, (part, matched) in enumerate(zip(parts, matches, strict=True), 1)
    ]


async def _kept(
    installation: Installation, values: dict[str, Any], parts: list[dict[str, Any]], key: str | None, within: WithinAsk | None
) -> Taken:
    pool = installation.database.pool
    while True:
        ask_id = new_id(KIND)
        with foreseen():
            async with pool.connection() as connection, connection.transaction():
                if await insert_ask(connection, {**values, "id": ask_id}, parts):
                    if within is not None:
                        await within(connection, ask_id)
                    return Taken(id=ask_id)
        if key is not None and (found := await ask_by_key(pool, values["request_key"])) is not None:
            return _again(key, found["id"], found["request_hash"], values["request_hash"])


def _again(key: str, ask_id: str, before: str, now: str) -> Taken:
    if before != now:
        raise IdempotencyKeyReused(key, ask_id)
    return Taken(id=ask_id, replayed=True)


def _stored(key: str | None) -> str | None:
    if key is None:
        return None
    if not 1 <= len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidInput(f"an idempotency key has 1 to {_LONGEST_KEY} printable ASCII characters, such as a UUID")
    # Others may call their requests the same, and must not be told of this one.
    return f"{key}\n{current_caller().person}"


def _hash(asked: Ask) -> str:
    return hashlib.sha256(json.dumps(asdict(asked), sort_keys=True, default=str).encode()).hexdigest()
