"""`make soak N=1000`: twenty epics, a thousand kills, and what became of them.

As a process: `python -m tests.soak --kills 50 --seed 7 --out FOLDER`. It exits with 1 if anything was lost, doubled or paid twice.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from tests.fakes.judging import Judgement, judge, judge_requests
from tests.fakes.machine import ROOT
from tests.soak.chaos import Chaos, Kill
from tests.soak.people import People
from tests.soak.report import Report
from tests.soak.world import World

PATIENCE_S = 900.0
WARM_UP_S = 5.0
#: So long after a kill of PostgreSQL, what stands still may stand still because of it.
RECOVERY = timedelta(seconds=5)


def main() -> int:
    """Run the soak, and say how it went."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, metavar="N")
    parser.add_argument("--epics", type=int, default=20, help="How many run at once.")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=8, help="How many epics each worker has at once.")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="Where soak.md and soak.json go.")
    parser.add_argument("--keep", type=Path, default=None, metavar="DIR", help="Keep everything that ran in this new folder.")
    given = parser.parse_args()

    folder = given.keep or Path(tempfile.mkdtemp(prefix="genie-soak-"))
    began = time.monotonic()
    with World(folder, workers=given.workers, servers=given.servers, concurrency=given.concurrency) as world:
        people = People(world, epics=given.epics)
        people.start()
        chaos = Chaos(world=world, seed=given.seed)
        time.sleep(WARM_UP_S)
        chaos.rage(given.kills, lambda done: _say(done, given.kills, people))
        _come_to_an_end(people, chaos)
        people.leave()
        report = _judged(world, people, chaos)
    report.seed, report.workers, report.servers, report.at_once = given.seed, given.workers, given.servers, given.epics
    report.seconds = time.monotonic() - began
    report.write(given.out)
    sys.stdout.write(report.page())
    if given.keep is None and report.clean:
        shutil.rmtree(folder, ignore_errors=True)
    elif not report.clean:
        sys.stdout.write(f"Everything that ran is in {folder}.\n")
    return 0 if report.clean else 1


def _come_to_an_end(people: People, chaos: Chaos) -> None:
    """Let everything that was begun come to its end, with nobody killed any more."""
    people.stop_starting()
    until = time.monotonic() + PATIENCE_S
    while people.open and time.monotonic() < until:
        chaos.revive()
        time.sleep(0.5)
        sys.stderr.write(f"\r{len(people.open)} epics are still at work   ")
        sys.stderr.flush()
    sys.stderr.write("\n")


def _judged(world: World, people: People, chaos: Chaos) -> Report:
    found = Judgement()
    for asked in people.asked:
        if asked.epic is None:
            found.lost.append(f"the start of {asked.mark} was never answered")
        else:
            found.add(judge(world.postgres.url, asked.epic, asked.repo))
    requests = world.requests()
    found.add(judge_requests(world.postgres.url, requests, {asked.mark: asked.epic for asked in people.asked if asked.epic}))
    with world.connect() as connection:
        epics = connection.execute(b"SELECT count(*), count(*) FILTER (WHERE status = 'merged') FROM epics").fetchall()[0]
        moments = connection.execute(b"SELECT count(*) FROM moments").fetchall()[0][0]
        taken = connection.execute(b"SELECT epic_id, created_at FROM events WHERE type = 'epic_taken' ORDER BY created_at").fetchall()
    if epics[0] != len(people.asked):
        found.doubled.append(f"{len(people.asked)} epics were asked for, and there are {epics[0]}")
    return Report(
        seed=0,
        seconds=0,
        workers=0,
        servers=0,
        at_once=0,
        kills=Counter(kill.kind for kill in chaos.kills),
        epics=epics[0],
        merged=epics[1],
        judgement=found,
        resumes=_resumes(chaos.kills, [(row[0], row[1]) for row in taken]),
        parked=people.parked,
        retried=people.retried,
        ended_by_themselves=chaos.revived,
        refused=people.refused,
        answers=sum(bool(request["sold"]) for request in requests),
        moments=moments,
    )


def _resumes(kills: list[Kill], taken: list[tuple[str, datetime]]) -> dict[str, list[float]]:
    """How long each epic of a killed worker stood still: until the next time that somebody took it up."""
    without = [kill.at for kill in kills if kill.kind.startswith("PostgreSQL")]
    back, other, disturbed = "its host came back at once", "its host stayed away", "PostgreSQL was killed too"
    found: dict[str, list[float]] = {back: [], other: [], disturbed: []}
    for kill in kills:
        for epic in kill.held:
            later = [at for which, at in taken if which == epic and at > kill.at]
            if later:
                until = min(later)
                usual = other if kill.away else back
                name = disturbed if any(kill.at - RECOVERY < at < until for at in without) else usual
                found[name].append((until - kill.at).total_seconds())
    return found


def _say(done: int, wanted: int, people: People) -> None:
    asked = len(people.asked)
    sys.stderr.write(f"\r{done} of {wanted} killed; {asked} epics begun, {asked - len(people.open)} at their end   ")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
