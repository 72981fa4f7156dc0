"""Each kind of event as one line for people who watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rich.text import Text

from cli.agent_events import AGENT_LINES
from cli.approval_events import APPROVAL_LINES
from cli.container_events import CONTAINER_LINES
from cli.conversation_events import CONVERSATION_LINES
from cli.event_line import Data, Line, number, word
from cli.output import printable
from cli.race_events import RACE_LINES
from cli.run_events import RUN_LINES
from cli.tool_events import TOOL_LINES
from cli.words import clock, many, sha, shortened, usd
from engine.views import EventView
from epics.steps import Step

WIDEST: Final = 400
"""Characters of one line: a model's sentence must not bury the rest."""

HEAD_WIDTH: Final = 12
"""As wide as the longest name of a step."""

_BACK: Final = frozenset(
    {
        (Step.PLAN_GATE, Step.ARCHITECT),
        (Step.TEST, Step.FIX),
        (Step.REVIEW, Step.FIX),
        (Step.REVIEW, Step.REFACTOR),
        (Step.MERGE_GATE, Step.FIX),
        (Step.MERGE, Step.FIX),
        (Step.MERGE, Step.TEST),
        (Step.MERGE, Step.MERGE_GATE),
    }
)
"""Steps that went as they should, and led back to work."""

MORE_INDENT: Final = 12
"""Columns: below the text, behind the time and the mark."""

UNSEEN: Final = frozenset({"turn_taken"})
"""Kinds that have no line: what happened in a turn has lines of its own, and the moving line counts turns."""


def event_line(event: EventView) -> Text | None:
    """One line for an event, with the time of the reader's clock; None for what is only counted."""
    if event.type in UNSEEN:
        return None
    line = _LINES.get(event.type, _other(event.type))(event.data)
    text = Text(f"{clock(event.time)}  ", style="dim")
    text.append("  " if line.deep else "")
    text.append(f"{line.mark} {f'{line.head:<{HEAD_WIDTH}} ' if line.head else ''}", style=line.style)
    text.append(shortened(printable(line.text), WIDEST), style="dim" if line.deep and not line.style else line.style)
    if line.aside:
        text.append(f"  {shortened(printable(line.aside), WIDEST)}", style="dim")
    if line.more:
        text.append(f"\n{' ' * MORE_INDENT}{shortened(printable(line.more), WIDEST)}", style="dim")
    return text


def _queued(data: Data) -> Line:
    return Line(mark="○", text=f"epic queued: {shortened(word(data, 'goal'), 100)}")


def _resumed(data: Data) -> Line:
    return Line(mark="○", text="made runnable again", aside=word(data, "by"))


def _taken(data: Data) -> Line:
    epoch = data.get("epoch")
    again = isinstance(epoch, int) and epoch > 1
    return Line(mark="▶", text="taken up again" if again else "at work", aside=f"epoch {epoch}" if again else "")


def _postponed(data: Data) -> Line:
    return Line(mark="…", text=f"waits until {word(data, 'until')}: {word(data, 'problem')}", style="yellow")


def _paused(data: Data) -> Line:
    return Line(mark="‖", text=f"paused: {word(data, 'problem')}", style="bold red")


def _step_finished(data: Data) -> Line:
    step, outcome, there = word(data, "step"), word(data, "outcome"), word(data, "next")
    # What the time machine found has an event of its own.
    note = "" if step == Step.TIME_MACHINE else word(data, "note")
    mark, style = ("✓", "green") if outcome in {"done", "decided"} else ("✗", "red")
    if (step, there) in _BACK:
        mark, style = "↺", "yellow"
    text = note if mark != "✗" or note.startswith(outcome) else f"{outcome}: {note}".rstrip(": ")
    return Line(mark=mark, head=step, text=text, style=style, aside=f"→ {there}" if there else "")


def _attempt_started(data: Data) -> Line:
    how = " · ".join(filter(None, (word(data, "executor"), word(data, "model"))))
    name = word(data, "workflow") or word(data, "step")
    changed = data.get("changed")
    text = f"attempt {word(data, 'attempt')}"
    if isinstance(changed, list) and changed:
        text += f", set up differently: {', '.join(str(field).replace('_', ' ') for field in changed)}"
    recalled = data.get("recalled")
    if isinstance(recalled, list) and recalled:
        text += f", remembers {', '.join(map(str, recalled))}"
    return Line(mark="●", head=name, text=text, style="bold cyan", aside=how)


