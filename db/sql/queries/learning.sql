-- name: claim_learning_marks
-- Marks that are due, for as long as one look may take: whoever dies over it leaves them to the others. One that fails again and again is
-- looked at less and less often.
UPDATE learning_marks SET
    due_at = clock_timestamp() + make_interval(secs => least(3600, 30 * power(2, least(tries, 7)))), tries = tries + 1
WHERE epic_id IN (
    SELECT m.epic_id FROM learning_marks m WHERE m.due_at <= clock_timestamp()
    ORDER BY m.due_at, m.epic_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
RETURNING epic_id, news;

-- name: clear_learning_mark
DELETE FROM learning_marks WHERE epic_id = %(epic)s AND news = %(news)s;

-- name: learn_anew
-- All of them, or those of one project, or those on no repository of one person. The older ones are looked at first: where two could teach the same, the first did. Their rows are
-- locked before any mark is made (the order makes all be read first), as whoever makes an event has its epic before the mark.
WITH wanted AS MATERIALIZED (
    SELECT e.id, e.last_event, e.created_at FROM epics e JOIN projects p ON p.id = e.project_id
    WHERE %(project)s::text IS NULL OR p.repo = %(project)s::text OR (p.repo = '' AND e.requested_by = %(owner)s::text)
    FOR KEY SHARE OF e
)
INSERT INTO learning_marks (epic_id, news, due_at)
SELECT w.id, w.last_event, least(w.created_at, now()) FROM wanted w ORDER BY w.id
ON CONFLICT (epic_id) DO NOTHING;

-- name: learn_epic
-- An epic or run, and what of its past is another's: up to which moment and attempt, and the attempts that an entry of its race brought.
SELECT
    e.id, e.goal, e.status, p.repo AS project, e.requested_by, (SELECT r.kind FROM runs r WHERE r.id = e.id) AS kind,
    e.imported_at IS NOT NULL AS imported, past.moment AS past_moment,
    coalesce((SELECT max(m.attempt) FROM moments m WHERE m.epic_id = e.id AND m.n <= past.moment), 0) AS past_attempt,
    coalesce((SELECT r.taken FROM races r WHERE r.epic_id = e.id), '{}') AS taken
FROM epics e
JOIN projects p ON p.id = e.project_id
CROSS JOIN LATERAL (SELECT greatest(coalesce(e.forked_at, 0), coalesce(e.imported_at, 0)) AS moment) AS past
WHERE e.id = %(epic)s;

-- name: learn_moments
SELECT m.n, m.parent, m.step, m.attempt, m.outcome, m.note, m.cost_usd, m.created_at, r.kind AS way_back, r.by AS gone_back_by, r.guidance
FROM moments m LEFT JOIN rollbacks r ON r.epic_id = m.epic_id AND r.moment = m.n
WHERE m.epic_id = %(epic)s ORDER BY m.n;

-- name: learn_attempts
-- Those that have ended, without what commands printed.
SELECT n, step, workflow, result - 'log_tail' #- '{tests,output}' AS result, setup - 'log' AS setup, ended_at
FROM attempts WHERE epic_id = %(epic)s AND result IS NOT NULL ORDER BY n;

-- name: learn_analyses
SELECT moment, attempt, step, analysis, worked, created_at FROM analyses WHERE epic_id = %(epic)s ORDER BY moment;

-- name: learn_decisions
-- What people decided and gave words to.
SELECT id, gate, moment, question, decision, decided_by, comment, decided_at FROM approvals
WHERE epic_id = %(epic)s AND decision IS NOT NULL AND comment <> '' AND channel IS DISTINCT FROM 'auto' ORDER BY moment;

-- name: learn_sayings
SELECT n, text, said_by, said_at, attempt FROM sayings WHERE epic_id = %(epic)s ORDER BY n;

-- name: recalled_of_task
-- What the brief of a task's attempt recalls, if there is such an attempt.
SELECT recalled FROM attempts WHERE epic_id = %(epic)s AND task_id = %(task)s;
