"""The repository's own tests in a work tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.running import Running
from epics.verdicts import TestReport
from tools.suite import Suite, detect_suite, run_suite


async def suite_in(running: Running, tree: Path, environment: Mapping[str, str]) -> Suite | None:
    """The command that runs the repository's tests in this tree, or None."""
    mirror = running.workspace.mirror
    checkout = Path(mirror.location) if mirror.is_path else None
    return await detect_suite(tree, running.policy.test_command, checkout, env=environment)


async def tests_in(running: Running, suite: Suite | None, tree: Path, environment: Mapping[str, str]) -> TestReport:
    """Run the tests, and say what they said."""
    return await run_suite(suite, tree, environment, running.policy.test_timeout_s)
