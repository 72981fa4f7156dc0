-- name: intend_effect
SELECT generation, state, seen AS found FROM intend_effect(%(epic)s, %(key)s, %(kind)s, %(content)s);

-- name: end_effect
-- What was seen to be done stays done.
UPDATE effects SET state = %(state)s, found = %(found)s, ended_at = CASE WHEN %(state)s = 'intended' THEN NULL ELSE now() END
WHERE key = %(key)s AND generation = %(generation)s AND state IN ('intended', 'unknown');

-- name: undo_effect
-- Ends the newest generation of a deed that was done; the next intent begins another.
UPDATE effects SET state = 'undone', found = %(found)s, ended_at = now()
WHERE key = %(key)s AND state = 'done' AND generation = (SELECT max(generation) FROM effects WHERE key = %(key)s)
RETURNING generation;

-- name: newest_effect
SELECT key, generation, state, found, epic_id FROM effects WHERE key = %(key)s ORDER BY generation DESC LIMIT 1;

-- name: list_effects
SELECT key, generation, kind, content, state, moment, attempt, found, intended_at, ended_at
FROM effects WHERE epic_id = %(epic)s ORDER BY intended_at, key, generation;

-- name: keep_recovery
UPDATE attempts SET recovery = %(recovery)s WHERE epic_id = %(epic)s AND n = %(n)s AND result IS NULL;

-- name: recovery_of
SELECT a.recovery, e.status FROM attempts a JOIN epics e ON e.id = a.epic_id WHERE a.epic_id = %(epic)s AND a.n = %(n)s;

-- name: read_only_tools
-- The tools that the attempt's servers called read-only when they were started last.
SELECT DISTINCT ON (data ->> 'server') data -> 'read_only' AS tools
FROM events WHERE epic_id = %(epic)s AND type = 'mcp_server_started' AND (data ->> 'attempt')::integer = %(n)s
ORDER BY data ->> 'server', n DESC;

-- name: strange_epics
-- Epics that have not ended and that this release cannot carry on: begun or written by a newer one, too old for any upgrade, or at a step
-- that it does not have.
SELECT id, status, step, graph_version, state_version, waiting_on
FROM epics
WHERE status IN ('queued', 'waiting', 'paused') AND NOT is_run(id) AND (
    graph_version > %(graph)s OR state_version > %(state)s OR graph_version < %(oldest_graph)s OR state_version < %(oldest_state)s
    OR step <> ALL (%(steps)s::text[])
)
ORDER BY id LIMIT %(limit)s;

-- name: flag_epic
-- Parked with the cause, by whoever holds it or while nobody does: the holder of a live lease knows the epic.
UPDATE epics SET status = 'paused', problem = %(problem)s, updated_at = now()
WHERE id = %(epic)s AND (status IN ('queued', 'waiting') OR (status = 'paused' AND problem IS DISTINCT FROM %(problem)s))
    AND (%(held)s OR NOT EXISTS (SELECT FROM leases WHERE thread_id = %(epic)s AND token IS NOT NULL AND expires_at > clock_timestamp()))
RETURNING id;

-- name: raise_versions
-- From here on older releases keep off.
UPDATE epics SET graph_version = %(graph)s, state_version = %(state)s WHERE id = %(epic)s;

-- name: cancel_strange
-- The end of an epic whose state this release cannot read: its row alone.
UPDATE epics SET status = 'cancelled', waiting_on = NULL, problem = NULL, updated_at = now()
WHERE id = %(epic)s AND status IN ('queued', 'waiting', 'paused')
RETURNING id;

-- name: supersede_approvals
UPDATE approvals SET status = 'superseded' WHERE epic_id = %(epic)s AND status = 'pending';
