"""Asks Slack whether it is set up as Genie needs it; nothing is posted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from config.settings import Settings
from engine.slack.views import SlackCheck

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from engine.slack.workspace import Workspace

NEEDED: Final = ("app_mentions:read", "channels:history", "channels:read", "chat:write", "commands")
"""Scopes without which something does not work in public channels."""

_TIMEOUT_S: Final = 10


async def checks(workspace: Workspace, found: Settings) -> tuple[SlackCheck, ...]:
    """What each look saw, in the order in which things are set up.

    Args:
        workspace: what Genie knows of it.
        found: the settings, with what is stored.
    """
    if found.slack_bot_token is None:
        way_out = "set GENIE_SLACK_BOT_TOKEN, or store it: genie secret set slack_bot_token (docs/slack.md)"
        return (SlackCheck(name="bot token", state="failed", seen="there is none", way_out=way_out),)
    client = _client(found.slack_bot_token, found.slack_api_url)
    tokens = await _bot(workspace, client)
    if tokens[0].state == "failed":
        return tokens
    return (*tokens, await _hearing(found), *await _channels(workspace, client, found.slack_channel))


async def _bot(workspace: Workspace, client: AsyncWebClient) -> tuple[SlackCheck, ...]:
    said, answer = await _asked(client, "auth.test")
    if answer is None:
        return (SlackCheck(name="bot token", state="failed", seen=said, way_out="take it anew from the app's page, OAuth & Permissions"),)
    team = str(answer.get("team_id"))
    made = [SlackCheck(name="bot token", state="ok", seen=f"user {answer.get('user_id')} of workspace {team}")]
    before = (await workspace.status()).team
    if before is None:
        made.append(SlackCheck(name="workspace", state="note", seen="not registered yet", way_out="start `genie serve`"))
    elif before != team:
        way_out = "restart `genie serve`: it goes over to the new one, and shows nothing in the old one any more"
        made.append(SlackCheck(name="workspace", state="note", seen=f"Genie is in {before}", way_out=way_out))
    missing = [scope for scope in NEEDED if scope not in said.split(",")] if said else []
    if missing:
        way_out = "make the app anew from `genie slack manifest`, or add them and install it again"
        made.append(SlackCheck(name="scopes", state="failed", seen=f"{', '.join(missing)} missing", way_out=way_out))
    return tuple(made)


async def _hearing(settings: Settings) -> SlackCheck:
    if settings.slack_app_token is not None:
        trouble, answer = await _asked(_client(settings.slack_app_token, settings.slack_api_url), "apps.connections.open")
        if answer is None:
            way_out = "make an app-level token with connections:write, and switch Socket Mode on"
            return SlackCheck(name="Socket Mode", state="failed", seen=trouble, way_out=way_out)
        return SlackCheck(name="Socket Mode", state="ok", seen="Slack lets this app connect")
    if settings.slack_signing_secret is None:
        way_out = "set GENIE_SLACK_SIGNING_SECRET for HTTP, or GENIE_SLACK_APP_TOKEN for Socket Mode"
        return SlackCheck(name="signing secret", state="failed", seen="there is none, and no app-level token", way_out=way_out)
    return SlackCheck(name="signing secret", state="ok", seen="it is there; whether it is right shows with the first click")


async def _channels(workspace: Workspace, client: AsyncWebClient, default: str | None) -> tuple[SlackCheck, ...]:
    mapped = [each.channel for each in await workspace.all()]
    named = mapped if default is None or default in mapped else [default, *mapped]
    if not named:
        way_out = "set GENIE_SLACK_CHANNEL, or run `genie slack map CHANNEL REPO`"
        return (SlackCheck(name="channels", state="failed", seen="there is none to show epics in", way_out=way_out),)
    return tuple([await _channel(client, channel) for channel in named])


async def _channel(client: AsyncWebClient, channel: str) -> SlackCheck:
    trouble, answer = await _asked(client, "conversations.info", channel=channel)
    shown = {} if answer is None else dict(answer.get("channel") or {})
    name = f"channel {channel}"
    if answer is None:
        return SlackCheck(name=name, state="failed", seen=trouble, way_out="is it a channel of this workspace, and is the app in it?")
    if shown.get("is_archived"):
        return SlackCheck(name=name, state="failed", seen="it is archived", way_out="take another: genie slack map")
    if shown.get("is_member") is False:
        return SlackCheck(name=name, state="failed", seen="the app is not in it", way_out="type /invite @genie there")
    return SlackCheck(name=name, state="ok", seen=f"#{shown.get('name', '')}")


def _client(token: SecretStr, api_url: str) -> AsyncWebClient:
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415  # only this command needs it

    return AsyncWebClient(token=token.get_secret_value(), base_url=api_url, timeout=_TIMEOUT_S, retry_handlers=[])


async def _asked(client: AsyncWebClient, method: str, **arguments: str) -> tuple[str, dict[str, Any] | None]:
    """What a method answered, with the scopes of the token where Slack tells them; or why it did not."""
    from aiohttp import ClientError  # noqa: PLC0415  # with Slack's client
    from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415

    try:
        answer = await client.api_call(method, params=arguments)
    except SlackApiError as error:
        return f"Slack says {error.response.get('error', 'nothing')}", None
    except (SlackClientError, ClientError, TimeoutError) as error:
        return f"Slack does not answer ({type(error).__name__})", None
    scopes = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
    return str(scopes), dict(answer.data) if isinstance(answer.data, dict) else {}
