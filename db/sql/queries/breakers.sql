-- name: pass_breaker
SELECT pass_breaker(%(agent)s, %(run)s, %(probe_s)s) AS wait_s;

-- name: mark_breaker
UPDATE runs SET breaker = %(agent)s WHERE id = %(run)s AND breaker IS DISTINCT FROM %(agent)s;

-- name: note_agent
SELECT note_agent(%(run)s, %(worked)s, %(problem)s, %(most)s, %(first_s)s, %(longest_s)s);

-- name: list_breakers
-- Those that failed lately; left out while `wait_s` is above 0, and tried by one run when it is not any more.
SELECT
    agent, failures, problem, pause_s, open_until, probe, updated_at,
    coalesce(greatest(extract(epoch FROM open_until - clock_timestamp()), 0), 0)::float8 AS wait_s
FROM agent_breakers ORDER BY agent;

-- name: reset_breaker
DELETE FROM agent_breakers WHERE agent = %(agent)s RETURNING agent;
