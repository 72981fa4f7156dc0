"""What came of a call of Slack's Web API, in words that tell the deliverer what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slack_sdk.errors import SlackApiError

_OF_CHANNEL: Final = frozenset(
    {
        *("channel_not_found", "not_in_channel", "is_archived", "restricted_action", "restricted_action_read_only_channel"),
        *("restricted_action_thread_only_channel", "restricted_action_non_threadable_channel", "team_access_not_granted"),
        *("cannot_reply_to_message", "invalid_thread_ts"),
    }
)
_OF_MESSAGE: Final = frozenset(
    {"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed", "cant_delete_message"}
)
_OF_CONTENT: Final = frozenset(
    {
        *("invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "metadata_too_large"),
        *("invalid_metadata_format", "invalid_metadata_schema", "block_mismatch"),
        *("invalid_arguments", "invalid_arg_name", "markdown_text_conflict"),
    }
)
_OF_TOKEN: Final = frozenset(
    {
        *("not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type", "missing_scope"),
        *("org_login_required", "enterprise_is_restricted", "two_factor_setup_required", "accesslimited", "team_added_to_org"),
    }
)
_OF_SLACK: Final = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable", "unknown_error"})
_TOO_MANY: Final = 429


class Later(Exception):
    """It is not our turn yet; nothing was sent."""

    def __init__(self, seconds: float) -> None:
        """Keep when it is."""
        super().__init__(f"in {seconds:.1f} s")
        self.seconds = seconds


class SlackAway(Exception):
    """Slack does not answer, or not as one can go on with. What was asked may have been done unless `surely_not_done`."""

    def __init__(self, why: str, *, surely_not_done: bool) -> None:
        """Keep why."""
        super().__init__(why)
        self.surely_not_done = surely_not_done


class ChannelClosed(Exception):
    """The channel takes nothing from us; the text is Slack's code."""


class MessageClosed(Exception):
    """The message is not there any more, or cannot be changed; the text is Slack's code."""


class ContentRefused(Exception):
    """Slack will not have what the message says; the text is Slack's code."""


def meaning_of(error: SlackApiError) -> Later | SlackAway | ChannelClosed | MessageClosed | ContentRefused:
    """What a refusal of Slack's means."""
    response = error.response
    status, data = int(getattr(response, "status_code", 0)), getattr(response, "data", None)
    said = str(data.get("error") or "unknown_error") if isinstance(data, dict) else ""
    if status == _TOO_MANY or said in {"ratelimited", "rate_limited"}:
        return Later(_seconds(getattr(response, "headers", {})))
    if said in _OF_CHANNEL:
        return ChannelClosed(said)
    if said in _OF_MESSAGE:
        return MessageClosed(said)
    if said in _OF_CONTENT:
        return ContentRefused(said)
    # What Slack says in JSON it did not do, but for its own errors, of which nobody knows.
    if not said or said in _OF_SLACK or said in _OF_TOKEN:
        return SlackAway(said or f"status {status}", surely_not_done=said in _OF_TOKEN)
    # What is said of one call keeps no other thread waiting, whatever it means.
    return ChannelClosed(said)


def _seconds(headers: Mapping[str, str]) -> float:
    given = str(headers.get("Retry-After") or headers.get("retry-after") or "")
    try:
        return min(max(float(given), 0.5), 3_600.0)
    except ValueError:
        return 1.0
