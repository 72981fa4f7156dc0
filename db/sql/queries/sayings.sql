-- What people say to an agent at work.

-- name: untold_sayings
SELECT n, text, said_by FROM sayings WHERE epic_id = %(epic)s AND told_at IS NULL ORDER BY n;

-- name: told_in_turn
UPDATE sayings SET attempt = %(attempt)s, turn = %(turn)s, told_at = now()
WHERE epic_id = %(epic)s AND n = ANY(%(heard)s) AND told_at IS NULL;
