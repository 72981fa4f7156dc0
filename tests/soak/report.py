"""What the soak found, as JSON for programs and as a page for people."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.judging import Judgement

PAGE = Path(__file__).with_name("page.txt")


@dataclass(kw_only=True)
class Report:
    """All figures of one soak."""

    seed: int
    seconds: float
    workers: int
    servers: int
    at_once: int
    kills: Counter[str]
    epics: int
    merged: int
    judgement: Judgement
    resumes: dict[str, list[float]] = field(default_factory=dict)
    """Seconds from a kill of a worker until its epics were taken up again, by what else happened meanwhile."""
    parked: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    ended_by_themselves: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    answers: int = 0
    moments: int = 0

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return self.judgement.clean and not self.refused

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        return {
            "kills": sum(self.kills.values()),
            "kills_by_kind": dict(sorted(self.kills.items())),
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
            "workers": self.workers,
            "servers": self.servers,
            "epics_at_once": self.at_once,
            "epics": self.epics,
            "epics_merged": self.merged,
            "steps_finished": self.moments,
            "answers_bought": self.answers,
            "epics_lost": self.judgement.lost,
            "effects_doubled": self.judgement.doubled,
            "recorded_answers_bought_again": self.judgement.paid_twice,
            "answers_cut_off_in_flight": self.judgement.in_flight,
            "resume_seconds": {name: quantiles(values) for name, values in self.resumes.items()},
            "parked_and_resumed": dict(self.parked.most_common()),
            "retried_at_failure_gates": self.retried,
            "services_that_ended_by_themselves": dict(self.ended_by_themselves),
            "unexpected_answers_of_the_api": self.refused[:20],
        }

    def write(self, folder: Path) -> None:
        """Write both files."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "soak.json").write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        (folder / "soak.md").write_text(self.page(), encoding="utf-8")

    def page(self) -> str:
        """The page."""
        found = self.as_json()
        kinds = "\n".join(f"| {name} | {count} |" for name, count in sorted(self.kills.items()))
        times = "\n".join(
            f"| {name} | {each['n']} | {each['p50']} | {each['p95']} | {each['max']} |" for name, each in found["resume_seconds"].items()
        )
        words = {"zero": _counts(self.judgement), "say": _troubles(self), "parked": _causes(self.parked)}
        return PAGE.read_text(encoding="utf-8").format(found=found, kinds=kinds, times=times, **words)


def quantiles(values: Sequence[float]) -> dict[str, float | int]:
    """How many there are, and the middle, the 95th hundredth and the largest of them."""
    if not values:
        return {"n": 0, "p50": 0, "p95": 0, "max": 0}
    ordered = sorted(values)
    return {
        "n": len(ordered),
        "p50": round(ordered[len(ordered) // 2], 2),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 2),
        "max": round(ordered[-1], 2),
    }


def _counts(judgement: Judgement) -> str:
    return f"{len(judgement.lost)} · {len(judgement.doubled)} · {len(judgement.paid_twice)}"


def _causes(parked: Counter[str]) -> str:
    return "<br>".join(f"{count} × {cause}" for cause, count in parked.most_common()) or "none"


def _troubles(report: Report) -> str:
    troubles = [*report.judgement.lost, *report.judgement.doubled, *report.judgement.paid_twice, *report.refused]
    return "".join(f"- {trouble}\n" for trouble in troubles[:50]) or "None.\n"
