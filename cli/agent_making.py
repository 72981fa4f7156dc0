"""`genie agent create`: a working example to begin with."""

from __future__ import annotations

from pathlib import Path

from agents.catalog import Catalog
from agents.making import make_agent
from agents.python_loading import load_agent
from cli.errors import ExitCode
from cli.output import Output
from config.settings import Settings
from engine.workflow_views import view_of_agent
from epics.errors import InvalidInput


async def create(name: str, output: Output, *, directory: Path | None) -> int:
    """Write an agent that works, and say how it is run.

    Raises:
        InvalidInput: if the name is none or taken, or there is no place for it.
    """
    own = Settings.from_env().agents_dir
    place = directory or own
    if place is None:
        raise InvalidInput("there is no folder for agents yet: give --dir DIR, or set GENIE_AGENTS_DIR")
    place = place.expanduser().resolve()
    file = make_agent(name, place, Catalog.discover(agents_dir=own).names)
    made = view_of_agent(load_agent(file.parent))
    if output.as_json:
        output.json(made)
        return ExitCode.DONE
    output.say(f"wrote {file}", style="bold")
    if own is None or own.resolve() != place:
        output.say(f"let Genie find it with: export GENIE_AGENTS_DIR={place}")
    output.say(f"run it with: genie agent run {name} --message 'How many words has this sentence?'")
    output.say("change the file as you like: the next run takes it as it is then")
    return ExitCode.DONE
