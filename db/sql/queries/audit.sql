-- Who did what.

-- name: append_audit
SELECT append_audit(%(row)s) AS n;

-- name: who_said_yes
-- Whose word an approval in advance goes by: the newest row in which somebody said so.
SELECT person, n AS row FROM audit WHERE epic = %(epic)s AND NOT refused AND data ->> 'yes' = 'true' ORDER BY n DESC LIMIT 1;

-- name: audit_page
-- Newest first. `data` as its text, which is what is hashed. An epic by the beginning of its id, also when the epic itself is gone.
SELECT
    n, CASE WHEN at BETWEEN '0001-01-02' AND '9999-12-30' THEN at END AS at, person, channel, via, address, deed, kind, subject, epic, repo,
    content_hash, answer, refused, data::text AS data,
    encode(previous, 'hex') AS previous, encode(hash, 'hex') AS hash
FROM audit
WHERE (%(before)s::bigint IS NULL OR n < %(before)s::bigint)
    AND (%(person)s::text IS NULL OR person = %(person)s::text)
    AND (%(epic)s::text IS NULL OR (epic <> '' AND starts_with(epic, %(epic)s::text)))
    AND (%(deed)s::text IS NULL OR deed = %(deed)s::text)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s::text)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s::timestamptz)
    AND (%(until)s::timestamptz IS NULL OR at < %(until)s::timestamptz)
    AND (NOT %(refused)s OR refused)
ORDER BY n DESC LIMIT %(limit)s;

-- name: audit_rows
-- In the order of the chain. A time that no clock can have had, which only the owner of the database can write, comes as null.
SELECT
    n, CASE WHEN at BETWEEN '0001-01-02' AND '9999-12-30' THEN at END AS at, person, channel, via, address, deed, kind, subject, epic, repo,
    content_hash, answer, refused, data::text AS data,
    encode(previous, 'hex') AS previous, encode(hash, 'hex') AS hash
FROM audit WHERE n > %(after)s AND n <= %(until)s ORDER BY n LIMIT %(limit)s;

-- name: audit_head
SELECT n, encode(hash, 'hex') AS hash FROM audit_head;

-- name: audit_behind_head
-- As of one instant: what is added meanwhile moves the head with it.
SELECT min(a.n) AS n FROM audit a WHERE a.n > (SELECT h.n FROM audit_head h);

-- name: audit_before
-- The last row before a time, by the numbers: the clock of a server can be set back.
SELECT coalesce(min(n), (SELECT h.n + 1 FROM audit_head h)) - 1 AS n FROM audit WHERE at >= %(since)s;
