"""What epics leave on a host: put away when they have ended, kept where it is no epic of ours or one that goes on."""

from __future__ import annotations


async def _tidy(hosts, name):
    from engine.leftovers import tidy_host

    return await tidy_host((await hosts.at(name))._installation)


async def _cut_off(hosts, epic, home):
    """Let host `a` begin an epic, stop it in the middle of an attempt, and leave a file that no turn has recorded."""
    # The third attempt implements: it has four turns more when its first is recorded.
    await hosts.until("a", epic, lambda events: any((event.data.get("attempt"), event.data.get("turn")) == (3, 1) for event in events))
    trees = [path for path in (home / "worktrees" / epic).iterdir() if path.name.startswith(epic)]
    (trees[-1] / "unsaved.txt").write_text("Nobody has seen this yet.\n")
    return trees[-1]


async def test_a_host_puts_away_what_an_epic_left_that_another_brought_to_its_end(hosts, serve, tmp_path, git):
    bare, home = serve(), tmp_path / "a"
    epic = await hosts.start("a", bare.as_uri(), auto_approve=True)
    tree = await _cut_off(hosts, epic, home)
    assert await _tidy(hosts, "a") == ()
    assert tree.is_dir()
    await (await hosts.at("b")).advance(epic)
    foreign = home / "worktrees" / "e-0000000000" / "e-0000000000-1"
    foreign.mkdir(parents=True)
    stray = home / "worktrees" / epic / "notes"
    stray.mkdir()
    (stray / "of-mine.txt").write_text("mine\n")

    assert await _tidy(hosts, "a") == (epic,)

    assert not tree.exists()
    assert foreign.is_dir()
    assert (stray / "of-mine.txt").read_text() == "mine\n"
    [mirror] = (home / "repos").glob("*.git")
    kept = git(mirror, "for-each-ref", "--format=%(objectname)", "refs/genie/keep").split()
    assert any("unsaved.txt" in git(mirror, "ls-tree", "--name-only", commit) for commit in kept)


async def test_the_folder_of_an_attempt_goes_when_nobody_can_go_on_with_it(hosts, serve, tmp_path):
    from engine.attempt_folders import sweep_folders

    epic = await hosts.start("a", serve().as_uri())
    engine = await hosts.at("a")
    await engine.advance(epic)
    (own := tmp_path / "a" / "attempts" / f"{epic}-1").mkdir(parents=True)
    (own / "token").write_text("secret")
    (last := tmp_path / "a" / "attempts" / f"{epic}-2").mkdir()
    (foreign := tmp_path / "a" / "attempts" / "e-0000000000-1").mkdir()

    await sweep_folders(engine._installation)

    assert not own.exists()
    assert not last.exists()
    assert foreign.is_dir()
