"""A history goes from one machine to another, with all that it was, and without secrets."""

from __future__ import annotations

import asyncio
import io
import subprocess
import zipfile

import pytest

from tests.integration.conftest import Began

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

IMPORTED = '{"type": "epic_imported"}'
SECRET = "correct-Horse-battery-9"


@pytest.fixture(scope="module")
def standing(bring_to_merge, story):
    return bring_to_merge(story())


@pytest.fixture
def merged(stood):
    return stood


async def exported(epic, path, **more):
    with path.open("wb") as target:
        return await epic.engine.keeping.export(epic.id, target, **more)


def plain(records):
    """Views without what is another machine's."""
    return [record.model_dump(exclude={"cost_usd", "step_cost_usd", "repo"}) for record in records]


async def test_an_epic_that_was_merged_is_the_same_elsewhere(merged, elsewhere, tmp_path):
    await merged.engine.mark(merged.id, 3, "before-work", by="ann")
    manifest = await exported(merged, tmp_path / "x.genie")

    imported = await elsewhere.keeping.take_in(tmp_path / "x.genie")

    assert (imported.epic, imported.was, imported.status) == (merged.id, merged.id, "merged")
    assert (manifest.secrets_removed, manifest.pruned_moments) == (0, 0)
    assert plain(await elsewhere.moments(merged.id)) == plain(await merged.engine.moments(merged.id))
    assert plain(await elsewhere.attempts(merged.id)) == plain(await merged.engine.attempts(merged.id))
    assert await elsewhere.attempt_log(merged.id, 3) == await merged.engine.attempt_log(merged.id, 3)
    assert plain(await elsewhere.approvals(epic=merged.id)) == plain(await merged.engine.approvals(epic=merged.id))
    events = await elsewhere.events(merged.id)
    assert events[:-1] == await merged.engine.events(merged.id)
    assert (events[-1].type, events[-1].data["from"]) == ("epic_imported", merged.id)
    assert (await elsewhere.diff(merged.id)).diff == (await merged.engine.diff(merged.id)).diff
    assert await elsewhere.moment_number(merged.id, "before-work") == 3
    there, here = await elsewhere.epic(merged.id), await merged.engine.epic(merged.id)
    other = {"repo", "updated_at", "cost_usd", "tokens"}
    assert there.model_dump(exclude=other) == here.model_dump(exclude=other)


async def test_every_state_is_the_same_elsewhere(merged, elsewhere, tmp_path):
    from db.reading import states_at

    await exported(merged, tmp_path / "x.genie")
    await elsewhere.keeping.take_in(tmp_path / "x.genie")

    ids = [moment.checkpoint_id for moment in await merged.engine.moments(merged.id)]
    assert await states_at(elsewhere._pool, merged.id, ids) == await states_at(merged.engine._pool, merged.id, ids)


OTHER_HERE = {
    "epics": {"project_id", "repo", "auto_approve", "last_event", "updated_at", "retries", "retry_mark", "imported_at"},
    "effects": {"key"},
    "events": set(),
    "analyses": {"project_id"},
}
"""Columns that are this machine's own."""


async def rows_of(engine, table, epic):
    column = "id" if table == "epics" else "epic_id"
    async with engine._pool.connection() as connection:
        found = await (
            await connection.execute(f"SELECT to_jsonb(t) AS row FROM {table} t WHERE {column} = %s".encode(), [epic])
        ).fetchall()
    rows = [{name: value for name, value in row["row"].items() if name not in OTHER_HERE.get(table, set())} for row in found]
    told = [row for row in rows if row.get("type") != "epic_imported" and (table, row.get("kind")) != ("effects", "pull_request")]
    return sorted(told, key=repr)


async def test_every_column_of_every_row_goes_along(merged, elsewhere, tmp_path):
    from db.histories import KINDS

    await merged.engine.mark(merged.id, 3, "before-work", by="ann")
    await exported(merged, tmp_path / "x.genie")
    await elsewhere.keeping.take_in(tmp_path / "x.genie")

    for table in ("epics", *KINDS):
        assert await rows_of(elsewhere, table, merged.id) == await rows_of(merged.engine, table, merged.id), table


async def test_every_table_of_an_epic_is_exported_or_left_out_on_purpose(database):
    from db.histories import KINDS

    async with database.pool.connection() as connection:
        query = b"SELECT table_name AS name FROM information_schema.columns WHERE column_name = 'epic_id' AND table_schema = 'public'"
        names = {row["name"] for row in await (await connection.execute(query)).fetchall()}

    views = {name for name in names if name.startswith(("due_", "shown_"))}
    # Money was paid once, elsewhere; messages, keys, commands and leased values are this machine's; a race is of several epics; packs are
    # made again; contents that are kept beside git are left as pointers; threads in Slack belong to the epic that is shown there;
    # what agents note for each other and tell people is work in hand, and what was told stands in the events; what is to be learned is
    # learned where it happened.
    left_out = {
        "slack_threads",
        "slack_posts",
        "lfs_contents",
        "calls",
        "outbox",
        "idempotency_keys",
        "commands",
        "leased_values",
        "races",
        "race_entries",
        "epic_packs",
        "agent_tasks",
        "people_told",
        "learning_marks",
    }
    assert names - views - left_out == set(KINDS)


