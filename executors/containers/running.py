"""The containers that are there: listed, read and ended by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from executors.containers.daemon import Daemon
from executors.containers.labels import OURS, Labels


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of Genie's, as the daemon lists it."""

    id: str
    name: str
    labels: Labels
    status: str
    said: str
    """The status as docker says it to people, such as `Up 3 minutes`."""
    image: str
    created_at: datetime


async def containers(daemon: Daemon, *, database: str | None = None) -> tuple[Container, ...]:
    """Genie's containers, those that ended too; only those of one database if it is given.

    Raises:
        DaemonLost: if the daemon does not answer.
    """
    labels = [OURS] if database is None else [OURS, f"genie.database={database}"]
    listed = await daemon.ask(lambda client: client.containers(all=True, filters={"label": labels}))
    return tuple(found for each in listed if (found := _container(each)) is not None)


async def promised_memory(daemon: Daemon) -> tuple[int, ...]:
    """What each of Genie's containers that run on this host may take, in MiB, whatever its database."""
    return tuple(each.labels.memory_mb for each in await containers(daemon) if each.status in {"running", "paused", "created"})


def _container(listed: Mapping[str, Any]) -> Container | None:
    labels = Labels.of(listed.get("Labels") or {})
    if labels is None:
        # The label of ours without the others: somebody else made it.
        return None
    return Container(
        id=str(listed["Id"]),
        name=str(listed["Names"][0]).removeprefix("/") if listed.get("Names") else str(listed["Id"])[:12],
        labels=labels,
        status=str(listed["State"]),
        said=str(listed["Status"]),
        image=str(listed["Image"]),
        created_at=datetime.fromtimestamp(listed["Created"], UTC),
    )
