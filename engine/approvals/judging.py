"""What is approved without a person: by a rule of the policy whose every condition holds, or because somebody said --yes in advance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from db.approvals import decision_for, record_decision
from db.epics import Row, epic_facts
from db.judging import approval_is_for_people, spent_on
from engine.approvals.given_in_advance import giver_today
from engine.assembling import Installation
from engine.running import Running
from epics.approval_terms import AutoRule, Terms
from epics.approvals import AUTO, IN_ADVANCE, ApprovalStatus, Choice, Decision
from epics.callers import GENIE, Caller, acting_as
from epics.policy import OWN_CONFIGURATION
from epics.projection import content_hash
from epics.state import EpicState
from epics.steps import Step
from nodes.context import Repository
from safety.paths import matches

AUTO_GATES: Final = frozenset({Step.PLAN_GATE, Step.MERGE_GATE})

_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What rules are held against: what git, the rows and the tests say, never what an agent says."""

    paths: tuple[str, ...]
    lines: int
    """Of the files that have lines."""
    spent_usd: Decimal
    tests_passed: bool
    delicate: tuple[str, ...] = ()
    """Files that a workflow marks as needing a person, and those that steer Genie."""
    binary: tuple[str, ...] = ()
    """Files that have no lines: a NUL makes one of any script."""

    def as_json(self) -> dict[str, Any]:
        """What the event and the audit say of them."""
        sizes = {"files": len(self.paths), "lines": self.lines, "tests_passed": self.tests_passed}
        return {"paths": list(self.paths[:50]), **sizes, "spent_usd": format(self.spent_usd, "f")}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Who approves in place of a person, if anybody does, and what is told of it; else what speaks against it."""

    by: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
    against: Sequence[str] = ()


async def answer_without_a_person(
    installation: Installation, running: Running, repository: Repository, state: EpicState, said: set[str]
) -> None:
    """Approve what a plan or merge gate asks about where a rule or a word given in advance does; else note that it is for people.

    A merge that cannot be made comes back to its gate as it was, and would for ever: it is approved once in each run.

    Args:
        installation: where the epic runs.
        running: the epic.
        repository: its files.
        state: the epic at its gate.
        said: the hashes of what was approved here in this run; added to.
    """
    pool, row = installation.database.pool, await epic_facts(installation.database.pool, running.facts.id)
    if state.step not in AUTO_GATES:
        return
    approval = await decision_for(pool, running.facts.id, row["moment"])
    if approval is None or approval["status"] != ApprovalStatus.PENDING:
        return
    content = content_hash(state)
    back_from_merge = state.last is not None and state.last.step is Step.MERGE
    # Whoever resumes an epic whose merge could not be made wants it tried again.
    if approval["judged_at"] is not None and (not back_from_merge or content in said):
        return
    terms = Terms.model_validate(approval["terms"])
    if not row["auto_approve"] and not terms.auto:
        return
    if back_from_merge and content in said:
        await approval_is_for_people(pool, running.lease, approval, ["it was approved once, and the merge could not be made"])
        return
    found = await _answer(running, repository, state, terms, row)
    if found.by:
        said.add(content)
        await _approve(installation, approval["id"], found)
    else:
        await approval_is_for_people(pool, running.lease, approval, found.against)


def why_not(rule: AutoRule, facts: Facts) -> str:
    """Why a rule does not approve; empty where all of its conditions hold."""
    outside = [path for path in facts.paths if not matches(path, rule.paths)] if rule.paths else []
    if facts.delicate:
        return f"a person is to see {_listed(facts.delicate)}"
    if outside:
        return f"outside of its paths: {_listed(outside)}"
    if rule.most_files is not None and len(facts.paths) > rule.most_files:
        return f"{len(facts.paths)} files changed, and at most {rule.most_files} may"
    if rule.most_lines is not None and facts.binary:
        return f"no lines can be counted of {_listed(facts.binary)}"
    if rule.most_lines is not None and facts.lines > rule.most_lines:
        return f"{facts.lines} lines changed, and at most {rule.most_lines} may"
    if rule.most_usd is not None and facts.spent_usd > rule.most_usd:
        return f"it has cost {facts.spent_usd:f} USD, and at most {rule.most_usd:f} may be spent"
    return "the tests did not pass" if rule.tests_passed and not facts.tests_passed else ""


def why_no_yes(terms: Terms, row: Row, giver: Caller | None) -> str:
    """Why a yes in advance is no decision under these terms; empty where it is one: it counts as said by who said it."""
    caller = giver or Caller(person="", channel=AUTO)
    if caller == GENIE:
        return ""
    if terms.quorum > 1:
        return f"{terms.quorum} people must approve"
    if giver is None and not terms.own:
        # Most likely whoever asked for the epic.
        return "nobody knows who gave it"
    return terms.why_not(caller, row["repo"], requested_by=row["requested_by"], goes_on=True, escalated=False)


async def _answer(running: Running, repository: Repository, state: EpicState, terms: Terms, row: Row) -> Answer:
    against = list[str]()
    # To take back what is merged is for a person.
    if terms.auto and state.revert is None:
        facts = await _facts(running, repository, state)
        for rule in terms.auto:
            if not (why := why_not(rule, facts)):
                return Answer(by=f"rule: {rule.name}", told={"rule": rule.name, "facts": facts.as_json()})
            against.append(f"rule {rule.name}: {why}")
    if row["auto_approve"]:
        giver = await giver_today(running.database.pool, row)
        if not (why := giver if isinstance(giver, str) else why_no_yes(terms, row, giver)):
            return Answer(by=IN_ADVANCE)
        against.append(f"{IN_ADVANCE} does not count here: {why}")
    return Answer(against=against)


async def _facts(running: Running, repository: Repository, state: EpicState) -> Facts:
    size = await repository.size(state.base, state.head)
    spent = await spent_on(running.database.pool, running.facts.id)
    paths = await repository.changed(state.base, state.head)
    wanted = (*await repository.needs_approval(state.base, state.head), *(path for path in paths if matches(path, OWN_CONFIGURATION)))
    return Facts(
        paths=paths,
        lines=size.insertions + size.deletions,
        binary=size.binary,
        spent_usd=spent["spent_usd"],
        # Of a test command that somebody runs: nothing found to run is no test.
        tests_passed=state.tests is not None and state.tests.passed and state.tests.command is not None,
        # No attempt changes what steers Genie; a person who adds to the branch can.
        delicate=tuple(dict.fromkeys(wanted)),
    )


async def _approve(installation: Installation, approval_id: str, found: Answer) -> None:
    # Nobody of this process decides: whoever was quicker than we are counts.
    with acting_as(GENIE.model_copy(update={"person": found.by})):
        decision = Decision(choice=Choice.APPROVE, by=found.by, channel=AUTO)
        await record_decision(installation.database.pool, approval_id, decision, told=found.told)


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"{', '.join(paths[:_NAMED])}{more}"
