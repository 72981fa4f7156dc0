-- name: asked_key
-- A key by its prefix, with its person as it is today. Why it does not hold any more is told by columns and not by a missing row, so that
-- every refusal does the same work.
SELECT
    k.id, k.hash, k.person, k.grants, p.grants AS person_grants, p.groups, k.old_hash,
    coalesce(k.old_until > clock_timestamp(), false) AS old_holds,
    k.revoked_at IS NOT NULL AS revoked,
    coalesce(k.expires_at <= clock_timestamp(), false) AS expired,
    coalesce(k.last_used_at < clock_timestamp() - interval '1 minute', true) AS use_is_old
FROM keys k
LEFT JOIN people p ON p.name = k.person
WHERE k.prefix = %(prefix)s;

-- name: note_use_of_key
-- At most once a minute, whoever else notes it at this instant: a busy key must not write its row at each request.
UPDATE keys SET last_used_at = clock_timestamp()
WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute');

-- name: insert_key
INSERT INTO keys (id, prefix, hash, person, name, grants, created_by, expires_at)
VALUES (%(id)s, %(prefix)s, %(hash)s, %(person)s, %(name)s, %(grants)s, %(by)s, now() + %(lasts)s::interval)
RETURNING id;

-- name: list_keys
-- Never with a hash.
SELECT
    k.id, k.prefix, k.person, k.name, k.grants, k.created_by, k.created_at, k.rotated_at, k.expires_at, k.revoked_at, k.revoked_by,
    k.last_used_at, CASE WHEN k.old_until > clock_timestamp() THEN k.old_until END AS old_until,
    CASE
        WHEN k.revoked_at IS NOT NULL THEN 'revoked'
        WHEN k.expires_at <= clock_timestamp() THEN 'expired'
        ELSE 'live'
    END AS state
FROM keys k
WHERE (%(person)s::text IS NULL OR k.person = %(person)s::text)
ORDER BY k.created_at, k.id;

-- name: rotate_key
-- The secret so far holds on for the grace; one that was on its grace already ends here. Only a key that holds can be rotated.
UPDATE keys SET
    old_hash = hash, old_until = clock_timestamp() + %(grace)s::interval, hash = %(hash)s, rotated_at = clock_timestamp()
WHERE id = %(id)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
RETURNING id;

-- name: revoke_key
UPDATE keys SET revoked_at = clock_timestamp(), revoked_by = %(by)s, old_hash = NULL, old_until = NULL
WHERE id = %(id)s AND revoked_at IS NULL
RETURNING id;

-- name: revoke_keys_of_person
UPDATE keys SET revoked_at = clock_timestamp(), revoked_by = %(by)s, old_hash = NULL, old_until = NULL
WHERE person = %(person)s AND revoked_at IS NULL
RETURNING id;

-- name: revoke_keys_of_place
-- Those that were made for the same file before, and whose secret stands nowhere any more.
UPDATE keys SET revoked_at = clock_timestamp(), revoked_by = %(by)s, old_hash = NULL, old_until = NULL
WHERE person = %(person)s AND name = %(name)s AND revoked_at IS NULL;

-- name: lock_people
-- One change of people and keys at a time: none may be given more than its giver has at the commit, and none may be the last admin to go.
SELECT pg_advisory_xact_lock(1735289197, 21);
