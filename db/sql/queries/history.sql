-- name: page_of_moments
-- In rising order. What a step cost is what was paid since the moment before, whatever came of what; what a fork took over was paid by its
-- source. A gate's decision made the moment that follows the one at which it was asked for.
SELECT
    m.n, m.parent, m.back_to, m.step, m.workflow, m.attempt, m.outcome, m.branch, m.commit, m.tree, m.checkpoint_id, m.cost_usd,
    CASE WHEN m.n > coalesce(e.forked_at, 0) THEN m.cost_usd - coalesce(b.cost_usd, 0) END AS step_cost_usd,
    CASE m.outcome
        WHEN 'decided' THEN a.decided_by
        WHEN 'rolled_back' THEN r.by
        WHEN 'cancelled' THEN (
            SELECT c.data ->> 'by' FROM commands c
            WHERE c.epic_id = m.epic_id AND c.kind = 'cancel' AND c.created_at <= m.created_at ORDER BY c.id DESC LIMIT 1
        )
        WHEN 'forked' THEN (
            SELECT v.data ->> 'by' FROM events v WHERE v.epic_id = m.epic_id AND v.type = 'epic_forked' ORDER BY v.n LIMIT 1
        )
    END AS decided_by,
    coalesce(f.forks, '{}') AS forks,
    m.name, m.note, m.created_at
FROM moments m
JOIN epics e ON e.id = m.epic_id
LEFT JOIN moments b ON b.epic_id = m.epic_id AND b.n = m.n - 1 AND b.n > coalesce(e.forked_at, 0)
LEFT JOIN approvals a ON a.epic_id = m.epic_id AND a.moment = m.n - 1 AND a.gate = m.step AND a.decision IS NOT NULL
LEFT JOIN rollbacks r ON r.epic_id = m.epic_id AND r.moment = m.n
LEFT JOIN (
    SELECT forked_at, array_agg(id ORDER BY id) AS forks FROM epics WHERE forked_from = %(epic)s GROUP BY forked_at
) AS f ON f.forked_at = m.n
WHERE m.epic_id = %(epic)s AND m.n > %(after)s
ORDER BY m.n
LIMIT %(limit)s;

-- name: moments_after
-- What came of a moment in its own epic.
SELECT n FROM moments WHERE epic_id = %(epic)s AND parent = %(n)s ORDER BY n;

-- name: approvals_around
-- What was asked at a moment, and what was decided on the way to it.
SELECT
    id, epic_id AS epic, gate, moment, status, content_hash, question, options, summary, requested_at, expires_at,
    decision, decided_by, decided_at, channel, comment, to_moment AS to, amount_usd
FROM approvals WHERE epic_id = %(epic)s AND moment IN (%(n)s, %(n)s - 1);

-- name: rollbacks_around
-- Those that made a moment, went back to it, or left it.
SELECT moment, kind, level, to_moment AS to, before_moment AS before, by, guidance, effects, created_at
FROM rollbacks WHERE epic_id = %(epic)s AND %(n)s IN (moment, to_moment, before_moment) ORDER BY moment;

-- name: numbers_given
-- What only ever rises, whatever is gone back to.
SELECT
    last_attempt AS attempts_ever, last_moment AS moments_ever,
    (SELECT count(*) FROM rollbacks r WHERE r.epic_id = e.id) AS rollbacks_ever
FROM epics e WHERE e.id = %(epic)s;

-- name: ancestors
-- The epics that an epic was forked from, the nearest first, each with the moment at which it was left; itself at the place 0.
WITH RECURSIVE line (id, at, place) AS (
    SELECT id, NULL::integer, 0 FROM epics WHERE id = %(epic)s
    UNION ALL
    SELECT e.forked_from, least(l.at, e.forked_at), l.place + 1 FROM line l JOIN epics e ON e.id = l.id WHERE e.forked_from IS NOT NULL
)
SELECT id, at FROM line ORDER BY place;

-- name: lineage
-- A moment and those that it came from.
WITH RECURSIVE line (n, parent) AS (
    SELECT n, parent FROM moments WHERE epic_id = %(epic)s AND n = %(n)s
    UNION
    SELECT m.n, m.parent FROM line l JOIN moments m ON m.epic_id = %(epic)s AND m.n = l.parent
)
SELECT n FROM line ORDER BY n;
