"""Runs a workflow with the Claude Code CLI, wherever its launcher seats it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from pydantic import BaseModel

from epics.errors import Environment, InvalidInput
from executors.claude.arguments import PROVIDER, arguments_of, model_name
from executors.claude.attending import GRACE_S, stay
from executors.claude.beginnings import Beginning, answers_of, beginning_of
from executors.claude.belongings import PROMPT, Belongings, write_mcp_config
from executors.claude.environment import environment_of
from executors.claude.judging import Failure, environment_failure, outcome_of, recorded_output
from executors.claude.port import AgentProcess, Launch, Launcher, Seat
from executors.claude.servers import Handed, handed_over
from executors.claude.steering import say_prompt
from executors.claude.transcripts import write_transcript
from executors.gateway.own_tools import OwnTools
from executors.gateway.serving import serve
from executors.gateway.session import GatewaySession
from executors.gateway.upstream import Upstream
from executors.port import Journal, Order, Outcome, Owner, Turn
from executors.provider_keys import ProviderKeys
from executors.terms import Terms
from executors.throttle import Throttle, Unthrottled
from tools.builtin import builtin_tools
from tools.registry import ToolRegistry


class ClaudeExecutor:
    """Runs workflows with the Claude Code CLI."""

    def __init__(
        self,
        name: str,
        launcher: Launcher,
        *,
        keys: ProviderKeys,
        terms: Terms | None = None,
        throttle: Throttle | None = None,
        tools: ToolRegistry | None = None,
    ) -> None:
        """Bind to what is the same for all runs.

        Args:
            name: how settings and records call it.
            launcher: where CLIs are started.
            keys: of the providers; only the gateway has them.
            terms: what calls are made under.
            throttle: where all workers take turns; none, if not given.
            tools: those of Genie's own that workflows may list; those that come with it, if not given.
        """
        self._name = name
        self._launcher = launcher
        self._keys = keys
        self._terms = terms or Terms()
        self._throttle = throttle or Unthrottled()
        self._upstream = Upstream(keys)
        self._tools = tools or builtin_tools()

    @property
    def name(self) -> str:
        """How settings and records call it."""
        return self._name

    def check_models(self, models: tuple[str, ...]) -> None:
        """Refuse models that the CLI cannot use, and a machine that has no CLI.

        Raises:
            InvalidInput: naming what is wrong and what would do.
        """
        if not models:
            raise InvalidInput(f"no model is named: set GENIE_MODEL, or give --model, such as {PROVIDER}claude-sonnet-5-5")
        for model in models:
            if not model.startswith(PROVIDER) or not model_name(model).strip():
                raise InvalidInput(
                    f"the executor {self._name} cannot use the model {model!r}: name one of Anthropic's, as {PROVIDER}<model>"
                )
        if self._keys.of("anthropic").key is None:
            raise InvalidInput(f"the model {models[0]!r} needs a key: set ANTHROPIC_API_KEY, or choose another executor")
        try:
            self._launcher.check()
        except Environment as exc:
            raise InvalidInput(f"the executor {self._name} cannot run here: {exc}") from exc

    def check_host(self) -> None:
        """See that the CLI could be started on this host.

        Raises:
            Environment: saying what is missing, and how to get it.
        """
        self._launcher.check()

    def reaches_server(self, entry: Mapping[str, Any]) -> bool:
        """Every server: the CLI starts what it is handed on this host, and what it is handed was looked at first."""
        del entry
        return True

    async def lives(self, epic: str, attempt: int, owner: Owner) -> bool:
        """Say whether the attempt's CLI still works on this host."""
        return await self._launcher.lives(epic, attempt, owner)

    async def close(self) -> None:
        """Close the connection to the provider."""
        await self._upstream.close()

    async def run(self, order: Order, journal: Journal) -> Outcome:
        """Run the agent to its end, or on from the last journaled turn.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the journal could not be written.
        """
        recorded = await journal.turns()
        belongings = Belongings(order.folder)
        session = GatewaySession(
            order,
            journal,
            token=belongings.token,
            recorded=recorded,
            upstream=self._upstream,
            terms=self._terms,
            throttle=self._throttle,
        )
        output = recorded_output(recorded, order.workflow.output)
        if output is not None:
            await self._put_away(order, journal)
        end = output or await self._attend(order, journal, session, belongings, recorded)
        if session.failed is not None:
            raise session.failed
        return outcome_of(session.ledger, end)

    async def _attend(
        self, order: Order, journal: Journal, session: GatewaySession, belongings: Belongings, recorded: tuple[Turn, ...]
    ) -> BaseModel | Failure:
        """Seat the CLI and stay with it until it has ended or its time is over."""
        seconds = order.workflow.limits.seconds
        # It runs from when the CLI is at work: until there is memory for a container it may have to wait as long as others take.
        clock = asyncio.timeout(None)
        own = OwnTools(order, self._tools)
        try:
            async with (
                clock,
                self._launcher.seat(order, journal) as seat,
                serve(session, socket=seat.socket, tools=own) as address,
                self._at_work(seat, order, session, belongings, recorded, address, partial(handed_over, order, journal, own)) as process,
            ):
                clock.reschedule(asyncio.get_running_loop().time() + seconds)
                return await stay(process, order, journal, session, belongings, answers_of(recorded))
        except TimeoutError:
            if not clock.expired():
                raise
            return Failure(ended_by="timeout", said=f"the attempt took longer than its {seconds:g} s")
        except Environment as exc:
            return environment_failure(exc)

    async def _put_away(self, order: Order, journal: Journal) -> None:
        """End the CLI of an attempt whose result is recorded: it may outlive the worker that recorded it, and wait for the next word."""
        with contextlib.suppress(Environment):  # where none can be seated, a worker's sweep finds it
            async with self._launcher.seat(order, journal):
                pass

    @asynccontextmanager
    async def _at_work(
        self,
        seat: Seat,
        order: Order,
        session: GatewaySession,
        belongings: Belongings,
        recorded: tuple[Turn, ...],
        address: str,
        hand: Callable[[str, str], Awaitable[Handed]],
    ) -> AsyncGenerator[AgentProcess]:
        """The CLI that is still at work, or a new one that is told what to do; it is ended at the end."""
        process = await seat.alive()
        if process is not None and PROMPT not in belongings.told():
            # Its worker died before it told it anything: it would wait for ever.
            await process.kill()
            process = None
        if process is None:
            belongings.keep_token()
            beginning = beginning_of(order, recorded)
            url = seat.base_url(address)
            handed = await hand(url, session.token)
            arguments = _arguments(seat, order, beginning, len(recorded), handed)
            environment = environment_of(order, base_url=url, token=session.token, config=seat.config_seen)
            launch = Launch(
                arguments=arguments, environment={**environment, **handed.environment}, seconds=order.workflow.limits.seconds + GRACE_S
            )
            process = await seat.start(launch)
            session.begin()
            await say_prompt(process, belongings, beginning.prompt)
        try:
            yield process
        finally:
            await process.kill()


def _arguments(seat: Seat, order: Order, beginning: Beginning, known: int, handed: Handed) -> tuple[str, ...]:
    """The arguments of the CLI, with the files that they name written into its folder."""
    session = str(uuid.uuid4())
    transcript = None
    if beginning.messages:
        model = model_name(order.models[0])
        transcript = write_transcript(beginning.messages, config=seat.config, cwd=seat.cwd, session=session, model=model)
    mcp = write_mcp_config(seat.config, handed.entries)
    return arguments_of(
        order,
        turns_left=max(order.workflow.limits.turns - known, 0),
        mcp_config=f"{seat.config_seen}/{mcp}" if mcp else None,
        session=session,
        own=handed.tools,
        transcript=f"{seat.config_seen}/{transcript}" if transcript else None,
    )
