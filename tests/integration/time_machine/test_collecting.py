"""Collecting: only what nothing names goes, whoever works here meanwhile, and whatever git itself collects in between."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

DAY_S = 86_400
OLD = timedelta(days=30)
TURNS = [
    {"write": {"greeting.txt": "hello\n"}},
    {"write": {"more/words.txt": "good day\n" * 5_000}},
    {"write": {"greeting.txt": "hello, you\n"}},
]


@pytest.fixture(scope="module")
def standing(bring_to_merge, story):
    """An epic whose attempt left snapshots of its turns, and was merged."""
    return bring_to_merge(story(implement=TURNS))


@pytest.fixture
def merged(stood):
    return stood


@pytest.fixture
def mirror(tmp_path):
    """The mirror of the one repository, when it is there."""

    def found():
        [place] = (tmp_path / "home" / "repos").glob("*.git")
        return place

    return found


def run(mirror, *args, **more):
    environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x"}
    environment |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x"}
    done = subprocess.run(["git", "-C", str(mirror), *args], env=environment, check=True, capture_output=True, text=True, **more)
    return done.stdout.strip()


def age(mirror, days, *, below=("refs", "objects")):
    """Let everything in the mirror look as if it were made days ago."""
    then = time.time() - days * DAY_S
    for folder in below:
        for place, _, names in os.walk(mirror / folder):
            for name in names:
                os.utime(Path(place, name), (then, then))


def objects(mirror):
    listed = run(mirror, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(listed.split())


def refs(mirror):
    return set(run(mirror, "for-each-ref", "--format=%(refname) %(objectname)").splitlines())


async def forget_turns(epic):
    """Let retention take the journal, so that nothing names the trees of turns any more."""
    from engine.retention import RetentionPolicy

    await epic.rows("UPDATE epics SET updated_at = now() - interval '400 days' WHERE id = %s RETURNING id")
    await epic.engine.prune(RetentionPolicy(checkpoints_days=90, journal_days=180, events_days=365, keep=1_000), apply=True)


async def collected(engine, **more):
    return await engine.keeping.collect(**{"older_than": OLD, "apply": True, **more})


def counts(report):
    return {part.kind: part.count for part in report.parts if part.count}


async def every_moment_is_whole(epic, mirror):
    for moment in await epic.engine.moments(epic.id):
        run(mirror, "rev-list", "--objects", "--quiet", moment.commit)


async def test_nothing_goes_of_what_rows_name(merged, mirror):
    before = {ref for ref in refs(mirror()) if "/keep/" not in ref}
    age(mirror(), 400)

    report = await collected(merged.engine)

    assert {"commits", "branches"} & counts(report).keys() <= {"commits"}
    assert before <= refs(mirror())
    named = await merged.rows("SELECT tree AS c FROM turns WHERE epic_id = %s AND tree IS NOT NULL")
    assert len(named) >= 3
    assert {row["c"] for row in named} <= objects(mirror())
    await every_moment_is_whole(merged, mirror())


async def test_a_dry_run_changes_nothing_and_tells_what_collecting_then_does(merged, mirror):
    await forget_turns(merged)
    age(mirror(), 400)
    before = refs(mirror()), objects(mirror())

    told = await collected(merged.engine, apply=False)

    assert (refs(mirror()), objects(mirror())) == before
    done = await collected(merged.engine)
    assert counts(told) == counts(done)
    assert counts(done)["commits"] >= 3
    assert told.parts == done.parts
    assert done.bytes_after < done.bytes_before
    again = counts(await collected(merged.engine))
    assert not {"commits", "branches", "work trees", "shelved", "objects"} & again.keys()


async def test_what_only_turns_named_goes_when_they_are_pruned_and_moments_stay(merged, mirror):
    trees = {row["c"] for row in await merged.rows("SELECT tree AS c FROM turns WHERE epic_id = %s AND tree IS NOT NULL")}
    named = {moment.commit for moment in await merged.engine.moments(merged.id)}
    await forget_turns(merged)
    age(mirror(), 400)

    await collected(merged.engine)

    left = objects(mirror())
    assert not (trees - named) & left
    assert named <= left
    await every_moment_is_whole(merged, mirror())


async def test_what_is_young_stays_and_a_quota_takes_the_oldest_of_it_but_nothing_of_today(merged, mirror):
    await forget_turns(merged)
    age(mirror(), 10)
    kept = refs(mirror())
    assert counts(await collected(merged.engine)) == {}
    assert refs(mirror()) == kept

    everything = await collected(merged.engine, quota=0)
    assert counts(everything)["commits"] >= 3
    assert everything.bytes_after > 0
    await every_moment_is_whole(merged, mirror())


async def test_nothing_of_today_goes_whatever_is_asked_for(merged, mirror):
    await forget_turns(merged)
    before = refs(mirror())

    report = await collected(merged.engine, older_than=timedelta(0), quota=0)

    assert counts(report).keys() <= {"packs", "objects"}
    assert refs(mirror()) == before
    assert {stay.why for stay in report.stays} >= {"too young"}


async def test_a_quota_takes_no_more_than_is_needed(merged, mirror):
    await forget_turns(merged)
    age(mirror(), 10)
    told = await collected(merged.engine, quota=0, apply=False)

    one_byte_less = await collected(merged.engine, quota=told.bytes_before - 1, apply=False)

    assert (
        0
        < counts(one_byte_less)["commits"] + counts(one_byte_less).get("shelved", 0)
        < counts(told)["commits"] + counts(told).get("shelved", 0)
    )


async def test_refs_that_are_not_known_to_be_of_this_database_stay(merged, mirror):
    commit = run(mirror(), "commit-tree", "-m", "e-0000000000 attempt 1 turn 1", _empty_tree(mirror()))
    nobody = run(mirror(), "commit-tree", "-m", "no epic at all", _empty_tree(mirror()))
    for name, at in (
        (f"refs/genie/keep/{commit}", commit),
        (f"refs/genie/keep/{nobody}", nobody),
        ("refs/heads/genie/e-0000000000/implement/attempt_1", commit),
    ):
        run(mirror(), "update-ref", name, at)
    age(mirror(), 400)

    report = await collected(merged.engine, quota=0)

    assert {commit, nobody} <= objects(mirror())
    assert "refs/heads/genie/e-0000000000/implement/attempt_1" in " ".join(refs(mirror()))
    why = {stay.why: stay.count for stay in report.stays}
    assert why["refs of epics that this database does not know"] == 2


async def test_what_another_database_keeps_in_the_same_home_stays(merged, mirror, engine_at, story, second_database):
    from engine.starting import StartEpic

    other = await engine_at(story(), database_url=second_database)
    theirs = await other.start(StartEpic(goal="Greet", repo=str(merged.repo), executor="scripted", auto_approve=True))
    assert (await other.advance(theirs.id)).status == "merged"
    await forget_turns(merged)
    age(mirror(), 400)
    before = refs(mirror())
    ours = {ref for ref in before if merged.id in run(mirror(), "log", "-1", "--format=%B", ref.split()[1])}

    report = await collected(other, quota=0)

    assert counts(report).get("commits", 0) == len(before - refs(mirror()))
    assert len(ours & refs(mirror())) == len(ours) >= 5
    assert {stay.why for stay in report.stays} >= {"refs of epics that this database does not know"}
    await every_moment_is_whole(merged, mirror())


async def test_a_branch_that_no_row_names_goes_if_its_epic_has_ended(merged, mirror):
    head = (await merged.engine.epic(merged.id)).head
    stray = f"refs/heads/genie/{merged.id}/implement/attempt_99"
    run(mirror(), "update-ref", stray, head)
    age(mirror(), 400)

    report = await collected(merged.engine)

    assert counts(report)["branches"] == 1
    assert stray not in " ".join(refs(mirror()))
    assert f"genie/{merged.id}/implement" in " ".join(refs(mirror()))


async def test_nothing_goes_of_an_epic_that_has_not_ended(begin, mirror):
    epic = await begin()
    await epic.engine.advance(epic.id)
    stray = f"refs/heads/genie/{epic.id}/implement/attempt_99"
    run(mirror(), "update-ref", stray, (await epic.engine.epic(epic.id)).head)
    age(mirror(), 400)

    report = await collected(epic.engine, quota=0)

    assert "branches" not in counts(report)
    assert stray in " ".join(refs(mirror()))


async def test_git_may_collect_in_between_and_no_moment_loses_an_object(merged, mirror):
    trees = {moment.tree for moment in await merged.engine.moments(merged.id)}
    run(mirror(), "gc", "--quiet", "--prune=now")
    await every_moment_is_whole(merged, mirror())
    await forget_turns(merged)
    age(mirror(), 400)
    run(mirror(), "gc", "--quiet", "--prune=now")

    await collected(merged.engine, quota=0)
    run(mirror(), "gc", "--quiet", "--prune=now")

    await every_moment_is_whole(merged, mirror())
    assert trees - {""} <= objects(mirror())


async def test_an_attempt_that_runs_meanwhile_loses_nothing(merged, mirror, engine_at, story):
    from engine.starting import StartEpic

    await forget_turns(merged)
    age(mirror(), 400)
    script = story(implement=[{"write": {f"more/{n}.txt": f"{n}\n" * 1_000}} for n in range(12)])
    other = await engine_at(script)
    view = await other.start(StartEpic(goal="More", repo=str(merged.repo), executor="scripted", auto_approve=True))

    running = asyncio.create_task(other.advance(view.id))
    rounds = 0
    while not running.done():
        await collected(merged.engine, quota=0)
        rounds += 1

    assert (await running).status == "merged"
    assert rounds >= 1
    for moment in await other.moments(view.id):
        run(mirror(), "rev-list", "--objects", "--quiet", moment.commit)


async def test_a_tree_that_was_set_aside_goes_if_a_kept_commit_has_all_of_it(merged, mirror, tmp_path):
    head = (await merged.engine.epic(merged.id)).head
    folder = tmp_path / "home" / "worktrees" / merged.id
    for name in (f"{merged.id}-3.aside-1", f"{merged.id}-4.aside-1"):
        run(mirror(), "worktree", "add", "--quiet", "--detach", str(folder / name), head)
        # As one that was never finished: git knows nothing of it.
        (folder / name / ".git").unlink()
    (folder / f"{merged.id}-4.aside-1" / "mine.txt").write_text("mine\n")
    for place in folder.iterdir():
        os.utime(place, (1, 1))
    age(mirror(), 400)

    report = await collected(merged.engine)

    assert [place.name for place in folder.iterdir()] == [f"{merged.id}-4.aside-1"]
    assert counts(report)["work trees"] == 1
    assert {stay.why: stay.count for stay in report.stays}["work trees with what is in no kept commit"] == 1


async def test_the_shelf_is_emptied_of_what_is_old(merged, mirror, tmp_path):
    shelf = tmp_path / "home" / "shelf"
    trees = list(shelf.glob("*/*"))
    assert trees
    assert "shelved" not in counts(await collected(merged.engine))
    for place in (*trees, *(mirror() / "worktrees").glob("*/*")):
        os.utime(place, (1, 1))

    report = await collected(merged.engine)

    assert counts(report)["shelved"] == len(trees)
    assert not list(shelf.glob("*/*"))
    assert list((mirror() / "worktrees").iterdir()) == [] if (mirror() / "worktrees").is_dir() else True


async def test_collecting_that_is_stopped_does_no_harm_and_is_done_the_next_time(merged, mirror):
    await forget_turns(merged)
    age(mirror(), 400)
    for delay_s in (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        collecting = asyncio.create_task(collected(merged.engine))
        await asyncio.sleep(delay_s)
        collecting.cancel()
        await asyncio.wait({collecting})
        await every_moment_is_whole(merged, mirror())

    await collected(merged.engine)

    assert not {"commits", "objects"} & counts(await collected(merged.engine)).keys()
    await every_moment_is_whole(merged, mirror())


async def test_a_second_collector_waits_for_none(merged, tmp_path):
    from epics.errors import Environment
    from timemachine.locks import locked

    async with locked(tmp_path / "home" / "collecting.lock"):
        with pytest.raises(Environment, match=r"collecting\.lock"):
            await collected(merged.engine)


async def test_an_epic_goes_back_to_a_named_moment_after_all_that_and_on_to_its_merge(begin, story, mirror):
    from engine.time_machine.orders import GoBack

    epic = await begin(story(implement=TURNS), auto_approve=True)
    running = epic.engine
    await running.resume(epic.id, auto_approve=False)
    await running.advance(epic.id)
    await epic.decide("approve")
    assert (await running.advance(epic.id)).step == "merge_gate"
    await epic.decide("reject")
    assert (await running.advance(epic.id)).status == "rejected"
    await running.mark(epic.id, 3, "kept", by="ann")
    await forget_turns(epic)
    age(mirror(), 400)
    assert counts(await collected(running, quota=0))["commits"] >= 3

    await running.roll_back(epic.id, GoBack(to=await running.moment_number(epic.id, "kept"), by="ann"))
    await running.resume(epic.id, auto_approve=True)

    assert (await running.advance(epic.id)).status == "merged"
    await every_moment_is_whole(epic, mirror())


def _empty_tree(mirror):
    return run(mirror, "hash-object", "-t", "tree", "-w", "--stdin", input="")
