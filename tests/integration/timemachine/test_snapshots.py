"""A snapshot holds all of a work tree, and leaves no trace in it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epics.errors import GitFailed, InvalidInput, NeedsPerson
from timemachine.commits import Signature
from timemachine.diffs import list_tree
from timemachine.snapshots import Snapshot, snapshot
from timemachine.staging import SnapshotLimits, scratch_index
from timemachine.worktrees import Worktree, add_worktree

Take = Callable[..., object]


@pytest.fixture
def take(worktree, signature):
    async def of(**more) -> Snapshot:
        return await snapshot(worktree, **{"signature": signature, "message": "Work", **more})

    return of


async def paths_of(worktree: Worktree, taken: Snapshot) -> set[str]:
    return {entry.path for entry in await list_tree(worktree.mirror, taken.commit)}


async def content(worktree: Worktree, taken: Snapshot, path: str) -> bytes:
    return await worktree.mirror.git.run_bytes("cat-file", "blob", f"{taken.commit}:{path}")


def traces(worktree: Worktree) -> dict[str, object]:
    """All that a snapshot must leave as it is: files with their times, index, HEAD, and what lies beside them."""
    files = {str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, path.lstat().st_size) for path in worktree.path.rglob("*")}
    index = (worktree.admin / "index").read_bytes(), (worktree.admin / "index").stat().st_mtime_ns
    return {
        "files": files,
        "index": index,
        "head": (worktree.admin / "HEAD").read_text(),
        "admin": sorted(p.name for p in worktree.admin.iterdir()),
    }


async def test_a_snapshot_holds_edits_new_files_and_deletions_but_nothing_ignored(worktree, take, base):
    (worktree.path / "src" / "lamp.py").write_text("ON = True\n")
    (worktree.path / "new" / "deep").mkdir(parents=True)
    (worktree.path / "new" / "deep" / "file.py").write_text("x\n")
    (worktree.path / "src" / "wire.py").unlink()
    (worktree.path / "noise.log").write_text("noise\n")

    taken = await take()

    assert taken.changed
    assert taken.files == ("new/deep/file.py", "src/lamp.py", "src/wire.py")
    assert await paths_of(worktree, taken) == {".gitignore", "README.md", "new/deep/file.py", "run.sh", "src/lamp.py"}
    assert await worktree.mirror.git.run("rev-parse", f"{taken.commit}^") == base
    assert (worktree.path / "noise.log").exists()


async def test_a_snapshot_changes_neither_index_nor_files(worktree, take, git):
    (worktree.path / "src" / "lamp.py").write_text("ON = True\n")
    (worktree.path / "staged.py").write_text("staged\n")
    git(worktree.path, "add", "staged.py")
    (worktree.path / "staged.py").write_text("staged, then edited\n")
    (worktree.path / "new.py").write_text("new\n")
    os.utime(worktree.path / "README.md")
    before = traces(worktree)

    taken = await take()

    assert traces(worktree) == before
    assert await content(worktree, taken, "staged.py") == b"staged, then edited\n"


async def test_the_same_files_and_arguments_give_the_same_commit(worktree, take):
    (worktree.path / "new.py").write_text("new\n")

    first = await take()
    os.utime(worktree.path / "new.py")

    assert await take() == first


async def test_a_tree_as_its_parent_has_it_is_no_new_commit(worktree, take, base):
    os.utime(worktree.path / "README.md")
    (worktree.path / "noise.log").write_text("noise\n")

    taken = await take()

    assert (taken.commit, taken.changed, taken.files) == (base, False, ())
    assert taken.tree == await worktree.mirror.git.run("rev-parse", f"{base}^{{tree}}")


async def test_what_was_staged_and_taken_back_is_no_change(worktree, take, base, git):
    (worktree.path / "README.md").write_text("other\n")
    git(worktree.path, "add", "README.md")
    (worktree.path / "README.md").write_text("A lamp.\n")

    assert (await take()).commit == base


async def test_a_snapshot_may_follow_another(worktree, take):
    (worktree.path / "one.py").write_text("1\n")
    first = await take()
    (worktree.path / "two.py").write_text("2\n")

    second = await take(parents=(first.commit,))
    third = await take(parents=(second.commit,))

    assert second.files == ("two.py",)
    assert (third.commit, third.changed) == (second.commit, False)


async def test_a_snapshot_with_two_parents_is_a_commit_even_if_no_file_differs(worktree, take, base, git):
    side = git(worktree.path, "commit-tree", "-p", base, "-m", "Side", f"{base}^{{tree}}")

    taken = await take(parents=(base, side))

    assert await worktree.mirror.git.run("rev-list", "--parents", "-1", taken.commit) == f"{taken.commit} {base} {side}"


async def test_a_snapshot_follows_the_commits_of_the_attempt(worktree, take, git):
    (worktree.path / "one.py").write_text("1\n")
    git(worktree.path, "add", "--all")
    git(worktree.path, "commit", "--quiet", "-m", "Of the attempt")
    own = git(worktree.path, "rev-parse", "HEAD")

    assert (await take()).commit == own
    (worktree.path / "two.py").write_text("2\n")
    assert await worktree.mirror.git.run("rev-parse", f"{(await take()).commit}^") == own


async def test_author_committer_date_and_message_come_from_the_arguments(worktree, take):
    (worktree.path / "new.py").write_text("new\n")

    taken = await take(message="-F /etc/passwd\n\nü\0x")

    told = await worktree.mirror.git.run("log", "-1", "--format=%an|%ae|%aI|%cn|%ce|%cI|%B", taken.commit)
    assert told.strip() == (
        "Genie|genie@localhost|2026-11-21T09:30:00+00:00|Genie|genie@localhost|2026-11-21T09:30:00+00:00|-F /etc/passwd\n\nüx"
    )


async def test_a_time_without_a_zone_is_refused(worktree, take, signature):
    (worktree.path / "new.py").write_text("new\n")

    with pytest.raises(InvalidInput, match="needs a zone"):
        await take(signature=Signature(name="a", email="b", at=signature.at.replace(tzinfo=None)))


async def test_a_lock_left_by_a_crash_is_no_hindrance(worktree, take):
    (worktree.admin / "index.lock").write_text("")
    (worktree.path / "new.py").write_text("new\n")

    assert (await take()).files == ("new.py",)


@pytest.mark.parametrize("harm", ["missing", "empty", "junk"])
async def test_an_index_that_is_gone_or_broken_is_no_hindrance(worktree, take, harm):
    index = worktree.admin / "index"
    index.unlink()
    if harm != "missing":
        index.write_bytes(b"" if harm == "empty" else b"junk" * 100)
    (worktree.path / "new.py").write_text("new\n")

    assert (await take()).files == ("new.py",)


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
async def test_an_edit_that_git_was_told_not_to_see_is_seen(worktree, take, git, mark):
    git(worktree.path, "update-index", mark, "src/lamp.py")
    (worktree.path / "src" / "lamp.py").write_text("ON = True\n")
    before = traces(worktree)

    taken = await take()

    assert taken.files == ("src/lamp.py",)
    assert traces(worktree) == before


async def test_files_that_a_sparse_checkout_hides_are_not_deletions(worktree, take, git):
    git(worktree.path, "update-index", "--skip-worktree", "src/lamp.py", "src/wire.py")
    (worktree.path / "src" / "lamp.py").unlink()
    (worktree.path / "src" / "wire.py").write_text("LENGTH = 9\n")

    assert (await take()).files == ("src/wire.py",)


async def test_modes_links_and_bytes_are_kept(worktree, take):
    root = worktree.path
    (root / "run.sh").chmod(0o755)
    (root / "empty").write_bytes(b"")
    (root / "binary").write_bytes(bytes(range(256)) * 10)
    (root / "crlf.txt").write_bytes(b"one\r\ntwo\nthree\r\n")
    (root / "link").symlink_to("/etc/passwd")
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("..")

    taken = await take()

    modes = {entry.path: entry.mode for entry in await list_tree(worktree.mirror, taken.commit)}
    assert (modes["run.sh"], modes["link"], modes["loop"], modes["up"]) == ("100755", "120000", "120000", "120000")
    assert await content(worktree, taken, "empty") == b""
    assert await content(worktree, taken, "binary") == bytes(range(256)) * 10
    assert await content(worktree, taken, "crlf.txt") == b"one\r\ntwo\nthree\r\n"
    assert await content(worktree, taken, "link") == b"/etc/passwd"


async def test_line_ends_follow_the_attributes_of_the_tree_only(worktree, take):
    await worktree.mirror.git.run("config", "core.autocrlf", "true")
    (worktree.path / ".gitattributes").write_text("*.txt text\n")
    (worktree.path / "a.txt").write_bytes(b"one\r\n")
    (worktree.path / "a.bat").write_bytes(b"one\r\n")

    taken = await take()

    assert await content(worktree, taken, "a.txt") == b"one\n"
    assert await content(worktree, taken, "a.bat") == b"one\r\n"


async def test_no_program_that_an_attempt_configured_is_run(worktree, take, tmp_path, git):
    mark = tmp_path / "owned"
    for name in ("filter.x.clean", "filter.x.process", "core.fsmonitor"):
        git(worktree.path, "config", name, f"touch {mark}; cat")
    (worktree.path / ".gitattributes").write_text("* filter=x\n")
    (worktree.path / "new.py").write_text("new\n")

    taken = await take()

    assert await content(worktree, taken, "new.py") == b"new\n"
    assert not mark.exists()


async def test_another_repository_in_place_of_the_link_is_not_asked(worktree, take, tmp_path, git):
    mark = tmp_path / "owned"
    (worktree.path / ".git").unlink()
    git(worktree.path, "init", "--quiet")
    git(worktree.path, "config", "filter.x.clean", f"touch {mark}; cat")
    (worktree.path / ".gitattributes").write_text("* filter=x\n")

    taken = await take()

    assert taken.files == (".gitattributes",)
    assert not mark.exists()


async def test_an_exclude_that_an_attempt_wrote_hides_nothing(worktree, take):
    info = worktree.mirror.path / "info"
    info.mkdir()
    (info / "exclude").write_text("*.py\n")
    (worktree.path / "new.py").write_text("new\n")

    assert (await take()).files == ("new.py",)


async def test_files_that_became_directories_and_links_and_back_are_taken(worktree, take):
    root = worktree.path
    (root / "README.md").unlink()
    (root / "README.md").mkdir()
    (root / "README.md" / "inside").write_text("x\n")
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "lamp.py").write_text("y\n")
    for path in (root / "src").iterdir():
        path.unlink()
    (root / "src").rmdir()
    (root / "src").symlink_to("elsewhere")

    first = await take()
    (root / "src").unlink()
    (root / "src").write_text("a file now\n")
    second = await take()

    assert await paths_of(worktree, first) == {".gitignore", "README.md/inside", "elsewhere/lamp.py", "run.sh", "src"}
    assert await content(worktree, first, "src") == b"elsewhere"
    assert await content(worktree, second, "src") == b"a file now\n"


async def test_names_with_line_ends_quotes_and_other_scripts_are_taken(worktree, take):
    names = ["a\nb", 'quo"te', "it's", "größe", "日本", "-dash", ":(top)x", "sp ace ", "tab\t", "back\\slash", "*"]
    for name in names:
        (worktree.path / name).write_text(name)

    taken = await take()

    assert set(taken.files) == set(names)
    assert taken.left_out == ()


async def test_a_name_that_is_not_utf_8_is_taken_and_shown_escaped(worktree, take):
    Path(os.fsdecode(os.fsencode(worktree.path) + b"/caf\xe9")).write_text("x\n")

    assert (await take()).files == ("caf\\xe9",)


async def test_what_git_cannot_hold_is_left_out_and_named(worktree, take):
    (worktree.path / "git~1").write_text("x\n")
    (worktree.path / "sub").mkdir()
    (worktree.path / "sub" / "GIT~1").write_text("x\n")
    (worktree.path / "README.md").unlink()
    os.mkfifo(worktree.path / "README.md")
    os.mkfifo(worktree.path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(worktree.path)
        listener.bind("socket")
        os.chdir(here)
    (worktree.path / "good.py").write_text("good\n")

    taken = await take()

    assert taken.files == ("good.py",)
    assert taken.left_out == ("README.md", "git~1", "sub/GIT~1")


async def test_a_file_that_cannot_be_read_is_left_out_and_named(worktree, take):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (worktree.path / "secret").write_text("x\n")
    (worktree.path / "secret").chmod(0)

    assert (await take()).left_out == ("secret",)


async def test_files_over_the_limit_are_left_out_and_stay(worktree, take):
    (worktree.path / "big.bin").write_bytes(b"x" * 2000)
    (worktree.path / "README.md").write_bytes(b"x" * 2000)
    (worktree.path / "small.py").write_text("x\n")

    taken = await take(limits=SnapshotLimits(file_bytes=1000))

    assert (taken.too_large, taken.files) == (("README.md", "big.bin"), ("small.py",))
    assert await content(worktree, taken, "README.md") == b"A lamp.\n"
    assert (worktree.path / "big.bin").stat().st_size == 2000


async def test_too_much_in_all_asks_a_person(worktree, take):
    for n in range(5):
        (worktree.path / f"{n}.bin").write_bytes(b"x" * 500)

    with pytest.raises(NeedsPerson, match=r"2,500 bytes in new or changed files, more than the 2,000"):
        await take(limits=SnapshotLimits(new_bytes=2000))


async def test_a_snapshot_that_takes_too_long_is_stopped(worktree, take):
    before = traces(worktree)

    with pytest.raises(GitFailed, match=r"did not end within 0\.001 s"):
        await take(limits=SnapshotLimits(seconds=0.001))
    assert traces(worktree) == before


@pytest.mark.parametrize("committed", [True, False])
async def test_the_files_of_a_repository_inside_are_taken_and_it_is_named(worktree, take, git, committed):
    inner = worktree.path / "lib" / "inner"
    inner.mkdir(parents=True)
    git(inner, "init", "--quiet")
    (inner / "a.py").write_text("a\n")
    (inner / "noise.log").write_text("ignored outside\n")
    (inner / "own.tmp").write_text("ignored inside\n")
    (inner / ".gitignore").write_text("*.tmp\n")
    git(inner, "init", "--quiet", "innermost")
    (inner / "innermost" / "b.py").write_text("b\n")
    git(inner, "init", "--quiet", "nothing")
    if committed:
        git(inner, "add", "a.py")
        git(inner, "commit", "--quiet", "-m", "Inner")

    taken = await take()
    again = await take()

    assert taken.files == ("lib/inner/.gitignore", "lib/inner/a.py", "lib/inner/innermost/b.py")
    assert taken.embedded == ("lib/inner", "lib/inner/innermost", "lib/inner/nothing")
    assert again == taken
    assert (inner / ".git").is_dir()


async def test_an_edit_in_a_repository_inside_is_seen_in_the_next_attempt(worktree, take, git, home, signature):
    git(worktree.path, "init", "--quiet", "inner")
    (worktree.path / "inner" / "a.py").write_text("a\n")
    first = await take()
    later = await add_worktree(worktree.mirror, home / "worktrees" / "e-1" / "e-1-2", first.commit)
    git(later.path / "inner", "init", "--quiet")
    (later.path / "inner" / "a.py").write_text("b\n")
    (later.path / "inner" / "c.py").write_text("c\n")

    second = await snapshot(later, signature=signature, message="More")

    assert second.files == ("inner/a.py", "inner/c.py")


async def test_a_submodule_stays_a_reference_and_work_in_it_is_named(git_repo, mirror, home, git, signature):
    part = git_repo({"p.py": "p\n"}, name="part")
    outer = Path(mirror.location)
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(part), "part")
    git(outer, "commit", "--quiet", "-m", "Part")
    tree = await add_worktree(mirror, home / "worktrees" / "e-2" / "e-2-1", await mirror.fetch_base("main"))

    untouched = await snapshot(tree, signature=signature, message="Nothing")
    (tree.path / "part" / "lost.py").write_text("x\n")
    taken = await snapshot(tree, signature=signature, message="Work")

    assert (untouched.changed, untouched.embedded) == (False, ())
    assert taken.embedded == ("part",)
    modes = {entry.path: entry.mode for entry in await list_tree(mirror, taken.commit)}
    assert modes["part"] == "160000"


async def test_a_merge_that_an_attempt_left_half_done_is_taken_as_it_stands(worktree, take, git, base):
    git(worktree.path, "rm", "--quiet", "src/wire.py")
    (worktree.path / "README.md").write_text("Mine.\n")
    git(worktree.path, "commit", "--quiet", "-am", "Mine")
    mine = git(worktree.path, "rev-parse", "HEAD")
    git(worktree.path, "checkout", "--quiet", "-b", "side", base)
    (worktree.path / "README.md").write_text("Theirs.\n")
    (worktree.path / "src" / "wire.py").write_text("LENGTH = 5\n")
    git(worktree.path, "commit", "--quiet", "-am", "Theirs")
    await worktree.git().call("merge", "--quiet", mine)
    (worktree.path / "src" / "wire.py").unlink()
    before = traces(worktree)

    taken = await take()

    assert "UU README.md" in git(worktree.path, "status", "--porcelain")
    assert b"<<<<<<< " in await content(worktree, taken, "README.md")
    assert "src/wire.py" not in await paths_of(worktree, taken)
    assert traces(worktree)["files"] == before["files"]


async def test_a_link_in_place_of_the_work_tree_is_not_followed(worktree, take, tmp_path):
    worktree.path.rename(tmp_path / "moved")
    worktree.path.symlink_to("/")

    with pytest.raises(GitFailed, match="something else is in its place"):
        await take()


async def test_a_work_tree_that_is_gone_is_told(worktree, take, tmp_path):
    worktree.path.rename(tmp_path / "moved")

    with pytest.raises(GitFailed, match="is gone"):
        await take()


async def test_the_scratch_index_bears_the_time_of_the_index_so_that_edits_of_the_same_tick_are_seen(worktree):
    async with scratch_index(worktree) as scratch:
        assert scratch.stat().st_mtime_ns == (worktree.admin / "index").stat().st_mtime_ns
    assert not scratch.exists()


NAMES = st.text(alphabet="abc .-ü\n\"'", min_size=1, max_size=6).filter(lambda name: name.strip(".") != "")
EDITS = st.dictionaries(NAMES, st.one_of(st.none(), st.binary(max_size=20)), max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
async def test_whatever_is_written_is_what_plain_git_would_have_taken(worktree, take, edits):
    for name, data in edits.items():
        if data is None:
            (worktree.path / name).unlink(missing_ok=True)
        else:
            (worktree.path / name).write_bytes(data)
    before = traces(worktree)

    taken = await take()

    assert traces(worktree) == before
    plain = worktree.git(worktree.admin / "plain-index")
    await plain.run("add", "--all")
    assert taken.tree == await plain.run("write-tree")
    (worktree.admin / "plain-index").unlink()
