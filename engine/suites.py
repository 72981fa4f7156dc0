"""The environment of a work tree, and the repository's own tests in it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import structlog

from engine.running import Running
from epics.errors import Environment
from epics.verdicts import TestReport
from timemachine.ignores import is_ignored
from timemachine.worktrees import Worktree
from tools.environment import prepare_environment
from tools.processes import run_process
from tools.suite import Suite, detect_suite, run_suite

_TAIL = 1_000
_LOG = structlog.get_logger()


async def prepare_worktree(running: Running, worktree: Worktree) -> None:
    """Lend the tree what the repository's `genie.toml` asks for from the person's checkout, and run its setup command.

    Raises:
        Environment: if the setup command fails, with the end of what it said.
    """
    policy = running.policy
    if policy.links:
        borrowed = await prepare_environment(worktree.path, _checkout(running), policy.links, is_ignored=partial(is_ignored, worktree))
        for link in borrowed:
            if not link.made:
                _LOG.warning("not borrowed from the checkout", path=link.path, why=link.note, epic=running.facts.id)
    if policy.setup_command is None:
        return
    done = await run_process(
        ("sh", "-c", policy.setup_command), cwd=worktree.path, env=running.environment, timeout_s=policy.setup_timeout_s
    )
    if done.exit_code != 0:
        why = f"was stopped after {policy.setup_timeout_s:g} s" if done.timed_out else f"failed with exit code {done.exit_code}"
        message = f"the setup command of genie.toml, `{policy.setup_command}`, {why}: {done.output[-_TAIL:].strip()}"
        raise Environment(message)


async def suite_in(running: Running, tree: Path) -> Suite | None:
    """The command that runs the repository's tests in this tree, or None."""
    return await detect_suite(tree, running.policy.test_command, _checkout(running), env=running.environment)


async def tests_in(running: Running, suite: Suite | None, tree: Path) -> TestReport:
    """Run the tests, and say what they said."""
    return await run_suite(suite, tree, running.environment, running.policy.test_timeout_s)


def _checkout(running: Running) -> Path | None:
    mirror = running.workspace.mirror
    return Path(mirror.location) if mirror.is_path else None
