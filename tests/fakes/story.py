"""One whole epic as a script: a small repository, a goal, and what each agent says and does until it is reached.

The first review finds that the median of an even number of values is wrong; the fix puts it right, and the second review passes. Which of
the two reviews is played depends on what the reviewer read in the file, so the same script serves a fake server and the scripted executor.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from executors.scripts import Script

GOAL = "Add a median function to stats.py, with tests and a line in the README."

FILES: Mapping[str, str] = {
    "stats.py": '''"""Small statistics."""


def mean(values):
    """Return the arithmetic mean."""
    return sum(values) / len(values)
''',
    "tests/__init__.py": "",
    "tests/test_stats.py": """import unittest

from stats import mean


class MeanTest(unittest.TestCase):
    def test_mean(self):
        self.assertEqual(mean([1, 2, 6]), 3)
""",
    "README.md": "# stats\n\n- `mean(values)`: the arithmetic mean\n",
    "genie.toml": '[test]\ncommand = "python3 -m unittest discover -s tests -t ."\n',
    ".gitignore": "__pycache__/\n",
}

TEST_COMMAND = "python3 -m unittest discover -s tests -t ."

_WRONG = "    return ordered[len(ordered) // 2]\n"

_MEDIAN = '''

def median(values):
    """Return the middle value."""
    ordered = sorted(values)
'''

_RIGHT = """    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
"""

_MEDIAN_TEST = """import unittest

from stats import median


class MedianTest(unittest.TestCase):
    def test_the_middle_of_three(self):
        self.assertEqual(median([9, 1, 5]), 5)
"""

_EVEN_TEST = """import unittest

from stats import median


class EvenMedianTest(unittest.TestCase):
    def test_the_mean_of_the_two_in_the_middle(self):
        self.assertEqual(median([4, 1, 3, 2]), 2.5)
"""

_ONE_TEST = """import unittest

from stats import median


class OneValueTest(unittest.TestCase):
    def test_one_value_is_its_own_median(self):
        self.assertEqual(median([7]), 7)
"""


def _read(*paths: str) -> list[dict[str, Any]]:
    return [{"tool": "read_file", "arguments": {"path": path}} for path in paths]


def _changed(summary: str, *addressed: str) -> dict[str, Any]:
    return {"output": {"summary": summary, "addressed": list(addressed)}}


_PLAN = {
    "summary": "stats.py gets a median function beside mean, with tests and documentation.",
    "tasks": ["Add median(values) to stats.py", "Test it with odd and even numbers of values", "Mention it in README.md"],
    "acceptance_criteria": ["median([9, 1, 5]) is 5", "median([4, 1, 3, 2]) is 2.5", "the README names median"],
    "risks": ["An even number of values has no single middle"],
    "allowed_paths": ["stats.py", "tests/**", "README.md", "docs/**"],
    "forbidden_paths": [],
    "cost_low_usd": "0.05",
    "cost_high_usd": "0.50",
}

_DESIGN = {
    "summary": "median sorts a copy of the values and takes the middle one, or the mean of the two in the middle.",
    "title": "Compute the median by sorting",
    "context": "The median needs the values in order. The module is small and has no dependency.",
    "options": [
        {"name": "Sort a copy", "weight": 8, "pros": ["Plain", "Leaves the argument alone"], "cons": ["n log n"]},
        {"name": "Use statistics.median", "weight": 5, "pros": ["Ready"], "cons": ["mean is written by hand as well"]},
    ],
    "decision": "Sort a copy of the values.",
    "consequences": "Simple to read; very long lists are slower than with selection.",
}

_FINDING = {
    "id": "F1",
    "severity": "major",
    "file": "stats.py",
    "line": 12,
    "what": "median returns the upper of the two values in the middle when their number is even.",
    "why": "median([4, 1, 3, 2]) gives 3 and must give 2.5, the mean of both.",
    "structural": False,
}

_PLAYS: Sequence[Mapping[str, Any]] = [
    {
        "workflow": "planning",
        "turns": [{"say": "I look at what there is.", "calls": [{"tool": "list_files"}, *_read("stats.py")]}, {"output": _PLAN}],
    },
    {"workflow": "architect", "turns": [{"calls": _read("stats.py", "README.md")}, {"output": _DESIGN}]},
    {
        "workflow": "implement",
        "turns": [
            {"say": "The test first: it has to fail.", "write": {"tests/test_median.py": _MEDIAN_TEST}, "run": [TEST_COMMAND]},
            {"write": {"stats.py": FILES["stats.py"] + _MEDIAN + _WRONG}, "run": [TEST_COMMAND]},
            _changed("Added median and a test for it."),
        ],
    },
    {
        "workflow": "test",
        "turns": [
            {"write": {"tests/test_one_value.py": _ONE_TEST}, "run": [TEST_COMMAND]},
            _changed("Added a test for a single value."),
        ],
    },
    {
        "workflow": "review",
        "turns": [
            {"calls": _read("stats.py")},
            {
                "output": {"verdict": "passed", "summary": "median does what the plan asks for.", "findings": []},
                "instead": [
                    {
                        "when_results_contain": _WRONG.strip(),
                        "output": {"verdict": "findings", "summary": "Even numbers of values are wrong.", "findings": [_FINDING]},
                    }
                ],
            },
        ],
    },
    {
        "workflow": "fix",
        "turns": [
            {
                "edit": [{"path": "stats.py", "old": _WRONG, "new": _RIGHT}],
                "write": {"tests/test_even_median.py": _EVEN_TEST},
                "run": [TEST_COMMAND],
            },
            _changed("The median of an even number of values is the mean of the two in the middle.", "F1"),
        ],
    },
    {"workflow": "refactor", "turns": [_changed("Nothing to put in order.")]},
    {
        "workflow": "document",
        "turns": [
            {"write": {"README.md": FILES["README.md"] + "- `median(values)`: the middle value\n"}},
            _changed("The README names median."),
        ],
    },
    {
        "workflow": "pr",
        "turns": [{"output": {"title": "Add median to stats", "body": "Adds `median(values)` with tests, and names it in the README."}}],
    },
    {
        "workflow": "time_machine",
        "turns": [{"output": {"cause": "The step was cut short.", "prevention": "Do the smallest part first.", "restart_at": "same"}}],
    },
]

STORY = Script.model_validate({"plays": _PLAYS})


def write_story(path: Path, *, faults: Sequence[Mapping[str, Any]] = (), pause_s: float = 0.0) -> Path:
    """Write the script for the fake server as a process, or (without faults) for `load_script`."""
    data = {"plays": _PLAYS, "pause_s": pause_s, **({"faults": list(faults)} if faults else {})}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def make_repository(folder: Path, *, also: str = "") -> Path:
    """Make the repository of the story, with one commit on `main`; `also` is a command that its tests run first."""
    folder.mkdir(parents=True, exist_ok=True)
    command = f"{also} && {TEST_COMMAND}" if also else TEST_COMMAND
    for name, content in {**FILES, "genie.toml": f"[test]\ncommand = {json.dumps(command)}\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Begin with a mean"]):
        subprocess.run(["git", *arguments], cwd=folder, env=GIT_ENVIRONMENT, check=True)
    return folder


GIT_ENVIRONMENT: Mapping[str, str] = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