async def test_the_same_epic_gives_the_same_file(merged, tmp_path):
    await exported(merged, tmp_path / "a.genie")
    await exported(merged, tmp_path / "b.genie")

    assert (tmp_path / "a.genie").read_bytes() == (tmp_path / "b.genie").read_bytes()


async def test_an_epic_that_waits_is_paused_elsewhere_and_goes_on_to_its_merge(begin, elsewhere, tmp_path, git):
    from epics.approvals import Decision

    epic = await begin()
    assert (await epic.engine.advance(epic.id)).status == "waiting"
    await exported(epic, tmp_path / "x.genie")

    imported = await elsewhere.keeping.take_in(tmp_path / "x.genie")

    view = await elsewhere.epic(epic.id)
    assert (view.status, view.executor) == ("paused", "scripted")
    assert "where it was waiting" in (view.problem or "")
    assert (await elsewhere.resume(epic.id)).status == "waiting"
    for _gate in ("plan_gate", "merge_gate"):
        await elsewhere.decide(epic.id, Decision.model_validate({"choice": "approve", "by": "ann", "channel": "test"}))
        view = await elsewhere.advance(epic.id)
    assert view.status == "merged"
    assert git(tmp_path / imported.repo, "show", "main:greeting.txt") == "hello"
    assert (await epic.engine.epic(epic.id)).status == "waiting"


async def test_what_waits_elsewhere_is_asked_here_under_the_terms_of_here(begin, small_repo, git, elsewhere, tmp_path):
    from db.deadlines import due_approvals
    from epics.callers import acting_as
    from tests.integration.approvals.people import person, says

    epic = await begin()
    await epic.engine.advance(epic.id)
    # Decided there, and not gone on with: nobody here has decided anything.
    await epic.engine.decide(epic.id, says("approve"))
    await epic.rows("UPDATE approvals SET requested_at = now() - interval '10 days' RETURNING id")
    await exported(epic, tmp_path / "x.genie")
    (small_repo / "genie.toml").write_text('[approvals]\nquorum = 2\nexpires = "3d"\non_expiry = "reject"\n', encoding="utf-8")
    git(small_repo, "add", "genie.toml")
    git(small_repo, "commit", "--quiet", "--all", "--message", "Two must agree")

    await elsewhere.keeping.take_in(tmp_path / "x.genie", repo=str(small_repo))

    assert await due_approvals(elsewhere._pool) == []
    assert (await elsewhere.resume(epic.id)).status == "waiting"
    for who, status in (("anna", "pending"), ("ben", "approved")):
        with acting_as(person(who)):
            view = await elsewhere.decide(epic.id, says("approve"))
        assert (view.status, view.terms.quorum) == (status, 2)
    assert (await elsewhere.advance(epic.id)).step == "merge_gate"


async def test_any_other_host_of_the_new_database_can_go_on(begin, elsewhere, engine_at, story, second_database, tmp_path):
    epic = await begin(auto_approve=True)
    await epic.engine.advance(epic.id)
    await exported(epic, tmp_path / "x.genie")
    imported = await elsewhere.keeping.take_in(tmp_path / "x.genie")

    third = await engine_at(story(), home=tmp_path / "third", database_url=second_database)

    assert (await third.diff(imported.epic)).diff == (await epic.engine.diff(epic.id)).diff


async def test_where_its_id_is_taken_it_gets_another_everywhere(begin, tmp_path):
    epic = await begin()
    await epic.engine.advance(epic.id)
    await exported(epic, tmp_path / "x.genie")

    imported = await epic.engine.keeping.take_in(tmp_path / "x.genie")

    assert imported.epic != epic.id
    there = await epic.engine.epic(imported.epic)
    assert there.branch == (await epic.engine.epic(epic.id)).branch.replace(epic.id, imported.epic)
    [approval] = await epic.engine.approvals(epic=imported.epic)
    assert there.waiting_on == approval.id != (await epic.engine.epic(epic.id)).waiting_on
    assert (await epic.engine.resume(imported.epic)).status == "waiting"
    for table in ("moments", "attempts", "approvals", "pull_requests", "events"):
        rows = await epic.rows(
            f"SELECT to_jsonb(t)::text AS row FROM {table} t WHERE epic_id = '{imported.epic}' AND NOT to_jsonb(t) @> '{IMPORTED}'"
        )
        assert rows or table == "pull_requests"
        assert not [row for row in rows if epic.id in row["row"]], table


