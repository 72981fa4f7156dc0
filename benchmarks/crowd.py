"""Two hundred epics at once in one worker, with scripted agents: does each get its turn, and does the API still answer?"""

from __future__ import annotations

import asyncio
import math
import statistics
import tempfile
import threading
import time
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any, Final

from cli.demonstration import GOAL, SAMPLE
from db.embedded import open_embedded
from tests.fakes.git_server import git
from tests.fakes.machine import until
from tests.fakes.team import Team

_EPICS: Final = 200
_API_MS: Final = 200
_ASK_EVERY_S: Final = 0.1
_LONGEST_S: Final = 300.0
#: The last to come to its gate may take so many times as long as the one in the middle.
_FAIR: Final = 2.0


def measure() -> list[dict[str, Any]]:
    """All are started over HTTP and go to their first gate: planning and architecture."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    async with open_embedded(folder / "server") as url:
        return await asyncio.to_thread(_figures, folder, url)


def _figures(folder: Path, url: str) -> list[dict[str, Any]]:
    repo = _repository(folder / "repo")
    # Memory is not what is measured here: every epic is to run at once.
    settings = {"GENIE_MODEL": "", "GENIE_CONCURRENCY": str(_EPICS), "GENIE_MOST_RUNNING": str(_EPICS), "GENIE_MIN_FREE_MB": "0"}
    with Team(folder, url, None, servers=1, workers=1, settings=settings) as team, team.client() as client:
        asked: list[float] = []
        ended = threading.Event()
        asking = threading.Thread(target=_ask, args=(team, asked, ended))
        begun = time.perf_counter()
        for _ in range(_EPICS):
            client.post("/epics", json={"goal": GOAL, "repo": str(repo), "executor": "scripted"}).raise_for_status()
        asking.start()
        try:
            arrived = "SELECT count(*) FROM epics WHERE status = 'waiting'"
            most = until(
                lambda: (running := _running(team)) >= _EPICS // 2 and running, "most of the epics run at once", seconds=_LONGEST_S
            )
            until(lambda: team.rows(arrived)[0][0] == _EPICS, "all epics come to their gate", seconds=_LONGEST_S, every_s=0.5)
        finally:
            ended.set()
            asking.join()
        took = time.perf_counter() - begun
        waits = sorted(
            float(seconds)
            for (seconds,) in team.rows(
                "SELECT extract(epoch FROM a.requested_at - e.created_at) FROM approvals a JOIN epics e ON e.id = a.epic_id"
            )
        )
    middle, last = statistics.median(waits), waits[-1]
    return [
        {
            "name": f"the slowest of {_EPICS} epics at once, beside the one in the middle",
            "value": round(last, 1),
            "unit": "s",
            "against": f"median {middle:.1f} s, first {waits[0]:.1f} s; {most} seen running at once, all at their gate after {took:.0f} s",
            "ratio": round(last / middle, 2),
            "target": f"ratio <= {_FAIR:g}",
            "met": last <= _FAIR * middle,
        },
        {
            "name": f"an answer of the API while {_EPICS} epics run, p95",
            "value": round(sorted(asked)[math.ceil(0.95 * len(asked)) - 1], 1),
            "unit": "ms",
            "against": f"median {statistics.median(asked):.1f} ms of {len(asked)} lists, epics and approvals",
            "ratio": None,
            "target": f"< {_API_MS} ms",
            "met": sorted(asked)[math.ceil(0.95 * len(asked)) - 1] < _API_MS,
        },
    ]


def _running(team: Team) -> int:
    return int(team.rows("SELECT count(*) FROM shown_epics WHERE status = 'running'")[0][0])


def _ask(team: Team, took: list[float], ended: threading.Event) -> None:
    """Ask for what people ask for, by turns, as long as the epics run."""
    with team.client() as client:
        epic = client.get("/epics?limit=1").json()["items"][0]["id"]
        paths = ("/epics", f"/epics/{epic}", "/approvals?status=pending", "/epics?status=running")
        number = 0
        while not ended.wait(_ASK_EVERY_S):
            begun = time.perf_counter()
            answer = client.get(paths[number % len(paths)])
            took.append((time.perf_counter() - begun) * 1000)
            answer.raise_for_status()
            number += 1


def _repository(place: Path) -> Path:
    copytree(SAMPLE, place, ignore=ignore_patterns("__pycache__"))
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "Begin")):
        git(place, *command)
    return place
