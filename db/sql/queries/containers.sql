-- name: fates_of_attempts
-- Of attempts that something on a host bears the names of: whether anybody may still go on with them, and who has their epic now.
SELECT
    a.epic_id AS epic, a.n AS attempt, e.status,
    a.result IS NOT NULL OR EXISTS (SELECT FROM attempts later WHERE later.epic_id = a.epic_id AND later.n > a.n) AS ended,
    CASE WHEN l.token IS NOT NULL AND l.expires_at > clock_timestamp() THEN l.host END AS host,
    l.epoch
FROM unnest(%(epics)s::text[], %(attempts)s::integer[]) AS asked (epic, attempt)
JOIN attempts a ON a.epic_id = asked.epic AND a.n = asked.attempt
JOIN epics e ON e.id = a.epic_id
LEFT JOIN leases l ON l.thread_id = a.epic_id;
