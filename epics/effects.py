"""Effects: deeds on the outside world, named by what they do, so that each is done once."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum

from epics.records import Record


class EffectKind(StrEnum):
    """What a deed does; stored data."""

    PUBLISH = "publish"
    """A branch of the epic is put into the person's repository."""
    PULL_REQUEST = "pull_request"
    """The pull request record is made, beside the branch."""
    MERGE = "merge"
    """The work is brought to the base branch."""


class EffectState(StrEnum):
    """What is known of a deed; stored data."""

    INTENDED = "intended"
    """Written before the deed: it may be done any moment, or was refused and may be tried again."""
    DONE = "done"
    UNDONE = "undone"
    """Taken back on purpose; the deed may be done again, in the next generation."""
    UNKNOWN = "unknown"
    """It may have been done, and the world could not be asked."""


class Effect(Record):
    """One deed by its content: two deeds with the same content are one, whichever step or epic asks for them."""

    kind: EffectKind
    content: tuple[str, ...]

    @property
    def key(self) -> str:
        """The kind and the hash of the content; record_pull_request() in the database makes the same one."""
        text = json.dumps(list(self.content), ensure_ascii=False)
        return f"{self.kind}:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def publishing(repo: str, branch: str, commit: str) -> Effect:
    """A branch is put into a repository, at a commit."""
    return Effect(kind=EffectKind.PUBLISH, content=(repo, branch, commit))


def opening_pull_request(repo: str, branch: str, base: str, head: str, title: str) -> Effect:
    """A pull request is recorded."""
    return Effect(kind=EffectKind.PULL_REQUEST, content=(repo, branch, base, head, title))


def merging(repo: str, base: str, head: str) -> Effect:
    """A commit is brought to the base branch of a repository."""
    return Effect(kind=EffectKind.MERGE, content=(repo, base, head))
