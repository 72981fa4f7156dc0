"""`GET /epics/{id}/events`: every event once and in order, whoever answers."""

from __future__ import annotations

import json
import resource
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import psycopg

from tests.fakes.machine import until
from tests.fakes.servers import DEADLINE_S, Server

LISTENERS = "FROM pg_stat_activity WHERE application_name = 'genie listen' AND datname = current_database()"


@contextmanager
def stream(server: Server, epic: str, *, after: str | None = None) -> Generator[Iterator[tuple[str, dict[str, Any]]]]:
    """The events of an epic from a server, as (name, data)."""
    headers = {} if after is None else {"Last-Event-ID": after}
    with server.client() as client, client.stream("GET", f"/epics/{epic}/events", headers=headers, timeout=DEADLINE_S) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        yield messages(answer)


def messages(answer: httpx2.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif line == "" and "data" in fields:
            data = json.loads(fields["data"])
            assert fields.get("id") == (str(data["id"]) if "id" in data else None)
            yield fields["event"], data
            fields = {}


def add_events(server: Server, epic: str, count: int, kind: str = "told") -> None:
    events = json.dumps([{"type": kind, "data": {"n": n}} for n in range(count)])
    server.rows("SELECT add_events(%s, %s::jsonb)", epic, events)


def end(server: Server, epic: str) -> None:
    # In one transaction, as Genie does: a stream ends where it sees an end and has told all.
    with psycopg.connect(server.database_url) as connection:
        connection.execute("UPDATE epics SET status = 'cancelled' WHERE id = %s", (epic,))
        ended = json.dumps([{"type": "epic_ended", "data": {"n": 0}}])
        connection.execute("SELECT add_events(%s, %s::jsonb)", (epic, ended))


def test_a_stream_tells_what_was_and_what_comes_and_ends_with_the_epic(server, epic):
    with stream(server, epic) as told:
        first = next(told)
        add_events(server, epic, 3)
        came = [next(told) for _ in range(3)]
        end(server, epic)
        rest = list(told)

    assert (first[0], first[1]["id"]) == ("epic_queued", 1)
    assert [(name, data["id"], data["data"]) for name, data in came] == [("told", n + 2, {"n": n}) for n in range(3)]
    assert [name for name, _ in rest] == ["epic_ended", "end"]
    assert rest[-1][1] == {"status": "cancelled"}


def test_a_reader_that_changes_servers_misses_nothing_and_reads_nothing_twice(server, second_server, epic):
    def write() -> None:
        for _ in range(60):
            add_events(server, epic, 7)
        end(server, epic)

    writing = threading.Thread(target=write)
    writing.start()
    ids: list[int] = []
    changes = 0
    while True:
        with stream((server, second_server)[changes % 2], epic, after=str(ids[-1]) if ids else None) as told:
            for _, data in told:
                if "id" not in data:
                    break
                ids.append(data["id"])
                if len(ids) % 50 == 0:
                    break
            else:
                raise AssertionError("the stream ended without saying so")
        if "id" not in data:
            break
        changes += 1
    writing.join()

    assert ids == list(range(1, 60 * 7 + 3))
    assert changes >= 8


def test_any_number_of_quiet_readers_hold_no_connection_of_the_pool(server, epic):
    with ExitStack() as stack:
        readers = [stack.enter_context(stream(server, epic)) for _ in range(30)]
        firsts = [next(reader) for reader in readers]
        with server.client() as client:
            free = [client.get(f"/epics/{epic}").status_code for _ in range(5)]
        listeners = server.rows(f"SELECT count(*) {LISTENERS}")

    assert {name for name, _ in firsts} == {"epic_queued"}
    assert free == [200] * 5
    assert listeners[0][0] <= 3


def test_events_go_on_when_the_connection_that_listens_is_lost(server, epic):
    with stream(server, epic) as told:
        next(told)
        server.rows(f"SELECT pg_terminate_backend(pid) {LISTENERS}")
        add_events(server, epic, 1)
        came = next(told)
        until(lambda: server.rows(f"SELECT 1 {LISTENERS}"), "the server listens again")

    assert came[1]["id"] == 2


def test_an_announcement_wakes_a_reader(server, epic):
    with stream(server, epic) as told, psycopg.connect(server.database_url, autocommit=True) as connection:
        next(told)
        add_events(server, epic, 1)
        connection.execute("SELECT pg_notify('genie_events', %s)", [epic])

        assert next(told)[1]["id"] == 2


def test_a_reader_that_knows_it_all_is_told_the_end_again(server, epic):
    end(server, epic)

    with stream(server, epic, after="2") as told:
        assert list(told) == [("end", {"status": "cancelled"})]


def test_what_is_no_number_is_no_place_to_go_on_from(client, epic):
    answer = client.get(f"/epics/{epic}/events", headers={"Last-Event-ID": "seven"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


def test_streams_leave_room_for_other_requests(server, client, epic):
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        with ExitStack() as stack:
            streams = (stack.enter_context(client.stream("GET", f"/epics/{epic}/events")) for _ in range(40))

            refused = next(answer for answer in streams if answer.status_code != 200)
            other = client.get(f"/epics/{epic}")
            problem = json.loads(refused.read())
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)

    assert (refused.status_code, problem["code"]) == (503, "server_busy")
    assert int(refused.headers["retry-after"]) > 0
    assert other.status_code == 200
