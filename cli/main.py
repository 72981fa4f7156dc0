"""The command `genie`: finds the command that is called, and is the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import atexit
import gc
import sys
from importlib import import_module
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from cli.errors import ExitCode, exit_code_of, sentence_of
from cli.log import DEBUG
from cli.options import HELP
from cli.streams import forgive_narrow_terminals, let_go_of_stdout

DISTRIBUTION: Final = "genie-orchestrator"

_COLLECT_AFTER: Final = (50_000, 5, 5)

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("cli.demo", "Run a whole epic on a sample repository."),
    "ask": ("cli.ask", "Ask for something in free words; agents are found for it."),
    "asks": ("cli.asks", "Look after what was asked for."),
    "epic": ("cli.epic", "Start epics, follow them, and carry them on."),
    "approval": ("cli.approval", "See what waits for a person, and decide it."),
    "time": ("cli.time_machine", "Look at an epic's past, go back, fork, undo."),
    "replay": ("cli.replay", "Replay an epic from what is recorded of it."),
    "worker": ("cli.worker", "Run the epics that were left to workers."),
    "agent": ("cli.agent", "Look at the workflows, check yours, run one."),
    "tool": ("cli.tool", "Look at the tools that agents may be given."),
    "mcp": ("cli.mcp", "Connect agents to MCP servers, and others to Genie."),
    "container": ("cli.container", "Look at agents' containers, and make their image."),
    "run": ("cli.run", "Look after workflows that run without an epic."),
    "session": ("cli.sessions", "Look at conversations with agents."),
    "prompt": ("cli.prompt", "Say in versions what agents are told first."),
    "memory": ("cli.memory", "Set variables of prompts."),
    "slack": ("cli.slack", "Meet Genie in Slack: its app, its channels."),
    "audit": ("cli.audit", "See who did what, and whether that is whole."),
    "secret": ("cli.secret", "Keep keys and tokens in the database, sealed."),
    "webhook": ("cli.webhook", "Tell others what happens, by signed messages."),
    "key": ("cli.key", "Make, list, rotate and revoke keys; sign tokens."),
    "person": ("cli.person", "Say who may do what, and where they are known."),
    "serve": ("cli.serve", "Serve the HTTP API, with workers beside it."),
    "db": ("cli.db", "Migrate, back up, restore or prune the database."),
    "doctor": ("cli.doctor", "Check what this machine has and lacks."),
}
"""Each command with the module that holds its `app`, and its line in `genie --help`."""


class LazyGroup(TyperGroup):
    """Imports a command when it is called.

    `genie --help` prints names and one line each, and both stand in COMMANDS: the group holds stubs that have no more than
    that. Only when arguments are resolved, which is on the way to running a command (or to completing one), the stub of that
    one name is replaced by the real command. So the cost of a command's imports is paid by who calls it, and `--help` costs
    typer alone.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that the arguments name, then go on as typer does."""
        name = args[0] if args else ""
        if name in COMMANDS:
            module, text = COMMANDS[name]
            command = get_command(import_module(module).app)
            command.name, command.help = name, command.help or text
            self.commands[name] = command
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="genie",
    cls=LazyGroup,
    help="Give Genie a goal and a git repository: agents do the work, you decide at the gates, and everything survives.",
    epilog="Begin with: genie demo",
    no_args_is_help=True,
    # Plain help on purpose: typer's Rich help imports Markdown, Pygments and tracebacks, and would more than double the time.
    rich_markup_mode=None,
    context_settings=HELP,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"genie {version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def genie(
    _version_asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version, and nothing else.")
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    """Give Genie a goal and a git repository: agents do the work, you decide at the gates, and everything survives."""


for _name, (_module, _text) in COMMANDS.items():
    app.command(_name, help=_text)(lambda: None)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `genie` in this process, and end the process with its exit code.

    Args:
        arguments: those of the command line, unless others are given.
    """
    # Importing makes hundreds of thousands of objects and no garbage: to look for it among them all, again and again, and once more at the
    # end, when the system takes back everything anyway, was a third of the time of a short command.
    gc.set_threshold(*_COLLECT_AFTER)
    atexit.register(gc.freeze)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run `genie` with these arguments and return the exit code; every error ends here."""
    forgive_narrow_terminals()
    debug, arguments = _without_debug(arguments)
    DEBUG.set(debug)
    try:
        code = get_command(app).main(arguments, prog_name="genie", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough (`genie epic list | head -1`).
        let_go_of_stdout()
        return ExitCode.FAILED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the outermost place: whatever came up becomes one line
        return _told(error)
    return code if isinstance(code, int) else ExitCode.DONE


def _told(error: BaseException) -> int:
    from cli.output import Output

    if DEBUG.get():
        import traceback

        traceback.print_exception(error)
    sentence = sentence_of(error)
    if sentence:
        Output().note(f"genie: {sentence}", style="red")
    return exit_code_of(error)


def _without_debug(arguments: list[str]) -> tuple[bool, list[str]]:
    """Take `--debug` from wherever it stands: people put it behind the command that just failed."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--debug" not in options:
        return False, arguments
    at = options.index("--debug")
    return True, arguments[:at] + arguments[at + 1 :]
