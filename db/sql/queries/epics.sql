-- name: project_of_repo
-- The update that changes nothing makes the row come back when it is there already.
INSERT INTO projects (repo) VALUES (%(repo)s) ON CONFLICT (repo) DO UPDATE SET repo = excluded.repo RETURNING id;

-- name: insert_epic
INSERT INTO epics (
    id, project_id, goal, repo, base, base_commit, head, budget_usd, executor, model, autonomy, auto_approve, labels, graph_version,
    state_version, requested_by, requested_via, yes_by
) VALUES (
    %(id)s, %(project)s, %(goal)s, %(repo)s, %(base)s, %(base_commit)s, %(base_commit)s, %(budget_usd)s, %(executor)s, %(model)s,
    %(autonomy)s, %(auto_approve)s, %(labels)s, %(graph_version)s, %(state_version)s, %(requested_by)s, %(requested_via)s, %(yes_by)s
)
-- Ids of the same millisecond differ by few bits: whoever finds his taken takes another.
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: epic_view
-- One epic as the faces show it. Each column by its name: a newer release may add some to the view while we run, and a statement
-- that was prepared before must not change what it gives.
SELECT
    s.id, s.goal, s.repo, s.base, s.stored_status, s.status, s.step, s.attempt, s.branch, s.head, s.moment, s.cost_usd, s.reserved_usd, s.budget_usd,
    s.tokens, s.waiting_on, s.failure, s.problem, s.executor, s.model, s.autonomy, s.labels, s.created_at, s.updated_at, s.queue_place, s.retry_at,
    CASE WHEN p.epic_id IS NOT NULL THEN
        jsonb_build_object('checkpoints_at', p.checkpoints_at, 'journal_at', p.journal_at, 'events_at', p.events_at)
    END AS pruned,
    f.requested_by, f.requested_via, f.forked_from, f.forked_at, (SELECT r.state FROM races r WHERE r.epic_id = s.id) AS race
FROM shown_epics s JOIN epics f ON f.id = s.id LEFT JOIN prunings p ON p.epic_id = s.id
WHERE s.id = %(epic)s;

-- name: list_epics
-- Newest first; the cursor is the id of the last one seen.
SELECT
    s.id, s.goal, s.repo, s.base, s.stored_status, s.status, s.step, s.attempt, s.branch, s.head, s.moment, s.cost_usd, s.reserved_usd, s.budget_usd,
    s.tokens, s.waiting_on, s.failure, s.problem, s.executor, s.model, s.autonomy, s.labels, s.created_at, s.updated_at, s.queue_place, s.retry_at,
    CASE WHEN p.epic_id IS NOT NULL THEN
        jsonb_build_object('checkpoints_at', p.checkpoints_at, 'journal_at', p.journal_at, 'events_at', p.events_at)
    END AS pruned,
    f.requested_by, f.requested_via, f.forked_from, f.forked_at, (SELECT r.state FROM races r WHERE r.epic_id = s.id) AS race
FROM shown_epics s JOIN epics f ON f.id = s.id LEFT JOIN prunings p ON p.epic_id = s.id
-- An array, not a join: so the view is read for the ids of the page alone, whatever the planner knows of the tables.
WHERE s.id = ANY (ARRAY(SELECT page_of_epics(%(status)s::text, %(repo)s::text, %(before)s::text, %(limit)s::integer, %(patterns)s::text[])))
ORDER BY s.id DESC;

-- name: epic_facts
-- What does not change while an epic runs, and what the engine needs to decide how to go on.
SELECT
    id, goal, repo, base, base_commit, status, step, moment, executor, model, autonomy, auto_approve, labels, graph_version, state_version,
    budget_usd, rests_before(id) AS rests_before, requested_by, yes_by, approval_terms
FROM epics WHERE id = %(epic)s;

-- name: find_epics
-- Of the repositories that fit a pattern only: what the caller may not read is not there for it.
SELECT id, repo FROM epics
WHERE starts_with(id, %(prefix)s) AND NOT is_run(id) AND (%(patterns)s::text[] IS NULL OR fits(repo, %(patterns)s::text[]))
ORDER BY id LIMIT 6;

