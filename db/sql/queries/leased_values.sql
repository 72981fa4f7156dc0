-- Values that one live attempt has and no other: ports of a host, names.

-- name: lock_leased_values
-- "values" in ASCII. One attempt at a time looks for what is free.
SELECT pg_advisory_xact_lock(130254919656819);

-- name: sweep_leased_values
-- What nobody gave back, of epics that nobody holds: those that have ended, attempts that have a result or that another one has followed, and
-- hosts of which nothing was heard for an hour.
DELETE FROM leased_values v USING epics e
WHERE e.id = v.epic_id
    AND NOT EXISTS (SELECT FROM leases l WHERE l.thread_id = v.epic_id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp())
    AND (
        e.status IN ('merged', 'rejected', 'failed', 'cancelled', 'done')
        OR EXISTS (
            SELECT FROM attempts a WHERE a.epic_id = v.epic_id AND (a.n > v.attempt OR (a.n = v.attempt AND a.result IS NOT NULL))
        )
        OR (
            v.leased_at < now() - interval '1 hour'
            AND NOT EXISTS (SELECT FROM workers w WHERE w.host = v.host AND w.seen_at > now() - interval '1 hour')
        )
    );

-- name: give_back_others
-- An epic has one attempt at a time: what an earlier one has was left by a crash.
DELETE FROM leased_values WHERE epic_id = %(epic)s AND attempt <> %(attempt)s;

-- name: give_back_values
DELETE FROM leased_values WHERE epic_id = %(epic)s AND attempt = %(attempt)s;

-- name: give_back_value
DELETE FROM leased_values WHERE epic_id = %(epic)s AND attempt = %(attempt)s AND name = %(name)s;

-- name: leased_values_of
SELECT name, kind, value, network FROM leased_values WHERE epic_id = %(epic)s AND attempt = %(attempt)s;

-- name: taken_values
SELECT kind, value FROM leased_values WHERE kind = 'name' OR network = %(network)s;

-- name: lease_value
INSERT INTO leased_values (epic_id, attempt, name, kind, value, network, host)
VALUES (%(epic)s, %(attempt)s, %(name)s, %(kind)s, %(value)s, %(network)s, %(host)s);

-- name: keep_setup
UPDATE attempts SET setup = %(setup)s WHERE epic_id = %(epic)s AND n = %(n)s;

-- name: setup_of_attempt
SELECT setup FROM attempts WHERE epic_id = %(epic)s AND n = %(n)s;
