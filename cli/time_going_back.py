"""Going back from the command line: rollback, undo, fork; what each would change is shown, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rich.console import RenderableType
from rich.text import Text

from cli.drive import carry_on
from cli.errors import ExitCode
from cli.output import Output
from cli.render_difference import files_table, state_table
from cli.service import Service
from cli.words import many, sha, usd
from engine.time_machine.orders import Fork, GoBack
from engine.time_machine.rollback_views import RollbackPlan, RollbackView
from epics.callers import current_caller


async def go_back(service: Service, epic_id: str, asked: GoBack, output: Output, *, to: str | None, dry_run: bool, resume: bool) -> int:
    """Roll an epic back, or undo that, and carry it on if that is wanted.

    Args:
        service: who is asked.
        epic_id: the id of the epic, or the beginning of it.
        asked: what is asked for.
        output: where the answer goes.
        to: the moment, by number or name.
        dry_run: only show what would change.
        resume: carry the epic on at once.
    """
    epic = await service.epic(epic_id)
    n = None if to is None else 0 if to == "0" else await service.moment_number(epic.id, to)
    view = await service.roll_back(epic.id, replace(asked, to=n, by=current_caller().person), dry_run=dry_run)
    if not (resume and output.as_json):
        output.answer(record=view, parts=_parts(view, resume=resume))
    if not resume or view.done != "done":
        return ExitCode.DONE
    return await carry_on(service, await service.resume(epic.id, by=current_caller().person), output)


async def fork(service: Service, epic_id: str, asked: Fork, output: Output, *, at: str, resume: bool) -> int:
    """Make a new epic from a moment of another, and carry it on if that is wanted."""
    source = await service.epic(epic_id)
    n = 0 if at == "0" else await service.moment_number(source.id, at)
    epic = await service.fork(source.id, replace(asked, at=n, by=current_caller().person))
    said = f"epic {epic.id} is a fork of {source.id} at moment {n}: it goes on at {epic.step}, on branch {epic.branch}"
    if not (resume and output.as_json):
        lines = [Text(said), *([] if resume else [Text(f"set it going with: genie epic resume {epic.id}")])]
        output.answer(record=epic, parts=lines)
    if not resume:
        return ExitCode.DONE
    return await carry_on(service, await service.resume(epic.id, by=current_caller().person), output)


def _parts(view: RollbackView, *, resume: bool) -> Iterator[RenderableType]:
    plan = view.plan
    would = {"planned": "would go", "asked": "is asked to go", "done": "went"}[view.done]
    yield Text(f"epic {plan.epic} {would} back {_where(plan)}", style="bold")
    yield Text(f"it {'would go on' if view.done == 'planned' else 'goes on'} {_next(plan)}")
    if plan.files is None:
        yield Text("which files differ cannot be told: the repository cannot be read now", style="yellow")
    elif plan.files:
        yield files_table(plan.files)
    else:
        yield Text("no file differs")
    if plan.state:
        yield state_table(plan.state)
    if plan.approvals:
        yield Text(f"{many(len(plan.approvals), 'approval')} superseded: {', '.join(plan.approvals)}")
    for deed in plan.outside:
        yield Text(f"{'undone' if deed.undone else 'stays'}: {deed.what} ({deed.why})", style="" if deed.undone else "yellow")
    yield from _what_next(view, resume=resume)


def _where(plan: RollbackPlan) -> str:
    if plan.kind == "revert":
        return f"by a commit that takes back what was merged since moment {plan.to_moment}; a person approves it at the merge gate"
    where = f"to moment {plan.to_moment}" if plan.to_moment else "to where it began"
    return f"{where} (level {plan.level})" if plan.kind == "rollback" else f"{where}, which takes the last rollback back"


def _next(plan: RollbackPlan) -> str:
    if plan.ended:
        return f"no more: it is {plan.ended} again"
    return f"at {plan.step}" + (f", from commit {sha(plan.commit)}" if plan.commit else "")


def _what_next(view: RollbackView, *, resume: bool) -> Iterator[Text]:
    epic = view.epic
    match view.done:
        case "planned":
            yield Text("nothing is changed: leave --dry-run away to do it", style="dim")
        case "asked":
            yield Text(f"the worker that has it does so as soon as it can stop: see genie epic show {epic.id}")
        case _:
            yield Text(f"it is moment {view.moment}, on branch {epic.branch}; what was before stays: genie time undo {epic.id} goes there")
            if not resume and epic.status == "paused":
                yield Text(f"{usd(epic.cost_usd)} were spent so far; go on with: genie epic resume {epic.id}")
