-- name: stored_answer
SELECT request_hash, epic_id, answer FROM idempotency_keys
WHERE key = %(key)s AND created_at > now() - make_interval(hours => %(hours)s);

-- name: store_answer
-- No row: somebody else's start under this key was quicker, and has committed. An old key is free again.
INSERT INTO idempotency_keys (key, request_hash, epic_id, answer) VALUES (%(key)s, %(request_hash)s, %(epic)s, %(answer)s)
ON CONFLICT (key) DO UPDATE SET
    request_hash = excluded.request_hash, epic_id = excluded.epic_id, answer = excluded.answer, created_at = now()
WHERE idempotency_keys.created_at <= now() - make_interval(hours => %(hours)s)
RETURNING key;

-- name: forget_old_answers
-- A few with each start, so that the table stays as small as a day's starts. Rows that another start is at are left to it.
DELETE FROM idempotency_keys WHERE key IN (
    SELECT key FROM idempotency_keys WHERE created_at <= now() - make_interval(hours => %(hours)s)
    ORDER BY created_at LIMIT 20 FOR UPDATE SKIP LOCKED
);
