"""A file from anybody: refused in one sentence, and nothing of it is left here."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import zipfile
from contextlib import nullcontext

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


MADE: dict[str, bytes] = {}
"""The good file, made once: it is only read."""


@pytest.fixture
async def good(begin, tmp_path):
    """A file that can be imported."""
    if not MADE:
        epic, target = await begin(), io.BytesIO()
        await epic.engine.advance(epic.id)
        await epic.engine.keeping.export(epic.id, target)
        MADE["good"] = target.getvalue()
    path = tmp_path / "good.genie"
    path.write_bytes(MADE["good"])
    return path


def made_again(good, to, *, records=None, bundle=None, manifest=None, more=()):
    """The file with other parts, all checksums right."""
    with zipfile.ZipFile(good) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    told = json.loads(parts["manifest.json"])
    if records is not None:
        found = json.loads(parts["records.json"])
        changed = records(found)
        parts["records.json"] = changed if isinstance(changed, bytes) else json.dumps(changed if changed is not None else found).encode()
    if bundle is not None:
        parts["history.bundle"] = bundle
    for name, part in (("records", "records.json"), ("history", "history.bundle")):
        told |= {f"{name}_bytes": len(parts[part]), f"{name}_sha256": hashlib.sha256(parts[part]).hexdigest()}
    parts["manifest.json"] = json.dumps({**told, **(manifest or {})}).encode()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (*parts.items(), *more):
            archive.writestr(name, content)
    return to


def change(path, value):
    """Put a value into the records, at a path of names and places."""

    def put(records):
        place = records
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return put


async def refused(engine, path, home, *, match=None):
    """See that a file is refused, in one line, and that nothing came of it."""
    from epics.errors import InvalidInput, SchemaMismatch

    with pytest.raises((InvalidInput, SchemaMismatch), match=match) as error:
        await engine.keeping.take_in(path)

    assert "\n" not in str(error.value)
    assert (await engine.epics()).items == ()
    left = [place for place in home.glob("*") if place.name.startswith(("import-", "export-"))]
    left += (home / "imported").glob("*")
    assert left == []


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
async def test_a_file_that_was_cut_off(part, good, elsewhere, tmp_path):
    whole = good.read_bytes()
    (tmp_path / "cut").write_bytes(whole[: int(len(whole) * part)])

    await refused(elsewhere, tmp_path / "cut", tmp_path / "elsewhere", match="no whole history|holds nothing")


async def test_a_file_with_a_changed_byte(good, elsewhere, tmp_path):
    with zipfile.ZipFile(good) as archive:
        info = archive.getinfo("history.bundle")
    whole = bytearray(good.read_bytes())
    whole[info.header_offset + 200] ^= 1
    (tmp_path / "changed").write_bytes(whole)

    await refused(elsewhere, tmp_path / "changed", tmp_path / "elsewhere", match="no whole history|checksum")


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "records.json", "more.txt"])
async def test_a_file_with_other_parts(name, good, elsewhere, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate") if name == "records.json" else nullcontext():
        path = made_again(good, tmp_path / "more", more=[(name, b"evil")])

    await refused(elsewhere, path, tmp_path / "elsewhere", match="is no history of Genie")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "manifest, match",
    [
        ({"format": 3}, "newer Genie"),
        ({"format": 0}, "reads 1"),
        ({"state_version": 999}, "newer Genie"),
        ({"graph_version": 999}, "newer Genie"),
        ({"records_sha256": "0" * 64}, "checksum of its records"),
        ({"history_sha256": "0" * 64}, "checksum of its git history"),
        ({"history_bytes": 10}, "checksum of its git history"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_a_file_that_says_what_is_not_so(manifest, match, good, elsewhere, tmp_path):
    path = made_again(good, tmp_path / "said", manifest=manifest)

    await refused(elsewhere, path, tmp_path / "elsewhere", match=match)


@pytest.mark.parametrize(
    "path, value",
    [
        (("epic", "base_commit"), "--upload-pack=evil"),
        (("epic", "base"), "--evil"),
        (("epic", "id"), "../../../evil"),
        (("epic", "status"), "wonderful"),
        (("epic", "moment"), -1),
        (("epic", "last_moment"), 1),
        (("epic", "last_attempt"), 0),
        (("moments", 0, "commit"), "HEAD"),
        (("moments", 1, "commit"), "0" * 40),
        (("moments", 1, "branch"), "genie/../../evil"),
        (("moments", 0, "n"), "one"),
        (("moments", 1, "n"), 1),
        (("moments", 0, "cost_usd"), "much"),
        (("attempts", 0, "result", "commit"), "evil"),
        (("attempts", 0, "started_at"), "yesterday-ish"),
        (("approvals", 0, "id"), "x'; DROP TABLE epics"),
        (("approvals", 0, "terms"), {"quorum": "many"}),
        (("approvals", 0, "options"), ["whatever"]),
        (("checkpoints", 0, "state", "step"), "no-such-version"),
        (("checkpoints", 0, "id"), None),
        (("values", "plan"), {}),
        (("events", 0, "n"), None),
        (("base_tip",), "f" * 40),
        (("surprise",), 1),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else "",
)
async def test_records_that_are_not_those_of_an_epic(path, value, good, elsewhere, tmp_path):
    file = made_again(good, tmp_path / "records", records=change(path, value))

    await refused(elsewhere, file, tmp_path / "elsewhere")


@pytest.mark.parametrize(
    "content", [b"[" * 200_000, b"null", b"{}", b"\xff\xfe", b'{"epic": 1e999}'], ids=["deep", "null", "empty", "bytes", "number"]
)
async def test_records_that_are_no_records(content, good, elsewhere, tmp_path):
    file = made_again(good, tmp_path / "records", records=lambda _: content)

    await refused(elsewhere, file, tmp_path / "elsewhere", match="no whole history|is no history")


async def test_records_that_unpack_to_more_than_any_history_has(good, elsewhere, tmp_path, monkeypatch):
    from engine.time_machine import saved_file

    monkeypatch.setattr(saved_file, "MOST", {**saved_file.MOST, "records.json": 100_000})
    file = made_again(good, tmp_path / "bomb", records=lambda _: b" " * 50_000_000)
    assert file.stat().st_size < 1_000_000

    await refused(elsewhere, file, tmp_path / "elsewhere", match="more than 100,000 bytes")


async def test_a_git_history_of_something_else(good, elsewhere, tmp_path, git_repo):
    other = git_repo({"a": "b"}, name="other")
    made = subprocess.run(["git", "-C", str(other), "bundle", "create", "--quiet", "-", "--all"], check=True, capture_output=True)

    for bundle, match in ((made.stdout, "lacks a part"), (b"# v2 git bundle\n\nPACK", "cannot be read|lacks"), (b"", "cannot be read")):
        file = made_again(good, tmp_path / "other.genie", bundle=bundle)
        await refused(elsewhere, file, tmp_path / "elsewhere", match=match)


async def test_the_good_file_is_taken_after_all_that(good, elsewhere):
    assert (await elsewhere.keeping.take_in(good)).status == "paused"


async def test_what_is_no_file_at_all(elsewhere, tmp_path):
    await refused(elsewhere, tmp_path / "nothing", tmp_path / "elsewhere", match="cannot be read: No such file")
    await refused(elsewhere, tmp_path, tmp_path / "elsewhere", match="cannot be read: Is a directory")
