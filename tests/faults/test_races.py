"""Everybody asks at once: of fifty equal starts one epic comes, of twenty decisions one counts, and the others are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.fakes.keyed import HomeKey
from tests.fakes.machine import until
from tests.fakes.own_postgres import free_port
from tests.fakes.story import GOAL
from tests.faults.test_step_boundaries import ROUTE

if TYPE_CHECKING:
    from tests.fakes.machine import Machine, Running
    from tests.faults.conftest import Scene

STARTS = 50
OVER_HTTP = 14
BY_COMMAND = 6


class Servers:
    """Two servers on one database."""

    def __init__(self, scene: Scene) -> None:
        self._ports = [free_port(), free_port()]
        machines = [scene.machine(f"server-{number}") for number in range(2)]
        self._keys = [HomeKey(machine.home) for machine in machines]
        self.running = [_begin(machine, port) for machine, port in zip(machines, self._ports, strict=True)]
        self.client = httpx2.Client(timeout=60.0)

    def url(self, number: int, path: str) -> str:
        """An address at one of them, in turn."""
        return f"http://127.0.0.1:{self._ports[number % 2]}{path}"

    def post(self, number: int, path: str, body: dict[str, Any], **headers: str) -> httpx2.Response:
        """Post to one of them, in turn."""
        return self.client.post(self.url(number, f"/api/v1{path}"), json=body, headers=headers, auth=self._keys[number % 2])

    def is_ready(self, number: int) -> bool:
        """Whether one of them serves."""
        try:
            return self.client.get(self.url(number, "/ready")).status_code == 200
        except httpx2.HTTPError:
            return False


def _begin(machine: Machine, port: int) -> Running:
    return machine.begin("serve", "--port", str(port), "--workers", "0")


@pytest.fixture
def servers(scene: Scene) -> Generator[Servers]:
    """Two servers, ready."""
    made = Servers(scene)
    for number in range(2):
        until(lambda number=number: made.is_ready(number), f"server {number} is ready: {made.running[number].said}")
    yield made
    made.client.close()


@pytest.mark.faults
def test_of_fifty_equal_starts_with_one_key_one_epic_comes(scene: Scene, servers: Servers) -> None:
    """Fault 6: parallel over two servers; another body is refused; an answer that was lost is given again, also by the other server."""
    body = {"goal": GOAL, "repo": scene.where}
    key = {"Idempotency-Key": "one"}

    with ThreadPoolExecutor(STARTS) as many:
        answers = list(many.map(lambda number: servers.post(number, "/epics", body, **key), range(STARTS)))

    assert {answer.status_code for answer in answers} == {202}, Counter(answer.text for answer in answers)
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.text for answer in answers}) == 1
    assert Counter("idempotency-replayed" in answer.headers for answer in answers) == {False: 1, True: STARTS - 1}
    assert scene.ask("SELECT count(*) FROM epics") == [(1,)]
    refused = servers.post(0, "/epics", {**body, "goal": "Something else"}, **key)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    servers.running[0].kill()
    again = servers.post(1, "/epics", body, **key)
    assert again.text == answers[0].text
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.faults
def test_an_epic_whose_server_is_killed_before_its_first_checkpoint_is_there_and_is_worked_on(scene: Scene, servers: Servers) -> None:
    """Fault 2: between the answer and the first checkpoint, with no worker at all; then one comes."""
    epic = servers.post(0, "/epics", {"goal": GOAL, "repo": scene.where, "auto_approve": True}).json()["id"]
    for server in servers.running:
        server.kill()
    assert scene.status(epic) == "queued"

    scene.here.begin("worker")

    scene.until_status(epic, "merged")
    assert [event for (event,) in scene.ask("SELECT type FROM events WHERE epic_id = %s AND type = 'epic_ended'", epic)] == ["epic_ended"]


@pytest.mark.faults
def test_of_twenty_decisions_over_http_and_by_command_one_counts_and_the_others_are_told(scene: Scene, servers: Servers) -> None:
    """Fault 9: yes and no mixed; each loser learns who, what and when; the next step comes once."""
    scene.here.begin("worker")
    epic = servers.post(0, "/epics", {"goal": GOAL, "repo": scene.where}).json()["id"]
    scene.until_status(epic, "waiting")
    approval = str(scene.ask("SELECT waiting_on FROM epics WHERE id = %s", epic)[0][0])
    choices = ["approve" if number % 2 else "reject" for number in range(OVER_HTTP)]

    with ThreadPoolExecutor(OVER_HTTP) as many:
        commands = [scene.begin("approval", "approve" if number % 2 else "reject", approval) for number in range(BY_COMMAND)]
        answers = list(
            many.map(lambda pair: servers.post(pair[0], f"/approvals/{approval}/decision", {"decision": pair[1]}), enumerate(choices))
        )
    ended = [command.end() for command in commands]

    row = scene.ask("SELECT decision, decided_by, channel FROM approvals WHERE id = %s", approval)[0]
    assert sum(answer.status_code == 200 for answer in answers) + sum(each.code == 0 for each in ended) == 1
    late = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in late} == {409}
    for answer in late:
        problem = answer.json()
        assert problem["code"] == "already_decided"
        assert (problem["decision"], problem["decided_by"]) == row[:2]
        assert problem["decided_at"]
    for each in ended:
        assert each.code == 0 or (row[0] in each.said and row[1] in each.said), each.said
    _goes_on_once(scene, epic, str(row[0]))


def _goes_on_once(scene: Scene, epic: str, decision: str) -> None:
    """See what came of the decision: the end, or the way to the next gate, once."""
    scene.until_status(epic, *(["rejected"] if decision == "reject" else ["waiting"]))
    if decision == "approve":
        until(lambda: scene.ask("SELECT 1 FROM approvals WHERE epic_id = %s AND gate = 'merge_gate'", epic), "the next gate")
    steps = [f"{step}: {outcome}" for step, outcome in scene.ask("SELECT step, outcome FROM moments WHERE epic_id = %s ORDER BY n", epic)]
    assert steps == ROUTE[: len(steps)]
    assert steps.count("plan_gate: decided") == 1
