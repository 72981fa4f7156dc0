"""PostgreSQL's client programs on a database of ours: the same address as our own connections, and no password where others can see it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from subprocess import DEVNULL, PIPE
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from db.embedded_process import find_binaries

_SECRET: Final = ("password", "sslpassword")


@asynccontextmanager
async def running(
    connection: AsyncConnection[Any], program: str, *arguments: str, feed: bool = False
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a program against the server and database of `connection`; it is ended with the block, if it has not ended itself.

    Args:
        connection: says where to connect, and as whom.
        program: its name, such as `pg_dump`.
        arguments: what it is called with, beside the address.
        feed: whether it reads what the caller writes; its stdout is then thrown away.

    Raises:
        Environment: if the programs are not installed.
    """
    info = connection.info
    address = {name: value for name, value in info.get_parameters().items() if name not in _SECRET}
    if "," in address.get("host", ""):
        # Of several servers the one that answered: a snapshot is known only there.
        address = {**address, "host": info.host, "port": str(info.port)}
        address.pop("hostaddr", None)
    process = await asyncio.create_subprocess_exec(
        str(find_binaries() / program),
        *arguments,
        "--no-password",
        f"--dbname={make_conninfo(**{**address, 'application_name': f'genie {program}'})}",
        stdin=PIPE if feed else DEVNULL,
        stdout=DEVNULL if feed else PIPE,
        stderr=PIPE,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PGPASSWORD": info.password},
        # Ctrl-C at the terminal is for Genie, which then ends the program.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def said(stderr: bytes) -> str:
    """The first thing that a program complained about, on one line."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "it said nothing")[:500]
