-- name: lock_epic
-- Whoever prunes the epic waits, and then finds it changed; one who pruned it before is seen by what follows.
SELECT id FROM epics WHERE id = %(epic)s FOR UPDATE;

-- name: moment_to_name
-- The name that a moment has, which moment has the name that it is to get, and whether there is still anything for a name to keep.
SELECT
    m.name,
    (SELECT o.n FROM moments o WHERE o.epic_id = m.epic_id AND o.name = %(name)s::text) AS taken_by,
    EXISTS (
        SELECT FROM checkpoints c WHERE c.thread_id = m.epic_id AND c.checkpoint_ns = '' AND c.checkpoint_id = m.checkpoint_id
    ) AS is_kept
FROM moments m WHERE m.epic_id = %(epic)s AND m.n = %(n)s;

-- name: name_moment
UPDATE moments SET name = %(name)s WHERE epic_id = %(epic)s AND n = %(n)s;

-- name: moment_by_name
SELECT n FROM moments WHERE epic_id = %(epic)s AND name = %(name)s;
