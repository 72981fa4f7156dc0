"""A CLI at work in a container: spoken to, read, watched and ended through the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from executors.claude.lines import Lines
from executors.claude.port import Exit
from executors.containers.daemon import ContainerGone, Daemon, DaemonLost, Refused
from executors.containers.ends import State, exit_of
from executors.containers.following import follow, printed
from executors.containers.labels import Labels
from executors.image.guest import END_OF_INPUT
from executors.port import Notes

_AGAIN_S: Final = 0.25
_LATE_S: Final = 3.0
"""How long after its deadline a container is ended from here: its first process does it by itself, unless it is paused."""
_TAIL_LINES: Final = 20


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a container is watched."""

    look_s: float = 0.5
    """How often it is looked at, beside the end of its output."""
    patience_s: float = 15.0
    """How long a daemon may be away before what runs under it counts as lost."""


@dataclass(kw_only=True)
class _Seen:
    """What was seen of the container while it was watched."""

    paused: bool = False
    away_since: float | None = None
    was_away: bool = False


class ContainerProcess:
    """A CLI in a container."""

    def __init__(
        self,
        daemon: Daemon,
        container: str,
        labels: Labels,
        notes: Notes,
        *,
        adopted: bool,
        is_anothers: Callable[[], bool],
        pace: Pace = Pace(),
    ) -> None:
        """Bind to a container that was started; `is_anothers` says whether another worker has taken it over since."""
        self._daemon = daemon
        self._id = container
        self._labels = labels
        self._notes = notes
        self._adopted = adopted
        self._is_anothers = is_anothers
        self._pace = pace
        self._input: Any = None
        self._ended: Exit | None = None
        self._by_us = self._let_go = False
        self._quiet = asyncio.Event()
        self._watching = asyncio.Lock()
        self._seen = _Seen()

    @property
    def adopted(self) -> bool:
        """Whether it was started by a worker that has died since."""
        return self._adopted

    async def lines(self) -> AsyncGenerator[bytes]:
        """Every line of its standard output from its start, until it ends."""
        lines, got = Lines(), 0
        while True:
            skip = got
            try:
                async with aclosing(follow(self._daemon, self._id)) as pieces:
                    async for whole in pieces:
                        # After an outage the log is read from its start again.
                        piece, skip = whole[skip:], max(skip - len(whole), 0)
                        got += len(piece)
                        for line in lines.feed(piece):
                            yield line
            except (DaemonLost, ContainerGone, Refused):
                await asyncio.sleep(self._pace.look_s)
            self._quiet.set()
            if not await self._still_there():
                break
        # What was written in its last moment may have come after the stream's end.
        final = (await printed(self._daemon, self._id, errors=False))[got:]
        for line in (*lines.feed(final), lines.last()):
            if line:
                yield line

    async def say(self, line: bytes) -> None:
        """Write a line to its standard input; one that has ended hears nothing."""
        with contextlib.suppress(DaemonLost, ContainerGone, Refused):
            await self._daemon.ask(lambda client: self._write(client, line))

    async def close_input(self) -> None:
        """End its standard input."""
        await self.say(END_OF_INPUT + b"\n")

    async def wait(self) -> Exit:
        """Wait for its end, or until nobody can tell any more."""
        async with self._watching:
            while self._ended is None:
                self._ended = await self._look()
                if self._ended is None:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._pace.look_s):
                            await self._quiet.wait()
                    if self._quiet.is_set():
                        # The output has ended just now, and the daemon says so a moment later.
                        self._quiet.clear()
                        await asyncio.sleep(self._pace.look_s / 10)
        return self._ended

    async def kill(self) -> None:
        """End it at once, with everything that it has started, and remove it; one that another worker took over is left to that."""
        self._by_us = True
        self.let_go_of_input()
        if self._is_anothers():
            return
        with contextlib.suppress(DaemonLost, Refused):
            await remove(self._daemon, self._id)

    def let_go_of_input(self) -> None:
        """Close the connection to its standard input, which stays open all the same: that of the container is not closed by it."""
        self._let_go = True
        self._disconnect()

    def _disconnect(self) -> None:
        attached, self._input = self._input, None
        if attached is not None:
            for each in (getattr(attached, "_response", None), getattr(attached, "_sock", None), attached):
                with contextlib.suppress(OSError):
                    if each is not None:
                        each.close()

    def _write(self, client: Any, line: bytes) -> None:
        try:
            self._attached(client).sendall(line)
        except OSError:
            # The daemon was started anew.
            self._disconnect()
            self._attached(client).sendall(line)
        if self._let_go:
            # Whoever spoke was cancelled meanwhile.
            self._disconnect()

    def _attached(self, client: Any) -> Any:
        if self._input is None:
            self._input = client.attach_socket(self._id, params={"stdin": 1, "stream": 1})
        # The library gives a file that can only be read, around a socket that can be written to.
        return getattr(self._input, "_sock", self._input)

    async def _still_there(self) -> bool:
        """Whether more may come: it runs, or the daemon may come back."""
        if self._ended is None and not self._watching.locked():
            self._ended = await self._look()
        return self._ended is None and not self._by_us

    async def _look(self) -> Exit | None:
        seen = self._seen
        if self._by_us:
            return Exit(code=137, said="Genie ended it")
        try:
            state = State.of(await self._daemon.ask(lambda client: client.inspect_container(self._id)))
        except ContainerGone:
            return Exit(code=None, cause="stopped", said="somebody removed the container from outside (docker rm)")
        except (DaemonLost, Refused) as error:
            seen.was_away = True
            seen.away_since = seen.away_since or time.monotonic()
            away = time.monotonic() - seen.away_since
            return Exit(code=None, cause="daemon_lost", said=str(error)) if away > self._pace.patience_s else None
        seen.away_since = None
        if not state.lives:
            return await self._end_of(state)
        await self._note_pause(state)
        if time.time() > self._labels.deadline + _LATE_S:
            await self.kill()
            if seen.paused:
                return Exit(code=137, cause="paused", said="somebody paused the container (docker pause), and its deadline came")
            return Exit(code=137, cause="timeout", said="the container came to its deadline")
        return None

    async def _end_of(self, state: State) -> Exit:
        if state.status == "created":
            return Exit(
                code=None, cause="never_started", said=f"the container was made and never started: {state.error or 'no reason is told'}"
            )
        errors = (await printed(self._daemon, self._id, errors=True, tail=_TAIL_LINES)).decode("utf-8", "replace")
        return exit_of(state, errors, daemon_was_away=self._seen.was_away, memory_mb=self._labels.memory_mb)

    async def _note_pause(self, state: State) -> None:
        paused = state.status == "paused"
        if paused != self._seen.paused:
            self._seen.paused = paused
            await self._notes.noted("container_paused" if paused else "container_resumed", {"container": self._labels.name})


async def remove(daemon: Daemon, container: str) -> None:
    """Remove a container whatever its state; one that is gone already does no harm.

    Raises:
        DaemonLost: if the daemon does not answer.
        Refused: if it cannot.
    """

    def ask(client: Any) -> None:
        client.remove_container(container, v=True, force=True)

    for again in (True, True, False):
        try:
            await daemon.ask(ask)
        except ContainerGone:
            return
        except Refused as error:
            # It is being removed by another, or paused in a way that this daemon does not kill.
            if not again:
                raise
            with contextlib.suppress(ContainerGone, Refused):
                if "paused" in str(error).lower():
                    await daemon.ask(lambda client: client.unpause(container))
            await asyncio.sleep(_AGAIN_S)
        else:
            return
