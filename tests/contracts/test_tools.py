"""What the tools of an agent promise, on a real folder and with real commands."""

from __future__ import annotations

import os
import shutil
import time
import tracemalloc

import pytest

from tools.builtin import builtin_tools
from tools.context import ToolContext
from tools.workspace import ToolProblem, Workspace


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def f():\n    return 1\n\n\ndef g():\n    return 1\n")
    (tmp_path / ".git").mkdir()
    return tmp_path


@pytest.fixture
def call(tree):
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "COLOUR": "green"}
    workspace = Workspace(
        tree=tree, allowed=("src/**", "docs/**"), forbidden=("src/locked/**",), environment=environment, command_seconds=5, search_seconds=1
    )
    registry = builtin_tools()

    async def call(name, **given):
        return await registry.get(name).call(ToolContext(workspace=workspace), given)

    return call


async def test_a_file_is_read_with_line_numbers(call):
    assert (await call("read_file", path="src/app.py")).startswith("1\tdef f():\n2\t    return 1")


async def test_a_long_file_is_read_in_parts(call, tree):
    (tree / "long.txt").write_text("".join(f"line {n}\n" for n in range(1, 5_001)))

    first = await call("read_file", path="long.txt", limit=100)
    second = await call("read_file", path="long.txt", offset=101, limit=1)

    assert first.endswith("[lines 1 to 100 of 5000; go on with offset=101]")
    assert second.startswith("101\tline 101\n")


async def test_no_file_is_larger_than_an_answer_may_be(call, tree):
    (tree / "wide.txt").write_text("x" * 5_000_000)

    assert len(await call("read_file", path="wide.txt")) < 40_000


async def test_a_binary_file_is_described_and_not_dumped(call, tree):
    (tree / "logo.png").write_bytes(b"\x89PNG\0\0" * 100)

    assert await call("read_file", path="logo.png") == "logo.png is a binary file of 600 bytes: it cannot be shown as text"


@pytest.mark.parametrize(
    "path, said", [("gone.py", "there is no file"), ("src", "is a folder"), (".git/config", "git's own"), ("../x", "'..'")]
)
async def test_what_cannot_be_read_is_told_with_a_way_out(call, path, said):
    with pytest.raises(ToolProblem, match=said):
        await call("read_file", path=path)


async def test_one_endless_line_is_read_without_holding_it(call, tree):
    with (tree / "line.txt").open("w") as file:
        for _ in range(30):
            file.write("y" * 1_000_000)
    tracemalloc.start()

    said = await call("read_file", path="line.txt")

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "characters left out" in said
    assert peak < 3_000_000


async def test_a_file_without_an_end_in_sight_is_left(call, tree):
    with (tree / "huge.txt").open("w") as file:
        file.write("begins as text\n" * 1_000)
        file.truncate(10**13)

    with pytest.raises(ToolProblem, match="too large to be read so far"):
        await call("read_file", path="huge.txt", offset=5_000)

    assert (await call("read_file", path="huge.txt", limit=2)).startswith("1\tbegins as text\n2\t")


async def test_looking_through_folders_ends_in_its_time(tree):
    for n in range(50):
        (tree / "deep" / str(n)).mkdir(parents=True)

    with pytest.raises(ToolProblem, match="too many folders to look through"):
        await builtin_tools().get("list_files").call(ToolContext(workspace=Workspace(tree=tree, search_seconds=1e-9)), {})


@pytest.mark.parametrize("path", ["a" * 5_000, "src/" + "b" * 300, "\udcff.txt"])
async def test_a_name_that_the_disk_cannot_hold_is_told_to_the_model(call, path):
    for tool, given in (("read_file", {}), ("write_file", {"content": "x"})):
        with pytest.raises(ToolProblem):
            await call(tool, path=path, **given)


async def test_what_a_tool_says_can_be_stored_and_sent(call, tree):
    (tree / os.fsdecode(b"src/\xff.txt")).write_text("x")

    said = [await call("run_command", command="printf 'a\\0b'"), await call("list_files")]

    assert said[0].endswith("a\N{SYMBOL FOR NULL}b")
    assert [text.encode().decode() for text in said] == said


async def test_a_file_is_written_with_its_folders(call, tree):
    said = await call("write_file", path="docs/deep/a.md", content="one\ntwo\n")

    assert (tree / "docs/deep/a.md").read_text() == "one\ntwo\n"
    assert said == "wrote docs/deep/a.md: 2 lines, 8 characters"
    assert [path.name for path in (tree / "docs/deep").iterdir()] == ["a.md"]


