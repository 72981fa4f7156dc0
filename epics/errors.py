"""What can go wrong in Genie, sorted by what a caller can do about it."""

from __future__ import annotations

from typing import ClassVar


class GenieError(Exception):
    """Something that Genie foresees went wrong.

    The message is one line for a person: what is wrong, the value seen, what to do. `code` is for programs and never changes.
    """

    code: ClassVar[str] = "error"


class InvalidInput(GenieError):
    """A value that a person or a program gave cannot be used."""

    code = "invalid_input"


class InvalidSettings(InvalidInput):
    """A setting has a value that cannot be used; raised at start, naming the setting."""

    code = "invalid_settings"


class AddressRefused(InvalidInput):
    """A message may not be sent to this address."""

    code = "address_refused"


class InvalidWorkflow(InvalidInput):
    """A workflow folder cannot be loaded; the message names the file and the line."""

    code = "invalid_workflow"


class RepositoryUnusable(InvalidInput):
    """The repository, or its base branch, cannot carry an epic (missing, empty, not git, branch gone, …)."""

    code = "repository_unusable"


class NotFound(GenieError, LookupError):
    """There is no such thing under that id."""

    code = "not_found"


class EpicNotFound(NotFound):
    """There is no epic with that id or prefix."""

    code = "epic_not_found"


class RunNotFound(NotFound):
    """There is no run with that id or prefix."""

    code = "run_not_found"


class MomentNotFound(NotFound):
    """The epic has no moment with that number."""

    code = "moment_not_found"


class HistoryPruned(NotFound):
    """What is asked for was there once, and retention has pruned it; the message says when."""

    code = "history_pruned"


class ApprovalNotFound(NotFound):
    """There is no approval with that id or prefix."""

    code = "approval_not_found"


class HookNotFound(NotFound):
    """There is no source of incoming hooks with that name."""

    code = "hook_not_found"


class HookRefused(GenieError):
    """An incoming hook is not signed as its source must sign it, or is too old; why is told to the log only."""

    code = "hook_refused"


class WorkflowNotFound(NotFound):
    """There is no workflow with that name."""

    code = "workflow_not_found"


class WebhookNotFound(NotFound):
    """There is no webhook with that name, or no message with that id."""

    code = "webhook_not_found"


class Conflict(GenieError):
    """The thing is in a state that does not allow this."""

    code = "conflict"


class IllegalTransition(Conflict):
    """The epic graph has no edge between these steps."""

    code = "illegal_transition"

    def __init__(self, here: str, there: str) -> None:
        """Name the edge that does not exist."""
        super().__init__(f"there is no edge from {here} to {there}")
        self.here = here
        self.there = there


class AlreadyDecided(Conflict):
    """Somebody decided this approval first; the attributes say who, what and when."""

    code = "already_decided"

    def __init__(self, approval_id: str, decision: str, decided_by: str, decided_at: str) -> None:
        """Keep who decided what and when."""
        super().__init__(f"approval {approval_id} was already decided: {decision}, by {decided_by}, at {decided_at}")
        self.approval_id = approval_id
        self.decision = decision
        self.decided_by = decided_by
        self.decided_at = decided_at


class AlreadyVoted(Conflict):
    """This person has approved already; it needs others too."""

    code = "already_voted"


class Superseded(Conflict):
    """What this approval asked about has changed; a newer one asks again."""

    code = "superseded"


class IdempotencyKeyReused(Conflict):
    """A client gave a key that it has used for another request already."""

    code = "idempotency_key_reused"

    def __init__(self, key: str, epic_id: str) -> None:
        """Name the epic that the key stands for."""
        super().__init__(f"the idempotency key {key!r} stands for another request, which started epic {epic_id}: take a new key")
        self.key = key
        self.epic_id = epic_id


class EpicHeld(Conflict):
    """Another live worker has the lease of this epic."""

    code = "epic_held"

    def __init__(self, epic_id: str, worker: str, seconds_left: float) -> None:
        """Name the holder and how long its lease still runs."""
        super().__init__(f"epic {epic_id} is held by {worker}, whose lease runs {seconds_left:.0f} s more unless it is renewed")
        self.epic_id = epic_id
        self.worker = worker
        self.seconds_left = seconds_left


class LeaseLost(Conflict):
    """This worker no longer has the lease it writes under; nothing of the write was kept."""

    code = "lease_lost"


class Transient(GenieError):
    """Trying again later can help."""

    code = "unavailable"


class StoreUnavailable(Transient):
    """The database did not answer."""

    code = "store_unavailable"


class ServerUnavailable(Transient):
    """The Genie server that was asked does not answer, or not as one."""

    code = "server_unavailable"


class ServerBusy(Transient):
    """The server that was asked has as much to do as it can."""

    code = "server_busy"


class ModelUnavailable(Transient):
    """The model's provider did not answer in a usable way after the retries."""

    code = "model_unavailable"


class NeedsPerson(GenieError):
    """Only a person can help."""

    code = "needs_person"


class BudgetSpent(NeedsPerson):
    """The next call does not fit a limit, so it was not made; the attributes say whose limit, and how it stands."""

    code = "budget_spent"

    def __init__(self, message: str, *, scope: str = "epic", limit_usd: str = "", spent_usd: str = "") -> None:
        """Keep which limit refused: that of the attempt, the epic or the project."""
        super().__init__(message)
        self.scope = scope
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd


class CommandRefused(NeedsPerson):
    """The policy does not let an agent run this command."""

    code = "command_refused"


class PathRefused(NeedsPerson):
    """The path leads out of the work tree, or into a place an agent may not touch."""

    code = "path_refused"


class EffectUnknown(NeedsPerson):
    """A deed may have been done before a crash, and the world cannot be asked whether it was."""

    code = "effect_unknown"


class AttemptCut(NeedsPerson):
    """An attempt was cut off in the middle of a deed, and its workflow lets only a person say that it goes on."""

    code = "attempt_cut"


class EpicStrange(Conflict):
    """This release cannot carry the epic on: another one wrote its state, or it is at a step that is not known here."""

    code = "epic_strange"


class GitFailed(GenieError):
    """A git command failed; the message has the command and the end of what it said."""

    code = "git_failed"


class BackupFailed(GenieError):
    """A backup could not be made, or the database refused it; the message says what was left as it was."""

    code = "backup_failed"


class SchemaMismatch(GenieError):
    """The database was written by a newer Genie, or must be migrated first."""

    code = "schema_mismatch"


class Environment(GenieError):
    """This machine lacks something that Genie needs; the message says what and how to get it."""

    code = "environment"

    def __init__(self, message: str, *, cause: str = "") -> None:
        """Keep what exactly is lacking, for programs: image_missing, daemon_lost, disk_full, …; empty where the message says it all."""
        super().__init__(message)
        self.cause = cause
