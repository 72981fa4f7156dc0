"""A server in trouble says so, in a bounded time, and heals by itself."""

from __future__ import annotations

import json
import secrets
import signal
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
import psycopg

from tests.fakes.machine import until
from tests.fakes.servers import DEADLINE_S


def test_a_server_starts_without_its_database_heals_with_it_and_ends_in_good_order(serve, repo, postgres_server, database_template):
    name = f"genie_late_{secrets.token_hex(6)}"
    server = serve("--workers", "0", database_url=urlsplit(postgres_server)._replace(path=f"/{name}").geturl(), ready=False)

    health = httpx2.get(f"{server.url}/health")
    ready = httpx2.get(f"{server.url}/ready")
    asked = httpx2.get(f"{server.url}/api/v1/epics", headers={"Authorization": "Bearer whatever"})
    with own_database(postgres_server, name, database_template), server.client() as client:
        until(lambda: httpx2.get(f"{server.url}/ready").status_code == 200, "the server is ready")
        epic = client.post("/epics", json={"goal": "Greet people", "repo": repo, "executor": "scripted"}).json()
        with client.stream("GET", f"/epics/{epic['id']}/events") as answer:
            lines = answer.iter_lines()
            begun = next(lines)
            server.process.send(signal.SIGTERM)
            told = list(lines)
        code = server.stop()

    assert (health.status_code, health.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert name in ready.json()["parts"]["database"]["detail"]
    assert (asked.status_code, asked.json()["code"]) == (503, "store_unavailable")
    assert int(asked.headers["retry-after"]) > 0
    assert (begun, "event: epic_queued" in told, code) == (": connected", True, 0)


def test_a_ready_server_tells_its_parts_and_its_figures(server, client, epic):
    client.get(f"/epics/{epic}")

    ready = httpx2.get(f"{server.url}/ready").json()
    metrics = httpx2.get(f"{server.url}/metrics").text

    assert ready["ready"]
    assert ready["parts"].keys() == {"database", "schema", "workers", "disk", "knowledge", "events"}
    assert 'genie_http_requests_total{method="GET",route="/epics/{id}",status="200"}' in metrics
    assert 'genie_epics{status="queued"}' in metrics
    assert "genie_database_up 1.0" in metrics
    assert 'genie_slack_threads{state="waiting"} 0.0' in metrics


def test_requests_that_find_no_connection_are_told_to_come_again(server):
    def ask(_: int) -> httpx2.Response:
        with server.client() as client:
            return client.get("/epics")

    began = time.monotonic()
    with psycopg.connect(server.database_url) as blocking, ThreadPoolExecutor(14) as threads:
        blocking.execute("LOCK TABLE epics IN ACCESS EXCLUSIVE MODE")
        asked = [threads.submit(ask, n) for n in range(14)]
        refused = until(lambda: [each for each in asked if each.done()], "somebody is told to come again")
        took = time.monotonic() - began
        health = httpx2.get(f"{server.url}/health")
        blocking.rollback()
        answers = [each.result() for each in asked]

    first = refused[0].result()
    assert (first.status_code, first.json()["code"]) == (503, "store_unavailable")
    assert int(first.headers["retry-after"]) > 0
    assert took < DEADLINE_S
    assert health.status_code == 200
    assert {answer.status_code for answer in answers} == {200, 503}


def test_the_log_tells_each_request_as_json_with_its_id_and_its_epic(server, client):
    client.get("/epics/e-0123456789", headers={"X-Request-Id": "mine"})

    # The line is written behind the answer.
    until(lambda: '"mine"' in server.log.read_text(), "the line of the request")
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    told = next(line for line in lines if line.get("request_id") == "mine")
    assert (told["epic"], told["method"], told["status"], told["level"]) == ("e-0123456789", "GET", 404, "info")


@contextmanager
def own_database(server: str, name: str, template: str) -> Generator[None]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        try:
            yield
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
