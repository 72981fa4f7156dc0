-- Under which terms approvals are given: who decides, how many of them, until when, and what is approved without a person.

ALTER TABLE epics
    -- Who asked for it, and by what channel; null for epics of older releases.
    ADD COLUMN requested_by text,
    ADD COLUMN requested_via text,
    -- The terms that an approval opened by now has, by its gate. Written by whoever drives the epic; null where no policy speaks of it.
    ADD COLUMN approval_terms jsonb,
    -- Who said --yes, with the roles and groups of then: that counts as a decision of this person.
    ADD COLUMN yes_by jsonb;

ALTER TABLE approvals
    -- As they were when it opened, for good; null for approvals of older releases.
    ADD COLUMN terms jsonb,
    ADD COLUMN remind_at timestamptz,
    ADD COLUMN reminded_at timestamptz,
    ADD COLUMN escalate_at timestamptz,
    ADD COLUMN escalated_at timestamptz,
    -- When it was found that no rule and no --yes approves it; a worker that died before left it null, and another looks.
    ADD COLUMN judged_at timestamptz;

-- What each person said about an approval, once. The last of the quorum decides it in the same transaction.
CREATE TABLE approval_votes (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    approval_id text NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
    person text NOT NULL,
    choice text NOT NULL,
    comment text NOT NULL DEFAULT '',
    channel text NOT NULL,
    to_moment integer,
    amount_usd numeric,
    -- What the person saw.
    content_hash text NOT NULL,
    voted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (approval_id, person)
);
CREATE INDEX approval_votes_by_epic ON approval_votes (epic_id);

CREATE FUNCTION votes_on(p_approval text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'person', v.person, 'choice', v.choice, 'comment', v.comment, 'channel', v.channel, 'at', v.voted_at, 'to', v.to_moment,
        'amount_usd', v.amount_usd::text
    ) ORDER BY v.voted_at, v.person), '[]')
    FROM approval_votes v WHERE v.approval_id = p_approval
$$;

-- A trigger, so that no way to open an approval can forget it: a step that arrives at a gate, a rollback, a fork.
CREATE FUNCTION fix_terms() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    opened timestamptz;
BEGIN
    -- What is copied has the terms that it was opened with.
    IF NEW.status = 'pending' AND NEW.terms IS NULL THEN
        SELECT coalesce(e.approval_terms -> NEW.gate, '{}') INTO NEW.terms FROM epics e WHERE e.id = NEW.epic_id;
        -- What was asked elsewhere, and is asked here since its import, has all of its time here.
        opened := greatest(NEW.requested_at, now());
        NEW.expires_at := opened + make_interval(secs => (NEW.terms ->> 'expires_s')::double precision);
        NEW.remind_at := opened + make_interval(secs => (NEW.terms ->> 'remind_s')::double precision);
        NEW.escalate_at := opened + make_interval(secs => (NEW.terms ->> 'escalate_s')::double precision);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER approvals_have_terms BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION fix_terms();

-- A server of an older release knows no quorum, and must not decide for all who are to be asked.
CREATE FUNCTION hold_quorum() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.decision IN ('approve', 'retry', 'rollback', 'raise') AND coalesce((NEW.terms ->> 'quorum')::integer, 1) > 1
        AND NEW.channel IS DISTINCT FROM 'auto'
        AND (NEW.terms ->> 'quorum')::integer > (
            SELECT count(*) FROM approval_votes v
            WHERE v.approval_id = NEW.id AND v.choice = NEW.decision AND v.content_hash = NEW.content_hash
        ) THEN
        RAISE EXCEPTION 'approval % needs % people, and fewer have voted', NEW.id, NEW.terms ->> 'quorum' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER approvals_hold_quorum BEFORE UPDATE OF decision ON approvals
FOR EACH ROW WHEN (OLD.decision IS NULL AND NEW.decision IS NOT NULL) EXECUTE FUNCTION hold_quorum();

