-- The time machine: where each moment came from, rollbacks, and forks. Both are written by the projection, in the transaction of the one
-- checkpoint that each of them is: killed at any instant, it is whole or was not begun.

ALTER TABLE moments
    -- The moment whose state this one came from; none for the first.
    ADD COLUMN parent integer,
    -- Where an epic went back to, if that is what this moment is.
    ADD COLUMN back_to integer;
UPDATE moments m SET parent = (SELECT max(p.n) FROM moments p WHERE p.epic_id = m.epic_id AND p.n < m.n);

-- One row for each going back, by whomever.
CREATE TABLE rollbacks (
    epic_id text NOT NULL,
    -- The moment that it made.
    moment integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('rollback', 'undo', 'revert')),
    level text NOT NULL CHECK (level IN ('step', 'state', 'snapshot', 'full')),
    to_moment integer NOT NULL,
    -- Where the epic was: what an undo goes back to.
    before_moment integer NOT NULL,
    by text NOT NULL,
    guidance text NOT NULL DEFAULT '',
    -- What became of the deeds that were done outside since then: [{kind, what, undone, why}].
    effects jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epic_id, moment),
    FOREIGN KEY (epic_id, moment) REFERENCES moments (epic_id, n) ON DELETE CASCADE
);

ALTER TABLE epics
    ADD COLUMN forked_from text REFERENCES epics (id) ON DELETE SET NULL,
    ADD COLUMN forked_at integer;
CREATE INDEX epics_by_source ON epics (forked_from) WHERE forked_from IS NOT NULL;

-- What is asked of whoever holds the epic; why it could not be done is told to who asked.
ALTER TABLE commands DROP CONSTRAINT commands_kind_check;
ALTER TABLE commands
    ADD CONSTRAINT commands_kind_check CHECK (kind IN ('cancel', 'rollback')),
    ADD COLUMN problem text;

-- As before, and: what was approved before going back, or by the source of a fork, is no yes to what is asked since.
CREATE OR REPLACE FUNCTION yes_is_coming(p_epic text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM approvals a
        WHERE a.epic_id = p_epic AND a.status = 'pending' AND a.gate IN ('plan_gate', 'merge_gate') AND NOT EXISTS (
            SELECT FROM approvals b
            WHERE b.epic_id = p_epic AND b.content_hash = a.content_hash AND b.channel = 'auto'
                AND b.moment > coalesce((SELECT e.forked_at FROM epics e WHERE e.id = p_epic), 0)
                AND b.moment >= coalesce((SELECT max(r.moment) FROM rollbacks r WHERE r.epic_id = p_epic), 0)
        )
    )
$$;

-- A rollback can be asked of an epic that ended just then.
CREATE OR REPLACE VIEW runnable_epics AS
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
JOIN epics e ON e.id = asked.id
LEFT JOIN leases l ON l.thread_id = e.id
WHERE (l.token IS NULL OR l.expires_at <= clock_timestamp())
    AND (
        e.status IN ('queued', 'waiting')
        -- A decision does not run an epic that was parked: that takes a resume. A cancel and a rollback do.
        OR (e.status = 'paused' AND EXISTS (SELECT FROM commands c WHERE c.epic_id = e.id AND c.applied_at IS NULL))
        OR EXISTS (SELECT FROM commands c WHERE c.epic_id = e.id AND c.applied_at IS NULL AND c.kind = 'rollback')
    );