-- name: queue_epic
-- A paused epic becomes runnable, or waits again if it was paused while it waited; one that waits or runs keeps its status.
UPDATE epics e SET
    status = CASE WHEN e.status <> 'paused' THEN e.status WHEN asked.pending THEN 'waiting' ELSE 'queued' END,
    waiting_on = CASE WHEN e.status <> 'paused' OR asked.pending THEN e.waiting_on END, problem = NULL, retry_at = NULL, retries = 0,
    auto_approve = coalesce(%(auto_approve)s::boolean, e.auto_approve),
    yes_by = CASE WHEN %(auto_approve)s::boolean THEN %(yes_by)s::jsonb ELSE e.yes_by END, updated_at = now()
FROM (
    SELECT EXISTS (
        SELECT FROM approvals a JOIN epics w ON w.waiting_on = a.id WHERE w.id = %(epic)s AND a.status = 'pending'
    ) AS pending
) AS asked
WHERE e.id = %(epic)s;

-- name: pause_epic
-- What waits for a person does so on; what was approved in advance, or by a rule, would be taken again and again.
UPDATE epics SET status = 'paused', problem = %(problem)s, updated_at = now()
WHERE id = %(epic)s AND (status = 'queued' OR (status = 'waiting' AND (auto_approve OR EXISTS (
    SELECT FROM approvals a WHERE a.epic_id = %(epic)s AND a.status = 'pending' AND a.judged_at IS NULL AND a.terms ? 'auto'
))))
RETURNING id;

-- name: retries_of_epic
-- How often it was put off where it is now.
SELECT CASE WHEN retry_mark = progress_of(id) THEN retries ELSE 0 END AS retries FROM epics WHERE id = %(epic)s;

-- name: postpone_epic
UPDATE epics SET
    retry_at = now() + make_interval(secs => %(seconds)s), retries = %(retries)s, retry_mark = progress_of(id), problem = %(problem)s,
    updated_at = now()
WHERE id = %(epic)s AND status = 'queued' RETURNING retry_at;

-- name: ask_cancel
INSERT INTO commands (epic_id, kind, data) VALUES (%(epic)s, 'cancel', %(data)s) RETURNING id;

-- name: ask_rollback
INSERT INTO commands (epic_id, kind, data) VALUES (%(epic)s, 'rollback', %(data)s) RETURNING id;

-- name: asked_command
SELECT applied_at, problem FROM commands WHERE id = %(command)s;

-- name: unapplied_command
SELECT id, kind, data FROM commands WHERE epic_id = %(epic)s AND applied_at IS NULL ORDER BY id LIMIT 1;

-- name: end_command
UPDATE commands SET applied_at = now(), problem = %(problem)s WHERE id = %(command)s AND applied_at IS NULL RETURNING id;

-- name: raise_epic_budget
UPDATE epics SET budget_usd = budget_usd + %(amount)s, updated_at = now() WHERE id = %(epic)s;

-- name: raise_project_budget
UPDATE projects SET budget_usd = budget_usd + %(amount)s WHERE id = (SELECT project_id FROM epics WHERE id = %(epic)s);

-- name: moment
SELECT n, step, commit, branch, checkpoint_id, cost_usd FROM moments WHERE epic_id = %(epic)s AND n = %(n)s;

-- name: add_events
SELECT add_events(%(epic)s, %(events)s);

-- name: list_events
SELECT n AS id, type, created_at AS time, data FROM events WHERE epic_id = %(epic)s AND n > %(after)s ORDER BY n LIMIT %(limit)s;

-- name: ended_epics
-- Those of the given epics that have ended and that nobody holds.
SELECT e.id, e.repo FROM epics e LEFT JOIN leases l ON l.thread_id = e.id
WHERE e.id = ANY(%(ids)s) AND e.status IN ('merged', 'rejected', 'failed', 'cancelled', 'done')
    AND (l.token IS NULL OR l.expires_at <= clock_timestamp())
ORDER BY e.id;
