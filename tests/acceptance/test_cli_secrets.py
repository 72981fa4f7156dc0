"""`genie secret …`, as a user types it: values come in and never out."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.acceptance.conftest import Genie
from tests.conftest import GitRepo

VALUE = "the-key-of-a-provider-4711"


def test_a_secret_is_stored_listed_sealed_anew_and_removed(genie: Genie, tmp_path: Path) -> None:
    stored = genie("secret", "set", "anthropic_api_key", stdin=f"{VALUE}\n")
    variable = genie("secret", "set", "openai_api_key", "--from-env", "MY_KEY", env={"MY_KEY": f"{VALUE}-too"})
    listed = genie("secret", "list", "--json", env={"OPENAI_API_KEY": "another"})
    new = tmp_path / "new.key"
    new.write_text(genie("secret", "key").out)
    rotated = genie("secret", "rotate", "--new-key-file", str(new), "--json")
    old_key = genie("secret", "set", "jwt_secret", stdin="x" * 40)
    new_key = genie("secret", "remove", "openai_api_key", env={"GENIE_SECRET_KEY": new.read_text().strip()})
    again = genie("secret", "remove", "openai_api_key")

    assert [each["name"] for each in listed.json()["items"]] == ["anthropic_api_key", "openai_api_key"]
    assert len(base64.b64decode(new.read_text())) == 32
    assert (rotated.json()["texts"], rotated.json()["resumed"]) == (2, False)
    assert rotated.json()["master"] in old_key.err
    assert "GENIE_SECRET_KEY" in old_key.err
    assert [each.code for each in (stored, variable, listed, rotated, old_key, new_key, again)] == [0, 0, 0, 0, 1, 0, 4]
    for ended in (stored, variable, listed, rotated, old_key, new_key, again):
        assert VALUE not in ended.out + ended.err
        assert new.read_text().strip() not in ended.out + ended.err


def test_a_scan_says_where_a_secret_stands_and_ends_with_1(genie: Genie, git_repo: GitRepo) -> None:
    repo = git_repo({"genie.toml": '[test]\ncommand = "true"\n'})
    before = genie("secret", "scan")
    genie("epic", "start", f"Use {VALUE} to greet", "--repo", str(repo), "--executor", "scripted", "--detach")

    after = genie("secret", "scan", env={"ANTHROPIC_API_KEY": VALUE})

    assert (before.code, after.code) == (0, 1)
    assert "goal" in after.out
    assert VALUE not in after.out + after.err
