"""Nothing that a command started outlives the call, or the process that made the call."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from epics.errors import Environment
from tools.processes import HeadAndTail, run_process

ENVIRONMENT = {"PATH": os.defpath}
ROOT = Path(__file__).resolve().parents[2]
contained = pytest.mark.skipif(not (shutil.which("setpriv") and shutil.which("unshare")), reason="util-linux is not here")


async def test_the_exit_code_is_the_shells(tmp_path):
    codes = [
        await run_process(["bash", "-c", text], cwd=tmp_path, env=ENVIRONMENT, timeout_s=5) for text in ("exit 7", "kill -9 $$", "abc-def")
    ]

    assert [result.exit_code for result in codes] == [7, 137, 127]


async def test_every_byte_is_seen_as_it_comes_also_those_left_out(tmp_path):
    seen = bytearray()

    result = await run_process(
        ["bash", "-c", "head -c 3000000 /dev/zero | tr '\\0' y"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        timeout_s=10,
        output_cap=1_000,
        on_output=seen.extend,
    )

    assert len(seen) == 3_000_000
    assert result.truncated_bytes == 2_999_000
    assert len(result.output) < 1_100


async def test_a_background_process_does_not_hold_up_the_end(tmp_path):
    result = await run_process(["bash", "-c", "sleep 30 & echo bye"], cwd=tmp_path, env=ENVIRONMENT, timeout_s=10)

    assert (result.exit_code, result.output, result.timed_out) == (0, "bye\n", False)
    assert result.seconds < 5


@pytest.mark.parametrize("command", [["no-such-program"], ["./nope"], []])
async def test_a_program_that_is_not_there_is_said_so(tmp_path, command):
    with pytest.raises(Environment):
        await run_process(command, cwd=tmp_path, env=ENVIRONMENT, timeout_s=5)


async def test_a_folder_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(Environment, match="does not exist"):
        await run_process(["true"], cwd=tmp_path / "gone", env=ENVIRONMENT, timeout_s=5)


async def test_cancelling_ends_the_command(tmp_path):
    running = asyncio.ensure_future(
        run_process(["bash", "-c", "touch begun; sleep 1; touch late"], cwd=tmp_path, env=ENVIRONMENT, timeout_s=30)
    )
    while not (tmp_path / "begun").exists():
        await asyncio.sleep(0.01)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    await asyncio.sleep(1.2)
    assert not (tmp_path / "late").exists()


@contained
def test_killing_the_worker_kills_the_command_and_what_left_its_session(tmp_path):
    text = "setsid bash -c 'sleep 2; touch later' & touch begun; sleep 2; touch late"
    program = f"""
import asyncio
from pathlib import Path
from tools.processes import run_process
asyncio.run(run_process(["bash", "-c", {text!r}], cwd=Path({str(tmp_path)!r}), env={ENVIRONMENT!r}, timeout_s=60))
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=ENVIRONMENT) as worker:
        until = time.monotonic() + 10
        while not (tmp_path / "begun").exists() and time.monotonic() < until:
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)

    time.sleep(2.4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun"]


def test_head_and_tail_are_kept_however_the_bytes_come():
    kept = HeadAndTail(10)

    for chunk in (b"ab", b"cdefgh", b"", b"ijklmnopqrstuv", b"wxyz"):
        kept.add(chunk)

    assert kept.text() == "abcde\n[… 16 bytes left out …]\nvwxyz"
