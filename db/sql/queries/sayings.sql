-- What people say to an agent at work.

-- name: lock_epic_to_speak
-- Numbers are given, and the end of an epic is waited for, under its row's lock.
SELECT status FROM epics WHERE id = %(epic)s FOR UPDATE;

-- name: keep_saying
INSERT INTO sayings (epic_id, n, text, said_by, channel)
SELECT %(epic)s, coalesce(max(n), 0) + 1, %(text)s, %(by)s, %(channel)s FROM sayings WHERE epic_id = %(epic)s
RETURNING n, text, said_by AS by, channel, said_at, told_at, attempt, turn;

-- name: list_sayings
SELECT n, text, said_by AS by, channel, said_at, told_at, attempt, turn FROM sayings WHERE epic_id = %(epic)s ORDER BY n;

-- name: untold_sayings
SELECT n, text, said_by FROM sayings WHERE epic_id = %(epic)s AND told_at IS NULL ORDER BY n;

-- name: told_in_turn
UPDATE sayings SET attempt = %(attempt)s, turn = %(turn)s, told_at = now()
WHERE epic_id = %(epic)s AND n = ANY(%(heard)s) AND told_at IS NULL RETURNING n;

-- name: recorded_sayings
-- Those that were told, under the numbers under which they were.
SELECT coalesce(told_as, n) AS n, text, said_by, attempt, turn FROM sayings WHERE epic_id = %(epic)s AND told_at IS NOT NULL ORDER BY n;