def _lessons_unavailable(data: Data) -> Line:
    return Line(mark="‖", text=f"no earlier failure is told: {word(data, 'problem')}", style="yellow", deep=True)


def _knowledge_unavailable(data: Data) -> Line:
    return Line(mark="‖", text=f"nothing is remembered: {word(data, 'problem')}", style="yellow", deep=True)


def _tool_called(data: Data) -> Line:
    good = data.get("ok", True)
    again = "again: " if data.get("again") else ""
    said = f"{again}{word(data, 'tool')} {shortened(word(data, 'on'), 100)}".rstrip()
    return Line(mark="·" if good else "✗", text=said, aside=word(data, "problem"), deep=True)


def _model_failed(data: Data) -> Line:
    then = "is asked again" if data.get("again") else "is given up"
    said = f"{word(data, 'model')} {then} (try {word(data, 'try')})"
    return Line(mark="↻", text=said, style="yellow", aside=word(data, "said"), deep=True)


def _model_fell_back(data: Data) -> Line:
    there, here = word(data, "to"), word(data, "from")
    return Line(mark="↻", text=f"{there} in place of {here}", style="yellow", aside=word(data, "because"), deep=True)


def _provider_waits(data: Data) -> Line:
    said = f"the next call waits {word(data, 'seconds')} s for its turn at {word(data, 'provider')}"
    return Line(mark="‖", text=said, style="yellow", deep=True)


def _price_assumed(data: Data) -> Line:
    said = f"the price of {word(data, 'model')} is not known; ${word(data, 'output_usd_per_million')} per million tokens out is assumed"
    return Line(mark="!", text=said, style="yellow", deep=True)


def _tests_started(data: Data) -> Line:
    return Line(mark="·", text=f"running {word(data, 'command')}", deep=True)


def _tests_finished(data: Data) -> Line:
    passed = bool(data.get("passed"))
    said = "tests passed" if passed else "tests failed"
    last = "" if passed else _last_line(word(data, "tail"))
    return Line(
        mark="✓" if passed else "✗",
        text=said,
        style="green" if passed else "red",
        aside=f"exit {word(data, 'exit_code')} · {number(data, 'seconds'):.1f} s{' · ' if last else ''}{last}",
        deep=True,
    )


def _setup_started(data: Data) -> Line:
    return Line(mark="·", text=f"setting up the work tree of attempt {word(data, 'attempt')}: {word(data, 'command')}", deep=True)


def _setup_ended(data: Data) -> Line:
    good = data.get("exit_code") == 0 and not data.get("timed_out")
    said = "set up" if good else "the setup took too long" if data.get("timed_out") else "the setup failed"
    aside = f"exit {word(data, 'exit_code')} · {number(data, 'seconds'):.1f} s"
    return Line(mark="✓" if good else "✗", text=said, style="" if good else "red", aside=aside, deep=True)


def _attempt_ended(data: Data) -> Line:
    ended_by, error = word(data, "ended_by"), word(data, "error")
    files = data.get("files", 0)
    changed = many(files if isinstance(files, int) else len(files), "file")
    commit = sha(word(data, "commit")) if files else ""
    facts = " · ".join(filter(None, (changed, commit, usd(data.get("cost_usd", 0)))))
    if ended_by == "done" and not error:
        return Line(mark="·", text=f"attempt {word(data, 'attempt')} handed over", aside=facts, deep=True)
    return Line(mark="✗", text=f"attempt {word(data, 'attempt')} ended by {ended_by}: {error}", style="red", aside=facts, deep=True)


def _failure_analysed(data: Data) -> Line:
    prevention = word(data, "prevention")
    said = f"{word(data, 'type')}: {word(data, 'cause')}"
    return Line(mark="⟲", text=said, style="yellow", more=f"next time: {prevention}" if prevention else "")


def _person_said(data: Data) -> Line:
    return Line(
        mark="»", text=f"{word(data, 'by')} says ({word(data, 'saying')}): {word(data, 'text')}", style="bold", aside=word(data, "channel")
    )


