"""`genie audit …`, as a person uses it."""

from __future__ import annotations

import getpass
import json
import re
import subprocess
import sys

import psycopg
import pytest

from tests.acceptance.conftest import ROOT

pytestmark = pytest.mark.postgres


def test_who_decided_what_is_listed_checked_and_carried_away(genie, git_repo, database_url, tmp_path):
    repo = git_repo({"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n'})
    started = genie("epic", "start", "Greet people", "--repo", str(repo), "--executor", "scripted", "--json")
    epic = started.json()["id"]
    approved = genie("approval", "approve", epic)

    listed = genie("audit", "list", "--epic", epic, "--json")
    shown = genie("audit", "list", "--person", getpass.getuser(), "--deed", "decide", "--since", "1h")
    none = genie("audit", "list", "--refused")
    whole = genie("audit", "verify", "--json")
    exported = genie("audit", "export", "audit.jsonl")
    again = genie("audit", "export", "audit.jsonl")
    anchor = whole.json()["anchor"]
    offline = genie("audit", "verify", "--file", "audit.jsonl", "--anchor", anchor, env={"GENIE_DATABASE_URL": "postgresql://nowhere:1/x"})

    assert (started.code, approved.code) == (3, 0), approved.err
    newest, first = listed.json()["items"]
    assert [(row["person"], row["channel"], row["deed"], row["answer"]) for row in (first, newest)] == [
        (getpass.getuser(), "cli", "start", "done"),
        (getpass.getuser(), "cli", "decide", "approve"),
    ]
    assert newest["content_hash"] == genie("approval", "show", newest["subject"], "--json").json()["content_hash"]
    assert newest["subject"] in shown.out
    assert first["deed"] not in shown.out
    assert "there is no such row" in none.out
    assert (whole.code, exported.code, again.code) == (0, 0, 2)
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600
    assert offline.code == 0, offline.err
    assert anchor in offline.out

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        connection.execute("UPDATE audit SET person = 'mallory' WHERE n = %s", [newest["n"]])
    changed = genie("audit", "verify")
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    (tmp_path / "short.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines if line["n"] != first["n"]), encoding="utf-8")
    short = genie("audit", "verify", "--file", "short.jsonl", "--anchor", anchor)

    assert (changed.code, changed.out) == (1, "")
    assert changed.err.startswith(f"genie: row {newest['n']} of the audit was changed")
    assert short.code == (1 if first["n"] > 1 else 0), short.err


def block(language):
    """The one block of code in a language that the documentation has."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "audit.md").read_text(encoding="utf-8"), re.DOTALL)
    return found


def test_what_the_documentation_says_answers_who_approved_a_diff_and_checks_a_file(genie, git_repo, database_url, tmp_path):
    repo = git_repo({"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n'})
    started = genie("epic", "start", "Greet people", "--repo", str(repo), "--executor", "scripted", "--yes", "--json").json()
    genie("audit", "export", "audit.jsonl")
    (tmp_path / "check.py").write_text(block("python"), encoding="utf-8")
    with psycopg.connect(database_url) as connection:
        gates = connection.execute("SELECT content_hash, gate FROM approvals ORDER BY moment").fetchall()
        found = [connection.execute(block("sql").replace("5e0f…", content).encode()).fetchall() for content, _ in gates]

    checked = subprocess.run([sys.executable, "check.py", "audit.jsonl"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert started["status"] == "merged"
    assert [[(row[6], row[8]) for row in rows] for rows in found] == [[("approve", "plan_gate")], [("approve", "merge_gate")]]
    assert all(len(rows[0][-1]) == len("c" * 40) for rows in found)
    assert checked.returncode == 0, checked.stderr
    number, end = checked.stdout.split()
    assert genie("audit", "verify", "--json").json()["anchor"] == f"{number}:{end}"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("list", "--since", "yesterday"), "--since takes a time such as"),
        (("list", "--until", "0001-01-01"), "--until takes a time such as"),
        (("verify", "--anchor", "12"), "an anchor is the number of a row"),
        (("verify", "--file", "nowhere"), "nowhere cannot be read"),
        (("verify", "--file", "script.txt"), "line 1 of script.txt is no row of an audit"),
    ],
    ids=["no time", "before all times", "no anchor", "no file", "another file"],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(genie, tmp_path, arguments, said):
    (tmp_path / "script.txt").write_bytes(b"\xff\x00not a row\n")

    refused = genie("audit", *arguments)

    assert refused.code == 2
    assert said in refused.err
