"""Modals: what a decision needs beside a click, asked for and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.slack.command_line import amount_in
from api.slack.decisions import Pressed
from api.slack.written import plain, shortened
from engine.views import MomentView
from epics.approvals import Choice, Decision
from epics.errors import InvalidInput
from epics.records import Record

PREFIX: Final = "genie_said_"
"""How the id of every modal of ours begins; its choice follows."""

TEXT: Final = "text"
AMOUNT: Final = "amount"
MOMENT: Final = "moment"

MOST_TEXT: Final = 3_000
"""Characters that Slack lets a field have."""
_MOST_OPTIONS: Final = 100
_MOST_OPTION: Final = 75


class Asked(Record):
    """What a modal is about; kept in it, since Slack gives it back."""

    pressed: Pressed
    channel: str
    thread: str


def modal(asked: Asked, *, goal: str, moments: Sequence[MomentView] = ()) -> dict[str, Any]:
    """The modal that a choice needs.

    Args:
        asked: what it is about.
        goal: of the epic, so that the person sees which one it is.
        moments: those that a rollback may go to, in rising order.
    """
    choice = asked.pressed.choice
    title, submit, fields = _FIELDS[choice]
    blocks = [field if field is not _MOMENT else _moment_field(moments) for field in fields]
    return {
        "type": "modal",
        "callback_id": f"{PREFIX}{choice}",
        "private_metadata": asked.model_dump_json(),
        "title": _plain_text(title),
        "submit": _plain_text(submit),
        "close": _plain_text("Back"),
        "blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": plain(shortened(goal, 300))}]}, *blocks],
    }


def decision_in(choice: Choice, view: Mapping[str, Any]) -> Decision:
    """What somebody submitted; who it was is filled in later.

    Raises:
        FieldWrong: if a field cannot be used, naming it.
    """
    values = view.get("state", {}).get("values", {})
    text = _value(values, TEXT) or ""
    if choice is Choice.CHANGES and not text.strip():
        raise FieldWrong(TEXT, "Say what to change: the next agent reads it word for word.")
    if "\0" in text:
        raise FieldWrong(TEXT, "There is a NUL character in it, which no text has: remove it.")
    return Decision(choice=choice, comment=text, by="?", channel="slack", to=_moment(choice, values), amount_usd=_amount(choice, values))


class FieldWrong(InvalidInput):
    """A field of a modal cannot be used; said beside it while the modal stays open."""

    def __init__(self, field: str, message: str) -> None:
        """Name the field."""
        super().__init__(message)
        self.field = field


def _amount(choice: Choice, values: Mapping[str, Any]) -> Any:
    if choice is not Choice.RAISE:
        return None
    try:
        return amount_in(_value(values, AMOUNT) or "")
    except InvalidInput as error:
        raise FieldWrong(AMOUNT, str(error)) from error


def _moment(choice: Choice, values: Mapping[str, Any]) -> int | None:
    if choice is not Choice.ROLLBACK:
        return None
    given = _value(values, MOMENT) or ""
    if not given.isdecimal():
        raise FieldWrong(MOMENT, "Choose the moment to go back to.")
    return int(given)


def _value(values: Mapping[str, Any], field: str) -> str | None:
    found = values.get(field, {}).get(field, {})
    option = found.get("selected_option")
    return str(option["value"]) if option else found.get("value")


def _plain_text(text: str) -> dict[str, Any]:
    # Without emoji, so that codes in it stay as they are.
    return {"type": "plain_text", "text": text, "emoji": False}


def _text_field(label: str, hint: str, *, optional: bool) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": TEXT, "multiline": True, "max_length": MOST_TEXT}
    return {
        "type": "input",
        "block_id": TEXT,
        "optional": optional,
        "label": _plain_text(label),
        "element": element,
        "hint": _plain_text(hint),
    }


def _moment_field(moments: Sequence[MomentView]) -> dict[str, Any]:
    # The newest first, which are the likeliest, and as many as Slack takes.
    newest = list(reversed(moments))[:_MOST_OPTIONS]
    options = [{"text": _plain_text(_moment_text(moment)), "value": str(moment.n)} for moment in newest]
    element = {"type": "static_select", "action_id": MOMENT, "options": options, "placeholder": _plain_text("Choose a moment")}
    hint = _plain_text("State and files become those of that moment. What was done since stays in the history.")
    return {"type": "input", "block_id": MOMENT, "label": _plain_text("Go back to"), "element": element, "hint": hint}


def _moment_text(moment: MomentView) -> str:
    parts = [
        str(moment.n),
        str(moment.step),
        moment.outcome,
        moment.name or "",
        f"${moment.cost_usd:.2f}",
        f"{moment.created_at:%d %b %H:%M} UTC",
    ]
    return shortened(" · ".join(part for part in parts if part), _MOST_OPTION)


_LIMIT: Final = f"At most {MOST_TEXT:,} characters fit here; for more, `genie approval` or the HTTP API takes 20,000."
_MOMENT: Final[dict[str, Any]] = {}
_AMOUNT: Final[dict[str, Any]] = {
    "type": "input",
    "block_id": AMOUNT,
    "label": _plain_text("Raise the limit by (US dollars)"),
    "element": {"type": "plain_text_input", "action_id": AMOUNT, "placeholder": _plain_text("2.50"), "max_length": 20},
    "hint": _plain_text("The epic goes on from the work done."),
}
_GUIDANCE: Final = _text_field("What should be different this time?", f"The next attempt is told it word for word. {_LIMIT}", optional=True)
_CHANGES: Final = _text_field("What should change?", f"The next agent reads it word for word. {_LIMIT}", optional=False)

_FIELDS: Final[dict[Choice, tuple[str, str, tuple[dict[str, Any], ...]]]] = {
    Choice.CHANGES: ("Request changes", "Send", (_CHANGES,)),
    Choice.RETRY: ("Try again", "Try again", (_GUIDANCE,)),
    Choice.ROLLBACK: ("Roll back", "Roll back", (_MOMENT, _GUIDANCE)),
    Choice.RAISE: ("Raise the budget", "Raise", (_AMOUNT,)),
}
"""Title, button and fields of each modal; a choice that is not here needs none."""

NEEDS_MODAL: Final = frozenset(_FIELDS)
