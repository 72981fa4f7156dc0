"""`genie time mark`, `gc`, `export` and `import`, as people use them."""

from __future__ import annotations

import stat

import pytest

from tests.fakes.standing import demo_at_its_plan_gate

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def standing(bring):
    """The epic of the demo, which waits at its plan gate."""
    return bring(demo_at_its_plan_gate)


@pytest.fixture
def epic(standing):
    """Its id."""
    return standing.id


@pytest.fixture
def there(tmp_path, postgres_server, database_template):
    """The environment of another machine."""
    from tests.conftest import _own_database

    with _own_database(postgres_server, database_template) as url:
        yield {"GENIE_HOME": str(tmp_path / "there"), "GENIE_DATABASE_URL": url}


def test_moments_are_named_and_meant_by_their_names(genie, epic):
    newest = genie("time", "mark", epic, "before-work", "--json")
    first = genie("time", "mark", epic, "1", "start")
    taken = genie("time", "mark", epic, "1", "before-work")
    again = genie("time", "mark", epic, "start", "begin")
    strange = genie("time", "mark", epic, "1", "Two Words")
    missing = genie("time", "mark", epic, "nowhere", "there")
    removed = genie("time", "mark", epic, "begin", "--remove", "--json")

    assert (newest.code, newest.json()["name"]) == (0, "before-work")
    assert "moment 1 of epic" in first.out
    assert "is begin now" in again.out
    assert [taken.code, strange.code, missing.code] == [1, 2, 4]
    assert f"moment {newest.json()['n']} of epic {epic} has the name" in taken.err
    assert (removed.code, removed.json()["n"], removed.json()["name"]) == (0, 1, None)
    assert genie("time", "mark", epic).code == 2
    assert genie("time", "show", epic, "before-work", "--json").json()["name"] == "before-work"
    assert genie("time", "diff", epic, "0", "before-work", "--stat").code == 0


def test_a_history_goes_to_another_machine_in_one_private_file(genie, epic, there, tmp_path):
    file = tmp_path / "history.genie"
    wrote = genie("time", "export", epic, str(file), env={"MY_API_KEY": "Write durations from the table that reads them"})
    again = genie("time", "export", epic, str(file))
    told = genie("time", "export", epic, str(file), "--overwrite", "--json").json()
    took = genie("time", "import", str(file), env=there)
    known = genie("time", "import", str(file), "--json", env=there)

    assert wrote.code == 0, wrote.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "no secret was found" not in wrote.out
    assert "look for secrets in them before you give the file away" in wrote.out
    assert (again.code, told["secrets_removed"], told["epic"]) == (2, 0, epic)
    assert took.code == 0, took.err
    assert f"genie epic resume {epic}" in took.out
    assert (known.code, known.json()["was"]) == (0, epic)
    assert known.json()["epic"] != epic
    for looking in (("time", "history", epic), ("time", "show", epic), ("time", "diff", epic), ("epic", "show", epic)):
        assert genie(*looking, env=there).code == 0, looking
    assert genie("epic", "resume", epic, "--yes", env=there).code == 0
    assert genie("epic", "show", epic, "--json", env=there).json()["status"] == "merged"
    assert genie("epic", "show", epic, "--json").json()["status"] == "waiting"


def test_what_is_no_history_is_refused_in_one_line(genie, tmp_path):
    (tmp_path / "x").write_text("x")

    for given, code, said in (("x", 2, "no whole history"), ("nothing", 2, "cannot be read"), ("", 2, "")):
        refused = genie("time", "import", given, cwd=tmp_path)
        assert refused.code == code
        assert said in refused.err
        assert "Traceback" not in refused.err
    assert genie("time", "export", "e-0000000000", str(tmp_path / "y")).code == 4
    assert not (tmp_path / "y").exists()


def test_collecting_says_first_what_would_go(genie, epic):
    dry = genie("time", "gc")
    told = genie("time", "gc", "--older-than", "8w", "--quota", "20GB", "--json").json()
    done = genie("time", "gc", "--apply", "--json").json()
    wrong = [genie("time", "gc", "--older-than", "soon"), genie("time", "gc", "--quota", "much")]

    assert dry.code == 0, dry.err
    assert "commits" in dry.out
    assert (told["applied"], told["quota"], done["applied"]) == (False, 20_000_000_000, True)
    assert {part["kind"] for part in done["parts"]} == {"branches", "commits", "work trees", "shelved", "objects", "packs"}
    assert [each.code for each in wrong] == [2, 2]
    assert "such as 12h, 30d or 8w, not 'soon'" in wrong[0].err
    assert genie("epic", "resume", epic, "--yes").code == 0
