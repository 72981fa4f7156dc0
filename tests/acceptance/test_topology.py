"""What docker-compose.yml describes, as processes: two servers and two workers that share a database and nothing else."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.fakes.git_server import GitServer
from tests.fakes.judging import judge
from tests.fakes.machine import until
from tests.fakes.story import GOAL, STORY, make_repository
from tests.fakes.team import Team, told

if TYPE_CHECKING:
    from tests.fakes.nursery import Nursery


@pytest.fixture
def git_server(tmp_path: Path) -> Generator[GitServer]:
    """Repositories at URLs: a path would be one more thing that the workers share."""
    with GitServer(tmp_path / "repositories") as made:
        yield made


@pytest.fixture
def team(tmp_path: Path, database_url: str, nursery: Nursery) -> Generator[Team]:
    """Two servers and two workers; a worker has one epic at a time, so that the other is needed when both epics can be worked on."""
    from tests.fakes.model_server import ModelServer

    with ModelServer(STORY, log=tmp_path / "requests.jsonl") as model:
        settings = {"ANTHROPIC_BASE_URL": model.url, "GENIE_CONCURRENCY": "1"}
        with Team(tmp_path, database_url, nursery, settings=settings) as made:
            yield made


def started(client: httpx2.Client, repo: str) -> str:
    answer = client.post("/epics", json={"goal": GOAL, "repo": repo})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def approve(client: httpx2.Client, epic: str, gate: str) -> None:
    def waiting() -> Any:
        items = client.get("/approvals", params={"status": "pending", "epic": epic}).json()["items"]
        return next((item for item in items if item["gate"] == gate), None)

    approval = until(waiting, f"{epic} waits at its {gate}", every_s=0.1)
    answer = client.post(f"/approvals/{approval['id']}/decision", json={"decision": "approve"})
    assert answer.status_code == 200, answer.text


def streamed(client: httpx2.Client, epic: str) -> list[tuple[int, str]]:
    """What a server told of an epic, to its end."""
    return [(event["id"], event["type"]) for event in told(client, epic) if "id" in event]


@pytest.mark.faults
def test_two_servers_and_two_workers_on_one_database_behave_as_one(team: Team, git_server: GitServer, tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source")
    urls = [git_server.add(source, f"{n}.git") for n in range(2)]

    with team.client(0) as first, team.client(1) as second, ThreadPoolExecutor() as pool:
        epics = [started(first, urls[0]), started(second, urls[1])]
        # Of each epic, from both servers.
        streams = [[pool.submit(streamed, client, epic) for client in (first, second)] for epic in epics]
        for gate in ("plan_gate", "merge_gate"):
            # Each is decided where it was not started.
            approve(second, epics[0], gate)
            approve(first, epics[1], gate)
        heard = [[stream.result(timeout=60) for stream in each] for each in streams]
        listed = [{item["id"]: item["status"] for item in client.get("/epics").json()["items"]} for client in (first, second)]

    assert listed == [dict.fromkeys(epics, "merged")] * 2
    for epic, (here, there), n in zip(epics, heard, range(2), strict=True):
        assert here == there
        assert [number for number, _ in here] == list(range(1, len(here) + 1))
        assert here[-1][1] == "epic_ended"
        assert judge(team.database_url, epic, git_server.folder / f"{n}.git").clean
    # What the containers' health checks ask.
    assert team.workers[0].machine.run("worker", "check").code == 0
    assert [member.running.code for member in (*team.servers, *team.workers)] == [None] * 4


def test_a_machine_without_a_worker_is_told_from_one_with(genie):
    checked = genie("worker", "check")

    assert checked.code == 1
    assert checked.out.startswith("there is no worker on ")
