-- name: hint
-- In the caller's transaction: procrastinate's own function adds the job and wakes a worker when the transaction commits. No lock and no
-- queueing lock (durability rule 10): a taken one would roll the caller back.
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('epics', 'advance', 0, NULL, NULL, jsonb_build_object('epic_id', %(epic)s::text), %(at)s::timestamptz)::procrastinate_job_to_defer_v1
]);