-- Make the row of a fork with all that its source had up to the moment: its line of moments, their attempts with the journal, the decisions,
-- the checkpoints, and a hold on the packs. What was paid is not copied: it was paid once. The source is only read.
CREATE FUNCTION begin_fork(p_epic text, p_head text, p_base text, f jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    source text := f ->> 'source';
    line integer[];
    carried integer[];
BEGIN
    WITH RECURSIVE ancestry (n, parent) AS (
        SELECT m.n, m.parent FROM moments m WHERE m.epic_id = source AND m.n = (f ->> 'at')::integer
        UNION
        SELECT m.n, m.parent FROM ancestry a JOIN moments m ON m.epic_id = source AND m.n = a.parent
    )
    SELECT coalesce(array_agg(n), '{}') INTO line FROM ancestry;
    SELECT coalesce(array_agg(DISTINCT m.attempt), '{}') INTO carried
    FROM moments m WHERE m.epic_id = source AND m.n = ANY (line) AND m.attempt IS NOT NULL;

    INSERT INTO epics (
        id, project_id, goal, repo, base, base_commit, status, step, attempt, moment, budget_usd, executor, model, autonomy, auto_approve,
        labels, graph_version, state_version, last_moment, last_attempt, forked_from, forked_at
    )
    SELECT
        p_epic, project_id, goal, repo, base, base_commit, 'paused', step, (SELECT max(n) FROM unnest(carried) AS n), nullif((f ->> 'at')::integer, 0),
        coalesce((f ->> 'budget_usd')::numeric, budget_usd), coalesce(f ->> 'executor', executor), coalesce(f ->> 'model', model),
        coalesce(f ->> 'autonomy', autonomy), false, labels || (f -> 'labels'), graph_version, (f ->> 'state_version')::integer,
        (f ->> 'at')::integer, last_attempt, source, (f ->> 'at')::integer
    FROM epics WHERE id = source;

    -- As in keep_pack(): nothing is collected between what the source still holds and what the fork does.
    PERFORM pg_advisory_xact_lock_shared(7305814620418);
    INSERT INTO epic_packs (epic_id, commit, project_id)
    SELECT p_epic, h.commit, h.project_id FROM epic_packs h
    WHERE h.epic_id = source AND h.commit IN (
        SELECT base_commit FROM epics WHERE id = source
        UNION SELECT p_head UNION SELECT p_base
        UNION SELECT m.commit FROM moments m WHERE m.epic_id = source AND m.n = ANY (line)
        UNION SELECT a.base_commit FROM attempts a WHERE a.epic_id = source AND a.n = ANY (carried)
        UNION SELECT a.result ->> 'commit' FROM attempts a WHERE a.epic_id = source AND a.n = ANY (carried)
        UNION SELECT t.tree FROM turns t WHERE t.epic_id = source AND t.attempt = ANY (carried)
    )
    ORDER BY h.id;
    INSERT INTO moments
    SELECT (jsonb_populate_record(m, jsonb_build_object('epic_id', p_epic, 'name', NULL))).*
    FROM moments m WHERE m.epic_id = source AND m.n = ANY (line);
    INSERT INTO attempts
    SELECT (jsonb_populate_record(a, jsonb_build_object('epic_id', p_epic))).* FROM attempts a WHERE a.epic_id = source AND a.n = ANY (carried);
    INSERT INTO briefs SELECT p_epic, b.attempt, b.text FROM briefs b WHERE b.epic_id = source AND b.attempt = ANY (carried);
    -- Not by way of jsonb: requests and answers are kept to the letter.
    INSERT INTO turns (epic_id, attempt, n, request_hash, model, request, answer, results, tree, head, created_at, pack)
    SELECT p_epic, t.attempt, t.n, t.request_hash, t.model, t.request, t.answer, t.results, t.tree, t.head, t.created_at,
        CASE WHEN t.tree IN (SELECT commit FROM epic_packs WHERE epic_id = p_epic) THEN t.tree END
    FROM turns t WHERE t.epic_id = source AND t.attempt = ANY (carried);
    INSERT INTO rollbacks
    SELECT (jsonb_populate_record(r, jsonb_build_object('epic_id', p_epic))).* FROM rollbacks r WHERE r.epic_id = source AND r.moment = ANY (line);
    INSERT INTO approvals
    SELECT (jsonb_populate_record(a, jsonb_build_object(
        'epic_id', p_epic, 'id', 'a-' || left(encode(sha256(convert_to(p_epic || ' ' || a.id, 'UTF8')), 'hex'), 10)
    ))).*
    FROM approvals a
    WHERE a.epic_id = source AND a.moment = ANY (line) AND a.moment <> (f ->> 'at')::integer AND a.decision IS NOT NULL AND a.applied_at IS NOT NULL;

    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
    SELECT p_epic, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id, c.type, c.checkpoint, c.metadata FROM checkpoints c
    WHERE c.thread_id = source AND c.checkpoint_ns = ''
        AND c.checkpoint_id IN (SELECT m.checkpoint_id FROM moments m WHERE m.epic_id = source AND m.n = ANY (line))
    ON CONFLICT DO NOTHING;
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT p_epic, b.checkpoint_ns, b.channel, b.version, b.type, b.blob FROM checkpoint_blobs b
    WHERE b.thread_id = source AND EXISTS (
        SELECT FROM checkpoints c
        WHERE c.thread_id = p_epic AND c.checkpoint_ns = b.checkpoint_ns AND c.checkpoint -> 'channel_versions' ->> b.channel = b.version
    )
    ON CONFLICT DO NOTHING;
    PERFORM add_events(p_epic, jsonb_build_array(jsonb_build_object(
        'type', 'epic_forked', 'data', jsonb_build_object('from', source, 'at', (f ->> 'at')::integer, 'by', f ->> 'by')
    )));
END
$$;

-- As before, and: where each moment came from, rollbacks with all that they take back, forks, and reverts that were merged.
CREATE OR REPLACE FUNCTION project_checkpoint(p_epic text, p_checkpoint text, p jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    m jsonb := p -> 'moment';
    a jsonb := p -> 'approval';
    r jsonb := nullif(p -> 'rollback', 'null');
    added integer := jsonb_array_length(p -> 'events');
    first_event integer;
    this_moment integer;
BEGIN
    IF p ? 'fork' THEN
        PERFORM begin_fork(p_epic, p ->> 'head', p ->> 'base', p -> 'fork');
    END IF;
    UPDATE epics SET
        status = p ->> 'status',
        step = p ->> 'step',
        attempt = coalesce((m ->> 'attempt')::integer, attempt),
        branch = p ->> 'branch',
        head = p ->> 'head',
        failure = nullif(p -> 'failure', 'null'),
        problem = p ->> 'problem',
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
        INSERT INTO moments (
            epic_id, n, checkpoint_id, step, workflow, attempt, outcome, branch, commit, tree, cost_usd, note, parent, back_to
        )
        VALUES (
            p_epic, this_moment, p_checkpoint, m ->> 'step', m ->> 'workflow', (m ->> 'attempt')::integer, m ->> 'outcome',
            m ->> 'branch', m ->> 'commit',
            -- A step that changes no file has the tree of the commit that it found.
            coalesce(
                nullif(m ->> 'tree', ''),
                (SELECT b.tree FROM moments b WHERE b.epic_id = p_epic AND b.n = this_moment - 1 AND b.commit = m ->> 'commit'), ''
            ),
            coalesce((SELECT sum(cost_usd) FROM calls WHERE epic_id = p_epic AND state = 'settled'), 0), m ->> 'note',
            coalesce((m ->> 'parent')::integer, nullif(this_moment - 1, 0)), (m ->> 'back_to')::integer
        );
    END IF;
    IF r IS NOT NULL THEN
        -- What was decided and not yet gone on with is as if it had not been.
        UPDATE approvals SET status = 'superseded', applied_at = now() WHERE epic_id = p_epic AND decision IS NOT NULL AND applied_at IS NULL;
        INSERT INTO rollbacks (epic_id, moment, kind, level, to_moment, before_moment, by, guidance, effects)
        VALUES (
            p_epic, this_moment, r ->> 'kind', r ->> 'level', (r ->> 'to')::integer, this_moment - 1, r ->> 'by', r ->> 'guidance', r -> 'effects'
        );
        UPDATE commands SET applied_at = now() WHERE epic_id = p_epic AND id = (r ->> 'command')::bigint AND applied_at IS NULL;
        UPDATE epics SET retry_at = NULL, retries = 0, auto_approve = auto_approve AND (r ->> 'keeps_yes')::boolean WHERE id = p_epic;
    ELSIF m ->> 'back_to' IS NOT NULL THEN
        -- At a failure gate, where who went back is told by the decision.
        INSERT INTO rollbacks (epic_id, moment, kind, level, to_moment, before_moment, by, guidance)
        SELECT p_epic, this_moment, 'rollback', 'full', (m ->> 'back_to')::integer, this_moment - 1, d.decided_by, coalesce(d.comment, '')
        FROM approvals d WHERE d.epic_id = p_epic AND d.moment = this_moment - 1 AND d.decision = 'rollback';
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
        IF r IS NOT NULL THEN
            -- The one that was gone back to is open again, and it alone.
            UPDATE effects f SET state = 'undone', ended_at = now(), found = f.found || jsonb_build_object('closed_at_moment', this_moment)
            WHERE epic_id = p_epic AND kind = 'pull_request' AND state = 'done'
                AND (content ->> 1, content ->> 3) IS DISTINCT FROM (p -> 'pull_request' ->> 'branch', p -> 'pull_request' ->> 'head');
        END IF;
    ELSIF p ? 'closes_pull_request' THEN
        -- The record is the pull request: closing it is a deed that is undone here, and a later one is a new generation (durability rule 19).
        DELETE FROM pull_requests WHERE epic_id = p_epic;
        UPDATE effects f SET state = 'undone', ended_at = now(), found = f.found || jsonb_build_object('closed_at_moment', this_moment)
        WHERE epic_id = p_epic AND kind = 'pull_request' AND state = 'done';
    END IF;
    IF p ->> 'reverted' IS NOT NULL THEN
        UPDATE effects f SET state = 'undone', ended_at = now(), found = f.found || jsonb_build_object('reverted_by', p ->> 'head')
        WHERE epic_id = p_epic AND kind = 'merge' AND state = 'done' AND content ->> 2 = p ->> 'reverted';
    END IF;
    IF added > 0 THEN
        INSERT INTO events (epic_id, n, type, data)
        SELECT p_epic, first_event + entry.place, entry.value ->> 'type', entry.value -> 'data'
        FROM jsonb_array_elements(p -> 'events') WITH ORDINALITY AS entry (value, place);
    END IF;
END
$$;

-- As before, and rollbacks and forks are news.
CREATE OR REPLACE FUNCTION write_outbox() RETURNS trigger
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
        'approval_opened', 'approval_decided', 'epic_rolled_back', 'epic_forked'
    )
    ORDER BY e.epic_id, e.n, w.id;
    RETURN NULL;
END
$$;
