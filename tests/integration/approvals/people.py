"""People who decide, in tests."""

from __future__ import annotations

from epics.approvals import Choice, Decision
from epics.callers import Caller
from epics.roles import Grant, Role


def person(name: str, *groups: str, role: Role = Role.APPROVER, channel: str = "http", repo: str = "**") -> Caller:
    """Somebody with one role."""
    return Caller(person=name, channel=channel, grants=(Grant(role=role, repo=repo),), groups=groups)


def says(choice: str, **more: object) -> Decision:
    """What somebody decides; who it is, the engine knows better."""
    return Decision.model_validate({"choice": Choice(choice), "by": "whoever", "channel": "nowhere", **more})
