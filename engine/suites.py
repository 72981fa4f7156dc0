"""The repository's own tests in a work tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.commands import Commands
from epics.verdicts import TestReport
from tools.suite import Suite, detect_suite, detect_suite_inside, run_suite


async def suite_in(commands: Commands, environment: Mapping[str, str]) -> Suite | None:
    """The command that runs the repository's tests in the tree of an attempt, or None.

    Raises:
        Environment: if there are tests that cannot be run where the attempt's commands are.
    """
    policy, mirror = commands.running.policy, commands.running.workspace.mirror
    if commands.are_closed_in:
        return detect_suite_inside(commands.tree, policy.test_command)
    checkout = Path(mirror.location) if mirror.is_path else None
    return await detect_suite(commands.tree, policy.test_command, checkout, env=environment)


async def tests_in(commands: Commands, suite: Suite | None, environment: Mapping[str, str]) -> TestReport:
    """Run the tests, and say what they said.

    Raises:
        Environment: if they cannot be run.
    """
    elsewhere = commands.run_tests if commands.are_closed_in else None
    return await run_suite(suite, commands.tree, environment, commands.running.policy.test_timeout_s, elsewhere=elsewhere)
