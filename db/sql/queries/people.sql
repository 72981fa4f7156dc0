-- name: list_people
SELECT
    p.name, p.groups, p.grants, p.created_at, p.created_by,
    coalesce(
        (SELECT jsonb_agg(jsonb_build_object('kind', i.kind, 'value', i.value) ORDER BY i.kind, i.value)
         FROM identities i WHERE i.person = p.name), '[]'::jsonb
    ) AS identities,
    (SELECT count(*) FROM keys k
     WHERE k.person = p.name AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())) AS keys
FROM people p
WHERE %(name)s::text IS NULL OR p.name = %(name)s::text
ORDER BY p.name;

-- name: person_identified
-- Who is known in a channel by a name.
SELECT p.name, p.groups, p.grants, p.created_at FROM identities i JOIN people p ON p.name = i.person
WHERE i.kind = %(kind)s AND i.value = %(value)s;

-- name: person_named
SELECT p.name, p.groups, p.grants, p.created_at FROM people p WHERE p.name = %(name)s;

-- name: insert_person
INSERT INTO people (name, groups, grants, created_by) VALUES (%(name)s, %(groups)s, %(grants)s, %(by)s)
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: update_person
UPDATE people SET groups = coalesce(%(groups)s::text[], groups), grants = coalesce(%(grants)s::jsonb, grants)
WHERE name = %(name)s
RETURNING name;

-- name: delete_person
DELETE FROM people WHERE name = %(name)s RETURNING name;

-- name: insert_identity
INSERT INTO identities (kind, value, person) VALUES (%(kind)s, %(value)s, %(person)s)
ON CONFLICT (kind, value) DO NOTHING
RETURNING person;

-- name: identity_owner
SELECT person FROM identities WHERE kind = %(kind)s AND value = %(value)s;

-- name: delete_identity
DELETE FROM identities WHERE kind = %(kind)s AND value = %(value)s AND person = %(person)s RETURNING person;

-- name: admins_left
-- How many people may administer all.
SELECT count(*) AS admins FROM people WHERE grants @> '[{"role": "admin", "repo": "**"}]'::jsonb;

-- name: token_asked
-- All that the database has to say about a token, in one row whatever it is: taken back, its person by name or by link, its key.
SELECT
    EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = %(jti)s) AS revoked,
    NOT EXISTS (
        SELECT 1 FROM keys k
        WHERE k.id = %(key)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
    ) AS key_gone,
    p.name, p.groups, p.grants, p.created_at
FROM (SELECT 1) AS one
LEFT JOIN people p ON p.name = coalesce(
    %(person)s::text, (SELECT i.person FROM identities i WHERE i.kind = 'jwt' AND i.value = %(identity)s::text)
);

-- name: revoke_token
INSERT INTO revoked_tokens (jti, revoked_by) VALUES (%(jti)s, %(by)s)
ON CONFLICT (jti) DO NOTHING
RETURNING jti;
