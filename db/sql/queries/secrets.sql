-- name: data_keys
SELECT name, wrapped, retired_at IS NULL AS is_current FROM data_keys;

-- name: insert_data_key
-- One process makes the first one; the others take that.
INSERT INTO data_keys (name, wrapped) VALUES (%(name)s, %(wrapped)s) ON CONFLICT DO NOTHING;

-- name: put_secret
INSERT INTO secrets (name, sealed, updated_by) VALUES (%(name)s, %(sealed)s, %(by)s)
ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated_at = now(), updated_by = excluded.updated_by;

-- name: list_secrets
-- Never with a value.
SELECT name, updated_at, updated_by FROM secrets ORDER BY name;

-- name: sealed_secrets
SELECT name, sealed FROM secrets ORDER BY name;

-- name: delete_secret
DELETE FROM secrets WHERE name = %(name)s RETURNING name;
