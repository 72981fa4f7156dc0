"""How an attempt is set up: recorded as it opens, compared with the one before it, and by itself never with more tools than that one."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from agents.workflow import Workflow
from epics.steps import Step

Configuration = Mapping[str, Any]
"""A configuration as JSON; what it does not say was not offered."""

_MCP: Final = "mcp__"


def offered(workflow: Workflow, before: Mapping[str, Any]) -> Workflow:
    """The workflow as the attempt to come gets it: narrowed by the attempt before and by the analysis, until a person decides anew.

    Args:
        workflow: as it is on the base branch today.
        before: what `db.analyses.attempt_before` says; empty for nothing.
    """
    if before.get("person"):
        return workflow
    return narrowed(workflow, before.get("configuration"), without=before.get("without_tools") or ())


def narrowed(workflow: Workflow, before: Configuration | None, *, without: Collection[str] = ()) -> Workflow:
    """The workflow with no tool, MCP server or host that an earlier attempt had not, and without those that an analysis takes away.

    A server whose settings changed is another server. An analysis that would leave no tool at all is not followed: it is there to help.

    Args:
        workflow: as it is on the base branch today.
        before: how the earlier attempt was set up; None where there is none, or a person decided since then.
        without: names that the analysis gave; those that the workflow has not mean nothing.
    """
    tools, servers, network = workflow.tools, dict(workflow.mcp_servers), workflow.network
    if before is not None:
        hosts = tuple(host for host in network.hosts if host in before.get("hosts", ()))
        network = replace(network, hosts=hosts, mode=network.mode if hosts else "none")
        tools = tuple(name for name in tools if name in before.get("tools", ()))
        servers = {name: given for name, given in servers.items() if before.get("mcp_servers", {}).get(name) == fingerprint(given)}
    left = tuple(name for name in tools if name not in without)
    if left:
        tools = left
        servers = {name: given for name, given in servers.items() if f"{_MCP}{name}" not in without}
    # A server none of whose tools is listed offers them all; one that lost its listed ones must not.
    lost = [name for name in servers if _lists(workflow.tools, name) and not _lists(tools, name)]
    servers = {name: given for name, given in servers.items() if name not in lost}
    return replace(workflow, tools=tools, mcp_servers=servers, network=network)


def configuration_of(values: Mapping[str, Any], whole: Workflow, offered: Workflow, variables: Mapping[str, Any]) -> dict[str, Any]:
    """How an attempt is set up, as JSON.

    Args:
        values: the columns of its row.
        whole: its workflow as it is on the base branch.
        offered: the same with the tools that the attempt is offered.
        variables: what its brief was made from.
    """
    # The time machine is not told of a failure to do better: it is asked about it.
    failure = variables["failure"] if values["step"] != Step.TIME_MACHINE else None
    held_back = [name for name in whole.tools if name not in offered.tools]
    held_back += [f"{_MCP}{name}" for name in whole.mcp_servers if name not in offered.mcp_servers]
    held_back += [f"host {name}" for name in whole.network.hosts if name not in offered.network.hosts]
    limit = values["limit_usd"]
    return {
        "executor": values["executor"],
        "models": [name for name in values["model"].split(",") if name],
        "turns": offered.limits.turns,
        "seconds": offered.limits.seconds,
        "usd": None if limit is None else format(limit, "f"),
        "tools": list(offered.tools),
        "mcp_servers": {name: fingerprint(given) for name, given in offered.mcp_servers.items()},
        "hosts": list(offered.network.hosts),
        "aliases": dict(offered.aliases),
        "held_back": held_back,
        "allowed_paths": list(variables["allowed_paths"]),
        "forbidden_paths": list(dict.fromkeys(variables["forbidden_paths"])),
        "workflow_hash": values["workflow_hash"],
        "brief_hash": sha256(values["brief"].encode()).hexdigest(),
        "start_commit": values["base_commit"],
        "continues": values["continues"],
        "answers": {"point": failure.point, "type": failure.type, "by": failure.by} if failure else None,
        "guidance": len(variables["guidance"]),
        "comments": len(variables["comments"]),
        "lessons": len(variables["lessons"]),
    }


def changes(before: Configuration | None, after: Configuration) -> list[dict[str, Any]] | None:
    """What differs, field by field, as {field, before, after}; None where there is nothing to compare with."""
    if before is None:
        return None
    return [{"field": field, "before": before.get(field), "after": value} for field, value in after.items() if before.get(field) != value]


def fingerprint(settings: Any) -> str:  # JSON of .mcp.json
    """A short hash of the settings of an MCP server, which may hold what must not be shown."""
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _lists(tools: Collection[str], server: str) -> bool:
    return any(name.startswith(f"{_MCP}{server}__") for name in tools)
