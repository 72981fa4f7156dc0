"""An epic that began on one host goes on on another, which shares the database and the repository's URL and nothing else."""

from __future__ import annotations

from itertools import cycle

EVENTS_PER_TURN = 6


def _log(git, bare):
    return git(bare, "log", "--format=%s %T", "main")


async def _bought(engine, epic):
    async with engine._pool.connection() as connection:
        query = "SELECT count(*) AS n FROM calls WHERE epic_id = %s AND state = 'settled'"
        return (await (await connection.execute(query, [epic])).fetchone())["n"]


async def test_hosts_that_take_turns_make_the_history_that_one_host_makes(hosts, serve, git):
    alone, shared = serve("alone"), serve("shared")
    first = await hosts.start("alone", alone.as_uri(), auto_approve=True)
    assert (await (await hosts.at("alone")).advance(first)).status == "merged"
    epic = await hosts.start("a", shared.as_uri(), auto_approve=True)
    order, turns, seen, view = cycle("abc"), 0, 0, None

    while view is None or view.status not in {"merged", "paused", "failed"}:
        limit = seen + EVENTS_PER_TURN
        view = await hosts.until(next(order), epic, lambda events, limit=limit: len(events) >= limit)
        seen, turns = len(await (await hosts.at("a")).events(epic)), turns + 1

    assert (view.status, view.problem) == ("merged", None)
    assert turns > 6
    assert _log(git, shared) == _log(git, alone)
    assert git(shared, "show", "main:greeting.txt") == "hello, you"
    engine = await hosts.at("a")
    assert await _bought(engine, epic) == await _bought(engine, first)


async def test_a_home_that_is_empty_shows_and_ends_what_another_began_on_a_repository_by_path(hosts, serve, git):
    bare = serve()
    epic = await hosts.start("a", str(bare))
    await (await hosts.at("a")).advance(epic)
    waiting = await hosts.approve("a", epic)
    assert waiting.step == "merge_gate"

    there = await hosts.at("b")
    assert "hello, you" in await there.changes(epic)
    assert "hello, you" in (await there.gate_content(epic)).diff
    done = await hosts.approve("b", epic)

    assert done.status == "merged"
    assert git(bare, "rev-parse", "main") == done.head
    assert git(bare, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/genie").startswith(f"genie/{epic}/")


async def test_a_commit_that_was_pushed_over_is_stored_while_a_host_has_it(hosts, serve, source, git):
    bare = serve()
    epic = await hosts.start("a", bare.as_uri())
    await (await hosts.at("a")).advance(epic)
    _push_over(git, source, bare)
    await (await hosts.at("a")).advance(epic)

    view = await hosts.approve("b", epic)
    while view.status == "waiting":
        view = await hosts.approve("b", epic)

    assert (view.status, view.problem) == ("merged", None)
    assert git(bare, "show", "main:also.txt") == "And to everybody else."
    assert git(bare, "show", "main:greeting.txt") == "hello, you"


async def test_a_commit_that_is_nowhere_any_more_is_named_and_the_host_that_has_it_goes_on(hosts, serve, source, git):
    bare = serve()
    epic = await hosts.start("a", bare.as_uri())
    await (await hosts.at("a")).advance(epic)
    _push_over(git, source, bare)

    lost = await hosts.approve("b", epic)
    assert lost.status == "paused"
    assert "is on no branch of file://" in lost.problem
    assert "push a branch that holds it" in lost.problem
    await (await hosts.at("a")).resume(epic)
    view = await (await hosts.at("a")).advance(epic)

    assert (view.status, view.step, view.problem) == ("waiting", "merge_gate", None)


async def test_a_repository_that_does_not_answer_pauses_the_epic_until_it_does(hosts, serve):
    bare = serve()
    epic = await hosts.start("a", bare.as_uri())
    bare.rename(bare.with_name("away"))

    away = await (await hosts.at("b")).advance(epic)
    assert away.status == "paused"
    assert "cannot be fetched" in away.problem
    bare.with_name("away").rename(bare)
    await (await hosts.at("b")).resume(epic)
    view = await (await hosts.at("b")).advance(epic)

    assert (view.status, view.step) == ("waiting", "plan_gate")


def _push_over(git, source, bare):
    """Rewrite the newest commit of the served branch, and let git forget the old one."""
    (source / "also.txt").write_text("And to everybody else.\n")
    git(source, "add", "also.txt")
    git(source, "commit", "--quiet", "--amend", "-m", "Greet everybody")
    git(source, "push", "--quiet", "--force", str(bare), "main")
    git(bare, "reflog", "expire", "--expire=now", "--all")
    git(bare, "gc", "--quiet", "--prune=now")
