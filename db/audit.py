"""The rows of the audit: who did what, each written in the transaction of the deed, and chained to the one before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from db.connection import Connection, Pool
from db.failures import foreseen
from db.queries import QUERIES
from db.storable import json_text, jsonb
from epics.callers import current_caller

_NOTHING: Final[Mapping[str, Any]] = {}
_LONGEST: Final = 300
"""Of what a refused request named, once no login is in it any more."""


async def audited(  # noqa: PLR0913  # the fields of a row, of which most deeds give three
    connection: Connection,
    deed: str,
    *,
    kind: str,
    subject: str,
    epic: str | None = None,
    repo: str = "",
    content_hash: str = "",
    answer: str = "done",
    data: Mapping[str, Any] = _NOTHING,
) -> None:
    """Add a row for a deed of the current caller, last in the transaction of the deed.

    It locks the end of the chain until the transaction ends: whoever takes another lock after it can stand in a circle of waiting.

    Args:
        connection: in the transaction of the deed.
        deed: what is done, as a verb: start, decide, rotate.
        kind: what it is done to: epic, approval, key.
        subject: which one: its id or name.
        epic: the epic that it belongs to.
        repo: the repository that it belongs to; that of the epic where it is not given.
        content_hash: what was approved.
        answer: what came of it; for a decision, the choice.
        data: what else is worth knowing, as JSON; never a secret, and no text that a person wrote.
    """
    row = audit_row(deed, kind=kind, subject=subject, epic=epic, repo=repo, content_hash=content_hash, answer=answer, data=data)
    await connection.execute(QUERIES["append_audit"], {"row": jsonb(row)})


async def audited_alone(
    pool: Pool, deed: str, *, kind: str, subject: str, repo: str = "", answer: str = "done", data: Mapping[str, Any] = _NOTHING
) -> None:
    """Add a row in a transaction of its own, before a deed that is many transactions or none: without the row it is not begun."""
    await _alone(pool, audit_row(deed, kind=kind, subject=subject, repo=repo, answer=answer, data=data))


async def audit_refusal(
    pool: Pool, deed: str, *, kind: str, subject: str, repo: str = "", answer: str, data: Mapping[str, Any] = _NOTHING
) -> None:
    """Add a row for what the current caller asked for and was refused; `answer` is the code of the error, such as forbidden.

    It has a transaction of its own: never call it inside of another one, which would wait for it or hold up everyone.
    """
    # Nobody has looked yet at what was named: the URL of a repository can have a login in it.
    named = {"subject": _without_login(subject)[:_LONGEST], "repo": _without_login(repo)[:_LONGEST]}
    await _alone(pool, audit_row(deed, kind=kind, **named, answer=answer, refused=True, data=data))


def audit_row(  # noqa: PLR0913  # as in `audited`
    deed: str,
    *,
    kind: str,
    subject: str,
    epic: str | None = None,
    repo: str = "",
    content_hash: str = "",
    answer: str = "done",
    refused: bool = False,
    data: Mapping[str, Any] = _NOTHING,
) -> dict[str, Any]:
    """What `append_audit()` takes for a deed of the current caller, where it is called by another statement; the fields as in `audited`."""
    caller = current_caller()
    texts = {
        "person": caller.person,
        "channel": caller.channel,
        "via": caller.via,
        "address": caller.address,
        "deed": deed,
        "kind": kind,
        "subject": subject,
        "epic": epic or "",
        "repo": repo,
        "content_hash": content_hash,
        "answer": answer,
    }
    return {**{name: _storable(text) for name, text in texts.items()}, "refused": refused, "data": json_text(dict(data))}


async def _alone(pool: Pool, row: Mapping[str, Any]) -> None:
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["append_audit"], {"row": jsonb(row)})


def _without_login(text: str) -> str:
    if "://" in text:
        return re.sub(r"(?<=://)[^/\s]*@", "", re.sub(r"[?#].*", "", text, flags=re.DOTALL))
    # As ssh has it: a name alone is no secret.
    return re.sub(r"^([^:/@\s]*):[^/@\s]+@", r"\1@", text)


def _storable(text: str) -> str:
    """The text without half a surrogate pair, which stands for a byte of the system that is no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
