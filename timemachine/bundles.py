"""Commits with all their history as one file, and back: how an epic's work goes to another machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from epics.errors import InvalidInput
from timemachine.git import Git, commit_id, last_words
from timemachine.mirrors import Mirror, keep_ref, protect_all

BUNDLE_SECONDS = 3600
# One thread: the same objects give the same bytes.
CREATE = ("-c", "pack.threads=1", "bundle", "create", "--quiet")


async def make_bundle(mirror: Mirror, commits: Sequence[str], file: Path) -> None:
    """Write the commits, with all their history, into a file.

    Raises:
        GitFailed: if a commit is not in the mirror, or the disk does not let us.
    """
    # A bundle names what it holds by refs, so each commit needs one.
    await protect_all(mirror, commits)
    refs = "".join(f"{keep_ref(commit)}\n" for commit in sorted(dict.fromkeys(commits)))
    await mirror.git.run(*CREATE, str(file), "--stdin", given=refs.encode(), seconds=BUNDLE_SECONDS)


async def take_bundle(git: Git, file: Path, commits: Sequence[str]) -> None:
    """Bring the objects of a bundle into a repository, and see that the commits are there with all that they need.

    No ref of the bundle is taken over: what it calls its commits is not believed.

    Raises:
        InvalidInput: if the bundle is damaged, or lacks something of a commit.
    """
    unpacked = await git.call("bundle", "unbundle", str(file), seconds=BUNDLE_SECONDS)
    if unpacked.code != 0:
        raise InvalidInput(f"the git history in the file cannot be read: {last_words(unpacked.errors)}")
    asked = "".join(f"{commit_id(commit)}^{{commit}}\n" for commit in dict.fromkeys(commits))
    kinds = await git.run("cat-file", "--batch-check=%(objecttype)", given=asked.encode())
    walked = await git.call(
        *("rev-list", "--objects", "--quiet", "--stdin"), given=asked.replace("^{commit}", "").encode(), seconds=BUNDLE_SECONDS
    )
    if walked.code != 0 or any(kind != "commit" for kind in kinds.splitlines()):
        raise InvalidInput(f"the git history in the file lacks a part of what the records name: {last_words(walked.errors)}")
