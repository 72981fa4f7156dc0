"""What became of an epic, counted from outside of Genie: in the repository, the log of the model's server, and the database's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from tests.fakes.git_server import git

Request = Mapping[str, Any]


@dataclass(kw_only=True)
class Judgement:
    """What is wrong with one epic or many; all of it empty is what Genie promises."""

    lost: list[str] = field(default_factory=list)
    """Epics that did not come to their end."""
    doubled: list[str] = field(default_factory=list)
    """Effects that happened twice."""
    paid_twice: list[str] = field(default_factory=list)
    """Answers that were recorded, and were bought again all the same."""
    in_flight: int = 0
    """Answers that were bought and never recorded: the calls that a kill cut off."""

    def add(self, other: Judgement) -> None:
        """Count another one in."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.paid_twice += other.paid_twice
        self.in_flight += other.in_flight

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.paid_twice)


def route_of(database_url: str, epic: str) -> list[str]:
    """The steps that an epic finished, in order, each with its outcome."""
    return [
        f"{row['step']}: {row['outcome']}"
        for row in _ask(database_url, "SELECT step, outcome FROM moments WHERE epic_id = %s ORDER BY n", epic)
    ]


def history_of(repo: Path, branch: str = "main") -> list[str]:
    """The commits of a branch, oldest first: what each says, and its tree. Their ids differ from epic to epic, since their times do."""
    return git(repo, "log", "--reverse", "--format=%s %T", branch).splitlines()


def judge(database_url: str, epic: str, repo: Path, *, base: str = "main", ended: str = "merged") -> Judgement:
    """Judge one epic that had the branch `base` of `repo` to itself, but for the requests of its model."""
    found = Judgement()
    row = _ask(database_url, "SELECT status, base_commit, last_event, last_moment FROM epics WHERE id = %s", epic)[0]
    if row["status"] != ended:
        found.lost.append(f"{epic} is {row['status']}")
    found.doubled += [f"{epic}: {what}" for what in (*_in_git(repo, base, row), *_in_rows(database_url, epic, row))]
    return found


def judge_requests(database_url: str, requests: Iterable[Request], epics: Mapping[str, str]) -> Judgement:
    """Judge what was bought; `epics` says which epic each mark in a goal belongs to."""
    found = Judgement()
    recorded = {
        (row["epic_id"], row["attempt"], row["n"]): row["at"]
        for row in _ask(
            database_url, "SELECT epic_id, attempt, n, extract(epoch FROM created_at)::float8 AS at FROM turns WHERE %s = ''", ""
        )
    }
    sold = [request for request in requests if request["sold"] and request["mark"] in epics]
    bought: Counter[tuple[str, int, int]] = Counter()
    for request in sold:
        key = (epics[request["mark"]], request["attempt"], request["answers"] + 1)
        bought[key] += 1
        # On one machine: the server's clock and the database's are the same.
        if key in recorded and recorded[key] < request["at"]:
            found.paid_twice.append(f"{key[0]}: answer {key[2]} of attempt {key[1]} was bought again after it was recorded")
    found.in_flight = sum(count - (key in recorded) for key, count in bought.items())
    return found


def _in_git(repo: Path, base: str, row: Mapping[str, Any]) -> list[str]:
    wrong = []
    moves = git(repo, "reflog", "show", "--format=%H", base).splitlines()
    begun = moves.index(row["base_commit"]) if row["base_commit"] in moves else len(moves)
    if begun > 1:
        wrong.append(f"{base} was moved {begun} times")
    trailers = git(repo, "log", base, f"^{row['base_commit']}", "--format=%(trailers:key=Genie-Attempt,valueonly,separator=%x2C)").split()
    wrong += [f"attempt {attempt} has {count} commits on {base}" for attempt, count in Counter(trailers).items() if count > 1]
    heads = git(repo, "for-each-ref", "--format=%(refname)", "refs/heads/genie").splitlines()
    if heads:
        lines = git(
            repo, "log", "--format=%T %(trailers:key=Genie-Attempt,valueonly,separator=%x2C)", *heads, f"^{row['base_commit']}"
        ).splitlines()
        wrong += [
            f"the commit {line!r} was made {count} times" for line, count in Counter(lines).items() if count > 1 and " " in line.strip()
        ]
    return wrong


def _in_rows(database_url: str, epic: str, row: Mapping[str, Any]) -> list[str]:
    wrong = []
    events = _ask(database_url, "SELECT n, type FROM events WHERE epic_id = %s ORDER BY n", epic)
    if [event["n"] for event in events] != list(range(1, row["last_event"] + 1)):
        wrong.append("its events have gaps")
    ends = sum(event["type"] == "epic_ended" for event in events)
    if ends > 1:
        wrong.append(f"it ended {ends} times")
    moments = _ask(database_url, "SELECT n, attempt FROM moments WHERE epic_id = %s ORDER BY n", epic)
    if [moment["n"] for moment in moments] != list(range(1, row["last_moment"] + 1)):
        wrong.append("its moments have gaps")
    attempts = Counter(moment["attempt"] for moment in moments if moment["attempt"] is not None)
    tasks = _ask(database_url, "SELECT count(*) - count(DISTINCT task_id) AS more FROM attempts WHERE epic_id = %s", epic)[0]["more"]
    if tasks:
        wrong.append(f"{tasks} of its tasks have two attempts")
    wrong += [f"attempt {attempt} has {count} moments" for attempt, count in attempts.items() if count > 2]
    topics = _ask(
        database_url, "SELECT topic, data::text, count(*) AS times FROM outbox WHERE epic_id = %s GROUP BY 1, 2 HAVING count(*) > 1", epic
    )
    wrong += [f"the message {message['topic']} was put {message['times']} times into the outbox" for message in topics]
    return wrong


def _ask(database_url: str, query: str, *values: Any) -> list[dict[str, Any]]:
    with psycopg.Connection[DictRow].connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), values).fetchall()
