"""The tool that runs a command in the work tree."""

from __future__ import annotations

from pydantic import Field

from epics.errors import CommandRefused, Environment
from safety.commands import check_command
from safety.secrets import redact
from tools.context import in_tree
from tools.declaring import AgentTool, Arguments
from tools.output import CAP
from tools.processes import run_process
from tools.workspace import ToolProblem, Workspace

SECONDS = 120.0


class RunCommand(Arguments):
    """Arguments of run_command."""

    command: str = Field(min_length=1, max_length=20_000, description="A command line for bash, run at the root of the work tree.")
    timeout_s: float = Field(default=SECONDS, gt=0, description="After so many seconds the command and all that it started are ended.")


async def run_command(workspace: Workspace, arguments: RunCommand) -> str:
    """Run a command and return its exit code, its time and what it printed."""
    try:
        check_command(arguments.command)
        result = await run_process(
            ["bash", "-c", arguments.command],
            cwd=workspace.tree,
            env=workspace.environment,
            timeout_s=min(arguments.timeout_s, workspace.command_seconds),
            output_cap=CAP,
        )
    except (CommandRefused, Environment) as exc:
        raise ToolProblem(str(exc)) from exc
    ending = f"stopped after {result.seconds:.1f} s, it had not ended" if result.timed_out else f"exit code {result.exit_code}"
    return f"{ending} ({result.seconds:.1f} s)\n{redact(result.output)}".rstrip()


RUN_COMMAND = AgentTool(
    name="run_command",
    description="Run a command with bash at the root of the work tree. It has no input, and nothing that it starts outlives it.",
    permission="execute",
    arguments=RunCommand,
    run=in_tree(run_command),
    category="files",
    side_effect="outside",
    idempotency="never",
    seconds=None,
)
