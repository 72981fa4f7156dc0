"""The Bolt app: what may come from Slack, and who takes it."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from api.slack.actions import Actions
from api.slack.commands import Commands
from api.slack.desk import Desk, Wanted
from api.slack.inbox import Inbox
from api.slack.mentions import Mentions
from api.slack.modals import PREFIX
from api.slack.sender import sender_of, teams_in

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

COMMAND: Final = "/genie"

_ANY_BUTTON: Final = re.compile(r"genie_[a-z_]+")
_ANY_MODAL: Final = re.compile(rf"{PREFIX}(changes|retry|rollback|raise)")


def slack_app(desk: Desk, inbox: Inbox, bot_user: str) -> AsyncApp:
    """The app of one workspace; what it is given was found to come from Slack already.

    Args:
        desk: who does what was asked for.
        inbox: keeps what is to be done before it is acknowledged.
        bot_user: the app's own user.
    """
    client: AsyncWebClient = desk.client

    async def authorized() -> AuthorizeResult:
        # Known since the start: Slack need not be asked before each answer, and cannot keep one waiting.
        return AuthorizeResult(enterprise_id=None, team_id=desk.team, bot_user_id=bot_user, bot_token=client.token)

    app = AsyncApp(
        name="genie",
        logger=quiet_logger(),
        client=client,
        authorize=authorized,
        # A handler keeps, acknowledges and hands over; without this, Bolt looks only every 10 ms whether it has acknowledged.
        process_before_response=True,
        # The route checks signatures, for every body that there is; Socket Mode has a connection of its own.
        request_verification_enabled=False,
        ssl_check_enabled=False,
    )
    app.use(_only_of(desk))
    commands = Commands(desk, inbox)
    actions, mentions = Actions(desk, inbox), Mentions(desk, inbox, commands, bot_user)
    app.action(_ANY_BUTTON)(actions.press)
    app.view(_ANY_MODAL)(actions.submit)
    app.command(COMMAND)(commands.type)
    app.event("app_mention")(mentions.hear)
    return app


def quiet_logger() -> logging.Logger:
    """What the libraries log, without what people wrote: they print whole messages, addresses for answers too."""
    logger = logging.getLogger("genie.slack")
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    return logger


def _only_of(desk: Desk) -> Callable[..., Awaitable[BoltResponse | None]]:
    async def check(body: dict[str, Any], next: Callable[[], Awaitable[None]]) -> BoltResponse | None:  # noqa: A002  # Bolt's name for it
        sender = sender_of(body)
        if teams_in(body) == {desk.team}:
            await next()
            return None
        desk.begin(desk.refuse_team(sender, Wanted(deed="ask", kind="workspace", subject=sender.team)))
        # Acknowledged: it would only come again.
        return BoltResponse(status=200, body="")

    return check
