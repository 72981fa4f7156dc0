-- Requests in free words, the parts that they are split into, and which agents are left out for a while because they kept failing.

CREATE TABLE asks (
    id text PRIMARY KEY,
    text text NOT NULL,
    -- Where it is to be done; empty for a request that needs no repository.
    repo text NOT NULL DEFAULT '',
    base text,
    person text NOT NULL,
    -- Who asked, as it was then: its parts are begun in this person's name, with the roles that it has by that time.
    caller jsonb NOT NULL,
    split_by text NOT NULL CHECK (split_by IN ('rules', 'model', 'nobody')),
    -- What stands beside that, such as why no model was asked.
    note text NOT NULL DEFAULT '',
    -- What the model cost that was asked to split it; it counts against the limit.
    split_usd numeric NOT NULL DEFAULT 0,
    status text NOT NULL CHECK (status IN ('needs_choice', 'running', 'done', 'failed', 'cancelled')),
    -- Of all parts together.
    budget_usd numeric,
    executor text,
    model text,
    labels jsonb NOT NULL DEFAULT '{}',
    answer text NOT NULL DEFAULT '',
    -- What made it, so that a client that asks again gets the same one.
    request_key text UNIQUE,
    request_hash text,
    -- When somebody is to look after it next; whoever takes it moves that on, which is its claim.
    look_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE INDEX asks_running ON asks (look_at) WHERE status = 'running';
CREATE INDEX asks_ended ON asks (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE ask_parts (
    ask_id text NOT NULL REFERENCES asks (id) ON DELETE CASCADE,
    -- From 1, in the order in which it was asked, which is that of the joined answer.
    n integer NOT NULL,
    text text NOT NULL,
    needs integer[] NOT NULL DEFAULT '{}',
    agent text,
    -- All that the choice was made of.
    matched jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('needs_choice', 'waiting', 'started', 'done', 'failed', 'skipped', 'cancelled')),
    -- The run or the epic that does it, written in the transaction that makes that: so it is made once.
    work_id text UNIQUE REFERENCES epics (id) ON DELETE SET NULL,
    answer text NOT NULL DEFAULT '',
    problem text NOT NULL DEFAULT '',
    -- How often it could not be begun because of what waiting can cure.
    tries integer NOT NULL DEFAULT 0,
    -- When it is tried again.
    try_at timestamptz,
    PRIMARY KEY (ask_id, n)
);

-- The messages in Slack that show a request which was asked for there: its parts, and its answer once it has ended. What they say is worked
-- out from the rows, as it is for the threads of epics.
CREATE TABLE ask_posts (
    ask_id text NOT NULL REFERENCES asks (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('parts', 'answer')),
    channel text NOT NULL,
    -- The message under which they hang; null where the parts stand in the channel itself.
    thread text,
    ts text,
    posted_hash text,
    -- When it was tried first: without a place then, it is looked for before it is posted again.
    intended_at timestamptz,
    -- It will say nothing else.
    is_final boolean NOT NULL DEFAULT false,
    -- Whoever takes it moves that on, which is its claim.
    look_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries integer NOT NULL DEFAULT 0,
    PRIMARY KEY (ask_id, kind)
);
CREATE INDEX ask_posts_open ON ask_posts (look_at) WHERE NOT is_final;

-- One row for each agent that failed lately. A row is as if it were not there once the agent has worked again.
CREATE TABLE agent_breakers (
    agent text PRIMARY KEY,
    -- In a row.
    failures integer NOT NULL DEFAULT 0,
    problem text NOT NULL DEFAULT '',
    pause_s double precision NOT NULL DEFAULT 0,
    -- Until when it is left out; past, one run may try whether it works again. Null while it is not left out.
    open_until timestamptz,
    -- That run, and until when nobody else tries.
    probe text,
    probe_until timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Whose failure it is that a run fails: a repository's own workflow is not that of another repository with the same name.
ALTER TABLE runs ADD COLUMN breaker text;

-- Whether a run may have its agent now: the seconds that it has to wait, 0 if it may. One run tries an agent that was left out; the row's
-- lock decides which, on the clock of the database.
CREATE FUNCTION pass_breaker(p_agent text, p_run text, p_probe_s double precision) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
    one agent_breakers%ROWTYPE;
BEGIN
    SELECT * INTO one FROM agent_breakers WHERE agent = p_agent AND open_until IS NOT NULL;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT * INTO one FROM agent_breakers WHERE agent = p_agent FOR UPDATE;
    IF NOT FOUND OR one.open_until IS NULL OR one.probe = p_run THEN
        RETURN 0;
    END IF;
    IF one.open_until > clock_timestamp() THEN
        RETURN extract(epoch FROM one.open_until - clock_timestamp());
    END IF;
    IF one.probe IS NOT NULL AND one.probe_until > clock_timestamp() THEN
        RETURN least(extract(epoch FROM one.probe_until - clock_timestamp()), 15);
    END IF;
    UPDATE agent_breakers SET
        probe = p_run, probe_until = clock_timestamp() + make_interval(secs => p_probe_s), updated_at = clock_timestamp()
    WHERE agent = p_agent;
    RETURN 0;
END
$$;

-- What a run says about its agent when it ends or is put off: that it works, that it failed, or nothing.
CREATE FUNCTION note_agent(
    p_run text, p_worked boolean, p_problem text, p_most integer, p_first_s double precision, p_longest_s double precision
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    whose text;
BEGIN
    SELECT coalesce(breaker, workflow) INTO whose FROM runs WHERE id = p_run;
    IF whose IS NULL OR p_most = 0 THEN
        RETURN;
    ELSIF p_worked THEN
        DELETE FROM agent_breakers WHERE agent = whose;
    ELSIF p_worked IS NULL THEN
        -- It tried nothing: the next run may.
        UPDATE agent_breakers SET probe = NULL, probe_until = NULL WHERE agent = whose AND probe = p_run;
    ELSE
        INSERT INTO agent_breakers AS b (agent, failures, problem, pause_s, open_until)
        VALUES (
            whose, 1, p_problem, CASE WHEN p_most <= 1 THEN p_first_s ELSE 0 END,
            CASE WHEN p_most <= 1 THEN clock_timestamp() + make_interval(secs => p_first_s) END
        )
        ON CONFLICT (agent) DO UPDATE SET
            failures = b.failures + 1,
            problem = excluded.problem,
            pause_s = CASE
                WHEN b.probe = p_run THEN least(b.pause_s * 2, p_longest_s)
                WHEN b.open_until IS NULL AND b.failures + 1 >= p_most THEN p_first_s
                ELSE b.pause_s
            END,
            -- What began before it was left out prolongs nothing.
            open_until = CASE
                WHEN b.probe = p_run THEN clock_timestamp() + make_interval(secs => least(b.pause_s * 2, p_longest_s))
                WHEN b.open_until IS NULL AND b.failures + 1 >= p_most THEN clock_timestamp() + make_interval(secs => p_first_s)
                ELSE b.open_until
            END,
            probe = CASE WHEN b.probe = p_run THEN NULL ELSE b.probe END,
            probe_until = CASE WHEN b.probe = p_run THEN NULL ELSE b.probe_until END,
            updated_at = clock_timestamp();
    END IF;
END
$$;
