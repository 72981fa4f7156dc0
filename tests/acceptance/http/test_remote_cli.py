"""`--server URL`: the same commands, output and exit codes, answered by a server whose worker does the work."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

import pytest

from tests.fakes.machine import until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

GOAL = "Write durations as text"


def test_an_epic_is_started_decided_and_merged_by_a_server_and_looks_as_from_the_database(genie, serve, database_url, sample):
    server = serve("--workers", "1", database_url=database_url)
    there = ("--server", server.url)
    command = ("epic", "start", GOAL, "--repo", sample, "--base", "main", "--executor", "scripted", "--model", "scripted:demo")

    at_plan = genie(*command, "--json", *there)
    epic = at_plan.json()["id"]
    approved = genie("approval", "approve", epic, "--go", "--json", *there)
    again = genie("approval", "reject", at_plan.json()["waiting_on"], *there)
    merged = genie("approval", "approve", approved.json()["waiting_on"], "--go", *there)

    assert (at_plan.code, approved.code, again.code, merged.code) == (3, 3, 1, 0), (at_plan.err, approved.err, merged.err)
    assert (at_plan.json()["step"], approved.json()["step"]) == ("plan_gate", "merge_gate")
    assert "already decided: approve, by " in again.err
    assert "main is at" in merged.out
    assert "✓ implement" in approved.err
    for look in (
        ("epic", "show", epic),
        ("epic", "list", "--json"),
        ("epic", "logs", epic, "--json"),
        ("epic", "diff", epic),
        ("approval", "show", at_plan.json()["waiting_on"], "--json"),
    ):
        here, by_server = genie(*look), genie(*look, env={"GENIE_SERVER": server.url})
        assert (by_server.code, by_server.out) == (here.code, here.out), look
    (worker,) = genie("worker", "list", "--json", *there).json()["items"]
    assert (worker["alive"], worker["pid"]) == (True, genie("worker", "list", "--json").json()["items"][0]["pid"])


def test_what_a_server_refuses_is_told_as_the_engine_tells_it(genie, server, tmp_path):
    there = ("--server", server.url)

    missing = genie("epic", "show", "e-0000000000", *there)
    nothing = genie("approval", "list", *there, "--epic", "e-0000000000")
    empty = genie("epic", "start", "  ", "--repo", str(tmp_path), *there)
    odd = genie("epic", "show", "../../ready", *there)

    assert (missing.code, nothing.code, empty.code, odd.code) == (4, 4, 2, 4)
    assert "there is no epic 'e-0000000000'" in missing.err
    assert "the goal is empty" in empty.err
    assert all(len(ended.err.strip().splitlines()) == 1 for ended in (missing, nothing, empty, odd))


def test_a_server_that_is_none_is_told_in_a_line(genie, tmp_path):
    with socket.socket() as unused, ThreadingHTTPServer(("127.0.0.1", 0), _Other) as other:
        unused.bind(("127.0.0.1", 0))
        Thread(target=other.serve_forever, daemon=True).start()
        silent = genie("epic", "list", "--server", f"http://127.0.0.1:{unused.getsockname()[1]}")
        strange = genie("epic", "list", "--server", f"http://127.0.0.1:{other.server_port}")
        other.shutdown()
    wrong = genie("epic", "list", "--server", "localhost:8321")
    with_password = genie("epic", "list", "--server", "http://me:s3cret@127.0.0.1:8321")
    far = genie("epic", "start", GOAL, "--repo", str(tmp_path), "--server", "https://genie.invalid")

    assert (silent.code, strange.code, wrong.code, with_password.code, far.code) == (1, 1, 2, 2, 2)
    assert "does not answer" in silent.err
    assert "is it a Genie server" in strange.err
    assert "such as http://" in wrong.err
    assert "s3cret" not in with_password.err
    assert "cannot see the folder" in far.err


def test_a_start_whose_answer_is_lost_starts_one_epic(genie, server, repo):
    with _Forgetful(server.url) as proxy:
        ended = genie("epic", "start", GOAL, "--repo", repo, "--executor", "scripted", "--detach", "--json", "--server", proxy.url)

    assert ended.code == 0, ended.err
    assert proxy.lost == 1
    assert len(until(lambda: server.rows("SELECT id FROM epics WHERE goal = %s AND repo = %s", GOAL, repo), "it is there")) == 1
    assert ended.json()["status"] == "queued"


class _Other(BaseHTTPRequestHandler):
    """A server of something else."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>It works</html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name at http.server)
        """Say nothing."""


class _Forgetful:
    """Hands requests on to a server, and loses the answer to the first that starts something."""

    def __init__(self, url: str) -> None:
        self.lost = 0
        outer, target = self, url

        class Handler(BaseHTTPRequestHandler):
            def _hand_on(self, method: str) -> None:
                import httpx2

                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kept = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection", "content-length"}}
                answer = httpx2.request(method, f"{target}{self.path}", content=body, headers=kept, timeout=60)
                if method == "POST" and not outer.lost:
                    outer.lost += 1
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def do_GET(self) -> None:
                self._hand_on("GET")

            def do_POST(self) -> None:
                self._hand_on("POST")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name at http.server)
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
