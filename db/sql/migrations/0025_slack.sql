-- What Slack is to show of each epic, and what it shows (docs/decisions/0018). No message is queued here: an epic's thread is marked as out of
-- date in the transaction of an event, and whoever delivers works out from the rows what it must say, and posts or edits what differs.

-- The one workspace of this installation. Without this row nothing is marked.
CREATE TABLE slack_workspace (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    team text NOT NULL,
    bot_user text NOT NULL,
    -- For repositories without a channel of their own.
    default_channel text,
    registered_at timestamptz NOT NULL DEFAULT now()
);

-- Which repository a channel is about: epics that are asked for there are started on it, and its epics are shown there. A repository may
-- be a pattern, as in a grant; then the channel only shows.
CREATE TABLE slack_channels (
    channel text PRIMARY KEY,
    repo text NOT NULL,
    base text,
    mapped_by text NOT NULL,
    mapped_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE slack_threads (
    -- No foreign key: whoever decides locks the epic's row and then this one, and a check here would lock them the other way round.
    epic_id text PRIMARY KEY,
    -- Where it is, once that is known; for an epic that was asked for in Slack the message that asked.
    channel text,
    ts text,
    -- The first event that it tells of: a thread that begins in the middle of an epic does not tell of what was before.
    since integer NOT NULL DEFAULT 0,
    -- Numbers of events: the newest that it is to show, and the newest that it shows. It is out of date where they differ.
    wanted integer NOT NULL DEFAULT 0,
    shown integer NOT NULL DEFAULT 0,
    wanted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    tries integer NOT NULL DEFAULT 0,
    -- Who is at it now. A claim ends by itself, on the clock of the database.
    claim uuid,
    claimed_until timestamptz NOT NULL DEFAULT '-infinity',
    -- When to look in Slack for messages that are there twice: some time after a post of which nobody knew whether it arrived.
    look_at timestamptz,
    -- The database was restored: Slack may have messages of which no row knows.
    is_doubtful boolean NOT NULL DEFAULT false,
    problem text,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX slack_threads_out_of_date ON slack_threads (next_at) WHERE shown < wanted;
CREATE INDEX slack_threads_to_look_at ON slack_threads (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX slack_threads_by_place ON slack_threads (channel, ts);

-- One message of a thread. The row is there before the message is: a row without a ts may have one in Slack, found by its key there.
CREATE TABLE slack_posts (
    key text PRIMARY KEY,
    epic_id text NOT NULL REFERENCES slack_threads (epic_id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('root', 'card', 'reminder', 'escalation', 'note')),
    channel text NOT NULL,
    ts text,
    -- What it tells of that does not change, read once: the checkpoint that it came from may be pruned.
    facts jsonb NOT NULL DEFAULT '{}',
    -- Of what was posted last; null if that is not known.
    posted_hash text,
    -- When it was tried last; null where it is known that it is not in Slack.
    intended_at timestamptz,
    posted_at timestamptz,
    edits integer NOT NULL DEFAULT 0,
    -- It says what it will say for ever.
    is_final boolean NOT NULL DEFAULT false,
    -- How often somebody deleted it while its question was open.
    losses integer NOT NULL DEFAULT 0,
    -- Somebody deleted it, or Slack will not have it: it is left alone.
    given_up text
);
CREATE INDEX slack_posts_of_epic ON slack_posts (epic_id);
CREATE INDEX slack_posts_by_place ON slack_posts (channel, ts);

-- Turns at Slack's methods, for all servers. Not logged: what a crash of the database takes away is a wait of some seconds.
CREATE UNLOGGED TABLE slack_turns (
    what text PRIMARY KEY,
    due_at timestamptz NOT NULL DEFAULT '-infinity',
    silent_until timestamptz NOT NULL DEFAULT '-infinity',
    -- How often in a row Slack did not answer.
    failures integer NOT NULL DEFAULT 0
);

-- Take the next turn at something if it is at most p_within seconds away, and say how many it is; if it is further, none is taken.
-- A few turns may come at once; beyond that they are spread evenly.
CREATE FUNCTION take_slack_turn(p_what text, p_per_minute integer, p_at_once integer, p_within double precision) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
    share interval := interval '1 minute' / p_per_minute;
    turn slack_turns;
    wait double precision;
BEGIN
    INSERT INTO slack_turns (what) VALUES (p_what) ON CONFLICT (what) DO NOTHING;
    SELECT * INTO turn FROM slack_turns WHERE what = p_what FOR UPDATE;
    wait := extract(epoch FROM greatest(greatest(turn.due_at, at) - share * (p_at_once - 1), turn.silent_until, at) - at);
    IF wait <= p_within THEN
        UPDATE slack_turns SET due_at = greatest(turn.due_at, turn.silent_until, at) + share WHERE what = p_what;
    END IF;
    RETURN wait;
END
$$;

-- Mark the threads of epics to which something happened. What happens within an attempt is left out: a thread tells of steps.
CREATE FUNCTION mark_slack_threads() RETURNS trigger
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
            OR e.type IN ('step_finished', 'failure_analysed', 'attempt_started', 'attempt_ended', 'attempt_picked')
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
CREATE TRIGGER events_to_slack AFTER INSERT ON events REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION mark_slack_threads();
