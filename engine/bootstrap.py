"""The composition root: the one place that names the adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from config.approval_settings import load_server_approvals
from config.settings import Settings
from db.breakers import Breaking
from db.connection import POOL_WAIT_S, Pool, open_database
from db.throttling import SharedThrottle
from engine.access.trusted import trusted_by
from engine.assembling import Dispatch, Installation
from engine.engine import Engine
from engine.keyring import StoredKeyring
from engine.master_key import MasterKeys, master_keys_of
from engine.mcp.secrets import known_mcp_secrets
from engine.retention import policy_of
from engine.router import OutputT, Router
from engine.stored_settings import stored_settings
from engine.webhook_secrets import known_webhook_secrets, seal_what_is_clear
from executors.answered import Answered
from executors.port import Executor
from memory.nothing import OFF
from memory.opening import open_store
from safety.secrets import Redactor

if TYPE_CHECKING:
    from executors.provider_keys import ProviderKeys
    from memory.port import Embedder, KnowledgeStore


@runtime_checkable
class Closes(Protocol):
    """An executor that keeps something open between attempts."""

    async def close(self) -> None:
        """Close it."""
        ...


class LazyExecutors(Mapping[str, Executor]):
    """Executors by name, each made when it is first asked for: the libraries of the models take seconds to import."""

    def __init__(self, makers: Mapping[str, Callable[[], Executor]]) -> None:
        """Keep how each is made."""
        self._makers = makers
        self._made: dict[str, Executor] = {}

    def __getitem__(self, name: str) -> Executor:
        """The executor of that name.

        Raises:
            KeyError: if there is none.
        """
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._makers)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._makers)

    async def aclose(self) -> None:
        """Close what those that were made keep open."""
        for executor in self._made.values():
            if isinstance(executor, Closes):
                await executor.close()


@asynccontextmanager
async def open_engine(settings: Settings, *, script: Path | None = None, wait_s: float = POOL_WAIT_S) -> AsyncGenerator[Engine]:
    """Open the database, migrate it if need be, and tie the engine together.

    Args:
        settings: what was read at start.
        script: the script of the `scripted` executor, which only then exists.
        wait_s: how long whoever finds no connection to the database free waits for one.

    Raises:
        StoreUnavailable: if the database does not answer.
        Environment: if the embedded database cannot run on this machine.
        SchemaMismatch: if a newer Genie wrote the database.
        SecretUnreadable: if the journal is to be sealed, and there is no key for that.
    """
    url = settings.database_url.get_secret_value() if settings.database_url is not None else None
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(url, settings.home, wait_s=wait_s))
        masters = master_keys_of(settings)
        settings = await _unsealed(settings, database.pool, masters)
        secrets = settings.secret_values() | {*masters.values(), *await known_webhook_secrets(database.pool)}
        secrets |= set(await known_mcp_secrets(database.pool))
        database.pool.clean_with(Redactor(secrets).json)
        executors = await stack.enter_async_context(aclosing(LazyExecutors(_makers(settings, database.pool, script))))
        yield Engine(
            Installation(
                home=settings.home,
                database=database,
                executors=executors,
                agents_dir=settings.agents_dir,
                knowledge=open_knowledge(settings, database.pool),
                memory_tokens=settings.memory_tokens,
                session_tokens=settings.session_tokens,
                environment=settings.agent_environment(),
                git_environment=settings.git_environment(),
                lease_seconds=settings.lease_seconds,
                mcp_variables=settings.mcp_environment(),
                mcp_allowances=settings.mcp_allowances(),
                secrets=secrets,
                ports=settings.port_range,
                retention=policy_of(settings),
                server_approvals=load_server_approvals(settings.approvals_file),
                dispatch=Dispatch(
                    concurrency=settings.concurrency,
                    most_running=settings.most_running,
                    min_free_mb=settings.min_free_mb,
                    max_takeovers=settings.max_takeovers,
                    drain_seconds=settings.drain_seconds,
                    retries=settings.retries,
                    retry_seconds=settings.retry_seconds,
                    breaking=Breaking(failures=settings.breaker_failures, seconds=settings.breaker_seconds),
                ),
                webhook_allow_private=settings.webhook_allow_private,
                webhook_keep_days=settings.keep_messages_days,
                docker_host=settings.docker_host,
                masters=masters,
                trusted=trusted_by(settings),
                router=None if settings.router_model is None else _LazyRouter(settings, database.pool, settings.router_model),
                search_url=settings.search_url or "",
                search_key=settings.search_key,
            )
        )


async def _unsealed(settings: Settings, pool: Pool, masters: MasterKeys) -> Settings:
    """The settings with what is stored, once the pool has its keys."""
    keyring = StoredKeyring(pool, masters, seals_journal=settings.seal_journal)
    pool.sealer = keyring
    if settings.seal_journal:
        # Now, and not at the first step of an epic.
        await keyring.ready()
    await seal_what_is_clear(pool)
    return await stored_settings(settings, pool)


def _makers(settings: Settings, pool: Pool, script: Path | None) -> dict[str, Callable[[], Executor]]:
    makers: dict[str, Callable[[], Executor]] = {
        "in_process": lambda: _in_process(settings, pool),
        "claude_local": lambda: _claude_local(settings, pool),
        "claude_docker": lambda: _claude_docker(settings, pool),
    }
    if script is not None:
        makers["scripted"] = lambda: _scripted(script)
    return makers


def _in_process(settings: Settings, pool: Pool) -> Executor:
    from executors.in_process import InProcessExecutor  # noqa: PLC0415  # seconds to import
    from executors.providers import Providers  # noqa: PLC0415

    return InProcessExecutor(Providers(_keys(settings)), throttle=_throttle(settings, pool))


def _claude_local(settings: Settings, pool: Pool) -> Executor:
    from executors.claude_local import claude_local  # noqa: PLC0415  # as above

    return claude_local(_keys(settings), cli=settings.claude_cli, throttle=_throttle(settings, pool))


def _claude_docker(settings: Settings, pool: Pool) -> Executor:
    from executors.claude_docker import claude_docker  # noqa: PLC0415  # as above
    from executors.containers.confinement import Confines  # noqa: PLC0415
    from executors.containers.launcher import DockerLauncher  # noqa: PLC0415

    launcher = DockerLauncher(
        home=settings.home,
        git_environment=settings.git_environment(),
        docker_host=settings.docker_host,
        image=settings.agent_image,
        confines=Confines(memory_mb=settings.agent_memory_mb, cpus=settings.agent_cpus, pids=settings.agent_pids),
    )
    return claude_docker(_keys(settings), launcher, throttle=_throttle(settings, pool))


def _throttle(settings: Settings, pool: Pool) -> SharedThrottle:
    from executors.throttle import fingerprints  # noqa: PLC0415

    return SharedThrottle(pool, fingerprints(_keys(settings)), settings.provider_calls_per_minute)


def _keys(settings: Settings) -> ProviderKeys:
    from executors.provider_keys import ProviderKey, ProviderKeys  # noqa: PLC0415

    return ProviderKeys(
        providers={
            "anthropic": ProviderKey(key=settings.anthropic_api_key, base_url=settings.anthropic_base_url),
            "openai": ProviderKey(key=settings.openai_api_key, base_url=settings.openai_base_url),
        }
    )


class _LazyRouter:
    """Asks the model that splits requests; the libraries of models take seconds to import."""

    def __init__(self, settings: Settings, pool: Pool, model: str) -> None:
        self._settings, self._pool, self._model = settings, pool, model

    async def ask(self, instructions: str, text: str, output: type[OutputT], *, most_usd: Decimal | None) -> Answered[OutputT]:
        """Ask."""
        made = await asyncio.to_thread(self._made)
        return await made.ask(instructions, text, output, most_usd=most_usd)

    def _made(self) -> Router:
        from executors.one_answer import OneAnswer  # noqa: PLC0415  # as above
        from executors.providers import Providers  # noqa: PLC0415

        return OneAnswer(Providers(_keys(self._settings)), self._model, throttle=_throttle(self._settings, self._pool))


def _graph_url(settings: Settings) -> str | None:
    return None if settings.graphiti_url is None else settings.graphiti_url.get_secret_value()


def open_knowledge(settings: Settings, pool: Pool) -> KnowledgeStore:
    """The store of knowledge that the settings name; nothing is connected to before it is first asked.

    Raises:
        InvalidSettings: if what it needs is not set, or not installed.
    """
    return open_store(settings.memory, pool, _embedder(settings), graph_url=_graph_url(settings))


def _embedder(settings: Settings) -> Embedder | None:
    if settings.embedding_model is None or settings.memory == OFF:
        return None
    from memory.embedding import OpenAIEmbedder  # noqa: PLC0415  # brings the HTTP client, which few installations need here

    key = settings.openai_api_key
    return OpenAIEmbedder(
        settings.embedding_model.partition(":")[2],
        dimensions=settings.embedding_dimensions,
        key=None if key is None else key.get_secret_value(),
        base_url=settings.openai_base_url,
    )


def _scripted(script: Path) -> Executor:
    from executors.scripted import ScriptedExecutor  # noqa: PLC0415  # seconds to import
    from executors.scripts import load_script  # noqa: PLC0415

    return ScriptedExecutor(load_script(script))
