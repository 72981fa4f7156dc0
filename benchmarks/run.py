"""Run every benchmark beside this file, print one table, write `results.json`."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
FIELDS = ("name", "value", "unit", "against", "ratio", "target", "met")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one benchmark module said: its figures, or why it has none."""

    module: str
    figures: tuple[dict[str, Any], ...] = ()
    trouble: str | None = None


def module_names() -> list[str]:
    """The modules of this folder that measure something."""
    return sorted(path.stem for path in HERE.glob("*.py") if "def measure(" in path.read_text() and path.stem != Path(__file__).stem)


def run(name: str) -> Outcome:
    """Run `measure()` of one module; a benchmark that breaks is told in the table and stops no other."""
    try:
        figures = importlib.import_module(f"benchmarks.{name}").measure()
    except Exception as error:  # noqa: BLE001  Whatever one benchmark raises, the others are still worth their figures.
        return Outcome(module=name, trouble=f"{type(error).__name__}: {error}")
    odd = [figure for figure in figures if set(figure) != set(FIELDS)]
    if odd:
        return Outcome(module=name, trouble=f"a figure has the fields {sorted(odd[0])}, not {sorted(FIELDS)}")
    return Outcome(module=name, figures=tuple(figures))


def table_of(outcomes: list[Outcome]) -> Table:
    """All figures in one table, in the order in which they were measured."""
    table = Table(title="Genie, measured on this machine", title_justify="left")
    for heading in ("figure", "value", "against", "ratio", "target", "met"):
        table.add_column(heading, justify="right" if heading in {"value", "ratio"} else "left", overflow="fold")
    for outcome in outcomes:
        for figure in outcome.figures:
            table.add_row(
                figure["name"],
                f"{_shown(figure['value'])} {figure['unit']}".strip(),
                _shown(figure["against"]),
                _shown(figure["ratio"]),
                _shown(figure["target"]),
                {True: "yes", False: "[red]no[/red]", None: ""}[figure["met"]],
            )
        if outcome.trouble:
            table.add_row(outcome.module, "", outcome.trouble, "", "", "[red]did not run[/red]")
    return table


def main() -> int:
    """Measure what was asked for, or everything; 1 if a benchmark did not run, a missed target is only shown."""
    names = module_names()
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="MODULE", help=f"measure only these: {', '.join(names)}")
    chosen = parser.parse_args().only or names
    if unknown := sorted(set(chosen) - set(names)):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(names)}")

    progress = Console(stderr=True)
    outcomes = []
    for name in chosen:
        progress.print(f"measuring {name} …", style="dim")
        outcomes.append(run(name))

    Console().print(table_of(outcomes))
    RESULTS.write_text(json.dumps([figure for outcome in outcomes for figure in outcome.figures], indent=2) + "\n")
    progress.print(f"written: {RESULTS.relative_to(HERE.parent)}")
    return int(any(outcome.trouble for outcome in outcomes))


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
