-- name: lease_holder
-- Who holds a live lease; no row if nobody does.
SELECT epoch, worker, host, pid, pid_started, extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds_left
FROM leases WHERE thread_id = %(thread)s AND token IS NOT NULL AND expires_at > clock_timestamp();

-- name: take_lease
SELECT epoch, takeovers, died FROM take_lease(
    %(thread)s, %(token)s, %(worker)s, %(host)s, %(pid)s, %(pid_started)s, %(seconds)s, %(dead_epoch)s
);

-- name: claim_epic
SELECT epic_id, epoch, takeovers, died FROM claim_work(
    %(token)s, %(worker)s, %(host)s, %(pid)s, %(pid_started)s, %(seconds)s, %(most)s, %(executors)s::text[], %(graph)s, %(state)s,
    %(but)s::text[], true
);

-- name: leases_of_host
-- What processes of one host took and did not give back, and for how many seconds more it is theirs; whether they live, their host can tell.
SELECT
    thread_id, epoch, worker, host, pid, pid_started,
    -- Older servers cannot subtract from an infinite time.
    extract(epoch FROM greatest(expires_at, clock_timestamp() - interval '1 day') - clock_timestamp())::float8 AS seconds_left
FROM leases WHERE token IS NOT NULL AND host = %(host)s;

-- name: end_dead_lease
-- The lease of a process that is proved to be dead ends now, so that any worker on any host can take the epic. The token stays: it tells
-- that the lease was not given back.
UPDATE leases SET expires_at = clock_timestamp() WHERE thread_id = %(thread)s AND epoch = %(epoch)s AND token IS NOT NULL;

-- name: forgive_takeovers
UPDATE leases SET takeovers = 0, progress = NULL WHERE thread_id = %(thread)s;

-- name: renew_lease
-- Also tells the worker of a cancel or a rollback that somebody asked for. No row: the lease is lost.
UPDATE leases SET expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE thread_id = %(thread)s AND epoch = %(epoch)s AND token = %(token)s
RETURNING EXISTS (
    SELECT FROM commands WHERE epic_id = %(thread)s AND applied_at IS NULL
) AS stop_asked;

-- name: lock_lease
SELECT FROM leases WHERE thread_id = %(thread)s FOR UPDATE;

-- name: asked_of_epic
-- What only the holder of the lease can do, and has not done: a command, or a decision at the gate that it waits at.
SELECT id::text FROM commands WHERE epic_id = %(thread)s AND applied_at IS NULL
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

-- name: tidy_leases
-- Of epics that ended just before their worker died: nobody takes them any more, and each sweep would look at them.
UPDATE leases SET token = NULL FROM epics
WHERE epics.id = thread_id AND token IS NOT NULL AND expires_at < clock_timestamp() - interval '1 minute'
    AND epics.status IN ('merged', 'rejected', 'failed', 'cancelled', 'done');
