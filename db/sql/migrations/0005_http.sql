-- What the HTTP API needs: answers that are given again, and lists that stay quick however many epics wait.

-- The answer to each start that had effect, kept with what asked for it: whoever asks again under the same key gets the same answer.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY,
    -- Of the request's values, so that the same key with other values is refused.
    request_hash text NOT NULL,
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    -- The JSON as it was sent the first time, to the letter.
    answer text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_epic ON idempotency_keys (epic_id);

-- The few epics that are held, found without a look at all that are queued. Renewals leave it alone: they change no column of it.
CREATE INDEX leases_held ON leases (thread_id) WHERE token IS NOT NULL;

-- The pages of all approvals; those of one status have approvals_by_status, those of one epic the key of (epic_id, moment).
CREATE INDEX approvals_by_time ON approvals (requested_at DESC, id DESC);

-- The ids of one page of the list of epics, the newest first: each way to ask has its own index, however many epics there are.
-- The bound that stands for "from the first" is longer than any id, and sorts after all of them.
CREATE FUNCTION page_of_epics(p_status text, p_repo text, p_before text, p_limit integer) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 50 AS $$
DECLARE
    bound text := coalesce(p_before, 'e-zzzzzzzzzzz');
BEGIN
    IF p_status = 'running' THEN
        RETURN QUERY
        SELECT e.id FROM leases l JOIN epics e ON e.id = l.thread_id
        WHERE l.token IS NOT NULL AND l.expires_at > clock_timestamp() AND e.status = 'queued'
            AND (p_repo IS NULL OR e.repo = p_repo) AND e.id < bound
        ORDER BY e.id DESC LIMIT p_limit;
    ELSIF p_status = 'queued' THEN
        RETURN QUERY
        SELECT e.id FROM epics e
        WHERE e.status = 'queued' AND (p_repo IS NULL OR e.repo = p_repo) AND e.id < bound
            AND NOT EXISTS (
                SELECT FROM leases l WHERE l.thread_id = e.id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp()
            )
        ORDER BY e.id DESC LIMIT p_limit;
    ELSIF p_status IS NOT NULL THEN
        RETURN QUERY
        SELECT e.id FROM epics e WHERE e.status = p_status AND (p_repo IS NULL OR e.repo = p_repo) AND e.id < bound
        ORDER BY e.id DESC LIMIT p_limit;
    ELSIF p_repo IS NOT NULL THEN
        RETURN QUERY SELECT e.id FROM epics e WHERE e.repo = p_repo AND e.id < bound ORDER BY e.id DESC LIMIT p_limit;
    ELSE
        RETURN QUERY SELECT e.id FROM epics e WHERE e.id < bound ORDER BY e.id DESC LIMIT p_limit;
    END IF;
END
$$;
