-- name: insert_ask
INSERT INTO asks (
    id, text, repo, base, person, caller, split_by, note, split_usd, status, budget_usd, executor, model, labels, request_key, request_hash
) VALUES (
    %(id)s, %(text)s, %(repo)s, %(base)s, %(person)s, %(caller)s, %(split_by)s, %(note)s, %(split_usd)s, %(status)s, %(budget_usd)s,
    %(executor)s, %(model)s, %(labels)s, %(request_key)s, %(request_hash)s
) ON CONFLICT DO NOTHING RETURNING id;

-- name: insert_ask_part
INSERT INTO ask_parts (ask_id, n, text, needs, agent, matched, status)
VALUES (%(ask)s, %(n)s, %(text)s, %(needs)s, %(agent)s, %(matched)s, %(status)s);

-- name: ask_by_key
SELECT id, request_hash FROM asks WHERE request_key = %(key)s;

-- name: find_asks
-- As for epics; without a repository it is there for who asked, and for an admin of everything.
SELECT id, repo FROM asks
WHERE starts_with(id, %(prefix)s) AND (CASE
    WHEN repo = '' THEN %(all)s OR person = %(person)s
    ELSE %(patterns)s::text[] IS NULL OR fits(repo, %(patterns)s::text[])
END)
ORDER BY id LIMIT 6;

-- name: ask
SELECT
    id, text, repo, base, person, caller, split_by, note, split_usd, status, budget_usd, executor, model, labels, answer,
    created_at, updated_at, ended_at
FROM asks WHERE id = %(ask)s;

-- name: list_asks
-- Newest first; the cursor is the id of the last one seen.
SELECT
    id, text, repo, base, person, caller, split_by, note, split_usd, status, budget_usd, executor, model, labels, answer,
    created_at, updated_at, ended_at
FROM asks
WHERE (CASE
    WHEN repo = '' THEN %(all)s OR person = %(person)s
    ELSE %(patterns)s::text[] IS NULL OR fits(repo, %(patterns)s::text[])
END)
    AND (%(status)s::text IS NULL OR status = %(status)s) AND (%(repo)s::text IS NULL OR repo = %(repo)s)
    AND (%(before)s::text IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s;

-- name: ask_parts
-- With how far the run or the epic of each is, as the faces show it; paused is a run that a release parked.
SELECT
    p.ask_id, p.n, p.text, p.needs, p.agent, p.matched, p.status, p.work_id, p.answer, p.problem, p.tries,
    p.try_at IS NULL OR p.try_at <= clock_timestamp() AS is_due,
    s.status AS work_status, s.problem AS work_problem, s.cost_usd, s.reserved_usd, s.budget_usd AS work_budget_usd, s.waiting_on,
    s.retry_at AS work_retry_at
FROM ask_parts p LEFT JOIN shown_epics s ON s.id = p.work_id
WHERE p.ask_id = ANY (%(asks)s::text[]) ORDER BY p.ask_id, p.n;

-- name: claim_asks
-- Whoever takes them looks after them; nobody else does for so many seconds.
UPDATE asks SET look_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id IN (
    SELECT id FROM asks WHERE status = 'running' AND look_at <= clock_timestamp() ORDER BY look_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
) RETURNING id;

-- name: look_again
UPDATE asks SET look_at = clock_timestamp() + make_interval(secs => %(seconds)s) WHERE id = %(ask)s AND status = 'running';

-- name: take_ask_part
-- In the transaction that makes its run or epic: no row, and nothing is made, where somebody was quicker or it is to be done no more.
UPDATE ask_parts p SET work_id = %(work)s, status = 'started', problem = ''
FROM asks a
WHERE a.id = p.ask_id AND a.status = 'running' AND p.ask_id = %(ask)s AND p.n = %(n)s AND p.status = 'waiting'
RETURNING p.n;

-- name: end_ask_part
-- The first end counts.
UPDATE ask_parts SET status = %(status)s, answer = %(answer)s, problem = %(problem)s
WHERE ask_id = %(ask)s AND n = %(n)s AND status IN ('waiting', 'started') RETURNING n;

-- name: put_off_ask_part
-- A pause of its agent is no try of its own.
UPDATE ask_parts SET
    tries = CASE WHEN %(counts)s THEN tries + 1 ELSE tries END, problem = %(problem)s,
    try_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE ask_id = %(ask)s AND n = %(n)s AND status = 'waiting';

-- name: end_ask
UPDATE asks SET status = %(status)s, answer = %(answer)s, ended_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE id = %(ask)s AND status = 'running' RETURNING id;

-- name: choose_for_part
UPDATE ask_parts p SET agent = %(agent)s, status = 'waiting'
FROM asks a
WHERE a.id = p.ask_id AND a.status = 'needs_choice' AND p.ask_id = %(ask)s AND p.n = %(n)s AND p.status = 'needs_choice' RETURNING p.n;

-- name: go_on_with_ask
-- Once every part has somebody.
UPDATE asks SET status = 'running', look_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE id = %(ask)s AND status = 'needs_choice'
    AND NOT EXISTS (SELECT FROM ask_parts WHERE ask_id = %(ask)s AND status = 'needs_choice') RETURNING id;

-- name: cancel_ask
UPDATE asks SET status = 'cancelled', ended_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE id = %(ask)s AND status IN ('needs_choice', 'running') RETURNING id;

-- name: cancel_ask_parts
UPDATE ask_parts SET status = 'cancelled' WHERE ask_id = %(ask)s AND status IN ('needs_choice', 'waiting');

-- name: outcomes_of_agents
-- How runs and epics on a repository ended in the last ninety days, and how many wait or are at work.
SELECT
    coalesce(r.workflow, 'epic') AS agent,
    count(*) FILTER (WHERE e.status IN ('done', 'merged'))::integer AS done,
    count(*) FILTER (WHERE e.status = 'failed')::integer AS failed
FROM epics e LEFT JOIN runs r ON r.id = e.id
WHERE e.repo = %(repo)s AND e.created_at > clock_timestamp() - interval '90 days' AND e.status IN ('done', 'merged', 'failed')
GROUP BY 1;

-- name: load_of_agents
-- Of all repositories: who is busy elsewhere is busy.
SELECT coalesce(r.workflow, 'epic') AS agent, count(*)::integer AS busy
FROM epics e LEFT JOIN runs r ON r.id = e.id WHERE e.status = 'queued' GROUP BY 1;

-- name: forget_asks
DELETE FROM asks WHERE ended_at < clock_timestamp() - interval '1 year';
