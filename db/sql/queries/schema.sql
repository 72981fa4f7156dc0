-- What migrations need to know and to remember.

-- name: applied_migrations
-- The numbered migrations that this database has, and the libraries whose tables it has, each with its version.
-- It fails on a database that was never migrated; that says it too, in one round trip.
SELECT
    ARRAY(SELECT migration_id FROM _yoyo_migration ORDER BY migration_id)::text[] AS applied,
    ARRAY(SELECT library || '-' || version FROM library_schemas)::text[] AS libraries;

-- name: try_migration_lock
-- Polled, never waited for: LangGraph builds an index concurrently, which would wait for the snapshot of a waiter.
SELECT pg_try_advisory_lock(%(key)s) AS locked;

-- name: create_library_schemas
-- Which libraries made their own tables here. A row for each version, so that two hosts with two versions do not take turns.
CREATE TABLE IF NOT EXISTS library_schemas (
    library text NOT NULL,
    version text NOT NULL,
    set_up_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (library, version)
);

-- name: record_library_schema
INSERT INTO library_schemas (library, version) VALUES (%(library)s, %(version)s) ON CONFLICT DO NOTHING;

-- name: langgraph_schema_version
-- The number of LangGraph's last migration, or no row value before its first.
SELECT max(v) AS version FROM checkpoint_migrations;

-- name: library_versions
SELECT version FROM library_schemas WHERE library = %(library)s;

-- name: end_idle_transactions
SET idle_in_transaction_session_timeout = '10s';

-- name: database_id
SELECT id::text AS id FROM identity;
