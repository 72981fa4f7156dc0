"""Whether Git LFS is here for the tests."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.fakes.claude import NO_SKIP


def needed_lfs() -> None:
    """Skip where git-lfs is not installed, and fail where nothing may be skipped."""
    if shutil.which("git-lfs") is not None:
        return
    why = "git-lfs is not installed: tests of Git LFS need it, install the package git-lfs"
    if os.environ.get(NO_SKIP):
        pytest.fail(why)
    pytest.skip(why)
