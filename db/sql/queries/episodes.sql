-- name: known_project
-- The number of a project, given when it is first named; nothing is written where it is there.
WITH there AS (SELECT id FROM known_projects WHERE name = %(project)s),
made AS (
    INSERT INTO known_projects (name) SELECT %(project)s WHERE NOT EXISTS (SELECT FROM there)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id
)
SELECT id FROM there UNION ALL SELECT id FROM made;

-- name: enqueue_episode
-- Once by its key, if its project has room. What has room is looked at before and not under a lock: a few too many do no harm. What is
-- derived from other rows follows them: told anew in other words, it takes the place of what the store has, once nobody is at it any more.
WITH waiting AS (
    SELECT count(*) AS n FROM (SELECT FROM episodes WHERE project_id = %(project)s AND state = 'queued' LIMIT %(most)s::integer) AS counted
), known AS (
    SELECT FROM episodes WHERE project_id = %(project)s AND key = %(key)s
), added AS (
    INSERT INTO episodes AS e (project_id, key, shelf, title, body, happened_at, source, facts)
    SELECT %(project)s, %(key)s, %(shelf)s, %(title)s, %(body)s, %(happened_at)s, %(source)s, %(facts)s
    FROM waiting WHERE waiting.n < %(most)s::integer OR EXISTS (SELECT FROM known)
    ON CONFLICT (project_id, key) DO UPDATE SET
        title = excluded.title, body = excluded.body, happened_at = excluded.happened_at, source = excluded.source, facts = excluded.facts,
        state = 'queued', stale = true, tries = 0, first_tried_at = NULL, problem = NULL,
        next_try_at = greatest(clock_timestamp(), e.claimed_until), claim = NULL, claimed_until = '-infinity'
    WHERE %(follows)s::boolean AND e.state <> 'refused'
        AND (e.title, e.body, e.happened_at, e.source, e.facts)
            IS DISTINCT FROM (excluded.title, excluded.body, excluded.happened_at, excluded.source, excluded.facts)
    RETURNING xmax = 0 AS is_new
)
SELECT EXISTS (SELECT FROM added WHERE is_new) AS added, EXISTS (SELECT FROM known) AS known, (SELECT n FROM waiting) >= %(most)s::integer AS is_full;

-- name: claim_episodes
-- What is due and nobody is at, the oldest first; of what is forgotten, what the store may still have. The conditions stand beside the lock, so that of two with the same snapshot one goes without.
WITH taken AS (
    SELECT id FROM episodes
    WHERE (state = 'queued' OR (state = 'refused' AND stale)) AND next_try_at <= clock_timestamp() AND claimed_until <= clock_timestamp()
        AND (%(project)s::text IS NULL OR project_id = (SELECT id FROM known_projects WHERE name = %(project)s::text))
    ORDER BY next_try_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE episodes e SET claim = %(claim)s, claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    FROM taken WHERE e.id = taken.id
    RETURNING e.id, e.project_id, e.key, e.shelf, e.title, e.body, e.happened_at, e.source, e.facts, e.tries, e.state, e.stale
)
SELECT c.id, p.name AS project, c.key, c.shelf, c.title, c.body, c.happened_at, c.source, c.facts, c.tries, c.stale,
    c.state = 'refused' AS refused
FROM claimed c JOIN known_projects p ON p.id = c.project_id ORDER BY c.id;

-- name: episode_stored
-- Only by who has the claim: one that was forgotten or queued anew meanwhile stays so.
UPDATE episodes SET
    state = CASE state WHEN 'queued' THEN 'stored' ELSE state END, stale = false, stored_at = clock_timestamp(), tries = tries + 1, problem = NULL,
    claim = NULL, claimed_until = '-infinity'
WHERE id = %(id)s AND claim = %(claim)s
RETURNING id;

-- name: episode_failed
-- Put off, or dead: where its next try would come too long after its first, or it cannot be stored by trying again.
UPDATE episodes SET
    tries = tries + 1, problem = %(problem)s, claim = NULL, claimed_until = '-infinity',
    first_tried_at = coalesce(first_tried_at, clock_timestamp()),
    next_try_at = clock_timestamp() + make_interval(secs => %(wait)s),
    state = CASE
        WHEN state = 'refused' THEN state
        WHEN %(hopeless)s OR coalesce(first_tried_at, clock_timestamp()) + make_interval(secs => %(give_up)s)
            < clock_timestamp() + make_interval(secs => %(wait)s) THEN 'dead'
        ELSE state
    END
