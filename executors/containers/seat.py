"""The seat of one attempt: its folders on this host, and the container that its CLI works in."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from epics.errors import Environment, GitFailed
from executors.claude.port import AgentProcess, Launch
from executors.containers.confinement import CONFIG, GIT, HOME, SOCKETS, TREE, Confines, host_config
from executors.containers.daemon import ContainerGone, Daemon, DaemonLost, ImageMissing, Refused
from executors.containers.ends import State
from executors.containers.labels import Labels, container_name
from executors.containers.memory import wait_for_memory, why_not_now
from executors.containers.ownership import agent_user, hand_over
from executors.containers.places import SocketPlace, socket_place
from executors.containers.process import ContainerProcess, remove
from executors.containers.running import promised_memory
from executors.image.guest import DEADLINE, DISK_FLOOR, GATEWAY_PORT, OPEN, PROXY_PORT
from executors.port import Errand, Notes, Order
from timemachine.locks import locked
from timemachine.private_repository import admin_of, make_private_repository

_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
_NOT_INSIDE: Final = ("DOCKER_", "LD_", "PYTHON", "VIRTUAL_ENV", "XDG_", "SSH_", "CONDA_", "NODE_", "GOPATH", "GOROOT", "CARGO_", "JAVA_")
"""Of the host's environment: where things are on the host."""
_CONFLICT: Final = 409
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is the same for all containers of this worker."""

    home: Path
    image: str
    command: tuple[str, ...]
    """The CLI, as the container has it, or what commands are begun by."""
    confines: Confines
    git_environment: Mapping[str, str]


class ContainerSeat:
    """Where the CLI of one attempt sits, or a command that is run for it."""

    def __init__(
        self, daemon: Daemon, terms: Terms, order: Order | Errand, notes: Notes, labels: Labels, place: SocketPlace, *, adopted: bool
    ) -> None:
        """Bind to an attempt; `DockerLauncher.seat` is how to get one.

        Args:
            daemon: where containers are.
            terms: what is the same for all of them.
            order: what is asked.
            notes: where events go.
            labels: of the container to be.
            place: of its sockets.
            adopted: whether a container that an earlier worker started lived when it was last looked.
        """
        self._daemon = daemon
        self._terms = terms
        self._order = order
        self._notes = notes
        self._labels = labels
        self._place = place
        self._adopted = adopted
        self._processes: list[ContainerProcess] = []
        self._starting: asyncio.Task[str] | None = None

    @property
    def cwd(self) -> str:
        """The work tree, at the same place in every container."""
        return TREE

    @property
    def config(self) -> Path:
        """The folder of its settings and transcripts, which outlives the container."""
        return self._order.folder / "claude"

    @property
    def config_seen(self) -> str:
        """The same folder, as the CLI sees it."""
        return CONFIG

    @property
    def socket(self) -> Path | None:
        """Where the gateway must listen."""
        return self._place.gateway

    def base_url(self, address: str) -> str:
        """The gateway, as the container's first process offers it on the container's own loopback interface."""
        del address
        self._place.admit()
        return f"http://127.0.0.1:{GATEWAY_PORT}"

    async def alive(self) -> AgentProcess | None:
        """The CLI that an earlier worker started here, if it still works, or did until just now.

        Raises:
            Environment: if the daemon does not tell: beside one that may be at work no other is begun.
        """
        if not self._adopted:
            return None
        try:
            shown = await self._daemon.ask(lambda client: client.inspect_container(self._labels.name))
        except ContainerGone:
            return None
        labels = Labels.of(shown["Config"]["Labels"] or {})
        if labels is None or State.of(shown).status == "created":
            return None
        self._place.admit()
        return self._process(str(shown["Id"]), labels, adopted=True)

    async def start(self, launch: Launch) -> AgentProcess:
        """Start the CLI in a new container.

        Raises:
            Environment: if it cannot be started; its cause says why.
        """
        self._place.admit()
        self._see_disk()
        mounts = await self._mounts()
        # However long it takes: whoever has the lock waits for memory.
        async with locked(self._place.folder.parent / "starting.lock", patience_s=math.inf):
            await self._wait_for_memory()
            # Now, not before: to wait takes nothing from its time.
            labels = replace(self._labels, deadline=time.time() + launch.seconds)
            # Killed in the middle, the daemon may still make a container: whoever closes the seat waits for it and removes it.
            self._starting = asyncio.create_task(self._started(launch, labels, mounts), name=f"start-{labels.name}")
            container = await asyncio.shield(self._starting)
        await self._notes.noted("container_started", {"container": labels.name, "image": self._terms.image, "work": labels.work})
        return self._process(container, labels, adopted=False)

    async def close(self) -> None:
        """End and remove the container, and take away what the attempt had on this host beside its work tree."""
        if self._starting is not None:
            await asyncio.wait({self._starting})
            self._starting.exception()
        for process in self._processes:
            process.let_go_of_input()
        if self._is_anothers():
            return
        with contextlib.suppress(DaemonLost, Refused):  # a worker's sweep does it later
            await remove(self._daemon, self._labels.name)
        await asyncio.to_thread(self._clear)

    def _process(self, container: str, labels: Labels, *, adopted: bool) -> ContainerProcess:
        process = ContainerProcess(self._daemon, container, labels, self._notes, adopted=adopted, is_anothers=self._is_anothers)
        self._processes.append(process)
        return process

    def _is_anothers(self) -> bool:
        """Whether a worker that took the epic over has the container now: then everything here is its own."""
        labels, home = self._labels, self._terms.home
        agent, commands = (container_name(labels.database, labels.epic, labels.attempt, home, work=work) for work in ("agent", "tests"))
        return any(int(socket_place(name).about().get("epoch", labels.epoch)) > labels.epoch for name in (agent, commands))

    def _clear(self) -> None:
        hand_over(self._order.tree, os.geteuid(), os.getegid())
        self._place.remove()
        shutil.rmtree(self._order.folder, ignore_errors=True)

    def _see_disk(self) -> None:
        free, floor = shutil.disk_usage(self._order.tree).free // _MIB, self._terms.confines.disk_floor_mb
        if free < floor:
            raise Environment(f"{free} MiB are free where the work tree {self._order.tree} is, and {floor} must be", cause="disk_full")

    @property
    def _is_agents(self) -> bool:
        return self._labels.work == "agent"

    def _doors(self) -> tuple[int, ...]:
        """The ports inside behind which one of our sockets is: commands ask no model."""
        return (*((GATEWAY_PORT,) if self._is_agents else ()), *((PROXY_PORT,) if self._order.workflow.network.mode == "allowlist" else ()))

    async def _wait_for_memory(self) -> None:
        async def why() -> str:
            return why_not_now(self._terms.confines.memory_mb, await promised_memory(self._daemon))

        await wait_for_memory(why, self._notes)

    async def _mounts(self) -> dict[str, tuple[str, bool]]:
        order, (uid, gid) = self._order, agent_user()
        mounts = {
            TREE: (str(order.tree), True),
            **({CONFIG: (str(self.config), True)} if self._is_agents else {}),
            **({SOCKETS: (str(self._place.mounted), False)} if self._doors() else {}),
            **await self._git_mounts(),
        }

        def give() -> None:
            for path in (order.tree, self.config, order.folder / "git"):
                if path.exists():
                    hand_over(path, uid, gid)

        await asyncio.to_thread(give)
        return mounts

    async def _git_mounts(self) -> dict[str, tuple[str, bool]]:
        """A repository of the agent's own, in the place of the mirror's: the `.git` of the work tree is covered and cannot be changed."""
        link, into = self._order.tree / ".git", self._order.folder / "git"
        admin = admin_of(self._order.tree, self._terms.home / "repos")
        if admin is None:
            if link.exists() or link.is_symlink():
                raise Environment(f"{link} is not what Genie made: something put a repository of its own there", cause="strange_tree")
            return {}
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(mode=0o700)
        try:
            await make_private_repository(admin, into, self._terms.git_environment)
        except GitFailed as error:
            raise Environment(f"the agent cannot be given a repository: {error}") from error
        covering = self._order.folder / "gitfile"
        covering.write_text(f"gitdir: {GIT}\n", encoding="ascii")
        covering.chmod(0o644)
        return {GIT: (str(into), True), f"{TREE}/.git": (str(covering), False)}

    async def _started(self, launch: Launch, labels: Labels, mounts: Mapping[str, tuple[str, bool]]) -> str:
        uid, gid = agent_user()

        def create(client: Any) -> str:
            made = client.create_container_from_config(self._config(launch, labels, mounts, f"{uid}:{gid}"), labels.name)
            return str(made["Id"])

        try:
            try:
                container = await self._daemon.ask(create)
            except Refused as error:
                if error.status != _CONFLICT:
                    raise
                # One that is dead, or that an epoch before ours left: `alive` was asked before.
                await remove(self._daemon, labels.name)
                container = await self._daemon.ask(create)
            await self._daemon.ask(lambda client: client.start(container))
        except (ImageMissing, ContainerGone) as error:
            raise ImageMissing(f"there is no container image {self._terms.image}: make it with `genie container image`") from error
        return container

    def _config(self, launch: Launch, labels: Labels, mounts: Mapping[str, tuple[str, bool]], user: str) -> dict[str, Any]:
        uid, gid = agent_user()
        return {
            "Image": self._terms.image,
            "Cmd": [*self._terms.command, *launch.arguments],
            "Env": [f"{name}={value}" for name, value in self._environment(launch, labels).items()],
            "User": user,
            "WorkingDir": TREE,
            "Labels": labels.as_docker(),
            "Hostname": "agent",
            "OpenStdin": True,
            # Open for as long as the container is: the next worker writes to it too.
            "StdinOnce": False,
            "Tty": False,
            "NetworkDisabled": True,
            "HostConfig": host_config(self._terms.confines, mounts, uid, gid),
        }

    def _environment(self, launch: Launch, labels: Labels) -> dict[str, str]:
        given = {name: value for name, value in launch.environment.items() if not name.upper().startswith(_NOT_INSIDE)}
        proxy = f"http://127.0.0.1:{PROXY_PORT}"
        way_out = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy) if PROXY_PORT in self._doors() else {}
        return {
            **given,
            **way_out,
            # The gateway is on the container's own interface, and no proxy leads there.
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "PATH": _PATH,
            "HOME": HOME,
            "TMPDIR": "/tmp",  # noqa: S108  # the container's own
            "SHELL": "/bin/bash",
            DEADLINE: f"{labels.deadline:.3f}",
            DISK_FLOOR: str(self._terms.confines.disk_floor_mb),
            OPEN: " ".join(map(str, self._doors())),
        }
