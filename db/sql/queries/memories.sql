-- name: memories_for
-- All that a prompt needs at once: of each name the value nearest to the conversation.
SELECT DISTINCT ON (name) name, value, scope FROM memories
WHERE name = ANY (%(names)s) AND (
    scope = 'installation' OR (scope = 'project' AND repo = %(repo)s) OR (scope = 'agent' AND agent = %(agent)s)
    OR (scope = 'session' AND session_id = %(session)s)
)
ORDER BY name, array_position(ARRAY['session', 'agent', 'project', 'installation'], scope);

-- name: set_memory
INSERT INTO memories (scope, repo, agent, session_id, name, value, updated_by)
VALUES (%(scope)s, %(repo)s, %(agent)s, %(session)s, %(name)s, %(value)s, %(by)s)
ON CONFLICT (scope, owner, name) DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by, updated_at = now()
RETURNING scope, owner, name, value, updated_by, updated_at;

-- name: get_memory
SELECT scope, owner, name, value, updated_by, updated_at FROM memories
WHERE scope = %(scope)s AND owner = %(owner)s AND name = %(name)s;

-- name: unset_memory
DELETE FROM memories WHERE scope = %(scope)s AND owner = %(owner)s AND name = %(name)s
RETURNING scope, owner, name, value, updated_by, updated_at;

-- name: list_memories
-- Those that the caller may read, by scope, owner and name; the cursor is the last one seen.
SELECT m.scope, m.owner, m.name, m.value, m.updated_by, m.updated_at FROM memories m
WHERE (%(scope)s::text IS NULL OR m.scope = %(scope)s)
    AND (%(owner)s::text IS NULL OR m.owner = %(owner)s)
    AND (%(name)s::text IS NULL OR m.name = %(name)s)
    AND (m.scope <> 'project' OR %(patterns)s::text[] IS NULL OR fits(m.repo, %(patterns)s::text[]))
    AND (m.scope <> 'session' OR EXISTS (
        SELECT FROM sessions s WHERE s.id = m.session_id AND (CASE
            WHEN s.repo = '' THEN %(all)s OR s.person = %(person)s
            ELSE %(patterns)s::text[] IS NULL OR fits(s.repo, %(patterns)s::text[])
        END)
    ))
    AND (%(after_scope)s::text IS NULL OR (m.scope, m.owner, m.name) > (%(after_scope)s::text, %(after_owner)s::text, %(after_name)s::text))
ORDER BY m.scope, m.owner, m.name LIMIT %(limit)s;
