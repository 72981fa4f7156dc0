-- What writes and reads the backbone's tables: the view of epics, the fence, the projection of a checkpoint, the reservation of a call.

-- Epics as the faces show them: `queued` under a live lease is running, and cost is the sum of the calls that were answered.
CREATE VIEW shown_epics AS
SELECT
    e.id, e.goal, e.repo, e.base, e.status AS stored_status,
    CASE WHEN e.status = 'queued' AND l.token IS NOT NULL AND l.expires_at > clock_timestamp() THEN 'running' ELSE e.status END AS status,
    e.step, e.attempt, e.branch, e.head, e.moment, spent.cost_usd, spent.reserved_usd, e.budget_usd, spent.tokens, e.waiting_on, e.failure, e.problem,
    e.executor, e.model, e.autonomy, e.labels, e.created_at, e.updated_at
FROM epics e
LEFT JOIN leases l ON l.thread_id = e.id
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

-- The fence (durability rules 1 and 2). FOR SHARE makes a take-over wait until this transaction has ended, so that whoever takes over
-- reads a newest checkpoint that nobody can add to any more.
CREATE FUNCTION assert_lease(p_thread text, p_epoch bigint, p_token uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM leases WHERE thread_id = p_thread AND epoch = p_epoch AND token = p_token FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease lost: epoch % of % is over', p_epoch, p_thread USING ERRCODE = '55000';
    END IF;
END
$$;

-- Event numbers are taken under the epic's row lock, so that a reader who has seen n has seen all before it (durability rule 9).
CREATE FUNCTION add_events(p_epic text, p_events jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    before integer;
BEGIN
    UPDATE epics SET last_event = last_event + jsonb_array_length(p_events), updated_at = now()
    WHERE id = p_epic RETURNING last_event - jsonb_array_length(p_events) INTO before;
    INSERT INTO events (epic_id, n, type, data)
    SELECT p_epic, before + entry.place, entry.value ->> 'type', coalesce(entry.value -> 'data', '{}')
    FROM jsonb_array_elements(p_events) WITH ORDINALITY AS entry (value, place);
END
$$;

-- The projection of one checkpoint: all rows that it makes true, or none. Called by the fenced saver in the checkpoint's transaction;
-- it must not hold a savepoint or an EXCEPTION block (durability rule 5).
CREATE FUNCTION project_checkpoint(p_epic text, p_checkpoint text, p jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    m jsonb := p -> 'moment';
    a jsonb := p -> 'approval';
    added integer := jsonb_array_length(p -> 'events');
    first_event integer;
    this_moment integer;
BEGIN
    UPDATE epics SET
        status = p ->> 'status',
        step = p ->> 'step',
        attempt = coalesce((m ->> 'attempt')::integer, attempt),
        branch = p ->> 'branch',
        head = p ->> 'head',
        failure = nullif(p -> 'failure', 'null'),
        problem = NULL,
        waiting_on = a ->> 'id',
        last_moment = last_moment + CASE WHEN jsonb_typeof(m) = 'object' THEN 1 ELSE 0 END,
        moment = CASE WHEN jsonb_typeof(m) = 'object' THEN last_moment + 1 ELSE moment END,
        last_event = last_event + added,
        updated_at = now()
    WHERE id = p_epic
    RETURNING moment, last_event - added INTO this_moment, first_event;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no epic % to project a checkpoint on', p_epic USING ERRCODE = '23503';
    END IF;

    IF jsonb_typeof(m) = 'object' THEN
        INSERT INTO moments (epic_id, n, checkpoint_id, step, workflow, attempt, outcome, branch, commit, tree, cost_usd, note)
        VALUES (
            p_epic, this_moment, p_checkpoint, m ->> 'step', m ->> 'workflow', (m ->> 'attempt')::integer, m ->> 'outcome',
            m ->> 'branch', m ->> 'commit', m ->> 'tree',
            coalesce((SELECT sum(cost_usd) FROM calls WHERE epic_id = p_epic AND state = 'settled'), 0), m ->> 'note'
        );
    END IF;
    IF (p ->> 'leaves_gate')::boolean THEN
        UPDATE approvals SET status = 'superseded' WHERE epic_id = p_epic AND status = 'pending';
        UPDATE approvals SET applied_at = now() WHERE epic_id = p_epic AND decision IS NOT NULL AND applied_at IS NULL;
    END IF;
    IF jsonb_typeof(a) = 'object' THEN
        INSERT INTO approvals (id, epic_id, gate, moment, content_hash, question, options, summary, scope)
        VALUES (
            a ->> 'id', p_epic, a ->> 'gate', this_moment, a ->> 'content_hash', a ->> 'question', a -> 'options',
            a ->> 'summary', a ->> 'scope'
        );
    END IF;
    IF jsonb_typeof(p -> 'analysis') = 'object' THEN
        INSERT INTO analyses (epic_id, moment, attempt, analysis)
        VALUES (p_epic, this_moment, (p -> 'analysis' ->> 'attempt')::integer, p -> 'analysis');
    END IF;
    IF jsonb_typeof(p -> 'pull_request') = 'object' THEN
        INSERT INTO pull_requests (epic_id, record) VALUES (p_epic, p -> 'pull_request')
        ON CONFLICT (epic_id) DO UPDATE SET record = excluded.record, updated_at = now();
    END IF;
    IF added > 0 THEN
        INSERT INTO events (epic_id, n, type, data)
        SELECT p_epic, first_event + entry.place, entry.value ->> 'type', entry.value -> 'data'
        FROM jsonb_array_elements(p -> 'events') WITH ORDINALITY AS entry (value, place);
    END IF;
END
$$;

-- One checkpoint, whole or not at all: the fence, the writes that were held back for it, its blobs, itself, and the rows that it makes
-- true. One statement is one transaction and one round trip. The tables are those of langgraph-checkpoint-postgres 3.2.
CREATE FUNCTION put_checkpoint(
    p_thread text, p_epoch bigint, p_token uuid, p_ns text, p_id text, p_parent text, p_checkpoint jsonb, p_metadata jsonb,
    blob_channels text[], blob_versions text[], blob_types text[], blob_values bytea[],
    write_checkpoints text[], write_tasks text[], write_paths text[], write_places integer[], write_channels text[], write_types text[],
    write_values bytea[],
    p_rows jsonb
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM assert_lease(p_thread, p_epoch, p_token);
    IF cardinality(write_tasks) > 0 THEN
        INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
        SELECT p_thread, p_ns, w.* FROM unnest(
            write_checkpoints, write_tasks, write_paths, write_places, write_channels, write_types, write_values
        ) AS w
        ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO NOTHING;
    END IF;
    IF cardinality(blob_channels) > 0 THEN
        INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
        SELECT p_thread, p_ns, b.* FROM unnest(blob_channels, blob_versions, blob_types, blob_values) AS b
        ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING;
    END IF;
    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    VALUES (p_thread, p_ns, p_id, p_parent, p_checkpoint, p_metadata)
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
    DO UPDATE SET checkpoint = excluded.checkpoint, metadata = excluded.metadata;
    IF p_rows IS NOT NULL THEN
        PERFORM project_checkpoint(p_thread, p_id, p_rows);
    END IF;
END
$$;

-- Hold the highest price of a call against every limit, each under its row's lock (durability rule 17). Where not all tokens fit, fewer
-- are granted, down to p_floor; where not even those fit, nothing is reserved and the limit that refused is named.
CREATE FUNCTION reserve_call(
    p_epic text, p_attempt integer, p_model text, p_input_usd numeric, p_output_usd numeric, p_wish integer, p_floor integer,
    OUT call_id bigint, OUT max_tokens integer, OUT scope text, OUT limit_usd numeric, OUT spent_usd numeric, OUT needed_usd numeric
)
LANGUAGE plpgsql AS $$
DECLARE
    project bigint;
    bound record;
    fits numeric;
BEGIN
    SELECT project_id INTO project FROM epics WHERE id = p_epic;
    -- Always in this order, so that two reservations cannot wait for each other.
    PERFORM 1 FROM projects WHERE id = project FOR UPDATE;
    PERFORM 1 FROM epics WHERE id = p_epic FOR UPDATE;
    PERFORM 1 FROM attempts WHERE epic_id = p_epic AND n = p_attempt FOR UPDATE;
    max_tokens := p_wish;
    FOR bound IN
        SELECT 'attempt' AS kind, t.limit_usd AS most,
            (SELECT coalesce(sum(c.cost_usd), 0) FROM calls c WHERE c.epic_id = p_epic AND c.attempt = p_attempt) AS spent
        FROM attempts t WHERE t.epic_id = p_epic AND t.n = p_attempt AND t.limit_usd IS NOT NULL
        UNION ALL
        SELECT 'epic', e.budget_usd, (SELECT coalesce(sum(c.cost_usd), 0) FROM calls c WHERE c.epic_id = p_epic)
        FROM epics e WHERE e.id = p_epic AND e.budget_usd IS NOT NULL
        UNION ALL
        SELECT 'project', r.budget_usd, (SELECT coalesce(sum(c.cost_usd), 0) FROM calls c WHERE c.project_id = project)
        FROM projects r WHERE r.id = project AND r.budget_usd IS NOT NULL
    LOOP
        IF p_output_usd > 0 THEN
            fits := floor((bound.most - bound.spent - p_input_usd) / p_output_usd);
        ELSIF bound.most - bound.spent >= p_input_usd THEN
            fits := p_wish;
        ELSE
            fits := -1;
        END IF;
        IF fits < least(p_floor, p_wish) THEN
            max_tokens := NULL;
            scope := bound.kind;
            limit_usd := bound.most;
            spent_usd := bound.spent;
            needed_usd := p_input_usd + least(p_floor, p_wish) * p_output_usd;
            RETURN;
        END IF;
        max_tokens := least(max_tokens, fits)::integer;
    END LOOP;
    INSERT INTO calls (project_id, epic_id, attempt, model, reserved_usd, cost_usd)
    VALUES (
        project, p_epic, p_attempt, p_model, p_input_usd + max_tokens * p_output_usd, p_input_usd + max_tokens * p_output_usd
    ) RETURNING id INTO call_id;
END
$$;
