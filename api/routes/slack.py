"""Where Slack sends what people do: signed by it, and a few minutes old at most."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from api.deps import ServingDep
from api.problems import problem
from api.strictness import PatientRoute

if TYPE_CHECKING:
    from slack_sdk.signature import SignatureVerifier

router = APIRouter(prefix="/slack", tags=["slack"], route_class=PatientRoute)

_MOST_DIGITS: Final = 15
_OLDEST_S: Final = 300


@router.post("/events", include_in_schema=False)
async def receive(request: Request, serving: ServingDep) -> Response:
    """Take what Slack sends: events, commands, clicks and modals alike."""
    from slack_bolt.async_app import AsyncBoltRequest  # noqa: PLC0415  # imported when this server began to listen to Slack

    slack = serving.slack
    if slack is None or slack.verifier is None:
        raise HTTPException(404, "this server does not take messages from Slack here: see docs/slack.md")
    body = await request.body()
    if not is_signed(slack.verifier, request, body):
        address = request.client.host if request.client is not None else ""
        structlog.get_logger().warning("a message that is not from Slack was refused", address=address)
        return problem(401, "hook_refused", "the message is not signed by Slack, or too old")
    if slack.app is None:
        return problem(503, "unavailable", "this server has not heard from Slack yet which workspace it belongs to; try again")
    try:
        received = AsyncBoltRequest(body=body.decode(), headers=dict(request.headers.items()))
    except ValueError as error:
        raise HTTPException(400, "the body is neither a form nor JSON") from error
    answer = await slack.app.async_dispatch(received)
    return Response(content=answer.body, status_code=answer.status, headers=dict(answer.first_headers_without_set_cookie()))


def is_signed(verifier: SignatureVerifier, request: Request, body: bytes) -> bool:
    """Whether Slack sent it, a few minutes ago at most."""
    stamp, signature = request.headers.get("x-slack-request-timestamp", ""), request.headers.get("x-slack-signature", "")
    # The library takes for granted that the time is a number, and the body UTF-8.
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _MOST_DIGITS) or not signature.isascii():
        return False
    try:
        return bool(verifier.is_valid(body, stamp, signature)) and abs(time.time() - int(stamp)) <= _OLDEST_S
    except UnicodeDecodeError:
        return False
