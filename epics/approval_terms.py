"""Under which terms an approval is given: who may decide, how many of them, until when, and what is approved without a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, PlainSerializer, StringConstraints

from epics.callers import Caller
from epics.records import Record
from epics.roles import Role
from epics.steps import Step

GROUP: Final = "group:"
ROLE: Final = "role:"

OnExpiry = Literal["pause", "reject"]
"""What becomes of an epic whose approval nobody gave in time: it is parked until somebody resumes it, or it ends."""


def _known(name: str) -> str:
    if name.startswith(ROLE) and name.removeprefix(ROLE) not in set(Role):
        message = f"names no role; there are {', '.join(ROLE + role for role in Role)}"
        raise ValueError(message)
    if name in {GROUP, ROLE} or name != name.strip():
        message = "is a person's name, group:NAME or role:ROLE"
        raise ValueError(message)
    return name


Eligible = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$"), AfterValidator(_known)]
"""A person's name, `group:NAME`, or `role:ROLE`, which those with a higher role have too."""

Amount = Annotated[Decimal, Field(ge=0), PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json")]


class AutoRule(Record):
    """What is approved without a person; every condition that is given must hold."""

    name: str
    gate: Literal[Step.PLAN_GATE, Step.MERGE_GATE]
    paths: tuple[str, ...] = Field(default=(), description="Globs; each file that is changed fits one of them.")
    most_files: int | None = None
    most_lines: int | None = Field(default=None, description="Lines added and taken out, together.")
    most_usd: Amount | None = Field(default=None, description="What the epic has cost so far, with what is reserved.")
    tests_passed: bool = False


class Side(Record):
    """One list of those who may decide; where several are in force, a person must be on each."""

    who: tuple[Eligible, ...] = Field(default=(), description="Empty: everybody who may decide on the repository.")
    escalate_to: tuple[Eligible, ...] = Field(default=(), description="Who may decide as well once the approval was escalated.")

    def has(self, caller: Caller, repo: str, *, escalated: bool) -> bool:
        """Whether a person is on the list."""
        listed = (*self.who, *self.escalate_to) if escalated else self.who
        return not self.who or any(_is(caller, name, repo) for name in listed)


class Terms(Side):
    """The terms of one approval, fixed when it opens; the defaults are those of a gate that no policy speaks of."""

    also: tuple[Side, ...] = Field(default=(), description="Further lists: who decides must be on each of them too.")
    quorum: int = Field(default=1, ge=1, description="How many people must say the same before the epic goes on.")
    own: bool = Field(default=True, description="Whether who asked for the epic may let it go on.")
    expires_s: int | None = Field(default=None, ge=1)
    remind_s: int | None = Field(default=None, ge=1)
    escalate_s: int | None = Field(default=None, ge=1)
    on_expiry: OnExpiry = "pause"
    auto: tuple[AutoRule, ...] = ()
    no_auto: bool = Field(default=False, description="Whether no rule counts, wherever it stands.")

    @property
    def sides(self) -> tuple[Side, ...]:
        """All lists that are in force."""
        own = Side(who=self.who, escalate_to=self.escalate_to)
        return tuple(side for side in (own, *self.also) if side.who or side.escalate_to)

    @property
    def escalates_to(self) -> tuple[str, ...]:
        """Everybody who is told of an escalation."""
        return tuple(dict.fromkeys(name for side in self.sides for name in side.escalate_to))

    def why_not(self, caller: Caller, repo: str, *, requested_by: str | None, goes_on: bool, escalated: bool) -> str:
        """Why a person may not decide, as the end of a sentence; empty where nothing speaks against it.

        Args:
            caller: who would decide.
            repo: the repository of the epic.
            requested_by: who asked for the epic, if that is known.
            goes_on: whether the choice lets the epic go on; to send back, to reject and to give up is for its requester too.
            escalated: whether the approval was escalated.
        """
        for side in self.sides:
            if not side.has(caller, repo, escalated=escalated):
                listed = (*side.who, *side.escalate_to) if escalated else side.who
                return f"those who may decide are {', '.join(dict.fromkeys(listed))}"
        if goes_on and not self.own and caller.person == requested_by:
            return f"{caller.person} asked for this epic, and the policy wants somebody else to let it go on"
        return ""

    def stored(self) -> dict[str, Any]:
        """The terms as JSON, without what is as by default."""
        return self.model_dump(mode="json", exclude_defaults=True)


DEFAULT_TERMS: Final = Terms()


def stricter(one: Terms, other: Terms) -> Terms:
    """The terms under which whatever one of the two refuses is refused, key by key."""
    sides = tuple(dict.fromkeys((*one.sides, *other.sides)))
    first = sides[0] if sides else Side()
    no_auto = one.no_auto or other.no_auto
    return Terms(
        who=first.who,
        escalate_to=first.escalate_to,
        also=sides[1:],
        quorum=max(one.quorum, other.quorum),
        own=one.own and other.own,
        expires_s=_least(one.expires_s, other.expires_s),
        remind_s=_least(one.remind_s, other.remind_s),
        # Until then fewer may decide.
        escalate_s=max((each for each in (one.escalate_s, other.escalate_s) if each is not None), default=None),
        on_expiry="reject" if "reject" in {one.on_expiry, other.on_expiry} else "pause",
        auto=() if no_auto else tuple(dict.fromkeys((*one.auto, *other.auto))),
        no_auto=no_auto,
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _is(caller: Caller, name: str, repo: str) -> bool:
    if name.startswith(GROUP):
        return name.removeprefix(GROUP) in caller.groups
    if name.startswith(ROLE):
        role = caller.role_on(repo)
        return role is not None and role.rank >= Role(name.removeprefix(ROLE)).rank
    return name == caller.person
