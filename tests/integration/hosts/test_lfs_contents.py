"""Contents of Git LFS that one host wrote are found by another, which has an empty home."""

from __future__ import annotations

import hashlib

import pytest

from tests.fakes.git_lfs import needed_lfs
from tests.integration.hosts.conftest import Hosts


@pytest.fixture(scope="module", autouse=True)
def _git_lfs() -> None:
    needed_lfs()


@pytest.fixture
async def hosts(engine_at, tmp_path, story) -> Hosts:
    script = story(implement=[{"write": {"greeting.txt": "hello\n", "more/art.bin": "drawn\n"}}])
    return Hosts(lambda name: engine_at(script, home=tmp_path / name))


@pytest.mark.parametrize("by", ["path", "url"])
async def test_a_host_with_an_empty_home_merges_what_another_wrote_with_its_contents(hosts, serve, source, git, tmp_path, by):
    (source / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    git(source, "add", ".gitattributes")
    git(source, "commit", "--quiet", "--message", "Keep art in Git LFS")
    bare = serve()
    epic = await hosts.start("a", str(bare) if by == "path" else bare.as_uri())
    await (await hosts.at("a")).advance(epic)
    waiting = await hosts.approve("a", epic)
    assert waiting.step == "merge_gate"
    # Published with the branch; the database is what is left.
    (bare / "lfs").rename(tmp_path / "away")

    done = await hosts.approve("b", epic)

    oid = hashlib.sha256(b"drawn\n").hexdigest()
    assert done.status == "merged"
    assert f"oid sha256:{oid}" in git(bare, "show", "main:more/art.bin")
    assert (bare / "lfs/objects" / oid[:2] / oid[2:4] / oid).read_bytes() == b"drawn\n"
