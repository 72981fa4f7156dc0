"""An upgrade: every server and every worker is ended by SIGTERM and begun again, one after the other, under epics that run."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.fakes.git_server import GitServer
from tests.fakes.judging import judge, judge_requests
from tests.fakes.machine import until
from tests.fakes.story import GOAL, STORY, make_repository
from tests.fakes.team import Member, Team, told

if TYPE_CHECKING:
    from tests.fakes.nursery import Nursery

PAUSE_S = 0.3


class Reader:
    """Reads the events of an epic, from one server after the other as they come and go, until the epic has ended."""

    def __init__(self, team: Team, epic: str, first: int) -> None:
        self.ids: list[int] = []
        self._team = team
        self._epic = epic
        self._server = first
        self._thread = threading.Thread(target=self._read, name=f"read-{epic}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Wait for the end of the epic."""
        self._thread.join(timeout=120)
        assert not self._thread.is_alive(), f"after event {self.ids[-1:]} of {self._epic} nothing came any more"

    def _read(self) -> None:
        while True:
            try:
                with self._team.client(self._server % 2) as client:
                    for event in told(client, self._epic, after=self.ids[-1] if self.ids else 0):
                        if "id" not in event:
                            return
                        self.ids.append(event["id"])
            except httpx2.TransportError:
                pass
            self._server += 1
            time.sleep(0.1)


class Work:
    """Epics, started one by one as they are needed, each on a repository of its own."""

    def __init__(self, team: Team, git_server: GitServer, source: Path) -> None:
        self.epics: list[str] = []
        self.readers: list[Reader] = []
        self._team = team
        self._git_server = git_server
        self._source = source

    def start(self, *, read_from: int = 0) -> Reader:
        """Start one more, and read its events, at first from this server."""
        n = len(self.epics)
        body = {"goal": f"{GOAL} (mark {n})", "repo": self._git_server.add(self._source, f"{n}.git"), "auto_approve": True}
        with self._team.client() as client:
            answer = client.post("/epics", json=body)
        assert answer.status_code == 202, answer.text
        self.epics.append(str(answer.json()["id"]))
        self.readers.append(Reader(self._team, self.epics[-1], read_from))
        return self.readers[-1]

    def give(self, member: Member) -> None:
        """See that a process is in the middle of something: a worker has an epic, a server tells of one."""
        if member.port is not None:
            reader = self.start(read_from=self._team.servers.index(member))
            until(lambda: reader.ids, "the server tells of the epic")
            return
        until(lambda: self._has_an_epic(member), "the worker has an epic", every_s=0.2)

    def _has_an_epic(self, member: Member) -> bool:
        if self._team.rows("SELECT 1 FROM leases WHERE pid = %s AND token IS NOT NULL", member.running.pid):
            return True
        if not self._team.rows("SELECT 1 FROM shown_epics WHERE status = 'queued'"):
            self.start()
        return False


@pytest.mark.faults
def test_epics_outlive_a_rolling_restart_of_everything_and_nothing_happens_twice(
    tmp_path: Path, database_url: str, nursery: Nursery
) -> None:
    """Each process ends with 0, no epic is lost, no answer is bought twice, and whoever reads the events misses none."""
    from tests.fakes.model_server import ModelServer

    script = STORY.model_copy(update={"pause_s": PAUSE_S})
    with GitServer(tmp_path / "repositories") as git_server, ModelServer(script, log=tmp_path / "requests.jsonl") as model:
        settings = {"ANTHROPIC_BASE_URL": model.url, "GENIE_CONCURRENCY": "1"}
        with Team(tmp_path, database_url, nursery, settings=settings) as team:
            work = Work(team, git_server, make_repository(tmp_path / "source"))
            ended = []
            for member in (*team.workers, *team.servers, *team.workers):
                work.give(member)
                ended.append(team.restart(member))
            for reader in work.readers:
                reader.end()
            found = [judge(database_url, epic, git_server.folder / f"{n}.git") for n, epic in enumerate(work.epics)]
            bought = judge_requests(database_url, model.requests, {str(n): epic for n, epic in enumerate(work.epics)})
            events = dict(team.rows("SELECT epic_id, count(*) FROM events GROUP BY epic_id"))

    assert [(each.code, each.err[-500:]) for each in ended if each.code != 0] == []
    assert [each for each in found if not each.clean] == []
    assert bought.paid_twice == []
    assert {epic: reader.ids for epic, reader in zip(work.epics, work.readers, strict=True)} == {
        epic: list(range(1, count + 1)) for epic, count in events.items()
    }
