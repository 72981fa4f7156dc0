"""The fenced saver keeps what LangGraph promises of a saver: the suite that LangGraph publishes for savers passes on it."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate

from db.leases import Lease, Worker, take_lease
from db.saver import FencedSaver

pytestmark = pytest.mark.postgres

WORKER = Worker(name="here:1", host="here", pid=1, pid_started="")
CAPABILITIES = {"put", "put_writes", "get_tuple", "list", "delete_thread", "prune"}


class LeasingSaver(FencedSaver):
    """Takes the lease of each thread that it meets: the suite writes many, and knows nothing of leases."""

    async def _lease_of(self, thread: str) -> Lease:
        if thread not in self._leases:
            self._leases[thread] = await take_lease(self._pool, thread, WORKER, seconds=600)
        return self._leases[thread]


async def test_the_published_suite_for_savers_passes(database):
    @checkpointer_test(name="FencedSaver")
    async def fenced_saver():
        first = await take_lease(database.pool, "t-first", WORKER, seconds=600)
        yield LeasingSaver(database.pool, first)
        async with database.pool.connection() as connection:
            await connection.execute("DELETE FROM leases")

    report = await validate(fenced_saver)

    failures = {name: result.failures for name, result in report.results.items() if result.failures}
    assert failures == {}, asdict(report)
    assert {name for name, result in report.results.items() if result.detected and result.passed} == CAPABILITIES
    assert min(result.tests_passed for result in report.results.values() if result.detected) > 2


def test_every_way_to_write_of_the_stock_saver_is_fenced():
    reads = {"aget", "aget_tuple", "alist", "aget_delta_channel_history", "asetup", "aget_next_version"}
    writes = {name for name in vars(BaseCheckpointSaver) if name.startswith("a") and callable(getattr(BaseCheckpointSaver, name))} - reads

    fenced = {name for name in writes if name in vars(FencedSaver)}
    absent = {name for name in writes if getattr(FencedSaver, name) is getattr(BaseCheckpointSaver, name)}

    assert writes - fenced - absent == set()
    assert fenced == {"aput", "aput_writes", "adelete_thread", "aprune"}
