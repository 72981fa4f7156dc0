"""Making a work tree ready for an attempt's commands: its own values, what the checkout lends, the setup command and its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from db.epics import Row
from db.leased_values import Place, lease_values
from engine.commands import Commands
from engine.identity import network_of_host, this_worker
from engine.lfs_contents import bring_contents_here
from engine.running import Running
from epics.errors import Environment
from epics.records import Record
from safety.scrubbing import Scrubber
from timemachine.ignores import is_ignored
from timemachine.lfs_filling import fill_lfs, uses_lfs
from timemachine.submodules import fill_submodules
from timemachine.worktrees import Worktree
from tools.environment import Borrowed, prepare_environment
from tools.ports import is_free

_TAIL: Final = 1_000
_LOG_CAP: Final = 60_000
_NAMED: Final = 5


class SetupRun(Record):
    """What came of making a work tree ready."""

    command: str | None
    """None where `genie.toml` has no setup command, and only asks for paths of the checkout."""
    exit_code: int
    timed_out: bool
    seconds: float
    log: str
    """What it said, in the middle cut to a cap, without what looks like a secret."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A work tree made ready, or why it is not."""

    environment: Mapping[str, str]
    """Of all commands of the attempt."""
    setup: Row | None = None
    """What came of it, as JSON to be kept with the attempt."""
    problem: str = ""


async def make_ready(commands: Commands, worktree: Worktree, base: str) -> Ready:
    """Lease the attempt's own values, fill the tree, lend what `genie.toml` asks for of the person's checkout, and run its setup command.

    Args:
        commands: of the attempt, whose row need not be there; where they run.
        worktree: the attempt's tree.
        base: the commit of the base branch, which says where submodules come from.

    Raises:
        LeaseLost: if another worker has taken the epic over.
        StoreUnavailable: if the database does not answer.
    """
    running = commands.running
    environment = running.environment
    try:
        environment = await own_environment(running, commands.attempt)
        said = await _submodules(running, worktree, base) + await _lfs(running, worktree) + await _borrow(commands, worktree)
        setup = await _set_up(commands, environment, said)
    except Environment as error:
        return Ready(environment=environment, problem=str(error))
    return Ready(environment=environment, setup=setup.model_dump(mode="json") if setup else None, problem=_problem(running, setup))


async def own_environment(running: Running, attempt: int) -> Mapping[str, str]:
    """The environment of all commands of an attempt: that of any, with the values that it alone has.

    Raises:
        LeaseLost: if another worker has taken the epic over.
        Environment: if this host has no port left.
    """
    place = Place(network=network_of_host(), host=this_worker().host, ports=running.ports, is_free=is_free)
    wanted = running.policy.values
    if not wanted:
        return running.environment
    return {**running.environment, **await lease_values(running.database.pool, running.lease, attempt, wanted, place)}


async def _set_up(commands: Commands, environment: Mapping[str, str], said: str) -> SetupRun | None:
    running = commands.running
    policy, scrub = running.policy, Scrubber(running.secrets)
    if policy.setup_command is None:
        return SetupRun(command=None, exit_code=0, timed_out=False, seconds=0, log=scrub.text(said)) if said else None
    command = scrub.text(policy.setup_command)
    await commands.noted("setup_started", {"command": command})
    shell = ("sh", "-c", policy.setup_command)
    done = await commands.run("setup", shell, environment, policy.setup_timeout_s, _LOG_CAP)
    facts: Row = {"exit_code": done.exit_code, "timed_out": done.timed_out, "seconds": round(done.seconds, 3)}
    await commands.noted("setup_ended", facts)
    return SetupRun(command=command, log=scrub.text(said + done.output), **facts)


def _problem(running: Running, setup: SetupRun | None) -> str:
    """Why no agent can work in a tree, with the end of what the setup command said; empty if one can."""
    if setup is None or (setup.exit_code == 0 and not setup.timed_out):
        return ""
    limit = running.policy.setup_timeout_s
    why = f"was stopped after {limit:g} s" if setup.timed_out else f"failed with exit code {setup.exit_code}"
    return f"the setup command of genie.toml, `{setup.command}`, {why}: {setup.log[-_TAIL:].strip()}"


async def _submodules(running: Running, worktree: Worktree, base: str) -> str:
    filled = await fill_submodules(worktree, base, running.workspace.home)
    return "".join(f"submodule {each.path}: {'filled' if each.done else 'not filled'}, {each.note}\n" for each in filled)


async def _lfs(running: Running, worktree: Worktree) -> str:
    """Fill the files of Git LFS, and say which stay pointers and why: whoever reads a failed test looks here."""
    if not await uses_lfs(worktree.git(), "--cached"):
        return ""
    files = await worktree.git().run("write-tree")
    await bring_contents_here(running.database.pool, worktree.mirror, running.facts.id, files)
    filled = await fill_lfs(worktree)
    if filled is None or not filled.pointers:
        return f"Git LFS: {filled.filled} files filled\n" if filled else ""
    named = ", ".join(filled.pointers[:_NAMED]) + (", …" if len(filled.pointers) > _NAMED else "")
    return f"Git LFS: {filled.filled} files filled, {len(filled.pointers)} are their pointers still ({named}): {filled.why}\n"


async def _borrow(commands: Commands, worktree: Worktree) -> str:
    """Borrow what is to be linked and copied, and say in a line each what came of it."""
    policy, mirror = commands.running.policy, commands.running.workspace.mirror
    if not (policy.links or policy.copies):
        return ""
    checkout = Path(mirror.location) if mirror.is_path else None
    # A file is copied, of a folder each file is linked: from where commands are closed in, such links lead nowhere.
    vain = {link for link in policy.links if commands.are_closed_in and checkout is not None and (checkout / link).is_dir()}
    links = tuple(link for link in policy.links if link not in vain)
    ignored = partial(is_ignored, worktree)
    borrowed = [
        *(Borrowed(path=link, made=False, note="links lead nowhere in a container: use copies, or setup") for link in sorted(vain)),
        *await prepare_environment(worktree.path, checkout, links, copies=policy.copies, is_ignored=ignored),
    ]
    return "".join(f"{each.path}: {'borrowed' if each.made else 'not borrowed'}, {each.note}\n" for each in borrowed)
