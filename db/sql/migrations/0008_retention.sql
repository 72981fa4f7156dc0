-- Retention: what goes of a finished epic when it is old. Its rows, moments, approvals, attempts and calls stay for ever: they are what the
-- database says of the past, and what it cost. What goes is checkpoints, the journal (briefs and turns) and events, each by its own policy.

-- How many turns an attempt had, once they are pruned: what was shown of it stays true.
ALTER TABLE attempts ADD COLUMN pruned_turns integer NOT NULL DEFAULT 0;

-- When what was pruned of an epic. An epic that is written to after that is looked at again.
CREATE TABLE prunings (
    epic_id text PRIMARY KEY REFERENCES epics (id) ON DELETE CASCADE,
    checkpoints_at timestamptz,
    journal_at timestamptz,
    events_at timestamptz
);

-- One row for each pass, so that the workers of one database make one in an hour among them, and people see what it freed.
CREATE TABLE retention_passes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    epics integer NOT NULL DEFAULT 0,
    row_count bigint NOT NULL DEFAULT 0,
    byte_count bigint NOT NULL DEFAULT 0
);

-- What pruning takes of one epic, kind by kind, as rows and stored bytes; deletes it too where p_apply is true. Only prune_epic() may ask
-- for that. Of checkpoints there stay the newest one, that of the newest moment, and those of moments with a name, each with its blobs.
-- plpgsql, since LangGraph makes its tables after this file is applied.
CREATE FUNCTION prune_history(p_epic text, p_kinds text[], p_apply boolean)
RETURNS TABLE (kind text, row_count bigint, byte_count bigint)
LANGUAGE plpgsql AS $$
DECLARE
    kept text[];
    doomed tid[];
    some_rows bigint;
    some_bytes bigint;
