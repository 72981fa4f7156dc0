"""The attempts of a race side by side, as people read them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from cli.render import clean, status_text, table
from cli.words import many, usd
from engine.time_machine.race_views import Race, RaceEntry
from epics.races import Score


def race_parts(race: Race) -> Iterator[RenderableType]:
    """How it stands, its attempts the best first, and how to go on."""
    yield Text(_standing(race), style="bold")
    if race.problem:
        yield Text(race.problem, style="yellow")
    if race.entries:
        yield table(
            ("RANK", "N", "EPIC", "STATUS", "STEP", "TESTS", "REVIEW", "FIXES", "COST", "SIZE", "RESTS"),
            [_row(entry) for entry in sorted(race.entries, key=lambda entry: (entry.rank or len(race.entries), entry.k))],
            right=("RANK", "N", "FIXES", "COST"),
        )
        share = f", each of them at most {usd(race.share_usd)}" if race.share_usd is not None else ""
        yield Text(f"{usd(race.attempts_cost_usd)} in all{share}", style="dim")
    yield from _how_to_go_on(race)


def _standing(race: Race) -> str:
    match race.state:
        case "planned":
            return f"{race.attempts} attempts side by side begin when the plan is approved"
        case "picked":
            n = next((entry.k for entry in race.entries if entry.picked), "?")
            return f"attempt {n} of {race.attempts} was picked by {race.picked_by}: moment {race.picked_moment} of epic {race.epic}"
        case "called_off":
            return f"the {race.attempts} attempts were called off: {race.why}"
        case _:
            return f"{race.attempts} attempts at epic {race.epic}, from its moment {race.moment}"


def _row(entry: RaceEntry) -> tuple[str | Text, ...]:
    score = entry.score
    facts = (score.tests, _review(score), str(score.fix_rounds)) if score else ("", "", "")
    size = _size(score) if score else ""
    rests = score.rests if score else ""
    return (
        f"{entry.rank or ''}{'*' if entry.picked else ''}",
        str(entry.k),
        Text(entry.fork, style="bold" if entry.picked else ""),
        status_text(entry.status or "–"),
        str(entry.step or ""),
        *facts,
        usd(entry.cost_usd),
        size,
        clean(rests, 80),
    )


def _review(score: Score) -> str:
    if not score.reviewed:
        return "–"
    return f"{score.open_findings} open" if score.open_findings else many(score.remarks, "remark") if score.remarks else "passed"


def _size(score: Score) -> str:
    return "–" if score.size is None else f"{many(score.size.files, 'file')} +{score.size.insertions} -{score.size.deletions}"


def _how_to_go_on(race: Race) -> Iterator[Text]:
    if race.state != "running":
        return
    if race.at_work:
        yield Text(f"they are at work; carry them on here with: genie epic resume {race.epic}", style="dim")
        return
    yield Text("look at one with:  genie epic diff FORK, or genie time compare FORK FORK", style="dim")
    yield Text(f"take one with:     genie time pick {race.epic} FORK", style="bold yellow")
