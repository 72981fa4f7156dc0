-- The time machine: where each moment came from, rollbacks, and forks. Both are written by the projection, in the transaction of the one
-- checkpoint that each of them is: killed at any instant, it is whole or was not begun. The projection itself is in 0012.

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
