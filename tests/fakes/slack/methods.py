"""The methods of Slack's Web API that the fake knows: each takes its arguments as they came, and gives the body of the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.fakes.slack.blocks import MOST_METADATA, MOST_OF_ALL_BLOCKS, MOST_TEXT, faults_of_blocks, faults_of_view
from tests.fakes.slack.workspace import BOT_ID, BOT_USER, Channel, Message, Workspace

Args = dict[str, Any]
Body = dict[str, Any]
Method = Callable[[Workspace, Args], Body]

_TRIGGER_S = 3.0


class Refused(Exception):
    """What a method answers instead: `ok` is false, and `error` says why."""

    def __init__(self, error: str, *messages: str) -> None:
        super().__init__(error)
        self.body: Body = {"ok": False, "error": error}
        if messages:
            self.body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in messages]}


def auth_test(workspace: Workspace, _args: Args) -> Body:
    """Who the token belongs to."""
    who = {"team": "Genie", "team_id": workspace.team, "user": "genie", "user_id": BOT_USER, "bot_id": BOT_ID}
    return {"url": "https://genie.slack.test/", "is_enterprise_install": False, **who}


def post_message(workspace: Workspace, args: Args) -> Body:
    """Post a message."""
    channel = _channel(workspace, args)
    text, blocks = _content(args)
    if not text and not blocks:
        raise Refused("no_text")
    metadata = _json(args, "metadata")
    if metadata is not None:
        _check_metadata(metadata)
    thread_ts = args.get("thread_ts") or None
    message = Message(
        channel=channel.id, ts=workspace.new_ts(), user=BOT_USER, text=text, blocks=blocks, thread_ts=thread_ts, metadata=metadata
    )
    channel.messages[message.ts] = message
    return {"channel": channel.id, "ts": message.ts, "message": message.shown(metadata=True)}


def update(workspace: Workspace, args: Args) -> Body:
    """Edit a message of the app; what is not given stays."""
    channel = _channel(workspace, args)
    message = _own(channel, args.get("ts"), "cant_update_message")
    text, blocks = _content(args)
    metadata = _json(args, "metadata")
    if metadata is not None:
        _check_metadata(metadata)
    message.versions.append((message.text, message.blocks))
    message.text = text if "text" in args else message.text
    message.blocks = blocks if "blocks" in args else message.blocks
    message.metadata = message.metadata if metadata is None else metadata or None
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message.shown(metadata=True)}


def delete(workspace: Workspace, args: Args) -> Body:
    """Delete a message of the app."""
    channel = _channel(workspace, args)
    message = _own(channel, args.get("ts"), "cant_delete_message")
    message.deleted = True
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(workspace: Workspace, args: Args) -> Body:
    """Tell one person something."""
    channel = _channel(workspace, args)
    if args.get("user") not in workspace.users:
        raise Refused("user_not_in_channel")
    text, blocks = _content(args)
    if not text and not blocks:
        raise Refused("no_text")
    told = {"user": args["user"], "text": text, "blocks": blocks, "thread_ts": args.get("thread_ts") or None}
    channel.ephemerals.append(told)
    return {"message_ts": workspace.new_ts()}


def replies(workspace: Workspace, args: Args) -> Body:
    """A thread, a page at a time, its first message first."""
    channel = _channel(workspace, args, writing=False)
    ts = args.get("ts", "")
    found = channel.thread(ts)
    if not found:
        raise Refused("thread_not_found")
    return _page(sorted(found, key=lambda message: message.ts), args)


def history(workspace: Workspace, args: Args) -> Body:
    """The messages of a channel that are no replies, a page at a time, the newest first."""
    channel = _channel(workspace, args, writing=False)
    found = [message for message in channel.live() if message.thread_ts in {None, message.ts}]
    return _page(sorted(found, key=lambda message: message.ts, reverse=True), args)


def channel_info(workspace: Workspace, args: Args) -> Body:
    """One channel."""
    channel = _channel(workspace, args, writing=False)
    shown = {"id": channel.id, "name": channel.name, "is_archived": channel.archived, "is_member": channel.is_member}
    return {"channel": {**shown, "is_channel": True}}


def user_info(workspace: Workspace, args: Args) -> Body:
    """One person."""
    user = workspace.users.get(args.get("user", ""))
    if user is None:
        raise Refused("user_not_found")
    return {"user": user}


def open_view(workspace: Workspace, args: Args) -> Body:
    """Open a modal; a trigger is good for one, and for three seconds."""
    at = workspace.triggers.pop(args.get("trigger_id", ""), None)
    if at is None:
        raise Refused("invalid_trigger_id")
    if time.monotonic() - at > _TRIGGER_S:
        raise Refused("expired_trigger_id")
    view = _json(args, "view") or {}
    if faults := faults_of_view(view):
        raise Refused("invalid_arguments", *faults)
    opened = {"id": f"V{workspace.new_ts()}", "team_id": workspace.team, "state": {"values": {}}, "hash": workspace.new_ts(), **view}
    workspace.views.append(opened)
    return {"view": opened}


METHODS: dict[str, Method] = {
    "auth.test": auth_test,
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "conversations.replies": replies,
    "conversations.history": history,
    "conversations.info": channel_info,
    "users.info": user_info,
    "views.open": open_view,
}


def _channel(workspace: Workspace, args: Args, *, writing: bool = True) -> Channel:
    channel = workspace.channels.get(args.get("channel", ""))
    if channel is None:
        raise Refused("channel_not_found")
    if not channel.is_member:
        raise Refused("not_in_channel")
    if writing and channel.archived:
        raise Refused("is_archived")
    return channel


def _own(channel: Channel, ts: Any, refusal: str) -> Message:
    message = channel.messages.get(str(ts))
    if message is None or message.deleted:
        raise Refused("message_not_found")
    if message.user != BOT_USER:
        raise Refused(refusal)
    return message


def _content(args: Args) -> tuple[str, list[dict[str, Any]]]:
    text, blocks = str(args.get("text") or ""), _json(args, "blocks") or []
    if len(text) > MOST_TEXT:
        raise Refused("msg_too_long")
    if faults := faults_of_blocks(blocks):
        raise Refused("invalid_blocks", *faults)
    if len(json.dumps(blocks, ensure_ascii=False)) > MOST_OF_ALL_BLOCKS:
        raise Refused("msg_blocks_too_long")
    return text, blocks


def _check_metadata(metadata: Any) -> None:
    if metadata and not (isinstance(metadata.get("event_type"), str) and isinstance(metadata.get("event_payload"), dict)):
        raise Refused("invalid_metadata_format")
    if len(json.dumps(metadata)) > MOST_METADATA:
        raise Refused("metadata_too_large")


def _json(args: Args, name: str) -> Any:
    given = args.get(name)
    try:
        return json.loads(given) if isinstance(given, str) and given else given
    except ValueError:
        raise Refused("invalid_json") from None


def _page(found: list[Message], args: Args) -> Body:
    oldest, latest = str(args.get("oldest") or "0"), str(args.get("latest") or "9")
    # The first message of a thread comes with each page in Slack, too; here it comes with the first.
    within = [message for message in found if float(oldest) < float(message.ts) and (latest == "9" or float(message.ts) < float(latest))]
    begin, limit = int(args.get("cursor") or 0), int(args.get("limit") or 100)
    with_metadata = str(args.get("include_all_metadata", "")).lower() in {"1", "true"}
    page = [message.shown(metadata=with_metadata) for message in within[begin : begin + limit]]
    has_more = begin + limit < len(within)
    cursor = str(begin + limit) if has_more else ""
    return {"messages": page, "has_more": has_more, "response_metadata": {"next_cursor": cursor}}
