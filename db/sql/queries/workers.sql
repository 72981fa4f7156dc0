-- name: worker_beats
INSERT INTO workers (id, name, host, pid, version, concurrency, running, draining, holding_back)
VALUES (
    %(id)s, %(name)s, %(host)s, %(pid)s, %(version)s, %(concurrency)s, %(running)s, %(draining)s, %(holding_back)s
)
ON CONFLICT (id) DO UPDATE SET
    running = excluded.running, draining = excluded.draining, holding_back = excluded.holding_back, seen_at = now();

-- name: worker_leaves
DELETE FROM workers WHERE id = %(id)s;

-- name: forget_workers
DELETE FROM workers WHERE seen_at < now() - interval '1 day';

-- name: list_workers
SELECT
    id::text, name, split_part(host, ' ', 1) AS host, pid, version, concurrency, running, draining, holding_back, started_at, seen_at,
    seen_at > now() - make_interval(secs => %(alive_s)s) AS alive
FROM workers ORDER BY alive DESC, started_at, id;
