"""What is written into the folder of a CLI, which the agent before may have changed."""

from __future__ import annotations

import json

from executors.claude.belongings import write_mcp_config


def test_a_link_that_an_agent_left_is_not_written_through(tmp_path):
    config, outside = tmp_path / "claude", tmp_path / "outside"
    config.mkdir()
    outside.write_text("precious")
    (config / "mcp.json").symlink_to(outside)

    name = write_mcp_config(config, {"server": {"command": "x"}})

    assert outside.read_text() == "precious"
    assert name is not None
    assert json.loads((config / name).read_text()) == {"mcpServers": {"server": {"command": "x"}}}
    assert (config / name).stat().st_mode & 0o777 == 0o600