WHERE id = %(id)s AND claim = %(claim)s
RETURNING state = 'dead' AS dead;

-- name: episode_given_back
-- By a process that ends before it came to it.
UPDATE episodes SET claim = NULL, claimed_until = '-infinity' WHERE claim = %(claim)s RETURNING id;

-- name: list_queued
-- What is not stored, the oldest first.
SELECT e.id, p.name AS project, e.key, e.shelf AS "group", e.title, e.state, e.tries, e.problem, e.queued_at,
    CASE WHEN e.state = 'queued' THEN e.next_try_at END AS next_try_at
FROM episodes e JOIN known_projects p ON p.id = e.project_id
WHERE e.state IN ('queued', 'dead')
    AND (%(projects)s::text[] IS NULL OR p.name = ANY (%(projects)s::text[]))
    AND (NOT %(dead)s OR e.state = 'dead')
    AND (%(own)s::text IS NULL OR NOT starts_with(p.name, 'person:') OR p.name = %(own)s)
ORDER BY e.id LIMIT %(limit)s;

-- name: count_episodes
SELECT
    count(*) FILTER (WHERE e.state = 'queued') AS queued, count(*) FILTER (WHERE e.state = 'stored') AS stored,
    count(*) FILTER (WHERE e.state = 'dead') AS dead, count(*) FILTER (WHERE e.state = 'refused') AS refused
FROM episodes e JOIN known_projects p ON p.id = e.project_id
WHERE %(project)s::text IS NULL OR p.name = %(project)s::text;

-- name: retry_episodes
-- Tries what is dead, or waits for its next try, now.
UPDATE episodes e SET
    state = 'queued', tries = 0, first_tried_at = NULL, problem = NULL,
    next_try_at = CASE WHEN e.stale AND e.tries = 0 THEN e.next_try_at ELSE clock_timestamp() END
FROM known_projects p
WHERE p.id = e.project_id AND e.state IN ('queued', 'dead') AND (e.state = 'dead' OR e.tries > 0)
    AND (%(project)s::text IS NULL OR p.name = %(project)s::text)
RETURNING e.id;

-- name: queue_anew
-- For a store that was wiped: all but what is forgotten. A claim ends: what its holder notes counts no more.
UPDATE episodes e SET
    state = 'queued', tries = 0, first_tried_at = NULL, problem = NULL, claim = NULL, claimed_until = '-infinity',
    next_try_at = CASE WHEN e.stale THEN greatest(clock_timestamp(), e.next_try_at, e.claimed_until) ELSE clock_timestamp() END
FROM known_projects p
WHERE p.id = e.project_id AND e.state <> 'refused' AND (%(project)s::text IS NULL OR p.name = %(project)s::text)
RETURNING e.id;

-- name: refuse_episodes
-- Forgotten for good: the key stays, so that nothing tells it again. It is taken out of the store once more when nobody is storing
-- it any more: whoever asked may not have come so far.
UPDATE episodes e SET
    state = 'refused', title = '', body = '', facts = '[]', problem = NULL, claim = NULL, claimed_until = '-infinity',
    stale = true, next_try_at = greatest(clock_timestamp(), e.claimed_until), tries = 0
FROM known_projects p
WHERE p.id = e.project_id AND p.name = %(project)s AND e.shelf = ANY (%(shelves)s) AND (%(key)s::text IS NULL OR e.key = %(key)s::text)
    AND e.state <> 'refused'
RETURNING e.id;

-- name: facts_of_episode
-- Locked until what is left of them is written.
SELECT e.id, e.facts FROM episodes e JOIN known_projects p ON p.id = e.project_id
WHERE p.name = %(project)s AND e.key = %(key)s FOR UPDATE OF e;

-- name: keep_facts_of_episode
-- Those that are left; the body goes, since it tells of all. Who is storing it right now is waited for, as above.
UPDATE episodes SET
    facts = %(facts)s, body = title, stale = stale OR claimed_until > clock_timestamp(), next_try_at = greatest(next_try_at, claimed_until),
    claim = NULL, claimed_until = '-infinity'
WHERE id = %(id)s RETURNING id;
