-- Races: the first implement of an epic, done several times side by side as forks of one moment; one of them is picked. Who is to do what
-- next is read from these rows alone, so a race goes on wherever it was cut off.

CREATE TABLE races (
    epic_id text PRIMARY KEY REFERENCES epics (id) ON DELETE CASCADE,
    -- How many entries.
    n integer NOT NULL CHECK (n BETWEEN 2 AND 8),
    -- Who picks: the order of the scores, if the best entry passed, or a person.
    rule text NOT NULL CHECK (rule IN ('auto', 'ask')),
    -- planned (until implement would begin), running (until one is picked), picked, called_off (the epic ended or went elsewhere).
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'running', 'picked', 'called_off')),
    -- The moment that the entries are forks of, and what each of them may cost.
    moment integer,
    share_usd numeric,
    -- What keeps the race from going on, if anything does.
    problem text,
    winner text,
    -- How far the winner had come, and what the epic made of it.
    winner_moment integer,
    picked_moment integer,
    picked_by text,
    -- The attempts that came with it, which no moment of the epic is of.
    taken integer[] NOT NULL DEFAULT '{}',
    picked_at timestamptz,
    why text,
    -- Whether the entries were told to end, once the race was over.
    told_to_end boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX races_to_look_after ON races (epic_id) WHERE state <> 'planned' AND NOT told_to_end;

CREATE TABLE race_entries (
    epic_id text NOT NULL REFERENCES races (epic_id) ON DELETE CASCADE,
    k integer NOT NULL,
    -- Chosen before the fork is made, so that it is made once.
    fork_id text NOT NULL UNIQUE,
    guidance text NOT NULL,
    score jsonb,
    -- Where the entry was when a person was left to pick: it is scored again when it has moved since.
    judged_at text,
    PRIMARY KEY (epic_id, k)
);

-- Where an entry is.
CREATE FUNCTION place_of_entry(e epics) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT e.status || ':' || coalesce(e.moment, 0);
$$;

-- Races that somebody must look after: forks are to be made, or all entries rest and are not judged as they are now, or it is over.
CREATE VIEW due_races AS
SELECT r.epic_id
FROM races r JOIN epics s ON s.id = r.epic_id
WHERE r.state <> 'planned' AND NOT r.told_to_end AND (
    r.state <> 'running'
    OR s.status IN ('merged', 'rejected', 'failed', 'cancelled')
    OR s.moment IS DISTINCT FROM r.moment
    OR EXISTS (SELECT FROM race_entries n WHERE n.epic_id = r.epic_id AND NOT EXISTS (SELECT FROM epics e WHERE e.id = n.fork_id))
    OR (
        NOT EXISTS (SELECT FROM race_entries n JOIN epics e ON e.id = n.fork_id WHERE n.epic_id = r.epic_id AND e.status = 'queued')
        AND EXISTS (
            SELECT FROM race_entries n JOIN epics e ON e.id = n.fork_id
            WHERE n.epic_id = r.epic_id AND n.judged_at IS DISTINCT FROM place_of_entry(e)
        )
    )
);

-- The step that an epic does not begin by itself: implement where its race is to do that, the documents where it is an entry of a race.
CREATE FUNCTION rests_before(p_epic text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM races r WHERE r.epic_id = p_epic AND r.state IN ('planned', 'running')) THEN 'implement'
        WHEN EXISTS (
            SELECT FROM race_entries n JOIN races r ON r.epic_id = n.epic_id WHERE n.fork_id = p_epic AND r.state = 'running'
        ) THEN 'document'
    END
$$;

-- As before, and: races; and a rollback can be asked of an epic that ended just then.
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
    UNION
    SELECT epic_id FROM due_races
) AS asked
JOIN epics e ON e.id = asked.id
LEFT JOIN leases l ON l.thread_id = e.id
WHERE (l.token IS NULL OR l.expires_at <= clock_timestamp())
    AND (
        e.status IN ('queued', 'waiting')
        -- A decision does not run an epic that was parked: that takes a resume. A cancel and a rollback do.
        OR (e.status = 'paused' AND EXISTS (SELECT FROM commands c WHERE c.epic_id = e.id AND c.applied_at IS NULL))
        OR EXISTS (SELECT FROM commands c WHERE c.epic_id = e.id AND c.applied_at IS NULL AND c.kind = 'rollback')
        OR EXISTS (SELECT FROM due_races d WHERE d.epic_id = e.id)
    );

