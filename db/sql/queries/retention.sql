-- name: try_retention_lock
-- One process prunes a database at a time; the lock ends with its connection.
SELECT pg_try_advisory_lock(%(key)s) AS locked;

-- name: release_retention_lock
SELECT pg_advisory_unlock(%(key)s);

-- name: open_retention_pass
-- No row if the last pass began less than `every` seconds ago.
INSERT INTO retention_passes (started_at)
SELECT clock_timestamp()
WHERE NOT EXISTS (SELECT FROM retention_passes WHERE started_at > clock_timestamp() - make_interval(secs => %(every)s))
RETURNING id;

-- name: close_retention_pass
UPDATE retention_passes SET ended_at = clock_timestamp(), epics = %(epics)s, row_count = %(rows)s, byte_count = %(bytes)s
WHERE id = %(id)s;

-- name: forget_retention_passes
DELETE FROM retention_passes WHERE id <= %(id)s::bigint - 100;

-- name: last_retention_pass
SELECT started_at, ended_at, epics, row_count, byte_count FROM retention_passes ORDER BY id DESC LIMIT 1;

-- name: epics_to_prune
-- Finished epics of which something is due that was not pruned since they were last written to, oldest first. What is beyond the newest
-- `keep` finished ones is due whatever its age.
WITH finished AS (
    SELECT e.id, e.status, e.updated_at, row_number() OVER (ORDER BY e.updated_at DESC, e.id DESC) > %(keep)s AS surplus
    FROM epics e WHERE e.status IN ('merged', 'rejected', 'failed', 'cancelled', 'done')
), due AS (
    SELECT f.id, f.status, f.updated_at, f.surplus, array_remove(ARRAY[
        CASE WHEN (f.surplus OR f.updated_at < now() - make_interval(days => %(checkpoints_days)s))
            AND coalesce(p.checkpoints_at, '-infinity') < f.updated_at THEN 'checkpoints' END,
        CASE WHEN (f.surplus OR f.updated_at < now() - make_interval(days => %(journal_days)s))
            AND coalesce(p.journal_at, '-infinity') < f.updated_at THEN 'journal' END,
        CASE WHEN (f.surplus OR f.updated_at < now() - make_interval(days => %(events_days)s))
            AND coalesce(p.events_at, '-infinity') < f.updated_at THEN 'events' END
    ], NULL) AS kinds
    FROM finished f LEFT JOIN prunings p ON p.epic_id = f.id
)
SELECT id, status, updated_at, surplus, kinds FROM due
WHERE kinds <> '{}' AND (updated_at, id) > (%(after_at)s::timestamptz, %(after_id)s::text)
ORDER BY updated_at, id
LIMIT %(limit)s;

-- name: prune_epic
SELECT kind, row_count, byte_count FROM prune_epic(%(epic)s, %(kinds)s, %(seen)s, %(apply)s);

-- name: what_is_kept
-- What no policy touches: epics that have not ended, and checkpoints that a name holds in epics that have.
SELECT
    (SELECT coalesce(jsonb_object_agg(status, n), '{}') FROM (
        SELECT status, count(*) AS n FROM epics WHERE status NOT IN ('merged', 'rejected', 'failed', 'cancelled', 'done') GROUP BY status
    ) AS unfinished) AS unfinished,
    (SELECT count(*) FROM epics WHERE status IN ('merged', 'rejected', 'failed', 'cancelled', 'done')) AS finished,
    (SELECT count(*) FROM prunings) AS pruned,
    (SELECT count(*) FROM moments m JOIN epics e ON e.id = m.epic_id
        WHERE m.name IS NOT NULL AND e.status IN ('merged', 'rejected', 'failed', 'cancelled', 'done')) AS named_moments;
