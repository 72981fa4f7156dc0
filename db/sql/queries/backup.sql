-- name: export_snapshot
-- What pg_dump reads is then exactly what the other queries of this transaction read.
SELECT pg_export_snapshot() AS snapshot, current_schema() AS schema, now() AS taken_at;

-- name: other_schemas
SELECT nspname AS name FROM pg_namespace
WHERE nspname <> current_schema() AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname;

-- name: backup_counts
SELECT
    -- An older schema has no runs, nor the function that knows them.
    (SELECT coalesce(jsonb_object_agg(status, n), '{}') FROM (SELECT status, count(*) AS n FROM epics WHERE left(id, 2) <> 'r-' GROUP BY status) AS found) AS epics,
    (SELECT count(*) FROM moments) AS moments;

-- name: what_stands_there
-- How many tables the schema holds, and whether they are Genie's.
SELECT
    current_schema() AS schema, current_database() AS database,
    (SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm')) AS tables,
    to_regclass('epics') IS NOT NULL AND to_regclass('_yoyo_migration') IS NOT NULL AS is_genies,
    to_regclass('audit_head') IS NOT NULL AS has_audit;

-- name: is_without_work
-- A database that was only migrated: nobody has begun anything in it.
SELECT NOT EXISTS (SELECT FROM epics) AND NOT EXISTS (SELECT FROM projects) AS is_new;

-- name: who_is_at_work
SELECT
    (SELECT count(*) FROM leases WHERE token IS NOT NULL AND expires_at > clock_timestamp()) AS leases,
    ARRAY(
        SELECT DISTINCT coalesce(nullif(application_name, ''), 'a nameless one') FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY 1
    ) AS sessions;

-- name: clear_restored_leases
-- Durability rule 2: who held a lease when the backup was made, or takes himself to hold one since, must never write again. The token goes,
-- and the epoch jumps past those that were given after the backup.
-- An epic that nobody had taken by then gets a row for that.
INSERT INTO leases AS l (thread_id, epoch)
SELECT id, 1000 FROM epics UNION SELECT thread_id, 1000 FROM leases
ON CONFLICT (thread_id) DO UPDATE SET
    epoch = l.epoch + 1000, token = NULL, expires_at = '-infinity', worker = '', host = '', pid = NULL, pid_started = '';
