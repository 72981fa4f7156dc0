"""How soon a decision is at work, and how soon somebody goes on with the epic of a worker that was killed; real processes, over HTTP."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx2

from benchmarks.quantiles import p95
from db.embedded import open_embedded
from tests.fakes.git_server import GitServer, git
from tests.fakes.machine import can_rename_hosts, until
from tests.fakes.model_server import ModelServer
from tests.fakes.story import GOAL, STORY, make_repository
from tests.fakes.team import Member, Team

#: So many that each comes to its turn again only after seconds: a worker lets an epic rest that comes back at once each time.
_EPICS: Final = 8
_DECISIONS: Final = 40
_KILLS: Final = 3
_SOON_MS: Final = 100
_SAME_HOST_S: Final = 5.0
_OTHER_HOST_S: Final = 15.0
#: Long enough for an attempt that is in the middle of an answer when its worker is killed.
_ANSWER_S: Final = 0.5


def measure() -> list[dict[str, Any]]:
    """Times from just before the decision is sent, or the kill, to the event that tells of the next step or worker; one clock for both."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    async with open_embedded(folder / "server") as url:
        running, at_work = await asyncio.to_thread(_decisions, folder / "decisions", url)
        same = await asyncio.to_thread(_kills, folder / "same-host", url, None)
        other = await asyncio.to_thread(_kills, folder / "other-host", url, "another") if can_rename_hosts() else None
    return [
        {
            "name": "decision to the next step running, p95",
            "value": round(p95(running), 1),
            "unit": "ms",
            "against": f"median {statistics.median(running):.1f} ms, {len(running)} decisions over HTTP, one worker",
            "ratio": None,
            "target": f"<= {_SOON_MS} ms",
            "met": p95(running) <= _SOON_MS,
        },
        {
            "name": "decision to the next agent at work in its work tree, p95",
            "value": round(p95(at_work), 1),
            "unit": "ms",
            "against": f"median {statistics.median(at_work):.1f} ms; a repository of 6 files",
            "ratio": None,
            "target": None,
            "met": None,
        },
        _taken("kill -9 to running again, same host, worst", same, f"lease of 10 s; {_KILLS} kills", _SAME_HOST_S),
        _taken("kill -9 to running again, another host, worst", other, f"lease of 10 s; {_KILLS} kills", _OTHER_HOST_S),
    ]


def _decisions(folder: Path, url: str) -> tuple[list[float], list[float]]:
    """Milliseconds from the moment a decision is asked for to the step and to the attempt that follow; the plan is sent back each time."""
    folder.mkdir()
    took: list[tuple[float, float]] = []
    with ModelServer(STORY) as model, Team(folder, url, None, servers=1, workers=1, settings={"ANTHROPIC_BASE_URL": model.url}) as team:
        repo = make_repository(folder / "repo")
        with (repo / "genie.toml").open("a") as file:
            file.write("\n[limits]\narchitect_rounds = 50\n")
        git(repo, "commit", "-q", "-a", "-m", "Allow many rounds")
        with team.client() as client:
            epics = [_start(client, str(repo)) for _ in range(_EPICS)]
            for number in range(_DECISIONS + _EPICS):
                both = _decide(team, client, epics[number % _EPICS])
                # The first of each warms what is made once in a process.
                if number >= _EPICS:
                    took.append(both)
    return [running for running, _ in took], [at_work for _, at_work in took]


def _decide(team: Team, client: httpx2.Client, epic: str) -> tuple[float, float]:
    path = f"/approvals?status=pending&epic={epic}"
    approval = until(lambda: client.get(path).json()["items"], "the plan waits", every_s=0.05)[0]["id"]
    # Its worker is just leaving; a person takes longer than that to read a plan.
    until(lambda: not team.rows("SELECT 1 FROM leases WHERE thread_id = %s AND token IS NOT NULL", epic), "the worker has left")
    (before,) = team.rows("SELECT last_event, extract(epoch FROM clock_timestamp())::float8 FROM epics WHERE id = %s", epic)
    client.post(f"/approvals/{approval}/decision", json={"decision": "changes", "comment": "Once more"}).raise_for_status()
    query = "SELECT extract(epoch FROM created_at)::float8 FROM events WHERE epic_id = %s AND n > %s AND type = %s ORDER BY n LIMIT 1"
    ((at_work,),) = until(lambda: team.rows(query, epic, before[0], "attempt_started"), "the next agent is at work")
    # The gate's own step ends with the checkpoint from which the next one runs.
    ((running,),) = team.rows(query, epic, before[0], "step_finished")
    return (running - before[1]) * 1000, (at_work - before[1]) * 1000


def _kills(folder: Path, url: str, hostname: str | None) -> list[float]:
    """Seconds from the kill of the only worker that has an epic to the event that tells who took it."""
    folder.mkdir()
    script = STORY.model_copy(update={"pause_s": _ANSWER_S})
    took: list[float] = []
    with ModelServer(script) as model, GitServer(folder / "repositories") as git_server:
        source = make_repository(folder / "source")
        hostnames = () if hostname is None else ("one", hostname)
        settings = {"ANTHROPIC_BASE_URL": model.url}
        with Team(folder, url, None, servers=1, workers=2, settings=settings, hostnames=hostnames) as team:
            for number in range(_KILLS):
                with team.client() as client:
                    epic = _start(client, git_server.add(source, f"{number}.git"))
                took.append(_kill(team, epic))
                with team.client() as client:
                    client.post(f"/epics/{epic}/cancel").raise_for_status()
    return took


def _kill(team: Team, epic: str) -> float:
    def worker_of() -> Member | None:
        found = team.rows("SELECT pid FROM leases WHERE thread_id = %s AND token IS NOT NULL", epic)
        return next((member for member in team.workers if found and member.running.pid == found[0][0]), None)

    started = "SELECT 1 FROM events WHERE epic_id = %s AND type = 'attempt_started'"
    until(lambda: team.rows(started, epic), "the epic is at work")
    time.sleep(_ANSWER_S / 2)
    holder = until(worker_of, "a worker has the epic")
    ((at, event),) = team.rows("SELECT extract(epoch FROM clock_timestamp())::float8, last_event FROM epics WHERE id = %s", epic)
    holder.running.kill()
    query = "SELECT extract(epoch FROM created_at)::float8 FROM events WHERE epic_id = %s AND n > %s AND type = 'epic_taken'"
    ((taken,),) = until(lambda: team.rows(query, epic, event), "another worker takes the epic up")
    team.begin_again(holder)
    return float(taken - at)


def _start(client: httpx2.Client, repo: str) -> str:
    answer = client.post("/epics", json={"goal": GOAL, "repo": repo})
    answer.raise_for_status()
    return str(answer.json()["id"])


def _taken(name: str, seconds: list[float] | None, against: str, target: float) -> dict[str, Any]:
    if seconds is None:
        return {
            "name": name,
            "value": "not measured",
            "unit": "",
            "against": "needs root, for processes with a host name of their own",
            "ratio": None,
            "target": f"<= {target:g} s",
            "met": None,
        }
    return {
        "name": name,
        "value": round(max(seconds), 2),
        "unit": "s",
        "against": f"median {statistics.median(seconds):.2f} s; {against}",
        "ratio": None,
        "target": f"<= {target:g} s",
        "met": max(seconds) <= target,
    }
