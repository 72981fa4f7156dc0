-- What agents' tools keep: tasks, and what people were told.

-- name: lock_tasks
-- Numbers are given one after the other; the lock is of the list, which may be empty.
SELECT pg_advisory_xact_lock(hashtextextended(coalesce(%(epic)s, %(session)s), 31));

-- name: list_tasks
SELECT n, text, state, note FROM agent_tasks
WHERE epic_id IS NOT DISTINCT FROM %(epic)s AND session_id IS NOT DISTINCT FROM %(session)s ORDER BY n;

-- name: task_of_call
SELECT n, text, state, note FROM agent_tasks WHERE key = %(key)s;

-- name: add_task
-- No row where the list is full.
INSERT INTO agent_tasks (epic_id, session_id, n, key, text)
SELECT %(epic)s, %(session)s, coalesce(max(n), 0) + 1, %(key)s, %(text)s FROM agent_tasks
WHERE epic_id IS NOT DISTINCT FROM %(epic)s AND session_id IS NOT DISTINCT FROM %(session)s
HAVING count(*) FILTER (WHERE state = 'open') < %(most_open)s AND count(*) < %(most)s
RETURNING n, text, state, note;

-- name: end_task
UPDATE agent_tasks SET state = %(state)s, note = %(note)s, ended_at = now()
WHERE epic_id IS NOT DISTINCT FROM %(epic)s AND session_id IS NOT DISTINCT FROM %(session)s AND n = %(n)s
RETURNING n, text, state, note;

-- name: keep_told
-- No row where they were told before.
INSERT INTO people_told (key, epic_id, attempt) VALUES (%(key)s, %(epic)s, %(attempt)s) ON CONFLICT (key) DO NOTHING RETURNING key;
