"""The gateway of one attempt: every call of its CLI passes through here, is paid for beforehand and recorded before anything comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from executors.gateway.refusals import Refusal, RefusalKind
from executors.gateway.upstream import Upstream
from executors.ledger import Ledger
from executors.port import Journal, Order, Said, Turn
from executors.terms import Terms
from executors.throttle import Throttle


class GatewaySession:
    """Speaks the Messages API to the CLI of one attempt, and keeps its journal.

    `serve` (serving.py) gives it an address. `ledger` has what the attempt has done, recorded turns included.
    """

    def __init__(
        self,
        order: Order,
        journal: Journal,
        *,
        token: str,
        recorded: Sequence[Turn],
        upstream: Upstream,
        terms: Terms,
        throttle: Throttle,
        seconds: float | None = None,
    ) -> None:
        """Bind to an attempt.

        Args:
            order: what the attempt is asked to do; its models, aliases and limits hold.
            journal: where turns are recorded.
            token: what the CLI must show; the same for every worker of the attempt.
            recorded: the attempt's turns so far (`journal.turns()`).
            upstream: the connection to the provider, one per executor.
            terms: what calls are made under.
            throttle: where all workers take turns.
            seconds: after which every call is refused; the workflow's limit, if not given.
        """
        self.token = token
        self.ledger = Ledger()
        self.refusal: Refusal | None = None
        """Why no further call is let through; None while calls are."""
        self.failed: Exception | None = None
        """What the journal raised (LeaseLost, StoreUnavailable), for the executor to raise; `refused` is set then too."""
        self.refused = asyncio.Event()
        raise NotImplementedError

    def sent(self, said: Said, text: str) -> None:
        """Note that a person's words were given to the CLI, as `text`; the turn whose request first has them in it records that."""
        raise NotImplementedError

    async def finish(self, messages: Sequence[Mapping[str, Any]] = (), *, changed: bool | None = None) -> None:
        """Record the results of the last turn, where it has none yet, when the CLI has ended.

        Args:
            messages: the messages after the last answer, as the CLI's events have them (`{"role": "user", "content": …}`).
            changed: whether files may have changed; None judges by the tools that the last answer called.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the journal could not be written.
        """
        raise NotImplementedError

    def stop(self, kind: RefusalKind, said: str) -> None:
        """Refuse every further call."""
        raise NotImplementedError
