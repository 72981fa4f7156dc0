"""The data directory of the embedded PostgreSQL: made whole or not at all, started, stopped."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from db.embedded_process import MAJOR, postmaster_pid, read_pid_file, run_program
from db.embedded_socket import SOCKET, socket_directory
from db.file_locks import POLL_S, is_held, open_lock, try_exclusive
from epics.errors import Environment

USER: Final = "genie"
DATABASE: Final = "genie"
PASSWORD_FILE: Final = "genie.password"  # noqa: S105 - a file's name
#: postmaster.pid has so many lines once the server has said how it is.
PID_FILE_LINES: Final = 8
LOG_LIMIT: Final = 4 * 1024 * 1024
FAST_STOP_S: Final = 20.0
IMMEDIATE_STOP_S: Final = 10.0
MAKING_S: Final = 60.0
SETTINGS: Final = """\
# Written by Genie at each start of the server. Put settings of your own into local.conf, beside this file.
listen_addresses = ''
port = 5432
unix_socket_directories = '{socket_directory}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = '64MB'
io_method = 'sync'
# One server, small and alone: no replicas, so no WAL for them.
wal_level = 'minimal'
max_wal_senders = 0
max_logical_replication_workers = 0
max_wal_size = '256MB'
# Statements are short: compiling them would cost more than it gains.
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
# What the server says of itself; failed statements stay out of it, since they may hold a goal's text.
log_min_messages = 'log'
log_min_error_statement = 'panic'
log_checkpoints = off
log_line_prefix = '%m [%p] '
include_if_exists 'local.conf'
"""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One data directory and its server.

    The server and all its processes inherit a lock on `server.lock`, so that it is held exactly as long as one of them lives,
    whatever became of pid files and of the process that started it. All methods are for the holder of `start.lock`.
    """

    root: Path
    runtime_dir: Path | None

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.root / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held by the one process that starts or stops the server now."""
        return self.root / "start.lock"

    @property
    def making_lock(self) -> Path:
        """Held by every process that makes a cluster, so also by those that outlive a killed maker."""
        return self.root / "making.lock"

    @property
    def server_lock(self) -> Path:
        """Held by every process of a living server."""
        return self.root / "server.lock"

    def is_alive(self) -> bool:
        """Tell whether any process of the server lives."""
        return is_held(self.server_lock)

    def ready_address(self) -> Path | None:
        """The directory of the server's socket, once the server has written that it is ready."""
        lines = read_pid_file(self.data)
        return Path(lines[4]) if len(lines) >= PID_FILE_LINES and lines[7].strip() == "ready" else None

    def is_cut_off(self) -> bool:
        """Tell whether a ready server has lost its socket, to a cleaner of the temporary directory, say."""
        address = self.ready_address()
        return address is not None and postmaster_pid(self.data) is not None and not (address / SOCKET).exists()

    def password(self) -> str:
        """Read the password that was made with the cluster.

        Raises:
            Environment: if its file is gone.
        """
        path = self.data / PASSWORD_FILE
        try:
            return path.read_text(encoding="ascii").strip()
        except OSError as error:
            raise Environment(f"the embedded database's password cannot be read ({path}: {error.strerror}); restore that file") from error

    async def start(self) -> None:
        """Start the server, and make the cluster if there is none; return before the server is ready.

        Raises:
            Environment: if it cannot be started here.
        """
        if not (self.data / "PG_VERSION").exists():
            await self._make()
        self._check_version()
        directory = socket_directory(self.root, self.runtime_dir)
        _replace(self.data / "postgresql.conf", SETTINGS.format(socket_directory=directory))
        # Made even if empty: the server would note its absence twice at each start.
        (self.data / "local.conf").touch(mode=0o600)
        self._bound_log()
        with open_lock(self.server_lock) as descriptor:
            if not try_exclusive(descriptor):
                raise Environment(f"a process of an older server still works in {self.data}; try again in a moment")
            self._remove_stale_locks(directory)
            await run_program("pg_ctl", "start", "-D", "data", "-l", self.log.name, "-s", "-W", cwd=self.root, pass_fds=(descriptor,))

    async def stop(self) -> None:
        """Stop the server and wait for the end of all its processes; every committed transaction is kept."""
        address = self.ready_address()
        for sign, patience_s in ((signal.SIGINT, FAST_STOP_S), (signal.SIGQUIT, IMMEDIATE_STOP_S)):
            pid = postmaster_pid(self.data)
            if pid is None:
                # Dead already, or in a container that shares this home and is out of our sight.
                return
            os.kill(pid, sign)
            if await self._ended(patience_s):
                break
        if address is not None and address.parent != self.root:
            # Only if it is empty: the name may come from local.conf.
            with suppress(OSError):
                address.rmdir()

    def last_words(self) -> str:
        """The end of the server's log, on one line."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "it has no log"
        return " | ".join(lines[-6:]) or "its log is empty"

    async def _make(self) -> None:
        """Make the cluster under another name and rename it, so that a kill leaves no half of it."""
        if self.data.exists() and any(self.data.iterdir()):
            raise Environment(f"{self.data} holds files but no PostgreSQL cluster; move it away")
        with open_lock(self.making_lock) as descriptor:
            await self._outlast_killed_maker(descriptor)
            for left_over in self.root.glob("initdb-*"):
                shutil.rmtree(left_over)
            workshop = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.root))
            password = workshop / PASSWORD_FILE
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
            made = workshop / "data"
            identity = ("-U", USER, f"--pwfile={PASSWORD_FILE}", "-A", "scram-sha-256")
            locale = ("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
            arguments = ("-D", made.name, *identity, *locale, "--no-instructions")
            await run_program("initdb", *arguments, cwd=workshop, pass_fds=(descriptor,))
            password.rename(made / PASSWORD_FILE)
            _sync_directory(made)
            made.rename(self.data)
            _sync_directory(self.root)
            shutil.rmtree(workshop)

    async def _outlast_killed_maker(self, descriptor: int) -> None:
        """Take the lock once nobody writes in a half-made cluster: initdb goes on when the process that called it is killed."""
        try:
            async with asyncio.timeout(MAKING_S):
                while not try_exclusive(descriptor):  # noqa: ASYNC110 - another process's end sets no event of ours
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            message = f"an initdb that outlived its Genie has been at work in {self.root} for {MAKING_S:.0f} s; end it and try again"
            raise Environment(message) from error

    def _check_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != str(MAJOR):
            raise Environment(
                f"{self.data} was made by PostgreSQL {version}, and this Genie has {MAJOR}; "
                f"dump it with the Genie that made it and move it away, or run that server and set GENIE_DATABASE_URL"
            )

    def _remove_stale_locks(self, socket_directory: Path) -> None:
        """Remove what a killed server left, where PostgreSQL would take it for another's because its process id was given anew.

        We hold `server.lock`, so no process of ours lives. A file with the id of no process stays: PostgreSQL looks then whether
        anybody is still attached to the old shared memory, before it removes it itself.
        """
        pid = postmaster_pid(self.data)
        if pid is not None:
            raise Environment(f"a server that Genie did not start (process {pid}) works in {self.data}; stop it")
        for path in (self.data / "postmaster.pid", socket_directory / f"{SOCKET}.lock"):
            if _names_a_process(path):
                path.unlink()

    def _bound_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.rename(self.log.with_suffix(".log.1"))

    async def _ended(self, patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                while self.is_alive():  # noqa: ASYNC110 - another process's end sets no event of ours
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return False
        return True


def _names_a_process(path: Path) -> bool:
    try:
        first = path.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip()
        os.kill(abs(int(first)), 0)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
