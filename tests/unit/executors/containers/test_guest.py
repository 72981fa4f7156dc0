"""The first process of a container, where the daemon that kept its log is dead or stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest

from executors.image.guest import DEADLINE_PASSED, _end


@pytest.mark.parametrize("keeper", ["dead", "stopped"])
async def test_the_deadline_ends_it_though_nobody_keeps_its_log(keeper, monkeypatch):
    reading, writing = os.pipe()
    if keeper == "dead":
        os.close(reading)
    else:
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, bytes(65_536))
        os.set_blocking(writing, True)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    with os.fdopen(writing, "wb", buffering=0) as log:
        monkeypatch.setattr("sys.stderr", log)
        _end(ended, DEADLINE_PASSED, "genie: the deadline has passed")

        assert ended.result() == DEADLINE_PASSED
        if keeper == "stopped":
            os.close(reading)  # lets the thread that still writes end
