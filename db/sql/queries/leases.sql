-- name: lease_holder
-- Who holds a live lease; no row if nobody does.
SELECT epoch, worker, host, pid, pid_started, extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds_left
FROM leases WHERE thread_id = %(thread)s AND token IS NOT NULL AND expires_at > clock_timestamp();

-- name: take_lease
-- One statement, so that of any number who ask at once one is granted. The update waits for transactions that hold the row FOR SHARE.
INSERT INTO leases AS l (thread_id, epoch, token, worker, host, pid, pid_started, expires_at)
VALUES (
    %(thread)s, 1, %(token)s, %(worker)s, %(host)s, %(pid)s, %(pid_started)s,
    clock_timestamp() + make_interval(secs => %(seconds)s)
)
ON CONFLICT (thread_id) DO UPDATE SET
    epoch = l.epoch + 1, token = excluded.token, worker = excluded.worker, host = excluded.host, pid = excluded.pid,
    pid_started = excluded.pid_started, expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE l.token IS NULL OR l.expires_at <= clock_timestamp() OR l.epoch = %(dead_epoch)s::bigint
RETURNING l.epoch;

-- name: renew_lease
-- Also tells the worker of a cancel that somebody asked for. No row: the lease is lost.
UPDATE leases SET expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE thread_id = %(thread)s AND epoch = %(epoch)s AND token = %(token)s
RETURNING EXISTS (
    SELECT FROM commands WHERE epic_id = %(thread)s AND kind = 'cancel' AND applied_at IS NULL
) AS cancel_asked;

-- name: lock_lease
SELECT FROM leases WHERE thread_id = %(thread)s FOR UPDATE;

-- name: asked_of_epic
-- What only the holder of the lease can do, and has not done: a cancel, or a decision at the gate that it waits at.
SELECT id::text FROM commands WHERE epic_id = %(thread)s AND kind = 'cancel' AND applied_at IS NULL
UNION ALL
SELECT a.id FROM approvals a JOIN epics e ON e.id = a.epic_id
WHERE a.epic_id = %(thread)s AND a.decision IS NOT NULL AND a.applied_at IS NULL AND e.status = 'queued'
LIMIT 1;

-- name: release_lease
UPDATE leases SET token = NULL, expires_at = clock_timestamp()
WHERE thread_id = %(thread)s AND epoch = %(epoch)s AND token = %(token)s;

-- name: assert_lease
-- The fence; the first statement of every transaction that writes an epic.
SELECT assert_lease(%(thread)s, %(epoch)s, %(token)s);