-- When something is next due on an approval that waits: a reminder, an escalation, its end.
CREATE FUNCTION next_due(
    p_remind_at timestamptz, p_reminded_at timestamptz, p_escalate_at timestamptz, p_escalated_at timestamptz, p_expires_at timestamptz
) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(
        CASE WHEN p_reminded_at IS NULL THEN p_remind_at END, CASE WHEN p_escalated_at IS NULL THEN p_escalate_at END, p_expires_at
    )
$$;
CREATE INDEX approvals_due ON approvals (next_due(remind_at, reminded_at, escalate_at, escalated_at, expires_at))
WHERE status = 'pending' AND next_due(remind_at, reminded_at, escalate_at, escalated_at, expires_at) IS NOT NULL;

-- What a rule may approve, and nobody has looked at yet.
CREATE INDEX approvals_unjudged ON approvals (epic_id) WHERE status = 'pending' AND judged_at IS NULL AND terms ? 'auto';

-- As before, and: who forked an epic asked for it, what it asks has the terms of today, and what was decided was decided by all who voted.
ALTER FUNCTION begin_fork(text, text, text, jsonb) RENAME TO begin_fork_with_sayings;
CREATE FUNCTION begin_fork(p_epic text, p_head text, p_base text, f jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM begin_fork_with_sayings(p_epic, p_head, p_base, f);
    UPDATE epics n SET
        approval_terms = coalesce(nullif(f -> 'approval_terms', 'null'), s.approval_terms), requested_by = coalesce(f ->> 'requested_by', s.requested_by),
        requested_via = coalesce(f ->> 'requested_via', s.requested_via)
    FROM epics s WHERE n.id = p_epic AND s.id = f ->> 'source';
    INSERT INTO approval_votes
    SELECT (jsonb_populate_record(v, jsonb_build_object('epic_id', p_epic, 'approval_id', a.id))).*
    FROM approvals a
    JOIN approvals b ON b.epic_id = f ->> 'source' AND b.moment = a.moment
    JOIN approval_votes v ON v.approval_id = b.id
    WHERE a.epic_id = p_epic;
END
$$;

-- As before, and: not where it was found that the person who said it may not decide here.
CREATE OR REPLACE FUNCTION yes_is_coming(p_epic text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM approvals a
        WHERE a.epic_id = p_epic AND a.status = 'pending' AND a.gate IN ('plan_gate', 'merge_gate') AND a.judged_at IS NULL AND NOT EXISTS (
            SELECT FROM approvals b
            WHERE b.epic_id = p_epic AND b.content_hash = a.content_hash AND b.channel = 'auto'
                AND b.moment > coalesce((SELECT e.forked_at FROM epics e WHERE e.id = p_epic), 0)
                AND b.moment >= coalesce((SELECT max(r.moment) FROM rollbacks r WHERE r.epic_id = p_epic), 0)
        )
    )
$$;

-- As before, and those at a gate that a rule may let them through.
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
    SELECT epic_id FROM approvals WHERE status = 'pending' AND judged_at IS NULL AND terms ? 'auto'
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

-- As before, and what a rule may approve is not shown as waiting either.
CREATE OR REPLACE VIEW shown_epics AS
SELECT
    e.id, e.goal, e.repo, e.base, e.status AS stored_status,
    CASE
        WHEN e.status <> 'queued' AND NOT (e.status = 'waiting' AND ((e.auto_approve AND yes_is_coming(e.id)) OR EXISTS (
            SELECT FROM approvals j WHERE j.epic_id = e.id AND j.status = 'pending' AND j.judged_at IS NULL AND j.terms ? 'auto'
        ))) THEN e.status
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

-- As before, and what becomes of approvals that need more than one person, or are not given in time, is news.
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
        'approval_opened', 'approval_decided', 'approval_voted', 'approval_escalated', 'approval_expired', 'epic_rolled_back', 'epic_forked',
        'attempt_picked'
    )
    ORDER BY e.epic_id, e.n, w.id;
    RETURN NULL;
END
$$;
