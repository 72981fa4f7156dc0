"""The role table: for each operation of the HTTP API and each verb of the command line, the deed that it is, and on whose repository.

What has no row here is not served, and no command: nothing can be added and left open by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from epics.roles import Deed


class Of(StrEnum):
    """What a request names, from which the repository follows that the role must be held on."""

    EPIC = "epic"
    RUN = "run"
    APPROVAL = "approval"
    ASK = "ask"
    """A request; of one about no repository, only its person's own is there."""
    SESSION = "session"
    """A conversation: of one about no repository, only its person's own is there."""
    REPO = "repo"
    """A repository by its own name, if one is named at all."""
    NOTHING = "nothing"
    """No repository: reading shows what the caller may read of each; the role must be held on some, to administer on all."""


@dataclass(frozen=True)
class Needed:
    """What a request must be allowed: a deed on the repository of what it names."""

    deed: Deed
    of: Of = Of.NOTHING


class Free(StrEnum):
    """What needs no role."""

    KNOWN = "known"
    """Whoever is known at all may ask for it."""
    ANYBODY = "anybody"
    """It is asked without a key: it tells nothing that is kept from anybody, or its messages are signed."""
    OWN_MACHINE = "own machine"
    """A command that works on this machine's own files and processes, which whoever runs it can reach anyway."""


Row = Needed | Free

_READ: Final = Needed(Deed.READ)
_READ_EPIC: Final = Needed(Deed.READ, Of.EPIC)
_READ_RUN: Final = Needed(Deed.READ, Of.RUN)
_READ_APPROVAL: Final = Needed(Deed.READ, Of.APPROVAL)
_STEER: Final = Needed(Deed.STEER, Of.EPIC)
_TRAVEL: Final = Needed(Deed.TRAVEL, Of.EPIC)
_DECIDE: Final = Needed(Deed.DECIDE, Of.APPROVAL)
_START: Final = Needed(Deed.START, Of.REPO)
_RUN: Final = Needed(Deed.RUN, Of.REPO)
_READ_REPO: Final = Needed(Deed.READ, Of.REPO)
_ADMINISTER_REPO: Final = Needed(Deed.ADMINISTER, Of.REPO)
_READ_SESSION: Final = Needed(Deed.READ, Of.SESSION)
_TALK: Final = Needed(Deed.RUN, Of.SESSION)
_READ_ASK: Final = Needed(Deed.READ, Of.ASK)
_ADMINISTER: Final = Needed(Deed.ADMINISTER)

