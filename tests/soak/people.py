"""The people of the soak: they keep so many epics running, and answer what stands still, all over HTTP, whichever server answers."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.fakes.keyed import HomeKey
from tests.fakes.story import GOAL
from tests.soak.world import World

STILL: Final = frozenset({"merged", "failed", "rejected", "cancelled"})
EVERY_S: Final = 0.5
ANSWERS: Final = {"plan_gate": "approve", "merge_gate": "approve", "failure_gate": "retry"}


@dataclass(kw_only=True)
class Asked:
    """One epic that was asked for, under a key of its own."""

    number: int
    kind: str
    mark: str
    where: str
    repo: Path
    epic: str | None = None
    status: str = ""


class People(threading.Thread):
    """Start epics while it is wanted, approve, retry, and resume what was parked."""

    def __init__(self, world: World, *, epics: int) -> None:
        """Keep so many epics running."""
        super().__init__(name="people", daemon=True)
        self._world = world
        self._epics = epics
        self._client = httpx2.Client(timeout=10.0)
        self._leaving = threading.Event()
        self._starting = True
        self.asked: list[Asked] = []
        self.parked: Counter[str] = Counter()
        """The causes for which epics were parked; each went on by one command."""
        self.retried = 0
        """How often an epic had used up its attempts, and a person said to try again."""
        self.refused: list[str] = []
        """Answers of the API that nobody expects."""

    def run(self) -> None:
        """Live."""
        while not self._leaving.wait(EVERY_S):
            try:
                self._look_around()
            except (httpx2.HTTPError, OSError):
                continue  # the server was killed: the next one is asked

    def stop_starting(self) -> None:
        """Start nothing new from now."""
        self._starting = False

    def leave(self) -> None:
        """End."""
        self._leaving.set()
        self.join()
        self._client.close()

    @property
    def open(self) -> list[Asked]:
        """What has not come to its end."""
        return [asked for asked in tuple(self.asked) if asked.status not in STILL]

    def _look_around(self) -> None:
        for asked in self.open:
            if asked.epic is None:
                self._start(asked)
        if self.asked:
            shown = {epic["id"]: epic for epic in self._get("/epics", limit=str(3 * self._epics))["items"]}
            for asked in self.open:
                if asked.epic is not None:
                    self._tend(asked, shown.get(asked.epic) or self._get(f"/epics/{asked.epic}"))
        while self._starting and len(self.open) < self._epics:
            self._start(self._new())

    def _new(self) -> Asked:
        number = len(self.asked) + 1
        kind = "story" if number % 2 else "sample"
        where, repo = self._world.repository(number, kind)
        asked = Asked(number=number, kind=kind, mark=f"n{number}", where=where, repo=repo)
        self.asked.append(asked)
        return asked

    def _start(self, asked: Asked) -> None:
        scripted = {"executor": "scripted", "model": "scripted:demo"} if asked.kind == "sample" else {"executor": "in_process"}
        goal = GOAL if asked.kind == "story" else "Add durations.render, the opposite of parse."
        # Every other one is approved in advance; the rest wait for us at each gate.
        order = {"goal": f"{goal} (mark {asked.mark})", "repo": asked.where, "auto_approve": asked.number % 3 != 0, **scripted}
        answer = self._post("/epics", order, key=f"soak-{asked.mark}")
        if answer is not None:
            asked.epic = answer["id"]

    def _tend(self, asked: Asked, epic: dict[str, Any]) -> None:
        asked.status = epic["status"]
        if epic["status"] == "paused" and self._post(f"/epics/{asked.epic}/resume", {}) is not None:
            self.parked[_kind_of(epic["problem"] or "no cause")] += 1
        if epic["status"] == "waiting" and epic["waiting_on"]:
            decision = ANSWERS.get(epic["step"], "abandon")
            comment = {"comment": "Once more."} if decision == "retry" else {}
            self.retried += decision == "retry"
            self._post(f"/approvals/{epic['waiting_on']}/decision", {"decision": decision, **comment})

    def _get(self, path: str, **query: str) -> Any:
        url, key = self._one_server(path)
        answer = self._client.get(url, params=query, auth=key)
        if answer.status_code != 200:
            raise httpx2.HTTPError(f"{path}: {answer.status_code}")
        return answer.json()

    def _post(self, path: str, body: dict[str, Any], *, key: str | None = None) -> Any:
        """Post, and return the answer; None where the server says to try again, or that it was done before."""
        url, shown = self._one_server(path)
        answer = self._client.post(url, json=body, headers={"Idempotency-Key": key} if key else {}, auth=shown)
        if answer.status_code in {200, 202}:
            return answer.json()
        if answer.status_code not in {409, 503}:
            self.refused.append(f"POST {path}: {answer.status_code} {answer.text[:300]}")
        return None

    def _one_server(self, path: str) -> tuple[str, HomeKey]:
        """The address of a path at the server whose turn it is, and that server's key."""
        servers = self._world.servers
        chosen = servers[int(time.monotonic() / EVERY_S) % len(servers)]
        return f"http://127.0.0.1:{chosen.port}/api/v1{path}", HomeKey(chosen.folder / "genie")


def _kind_of(problem: str) -> str:
    """A cause without what differs from one epic to the next."""
    return re.sub(r"[0-9a-f]{7,}|/\S+|e-\w+|\d+(\.\d+)?", "…", problem)[:160]
