-- name: insert_run
INSERT INTO runs (id, workflow, task, variables, revision, start_commit)
VALUES (%(run)s, %(workflow)s, %(task)s, %(variables)s, %(revision)s, %(start_commit)s);

-- name: begin_run
-- Where an epic has its first step, a run has its workflow.
UPDATE epics SET step = %(workflow)s, head = %(start_commit)s WHERE id = %(run)s;

-- name: run_order
-- What a worker needs to run it, beside what it needs of every epic.
SELECT workflow, task, variables, revision, start_commit FROM runs WHERE id = %(run)s;

-- name: find_runs
SELECT id FROM runs WHERE starts_with(id, %(prefix)s) ORDER BY id LIMIT 6;

-- name: end_run
-- The first end counts: whoever comes later finds no row.
UPDATE epics SET
    status = %(status)s, problem = nullif(%(problem)s, ''), head = coalesce(%(commit)s, head), branch = coalesce(%(branch)s, branch),
    retry_at = NULL, updated_at = now()
WHERE id = %(run)s AND status IN ('queued', 'paused') RETURNING id;

-- name: close_run
UPDATE runs SET unpublished = %(unpublished)s, ended_at = now() WHERE id = %(run)s;

-- name: run_view
-- One run as the faces show it.
SELECT
    s.id, r.workflow, r.task, s.repo, s.base, r.revision, r.start_commit, s.status, s.attempt, s.cost_usd, s.reserved_usd, s.budget_usd,
    s.tokens, s.problem, s.executor, s.model, s.labels, s.queue_place, s.retry_at, s.created_at, s.updated_at, r.ended_at, r.unpublished,
    a.executor AS used_executor, a.model AS used_model, a.branch, a.result, a.turns
FROM shown_epics s
JOIN runs r ON r.id = s.id
LEFT JOIN LATERAL (
    SELECT
        t.executor, t.model, t.branch, t.result,
        (SELECT count(*) FROM turns u WHERE u.epic_id = t.epic_id AND u.attempt = t.n) + t.pruned_turns AS turns
    FROM attempts t WHERE t.epic_id = s.id ORDER BY t.n DESC LIMIT 1
) AS a ON true
WHERE s.id = %(run)s;

-- name: list_runs
-- Newest first; the cursor is the id of the last one seen.
SELECT
    s.id, r.workflow, r.task, s.repo, s.base, r.revision, r.start_commit, s.status, s.attempt, s.cost_usd, s.reserved_usd, s.budget_usd,
    s.tokens, s.problem, s.executor, s.model, s.labels, s.queue_place, s.retry_at, s.created_at, s.updated_at, r.ended_at, r.unpublished,
    a.executor AS used_executor, a.model AS used_model, a.branch, a.result, a.turns
FROM shown_epics s
JOIN runs r ON r.id = s.id
LEFT JOIN LATERAL (
    SELECT
        t.executor, t.model, t.branch, t.result,
        (SELECT count(*) FROM turns u WHERE u.epic_id = t.epic_id AND u.attempt = t.n) + t.pruned_turns AS turns
    FROM attempts t WHERE t.epic_id = s.id ORDER BY t.n DESC LIMIT 1
) AS a ON true
WHERE s.id = ANY (ARRAY(SELECT page_of_runs(
    %(status)s::text, %(repo)s::text, %(workflow)s::text, %(before)s::text, %(limit)s::integer
)))
ORDER BY s.id DESC;
