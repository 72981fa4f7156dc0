"""Errors of what the nodes stand on: agents, sessions, prompts, memory, tools, MCP servers."""

from __future__ import annotations

from epics.errors import Conflict, GenieError, InvalidInput, NotFound, Transient


class InvalidAgent(InvalidInput):
    """An agent's folder or entry point is broken; the message has the file and the line."""


class AgentUnavailable(Transient):
    """An agent is left out for a while because it kept failing, or nothing here can run it."""

    code = "agent_unavailable"


class AskFailed(GenieError):
    """A model did not answer what an agent asked; `ended_by` says why: turns, budget, timeout or error."""

    code = "ask_failed"

    def __init__(self, message: str, *, ended_by: str, error_kind: str | None = None) -> None:
        super().__init__(message)
        self.ended_by = ended_by
        self.error_kind = error_kind


class SessionNotFound(NotFound):
    """There is no such session."""

    code = "session_not_found"


class SessionBusy(Conflict):
    """A session has a run that has not ended."""

    code = "session_busy"


class PromptNotFound(NotFound):
    """There is no such prompt."""

    code = "prompt_not_found"


class MemoryNotFound(NotFound):
    """There is no memory of that name."""

    code = "memory_not_found"


class MissingVariable(InvalidInput):
    """A prompt needs a variable that no memory gives, and that has no default."""

    code = "missing_variable"


class FactNotFound(NotFound):
    """There is no such fact."""

    code = "fact_not_found"


class KnowledgeUnavailable(Transient):
    """Knowledge cannot be read or written now; nothing else fails of that."""

    code = "knowledge_unavailable"


class QueueFull(Transient):
    """So many episodes wait to be stored that no more are taken now."""

    code = "queue_full"


class InvalidTool(InvalidInput):
    """A tool's declaration is wrong; the message has the file and the line."""


class McpServerBroken(Transient):
    """An MCP server does not come up, does not answer in its time, or answers what is no MCP."""


class McpToolChanged(Conflict):
    """An MCP server's tools are not those that were pinned."""


class AskNotFound(NotFound):
    """There is no such request."""

    code = "ask_not_found"
