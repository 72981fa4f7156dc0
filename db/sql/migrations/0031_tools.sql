-- What agents' tools keep in Genie's own records (docs/decisions/0024): a list of things to do, and what people were told. Each row has the
-- id of the call that made it, which is the same when a crash makes the call be made again: nothing is added or told twice.

CREATE TABLE agent_tasks (
    -- The epic or run whose list it is; or the conversation, which any number of runs share.
    epic_id text REFERENCES epics (id) ON DELETE CASCADE,
    session_id text REFERENCES sessions (id) ON DELETE CASCADE,
    n integer NOT NULL CHECK (n > 0),
    key text NOT NULL UNIQUE,
    text text NOT NULL CHECK (text <> ''),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'dropped')),
    note text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CHECK (num_nonnulls(epic_id, session_id) = 1)
);
CREATE UNIQUE INDEX agent_tasks_of_epic ON agent_tasks (epic_id, n) WHERE epic_id IS NOT NULL;
CREATE UNIQUE INDEX agent_tasks_of_session ON agent_tasks (session_id, n) WHERE session_id IS NOT NULL;

CREATE TABLE people_told (
    key text PRIMARY KEY,
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    attempt integer NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX people_told_of_epic ON people_told (epic_id);

-- As before, and: what an agent tells people is told in the thread.
CREATE OR REPLACE FUNCTION mark_slack_threads() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM slack_workspace) THEN
        RETURN NULL;
    END IF;
    INSERT INTO slack_threads AS t (epic_id, since, wanted)
    SELECT e.epic_id, min(e.n), max(e.n)
    FROM added e
    JOIN epics p ON p.id = e.epic_id
    WHERE (
            starts_with(e.type, 'epic_') OR starts_with(e.type, 'approval_') OR starts_with(e.type, 'race_')
            OR e.type IN ('step_finished', 'failure_analysed', 'attempt_started', 'attempt_ended', 'attempt_picked', 'people_told')
        )
        AND NOT is_run(e.epic_id)
        -- What happens to an epic that ended long ago makes no thread.
        AND (p.status IN ('queued', 'waiting', 'paused') OR EXISTS (SELECT FROM slack_threads s WHERE s.epic_id = e.epic_id))
    GROUP BY e.epic_id
    ORDER BY e.epic_id
    ON CONFLICT (epic_id) DO UPDATE SET
        wanted = greatest(t.wanted, excluded.wanted),
        wanted_at = CASE WHEN t.shown < t.wanted THEN t.wanted_at ELSE clock_timestamp() END;
    -- What happened elsewhere before an import came in the same transaction, and is not told here.
    UPDATE slack_threads t SET since = e.n FROM added e WHERE e.type = 'epic_imported' AND t.epic_id = e.epic_id;
    RETURN NULL;
END
$$;