OPERATIONS: Final[Mapping[str, Row]] = {
    "GET /health": Free.ANYBODY,
    "GET /ready": Free.ANYBODY,
    "GET /metrics": Free.ANYBODY,
    "POST /hooks/{source}": Free.ANYBODY,
    "POST /slack/events": Free.ANYBODY,
    # Each of its tools is an operation of this table, and needs what that needs.
    "POST /mcp": Free.KNOWN,
    "GET /api/v1/whoami": Free.KNOWN,
    "GET /api/v1/epics": _READ,
    "POST /api/v1/epics": _START,
    "GET /api/v1/epics/{id}": _READ_EPIC,
    "GET /api/v1/epics/{id}/attempts": _READ_EPIC,
    "GET /api/v1/epics/{id}/attempts/{n}/log": _READ_EPIC,
    "GET /api/v1/epics/{id}/attempts/{n}/setup": _READ_EPIC,
    "GET /api/v1/epics/{id}/compare": _READ_EPIC,
    "GET /api/v1/epics/{id}/costs": _READ_EPIC,
    "GET /api/v1/epics/{id}/diff": _READ_EPIC,
    "GET /api/v1/epics/{id}/events": _READ_EPIC,
    "GET /api/v1/epics/{id}/moments": _READ_EPIC,
    "GET /api/v1/epics/{id}/moments/{n}": _READ_EPIC,
    "GET /api/v1/epics/{id}/race": _READ_EPIC,
    "GET /api/v1/epics/{id}/sayings": _READ_EPIC,
    "POST /api/v1/epics/{id}/resume": _STEER,
    "POST /api/v1/epics/{id}/cancel": _STEER,
    "POST /api/v1/epics/{id}/say": _STEER,
    "POST /api/v1/epics/{id}/rollback": _TRAVEL,
    "POST /api/v1/epics/{id}/undo": _TRAVEL,
    "POST /api/v1/epics/{id}/fork": _TRAVEL,
    "POST /api/v1/epics/{id}/pick": _TRAVEL,
    "PUT /api/v1/epics/{id}/moments/{n}/name": _TRAVEL,
    "DELETE /api/v1/epics/{id}/moments/{n}/name": _TRAVEL,
    "GET /api/v1/approvals": _READ,
    "GET /api/v1/approvals/{id}": _READ_APPROVAL,
    "GET /api/v1/approvals/{id}/content": _READ_APPROVAL,
    "POST /api/v1/approvals/{id}/decision": _DECIDE,
    "GET /api/v1/agents": Needed(Deed.READ, Of.REPO),
    "GET /api/v1/agents/{name}": Needed(Deed.READ, Of.REPO),
    "POST /api/v1/agents/{name}/run": _RUN,
    "POST /api/v1/agents/{name}/run/async": _RUN,
    "GET /api/v1/tools": Free.KNOWN,
    "GET /api/v1/tools/{name}": Free.KNOWN,
    "POST /api/v1/agents/{name}/reset": _ADMINISTER,
    "POST /api/v1/ask": _RUN,
    "GET /api/v1/asks": _READ,
    "GET /api/v1/asks/{id}": _READ_ASK,
    "POST /api/v1/asks/{id}/choice": Needed(Deed.RUN, Of.ASK),
    "POST /api/v1/asks/{id}/cancel": Needed(Deed.RUN, Of.ASK),
    "GET /api/v1/runs": _READ,
    "GET /api/v1/runs/{id}": _READ_RUN,
    "GET /api/v1/runs/{id}/events": _READ_RUN,
    "GET /api/v1/runs/{id}/log": _READ_RUN,
    "POST /api/v1/runs/{id}/cancel": Needed(Deed.RUN, Of.RUN),
    "GET /api/v1/sessions": _READ,
    "POST /api/v1/sessions": _RUN,
    "GET /api/v1/sessions/{id}": _READ_SESSION,
    "DELETE /api/v1/sessions/{id}": _TALK,
    "PUT /api/v1/sessions/{id}/name": _TALK,
    "POST /api/v1/sessions/{id}/close": _TALK,
    "POST /api/v1/sessions/{id}/reopen": _TALK,
    "GET /api/v1/sessions/{id}/messages": _READ_SESSION,
    "POST /api/v1/sessions/{id}/messages": _TALK,
    "GET /api/v1/memories": _READ,
    # Whose it is decides which role it takes (engine/memories_for_faces.py).
    "PUT /api/v1/memories": Free.KNOWN,
    "DELETE /api/v1/memories": Free.KNOWN,
    "GET /api/v1/prompts": _READ,
    "POST /api/v1/prompts": _ADMINISTER,
    "GET /api/v1/prompts/{name}/{key}/{n}": _READ,
    "POST /api/v1/prompts/{name}/{key}/{n}/activate": _ADMINISTER,
    "GET /api/v1/knowledge/search": _READ_REPO,
    "GET /api/v1/knowledge/facts": _READ_REPO,
    "DELETE /api/v1/knowledge/facts": _ADMINISTER_REPO,
    "GET /api/v1/knowledge/facts/{id}": _READ_REPO,
    "DELETE /api/v1/knowledge/facts/{id}": _ADMINISTER_REPO,
    "GET /api/v1/knowledge/entities": _READ_REPO,
    "GET /api/v1/knowledge/stats": _READ_REPO,
    "GET /api/v1/knowledge/queue": _READ_REPO,
    "POST /api/v1/knowledge/queue/retry": _ADMINISTER_REPO,
    "POST /api/v1/knowledge/episodes": _START,
    "POST /api/v1/knowledge/rebuild": _ADMINISTER_REPO,
    "GET /api/v1/workers": _READ,
    "GET /api/v1/audit": _ADMINISTER,
    "GET /api/v1/keys": _ADMINISTER,
    "POST /api/v1/keys": _ADMINISTER,
    "GET /api/v1/keys/{id}": _ADMINISTER,
    "POST /api/v1/keys/{id}/rotate": _ADMINISTER,
    "POST /api/v1/keys/{id}/revoke": _ADMINISTER,
}
"""Each operation as the OpenAPI document names it."""

