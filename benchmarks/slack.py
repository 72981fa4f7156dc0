"""How soon a click in Slack is acknowledged, and at work, beside a decision by HTTP; real processes, and a fake Slack on loopback."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx2

from benchmarks.quantiles import p95
from db.embedded import open_embedded
from tests.fakes.machine import until
from tests.fakes.model_server import ModelServer
from tests.fakes.slack.people import HttpLine, Line, SlackPerson, SocketLine, make_known
from tests.fakes.slack.socket import TalkingSlack
from tests.fakes.slack.workspace import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from tests.fakes.story import GOAL, STORY, make_repository
from tests.fakes.team import Team

#: Of each way; the first of each warm what is made once in a process.
_CLICKS: Final = 24
_WARMING: Final = 2
_SOON_MS: Final = 100
_ACK_MS: Final = 50

Times = tuple[float, float]
"""Milliseconds from just before a decision is sent to its answer, and to the next step."""


def measure() -> list[dict[str, Any]]:
    """Approvals of plans: clicks by HTTP, clicks by Socket Mode and decisions by HTTP take turns, each on an epic of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    async with open_embedded(folder / "server") as url:
        took = await asyncio.to_thread(_decisions, folder, url)
    plain = f"decisions by HTTP in the same run: p95 {p95([at for _, at in took['http']]):.1f} ms"
    return [
        figure
        for way, name in (("button", "Slack's button"), ("socket", "Slack's button, Socket Mode"))
        for figure in (
            _figure(f"{name}: decision to the next step running, p95", [at for _, at in took[way]], plain, _SOON_MS),
            _figure(f"{name}: acknowledged, p95", [ack for ack, _ in took[way]], f"{len(took[way])} clicks", _ACK_MS),
        )
    ]


def _decisions(folder: Path, url: str) -> dict[str, list[Times]]:
    took: dict[str, list[Times]] = {"button": [], "socket": [], "http": []}
    with ModelServer(STORY) as model, TalkingSlack() as slack:
        settings = {
            "ANTHROPIC_BASE_URL": model.url,
            "GENIE_SLACK_BOT_TOKEN": BOT_TOKEN,
            "GENIE_SLACK_API_URL": slack.api_url,
            "GENIE_SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "GENIE_SLACK_APP_TOKEN": APP_TOKEN,
            "GENIE_SLACK_CHANNEL": "C0GENERAL",
        }
        with Team(folder, url, None, servers=1, workers=1, settings=settings) as team, team.client() as client:
            make_known(team.rows, anna="approver")
            until(lambda: slack.linked, "Genie listens to Slack", every_s=0.05)
            lines: dict[str, Line] = {"button": HttpLine(team.servers[0].url), "socket": SocketLine(slack)}
            repo = str(make_repository(folder / "repo"))
            for number in range(_CLICKS + _WARMING):
                for way, times in took.items():
                    line = lines.get(way)
                    both = _approved(team, client, repo, None if line is None else SlackPerson(slack, line))
                    if number >= _WARMING:
                        times.append(both)
    return took


def _approved(team: Team, client: httpx2.Client, repo: str, person: SlackPerson | None) -> Times:
    answer = client.post("/epics", json={"goal": GOAL, "repo": repo})
    answer.raise_for_status()
    epic = str(answer.json()["id"])
    path = f"/approvals?status=pending&epic={epic}"
    approval = until(lambda: client.get(path).json()["items"], "the plan waits", every_s=0.05)[0]
    # Its worker is just leaving; a person takes longer than that to read a plan.
    until(lambda: not team.rows("SELECT 1 FROM leases WHERE thread_id = %s AND token IS NOT NULL", epic), "the worker has left")
    decide = _by_http(client, approval) if person is None else _by_click(person, approval)
    (before,) = team.rows("SELECT last_event, extract(epoch FROM clock_timestamp())::float8 FROM epics WHERE id = %s", epic)
    query = "SELECT extract(epoch FROM created_at)::float8 FROM events WHERE epic_id = %s AND n > %s AND type = 'step_finished' ORDER BY n"
    with ThreadPoolExecutor(1) as pool:
        acknowledged = pool.submit(decide)
        # The time is that of the row: looking often would take the processors from those who are measured.
        found = until(lambda: team.rows(query, epic, before[0]), "the next step runs", every_s=0.1)
    client.post(f"/epics/{epic}/cancel").raise_for_status()
    return acknowledged.result(), (found[0][0] - before[1]) * 1000


def _by_click(person: SlackPerson, approval: dict[str, Any]) -> Callable[[], float]:
    value, block = f"{approval['id']}:{approval['content_hash']}", f"gate:{approval['id']}"
    card = person.slack.workspace.say("C0GENERAL", "U0GENIE", "a card")
    return lambda: person.press("genie_approve", value, block=block, message=card).seconds * 1000


def _by_http(client: httpx2.Client, approval: dict[str, Any]) -> Callable[[], float]:
    def decided() -> float:
        answer = client.post(f"/approvals/{approval['id']}/decision", json={"decision": "approve"})
        answer.raise_for_status()
        return answer.elapsed.total_seconds() * 1000

    return decided


def _figure(name: str, values: list[float], against: str, target: int) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(p95(values), 1),
        "unit": "ms",
        "against": f"median {statistics.median(values):.1f} ms; {against}",
        "ratio": None,
        "target": f"<= {target} ms",
        "met": p95(values) <= target,
    }
