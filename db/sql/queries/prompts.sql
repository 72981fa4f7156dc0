-- name: prompt_of_agent
SELECT agent, status_key, version, text, variables, own, active, author, created_at
FROM prompt_of_agent(%(agent)s, 'default', %(text)s, %(variables)s);

-- name: active_prompt
SELECT agent, status_key, version, text, variables, own, active, author, created_at
FROM prompts WHERE agent = %(agent)s AND status_key = %(key)s AND active;

-- name: add_prompt
SELECT agent, status_key, version, text, variables, own, active, author, created_at
FROM add_prompt(%(agent)s, %(key)s, %(text)s, %(variables)s, %(author)s, false);

-- name: activate_prompt
-- No row if there is no such version.
SELECT agent, status_key, version, text, variables, own, active, author, created_at
FROM activate_prompt(%(agent)s, %(key)s, %(version)s);

-- name: one_prompt
SELECT agent, status_key, version, text, variables, own, active, author, created_at
FROM prompts WHERE agent = %(agent)s AND status_key = %(key)s AND version = %(version)s;

-- name: list_prompts
-- By agent and status key, the newest version first; the cursor is the last one seen.
SELECT agent, status_key, version, text, variables, own, active, author, created_at FROM prompts
WHERE (%(agent)s::text IS NULL OR agent = %(agent)s) AND (%(key)s::text IS NULL OR status_key = %(key)s) AND (NOT %(active)s OR active)
    AND (%(after_agent)s::text IS NULL
        OR (agent, status_key, -version) > (%(after_agent)s::text, %(after_key)s::text, -(%(after_version)s::integer)))
ORDER BY agent, status_key, version DESC LIMIT %(limit)s;
