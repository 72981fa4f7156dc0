-- name: mcp_pins_of
-- What is pinned of a server: for the project, or for all where the project has nothing of its own.
SELECT tool, hash FROM mcp_pins p
WHERE identity = %(identity)s
  AND project = COALESCE(
      (SELECT o.project FROM mcp_pins o WHERE o.identity = %(identity)s AND o.project IN (%(project)s, '') ORDER BY o.project DESC LIMIT 1), ''
  );

-- name: add_mcp_pins
-- Another attempt may be first too: what it pinned stays.
INSERT INTO mcp_pins (project, identity, tool, server, hash, about, schema, pinned_by)
SELECT %(project)s, %(identity)s, t.tool, %(server)s, t.hash, t.about, t.schema, %(by)s
FROM jsonb_to_recordset(%(tools)s) AS t (tool text, hash text, about text, schema jsonb)
ON CONFLICT DO NOTHING;

-- name: drop_mcp_pins
DELETE FROM mcp_pins WHERE project = %(project)s AND identity = %(identity)s RETURNING tool;

-- name: drop_mcp_pins_by_name
DELETE FROM mcp_pins WHERE project = %(project)s AND server = %(server)s RETURNING tool;

-- name: list_mcp_pins
SELECT project, server, identity, tool, hash, pinned_at, pinned_by FROM mcp_pins
WHERE %(project)s::text IS NULL OR project IN (%(project)s, '')
ORDER BY project, server, identity, tool;
