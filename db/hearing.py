"""Hearing hints: procrastinate's worker, which calls back for each job; what it calls is quick, and runs no epic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException

from db.connection import GIVEN_UP_AFTER_S, heard_within
from db.failures import first_line
from db.jobs import ADVANCE, QUEUE
from epics.errors import StoreUnavailable

POLL_S: Final = 2.0
HEARTBEAT_S: Final = 10.0


async def hear_hints(dsn: str, heard: Callable[[str], Awaitable[None]]) -> None:
    """Call back with the epic of each hint, one after the other, until cancelled; a job is deleted when the call returns.

    It has connections of its own: the settings of our pool would end its listener (it sets `autocommit` itself).

    Raises:
        StoreUnavailable: if the database does not answer; hints that were missed are found by sweeping.
    """
    connector = PsycopgConnector(
        conninfo=dsn, min_size=1, max_size=2, kwargs={"application_name": "genie-hints", **heard_within(GIVEN_UP_AFTER_S)}
    )
    app = App(connector=connector)

    @app.task(name=ADVANCE, queue=QUEUE)
    async def advance(epic_id: str) -> None:
        await heard(epic_id)

    try:
        async with app.open_async():
            # Jobs are deleted whatever became of them: nothing depends on what they say.
            await app.run_worker_async(
                queues=[QUEUE],
                concurrency=1,
                delete_jobs="always",
                install_signal_handlers=False,
                fetch_job_polling_interval=POLL_S,
                update_heartbeat_interval=HEARTBEAT_S,
                shutdown_graceful_timeout=1.0,
                stalled_worker_timeout=3 * HEARTBEAT_S,
            )
    except ConnectorException as error:
        raise StoreUnavailable(f"the database did not answer: {first_line(error)}") from error
    raise StoreUnavailable("the worker that hears hints ended")
