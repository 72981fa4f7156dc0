-- Who did what.

-- name: append_audit
SELECT append_audit(%(row)s) AS n;

-- name: who_said_yes
-- Whose word an approval in advance goes by: the newest row in which somebody said so.
SELECT person, n AS row FROM audit WHERE epic = %(epic)s AND NOT refused AND data ->> 'yes' = 'true' ORDER BY n DESC LIMIT 1;
