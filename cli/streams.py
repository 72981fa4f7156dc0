"""Standard streams that cannot take what is written to them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def forgive_narrow_terminals() -> None:
    """Print `?` for a character that the terminal's encoding lacks, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def let_go_of_stdout() -> None:
    """Point stdout at nothing after its reader has gone, so that the interpreter's last flush does not complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
