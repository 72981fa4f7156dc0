"""Seats CLIs in containers of a Docker daemon on this host, and runs the commands of their attempts in such."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from epics.errors import Environment
from executors.claude.port import Seat
from executors.containers.commands import BEGINNING, run_in
from executors.containers.confinement import Confines
from executors.containers.daemon import ContainerGone, Daemon, DaemonLost, ImageMissing, Refused
from executors.containers.egress import Egress
from executors.containers.ends import State
from executors.containers.labels import Labels, Work, container_name
from executors.containers.places import socket_place
from executors.containers.process import remove
from executors.containers.seat import ContainerSeat, Terms
from executors.image.making import GUEST_LABEL, guest_hash
from executors.image.rootfs import CLI_INSIDE
from executors.port import Errand, Journal, Notes, Order, Owner
from tools.processes import ProcessResult


class DockerLauncher:
    """Seats CLIs in containers."""

    def __init__(
        self,
        *,
        home: Path,
        git_environment: Mapping[str, str],
        docker_host: str | None = None,
        image: str = "genie-agent",
        confines: Confines | None = None,
        command: tuple[str, ...] = (CLI_INSIDE,),
    ) -> None:
        """Keep where and how; nothing is asked of the daemon yet.

        Args:
            home: Genie's home.
            git_environment: where git finds its PATH.
            docker_host: where the daemon listens; None for what DOCKER_HOST says, or Docker's default.
            image: the name of the image.
            confines: how much of the host an agent may take.
            command: the CLI, as the image has it.
        """
        self._daemon = Daemon(docker_host)
        self._terms = Terms(
            home=home.resolve(), image=image, command=command, confines=confines or Confines(), git_environment=git_environment
        )
        self._said_to_live: set[str] = set()

    def check(self) -> None:
        """See that the daemon answers and has an image that this Genie can use.

        Raises:
            DaemonLost: if the daemon does not answer.
            ImageMissing: if the image is missing, or was made by another release.
        """
        try:
            shown = self._daemon.ask_now(lambda client: client.inspect_image(self._terms.image))
        except ImageMissing as error:
            raise ImageMissing(f"there is no container image {self._terms.image}: make it with `genie container image`") from error
        if (shown["Config"].get("Labels") or {}).get(GUEST_LABEL) != guest_hash():
            raise ImageMissing(
                f"the container image {self._terms.image} was made by another release of Genie: make it anew with `genie container image`"
            )

    @asynccontextmanager
    async def seat(self, order: Order, journal: Journal) -> AsyncGenerator[Seat]:
        """Open the seat of an attempt; what a CLI that is dead has left there is cleared first.

        Raises:
            Environment: if this host has no place for it.
        """
        labels = self._labels(order, "agent")
        # Whoever was told that it lives has left the tree alone: it is gone on with, though it may have ended since.
        adopted = labels.name in self._said_to_live or await self.lives(order.epic, order.attempt, order.owner)
        self._said_to_live.discard(labels.name)
        async with self._seated(self._terms, order, journal, labels, adopted=adopted) as seat:
            yield seat

    async def run_command(self, errand: Errand, notes: Notes) -> ProcessResult:
        """Run a command of an attempt in a container of its own, with the walls that its agent has.

        Raises:
            Environment: if it cannot be started, or something beside the command ended it.
        """
        labels, terms = self._labels(errand, errand.work), replace(self._terms, command=BEGINNING)
        async with self._seated(terms, errand, notes, labels, adopted=False) as seat:
            return await run_in(seat, self._daemon, labels.name, errand)

    async def end_command(self, epic: str, attempt: int, owner: Owner) -> None:
        """End the command that a dead worker left running; one of another database or home is another's."""
        with contextlib.suppress(DaemonLost, Refused):  # then no new one can be started either
            await remove(self._daemon, container_name(owner.database, epic, attempt, self._terms.home, work="tests"))

    def _labels(self, order: Order | Errand, work: Work) -> Labels:
        return Labels(
            database=order.owner.database,
            epic=order.epic,
            attempt=order.attempt,
            epoch=order.owner.epoch,
            home=str(self._terms.home),
            deadline=0.0,
            memory_mb=self._terms.confines.memory_mb,
            work=work,
        )

    @asynccontextmanager
    async def _seated(
        self, terms: Terms, order: Order | Errand, notes: Notes, labels: Labels, *, adopted: bool
    ) -> AsyncGenerator[ContainerSeat]:
        place = socket_place(labels.name)
        seat = ContainerSeat(self._daemon, terms, order, notes, labels, place, adopted=adopted)
        if not adopted:
            await asyncio.to_thread(_fresh, order.folder, seat.config)
        place.make(labels)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(_to_its_end, seat)
            if order.workflow.network.mode == "allowlist":
                await stack.enter_async_context(Egress(order.workflow.network.hosts, notes).listen(place.egress))
            yield seat

    async def lives(self, epic: str, attempt: int, owner: Owner) -> bool:
        """Whether the attempt's container still runs on this host; one of another database or home is another's.

        Raises:
            DaemonLost: if nobody can tell: what may be at work must be left alone until the daemon answers.
        """
        name = container_name(owner.database, epic, attempt, self._terms.home)
        try:
            shown = await self._daemon.ask(lambda client: client.inspect_container(name))
        except ContainerGone:
            return False
        if State.of(shown).lives:
            self._said_to_live.add(name)
        return State.of(shown).lives

    async def close(self) -> None:
        """Let go of the daemon."""
        await asyncio.to_thread(self._daemon.close)


async def _to_its_end(seat: ContainerSeat) -> None:
    """Close a seat whole, also where whoever opened it is cancelled meanwhile: nothing may be left behind."""
    closing = asyncio.create_task(seat.close(), name="close-seat")
    cancelled = False
    while not closing.done():
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:  # noqa: BLE001  # told below
            break
    closing.result()
    if cancelled:
        raise asyncio.CancelledError


def _fresh(folder: Path, config: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, mode=0o700)
        config.mkdir(mode=0o700)
    except OSError as error:
        raise Environment(f"the folder {folder} for an agent's settings cannot be made: {error.strerror}") from error
