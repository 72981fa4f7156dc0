-- name: epics_by_status
-- Queued epics that a worker holds are running, as everywhere.
SELECT
    CASE WHEN e.status = 'queued' AND l.thread_id IS NOT NULL THEN 'running' ELSE e.status END AS status,
    count(*) AS epics
FROM epics e
LEFT JOIN leases l ON l.thread_id = e.id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp()
WHERE NOT is_run(e.id)
GROUP BY 1;
