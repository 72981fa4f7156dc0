-- Runs: one workflow on a repository, without an epic around it. A run is a row of `epics`, so that lease, fence, journal, budget, events,
-- commands and take-over are the same; what is asked of its agent stands in `runs`. Its id begins with `r-`, and it has no moments.

CREATE TABLE runs (
    id text PRIMARY KEY REFERENCES epics (id) ON DELETE CASCADE,
    workflow text NOT NULL,
    -- What was asked for; empty where the workflow is about a change that is there.
    task text NOT NULL,
    -- What was given for the variables of the prompt, as JSON of their types.
    variables jsonb NOT NULL DEFAULT '{}',
    -- Where its work tree begins: as it was named, and the commit that this was.
    revision text,
    start_commit text NOT NULL,
    -- Why its branch is not in the person's repository, if it should be.
    unpublished text NOT NULL DEFAULT '',
    ended_at timestamptz
);

CREATE FUNCTION is_run(p_id text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT starts_with(p_id, 'r-') $$;

-- A run ends as done, failed or cancelled.
ALTER TABLE epics DROP CONSTRAINT epics_status_check;
ALTER TABLE epics ADD CONSTRAINT epics_status_check
    CHECK (status IN ('queued', 'waiting', 'paused', 'merged', 'rejected', 'failed', 'cancelled', 'done'));
ALTER TABLE epics ADD CONSTRAINT epics_done_is_a_run CHECK (status <> 'done' OR is_run(id));

-- The ids of one page of the list of runs, the newest first. They sort behind those of all epics, so the indexes of epics serve.
CREATE FUNCTION page_of_runs(p_status text, p_repo text, p_workflow text, p_before text, p_limit integer) RETURNS SETOF text
LANGUAGE sql STABLE ROWS 50 AS $$
    SELECT e.id FROM epics e
    WHERE e.id >= 'r-' AND e.id < coalesce(p_before, 'r-zzzzzzzzzzz')
        AND (p_status IS NULL OR e.status = CASE WHEN p_status = 'running' THEN 'queued' ELSE p_status END)
        AND (p_status IS NULL OR p_status NOT IN ('running', 'queued') OR (p_status = 'running') = EXISTS (
            SELECT FROM leases l WHERE l.thread_id = e.id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp()
        ))
        AND (p_repo IS NULL OR e.repo = p_repo)
        AND (p_workflow IS NULL OR EXISTS (SELECT FROM runs r WHERE r.id = e.id AND r.workflow = p_workflow))
    ORDER BY e.id DESC LIMIT p_limit
$$;

-- As claim_epic(), for runs too where the worker knows them; the oldest first, whichever it is.
CREATE FUNCTION claim_work(
    p_token uuid, p_worker text, p_host text, p_pid integer, p_pid_started text, p_seconds double precision,
    p_most integer, p_executors text[], p_graph integer, p_state integer, p_but text[], p_runs boolean
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
            AND id <> ALL (p_but) AND (p_runs OR NOT is_run(id))
        ORDER BY substr(id, 3) LIMIT 20
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

-- What workers of older releases call, which know no runs.
CREATE OR REPLACE FUNCTION claim_epic(
    p_token uuid, p_worker text, p_host text, p_pid integer, p_pid_started text, p_seconds double precision,
    p_most integer, p_executors text[], p_graph integer, p_state integer, p_but text[]
) RETURNS TABLE (epic_id text, epoch bigint, takeovers integer, died text)
LANGUAGE sql AS $$
    SELECT * FROM claim_work(
        p_token, p_worker, p_host, p_pid, p_pid_started, p_seconds, p_most, p_executors, p_graph, p_state, p_but, false
    )
$$;

-- As before, with runs in the queue.
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
    SELECT q.id, row_number() OVER (ORDER BY substr(q.id, 3))::integer AS place
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

-- A run as the faces show it.
CREATE VIEW shown_runs AS
SELECT
    s.id, r.workflow, r.task, s.repo, s.base, r.revision, r.start_commit, s.status, s.attempt, s.cost_usd, s.reserved_usd, s.budget_usd,
    s.tokens, s.problem, s.executor, s.model, s.labels, s.queue_place, s.retry_at, s.created_at, s.updated_at, r.ended_at, r.unpublished,
    a.executor AS used_executor, a.model AS used_model, a.branch, a.result, a.turns
FROM shown_epics s
JOIN runs r ON r.id = s.id
LEFT JOIN LATERAL (
    SELECT
        t.executor, t.model, t.branch, t.result,
        (SELECT count(*) FROM turns u WHERE u.epic_id = t.epic_id AND u.attempt = t.n) + t.pruned_turns AS turns
    FROM attempts t WHERE t.epic_id = s.id ORDER BY t.n DESC LIMIT 1
) AS a ON true;

-- As before, for runs too. Prune one finished epic in one transaction, fenced (durability rule 1): the lease's row is locked, so that a take-over waits and then
-- reads what is left. No row comes back, and nothing is done, if somebody has or takes the epic, or it changed since p_seen.
CREATE OR REPLACE FUNCTION prune_epic(p_epic text, p_kinds text[], p_seen timestamptz, p_apply boolean)
RETURNS TABLE (kind text, row_count bigint, byte_count bigint)
LANGUAGE plpgsql AS $$
DECLARE
    held leases%ROWTYPE;
    gone jsonb := '{}';
BEGIN
    IF p_apply THEN
        -- Without a row there would be nothing that a take-over waits for. Looked first: an insert would wait for whoever has it.
        IF NOT EXISTS (SELECT FROM leases l WHERE l.thread_id = p_epic) THEN
            INSERT INTO leases (thread_id) VALUES (p_epic) ON CONFLICT DO NOTHING;
        END IF;
        SELECT * INTO held FROM leases l WHERE l.thread_id = p_epic FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        PERFORM FROM epics e WHERE e.id = p_epic FOR UPDATE;
    ELSE
        SELECT * INTO held FROM leases l WHERE l.thread_id = p_epic;
    END IF;
    IF held.token IS NOT NULL AND held.expires_at > clock_timestamp() THEN
        RETURN;
    END IF;
    PERFORM FROM epics e
    WHERE e.id = p_epic AND e.status IN ('merged', 'rejected', 'failed', 'cancelled', 'done') AND e.updated_at = p_seen
        -- What was asked of it and not yet done may need its history; a cancel that came too late does not.
        AND NOT EXISTS (SELECT FROM commands c WHERE c.epic_id = e.id AND c.applied_at IS NULL AND c.kind <> 'cancel');
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF NOT p_apply THEN
        RETURN QUERY SELECT * FROM prune_history(p_epic, p_kinds, false);
        RETURN;
    END IF;
    -- A holder whose lease ran out must not write any more: it would go on from a history that it does not know.
    UPDATE leases l SET epoch = l.epoch + 1, token = NULL WHERE l.thread_id = p_epic AND l.token IS NOT NULL;
    FOR kind, row_count, byte_count IN SELECT * FROM prune_history(p_epic, p_kinds, true) LOOP
        IF row_count > 0 THEN
            gone := gone || jsonb_build_object(kind, row_count);
        END IF;
        RETURN NEXT;
    END LOOP;
    INSERT INTO prunings AS p (epic_id, checkpoints_at, journal_at, events_at)
    VALUES (
        p_epic, CASE WHEN 'checkpoints' = ANY (p_kinds) THEN clock_timestamp() END,
        CASE WHEN 'journal' = ANY (p_kinds) THEN clock_timestamp() END, CASE WHEN 'events' = ANY (p_kinds) THEN clock_timestamp() END
    )
    ON CONFLICT (epic_id) DO UPDATE SET
        checkpoints_at = coalesce(excluded.checkpoints_at, p.checkpoints_at), journal_at = coalesce(excluded.journal_at, p.journal_at),
        events_at = coalesce(excluded.events_at, p.events_at);
    IF gone <> '{}' THEN
        PERFORM add_events(p_epic, jsonb_build_array(jsonb_build_object('type', 'history_pruned', 'data', jsonb_build_object('rows', gone))));
        -- An event makes an epic young again, and pruning must not: its age is that of its last deed.
        UPDATE epics SET updated_at = p_seen WHERE id = p_epic;
    END IF;
END
$$;