BEGIN
    IF 'checkpoints' = ANY (p_kinds) THEN
        kind := 'checkpoints';
        -- The namespace and the id in one text: an id has no slash.
        kept := ARRAY(
            SELECT c.checkpoint_ns || '/' || max(c.checkpoint_id) FROM checkpoints c WHERE c.thread_id = p_epic GROUP BY c.checkpoint_ns
            UNION
            SELECT '/' || m.checkpoint_id FROM moments m JOIN epics e ON e.id = m.epic_id
            WHERE m.epic_id = p_epic AND (m.name IS NOT NULL OR m.n = e.moment)
        );
        doomed := ARRAY(
            SELECT b.ctid FROM checkpoint_blobs b
            WHERE b.thread_id = p_epic AND NOT EXISTS (
                SELECT FROM checkpoints c
                WHERE c.thread_id = p_epic AND c.checkpoint_ns = b.checkpoint_ns AND c.checkpoint_ns || '/' || c.checkpoint_id = ANY (kept)
                    AND c.checkpoint -> 'channel_versions' ->> b.channel = b.version
            )
        );
        SELECT count(*), coalesce(sum(pg_column_size(b.blob) + 100), 0) INTO row_count, byte_count
        FROM checkpoint_blobs b WHERE b.ctid = ANY (doomed);
        IF p_apply THEN
            DELETE FROM checkpoint_blobs b WHERE b.thread_id = p_epic AND b.ctid = ANY (doomed);
        END IF;
        doomed := ARRAY(
            SELECT w.ctid FROM checkpoint_writes w
            WHERE w.thread_id = p_epic AND w.checkpoint_ns || '/' || w.checkpoint_id <> ALL (kept)
        );
        SELECT count(*), coalesce(sum(pg_column_size(w.blob) + 150), 0) INTO some_rows, some_bytes
        FROM checkpoint_writes w WHERE w.ctid = ANY (doomed);
        row_count := row_count + some_rows;
        byte_count := byte_count + some_bytes;
        IF p_apply THEN
            DELETE FROM checkpoint_writes w WHERE w.thread_id = p_epic AND w.ctid = ANY (doomed);
        END IF;
        doomed := ARRAY(
            SELECT c.ctid FROM checkpoints c
            WHERE c.thread_id = p_epic AND c.checkpoint_ns || '/' || c.checkpoint_id <> ALL (kept)
        );
        SELECT count(*), coalesce(sum(pg_column_size(c.checkpoint) + pg_column_size(c.metadata) + 150), 0) INTO some_rows, some_bytes
        FROM checkpoints c WHERE c.ctid = ANY (doomed);
        row_count := row_count + some_rows;
        byte_count := byte_count + some_bytes;
        IF p_apply THEN
            DELETE FROM checkpoints c WHERE c.thread_id = p_epic AND c.ctid = ANY (doomed);
        END IF;
        RETURN NEXT;
    END IF;

    IF 'journal' = ANY (p_kinds) THEN
        kind := 'journal';
        SELECT count(*), coalesce(sum(
            pg_column_size(t.request) + pg_column_size(t.answer) + coalesce(pg_column_size(t.results), 0) + 150
        ), 0) INTO row_count, byte_count FROM turns t WHERE t.epic_id = p_epic;
        SELECT count(*), coalesce(sum(pg_column_size(b.text) + 50), 0) INTO some_rows, some_bytes FROM briefs b WHERE b.epic_id = p_epic;
        row_count := row_count + some_rows;
        byte_count := byte_count + some_bytes;
        IF p_apply THEN
            UPDATE attempts a SET pruned_turns = a.pruned_turns + gone.turns
            FROM (SELECT t.attempt, count(*) AS turns FROM turns t WHERE t.epic_id = p_epic GROUP BY t.attempt) AS gone
            WHERE a.epic_id = p_epic AND a.n = gone.attempt;
            DELETE FROM turns t WHERE t.epic_id = p_epic;
            DELETE FROM briefs b WHERE b.epic_id = p_epic;
        END IF;
        RETURN NEXT;

        -- Commits that only turns named, or nothing: the epic lets go of their packs, and collect_packs() removes those that nobody holds
        -- or needs. So of these only a measure is told, which is the most that can go.
        kind := 'packs';
        doomed := ARRAY(
            SELECT h.ctid FROM epic_packs h JOIN epics e ON e.id = h.epic_id
            WHERE h.epic_id = p_epic AND h.commit NOT IN (e.base_commit, coalesce(e.head, e.base_commit))
                AND NOT EXISTS (SELECT FROM moments m WHERE m.epic_id = p_epic AND m.commit = h.commit)
                AND NOT EXISTS (
                    SELECT FROM attempts a WHERE a.epic_id = p_epic AND h.commit IN (a.base_commit, a.result ->> 'commit')
                )
        );
        IF p_apply THEN
            DELETE FROM epic_packs h WHERE h.epic_id = p_epic AND h.ctid = ANY (doomed);
        ELSE
            SELECT count(*), coalesce(sum(octet_length(k.data) + 100), 0) INTO row_count, byte_count
            FROM epic_packs h JOIN packs k ON k.project_id = h.project_id AND k.commit = h.commit
            WHERE h.ctid = ANY (doomed)
                AND NOT EXISTS (
                    SELECT FROM epic_packs o WHERE o.project_id = h.project_id AND o.commit = h.commit AND o.epic_id <> p_epic
                );
            RETURN NEXT;
        END IF;
    END IF;

    IF 'events' = ANY (p_kinds) THEN
        kind := 'events';
        -- How it ended stays, and what was pruned before.
        doomed := ARRAY(
            SELECT v.ctid FROM events v
            WHERE v.epic_id = p_epic AND v.type <> 'history_pruned'
                AND v.n < (SELECT max(l.n) FROM events l WHERE l.epic_id = p_epic AND l.type <> 'history_pruned')
        );
        SELECT count(*), coalesce(sum(pg_column_size(v.data) + pg_column_size(v.type) + 80), 0) INTO row_count, byte_count
        FROM events v WHERE v.ctid = ANY (doomed);
        IF p_apply THEN
            DELETE FROM events v WHERE v.epic_id = p_epic AND v.ctid = ANY (doomed);
        END IF;
        RETURN NEXT;
    END IF;
END
$$;

-- Prune one finished epic in one transaction, fenced (durability rule 1): the lease's row is locked, so that a take-over waits and then
-- reads what is left. No row comes back, and nothing is done, if somebody has or takes the epic, or it changed since p_seen.
CREATE FUNCTION prune_epic(p_epic text, p_kinds text[], p_seen timestamptz, p_apply boolean)
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
    WHERE e.id = p_epic AND e.status IN ('merged', 'rejected', 'failed', 'cancelled') AND e.updated_at = p_seen
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