-- The work of an entry becomes that of the epic: its attempts since the fork with their journal, and a hold on its packs. Its numbers go on
-- from those of the epic, which stood still meanwhile. What was paid is not copied: reserve_call() counts it.
CREATE FUNCTION take_entry(p_epic text, f jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    entry text := f ->> 'fork';
    carried integer[];
BEGIN
    UPDATE races SET
        state = 'picked', winner = entry, winner_moment = (f ->> 'moment')::integer, picked_by = f ->> 'by', why = f ->> 'why', picked_at = now(),
        picked_moment = (SELECT last_moment + 1 FROM epics WHERE id = p_epic), problem = NULL
    WHERE epic_id = p_epic AND state = 'running';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the race of epic % is over: nothing can be picked any more', p_epic USING ERRCODE = '55000';
    END IF;
    WITH RECURSIVE ancestry (n, parent, attempt) AS (
        SELECT m.n, m.parent, m.attempt FROM moments m WHERE m.epic_id = entry AND m.n = (f ->> 'moment')::integer
        UNION
        SELECT m.n, m.parent, m.attempt FROM ancestry a JOIN moments m ON m.epic_id = entry AND m.n = a.parent
    )
    SELECT coalesce(array_agg(DISTINCT a.attempt), '{}') INTO carried
    FROM ancestry a WHERE a.attempt > (SELECT last_attempt FROM epics WHERE id = p_epic);
    -- As in keep_pack(): nothing is collected between what the entry still holds and what the epic does.
    PERFORM pg_advisory_xact_lock_shared(7305814620418);
    INSERT INTO epic_packs (epic_id, commit, project_id)
    SELECT p_epic, h.commit, h.project_id FROM epic_packs h WHERE h.epic_id = entry ORDER BY h.id
    ON CONFLICT (epic_id, commit) DO NOTHING;
    INSERT INTO attempts
    SELECT (jsonb_populate_record(a, jsonb_build_object('epic_id', p_epic))).* FROM attempts a WHERE a.epic_id = entry AND a.n = ANY (carried);
    INSERT INTO briefs SELECT p_epic, b.attempt, b.text FROM briefs b WHERE b.epic_id = entry AND b.attempt = ANY (carried);
    INSERT INTO turns (epic_id, attempt, n, request_hash, model, request, answer, results, tree, head, created_at, pack)
    SELECT p_epic, t.attempt, t.n, t.request_hash, t.model, t.request, t.answer, t.results, t.tree, t.head, t.created_at,
        CASE WHEN t.tree IN (SELECT commit FROM epic_packs WHERE epic_id = p_epic) THEN t.tree END
    FROM turns t WHERE t.epic_id = entry AND t.attempt = ANY (carried);
    UPDATE races SET taken = carried WHERE epic_id = p_epic;
    UPDATE epics SET last_attempt = greatest(last_attempt, (SELECT e.last_attempt FROM epics e WHERE e.id = entry)) WHERE id = p_epic;
END
$$;

-- As before, and: where each moment came from, rollbacks with all that they take back, forks, reverts that were merged, and the entry of a
-- race that is picked.
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
    IF p ? 'picked' THEN
        PERFORM take_entry(p_epic, p -> 'picked');
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

-- The attempt of a step before the one to come, on the line of moments that leads to where the epic is; whether a person decided since then
-- how to go on after a failure, or went back, or forked; and the attempt that analysed the failure that the epic comes from just now.
-- The attempts that came with the entry of a race that was picked are on that line too, which is what a person decided, or the rule.
CREATE FUNCTION attempt_before(p_epic text, p_step text, OUT attempt integer, OUT person boolean, OUT analyst integer)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    here integer := (SELECT e.moment FROM epics e WHERE e.id = p_epic);
    m record;
    newest boolean := true;
BEGIN
    person := false;
    WHILE here IS NOT NULL LOOP
        SELECT o.parent, o.step, o.attempt, o.outcome INTO m FROM moments o WHERE o.epic_id = p_epic AND o.n = here;
        EXIT WHEN NOT FOUND;
        IF m.outcome = 'picked' THEN
            SELECT max(a.n), person OR bool_or(r.picked_by <> 'the rule') INTO attempt, person
            FROM races r LEFT JOIN attempts a ON a.epic_id = r.epic_id AND a.n = ANY (r.taken) AND a.step = p_step
            WHERE r.epic_id = p_epic;
            EXIT WHEN attempt IS NOT NULL;
        ELSIF m.outcome IN ('rolled_back', 'forked') OR (m.step = 'failure_gate' AND m.outcome = 'decided') THEN
            person := true;
        ELSIF m.step = p_step AND m.attempt IS NOT NULL THEN
            attempt := m.attempt;
            EXIT;
        ELSIF newest AND m.step = 'time_machine' THEN
            analyst := m.attempt;
        END IF;
        newest := false;
        here := m.parent;
    END LOOP;
END
$$;

-- As before, and: what the entries of its race cost counts against the limit of an epic, so that it is kept by all of them together.
CREATE OR REPLACE FUNCTION reserve_call(
    p_epic text, p_attempt integer, p_model text, p_input_usd numeric, p_output_usd numeric, p_wish integer, p_floor integer,
    OUT call_id bigint, OUT max_tokens integer, OUT scope text, OUT limit_usd numeric, OUT spent_usd numeric, OUT needed_usd numeric
)
LANGUAGE plpgsql AS $$
DECLARE
    project bigint;
    bound record;
    fits numeric;
    -- An array, so that the index is used.
    counted text[] := array_prepend(p_epic, ARRAY(SELECT n.fork_id FROM race_entries n WHERE n.epic_id = p_epic));
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
        SELECT 'epic', e.budget_usd, (SELECT coalesce(sum(c.cost_usd), 0) FROM calls c WHERE c.epic_id = ANY (counted))
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

-- As before, and rollbacks, forks and picks are news.
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
        'approval_opened', 'approval_decided', 'epic_rolled_back', 'epic_forked', 'attempt_picked'
    )
    ORDER BY e.epic_id, e.n, w.id;
    RETURN NULL;
END
$$;
