-- name: see_agent
-- Written only where something is new: every run says what agent it is of.
INSERT INTO agents AS a (name, kind, description, content_hash) VALUES (%(name)s, %(kind)s, %(description)s, %(content_hash)s)
ON CONFLICT (name) DO UPDATE SET
    kind = excluded.kind, description = excluded.description, content_hash = excluded.content_hash, last_seen = now()
WHERE a.last_seen < now() - interval '1 minute'
    OR (a.kind, a.description, a.content_hash) IS DISTINCT FROM (excluded.kind, excluded.description, excluded.content_hash);

-- name: insert_session
INSERT INTO sessions (id, agent, name, repo, person) VALUES (%(id)s, %(agent)s, %(name)s, %(repo)s, %(person)s)
ON CONFLICT DO NOTHING RETURNING id;

-- name: session_by_name
SELECT id FROM sessions
WHERE agent = %(agent)s AND repo = %(repo)s AND name = %(name)s AND (repo <> '' OR person = %(person)s);

-- name: find_sessions
-- What the caller may not read is not there for it; a conversation about no repository is its person's own, and an admin's of everything.
SELECT id, repo FROM sessions
WHERE starts_with(id, %(given)s) AND (CASE
    WHEN repo = '' THEN %(all)s OR person = %(person)s
    ELSE %(patterns)s::text[] IS NULL OR fits(repo, %(patterns)s::text[])
END)
ORDER BY id LIMIT 6;

-- name: find_sessions_named
-- As before, by name.
SELECT id, repo FROM sessions
WHERE name = %(given)s AND (CASE
    WHEN repo = '' THEN %(all)s OR person = %(person)s
    ELSE %(patterns)s::text[] IS NULL OR fits(repo, %(patterns)s::text[])
END)
ORDER BY id LIMIT 6;

-- name: lock_session
-- Whoever joins, speaks or removes holds the row; `busy` is the run that has not ended, if one has not.
SELECT
    s.id, s.agent, s.name, s.repo, s.person, s.status,
    (SELECT e.id FROM epics e WHERE e.id = s.run_id AND e.status IN ('queued', 'waiting')) AS busy
FROM sessions s WHERE s.id = %(id)s FOR NO KEY UPDATE;

-- name: join_session
WITH joined AS (INSERT INTO session_runs (run_id, session_id) VALUES (%(run)s, %(session)s))
UPDATE sessions SET run_id = %(run)s, updated_at = now() WHERE id = %(session)s;

-- name: part_of_run
SELECT r.session_id, r.status_key, r.version, r.prompt, r.used, s.agent, s.repo, s.person
FROM session_runs r JOIN sessions s ON s.id = r.session_id WHERE r.run_id = %(run)s;

-- name: keep_filled_prompt
-- The first one counts.
UPDATE session_runs SET status_key = %(status_key)s, version = %(version)s, prompt = %(prompt)s, used = %(used)s
WHERE run_id = %(run)s AND prompt IS NULL RETURNING run_id;

-- name: session_view
SELECT
    s.id, s.agent, s.name, s.repo, s.person, s.status, s.created_at, s.updated_at,
    (SELECT e.id FROM epics e WHERE e.id = s.run_id AND e.status IN ('queued', 'waiting')) AS busy_with,
    (SELECT coalesce(max(m.n), 0) FROM messages m WHERE m.session_id = s.id) AS messages,
    (SELECT count(*) FROM session_runs r WHERE r.session_id = s.id) AS runs
FROM sessions s WHERE s.id = %(id)s;

-- name: list_sessions
-- The newest first; the cursor is the id of the last one seen.
SELECT
    s.id, s.agent, s.name, s.repo, s.person, s.status, s.created_at, s.updated_at,
    (SELECT e.id FROM epics e WHERE e.id = s.run_id AND e.status IN ('queued', 'waiting')) AS busy_with,
    (SELECT coalesce(max(m.n), 0) FROM messages m WHERE m.session_id = s.id) AS messages,
    (SELECT count(*) FROM session_runs r WHERE r.session_id = s.id) AS runs
FROM sessions s
WHERE (%(before)s::text IS NULL OR s.id < %(before)s)
    AND (%(agent)s::text IS NULL OR s.agent = %(agent)s)
    AND (%(repo)s::text IS NULL OR s.repo = %(repo)s)
    AND (%(name)s::text IS NULL OR s.name = %(name)s)
    AND (%(status)s::text IS NULL OR s.status = %(status)s)
    AND (CASE
        WHEN s.repo = '' THEN %(all)s OR s.person = %(person)s
        ELSE %(patterns)s::text[] IS NULL OR fits(s.repo, %(patterns)s::text[])
    END)
ORDER BY s.id DESC LIMIT %(limit)s;

-- name: close_session
UPDATE sessions SET status = %(status)s, updated_at = now() WHERE id = %(id)s;

-- name: rename_session
-- No row where the name is taken: two that come at once both look, and the index refuses the second.
UPDATE sessions s SET name = %(name)s, updated_at = now()
WHERE s.id = %(id)s AND NOT EXISTS (
    SELECT FROM sessions o WHERE o.agent = s.agent AND o.repo = s.repo AND o.name = %(name)s AND o.id <> s.id
        AND (s.repo <> '' OR o.person = s.person)
)
RETURNING s.id;

-- name: delete_session
DELETE FROM sessions WHERE id = %(id)s;
