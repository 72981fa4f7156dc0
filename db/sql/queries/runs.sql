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
-- As for epics: what the caller may not read is not there for it.
SELECT r.id, e.repo FROM runs r JOIN epics e ON e.id = r.id
WHERE starts_with(r.id, %(prefix)s) AND (%(patterns)s::text[] IS NULL OR fits(e.repo, %(patterns)s::text[]))
ORDER BY r.id LIMIT 6;

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
    id, workflow, task, repo, base, revision, start_commit, status, attempt, cost_usd, reserved_usd, budget_usd, tokens, problem, executor, model,
    labels, queue_place, retry_at, created_at, updated_at, ended_at, unpublished, used_executor, used_model, branch, result, turns
FROM shown_runs
WHERE id = %(run)s;

-- name: list_runs
-- Newest first; the cursor is the id of the last one seen.
SELECT
    id, workflow, task, repo, base, revision, start_commit, status, attempt, cost_usd, reserved_usd, budget_usd, tokens, problem, executor, model,
    labels, queue_place, retry_at, created_at, updated_at, ended_at, unpublished, used_executor, used_model, branch, result, turns
FROM shown_runs
WHERE id = ANY (ARRAY(SELECT page_of_runs(
    %(status)s::text, %(repo)s::text, %(workflow)s::text, %(before)s::text, %(limit)s::integer, %(patterns)s::text[]
)))
ORDER BY id DESC;
