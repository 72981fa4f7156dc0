-- Messages to the outside, and deliveries from it.

-- Who is told. The secret is in clear: any worker on any host must be able to sign with it (docs/decisions/0006).
CREATE TABLE webhooks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    url text NOT NULL,
    -- Types of events; empty for all of them.
    events text[] NOT NULL DEFAULT '{}',
    secret text NOT NULL,
    allow_private boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One row per event and endpoint, made in the transaction of the event. The table of the backbone knew no endpoints, and was never read.
DROP TABLE outbox;
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- No foreign keys: a message outlives its epic, and an endpoint that is removed at this instant must not undo a checkpoint.
    webhook_id bigint NOT NULL,
    epic_id text NOT NULL,
    event integer NOT NULL,
    topic text NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    -- From here the day runs after which it is given up. What waits behind a message that fails has it too: it was held up as long.
    first_tried_at timestamptz,
    -- Who is sending it now. A claim ends by itself, on the clock of the database.
    claim uuid,
    claimed_until timestamptz NOT NULL DEFAULT '-infinity',
    answer integer,
    problem text,
    delivered_at timestamptz,
    dead_at timestamptz,
    -- The order: events of an epic are numbered under its row lock, so that none appears behind a later one (durability rule 9).
    UNIQUE (webhook_id, epic_id, event)
) WITH (fillfactor = 70);
CREATE INDEX outbox_pending ON outbox (webhook_id, epic_id, event) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_settled ON outbox ((coalesce(delivered_at, dead_at))) WHERE delivered_at IS NOT NULL OR dead_at IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (webhook_id, id) WHERE dead_at IS NOT NULL;

-- A trigger, so that no way to write an event can forget it: those of a checkpoint, of a decision, of a person. It wakes nobody (rule 7):
-- deliverers look twice a second. What is no news to others (an agent's turns, upgrades, pruning) is left out.
CREATE FUNCTION write_outbox() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM webhooks) THEN
        RETURN NULL;
    END IF;
    INSERT INTO outbox (webhook_id, epic_id, event, topic, data)
    SELECT
        w.id, e.epic_id, e.n, e.type,
        jsonb_build_object(
            'time', to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'epic', jsonb_build_object(
                'id', p.id, 'repo', p.repo, 'base', p.base,
                'status', CASE WHEN p.status = 'queued' AND EXISTS (
                    SELECT 1 FROM leases l WHERE l.thread_id = p.id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp()
                ) THEN 'running' ELSE p.status END,
                'step', p.step, 'attempt', p.attempt, 'moment', p.moment, 'branch', p.branch, 'head', p.head,
                'waiting_on', p.waiting_on, 'labels', p.labels
            ),
            'data', e.data
        )
    FROM added e
    JOIN epics p ON p.id = e.epic_id
    JOIN webhooks w ON cardinality(w.events) = 0 OR e.type = ANY (w.events)
    WHERE e.type IN (
        'epic_queued', 'epic_taken', 'epic_resumed', 'epic_paused', 'epic_postponed', 'epic_ended', 'step_finished', 'failure_analysed',
        'approval_opened', 'approval_decided'
    )
    ORDER BY e.epic_id, e.n, w.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER events_to_outbox AFTER INSERT ON events REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION write_outbox();

-- What came in by POST /hooks/{source}, and what was answered: written in the transaction of the deed that it led to.
CREATE TABLE hook_deliveries (
    source text NOT NULL,
    delivery text NOT NULL,
    -- The hash of what was signed; of the id alone, where that is signed too. So a replay under another id is known.
    signed text NOT NULL,
    answer jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, delivery),
    UNIQUE (source, signed)
);
CREATE INDEX hook_deliveries_by_age ON hook_deliveries (received_at);
