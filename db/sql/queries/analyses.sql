-- name: lessons_of_task
-- What the brief of a task's attempt tells of earlier failures, if there is one; else whether there is anything to tell.
SELECT
    a.epic_id IS NOT NULL AS opened, a.lessons,
    EXISTS (SELECT FROM analyses o WHERE o.project_id = e.project_id) AS any_failure
FROM epics e LEFT JOIN attempts a ON a.epic_id = e.id AND a.task_id = %(task)s
WHERE e.id = %(epic)s;

-- name: bound_search
SELECT set_config('statement_timeout', %(ms)s::text, true);

-- name: search_analyses
-- Failures of one project, of some steps: the newest of each kind in each epic, with how like its words are to the text. Any of the words of the
-- text may match: `plainto_tsquery` asks for all of them, so its operators are replaced; a word has no blank, so none of them is hurt.
WITH asked AS (
    SELECT e.id, e.project_id, replace(plainto_tsquery('english', left(%(text)s, 4000))::text, ' & ', ' | ')::tsquery AS query
    FROM epics e WHERE e.id = %(epic)s
), recent AS (
    SELECT a.epic_id, a.moment, a.attempt, a.step, a.analysis, a.words, a.worked, a.created_at, asked.query
    FROM asked JOIN analyses a ON a.project_id = asked.project_id
    WHERE a.step = ANY (%(steps)s) AND a.analysis ->> 'type' <> ALL (%(but_types)s)
        AND NOT (a.epic_id = asked.id AND a.analysis ->> 'point' IS NOT DISTINCT FROM %(but_point)s)
    ORDER BY a.created_at DESC LIMIT 1000
), newest AS (
    SELECT DISTINCT ON (r.epic_id, r.step, r.analysis ->> 'type')
        r.epic_id, r.moment, r.attempt, r.step, r.analysis, r.worked, r.created_at, ts_rank(r.words, r.query)::float8 AS likeness
    FROM recent r ORDER BY r.epic_id, r.step, r.analysis ->> 'type', r.moment DESC
)
SELECT
    n.epic_id AS epic, n.moment, n.attempt, n.step, n.analysis, n.worked, n.likeness, n.created_at,
    extract(epoch FROM now() - n.created_at)::float8 / 86400 AS days,
    coalesce(t.result -> 'files', '[]') AS files
FROM newest n LEFT JOIN attempts t ON t.epic_id = n.epic_id AND t.n = n.attempt
ORDER BY n.likeness DESC, n.created_at DESC, n.epic_id DESC, n.moment DESC LIMIT 60;

-- name: settle_analysis
SELECT settle_analysis(%(epic)s, %(n)s);

-- name: attempt_before
SELECT
    b.attempt, a.configuration,
    coalesce(t.result #> '{output,without_tools}', '[]') AS without_tools,
    b.person OR EXISTS (
        SELECT FROM events p JOIN events r ON r.epic_id = p.epic_id AND r.n > p.n AND r.type = 'epic_resumed'
        WHERE p.epic_id = %(epic)s AND p.type = 'epic_paused' AND p.created_at >= coalesce(a.ended_at, a.started_at)
    ) AS person
FROM attempt_before(%(epic)s, %(step)s) b
LEFT JOIN attempts a ON a.epic_id = %(epic)s AND a.n = b.attempt
LEFT JOIN attempts t ON t.epic_id = %(epic)s AND t.n = b.analyst;