async def test_it_can_stand_on_the_repository_that_it_was_made_on_and_on_no_other(begin, elsewhere, tmp_path, git_repo, git):
    from epics.errors import RepositoryUnusable

    epic = await begin()
    await epic.engine.advance(epic.id)
    await exported(epic, tmp_path / "x.genie")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(epic.repo), str(clone))
    other = git_repo({"a": "b"}, name="other")

    with pytest.raises(RepositoryUnusable, match="is not the repository"):
        await elsewhere.keeping.take_in(tmp_path / "x.genie", repo=str(other))
    assert (await elsewhere.epics()).items == ()
    imported = await elsewhere.keeping.take_in(tmp_path / "x.genie", repo=str(clone))

    assert imported.repo == str(clone)
    assert not (tmp_path / "elsewhere" / "imported").exists()


async def test_a_fork_of_it_runs_to_its_merge(merged, elsewhere, tmp_path):
    from engine.time_machine.orders import Fork

    await exported(merged, tmp_path / "x.genie")
    await elsewhere.keeping.take_in(tmp_path / "x.genie")

    fork = await elsewhere.fork(merged.id, Fork(at=3, by="ann"))
    await elsewhere.resume(fork.id, auto_approve=True)
    view = await elsewhere.advance(fork.id)

    assert view.status == "merged"


async def test_planted_secrets_are_nowhere_in_the_file(begin, story, tmp_path):
    turns = [
        {"run": [f"echo export API_TOKEN={SECRET}1"], "write": {"greeting.txt": "hello\n"}},
        {"run": [f"echo known {SECRET}2 and 'Authorization: Bearer {SECRET}3'"]},
        {"output": {"summary": "Wrote the greeting."}},
    ]
    script = story(implement=turns)
    epic = await begin(script, labels={"team": f"password={SECRET}4"})
    await epic.engine.advance(epic.id)
    await epic.decide("changes", comment=f"Use https://me:{SECRET}5@example.org/x")
    await epic.engine.advance(epic.id)
    await epic.decide("approve")
    await epic.engine.advance(epic.id)
    [row] = await epic.rows("SELECT string_agg(results::text, ' ') AS all FROM turns WHERE epic_id = %s")
    assert f"{SECRET}1" in row["all"]

    manifest = await exported(epic, tmp_path / "x.genie", secrets=[f"{SECRET}2"])

    assert manifest.secrets_removed >= 5
    content = (tmp_path / "x.genie").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [content, *(archive.read(name) for name in archive.namelist())]
        (tmp_path / "history.bundle").write_bytes(archive.read("history.bundle"))
    unpacked = tmp_path / "unpacked.git"
    clone = ["git", "clone", "--quiet", "--mirror", str(tmp_path / "history.bundle"), str(unpacked)]
    subprocess.run(clone, check=True, capture_output=True)
    every = ["git", "-C", str(unpacked), "cat-file", "--batch-all-objects", "--batch"]
    parts.append(subprocess.run(every, check=True, capture_output=True).stdout)
    assert b"hello" in parts[-1]
    assert not [part for part in parts if SECRET.encode() in part]


async def test_no_webhook_is_told_what_happened_elsewhere(merged, elsewhere, tmp_path):
    await exported(merged, tmp_path / "x.genie")
    async with elsewhere._pool.connection() as connection:
        await connection.execute("INSERT INTO webhooks (name, url, secret) VALUES ('w', 'https://example.org', 'whsec_x')")

    await elsewhere.keeping.take_in(tmp_path / "x.genie")

    async with elsewhere._pool.connection() as connection:
        assert await (await connection.execute("SELECT FROM outbox")).fetchall() == []


@pytest.mark.parametrize("delay_s", [0.05, 0.2, 0.5, 1.0])
async def test_an_import_that_is_stopped_leaves_nothing_half_done(delay_s, merged, elsewhere, tmp_path):
    await exported(merged, tmp_path / "x.genie")
    importing = asyncio.create_task(elsewhere.keeping.take_in(tmp_path / "x.genie"))
    await asyncio.sleep(delay_s)
    importing.cancel()
    await asyncio.wait({importing})

    there = (await elsewhere.epics()).items
    assert len(there) == (0 if importing.cancelled() else 1)
    if not there:
        assert not list((tmp_path / "elsewhere").glob("im*/*"))
        await elsewhere.keeping.take_in(tmp_path / "x.genie")
    assert plain(await elsewhere.moments(merged.id)) == plain(await merged.engine.moments(merged.id))


