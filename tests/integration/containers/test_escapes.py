"""What an agent in a container cannot do, whatever it tries: one that tries it all reports what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from executors.containers.confinement import Confines
from executors.containers.daemon import Daemon
from executors.containers.launcher import DockerLauncher
from tests.fakes.container_agents import Agent, gateway, launch
from tests.fakes.docker_daemon import docker_host, image, open_client
from timemachine.commits import Signature
from timemachine.snapshots import snapshot
from timemachine.workspace import open_workspace
from timemachine.worktrees import add_worktree

pytestmark = pytest.mark.docker

#: Stands for the provider's key, which this process has and no container may.
SECRET = "sk-live-0123456789-not-for-agents"

TRY_ALL = """
def shell(command, seconds=5):
    try:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=seconds)
        return [done.returncode, (done.stdout + done.stderr)[-20000:]]
    except subprocess.TimeoutExpired:
        return [None, "it hung"]
def connects(host, port):
    import socket
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False
home, port = open("where").read().split()
say(json.dumps({
    "user": shell("id -u"),
    "interfaces": shell("ls /sys/class/net"),
    "routes": shell("cat /proc/net/route"),
    "host_port": [connects(host, int(port)) for host in ("127.0.0.1", "172.17.0.1", "10.0.0.1", "host.docker.internal")],
    "outside": connects("1.1.1.1", 443),
    "name": shell("getent hosts example.org"),
    "docker_socket": shell("find / -xdev -name 'docker*.sock' -o -xdev -name 'containerd*.sock' 2>/dev/null"),
    "other_tree": shell(f"ls {home}; ls /workspace/..; cat /workspace/../*/secret; find / -name other-epics-secret"),
    "writes": {place: shell(f"touch {place}/x")[0] for place in "/ /etc /usr/bin /genie /genie/sockets /var /root /run".split()},
    "may_write": {place: shell(f"touch {place}/x")[0] for place in ("/workspace", "/tmp", "$HOME", "/genie/config")},
    "git_file": shell("rm -f /workspace/.git; mv /workspace/.git /workspace/g; echo x > /workspace/.git; cat /workspace/.git"),
    "git": shell("git log --oneline; git branch -a; git cat-file -e $(cat other-commit) && echo has-other-epics-commit"),
    "root": shell("sudo -n id; su -c id; chmod u+s /tmp/x; unshare -r id; unshare -m id; mount -t tmpfs x /workspace", 10),
    "devices": shell("mknod /tmp/sda b 8 0; ls /dev; cat /dev/mem; dmesg"),
    "first_process": shell("kill -9 1; kill -STOP 1; cat /proc/1/environ; cat /proc/1/mem; echo 1 > /proc/1/oom_score_adj"),
    "kernel": shell("echo 1 > /proc/sys/kernel/sysrq; echo b > /proc/sysrq-trigger; ls /sys/fs/cgroup; touch /sys/fs/cgroup/x"),
    "processes": shell("ps -e -o comm="),
    "everything": shell("env; cat /proc/*/environ /proc/*/cmdline; cat /genie/config/*", 20),
    "key": shell("grep -r sk-live /etc /usr/local/lib /genie /tmp", 20),
}))
"""


@dataclass
class Tried:
    """What the agent reported, and what was left behind."""

    said: dict[str, Any]
    inspected: str
    logs: str
    image_history: str
    host_file: Path


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, sample_repo: Path) -> Iterator[Tried]:
    base = tmp_path_factory.mktemp("escapes")
    os.environ["ANTHROPIC_API_KEY"] = SECRET
    try:
        with _listener() as port:
            yield asyncio.run(_try(base, sample_repo, port))
    finally:
        del os.environ["ANTHROPIC_API_KEY"]


async def _try(base: Path, repo: Path, port: int) -> Tried:
    home = base / "home"
    agent = Agent(home, TRY_ALL)
    other = await _two_worktrees(agent, repo)
    agent.order()
    (agent.tree / "where").write_text(f"{home} {port}")
    (agent.tree / "other-commit").write_text(other)
    neighbour = home / "worktrees" / "e-other" / "other-epics-secret"
    neighbour.parent.mkdir(parents=True)
    neighbour.write_text("secret")
    launcher = DockerLauncher(
        home=home,
        git_environment={"PATH": "/usr/bin:/bin"},
        docker_host=docker_host(),
        image=image(),
        command=("/workspace/cli",),
        confines=Confines(memory_mb=256, pids=64, scratch_mb=32),
    )
    try:
        async with launcher.seat(agent.order(), agent.journal) as seat, gateway(seat) as url:
            process = await seat.start(launch(environment={"GATEWAY": url, "ANTHROPIC_API_KEY": "token-of-this-attempt"}, seconds=60))
            await process.close_input()
            lines = [line async for line in process.lines()]
            with open_client(Daemon(docker_host())) as client:
                name = client.containers(all=True, filters={"label": f"genie.database={agent.database}"})[0]["Id"]
                shown = json.dumps(client.inspect_container(name))
                logs = client.logs(name).decode()
                history = json.dumps([client.history(image()), client.inspect_image(image())])
    finally:
        await launcher.close()
    return Tried(said=json.loads(lines[-1]), inspected=shown, logs=logs, image_history=history, host_file=agent.tree / ".git")


async def _two_worktrees(agent: Agent, repo: Path) -> str:
    """The agent's work tree, and a commit of another epic's in the same mirror; returns that commit."""
    workspace = await open_workspace(agent.home, str(repo), {"PATH": os.environ["PATH"]})
    base = await workspace.mirror.fetch_base("main")
    await add_worktree(workspace.mirror, agent.tree, base)
    other = await add_worktree(workspace.mirror, agent.home / "worktrees" / "e-x" / "e-x-1", base)
    (other.path / "plan").write_text("another epic's work")
    at = Signature(name="x", email="x@localhost", at=datetime(2026, 1, 1, tzinfo=UTC))
    return (await snapshot(other, signature=at, message="other\n")).commit


@contextlib.contextmanager
def _listener() -> Iterator[int]:
    """A port of the host's own loopback interface that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_take_all, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _take_all(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            server.accept()[0].close()