async def test_a_script_stays_executable_when_it_is_replaced(call, tree):
    (tree / "src" / "run.sh").write_text("a")
    (tree / "src" / "run.sh").chmod(0o755)

    await call("write_file", path="src/run.sh", content="b")

    assert (tree / "src" / "run.sh").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("path", ["README.md", "src/locked/a.py", ".git/hooks/pre-commit", "../out.txt", "src/door/a.py", "src/side/a.md"])
async def test_nothing_is_written_beyond_the_boundaries(call, tree, path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (tree / "src" / "door").symlink_to(elsewhere)
    (tree / "other").mkdir()
    (tree / "src" / "side").symlink_to(tree / "other")

    with pytest.raises(ToolProblem):
        await call("write_file", path=path, content="x")

    assert list(elsewhere.iterdir()) == []
    assert list((tree / "other").iterdir()) == []


async def test_an_edit_replaces_the_one_place(call, tree):
    await call("edit_file", path="src/app.py", old="def f():\n    return 1", new="def f():\n    return 2")

    assert (tree / "src/app.py").read_text().count("return 2") == 1


async def test_an_edit_that_fits_many_places_asks_for_more(call, tree):
    with pytest.raises(ToolProblem, match="stands 2 times"):
        await call("edit_file", path="src/app.py", old="return 1", new="return 3")

    await call("edit_file", path="src/app.py", old="return 1", new="return 3", replace_all=True)

    assert (tree / "src/app.py").read_text().count("return 3") == 2


async def test_an_edit_that_fits_nowhere_says_so(call):
    with pytest.raises(ToolProblem, match="does not stand in"):
        await call("edit_file", path="src/app.py", old="nope", new="x")


async def test_files_are_listed_without_git_and_without_following_links(call, tree, tmp_path_factory):
    (tree / "out").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    (tree / ".git" / "config").write_text("x")

    assert await call("list_files") == "src/app.py\t46"
    assert await call("list_files", glob="*.md") == "no file matches '*.md'"


async def test_lines_are_found_by_a_pattern(call):
    assert await call("search", pattern=r"def [fg]") == "src/app.py:1:def f():\nsrc/app.py:5:def g():"
    assert await call("search", pattern="nothing here") == "no line matches 'nothing here'"


async def test_a_bad_pattern_is_told_to_the_model(call):
    with pytest.raises(ToolProblem, match="not a regular expression"):
        await call("search", pattern="(")


async def test_a_pattern_that_never_ends_is_ended(call, tree):
    (tree / "bad.txt").write_text("a" * 60 + "!\n")

    assert "stopped after" in await call("search", pattern="(a+)+$", glob="bad.txt")


async def test_a_command_tells_its_exit_code_and_both_streams(call):
    said = await call("run_command", command="echo out; echo err >&2; echo $COLOUR; exit 3")

    assert said.startswith("exit code 3 (")
    assert said.endswith("out\nerr\ngreen")


async def test_a_command_has_no_input_and_only_the_environment_it_was_given(call):
    said = await call("run_command", command="cat; env | sort")

    assert "HOME" not in said
    assert "COLOUR=green" in said


async def test_a_refused_command_is_not_run(call, tree):
    with pytest.raises(ToolProblem, match="is refused"):
        await call("run_command", command="touch ran; git push")

    assert not (tree / "ran").exists()


async def test_a_command_that_hangs_is_ended_with_all_that_it_started(call, tree):
    started = time.monotonic()

    said = await call("run_command", command="(sleep 2; touch late) & setsid bash -c 'sleep 2; touch later' & sleep 60", timeout_s=0.5)

    assert said.startswith("stopped after 0.")
    assert time.monotonic() - started < 1.9
    time.sleep(2.2)
    assert not (tree / "late").exists()
    if shutil.which("unshare") and os.geteuid() == 0:
        assert not (tree / "later").exists()


async def test_a_command_that_floods_is_cut_in_the_middle(call):
    said = await call("run_command", command="echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo last")

    assert len(said) < 31_000
    assert "first\n" in said
    assert "bytes left out" in said
    assert said.endswith("last")


async def test_a_secret_in_the_output_is_not_handed_on(call):
    token = "ghp_" + "a1B2" * 9

    assert token not in await call("run_command", command=f"echo {token}")
