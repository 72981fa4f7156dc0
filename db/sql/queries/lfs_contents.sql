-- name: keep_lfs_content
-- The fence is asked first, in the same statement.
INSERT INTO lfs_contents (epic_id, oid, data)
SELECT %(epic)s, %(oid)s, %(data)s FROM assert_lease(%(epic)s, %(epoch)s, %(token)s)
ON CONFLICT (epic_id, oid) DO NOTHING;

-- name: kept_lfs_contents
-- Which of these contents an epic has kept.
SELECT oid FROM lfs_contents WHERE epic_id = %(epic)s AND oid = ANY(%(oids)s);

-- name: lfs_content
-- A content that any epic of the same project has kept.
SELECT c.data FROM lfs_contents c
JOIN epics e ON e.id = c.epic_id
JOIN epics own ON own.id = %(epic)s AND own.project_id = e.project_id
WHERE c.oid = %(oid)s LIMIT 1;
