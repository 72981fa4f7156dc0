-- Conversations with agents, what agents are told first, and the values that fill it in. An agent's row is kept as it is run: whoever refers
-- to an agent refers to one that was here once, though its folder may be gone today.

CREATE TABLE agents (
    name text PRIMARY KEY CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('workflow', 'python')),
    description text NOT NULL,
    -- Of the code or the folder as it was seen last.
    content_hash text NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
    id text PRIMARY KEY CHECK (starts_with(id, 's-')),
    agent text NOT NULL REFERENCES agents (name) ON DELETE CASCADE,
    -- Null for one that nobody named.
    name text CHECK (name <> ''),
    -- As `epics.repo` has it; empty for a conversation about no repository, which is its person's own.
    repo text NOT NULL DEFAULT '',
    person text NOT NULL CHECK (person <> ''),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    -- The run that joined last; the session is busy until that has ended.
    run_id text REFERENCES epics (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- Without a repository a name is its person's: nobody learns from a conflict what another one calls his.
CREATE UNIQUE INDEX sessions_by_name ON sessions (agent, repo, (CASE WHEN repo = '' THEN person ELSE '' END), name);
CREATE INDEX sessions_by_run ON sessions (run_id) WHERE run_id IS NOT NULL;

-- A run's part in a conversation, and its prompt as it was filled in once: a run that goes on after a crash is told the same.
CREATE TABLE session_runs (
    run_id text PRIMARY KEY REFERENCES epics (id) ON DELETE CASCADE,
    session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    status_key text,
    version integer,
    prompt text,
    -- [{name, scope}]: the memories that filled it in, the most specific of each name.
    used jsonb
);
CREATE INDEX session_runs_by_session ON session_runs (session_id);

-- As before, and: of runs about no repository, which are somebody's own, those of the person who reads; all where p_all.
CREATE FUNCTION page_of_runs(
    p_status text, p_repo text, p_workflow text, p_before text, p_limit integer, p_patterns text[], p_person text, p_all boolean
) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 50 AS $$
DECLARE
    repos text[] := CASE WHEN p_patterns IS NOT NULL THEN repositories_that_fit(p_patterns) END;
BEGIN
    RETURN QUERY
    SELECT e.id FROM epics e
    WHERE e.id >= 'r-' AND e.id < coalesce(p_before, 'r-zzzzzzzzzzz')
        AND (p_status IS NULL OR e.status = CASE WHEN p_status = 'running' THEN 'queued' ELSE p_status END)
        AND (p_status IS NULL OR p_status NOT IN ('running', 'queued') OR (p_status = 'running') = EXISTS (
            SELECT FROM leases l WHERE l.thread_id = e.id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp()
        ))
        AND (p_repo IS NULL OR e.repo = p_repo)
        AND (repos IS NULL OR e.repo = ANY (repos))
        AND (p_all OR e.repo <> '' OR e.requested_by = p_person)
        AND (p_workflow IS NULL OR EXISTS (SELECT FROM runs r WHERE r.id = e.id AND r.workflow = p_workflow))
    ORDER BY e.id DESC LIMIT p_limit;
END
$$;

CREATE TABLE messages (
    session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    n integer NOT NULL CHECK (n > 0),
    run_id text REFERENCES epics (id) ON DELETE SET NULL,
    -- Which call of the run's agent to its model it belongs to, and its place in that.
    ask integer NOT NULL,
    place integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('request', 'response')),
    -- json, not jsonb: kept to the letter, so that what is fed back is what was said (and a NUL in it is no error).
    message json NOT NULL,
    -- What it counts against the budget of what is told again.
    tokens integer NOT NULL CHECK (tokens >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, n),
    UNIQUE (session_id, run_id, ask, place)
);
CREATE INDEX messages_by_run ON messages (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE memories (
    scope text NOT NULL CHECK (scope IN ('installation', 'project', 'agent', 'session')),
    repo text CHECK (repo <> ''),
    agent text REFERENCES agents (name) ON DELETE CASCADE,
    session_id text REFERENCES sessions (id) ON DELETE CASCADE,
    -- Whose it is: the repository, the agent, the session, or nobody's.
    owner text GENERATED ALWAYS AS (coalesce(repo, agent, session_id, '')) STORED,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,63}$'),
    value text NOT NULL,
    updated_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, owner, name),
    CHECK ((scope = 'project') = (repo IS NOT NULL)),
    CHECK ((scope = 'agent') = (agent IS NOT NULL)),
    CHECK ((scope = 'session') = (session_id IS NOT NULL))
);
CREATE INDEX memories_by_agent ON memories (agent) WHERE agent IS NOT NULL;
CREATE INDEX memories_by_session ON memories (session_id) WHERE session_id IS NOT NULL;

