-- name: attempt_of_task
SELECT
    a.n, a.workflow, a.workflow_hash, a.executor, a.model, a.base_commit, a.branch, b.text AS brief, a.limit_usd, a.continues, a.result,
    a.configuration, a.started_at
FROM attempts a LEFT JOIN briefs b ON b.epic_id = a.epic_id AND b.attempt = a.n
WHERE a.epic_id = %(epic)s AND a.task_id = %(task)s;

-- name: take_attempt_number
UPDATE epics SET last_attempt = last_attempt + 1 WHERE id = %(epic)s RETURNING last_attempt AS n;

-- name: open_attempt
INSERT INTO attempts (
    epic_id, n, task_id, step, workflow, workflow_hash, executor, model, base_commit, branch, limit_usd, continues, epoch,
    configuration, changed, lessons, recalled, setup
) VALUES (
    %(epic)s, %(n)s, %(task)s, %(step)s, %(workflow)s, %(workflow_hash)s, %(executor)s, %(model)s, %(base_commit)s, %(branch)s,
    %(limit_usd)s, %(continues)s, %(epoch)s, %(configuration)s, %(changed)s, %(lessons)s, %(recalled)s, %(setup)s
)
RETURNING
    n, workflow, workflow_hash, executor, model, base_commit, branch, limit_usd, continues, result, configuration, started_at;

-- name: show_attempt
-- The epic shows the attempt that runs, not the one that ended last.
UPDATE epics SET attempt = %(n)s WHERE id = %(epic)s;

-- name: keep_brief
INSERT INTO briefs (epic_id, attempt, text) VALUES (%(epic)s, %(n)s, %(brief)s);

-- name: end_attempt
UPDATE attempts SET result = %(result)s, ended_at = now() WHERE epic_id = %(epic)s AND n = %(n)s AND result IS NULL;

-- name: list_attempts
SELECT
    a.n, a.step, a.workflow, a.executor, a.model, a.branch, a.base_commit, a.result, a.recovery, a.started_at, a.ended_at,
    a.configuration, a.changed, a.setup - 'log' AS setup,
    (
        SELECT jsonb_agg(jsonb_build_object(
            'epic', l -> 'epic', 'moment', l -> 'moment', 'attempt', l -> 'attempt', 'step', l -> 'step', 'type', l -> 'type'
        )) FROM jsonb_array_elements(a.lessons) AS l
    ) AS lessons,
    (
        SELECT jsonb_agg(jsonb_build_object('id', r -> 'id', 'group', r -> 'group', 'score', r -> 'score', 'source', r -> 'source'))
        FROM jsonb_array_elements(a.recalled) AS r
    ) AS recalled,
    (SELECT count(*) FROM turns t WHERE t.epic_id = a.epic_id AND t.attempt = a.n) + a.pruned_turns AS turns,
    (
        SELECT coalesce(sum(c.cost_usd), 0) FROM calls c WHERE c.epic_id = a.epic_id AND c.attempt = a.n AND c.state = 'settled'
    ) AS cost_usd
FROM attempts a WHERE a.epic_id = %(epic)s ORDER BY a.n;

-- name: list_turns
SELECT
    t.n, t.request_hash, t.model, t.request, t.answer, t.results, t.tree, t.head, t.created_at,
    ARRAY(
        SELECT coalesce(s.told_as, s.n) FROM sayings s WHERE s.epic_id = t.epic_id AND s.attempt = t.attempt AND s.turn = t.n ORDER BY s.n
    ) AS heard
FROM turns t WHERE t.epic_id = %(epic)s AND t.attempt = %(attempt)s ORDER BY t.n;

-- name: record_answer
-- A turn that was recorded stays as it was: what was bought is the truth.
INSERT INTO turns (epic_id, attempt, n, request_hash, model, request, answer)
VALUES (%(epic)s, %(attempt)s, %(n)s, %(request_hash)s, %(model)s, %(request)s, %(answer)s)
ON CONFLICT (epic_id, attempt, n) DO NOTHING;

-- name: record_results
UPDATE turns SET results = %(results)s, tree = %(tree)s, head = %(head)s
WHERE epic_id = %(epic)s AND attempt = %(attempt)s AND n = %(n)s AND results IS NULL;

-- name: reserve_call
SELECT call_id, max_tokens, scope, limit_usd, spent_usd, needed_usd
FROM reserve_call(
    %(epic)s, %(attempt)s, %(model)s, %(input_usd)s, %(output_usd)s, %(wish)s::integer, %(floor)s::integer
);

-- name: settle_call
UPDATE calls SET
    state = 'settled', model = %(model)s, cost_usd = %(cost_usd)s, input_tokens = %(input)s, output_tokens = %(output)s,
    cache_read_tokens = %(cache_read)s, cache_write_tokens = %(cache_write)s, settled_at = now()
WHERE id = %(call)s AND epic_id = %(epic)s AND state = 'reserved';

-- name: release_call
UPDATE calls SET state = 'released', cost_usd = 0, note = %(note)s, settled_at = now()
WHERE id = %(call)s AND epic_id = %(epic)s AND state = 'reserved';

-- name: attempt_usage
SELECT
    coalesce(sum(cost_usd), 0) AS cost_usd, coalesce(sum(input_tokens), 0)::bigint AS input, coalesce(sum(output_tokens), 0)::bigint AS output
FROM calls WHERE epic_id = %(epic)s AND attempt = %(attempt)s;

-- name: attempt
SELECT n, workflow, executor, model, base_commit, branch, continues, result, started_at, pruned_turns
FROM attempts WHERE epic_id = %(epic)s AND n = %(n)s;
