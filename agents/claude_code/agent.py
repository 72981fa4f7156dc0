"""The agent `claude_code`: Claude Code at work on a repository, in a conversation that goes on from run to run."""

from __future__ import annotations

from types import MappingProxyType

from agents.agent import Agent, AgentRun
from agents.workflow import Limits


class ClaudeCode(Agent):
    """Lets the Claude Code CLI do what is asked, on a branch of the run's own."""

    description = "Lets Claude Code work on a repository; what it changes comes on a branch."
    # Not what workflows say of themselves: where two say the same, people are asked which is meant.
    skills = ("claude", "debug", "investigate the code", "explore the repository", "try out")
    prompt = """\
You work on a repository for one person, in a conversation: each message asks for the next piece of work or for an explanation.
Do what is asked and no more. Say at the end what you did, what you ran to see that it works, and what is open.
{{instructions}}"""
    variables = MappingProxyType({"instructions": ""})
    tools = ("read_file", "write_file", "edit_file", "list_files", "search", "run_command")
    limits = Limits(turns=150, seconds=3_600)
    executors = ("claude_local", "claude_docker")
    needs_repository = True

    async def run(self, run: AgentRun) -> str:
        """Do what the message asks for."""
        return await run.ask()
