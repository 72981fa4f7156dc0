-- name: costs_of_epic
-- What each attempt paid to each model; a call whose price is not known counts as reserved.
SELECT
    c.attempt, a.step, a.workflow, c.model,
    coalesce(sum(c.cost_usd) FILTER (WHERE c.state = 'settled'), 0) AS cost_usd,
    coalesce(sum(c.cost_usd) FILTER (WHERE c.state = 'reserved'), 0) AS reserved_usd,
    count(*) FILTER (WHERE c.state = 'settled') AS calls,
    count(*) FILTER (WHERE c.state = 'reserved') AS open_calls,
    coalesce(sum(c.input_tokens + c.cache_read_tokens + c.cache_write_tokens), 0)::bigint AS input,
    coalesce(sum(c.cache_read_tokens), 0)::bigint AS cached,
    coalesce(sum(c.output_tokens), 0)::bigint AS output
FROM calls c JOIN attempts a ON a.epic_id = c.epic_id AND a.n = c.attempt
WHERE c.epic_id = %(epic)s
GROUP BY c.attempt, a.step, a.workflow, c.model
ORDER BY c.attempt, c.model;
