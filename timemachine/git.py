"""The one module that runs git."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from epics.errors import Environment, GitFailed, InvalidInput
from timemachine.seclusion import CREDENTIALS, EVERYWHERE, FIXED, PASSED_ON, credentials, programs_from

OLDEST = (2, 38)
TAIL = 600
GRACE = 2.0


@dataclass(frozen=True, kw_only=True)
class Completed:
    """How a git command ended."""

    code: int
    output: bytes
    errors: str
    cut: bool = False

    @property
    def text(self) -> str:
        """The output without its last line end; bytes that are not UTF-8 are shown escaped."""
        return as_text(self.output).removesuffix("\n")


@dataclass(frozen=True)
class Git:
    """Git in one directory, cut off from the machine's and the person's own settings.

    `env` is where PATH, HOME and what credentials need come from; `settings` are added as `-c`, `variables` to the environment.
    """

    directory: Path
    env: Mapping[str, str]
    settings: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    async def run(self, *args: str, env: Mapping[str, str] | None = None, given: bytes | None = None, seconds: float = 600) -> str:
        """Run `git <args>` and return its output as text.

        Raises:
            GitFailed: if it ends with another code than 0, or not in time.
        """
        return self.checked(await self.call(*args, env=env, given=given, seconds=seconds), *args).text

    async def run_bytes(self, *args: str, env: Mapping[str, str] | None = None, given: bytes | None = None, seconds: float = 600) -> bytes:
        """Run `git <args>` and return its output as it is.

        Raises:
            GitFailed: if it ends with another code than 0, or not in time.
        """
        return self.checked(await self.call(*args, env=env, given=given, seconds=seconds), *args).output

    async def call(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        given: bytes | None = None,
        seconds: float = 600,
        network: bool = False,
        limit: int | None = None,
    ) -> Completed:
        """Run `git <args>` and return how it ended, whatever that is.

        `given` goes to its standard input. `network` lets the person's own git config in, where credential helpers and proxies are named.
        With `limit`, git is stopped after that many bytes of output, and the answer says that it was cut.
        A cancelled call kills git and everything that it started.

        Raises:
            GitFailed: if it does not end in time.
            Environment: if there is no git on this machine.
        """
        options = [part for setting in (*EVERYWHERE, *self.settings) for part in ("-c", setting)]
        process = await self._start([*options, *args], self._environment(env or {}, network=network), with_input=given is not None)
        try:
            async with asyncio.timeout(seconds):
                return await _collect(process, given, limit)
        except TimeoutError as error:
            raise GitFailed(f"{shown(args)} did not end within {seconds:g} s, so it was stopped") from error
        finally:
            await _end(process)

    def checked(self, done: Completed, *args: str) -> Completed:
        """Return `done` if it went well.

        Raises:
            GitFailed: if it did not; the message has the command and the end of what git said.
        """
        if done.code != 0:
            raise GitFailed(f"{shown(args)} failed with code {done.code} in {self.directory}: {last_words(done.errors)}")
        return done

    def _environment(self, extra: Mapping[str, str], *, network: bool) -> dict[str, str]:
        passed = {name: value for name, value in self.env.items() if name in PASSED_ON}
        passed["PATH"] = programs_from(passed.get("PATH", os.defpath))
        env = {**passed, **FIXED, **self.variables, **extra}
        if network:
            del env["GIT_CONFIG_GLOBAL"]
            env |= credentials(self.env.get(CREDENTIALS))
        return env

    async def _start(self, args: list[str], env: dict[str, str], *, with_input: bool) -> asyncio.subprocess.Process:
        pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            # A session of its own: no terminal to ask for passwords on, and one kill takes git's children too.
            return await asyncio.create_subprocess_exec(
                "git",
                *args,
                cwd=self.directory,
                env=env,
                stdin=pipe if with_input else none,
                stdout=pipe,
                stderr=pipe,
                start_new_session=True,
            )
        except OSError as error:
            _say_why_git_did_not_start(self.directory, error)


async def _collect(process: asyncio.subprocess.Process, given: bytes | None, limit: int | None) -> Completed:
    if limit is None:
        output, errors = await process.communicate(given)
        return Completed(code=process.returncode or 0, output=output, errors=as_text(errors))
    if process.stdout is None or process.stderr is None:
        raise GitFailed("git was started without pipes")
    errors_read = asyncio.create_task(process.stderr.read())
    fed = asyncio.create_task(_feed(process, given))
    parts, size = list[bytes](), 0
    try:
        while size <= limit and (part := await process.stdout.read(65536)):
            parts.append(part)
            size += len(part)
        output = b"".join(parts)
        if size > limit:
            return Completed(code=0, output=output[:limit], errors="", cut=True)
        await fed
        return Completed(code=await process.wait(), output=output, errors=as_text(await errors_read))
    finally:
        # Whoever ends the process reads on, and two cannot read one pipe.
        errors_read.cancel()
        fed.cancel()
        await asyncio.wait({errors_read, fed})


async def _feed(process: asyncio.subprocess.Process, given: bytes | None) -> None:
    if process.stdin is None or given is None:
        return
    # Git may end without reading it all, and says why in words.
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    # First asked to end, so that git takes its lock files away, then made to.
    for order in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, order)
        # Reading to the end closes the pipes; something that outlives git may hold them open.
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await process.communicate()
                return


def _say_why_git_did_not_start(directory: Path, error: OSError) -> NoReturn:
    if not directory.is_dir():
        raise GitFailed(f"there is no directory {directory}, so git cannot run in it") from error
    raise Environment(
        f"git cannot be started ({error.strerror}): install git {OLDEST[0]}.{OLDEST[1]} or newer and see that it is in PATH"
    ) from error


async def require_git(git: Git) -> None:
    """See that git is there and new enough.

    Raises:
        Environment: if it is not; the message says what is there and what is needed.
    """
    words = await git.run("version")
    found = re.search(r"(\d+)\.(\d+)", words)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise Environment(f"{words!r} is too old: Genie needs git {OLDEST[0]}.{OLDEST[1]} or newer (for `git merge-tree --write-tree`)")


def commit_id(value: str) -> str:
    """Return `value` if it is a full object id, so that it cannot be taken for an option or an expression.

    Raises:
        InvalidInput: if it is anything else.
    """
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value):
        raise InvalidInput(f"{value!r} is not a full commit id")
    return value


def branch_name(value: str) -> str:
    """Return `value` if git would accept it as a branch name.

    Raises:
        InvalidInput: if it would not.
    """
    parts = value.split("/")
    bad = (
        value in ("", "@", "HEAD")
        or value.startswith("-")
        or value.endswith(".")
        or ".." in value
        or "@{" in value
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        or re.search(r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]", value) is not None
    )
    if bad:
        raise InvalidInput(f"{value!r} cannot be the name of a branch")
    return value


def as_text(data: bytes) -> str:
    """Return `data` as text that every store and terminal takes; what is not UTF-8 is shown escaped."""
    return data.decode("utf-8", "backslashreplace")


def last_words(errors: str) -> str:
    """Return the end of what git said, as one line."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith("hint:")]
    words = "; ".join(lines)[-TAIL:]
    return _without_credentials(words) or "git said nothing"


def shown(args: tuple[str, ...]) -> str:
    """Return the command for a person, without credentials and not too long."""
    return _without_credentials(" ".join(("git", *args)))[:200]


def _without_credentials(words: str) -> str:
    return re.sub(r"(?<=://)[^/@\s]+@", "", words)
