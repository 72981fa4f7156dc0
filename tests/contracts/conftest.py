"""What the contract of the executors needs where the real Claude Code CLI works."""

from __future__ import annotations

import pytest

from executors.scripts import Script
from tests.fakes.claude import MODEL, local_executor, need_cli
from tests.fakes.journal import MemoryJournal
from tests.fakes.model_server import Fault, ModelServer
from tests.fakes.orders import order


@pytest.fixture
def deep_tree(tmp_path):
    """A work tree whose path is longer than a file's name may be: the CLI makes names of paths."""
    made = tmp_path.joinpath(*["a-long-name-of-a-folder-that-somebody-has-chosen" for _ in range(5)], "tree")
    made.mkdir(parents=True)
    return made


@pytest.fixture
def provider():
    """Return a function that starts the fake provider with a script."""
    opened = []

    def serve(data, *, faults=()):
        server = ModelServer(Script.model_validate(data), faults=[Fault.model_validate(fault) for fault in faults])
        opened.append(server)
        return server.__enter__()

    yield serve
    for server in opened:
        server.__exit__(None, None, None)


@pytest.fixture
async def claude(deep_tree):
    """Return a function that lets the real CLI work on an order, whatever differs from the usual given."""
    need_cli()
    made = []

    async def run(server, journal=None, *, floor_tokens=300, **asked):
        executor = local_executor(server.url, floor_tokens=floor_tokens)
        made.append(executor)
        return await executor.run(order(deep_tree, models=(MODEL,), **{"seconds": 60.0, **asked}), journal or MemoryJournal(tree=deep_tree))

    yield run
    for executor in made:
        await executor.close()
