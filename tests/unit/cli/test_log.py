"""The log is Genie's own: what libraries say is a line like any other."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
import structlog

from cli.log import configure_log

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    """Nothing of a test's log is left to the next."""
    before = list(logging.root.handlers)
    yield
    logging.root.handlers[:] = before
    structlog.reset_defaults()


def test_a_warning_of_a_library_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log("info", as_json=True)

    logging.getLogger("some.library").warning("it is late:\n%s", "very")

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["library"]) == ("it is late: very", "warning", "some.library")


def test_a_connection_that_broke_is_told_by_the_library_only_to_who_asks_for_more(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log("info")

    logging.getLogger("psycopg.pool").warning("discarding closed connection")

    assert capsys.readouterr().err == ""


def test_the_log_may_be_set_up_again(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log("info", as_json=True)
    configure_log("info", as_json=True)

    logging.getLogger("some.library").warning("once")

    assert capsys.readouterr().err.count("once") == 1


@pytest.mark.parametrize("level", ["debug", "warning"])
def test_a_warning_of_python_is_a_line_of_json_for_who_asks_for_more(level: str) -> None:
    code = f"import warnings; from cli.log import configure_log; configure_log('{level}', as_json=True); warnings.warn('no SOCKS\\nhere')"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    lines = [json.loads(line) for line in done.stderr.split("\n") if line]
    assert [line["library"] for line in lines] == (["py.warnings"] if level == "debug" else [])


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_no_line_of_the_log_has_a_secret(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    configure_log("info", as_json=as_json, secrets=["the-key-of-a-provider"])

    structlog.get_logger().warning("it said the-key-of-a-provider", header={"Authorization": "Bearer abcdefgh"}, token="xoxb-1234567890-ab")
    logging.getLogger("some.library").warning("POST /?key=the-key-of-a-provider")

    written = capsys.readouterr().err
    assert written.count("[secret]") >= 3
    assert not any(secret in written for secret in ("the-key-of-a-provider", "xoxb-1234567890-ab"))
