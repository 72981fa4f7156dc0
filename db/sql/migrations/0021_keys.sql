-- Who may ask: people, what each channel knows them by, their keys, and the tokens that were taken back.

CREATE TABLE people (
    name text PRIMARY KEY,
    groups text[] NOT NULL DEFAULT '{}',
    -- [{"role": "approver", "repo": "https://git.example.org/shop/*"}, …]
    grants jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL
);

-- One person for each name in a channel: a second one could decide in the first one's place.
CREATE TABLE identities (
    kind text NOT NULL CHECK (kind IN ('os', 'slack', 'jwt')),
    value text NOT NULL,
    person text NOT NULL REFERENCES people (name) ON DELETE CASCADE,
    PRIMARY KEY (kind, value)
);
CREATE INDEX identities_of_person ON identities (person);

-- A key outlives its person as a row that opens nothing: the audit names it by its id.
CREATE TABLE keys (
    id text PRIMARY KEY,
    -- What stands in clear in the key, to find the row by. It stays when the key is rotated.
    prefix text NOT NULL UNIQUE,
    -- SHA-256 of the whole key (docs/decisions/0014).
    hash bytea NOT NULL,
    -- Of the secret before the last rotation, which holds for a grace.
    old_hash bytea,
    old_until timestamptz,
    person text NOT NULL,
    name text NOT NULL,
    grants jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    rotated_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    last_used_at timestamptz
);
CREATE INDEX keys_of_person ON keys (person) WHERE revoked_at IS NULL;

-- Tokens are not stored; those that were taken back before their time are.
CREATE TABLE revoked_tokens (
    jti text PRIMARY KEY,
    revoked_at timestamptz NOT NULL DEFAULT now(),
    revoked_by text NOT NULL
);
