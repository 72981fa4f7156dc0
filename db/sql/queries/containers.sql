-- name: fates_of_attempts
-- Of attempts that something on a host bears the names of: whether anybody may still go on with them, and who has their epic now.
SELECT
    e.id AS epic, asked.attempt, e.status,
    -- A setup command runs before its attempt has a row.
    a.n IS NOT NULL AS known,
    a.result IS NOT NULL OR EXISTS (SELECT FROM attempts later WHERE later.epic_id = e.id AND later.n > asked.attempt) AS ended,
    CASE WHEN l.token IS NOT NULL AND l.expires_at > clock_timestamp() THEN l.host END AS host,
    l.epoch
FROM unnest(%(epics)s::text[], %(attempts)s::integer[]) AS asked (epic, attempt)
JOIN epics e ON e.id = asked.epic
LEFT JOIN attempts a ON a.epic_id = asked.epic AND a.n = asked.attempt
LEFT JOIN leases l ON l.thread_id = asked.epic;
