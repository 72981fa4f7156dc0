-- Dispatch: which epics can be run, who runs them, and what becomes of those whose workers die.

ALTER TABLE epics
    -- Not run before this time: what stopped it can be cured by waiting.
    ADD COLUMN retry_at timestamptz,
    -- How often it was put off in a row, and how far it had come then: it counts anew when it has come further.
    ADD COLUMN retries integer NOT NULL DEFAULT 0,
    ADD COLUMN retry_mark text;

ALTER TABLE leases
    -- How far the epic had come when its lease was taken.
    ADD COLUMN progress text,
    -- How many workers in a row died while they held it, and left it where it was; and the last of them.
    ADD COLUMN takeovers integer NOT NULL DEFAULT 0,
    ADD COLUMN died text NOT NULL DEFAULT '';

-- Processes that run epics which nobody in the foreground asked for. A row is only what its process says; no epic depends on it.
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    concurrency integer NOT NULL,
    running integer NOT NULL DEFAULT 0,
    draining boolean NOT NULL DEFAULT false,
    -- Why it takes no epic at the moment, if it takes none.
    holding_back text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- Decisions that the graph has not heard of yet.
CREATE INDEX approvals_unapplied ON approvals (epic_id) WHERE decision IS NOT NULL AND applied_at IS NULL;

