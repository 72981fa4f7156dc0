"""Git is run cut off from the machine, and what it says comes back in words."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path

import pytest

from epics.errors import Environment, GitFailed, InvalidInput
from timemachine.git import Git, branch_name, commit_id, last_words, require_git, shown

PACKAGE = Path(__file__).parents[3] / "timemachine"


async def test_a_failing_command_is_told_with_its_last_words(repo, env):
    with pytest.raises(GitFailed, match=r"git rev-parse --verify nowhere failed with code 128 in .*Needed a single revision"):
        await Git(repo, env).run("rev-parse", "--verify", "nowhere")


async def test_the_settings_of_the_person_do_not_count(repo, env):
    (Path(env["HOME"]) / ".gitconfig").write_text("[user]\n\tname = Somebody\n[core]\n\thooksPath = /elsewhere\n")

    done = await Git(repo, env).call("config", "--get", "user.name")

    assert done.code == 1
    assert await Git(repo, env).run("config", "--get", "core.hooksPath") == "/dev/null"


async def test_a_call_to_another_machine_may_use_the_credential_helpers_of_the_person(repo, env):
    (Path(env["HOME"]) / ".gitconfig").write_text("[credential]\n\thelper = store\n")

    done = await Git(repo, env).call("config", "--get", "credential.helper", network=True)

    assert done.text == "store"


async def test_variables_of_a_git_that_called_us_do_not_lead_astray(repo, env, tmp_path):
    astray = {**env, "GIT_DIR": str(tmp_path / "elsewhere"), "GIT_INDEX_FILE": str(tmp_path / "index"), "GIT_CONFIG_COUNT": "junk"}

    top = await Git(repo, astray).run("rev-parse", "--show-toplevel")

    assert top == str(repo)


async def test_a_machine_without_git_is_told_how_to_get_it(repo, env):
    with pytest.raises(Environment, match="install git"):
        await Git(repo, {**env, "PATH": "/nowhere"}).run("version")


async def test_an_old_git_is_refused_in_words(repo, env, tmp_path):
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.30.2\n")
    old.chmod(0o755)

    with pytest.raises(Environment, match=r"'git version 2\.30\.2' is too old: Genie needs git 2\.38"):
        await require_git(Git(repo, {**env, "PATH": str(old.parent)}))


async def slow_git(directory: Path) -> Path:
    slow = directory / "slow" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\nsleep 60 &\necho $! >{directory}/child\nwait\n")
    slow.chmod(0o755)
    return slow.parent


async def gone(directory: Path) -> bool:
    child = int((directory / "child").read_text())
    for _ in range(200):
        if not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text():
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize("limit", [None, 1_000])
async def test_a_cancelled_call_kills_git_and_its_children(repo, env, tmp_path, limit):
    path = f"{await slow_git(tmp_path)}:{env['PATH']}"
    call = asyncio.create_task(Git(repo, {**env, "PATH": path}).call("status", limit=limit))
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().strip():
        await asyncio.sleep(0.01)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert await gone(tmp_path)


async def test_a_command_that_does_not_end_is_stopped_and_told(repo, env, tmp_path):
    path = f"{await slow_git(tmp_path)}:{env['PATH']}"

    with pytest.raises(GitFailed, match=r"git status did not end within 0\.5 s"):
        await Git(repo, {**env, "PATH": path}).run("status", seconds=0.5)

    assert await gone(tmp_path)


async def test_output_over_a_limit_is_cut_and_says_so(repo, env):
    done = await Git(repo, env).call("cat-file", "blob", "HEAD:src/lamp.py", limit=4)

    assert (done.output, done.cut) == (b"ON =", True)


def test_a_login_in_a_url_is_not_repeated():
    assert shown(("fetch", "https://ann:secret@host/x")) == "git fetch https://host/x"
    assert last_words("fatal: unable to access 'https://ann:secret@host/x'") == "fatal: unable to access 'https://host/x'"


@pytest.mark.parametrize("value", ["--upload-pack=touch x", "HEAD", "main", "abc", "", "a" * 41, "HEAD~1"])
def test_only_full_commit_ids_are_taken_for_commits(value):
    with pytest.raises(InvalidInput):
        commit_id(value)


@pytest.mark.parametrize("value", ["-x", "a..b", "a b", "a\nb", "/a", "a/", "a//b", "a.lock", ".a", "@", "a@{1}", "a~1", "", "HEAD"])
def test_a_name_that_git_refuses_for_a_branch_is_refused(value):
    with pytest.raises(InvalidInput):
        branch_name(value)


async def test_a_name_that_is_taken_for_a_branch_is_one_for_git_too(repo, env):
    names = ["main", "genie/e-1/fix/attempt_1", "größe", "v1.0", "a-b_c", "it's"]

    results = [(await Git(repo, env).call("check-ref-format", "--branch", branch_name(name))).code for name in names]

    assert results == [0] * len(names)


def test_nothing_in_the_package_can_throw_work_away():
    words = [
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]

    forbidden = {
        "reset",
        "clean",
        "stash",
        "--hard",
        "-D",
        "-f",
        "+refs",
        "--force-with-lease",
        "--mirror",
        "--delete",
        "gc",
        "rebase",
    }
    assert forbidden.isdisjoint(words)
    # Objects that nothing names go in one place, and none that is young.
    lines = [line.strip() for path in PACKAGE.rglob("*.py") for line in path.read_text().splitlines() if '"prune"' in line]
    assert lines == ['await mirror.git.run("prune", f"--expire={when}", seconds=COLLECT_SECONDS)']
    assert not [path for path in PACKAGE.rglob("*.py") if re.search(r"reset --hard|branch -D|push.*--force", path.read_text())]
    # What a kept commit holds to the byte, scratch trees in which nobody works, and files of submodules as they were put there.
    assert {path.name for path in PACKAGE.rglob("*.py") if "rmtree" in path.read_text()} == {"remains.py", "scratch.py", "submodules.py"}


def test_force_is_only_said_to_work_trees_and_scratch_indexes_and_with_the_value_that_a_push_expects():
    lines = [line.strip() for path in PACKAGE.rglob("*.py") for line in path.read_text().splitlines() if '"--force' in line]

    lease = re.compile(r"^lease = f\"--force-with-lease=[^:]+:\{[^}]+\}\"$")
    assert all("worktree" in line or "update-index" in line or "checkout-index" in line or lease.match(line) for line in lines)
    assert sum(bool(lease.match(line)) for line in lines) == 2


def test_only_one_module_starts_programs():
    importers = {path.name for path in PACKAGE.rglob("*.py") if re.search(r"subprocess", path.read_text())}

    assert importers == {"git.py"}
    assert not [path for path in PACKAGE.rglob("*.py") if "os.environ" in path.read_text()]
