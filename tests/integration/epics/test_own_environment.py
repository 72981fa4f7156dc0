"""What an attempt has of its own: values, copies of what the checkout has, and the log of its setup command."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from epics.approvals import Choice
from epics.errors import MomentNotFound, NotFound
from tests.integration.epics.plays import CHECK, play

pytestmark = pytest.mark.postgres

TOML = f"""
[test]
command = 'echo "test $PORT $DB_NAME" >> "$(cat .place)"; {CHECK}'
[environment]
copies = [".place", "local", "missing"]
setup = 'echo "set up with $PORT"; echo "password=hunter2hunter2"; echo "setup $PORT $DB_NAME" >> "$(cat .place)"'
[environment.values]
PORT = "port"
DB_NAME = "name:app_test"
"""


@pytest.fixture
async def epic(begin, tmp_path):
    turns = {"write": {"greeting.txt": "hello\n"}, "run": ['echo "agent $PORT $DB_NAME" >> "$(cat .place)"; cat local/deep/a.txt']}
    epic = await begin([play("implement", turns)], toml=TOML, files={".gitignore": ".place\nlocal/\n"}, auto_approve=True)
    (epic.repo / ".place").write_text(str(tmp_path / "seen.txt"))
    (epic.repo / "local" / "deep").mkdir(parents=True)
    (epic.repo / "local" / "deep" / "a.txt").write_text("of the checkout\n")
    return epic


async def test_setup_agent_and_tests_of_an_attempt_have_the_same_values_and_give_them_back(epic, tmp_path):
    assert (await epic.go()).status == "merged"

    seen = [line.split() for line in (tmp_path / "seen.txt").read_text().splitlines()]
    assert [who for who, *_ in seen] == ["setup", "setup", "setup", "agent", "setup", "test", "setup", "setup", "setup"]
    assert all(20_000 <= int(port) < 30_000 and name == "app_test_1" for _, port, name in seen)
    assert len({port for _, port, _ in seen[4:6]}) == 1
    assert await epic.rows("SELECT * FROM leased_values WHERE epic_id = %s") == []


async def test_the_log_of_the_setup_command_is_kept_without_secrets(epic):
    await epic.go()

    setup = await epic.engine.setup_log(epic.id, 3)
    events = [(event.type, event.data) for event in await epic.engine.events(epic.id) if event.type.startswith("setup_")]

    assert (setup.exit_code, setup.timed_out) == (0, False)
    assert "missing: not borrowed, the checkout has none\n" in setup.log
    assert "local: borrowed, a copy\n" in setup.log
    assert "set up with 2" in setup.log
    assert "hunter2" not in setup.log
    assert "[secret]" in setup.log
    assert [kind for kind, _ in events[:2]] == ["setup_started", "setup_ended"]
    assert events[1][1].items() >= {"attempt": 1, "exit_code": 0}.items()
    [turn, *_] = await epic.engine.attempt_log(epic.id, 3)
    assert "of the checkout" in str(turn["results"])
    assert (await epic.engine.attempts(epic.id))[2].setup.keys() == {"command", "exit_code", "timed_out", "seconds"}


async def test_of_an_attempt_without_a_setup_there_is_no_log(begin):
    epic = await begin()
    await epic.go()

    with pytest.raises(NotFound, match="nothing was to do"):
        await epic.engine.setup_log(epic.id, 1)
    with pytest.raises(MomentNotFound):
        await epic.engine.setup_log(epic.id, 99)


async def test_a_setup_command_that_hangs_is_stopped_and_its_log_says_how_far_it_came(begin):
    epic = await begin(toml=f'[test]\ncommand = "{CHECK}"\n[environment]\nsetup = "echo half way; sleep 60"\nsetup_timeout_s = 0.5\n')

    stopped = await epic.go()

    setup = await epic.engine.setup_log(epic.id, 1)
    assert stopped.step == "failure_gate"
    assert (setup.timed_out, setup.log) == (True, "half way\n")
    assert (await epic.decide(Choice.ABANDON)).status == "failed"


async def test_an_attempt_goes_on_after_a_crash_with_the_values_that_it_had(begin, tmp_path):
    seen = tmp_path / "seen.txt"
    run = f'echo "$PORT $DB_NAME" >> {seen}'
    turns = [{"write": {"greeting.txt": "hello\n"}, "run": [run]}, {"run": ["sleep 1"]}, {"run": [run]}]
    toml = f'[test]\ncommand = "{CHECK}"\n[environment.values]\nPORT = "port"\nDB_NAME = "name:db"\n'
    epic = await begin([play("implement", *turns)], toml=toml, auto_approve=True)
    running = asyncio.create_task(epic.go())
    while not seen.exists():
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})

    assert (await epic.go()).status == "merged"

    first, last = seen.read_text().split("\n")[0], seen.read_text().split("\n")[-2]
    assert first == last
    assert await epic.rows("SELECT * FROM leased_values WHERE epic_id = %s") == []


async def test_tests_find_the_files_of_a_submodule_and_no_work_tree_is_left(begin, git, git_repo, tmp_path):
    from engine.starting import StartEpic

    part = git_repo({"lib.txt": "of the part\n"}, name="part")
    epic = await begin(toml='[test]\ncommand = "grep -q part vendor/part/lib.txt"\n')
    git(epic.repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"../{part.name}", "vendor/part")
    git(epic.repo, "commit", "--quiet", "--message", "Add a part")
    started = await epic.engine.start(StartEpic(goal="Greet", repo=str(epic.repo), executor="scripted", auto_approve=True))
    epic = replace(epic, id=started.id)

    assert (await epic.go()).status == "merged"

    setup = await epic.engine.setup_log(epic.id, 1)
    assert setup.command is None
    assert setup.log.startswith("submodule vendor/part: filled, at ")
    assert not list((tmp_path / "home" / "worktrees").glob("*/*"))
    assert git(epic.repo, "ls-tree", "HEAD", "vendor/part").split()[2] == git(part, "rev-parse", "HEAD")


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a2146' * 8}\nsize 12345\n"


ATTRIBUTES = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}


async def test_pointers_whose_contents_nobody_has_stay_and_the_log_of_the_setup_says_so(begin, git):
    epic = await begin(files={**ATTRIBUTES, "art.bin": POINTER}, auto_approve=True)

    assert (await epic.go()).status == "merged"

    said = "Git LFS: 0 files filled, 1 are their pointers still (art.bin): neither Genie nor the repository has their contents"
    assert (await epic.engine.setup_log(epic.id, 1)).log.startswith(said)
    assert git(epic.repo, "show", "main:art.bin") == POINTER.strip()


async def test_a_cancel_in_the_middle_of_a_command_leaves_no_process_no_folder_and_no_value(begin, tmp_path):
    from db.leased_values import sweep_values

    begun, pids = tmp_path / "begun", tmp_path / "pids"
    run = f"(setsid sleep 86.4209 & echo $! >> {pids}); sleep 86.4209 & echo $! >> {pids}; touch {begun}; wait"
    toml = f'[test]\ncommand = "{CHECK}"\n[environment.values]\nPORT = "port"\n'
    epic = await begin([play("implement", {"run": [run]})], toml=toml, auto_approve=True)
    advancing = asyncio.create_task(epic.go())
    while not begun.exists():
        await asyncio.sleep(0.05)

    await epic.engine.cancel(epic.id, by="ann")
    view = await advancing
    await sweep_values(epic.engine._pool)

    assert view.status == "cancelled"
    assert [place for place in Path("/proc").glob("[0-9]*/cmdline") if _words(place)[:2] == [b"sleep", b"86.4209"]] == []
    assert not list((tmp_path / "home" / "worktrees").glob("*/*"))
    assert not list((tmp_path / "home" / "attempts").glob("*"))
    assert await epic.rows("SELECT * FROM leased_values WHERE epic_id = %s") == []


def _words(cmdline: Path) -> list[bytes]:
    try:
        return cmdline.read_bytes().split(b"\0")
    except OSError:
        # It ended while we looked.
        return []
