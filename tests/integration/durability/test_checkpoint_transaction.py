"""A checkpoint, the writes before it and the rows that it makes true are there together or not at all (rules 5 to 7)."""

from __future__ import annotations

from importlib.resources import files

import pytest
from psycopg import errors as pg

from db.leases import take_lease
from db.saver import FencedSaver
from engine.checkpoints import config_of, project_values, saver_for
from epics.steps import Step
from graphs.epic import build_epic_graph, compile_epic_graph
from tests.integration.durability.writing import HERE, LONG_S, contents, put, rows, state_after

pytestmark = pytest.mark.postgres

PLANNED = state_after(Step.PLANNING, then=Step.ARCHITECT)
WAITS = state_after(Step.ARCHITECT, then=Step.PLAN_GATE)
FINDING = {"id": "F1", "severity": "major", "file": "greeting.txt", "what": "It greets nobody.", "why": "The goal says people."}
FINDINGS = {"verdict": "findings", "summary": "It greets nobody.", "findings": [FINDING]}


def _breaks_late(kind):
    """A projection whose last rows the database refuses, after all others were written."""

    def project(*given):
        return {**(project_values(*given) or {}), **kind}

    return project


@pytest.mark.parametrize("kind", [{"events": [{"type": None, "data": {}}]}, {"status": "nonsense"}], ids=str)
async def test_an_error_late_in_the_projection_takes_the_checkpoint_with_it(database, lease, kind):
    sound = FencedSaver(database.pool, lease, project=project_values, folded=True)
    first = await put(sound, lease.thread_id, PLANNED)
    saver = FencedSaver(database.pool, lease, project=_breaks_late(kind), folded=True)
    await saver.aput_writes(first, [("head", "d" * 40)], "task-1")
    before = await contents(database.pool)

    with pytest.raises(pg.IntegrityError):
        await put(saver, lease.thread_id, WAITS, first)

    assert await contents(database.pool) == before


async def test_a_checkpoint_of_an_epic_without_a_row_is_refused(database, lease):
    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM epics")
    before = await contents(database.pool)

    with pytest.raises(pg.ForeignKeyViolation):
        await put(FencedSaver(database.pool, lease, project=project_values), lease.thread_id, PLANNED)

    assert await contents(database.pool) == before


async def test_folded_writes_wait_for_their_checkpoint_and_share_its_transaction(database, lease):
    saver = FencedSaver(database.pool, lease, project=project_values, folded=True)
    first = await put(saver, lease.thread_id, PLANNED)
    await saver.aput_writes(first, [("head", "d" * 40), ("step", "plan_gate")], "task-1")

    early = await rows(database.pool, "SELECT channel FROM checkpoint_writes")
    await put(saver, lease.thread_id, WAITS, first)

    assert early == []
    together = """
        SELECT (SELECT array_agg(DISTINCT xmin::text) FROM checkpoint_writes) AS writes,
            (SELECT array_agg(xmin::text) FROM checkpoints WHERE parent_checkpoint_id IS NOT NULL) AS checkpoint,
            (SELECT array_agg(xmin::text) FROM moments WHERE n = 2) AS moment,
            (SELECT array_agg(xmin::text) FROM approvals) AS approval
    """
    found = (await rows(database.pool, together))[0]
    assert found["writes"] == found["checkpoint"] == found["moment"] == found["approval"] != [None]


@pytest.mark.parametrize("channel", ["__interrupt__", "__error__", "__resume__", "__scheduled__"])
async def test_what_stops_a_task_is_written_at_once_even_when_folded(database, lease, channel):
    saver = FencedSaver(database.pool, lease, project=project_values, folded=True)
    first = await put(saver, lease.thread_id, PLANNED)

    await saver.aput_writes(first, [(channel, "why")], "task-1")

    assert await rows(database.pool, "SELECT channel FROM checkpoint_writes") == [{"channel": channel}]


async def test_a_saver_folds_only_when_it_is_told_to(database, lease):
    saver = FencedSaver(database.pool, lease)
    first = await put(saver, lease.thread_id, PLANNED)

    await saver.aput_writes(first, [("head", "d" * 40)], "task-1")

    assert await rows(database.pool, "SELECT channel FROM checkpoint_writes") == [{"channel": "head"}]
    assert saver_for(database, lease)._folded


async def test_an_epic_has_one_task_per_superstep_and_one_transaction_per_step(begin, story):
    broken = {"workflow": "review", "when_tree_lacks": {"greeting.txt": "world"}, "turns": [{"output": FINDINGS}]}
    epic = await begin(story(broken, fix=[{"write": {"greeting.txt": "hello world\n"}}]), auto_approve=True)

    assert (await epic.engine.advance(epic.id)).status == "merged"

    database = epic.engine._installation.database
    lease = await take_lease(database.pool, epic.id, HERE, seconds=LONG_S)
    states = [state async for state in compile_epic_graph(saver_for(database, lease)).aget_state_history(config_of(epic.id))]
    assert {len(state.tasks) for state in states} == {0, 1}
    assert "fix" in {state.next[0] for state in states if state.next}
    # A gate's answer is written at once, and what the gate makes of it with it.
    gates = "SELECT task_id FROM checkpoint_writes WHERE channel = '__interrupt__'"
    where = f"thread_id = %s AND task_id NOT IN ({gates})"
    assert (await epic.rows(f"SELECT count(DISTINCT task_id) AS n FROM checkpoint_writes WHERE {where}"))[0]["n"] >= 12
    assert await epic.rows(f"SELECT channel FROM checkpoint_writes WHERE {where} AND xmin NOT IN (SELECT xmin FROM checkpoints)") == []
    loose = await epic.rows("SELECT m.n FROM moments m JOIN checkpoints c USING (checkpoint_id) WHERE m.xmin <> c.xmin AND epic_id = %s")
    assert loose == []


def test_the_epic_graph_has_no_way_to_two_tasks_at_once():
    graph = build_epic_graph()

    plain = {(here, there) for here, there in graph.edges if here != "__start__"}

    assert plain == set()
    assert graph.waiting_edges == set()
    assert [there for here, there in graph.edges if here == "__start__"] == ["planning"]
    assert {here: len(branches) for here, branches in graph.branches.items()} == dict.fromkeys(graph.nodes, 1)


def test_no_statement_of_ours_notifies_but_the_one_that_is_sent_after_the_commit():
    sql = [path for folder in ("queries", "migrations") for path in (files("db") / "sql" / folder).iterdir() if path.name.endswith(".sql")]

    notifying = [path.name for path in sql for line in path.read_text().lower().splitlines() if "notify" in line and line[:2] != "--"]

    assert len(sql) > 5
    assert notifying == ["events.sql"]