CREATE TABLE prompts (
    agent text NOT NULL REFERENCES agents (name) ON DELETE CASCADE,
    status_key text NOT NULL DEFAULT 'default' CHECK (status_key ~ '^[a-z][a-z0-9_]{0,39}$'),
    version integer NOT NULL CHECK (version > 0),
    text text NOT NULL CHECK (text <> ''),
    -- Values for variables that no memory gives.
    variables jsonb NOT NULL DEFAULT '{}',
    -- Whether it stands in the agent's own code.
    own boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT false,
    author text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent, status_key, version)
);
CREATE UNIQUE INDEX prompts_active ON prompts (agent, status_key) WHERE active;

-- What was told to a model under a number stays what stands under that number.
CREATE FUNCTION keep_prompt_as_written() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'version % of the prompt % of % is written: add another one', OLD.version, OLD.status_key, OLD.agent USING ERRCODE = '55000';
END
$$;
CREATE TRIGGER keep_prompt_as_written BEFORE UPDATE ON prompts FOR EACH ROW
WHEN ((NEW.agent, NEW.status_key, NEW.version, NEW.text, NEW.variables, NEW.own, NEW.author, NEW.created_at)
    IS DISTINCT FROM (OLD.agent, OLD.status_key, OLD.version, OLD.text, OLD.variables, OLD.own, OLD.author, OLD.created_at))
EXECUTE FUNCTION keep_prompt_as_written();

-- Let one version be the active one; no row comes back if there is no such version. Whoever writes prompts of an agent holds its row, so each
-- statement below sees what the one before it left, whoever wrote that.
CREATE FUNCTION activate_prompt(p_agent text, p_key text, p_version integer) RETURNS SETOF prompts
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM agents a WHERE a.name = p_agent FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM prompts p WHERE p.agent = p_agent AND p.status_key = p_key AND p.version = p_version) THEN
        RETURN;
    END IF;
    UPDATE prompts p SET active = false WHERE p.agent = p_agent AND p.status_key = p_key AND p.active AND p.version <> p_version;
    UPDATE prompts p SET active = true WHERE p.agent = p_agent AND p.status_key = p_key AND p.version = p_version AND NOT p.active;
    RETURN QUERY SELECT p.* FROM prompts p WHERE p.agent = p_agent AND p.status_key = p_key AND p.version = p_version;
END
$$;

-- Add the next version; nobody is told it before it is activated.
CREATE FUNCTION add_prompt(p_agent text, p_key text, p_text text, p_variables jsonb, p_author text, p_own boolean) RETURNS SETOF prompts
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM agents a WHERE a.name = p_agent FOR NO KEY UPDATE;
    RETURN QUERY INSERT INTO prompts AS p (agent, status_key, version, text, variables, author, own)
    SELECT p_agent, p_key, coalesce(max(b.version), 0) + 1, p_text, p_variables, p_author, p_own
    FROM prompts b WHERE b.agent = p_agent AND b.status_key = p_key
    RETURNING p.*;
END
$$;

-- The active prompt of an agent. Where that is one of its own code, or there is none, what the code says now is active from here on: a version
-- that says the same, or else a new one. What a person activated stays.
CREATE FUNCTION prompt_of_agent(p_agent text, p_key text, p_text text, p_variables jsonb) RETURNS SETOF prompts
LANGUAGE plpgsql AS $$
DECLARE
    now_active prompts%ROWTYPE;
    chosen integer;
BEGIN
    SELECT * INTO now_active FROM prompts p WHERE p.agent = p_agent AND p.status_key = p_key AND p.active;
    -- Without a lock where there is nothing to do, which is nearly always.
    IF FOUND AND (NOT now_active.own OR (now_active.text = p_text AND now_active.variables = p_variables)) THEN
        RETURN NEXT now_active;
        RETURN;
    END IF;
    PERFORM FROM agents a WHERE a.name = p_agent FOR NO KEY UPDATE;
    SELECT * INTO now_active FROM prompts p WHERE p.agent = p_agent AND p.status_key = p_key AND p.active;
    IF FOUND AND (NOT now_active.own OR (now_active.text = p_text AND now_active.variables = p_variables)) THEN
        RETURN NEXT now_active;
        RETURN;
    END IF;
    SELECT max(p.version) INTO chosen FROM prompts p
    WHERE p.agent = p_agent AND p.status_key = p_key AND p.own AND p.text = p_text AND p.variables = p_variables;
    IF chosen IS NULL THEN
        SELECT a.version INTO chosen FROM add_prompt(p_agent, p_key, p_text, p_variables, p_agent, true) AS a;
    END IF;
    RETURN QUERY SELECT * FROM activate_prompt(p_agent, p_key, chosen);
END
$$;