def _sayings_told(data: Data) -> Line:
    told = data.get("sayings")
    which = ", ".join(map(str, told)) if isinstance(told, list) else ""
    where = f"in turn {word(data, 'turn')}" if word(data, "turn") else "in its brief"
    return Line(mark="»", text=f"attempt {word(data, 'attempt')} was told {which} {where}", deep=True)


def _ended(data: Data) -> Line:
    status, why = word(data, "status"), word(data, "why")
    if status == "merged":
        return Line(mark="★", text=f"merged {sha(word(data, 'commit'))}".rstrip(" –"), style="bold green", aside=why)
    return Line(mark="■", text=status, style="bold red", aside=why)


def _attempt_recovered(data: Data) -> Line:
    tools = data.get("tools")
    during = f"cut off in turn {word(data, 'turn')}, in {', '.join(map(str, tools)) if isinstance(tools, list) else 'a tool'}"
    did = {"parked": "parked", "gave_up": "given up"}.get(word(data, "did"), "goes on")
    text = f"attempt {word(data, 'attempt')} {during}: {did}, {word(data, 'why')}"
    return Line(mark="⟲", text=text, style="yellow", aside=f"on_crash = {word(data, 'on_crash')}", deep=True)


def _effect_recorded(data: Data) -> Line:
    kind = word(data, "kind")
    what = {"publish": "the branch is in the repository", "merge": "the work is in the base branch"}.get(kind, kind)
    if data.get("state") == "unknown":
        return Line(mark="✗", text=f"{kind}: nobody can see now whether it was done", style="red", aside=word(data, "detail"))
    again = " (it was there already)" if data.get("how") == "already" else ""
    return Line(mark="·", text=f"{what}{again}", aside=sha(word(data, "commit")), deep=True)


def _cancel_refused(data: Data) -> Line:
    return Line(mark="!", text=f"the cancel by {word(data, 'by')} came too late: {word(data, 'why')}", style="bold yellow")


def _history_pruned(data: Data) -> Line:
    rows = data.get("rows")
    gone = ", ".join(rows) if isinstance(rows, Mapping) else ""
    return Line(mark="·", text=f"pruned, since it is old: {gone}", deep=True)


def _moment_named(data: Data) -> Line:
    name = word(data, "name")
    said = f"is named {name}" if name else f"is not named {word(data, 'before')} any more"
    return Line(mark="·", text=f"moment {word(data, 'moment')} {said}, by {word(data, 'by')}")


def _other(kind: str) -> Callable[[Data], Line]:
    """A line for a kind of event that this release does not know: nothing that happened is hidden."""

    def line(data: Data) -> Line:
        facts = " ".join(f"{name}={value}" for name, value in data.items())
        return Line(mark="·", text=f"{kind.replace('_', ' ')} {facts}".rstrip(), deep=True)

    return line


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


_LINES: Final[dict[str, Callable[[Data], Line]]] = {
    "epic_queued": _queued,
    "epic_resumed": _resumed,
    "epic_taken": _taken,
    "epic_paused": _paused,
    "epic_postponed": _postponed,
    "step_finished": _step_finished,
    "attempt_started": _attempt_started,
    "knowledge_unavailable": _knowledge_unavailable,
    "lessons_unavailable": _lessons_unavailable,
    "tool_called": _tool_called,
    "model_failed": _model_failed,
    "model_fell_back": _model_fell_back,
    "provider_waits": _provider_waits,
    "price_assumed": _price_assumed,
    "tests_started": _tests_started,
    "tests_finished": _tests_finished,
    "attempt_ended": _attempt_ended,
    "failure_analysed": _failure_analysed,
    "attempt_recovered": _attempt_recovered,
    "effect_recorded": _effect_recorded,
    "cancel_refused": _cancel_refused,
    "setup_started": _setup_started,
    "setup_ended": _setup_ended,
    "person_said": _person_said,
    "sayings_told": _sayings_told,
    "epic_ended": _ended,
    "history_pruned": _history_pruned,
    "moment_named": _moment_named,
    **AGENT_LINES,
    **APPROVAL_LINES,
    **CONTAINER_LINES,
    **CONVERSATION_LINES,
    **RACE_LINES,
    **RUN_LINES,
    **TOOL_LINES,
}
