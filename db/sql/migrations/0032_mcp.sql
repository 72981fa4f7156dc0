-- What was accepted of MCP servers (docs/decisions/0025): the tools of each as it listed them when it was first used, or as a person took
-- them. A server that lists others is not used before somebody has looked.

CREATE TABLE mcp_pins (
    -- The repository that the pin holds for; empty for those without pins of their own for the server.
    project text NOT NULL,
    -- What makes a server this one: its command or its URL, as .mcp.json has them. Nothing secret is in it.
    identity text NOT NULL,
    tool text NOT NULL,
    -- What .mcp.json called it when it was pinned, for people.
    server text NOT NULL,
    -- Over name, description and schema.
    hash text NOT NULL,
    about text NOT NULL,
    schema jsonb NOT NULL,
    pinned_at timestamptz NOT NULL DEFAULT now(),
    pinned_by text NOT NULL,
    PRIMARY KEY (project, identity, tool)
);
