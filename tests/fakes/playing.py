"""What a model that follows a script says next, given only the conversation."""

from __future__ import annotations

from executors.scripts import PlayTurn, Script


class NothingToPlay(Exception):
    """The script has no play, or no further turn, for the conversation."""


def workflow_of(prompt: str) -> str:
    """Return the workflow that a prompt names in its first line."""
    first = prompt.lstrip().splitlines()[0] if prompt.strip() else ""
    return first.removeprefix("Workflow:").strip() if first.startswith("Workflow:") else ""


def next_turn(script: Script, prompt: str, answers: int, results: str) -> PlayTurn:
    """Return the turn that follows so many answers, the last of whose tools said `results`."""
    workflow = workflow_of(prompt)
    number = script.play_for(workflow, prompt)
    if number is None:
        raise NothingToPlay(f"the script has no play for {workflow!r}")
    turns = script.plays[number].turns
    if answers >= len(turns):
        raise NothingToPlay(f"the play for {workflow!r} has {len(turns)} turns, and {answers} were played")
    return turns[answers].given(results)
