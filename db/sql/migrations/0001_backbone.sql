-- The backbone: epics and all that one of them leaves behind.
-- The rows of epics, moments, approvals and pull_requests are a projection of LangGraph's checkpoints, written by project_checkpoint()
-- in the transaction of the checkpoint itself. Money is numeric and never rounded; times are the database's own.

CREATE TABLE projects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repo text NOT NULL UNIQUE,
    budget_usd numeric CHECK (budget_usd >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE epics (
    id text PRIMARY KEY,
    project_id bigint NOT NULL REFERENCES projects (id),
    goal text NOT NULL,
    repo text NOT NULL,
    base text NOT NULL,
    -- The commit that the epic began from: chosen once, so that every host begins from the same one.
    base_commit text NOT NULL,
    -- queued (to be worked on; read as running under a live lease), waiting (for a person), paused (for a resume), or how it ended.
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'waiting', 'paused', 'merged', 'rejected', 'failed', 'cancelled')),
    step text NOT NULL DEFAULT 'planning',
    attempt integer,
    branch text,
    head text,
    moment integer,
    budget_usd numeric CHECK (budget_usd >= 0),
    executor text,
    model text,
    autonomy text NOT NULL DEFAULT 'auto' CHECK (autonomy IN ('auto', 'ask')),
    auto_approve boolean NOT NULL DEFAULT false,
    labels jsonb NOT NULL DEFAULT '{}',
    waiting_on text,
    failure jsonb,
    problem text,
    graph_version integer NOT NULL,
    -- Numbers that are given once and never again, not even after a rollback (durability rule 14).
    last_moment integer NOT NULL DEFAULT 0,
    last_event integer NOT NULL DEFAULT 0,
    last_attempt integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
    -- Room in each page for the next version of a row, which every checkpoint makes.
) WITH (fillfactor = 70);
CREATE INDEX epics_by_status ON epics (status, id DESC);
CREATE INDEX epics_by_repo ON epics (repo, id DESC);

-- The right to write one epic. The key is the LangGraph thread id; a row stays after release, so that epochs only rise.
CREATE TABLE leases (
    thread_id text PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    token uuid,
    worker text NOT NULL DEFAULT '',
    host text NOT NULL DEFAULT '',
    pid integer,
    pid_started text NOT NULL DEFAULT '',
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
);

CREATE TABLE moments (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    n integer NOT NULL,
    checkpoint_id text NOT NULL,
    step text NOT NULL,
    workflow text,
    attempt integer,
    outcome text NOT NULL,
    branch text,
    commit text NOT NULL,
    tree text NOT NULL DEFAULT '',
    cost_usd numeric NOT NULL,
    name text,
    note text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epic_id, n)
);

CREATE TABLE attempts (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    n integer NOT NULL,
    -- LangGraph's id of the task that asked for it: the same after a crash, so that a node that is run again finds its attempt (rule 15).
    task_id text NOT NULL,
    step text NOT NULL,
    workflow text NOT NULL,
    workflow_hash text NOT NULL,
    executor text NOT NULL,
    model text NOT NULL,
    base_commit text NOT NULL,
    branch text,
    limit_usd numeric,
    continues integer,
    epoch bigint NOT NULL,
    -- Set once, when the attempt is over: Attempted as JSON. An attempt that has one is never run again.
    result jsonb,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (epic_id, n),
    UNIQUE (epic_id, task_id)
);

-- What an agent was sent first. It is part of the journal, as turns are: large, and kept for as long as a replay is wanted.
CREATE TABLE briefs (
    epic_id text NOT NULL,
    attempt integer NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (epic_id, attempt),
    FOREIGN KEY (epic_id, attempt) REFERENCES attempts (epic_id, n) ON DELETE CASCADE
);

CREATE TABLE turns (
    epic_id text NOT NULL,
    attempt integer NOT NULL,
    n integer NOT NULL,
    request_hash text NOT NULL,
    model text NOT NULL,
    -- json, not jsonb: kept to the letter, so that what is fed back is what was sent (and a NUL in it is no error).
    request json NOT NULL,
    answer json NOT NULL,
    results json,
    -- The commit that holds the work tree after the turn, where the turn changed files, and the HEAD that the tree had then.
    tree text,
    head text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epic_id, attempt, n),
    FOREIGN KEY (epic_id, attempt) REFERENCES attempts (epic_id, n) ON DELETE CASCADE
);

-- One row per call of a model: reserved before it is made, settled after it. A call whose end is unknown keeps its reservation.
CREATE TABLE calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id bigint NOT NULL REFERENCES projects (id),
    epic_id text NOT NULL,
    attempt integer NOT NULL,
    model text NOT NULL,
    state text NOT NULL DEFAULT 'reserved' CHECK (state IN ('reserved', 'settled', 'released')),
    reserved_usd numeric NOT NULL,
    -- What counts against the limits: the reservation until the call is settled.
    cost_usd numeric NOT NULL,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens bigint NOT NULL DEFAULT 0,
    cache_write_tokens bigint NOT NULL DEFAULT 0,
    note text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    FOREIGN KEY (epic_id, attempt) REFERENCES attempts (epic_id, n) ON DELETE CASCADE
);
CREATE INDEX calls_by_epic ON calls (epic_id, attempt);
CREATE INDEX calls_by_project ON calls (project_id);

CREATE TABLE approvals (
    id text PRIMARY KEY,
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    gate text NOT NULL,
    moment integer NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'approved', 'changes', 'rejected', 'resolved', 'expired', 'superseded')),
    content_hash text NOT NULL,
    question text NOT NULL,
    options jsonb NOT NULL,
    summary text NOT NULL,
    -- What a raise lifts: attempt, epic or project; empty at other gates.
    scope text NOT NULL DEFAULT '',
    requested_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    decision text,
    decided_by text,
    decided_at timestamptz,
    channel text,
    comment text,
    to_moment integer,
    amount_usd numeric,
    applied_at timestamptz,
    UNIQUE (epic_id, moment)
);
CREATE UNIQUE INDEX approvals_one_pending ON approvals (epic_id, gate) WHERE status = 'pending';
CREATE INDEX approvals_by_status ON approvals (status, requested_at DESC);

CREATE TABLE events (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    n integer NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epic_id, n)
);

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    topic text NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;

-- What people asked of an epic that its worker has not yet done (durability rule 13).
CREATE TABLE commands (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('cancel')),
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz
);
CREATE INDEX commands_unapplied ON commands (epic_id) WHERE applied_at IS NULL;

CREATE TABLE pull_requests (
    epic_id text PRIMARY KEY REFERENCES epics (id) ON DELETE CASCADE,
    record jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- One analysis per failed attempt, for the next attempt and for later epics on the same repository.
CREATE TABLE analyses (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    moment integer NOT NULL,
    attempt integer,
    analysis jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epic_id, moment)
);