@pytest.fixture(scope="module")
def sample_repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = tmp_path_factory.mktemp("repo")
    (repo / "file").write_text("content\n")
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=repo, check=True)
    return repo


def test_it_is_not_root_and_cannot_become_it(tried):
    assert tried.said["user"][1].strip() not in {"", "0"}
    assert "uid=0" not in tried.said["root"][1]


def test_it_reaches_no_network_and_no_port_of_the_host(tried):
    assert tried.said["interfaces"][1].split() == ["lo"]
    assert tried.said["routes"][1].count("\n") <= 1
    assert tried.said["host_port"] == [False] * 4
    assert tried.said["outside"] is False
    assert tried.said["name"][0] != 0


def test_it_finds_no_socket_of_the_daemon(tried):
    assert tried.said["docker_socket"][1].strip() == ""


def test_it_finds_no_other_epics_tree(tried):
    assert "other-epics-secret" not in tried.said["other_tree"][1].replace("find / -name other-epics-secret", "")


def test_it_writes_nowhere_but_to_its_tree_its_settings_and_scratch(tried):
    assert 0 not in tried.said["writes"].values(), tried.said["writes"]
    assert set(tried.said["may_write"].values()) == {0}


def test_its_repository_has_its_own_history_and_nothing_of_other_epics(tried):
    assert "first" in tried.said["git"][1]
    assert "has-other-epics-commit" not in tried.said["git"][1]


def test_what_leads_the_hosts_git_to_its_repository_is_out_of_its_reach(tried):
    assert tried.host_file.read_text().startswith("gitdir: ")
    assert "/genie/git" not in tried.host_file.read_text()
    assert tried.said["git_file"][1].startswith("gitdir: /genie/git\n")


def test_it_makes_no_devices_and_changes_nothing_of_the_kernel(tried):
    assert "sda" not in [line.strip() for line in tried.said["devices"][1].splitlines()]
    assert "Read-only" in tried.said["kernel"][1] or "denied" in tried.said["kernel"][1]


def test_it_can_neither_stop_nor_read_the_first_process(tried):
    assert "GENIE_DEADLINE" not in tried.said["first_process"][1]
    assert len(set(tried.said["processes"][1].split())) < 6


def test_the_real_key_is_nowhere(tried):
    everywhere = json.dumps(tried.said) + tried.inspected + tried.logs + tried.image_history

    assert "token-of-this-attempt" in everywhere
    assert SECRET not in everywhere
