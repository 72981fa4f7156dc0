-- name: hint
-- In the caller's transaction: procrastinate's own function adds the job and wakes a worker when the transaction commits. No lock and no
-- queueing lock (durability rule 10): a taken one would roll the caller back.
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('epics', 'advance', 0, NULL, NULL, jsonb_build_object('epic_id', %(epic)s::text), %(at)s::timestamptz)::procrastinate_job_to_defer_v1
]);

-- name: forget_hints
-- The epic has ended: what was to be done has been done.
DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'advance' AND args ->> 'epic_id' = %(epic)s;

-- name: tidy_jobs
-- Jobs that are over, and those whose worker is gone: nothing depends on either.
DELETE FROM procrastinate_jobs j
WHERE j.status NOT IN ('todo', 'doing') OR (
    j.status = 'doing' AND NOT EXISTS (
        SELECT FROM procrastinate_workers w WHERE w.id = j.worker_id AND w.last_heartbeat > now() - make_interval(secs => %(stale_s)s)
    )
);