VERBS: Final[Mapping[str, Row]] = {
    # It makes a repository and an epic of its own, decides at its gates, and takes nothing that was there.
    "demo": Needed(Deed.DECIDE),
    "epic start": _START,
    "epic list": _READ,
    "epic show": _READ_EPIC,
    "epic watch": _READ_EPIC,
    "epic logs": _READ_EPIC,
    "epic diff": _READ_EPIC,
    "epic resume": _STEER,
    "epic cancel": _STEER,
    "epic say": _STEER,
    "approval list": _READ,
    "approval show": _READ_APPROVAL,
    "approval approve": _DECIDE,
    "approval changes": _DECIDE,
    "approval reject": _DECIDE,
    "approval retry": _DECIDE,
    "approval rollback": _DECIDE,
    "approval abandon": _DECIDE,
    "approval raise": _DECIDE,
    "time history": _READ_EPIC,
    "time show": _READ_EPIC,
    "time diff": _READ_EPIC,
    "time compare": _READ_EPIC,
    "time race": _READ_EPIC,
    "time export": _READ_EPIC,
    "time mark": _TRAVEL,
    "time rollback": _TRAVEL,
    "time undo": _TRAVEL,
    "time fork": _TRAVEL,
    "time pick": _TRAVEL,
    "time import": _ADMINISTER,
    "time gc": _ADMINISTER,
    # With --from it starts a fork, which asks for that by itself.
    "replay": _READ_EPIC,
    "agent list": Needed(Deed.READ, Of.REPO),
    "agent show": Needed(Deed.READ, Of.REPO),
    "agent check": Free.OWN_MACHINE,
    "tool list": Free.OWN_MACHINE,
    "tool show": Free.OWN_MACHINE,
    "agent create": Free.OWN_MACHINE,
    "agent run": _RUN,
    "agent reset": _ADMINISTER,
    "ask": _RUN,
    "asks list": _READ,
    "asks show": _READ_ASK,
    "asks watch": _READ_ASK,
    "asks resume": Needed(Deed.RUN, Of.ASK),
    "asks choose": Needed(Deed.RUN, Of.ASK),
    "asks cancel": Needed(Deed.RUN, Of.ASK),
    "run list": _READ,
    "run show": _READ_RUN,
    "run watch": _READ_RUN,
    "run logs": _READ_RUN,
    "run resume": Needed(Deed.RUN, Of.RUN),
    "run cancel": Needed(Deed.RUN, Of.RUN),
    "agent chat": _RUN,
    "session list": _READ,
    "session show": _READ_SESSION,
    "session messages": _READ_SESSION,
    "session create": _RUN,
    "session close": _TALK,
    "session reopen": _TALK,
    "session remove": _TALK,
    "prompt list": _READ,
    "prompt show": _READ,
    "prompt diff": _READ,
    "prompt add": _ADMINISTER,
    "prompt activate": _ADMINISTER,
    # As over HTTP.
    "memory set": Free.KNOWN,
    "memory unset": Free.KNOWN,
    "memory search": _READ_REPO,
    "memory list": _READ_REPO,
    "memory show": _READ_REPO,
    "memory entities": _READ_REPO,
    "memory stats": _READ_REPO,
    "memory queue": _READ_REPO,
    "memory add": _START,
    "memory forget": _ADMINISTER_REPO,
    "memory rebuild": _ADMINISTER_REPO,
    "memory get": _READ,
    "memory variables": _READ,
    # It does in Genie's name what others asked for, and `genie serve` starts it too.
    "worker": Free.OWN_MACHINE,
    "worker list": _READ,
    "worker check": Free.OWN_MACHINE,
    "serve": Free.OWN_MACHINE,
    "container list": Free.OWN_MACHINE,
    "container logs": Free.OWN_MACHINE,
    "container stop": Free.OWN_MACHINE,
    "container sweep": Free.OWN_MACHINE,
    "container image": Free.OWN_MACHINE,
    "mcp catalog": Free.OWN_MACHINE,
    "mcp add": Free.OWN_MACHINE,
    "mcp list": Free.OWN_MACHINE,
    # They start programs with stored secrets.
    "mcp check": _ADMINISTER,
    "mcp pins": _ADMINISTER,
    "mcp pin": _ADMINISTER,
    "mcp unpin": _ADMINISTER,
    "mcp serve": Free.KNOWN,
    "slack manifest": Free.OWN_MACHINE,
    "slack map": _ADMINISTER,
    "slack unmap": _ADMINISTER,
    "slack channels": _ADMINISTER,
    "slack status": _ADMINISTER,
    "slack test": _ADMINISTER,
    "audit list": _ADMINISTER,
    "audit verify": _ADMINISTER,
    "audit export": _ADMINISTER,
    # Who administers some repositories makes keys for those: what is given is held against what the caller has (engine/access/keys.py).
    "key create": Free.KNOWN,
    "key list": _ADMINISTER,
    "key rotate": Free.KNOWN,
    "key revoke": Free.KNOWN,
    "key token": Free.KNOWN,
    "person add": _ADMINISTER,
    "person list": _ADMINISTER,
    "person show": _ADMINISTER,
    "person set": _ADMINISTER,
    "person link": _ADMINISTER,
    "person unlink": _ADMINISTER,
    "person remove": _ADMINISTER,
    "secret set": _ADMINISTER,
    "secret list": _ADMINISTER,
    "secret remove": _ADMINISTER,
    "secret rotate": _ADMINISTER,
    "secret scan": _ADMINISTER,
    "secret key": Free.OWN_MACHINE,
    "webhook add": _ADMINISTER,
    "webhook list": _ADMINISTER,
    "webhook test": _ADMINISTER,
    "webhook remove": _ADMINISTER,
    "webhook deliveries": _ADMINISTER,
    "webhook resend": _ADMINISTER,
    "db migrate": Free.OWN_MACHINE,
    "db status": Free.OWN_MACHINE,
    "db backup": Free.OWN_MACHINE,
    "db restore": Free.OWN_MACHINE,
    "db prune": _ADMINISTER,
    "doctor": Free.OWN_MACHINE,
}
"""Each verb as it is typed behind `genie`."""
