"""The embedded server: any number of processes, any of them killed, the server itself killed; what was committed stays."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from db.embedded import open_embedded
from db.embedded_process import postmaster_pid
from db.file_locks import exclusive, is_held, open_lock, try_exclusive
from epics.errors import Environment, StoreUnavailable

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
USER = """
import asyncio, sys
from pathlib import Path
from db.embedded import open_embedded

async def main():
    async with open_embedded(Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""
BUSY_SECOND = b"""
DO $$
DECLARE t timestamptz := clock_timestamp();
BEGIN
    WHILE clock_timestamp() < t + '1s' LOOP END LOOP;
END
$$
"""


@contextmanager
def another_process(home: Path) -> Generator[subprocess.Popen[str]]:
    """A process that uses the server under `home` until it is told to end, or killed."""
    command = [sys.executable, "-c", USER, str(home)]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def url_from(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> int:
    with suppress(BrokenPipeError):
        process.communicate("\n", timeout=30)
    return process.wait(timeout=30)


def stop_for_good(home: Path) -> None:
    """Leave nothing behind, whatever became of the test."""
    if (pid := postmaster_pid(home / "postgres" / "data")) is not None:
        os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + 10
    while is_alive(home) and time.monotonic() < deadline:
        time.sleep(0.01)


def is_alive(home: Path) -> bool:
    lock = home / "postgres" / "server.lock"
    return lock.exists() and is_held(lock)


def living_pid(home: Path) -> int:
    pid = postmaster_pid(home / "postgres" / "data")
    assert pid is not None
    return pid


def note(url: str, text: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (text text)")
        connection.execute("INSERT INTO notes VALUES (%s)", (text,))


def notes(url: str) -> list[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY text")]


@pytest.fixture
def home(tmp_path: Path) -> Generator[Path]:
    path = tmp_path / "home"
    yield path
    stop_for_good(path)


@pytest.fixture
def runtime_dir() -> Generator[Path]:
    """A place for sockets whose own path is short, whatever the depth that this run of the tests is at."""
    with tempfile.TemporaryDirectory(prefix="genie-test-") as place:
        yield Path(place)


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose cluster is made already; its server is down between tests."""
    path = tmp_path_factory.mktemp("made")

    async def make() -> None:
        async with open_embedded(path):
            pass

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(make())
    return path


@pytest.fixture
def warm_home(made_home: Path) -> Generator[Path]:
    yield made_home
    stop_for_good(made_home)


async def test_the_last_one_out_stops_the_server_and_the_data_stays(home: Path) -> None:
    async with open_embedded(home) as url:
        note(url, "kept")
        async with open_embedded(home) as again:
            assert again == url
        assert is_alive(home)

    assert not is_alive(home)
    async with open_embedded(home) as url:
        assert notes(url) == ["kept"]


async def test_a_home_too_deep_for_a_socket_works(tmp_path: Path, runtime_dir: Path) -> None:
    home = tmp_path / "/".join(["a-rather-long-name"] * 10)

    async with open_embedded(home, runtime_dir=runtime_dir) as url:
        note(url, "deep")
        places = list(runtime_dir.glob("genie-*"))

    assert len(str(home)) > 107
    assert [oct(place.stat().st_mode & 0o777) for place in places if place.exists()] == []
    assert len(places) == 1
    async with open_embedded(home, runtime_dir=runtime_dir) as url:
        assert notes(url) == ["deep"]


async def test_odd_characters_in_the_home_work(tmp_path: Path) -> None:
    home = tmp_path / 'it\'s a, "home" 100% @ü'

    async with open_embedded(home) as url:
        note(url, "odd")
        found = notes(url)

    assert found == ["odd"]


async def test_a_socket_directory_that_another_made_is_not_used(tmp_path: Path, home: Path, runtime_dir: Path) -> None:
    deep = home / "/".join(["a-rather-long-name"] * 6)
    async with open_embedded(deep, runtime_dir=runtime_dir):
        (place,) = runtime_dir.glob("genie-*")
    place.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir(mode=0o700)

    async with open_embedded(deep, runtime_dir=runtime_dir):
        hijacked = list((tmp_path / "elsewhere").iterdir())

    assert hijacked == []


async def test_a_lost_socket_is_made_again(warm_home: Path) -> None:
    with another_process(warm_home) as process:
        url_from(process)
        (warm_home / "postgres" / "run" / ".s.PGSQL.5432").unlink()

        async with open_embedded(warm_home) as url:
            note(url, "found again")


async def test_six_processes_open_one_new_home_at_once(home: Path) -> None:
    with (
        another_process(home) as one,
        another_process(home) as two,
        another_process(home) as three,
        another_process(home) as four,
        another_process(home) as five,
        another_process(home) as six,
    ):
        everyone = (one, two, three, four, five, six)
        urls = {url_from(process) for process in everyone}
        ends = [end(process) for process in everyone]

    assert len(urls) == 1
    assert urls != {""}
    assert ends == [0] * 6
    assert not is_alive(home)


async def test_a_server_outlives_the_kill_of_its_starter_and_ends_with_the_next_user(warm_home: Path) -> None:
    with another_process(warm_home) as process:
        note(url_from(process), "before the kill")
        pid = living_pid(warm_home)
        process.kill()
        process.wait()
        assert is_alive(warm_home)

    async with open_embedded(warm_home) as url:
        assert living_pid(warm_home) == pid
        assert "before the kill" in notes(url)

    assert not is_alive(warm_home)


async def test_a_killed_server_is_replaced_with_its_data_intact(warm_home: Path) -> None:
    with another_process(warm_home) as process:
        note(url_from(process), "before the crash")
        first = living_pid(warm_home)
        os.kill(first, signal.SIGKILL)

        async with open_embedded(warm_home) as url:
            assert living_pid(warm_home) != first
            assert "before the crash" in notes(url)


async def test_an_orphan_that_still_works_is_waited_for(warm_home: Path) -> None:
    with another_process(warm_home) as process:
        url = url_from(process)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as busy:
            # A loop without a wait in it: such a backend sees only at its end that its server is gone.
            work = asyncio.create_task(busy.execute(BUSY_SECOND))
            await asyncio.sleep(0.2)
            os.kill(living_pid(warm_home), signal.SIGKILL)

            async with open_embedded(warm_home) as again:
                note(again, "after the orphan")
                was_done = work.done()
            await work

    assert was_done


async def test_a_pid_file_whose_number_is_another_process_is_no_obstacle(warm_home: Path) -> None:
    data = warm_home / "postgres" / "data"
    async with open_embedded(warm_home):
        lines = (data / "postmaster.pid").read_text().splitlines()
        socket_lock = (warm_home / "postgres" / "run" / ".s.PGSQL.5432.lock").read_text().splitlines()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            (data / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            (warm_home / "postgres" / "run" / ".s.PGSQL.5432.lock").write_text("\n".join([str(stranger.pid), *socket_lock[1:]]) + "\n")

            async with open_embedded(warm_home) as url:
                note(url, "not fooled")

            assert stranger.poll() is None
        finally:
            stranger.kill()


async def test_a_half_made_cluster_is_made_anew(home: Path) -> None:
    with another_process(home) as process:
        deadline = time.monotonic() + 10
        while not list(home.glob("postgres/initdb-*/data/base")) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.kill()
        process.wait()
    assert not (home / "postgres" / "data").exists()

    async with open_embedded(home) as url:
        note(url, "whole")

    assert list(home.glob("postgres/initdb-*")) == []


async def test_an_initdb_that_outlived_its_maker_is_waited_for(home: Path) -> None:
    half_made = home / "postgres" / "initdb-killed"
    half_made.parent.mkdir(mode=0o700, parents=True)
    half_made.mkdir()
    with open_lock(home / "postgres" / "making.lock") as descriptor:
        assert try_exclusive(descriptor)
        # A process that writes into the half-made cluster for as long as it has the lock, as an orphaned initdb does.
        writes = 'i=0; while [ $i -lt 400 ]; do mkdir -p "$0/$i"; i=$((i+1)); done'
        orphan = subprocess.Popen(["sh", "-c", writes, str(half_made)], pass_fds=(descriptor,))
    try:
        async with open_embedded(home) as url:
            note(url, "whole")
            assert orphan.poll() is not None
            assert list(home.glob("postgres/initdb-*")) == []
    finally:
        orphan.kill()
        orphan.wait()


async def test_two_homes_at_once_have_two_servers(warm_home: Path, home: Path) -> None:
    async with open_embedded(warm_home) as one, open_embedded(home) as two:
        note(two, "only here")
        pids = {living_pid(warm_home), living_pid(home)}

    assert one != two
    assert len(pids) == 2


async def test_a_server_can_be_left_running(warm_home: Path) -> None:
    async with open_embedded(warm_home, keep_running=True):
        pid = living_pid(warm_home)

    assert living_pid(warm_home) == pid
    async with open_embedded(warm_home):
        assert living_pid(warm_home) == pid
    assert not is_alive(warm_home)


async def test_ctrl_c_at_the_terminal_does_not_reach_the_server(warm_home: Path) -> None:
    async with open_embedded(warm_home):
        pid = living_pid(warm_home)

        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgid(0)


async def test_the_server_listens_on_no_port_and_asks_for_the_password(warm_home: Path) -> None:
    async with open_embedded(warm_home) as url:
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT current_setting('listen_addresses'), current_setting('fsync'), current_user").fetchone()

        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url, password="wrong")

    assert row == ("", "on", "genie")
    assert oct((warm_home / "postgres" / "data" / "genie.password").stat().st_mode & 0o777) == "0o600"


async def test_a_waiter_is_told_who_keeps_it_waiting(warm_home: Path) -> None:
    async with exclusive(warm_home / "postgres" / "start.lock", patience_s=1):
        with pytest.raises(StoreUnavailable, match=f"process {os.getpid()} has been"):
            async with open_embedded(warm_home, patience_s=0.1):
                pass


async def test_a_data_directory_of_another_version_is_refused_in_words(home: Path) -> None:
    data = home / "postgres" / "data"
    (home / "postgres").mkdir(mode=0o700, parents=True)
    data.mkdir(mode=0o700)
    (data / "PG_VERSION").write_text("16\n")

    with pytest.raises(Environment, match="was made by PostgreSQL 16, and this Genie has 18"):
        async with open_embedded(home):
            pass

    assert (data / "PG_VERSION").read_text() == "16\n"


async def test_a_start_that_fails_tells_the_end_of_the_log(warm_home: Path) -> None:
    local = warm_home / "postgres" / "data" / "local.conf"
    local.write_text("max_connections = 'many'\n")
    try:
        with pytest.raises(Environment, match=r"did not start .*max_connections"):
            async with open_embedded(warm_home):
                pass
    finally:
        local.unlink()


async def test_a_home_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Environment, match=r"GENIE_HOME .* cannot be used: Not a directory"):
        async with open_embedded(tmp_path / "file" / "home"):
            pass


async def test_a_home_of_the_old_log_keeps_only_so_much_of_it(warm_home: Path) -> None:
    log = warm_home / "postgres" / "server.log"
    log.write_text("x" * 5_000_000)

    async with open_embedded(warm_home):
        size = log.stat().st_size

    assert size < 100_000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a user namespace")
def test_root_without_user_namespaces_is_told_what_to_do(home: Path) -> None:
    # In a namespace of its own the limit can be lowered without touching the machine.
    script = f'echo 0 > /proc/sys/user/max_user_namespaces && exec "{sys.executable}" -c "$0" "$1"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", script, USER, str(home)]

    ended = subprocess.run(
        command, env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode != 0
    assert "user namespaces are off on this machine" in ended.stderr
    assert "GENIE_DATABASE_URL" in ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another")
@pytest.mark.parametrize("uid", [65534, 12345], ids=["with a name", "without a name"])
def test_an_ordinary_user_needs_no_namespace_and_one_without_a_name_gets_one(home: Path, uid: int) -> None:
    command = ["unshare", "--user", f"--map-user={uid}", f"--map-group={uid}", sys.executable, "-c", USER, str(home)]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}

    ended = subprocess.run(command, env=environment, input="\n", capture_output=True, text=True, timeout=60, check=False)

    assert ended.stdout.startswith("postgresql://"), ended.stderr
    assert ended.returncode == 0
    assert not is_alive(home)


async def test_a_cancelled_start_leaves_no_server(home: Path) -> None:
    async def use() -> None:
        async with open_embedded(home):
            await asyncio.sleep(60)

    using = asyncio.create_task(use())
    await asyncio.sleep(0.2)
    using.cancel()
    with suppress(asyncio.CancelledError):
        await using

    assert not is_alive(home)
