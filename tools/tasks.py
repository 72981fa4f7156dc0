"""Tools for the list of things to do that all agents of an epic, run or session share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tools.context import Task, ToolContext, needed
from tools.declaring import AgentTool, Arguments

LONGEST = 500
_MARKS = {"open": " ", "done": "x", "dropped": "-"}


class ListTasks(Arguments):
    """Arguments of list_tasks."""

    all: bool = Field(default=False, description="Also those that are done or dropped.")


class AddTask(Arguments):
    """Arguments of add_task."""

    text: str = Field(min_length=1, max_length=LONGEST, description="What is to be done, in a sentence.")


class CompleteTask(Arguments):
    """Arguments of complete_task."""

    task: int = Field(ge=1, description="The number of the task.")
    state: Literal["done", "dropped"] = Field(default="done", description="`dropped` for one that is not to be done after all.")
    note: str = Field(default="", max_length=LONGEST, description="What came of it, or why it was dropped.")


async def list_tasks(context: ToolContext, arguments: ListTasks) -> str:
    """Return the tasks, one in each line."""
    tasks = await needed(context.tasks, "list of tasks").tasks()
    shown = [task for task in tasks if arguments.all or task.state == "open"]
    hidden = len(tasks) - len(shown)
    lines = [*(_line(task) for task in shown), *([f"[{hidden} more are done or dropped]"] if hidden else [])]
    return "\n".join(lines) or "there is no task"


async def add_task(context: ToolContext, arguments: AddTask) -> str:
    """Add a task and return it with its number."""
    return f"added {_line(await needed(context.tasks, 'list of tasks').add(context.call_id, arguments.text))}"


async def complete_task(context: ToolContext, arguments: CompleteTask) -> str:
    """End a task and return it."""
    return _line(await needed(context.tasks, "list of tasks").end(arguments.task, arguments.state, arguments.note))


def _line(task: Task) -> str:
    return f"{task.n}. [{_MARKS[task.state]}] {task.text}{f' ({task.note})' if task.note else ''}"


LIST_TASKS = AgentTool(
    name="list_tasks",
    description="List the tasks that are still to be done.",
    permission="read",
    arguments=ListTasks,
    run=list_tasks,
    category="tasks",
)
ADD_TASK = AgentTool(
    name="add_task",
    description="Add a task to the list, for yourself or for whoever works after you.",
    permission="record",
    arguments=AddTask,
    run=add_task,
    category="tasks",
    side_effect="outside",
    idempotency="keyed",
)
COMPLETE_TASK = AgentTool(
    name="complete_task",
    description="Mark a task as done, or as dropped.",
    permission="record",
    arguments=CompleteTask,
    run=complete_task,
    category="tasks",
    side_effect="outside",
)
