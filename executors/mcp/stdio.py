"""An MCP server as a process of this host: in a session and, where there are any, a PID namespace of its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from epics.agent_errors import McpServerBroken
from epics.errors import Environment
from executors.mcp.wire import CHANGED, FLOOD, LONGEST, encoded, is_answer, message_in, one_line, reply_to, result_of
from tools.processes import CHUNK, containment, must_exist

_SAID: Final = 2_000
_MOST_WRITTEN: Final = 1024 * 1024
_GRACE_S: Final = 1.0
"""How long a server has to end by itself once nothing more is said to it."""
_LAST_WORDS_S: Final = 0.2
_END_S: Final = 5.0


class StdioConnection:
    """A server that is spoken to on its standard input and heard on its standard output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Bind to a process that was just started, and begin to hear it."""
        self.tools_changed = False
        self._process = process
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ended = ""
        self._errors = bytearray()
        self._unasked = 0
        self._noise = 0
        self._tasks = [asyncio.create_task(each) for each in (self._hear(), self._hear_errors(), self._watch())]

    @classmethod
    async def open(cls, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Self:
        """Start a server.

        Raises:
            McpServerBroken: if it cannot be started.
        """
        try:
            await asyncio.to_thread(must_exist, argv[0], cwd, env)
            prefix = await asyncio.to_thread(containment)
            process = await asyncio.create_subprocess_exec(
                *prefix,
                *argv,
                cwd=cwd,
                env=dict(env),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except (Environment, OSError, ValueError) as exc:
            raise McpServerBroken(f"it cannot be started: {exc}") from exc
        return cls(process)

    @property
    def ended(self) -> str:
        """Why nothing more can be asked."""
        return self._ended

    async def request(self, method: str, params: Mapping[str, Any], *, seconds: float) -> Any:
        """Ask, and return the result."""
        if self._ended:
            raise McpServerBroken(self._ended)
        n = next(self._ids)
        answered = self._waiting[n] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._say(encoded({"id": n, "method": method, "params": dict(params)}))
                return result_of(await answered)
        except TimeoutError as exc:
            self._say_at_once(encoded({"method": "notifications/cancelled", "params": {"requestId": n, "reason": "too late"}}))
            raise McpServerBroken(f"it did not answer {method} within {seconds:g} s{self._but()}") from exc
        finally:
            self._waiting.pop(n, None)

    async def notify(self, method: str) -> None:
        """Tell something that is not answered."""
        self._say_at_once(encoded({"method": method}))

    async def close(self) -> None:
        """End it, at first by the end of its input, then by force, with everything that it started."""
        self._give_up("it was ended")
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE_S):
                await asyncio.shield(self._tasks[2])
        except TimeoutError:
            pass  # it is ended below
        finally:
            self._kill()
            await asyncio.shield(self._collected())

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _collected(self) -> None:
        """Wait for the end of the process, and let go of its pipes, which something that it started may hold open."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        transport = getattr(self._process, "_transport", None)
        if transport is not None:
            transport.close()

    async def _say(self, line: bytes) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing():
            raise McpServerBroken("it does not listen any more")
        try:
            stdin.write(line)
            await stdin.drain()
        except (ConnectionError, RuntimeError) as exc:
            # Its last words say why; they come at the next turn of the loop.
            await asyncio.sleep(_LAST_WORDS_S)
            raise McpServerBroken(self._ended or "it does not listen any more") from exc

    def _say_at_once(self, line: bytes) -> None:
        """Write what nobody waits for, unless too much of what was written has not been read."""
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing() or stdin.transport.get_write_buffer_size() > _MOST_WRITTEN:
            return
        with contextlib.suppress(ConnectionError, RuntimeError):
            stdin.write(line)

    async def _hear(self) -> None:
        if self._process.stdout is None:
            return
        rest = bytearray()
        while chunk := await self._process.stdout.read(CHUNK):
            self._unasked += len(chunk)
            rest += chunk
            if b"\n" in chunk:
                *lines, rest = rest.split(b"\n")
                for line in lines:
                    self._heard(bytes(line))
            if len(rest) > LONGEST or self._unasked > FLOOD:
                self._give_up(f"it said more than {LONGEST} bytes in one message, or {FLOOD} that nobody asked for")
                self._kill()
                return

    def _heard(self, line: bytes) -> None:
        # Many servers print a word of their own before they begin: what is no message is passed over.
        message = message_in(line) if line.strip() and len(line) <= LONGEST else None
        if message is None:
            self._noise += bool(line.strip())
            return
        if is_answer(message):
            answered = self._waiting.get(message["id"]) if type(message.get("id")) is int else None
            if answered is not None and not answered.done():
                self._unasked = 0
                answered.set_result(message)
        elif "id" in message:
            self._say_at_once(encoded(reply_to(message)))
        elif message.get("method") == CHANGED:
            self.tools_changed = True

    async def _hear_errors(self) -> None:
        if self._process.stderr is None:
            return
        while chunk := await self._process.stderr.read(CHUNK):
            self._errors += chunk
            del self._errors[:-_SAID]

    async def _watch(self) -> None:
        code = await self._process.wait()
        await asyncio.wait(self._tasks[:2], timeout=_LAST_WORDS_S)
        self._give_up(f"it ended with exit code {code if code >= 0 else 128 - code}{self._last_words()}")

    def _but(self) -> str:
        return f"; it said {self._noise} lines that are no messages" if self._noise else ""

    def _last_words(self) -> str:
        said = one_line(bytes(self._errors[-_SAID:]).decode(errors="replace").strip().rpartition("\n")[2])
        return f": {said}" if said else ""

    def _give_up(self, why: str) -> None:
        self._ended = self._ended or why
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_exception(McpServerBroken(self._ended))
                answered.exception()  # whoever waited may be gone