-- How far an epic has come: what a worker that dies must have moved, or its death counts against the epic.
CREATE FUNCTION progress_of(p_epic text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT e.last_moment || ':' || count(t.n) || ':' || count(t.results)
    FROM epics e LEFT JOIN turns t ON t.epic_id = e.id
    WHERE e.id = p_epic GROUP BY e.last_moment
$$;

-- Take the lease of an epic: a new epoch, granted if no live lease stands in the way. One statement decides, so that of any number who ask
-- at once one is granted; its update waits for transactions that hold the row FOR SHARE. A lease that was not given back belonged to a
-- worker that died, or hung: if the epic is still where it was, one more is counted.
CREATE FUNCTION take_lease(
    p_thread text, p_token uuid, p_worker text, p_host text, p_pid integer, p_pid_started text, p_seconds double precision, p_dead_epoch bigint
) RETURNS TABLE (epoch bigint, takeovers integer, died text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    INSERT INTO leases AS l (thread_id, epoch, token, worker, host, pid, pid_started, progress, expires_at)
    VALUES (
        p_thread, 1, p_token, p_worker, p_host, p_pid, p_pid_started, progress_of(p_thread),
        clock_timestamp() + make_interval(secs => p_seconds)
    )
    ON CONFLICT (thread_id) DO UPDATE SET
        epoch = l.epoch + 1, token = excluded.token, worker = excluded.worker, host = excluded.host, pid = excluded.pid,
        pid_started = excluded.pid_started, progress = excluded.progress, expires_at = clock_timestamp() + make_interval(secs => p_seconds),
        takeovers = CASE
            WHEN l.token IS NULL OR l.progress IS DISTINCT FROM excluded.progress THEN 0
            -- The same process lost it and has it again: nobody died.
            WHEN l.host = p_host AND l.pid = p_pid AND l.pid_started = p_pid_started THEN l.takeovers
            ELSE l.takeovers + 1
        END,
        died = CASE WHEN l.token IS NULL THEN '' ELSE l.worker END
    WHERE l.token IS NULL OR l.expires_at <= clock_timestamp() OR l.epoch = p_dead_epoch
    RETURNING l.epoch, l.takeovers, l.died;
END
$$;

-- Whether an epic that was approved in advance stands at a gate only until its worker says yes; if that one dies, another must. What
-- came back unchanged from a merge that could not be made was approved once, and is a person's.
CREATE FUNCTION yes_is_coming(p_epic text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM approvals a
        WHERE a.epic_id = p_epic AND a.status = 'pending' AND a.gate IN ('plan_gate', 'merge_gate') AND NOT EXISTS (
            SELECT FROM approvals b WHERE b.epic_id = p_epic AND b.content_hash = a.content_hash AND b.channel = 'auto'
        )
    )
$$;

CREATE INDEX epics_approved_in_advance ON epics (id) WHERE status = 'waiting' AND auto_approve;

-- Epics that somebody must run, and that nobody holds. Four short lists, each with an index of its own.
CREATE VIEW runnable_epics AS
SELECT e.id
FROM (
    SELECT id FROM epics WHERE status = 'queued' AND (retry_at IS NULL OR retry_at <= clock_timestamp())
    UNION
    SELECT epic_id FROM commands WHERE applied_at IS NULL
    UNION
    SELECT epic_id FROM approvals WHERE decision IS NOT NULL AND applied_at IS NULL
    UNION
    SELECT w.id FROM epics w WHERE w.status = 'waiting' AND w.auto_approve AND yes_is_coming(w.id)
) AS asked
JOIN epics e ON e.id = asked.id AND e.status IN ('queued', 'waiting', 'paused')
LEFT JOIN leases l ON l.thread_id = e.id
WHERE (l.token IS NULL OR l.expires_at <= clock_timestamp())
    -- A decision does not run an epic that was parked: that takes a resume. A cancel does.
    AND (e.status <> 'paused' OR EXISTS (SELECT FROM commands c WHERE c.epic_id = e.id AND c.applied_at IS NULL));

-- Take the oldest epic that can be run, if fewer than p_most run in all of this database. One at a time, so that the bound holds whoever asks.
CREATE FUNCTION claim_epic(
    p_token uuid, p_worker text, p_host text, p_pid integer, p_pid_started text, p_seconds double precision,
    p_most integer, p_executors text[], p_graph integer, p_state integer, p_but text[]
) RETURNS TABLE (epic_id text, epoch bigint, takeovers integer, died text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    candidate text;
BEGIN
    -- "claim" in ASCII.
    PERFORM pg_advisory_xact_lock(427020085613);
    IF (SELECT count(*) FROM leases WHERE token IS NOT NULL AND expires_at > clock_timestamp()) >= p_most THEN
        RETURN;
    END IF;
    FOR candidate IN
        -- What a newer release carries on is left to it.
        SELECT id FROM runnable_epics JOIN epics USING (id)
        WHERE (executor IS NULL OR executor = ANY (p_executors)) AND graph_version <= p_graph AND state_version <= p_state
            AND id <> ALL (p_but)
        ORDER BY id LIMIT 20
    LOOP
        -- A transaction of a worker that was stopped may still hold the row: nobody is to wait for it here.
        PERFORM 1 FROM leases WHERE thread_id = candidate FOR UPDATE SKIP LOCKED;
        IF FOUND OR NOT EXISTS (SELECT FROM leases WHERE thread_id = candidate) THEN
            RETURN QUERY
            SELECT candidate, t.* FROM take_lease(candidate, p_token, p_worker, p_host, p_pid, p_pid_started, p_seconds, NULL) AS t;
            IF FOUND THEN
                RETURN;
            END IF;
        END IF;
    END LOOP;
END
$$;

-- As before, and the place in the queue, and until when an epic is put off. What waits for no person is not shown as waiting: whoever
-- follows it would leave.
CREATE OR REPLACE VIEW shown_epics AS
SELECT
    e.id, e.goal, e.repo, e.base, e.status AS stored_status,
    CASE
        WHEN e.status <> 'queued' AND NOT (e.status = 'waiting' AND e.auto_approve AND yes_is_coming(e.id)) THEN e.status
        WHEN l.token IS NOT NULL AND l.expires_at > clock_timestamp() THEN 'running'
        ELSE 'queued'
    END AS status,
    e.step, e.attempt, e.branch, e.head, e.moment, spent.cost_usd, spent.reserved_usd, e.budget_usd, spent.tokens, e.waiting_on, e.failure, e.problem,
    e.executor, e.model, e.autonomy, e.labels, e.created_at, e.updated_at,
    queue.place AS queue_place,
    CASE WHEN e.status = 'queued' AND e.retry_at > clock_timestamp() THEN e.retry_at END AS retry_at
FROM epics e
LEFT JOIN leases l ON l.thread_id = e.id
LEFT JOIN (
    SELECT q.id, row_number() OVER (ORDER BY q.id)::integer AS place
    FROM epics q LEFT JOIN leases h ON h.thread_id = q.id
    WHERE q.status = 'queued' AND (q.retry_at IS NULL OR q.retry_at <= clock_timestamp())
        AND (h.token IS NULL OR h.expires_at <= clock_timestamp())
) AS queue ON queue.id = e.id
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(c.cost_usd) FILTER (WHERE c.state = 'settled'), 0) AS cost_usd,
        -- Held for calls whose price is not known: in flight, or cut off by a crash. It counts against the limits.
        coalesce(sum(c.cost_usd) FILTER (WHERE c.state = 'reserved'), 0) AS reserved_usd,
        jsonb_build_object(
            'input', coalesce(sum(c.input_tokens + c.cache_read_tokens + c.cache_write_tokens), 0),
            'output', coalesce(sum(c.output_tokens), 0)
        ) AS tokens
    FROM calls c WHERE c.epic_id = e.id
) AS spent;
