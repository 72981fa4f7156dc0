"""How the tests of a Python repository are run where their commands are closed in: what is there is looked for there, by the command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.python_suite import PROBE, discovery

LACKING: Final = "genie: the tests need Python with pytest, and there is none where they are run: "
LACKING_EXIT: Final = 127

_ACTIVATE: Final = """for home in .venv venv; do
  if [ -x "$home/bin/python" ]; then
    export VIRTUAL_ENV="$PWD/$home" PATH="$PWD/$home/bin:$PATH" PYTHONPATH="$PWD/src:$PWD"
    break
  fi
done
"""
"""The tree's own virtual environment, whose modules under test are those of the tree, as `python_environment` has it."""

_WITH_TOOL: Final = """if [ -z "$VIRTUAL_ENV" ]; then
  [ -f uv.lock ] && command -v uv >/dev/null && exec uv run --frozen python -m pytest
  [ -f poetry.lock ] && command -v poetry >/dev/null && exec poetry run python -m pytest
fi
"""


@dataclass(frozen=True, kw_only=True)
class InsideSuite:
    """A command for a Python repository that finds its interpreter by itself."""

    command: tuple[str, ...]
    source: str
    shown: str


def with_own_python(command: str) -> tuple[str, ...]:
    """Return what runs a line of shell with the virtual environment of the tree, if it has one."""
    return ("sh", "-c", _ACTIVATE + command)


def python_suite_inside(tree: Path) -> InsideSuite:
    """Return the command that takes pytest if it can be imported there, else unittest if the tests are written for it."""
    where = discovery(tree)
    instead = f'exec "$python" -m unittest discover {shlex.join(where)}' if where is not None else _complaint()
    script = f"""export PYTHONPATH="$PWD/src:$PWD"
{_WITH_TOOL}python=$(command -v python || command -v python3) || {{ {_complaint()}; }}
if "$python" -c {shlex.quote(PROBE)}; then exec "$python" -m pytest; fi
{instead}
"""
    shown = "python3 -m pytest" if where is None else shlex.join(("python3", "-m", "unittest", "discover", *where))
    return InsideSuite(
        command=with_own_python(script),
        source="pytest of the container" + (", or unittest where there is none" if where is not None else ""),
        shown=shown,
    )


def _complaint() -> str:
    cure = "install it by [environment] setup in genie.toml, or use an image that has it"
    return f"echo {shlex.quote(LACKING + cure)}; exit {LACKING_EXIT}"
