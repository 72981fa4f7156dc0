-- Who did what.

-- name: append_audit
SELECT append_audit(%(row)s) AS n;
