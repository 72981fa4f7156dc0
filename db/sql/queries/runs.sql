-- name: insert_run
INSERT INTO runs (id, workflow, task, variables, revision, start_commit, kind)
VALUES (%(run)s, %(workflow)s, %(task)s, %(variables)s, %(revision)s, %(start_commit)s, %(kind)s);

-- name: begin_run
-- Where an epic has its first step, a run has its workflow.
UPDATE epics SET step = %(workflow)s, head = %(start_commit)s WHERE id = %(run)s;

-- name: run_order
-- What a worker needs to run it, beside what it needs of every epic.
SELECT workflow, task, variables, revision, start_commit, kind FROM runs WHERE id = %(run)s;

-- name: find_runs
-- As for epics: what the caller may not read is not there for it. A run about no repository is its person's own, and an admin's of everything.
SELECT r.id, e.repo FROM runs r JOIN epics e ON e.id = r.id
WHERE starts_with(r.id, %(prefix)s) AND (%(patterns)s::text[] IS NULL OR fits(e.repo, %(patterns)s::text[]))
    AND (%(all)s OR e.repo <> '' OR e.requested_by = %(person)s)
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
    labels, queue_place, retry_at, created_at, updated_at, ended_at, unpublished, used_executor, used_model, branch, result, turns, kind,
    (SELECT p.session_id FROM session_runs p WHERE p.run_id = shown_runs.id) AS session
FROM shown_runs
WHERE id = %(run)s;

-- name: list_runs
-- Newest first; the cursor is the id of the last one seen.
SELECT
    id, workflow, task, repo, base, revision, start_commit, status, attempt, cost_usd, reserved_usd, budget_usd, tokens, problem, executor, model,
    labels, queue_place, retry_at, created_at, updated_at, ended_at, unpublished, used_executor, used_model, branch, result, turns, kind,
    (SELECT p.session_id FROM session_runs p WHERE p.run_id = shown_runs.id) AS session
FROM shown_runs
WHERE id = ANY (ARRAY(SELECT page_of_runs(
    %(status)s::text, %(repo)s::text, %(workflow)s::text, %(before)s::text, %(limit)s::integer, %(patterns)s::text[],
    %(person)s::text, %(all)s
)))
ORDER BY id DESC;

-- name: attempts_of_run
-- All of them, in order: the run itself, and each time that its agent asked.
SELECT n, task_id, step FROM attempts WHERE epic_id = %(run)s ORDER BY n;

-- name: asked_before
-- The whole turns of what the agent of a session asked before this attempt, as far as it was answered, oldest first.
SELECT
    t.attempt, t.n, t.request_hash, t.model, t.request, t.answer, t.results, t.tree, t.head, t.created_at,
    ARRAY(
        SELECT coalesce(h.told_as, h.n) FROM sayings h WHERE h.epic_id = t.epic_id AND h.attempt = t.attempt AND h.turn = t.n ORDER BY h.n
    ) AS heard
FROM session_runs mine
JOIN session_runs s ON s.session_id = mine.session_id
JOIN attempts a ON a.epic_id = s.run_id
JOIN turns t ON t.epic_id = a.epic_id AND t.attempt = a.n AND t.results IS NOT NULL
WHERE mine.run_id = %(run)s AND (s.run_id < %(run)s OR (s.run_id = %(run)s AND a.n < %(n)s)) AND starts_with(a.task_id, 'ask-') AND a.result ->> 'ended_by' = 'done'
    AND a.executor = %(executor)s
ORDER BY t.epic_id, t.attempt, t.n;

-- name: work_before
-- The branch that the newest run of a session left which changed files, if it is in the repository; the session by its id, its beginning or name.
SELECT a.branch FROM sessions s
JOIN session_runs p ON p.session_id = s.id
JOIN runs r ON r.id = p.run_id AND r.unpublished = ''
JOIN attempts a ON a.epic_id = p.run_id AND a.task_id = 'run' AND a.branch IS NOT NULL
WHERE s.agent = %(agent)s AND s.repo = %(repo)s AND (starts_with(s.id, %(session)s) OR s.name = %(session)s)
    AND jsonb_array_length(coalesce(a.result -> 'files', '[]')) > 0
ORDER BY p.run_id DESC LIMIT 1;

-- name: used_in_run
-- What the attempts of a run have used beside one of them, and how many notes its agent has made.
SELECT
    (SELECT count(*) FROM turns t WHERE t.epic_id = %(run)s AND t.attempt <> %(n)s) AS turns,
    (SELECT coalesce(sum(c.cost_usd), 0) FROM calls c WHERE c.epic_id = %(run)s AND c.attempt <> %(n)s) AS cost_usd;

-- name: notes_of_run
SELECT count(*) AS notes FROM events WHERE epic_id = %(run)s AND type = 'agent_note';
