-- name: recorded_epic
SELECT
    e.id, e.goal, e.repo, e.base, e.base_commit, e.status, e.step, e.autonomy, e.graph_version, e.state_version, e.moment, e.forked_from,
    e.forked_at, p.checkpoints_at, p.journal_at
FROM epics e LEFT JOIN prunings p ON p.epic_id = e.id
WHERE e.id = %(epic)s;

-- name: recorded_moments
SELECT
    n, parent, back_to, step, workflow, attempt, outcome, branch, commit, tree, note, cost_usd, name, checkpoint_id, created_at
FROM moments WHERE epic_id = %(epic)s ORDER BY n;

-- name: recorded_attempts
-- What is only known of attempts of newer releases is read by name, where it is there.
SELECT
    a.n, a.step, a.workflow, a.workflow_hash, a.executor, a.model, a.base_commit, a.continues, a.result, b.text AS brief, a.pruned_turns,
    to_jsonb(a) -> 'lessons' AS lessons, to_jsonb(a) -> 'recalled' AS recalled, to_jsonb(a) -> 'configuration' AS configuration
FROM attempts a LEFT JOIN briefs b ON b.epic_id = a.epic_id AND b.attempt = a.n
WHERE a.epic_id = %(epic)s ORDER BY a.n;

-- name: recorded_turns
-- Of all attempts at once; a replay that runs no turn asks for none.
SELECT attempt, n, request_hash, model, request, answer, results, tree FROM turns WHERE epic_id = %(epic)s ORDER BY attempt, n;

-- name: recorded_approvals
SELECT moment, gate, status, decision, decided_by, channel, comment, to_moment, amount_usd
FROM approvals WHERE epic_id = %(epic)s ORDER BY moment;

-- name: recorded_rollbacks
SELECT moment, kind, level, to_moment, before_moment, by, guidance, effects FROM rollbacks WHERE epic_id = %(epic)s ORDER BY moment;

-- name: epics_to_check
-- Oldest first, page by page: those that have not ended, and those that have where they are asked for too; of what the caller may read.
SELECT id, status FROM epics
WHERE id > %(after)s AND NOT is_run(id) AND (%(ended)s OR status IN ('queued', 'waiting', 'paused'))
    AND (%(patterns)s::text[] IS NULL OR fits(repo, %(patterns)s::text[]))
ORDER BY id LIMIT %(limit)s;
