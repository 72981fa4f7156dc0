"""A command of an attempt in a container: run to its end, and its own end told apart from that of what is around it."""

from __future__ import annotations

import time
from typing import Any, Final

from epics.errors import Environment
from executors.claude.port import Exit, Launch
from executors.containers.daemon import ContainerGone, Daemon
from executors.containers.following import printed
from executors.containers.seat import ContainerSeat
from executors.port import Errand
from tools.processes import HeadAndTail, ProcessResult

_NO_PROGRAM: Final = "genie: no such program"
_STOPPED: Final = "genie: told to stop"
_NOT_FOUND: Final = 127
_KILLED: Final = 137
_LAST_LINES: Final = 20

BEGINNING: Final = (
    "sh",
    "-c",
    f'command -v "$1" >/dev/null 2>&1 || {{ echo "{_NO_PROGRAM}" >&2; exit {_NOT_FOUND}; }}; exec "$@" 2>&1 </dev/null',
    "sh",
)
"""What a command is begun by: it gets an empty input and one output, in which both kinds stand in the order they came. The container's
standard error is then for the first process alone, and cannot be forged."""


async def run_in(seat: ContainerSeat, daemon: Daemon, name: str, errand: Errand) -> ProcessResult:
    """Run a command in a seat that is for it alone.

    Args:
        seat: where.
        daemon: of its container.
        name: of its container.
        errand: what.

    Raises:
        Environment: if it cannot be started, or something beside the command ended it; its cause says what.
    """
    process = await seat.start(Launch(arguments=errand.command, environment=errand.environment, seconds=errand.seconds))
    begun = time.monotonic()
    ended = await process.wait()
    seconds = time.monotonic() - begun
    errors = (await printed(daemon, name, errors=True, tail=_LAST_LINES)).decode("utf-8", "replace")
    _see_that_it_was_the_command(errand, ended, errors)
    kept = await _output(daemon, name, errand.output_cap)
    timed_out = ended.cause == "timeout"
    return ProcessResult(
        exit_code=_KILLED if timed_out or ended.code is None else ended.code,
        output=kept.text() + (f"\n[{ended.said}]" if ended.cause == "out_of_memory" else ""),
        timed_out=timed_out,
        seconds=seconds,
        truncated_bytes=kept.left_out,
    )


def _see_that_it_was_the_command(errand: Errand, ended: Exit, errors: str) -> None:
    if ended.code == _NOT_FOUND and _NO_PROGRAM in errors:
        raise Environment(
            f"the program {errand.command[0]!r} is not in the container image: make one of your own that has it, and name it in "
            "GENIE_AGENT_IMAGE"
        )
    # A command may kill itself, which looks like `docker kill`; out of memory and out of time it runs by what it does itself.
    its_own = ended.cause in {"", "out_of_memory", "timeout"} or (ended.cause == "stopped" and _STOPPED not in errors)
    if ended.code is None or not its_own:
        raise Environment(f"the container of the {errand.work} command ended before it: {ended.said}", cause=ended.cause)


async def _output(daemon: Daemon, name: str, cap: int) -> HeadAndTail:
    kept = HeadAndTail(cap)

    def read(client: Any) -> None:
        for piece in client.logs(name, stdout=True, stderr=False, stream=True, follow=False):
            kept.add(piece)

    try:
        await daemon.ask(read)
    except ContainerGone:
        return kept  # one that did not end by itself in time was removed
    return kept
