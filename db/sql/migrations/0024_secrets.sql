-- Secrets at rest. What is sealed is a text `gs1.<name of its data key>.<payload>`; the data keys are here too, each sealed by a master key
-- that is never in the database. Signing secrets of webhooks (webhooks.secret) are sealed by the first process that has a key.

CREATE TABLE data_keys (
    name text PRIMARY KEY,
    -- The data key, sealed by a master key; `gs1.<name of the master key>.<payload>`.
    wrapped text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- It seals no more since then, and opens what it sealed.
    retired_at timestamptz,
    -- Nothing was found any more that it had sealed.
    emptied_at timestamptz
);
-- One seals.
CREATE UNIQUE INDEX data_keys_current ON data_keys ((true)) WHERE retired_at IS NULL;

CREATE TABLE secrets (
    name text PRIMARY KEY,
    sealed text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL
);