@pytest.mark.parametrize("turn", [1, 3])
async def test_an_attempt_that_is_at_work_goes_on_elsewhere_from_its_last_turn(turn, begin, story, engine_at, second_database, tmp_path):
    turns = [{"write": {f"more/{n}.txt": f"{n}\n"}} for n in range(5)]
    script = story(implement=[*turns, {"write": {"greeting.txt": "hello\n"}}], pause_s=0.05)
    epic = await begin(script, auto_approve=True)
    running = asyncio.create_task(epic.engine.advance(epic.id))
    while not await epic.rows(f"SELECT FROM turns WHERE epic_id = %s AND attempt = 3 AND n = {turn} AND results IS NOT NULL"):
        await asyncio.sleep(0.005)
    await exported(epic, tmp_path / "x.genie")
    assert (await running).status == "merged"

    there = await engine_at(script, home=tmp_path / "elsewhere", database_url=second_database)
    imported = await there.keeping.take_in(tmp_path / "x.genie")
    before = len(await there.attempt_log(imported.epic, 3))
    await there.resume(imported.epic, auto_approve=True)
    view = await there.advance(imported.epic)

    assert imported.status == "paused"
    assert before >= turn
    assert view.status == "merged"
    told = [event.data["turn"] for event in await there.events(imported.epic) if event.type == "turn_taken" and event.data["attempt"] == 3]
    assert sorted(told) == sorted(set(told))
    assert len(await there.attempt_log(imported.epic, 3)) == len(await epic.engine.attempt_log(epic.id, 3))
    [done] = [attempt for attempt in await there.attempts(imported.epic) if attempt.n == 3]
    assert set(done.files_changed) == {"greeting.txt", *(f"more/{n}.txt" for n in range(5))}


async def test_a_fork_and_an_epic_that_went_back_go_along_with_all_that_they_were(merged, elsewhere, tmp_path):
    from db.reading import states_at
    from engine.time_machine.orders import Fork, GoBack

    fork = await merged.engine.fork(merged.id, Fork(at=6, by="ann", guidance="Be brief."))
    await merged.engine.resume(fork.id)
    assert (await merged.engine.advance(fork.id)).step == "merge_gate"
    await merged.engine.roll_back(fork.id, GoBack(to=4, by="bob", guidance="Begin with the test."))
    source = Began(engine=merged.engine, id=fork.id, repo=merged.repo)
    await exported(source, tmp_path / "x.genie")

    imported = await elsewhere.keeping.take_in(tmp_path / "x.genie")

    moments = await merged.engine.moments(fork.id)
    assert (imported.epic, imported.status) == (fork.id, "paused")
    assert plain(await elsewhere.moments(fork.id)) == plain(moments)
    ids = [moment.checkpoint_id for moment in moments]
    assert await states_at(elsewhere._pool, fork.id, ids) == await states_at(merged.engine._pool, fork.id, ids)
    assert (await elsewhere.epic(fork.id)).forked_from is None
    assert (await elsewhere.events(fork.id))[-1].data["forked_from"] == merged.id
    assert await rows_of(elsewhere, "rollbacks", fork.id) == await rows_of(merged.engine, "rollbacks", fork.id) != []
    await elsewhere.resume(fork.id, auto_approve=True)
    assert (await elsewhere.advance(fork.id)).status == "merged"


async def test_what_retention_has_taken_is_told_to_be_gone_elsewhere_too(merged, elsewhere, tmp_path):
    from engine.retention import RetentionPolicy
    from epics.errors import HistoryPruned, MomentNotFound

    await merged.engine.mark(merged.id, 3, "kept", by="ann")
    await merged.rows("UPDATE epics SET updated_at = now() - interval '400 days' WHERE id = %s RETURNING id")
    await merged.engine.prune(RetentionPolicy(checkpoints_days=90, journal_days=180, events_days=365, keep=1_000), apply=True)
    moments = await merged.engine.moments(merged.id)

    manifest = await exported(merged, tmp_path / "x.genie")
    await elsewhere.keeping.take_in(tmp_path / "x.genie")

    assert manifest.pruned_moments == len(moments) - 2
    assert plain(await elsewhere.moments(merged.id)) == plain(moments)
    assert (await elsewhere.epic(merged.id)).pruned == (await merged.engine.epic(merged.id)).pruned
    assert (await elsewhere.diff(merged.id)).diff == (await merged.engine.diff(merged.id)).diff
    with pytest.raises(HistoryPruned):
        await elsewhere.attempt_log(merged.id, 3)
    states = [await _state_or_none(elsewhere, merged.id, moment, MomentNotFound) for moment in moments]
    assert [moment.n for moment, state in zip(moments, states, strict=True) if state is not None] == [3, moments[-1].n]


async def _state_or_none(engine, epic, moment, missing):
    from db.reading import state_at

    try:
        return await state_at(engine._pool, epic, moment.checkpoint_id)
    except missing:
        return None
